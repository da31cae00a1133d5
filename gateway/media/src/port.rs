//! One port: an address, a peer, what it hears.

mod checks;
mod handshake;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use codecs::{Dbm0, Fader, FaxDetector, Generator, Leveler, Resampler};
use meeting::Seat;
use rtp::{
    Packet,
    rtcp::{self, Item, Ntp, Report as RtcpReport, SenderInfo},
};
use terms::{
    Digit, Entropy, Instant, LeaseEpoch, Now, PortId,
    media::{
        ClockRate, Figures, KeysIn, Measured, PayloadType, PortSnapshot, Quality, Route, RtcpPath,
        SampleRate, Sources, Ssrc, Stream, Voice,
    },
};

use crate::{
    dtls::Dtls,
    engine::{Channel, SlotId},
    identity::Identity,
    latch::{Authentication, Claim, Latch},
    measure::{self, Reported},
    player::{Announcement, Player},
    receive::{Receiver, Taken, rate_of},
    schedule::{Pace, Phase},
    send::{Numbers, Sender},
    srtp::{Plain, Srtp},
    watch::Watch,
};

/// How loud the tone of `app:tone` is.
const TONE_LEVEL: Dbm0 = Dbm0(-10.0);

/// RFC 3389 §4: comfort noise beside a codec of 8 kHz.
const COMFORT_NOISE: PayloadType = PayloadType(13);

/// What the port hears, with what that takes.
#[derive(Debug)]
pub(crate) enum Hearing {
    /// Nothing is sent.
    Nothing,
    /// Recordings, then silence; a fax machine does not listen, and is heard.
    Prompts(Player, Box<FaxDetector>),
    /// Its own sound.
    Echo,
    /// A sine.
    Tone(Generator),
    /// Another port, as long as that one hears this one; where it is, once both are there.
    Peer(Bridge),
    /// A meeting, whose others hear it as far as the fader is open, and at their level.
    Meeting { seat: Seat, voice: Voice, fader: Fader, leveler: Leveler },
}

/// The port that one hears.
#[derive(Debug)]
pub(crate) struct Bridge {
    pub(crate) port: PortId,
    pub(crate) slot: Option<SlotId>,
    /// From the rate of its sound to that of what is sent.
    pub(crate) resampler: Resampler,
}

/// The two halves of a connected port.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: Box<Stream>,
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
    /// As the stream has keys, or is to have some, or not.
    pub(crate) srtp: Option<Box<Srtp>>,
    /// What the keys come of, where they are not in the descriptions.
    dtls: Option<Box<Dtls>>,
}

/// A port in use.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) id: PortId,
    pub(crate) numbers: Numbers,
    pub(crate) connected: Option<Connected>,
    pub(crate) hearing: Hearing,
    /// Which keys are told.
    pub(crate) keys: KeysIn,
    /// Words over the meeting.
    pub(crate) announcement: Option<Box<Announcement>>,
    /// As it was told, for the snapshot.
    pub(crate) route: Route,
    /// Of the port by itself; in a meeting the room is due in its place.
    pub(crate) phase: Option<Phase>,
    /// Where the peer said last that it is: a hold by 0.0.0.0 moves nobody.
    named: Option<SocketAddr>,
    /// How often it is due, as long as it is so by itself.
    pub(crate) pace: Pace,
    /// ISO-1: media under a lease below this one is over.
    pub(crate) fence: Option<LeaseEpoch>,
    pub(crate) watch: Watch,
    pub(crate) latch: Latch,
    foreign: u64,
    cname: String,
    next_report: Option<Instant>,
    round_trip: Option<Duration>,
    /// What the peer said of us last.
    reported: Option<Reported>,
}

/// Why a packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// It is not what was negotiated.
    Malformed,
    /// It is not from the peer.
    Foreign,
    /// It is a check of somebody who has no credentials, or would have us do what we don't.
    Unauthentic,
    /// It should be encrypted under the peer's key, and is not, or came before.
    Undecipherable,
}

impl Port {
    pub(crate) fn new(id: PortId, sources: Sources, entropy: &mut Entropy) -> Self {
        Self {
            id,
            numbers: Numbers::random(entropy),
            connected: None,
            hearing: Hearing::Nothing,
            keys: KeysIn::default(),
            announcement: None,
            route: Route::Drop,
            phase: None,
            named: None,
            pace: Pace::EachTick,
            fence: None,
            watch: Watch::default(),
            latch: Latch::new(sources),
            foreign: 0,
            cname: cname(entropy),
            next_report: None,
            round_trip: None,
            reported: None,
        }
    }

    /// A port that goes on where a snapshot was taken; its route is told again by the engine. An encrypted one does as another
    /// source, `fresh` (RFC 3711 §9.1): indices of the former may have been used after the snapshot.
    pub(crate) fn restored(
        now: Instant,
        (snapshot, fresh): (&PortSnapshot, Option<Ssrc>),
        entropy: &mut Entropy,
        identity: Option<&Arc<Identity>>,
    ) -> Self {
        let mut port = Self::new(snapshot.port, snapshot.sources.clone(), entropy);
        port.keys = snapshot.keys;
        match fresh {
            Some(ssrc) => port.numbers.ssrc = ssrc,
            None => port.numbers = Numbers::of(snapshot),
        }
        if let Some(stream) = &snapshot.stream {
            port.connect(now, stream.clone(), identity);
        }
        if let Some(connected) = &mut port.connected {
            connected.receiver.was_told(snapshot.last_press);
            connected.restore_keys(snapshot, (port.numbers.ssrc, identity));
        }
        port.cname.clone_from(&snapshot.cname);
        port.latch = Latch::restored(snapshot.sources.clone(), snapshot.latched, snapshot.latched_rtcp);
        port
    }

    pub(crate) fn snapshot(&self, rtp: SocketAddr) -> PortSnapshot {
        PortSnapshot {
            port: self.id,
            rtp,
            ssrc: self.numbers.ssrc,
            next_sequence: self.numbers.sequence.0,
            next_timestamp: self.numbers.timestamp.0,
            packets_sent: self.numbers.packets,
            octets_sent: self.numbers.octets,
            cname: self.cname.clone(),
            sources: self.latch.sources().clone(),
            latched: self.latch.rtp(),
            latched_rtcp: self.latch.rtcp(),
            keys: self.keys,
            last_press: self.connected.as_ref().and_then(|connected| connected.receiver.last_press()),
            stream: self.connected.as_ref().map(|connected| connected.stream.clone()),
            srtp: self.connected.as_ref().map_or_else(Vec::new, Connected::progress),
            dtls: self.connected.as_ref().and_then(Connected::made_keys),
            route: self.route.clone(),
        }
    }

    /// Takes what was negotiated. A peer that moved is waited for at its new place.
    pub(crate) fn connect(&mut self, now: Instant, stream: Box<Stream>, identity: Option<&Arc<Identity>>) {
        // A hold is no reason to begin anew at another rate.
        let stream = if self.is_bridged() { Box::new(stream.at(self.rate())) } else { stream };
        let made_with = (now, self.numbers.ssrc, identity);
        let is_somewhere = is_somewhere(stream.remote);
        // RFC 8445 §9: whoever checks for the way goes on by the one that it has until it chooses another.
        let has_moved =
            stream.ice.is_none() && self.named.is_some_and(|named| is_somewhere && named != stream.remote);
        if stream.ice.is_none() {
            self.latch.release();
        }
        if is_somewhere {
            self.named = Some(stream.remote);
        }
        if let Some(connected) = self.connected.as_mut().filter(|_| has_moved) {
            self.latch.forget(now);
            connected.peer_moved();
        }
        match &mut self.connected {
            Some(connected) => {
                connected.receiver.renegotiate(&stream);
                connected.sender.renegotiate(&stream);
                connected.take_keys(&stream, made_with);
                connected.stream = stream;
            }
            None => {
                let (mut receiver, sender) = (Receiver::new(&stream), Sender::new(&stream));
                receiver.listen(self.keys);
                let connected =
                    Connected { stream: stream.clone(), receiver, sender, srtp: None, dtls: None };
                self.connected.insert(connected).take_keys(&stream, made_with);
            }
        }
    }

    /// Which keys are told from here on.
    pub(crate) fn listen(&mut self, keys: KeysIn) {
        self.keys = keys;
        if let Some(connected) = &mut self.connected {
            connected.receiver.listen(keys);
        }
    }

    /// The rate of its sound.
    pub(crate) fn rate(&self) -> SampleRate {
        self.connected.as_ref().map_or(SampleRate::Hz8000, |connected| rate_of(&connected.stream))
    }

    /// The rate of the best sound that its codec carries.
    pub(crate) fn best_rate(&self) -> Option<SampleRate> {
        Some(self.connected.as_ref()?.sender.codec().at_its_best().sample_rate())
    }

    /// Has a codec that carries sound at more than one rate do so at this.
    pub(crate) fn speak_at(&mut self, rate: SampleRate) {
        let Some(Connected { stream, receiver, sender, .. }) = &mut self.connected else { return };
        if sender.codec() != sender.codec().at(rate) {
            **stream = stream.as_ref().clone().at(rate);
            receiver.renegotiate(stream);
            sender.renegotiate(stream);
        }
    }

    /// The clock of its timestamps.
    pub(crate) fn clock(&self) -> Option<ClockRate> {
        Some(self.connected.as_ref()?.sender.codec().clock_rate())
    }

    /// Something of each part that a packet which is passed on needs.
    pub(crate) fn touch(&self) -> u64 {
        let connected = self.connected.as_ref().map_or(0, |connected| {
            u64::from(connected.stream.remote.port())
                ^ u64::from(connected.receiver.passes())
                ^ connected.receiver.packets_received()
                ^ u64::from(connected.sender.payload_type().0)
                ^ u64::from(connected.srtp.is_some())
        });
        connected
            ^ self.id.serial
            ^ u64::from(self.latch.rtcp().is_some())
            ^ u64::from(self.latch.rtp().is_some())
            ^ u64::from(self.numbers.sequence.0)
            ^ u64::from(self.watch.has_comfort_noise())
            ^ u64::from(self.is_bridged())
    }

    /// Where RTP is sent, if the peer wants any.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        let Connected { stream, .. } =
            self.connected.as_ref().filter(|connected| !connected.awaits_keys())?;
        stream.flow().sends().then(|| self.latch.rtp().unwrap_or(stream.remote))
    }

    /// The peer whose late packets are known once the port is closed.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.latch.rtp().or_else(|| Some(self.connected.as_ref()?.stream.remote))
    }

    /// Takes a packet; yields what it was good for, and the packet as it can be read.
    pub(crate) fn on_rtp<'a>(
        &mut self,
        now: Instant,
        source: SocketAddr,
        bytes: &'a [u8],
        plain: &'a mut Plain,
    ) -> Result<(Taken, &'a [u8]), Rejected> {
        let connected = self.connected.as_mut().ok_or(Rejected::Foreign)?;
        let authentication =
            if connected.srtp.is_some() { Authentication::Srtp } else { Authentication::None };
        let judged = self.latch.judge(now, (source, &connected.stream.remote), authentication);
        let Some(claim) = judged else { return Err(self.on_foreign()) };
        let decrypted = match &mut connected.srtp {
            Some(srtp) => srtp.unprotect_rtp(bytes, plain),
            None => Ok(bytes),
        };
        let bytes = match (decrypted, claim) {
            (Ok(bytes), _) => bytes,
            (Err(_), Claim::Proof) => return Err(self.on_foreign()),
            (Err(rejected), Claim::Peer) => {
                self.watch.on_undecipherable();
                return Err(rejected);
            }
        };
        let packet = Packet::parse(bytes).map_err(|_| Rejected::Malformed)?;
        if claim == Claim::Proof && !self.latch.prove(source, &packet.header()) {
            return Err(self.on_foreign());
        }
        match connected.receiver.take(now, &packet) {
            Taken::Unknown if packet.payload_type() == COMFORT_NOISE => self.watch.on_comfort_noise(now),
            Taken::Unknown => self.watch.on_unknown_type(),
            taken => {
                // MEDIA-3: symmetric RTP; the first good packet tells where the peer really is.
                self.latch.take(now, source, &packet.header());
                match taken {
                    Taken::Noise => self.watch.on_comfort_noise(now),
                    Taken::Sound | Taken::Passed => self.watch.on_sound(now),
                    // Who presses a key need not talk.
                    Taken::Digit(_) | Taken::Event | Taken::Unknown => self.watch.on_heard(now),
                }
                return Ok((taken, bytes));
            }
        }
        Err(Rejected::Malformed)
    }

    pub(crate) fn on_rtcp(
        &mut self,
        now: Now,
        (channel, source): (Channel, SocketAddr),
        bytes: &[u8],
    ) -> Result<(), Rejected> {
        let connected = self.connected.as_mut().ok_or(Rejected::Foreign)?;
        if !self.latch.permits_rtcp(source, (connected.stream.remote, connected.stream.remote_rtcp)) {
            return Err(self.on_foreign());
        }
        let mut plain;
        let decrypted = match connected.srtp_of(channel) {
            Some(srtp) => {
                plain = Plain::EMPTY;
                srtp.unprotect_rtcp(bytes, &mut plain)
            }
            None => Ok(bytes),
        };
        let bytes = decrypted.inspect_err(|_| self.watch.on_undecipherable())?;
        let items = rtcp::parse(bytes).map_err(|_| Rejected::Malformed)?;
        self.latch.take_rtcp(source);
        self.watch.on_heard(now.mono);
        for item in items {
            let blocks = match item {
                Item::SenderReport { from, info, blocks } => {
                    connected.receiver.reception().on_sender_report(now.mono, from, &info);
                    blocks
                }
                Item::ReceiverReport { blocks, .. } => blocks,
                Item::Cname { .. } | Item::Bye { .. } => continue,
            };
            for block in blocks.iter().filter(|block| block.ssrc == self.numbers.ssrc) {
                self.round_trip = rtcp::round_trip(Ntp(now.wall.as_ntp()), block).or(self.round_trip);
                self.reported = Some(Reported::new(now.mono, block, self.round_trip));
                self.watch.on_block(now.mono, block.highest_sequence, self.numbers.packets);
            }
        }
        Ok(())
    }

    /// What came is of somebody else (ISO-2).
    fn on_foreign(&mut self) -> Rejected {
        self.foreign += 1;
        self.watch.on_stranger();
        Rejected::Foreign
    }

    /// Whether it hears one other port.
    pub(crate) const fn is_bridged(&self) -> bool {
        matches!(self.hearing, Hearing::Peer(_))
    }

    /// Whether its packets go on as they are, so that they can't wait for a tick.
    pub(crate) fn passes(&self) -> bool {
        self.is_bridged() && self.connected.as_ref().is_some_and(|connected| connected.receiver.passes())
    }

    /// Whether nothing is due but its reports: its packets go on as they are, and it waits neither for keys nor to tell any.
    pub(crate) fn rests(&self) -> bool {
        self.passes()
            && !self.plays()
            && !self.awaits_keys()
            && !self.connected.as_ref().is_some_and(|connected| connected.sender.is_pressing())
    }

    /// Whether what came last is to be played, and not passed on.
    pub(crate) fn plays(&self) -> bool {
        self.connected.as_ref().is_some_and(|connected| connected.receiver.plays())
    }

    /// What the port says in this tick.
    pub(crate) fn frame(&mut self, now: Instant, frame: &mut [i16]) {
        if let Some(connected) = &mut self.connected {
            connected.receiver.frame(now, frame);
        }
    }

    /// The key heard in the sound of this tick, once (DIAL-7).
    pub(crate) fn take_heard(&mut self) -> Option<Digit> {
        self.connected.as_mut()?.receiver.take_heard()
    }

    /// How the stream fares, if that is to be told (MEDIA-4, MEDIA-7).
    pub(crate) fn measured_due(&mut self, now: Instant) -> Option<Measured> {
        let Connected { stream, receiver, .. } = self.connected.as_mut()?;
        let silences = self.watch.due(now, stream.flow())?;
        let reported = self.reported.filter(|reported| reported.speaks(now));
        let delay = reported.and_then(|reported| reported.delay());
        let due_since = self.watch.due_since();
        Some(Measured {
            silences,
            inbound: measure::inbound((now, due_since), receiver.reception(), stream, delay),
            outbound: reported.map_or_else(Figures::default, |reported| reported.outbound(stream)),
        })
    }

    /// The report that is due, if one is (RFC 3550 §6.2).
    pub(crate) fn rtcp_due(&mut self, now: Now, entropy: &mut Entropy, out: &mut [u8]) -> Option<usize> {
        self.connected.as_ref()?;
        let due = self.next_report.is_some_and(|at| at <= now.mono);
        if due || self.next_report.is_none() {
            self.next_report = Some(now.mono + rtcp::interval(entropy.next_u32()));
        }
        if due { self.write_rtcp(now, Leaving::No, out) } else { None }
    }

    /// The last report, with BYE (RFC 3550 §6.6), if there was anybody to hear it.
    pub(crate) fn rtcp_bye(&mut self, now: Now, out: &mut [u8]) -> Option<usize> {
        if self.numbers.packets == 0 { None } else { self.write_rtcp(now, Leaving::Yes, out) }
    }

    /// By which way RTCP is sent, and where.
    pub(crate) fn rtcp_way(&self) -> Option<(Channel, SocketAddr)> {
        let Connected { stream, .. } =
            self.connected.as_ref().filter(|connected| !connected.awaits_keys())?;
        let (channel, latched) = match stream.rtcp {
            RtcpPath::Apart => (Channel::Rtcp, self.latch.rtcp()),
            RtcpPath::Muxed => (Channel::Rtp, self.latch.rtp()),
        };
        let usable = !stream.remote_rtcp.ip().is_unspecified() && stream.remote_rtcp.port() != 0;
        Some((channel, latched.or_else(|| usable.then_some(stream.remote_rtcp))?))
    }

    /// What encrypts RTCP by a way, if the stream is encrypted.
    pub(crate) fn srtp_of(&mut self, channel: Channel) -> Option<&mut Srtp> {
        self.connected.as_mut()?.srtp_of(channel)
    }

    pub(crate) fn quality(&mut self) -> Quality {
        let (foreign, sent, round_trip) = (self.foreign, self.numbers.packets, self.round_trip);
        let mut quality = Quality {
            packets_sent: sent,
            foreign_packets: foreign,
            round_trip_ms: round_trip.map(|span| span.as_secs_f32() * 1_000.0),
            ..Quality::default()
        };
        if let Some(connected) = &mut self.connected {
            quality.packets_discarded = connected.receiver.discarded();
            quality.gaps = connected.receiver.gaps();
            quality.srtp_failures = connected.srtp.as_ref().map_or(0, |srtp| srtp.failures());
            quality.depth_ms = connected.receiver.depth().map(|depth| depth.now.as_secs_f32() * 1_000.0);
            let reception = connected.receiver.reception();
            quality.packets_received = reception.packets_received();
            quality.packets_lost = reception.packets_lost();
            quality.jitter_ms = reception.jitter_ms();
        }
        quality
    }

    fn write_rtcp(&mut self, now: Now, leaving: Leaving, out: &mut [u8]) -> Option<usize> {
        let connected = self.connected.as_mut()?;
        let block = connected.receiver.reception().report_block(now.mono);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "RFC 3550 §6.4.1: the counts are 32 bits and wrap"
        )]
        let info = SenderInfo {
            ntp: Ntp(now.wall.as_ntp()),
            timestamp: self.numbers.timestamp,
            packets: self.numbers.packets as u32,
            octets: self.numbers.octets as u32,
        };
        let report = RtcpReport {
            ssrc: self.numbers.ssrc,
            sender: (self.numbers.packets > 0).then_some(info),
            blocks: block.as_slice(),
            cname: &self.cname,
            bye: leaving == Leaving::Yes,
        };
        rtcp::write(out, &report).ok()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Yes,
    No,
}

impl Hearing {
    pub(crate) fn tone(hz: u32, rate: SampleRate) -> Self {
        Self::Tone(Generator::new(hz, TONE_LEVEL, rate))
    }
}

/// RFC 7022 §4.2: a short-term persistent name, random and of no use to others.
/// RFC 3264 §8.4: whether an address is one, and not the old way to hold a call.
fn is_somewhere(address: SocketAddr) -> bool {
    !address.ip().is_unspecified() && address.port() != 0
}

fn cname(entropy: &mut Entropy) -> String {
    format!("{:016x}", entropy.next_u64())
}
