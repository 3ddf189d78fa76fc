//! Comparing numbers of components.

use super::counts::Counts;
use super::criteria::Criterion;
use super::mixture::{FitOptions, Mixture, alone, fit};
use crate::error::DirichletError;
use crate::parallel::{Monitor, Workers};
use std::sync::Mutex;

/// Fits a mixture for each number of components and returns the fits in the order of `numbers`.
///
/// Fits run side by side where there are at least as many as threads, the larger ones first; the result does not depend
/// on it. The monitor counts finished starts, `n_init` for each number.
///
/// ```
/// use persiste_rust::dirichlet::{Counts, Criterion, FitOptions, best, fit_each};
/// use persiste_rust::parallel::{Monitor, Workers};
/// let counts = ndarray::Array2::from_shape_fn((20, 3), |(row, column)| [[30, 2, 5], [1, 40, 9]][row / 10][column]);
/// let counts = Counts::new(counts.view())?;
/// let fits = fit_each(&counts, &[1, 2], None, &FitOptions::default(), &Workers::new(None), &Monitor::new())?;
/// assert_eq!(best(&fits, Criterion::Laplace), Some(1)); // the second: two components
/// # Ok::<(), persiste_rust::error::DirichletError>(())
/// ```
///
/// # Errors
/// As [`fit`], for the first number that cannot be fitted.
pub fn fit_each(
    counts: &Counts,
    numbers: &[usize],
    row_weights: Option<&[f64]>,
    options: &FitOptions,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Vec<Mixture>, DirichletError> {
    monitor.begin((numbers.len() * options.n_init) as u64);
    if numbers.len() < workers.n_threads() {
        let one = |&number: &usize| fit(counts, number, row_weights, options, workers, monitor);
        return numbers.iter().map(one).collect();
    }
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by_key(|&place| std::cmp::Reverse(numbers[place]));
    let fits: Mutex<Vec<Option<Result<Mixture, DirichletError>>>> = Mutex::new(numbers.iter().map(|_| None).collect());
    workers.map(order.len(), |turn| {
        let place = order[turn];
        let found = fit(counts, numbers[place], row_weights, options, &alone(), monitor);
        fits.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[place] = Some(found);
        Ok::<_, DirichletError>(())
    })?;
    let fits = fits.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    fits.into_iter().flatten().collect()
}

/// Returns the place of the fit with the lowest criterion, the first of equal ones; `None` without fits.
#[must_use]
pub fn best(fits: &[Mixture], criterion: Criterion) -> Option<usize> {
    let values: Vec<f64> = fits.iter().map(|fit| fit.goodness().get(criterion)).collect();
    (0..values.len()).reduce(|best, next| if values[next] < values[best] { next } else { best })
}
