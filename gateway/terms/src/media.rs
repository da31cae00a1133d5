//! What the control plane tells the media plane, and what it hears back.
//!
//! Commands to one port are carried out in order. Every report names the port it is of; a report
//! of a port that its reader has closed is void.

mod dtls;
mod ice;
mod measured;
mod sources;
mod srtp;

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{net::SocketAddr, time::Duration};
use serde::{Deserialize, Serialize};

pub use dtls::{DtlsFault, DtlsKeys, DtlsRole, DtlsTerms, Fingerprint, FingerprintHash, NoFingerprint};
pub use ice::{Ice, IceCredentials, IceTerms};
pub use measured::{Figures, Measured, Mos, MosScale, Silence, SilenceReason, Silences};
pub use sources::{FirstSource, Prefix, Sources};
pub use srtp::{Encryption, KeyStock, MasterKey, Mki, Secrecy, SrtpKey, SrtpKeys, SrtpProgress, SrtpSuite};

use crate::{
    digit::Digit,
    id::{MeetingTag, PortId},
    media_line::Direction,
    name::{Language, PromptName, ZoneName},
};

/// RFC 3550 §3: a synchronization source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ssrc(pub u32);

/// RFC 3551: an RTP payload type, 0 to 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PayloadType(pub u8);

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 6716), of which we take the wide band.
    Opus,
    /// The same between us and one other who has no more than a narrow band. The peer sees no difference, so nobody
    /// negotiates it: a packet of Opus is decoded at any rate.
    OpusNarrow,
    /// RFC 3551 §4.5.11: uncompressed, at 16 kHz.
    L16,
    /// RFC 3551 §4.5.11: uncompressed, at 8 kHz.
    L16Narrow,
}

impl Codec {
    /// Every codec that is negotiated, the best first: Opus mends losses, and L16 takes four times the room of the others.
    pub const ALL: [Self; 6] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu, Self::L16, Self::L16Narrow];

    /// The rate of the sound, in Hz.
    pub const fn sample_rate(self) -> SampleRate {
        match self {
            Self::Pcmu | Self::Pcma | Self::OpusNarrow | Self::L16Narrow => SampleRate::Hz8000,
            Self::G722 | Self::Opus | Self::L16 => SampleRate::Hz16000,
        }
    }

    /// The rate of its RTP timestamps: not that of the sound for G.722, by an old error (RFC 3551 §4.5.2), nor for
    /// Opus (RFC 7587 §4.1).
    pub const fn clock_rate(self) -> ClockRate {
        match self {
            Self::Pcmu | Self::Pcma | Self::L16Narrow | Self::G722 => ClockRate::Hz8000,
            Self::L16 => ClockRate::Hz16000,
            Self::Opus | Self::OpusNarrow => ClockRate::Hz48000,
        }
    }

    /// The same codec with sound of that rate, as far as it can be had at more than one.
    #[must_use]
    pub const fn at(self, rate: SampleRate) -> Self {
        match (self, rate) {
            (Self::Opus | Self::OpusNarrow, SampleRate::Hz8000) => Self::OpusNarrow,
            (Self::Opus | Self::OpusNarrow, SampleRate::Hz16000 | SampleRate::Hz48000) => Self::Opus,
            _ => self,
        }
    }

    /// The same codec with the best sound that it carries: as it is negotiated.
    #[must_use]
    pub const fn at_its_best(self) -> Self {
        self.at(SampleRate::Hz48000)
    }
}

/// A rate that RTP timestamps run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClockRate {
    /// That of G.711 and G.722.
    Hz8000,
    /// That of L16.
    Hz16000,
    /// That of Opus.
    Hz48000,
}

impl ClockRate {
    /// Timestamps a second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz8000 => 8_000,
            Self::Hz16000 => 16_000,
            Self::Hz48000 => 48_000,
        }
    }

    /// How far a timestamp moves over so many samples of a sound.
    pub const fn units_of(self, samples: u32, rate: SampleRate) -> u32 {
        let (clock, sound) = (self.hz(), rate.hz());
        if clock >= sound { samples.wrapping_mul(clock / sound) } else { samples / (sound / clock) }
    }

    /// How many samples of a sound a timestamp moves by.
    pub const fn samples_of(self, units: u32, rate: SampleRate) -> u32 {
        let (clock, sound) = (self.hz(), rate.hz());
        if clock >= sound { units / (clock / sound) } else { units.wrapping_mul(sound / clock) }
    }
}

/// A rate that sound is mixed at; a mix has one bus for each that is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SampleRate {
    /// Narrow band.
    Hz8000,
    /// Wide band.
    Hz16000,
    /// Full band.
    Hz48000,
}

impl SampleRate {
    /// Every rate, lowest first.
    pub const ALL: [Self; 3] = [Self::Hz8000, Self::Hz16000, Self::Hz48000];

    /// Samples a second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz8000 => 8_000,
            Self::Hz16000 => 16_000,
            Self::Hz48000 => 48_000,
        }
    }

    /// Samples in one tick of 20 ms.
    pub const fn tick_samples(self) -> usize {
        match self {
            Self::Hz8000 => 160,
            Self::Hz16000 => 320,
            Self::Hz48000 => 960,
        }
    }
}

/// How much sound a packet holds (SDP `ptime`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ptime(u8);

impl Ptime {
    /// The usual packet time.
    pub const MS_20: Self = Self(20);

    /// A packet time of 10 to 60 ms in steps of 10 (MEDIA-3), nearest below `ms`.
    pub const fn nearest(ms: u32) -> Self {
        let clamped = if ms < 10 {
            10
        } else if ms > 60 {
            60
        } else {
            ms
        };
        #[expect(clippy::cast_possible_truncation, reason = "at most 60")]
        Self((clamped - clamped % 10) as u8)
    }

    /// Milliseconds.
    pub const fn as_millis(self) -> u32 {
        self.0 as u32
    }

    /// As a duration.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }
}

/// A codec under the payload type that one side gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The number on the wire.
    pub payload_type: PayloadType,
    /// What it means.
    pub codec: Codec,
}

/// What was negotiated for one audio line. Payload types of the two directions may differ
/// (RFC 3264 §5.1: each side names what it wants to receive).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Where the peer wants RTP.
    pub remote: SocketAddr,
    /// Where the peer wants RTCP (RFC 3605, else the port above RTP's).
    pub remote_rtcp: SocketAddr,
    /// Who sends.
    pub direction: Direction,
    /// What we send.
    pub send: Format,
    /// How much a packet of ours holds.
    pub ptime: Ptime,
    /// What the peer may send.
    pub receive: Vec<Format>,
    /// RFC 4733 events that the peer may send.
    pub receive_events: Option<PayloadType>,
    /// RFC 4733 events that we may send.
    pub send_events: Option<PayloadType>,
    /// RFC 3389 comfort noise that either side may send in place of silence.
    pub comfort_noise: Option<PayloadType>,
    /// What the peer said of the Opus that it wants to hear.
    #[serde(default)]
    pub opus: OpusWish,
    /// Whether RTCP goes where RTP goes.
    #[serde(default)]
    pub rtcp: RtcpPath,
    /// RFC 3711: the keys, as the descriptions had them.
    #[serde(default)]
    pub srtp: Option<Box<SrtpKeys>>,
    /// RFC 5764: keys come of a handshake where the media go; nothing is sent, and nothing taken, before. There are none
    /// in the descriptions then.
    #[serde(default)]
    pub dtls: Option<Box<DtlsTerms>>,
    /// RFC 8445: the peer checks by which of our addresses it reaches us, and chooses one of its own.
    #[serde(default)]
    pub ice: Option<Box<IceTerms>>,
}

/// Where RTCP goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RtcpPath {
    /// By addresses of its own.
    #[default]
    Apart,
    /// RFC 5761: by those of RTP.
    Muxed,
}

impl Stream {
    /// The same stream, with [codecs at a rate](Codec::at).
    #[must_use]
    pub fn at(mut self, rate: SampleRate) -> Self {
        for format in self.receive.iter_mut().chain([&mut self.send]) {
            format.codec = format.codec.at(rate);
        }
        self
    }
}

/// RFC 7587 §6.1: what a peer wants of Opus that is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpusWish {
    /// `maxaveragebitrate`, in bit/s.
    pub max_bitrate: Option<u32>,
    /// `maxplaybackrate`: the highest rate of sound that it plays, in Hz.
    pub max_playback_hz: Option<u32>,
    /// `useinbandfec`.
    pub fec: InBandFec,
}

/// RFC 6716 §2.1.7: whether a packet of Opus repeats the one before it in few bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum InBandFec {
    /// It may.
    Used,
    /// The peer makes no use of it.
    #[default]
    Unused,
}

impl Stream {
    /// Who sends. RFC 3264 §8.4: a peer that names no address, as of old, is on hold.
    pub const fn flow(&self) -> Direction {
        if self.remote.ip().is_unspecified() || self.remote.port() == 0 {
            Direction::Inactive
        } else {
            self.direction
        }
    }

    /// Whether nothing of it goes in clear.
    pub const fn is_encrypted(&self) -> bool {
        self.srtp.is_some() || self.dtls.is_some()
    }
}

/// Names one playing of prompts, so that a late [`Report::Played`] is not taken for a newer one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlayId(pub u64);

/// One recording, or one stretch of silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayItem {
    /// A recording of the prompt table.
    Prompt {
        /// Which.
        name: PromptName,
        /// In which language.
        language: Language,
    },
    /// A recording without words, again and again: nothing behind it is ever heard.
    Music {
        /// Which.
        name: PromptName,
    },
    /// Nothing, for so long.
    Silence(Duration),
}

/// What a port hears. What it says goes where the route says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Route {
    /// Nothing is sent; what comes in is measured and dropped.
    Drop,
    /// Recordings, once; [`Report::Played`] follows at their end.
    Prompts {
        /// Names this playing.
        play: PlayId,
        /// Played in order.
        items: Vec<PlayItem>,
    },
    /// Its own sound.
    Echo,
    /// A sine tone.
    Tone {
        /// Frequency in Hz.
        hz: u32,
    },
    /// What another port of the same worker says, as long as that one is told to hear this one too.
    Peer {
        /// Which.
        port: PortId,
    },
    /// The meeting's mix less its own sound.
    Meeting {
        /// Whose mix, under which lease.
        tag: MeetingTag,
        /// Whether the others hear it.
        voice: Voice,
    },
}

/// Whether a participant is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voice {
    /// The others hear it.
    Heard,
    /// They don't.
    Muted,
}

/// Whether a participant is one of the loudest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaking {
    /// It is.
    Yes,
    /// It is not.
    #[default]
    No,
}

/// Where in the media a peer's keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum KeysIn {
    /// In events (RFC 4733), or in the sound until the first event comes.
    #[default]
    EventsOrSound,
    /// In events alone.
    Events,
    /// In the sound alone.
    Sound,
    /// In neither: they come in signaling.
    Neither,
}

/// From control to media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Take an address of the zone's range; answered by [`Report::Opened`] or [`Report::Refused`].
    Open {
        /// The port's name from here on.
        port: PortId,
        /// Whose addresses.
        zone: ZoneName,
        /// From where it takes media.
        sources: Sources,
    },
    /// Which keys are told from here on (DIAL-7); both kinds unless this says otherwise.
    Listen {
        /// Which port.
        port: PortId,
        /// For which.
        keys: KeysIn,
    },
    /// What was negotiated, at first and again.
    Connect {
        /// Which port.
        port: PortId,
        /// With whom and how.
        stream: Box<Stream>,
    },
    /// What the port hears from here on.
    Route {
        /// Which port.
        port: PortId,
        /// What it hears.
        route: Route,
    },
    /// Recordings over what the port hears in its meeting, which goes on below them;
    /// [`Report::Played`] follows at their end, or at once where there is no meeting.
    Announce {
        /// Which port.
        port: PortId,
        /// Names this playing.
        play: PlayId,
        /// Played in order.
        items: Vec<PlayItem>,
    },
    /// A recording without words, once, that all of the port's meeting hear; the port itself hears it as long as it is
    /// in. Nothing where it is in none.
    Chime {
        /// Which port.
        port: PortId,
        /// Which recording.
        name: PromptName,
    },
    /// A key that came outside of the media goes to the port's peer as a telephone event (RFC 4733), if it reads them.
    Press {
        /// Which port.
        port: PortId,
        /// Which key.
        digit: Digit,
    },
    /// Media under a lease older than the tag's stops at once (ISO-1).
    Fence {
        /// Which port.
        port: PortId,
        /// The lease that holds.
        tag: MeetingTag,
    },
    /// Give the address back, through quarantine; answered by [`Report::Closed`].
    Close {
        /// Which port.
        port: PortId,
    },
}

impl Command {
    /// The port that it is for.
    pub const fn port(&self) -> PortId {
        match self {
            Self::Open { port, .. }
            | Self::Listen { port, .. }
            | Self::Connect { port, .. }
            | Self::Route { port, .. }
            | Self::Announce { port, .. }
            | Self::Chime { port, .. }
            | Self::Press { port, .. }
            | Self::Fence { port, .. }
            | Self::Close { port } => *port,
        }
    }

    /// Whether it must find room even in a full queue: what stops media may not wait behind what starts it.
    pub const fn is_urgent(&self) -> bool {
        matches!(self, Self::Fence { .. } | Self::Close { .. })
    }
}

/// Why a port could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortRefusal {
    /// The range is used up, quarantine included.
    RangeExhausted,
    /// The worker is at its limit of ports.
    WorkerFull,
    /// The zone has no media addresses.
    NoSuchZone,
}

/// From media to control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// The port has its addresses.
    Opened {
        /// Which port.
        port: PortId,
        /// For RTP.
        rtp: SocketAddr,
        /// For RTCP.
        rtcp: SocketAddr,
    },
    /// The port has no address, and is gone.
    Refused {
        /// Which port.
        port: PortId,
        /// Why.
        reason: PortRefusal,
    },
    /// A key was pressed, once however many packets told of it.
    Digit {
        /// Which port.
        port: PortId,
        /// Which key.
        digit: Digit,
    },
    /// A fax machine is at the other end (T.30); told while recordings are played.
    Fax {
        /// Which port.
        port: PortId,
    },
    /// No handshake gave the port keys: it is and stays mute and deaf.
    Unkeyed {
        /// Which port.
        port: PortId,
        /// Why.
        fault: DtlsFault,
    },
    /// The prompts of one playing have ended.
    Played {
        /// Which port.
        port: PortId,
        /// Which playing.
        play: PlayId,
    },
    /// The port is one of the loudest of its meeting, or is no longer.
    Speaking {
        /// Which port.
        port: PortId,
        /// Whether it is.
        speaking: Speaking,
    },
    /// How the port's stream fares; about once a second, and at once when a silence is over. A
    /// later one makes up for one that was lost.
    Measured {
        /// Which port.
        port: PortId,
        /// How.
        measured: Box<Measured>,
    },
    /// The port is closed; its figures are final.
    Closed {
        /// Which port.
        port: PortId,
        /// What went through it.
        quality: Box<Quality>,
    },
}

impl Report {
    /// The port that it is of.
    pub const fn port(&self) -> PortId {
        match self {
            Self::Opened { port, .. }
            | Self::Refused { port, .. }
            | Self::Digit { port, .. }
            | Self::Fax { port }
            | Self::Unkeyed { port, .. }
            | Self::Played { port, .. }
            | Self::Speaking { port, .. }
            | Self::Measured { port, .. }
            | Self::Closed { port, .. } => *port,
        }
    }

    /// Whether the next one of its kind makes up for it, so that others go before it.
    pub const fn is_droppable(&self) -> bool {
        matches!(self, Self::Measured { .. })
    }
}

/// What went through a port, for its record.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Quality {
    /// RTP packets taken from the peer.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RFC 3550 §A.3: expected less received, over the whole stream.
    pub packets_lost: u64,
    /// Packets that came too late, or too many at once, for the jitter buffer.
    pub packets_discarded: u64,
    /// How often nothing was there when it was due, and something was made up in its place.
    pub gaps: u64,
    /// How much later than at its earliest the last packet was played: what the jitter buffer adds
    /// to the delay. Nothing was played: `None`.
    pub depth_ms: Option<f32>,
    /// RFC 3550 §A.8, in milliseconds.
    pub jitter_ms: f32,
    /// RFC 3550 §6.4.1 round trip from the last receiver report; none came: `None`.
    pub round_trip_ms: Option<f32>,
    /// Packets from a source that is not the peer: normal on the Internet (ISO-2).
    pub foreign_packets: u64,
    /// Encrypted packets that were not taken: their tag was wrong, or they came before (RFC 3711 §3.3).
    #[serde(default)]
    pub srtp_failures: u64,
}

/// A press of a key as its packets name it (RFC 4733 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    /// Who pressed.
    pub ssrc: Ssrc,
    /// The timestamp of all its packets.
    pub timestamp: u32,
    /// The event code.
    pub code: u8,
}

/// A port as a value: every number of it that its peer can see, and what it was told. A standby
/// goes on from it without a seam.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSnapshot {
    /// Which port.
    pub port: PortId,
    /// Where it receives RTP.
    pub rtp: SocketAddr,
    /// Our synchronization source.
    pub ssrc: Ssrc,
    /// Sequence number of our next packet.
    pub next_sequence: u16,
    /// Timestamp of our next packet.
    pub next_timestamp: u32,
    /// Packets that we have sent (RFC 3550 §6.4.1).
    pub packets_sent: u64,
    /// Payload octets that we have sent (RFC 3550 §6.4.1).
    pub octets_sent: u64,
    /// Our canonical name (RFC 3550 §6.5.1): it may not change under one source.
    pub cname: String,
    /// From where media is taken.
    #[serde(default)]
    pub sources: Sources,
    /// Where the peer's RTP comes from, once it came.
    pub latched: Option<SocketAddr>,
    /// Where the peer's RTCP comes from, once it came.
    pub latched_rtcp: Option<SocketAddr>,
    /// The press that was told last: its packets may still come.
    pub last_press: Option<Press>,
    /// Which keys are told.
    #[serde(default)]
    pub keys: KeysIn,
    /// What was negotiated.
    pub stream: Option<Box<Stream>>,
    /// How far the peer has come under its key. Of our own key there is nothing: a restored port begins as another
    /// source, so that no index is used twice however old the snapshot is (RFC 3711 §9.1).
    #[serde(default)]
    pub srtp: Vec<SrtpProgress>,
    /// What handshakes made, where keys are not in the descriptions.
    #[serde(default)]
    pub dtls: Option<Box<DtlsKeys>>,
    /// What it hears.
    pub route: Route,
}

impl PortSnapshot {
    /// Whether its stream has keys.
    pub fn is_encrypted(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.is_encrypted())
    }
}
