//! Second derivatives of the fitted parameters, as they are or as the C implementation has them.

use super::counts::Counts;
use super::criteria::{Curvature, Curve};
use super::histogram::Histogram;
use super::m_step::Evaluation;
use super::mixture::alone;
use super::special::{gamma_triple, weighted_rises};
use crate::error::Cancelled;
use crate::parallel::{Monitor, Workers};

/// Returns the curve of each component at `log_alpha` `[n_components][n_columns]`.
///
/// `responsibilities` `[n_rows][n_components]` and `row_weights` `[n_rows]` are what `histogram` was made of.
///
/// # Errors
/// [`Cancelled`] through the monitor.
pub(super) fn curves(
    curvature: Curvature,
    counts: &Counts,
    (histogram, responsibilities): (&Histogram, &[f64]),
    row_weights: &[f64],
    log_alpha: &[f64],
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Vec<Curve>, Cancelled> {
    let touched = match curvature {
        Curvature::Exact => None,
        Curvature::C => Some(touched(counts, responsibilities, row_weights, workers, monitor)?),
    };
    let n_columns = counts.n_columns();
    let work = counts.n_pairs() * histogram.masses.len() * 25;
    workers.map_estimated(histogram.masses.len(), work, |component| {
        let log_alpha = &log_alpha[component * n_columns..][..n_columns];
        let weights = histogram.component(counts, component);
        let mut at = weights.evaluate(log_alpha, &alone(), monitor)?;
        if let Some(touched) = &touched {
            as_in_c(
                &mut at,
                &touched.component(counts, component),
                histogram.masses[component],
                row_weights,
            );
        }
        Ok(Curve::new(&at))
    })
}

/// The weights with which C adds up digamma and trigamma: a row counts wholly where its responsibility times its count
/// is not zero in floating point.
fn touched(
    counts: &Counts,
    responsibilities: &[f64],
    row_weights: &[f64],
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Histogram, Cancelled> {
    let n_components = responsibilities.len() / counts.n_rows();
    let whole = responsibilities.iter().enumerate();
    let whole: Vec<f64> = whole
        .map(|(place, &share)| {
            if share == 0.0 {
                0.0
            } else {
                row_weights[place / n_components]
            }
        })
        .collect();
    Histogram::new(counts, &whole, workers, monitor)
}

/// Replaces the diagonal by the one of C, where `psi(a)` is taken once for each row instead of by its responsibility:
///
/// `d_j = a_j [nu + (W - N) psi(a_j) - sum_v m_jv rise(v) + pull of totals] + a_j^2 [(W - N) psi'(a_j) + sum_v m_jv fall(v)]`
fn as_in_c(at: &mut Evaluation, touched: &super::m_step::Component, mass: f64, row_weights: &[f64]) {
    let excess = mass - row_weights.iter().sum::<f64>();
    for (column, (alpha, diagonal)) in at.alpha.iter().zip(&mut at.diagonal).enumerate() {
        let pairs = touched.column_start[column]..touched.column_start[column + 1];
        let sums = weighted_rises(*alpha, &touched.values[pairs.clone()], &touched.weights[pairs]);
        let base = gamma_triple(*alpha);
        *diagonal = alpha * (super::m_step::NU + excess * base.digamma - sums.digamma + at.total_pull)
            + alpha * alpha * (excess * base.trigamma + sums.trigamma);
    }
}
