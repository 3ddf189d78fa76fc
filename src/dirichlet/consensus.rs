//! What many restarts agree on.

use super::counts::Counts;
use super::mixture::{FitOptions, Mixture, alone, fit};
use crate::error::DirichletError;
use crate::parallel::{Monitor, Workers};
use ndarray::Array2;

/// Restarts of one fit, their components matched to those of the best.
#[derive(Debug, Clone, PartialEq)]
pub struct Consensus {
    /// The fit with the lowest objective.
    pub best: Mixture,
    /// Mean over restarts of the matched responsibilities, `[n_rows][n_components]`.
    pub responsibilities: Array2<f64>,
    /// Share of restarts that put each row into the same component as the best fit does, `[n_rows]`.
    pub agreement: Vec<f64>,
    /// The objective of each restart.
    pub objectives: Vec<f64>,
    /// Share of rows that each restart puts where the best fit does.
    pub shared: Vec<f64>,
}

/// Fits from `options.n_init` starts and returns what they agree on.
///
/// Components have no order, so those of each restart are matched to the best fit's such that the responsibilities
/// overlap most (the assignment problem, solved exactly). Restarts with `init = array` would all be the same.
///
/// # Errors
/// As [`fit`].
pub fn consensus(
    counts: &Counts,
    n_components: usize,
    row_weights: Option<&[f64]>,
    options: &FitOptions,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Consensus, DirichletError> {
    monitor.begin(options.n_init as u64);
    let from = |start: usize, workers: &Workers| {
        let options = FitOptions {
            n_init: 1,
            seed: options.seed.wrapping_add(start as u32),
            ..options.clone()
        };
        fit(counts, n_components, row_weights, &options, workers, monitor)
    };
    let n_starts = options.n_init.max(1);
    let mut fits = if n_starts >= workers.n_threads() {
        workers.map(n_starts, |start| from(start, &alone()))?
    } else {
        (0..n_starts)
            .map(|start| from(start, workers))
            .collect::<Result<Vec<_>, _>>()?
    };
    let objectives: Vec<f64> = fits.iter().map(|fit| fit.goodness().nle).collect();
    let best = (0..fits.len()).fold(0, |best, next| {
        if objectives[next] < objectives[best] {
            next
        } else {
            best
        }
    });
    let labels = labels(&fits[best].responsibilities);
    let mut responsibilities = Array2::zeros(fits[best].responsibilities.dim());
    let (mut agreement, mut shared) = (vec![0.0; counts.n_rows()], Vec::new());
    for fit in &fits {
        let matched = matched(&fits[best].responsibilities, &fit.responsibilities);
        let same: Vec<bool> = self::labels(&matched)
            .iter()
            .zip(&labels)
            .map(|(a, b)| a == b)
            .collect();
        for (agreement, &same) in agreement.iter_mut().zip(&same) {
            *agreement += f64::from(u8::from(same));
        }
        shared.push(same.iter().filter(|&&same| same).count() as f64 / same.len() as f64);
        responsibilities += &matched;
    }
    agreement.iter_mut().for_each(|count| *count /= n_starts as f64);
    responsibilities /= n_starts as f64;
    Ok(Consensus {
        best: fits.swap_remove(best),
        responsibilities,
        agreement,
        objectives,
        shared,
    })
}

/// Returns the component of each row with the largest responsibility, the first of equal ones.
fn labels(responsibilities: &Array2<f64>) -> Vec<usize> {
    let best = |row: ndarray::ArrayView1<'_, f64>| {
        (0..row.len()).fold(0, |best, next| if row[next] > row[best] { next } else { best })
    };
    responsibilities.rows().into_iter().map(best).collect()
}

/// Returns `other` with its columns in the order in which they overlap most with those of `reference`.
fn matched(reference: &Array2<f64>, other: &Array2<f64>) -> Array2<f64> {
    let overlap = reference.t().dot(other);
    other.select(ndarray::Axis(1), &assignment(&overlap.mapv(|one| -one)))
}

/// Returns the column given to each row of a square matrix such that the sum of costs is least.
///
/// Shortest augmenting paths (Jonker and Volgenant 1987), O(n^3).
fn assignment(costs: &Array2<f64>) -> Vec<usize> {
    let n = costs.nrows();
    // Place 0 of the columns is the source of every path; rows and columns count from 1.
    let (mut of_row, mut of_column) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    let mut row_of = vec![0; n + 1];
    for row in 1..=n {
        row_of[0] = row;
        let (mut distance, mut before, mut done) = (vec![f64::INFINITY; n + 1], vec![0; n + 1], vec![false; n + 1]);
        let mut at = 0;
        while row_of[at] != 0 {
            done[at] = true;
            let (here, mut step, mut nearest) = (row_of[at], f64::INFINITY, 0);
            for column in (1..=n).filter(|&column| !done[column]) {
                let reduced = costs[(here - 1, column - 1)] - of_row[here] - of_column[column];
                if reduced < distance[column] {
                    (distance[column], before[column]) = (reduced, at);
                }
                if distance[column] < step {
                    (step, nearest) = (distance[column], column);
                }
            }
            for column in 0..=n {
                if done[column] {
                    of_row[row_of[column]] += step;
                    of_column[column] -= step;
                } else {
                    distance[column] -= step;
                }
            }
            at = nearest;
        }
        while at != 0 {
            row_of[at] = row_of[before[at]];
            at = before[at];
        }
    }
    let mut column_of = vec![0; n];
    for column in 1..=n {
        column_of[row_of[column] - 1] = column - 1;
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All orders of the numbers below n.
    fn orders(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![vec![]];
        }
        let shorter = orders(n - 1);
        let insert = |at: usize| {
            shorter.iter().map(move |order| {
                let mut order = order.clone();
                order.insert(at, n - 1);
                order
            })
        };
        (0..n).flat_map(insert).collect()
    }

    #[test]
    fn the_assignment_is_the_best_of_all_orders() {
        let mut random = super::super::mt19937::Mt19937::new(7);
        for n in [1, 2, 3, 5, 6] {
            for _ in 0..20 {
                let costs = Array2::from_shape_fn((n, n), |_| f64::from(random.below(50)) - 25.0);
                let sum = |order: &[usize]| -> f64 { order.iter().enumerate().map(|(row, &c)| costs[(row, c)]).sum() };
                let least = orders(n).iter().map(|order| sum(order)).fold(f64::INFINITY, f64::min);
                assert_eq!(sum(&assignment(&costs)), least);
            }
        }
    }
}
