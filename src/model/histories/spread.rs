//! Some of the families, each with a pattern of its own.

use super::{Chains, FamiliesOfPattern, Histories};
use crate::kernel::Kernel;
use crate::problem::Problem;
use std::borrow::Cow;
use std::sync::Arc;

impl Histories<'_> {
    /// Runs `work` on the same histories with a pattern for each of the chosen families, in their order.
    ///
    /// Work on each family by itself is so shared out evenly between blocks.
    pub fn spread<T>(&self, chosen: impl Fn(u32) -> bool, work: impl FnOnce(&Histories) -> T) -> T {
        let mut pairs: Vec<(usize, usize)> = (0..self.patterns().n_patterns())
            .flat_map(|pattern| self.families(pattern).iter().map(move |&family| (family, pattern)))
            .filter(|&(family, _)| chosen(family))
            .map(|(family, pattern)| (family as usize, pattern))
            .collect();
        pairs.sort_unstable();
        let (numbers, places): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
        let patterns = self.patterns().chosen(&places);
        let families = FamiliesOfPattern::new(&patterns, &numbers);
        let kernel = Kernel::new(Arc::new(Problem::new(self.kernel.problem().tree().clone(), patterns)));
        let chains = match &self.chains {
            Chains::Shared {
                rates,
                transitions,
                root,
            } => Chains::Shared {
                rates,
                transitions,
                root,
            },
            Chains::Lanes { gain, loss, root } => {
                let n_patterns = self.patterns().n_patterns();
                Chains::Lanes {
                    gain: Cow::Owned(columns(gain, n_patterns, &places)),
                    loss: Cow::Owned(columns(loss, n_patterns, &places)),
                    root: Cow::Owned(columns(root, n_patterns, &places)),
                }
            }
        };
        work(&Histories {
            kernel: &kernel,
            families,
            chains,
            ..*self
        })
    }
}

/// Returns the chosen columns of a table with rows of `n_columns`.
fn columns<T: Copy>(table: &[T], n_columns: usize, chosen: &[usize]) -> Vec<T> {
    let of_row = |row: &[T]| -> Vec<T> { chosen.iter().map(|&column| row[column]).collect() };
    table.chunks(n_columns.max(1)).flat_map(of_row).collect()
}
