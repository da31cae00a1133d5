//! A few frequencies watched while time goes by: a window of 20 ms, looked through each 5 ms.

use core::f32::consts::TAU;
use std::sync::OnceLock;

use terms::media::SampleRate;

/// How far the window slides from look to look, in ms.
pub(crate) const HOP_MS: u32 = 5;
/// Hops of a window.
const HOPS: usize = 4;

/// The last 20 ms, under a Hann window: what is 100 Hz away or more hardly shows.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    shape: &'static Shape,
    samples: Box<[i16]>,
    shaped: Box<[f32]>,
    /// Samples since the last look.
    fresh: usize,
}

/// What all windows of a rate are looked through.
#[derive(Debug)]
struct Shape {
    /// Scaled so that a sine's bin is its peak.
    weights: Box<[f32]>,
    /// From the shaped samples' energy to the square of the peak of a sine that has as much.
    sine_of_energy: f32,
}

impl Shape {
    fn of(rate: SampleRate) -> &'static Self {
        static OF_ALL: [OnceLock<Shape>; SampleRate::ALL.len()] = [const { OnceLock::new() }; _];
        let place = SampleRate::ALL.iter().position(|other| *other == rate).unwrap_or(0);
        OF_ALL[place].get_or_init(|| Self::new(rate.tick_samples()))
    }

    fn new(length: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most 960")]
        let turn = |at: usize| (at as f32 + 0.5) / length as f32;
        let hann: Vec<f32> = (0..length).map(|at| 0.5 - 0.5 * (TAU * turn(at)).cos()).collect();
        let sum: f32 = hann.iter().sum();
        let weights: Box<[f32]> = hann.iter().map(|weight| 2.0 * weight / sum).collect();
        let squares: f32 = weights.iter().map(|weight| weight * weight).sum();
        Self { weights, sine_of_energy: 2.0 / squares }
    }
}

impl Window {
    pub(crate) fn new(rate: SampleRate) -> Self {
        let length = rate.tick_samples();
        let (samples, shaped) = (vec![0; length].into(), vec![0.0; length].into());
        Self { shape: Shape::of(rate), samples, shaped, fresh: 0 }
    }

    /// Takes samples up to the next look, and leaves the rest.
    pub(crate) fn take<'a>(&mut self, samples: &'a [i16]) -> &'a [i16] {
        let hop = self.samples.len() / HOPS;
        if self.fresh == hop {
            self.fresh = 0;
        }
        let (taken, rest) = samples.split_at(samples.len().min(hop - self.fresh));
        self.samples.copy_within(taken.len().., 0);
        let begin = self.samples.len() - taken.len();
        self.samples[begin..].copy_from_slice(taken);
        self.fresh += taken.len();
        rest
    }

    /// Whether it is time to look.
    pub(crate) fn is_due(&self) -> bool {
        self.fresh == self.samples.len() / HOPS
    }

    /// The shaped samples, and what a sine of all their energy had as the square of its peak.
    pub(crate) fn look(&mut self) -> (&[f32], f32) {
        for ((shaped, sample), weight) in self.shaped.iter_mut().zip(&self.samples).zip(&self.shape.weights) {
            *shaped = f32::from(*sample) * weight;
        }
        let energy: f32 = self.shaped.iter().map(|sample| sample * sample).sum();
        (&self.shaped, energy * self.shape.sine_of_energy)
    }
}

/// The share of one frequency in a window: a sine's peak and phase.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Phasor {
    re: f32,
    im: f32,
}

impl Phasor {
    /// The square of the sine's peak, in sample units.
    pub(crate) fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }

    /// How far the phase went since `before`, in turns less those of `steps`.
    fn turns_since(self, before: Self, expected: f32) -> f32 {
        let re = self.re * before.re + self.im * before.im;
        let im = self.im * before.re - self.re * before.im;
        let turns = im.atan2(re) / TAU - expected;
        turns - turns.round()
    }
}

/// Goertzel's recurrence for `N` frequencies at once, side by side so that it vectorizes.
#[derive(Debug, Clone)]
pub(crate) struct Bank<const N: usize> {
    hz: [f32; N],
    cos: [f32; N],
    sin: [f32; N],
}

impl<const N: usize> Bank<N> {
    pub(crate) fn new(hz: [f32; N], rate: SampleRate) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most 48,000")]
        let angle = hz.map(|hz| TAU * hz / rate.hz() as f32);
        Self { hz, cos: angle.map(f32::cos), sin: angle.map(f32::sin) }
    }

    pub(crate) fn measure(&self, shaped: &[f32]) -> [Phasor; N] {
        let coefficients = self.cos.map(|cos| 2.0 * cos);
        let (mut last, mut before) = ([0.0; N], [0.0; N]);
        for sample in shaped {
            for at in 0..N {
                let next = coefficients[at] * last[at] + sample - before[at];
                before[at] = last[at];
                last[at] = next;
            }
        }
        core::array::from_fn(|at| Phasor {
            re: last[at] - self.cos[at] * before[at],
            im: self.sin[at] * before[at],
        })
    }

    /// By how much, in Hz, the sine near frequency `at` is beside it, from one look to the next.
    pub(crate) fn offset(&self, at: usize, before: Phasor, now: Phasor) -> f32 {
        let seconds = HOP_MS as f32 / 1_000.0;
        now.turns_since(before, self.hz[at] * seconds) / seconds
    }
}

/// What the window leaves of the power of a sine that is `offset` Hz beside its bin.
pub(crate) fn scallop(offset: f32) -> f32 {
    // In bins of 50 Hz: the Hann window's transform is sinc(x) / (1 - x²).
    let bins = (offset / 50.0).abs();
    if bins < 1e-3 {
        return 1.0;
    }
    let angle = core::f32::consts::PI * bins;
    let response = angle.sin() / (angle * (1.0 - bins * bins));
    response * response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dbm0, Generator};

    #[test]
    fn a_sine_beside_its_bin_is_placed_and_sized() {
        for rate in SampleRate::ALL {
            let bank = Bank::new([1_000.0, 3_000.0], rate);
            for hz in [970, 1_000, 1_040] {
                let mut sound = vec![0; rate.tick_samples() * 2];
                Generator::new(hz, Dbm0(-10.0), rate).fill(&mut sound);
                let mut window = Window::new(rate);
                let (mut rest, mut looks) = (sound.as_slice(), Vec::new());
                while !rest.is_empty() {
                    rest = window.take(rest);
                    assert!(window.is_due());
                    let (shaped, total) = window.look();
                    looks.push((bank.measure(shaped), total));
                }
                let [.., (before, _), (now, total)] = looks.as_slice() else { panic!("eight looks") };
                let offset = bank.offset(0, before[0], now[0]);
                assert!((offset - (hz as f32 - 1_000.0)).abs() < 0.5, "{rate:?} {hz}: {offset}");
                let peak = (now[0].power() / scallop(offset)).sqrt();
                assert!((Dbm0::of_peak(peak).0 - -10.0).abs() < 0.1, "{rate:?} {hz}: {peak}");
                assert!((total.sqrt() / peak - 1.0).abs() < 0.02, "{rate:?} {hz}: {total}");
                assert!(now[1].power() < total * 1e-5, "{rate:?} {hz}");
            }
        }
    }
}
