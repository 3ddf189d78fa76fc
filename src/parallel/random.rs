//! Random numbers that depend on a seed, an item and a sample, and so on no thread.
//!
//! Seeds of streams are outputs of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195), the numbers in
//! a stream those of xoshiro256++ (Blackman and Vigna 2021, doi:10.1145/3460772), its state filled by SplitMix64. Both
//! are fixed: the same seed gives the same numbers in every version of this crate, on every machine, in Rust and Python.

use std::num::NonZero;

/// The step of SplitMix64, 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns output number `index`, counted from 0, of SplitMix64 with state `seed`.
fn split_mix(seed: u64, index: u64) -> u64 {
    let mut bits = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(STEP));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Returns the seed of the stream of one sample of one item.
///
/// `split_mix(split_mix(seed, item), sample)`: under one seed and item no two samples share a seed.
///
/// ```
/// use persiste_rust::parallel::stream_seed;
/// assert_ne!(stream_seed(7, 0, 1), stream_seed(7, 1, 0));
/// ```
#[must_use]
pub fn stream_seed(seed: u64, item: u64, sample: u64) -> u64 {
    split_mix(split_mix(seed, item), sample)
}

/// A generator of random numbers, xoshiro256++ with a period of 2^256 - 1; not for secrets.
///
/// ```
/// use persiste_rust::parallel::Random;
/// let (mut one, mut same) = (Random::new(42), Random::new(42));
/// assert_eq!(one.next_u64(), same.next_u64());
/// assert!((0.0..1.0).contains(&one.uniform()));
/// ```
#[derive(Debug, Clone)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// Returns the generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Four outputs of a bijection at distinct places differ, so they are never all zero.
        Self {
            state: [0, 1, 2, 3].map(|index| split_mix(seed, index)),
        }
    }

    /// Returns the generator of one sample of one item, that of [`stream_seed`].
    #[must_use]
    pub fn of(seed: u64, item: usize, sample: usize) -> Self {
        Self::new(stream_seed(seed, item as u64, sample as u64))
    }

    /// Returns 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Returns a number in [0, 1), one of 2^53 that are equally likely.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Returns a whole number below `bound`, all equally likely (Lemire 2019, doi:10.1145/3230636).
    pub fn below(&mut self, bound: NonZero<u64>) -> u64 {
        let bound = bound.get();
        let unfair = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    /// Puts the values into a random order, all orders equally likely (Fisher and Yates, from the end).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let count = NonZero::<u64>::MIN.saturating_add(last as u64);
            values.swap(last, self.below(count) as usize);
        }
    }
}
