//! Where packets wait: slots of one size, each made when it is first needed.
//!
//! A steady path needs two or three of them, so a stream takes some hundred octets where the worst one takes 15,000.

use terms::media::PayloadType;

use crate::packet::{SequenceNumber, Timestamp};

/// Where a packet stands in its stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) sequence: SequenceNumber,
    pub(super) timestamp: Timestamp,
}

/// What is known of a packet that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) place: Place,
    pub(super) payload_type: PayloadType,
    pub(super) len: u16,
}

/// Names a slot that is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(usize);

/// So many at most: as there are bits in a word.
const MAX_SLOTS: usize = 64;

/// A slot is as long as the longest payload so far, in steps of so much.
const STEP: usize = 32;

#[derive(Debug, Clone)]
pub(super) struct Slots {
    /// Of the slots that were made.
    held: Vec<Held>,
    /// Bit `n` is set where slot `n` is taken: most are free most of the time.
    taken: u64,
    /// The payload of slot `n` begins at `n * size`.
    octets: Vec<u8>,
    size: usize,
    /// How many there may be.
    most: usize,
}

impl Slots {
    pub(super) fn new(most: usize) -> Self {
        Self { held: Vec::new(), taken: 0, octets: Vec::new(), size: 0, most: most.clamp(1, MAX_SLOTS) }
    }

    pub(super) fn count(&self) -> usize {
        usize::try_from(self.taken.count_ones()).unwrap_or(MAX_SLOTS)
    }

    pub(super) fn is_full(&self) -> bool {
        self.count() == self.most
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.taken().filter_map(|slot| self.held.get(slot.0))
    }

    fn taken(&self) -> impl Iterator<Item = Slot> {
        let mut left = self.taken;
        core::iter::from_fn(move || {
            let at = usize::try_from(left.trailing_zeros()).ok().filter(|at| *at < MAX_SLOTS)?;
            left &= left - 1;
            Some(Slot(at))
        })
    }

    /// The one of the lowest timestamp.
    pub(super) fn oldest(&self) -> Option<(Slot, Held)> {
        let held = self.taken().filter_map(|slot| Some((slot, *self.held.get(slot.0)?)));
        held.reduce(|oldest, next| {
            let ahead = next.1.place.timestamp.distance_from(oldest.1.place.timestamp);
            if ahead < 0 { next } else { oldest }
        })
    }

    /// Fills a free slot; without one nothing is kept.
    pub(super) fn keep(&mut self, place: Place, payload_type: PayloadType, payload: &[u8]) {
        let at = usize::try_from((!self.taken).trailing_zeros()).unwrap_or(MAX_SLOTS);
        let (true, Ok(len)) = (at < self.most, u16::try_from(payload.len())) else { return };
        self.widen(payload.len());
        let held = Held { place, payload_type, len };
        match self.held.get_mut(at) {
            Some(slot) => *slot = held,
            None => {
                self.held.push(held);
                // As much as is asked for: a stall of the machine makes all streams grow at once.
                self.octets.reserve_exact(self.size);
                self.octets.resize(self.held.len() * self.size, 0);
            }
        }
        let begin = at * self.size;
        if let Some(octets) = self.octets.get_mut(begin..begin + payload.len()) {
            octets.copy_from_slice(payload);
            self.taken |= 1 << at;
        }
    }

    /// Makes all slots long enough; what they hold stays.
    fn widen(&mut self, len: usize) {
        if len <= self.size {
            return;
        }
        let size = len.next_multiple_of(STEP);
        let mut octets = vec![0; self.held.len() * size];
        if self.size > 0 {
            for (wide, narrow) in octets.chunks_mut(size).zip(self.octets.chunks(self.size)) {
                wide.iter_mut().zip(narrow).for_each(|(to, from)| *to = *from);
            }
        }
        (self.octets, self.size) = (octets, size);
    }

    /// Copies a payload, or what of it fits; returns how many octets.
    pub(super) fn copy(&self, slot: Slot, out: &mut [u8]) -> usize {
        let len = self.held.get(slot.0).map_or(0, |held| usize::from(held.len).min(out.len()));
        let begin = slot.0 * self.size;
        match (out.get_mut(..len), self.octets.get(begin..begin + len)) {
            (Some(out), Some(octets)) => {
                out.copy_from_slice(octets);
                len
            }
            _ => 0,
        }
    }

    pub(super) fn free(&mut self, slot: Slot) {
        self.taken &= !(1 << slot.0);
    }

    pub(super) fn free_all(&mut self) {
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(slots: &mut Slots, number: u16, payload: &[u8]) {
        let place = Place { sequence: SequenceNumber(number), timestamp: Timestamp(number.into()) };
        slots.keep(place, PayloadType(0), payload);
    }

    fn take(slots: &mut Slots) -> Option<Vec<u8>> {
        let (slot, held) = slots.oldest()?;
        let mut out = vec![0; usize::from(held.len) + 1];
        let len = slots.copy(slot, &mut out);
        slots.free(slot);
        out.truncate(len);
        Some(out)
    }

    #[test]
    fn as_many_slots_are_made_as_were_needed_at_once() {
        let mut slots = Slots::new(4);
        for number in 0..100 {
            keep(&mut slots, number, &[1; 160]);
            keep(&mut slots, number + 1, &[2; 160]);
            assert_eq!(take(&mut slots), Some(vec![1; 160]));
            assert_eq!(take(&mut slots), Some(vec![2; 160]));
        }
        assert_eq!((slots.held.len(), slots.octets.len()), (2, 320));
    }

    #[test]
    fn a_longer_payload_widens_what_others_wait_in() {
        let mut slots = Slots::new(3);
        for (number, length) in [(0, 3), (1, 0), (2, 500), (3, 9)] {
            keep(&mut slots, number, &vec![7; length]);
        }
        assert!(slots.is_full());
        let taken: Vec<usize> =
            core::iter::from_fn(|| take(&mut slots)).map(|payload| payload.len()).collect();
        assert_eq!(taken, [3, 0, 500], "the fourth found no room");
    }
}
