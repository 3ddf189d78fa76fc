//! Helpers that stay awake for a moment after work, because calls in a loop follow each other closely.
//!
//! To wake a sleeping thread takes up to 0.1 ms, which is as long as many an evaluation. A helper that stays awake looks
//! for work of its pool without pause and finds it within a microsecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a helper looks for more work before it sleeps.
const VIGIL: Duration = Duration::from_micros(200);
/// How long helpers are left alone once they were of no help, as on a machine whose processors are busy.
const REST: Duration = Duration::from_millis(10);
/// How many calls in a row they must have been of no help in: a first one is slow because memory is new.
const PATIENCE: usize = 3;

/// Whether the helpers of one pool are awake.
#[derive(Debug)]
pub(super) struct Vigil {
    /// Helpers that were called and are not done.
    n_called: Arc<AtomicUsize>,
    /// Those of them that are looking for work.
    n_awake: Arc<AtomicUsize>,
    began: Instant,
    /// When the last call ended, in nanoseconds since `began`; 0 if none has.
    ended: AtomicU64,
    /// Calls in a row in which helpers were of no help.
    n_slow: AtomicUsize,
    /// Until when helpers are left alone.
    rests_until: AtomicU64,
}

impl Vigil {
    pub(super) fn new() -> Self {
        Self {
            n_called: Arc::default(),
            n_awake: Arc::default(),
            began: Instant::now(),
            ended: AtomicU64::new(0),
            n_slow: AtomicUsize::new(0),
            rests_until: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Remembers that a call ends.
    pub(super) fn end(&self) {
        self.ended.store(self.now().max(1), Ordering::Relaxed);
    }

    /// Returns whether the last call ended a moment ago.
    pub(super) fn is_close(&self) -> bool {
        let ended = self.ended.load(Ordering::Relaxed);
        ended > 0 && u128::from(self.now().saturating_sub(ended)) < VIGIL.as_nanos()
    }

    /// Notes whether helpers were of help in a call; leaves them alone for a while if they were not a few times.
    pub(super) fn note(&self, is_help: bool) {
        if is_help {
            self.n_slow.store(0, Ordering::Relaxed);
        } else if self.n_slow.fetch_add(1, Ordering::Relaxed) + 1 >= PATIENCE {
            self.n_slow.store(0, Ordering::Relaxed);
            self.rest();
        }
    }

    fn rest(&self) {
        let until = self.now() + REST.as_nanos() as u64;
        self.rests_until.store(until, Ordering::Relaxed);
    }

    /// Returns whether the helpers are left alone.
    pub(super) fn rests(&self) -> bool {
        self.now() < self.rests_until.load(Ordering::Relaxed)
    }

    /// Returns whether a helper is awake.
    pub(super) fn is_awake(&self) -> bool {
        self.n_awake.load(Ordering::Relaxed) > 0
    }

    /// Has the helpers look for work until they found none for a moment, unless one still does or they are left alone;
    /// does not wait for them.
    pub(super) fn keep(&self, helpers: &rayon::ThreadPool) {
        if self.rests() {
            return;
        }
        let n_helpers = helpers.current_num_threads();
        let is_called = self
            .n_called
            .compare_exchange(0, n_helpers, Ordering::Relaxed, Ordering::Relaxed);
        if is_called.is_ok() {
            let (n_called, n_awake) = (Arc::clone(&self.n_called), Arc::clone(&self.n_awake));
            helpers.spawn_broadcast(move |_| {
                n_awake.fetch_add(1, Ordering::Relaxed);
                look_for_work();
                n_awake.fetch_sub(1, Ordering::Relaxed);
                n_called.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// Does what work there is for this thread's pool until there has been none for a moment.
fn look_for_work() {
    let mut idle_since = Instant::now();
    while idle_since.elapsed() < VIGIL {
        match rayon::yield_now() {
            Some(rayon::Yield::Executed) => idle_since = Instant::now(),
            _ => std::hint::spin_loop(),
        }
    }
}

/// Waits until a number is reached, for a moment at most.
pub(super) fn await_count(counter: &AtomicUsize, count: usize) {
    let began = Instant::now();
    while counter.load(Ordering::Acquire) < count && began.elapsed() < VIGIL {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_stay_awake_for_a_moment_and_then_sleep() {
        let helpers = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let vigil = Vigil::new();
        assert!(!vigil.is_awake() && !vigil.is_close());
        vigil.keep(&helpers);
        vigil.keep(&helpers);
        assert!(vigil.n_called.load(Ordering::Relaxed) <= 2);
        assert_eq!(helpers.install(|| 6 * 7), 42);
        while vigil.n_called.load(Ordering::Relaxed) > 0 {
            std::thread::sleep(VIGIL);
        }
        assert!(!vigil.is_awake());
        vigil.end();
        while vigil.is_close() {
            std::thread::sleep(VIGIL);
        }
    }

    #[test]
    fn helpers_that_were_of_no_help_are_left_alone_for_a_while() {
        let helpers = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let vigil = Vigil::new();
        for is_help in [false, false, true, false, false] {
            vigil.note(is_help);
        }
        assert_eq!(vigil.rests_until.load(Ordering::Relaxed), 0);
        vigil.note(false);
        assert!(vigil.rests_until.load(Ordering::Relaxed) >= REST.as_nanos() as u64);
        vigil.rests_until.store(u64::MAX, Ordering::Relaxed);
        vigil.keep(&helpers);
        assert_eq!(vigil.n_called.load(Ordering::Relaxed), 0);
        vigil.rests_until.store(0, Ordering::Relaxed);
        assert!(!vigil.rests());
    }
}
