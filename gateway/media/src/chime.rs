//! Tones that a meeting hears when somebody comes or goes (DIAL-8).

use std::sync::Arc;

use meeting::{Foreign, Leaving, Mix, Seat};
use terms::{MeetingTag, media::SampleRate};

use crate::room::MAX_FRAME;

/// Tones at once; when many come together, more would tell nothing.
const MAX_CHIMES: usize = 2;

/// The tones that are being heard. Each has a seat of its own in the mix.
#[derive(Debug, Default)]
pub(crate) struct Chimes {
    playing: Vec<Chime>,
}

#[derive(Debug)]
struct Chime {
    seat: Seat,
    samples: Arc<[i16]>,
    next: usize,
}

impl Chimes {
    /// Begins a tone, if there are not too many.
    pub(crate) fn begin(
        &mut self,
        mix: &mut Mix,
        (tag, rate): (MeetingTag, SampleRate),
        samples: Arc<[i16]>,
    ) -> Result<(), Foreign> {
        if self.playing.len() < MAX_CHIMES {
            self.playing.push(Chime { seat: mix.seat_sound(tag, rate)?, samples, next: 0 });
        }
        Ok(())
    }

    /// Whether none is being heard.
    pub(crate) const fn is_silent(&self) -> bool {
        self.playing.is_empty()
    }

    /// The next tick of each goes into the mix; those that are over give up their seats. Yields violations.
    pub(crate) fn contribute(&mut self, mix: &mut Mix) -> u64 {
        let mut violations = 0;
        let mut index = 0;
        while let Some(chime) = self.playing.get_mut(index) {
            let mut frame = [0; MAX_FRAME];
            let frame = &mut frame[..chime.seat.rate().tick_samples()];
            let left = chime.samples.get(chime.next..).unwrap_or_default();
            let length = left.len().min(frame.len());
            frame[..length].copy_from_slice(&left[..length]);
            chime.next += length;
            if length > 0 {
                violations += u64::from(mix.contribute(&chime.seat, frame).is_err());
                index += 1;
            } else {
                violations +=
                    u64::from(mix.leave(self.playing.swap_remove(index).seat, Leaving::Softly).is_err());
            }
        }
        violations
    }
}
