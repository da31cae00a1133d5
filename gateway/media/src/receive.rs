//! One stream that comes in: from packets to frames of one tick.

use std::time::Duration;

use codecs::{Concealment, Decoder, DtmfDetector};
use rtp::{
    Packet, Reception,
    jitter::{self, Pulled},
    telephone_event,
};
use terms::{
    Digit, Instant,
    media::{PayloadType, Press, SampleRate, Stream},
};

/// The longest payload that is taken: 60 ms of L16 at 16 kHz and all codecs below it.
const MAX_PAYLOAD: usize = 1_920;
/// The most samples that one packet decodes to: 60 ms at 48 kHz.
const MAX_DECODED: usize = 2_880;

/// A peer that hears keys in its caller's sound tells them that much later at most, and leaves them in the sound.
const SAME_PRESS: Duration = Duration::from_secs(1);

/// What a packet was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Sound.
    Sound,
    /// A key, told for the first time.
    Digit(Digit),
    /// A key that was told before.
    Event,
    /// A payload type that was not negotiated.
    Unknown,
}

/// Whether a frame holds sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    Sound,
    Silence,
}

/// The receiving half of a port.
#[derive(Debug)]
pub(crate) struct Receiver {
    decoders: Vec<(PayloadType, Decoder)>,
    events: Option<PayloadType>,
    keys: telephone_event::Receiver,
    reception: Reception,
    buffer: jitter::Buffer,
    concealment: Concealment,
    /// DIAL-7: keys in the sound, until the first that comes as an event: the peer sends these.
    in_band: Option<DtmfDetector>,
    /// The key heard in the sound of this tick.
    heard: Option<Digit>,
    /// The last of them, and when.
    last_heard: Option<(Digit, Instant)>,
    /// Decoded and not yet played: packets and ticks need not be of one length.
    waiting: Vec<i16>,
}

impl Receiver {
    pub(crate) fn new(stream: &Stream) -> Self {
        let rate = stream.send.codec.sample_rate();
        let mut receiver = Self {
            decoders: Vec::new(),
            events: None,
            keys: telephone_event::Receiver::new(),
            reception: Reception::new(rate.hz()),
            buffer: jitter::Buffer::new(&jitter::Settings::default()),
            concealment: Concealment::new(rate),
            in_band: Some(DtmfDetector::new(rate)),
            heard: None,
            last_heard: None,
            waiting: Vec::new(),
        };
        receiver.renegotiate(stream);
        receiver
    }

    /// Takes the payload types of a new answer; what was heard so far stays.
    pub(crate) fn renegotiate(&mut self, stream: &Stream) {
        let decoder = |format: &terms::media::Format| (format.payload_type, Decoder::new(format.codec));
        self.decoders = stream.receive.iter().map(decoder).collect();
        self.events = stream.receive_events;
    }

    /// Goes on after a press that was told before a restart.
    pub(crate) fn was_told(&mut self, press: Option<Press>) {
        self.keys = telephone_event::Receiver::after(press);
        if press.is_some() {
            self.in_band = None;
        }
    }

    pub(crate) const fn last_press(&self) -> Option<Press> {
        self.keys.last()
    }

    pub(crate) const fn reception(&mut self) -> &mut Reception {
        &mut self.reception
    }

    pub(crate) fn discarded(&self) -> u64 {
        self.buffer.discarded()
    }

    pub(crate) fn take(&mut self, now: Instant, packet: &Packet<'_>) -> Taken {
        let payload_type = packet.payload_type();
        if self.events == Some(payload_type) {
            self.reception.receive(now, &packet.header());
            let told = self.keys.receive(packet);
            return told.filter(|digit| !self.was_heard(now, *digit)).map_or(Taken::Event, Taken::Digit);
        }
        if self.decoders.iter().all(|(known, _)| *known != payload_type) {
            return Taken::Unknown;
        }
        self.reception.receive(now, &packet.header());
        self.buffer.insert(now, packet);
        Taken::Sound
    }

    /// Whether the press of the first event was told already, since it was in the sound; from that event on nobody
    /// listens there.
    fn was_heard(&mut self, now: Instant, digit: Digit) -> bool {
        let listened = self.in_band.take().is_some();
        listened && self.last_heard.is_some_and(|(heard, at)| heard == digit && now.since(at) < SAME_PRESS)
    }

    /// The key heard in the sound of this tick, once.
    pub(crate) const fn take_heard(&mut self) -> Option<Digit> {
        self.heard.take()
    }

    /// Writes what is due in this tick, and listens for keys in it.
    pub(crate) fn frame(&mut self, now: Instant, frame: &mut [i16]) -> Frame {
        let said = self.play(now, frame);
        self.heard = self.in_band.as_mut().and_then(|detector| detector.listen(frame));
        self.last_heard = self.heard.map(|digit| (digit, now)).or(self.last_heard);
        said
    }

    fn play(&mut self, now: Instant, frame: &mut [i16]) -> Frame {
        while self.waiting.len() < frame.len() {
            if self.decode_next(now) == Decoded::Nothing {
                break;
            }
        }
        if self.waiting.is_empty() {
            frame.fill(0);
            return Frame::Silence;
        }
        let length = self.waiting.len().min(frame.len());
        frame[..length].copy_from_slice(&self.waiting[..length]);
        frame[length..].fill(0);
        self.waiting.drain(..length);
        Frame::Sound
    }

    fn decode_next(&mut self, now: Instant) -> Decoded {
        let mut payload = [0; MAX_PAYLOAD];
        let begin = self.waiting.len();
        match self.buffer.pull(now, &mut payload) {
            Pulled::Frame { payload_type, len, .. } => {
                let Some((_, decoder)) = self.decoders.iter_mut().find(|(known, _)| *known == payload_type)
                else {
                    // Held from before a renegotiation that dropped its type.
                    return Decoded::Some;
                };
                self.waiting.resize(begin + MAX_DECODED, 0);
                let length = decoder.decode(&payload[..len], &mut self.waiting[begin..]);
                self.waiting.truncate(begin + length);
                self.concealment.good(&mut self.waiting[begin..]);
            }
            Pulled::Lost { samples } => {
                self.waiting.resize(begin + length_of(samples), 0);
                self.concealment.lost(&mut self.waiting[begin..]);
            }
            Pulled::Pause { samples } => self.waiting.resize(begin + length_of(samples), 0),
            Pulled::Empty => return Decoded::Nothing,
        }
        if self.waiting.len() == begin { Decoded::Nothing } else { Decoded::Some }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decoded {
    Some,
    Nothing,
}

fn length_of(samples: u32) -> usize {
    usize::try_from(samples).unwrap_or(MAX_DECODED).min(MAX_DECODED)
}

/// Samples of one tick at the rate of `stream`'s sound.
pub(crate) const fn rate_of(stream: &Stream) -> SampleRate {
    stream.send.codec.sample_rate()
}
