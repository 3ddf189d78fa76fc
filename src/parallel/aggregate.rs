//! Many predictions or gradients as one.

use super::map::{at_least_one, common_length};
use super::monte_carlo::between;
use super::{Workers, map};
use crate::error::ParallelError;

/// How predictions become one.
#[derive(Debug, Clone, PartialEq)]
pub enum Aggregation {
    /// The sum in their order divided by their number.
    Mean,
    /// `sum_m w[m] x[m] / sum_m w[m]`; weights are finite, 0 or more, one a prediction. A weight of 0 leaves the
    /// prediction out, whatever it is.
    WeightedMean(Vec<f64>),
    /// The middle one, or halfway between the two in the middle; NaN if one is NaN.
    Median,
}

/// Returns one prediction from many, component by component.
///
/// `predictions` is `[n_predictions][n_components]`, the result `[n_components]`.
/// # Errors
/// [`ParallelError::Empty`] for no predictions, [`ParallelError::Ragged`] for different lengths, and for weights
/// [`ParallelError::Length`], [`ParallelError::Weight`] and [`ParallelError::WeightSum`].
///
/// ```
/// use persiste_rust::parallel::{Aggregation, aggregate};
/// let predictions = [[1.0], [2.0], [9.0], [4.0]];
/// assert_eq!(aggregate(&predictions, &Aggregation::Mean)?, [4.0]);
/// assert_eq!(aggregate(&predictions, &Aggregation::Median)?, [3.0]);
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn aggregate(predictions: &[impl AsRef<[f64]>], aggregation: &Aggregation) -> Result<Vec<f64>, ParallelError> {
    at_least_one(predictions.len(), "predictions")?;
    let n_components = common_length(predictions, "prediction")?;
    match aggregation {
        Aggregation::Mean => Ok(mean(predictions, n_components)),
        Aggregation::WeightedMean(weights) => weighted_mean(predictions, n_components, weights),
        Aggregation::Median => Ok((0..n_components).map(|at| median(predictions, at)).collect()),
    }
}

/// Returns the mean of the gradients of all items, summed in their order.
///
/// `work(item)` is `[n_parameters]`, equally many for each item, and so is the result.
/// # Errors
/// The first error in the order of the items; [`ParallelError::Empty`] for none, [`ParallelError::Ragged`].
///
/// ```
/// use persiste_rust::error::ParallelError;
/// use persiste_rust::parallel::{Workers, mean_gradient};
/// let gradient = mean_gradient(&Workers::new(None), &[1.0, 3.0], |x| Ok::<_, ParallelError>(vec![2.0 * x]))?;
/// assert_eq!(gradient, [4.0]);
/// # Ok::<(), ParallelError>(())
/// ```
pub fn mean_gradient<I: Sync, E: From<ParallelError> + Send>(
    workers: &Workers,
    items: &[I],
    work: impl Fn(&I) -> Result<Vec<f64>, E> + Sync,
) -> Result<Vec<f64>, E> {
    let gradients = map(workers, items, work)?;
    let n_parameters = common_length(&gradients, "gradient")?;
    Ok(mean(&gradients, n_parameters))
}

fn mean(rows: &[impl AsRef<[f64]>], n_components: usize) -> Vec<f64> {
    let mut total = vec![0.0; n_components];
    for row in rows {
        for (sum, value) in total.iter_mut().zip(row.as_ref()) {
            *sum += value;
        }
    }
    total.into_iter().map(|sum| sum / rows.len() as f64).collect()
}

fn weighted_mean(rows: &[impl AsRef<[f64]>], n_components: usize, weights: &[f64]) -> Result<Vec<f64>, ParallelError> {
    if weights.len() != rows.len() {
        return Err(ParallelError::Length {
            what: "weights",
            found: weights.len(),
            expected: rows.len(),
        });
    }
    let wrong = |(_, weight): &(usize, &f64)| !(weight.is_finite() && **weight >= 0.0);
    if let Some((index, &found)) = weights.iter().enumerate().find(wrong) {
        return Err(ParallelError::Weight { index, found });
    }
    let weight_sum: f64 = weights.iter().sum();
    if !(weight_sum.is_finite() && weight_sum > 0.0) {
        return Err(ParallelError::WeightSum { found: weight_sum });
    }
    let mut total = vec![0.0; n_components];
    for (row, &weight) in rows.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        for (sum, value) in total.iter_mut().zip(row.as_ref()) {
            *sum += weight * value;
        }
    }
    Ok(total.into_iter().map(|sum| sum / weight_sum).collect())
}

fn median(rows: &[impl AsRef<[f64]>], component: usize) -> f64 {
    let mut values: Vec<f64> = rows.iter().map(|row| row.as_ref()[component]).collect();
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    between(values[(values.len() - 1) / 2], values[values.len() / 2], 0.5)
}
