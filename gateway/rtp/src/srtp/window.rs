//! Which indices came (RFC 3711 §3.3), and what an index is whose lower half alone is on the wire.

use super::SrtpError;

/// How far behind the highest a packet may be; RFC 3711 §3.3.2 asks for 64 at the least.
pub(super) const WIDTH: u64 = 128;

/// The indices of one source that came, as far as they matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    highest: u64,
    /// Bit n: the index n below the highest came.
    seen: u128,
}

impl Window {
    /// Nothing but `first` came.
    pub(super) const fn beginning_at(first: u64) -> Self {
        Self { highest: first, seen: 1 }
    }

    /// All up to `highest` is taken to have come: who knows no better lets nothing in twice.
    pub(super) const fn restored(highest: u64) -> Self {
        Self { highest, seen: u128::MAX }
    }

    pub(super) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether a packet may be taken; before its tag is checked, which costs more.
    pub(super) fn check(&self, index: u64) -> Result<(), SrtpError> {
        let Some(behind) = self.highest.checked_sub(index) else { return Ok(()) };
        if behind >= WIDTH {
            Err(SrtpError::TooOld)
        } else if self.seen >> behind & 1 == 1 {
            Err(SrtpError::Replayed)
        } else {
            Ok(())
        }
    }

    /// A packet whose tag was right.
    pub(super) fn note(&mut self, index: u64) {
        match index.checked_sub(self.highest) {
            Some(ahead) => {
                let moved = u32::try_from(ahead).ok().and_then(|ahead| self.seen.checked_shl(ahead));
                self.seen = moved.unwrap_or(0) | 1;
                self.highest = index;
            }
            None => {
                let behind = self.highest - index;
                if behind < WIDTH {
                    self.seen |= 1 << behind;
                }
            }
        }
    }
}

/// RFC 3711 §3.3.1: the index that is nearest to the highest. `None`: it lies before the first.
pub(super) fn estimate(highest: u64, sequence: u16) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, reason = "the sequence number is the index's lower half")]
    let distance = sequence.wrapping_sub(highest as u16).cast_signed();
    highest.checked_add_signed(distance.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3711_3_3_1_the_index_follows_the_roll_over() {
        let rows = [
            (0, 5, Some(5)),
            (0xfff0, 3, Some(0x1_0003)),
            (0x1_0003, 0xfff0, Some(0xfff0)),
            (0x1_0003, 4, Some(0x1_0004)),
            (3, 0xfff0, None),
            (0x2_8000, 0xffff, Some(0x2_ffff)),
        ];
        for (highest, sequence, index) in rows {
            assert_eq!(estimate(highest, sequence), index, "{highest:x} {sequence:x}");
        }
    }

    #[test]
    fn rfc3711_3_3_2_nothing_is_taken_twice_or_too_late() {
        let mut window = Window::beginning_at(200);
        assert_eq!(window.check(200), Err(SrtpError::Replayed));
        window.note(203);
        assert_eq!((window.check(202), window.check(200)), (Ok(()), Err(SrtpError::Replayed)));
        window.note(202);
        assert_eq!(window.check(202), Err(SrtpError::Replayed));
        assert_eq!((window.check(76), window.check(75)), (Ok(()), Err(SrtpError::TooOld)));
        window.note(203 + WIDTH);
        assert_eq!((window.check(204), window.check(203)), (Ok(()), Err(SrtpError::TooOld)));
        window.note(u64::MAX);
        assert_eq!(window.check(u64::MAX - 1), Ok(()));
        assert_eq!(Window::restored(300).check(299), Err(SrtpError::Replayed));
    }
}
