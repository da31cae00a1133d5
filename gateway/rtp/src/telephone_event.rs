//! Keys as RTP events (RFC 4733).

use core::time::Duration;

use terms::{
    Digit,
    media::{ClockRate, Press},
};

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

/// The payload of an event that goes on in a stream of another clock (RFC 4733 §2.3.5: the duration is in its units); none
/// where there is no event in it.
pub fn on_clock(payload: &[u8], (from, to): (ClockRate, ClockRate)) -> Option<[u8; 4]> {
    let event = Event::parse(payload)?;
    let duration = u64::from(event.duration) * u64::from(to.hz()) / u64::from(from.hz());
    Some(Event { duration: u16::try_from(duration).unwrap_or(u16::MAX), ..event }.to_payload())
}

/// RFC 4733 §2.5.1.3: a press that lasts longer goes on under a new timestamp, so much later.
const LONGEST_SEGMENT: i32 = 0xffff;
/// An event so much older than the last is a late packet's; older still, the sender's clock jumped.
/// Ten seconds at 8 kHz.
const OLD_EVENT: i32 = 80_000;

/// Tells each press once, however many of its packets come, and in whatever order.
///
/// A press is known by its timestamp (RFC 4733 §2.2): neither the marker nor the end has to arrive.
/// A packet of an earlier press that comes after a later press began is passed over.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    last: Option<Press>,
}

/// What an event packet is to the last press.
enum Relation {
    New,
    Same,
    Segment,
    Old,
}

impl Receiver {
    /// No key was pressed yet.
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// A receiver that was told of `last` before.
    pub const fn after(last: Option<Press>) -> Self {
        Self { last }
    }

    /// The press that was told last.
    pub const fn last(&self) -> Option<Press> {
        self.last
    }

    /// Takes an event packet; yields the key when its press is heard of for the first time. Events
    /// that are no keys (RFC 4733 §3.2: flash; RFC 4734: fax tones) yield nothing.
    pub fn receive(&mut self, packet: &Packet<'_>) -> Option<Digit> {
        let event = Event::parse(packet.payload())?;
        let digit = Digit::from_event(event.code)?;
        let press = Press { ssrc: packet.ssrc(), timestamp: packet.timestamp().0, code: event.code };
        match self.last.map_or(Relation::New, |last| relation(last, press)) {
            Relation::New => {
                self.last = Some(press);
                Some(digit)
            }
            Relation::Segment => {
                self.last = Some(press);
                None
            }
            Relation::Same | Relation::Old => None,
        }
    }
}

/// What a packet of `next` is after those of `last`.
const fn relation(last: Press, next: Press) -> Relation {
    if next.ssrc.0 != last.ssrc.0 {
        return Relation::New;
    }
    let ahead = Timestamp(next.timestamp).distance_from(Timestamp(last.timestamp));
    if ahead == 0 && next.code == last.code {
        Relation::Same
    } else if ahead == LONGEST_SEGMENT && next.code == last.code {
        Relation::Segment
    } else if -OLD_EVENT <= ahead && ahead < 0 {
        Relation::Old
    } else {
        Relation::New
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

/// Timestamp units of a tick of 20 ms: events run at 8,000 Hz beside every codec we have.
const TICK: u16 = 160;
/// RFC 4733 §2.5.1.4: the last packet is sent three times.
const ENDS: u8 = 3;
/// RFC 4733 §2.5.2.1: in dBm0 less its sign; what most phones send.
const VOLUME: u8 = 10;

/// Yields the packets of one press, one each 20 ms.
#[derive(Debug, Clone)]
pub struct Sender {
    digit: Digit,
    timestamp: Timestamp,
    /// Timestamp units, a multiple of [`TICK`].
    length: u16,
    /// What the last packet told.
    duration: u16,
    ends_left: u8,
}

impl Sender {
    /// A press that begins at `timestamp` and lasts for `length` (rounded up to whole ticks, 8 s at
    /// most).
    pub fn new(digit: Digit, timestamp: Timestamp, length: Duration) -> Self {
        let ticks = length.as_millis().div_ceil(20).clamp(1, u128::from(u16::MAX / TICK));
        let length = u16::try_from(ticks).map_or(u16::MAX, |ticks| ticks * TICK);
        Self { digit, timestamp, length, duration: 0, ends_left: ENDS }
    }
}

impl Iterator for Sender {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        let marker = self.duration == 0;
        self.duration = self.length.min(self.duration.saturating_add(TICK));
        let end = self.duration == self.length;
        if end {
            self.ends_left = self.ends_left.checked_sub(1)?;
        }
        let event = Event { code: self.digit.event(), end, volume: VOLUME, duration: self.duration };
        Some(Outgoing { marker, timestamp: self.timestamp, payload: event.to_payload() })
    }
}

#[cfg(test)]
mod tests;
