//! Keys as RTP events (RFC 4733).

use core::time::Duration;

use terms::Digit;

use crate::packet::{Packet, Timestamp};

/// RFC 4733 §2.3: the payload of an event packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// RFC 4733 §3.2 table 3: 0 to 15 are the keys.
    pub code: u8,
    /// The event is over.
    pub end: bool,
    /// Power below 0 dBm0, 0 to 63.
    pub volume: u8,
    /// How long it has lasted, in timestamp units.
    pub duration: u16,
}

impl Event {
    /// Reads the first event of a payload.
    pub const fn parse(payload: &[u8]) -> Option<Self> {
        match payload {
            [code, flags, d0, d1, ..] => Some(Self {
                code: *code,
                end: *flags & 0x80 != 0,
                volume: *flags & 0x3f,
                duration: u16::from_be_bytes([*d0, *d1]),
            }),
            _ => None,
        }
    }

    /// The payload that says this.
    pub const fn to_payload(self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.code, ((self.end as u8) << 7) | (self.volume & 0x3f), d0, d1]
    }
}

/// Tells each press once, however many of its packets come, and in whatever order.
#[derive(Debug, Clone, Default)]
pub struct Receiver {}

impl Receiver {
    /// No key was pressed yet.
    pub const fn new() -> Self {
        Self {}
    }

    /// Takes an event packet; yields the key when its press is heard of for the first time.
    pub fn receive(&mut self, packet: &Packet<'_>) -> Option<Digit> {
        let _ = packet;
        None
    }
}

/// One packet of a press that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing {
    /// RFC 4733 §2.5.1.1: set on the first packet.
    pub marker: bool,
    /// The same in every packet of a press (RFC 4733 §2.2).
    pub timestamp: Timestamp,
    /// What it carries.
    pub payload: [u8; 4],
}

/// Yields the packets of one press, one each 20 ms.
#[derive(Debug, Clone)]
pub struct Sender {
    timestamp: Timestamp,
}

impl Sender {
    /// A press that begins at `timestamp` and lasts for `length` (rounded up to whole ticks).
    pub fn new(digit: Digit, timestamp: Timestamp, length: Duration) -> Self {
        let _ = (digit, length);
        Self { timestamp }
    }
}

impl Iterator for Sender {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        let _ = self.timestamp;
        None
    }
}
