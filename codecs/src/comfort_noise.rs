//! Comfort noise as the peer describes it (RFC 3389).
//!
//! ```text
//!   payload ─▶ level, reflection coefficients
//!                │        │
//!   white noise ─┴──▶ lattice filter ──▶ noise of the peer's background
//! ```

use crate::{level::Dbov, tone::to_sample};

/// What of a longer description is used: the first coefficients tell the most.
const MAX_ORDER: usize = 10;
/// However loud it is described, background is quieter than speech.
const LOUDEST: Dbov = Dbov(-30.0);
/// How much of the way to another level a sample goes: it changes within some 20 ms.
const GAIN_STEP: f32 = 1.0 / 100.0;

/// Makes the background of one stream.
#[derive(Debug, Clone)]
pub struct ComfortNoise {
    reflection: [f32; MAX_ORDER],
    /// The backward errors of the lattice, that of order 0 first.
    backward: [f32; MAX_ORDER],
    gain: f32,
    wanted_gain: f32,
    seed: u32,
}

impl Default for ComfortNoise {
    /// Silence, until it is described.
    fn default() -> Self {
        Self {
            reflection: [0.0; MAX_ORDER],
            backward: [0.0; MAX_ORDER],
            gain: 0.0,
            wanted_gain: 0.0,
            seed: 0x2545_f491,
        }
    }
}

impl ComfortNoise {
    /// Takes a description; an empty one describes nothing.
    pub fn describe(&mut self, payload: &[u8]) {
        let Some((level, coefficients)) = payload.split_first() else { return };
        self.reflection = [0.0; MAX_ORDER];
        for (reflection, index) in self.reflection.iter_mut().zip(coefficients) {
            // RFC 3389 §3.2: index 127 is none; 255 is not used.
            let index = f32::from((*index).min(254)) - 127.0;
            *reflection = index * 258.0 / 32_768.0;
        }
        self.backward = [0.0; MAX_ORDER];
        // RFC 3389 §3.1: the level is −dBov, in seven bits.
        let level = (-f32::from(level & 0x7f)).min(LOUDEST.0);
        // The filter makes noise louder by the inverse of this; uniform noise is 1/√3 of its peak.
        let shaped: f32 = self.reflection.iter().map(|reflection| 1.0 - reflection * reflection).product();
        self.wanted_gain = 32_768.0 * 10_f32.powf(level / 20.0) * (3.0 * shaped).sqrt();
    }

    /// Writes the next samples.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for sample in frame {
            self.gain += GAIN_STEP * (self.wanted_gain - self.gain);
            *sample = to_sample(self.gain * self.next());
        }
    }

    /// The next sample of shaped noise (lattice form of the all-pole filter).
    fn next(&mut self) -> f32 {
        let mut forward = self.white();
        for order in (0..MAX_ORDER).rev() {
            forward -= self.reflection[order] * self.backward[order];
            let backward = self.backward[order] + self.reflection[order] * forward;
            if let Some(next) = self.backward.get_mut(order + 1) {
                *next = backward;
            }
        }
        self.backward[0] = forward;
        forward
    }

    /// Between −1 and 1, evenly (xorshift, Marsaglia 2003).
    fn white(&mut self) -> f32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        let [high, low, ..] = self.seed.to_be_bytes();
        f32::from(i16::from_be_bytes([high, low])) / 32_768.0
    }
}

/// RFC 3389 §3.1: describes white noise of a level.
pub fn describe_noise(level: Dbov) -> [u8; 1] {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what seven bits hold"
    )]
    let level = (-level.0).clamp(0.0, 127.0).round() as u8;
    [level]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Goertzel, level::dbov};
    use proptest::prelude::*;
    use terms::media::SampleRate;

    fn noise(payload: &[u8]) -> Vec<i16> {
        let mut noise = ComfortNoise::default();
        noise.describe(payload);
        let mut sound = vec![0; 17_600];
        noise.fill(&mut sound);
        sound.split_off(1_600)
    }

    fn around(sound: &[i16], hz: f32) -> f32 {
        let mut power = 0.0;
        for block in sound.chunks_exact(200) {
            let mut meter = Goertzel::new(hz, SampleRate::Hz8000);
            meter.add(block);
            power += 10_f32.powf(meter.take().0 / 10.0);
        }
        10.0 * power.log10()
    }

    #[test]
    fn rfc3389_3_1_the_noise_has_the_level_that_is_described() {
        for level in [30_u8, 40, 50, 60, 70] {
            for shape in [&[][..], &[60, 127, 180], &[127; 10], &[20]] {
                let payload = [&[level], shape].concat();
                let heard = dbov(&noise(&payload)).0;
                assert!((heard + f32::from(level)).abs() < 1.2, "{payload:?}: {heard} dBov");
            }
        }
        let told = describe_noise(Dbov(-66.4));
        assert_eq!((told, describe_noise(Dbov::SILENCE), describe_noise(Dbov(3.0))), ([66], [127], [0]));
    }

    #[test]
    fn rfc3389_3_2_the_noise_has_the_spectrum_that_is_described() {
        // RFC 3389 §3.2: a negative first coefficient is a spectrum that falls, a positive one rises.
        for (index, falls) in [(30, true), (224, false)] {
            let sound = noise(&[40, index]);
            let (low, high) = (around(&sound, 300.0), around(&sound, 3_700.0));
            assert!(if falls { low > high + 10.0 } else { high > low + 10.0 }, "{index}: {low} {high}");
        }
    }

    #[test]
    fn undescribed_it_is_silent_and_a_new_level_comes_without_a_step() {
        let mut noise = ComfortNoise::default();
        let mut frame = [1; 160];
        noise.fill(&mut frame);
        assert_eq!(frame, [0; 160]);
        noise.describe(&[30]);
        noise.fill(&mut frame);
        assert!(dbov(&frame[..10]).0 < -45.0 && dbov(&frame[120..]).0 > -36.0);
        noise.describe(&[]);
        noise.fill(&mut frame);
        assert!(dbov(&frame).0 > -33.0, "an empty description changes nothing");
    }

    proptest! {
        #[test]
        fn any_description_is_noise_within_bounds(payload in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(dbov(&noise(&payload)).0 < -20.0);
        }
    }
}
