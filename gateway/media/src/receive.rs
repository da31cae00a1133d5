//! One stream that comes in: from packets to frames of one tick.

use std::time::Duration;

use codecs::{ComfortNoise, Concealment, Decoder, DtmfDetector};
use rtp::{
    Packet, Reception, Timestamp,
    jitter::{self, Depth, Pulled},
    telephone_event,
};
use terms::{
    Digit, Instant,
    media::{ClockRate, Codec, Format, KeysIn, PayloadType, Press, SampleRate, Stream},
};

use crate::playout::{Playout, Stretch};

/// The longest payload that is taken: 60 ms of L16 at 16 kHz and all codecs below it.
const MAX_PAYLOAD: usize = 1_920;
/// The most samples that one packet decodes to: 60 ms at 48 kHz.
const MAX_DECODED: usize = 2_880;

/// A peer that hears keys in its caller's sound tells them that much later at most, and leaves them in the sound.
const SAME_PRESS: Duration = Duration::from_secs(1);

/// What a packet was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Sound, to be played.
    Sound,
    /// Sound that need not be played: it goes on as it is.
    Passed,
    /// The description of a pause (RFC 3389).
    Noise,
    /// A key, told for the first time.
    Digit(Digit),
    /// A key that was told before.
    Event,
    /// A payload type that was not negotiated.
    Unknown,
}

/// Whether keys are looked for in the sound.
#[derive(Debug)]
enum InBand {
    /// By this, from the first sound on that is listened to.
    Listening(Option<Box<DtmfDetector>>),
    Deaf,
}

/// The receiving half of a port.
#[derive(Debug)]
pub(crate) struct Receiver {
    decoders: Vec<(Format, Decoder)>,
    /// What was decoded last, by which a gap is made up.
    playing: Option<PayloadType>,
    events: Option<PayloadType>,
    keys: telephone_event::Receiver,
    reception: Reception,
    /// None as long as nothing waited: what passes needs none.
    buffer: Option<Box<jitter::Buffer>>,
    concealment: Concealment,
    /// The payload type of comfort noise (RFC 3389).
    noise_type: Option<PayloadType>,
    noise: ComfortNoise,
    pause: Pause,
    /// DIAL-7: keys in the sound, until the first that comes as an event: the peer sends these.
    in_band: InBand,
    attention: Attention,
    /// Keys that come as events are told.
    takes_events: bool,
    /// What the peer is sent, and most probably sends.
    codec: Codec,
    rate: SampleRate,
    clock: ClockRate,
    /// The key heard in the sound of this tick.
    heard: Option<Digit>,
    /// The last of them, and when.
    last_heard: Option<(Digit, Instant)>,
    /// Decoded and not yet played: packets and ticks need not be of one length.
    playout: Playout,
    /// Of the last packet that was played.
    depth: Option<Depth>,
    /// The payload type of sound that goes on as it is.
    passes: Option<PayloadType>,
    last_sound: Taken,
}

impl Receiver {
    pub(crate) fn new(stream: &Stream) -> Self {
        let (rate, clock) = (stream.send.codec.sample_rate(), stream.send.codec.clock_rate());
        let mut receiver = Self {
            decoders: Vec::new(),
            playing: None,
            events: None,
            keys: telephone_event::Receiver::new(),
            reception: Reception::new(clock.hz()),
            buffer: None,
            concealment: Concealment::new(rate),
            noise_type: None,
            noise: ComfortNoise::default(),
            pause: Pause::Talking,
            in_band: InBand::Listening(None),
            attention: Attention::Paid,
            takes_events: true,
            codec: stream.send.codec,
            rate,
            clock,
            heard: None,
            last_heard: None,
            playout: Playout::new(rate),
            depth: None,
            passes: None,
            last_sound: Taken::Sound,
        };
        receiver.renegotiate(stream);
        receiver
    }

    /// Takes the payload types of a new answer; what was heard so far stays.
    pub(crate) fn renegotiate(&mut self, stream: &Stream) {
        let mut before = std::mem::take(&mut self.decoders);
        let decoder = |format: &Format| {
            let known = before.iter().position(|(known, _)| known == format);
            known.map_or_else(|| (*format, Decoder::new(format.codec)), |known| before.swap_remove(known))
        };
        self.decoders = stream.receive.iter().map(decoder).collect();
        self.events = stream.receive_events;
        self.noise_type = stream.comfort_noise;
        let codec = stream.send.codec;
        self.codec = codec;
        if (self.rate, self.clock) != (codec.sample_rate(), codec.clock_rate()) {
            self.change_rate(codec);
        }
    }

    /// The sound goes on at another rate, or under another clock: what waits is in neither.
    fn change_rate(&mut self, codec: Codec) {
        (self.rate, self.clock) = (codec.sample_rate(), codec.clock_rate());
        self.reception.change_clock(self.clock.hz());
        self.buffer = None;
        self.concealment = Concealment::new(self.rate);
        self.playout = Playout::new(self.rate);
        self.pause = Pause::Talking;
        if let InBand::Listening(detector) = &mut self.in_band {
            *detector = None;
        }
    }

    /// Which keys are told from here on. Where the first event came, nobody listens to the sound again unless the keys
    /// are there alone.
    pub(crate) fn listen(&mut self, keys: KeysIn) {
        self.takes_events = matches!(keys, KeysIn::EventsOrSound | KeysIn::Events);
        match keys {
            KeysIn::Events | KeysIn::Neither => self.in_band = InBand::Deaf,
            KeysIn::Sound if !self.listens() => self.in_band = InBand::Listening(None),
            KeysIn::Sound | KeysIn::EventsOrSound => {}
        }
    }

    /// Goes on after a press that was told before a restart.
    pub(crate) fn was_told(&mut self, press: Option<Press>) {
        self.keys = telephone_event::Receiver::after(press);
        if press.is_some() {
            self.in_band = InBand::Deaf;
        }
    }

    pub(crate) const fn last_press(&self) -> Option<Press> {
        self.keys.last()
    }

    pub(crate) fn packets_received(&self) -> u64 {
        self.reception.packets_received()
    }

    pub(crate) const fn reception(&mut self) -> &mut Reception {
        &mut self.reception
    }

    pub(crate) fn discarded(&self) -> u64 {
        self.buffer.as_ref().map_or(0, |buffer| buffer.discarded())
    }

    /// How often something was made up where nothing was there.
    pub(crate) fn gaps(&self) -> u64 {
        self.buffer.as_ref().map_or(0, |buffer| buffer.counters().missing)
    }

    /// How deep the buffer was for the last packet that was played.
    pub(crate) const fn depth(&self) -> Option<Depth> {
        self.depth
    }

    fn buffer(&mut self) -> &mut jitter::Buffer {
        self.buffer.get_or_insert_with(|| Box::new(buffer_for(self.codec)))
    }

    pub(crate) fn take(&mut self, now: Instant, packet: &Packet<'_>) -> Taken {
        let payload_type = packet.payload_type();
        if self.events == Some(payload_type) {
            self.reception.receive_untimed(now, &packet.header());
            self.buffer().pause_if_empty();
            let told = self.keys.receive(packet).filter(|_| self.takes_events);
            return told.filter(|digit| !self.was_heard(now, *digit)).map_or(Taken::Event, Taken::Digit);
        }
        if self.passes == Some(payload_type) {
            self.reception.receive(now, &packet.header());
            self.last_sound = Taken::Passed;
            return Taken::Passed;
        }
        let is_noise = self.noise_type == Some(payload_type);
        if !is_noise && self.decoders.iter().all(|(known, _)| known.payload_type != payload_type) {
            return Taken::Unknown;
        }
        self.reception.receive(now, &packet.header());
        if is_noise && !self.plays() {
            return Taken::Noise;
        }
        self.buffer().insert(now, packet);
        if is_noise {
            return Taken::Noise;
        }
        self.last_sound = Taken::Sound;
        Taken::Sound
    }

    /// Sound of this codec goes on as it is from here on; none does: `None`.
    pub(crate) fn pass_on(&mut self, codec: Option<Codec>, attention: Attention, stream: &Stream) {
        self.attention = attention;
        let format = codec.and_then(|codec| stream.receive.iter().find(|format| format.codec == codec));
        self.passes = format.map(|format| format.payload_type);
        self.last_sound = if self.passes.is_some() { Taken::Passed } else { Taken::Sound };
    }

    /// Whether sound goes on as it is, as long as it comes in the codec that is heard.
    pub(crate) const fn passes(&self) -> bool {
        self.passes.is_some()
    }

    /// Whether keys are looked for in the sound.
    pub(crate) const fn listens(&self) -> bool {
        matches!(self.in_band, InBand::Listening(_))
    }

    /// Whether what came last is to be played.
    pub(crate) fn plays(&self) -> bool {
        self.last_sound != Taken::Passed
    }

    /// Whether the press of the first event was told already, since it was in the sound; from that event on nobody
    /// listens there.
    fn was_heard(&mut self, now: Instant, digit: Digit) -> bool {
        let listened = self.listens();
        self.in_band = InBand::Deaf;
        listened && self.last_heard.is_some_and(|(heard, at)| heard == digit && now.since(at) < SAME_PRESS)
    }

    /// The key heard in the sound of this tick, once.
    pub(crate) const fn take_heard(&mut self) -> Option<Digit> {
        self.heard.take()
    }

    /// Writes what is due in this tick, and listens for keys in it.
    pub(crate) fn frame(&mut self, now: Instant, frame: &mut [i16]) {
        self.play(now, frame);
        self.heard = match (&mut self.in_band, self.attention) {
            (InBand::Listening(detector), Attention::Paid) => {
                detector.get_or_insert_with(|| Box::new(DtmfDetector::new(self.rate))).listen(frame)
            }
            (InBand::Listening(_), Attention::Unpaid) | (InBand::Deaf, _) => None,
        };
        self.last_heard = self.heard.map(|digit| (digit, now)).or(self.last_heard);
    }

    fn play(&mut self, now: Instant, frame: &mut [i16]) {
        if let Some(end) = self.fill(now, frame.len()) {
            self.balance(now, end, frame.len());
            self.fill(now, frame.len());
        }
        self.ring_out(frame.len());
        self.playout.take(frame);
    }

    /// Decodes a tick's worth of sound. Yields the timestamp behind the last packet, if any came
    /// and nothing was made up after it.
    fn fill(&mut self, now: Instant, samples: usize) -> Option<Timestamp> {
        let mut end = None;
        while self.playout.len() < samples {
            match self.decode_next(now) {
                Decoded::Packet(behind) => end = Some(behind),
                Decoded::MadeUp => end = None,
                Decoded::Nothing => break,
            }
        }
        end
    }

    /// Fills up the tick: with the background that the peer described, or, since a sound that stops
    /// is a click (MEDIA-5), with what it goes on like, fading.
    fn ring_out(&mut self, samples: usize) {
        let begin = self.playout.len();
        let is_over = self.pause == Pause::Talking && self.concealment.is_silent();
        if begin >= samples || is_over {
            return;
        }
        self.playout.append(samples - begin, |rest| rest.len());
        let rest = self.playout.from(begin);
        match self.pause {
            Pause::Described => {
                self.noise.fill(rest);
                self.concealment.pause(rest);
            }
            Pause::Talking => self.concealment.lost(rest),
        }
    }

    /// MEDIA-5: a depth that the path doesn't ask for is brought nearer to what it does.
    /// What can't be refilled for this tick isn't shortened.
    fn balance(&mut self, now: Instant, end: Timestamp, samples: usize) {
        let next = end.put_back_by(self.units_of(self.playout.len()));
        let depth = self.buffer().depth(now, next);
        self.depth = Some(depth);
        let Some(stretch) = self.playout.judge(depth) else { return };
        let is_enough = self.playout.len() >= samples + self.playout.longest_stretch();
        if matches!(stretch, Stretch::Lengthen { .. }) || is_enough || self.buffer().is_next_held() {
            self.playout.stretch(stretch);
        }
    }

    fn decode_next(&mut self, now: Instant) -> Decoded {
        let mut payload = [0; MAX_PAYLOAD];
        let begin = self.playout.len();
        match self.buffer().pull(now, &mut payload) {
            Pulled::Frame { payload_type, timestamp, len } => {
                self.decode(payload_type, &payload[..len]);
                let sound = self.playout.from(begin);
                self.concealment.good(sound);
                let behind = sound.len();
                match self.pause {
                    Pause::Described => Decoded::MadeUp,
                    Pause::Talking => Decoded::Packet(timestamp.advanced_by(self.units_of(behind))),
                }
            }
            Pulled::Lost { samples } => {
                self.conceal(now, self.length_of(samples));
                Decoded::MadeUp
            }
            Pulled::Pause { samples } => {
                self.playout.append(self.length_of(samples), |pause| pause.len());
                self.concealment.pause(self.playout.from(begin));
                Decoded::MadeUp
            }
            Pulled::Empty => Decoded::Nothing,
        }
    }

    /// A payload of a type that a renegotiation has dropped is no sound, nor is the description of
    /// noise: that begins a pause (RFC 3389 §5).
    fn decode(&mut self, payload_type: PayloadType, payload: &[u8]) {
        if self.noise_type == Some(payload_type) {
            self.noise.describe(payload);
            self.pause = Pause::Described;
            return self.buffer().pause();
        }
        self.pause = Pause::Talking;
        if let Some(decoder) = decoder_of(&mut self.decoders, payload_type) {
            self.playing = Some(payload_type);
            let room = decoder.length_of(payload).min(MAX_DECODED);
            self.playout.append(room, |sound| decoder.decode(payload, sound));
        }
    }

    /// Makes up a gap, toward what comes after it where that is there.
    fn conceal(&mut self, now: Instant, samples: usize) {
        let mut payload = [0; MAX_PAYLOAD];
        let next =
            if self.buffer().is_next_held() { self.buffer().pull(now, &mut payload) } else { Pulled::Empty };
        let next = match next {
            Pulled::Frame { payload_type, len, .. } => Some((payload_type, &payload[..len])),
            Pulled::Lost { .. } | Pulled::Pause { .. } | Pulled::Empty => None,
        };
        let begin = self.playout.len();
        let is_made_up = self.conceal_by_codec(next, samples);
        if !is_made_up {
            self.playout.append(samples, |gap| gap.len());
        }
        let gap = self.playout.len() - begin;
        if let Some((payload_type, payload)) = next {
            self.decode(payload_type, payload);
        }
        let (gap, next) = self.playout.from(begin).split_at_mut(gap);
        match (is_made_up, next.is_empty()) {
            (true, _) => self.concealment.good(gap),
            (false, true) => self.concealment.lost(gap),
            (false, false) => self.concealment.bridge(gap, next),
        }
        self.concealment.good(next);
    }

    /// Lets the codec make up a gap, if it does so by itself.
    fn conceal_by_codec(&mut self, next: Option<(PayloadType, &[u8])>, samples: usize) -> bool {
        let Some(playing) = self.playing.filter(|_| self.pause == Pause::Talking) else { return false };
        let Some(decoder) = decoder_of(&mut self.decoders, playing) else { return false };
        let next = next.filter(|(payload_type, _)| *payload_type == playing).map(|(_, payload)| payload);
        let mut is_made_up = false;
        self.playout.append(samples, |gap| {
            let written = decoder.conceal(next, gap);
            is_made_up = written.is_some_and(|written| written > 0);
            written.unwrap_or(0)
        });
        is_made_up
    }

    /// Timestamps of so many samples.
    fn units_of(&self, samples: usize) -> u32 {
        self.clock.units_of(u32::try_from(samples).unwrap_or(0), self.rate)
    }

    /// Samples of so many timestamps.
    fn length_of(&self, units: u32) -> usize {
        let samples = self.clock.samples_of(units, self.rate);
        usize::try_from(samples).unwrap_or(MAX_DECODED).min(MAX_DECODED)
    }
}

fn decoder_of(decoders: &mut [(Format, Decoder)], payload_type: PayloadType) -> Option<&mut Decoder> {
    let known = decoders.iter_mut().find(|(known, _)| known.payload_type == payload_type);
    known.map(|(_, decoder)| decoder)
}

/// A buffer for the packets of `codec`, up to 60 ms of them.
fn buffer_for(codec: Codec) -> jitter::Buffer {
    let slot_octets = match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 => 480,
        Codec::L16Narrow => 960,
        Codec::Opus | Codec::OpusNarrow => 1_500,
        Codec::L16 => MAX_PAYLOAD,
    };
    jitter::Buffer::new(&jitter::Settings {
        clock_hz: codec.clock_rate().hz(),
        slot_octets,
        ..jitter::Settings::default()
    })
}

/// Whether keys in the sound are anybody's business: one other who hears the sound has them with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attention {
    Paid,
    Unpaid,
}

/// What is heard while nothing comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// What is missing is made up, then silence.
    Talking,
    /// The noise that the sender described as it paused.
    Described,
}

/// What a pull came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decoded {
    /// A packet; the timestamp behind it.
    Packet(Timestamp),
    /// What is heard where there is none.
    MadeUp,
    Nothing,
}

/// Samples of one tick at the rate of `stream`'s sound.
pub(crate) const fn rate_of(stream: &Stream) -> SampleRate {
    stream.send.codec.sample_rate()
}

#[cfg(test)]
mod tests;
