//! One caller's media.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use codecs::{Dbm0, Decoder};
use media::{Batch, Clock, Datagram};
use rtp::{Packet, classify};
use server::caller::{self, Arrivals, Ear, Progress, Script, Step};
use terms::{
    Digit, Direction, Entropy, Instant, Now,
    media::{Codec, Format, PayloadType, Ptime, SampleRate, Stream},
};

use crate::{
    hearing::{Meter, Scale},
    marks::{self, Mark, Marker},
    mouth::{self, Mouth, PRESS, Say},
    tones::{LONGEST, Sounds, Tone, Tones},
};

/// A key is told of as often (RFC 4733 §2.5.1.2 leaves it to us), whatever the packet time.
const KEY_PACKET: Ptime = Ptime::MS_20;
/// Longer than any bench: who called hangs up.
const FOREVER: Duration = Duration::from_secs(24 * 3_600);
/// From one press to the next: as fast as people key.
const KEY_TIME: Duration = PRESS.saturating_add(Duration::from_millis(80));
/// Room in the kernel for what comes while this process is late.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// Whoever sends so late has sent nothing for longer than a jitter buffer begins with (40 ms).
const TOO_LATE: Duration = Duration::from_millis(40);
/// What rings of tones that are cut is at least 14 dB below them.
const SPLINTERS: Dbm0 = Dbm0(-30.0);
/// What rings of one cut, in the mean of a stay: anybody may be late, and the tone of a late talker is cut for all who
/// hear it. A tone of another meeting is louder if three of its packets come through.
const SPLINTER: Dbm0 = Dbm0(-36.0);
/// After a change of what is said, what was said before is still on its way.
const SETTLING: Duration = Duration::from_millis(300);

/// What a caller is there for.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Says this once it is in.
    pub(crate) says: Option<Voice>,
    /// Must hear these then, and no other.
    pub(crate) hears: Tones,
    /// How much its packets hold.
    pub(crate) ptime: Ptime,
}

/// What a caller says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    Tone(Tone),
    /// Whose it is: what it hears is then read packet by packet.
    Mark(Mark),
}

/// What all lines share.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) clock: Clock,
    pub(crate) sounds: Sounds,
    pub(crate) marker: Marker,
    pub(crate) scale: Scale,
    pub(crate) batch: Batch,
}

impl Tools {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            sounds: Sounds::new(),
            marker: Marker::new(),
            scale: Scale::new(),
            batch: Batch::default(),
        }
    }
}

/// How far a caller is.
#[derive(Debug)]
enum Stage {
    Dialling(Box<Dialling>),
    In,
}

#[derive(Debug)]
struct Dialling {
    script: Script,
    ear: Ear,
}

/// When what came, from outside.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    /// From the ACK to the first packet.
    pub(crate) first_packet: Option<Duration>,
    /// From the end of the last `#` to the first packet of the meeting.
    pub(crate) in_mix: Option<Duration>,
    /// When the caller knew that it was in.
    pub(crate) joined: Option<Instant>,
}

/// What a caller heard, beside what it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// All of it, and nothing else.
    Part,
    /// Not all of it, and nothing else.
    Less,
    /// Something else: itself, or another meeting.
    Strange(Oddity),
    /// The callers themselves were late, and so their sound was cut to pieces before anybody heard it: tones that are cut
    /// ring at all frequencies.
    Untold,
}

/// What was heard that must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Oddity {
    /// All of it.
    pub(crate) tones: Tones,
    /// How loud the loudest of it was, in whole dBm0; talkers are at -16.
    pub(crate) loudest: i16,
    /// How late its caller was at most while it listened.
    pub(crate) late: Duration,
}

/// What is counted while it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measuring {
    No,
    From(Instant),
}

/// A caller.
#[derive(Debug)]
pub(crate) struct Line {
    part: Part,
    socket: UdpSocket,
    remote: SocketAddr,
    mouth: Mouth,
    stage: Stage,
    keys: VecDeque<Digit>,
    next_key: Instant,
    meter: Meter,
    measuring: Measuring,
    /// When it was run last, and how much later than it wished at most while it was measured.
    ran: Instant,
    late: Duration,
    arrivals: Arrivals,
    foreign: u64,
    marks: marks::Counted,
    answered: Instant,
    /// The packet before held the quick tones, since then.
    quick_since: Option<Instant>,
    times: Times,
    failure: Option<Progress>,
}

/// A socket for a caller's RTP, which notes when a packet came.
pub(crate) fn rtp_socket(local: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((local, 0))?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER)?;
    media::tell_times(&socket)?;
    Ok(socket)
}

impl Line {
    /// A caller who was just answered and has keyed nothing yet. `steps` lead into the meeting.
    pub(crate) fn new(
        part: Part,
        socket: UdpSocket,
        stream: &Stream,
        steps: &[Step],
        (now, entropy): (Instant, &mut Entropy),
    ) -> Self {
        let keys = steps.iter().filter(|step| !matches!(step, Step::Talk { .. })).cloned();
        let talk = Step::Talk { hz: None, duration: FOREVER };
        let listen: Vec<u32> = match part.says {
            Some(Voice::Mark(mark)) => mark.frequencies(),
            Some(Voice::Tone(_)) | None => part.hears.iter().map(Tone::hz).collect(),
        };
        let dialling = Dialling { script: Script::new(keys.chain([talk])), ear: Ear::new(&listen) };
        Self {
            part,
            socket,
            remote: stream.remote,
            mouth: Mouth::new(stream, entropy),
            stage: Stage::Dialling(Box::new(dialling)),
            keys: VecDeque::new(),
            next_key: now,
            meter: Meter::default(),
            measuring: Measuring::No,
            ran: now,
            late: Duration::ZERO,
            arrivals: Arrivals::default(),
            foreign: 0,
            marks: marks::Counted::default(),
            answered: now,
            quick_since: None,
            times: Times::default(),
            failure: None,
        }
    }

    /// A caller of the echo at `remote`, who hears itself.
    pub(crate) fn to_echo(
        (tone, ptime): (Tone, Ptime),
        remote: SocketAddr,
        (now, entropy): (Instant, &mut Entropy),
    ) -> io::Result<Self> {
        let send = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
        let stream = Stream {
            remote,
            remote_rtcp: remote,
            direction: Direction::SendReceive,
            send,
            ptime,
            receive: vec![send],
            receive_events: None,
            send_events: None,
            comfort_noise: None,
            opus: terms::media::OpusWish::default(),
            rtcp: terms::media::RtcpPath::Apart,
            srtp: None,
            dtls: None,
            ice: None,
        };
        let part = Part { says: Some(Voice::Tone(tone)), hears: Tones::NONE.with(tone), ptime };
        let line = Self::new(part, rtp_socket(Ipv4Addr::LOCALHOST)?, &stream, &[], (now, entropy));
        Ok(Self { stage: Stage::In, ..line })
    }

    /// One of two who speak to each other, once both have answered.
    pub(crate) fn between_two(
        mark: Mark,
        socket: UdpSocket,
        stream: &Stream,
        (now, entropy): (Instant, &mut Entropy),
    ) -> Self {
        let part = Part { says: Some(Voice::Mark(mark)), hears: Tones::NONE, ptime: Ptime::MS_20 };
        let line = Self::new(part, socket, stream, &[], (now, entropy));
        Self { stage: Stage::In, measuring: Measuring::From(now), ..line }
    }

    /// Whether it is in its meeting.
    pub(crate) const fn is_in(&self) -> bool {
        matches!(self.stage, Stage::In)
    }

    /// What kept it from its meeting.
    pub(crate) const fn failure(&self) -> Option<Progress> {
        self.failure
    }

    /// When what happened.
    pub(crate) const fn times(&self) -> Times {
        self.times
    }

    /// Keys these, once it is in.
    pub(crate) fn press(&mut self, keys: &[Digit]) {
        self.keys.extend(keys.iter().copied());
    }

    /// From here on what is heard counts, and gaps do.
    pub(crate) fn begin_measuring(&mut self, now: Instant) {
        self.meter = Meter::default();
        self.measuring = Measuring::From(now + SETTLING);
        self.late = Duration::ZERO;
        self.arrivals.begin_measuring(now);
    }

    /// And no more.
    pub(crate) fn end_measuring(&mut self, now: Now, tools: &mut Tools) {
        self.hear(now, tools);
        self.measuring = Measuring::No;
        self.arrivals.end_measuring(now.mono);
    }

    /// What it heard while it was measured.
    pub(crate) fn heard(&self) -> Heard {
        let heard = self.meter.heard();
        let strange = heard.except(self.part.hears);
        if strange == Tones::NONE {
            return if heard == self.part.hears { Heard::Part } else { Heard::Less };
        }
        let loudest = strange.iter().map(|tone| self.meter.level(tone).0).fold(f32::MIN, f32::max);
        let rings = if self.late > TOO_LATE { SPLINTERS } else { SPLINTER };
        if loudest < rings.0 {
            return Heard::Untold;
        }
        #[expect(clippy::cast_possible_truncation, reason = "decibels")]
        Heard::Strange(Oddity { tones: strange, loudest: loudest as i16, late: self.late })
    }

    /// Packets sent, received, lost.
    pub(crate) fn packets(&self) -> (u64, u64, u64) {
        (self.mouth.sent(), self.arrivals.received(), self.arrivals.lost())
    }

    /// Packets from others than its peer, and those of no sound that was agreed.
    pub(crate) const fn foreign(&self) -> u64 {
        self.foreign
    }

    /// Whose packets came while it was measured.
    pub(crate) const fn marks(&self) -> marks::Counted {
        self.marks
    }

    /// The longest time without a packet while gaps counted.
    pub(crate) const fn largest_gap(&self) -> Duration {
        self.arrivals.largest_gap()
    }

    /// Sends what is due and hears what came; in how long it wants to be run again.
    pub(crate) fn run(&mut self, now: Now, tools: &mut Tools) -> Ptime {
        self.hear(now, tools);
        self.late = self.late.max(now.mono.since(self.ran).saturating_sub(self.part.ptime.as_duration()));
        self.ran = now.mono;
        let mut ptime = self.part.ptime;
        if let Some(say) = self.what_to_say(now.mono) {
            if matches!(say, Say::Press(_)) || self.mouth.is_pressing() {
                ptime = KEY_PACKET;
            }
            let samples = SampleRate::Hz8000.tick_samples() * ptime.as_millis() as usize / 20;
            let mut packet: mouth::Packet = [0; _];
            let length =
                self.mouth.speak(now.mono, (say, samples), (&tools.sounds, &tools.marker), &mut packet);
            // A full socket buffer loses the packet; the peer's count tells.
            self.socket.send_to(&packet[..length], self.remote).ok();
        }
        ptime
    }

    fn what_to_say(&mut self, now: Instant) -> Option<Say> {
        let Stage::Dialling(dialling) = &mut self.stage else { return Some(self.talk(now)) };
        let Dialling { script, ear } = &mut **dialling;
        match script.tick(now, ear) {
            Progress::Say(_) if script.is_talking() => {
                self.times.joined = Some(now);
                self.stage = Stage::In;
                Some(self.talk(now))
            }
            Progress::Say(caller::Say::Press(digit)) => Some(Say::Press(digit)),
            Progress::Say(caller::Say::Nothing | caller::Say::Tone(_)) => Some(Say::Nothing),
            failed @ (Progress::Over | Progress::AskedAgain | Progress::NotJoined) => {
                self.failure = Some(failed);
                None
            }
        }
    }

    fn talk(&mut self, now: Instant) -> Say {
        if now >= self.next_key
            && let Some(key) = self.keys.pop_front()
        {
            self.next_key = now + KEY_TIME;
            return Say::Press(key);
        }
        match self.part.says {
            None => Say::Nothing,
            Some(Voice::Tone(tone)) => Say::Tone(tone),
            Some(Voice::Mark(mark)) => Say::Mark(mark),
        }
    }

    fn hear(&mut self, now: Now, tools: &mut Tools) {
        let Tools { scale, batch, marker, .. } = tools;
        // ICMP while the peer is not up yet, and nothing to read, end it alike.
        while let Ok(count) = batch.receive(&self.socket) {
            for datagram in batch.datagrams() {
                self.take(now, &datagram, (scale, marker));
            }
            if count < media::BATCH {
                return;
            }
        }
    }

    fn take(&mut self, now: Now, datagram: &Datagram<'_>, (scale, marker): (&Scale, &Marker)) {
        // The neighbour's reports come to the port above its own.
        if classify(datagram.bytes) != rtp::Datagram::Rtp {
            return;
        }
        let packet = Packet::parse(datagram.bytes).ok().filter(|_| datagram.source == self.remote);
        let packet = packet.filter(|packet| packet.payload_type() == PayloadType(8));
        let Some(packet) = packet else {
            self.foreign += 1;
            return;
        };
        let came = came(now, datagram);
        self.arrivals.receive(came, &packet.header());
        self.times.first_packet.get_or_insert(came.since(self.answered));
        if let Measuring::From(from) = self.measuring
            && came >= from
        {
            match self.part.says {
                Some(Voice::Mark(mark)) => self.marks.count(marker.judge(mark, packet.payload())),
                Some(Voice::Tone(_)) | None => self.meter.hear(scale, packet.payload()),
            }
        }
        self.wait_for_the_mix(came, packet.payload(), scale);
        if let Stage::Dialling(dialling) = &mut self.stage {
            let mut samples = [0; LONGEST];
            let count = Decoder::new(Codec::Pcma).decode(packet.payload(), &mut samples);
            dialling.ear.hear(came, &samples[..count]);
        }
    }

    /// Two packets in a row that hold the four quick tones are the meeting: no word has them all.
    fn wait_for_the_mix(&mut self, came: Instant, payload: &[u8], scale: &Scale) {
        if self.part.hears != Tones::QUICK || self.times.in_mix.is_some() {
            return;
        }
        let Some(released) = self.mouth.released().filter(|_| self.has_keyed_all()) else { return };
        self.quick_since = match self.quick_since {
            _ if !scale.has_quick_tones(payload) => None,
            None => Some(came),
            Some(first) => {
                self.times.in_mix = Some(first.since(released));
                Some(first)
            }
        };
    }

    fn has_keyed_all(&self) -> bool {
        match &self.stage {
            Stage::Dialling(dialling) => dialling.script.is_joining(),
            Stage::In => true,
        }
    }
}

/// When a datagram came, on our own clock.
pub(crate) fn came(now: Now, datagram: &Datagram<'_>) -> Instant {
    let Some(came) = datagram.came else { return now.mono };
    now.mono.earlier_by(Duration::from_nanos(now.wall.as_unix_nanos().saturating_sub(came.as_unix_nanos())))
}
