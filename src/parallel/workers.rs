//! A pool of threads of one's own, and the ordered map over it.

use rayon::prelude::*;
use std::num::NonZero;
use std::sync::OnceLock;

/// The threads that one object uses; started at the first work that needs more than one.
///
/// Never the global pool, so that a library call changes nothing for its host.
#[derive(Debug)]
pub struct Workers {
    n_threads: usize,
    pool: OnceLock<Option<rayon::ThreadPool>>,
}

impl Workers {
    /// Returns workers with `threads` threads; by default `RAYON_NUM_THREADS`, else one for each core.
    #[must_use]
    pub fn new(threads: Option<NonZero<usize>>) -> Self {
        let from_environment = || {
            std::env::var("RAYON_NUM_THREADS")
                .ok()?
                .trim()
                .parse::<NonZero<usize>>()
                .ok()
        };
        let n_threads = threads
            .or_else(from_environment)
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZero::get);
        Self {
            n_threads,
            pool: OnceLock::new(),
        }
    }

    /// Returns the number of threads.
    #[must_use]
    pub fn n_threads(&self) -> usize {
        self.n_threads
    }

    /// Returns `work(0), work(1), ..., work(n - 1)` in this order, whichever thread did which.
    ///
    /// Where the system grants no threads, the caller's own does all of it.
    ///
    /// # Errors
    /// The error of the lowest index among those that failed.
    pub fn map<T: Send, E: Send>(&self, n: usize, work: impl Fn(usize) -> Result<T, E> + Sync) -> Result<Vec<T>, E> {
        let pool = if self.n_threads == 1 || n <= 1 {
            None
        } else {
            self.pool()
        };
        let Some(pool) = pool else {
            return (0..n).map(work).collect();
        };
        let results: Vec<Result<T, E>> = pool.install(|| (0..n).into_par_iter().map(&work).collect());
        results.into_iter().collect()
    }

    fn pool(&self) -> Option<&rayon::ThreadPool> {
        let build = || rayon::ThreadPoolBuilder::new().num_threads(self.n_threads).build().ok();
        self.pool.get_or_init(build).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_the_first_error_wins() {
        for threads in [1, 3] {
            let workers = Workers::new(NonZero::new(threads));
            assert_eq!(workers.map(100, |i| Ok::<_, ()>(i * i)).unwrap()[99], 9801);
            assert_eq!(workers.map(100, |i| if i % 40 == 39 { Err(i) } else { Ok(i) }), Err(39));
            assert_eq!(workers.map(0, |i| Err::<(), _>(i)), Ok(vec![]));
        }
    }
}
