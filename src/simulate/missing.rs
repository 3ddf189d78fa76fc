//! Cells of which nothing is known.

use super::chance::Chance;
use crate::error::SimulateError;
use crate::parallel::Random;
use crate::problem::{BLOCK, Patterns};

/// Which cells are missing in simulated families. A missing cell hides what was recorded; it is drawn (or known)
/// independently of it.
#[derive(Debug, Clone, Copy, Default)]
pub enum Missing<'a> {
    /// None.
    #[default]
    None,
    /// Each cell with this probability, below 1.
    Rate(f64),
    /// Those of family `f` of these patterns in family `f`, begun anew where they are fewer.
    Like(&'a Patterns),
}

impl Missing<'_> {
    pub(super) fn check(self, n_tips: usize) -> Result<(), SimulateError> {
        match self {
            Self::Rate(found) if !(0.0..1.0).contains(&found) => Err(SimulateError::MissingRate { found }),
            Self::Like(patterns) if patterns.n_tips() != n_tips => Err(SimulateError::MissingTips {
                found: patterns.n_tips(),
                expected: n_tips,
            }),
            _ => Ok(()),
        }
    }

    /// Returns whether no cell is missing in any family.
    pub(super) fn is_none(self) -> bool {
        match self {
            Self::None => true,
            Self::Rate(rate) => rate == 0.0,
            Self::Like(patterns) => patterns.n_families() == 0 || patterns.missing(0).is_none(),
        }
    }

    /// Writes one bit a tip: whether the cell is missing.
    pub(super) fn draw(self, family: usize, n_tips: usize, random: &mut Random, words: &mut [u64]) {
        words.fill(0);
        let is_missing: &mut dyn FnMut(usize) -> bool = match self {
            Self::None => return,
            Self::Rate(rate) => {
                let chance = Chance::new(rate);
                &mut move |_| chance.happens(random)
            }
            Self::Like(patterns) => {
                let pattern = patterns.pattern_of_family()[family % patterns.n_families()] as usize;
                let bits = patterns.missing(pattern / BLOCK).unwrap_or_default();
                &mut move |tip| bits.get(tip).is_some_and(|bits| (bits >> (pattern % BLOCK)) & 1 != 0)
            }
        };
        for tip in 0..n_tips {
            words[tip / 64] |= u64::from(is_missing(tip)) << (tip % 64);
        }
    }
}
