//! What a fit is asked for, checked against the counts.

use super::counts::Counts;
use super::mixture::FitOptions;
use super::start::Start;
use crate::error::DirichletError;

/// Returns the weights of rows, each 1 where none are given.
pub(super) fn checked_weights(counts: &Counts, row_weights: Option<&[f64]>) -> Result<Vec<f64>, DirichletError> {
    let Some(weights) = row_weights else {
        return Ok(vec![1.0; counts.n_rows()]);
    };
    if weights.len() != counts.n_rows() {
        return Err(DirichletError::Length {
            what: "sample_weight",
            found: weights.len(),
            expected: counts.n_rows(),
        });
    }
    match weights.iter().position(|weight| !(0.0..=1e15).contains(weight)) {
        None => Ok(weights.to_vec()),
        Some(row) => Err(DirichletError::Number {
            what: "sample_weight",
            found: weights[row],
            at: format!(" in row {row}"),
            allowed: "numbers from 0 to 1e15",
        }),
    }
}

/// Refuses options and numbers of components that do not fit the counts.
pub(super) fn check(
    counts: &Counts,
    n_components: usize,
    row_weights: &[f64],
    options: &FitOptions,
) -> Result<(), DirichletError> {
    let n_rows = row_weights.iter().filter(|&&weight| weight > 0.0).count();
    if n_components == 0 || n_components > n_rows {
        let is_weighted = n_rows < counts.n_rows();
        return Err(DirichletError::Components {
            found: n_components,
            n_rows,
            of: if is_weighted { " with a positive weight" } else { "" }.to_owned(),
        });
    }
    for (what, found) in [("n_init", options.n_init), ("max_iter", options.max_iterations)] {
        if found == 0 {
            return Err(DirichletError::Number {
                what,
                found: 0.0,
                at: String::new(),
                allowed: "whole numbers from 1",
            });
        }
    }
    if options.tolerance.is_nan() || options.tolerance < 0.0 {
        return Err(DirichletError::Number {
            what: "tol",
            found: options.tolerance,
            at: String::new(),
            allowed: "numbers from 0",
        });
    }
    let Start::Responsibilities(given) = &options.start else {
        return Ok(());
    };
    check_responsibilities(given, counts.n_rows(), n_components)
}

fn check_responsibilities(given: &[f64], n_rows: usize, n_components: usize) -> Result<(), DirichletError> {
    if given.len() != n_rows * n_components {
        return Err(DirichletError::Length {
            what: "the array of first responsibilities",
            found: given.len(),
            expected: n_rows * n_components,
        });
    }
    for (row, shares) in given.chunks_exact(n_components).enumerate() {
        let bad = shares.iter().copied().find(|share| !(0.0..=1.0).contains(share));
        let sum: f64 = shares.iter().sum();
        if bad.is_some() || sum <= 0.0 {
            return Err(DirichletError::Number {
                what: "a first responsibility",
                found: bad.unwrap_or(sum),
                at: format!(" in row {row}"),
                allowed: "numbers from 0 to 1, not all 0 in a row",
            });
        }
    }
    Ok(())
}
