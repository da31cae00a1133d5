//! The last sound of a stream.

/// A ring: a frame is written once, and put in order only where it is looked at. What passed no sound has no memory of it.
#[derive(Debug, Clone)]
pub(super) struct Past {
    length: usize,
    /// Of that length, or empty as long as all is silent.
    ring: Box<[i16]>,
    /// Where the oldest sample is, and the next goes.
    at: usize,
}

impl Past {
    /// So many samples, of silence as yet.
    pub(super) fn silent(samples: usize) -> Self {
        Self { length: samples, ring: Box::default(), at: 0 }
    }

    fn ring(&mut self) -> &mut [i16] {
        if self.ring.is_empty() {
            self.ring = vec![0; self.length].into();
        }
        &mut self.ring
    }

    /// Takes what was heard last, in place of what is oldest.
    pub(super) fn remember(&mut self, frame: &[i16]) {
        let (length, at) = (self.length, self.at);
        let frame = &frame[frame.len().saturating_sub(length)..];
        let (first, second) = frame.split_at(frame.len().min(length - at));
        let ring = self.ring();
        ring[at..][..first.len()].copy_from_slice(first);
        ring[..second.len()].copy_from_slice(second);
        self.at += frame.len();
        if self.at >= length {
            self.at -= length;
        }
    }

    /// All of it, the oldest first.
    pub(super) fn unroll(&mut self) -> &[i16] {
        let at = std::mem::take(&mut self.at);
        let ring = self.ring();
        ring.rotate_left(at);
        ring
    }

    /// Silence went before what comes next.
    pub(super) fn forget(&mut self) {
        self.ring.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_samples_are_kept_in_order() {
        let mut past = Past::silent(5);
        for (frame, kept) in [
            (&[1, 2, 3][..], [0, 0, 1, 2, 3]),
            (&[4, 5, 6], [2, 3, 4, 5, 6]),
            (&[], [2, 3, 4, 5, 6]),
            (&[7, 8, 9, 10, 11], [7, 8, 9, 10, 11]),
            (&[12, 13, 14, 15, 16, 17, 18], [14, 15, 16, 17, 18]),
        ] {
            past.remember(frame);
            assert_eq!(past.clone().unroll(), kept, "after {frame:?}");
        }
        assert_eq!((past.unroll().len(), past.at), (5, 0));
        past.forget();
        assert_eq!(past.unroll(), [0; 5]);
    }
}
