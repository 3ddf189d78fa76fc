//! Long work without the interpreter lock, watched for Ctrl-C and reported on.

use crate::parallel::Monitor;
use pyo3::prelude::*;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Time between two looks at signals and progress.
const TICK: Duration = Duration::from_millis(50);

/// Runs `work` on a thread of its own while this one listens for Ctrl-C and calls `progress(stage, done, total)`.
///
/// # Errors
/// KeyboardInterrupt, or what `progress` raises; `work` is then cancelled through the monitor and waited for.
pub(super) fn watched<T: Send>(
    py: Python<'_>,
    stage: &str,
    monitor: &Monitor,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    let finished = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let signal = SignalOnDrop(&finished);
            let result = work();
            drop(signal);
            result
        });
        let mut outcome = Ok(());
        loop {
            let done = py.detach(|| {
                let guard = finished.0.lock().unwrap_or_else(PoisonError::into_inner);
                let waited = finished.1.wait_timeout_while(guard, TICK, |done| !*done);
                *waited.unwrap_or_else(PoisonError::into_inner).0
            });
            if done {
                break;
            }
            if outcome.is_ok() {
                outcome = py.check_signals().and_then(|()| match progress {
                    Some(report) => {
                        let (done, total) = monitor.progress();
                        report.call1((stage, done, total)).map(drop)
                    }
                    None => Ok(()),
                });
                if outcome.is_err() {
                    monitor.cancel();
                }
            }
        }
        let result = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome.map(|()| result)
    })
}

/// Wakes the watcher when the work ends, also by a panic.
struct SignalOnDrop<'a>(&'a (Mutex<bool>, Condvar));

impl Drop for SignalOnDrop<'_> {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_one();
    }
}
