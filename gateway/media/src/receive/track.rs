//! What one codec's sound comes in by, from packets to frames of one tick: decoders, jitter buffer, what makes up gaps.

use std::time::Duration;

use codecs::{ComfortNoise, Concealment, Decoder};
use rtp::{
    Packet, Timestamp,
    jitter::{self, Depth, Pulled},
};
use terms::{
    Instant,
    media::{ClockRate, Codec, Format, PayloadType, SampleRate, Stream},
};

use crate::playout::{Playout, Stretch};

/// The longest payload that is taken: 60 ms of L16 at 16 kHz and all codecs below it.
const MAX_PAYLOAD: usize = 1_920;
/// The most samples that one packet decodes to: 60 ms at 48 kHz.
const MAX_DECODED: usize = 2_880;

/// Sound at one rate, under one clock.
#[derive(Debug)]
pub(super) struct Track {
    decoders: Vec<(Format, Decoder)>,
    /// Of what was taken before the last exchange, until something else is heard: it may be on its way still.
    former: Vec<(Format, Decoder)>,
    /// What was decoded last, by which a gap is made up.
    playing: Option<PayloadType>,
    /// None as long as nothing waited: what passes needs none.
    buffer: Option<Box<jitter::Buffer>>,
    /// How deep it is at first.
    first_depth: Duration,
    /// What the peer is sent, and most probably sends.
    codec: Codec,
    concealment: Concealment,
    /// The payload type of comfort noise (RFC 3389).
    noise_type: Option<PayloadType>,
    /// As the sender described it last; most never do.
    noise: Option<Box<ComfortNoise>>,
    pause: Pause,
    /// Decoded and not yet played: packets and ticks need not be of one length.
    playout: Playout,
    rate: SampleRate,
    clock: ClockRate,
    /// Of the last packet that was played.
    depth: Option<Depth>,
}

impl Track {
    /// `first_depth` as [`jitter::Settings`] has it.
    pub(super) fn new(stream: &Stream, first_depth: Duration) -> Self {
        let codec = stream.send.codec;
        let mut track = Self {
            decoders: Vec::new(),
            former: Vec::new(),
            playing: None,
            buffer: None,
            first_depth,
            codec,
            concealment: Concealment::new(codec.sample_rate()),
            noise_type: None,
            noise: None,
            pause: Pause::Talking,
            playout: Playout::new(codec.sample_rate()),
            rate: codec.sample_rate(),
            clock: codec.clock_rate(),
            depth: None,
        };
        track.renegotiate(stream);
        track
    }

    /// Whether a stream's sound is of its rate and clock.
    pub(super) fn fits(&self, stream: &Stream) -> bool {
        let codec = stream.send.codec;
        (self.rate, self.clock) == (codec.sample_rate(), codec.clock_rate())
    }

    /// Takes the payload types of a new answer for a stream that [fits](Track::fits); what was heard so far stays.
    pub(super) fn renegotiate(&mut self, stream: &Stream) {
        let mut before = std::mem::take(&mut self.decoders);
        let decoder = |format: &Format| {
            let known = before.iter().position(|(known, _)| known == format);
            known.map_or_else(|| (*format, Decoder::new(format.codec)), |known| before.swap_remove(known))
        };
        self.codec = stream.send.codec;
        self.decoders = stream.receive.iter().map(decoder).collect();
        self.former = before;
        self.noise_type = stream.comfort_noise;
    }

    /// Whether a stream's packets are those that come already, under the same clock: it is decoded at another rate, no more.
    pub(super) fn is_the_same_packets(&self, stream: &Stream) -> bool {
        let is_taken = |known: &Format| {
            let mut formats = stream.receive.iter();
            formats.any(|format| {
                (format.payload_type, format.codec.at_its_best())
                    == (known.payload_type, known.codec.at_its_best())
            })
        };
        self.clock == stream.send.codec.clock_rate()
            && self.decoders.iter().all(|(format, _)| is_taken(format))
    }

    /// Goes on at the stream's rate with what waits.
    pub(super) fn retuned(self, stream: &Stream) -> Self {
        Self { buffer: self.buffer, ..Self::new(stream, self.first_depth) }
    }

    /// Whether packets of a type are taken.
    pub(super) fn takes(&self, payload_type: PayloadType) -> bool {
        let mut known = self.decoders.iter().chain(&self.former);
        self.is_noise(payload_type) || known.any(|(format, _)| format.payload_type == payload_type)
    }

    /// Under which type sound of a codec is taken.
    pub(super) fn payload_type_of(&self, codec: Codec) -> Option<PayloadType> {
        let known = self.decoders.iter().find(|(format, _)| format.codec == codec);
        known.map(|(format, _)| format.payload_type)
    }

    pub(super) fn is_noise(&self, payload_type: PayloadType) -> bool {
        self.noise_type == Some(payload_type)
    }

    /// Whether anything of it was played.
    pub(super) const fn has_begun(&self) -> bool {
        self.playing.is_some()
    }

    /// Whether nothing of it is heard, nor rings out.
    pub(super) fn is_over(&self) -> bool {
        self.pause == Pause::Talking && self.concealment.is_silent() && self.playout.len() == 0
    }

    pub(super) const fn rate(&self) -> SampleRate {
        self.rate
    }

    pub(super) fn insert(&mut self, now: Instant, packet: &Packet<'_>) {
        self.buffer().insert(now, packet);
    }

    pub(super) fn pause_if_empty(&mut self) {
        if let Some(buffer) = &mut self.buffer {
            buffer.pause_if_empty();
        }
    }

    pub(super) fn discarded(&self) -> u64 {
        self.buffer.as_ref().map_or(0, |buffer| buffer.discarded())
    }

    /// How often something was made up where nothing was there.
    pub(super) fn gaps(&self) -> u64 {
        self.buffer.as_ref().map_or(0, |buffer| buffer.counters().missing)
    }

    fn buffer(&mut self) -> &mut jitter::Buffer {
        self.buffer.get_or_insert_with(|| Box::new(buffer_for(self.codec, self.first_depth)))
    }

    /// How deep the buffer was for the last packet that was played.
    pub(super) const fn depth(&self) -> Option<Depth> {
        self.depth
    }

    /// Writes what is due in this tick.
    pub(super) fn play(&mut self, now: Instant, frame: &mut [i16]) {
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
                if let Some(noise) = &mut self.noise {
                    noise.fill(rest);
                }
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
            self.noise.get_or_insert_default().describe(payload);
            self.pause = Pause::Described;
            return self.buffer().pause();
        }
        self.pause = Pause::Talking;
        if self.decoders.iter().any(|(format, _)| format.payload_type == payload_type) {
            self.former.clear();
        }
        let mut known = self.decoders.iter_mut().chain(&mut self.former);
        if let Some(decoder) = decoder_of(&mut known, payload_type) {
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
        let mut known = self.decoders.iter_mut().chain(&mut self.former);
        let Some(decoder) = decoder_of(&mut known, playing) else { return false };
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

fn decoder_of<'a>(
    known: &mut impl Iterator<Item = &'a mut (Format, Decoder)>,
    payload_type: PayloadType,
) -> Option<&'a mut Decoder> {
    known.find(|(format, _)| format.payload_type == payload_type).map(|(_, decoder)| decoder)
}

/// A buffer for the packets of `codec`, up to 60 ms of them.
fn buffer_for(codec: Codec, first_depth: Duration) -> jitter::Buffer {
    let slot_octets = match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 => 480,
        Codec::L16Narrow => 960,
        Codec::Opus | Codec::OpusNarrow => 1_500,
        Codec::L16 => MAX_PAYLOAD,
    };
    jitter::Buffer::new(&jitter::Settings {
        clock_hz: codec.clock_rate().hz(),
        slot_octets,
        first_depth,
        ..jitter::Settings::default()
    })
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
