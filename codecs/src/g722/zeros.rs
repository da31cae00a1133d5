//! The six zeros of a predictor (G.722 §6.2.1.5, UPZERO and FILTEZ): a third of the cost of the codec.
//!
//! Each step needs what the step before has written, so what counts is how long one takes: kept in two vector registers, their
//! history moves up by a shift of the register, where in memory it is read before it has been written.

use super::{saturate, to_sample};

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::Zeros;
#[cfg(target_arch = "x86_64")]
pub(super) use registers::Zeros;

/// Nothing changes where there is no difference.
fn step_for(difference: i32) -> i16 {
    if difference == 0 { 0 } else { 128 }
}

/// By SSE2, which every such processor has.
#[cfg(target_arch = "x86_64")]
mod registers {
    use safe_arch::{
        add_i16_m128i, add_i32_m128i, add_saturating_i16_m128i, bitand_m128i, bitxor_m128i,
        byte_shl_imm_u128_m128i, cmp_eq_mask_i16_m128i, get_i32_from_m128i_s, insert_i16_from_i32_m128i,
        m128i, mul_i16_keep_high_m128i, mul_i16_keep_low_m128i, set_i16_m128i, set_splat_i16_m128i,
        shr_imm_i16_m128i, shr_imm_i32_m128i, shuffle_ai_f32_all_m128i, sub_i16_m128i, unpack_high_i16_m128i,
        unpack_low_i16_m128i, zeroed_m128i,
    };

    use super::{saturate, step_for, to_sample};

    /// In the lower six of eight lanes.
    #[derive(Debug, Clone)]
    pub(in crate::g722) struct Zeros {
        /// B: the coefficients; the two beyond the sixth meet differences of nought.
        coefficients: m128i,
        /// D: the last quantized differences, newest first, twice as large.
        doubled: m128i,
    }

    impl Zeros {
        pub(in crate::g722) fn new() -> Self {
            let nothing = zeroed_m128i();
            Self { coefficients: nothing, doubled: nothing }
        }

        /// UPZERO, then FILTEZ with the new difference before the others.
        pub(in crate::g722) fn adapt(&mut self, difference: i32) -> i32 {
            let newest = to_sample(2 * difference);
            let zeros = self.coefficients;
            // All ones where the signs differ: the step is taken back.
            let back = shr_imm_i16_m128i::<15>(bitxor_m128i(self.doubled, set_splat_i16_m128i(newest)));
            let step = set_splat_i16_m128i(step_for(difference));
            let step = sub_i16_m128i(bitxor_m128i(step, back), back);
            // 32,640 in Q15 is 255/256: all but a 256th, rounded down.
            let is_whole =
                cmp_eq_mask_i16_m128i(bitand_m128i(zeros, set_splat_i16_m128i(0xff)), zeroed_m128i());
            let rounded = add_i16_m128i(set_splat_i16_m128i(1), is_whole);
            let leak = add_i16_m128i(shr_imm_i16_m128i::<8>(zeros), rounded);
            self.coefficients = add_saturating_i16_m128i(sub_i16_m128i(zeros, leak), step);
            let six = set_i16_m128i(0, 0, -1, -1, -1, -1, -1, -1);
            let older = bitand_m128i(byte_shl_imm_u128_m128i::<2>(self.doubled), six);
            self.doubled = insert_i16_from_i32_m128i::<0>(older, newest.into());
            self.estimate()
        }

        fn estimate(&self) -> i32 {
            let low = mul_i16_keep_low_m128i(self.coefficients, self.doubled);
            let high = mul_i16_keep_high_m128i(self.coefficients, self.doubled);
            let first = shr_imm_i32_m128i::<15>(unpack_low_i16_m128i(low, high));
            let second = shr_imm_i32_m128i::<15>(unpack_high_i16_m128i(low, high));
            let four = add_i32_m128i(first, second);
            let two = add_i32_m128i(four, shuffle_ai_f32_all_m128i::<0b00_00_11_10>(four));
            let one = add_i32_m128i(two, shuffle_ai_f32_all_m128i::<0b00_00_00_01>(two));
            saturate(get_i32_from_m128i_s(one))
        }
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::{saturate, step_for, to_sample};

    #[derive(Debug, Clone)]
    pub(in crate::g722) struct Zeros {
        /// B: the coefficients.
        coefficients: [i16; 6],
        /// D: the last quantized differences, newest first, twice as large.
        doubled: [i16; 6],
    }

    impl Zeros {
        pub(in crate::g722) const fn new() -> Self {
            Self { coefficients: [0; 6], doubled: [0; 6] }
        }

        /// UPZERO, then FILTEZ with the new difference before the others.
        pub(in crate::g722) fn adapt(&mut self, difference: i32) -> i32 {
            let newest = to_sample(2 * difference);
            let step = step_for(difference);
            let Self { coefficients, doubled } = self;
            for (zero, before) in coefficients.iter_mut().zip(&*doubled) {
                // All ones where the signs differ: the step is taken back.
                let back = (before ^ newest) >> 15;
                // 32,640 in Q15 is 255/256: all but a 256th, rounded down.
                let leak = (*zero >> 8) + i16::from(*zero & 0xff != 0);
                *zero = (*zero - leak).saturating_add((step ^ back) - back);
            }
            doubled.rotate_right(1);
            doubled[0] = newest;
            let product = |(zero, value): (&i16, &i16)| (i32::from(*zero) * i32::from(*value)) >> 15;
            saturate(coefficients.iter().zip(&*doubled).map(product).sum())
        }
    }
}

#[cfg(test)]
mod tests {
    use terms::Entropy;

    use super::*;

    #[test]
    fn in_registers_and_in_memory_the_same_comes_out() {
        let (mut registers, mut portable) = (Zeros::new(), portable::Zeros::new());
        let mut entropy = Entropy::from_seed([7; 4]);
        for at in 0..200_000_u32 {
            let random = (entropy.next_u32() >> 16) as u16;
            // Stretches of the extremes take the coefficients to their ends.
            let difference = match at / 5_000 % 4 {
                0 => i32::from(random.cast_signed()),
                1 => i32::from(random.cast_signed()) >> 10,
                2 => i32::from(i16::MIN),
                _ => i32::from(i16::MAX) * (i32::from(random & 1) * 2 - 1),
            };
            assert_eq!(registers.adapt(difference), portable.adapt(difference), "step {at}");
        }
    }
}
