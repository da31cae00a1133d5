//! One stream that comes in: from packets to frames of one tick.

mod track;

use std::time::Duration;

use codecs::{DtmfDetector, Resampler};
use rtp::{Packet, Reception, jitter::Depth, telephone_event};
use terms::{
    Digit, Instant,
    media::{ClockRate, Codec, KeysIn, PayloadType, Press, SampleRate, Stream},
};

use crate::room::MAX_FRAME;
use track::Track;

/// A new sound begins at least so deep, and at most.
const FIRST_DEPTH: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(40));
/// Packets from which on the jitter of a path is known.
const KNOWN_PATH: u64 = 50;
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
    track: Track,
    /// What came before the last exchange, until what was agreed on then is heard.
    former: Option<Box<Former>>,
    events: Option<PayloadType>,
    keys: telephone_event::Receiver,
    reception: Reception,
    clock: ClockRate,
    /// DIAL-7: keys in the sound, until the first that comes as an event: the peer sends these.
    in_band: InBand,
    attention: Attention,
    /// Keys that come as events are told.
    takes_events: bool,
    /// The key heard in the sound of this tick.
    heard: Option<Digit>,
    /// The last of them, and when.
    last_heard: Option<(Digit, Instant)>,
    /// The payload type of sound that goes on as it is.
    passes: Option<PayloadType>,
    /// That of sound of before the last exchange that goes on so.
    still_passes: Option<PayloadType>,
    last_sound: Taken,
    /// Packets of tracks that are gone, which came too late for them, and gaps.
    past: (u64, u64),
}

/// RFC 3264 §8.3.1: until the offerer has our answer it sends in the former codec, which may be on its way for long.
#[derive(Debug)]
struct Former {
    track: Track,
    /// To the rate of what came in its place.
    resampler: Resampler,
}

impl Receiver {
    pub(crate) fn new(stream: &Stream) -> Self {
        let codec = stream.send.codec;
        Self {
            track: Track::new(stream, FIRST_DEPTH.1),
            former: None,
            events: stream.receive_events,
            keys: telephone_event::Receiver::new(),
            reception: Reception::new(codec.clock_rate().hz()),
            clock: codec.clock_rate(),
            in_band: InBand::Listening(None),
            attention: Attention::Paid,
            takes_events: true,
            heard: None,
            last_heard: None,
            passes: None,
            still_passes: None,
            last_sound: Taken::Sound,
            past: (0, 0),
        }
    }

    /// Takes the payload types of a new answer; what was heard so far stays.
    pub(crate) fn renegotiate(&mut self, stream: &Stream) {
        self.events = stream.receive_events;
        if self.track.fits(stream) {
            return self.track.renegotiate(stream);
        }
        self.change_track(stream);
        if let InBand::Listening(detector) = &mut self.in_band {
            *detector = None;
        }
    }

    /// The sound goes on at another rate, or under another clock. The path is the same: what is known of it counts.
    fn change_track(&mut self, stream: &Stream) {
        let (least, most) = FIRST_DEPTH;
        let is_known = self.reception.packets_received() >= KNOWN_PATH;
        let jitter = Duration::from_secs_f32(self.reception.jitter_ms() / 1_000.0);
        let first_depth = if is_known { (least + jitter * 2).min(most) } else { most };
        if self.clock != stream.send.codec.clock_rate() {
            self.clock = stream.send.codec.clock_rate();
            self.reception.change_clock(self.clock.hz());
        }
        let track = std::mem::replace(&mut self.track, Track::new(stream, first_depth));
        let rate = self.track.rate();
        if track.is_the_same_packets(stream) {
            self.track = track.retuned(stream);
        } else {
            self.end_former();
            self.former = Some(Box::new(Former { resampler: Resampler::new(rate, rate), track }));
        }
        if let Some(former) = &mut self.former {
            former.resampler = Resampler::new(former.track.rate(), rate);
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
        self.past.0 + self.track.discarded()
    }

    /// How often something was made up where nothing was there.
    pub(crate) fn gaps(&self) -> u64 {
        self.past.1 + self.track.gaps()
    }

    /// How deep the buffer was for the last packet that was played.
    pub(crate) const fn depth(&self) -> Option<Depth> {
        self.track.depth()
    }

    pub(crate) fn take(&mut self, now: Instant, packet: &Packet<'_>) -> Taken {
        let payload_type = packet.payload_type();
        if self.events == Some(payload_type) {
            self.reception.receive_untimed(now, &packet.header());
            self.track.pause_if_empty();
            let told = self.keys.receive(packet).filter(|_| self.takes_events);
            return told.filter(|digit| !self.was_heard(now, *digit)).map_or(Taken::Event, Taken::Digit);
        }
        if self.passes == Some(payload_type) {
            self.reception.receive(now, &packet.header());
            self.end_former();
            self.last_sound = Taken::Passed;
            return Taken::Passed;
        }
        if !self.track.takes(payload_type) {
            return self.take_former(now, packet);
        }
        self.reception.receive(now, &packet.header());
        let is_noise = self.track.is_noise(payload_type);
        if is_noise && !self.plays() {
            return Taken::Noise;
        }
        self.track.insert(now, packet);
        if is_noise {
            return Taken::Noise;
        }
        self.still_passes = None;
        self.last_sound = Taken::Sound;
        Taken::Sound
    }

    /// Sound in the codec of before.
    fn take_former(&mut self, now: Instant, packet: &Packet<'_>) -> Taken {
        let payload_type = packet.payload_type();
        let Some(former) = self.former.as_mut().filter(|former| former.track.takes(payload_type)) else {
            return Taken::Unknown;
        };
        self.reception.receive_untimed(now, &packet.header());
        if self.still_passes == Some(payload_type) {
            return Taken::Passed;
        }
        former.track.insert(now, packet);
        if former.track.is_noise(payload_type) { Taken::Noise } else { Taken::Sound }
    }

    /// Sound of this codec goes on as it is from here on; none does: `None`.
    pub(crate) fn pass_on(&mut self, codec: Option<Codec>, attention: Attention, stream: &Stream) {
        self.attention = attention;
        let format = codec.and_then(|codec| stream.receive.iter().find(|format| format.codec == codec));
        self.passes = format.map(|format| format.payload_type);
        let former = self.former.as_ref();
        self.still_passes = codec.and_then(|codec| former?.track.payload_type_of(codec));
        let is_passed = self.still_passes.is_some() || (self.passes.is_some() && self.former.is_none());
        self.last_sound = if is_passed { Taken::Passed } else { Taken::Sound };
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
        self.track.play(now, frame);
        self.play_former(now, frame);
        self.heard = match (&mut self.in_band, self.attention) {
            (InBand::Listening(detector), Attention::Paid) => {
                detector.get_or_insert_with(|| Box::new(DtmfDetector::new(self.track.rate()))).listen(frame)
            }
            (InBand::Listening(_), Attention::Unpaid) | (InBand::Deaf, _) => None,
        };
        self.last_heard = self.heard.map(|digit| (digit, now)).or(self.last_heard);
    }

    /// Until what came in its place is heard, what comes in the codec of before is, and rings out.
    fn play_former(&mut self, now: Instant, frame: &mut [i16]) {
        if self.track.has_begun() {
            return self.end_former();
        }
        let Some(former) = &mut self.former else { return };
        let mut room = [0; MAX_FRAME];
        let said = &mut room[..former.track.rate().tick_samples()];
        former.track.play(now, said);
        former.resampler.resample(said, frame);
        if former.track.is_over() {
            self.end_former();
            if self.passes() {
                self.last_sound = Taken::Passed;
            }
        }
    }

    fn end_former(&mut self) {
        if let Some(former) = self.former.take() {
            let (discarded, gaps) = self.past;
            self.past = (discarded + former.track.discarded(), gaps + former.track.gaps());
        }
        self.still_passes = None;
    }
}

/// Whether keys in the sound are anybody's business: one other who hears the sound has them with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attention {
    Paid,
    Unpaid,
}

/// Samples of one tick at the rate of `stream`'s sound.
pub(crate) const fn rate_of(stream: &Stream) -> SampleRate {
    stream.send.codec.sample_rate()
}

#[cfg(test)]
mod tests;
