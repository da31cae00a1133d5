//! Loss by the service's rule, over the last six seconds (MEDIA-7).
//!
//! Of the packets that arrived in the window, the lowest and the highest sequence number tell how
//! many were expected; those that came twice count once, and a new source begins a new window.
//!
//! ```text
//!   slots of 500 ms    │ 101 102 103 │ 105 104 │ 107     │ …        104 belongs to the slot of 105
//!   the window's edge    ▲ moves on by a slot: 101 to 103 leave it, and so would a 100 that came late
//! ```
//!
//! A number belongs to the slot in which it was expected first. So a packet that was overtaken
//! leaves the window with its neighbours, and none of them is missed.

use core::time::Duration;

use terms::{Instant, media::Ssrc};

use crate::packet::SequenceNumber;

/// What is looked back upon.
pub const WINDOW: Duration = Duration::from_secs(6);
/// The window's edge moves in steps of this.
const SLOT: Duration = Duration::from_millis(500);
/// The slots of a window, the one that is being filled among them.
const SLOTS: u32 = (WINDOW.as_millis() / SLOT.as_millis()) as u32;
/// Numbers that are remembered: more than a window holds at 10 ms a packet.
const REMEMBERED: u32 = 1_024;
const WORDS: usize = (REMEMBERED / u64::BITS) as usize;
/// A packet before the first that is no older may have been overtaken by it.
const MISORDER: u32 = 100;

/// What was lost in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// From the lowest to the highest sequence number.
    pub expected: u32,
    /// Of these, those that did not come.
    pub lost: u32,
    /// Runs of lost packets.
    pub bursts: u32,
}

impl Loss {
    /// Nothing comes.
    const ALL: Self = Self { expected: 1, lost: 1, bursts: 1 };

    /// What a report block says of the time since the one before: in 256ths, and nothing of bursts.
    pub fn of_fraction(fraction_lost: u8) -> Self {
        let lost = u32::from(fraction_lost);
        Self { expected: 256, lost, bursts: lost }
    }

    /// 0 to 100.
    pub fn percent(self) -> f32 {
        100.0 * float(self.lost) / float(self.expected.max(1))
    }

    /// G.107 §7.5 BurstR: how long runs of lost packets are, to how long they were if each packet
    /// was lost for itself. 1 is random loss.
    pub fn burst_ratio(self) -> f32 {
        let run = float(self.lost) / float(self.bursts.max(1));
        let random = float(self.expected) / float(self.expected.saturating_sub(self.lost).max(1));
        (run / random).max(1.0)
    }
}

/// What came of one source lately.
#[derive(Debug, Clone)]
pub struct LossWindow {
    source: Option<Ssrc>,
    /// The highest number that came, cycles in the upper half.
    highest: u32,
    slots: [Slot; SLOTS as usize],
    seen: [u64; WORDS],
}

/// The numbers that were expected first within one slot of time.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Which, counted from [`Instant::ZERO`].
    number: u32,
    /// The first number that was expected in it, and the last.
    first: u32,
    last: u32,
    /// The lowest of them that came.
    lowest: u32,
    /// How many came; none: the slot says nothing.
    received: u32,
}

impl Default for LossWindow {
    fn default() -> Self {
        Self { source: None, highest: 0, slots: [Slot::default(); SLOTS as usize], seen: [0; WORDS] }
    }
}

impl LossWindow {
    /// Takes note of a packet.
    pub fn take(&mut self, arrival: Instant, ssrc: Ssrc, sequence: SequenceNumber) {
        if self.source != Some(ssrc) {
            *self = Self { source: Some(ssrc), ..Self::default() };
            // A cycle is added so that a packet before the first can't fall below zero.
            let number = (1 << 16) | u32::from(sequence.0);
            self.highest = number;
            let first = number - MISORDER;
            return self.open(arrival, Slot { first, last: number, lowest: number, ..Slot::default() });
        }
        let step = sequence.distance_from(SequenceNumber(self.highest as u16));
        let number = self.highest.wrapping_add_signed(step.into());
        if step > 0 {
            self.advance(arrival, number);
        } else {
            self.take_late(number);
        }
    }

    /// The sender began anew: what was before is no measure of what comes.
    pub fn restart(&mut self) {
        self.source = None;
    }

    /// What was lost in the window that ends at `now`; `due_since` says since when the peer should
    /// send. Of less than two packets there is nothing to say, unless none came while they were due.
    pub fn loss(&self, now: Instant, due_since: Option<Instant>) -> Option<Loss> {
        let current = slot_at(now);
        let within = |slot: &&Slot| slot.received > 0 && slot.number + SLOTS > current;
        let slots = || self.slots.iter().filter(within).filter(|_| self.source.is_some());
        let received: u32 = slots().map(|slot| slot.received).sum();
        let lowest = slots().map(|slot| slot.lowest).min();
        let highest = slots().map(|slot| slot.last).max();
        let (Some(lowest), Some(highest)) = (lowest, highest) else {
            return due_since.filter(|since| now.since(*since) >= WINDOW).map(|_| Loss::ALL);
        };
        if received < 2 {
            return None;
        }
        let expected = highest - lowest + 1;
        let lost = expected.saturating_sub(received);
        let bursts = if lost > 0 { self.bursts(lowest, highest) } else { 0 };
        Some(Loss { expected, lost, bursts })
    }

    fn advance(&mut self, arrival: Instant, number: u32) {
        let first = self.highest + 1;
        for skipped in first..number.min(first + REMEMBERED) {
            self.forget(skipped);
        }
        self.highest = number;
        let at = slot_at(arrival);
        let open = self.slot_mut(at).filter(|slot| slot.received > 0 && slot.number == at);
        if let Some(slot) = open {
            slot.last = number;
            slot.received += 1;
            self.note(number);
        } else {
            self.open(arrival, Slot { first, last: number, lowest: number, ..Slot::default() });
        }
    }

    /// The first packet of a slot of time.
    fn open(&mut self, arrival: Instant, slot: Slot) {
        self.note(slot.last);
        let number = slot_at(arrival);
        if let Some(place) = self.slot_mut(number) {
            *place = Slot { number, received: 1, ..slot };
        }
    }

    fn slot_mut(&mut self, number: u32) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(number % SLOTS).ok()?)
    }

    /// A packet that was overtaken, or that came twice.
    fn take_late(&mut self, number: u32) {
        if self.highest - number >= REMEMBERED || self.has(number) {
            return;
        }
        self.note(number);
        let of_it = |slot: &&mut Slot| slot.received > 0 && (slot.first..=slot.last).contains(&number);
        if let Some(slot) = self.slots.iter_mut().find(of_it) {
            slot.received += 1;
            slot.lowest = slot.lowest.min(number);
        }
    }

    fn bursts(&self, lowest: u32, highest: u32) -> u32 {
        let from = lowest.max(highest.saturating_sub(REMEMBERED - 1));
        let begins = |number: &u32| !self.has(*number) && (*number == from || self.has(*number - 1));
        u32::try_from((from..=highest).filter(begins).count()).unwrap_or(u32::MAX)
    }

    fn has(&self, number: u32) -> bool {
        let (word, bit) = place_of(number);
        self.seen.get(word).is_some_and(|word| word & bit != 0)
    }

    fn note(&mut self, number: u32) {
        let (word, bit) = place_of(number);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= bit;
        }
    }

    fn forget(&mut self, number: u32) {
        let (word, bit) = place_of(number);
        if let Some(word) = self.seen.get_mut(word) {
            *word &= !bit;
        }
    }
}

/// The word of a number's bit, and the bit.
const fn place_of(number: u32) -> (usize, u64) {
    ((number % REMEMBERED / u64::BITS) as usize, 1 << (number % u64::BITS))
}

#[expect(clippy::cast_possible_truncation, reason = "a count of halves of a second")]
const fn slot_at(moment: Instant) -> u32 {
    (moment.as_nanos() / SLOT.as_nanos() as u64) as u32
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
const fn float(count: u32) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests;
