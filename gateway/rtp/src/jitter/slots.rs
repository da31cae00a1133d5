//! Where packets wait: slots of one size, taken once.

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
    pub(super) len: usize,
}

/// Names a slot that is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(usize);

/// So many at most: as there are bits in a word.
const MAX_SLOTS: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct Slots {
    held: Box<[Option<Held>]>,
    /// Bit `n` is set where slot `n` is taken: most are free most of the time.
    taken: u64,
    /// The payload of slot `n` begins at `n * size`.
    octets: Box<[u8]>,
    size: usize,
}

impl Slots {
    pub(super) fn new(count: usize, size: usize) -> Self {
        let count = count.clamp(1, MAX_SLOTS);
        Self { held: vec![None; count].into(), taken: 0, octets: vec![0; count * size].into(), size }
    }

    pub(super) fn count(&self) -> usize {
        usize::try_from(self.taken.count_ones()).unwrap_or(MAX_SLOTS)
    }

    pub(super) fn is_full(&self) -> bool {
        self.count() == self.held.len()
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.taken().filter_map(|slot| self.held.get(slot.0)?.as_ref())
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
        let held = self.taken().filter_map(|slot| Some((slot, (*self.held.get(slot.0)?)?)));
        held.reduce(|oldest, next| {
            let ahead = next.1.place.timestamp.distance_from(oldest.1.place.timestamp);
            if ahead < 0 { next } else { oldest }
        })
    }

    /// Fills a free slot; without one, or with a payload that is longer than a slot, nothing is kept.
    pub(super) fn keep(&mut self, place: Place, payload_type: PayloadType, payload: &[u8]) {
        let at = usize::try_from((!self.taken).trailing_zeros()).unwrap_or(MAX_SLOTS);
        let Some(held) = self.held.get_mut(at) else { return };
        let begin = at * self.size;
        if let Some(octets) = self.octets.get_mut(begin..begin + payload.len().min(self.size)) {
            octets.copy_from_slice(payload.get(..octets.len()).unwrap_or_default());
            *held = Some(Held { place, payload_type, len: octets.len() });
            self.taken |= 1 << at;
        }
    }

    /// Copies a payload, or what of it fits; returns how many octets.
    pub(super) fn copy(&self, slot: Slot, out: &mut [u8]) -> usize {
        let len = self.held.get(slot.0).copied().flatten().map_or(0, |held| held.len.min(out.len()));
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
