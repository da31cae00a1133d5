//! Changes of level without a step.

/// Multiplies a frame by a gain that goes evenly from `from` to `to`.
pub fn fade(frame: &mut [i16], from: f32, to: f32) {
    #[expect(clippy::cast_precision_loss, reason = "a frame has at most a few thousand samples")]
    let step = (to - from) / frame.len().max(1) as f32;
    // Each gain by itself, not from the one before, so that the loop runs on many samples at once.
    for (at, sample) in (0_i32..).zip(frame) {
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        let gain = from + step * at as f32;
        *sample = crate::tone::to_sample(f32::from(*sample) * gain);
    }
}

/// A gain that goes to where it is wanted within one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fader(f32);

/// Whether anything came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Sound, or what there was of it.
    Something,
    /// It was shut.
    Nothing,
}

impl Fader {
    /// Nothing passes.
    pub const SHUT: Self = Self(0.0);

    /// Lets a frame pass; at its end the gain is the one that is wanted.
    pub fn pass(&mut self, frame: &mut [i16], wanted: f32) -> Passed {
        let Self(before) = std::mem::replace(self, Self(wanted));
        if before == 0.0 && wanted == 0.0 {
            frame.fill(0);
            return Passed::Nothing;
        }
        if before != 1.0 || wanted != 1.0 {
            fade(frame, before, wanted);
        }
        Passed::Something
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fade_goes_evenly_from_one_gain_to_the_other() {
        let mut frame = [1_000; 4];
        fade(&mut frame, 1.0, 0.0);
        assert_eq!(frame, [1_000, 750, 500, 250]);
        let mut loud = [i16::MAX, i16::MIN];
        fade(&mut loud, 2.0, 2.0);
        assert_eq!(loud, [i16::MAX, i16::MIN]);
        fade(&mut [], 1.0, 0.0);
    }

    #[test]
    fn a_fader_takes_a_frame_to_open_and_one_to_shut() {
        let mut fader = Fader::SHUT;
        let mut passed = Vec::new();
        for wanted in [0.0, 1.0, 1.0, 0.0, 0.0] {
            let mut frame = [1_000; 4];
            passed.push((fader.pass(&mut frame, wanted), frame));
        }
        use Passed::{Nothing, Something};
        assert_eq!(
            passed,
            [
                (Nothing, [0; 4]),
                (Something, [0, 250, 500, 750]),
                (Something, [1_000; 4]),
                (Something, [1_000, 750, 500, 250]),
                (Nothing, [0; 4]),
            ]
        );
    }
}
