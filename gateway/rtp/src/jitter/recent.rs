//! Which packets came lately, to tell one that came twice from one that came late.

use crate::packet::SequenceNumber;

/// The last 64 sequence numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent {
    newest: Option<SequenceNumber>,
    /// Bit `n` stands for the number `n` before the newest.
    seen: u64,
}

impl Recent {
    pub(super) fn note(&mut self, sequence: SequenceNumber) {
        let ahead = self.newest.map_or(i16::MAX, |newest| sequence.distance_from(newest));
        if ahead > 0 {
            self.seen = self.seen.checked_shl(u32::from(ahead.unsigned_abs())).unwrap_or(0);
            self.newest = Some(sequence);
        }
        self.seen |= self.bit(sequence);
    }

    /// Whether this number is among them.
    pub(super) fn has(&self, sequence: SequenceNumber) -> bool {
        self.seen & self.bit(sequence) != 0
    }

    fn bit(&self, sequence: SequenceNumber) -> u64 {
        let before = self.newest.map_or(-1, |newest| newest.distance_from(sequence));
        u32::try_from(before).ok().and_then(|before| 1_u64.checked_shl(before)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_from_then_on_wherever_the_count_wraps() {
        let mut recent = Recent::default();
        let numbers = [65_534, 65_535, 65_534, 1, 0, 1, 0, 65_535, 40, 65_533].map(SequenceNumber);
        let known = numbers.map(|sequence| {
            let known = recent.has(sequence);
            recent.note(sequence);
            known
        });
        assert_eq!(known, [false, false, true, false, false, true, true, true, false, false]);
        recent.note(SequenceNumber(1_000));
        assert!(!recent.has(SequenceNumber(40)), "long ago");
    }
}
