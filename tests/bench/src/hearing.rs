//! Which tones are in what came: cheap enough for thousands of listeners on one core.

use std::f32::consts::TAU;

use codecs::{Dbm0, Decoder};
use server::caller::AUDIBLE;
use terms::media::{Codec, SampleRate};

use crate::tones::{ALL, COUNT, Tone, Tones};

/// Samples of one measurement: 50 ms, which tell tones 40 Hz apart.
const BLOCK: usize = 400;
/// Tones that are measured side by side, in whole registers.
const LANES: usize = COUNT.next_multiple_of(4);
const RATE: f32 = SampleRate::Hz8000.hz() as f32;
/// A Hann window halves a sine's peak.
const WINDOW_GAIN: f32 = 2.0;
/// A tone in a single packet is heard from here on: below the words of an announcement it is 12 dB quieter.
const AUDIBLE_BELOW_WORDS: Dbm0 = Dbm0(-36.0);

/// What all meters share.
#[derive(Debug)]
pub(crate) struct Scale {
    /// Linear samples of A-law.
    linear: [f32; 256],
    window: [f32; BLOCK],
    /// Goertzel's, of each tone.
    coefficients: [f32; LANES],
}

impl Scale {
    /// For [`ALL`], in A-law.
    pub(crate) fn new() -> Self {
        let codes: [u8; 256] = std::array::from_fn(|code| u8::try_from(code).unwrap_or(u8::MAX));
        let mut samples = [0; 256];
        Decoder::new(Codec::Pcma).decode(&codes, &mut samples);
        #[expect(clippy::cast_precision_loss, reason = "a few hundred are exact")]
        let window = |at: usize| 0.5 - 0.5 * (TAU * at as f32 / BLOCK as f32).cos();
        #[expect(clippy::cast_precision_loss, reason = "audible frequencies are exact")]
        let coefficient = |lane: usize| ALL.get(lane).map_or(0.0, |hz| 2.0 * (TAU * *hz as f32 / RATE).cos());
        Self {
            linear: samples.map(f32::from),
            window: std::array::from_fn(window),
            coefficients: std::array::from_fn(coefficient),
        }
    }

    /// Whether a packet holds every one of the quick tones.
    pub(crate) fn has_quick_tones(&self, payload: &[u8]) -> bool {
        let mut bank = Bank::default();
        for code in payload {
            bank.add(self.linear[usize::from(*code)], &self.coefficients);
        }
        let powers = bank.take(&self.coefficients);
        Tones::QUICK
            .iter()
            .all(|tone| peak_level(powers[lane(tone)], payload.len(), 1.0) > AUDIBLE_BELOW_WORDS)
    }
}

/// Goertzel's recurrence for all tones at once.
#[derive(Debug, Clone, Default)]
struct Bank {
    last: [f32; LANES],
    before: [f32; LANES],
}

impl Bank {
    fn add(&mut self, sample: f32, coefficients: &[f32; LANES]) {
        for ((last, before), coefficient) in self.last.iter_mut().zip(&mut self.before).zip(coefficients) {
            let next = sample + coefficient * *last - *before;
            (*before, *last) = (*last, next);
        }
    }

    fn take(&mut self, coefficients: &[f32; LANES]) -> [f32; LANES] {
        let Self { last, before } = std::mem::take(self);
        std::array::from_fn(|lane| {
            let (last, before) = (last[lane], before[lane]);
            (last * last + before * before - coefficients[lane] * last * before).max(0.0)
        })
    }
}

/// Measures every tone over whole blocks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    bank: Bank,
    filled: usize,
    powers: [f32; LANES],
    blocks: u16,
}

impl Meter {
    /// Hears a packet.
    pub(crate) fn hear(&mut self, scale: &Scale, payload: &[u8]) {
        for code in payload {
            let sample = scale.linear[usize::from(*code)] * scale.window[self.filled];
            self.bank.add(sample, &scale.coefficients);
            self.filled += 1;
            if self.filled == BLOCK {
                let powers = self.bank.take(&scale.coefficients);
                self.powers.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
                (self.filled, self.blocks) = (0, self.blocks.saturating_add(1));
            }
        }
    }

    /// The tones that were heard, by their mean level.
    pub(crate) fn heard(&self) -> Tones {
        Tones::ALL.iter().filter(|tone| self.level(*tone) > AUDIBLE).collect()
    }

    /// The mean level of a tone.
    pub(crate) fn level(&self, tone: Tone) -> Dbm0 {
        let mean = self.powers[lane(tone)] / f32::from(self.blocks.max(1));
        peak_level(mean, BLOCK, WINDOW_GAIN)
    }
}

const fn lane(tone: Tone) -> usize {
    tone.index()
}

/// The level of a sine that has this power after so many samples.
fn peak_level(power: f32, samples: usize, gain: f32) -> Dbm0 {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred are exact")]
    let samples = samples.max(1) as f32;
    Dbm0::of_peak(2.0 * power.sqrt() / samples * gain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tones::Sounds;

    fn hear(tones: &[Tone]) -> (Tones, bool) {
        let (sounds, scale) = (Sounds::new(), Scale::new());
        let mut meter = Meter::default();
        let mut quick = true;
        for packet in 0..50 {
            let mut mix = [0; 160];
            for tone in tones {
                let mut samples = [0; 160];
                Decoder::new(Codec::Pcma).decode(sounds.tone(*tone, packet * 160, 160), &mut samples);
                mix.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += sample);
            }
            let mut payload = [0; 160];
            codecs::Encoder::new(Codec::Pcma).encode(&mix, &mut payload);
            meter.hear(&scale, &payload);
            quick &= scale.has_quick_tones(&payload);
        }
        (meter.heard(), quick)
    }

    #[test]
    fn each_tone_of_a_mix_is_heard_and_no_other() {
        for meeting in 0..2 {
            let all: Vec<Tone> = (0..5).map(|seat| Tone::of_seat(meeting, seat)).collect();
            for seat in 0..5 {
                let mut others = all.clone();
                others.remove(seat);
                assert_eq!(hear(&others), (others.iter().copied().collect(), false), "{meeting} {seat}");
            }
        }
        assert_eq!(hear(&[]), (Tones::NONE, false));
    }

    #[test]
    fn the_quick_tones_are_told_by_one_packet_and_only_together() {
        let all: Vec<Tone> = (0..4).map(Tone::quick).collect();
        assert_eq!(hear(&all), (Tones::QUICK, true));
        assert!(!hear(&all[1..]).1);
    }
}
