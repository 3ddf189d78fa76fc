//! What all other tips say about the record of each.

use super::{Chains, Histories};
use crate::error::Cancelled;
use crate::kernel::{LaneInput, PredictionBlock, SharedInput};
use crate::parallel::Monitor;

impl Histories<'_> {
    /// Visits what the other tips say about the record of each tip, block by block; see
    /// [`Kernel::tip_predictions`](crate::kernel::Kernel::tip_predictions).
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn tip_predictions<T: Send>(
        &self,
        monitor: &Monitor,
        visit: impl Fn(&PredictionBlock) -> T + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        match &self.chains {
            Chains::Shared { transitions, root, .. } => {
                let input = SharedInput {
                    transitions,
                    root,
                    weights: self.weights,
                    tips: self.tips,
                };
                self.kernel.tip_predictions(input, self.workers, monitor, visit)
            }
            Chains::Lanes { gain, loss, root } => {
                let input = LaneInput {
                    gain,
                    loss,
                    set_of_branch: self.set_of_node,
                    n_sets: self.n_sets,
                    root,
                    weights: self.weights,
                    tips: self.tips,
                };
                self.kernel.lane_tip_predictions(input, self.workers, monitor, visit)
            }
        }
    }
}
