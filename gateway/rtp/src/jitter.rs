//! The jitter buffer: packets in as they come, payloads out as they are due.

use core::time::Duration;

use terms::{Instant, media::PayloadType};

use crate::packet::{Packet, Timestamp};

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
    /// Dropped because too much was held.
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
}

impl Buffer {
    /// Takes all the memory that it will ever use.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: *settings }
    }

    /// Takes a packet in.
    pub fn insert(&mut self, arrival: Instant, packet: &Packet<'_>) -> Inserted {
        let _ = (arrival, packet, self.settings);
        Inserted::Kept
    }

    /// Hands out what comes next. The caller asks until it has a tick's worth of samples, or until
    /// [`Pulled::Empty`]: then it fills up the tick by itself.
    pub fn pull(&mut self, now: Instant, payload: &mut [u8]) -> Pulled {
        let _ = (now, payload);
        Pulled::Empty
    }

    /// Why packets were not played, so far.
    pub fn counters(&self) -> Counters {
        Counters::default()
    }

    /// Packets that came but weren't played: late, too many at once, too long.
    pub fn discarded(&self) -> u64 {
        0
    }
}
