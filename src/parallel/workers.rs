//! Threads of one's own, and the ordered map over them.

use super::threads::default_thread_count;
use super::vigil::{Vigil, await_count};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::Release};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Nanoseconds of work that sleeping threads are woken for: on a virtual machine that takes up to 0.1 ms.
const WAKING: usize = 300_000;
/// Nanoseconds of work that threads which are awake share.
const SHARING: usize = 20_000;
/// Nanoseconds of work up to which a busy machine is noticed and helpers are left alone.
const NOTICING: usize = 2_000_000;

/// The threads that one object uses; started at the first work that needs more than one.
///
/// The calling thread does its share, so that short work need not wait for another to wake. Never the global pool, so
/// that a library call changes nothing for its host.
#[derive(Debug)]
pub struct Workers {
    n_threads: usize,
    helpers: OnceLock<Option<rayon::ThreadPool>>,
    vigil: Vigil,
}

impl Workers {
    /// Returns workers with `threads` threads; by default as many as [`thread_count`](super::thread_count) says.
    #[must_use]
    pub fn new(threads: Option<NonZero<usize>>) -> Self {
        Self {
            n_threads: threads.unwrap_or_else(default_thread_count).get(),
            helpers: OnceLock::new(),
            vigil: Vigil::new(),
        }
    }

    /// Returns the calling thread alone.
    #[must_use]
    pub fn single() -> Self {
        Self::new(Some(NonZero::<usize>::MIN))
    }

    /// Returns the number of threads.
    #[must_use]
    pub fn n_threads(&self) -> usize {
        self.n_threads
    }

    /// Returns `work(0), work(1), ..., work(n - 1)` in this order, whichever thread did which.
    ///
    /// Where the system grants no further threads, the caller's own does all of it. After an error no further index is
    /// begun. A panic in `work` goes on in the caller.
    ///
    /// # Errors
    /// The error of the lowest index among those that failed.
    pub fn map<T: Send, E: Send>(&self, n: usize, work: impl Fn(usize) -> Result<T, E> + Sync) -> Result<Vec<T>, E> {
        let helpers = if self.n_threads == 1 || n <= 1 {
            None
        } else {
            self.helpers()
        };
        let Some(helpers) = helpers else {
            return (0..n).map(work).collect();
        };
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<Option<Result<T, E>>>> = Mutex::new((0..n).map(|_| None).collect());
        let take_turns = || {
            loop {
                let index = next.fetch_add(1, Relaxed);
                if index >= n {
                    break;
                }
                let result = work(index);
                if result.is_err() {
                    // Lower indices have all been taken, so the lowest error is among those under way.
                    next.fetch_max(n, Relaxed);
                }
                results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
            }
        };
        let n_spawned = self.n_threads.min(n) - 1;
        let n_finished = AtomicUsize::new(0);
        helpers.in_place_scope(|scope| {
            for _ in 0..n_spawned {
                scope.spawn(|_| {
                    take_turns();
                    n_finished.fetch_add(1, Release);
                });
            }
            take_turns();
            await_count(&n_finished, n_spawned);
        });
        // A panic of a helper has resurfaced at the end of the scope, so every place before an error is filled.
        results
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_iter()
            .flatten()
            .collect()
    }

    /// As [`map`](Self::map), on the calling thread alone if all the work takes less than the waking of another.
    ///
    /// `nanoseconds` is an estimate for one thread; it decides who works, never what comes out. Calls that follow each
    /// other closely find the helpers awake.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn map_estimated<T: Send, E: Send>(
        &self,
        n: usize,
        nanoseconds: usize,
        work: impl Fn(usize) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        if self.n_threads == 1 || n <= 1 || nanoseconds < SHARING {
            return (0..n).map(work).collect();
        }
        let follows = self.vigil.is_close();
        let is_noticed = nanoseconds < NOTICING;
        let is_asleep = nanoseconds < WAKING && !self.vigil.is_awake();
        let is_alone = is_asleep || (is_noticed && self.vigil.rests());
        let results = if is_alone {
            (0..n).map(work).collect()
        } else {
            let began = Instant::now();
            let results = self.map(n, work);
            if is_noticed {
                self.vigil.note(began.elapsed().as_nanos() <= nanoseconds as u128);
            }
            results
        };
        if (follows || !is_alone)
            && let Some(helpers) = self.helpers()
        {
            self.vigil.keep(helpers);
        }
        self.vigil.end();
        results
    }

    fn helpers(&self) -> Option<&rayon::ThreadPool> {
        let build = || {
            rayon::ThreadPoolBuilder::new()
                .num_threads(self.n_threads - 1)
                .build()
                .ok()
        };
        self.helpers.get_or_init(build).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_the_first_error_wins() {
        for threads in [1, 3] {
            let workers = Workers::new(NonZero::new(threads));
            let squares = workers.map(100, |i| Ok::<_, ()>(i * i)).unwrap();
            assert!(squares.len() == 100 && squares[99] == 9801);
            assert_eq!(workers.map(100, |i| if i % 40 == 39 { Err(i) } else { Ok(i) }), Err(39));
            assert_eq!(workers.map(0, Err::<(), usize>), Ok(vec![]));
        }
    }

    #[test]
    fn nothing_is_begun_long_after_an_error() {
        for threads in [1, 3] {
            let begun = AtomicUsize::new(0);
            let failing = |_| {
                begun.fetch_add(1, Relaxed);
                Err::<(), ()>(())
            };
            assert_eq!(Workers::new(NonZero::new(threads)).map(1_000_000, failing), Err(()));
            assert!(begun.into_inner() <= threads);
        }
    }

    #[test]
    fn a_panic_in_the_work_reaches_the_caller() {
        let workers = Workers::new(NonZero::new(2));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            workers.map(8, |i| if i == 5 { panic!("at five") } else { Ok::<_, ()>(i) })
        }));
        assert!(caught.is_err());
    }
}
