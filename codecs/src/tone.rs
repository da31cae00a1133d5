//! Making and measuring tones.

use core::f32::consts::TAU;

use terms::{Digit, media::SampleRate};

use crate::{
    dtmf::{COLUMNS, KEYS, ROWS},
    level::Dbm0,
};

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
        Self::of(hz as f32, level, rate)
    }

    fn of(hz: f32, level: Dbm0, rate: SampleRate) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most 48,000")]
        let step = hz / rate.hz() as f32;
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
        Self { low: Generator::of(low, level, rate), high: Generator::of(high, level, rate) }
    }

    /// Writes the next samples.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for sample in frame {
            *sample = to_sample(self.low.advance() + self.high.advance());
        }
    }
}

/// Q.23 §6: the row's and the column's frequency, in Hz.
fn frequencies(digit: Digit) -> (f32, f32) {
    let place = |row: &[char; 4]| row.iter().position(|key| *key == digit.as_char());
    let mut rows = KEYS.iter().zip(ROWS);
    let found = rows.find_map(|(keys, row)| place(keys).map(|column| (row, COLUMNS[column])));
    found.expect("KEYS holds the sixteen keys")
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
            let next = self.coefficient * last + f32::from(*sample) - before;
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

/// The nearest sample, of two the even one; beyond the range, the range's end.
///
/// To a number this large a float can only add whole ones: the sum's last bits are the sample. A cast would round and
/// check one sample at a time, and cost four times as much.
pub(crate) const fn to_sample(value: f32) -> i16 {
    const LARGE: f32 = 12_582_912.0;
    let clamped = value.clamp(-32_768.0, 32_767.0);
    let [low, high, ..] = (clamped + LARGE).to_bits().wrapping_sub(LARGE.to_bits()).to_le_bytes();
    i16::from_le_bytes([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::Hz8000;

    fn level(hz: f32, sound: &[i16]) -> f32 {
        let mut meter = Goertzel::new(hz, RATE);
        meter.add(sound);
        meter.take().0
    }

    #[test]
    fn a_tone_has_its_level_at_every_rate() {
        for rate in SampleRate::ALL {
            for (hz, dbm0) in [(440, 0.0), (1_000, -10.0), (3_400, -40.0)] {
                let mut sound = vec![0; rate.tick_samples() * 10];
                Generator::new(hz, Dbm0(dbm0), rate).fill(&mut sound);
                let mut meter = Goertzel::new(hz as f32, rate);
                meter.add(&sound);
                let measured = meter.take().0;
                assert!((measured - dbm0).abs() < 0.1, "{rate:?} {hz} Hz: {measured}");
            }
        }
    }

    #[test]
    fn phase_runs_on_from_frame_to_frame() {
        let mut whole = [0; 480];
        Generator::new(437, Dbm0(-10.0), RATE).fill(&mut whole);
        let mut generator = Generator::new(437, Dbm0(-10.0), RATE);
        let mut pieces = [0; 480];
        pieces.chunks_mut(160).for_each(|frame| generator.fill(frame));
        assert_eq!(whole, pieces);
    }

    #[test]
    fn a_meter_adds_frames_and_begins_anew() {
        let mut sound = [0; 320];
        Generator::new(1_000, Dbm0(-10.0), RATE).fill(&mut sound);
        let mut meter = Goertzel::new(1_000.0, RATE);
        sound.chunks(80).for_each(|frame| meter.add(frame));
        assert!((meter.take().0 - -10.0).abs() < 0.05);
        assert_eq!(meter.take(), Dbm0::SILENCE);
        meter.add(&[0; 160]);
        assert_eq!(meter.take(), Dbm0::SILENCE);
    }

    #[test]
    fn q23_6_each_key_has_its_two_tones_and_no_other() {
        let all = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
        for code in 0..16 {
            let digit = Digit::from_event(code).expect("a key");
            let mut sound = [0; 800];
            Dtmf::new(digit, Dbm0(-9.0), RATE).fill(&mut sound);
            let (low, high) = frequencies(digit);
            for hz in all {
                let measured = level(hz, &sound);
                if hz == low || hz == high {
                    assert!((measured - -9.0).abs() < 0.5, "{code}: {hz} Hz at {measured}");
                } else {
                    assert!(measured < -25.0, "{code}: {hz} Hz at {measured}");
                }
            }
        }
    }
}
