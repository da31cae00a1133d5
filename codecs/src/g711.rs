//! ITU-T G.711: one octet a sample, in two laws.

use audio_codec_algorithms::{decode_alaw, decode_ulaw};

/// Which of the two companding laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// G.711 table 2: µ-law (PCMU).
    Mu,
    /// G.711 table 1: A-law (PCMA).
    A,
}

impl Law {
    /// The octet that decodes to the sample nearest zero.
    pub const fn silence(self) -> u8 {
        match self {
            Self::Mu => 0xff,
            Self::A => 0xd5,
        }
    }
}

/// Decodes as many octets as both slices hold; returns how many.
pub fn decode(law: Law, payload: &[u8], samples: &mut [i16]) -> usize {
    match law {
        Law::Mu => map(payload, samples, decode_ulaw),
        Law::A => map(payload, samples, decode_alaw),
    }
}

/// Encodes as many samples as both slices hold; returns how many.
pub fn encode(law: Law, samples: &[i16], payload: &mut [u8]) -> usize {
    match law {
        Law::Mu => map(samples, payload, encode_ulaw),
        Law::A => map(samples, payload, encode_alaw),
    }
}

/// G.711 table 1. The segment is where a magnitude's highest bit is, and the step the four bits below it: a float has
/// both in a row, so no loop looks for them, and many samples are encoded at once.
fn encode_alaw(sample: i16) -> u8 {
    let magnitude = i32::from(magnitude_of(sample) >> 4);
    let code = if magnitude < 16 { magnitude } else { exponent_and_step(magnitude) - (130 << 4) };
    (low_octet(code) | sign_of(sample)) ^ 0x55
}

/// G.711 table 2, in the same way: with 33 added, each magnitude has a highest bit.
fn encode_ulaw(sample: i16) -> u8 {
    let magnitude = (i32::from(magnitude_of(sample) >> 2) + 33).min(0x1fff);
    low_octet(0x8f - (exponent_and_step(magnitude) - (131 << 4))) | sign_of(sample)
}

/// What is as far from −½ on its other side counts as the same.
const fn magnitude_of(sample: i16) -> i16 {
    sample ^ (sample >> 15)
}

/// G.711 §3.1: the first bit of a positive value is 1.
const fn sign_of(sample: i16) -> u8 {
    if sample < 0 { 0 } else { 0x80 }
}

/// Bits 19 to 30 of a float: its exponent, biased by 127, and the upper four bits behind the highest.
const fn exponent_and_step(magnitude: i32) -> i32 {
    #[expect(clippy::cast_precision_loss, reason = "13 bits at most")]
    let bits = (magnitude as f32).to_bits();
    (bits >> 19).cast_signed()
}

const fn low_octet(code: i32) -> u8 {
    let [low, ..] = code.to_le_bytes();
    low
}

fn map<From: Copy, To>(from: &[From], to: &mut [To], convert: impl Fn(From) -> To) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = convert(*from);
    }
    from.len().min(to.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G.711 tables 1a and 1b: the interval of magnitudes and the value of a code, in 16 bits.
    fn a_law(code: u8) -> (bool, i32, i32, i32) {
        let bits = code ^ 0x55;
        let (segment, step) = (i32::from(bits >> 4 & 7), i32::from(bits & 15));
        let (low, width) = match segment {
            0 => (2 * step, 2),
            _ => ((16 + step) << segment, 1 << segment),
        };
        (bits & 0x80 == 0, low * 8, (low + width) * 8, (low * 2 + width) * 4)
    }

    /// G.711 tables 2a and 2b.
    fn mu_law(code: u8) -> (bool, i32, i32, i32) {
        let bits = !code;
        let (segment, step) = (i32::from(bits >> 4 & 7), i32::from(bits & 15));
        let value = ((2 * step + 33) << segment) - 33;
        let half = 1 << segment;
        (bits & 0x80 != 0, (value - half).max(0) * 4, (value + half) * 4, value * 4)
    }

    type Table = fn(u8) -> (bool, i32, i32, i32);
    const LAWS: [(Law, Table); 2] = [(Law::A, a_law), (Law::Mu, mu_law)];

    #[test]
    fn g711_tables_1_and_2_every_code_decodes_to_its_value() {
        for (law, table) in LAWS {
            for code in 0..=u8::MAX {
                let (negative, _, _, value) = table(code);
                let mut sample = [0];
                assert_eq!(decode(law, &[code], &mut sample), 1);
                let expected = if negative { -value } else { value };
                assert_eq!(i32::from(sample[0]), expected, "{law:?} {code:#x}");
            }
        }
    }

    /// A sample on a decision value may go either way (G.711 §3.2 note).
    #[test]
    fn g711_tables_1_and_2_every_sample_encodes_to_its_interval() {
        for (law, table) in LAWS {
            let largest = (0..=u8::MAX).map(|code| table(code).2).max().expect("256 codes");
            for sample in i16::MIN..=i16::MAX {
                let mut code = [0];
                assert_eq!(encode(law, &[sample], &mut code), 1);
                let (negative, low, high, _) = table(code[0]);
                let magnitude = i32::from(sample).abs().min(largest);
                assert!((low..=high).contains(&magnitude), "{law:?} {sample}: {:#x} {low}..{high}", code[0]);
                // The lowest step may be of either sign.
                assert!(negative == (sample < 0) || low == 0, "{law:?} {sample}: {:#x}", code[0]);
            }
        }
    }

    #[test]
    fn every_sample_gets_the_code_that_an_encoder_of_others_gives_it() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(encode_alaw(sample), audio_codec_algorithms::encode_alaw(sample), "{sample}");
            assert_eq!(encode_ulaw(sample), audio_codec_algorithms::encode_ulaw(sample), "{sample}");
        }
    }

    #[test]
    fn the_shorter_slice_bounds_both_ways() {
        assert_eq!(decode(Law::A, &[0xd5; 3], &mut [0; 2]), 2);
        assert_eq!(encode(Law::Mu, &[0; 2], &mut [0; 3]), 2);
    }

    #[test]
    fn silence_decodes_next_to_zero() {
        for law in [Law::A, Law::Mu] {
            let mut sample = [99];
            decode(law, &[law.silence()], &mut sample);
            assert!(sample[0].abs() <= 8, "{law:?}");
        }
    }
}
