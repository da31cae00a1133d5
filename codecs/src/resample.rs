//! Between 8, 16 and 48 kHz: a polyphase windowed-sinc filter with state.
//!
//! The three rates are multiples of each other, so a stream is either interpolated or decimated by
//! a whole number, and one low-pass filter at the higher rate serves both ways. It is flat to 0.42
//! of the lower rate (3.4 kHz at 8 kHz) and more than 60 dB down from 0.58 of it; it delays by 16
//! samples of the lower rate. By two, which is what a narrow and a wide band have between them, it is a half-band filter: every
//! other tap but the middle one is nought, so half of the samples are only delayed.

use core::f32::consts::PI;

use terms::media::SampleRate;

use crate::tone::to_sample;

/// Taps per sample of the lower rate: with 8 the transition band would be four times as wide.
const TAPS: usize = 32;
/// 48 kHz to 8 kHz.
const MAX_FACTOR: usize = 6;
/// The Kaiser window's shape for 70 dB: 0.1102 (70 − 8.7).
const KAISER_BETA: f32 = 6.76;

/// Changes the rate of one stream of sound.
#[derive(Debug, Clone)]
pub struct Resampler(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Copy,
    Double(Box<HalfBand>),
    Halve(Box<HalfBand>),
    Interpolate(Box<Filter>),
    Decimate {
        filter: Box<Filter>,
        /// Input samples since the last output sample.
        taken: usize,
    },
}

impl Resampler {
    /// A resampler at the start of its stream.
    pub fn new(from: SampleRate, to: SampleRate) -> Self {
        let (from, to) = (from.tick_samples(), to.tick_samples());
        Self(if from == to {
            Kind::Copy
        } else if from * 2 == to {
            Kind::Double(Box::new(HalfBand::new(2.0)))
        } else if to * 2 == from {
            Kind::Halve(Box::new(HalfBand::new(1.0)))
        } else if from < to {
            Kind::Interpolate(Box::new(Filter::interpolating(to / from)))
        } else {
            Kind::Decimate { filter: Box::new(Filter::decimating(from / to)), taken: 0 }
        })
    }

    /// Resamples a frame and returns how many samples it wrote: 20 ms give 20 ms exactly.
    ///
    /// `output` must have room for all of it; what has none is lost.
    pub fn resample(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        match &mut self.0 {
            Kind::Copy => {
                let count = input.len().min(output.len());
                output[..count].copy_from_slice(&input[..count]);
                count
            }
            Kind::Double(filter) => filter.double(input, output),
            Kind::Halve(filter) => filter.halve(input, output),
            Kind::Interpolate(filter) => interpolate(filter, input, output),
            Kind::Decimate { filter, taken } => decimate(filter, taken, input, output),
        }
    }
}

fn interpolate(filter: &mut Filter, input: &[i16], output: &mut [i16]) -> usize {
    let mut written = 0;
    for (sample, samples) in input.iter().zip(output.chunks_mut(filter.factor)) {
        filter.window.push(*sample);
        for (phase, out) in samples.iter_mut().enumerate() {
            let taps = &filter.taps[phase * TAPS..(phase + 1) * TAPS];
            *out = to_sample(dot(filter.window.as_slice(), taps));
        }
        written += samples.len();
    }
    written
}

fn decimate(filter: &mut Filter, taken: &mut usize, input: &[i16], output: &mut [i16]) -> usize {
    let mut written = 0;
    for sample in input {
        filter.window.push(*sample);
        *taken += 1;
        if *taken == filter.factor {
            *taken = 0;
            if let Some(out) = output.get_mut(written) {
                *out = to_sample(dot(filter.window.as_slice(), &filter.taps));
                written += 1;
            }
        }
    }
    written
}

/// The low-pass filter between two rates of which one is twice the other.
#[derive(Debug, Clone)]
struct HalfBand {
    /// Every other tap: those that are not nought.
    taps: Box<[f32]>,
    /// The one in the middle of the others.
    middle: f32,
    /// What meets the taps: all samples of the lower rate, or every second of the higher.
    window: Window,
    /// What meets the middle: the other samples of the higher rate.
    others: Window,
    /// A sample of the higher rate that waits for its second.
    first: Option<i16>,
}

impl HalfBand {
    /// Taps that add up to `gain`: where samples are put between others, these have half of the energy.
    fn new(gain: f32) -> Self {
        let all = low_pass(2, 2 * TAPS - 1);
        let taps: Vec<f32> = all.iter().step_by(2).map(|tap| tap * gain).collect();
        let middle = gain * all[TAPS - 1];
        Self {
            taps: taps.into(),
            middle,
            window: Window::new(TAPS),
            others: Window::new(TAPS / 2),
            first: None,
        }
    }

    fn double(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let mut written = 0;
        for (sample, samples) in input.iter().zip(output.chunks_mut(2)) {
            self.window.push(*sample);
            let window = self.window.as_slice();
            let pair = [dot(window, &self.taps), window[TAPS / 2] * self.middle];
            samples.iter_mut().zip(pair).for_each(|(out, sample)| *out = to_sample(sample));
            written += samples.len();
        }
        written
    }

    fn halve(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let mut written = 0;
        for sample in input {
            let Some(first) = self.first.take() else {
                self.first = Some(*sample);
                continue;
            };
            self.others.push(first);
            self.window.push(*sample);
            if let Some(out) = output.get_mut(written) {
                let between = self.others.as_slice()[0] * self.middle;
                *out = to_sample(dot(self.window.as_slice(), &self.taps) + between);
                written += 1;
            }
        }
        written
    }
}

/// The low-pass filter and the samples that it sees.
#[derive(Debug, Clone)]
struct Filter {
    factor: usize,
    /// For interpolation, one run of [`TAPS`] a phase; for decimation, one run of all. Oldest
    /// sample's tap first.
    taps: Box<[f32]>,
    window: Window,
}

impl Filter {
    fn interpolating(factor: usize) -> Self {
        let low_pass = low_pass(factor, TAPS * factor);
        // Each input sample is followed by factor - 1 zeros, which take their share of the energy.
        let phase = |phase| (0..TAPS).rev().map(move |tap| (phase, tap));
        let taps = (0..factor)
            .flat_map(phase)
            .map(|(phase, tap)| factor as f32 * low_pass[tap * factor + phase])
            .collect();
        Self { factor, taps, window: Window::new(TAPS) }
    }

    fn decimating(factor: usize) -> Self {
        Self { factor, taps: low_pass(factor, TAPS * factor), window: Window::new(TAPS * factor) }
    }
}

/// A Kaiser-windowed sinc of so many taps that cuts at half the lower rate, of unit gain; it is symmetric.
#[expect(clippy::cast_precision_loss, reason = "at most 192 taps")]
fn low_pass(factor: usize, count: usize) -> Box<[f32]> {
    debug_assert!(factor <= MAX_FACTOR);
    let center = (count - 1) as f32 / 2.0;
    let tap = |at: usize| {
        let from_center = at as f32 - center;
        let angle = PI * from_center / factor as f32;
        let sinc = if angle == 0.0 { 1.0 } else { angle.sin() / angle };
        let edge = from_center / (center + 0.5);
        sinc * bessel_i0(KAISER_BETA * (1.0 - edge * edge).sqrt())
    };
    let taps: Vec<f32> = (0..count).map(tap).collect();
    let sum: f32 = taps.iter().sum();
    taps.iter().map(|tap| tap / sum).collect()
}

/// The modified Bessel function of order zero, by its power series.
fn bessel_i0(x: f32) -> f32 {
    let quarter_square = x * x / 4.0;
    let term = |last: &mut f32, k: u8| {
        *last *= quarter_square / (f32::from(k) * f32::from(k));
        Some(*last)
    };
    1.0 + (1..=25).scan(1.0, term).sum::<f32>()
}

/// The last samples of a stream as one slice: each is written twice, a window's length apart.
#[derive(Debug, Clone)]
struct Window {
    samples: Box<[f32]>,
    next: usize,
}

impl Window {
    fn new(len: usize) -> Self {
        Self { samples: vec![0.0; 2 * len].into(), next: 0 }
    }

    fn len(&self) -> usize {
        self.samples.len() / 2
    }

    fn push(&mut self, sample: i16) {
        let len = self.len();
        self.samples[self.next] = sample.into();
        self.samples[self.next + len] = sample.into();
        self.next = (self.next + 1) % len;
    }

    /// Oldest first.
    fn as_slice(&self) -> &[f32] {
        &self.samples[self.next..self.next + self.len()]
    }
}

/// The sum of products, in eight lanes that the compiler keeps in vector registers.
fn dot(samples: &[f32], taps: &[f32]) -> f32 {
    let mut lanes = [0.0; 8];
    for (samples, taps) in samples.chunks_exact(8).zip(taps.chunks_exact(8)) {
        for ((lane, sample), tap) in lanes.iter_mut().zip(samples).zip(taps) {
            *lane += sample * tap;
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests;
