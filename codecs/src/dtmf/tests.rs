use terms::Entropy;

use super::*;
use crate::{Decoder, Encoder, tone::to_sample};
use core::f32::consts::TAU;
use terms::media::Codec;

const RATES: [SampleRate; 2] = [SampleRate::Hz8000, SampleRate::Hz16000];

/// One press, and the pause after it.
#[derive(Debug, Clone, Copy)]
struct Press {
    key: char,
    tone_ms: f32,
    pause_ms: f32,
    /// Of the louder tone.
    level: Dbm0,
    /// The column's level less the row's, in dB.
    twist: f32,
    /// Of row and column, as a share of their frequency.
    detuning: [f32; 2],
}

impl Default for Press {
    fn default() -> Self {
        Self { key: '5', tone_ms: 60.0, pause_ms: 60.0, level: Dbm0(-10.0), twist: 0.0, detuning: [0.0; 2] }
    }
}

/// Makes sound by the sample, with noise of 20 dB below each tone or without.
struct Line {
    rate: SampleRate,
    entropy: Entropy,
    sound: Vec<i16>,
}

impl Line {
    fn new(rate: SampleRate) -> Self {
        Self { rate, entropy: Entropy::from_seed([7; 4]), sound: Vec::new() }
    }

    fn samples(&self, ms: f32) -> usize {
        #[expect(clippy::cast_sign_loss, reason = "a length is positive")]
        let samples = (ms * self.rate.hz() as f32 / 1_000.0) as usize;
        samples
    }

    fn silence(mut self, ms: f32) -> Self {
        self.sound.resize(self.sound.len() + self.samples(ms), 0);
        self
    }

    fn press(mut self, press: &Press) -> Self {
        self.add(press, 0.0);
        self
    }

    /// `noise` is its root mean square's share of the tones'.
    fn add(&mut self, press: &Press, noise: f32) {
        let row = KEYS.iter().position(|row| row.contains(&press.key)).expect("a key");
        let column = KEYS[row].iter().position(|key| *key == press.key).expect("a key");
        let ratio = 10f32.powf(press.twist / 20.0);
        let peak = press.level.peak();
        let peaks = [peak * (1.0 / ratio).min(1.0), peak * ratio.min(1.0)];
        let hz = [ROWS[row] * (1.0 + press.detuning[0]), COLUMNS[column] * (1.0 + press.detuning[1])];
        let phases = [self.uniform(0.0, 1.0), self.uniform(0.0, 1.0)];
        let deviation = noise * ((peaks[0].powi(2) + peaks[1].powi(2)) / 2.0).sqrt();
        let tone = self.samples(press.tone_ms);
        for at in 0..tone + self.samples(press.pause_ms) {
            let seconds = at as f32 / self.rate.hz() as f32;
            let sine =
                |which: usize| peaks[which] * (TAU * (phases[which] + hz[which] * seconds).fract()).sin();
            let value = if at < tone { sine(0) + sine(1) } else { 0.0 };
            let value = value + deviation * self.gaussian();
            self.sound.push(to_sample(value));
        }
    }

    fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.entropy.next_u32() as f32 / u32::MAX as f32)
    }

    fn gaussian(&mut self) -> f32 {
        (0..12).map(|_| self.uniform(-0.5, 0.5)).sum()
    }

    /// What is heard of it, in frames of 20 ms as they come.
    fn heard(&self) -> String {
        let mut detector = DtmfDetector::new(self.rate);
        self.sound
            .chunks(self.rate.tick_samples())
            .filter_map(|frame| detector.listen(frame))
            .map(Digit::as_char)
            .collect()
    }

    fn through(mut self, codec: Codec) -> Self {
        let mut payload = vec![0; self.sound.len()];
        Encoder::new(codec).encode(&self.sound, &mut payload);
        Decoder::new(codec).decode(&payload, &mut self.sound);
        self
    }
}

fn is_heard(press: &Press, rate: SampleRate) -> bool {
    match Line::new(rate).silence(33.0).press(press).silence(60.0).heard().as_str() {
        "" => false,
        "5" => true,
        other => panic!("{other} of {press:?}"),
    }
}

#[test]
fn dial_7_every_key_is_heard_once_at_8_and_16_khz() {
    for rate in RATES {
        let keys = "0123456789*#ABCD";
        let line =
            keys.chars().fold(Line::new(rate), |line, key| line.press(&Press { key, ..Press::default() }));
        assert_eq!(line.heard(), keys, "{rate:?}");
    }
}

#[test]
fn dial_7_limits() {
    let press = Press::default();
    let detuned = |row, column| Press { detuning: [row, column], ..press };
    let lasting = |tone_ms| Press { tone_ms, ..press };
    let twisted = |twist| Press { twist, ..press };
    let at = |level| Press { level: Dbm0(level), ..press };
    let rows = [
        ("1.5 % above", detuned(0.015, 0.015), true),
        ("1.5 % below", detuned(-0.015, -0.015), true),
        ("1.5 % apart", detuned(-0.015, 0.015), true),
        ("row 3.5 % above", detuned(0.035, 0.0), false),
        ("row 3.5 % below", detuned(-0.035, 0.0), false),
        ("column 3.5 % above", detuned(0.0, 0.035), false),
        ("column 3.5 % below", detuned(0.0, -0.035), false),
        ("both 3.5 % above", detuned(0.035, 0.035), false),
        ("40 ms", lasting(40.0), true),
        ("22.9 ms", lasting(22.9), false),
        ("10 s", lasting(10_000.0), true),
        ("column 4 dB above", twisted(4.0), true),
        ("column 8 dB below", twisted(-8.0), true),
        ("column 8 dB above", twisted(8.0), false),
        ("column 12 dB below", twisted(-12.0), false),
        ("0 dBm0 each", at(0.0), true),
        ("-25 dBm0 each", at(-25.0), true),
        ("-35 dBm0 each", at(-35.0), false),
        ("-25 dBm0, column 8 dB below", Press { level: Dbm0(-25.0), twist: -8.0, ..press }, true),
    ];
    for (name, press, expected) in rows {
        for rate in RATES {
            assert_eq!(is_heard(&press, rate), expected, "{name}, {rate:?}");
        }
    }
}

/// However the tone falls on the looks.
#[test]
fn dial_7_40_ms_are_heard_and_23_are_not_wherever_they_begin() {
    for shift in 0..40 {
        for (tone_ms, expected) in [(40.0, "5"), (22.9, "")] {
            let press = Press { tone_ms, detuning: [-0.015, 0.015], ..Press::default() };
            let line = Line::new(SampleRate::Hz8000).silence(30.0 + shift as f32 / 8.0).press(&press);
            assert_eq!(line.heard(), expected, "{tone_ms} ms after {shift} samples");
        }
    }
}

#[test]
fn dial_7_a_pause_of_40_ms_separates_and_one_of_10_ms_does_not() {
    for shift in 0..40 {
        for (pause_ms, expected) in [(40.0, "55"), (10.0, "5"), (0.0, "5")] {
            let first = Press { tone_ms: 50.0, pause_ms, ..Press::default() };
            let line = Line::new(SampleRate::Hz8000).silence(30.0 + shift as f32 / 8.0);
            let line = line.press(&first).press(&Press::default());
            assert_eq!(line.heard(), expected, "{pause_ms} ms after {shift} samples");
        }
    }
}

#[test]
fn dial_7_another_key_needs_no_pause() {
    let first = Press { pause_ms: 0.0, ..Press::default() };
    let line = Line::new(SampleRate::Hz8000).press(&first).press(&Press { key: '#', ..first }).silence(60.0);
    assert_eq!(line.heard(), "5#");
}

#[test]
fn tones_that_are_no_key_are_none() {
    let silent = Line::new(SampleRate::Hz8000).silence(1_000.0);
    assert_eq!(silent.heard(), "");
    for hz in [350, 425, 440, 697, 770, 1_000, 1_100, 1_209, 1_336, 2_100] {
        let mut sound = vec![0; 8_000];
        crate::Generator::new(hz, Dbm0(-10.0), SampleRate::Hz8000).fill(&mut sound);
        assert_eq!(Line { sound, ..Line::new(SampleRate::Hz8000) }.heard(), "", "{hz} Hz");
    }
}

/// DIAL-7's talk-off guard: a column's tone with its second harmonic is a voice.
#[test]
fn dial_7_a_second_harmonic_is_no_key() {
    let line = Line::new(SampleRate::Hz8000).press(&Press { tone_ms: 200.0, ..Press::default() });
    assert_eq!(line.heard(), "5");
    let mut harmonic = vec![0; line.sound.len()];
    crate::Generator::new(2_672, Dbm0(-10.0 - 12.0), SampleRate::Hz8000).fill(&mut harmonic);
    let sound = line.sound.iter().zip(&harmonic).map(|(a, b)| a + b).collect();
    assert_eq!(Line { sound, ..line }.heard(), "");
}

/// DIAL-7: 10,000 keys over all limits at once, noise 20 dB below: 99.9 % are heard, none twice.
#[test]
fn dial_7_ten_thousand_keys_in_noise() {
    for (rate, codec) in [(SampleRate::Hz8000, Codec::Pcma), (SampleRate::Hz8000, Codec::Pcmu)] {
        let (mut missed, mut wrong) = (0, 0);
        let mut entropy = Entropy::from_seed([codec as u64, 2, 3, 4]);
        for _ in 0..5_000 {
            let mut line = Line { entropy: entropy.split(), ..Line::new(rate) };
            let press = any_press(&mut line);
            line.add(&Press { tone_ms: 0.0, pause_ms: 50.0, ..press }, 0.1);
            line.add(&press, 0.1);
            line.add(&Press { tone_ms: 0.0, pause_ms: 50.0, ..press }, 0.1);
            match line.through(codec).heard().as_str() {
                "" => missed += 1,
                one if one.chars().eq([press.key]) => {}
                _ => wrong += 1,
            }
        }
        assert_eq!(wrong, 0, "{codec:?}");
        assert!(missed <= 5, "{codec:?}: {missed} of 5,000 missed");
    }
}

fn any_press(line: &mut Line) -> Press {
    let key = "0123456789*#ABCD".as_bytes()[line.entropy.below(16) as usize] as char;
    Press {
        key,
        tone_ms: line.uniform(40.0, 120.0),
        pause_ms: line.uniform(40.0, 120.0),
        level: Dbm0(line.uniform(-25.0, 0.0)),
        twist: line.uniform(-8.0, 4.0),
        detuning: [line.uniform(-0.015, 0.015), line.uniform(-0.015, 0.015)],
    }
}
