//! Joint posterior probabilities of the states at the two ends of every branch, one block of patterns at a time.
//!
//! The pass that gives the derivative with respect to `P_ij` gives them too: with cotangent 1,
//! `P_ij d log L / d P_ij` is the posterior probability of state i above and state j below, and the share of a
//! category in the likelihood is that of the category.
//!
//! A block of `W` lanes holds `32 W (n_nodes + 1)` bytes for each category and thread, 2 kB a node: where a gradient
//! takes narrower blocks so does this, 256 bytes a node and category (51 MB for 100,000 tips).

mod block;
mod passes;
mod predictions;

pub use block::PosteriorBlock;
pub use predictions::PredictionBlock;

use super::Kernel;
use super::lanes::{LaneInput, PreparedLanes, WIDTH};
use super::shared::{Prepared, SharedInput};
use crate::error::Cancelled;
use crate::parallel::{Monitor, Workers};

impl Kernel {
    /// Visits the joint posteriors of all patterns, block by block, and returns what the visits returned, in order.
    ///
    /// A block holds neighbouring patterns, 64, 16 or 8 of them; which, depends on the size of the tree alone. The
    /// memory that is needed does not depend on the number of patterns: 2 kB a node, category and thread where a block
    /// has 64 patterns, 256 bytes where it has 8.
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn branch_posteriors<T: Send>(
        &self,
        input: SharedInput,
        workers: &Workers,
        monitor: &Monitor,
        visit: impl Fn(&PosteriorBlock) -> T + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        let (prepared, n_categories) = (Prepared::new(input), input.weights.len());
        if self.is_narrow() {
            let block = || self.posterior_block(n_categories, 8);
            passes::visit::<T, _, 8>(self, (block, 0), workers, monitor, visit, |first, room| {
                passes::shared(self, &prepared, first, room);
            })
        } else {
            let block = || self.posterior_block(n_categories, 64);
            passes::visit::<T, _, 64>(self, (block, 0), workers, monitor, visit, |first, room| {
                passes::shared(self, &prepared, first, room);
            })
        }
    }

    /// As [`branch_posteriors`](Self::branch_posteriors), with rates for each pattern.
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn lane_branch_posteriors<T: Send>(
        &self,
        input: LaneInput,
        workers: &Workers,
        monitor: &Monitor,
        visit: impl Fn(&PosteriorBlock) -> T + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        let prepared = PreparedLanes::new(self, input);
        let (n_categories, n_sets) = (input.weights.len(), input.n_sets);
        if self.is_narrow() {
            let block = || self.posterior_block(n_categories, 8);
            passes::visit::<T, _, 8>(self, (block, n_sets), workers, monitor, visit, |first, room| {
                passes::lanes(self, &prepared, first, room);
            })
        } else {
            let block = || self.posterior_block(n_categories, WIDTH);
            passes::visit::<T, _, WIDTH>(self, (block, n_sets), workers, monitor, visit, |first, room| {
                passes::lanes(self, &prepared, first, room);
            })
        }
    }

    fn posterior_block(&self, n_categories: usize, width: usize) -> PosteriorBlock {
        PosteriorBlock::new(n_categories, self.problem.tree().n_nodes(), width)
    }
}
