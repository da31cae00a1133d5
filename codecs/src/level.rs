//! How loud a frame is, on the two scales of telephony.

/// A level against the transmission reference point, of a sine in G.711 terms.
///
/// G.711 §4: a sine that just fills A-law's range is at +3.14 dBm0 (µ-law's at +3.17 dBm0); here
/// +3.14 dBm0 is a sine whose peak is 32,768.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Dbm0(pub f32);

impl Dbm0 {
    /// The sine that just fills the range (G.711 §4).
    #[expect(clippy::approx_constant, reason = "G.711's 3.14, not the circle's")]
    pub const FULL_SCALE: Self = Self(3.14);
    /// What no sound at all is reported as.
    pub const SILENCE: Self = Self(-127.0);

    /// The peak, in sample units, of a sine at this level.
    pub fn peak(self) -> f32 {
        32_768.0 * 10f32.powf((self.0 - Self::FULL_SCALE.0) / 20.0)
    }

    /// The level of a sine with this peak.
    pub fn of_peak(peak: f32) -> Self {
        let level = 20.0 * (peak / 32_768.0).log10() + Self::FULL_SCALE.0;
        Self(level.max(Self::SILENCE.0))
    }
}

/// A level against the overload point (RFC 6464 §3): a full-scale square wave is at 0, a
/// full-scale sine at −3.01.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Dbov(pub f32);

impl Dbov {
    /// RFC 6464 §3: the lowest level that is told apart.
    pub const SILENCE: Self = Self(-127.0);
}

/// The sum of the squares of a frame's samples.
pub fn energy(frame: &[i16]) -> u64 {
    let square = |sample: i16| u64::from(sample.unsigned_abs()).pow(2);
    // Two squares fit 32 bits, and processors add them in pairs.
    let (pairs, rest) = frame.as_chunks();
    let pairs = pairs.iter().map(|[one, other]| {
        let (one, other) = (i32::from(*one), i32::from(*other));
        u64::from((one * one).wrapping_add(other * other).cast_unsigned())
    });
    pairs.sum::<u64>() + rest.iter().copied().map(square).sum::<u64>()
}

/// The root-mean-square level of a frame; an empty one is silent.
pub fn dbov(frame: &[i16]) -> Dbov {
    let energy = energy(frame);
    if energy == 0 {
        return Dbov::SILENCE;
    }
    #[expect(clippy::cast_precision_loss, reason = "a level needs six digits, not nineteen")]
    let mean_square = energy as f32 / frame.len() as f32;
    Dbov((10.0 * (mean_square / (32_768.0 * 32_768.0)).log10()).max(Dbov::SILENCE.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generator;
    use proptest::prelude::*;
    use terms::media::SampleRate;

    proptest! {
        #[test]
        fn the_energy_of_any_frame_is_the_sum_of_squares(frame in prop::collection::vec(any::<i16>(), 0..50)) {
            let sum: i64 = frame.iter().map(|sample| i64::from(*sample).pow(2)).sum();
            prop_assert_eq!(i64::try_from(energy(&frame)), Ok(sum));
        }
    }

    #[test]
    fn the_loudest_frame_overflows_nothing() {
        assert_eq!(energy(&[i16::MIN; 3]), 3 << 30);
    }

    #[test]
    fn rfc6464_3_levels_against_overload() {
        let mut sine = [0; 800];
        Generator::new(1_000, Dbm0::FULL_SCALE, SampleRate::Hz8000).fill(&mut sine);
        let cases: [(&str, &[i16], f32); 4] = [
            ("full-scale square", &[i16::MIN; 160], 0.0),
            ("full-scale sine", &sine, -3.01),
            ("nothing", &[0; 160], -127.0),
            ("empty", &[], -127.0),
        ];
        for (name, frame, expected) in cases {
            assert!((dbov(frame).0 - expected).abs() < 0.02, "{name}: {:?}", dbov(frame));
        }
    }

    #[test]
    fn g711_4_full_scale_is_at_plus_3_14_dbm0() {
        assert!((Dbm0::FULL_SCALE.peak() - 32_768.0).abs() < 1.0);
        assert!((Dbm0::of_peak(Dbm0(-20.0).peak()).0 - -20.0).abs() < 1e-3);
        assert_eq!(Dbm0::of_peak(0.0), Dbm0::SILENCE);
    }
}
