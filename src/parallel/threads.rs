//! The rule for the number of threads: what the call says, else `RAYON_NUM_THREADS`, else one for each core.

use crate::error::ParallelError;
use std::num::NonZero;

/// The most threads that can be asked for.
pub const MOST_THREADS: usize = 65_535;

/// Returns the number of threads that a call runs with.
///
/// `threads` as the call gives it, 1 to [`MOST_THREADS`]; without it the environment variable `RAYON_NUM_THREADS`, read
/// as rayon reads it (0, or what is no number, says nothing); without that, one for each core that this process may
/// use. Looked up anew at each call; nothing is kept.
/// # Errors
/// [`ParallelError::ThreadCount`] for 0 or too many.
///
/// ```
/// use persiste_rust::parallel::thread_count;
/// assert_eq!(thread_count(Some(3))?.get(), 3);
/// assert!(thread_count(Some(0)).is_err());
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn thread_count(threads: Option<usize>) -> Result<NonZero<usize>, ParallelError> {
    let Some(found) = threads else {
        return Ok(default_thread_count());
    };
    NonZero::new(found)
        .filter(|count| count.get() <= MOST_THREADS)
        .ok_or(ParallelError::ThreadCount {
            found,
            most: MOST_THREADS,
        })
}

/// Returns the number of threads of a call that names none.
pub(super) fn default_thread_count() -> NonZero<usize> {
    let from_environment = || {
        let text = std::env::var("RAYON_NUM_THREADS").ok()?;
        text.trim().parse::<NonZero<usize>>().ok()
    };
    let most = NonZero::new(MOST_THREADS).unwrap_or(NonZero::<usize>::MIN);
    from_environment()
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZero::<usize>::MIN)
        .min(most)
}
