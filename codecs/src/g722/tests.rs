use proptest::prelude::*;
use terms::media::SampleRate;

use super::*;
use crate::{Dbm0, Generator, Goertzel};

/// What libspandsp 0.0.6 makes of [`sound`], and hears of that: `vectors/make.py` wrote them.
const ENCODED: &[u8] = include_bytes!("vectors/encoded.g722");
const DECODED: &[u8] = include_bytes!("vectors/decoded.s16le");

/// Half a second that reaches every part of the quantizers: noise that fades, a loud square, silence, noise again.
fn sound() -> Vec<i16> {
    let mut seed = 1u32;
    let sample = |at: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = ((seed >> 16) as u16 ^ 0x8000).cast_signed();
        match at {
            ..4_000 => noise >> (at / 400),
            4_000..5_000 if (at / 40).is_multiple_of(2) => 12_000,
            4_000..5_000 => -12_000,
            5_000..6_000 => 0,
            _ => noise >> 4,
        }
    };
    (0..8_000).map(sample).collect()
}

#[test]
fn encoder_agrees_with_another_implementation_to_the_bit() {
    let mut octets = vec![0; 4_000];
    assert_eq!(Encoder::new().encode(&sound(), &mut octets), ENCODED.len());
    let differing = octets.iter().zip(ENCODED).position(|(ours, theirs)| ours != theirs);
    assert_eq!(differing, None);
}

#[test]
fn decoder_agrees_with_another_implementation_to_the_bit() {
    let mut heard = vec![0; 8_000];
    assert_eq!(2 * Decoder::new().decode(ENCODED, &mut heard), DECODED.len());
    let theirs = DECODED.chunks_exact(2).map(|octets| i16::from_le_bytes([octets[0], octets[1]]));
    let differing = heard.iter().zip(theirs).position(|(ours, theirs)| *ours != theirs);
    assert_eq!(differing, None);
}

#[test]
fn media_1_a_tone_of_the_upper_band_comes_through() {
    for hz in [300, 1_000, 3_000, 5_000, 6_500] {
        let mut tone = vec![0; 3_200];
        Generator::new(hz, Dbm0(-10.0), SampleRate::Hz16000).fill(&mut tone);
        let (mut octets, mut heard) = (vec![0; 1_600], vec![0; 3_200]);
        Encoder::new().encode(&tone, &mut octets);
        Decoder::new().decode(&octets, &mut heard);
        let mut meter = Goertzel::new(hz as f32, SampleRate::Hz16000);
        meter.add(&heard[1_600..]);
        let Dbm0(level) = meter.take();
        assert!((level + 10.0).abs() < 1.0, "{hz} Hz: {level}");
    }
}

#[test]
fn short_slices_are_filled_and_odd_samples_left_out() {
    let (mut octets, mut heard) = ([0; 2], [7; 3]);
    assert_eq!(Encoder::new().encode(&[1; 9], &mut octets), 2);
    assert_eq!(Encoder::new().encode(&[1; 3], &mut octets), 1);
    assert_eq!(Decoder::new().decode(&[1; 9], &mut heard), 2);
    assert_eq!(heard[2], 7);
}

proptest! {
    #[test]
    fn any_octets_and_any_samples_are_taken(octets in proptest::collection::vec(any::<u8>(), 0..2_000),
        samples in proptest::collection::vec(any::<i16>(), 0..2_000)) {
        let (mut heard, mut sent) = (vec![0; 4_000], vec![0; 1_000]);
        prop_assert_eq!(Decoder::new().decode(&octets, &mut heard), octets.len() * 2);
        prop_assert_eq!(Encoder::new().encode(&samples, &mut sent), samples.len() / 2);
    }
}
