//! The jitter buffer: packets in as they come, payloads out as they are due.
//!
//! ```text
//!            insert              now >= due            nothing held for 60 ms
//!   Idle ──────────▶ Filling ──────────────▶ Playing ────────────────────────▶ Idle
//!                       ▲                       │
//!                       └── source or timestamps jumped (resynchronized)
//! ```
//!
//! A talkspurt begins `depth` after its first packet came. From there time is told by the
//! timestamps of what is handed out or missing: who is too late has lost its turn, so the delay
//! stays. After 60 ms without a packet the talkspurt is over, and the next one begins with its own
//! delay: that is how the buffer follows a path that changed, pauses of a sender, and clocks that
//! drift apart.
//!
//! Packets may be of any length. The caller pulls while it has less than a tick's worth of samples:
//!
//! ```text
//!   while samples.len() < tick {
//!       match buffer.pull(now, &mut payload) {
//!           Frame { len, .. }  => decode payload[..len] into samples
//!           Lost { samples }   => conceal so many
//!           Pause { samples }  => silence, or comfort noise
//!           Empty              => fill up the tick and stop
//!   } }
//! ```

use core::time::Duration;

use terms::{
    Instant,
    media::{PayloadType, Ssrc},
};

use crate::packet::{Header, Packet, SequenceNumber, Timestamp};

/// A longer packet is none (MEDIA-3): two timestamps further apart tell a pause.
const LONGEST_PACKET: Duration = Duration::from_millis(60);
/// A talkspurt that has had nothing to play for longer is over.
const STARVED_LIMIT: Duration = Duration::from_millis(60);
/// Timestamps that go back further are a sender's that began anew.
const LONGEST_STEP_BACK: Duration = Duration::from_secs(1);
/// When all packets for so long were late, the path or the sender's clock has changed.
const LATE_LIMIT: Duration = Duration::from_millis(200);

/// How deep and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// RTP timestamps a second.
    pub clock_hz: u32,
    /// How long after the first packet of a talkspurt came it is played.
    pub depth: Duration,
    /// What is held beyond this is dropped, oldest first, down to `depth`.
    pub bound: Duration,
    /// How many packets are held at most.
    pub slots: usize,
    /// The longest payload that is held.
    pub slot_octets: usize,
}

impl Default for Settings {
    /// G.711 in packets of up to 60 ms: 40 ms deep, 200 ms at most, in 6 kB.
    fn default() -> Self {
        Self {
            clock_hz: 8_000,
            depth: Duration::from_millis(40),
            bound: Duration::from_millis(200),
            slots: 12,
            slot_octets: 480,
        }
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// Held until due.
    Kept,
    /// Held; what was held before is dropped, since source or timestamps changed.
    Resynchronized,
    /// It was there already.
    Duplicate,
    /// Its time has passed.
    Late,
    /// It doesn't fit a slot.
    TooLong,
}

/// What to play next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// The payload that is next, in the first `len` octets of the caller's slice.
    Frame {
        /// What it is.
        payload_type: PayloadType,
        /// When its first sample was taken.
        timestamp: Timestamp,
        /// Octets written.
        len: usize,
    },
    /// A packet is missing: conceal so many samples (of the RTP clock).
    Lost {
        /// How long the missing packet was.
        samples: u32,
    },
    /// The sender paused on purpose: so many samples of silence.
    Pause {
        /// How long the pause is, in parts of a packet's length at most.
        samples: u32,
    },
    /// Nothing is due; ask again at the next tick.
    Empty,
}

/// Why packets were not played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Came after their time.
    pub late: u64,
    /// Came twice.
    pub duplicate: u64,
    /// Dropped while held: too much was, or the buffer began anew.
    pub overflow: u64,
    /// Longer than a slot.
    pub too_long: u64,
    /// Times the buffer began anew for a changed source or timestamp.
    pub resynchronized: u64,
}

/// Holds the packets of one stream until they are due.
#[derive(Debug, Clone)]
pub struct Buffer {
    settings: Settings,
    slots: Box<[Option<Held>]>,
    /// The payload of slot `n` begins at `n * settings.slot_octets`.
    octets: Box<[u8]>,
    state: State,
    ssrc: Option<Ssrc>,
    /// What was handed out or given up last.
    cursor: Option<Place>,
    /// What came last, to tell a packet's length by the next.
    newest: Option<Place>,
    packet_samples: u32,
    /// What the last two packets in sequence said of their length.
    told_samples: Option<u32>,
    /// Since when every packet was late.
    late_since: Option<Instant>,
    counters: Counters,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    place: Place,
    payload_type: PayloadType,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    sequence: SequenceNumber,
    timestamp: Timestamp,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Idle,
    Filling { due: Instant },
    Playing { starved: u32 },
}

/// What a packet is to those before it.
enum Order {
    Next,
    Duplicate,
    Late,
    Jump,
}

impl Buffer {
    /// Takes all the memory that it will ever use.
    pub fn new(settings: &Settings) -> Self {
        let slots = settings.slots.max(1);
        Self {
            settings: *settings,
            slots: vec![None; slots].into(),
            octets: vec![0; slots * settings.slot_octets].into(),
            state: State::Idle,
            ssrc: None,
            cursor: None,
            newest: None,
            packet_samples: settings.samples(Duration::from_millis(20)),
            told_samples: None,
            late_since: None,
            counters: Counters::default(),
        }
    }

    /// Takes a packet in.
    pub fn insert(&mut self, arrival: Instant, packet: &Packet<'_>) -> Inserted {
        let header = packet.header();
        if packet.payload().len() > self.settings.slot_octets {
            self.counters.too_long += 1;
            return Inserted::TooLong;
        }
        match self.order(arrival, &header) {
            Order::Next => {}
            Order::Duplicate => {
                self.counters.duplicate += 1;
                return Inserted::Duplicate;
            }
            Order::Late => {
                self.counters.late += 1;
                return Inserted::Late;
            }
            Order::Jump => {
                self.begin_anew();
                self.keep(arrival, packet);
                return Inserted::Resynchronized;
            }
        }
        if !self.make_room(header.timestamp) {
            self.counters.overflow += 1;
            return Inserted::Late;
        }
        self.keep(arrival, packet);
        Inserted::Kept
    }

    fn order(&mut self, arrival: Instant, header: &Header) -> Order {
        if self.ssrc.is_some_and(|ssrc| ssrc != header.ssrc) {
            return Order::Jump;
        }
        let is_same = |place: Place| place.sequence == header.sequence || place.timestamp == header.timestamp;
        if self.held().any(|held| is_same(held.place)) {
            return Order::Duplicate;
        }
        let Some(last) = self.cursor.or(self.newest) else { return Order::Next };
        let ahead = i64::from(header.timestamp.distance_from(last.timestamp));
        let bound = i64::from(self.settings.samples(self.settings.bound));
        let step_back = i64::from(self.settings.samples(LONGEST_STEP_BACK));
        let is_playing = matches!(self.state, State::Playing { .. });
        if ahead < -step_back || (is_playing && ahead > bound + i64::from(self.packet_samples)) {
            return Order::Jump;
        }
        if self.cursor.is_none() || ahead > 0 {
            self.late_since = None;
            return Order::Next;
        }
        if last.sequence == header.sequence {
            return Order::Duplicate;
        }
        let since = *self.late_since.get_or_insert(arrival);
        if arrival.since(since) > LATE_LIMIT { Order::Jump } else { Order::Late }
    }

    /// Forgets what is held and where it stood; the counters go on.
    fn begin_anew(&mut self) {
        let dropped = self.held().count();
        self.counters.overflow += u64::try_from(dropped).unwrap_or(u64::MAX);
        self.counters.resynchronized += 1;
        self.slots.fill(None);
        self.state = State::Idle;
        self.cursor = None;
        self.newest = None;
        self.late_since = None;
    }

    /// Whether a packet of this timestamp has a slot, after dropping what is held beyond the bound.
    fn make_room(&mut self, timestamp: Timestamp) -> bool {
        let Some(oldest) = self.oldest() else { return true };
        let span = timestamp.distance_from(oldest.1.place.timestamp);
        let bound = i64::from(self.settings.samples(self.settings.bound));
        let is_full = self.held().count() == self.slots.len();
        if is_full && span <= 0 {
            return false;
        }
        if is_full || i64::from(span) + i64::from(self.packet_samples) > bound {
            self.drop_beyond(self.settings.samples(self.settings.depth), timestamp);
        }
        true
    }

    /// Drops what is older than `samples` before the end of a packet at `newest`, but one at least;
    /// what is left is next.
    fn drop_beyond(&mut self, samples: u32, newest: Timestamp) {
        let mut dropped = 0u64;
        while let Some((slot, held)) = self.oldest() {
            let span = newest.advanced_by(self.packet_samples).distance_from(held.place.timestamp);
            if dropped > 0 && i64::from(span) <= i64::from(samples) {
                break;
            }
            self.free(slot);
            dropped += 1;
        }
        self.counters.overflow += dropped;
        if matches!(self.state, State::Playing { .. }) {
            let next = self.oldest().map_or(newest, |(_, held)| held.place.timestamp);
            let sequence =
                self.oldest().map(|(_, held)| SequenceNumber(held.place.sequence.0.wrapping_sub(1)));
            self.cursor = self.cursor.map(|cursor| Place {
                sequence: sequence.unwrap_or(cursor.sequence),
                timestamp: next.put_back_by(self.packet_samples),
            });
        }
    }

    fn keep(&mut self, arrival: Instant, packet: &Packet<'_>) {
        let header = packet.header();
        let place = Place { sequence: header.sequence, timestamp: header.timestamp };
        let payload = packet.payload();
        self.learn_length(place);
        self.ssrc = Some(header.ssrc);
        let free = self.slots.iter_mut().enumerate().find(|(_, slot)| slot.is_none());
        let (at, slot) = free.expect("make_room() left a slot, begin_anew() all of them");
        *slot = Some(Held { place, payload_type: header.payload_type, len: payload.len() });
        let begin = at * self.settings.slot_octets;
        if let Some(octets) = self.octets.get_mut(begin..begin + payload.len()) {
            octets.copy_from_slice(payload);
        }
        if matches!(self.state, State::Idle) {
            self.state = State::Filling { due: arrival + self.settings.depth };
        }
    }

    /// Two packets in sequence tell how long the first is, if the sender didn't pause between them:
    /// so but for the first time two pairs must tell the same.
    fn learn_length(&mut self, place: Place) {
        if let Some(newest) = self.newest
            && place.sequence == newest.sequence.next()
            && let Ok(samples) = u32::try_from(place.timestamp.distance_from(newest.timestamp))
            && (1..=self.settings.samples(LONGEST_PACKET)).contains(&samples)
        {
            if self.told_samples.is_none_or(|told| told == samples) {
                self.packet_samples = samples;
            }
            self.told_samples = Some(samples);
        }
        self.newest = Some(place);
    }

    /// Hands out what comes next. The caller asks until it has a tick's worth of samples, or until
    /// [`Pulled::Empty`]: then it fills up the tick by itself. A payload that is longer than
    /// `payload` is cut.
    pub fn pull(&mut self, now: Instant, payload: &mut [u8]) -> Pulled {
        match self.state {
            State::Idle => Pulled::Empty,
            State::Filling { due } if now < due => Pulled::Empty,
            State::Filling { .. } => {
                self.begin_talkspurt();
                self.play(0, payload)
            }
            State::Playing { starved } => self.play(starved, payload),
        }
    }

    /// A burst may have come while filling: what is far beyond the depth would be delay for good.
    fn begin_talkspurt(&mut self) {
        let newest = self.held().map(|held| held.place.timestamp);
        let newest = newest.reduce(|newest, next| if next.distance_from(newest) > 0 { next } else { newest });
        let depth = self.settings.samples(self.settings.depth);
        if let (Some((_, oldest)), Some(newest)) = (self.oldest(), newest) {
            let span = newest.advanced_by(self.packet_samples).distance_from(oldest.place.timestamp);
            if i64::from(span) > 2 * i64::from(depth) + i64::from(self.packet_samples) {
                self.drop_beyond(depth.saturating_add(self.packet_samples), newest);
            }
        }
        self.cursor = self.oldest().map(|(_, held)| Place {
            sequence: SequenceNumber(held.place.sequence.0.wrapping_sub(1)),
            timestamp: held.place.timestamp.put_back_by(self.packet_samples),
        });
    }

    fn play(&mut self, starved: u32, payload: &mut [u8]) -> Pulled {
        let length = self.packet_samples;
        let (Some((slot, held)), Some(cursor)) = (self.oldest(), self.cursor) else {
            return self.starve(starved.saturating_add(length));
        };
        self.state = State::Playing { starved: 0 };
        let due = cursor.timestamp.advanced_by(length);
        let gap = u32::try_from(held.place.timestamp.distance_from(due)).unwrap_or(0);
        let is_next = held.place.sequence == cursor.sequence.next();
        if gap == 0 || (is_next && gap < length) {
            return self.hand_out(slot, &held, payload);
        }
        let samples = gap.min(length);
        self.give_up(samples);
        if is_next { Pulled::Pause { samples } } else { Pulled::Lost { samples } }
    }

    fn starve(&mut self, starved: u32) -> Pulled {
        if starved > self.settings.samples(STARVED_LIMIT) {
            self.state = State::Idle;
            return Pulled::Empty;
        }
        self.state = State::Playing { starved };
        let samples = self.packet_samples;
        self.give_up(samples);
        Pulled::Lost { samples }
    }

    /// The turn of what is next passes by.
    fn give_up(&mut self, samples: u32) {
        if let Some(cursor) = &mut self.cursor {
            cursor.timestamp = cursor.timestamp.advanced_by(samples);
        }
    }

    fn hand_out(&mut self, slot: usize, held: &Held, payload: &mut [u8]) -> Pulled {
        let begin = slot * self.settings.slot_octets;
        let len = held.len.min(payload.len());
        if let (Some(out), Some(octets)) = (payload.get_mut(..len), self.octets.get(begin..begin + len)) {
            out.copy_from_slice(octets);
        }
        self.free(slot);
        self.cursor = Some(held.place);
        Pulled::Frame { payload_type: held.payload_type, timestamp: held.place.timestamp, len }
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.slots.iter().flatten()
    }

    /// The slot of the lowest timestamp.
    fn oldest(&self) -> Option<(usize, Held)> {
        let held = self.slots.iter().enumerate().filter_map(|(at, slot)| slot.map(|held| (at, held)));
        held.reduce(|oldest, next| {
            let ahead = next.1.place.timestamp.distance_from(oldest.1.place.timestamp);
            if ahead < 0 { next } else { oldest }
        })
    }

    fn free(&mut self, slot: usize) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = None;
        }
    }

    /// Why packets were not played, so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Packets that came but weren't played: late, too many at once, too long.
    pub const fn discarded(&self) -> u64 {
        self.counters.late + self.counters.overflow + self.counters.too_long
    }
}

impl Settings {
    fn samples(&self, span: Duration) -> u32 {
        let samples = span.as_nanos() * u128::from(self.clock_hz) / 1_000_000_000;
        u32::try_from(samples).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
