//! What all other tips say about the record of each.

use super::{Histories, Input};
use crate::error::Cancelled;
use crate::kernel::PredictionBlock;
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
        match self.input() {
            Input::Shared(input) => self.kernel.tip_predictions(input, self.workers, monitor, visit),
            Input::Lanes(input) => self.kernel.lane_tip_predictions(input, self.workers, monitor, visit),
        }
    }
}
