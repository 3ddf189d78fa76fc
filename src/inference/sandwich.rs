//! The sandwich covariance: standard errors that hold where the model is not quite true.

use super::fit::FitResult;
use crate::error::ModelError;
use crate::model::GeneContentModel;
use crate::parallel::Monitor;
use nalgebra::DMatrix;

/// Step of the central differences that give each family's score, in units of the parameter's scale.
const DIFFERENCE: f64 = 1e-4;

/// Returns `C B C` with `C` the inverse information of the fit and `B` the sum over families of the outer products of
/// their scores; rows of parameters at a bound are NaN, and `None` means that the fit has no covariance.
///
/// Scores are central differences of the families' log-likelihoods, good to about 1e-7 of their size.
///
/// # Errors
/// Those of an evaluation.
///
/// # Source
/// White 1982, doi:10.2307/1912526.
pub fn sandwich(
    model: &GeneContentModel,
    fit: &FitResult,
    monitor: &Monitor,
) -> Result<Option<DMatrix<f64>>, ModelError> {
    let Some(covariance) = &fit.covariance else {
        return Ok(None);
    };
    let free: Vec<usize> = (0..fit.parameters.len()).filter(|&i| !fit.at_bound[i]).collect();
    let mut scores = DMatrix::zeros(fit.log_likelihoods.len(), free.len());
    for (column, &i) in free.iter().enumerate() {
        let step = DIFFERENCE * model.parameters()[i].scale;
        let at = |shift: f64| {
            let mut point = fit.parameters.clone();
            point[i] += shift;
            model.log_likelihoods(&point, monitor)
        };
        let (above, below) = (at(step)?, at(-step)?);
        for (family, (above, below)) in above.iter().zip(&below).enumerate() {
            scores[(family, column)] = (above - below) / (2.0 * step);
        }
    }
    let bread = DMatrix::from_fn(free.len(), free.len(), |i, j| covariance[(free[i], free[j])]);
    let meat = scores.tr_mul(&scores);
    let robust = &bread * meat * &bread;
    let n = fit.parameters.len();
    let position = |i: usize| free.iter().position(|&k| k == i);
    Ok(Some(DMatrix::from_fn(n, n, |i, j| match (position(i), position(j)) {
        (Some(row), Some(column)) => robust[(row, column)],
        _ => f64::NAN,
    })))
}
