use super::*;
use crate::{Dbm0, Generator, Goertzel, dbov};
use proptest::prelude::*;

/// One second of a tone, resampled in frames of 20 ms; the first 100 ms, where the filter fills, are cut.
fn resampled(hz: u32, from: SampleRate, to: SampleRate) -> Vec<i16> {
    let mut generator = Generator::new(hz, Dbm0(-3.0), from);
    let mut resampler = Resampler::new(from, to);
    let (mut input, mut output) = (vec![0; from.tick_samples()], vec![0; to.tick_samples()]);
    let mut all = Vec::new();
    for _ in 0..50 {
        generator.fill(&mut input);
        assert_eq!(resampler.resample(&input, &mut output), to.tick_samples());
        all.extend_from_slice(&output);
    }
    all.split_off(5 * to.tick_samples())
}

fn level_at(hz: u32, rate: SampleRate, sound: &[i16]) -> f32 {
    let mut meter = Goertzel::new(hz as f32, rate);
    meter.add(sound);
    meter.take().0
}

fn pairs() -> impl Iterator<Item = (SampleRate, SampleRate)> {
    SampleRate::ALL.into_iter().flat_map(|from| SampleRate::ALL.into_iter().map(move |to| (from, to)))
}

#[test]
fn the_pass_band_is_flat_to_a_tenth_of_a_decibel() {
    for (from, to) in pairs() {
        let low = from.hz().min(to.hz());
        for percent in [1, 4, 10, 20, 30, 40, 42] {
            let hz = low * percent / 100;
            let level = level_at(hz, to, &resampled(hz, from, to));
            assert!((level - -3.0).abs() < 0.1, "{from:?} to {to:?}, {hz} Hz: {level}");
        }
    }
}

#[test]
fn what_would_alias_is_60_db_down() {
    for (from, to) in pairs().filter(|(from, to)| from > to) {
        for hz in (to.hz() * 58 / 100..from.hz() / 2).step_by(370) {
            let level = dbov(&resampled(hz, from, to)).0;
            assert!(level < -66.0, "{from:?} to {to:?}, {hz} Hz: {level} dBov");
        }
    }
}

#[test]
fn images_are_60_db_down() {
    for (from, to) in pairs().filter(|(from, to)| from < to) {
        let hz = from.hz() * 42 / 100;
        let sound = resampled(hz, from, to);
        for multiple in (from.hz()..=to.hz() / 2).step_by(from.hz() as usize) {
            for image in [multiple - hz, multiple + hz].into_iter().filter(|image| *image < to.hz() / 2) {
                let level = level_at(image, to, &sound);
                assert!(level < -63.0, "{from:?} to {to:?}, image at {image} Hz: {level}");
            }
        }
    }
}

#[test]
fn full_scale_saturates_and_does_not_wrap() {
    for (from, to) in pairs() {
        let square: Vec<i16> =
            (0..from.tick_samples()).map(|at| if at / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let mut output = vec![0; to.tick_samples()];
        let mut resampler = Resampler::new(from, to);
        resampler.resample(&square, &mut output);
        resampler.resample(&square, &mut output);
        let flips = output.windows(2).filter(|pair| (pair[0] > 0) != (pair[1] > 0)).count();
        assert!(flips <= from.tick_samples() / 20 + 1, "{from:?} to {to:?}: {flips} sign changes");
    }
}

proptest! {
    /// However a stream is cut into frames, the same samples come out.
    #[test]
    fn frames_of_any_length_make_one_stream(cuts in prop::collection::vec(0usize..400, 1..8), down: bool, wide: bool) {
        let high = if wide { SampleRate::Hz48000 } else { SampleRate::Hz16000 };
        let factor = (high.hz() / 8_000) as usize;
        let (from, to) = if down { (high, SampleRate::Hz8000) } else { (SampleRate::Hz8000, high) };
        let mut input = vec![0; cuts.iter().sum()];
        Generator::new(440, Dbm0(-6.0), from).fill(&mut input);
        let mut whole = vec![0; input.len() * factor];
        let count = Resampler::new(from, to).resample(&input, &mut whole);
        prop_assert_eq!(count, if down { input.len() / factor } else { input.len() * factor });

        let mut resampler = Resampler::new(from, to);
        let (mut rest, mut pieces, mut out) = (&input[..], Vec::new(), vec![0; 2_400]);
        for cut in cuts {
            let (frame, tail) = rest.split_at(cut);
            let count = resampler.resample(frame, &mut out);
            pieces.extend_from_slice(&out[..count]);
            rest = tail;
        }
        prop_assert_eq!(&pieces[..], &whole[..count]);
    }
}
