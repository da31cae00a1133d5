//! Making sound shorter or longer by one pitch period, so that a jitter buffer can change its depth
//! while somebody speaks.
//!
//! ```text
//!   shrink   a a a b b b c c c   ─▶   a a (a⨯b) b b c c c …      one period fewer
//!   grow     a a a b b b c c c   ─▶   a a a (b⨯a) a a b b b …    one period more
//! ```
//!
//! The seam is an overlap of 5 ms, laid where the sound a period later is like the sound now
//! (WSOLA). Where it isn't, nothing is done: the caller asks again with what comes next.

use terms::media::SampleRate;

use crate::{
    level::{Dbov, dbov},
    pitch::{self, LONGEST_MS},
    plc::ratio,
    tone::to_sample,
};

/// How long old and new are blended.
const OVERLAP_MS: usize = 5;
/// How much is compared at most.
const COMPARED_MS: usize = 10;
/// In a background as quiet as this any seam will do.
const QUIET: Dbov = Dbov(-55.0);

/// How unlike the two sides of a seam may be: the least correlation, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Likeness(pub f32);

impl Likeness {
    /// The seam of a voiced sound, which nobody hears.
    pub const INAUDIBLE: Self = Self(0.9);
    /// Whatever it sounds like.
    pub const ANY: Self = Self(-1.0);
}

/// The most that [`shrink`] takes away and [`grow`] adds, in samples.
pub const fn longest_period(rate: SampleRate) -> usize {
    rate.tick_samples() / 20 * LONGEST_MS
}

/// Takes a period out of `sound`, if there is one in it that won't be missed. Returns how many
/// samples are left of it.
pub fn shrink(sound: &mut [i16], rate: SampleRate, least: Likeness) -> usize {
    let length = sound.len();
    let overlap = overlap_of(rate);
    let Some(period) = seam(sound, rate, least) else { return length };
    for at in 0..overlap {
        sound[at] = blend(sound[at], sound[at + period], at, overlap);
    }
    sound.copy_within(overlap + period.., overlap);
    length - period
}

/// Repeats a period of the first `length` samples of `sound`, if there is one that won't be noticed
/// and room for it behind them. Returns how many samples there are then.
pub fn grow(sound: &mut [i16], length: usize, rate: SampleRate, least: Likeness) -> usize {
    let length = length.min(sound.len());
    let overlap = overlap_of(rate);
    let Some(period) = seam(&sound[..length], rate, least) else { return length };
    if length + period > sound.len() {
        return length;
    }
    sound.copy_within(overlap..length, overlap + period);
    // Backward, since a period may be shorter than the overlap.
    for at in (0..overlap).rev() {
        sound[period + at] = blend(sound[period + at], sound[at], at, overlap);
    }
    length + period
}

/// The period after which the beginning of `sound` comes again.
fn seam(sound: &[i16], rate: SampleRate, least: Likeness) -> Option<usize> {
    let per_ms = rate.tick_samples() / 20;
    let longest = sound.len().checked_sub(overlap_of(rate))?.min(longest_period(rate));
    // Periods shorter than the overlap are those of high voices and of tones.
    let shortest = per_ms * 5 / 2;
    if longest < shortest {
        return None;
    }
    if dbov(sound) < QUIET {
        return Some(longest);
    }
    let likeness = |period: usize| {
        let compared = (sound.len() - period).min(COMPARED_MS * per_ms);
        (period, pitch::likeness(&sound[..compared], &sound[period..]))
    };
    let best = (shortest..=longest).map(likeness).max_by(|one, other| one.1.total_cmp(&other.1))?;
    (best.1 >= least.0).then_some(best.0)
}

const fn overlap_of(rate: SampleRate) -> usize {
    rate.tick_samples() / 20 * OVERLAP_MS
}

fn blend(from: i16, to: i16, at: usize, whole: usize) -> i16 {
    let (from, to) = (f32::from(from), f32::from(to));
    to_sample(from + ratio(at + 1, whole + 1) * (to - from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dbm0, Generator};
    use proptest::prelude::*;

    const RATE: SampleRate = SampleRate::Hz8000;

    fn tone(hz: u32, rate: SampleRate) -> Vec<i16> {
        let mut sound = vec![0; rate.tick_samples()];
        Generator::new(hz, Dbm0(-10.0), rate).fill(&mut sound);
        sound
    }

    fn largest_step(sound: &[i16]) -> i32 {
        sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_tone_loses_and_gains_whole_periods_without_a_click() {
        for rate in [SampleRate::Hz8000, SampleRate::Hz16000] {
            for hz in [80, 125, 200, 400, 1_000] {
                let sound = tone(hz, rate);
                let most = largest_step(&sound) * 11 / 10;
                let mut shorter = sound.clone();
                let left = shrink(&mut shorter, rate, Likeness::INAUDIBLE);
                assert!(left < sound.len() && largest_step(&shorter[..left]) <= most, "{hz} Hz at {rate:?}");
                let mut longer = sound.clone();
                longer.resize(sound.len() + longest_period(rate), 0);
                let length = grow(&mut longer, sound.len(), rate, Likeness::INAUDIBLE);
                assert!(
                    length > sound.len() && largest_step(&longer[..length]) <= most,
                    "{hz} Hz at {rate:?}"
                );
                // What comes before and after isn't moved against its neighbours.
                assert_eq!(
                    (shorter[left - 1], longer[length - 1]),
                    (sound[sound.len() - 1], sound[sound.len() - 1])
                );
                assert_eq!((longer[0], longer[1]), (sound[0], sound[1]));
            }
        }
    }

    #[test]
    fn noise_is_left_alone_unless_it_must_give_way() {
        let mut entropy = terms::Entropy::from_seed([1, 2, 3, 4]);
        let mut noise: Vec<i16> =
            (0..160).map(|_| i16::try_from(entropy.below(20_000)).expect("it fits") - 10_000).collect();
        assert_eq!(shrink(&mut noise, RATE, Likeness::INAUDIBLE), 160);
        assert!(shrink(&mut noise, RATE, Likeness::ANY) < 160);
    }

    #[test]
    fn silence_gives_the_most_at_once() {
        assert_eq!(shrink(&mut [0; 160], RATE, Likeness::INAUDIBLE), 40);
        assert_eq!(grow(&mut [0; 320], 160, RATE, Likeness::INAUDIBLE), 280);
    }

    proptest! {
        #[test]
        fn any_sound_of_any_length_is_stretched_or_left(mut sound in prop::collection::vec(any::<i16>(), 0..700), least in -1f32..1.0, length in 0usize..800) {
            let left = shrink(&mut sound.clone(), RATE, Likeness(least));
            prop_assert!(left <= sound.len() && sound.len() - left <= longest_period(RATE));
            let known = length.min(sound.len());
            let grown = grow(&mut sound, length, RATE, Likeness(least));
            prop_assert!((known..=sound.len()).contains(&grown));
        }
    }
}
