//! One function over many items.

use super::Workers;
use crate::error::ParallelError;

/// Returns `work(&items[0]), work(&items[1]), ...` in this order, whichever thread did which.
///
/// A panic in `work` goes on in the caller.
/// # Errors
/// Of the items that failed the error of the first in order, whichever failed first in time; items not yet begun are
/// then left out. [`ParallelError::Empty`] for no items.
///
/// ```
/// use persiste_rust::error::ParallelError;
/// use persiste_rust::parallel::{Workers, map, thread_count};
/// let workers = Workers::new(Some(thread_count(Some(2))?));
/// let squares = map(&workers, &[1.0, 2.0, 3.0], |x: &f64| Ok::<_, ParallelError>(x * x))?;
/// assert_eq!(squares, [1.0, 4.0, 9.0]);
/// # Ok::<(), ParallelError>(())
/// ```
pub fn map<I: Sync, T: Send, E: From<ParallelError> + Send>(
    workers: &Workers,
    items: &[I],
    work: impl Fn(&I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    at_least_one(items.len(), "items")?;
    workers.map(items.len(), |index| work(&items[index]))
}

/// Fails if there are none.
pub(super) fn at_least_one(n: usize, what: &'static str) -> Result<(), ParallelError> {
    if n == 0 {
        Err(ParallelError::Empty { what })
    } else {
        Ok(())
    }
}

/// Fails at the first row whose length is not that of row 0; returns that length.
pub(super) fn common_length(rows: &[impl AsRef<[f64]>], what: &'static str) -> Result<usize, ParallelError> {
    let expected = rows.first().map_or(0, |row| row.as_ref().len());
    let differs = |(index, row): (usize, &_)| {
        let found = AsRef::<[f64]>::as_ref(row).len();
        (found != expected).then_some((index, found))
    };
    match rows.iter().enumerate().find_map(differs) {
        None => Ok(expected),
        Some((index, found)) => Err(ParallelError::Ragged {
            what,
            index,
            found,
            expected,
        }),
    }
}
