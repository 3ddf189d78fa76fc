//! How many threads the familiar names run with.

use crate::error::ParallelError;
use crate::parallel::threads::default_thread_count;
use crate::parallel::{Workers, thread_count};
use std::cell::Cell;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What `configure_thread_pool` last said, 0 for nothing. A number, not a pool: results never depend on it.
static CONFIGURED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The number that a benchmark measures on this thread.
    static MEASURED: Cell<Option<NonZero<usize>>> = const { Cell::new(None) };
}

/// The number of threads for the functions that take no workers.
///
/// ```
/// use persiste_rust::parallel::ParallelConfig;
/// let config = ParallelConfig::default().with_threads(2);
/// config.configure_thread_pool()?;
/// config.with_threads(4).configure_thread_pool()?; // from here on with four
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParallelConfig {
    /// The number; without one [`thread_count`] decides.
    pub num_threads: Option<usize>,
}

impl ParallelConfig {
    /// Returns the configuration with this number of threads.
    #[must_use]
    pub fn with_threads(mut self, num_threads: usize) -> Self {
        self.num_threads = Some(num_threads);
        self
    }

    /// Makes the functions of this module that are called from now on, anywhere in the process, run with this number.
    ///
    /// May be called any number of times; the last one counts. No thread is started and no pool made: each call of a
    /// function has threads of its own while it runs.
    /// # Errors
    /// [`ParallelError::ThreadCount`] for a number that [`thread_count`] refuses; what was configured stays.
    pub fn configure_thread_pool(&self) -> Result<(), ParallelError> {
        let count = match self.num_threads {
            None => 0,
            Some(_) => thread_count(self.num_threads)?.get(),
        };
        CONFIGURED.store(count, Relaxed);
        Ok(())
    }

    /// Returns the number of threads that this configuration stands for; not checked.
    #[must_use]
    pub fn effective_thread_count(&self) -> usize {
        self.num_threads.unwrap_or_else(|| default_thread_count().get())
    }
}

/// Returns workers for a call over `n_items`, no more of them than items.
pub(super) fn workers(n_items: usize) -> Workers {
    let configured = || NonZero::new(CONFIGURED.load(Relaxed));
    let count = MEASURED.get().or_else(configured).unwrap_or_else(default_thread_count);
    Workers::new(Some(count.min(NonZero::new(n_items).unwrap_or(NonZero::<usize>::MIN))))
}

/// Runs `work` so that the familiar functions called by it on this thread use `count` threads.
pub(super) fn measured_with<R>(count: NonZero<usize>, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<NonZero<usize>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            MEASURED.set(self.0);
        }
    }
    let _restore = Restore(MEASURED.replace(Some(count)));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_number_holds_within_and_ends_with_the_work() {
        let three = NonZero::new(3).unwrap();
        let before = workers(100).n_threads();
        assert_eq!(measured_with(three, || workers(100).n_threads()), 3);
        assert_eq!(measured_with(three, || workers(2).n_threads()), 2);
        let panicked = std::panic::catch_unwind(|| measured_with(three, || panic!("in the work")));
        assert!(panicked.is_err());
        assert_eq!(workers(100).n_threads(), before);
    }
}
