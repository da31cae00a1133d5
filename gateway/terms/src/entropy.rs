//! The one source of unpredictable values, seeded by the server and fixed in tests.

use serde::{Deserialize, Serialize};

/// Yields tags, branches, nonces, SSRCs and back-offs.
///
/// ChaCha-class secrecy is not the point here (keys come from the operating system): an outsider
/// must not guess the next tag from a few earlier ones, so the 256-bit state never shows and each
/// value is mixed on its way out (xoshiro256**, Blackman and Vigna 2018).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entropy {
    state: [u64; 4],
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Entropy")
    }
}

impl Entropy {
    /// A source whose values follow from `seed` alone; seeds that differ in one bit have nothing in common.
    pub const fn from_seed(seed: [u64; 4]) -> Self {
        // SplitMix64 over all words, as xoshiro's authors advise: no state is near another, and none
        // is all zero, xoshiro's one fixed point.
        let folded = split_mix(seed[0] ^ split_mix(seed[1] ^ split_mix(seed[2] ^ split_mix(seed[3]))));
        let state = [
            split_mix(folded ^ seed[0]),
            split_mix(folded.rotate_left(16) ^ seed[1]),
            split_mix(folded.rotate_left(32) ^ seed[2]),
            split_mix(folded.rotate_left(48) ^ seed[3]) | 1,
        ];
        Self { state }
    }

    /// Splits off a source of its own for a part of the program.
    #[must_use]
    pub const fn split(&mut self) -> Self {
        Self::from_seed([self.next_u64(), self.next_u64(), self.next_u64(), self.next_u64()])
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let value = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let c = c ^ a;
        let d = d ^ b;
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        value
    }

    /// The upper 32 of the next 64 bits.
    pub const fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number below `bound`; zero when `bound` is zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.next_u64() as u128 * bound as u128) >> 64) as u64
    }
}

const fn split_mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_values_and_splits_differ() {
        let mut a = Entropy::from_seed([1, 2, 3, 4]);
        let mut b = a.clone();
        assert_eq!(a.next_u64(), b.next_u64());
        assert_ne!(a.split().next_u64(), a.next_u64());
    }

    #[test]
    fn seeds_that_differ_in_one_word_have_no_first_value_in_common() {
        let seeds = (0..4).flat_map(|word| (0..64).map(move |bit| (word, bit)));
        let firsts: alloc::collections::BTreeSet<u64> = seeds
            .map(|(word, bit)| {
                let mut seed = [7, 11, 13, 17];
                seed[word] ^= 1 << bit;
                Entropy::from_seed(seed).next_u64()
            })
            .collect();
        assert_eq!(firsts.len(), 256);
    }

    #[test]
    fn below_stays_below_and_reaches_both_ends() {
        let mut entropy = Entropy::from_seed([0; 4]);
        let seen: alloc::collections::BTreeSet<u64> = (0..200).map(|_| entropy.below(3)).collect();
        assert_eq!(seen.into_iter().collect::<alloc::vec::Vec<_>>(), [0, 1, 2]);
    }
}
