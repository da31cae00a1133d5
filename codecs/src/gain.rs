//! Changes of level without a step.

/// Multiplies a frame by a gain that goes evenly from `from` to `to`.
pub fn fade(frame: &mut [i16], from: f32, to: f32) {
    #[expect(clippy::cast_precision_loss, reason = "a frame has at most a few thousand samples")]
    let step = (to - from) / frame.len().max(1) as f32;
    let mut gain = from;
    for sample in frame {
        *sample = crate::tone::to_sample(f32::from(*sample) * gain);
        gain += step;
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
}
