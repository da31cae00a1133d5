//! Hears a fax machine (ITU-T T.30 §4, V.8 §7, DIAL-7): the tone of one that calls, and of one that answers.

use terms::media::SampleRate;

use crate::{
    level::Dbm0,
    spectrum::{Bank, HOP_MS, Window},
};

/// T.30 §4.2: CNG is 1100 Hz ± 38 Hz, 0.5 s of every 3.5 s. The bins lie so close that one of them has most of it.
const CNG: [f32; 3] = [1_070.0, 1_100.0, 1_130.0];
/// T.30 §4.1 and V.8 §7.2: CED and ANSam are 2100 Hz ± 15 Hz; ANSam turns its phase each 450 ms.
const CED: f32 = 2_100.0;
/// The least share of the tone in the energy. Voices and music hold none alone for so long.
const SHARE: f32 = 0.85;
/// T.30 sends at −9 dBm0 or below; a long line takes 30 dB.
const FLOOR: Dbm0 = Dbm0(-43.0);
/// Looks on end: CNG lasts 425 ms at least, and ANSam as long between two turns of its phase.
const LASTING_LOOKS: u32 = 380 / HOP_MS;

/// Hears the tones of a fax machine.
#[derive(Debug, Clone)]
pub struct FaxDetector {
    window: Window,
    bank: Bank<4>,
    calling: u32,
    answering: u32,
}

impl FaxDetector {
    /// Nothing heard yet.
    pub fn new(rate: SampleRate) -> Self {
        let [a, b, c] = CNG;
        Self { window: Window::new(rate), bank: Bank::new([a, b, c, CED], rate), calling: 0, answering: 0 }
    }

    /// Takes sound, a tick at most; whether a fax machine is sure to be there.
    pub fn listen(&mut self, samples: &[i16]) -> bool {
        let (mut rest, mut is_fax) = (samples, false);
        while !rest.is_empty() {
            rest = self.window.take(rest);
            if self.window.is_due() {
                is_fax |= self.look();
            }
        }
        is_fax
    }

    fn look(&mut self) -> bool {
        let (shaped, total) = self.window.look();
        let [low, middle, high, answer] = self.bank.measure(shaped).map(|phasor| phasor.power());
        let floor = FLOOR.peak() * FLOOR.peak();
        let is_alone = |power: f32| power >= floor && power >= SHARE * total;
        let count = |looks: u32, is_there: bool| if is_there { looks + 1 } else { 0 };
        self.calling = count(self.calling, is_alone(low.max(middle).max(high)));
        self.answering = count(self.answering, is_alone(answer));
        self.calling == LASTING_LOOKS || self.answering == LASTING_LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generator;

    /// How often a fax is told while a tone sounds for so long, then silence.
    fn told(rate: SampleRate, hz: u32, level: f32, ms: usize) -> usize {
        let mut sound = vec![0; rate.tick_samples() * ms / 20];
        Generator::new(hz, Dbm0(level), rate).fill(&mut sound);
        sound.resize(sound.len() + rate.tick_samples() * 50, 0);
        let mut detector = FaxDetector::new(rate);
        sound.chunks(rate.tick_samples()).filter(|tick| detector.listen(tick)).count()
    }

    #[test]
    fn dial_7_a_fax_is_told_once_by_the_tones_of_t30_and_by_no_others() {
        let rows = [
            ("CNG", 1_100, -15.0, 500, 1),
            ("CNG, low", 1_062, -15.0, 430, 1),
            ("CNG, high", 1_138, -15.0, 430, 1),
            ("CNG over a long line", 1_100, -40.0, 500, 1),
            ("CED", 2_100, -15.0, 2_600, 1),
            ("ANSam between turns of its phase", 2_100, -15.0, 450, 1),
            ("a short beep", 1_100, -15.0, 300, 0),
            ("a tone beside", 1_000, -15.0, 2_000, 0),
            ("a tone above", 1_209, -15.0, 2_000, 0),
            ("dial tone", 450, -15.0, 2_000, 0),
            ("noise of the line", 1_100, -55.0, 2_000, 0),
        ];
        for rate in [SampleRate::Hz8000, SampleRate::Hz16000] {
            for (name, hz, level, ms, expected) in rows {
                assert_eq!(told(rate, hz, level, ms), expected, "{rate:?}: {name}");
            }
        }
    }

    #[test]
    fn dial_7_a_fax_tone_within_voice_is_none() {
        let rate = SampleRate::Hz8000;
        let mut sound = vec![0; rate.tick_samples() * 100];
        let mut other = sound.clone();
        Generator::new(1_100, Dbm0(-15.0), rate).fill(&mut sound);
        Generator::new(300, Dbm0(-18.0), rate).fill(&mut other);
        for (sample, other) in sound.iter_mut().zip(&other) {
            *sample += other;
        }
        let mut detector = FaxDetector::new(rate);
        assert!(!sound.chunks(rate.tick_samples()).any(|tick| detector.listen(tick)));
    }
}
