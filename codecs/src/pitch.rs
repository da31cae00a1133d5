//! How long a pitch period is: the lag at which sound is most like itself.

use core::ops::RangeInclusive;

/// The shortest period that is looked for: 200 Hz. A higher pitch shows as a multiple of its period.
pub(crate) const SHORTEST_MS: usize = 5;
/// The longest: 66 Hz.
pub(crate) const LONGEST_MS: usize = 15;

/// The lag at which the last `compared` samples are most like what came that much earlier: on every
/// `stride`th lag and sample at first, then around the best on every one.
pub(crate) fn period(past: &[i16], lags: RangeInclusive<usize>, compared: usize, stride: usize) -> usize {
    let (shortest, longest) = (*lags.start(), *lags.end());
    let stride = stride.max(1);
    let coarse = most_like(past, lags.step_by(stride), compared, stride).unwrap_or(shortest);
    if stride == 1 {
        return coarse;
    }
    let around = coarse.saturating_sub(stride).max(shortest)..=(coarse + stride).min(longest);
    most_like(past, around, compared, 1).unwrap_or(coarse)
}

fn most_like(
    past: &[i16],
    lags: impl Iterator<Item = usize>,
    compared: usize,
    stride: usize,
) -> Option<usize> {
    let begin = past.len().checked_sub(compared)?;
    let mut best = None;
    let mut best_likeness = f32::NEG_INFINITY;
    for lag in lags.take_while(|lag| *lag <= begin) {
        let (correlation, _, energy) = compare(&past[begin..], &past[begin - lag..], stride);
        let likeness = correlation / energy.sqrt();
        if likeness > best_likeness {
            (best, best_likeness) = (Some(lag), likeness);
        }
    }
    best
}

/// How alike two stretches are in shape, −1 to 1; silence is like nothing.
pub(crate) fn likeness(one: &[i16], other: &[i16]) -> f32 {
    let (correlation, one, other) = compare(one, other, 1);
    correlation / (one * other).sqrt()
}

/// Correlation and the two energies over the shorter length.
fn compare(one: &[i16], other: &[i16], stride: usize) -> (f32, f32, f32) {
    let pairs = one.iter().zip(other).step_by(stride);
    pairs.fold((0.0, 1.0, 1.0), |(correlation, ones, others), (one, other)| {
        let (one, other) = (f32::from(*one), f32::from(*other));
        (correlation + one * other, ones + one * one, others + other * other)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dbm0, Generator};
    use terms::media::SampleRate;

    #[test]
    fn a_tone_s_period_or_a_multiple_of_it_is_found() {
        for (rate, hz) in [(SampleRate::Hz8000, 100), (SampleRate::Hz8000, 160), (SampleRate::Hz16000, 400)] {
            let per_ms = rate.tick_samples() / 20;
            let mut past = vec![0; 40 * per_ms];
            Generator::new(hz, Dbm0(-10.0), rate).fill(&mut past);
            let lags = SHORTEST_MS * per_ms..=LONGEST_MS * per_ms;
            let found = period(&past, lags, 20 * per_ms, per_ms / 4);
            let whole = rate.hz() as usize / hz as usize;
            assert_eq!(found % whole, 0, "{hz} Hz at {rate:?}: {found}");
        }
    }

    #[test]
    fn too_short_a_past_yields_the_shortest_lag() {
        assert_eq!(period(&[1; 10], 5..=15, 20, 2), 5);
        assert_eq!(period(&[], 5..=15, 20, 1), 5);
    }

    #[test]
    fn silence_is_like_nothing() {
        assert_eq!(likeness(&[0; 40], &[0; 40]), 0.0);
        assert!(likeness(&[900, -900, 900], &[90, -90, 90]) > 0.99);
    }
}
