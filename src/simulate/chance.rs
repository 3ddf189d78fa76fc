//! Chances as whole numbers: events of probability 0 never happen, those of probability 1 always.

use crate::parallel::Random;

/// 2^63.
const ONE: f64 = 9_223_372_036_854_775_808.0;

/// A probability in units of 2^-63.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Chance(u64);

impl Chance {
    /// Returns the chance of a probability from 0 to 1.
    pub(super) fn new(probability: f64) -> Self {
        Self((probability * ONE) as u64)
    }

    /// Draws whether it happens.
    #[inline(always)]
    pub(super) fn happens(self, random: &mut Random) -> bool {
        self.holds(Self::draw(random))
    }

    /// Returns a number that chances can be held against, for several chances that exclude each other.
    #[inline(always)]
    pub(super) fn draw(random: &mut Random) -> u64 {
        random.next_u64() >> 1
    }

    /// Returns whether a drawn number falls below this chance.
    #[inline(always)]
    pub(super) fn holds(self, draw: u64) -> bool {
        draw < self.0
    }
}

/// Draws a place with probability proportional to its weight; a place of weight 0 never, unless all are.
///
/// `total` is the sum of the weights, as nearly as rounding allows.
pub(super) fn place(random: &mut Random, total: f64, weights: impl Iterator<Item = f64>) -> usize {
    let mut left = random.uniform() * total;
    let mut chosen = 0;
    for (index, weight) in weights.enumerate() {
        if weight > 0.0 {
            chosen = index;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_and_impossible_events_are_just_that() {
        let mut random = Random::new(1);
        for _ in 0..10_000 {
            assert!(Chance::new(1.0).happens(&mut random));
            assert!(!Chance::new(0.0).happens(&mut random));
            assert_eq!(place(&mut random, 1.0, [0.0, 1.0, 0.0].into_iter()), 1);
        }
    }
}
