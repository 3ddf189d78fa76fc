//! One object through which long work reports how far it is and learns that nobody wants it any more.

use crate::error::Cancelled;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Progress and cancellation of one piece of work, shared between the worker and whoever watches it.
#[derive(Debug, Default)]
pub struct Monitor {
    cancelled: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
}

impl Monitor {
    /// Returns a monitor of work that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop at its next check.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    /// Fails once [`cancel`](Self::cancel) was called; long work asks at least every tenth of a second.
    ///
    /// # Errors
    /// [`Cancelled`] if the work is to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancelled.load(Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    /// Starts counting a new stage of `total` steps; 0 where the number is not known.
    pub fn begin(&self, total: u64) {
        self.done.store(0, Relaxed);
        self.total.store(total, Relaxed);
    }

    /// Adds finished steps.
    pub fn advance(&self, steps: u64) {
        self.done.fetch_add(steps, Relaxed);
    }

    /// Returns the finished steps of the present stage and their total.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Relaxed), self.total.load(Relaxed))
    }
}
