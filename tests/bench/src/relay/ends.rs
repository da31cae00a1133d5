//! The media of calls between two, in one thread: every end sends in its millisecond, and reads what came before it does.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    rc::Rc,
    thread,
    time::Duration,
};

use codecs::{Dbm0, Decoder, Encoder, Generator, Goertzel};
use media::{Batch, Clock, Datagram};
use rtp::{
    HEADER_LEN, Header, Packet, SequenceNumber, Timestamp, classify,
    srtp::{Inbound, MAX_OVERHEAD, Outbound},
    write_header,
};
use terms::{
    Entropy, Instant, WallTime,
    media::{Codec, PayloadType, Ssrc, Stream},
};

use crate::{
    context::Fault,
    findings::{Times, millis},
    line::rtp_socket,
};

const STEP: Duration = Duration::from_millis(1);
/// After the last packet of a round, what is still on its way comes.
const LAST: Duration = Duration::from_millis(300);
/// G.711 of 20 ms.
const MARKED: usize = 160;
/// A-law's zero.
const SILENCE: u8 = 0xd5;
/// What a mark takes: the end, the round, and when it was sent.
const MARK: usize = 16;
/// A second of tone, in frames of 20 ms.
const LOOP: usize = 50;
const LEVEL: Dbm0 = Dbm0(-16.0);
/// Packets that are measured together. Where a jitter buffer takes out a period of one, it cancels itself: four of five
/// must be good.
const STRETCH: usize = 10;
const HEARD: Dbm0 = Dbm0(-22.0);
const UNHEARD: Dbm0 = Dbm0(-40.0);
/// 20 ms of the longest payload, and of the longest sound.
const MAX_PAYLOAD: usize = 1_500;
const MAX_SAMPLES: usize = 5_760;

/// What an end says and how it knows the other's.
#[derive(Debug)]
enum Voice {
    /// Each packet names the end that sent it.
    Marked,
    /// A tone of its own, encoded.
    Tone { frames: Rc<Vec<Vec<u8>>>, next: usize, ear: Box<Ear> },
}

/// Hears tones in what was encoded by somebody else.
#[derive(Debug)]
struct Ear {
    decoder: Decoder,
    own: Goertzel,
    other: Goertzel,
    packets: usize,
    /// Stretches in which it heard the other, and not itself.
    good: usize,
}

/// One end of a call.
#[derive(Debug)]
struct End {
    socket: UdpSocket,
    remote: SocketAddr,
    payload_type: PayloadType,
    ssrc: Ssrc,
    sequence: SequenceNumber,
    timestamp: Timestamp,
    samples: u32,
    voice: Voice,
    srtp: Option<Box<(Outbound, Inbound)>>,
}

/// A socket of an end, before it has a call.
pub(super) fn socket() -> Result<UdpSocket, Fault> {
    let socket = rtp_socket(Ipv4Addr::LOCALHOST)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What became of a round.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Packets of another call, of another sender, or of nobody.
    pub(super) foreign: u64,
    /// From the sender to the receiver's kernel.
    pub(super) delays: Vec<Duration>,
    /// How late this process was at most.
    pub(super) late: Duration,
    /// Ends that heard the other all the time and never themselves.
    pub(super) heard: usize,
    pub(super) ends: usize,
}

impl Flow {
    pub(super) const fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.received)
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, received, foreign, heard, ends, .. } = self;
        write!(f, "{sent} packets sent, {received} received, {foreign} foreign; ")?;
        if self.delays.is_empty() {
            write!(f, "{heard} of {ends} heard the other and not themselves; ")?;
        } else {
            write!(f, "delay {}; ", Times::of(self.delays.iter().copied()))?;
        }
        write!(f, "ends late by {:.1} ms at most", millis(self.late))
    }
}

/// The ends of all calls; those of a call stand beside each other.
#[derive(Debug)]
pub(super) struct Ends {
    clock: Clock,
    batch: Batch,
    ends: Vec<End>,
    /// Milliseconds from one packet of an end to its next.
    period: u64,
    round: u32,
    began: Instant,
    next: u64,
    flow: Flow,
}

/// What the ends of a turn say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Marks,
    Tones,
}

const HERTZ: [u32; 2] = [430, 1_510];

impl Ends {
    /// Nobody yet, each to send once in so many milliseconds.
    pub(super) fn every(period: u64) -> Self {
        let clock = Clock::start();
        let (ends, flow) = (Vec::new(), Flow::default());
        Self {
            clock,
            batch: Batch::default(),
            ends,
            period,
            round: 0,
            began: clock.now().mono,
            next: 0,
            flow,
        }
    }

    /// Both ends of a call.
    pub(super) fn add(&mut self, pair: [(UdpSocket, Stream); 2], says: Says, entropy: &mut Entropy) {
        for ((socket, stream), (own, other)) in pair.into_iter().zip([(0, 1), (1, 0)]) {
            let voice = match says {
                Says::Marks => Voice::Marked,
                Says::Tones => tone(stream.send.codec, (HERTZ[own], HERTZ[other]), self.known(own)),
            };
            self.ends.push(End::new(socket, &stream, (voice, self.period), entropy));
        }
    }

    /// The frames of an end that says the same.
    fn known(&self, side: usize) -> Option<Rc<Vec<Vec<u8>>>> {
        match &self.ends.get(side)?.voice {
            Voice::Tone { frames, .. } => Some(Rc::clone(frames)),
            Voice::Marked => None,
        }
    }

    /// Packets go to and fro for so long; `idle` is done ten times a second.
    pub(super) fn run(&mut self, window: Duration, mut idle: impl FnMut()) -> Flow {
        self.round += 1;
        self.flow = Flow { ends: self.ends.len(), ..Flow::default() };
        self.ends.iter_mut().for_each(End::begin);
        let now = self.clock.now().mono;
        (self.began, self.next) = (now, 0);
        let steps = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        while self.next < steps {
            self.step(Packets::AreSent);
            if self.next.is_multiple_of(100) {
                idle();
            }
        }
        // Every end is read once more.
        let until = self.clock.now().mono + LAST + Duration::from_millis(self.period);
        while self.clock.now().mono < until {
            self.step(Packets::AreRead);
        }
        let mut flow = std::mem::take(&mut self.flow);
        flow.heard = self.ends.iter().filter(|end| end.has_heard()).count();
        flow
    }

    fn step(&mut self, packets: Packets) {
        let due = self.began + STEP * u32::try_from(self.next).unwrap_or(u32::MAX);
        let mut now = self.clock.now();
        if now.mono < due {
            thread::sleep(due.since(now.mono));
            now = self.clock.now();
        }
        if packets == Packets::AreSent {
            self.flow.late = self.flow.late.max(now.mono.since(due));
        }
        let first = usize::try_from(self.next % self.period).unwrap_or(0);
        let stride = usize::try_from(self.period).unwrap_or(usize::MAX);
        for index in (first..self.ends.len()).step_by(stride) {
            self.hear(index);
            if packets == Packets::AreSent {
                let stamp = self.clock.now().wall.as_unix_nanos();
                self.ends[index].send((index, self.round), stamp);
                self.flow.sent += 1;
            }
        }
        self.next += 1;
    }

    fn hear(&mut self, index: usize) {
        let Self { clock, batch, ends, round, flow, .. } = self;
        let end = &mut ends[index];
        // ICMP while the peer is not up yet, and nothing to read, end it alike.
        while let Ok(count) = batch.receive(&end.socket) {
            let now = clock.now().wall;
            for datagram in batch.datagrams() {
                match end.take(now, &datagram, (index ^ 1, *round)) {
                    Took::Nothing => {}
                    Took::Foreign => flow.foreign += 1,
                    Took::Sound => flow.received += 1,
                    Took::Marked(delay) => {
                        flow.received += 1;
                        flow.delays.push(delay);
                    }
                }
            }
            if count < media::BATCH {
                return;
            }
        }
    }
}

/// Whether a step sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packets {
    AreSent,
    AreRead,
}

/// What a datagram was.
enum Took {
    /// A report, or a packet of an earlier round.
    Nothing,
    Foreign,
    Sound,
    Marked(Duration),
}

impl End {
    fn new(socket: UdpSocket, stream: &Stream, (voice, period): (Voice, u64), entropy: &mut Entropy) -> Self {
        let ssrc = Ssrc(entropy.next_u32());
        let keys = stream.srtp.as_ref();
        let millis = match voice {
            Voice::Marked => period,
            Voice::Tone { .. } => 20,
        };
        let units = u64::from(stream.send.codec.clock_rate().hz()) * millis / 1_000;
        Self {
            socket,
            remote: stream.remote,
            payload_type: stream.send.payload_type,
            ssrc,
            sequence: SequenceNumber(0),
            timestamp: Timestamp(entropy.next_u32()),
            samples: u32::try_from(units).unwrap_or(0),
            voice,
            srtp: keys.map(|keys| Box::new((Outbound::new(&keys.send, ssrc), Inbound::new(&keys.receive)))),
        }
    }

    fn begin(&mut self) {
        if let Voice::Tone { ear, .. } = &mut self.voice {
            (ear.packets, ear.good) = (0, 0);
            ear.own.take();
            ear.other.take();
        }
    }

    fn send(&mut self, (index, round): (usize, u32), stamp: u64) {
        let mut packet = [0; HEADER_LEN + MAX_PAYLOAD + MAX_OVERHEAD];
        let header = Header {
            payload_type: self.payload_type,
            marker: self.sequence.0 == 0,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        write_header(&mut packet, &header);
        let payload = &mut packet[HEADER_LEN..];
        let length = match &mut self.voice {
            Voice::Marked => {
                payload[..MARKED].fill(SILENCE);
                payload[..4].copy_from_slice(&u32::try_from(index).unwrap_or(u32::MAX).to_be_bytes());
                payload[4..8].copy_from_slice(&round.to_be_bytes());
                payload[8..MARK].copy_from_slice(&stamp.to_be_bytes());
                MARKED
            }
            Voice::Tone { frames, next, .. } => {
                let frame = &frames[*next % LOOP];
                *next += 1;
                payload[..frame.len()].copy_from_slice(frame);
                frame.len()
            }
        };
        let mut length = HEADER_LEN + length;
        if let Some(srtp) = &mut self.srtp {
            length = srtp.0.protect_rtp(&mut packet, length).unwrap_or(0);
        }
        // A full socket buffer loses the packet; the other end's count tells.
        self.socket.send_to(&packet[..length], self.remote).ok();
        self.sequence = self.sequence.next();
        self.timestamp = self.timestamp.advanced_by(self.samples);
    }

    fn take(&mut self, now: WallTime, datagram: &Datagram<'_>, (other, round): (usize, u32)) -> Took {
        if classify(datagram.bytes) != rtp::Datagram::Rtp {
            return Took::Nothing;
        }
        if datagram.source != self.remote {
            return Took::Foreign;
        }
        let mut plain = [0; HEADER_LEN + MAX_PAYLOAD + MAX_OVERHEAD];
        let Some(room) = plain.get_mut(..datagram.bytes.len()) else { return Took::Foreign };
        room.copy_from_slice(datagram.bytes);
        let length = match &mut self.srtp {
            Some(srtp) => srtp.1.unprotect_rtp(room).unwrap_or(0),
            None => room.len(),
        };
        let Ok(packet) = Packet::parse(&plain[..length]) else { return Took::Foreign };
        match &mut self.voice {
            Voice::Tone { ear, .. } => {
                ear.hear(packet.payload());
                Took::Sound
            }
            Voice::Marked => read_mark(packet.payload(), datagram.came.unwrap_or(now), (other, round)),
        }
    }

    /// That it heard the other all the time, and never itself, where tones are said.
    fn has_heard(&self) -> bool {
        match &self.voice {
            Voice::Marked => true,
            Voice::Tone { ear, .. } => ear.packets > LOOP && ear.good * 5 >= ear.packets / STRETCH * 4,
        }
    }
}

fn read_mark(payload: &[u8], came: WallTime, (other, round): (usize, u32)) -> Took {
    let number = |at: usize| Some(u32::from_be_bytes(payload.get(at..at + 4)?.try_into().ok()?));
    let stamp = payload.get(8..MARK).and_then(|stamp| Some(u64::from_be_bytes(stamp.try_into().ok()?)));
    let (Some(from), Some(in_round), Some(stamp)) = (number(0), number(4), stamp) else {
        return Took::Foreign;
    };
    if usize::try_from(from) != Ok(other) {
        return Took::Foreign;
    }
    if in_round != round {
        return Took::Nothing;
    }
    Took::Marked(Duration::from_nanos(came.as_unix_nanos().saturating_sub(stamp)))
}

impl Ear {
    fn hear(&mut self, payload: &[u8]) {
        let mut samples = [0; MAX_SAMPLES];
        let length = self.decoder.decode(payload, &mut samples);
        self.own.add(&samples[..length]);
        self.other.add(&samples[..length]);
        self.packets += 1;
        if self.packets.is_multiple_of(STRETCH) {
            let (own, other) = (self.own.take(), self.other.take());
            self.good += usize::from(other > HEARD && own < UNHEARD);
        }
    }
}

/// A voice of a codec; `known` frames need not be encoded again.
fn tone(codec: Codec, (own, other): (u32, u32), known: Option<Rc<Vec<Vec<u8>>>>) -> Voice {
    #[expect(clippy::cast_precision_loss, reason = "audible frequencies are exact")]
    let goertzel = |hz: u32| Goertzel::new(hz as f32, codec.sample_rate());
    let ear =
        Ear { decoder: Decoder::new(codec), own: goertzel(own), other: goertzel(other), packets: 0, good: 0 };
    let frames = known.unwrap_or_else(|| Rc::new(frames_of(codec, own)));
    Voice::Tone { frames, next: 0, ear: Box::new(ear) }
}

/// A second of a tone, whose periods fit into it; what is encoded before it lets the encoder settle.
fn frames_of(codec: Codec, hz: u32) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec);
    let mut generator = Generator::new(hz, LEVEL, codec.sample_rate());
    let mut samples = vec![0; codec.sample_rate().tick_samples()];
    let mut frame = || {
        generator.fill(&mut samples);
        let mut payload = vec![0; MAX_PAYLOAD];
        let length = encoder.encode(&samples, &mut payload);
        payload.truncate(length);
        payload
    };
    for _ in 0..LOOP {
        frame();
    }
    (0..LOOP).map(|_| frame()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_6_a_packet_of_another_call_is_foreign() {
        let clock = Clock::start();
        let mut payload = [0; MARKED];
        payload[..4].copy_from_slice(&7u32.to_be_bytes());
        payload[4..8].copy_from_slice(&2u32.to_be_bytes());
        let now = clock.now().wall;
        let read = |other, round| read_mark(&payload, now, (other, round));
        assert!(matches!(read(7, 2), Took::Marked(_)));
        assert!(matches!(read(6, 2), Took::Foreign));
        assert!(matches!(read(7, 3), Took::Nothing));
        assert!(matches!(read_mark(&payload[..9], now, (7, 2)), Took::Foreign));
    }
}
