//! Cross-validation and grid search over a matrix with labels.

use super::config::workers;
use crate::error::ParallelError;
use crate::parallel::{Folds, cross_validate, grid};
use ndarray::{Array1, Array2, Axis};

/// The seed of the folds, since the familiar signature has none.
const SEED: u64 = 0;

/// Returns the score of each of `k_folds` folds, in their order.
///
/// `train_and_evaluate_fn(train_data, train_labels, val_data, val_labels)` gets copies of the rows of `data` `(n, p)` and
/// `labels` `(n)`. Rows are dealt out at random, the same way each time: [`Folds::new`]`(n, k_folds, 0)`. For other folds,
/// or without copies, see [`cross_validate`].
/// # Errors
/// The first error in the order of folds; [`ParallelError::Length`] for labels that do not fit, and those of
/// [`Folds::new`].
///
/// ```
/// use ndarray::{Array1, Array2};
/// use persiste_rust::parallel::parallel_cross_validation;
/// let (data, labels) = (Array2::zeros((10, 3)), Array1::ones(10));
/// let scores = parallel_cross_validation(&data, &labels, 5, |_, _, val_x, val_y| Ok(val_y.sum() / val_x.nrows() as f64))?;
/// assert_eq!(scores, [1.0; 5]);
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn parallel_cross_validation<T: Send>(
    data: &Array2<f64>,
    labels: &Array1<f64>,
    k_folds: usize,
    train_and_evaluate_fn: impl Fn(&Array2<f64>, &Array1<f64>, &Array2<f64>, &Array1<f64>) -> Result<T, ParallelError>
    + Sync,
) -> Result<Vec<T>, ParallelError> {
    check_labels(data, labels)?;
    let folds = Folds::new(data.nrows(), k_folds, SEED)?;
    cross_validate(&workers(k_folds), &folds, |fold| {
        let rows = |items: &[usize]| (data.select(Axis(0), items), labels.select(Axis(0), items));
        let ((train_data, train_labels), (val_data, val_labels)) = (rows(&fold.training), rows(&fold.held_out));
        train_and_evaluate_fn(&train_data, &train_labels, &val_data, &val_labels)
    })
}

/// Returns the place and score of each point of the grid, in its order.
///
/// # Errors
/// The first error in the order of the grid; [`ParallelError::Empty`] for no points, [`ParallelError::Length`] for
/// labels that do not fit.
///
/// ```
/// use ndarray::{Array1, Array2};
/// use persiste_rust::parallel::parallel_grid_search;
/// let (x, y) = (Array2::zeros((4, 2)), Array1::ones(4));
/// let scores = parallel_grid_search(&[0.1, 0.5], &x, &y, &x, &y, |alpha, _, _, _, val_y| Ok(alpha * val_y.sum()))?;
/// assert_eq!(scores, [(0, 0.4), (1, 2.0)]);
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn parallel_grid_search<P: Sync>(
    param_grid: &[P],
    train_data: &Array2<f64>,
    train_labels: &Array1<f64>,
    val_data: &Array2<f64>,
    val_labels: &Array1<f64>,
    train_and_evaluate_fn: impl Fn(&P, &Array2<f64>, &Array1<f64>, &Array2<f64>, &Array1<f64>) -> Result<f64, ParallelError>
    + Sync,
) -> Result<Vec<(usize, f64)>, ParallelError> {
    check_labels(train_data, train_labels)?;
    check_labels(val_data, val_labels)?;
    let scores = grid(&workers(param_grid.len()), param_grid, |point| {
        train_and_evaluate_fn(point, train_data, train_labels, val_data, val_labels)
    })?;
    Ok(scores.scores().iter().copied().enumerate().collect())
}

fn check_labels(data: &Array2<f64>, labels: &Array1<f64>) -> Result<(), ParallelError> {
    if labels.len() == data.nrows() {
        return Ok(());
    }
    Err(ParallelError::Length {
        what: "labels",
        found: labels.len(),
        expected: data.nrows(),
    })
}
