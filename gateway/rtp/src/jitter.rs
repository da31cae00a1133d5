//! The jitter buffer: packets in as they come, payloads out as they are due.
//!
//! ```text
//!             insert, and deep enough
//!   Waiting ──────────────────────────▶ Playing
//!      ▲                                   │
//!      └── nothing came for 60 ms, or source or timestamps jumped (resynchronized)
//! ```
//!
//! A talkspurt begins once its first packet is as [deep](Buffer::depth) as the packets of the last
//! seconds ask for. From there on one payload follows the other, however late: what nobody sent in
//! time is made up meanwhile, and by so much the delay has grown. Only what is missing while
//! something behind it is there has lost its turn. After 60 ms without a packet the talkspurt is over.
//!
//! The depth is brought back to what is wanted by the caller, who plays a little faster or slower
//! (MEDIA-5): then it pulls more or less often, and so clocks that drift apart are followed too.
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

mod delay;
mod recent;
mod slots;

use core::time::Duration;

use terms::{
    Instant,
    media::{PayloadType, Ssrc},
};

pub use delay::Depth;

use crate::packet::{Header, Packet, SequenceNumber, Timestamp};
use delay::{Came, Delays};
use recent::Recent;
use slots::{Held, Place, Slot, Slots};

/// A longer packet is none (MEDIA-3): two timestamps further apart tell a pause.
const LONGEST_PACKET: Duration = Duration::from_millis(60);
/// A talkspurt that has had nothing to play for longer is over.
const STARVED_LIMIT: Duration = Duration::from_millis(60);
/// Timestamps that go back further are a sender's that began anew.
const LONGEST_STEP_BACK: Duration = Duration::from_secs(1);
/// When all packets for so long were late, the path or the sender's clock has changed.
const LATE_LIMIT: Duration = Duration::from_millis(200);

/// What is made up at once while nothing comes: what does come then is waited for no longer.
const STARVED_STEP: Duration = Duration::from_millis(20);

/// How deep and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// RTP timestamps a second.
    pub clock_hz: u32,
    /// The depth before anything is known of the path.
    pub first_depth: Duration,
    /// The least depth.
    pub shallowest: Duration,
    /// The greatest.
    pub deepest: Duration,
    /// What is held beyond this is dropped, oldest first, down to the depth that is wanted.
    pub bound: Duration,
    /// How many packets are held at most.
    pub slots: usize,
    /// The longest payload that is held.
    pub slot_octets: usize,
}

impl Default for Settings {
    /// MEDIA-5: G.711 in packets of 10 to 60 ms, 20 to 200 ms deep, in 16 kB.
    fn default() -> Self {
        Self {
            clock_hz: 8_000,
            first_depth: Duration::from_millis(40),
            shallowest: Duration::from_millis(20),
            deepest: Duration::from_millis(200),
            bound: Duration::from_millis(320),
            slots: 32,
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
    /// Times there was nothing when something was due.
    pub missing: u64,
}

/// Holds the packets of one stream until they are due.
#[derive(Debug, Clone)]
pub struct Buffer {
    settings: Settings,
    slots: Slots,
    delays: Delays,
    state: State,
    ssrc: Option<Ssrc>,
    /// What was handed out or given up last.
    cursor: Option<Place>,
    /// What came last, to tell a packet's length by the next.
    newest: Option<Place>,
    recent: Recent,
    packet_samples: u32,
    /// What the last two packets in sequence said of their length.
    told_samples: Option<u32>,
    /// Since when every packet was late.
    late_since: Option<Instant>,
    counters: Counters,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Between two talkspurts, or before the first packet of one is due.
    Waiting,
    /// In a talkspurt; so many samples were made up since a payload was handed out.
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
    /// Takes memory as the path asks for it, within the settings' bounds.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: *settings,
            slots: Slots::new(settings.slots),
            delays: Delays::new(settings),
            state: State::Waiting,
            ssrc: None,
            cursor: None,
            newest: None,
            recent: Recent::default(),
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
        let order = self.order(arrival, &header);
        match order {
            Order::Duplicate => {
                self.counters.duplicate += 1;
                return Inserted::Duplicate;
            }
            Order::Jump => self.begin_anew(),
            Order::Next | Order::Late => {}
        }
        self.recent.note(header.sequence);
        self.measure(arrival, &order, header.timestamp);
        if matches!(order, Order::Late) {
            self.counters.late += 1;
            return Inserted::Late;
        }
        if !self.make_room(header.timestamp) {
            self.counters.overflow += 1;
            return Inserted::Late;
        }
        self.keep(packet);
        if matches!(order, Order::Jump) { Inserted::Resynchronized } else { Inserted::Kept }
    }

    fn measure(&mut self, arrival: Instant, order: &Order, timestamp: Timestamp) {
        let came = match (order, self.state) {
            (Order::Late, _) | (_, State::Playing { starved: 1.. }) => Came::TooLate,
            _ => Came::InTime,
        };
        // A sender whose timestamps stood still while it paused, or a path that is another one.
        let begins = matches!(self.state, State::Waiting) && self.slots.oldest().is_none();
        if begins && self.delays.depth(arrival, timestamp).now > self.settings.bound {
            self.delays.begin_anew();
        }
        self.delays.add(arrival, timestamp, self.packet_samples, came);
    }

    fn order(&mut self, arrival: Instant, header: &Header) -> Order {
        if self.ssrc.is_some_and(|ssrc| ssrc != header.ssrc) {
            return Order::Jump;
        }
        let is_same = |place: Place| place.sequence == header.sequence || place.timestamp == header.timestamp;
        if self.slots.held().any(|held| is_same(held.place)) {
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
        if last.sequence == header.sequence || self.recent.has(header.sequence) {
            return Order::Duplicate;
        }
        let since = *self.late_since.get_or_insert(arrival);
        if arrival.since(since) > LATE_LIMIT { Order::Jump } else { Order::Late }
    }

    /// Forgets what is held and where it stood; the counters go on.
    fn begin_anew(&mut self) {
        let dropped = self.slots.count();
        self.counters.overflow += u64::try_from(dropped).unwrap_or(u64::MAX);
        self.counters.resynchronized += 1;
        self.slots.free_all();
        self.delays.begin_anew();
        self.state = State::Waiting;
        self.cursor = None;
        self.newest = None;
        self.recent = Recent::default();
        self.late_since = None;
    }

    /// Whether a packet of this timestamp has a slot, after dropping what is held beyond the bound.
    fn make_room(&mut self, timestamp: Timestamp) -> bool {
        let Some(oldest) = self.slots.oldest() else { return true };
        let span = timestamp.distance_from(oldest.1.place.timestamp);
        let bound = i64::from(self.settings.samples(self.settings.bound));
        let is_full = self.slots.is_full();
        if is_full && span <= 0 {
            return false;
        }
        if is_full || i64::from(span) + i64::from(self.packet_samples) > bound {
            self.drop_beyond(self.settings.samples(self.delays.wanted()), timestamp);
        }
        true
    }

    /// Drops what is older than `samples` before the end of a packet at `newest`, but one at least;
    /// what is left is next.
    fn drop_beyond(&mut self, samples: u32, newest: Timestamp) {
        let mut dropped = 0u64;
        while let Some((slot, held)) = self.slots.oldest() {
            let span = newest.advanced_by(self.packet_samples).distance_from(held.place.timestamp);
            if dropped > 0 && i64::from(span) <= i64::from(samples) {
                break;
            }
            self.slots.free(slot);
            dropped += 1;
        }
        self.counters.overflow += dropped;
        if matches!(self.state, State::Playing { .. }) {
            let oldest = self.slots.oldest();
            let next = oldest.map_or(newest, |(_, held)| held.place.timestamp);
            let sequence = oldest.map(|(_, held)| SequenceNumber(held.place.sequence.0.wrapping_sub(1)));
            self.cursor = self.cursor.map(|cursor| Place {
                sequence: sequence.unwrap_or(cursor.sequence),
                timestamp: next.put_back_by(self.packet_samples),
            });
        }
    }

    fn keep(&mut self, packet: &Packet<'_>) {
        let header = packet.header();
        let place = Place { sequence: header.sequence, timestamp: header.timestamp };
        self.learn_length(place);
        self.ssrc = Some(header.ssrc);
        self.slots.keep(place, header.payload_type, packet.payload());
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
        match (self.state, self.slots.oldest()) {
            (State::Waiting, None) => Pulled::Empty,
            (State::Waiting, Some((_, oldest))) => {
                let depth = self.depth(now, oldest.place.timestamp);
                if depth.now < depth.wanted {
                    return Pulled::Empty;
                }
                self.cursor = Some(Place {
                    sequence: SequenceNumber(oldest.place.sequence.0.wrapping_sub(1)),
                    timestamp: oldest.place.timestamp.put_back_by(self.packet_samples),
                });
                self.play(0, payload)
            }
            (State::Playing { starved }, _) => self.play(starved, payload),
        }
    }

    /// How deep the buffer is if the sample of this timestamp is played now.
    pub fn depth(&self, now: Instant, timestamp: Timestamp) -> Depth {
        self.delays.depth(now, timestamp)
    }

    /// What was handed out says that the sender pauses: the next packet begins a talkspurt.
    pub const fn pause(&mut self) {
        self.state = State::Waiting;
    }

    /// Something else comes in place of sound, such as keys: what is not there is no gap.
    pub fn pause_if_empty(&mut self) {
        if self.slots.count() == 0 {
            self.pause();
        }
    }

    /// Whether [`Buffer::pull`] would yield a frame: the one that is next is there.
    pub fn is_next_held(&self) -> bool {
        match (self.state, self.slots.oldest(), self.cursor) {
            (State::Playing { starved }, Some((_, held)), Some(cursor)) => {
                self.gap(&held, cursor).saturating_sub(starved) == 0
            }
            _ => false,
        }
    }

    fn play(&mut self, starved: u32, payload: &mut [u8]) -> Pulled {
        let (Some((slot, held)), Some(cursor)) = (self.slots.oldest(), self.cursor) else {
            return self.starve(starved);
        };
        self.state = State::Playing { starved: 0 };
        // What was made up while nothing was there stands for the beginning of the gap.
        let gap = self.gap(&held, cursor);
        self.give_up(starved.min(gap));
        let gap = gap.saturating_sub(starved);
        let length = self.packet_samples;
        let is_next = held.place.sequence == cursor.sequence.next();
        if gap == 0 || (is_next && gap < length) {
            return self.hand_out(slot, &held, payload);
        }
        let samples = gap.min(length);
        self.give_up(samples);
        if is_next {
            return Pulled::Pause { samples };
        }
        self.counters.missing += 1;
        Pulled::Lost { samples }
    }

    /// Samples between what is over and a packet.
    fn gap(&self, held: &Held, cursor: Place) -> u32 {
        let due = cursor.timestamp.advanced_by(self.packet_samples);
        u32::try_from(held.place.timestamp.distance_from(due)).unwrap_or(0)
    }

    /// Nothing is there: it may come yet, and then it is next.
    fn starve(&mut self, starved: u32) -> Pulled {
        let samples = self.packet_samples.min(self.settings.samples(STARVED_STEP));
        let starved = starved.saturating_add(samples);
        if starved > self.settings.samples(STARVED_LIMIT) {
            self.state = State::Waiting;
            return Pulled::Empty;
        }
        self.state = State::Playing { starved };
        self.counters.missing += 1;
        Pulled::Lost { samples }
    }

    /// The turn of what is next passes by.
    fn give_up(&mut self, samples: u32) {
        if let Some(cursor) = &mut self.cursor {
            cursor.timestamp = cursor.timestamp.advanced_by(samples);
        }
    }

    fn hand_out(&mut self, slot: Slot, held: &Held, payload: &mut [u8]) -> Pulled {
        let len = self.slots.copy(slot, payload);
        self.slots.free(slot);
        self.cursor = Some(held.place);
        Pulled::Frame { payload_type: held.payload_type, timestamp: held.place.timestamp, len }
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
