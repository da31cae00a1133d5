//! Making and measuring tones.

use core::f32::consts::TAU;

use terms::{Digit, media::SampleRate};

use crate::level::Dbm0;

/// A sine without end; its phase runs on from call to call.
#[derive(Debug, Clone)]
pub struct Generator {
    peak: f32,
    /// In turns, 0 to 1.
    phase: f32,
    /// Turns a sample.
    step: f32,
}

impl Generator {
    /// A sine of `hz` at `level`, its first sample zero.
    pub fn new(hz: u32, level: Dbm0, rate: SampleRate) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a frequency in the audible range is exact")]
        let step = hz as f32 / rate.hz() as f32;
        Self { peak: level.peak(), phase: 0.0, step: step.fract() }
    }

    /// Writes the next samples.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for sample in frame {
            *sample = to_sample(self.advance());
        }
    }

    fn advance(&mut self) -> f32 {
        let value = self.peak * (TAU * self.phase).sin();
        self.phase = (self.phase + self.step).fract();
        value
    }
}

/// The two sines of a key (ITU-T Q.23 §6), for sending in band.
#[derive(Debug, Clone)]
pub struct Dtmf {
    low: Generator,
    high: Generator,
}

impl Dtmf {
    /// The tones of `digit`, each of the two at `level`.
    pub fn new(digit: Digit, level: Dbm0, rate: SampleRate) -> Self {
        let (low, high) = frequencies(digit);
        Self { low: Generator::new(low, level, rate), high: Generator::new(high, level, rate) }
    }

    /// Writes the next samples.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for sample in frame {
            *sample = to_sample(self.low.advance() + self.high.advance());
        }
    }
}

/// Q.23 §6: the row's and the column's frequency, in Hz.
const fn frequencies(digit: Digit) -> (u32, u32) {
    let low = match digit.as_char() {
        '1' | '2' | '3' | 'A' => 697,
        '4' | '5' | '6' | 'B' => 770,
        '7' | '8' | '9' | 'C' => 852,
        _ => 941,
    };
    let high = match digit.as_char() {
        '1' | '4' | '7' | '*' => 1209,
        '2' | '5' | '8' | '0' => 1336,
        '3' | '6' | '9' | '#' => 1477,
        _ => 1633,
    };
    (low, high)
}

/// Measures one frequency over a block of any length (Goertzel's recurrence).
///
/// Its bandwidth is about the sample rate over the block's length: 160 samples at 8 kHz tell tones
/// 50 Hz apart.
#[derive(Debug, Clone)]
pub struct Goertzel {
    coefficient: f32,
    last: f32,
    before: f32,
    samples: u32,
}

impl Goertzel {
    /// A meter for `hz`.
    pub fn new(hz: f32, rate: SampleRate) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most 48,000")]
        let coefficient = 2.0 * (TAU * hz / rate.hz() as f32).cos();
        Self { coefficient, last: 0.0, before: 0.0, samples: 0 }
    }

    /// Takes samples into the block.
    pub fn add(&mut self, samples: &[i16]) {
        let (mut last, mut before) = (self.last, self.before);
        for sample in samples {
            let next = self.coefficient.mul_add(last, f32::from(*sample) - before);
            before = last;
            last = next;
        }
        self.last = last;
        self.before = before;
        self.samples = self.samples.saturating_add(u32::try_from(samples.len()).unwrap_or(u32::MAX));
    }

    /// The level of the frequency in the block, and begins the next block.
    pub fn take(&mut self) -> Dbm0 {
        let power =
            self.last * self.last + self.before * self.before - self.coefficient * self.last * self.before;
        #[expect(clippy::cast_precision_loss, reason = "a block is a few thousand samples")]
        let samples = self.samples as f32;
        *self = Self { coefficient: self.coefficient, last: 0.0, before: 0.0, samples: 0 };
        if samples == 0.0 {
            return Dbm0::SILENCE;
        }
        Dbm0::of_peak(2.0 * power.max(0.0).sqrt() / samples)
    }
}

/// The nearest sample; beyond the range, the range's end.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is what is wanted")]
pub(crate) fn to_sample(value: f32) -> i16 {
    (value + 0.5f32.copysign(value)) as i16
}
