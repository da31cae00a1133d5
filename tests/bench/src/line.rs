//! One caller's media.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use codecs::Decoder;
use rtp::{Datagram, HEADER_LEN, Packet, classify};
use server::caller::{AUDIBLE, Arrivals, Ear, Mouth, Progress, Script, Step};
use terms::{
    Direction, Entropy, Instant,
    media::{Codec, Format, PayloadType, Ptime, SampleRate, Stream},
};

use crate::crowd::MEETING;

/// One for each seat of a meeting, all on multiples of the meter's 20 Hz.
pub(crate) const TONES: [u32; MEETING] = [440, 620, 860, 1_180, 1_600];
const TICK: Duration = Duration::from_millis(20);
/// Longer than any bench: the crowd ends the call.
const FOREVER: Duration = Duration::from_secs(24 * 3_600);
const FRAME: usize = SampleRate::Hz8000.tick_samples();

/// A caller who talks without end.
#[derive(Debug)]
pub(crate) struct Line {
    seat: usize,
    socket: UdpSocket,
    mouth: Mouth,
    ear: Ear,
    arrivals: Arrivals,
    script: Script,
    codec: Codec,
    next: Option<Instant>,
    failure: Option<Progress>,
}

impl Line {
    /// A caller at a meeting's seat, who has keyed nothing yet. `steps` lead into the meeting.
    pub(crate) fn new(
        index: usize,
        socket: UdpSocket,
        stream: &Stream,
        steps: &[Step],
        entropy: &mut Entropy,
    ) -> io::Result<Self> {
        socket.connect(stream.remote)?;
        socket.set_nonblocking(true)?;
        let seat = index % MEETING;
        let keys = steps.iter().filter(|step| !matches!(step, Step::Listen { .. })).cloned();
        let talk = Step::Talk { hz: TONES.get(seat).copied(), duration: FOREVER };
        Ok(Self {
            seat,
            socket,
            mouth: Mouth::new(stream, entropy),
            ear: Ear::new(&TONES),
            arrivals: Arrivals::default(),
            script: Script::new(keys.chain([talk])),
            codec: stream.send.codec,
            next: None,
            failure: None,
        })
    }

    /// A caller of the echo at `remote`.
    pub(crate) fn to_echo(index: usize, remote: SocketAddr, entropy: &mut Entropy) -> io::Result<Self> {
        let send = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
        let stream = Stream {
            remote,
            remote_rtcp: remote,
            direction: Direction::SendReceive,
            send,
            ptime: Ptime::MS_20,
            receive: vec![send],
            receive_events: None,
            send_events: None,
            comfort_noise: None,
        };
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        Self::new(index, socket, &stream, &[], entropy)
    }

    /// Whether it is in its meeting.
    pub(crate) const fn is_talking(&self) -> bool {
        self.script.is_talking()
    }

    /// What kept it from its meeting.
    pub(crate) const fn failure(&self) -> Option<Progress> {
        self.failure
    }

    /// Sends what is due and hears what came; its first packet is due at `first`.
    pub(crate) fn run(&mut self, now: Instant, first: Instant) {
        let mut due = self.next.unwrap_or(first);
        while due <= now {
            self.hear(now);
            self.speak(now);
            due += TICK;
        }
        self.next = Some(due);
    }

    fn speak(&mut self, now: Instant) {
        match self.script.tick(now, &mut self.ear) {
            Progress::Say(say) => {
                let mut packet = [0; HEADER_LEN + FRAME];
                let length = self.mouth.speak(say, &mut packet);
                // A full socket buffer loses the packet; the peer's count tells.
                self.socket.send(&packet[..length]).ok();
            }
            failed => self.failure = Some(failed),
        }
    }

    fn hear(&mut self, now: Instant) {
        let mut datagram = [0; 2_048];
        // ICMP while the peer is not up yet, and nothing to read, end it alike.
        while let Ok(length) = self.socket.recv(&mut datagram) {
            let datagram = &datagram[..length];
            if classify(datagram) != Datagram::Rtp {
                continue;
            }
            let Ok(packet) = Packet::parse(datagram) else { continue };
            self.arrivals.receive(now, &packet.header());
            let mut samples = [0; FRAME];
            let count = Decoder::new(self.codec).decode(packet.payload(), &mut samples);
            self.ear.hear(now, &samples[..count]);
        }
    }

    /// Packets sent, received, lost.
    pub(crate) fn packets(&self) -> (u64, u64, u64) {
        (self.mouth.sent(), self.arrivals.received(), self.arrivals.lost())
    }

    /// Whether it heard the four others and not itself.
    pub(crate) fn heard_the_others_alone(&self) -> bool {
        self.ear.levels().enumerate().all(|(seat, (_, level))| (level > AUDIBLE) == (seat != self.seat))
    }
}
