//! Resampling of families: bootstrap and cross-validation by other weights on the same patterns, no data copied.

use super::fit::{FitResult, Scaled};
use super::optimise::{Ending, Settings};
use crate::error::ModelError;
use crate::model::{FamilyWeights, GeneContentModel};
use crate::parallel::{Folds, Monitor, Random, Workers};
use nalgebra::DMatrix;
use std::num::NonZero;

/// A further step of a replicate's search must promise less than this, in log-likelihood units: an error of a
/// thousandth of a standard error.
const TOLERANCE: f64 = 1e-7;
/// Quasi-Newton iterations of a replicate.
const MAX_ITERATIONS: usize = 200;

/// Estimates from resampled families.
#[derive(Debug, Clone, PartialEq)]
pub struct Replicate {
    /// Estimates in the order of the model's parameters.
    pub parameters: Vec<f64>,
    /// Of the resampled families at the estimates.
    pub log_likelihood: f64,
    /// Whether the search ended at a maximum.
    pub converged: bool,
}

/// One fold of a cross-validation.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldResult {
    /// Estimates without the fold's families.
    pub parameters: Vec<f64>,
    /// Log-likelihood of the fold's families at them.
    pub held_out: f64,
    /// Families in the fold.
    pub n_families: usize,
    /// Whether the search ended at a maximum.
    pub converged: bool,
}

/// Returns the estimates from families drawn with replacement, for replicates `first..first + n`.
///
/// Each replicate draws as many families as there are, from a stream of its own (`seed`, replicate), and searches
/// from the full fit's maximum with the full fit's covariance as metric; so results depend on neither threads nor
/// order, and a run may be continued where another stopped.
///
/// # Errors
/// [`ModelError::Cancelled`] and those of an evaluation.
///
/// # Source
/// Felsenstein 1985, doi:10.1111/j.1558-5646.1985.tb00420.x; sites there are families here.
pub fn bootstrap(
    model: &GeneContentModel,
    fit: &FitResult,
    replicates: std::ops::Range<usize>,
    seed: u64,
    monitor: &Monitor,
) -> Result<Vec<Replicate>, ModelError> {
    let n_families = model.problem().patterns().n_families();
    let Some(n) = NonZero::new(n_families as u64) else {
        return Ok(Vec::new());
    };
    let first = replicates.start;
    model.workers().map(replicates.len(), |index| {
        let mut random = Random::of(seed, first + index, 0);
        let mut counts = vec![0.0; n_families];
        for _ in 0..n_families {
            counts[random.below(n) as usize] += 1.0;
        }
        let weights = model.family_weights(&counts)?;
        let result = refit(model, fit, Some(&weights), monitor);
        monitor.advance(1);
        result
    })
}

/// Returns the estimates from other data of the same model, for replicates `first..first + n`: a parametric bootstrap
/// where `draw` simulates them.
///
/// `draw(replicate)` returns the model over a replicate's data, with the parameters of the fitted one. Each search
/// starts from the fit's maximum with its covariance as metric; replicates are shared out between the threads of
/// `workers`, so `draw` should use a single one.
///
/// # Errors
/// Those of `draw` and of an evaluation, of the first replicate that fails.
///
/// # Source
/// Efron 1985, doi:10.1093/biomet/72.1.45.
pub fn refit_to<E: From<ModelError> + Send>(
    fit: &FitResult,
    replicates: std::ops::Range<usize>,
    draw: impl Fn(usize) -> Result<GeneContentModel, E> + Sync,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Vec<Replicate>, E> {
    let first = replicates.start;
    workers.map(replicates.len(), |index| {
        let result = refit(&draw(first + index)?, fit, None, monitor)?;
        monitor.advance(1);
        Ok(result)
    })
}

/// Returns each fold's held-out log-likelihood: fitted to the other folds, evaluated at its own families.
///
/// Folds are drawn by `seed`; every family is held out once, and fold sizes differ by at most one.
///
/// # Errors
/// [`ModelError::Folds`] for fewer than two folds or more folds than families; those of an evaluation.
pub fn cross_validate(
    model: &GeneContentModel,
    fit: &FitResult,
    n_folds: usize,
    seed: u64,
    monitor: &Monitor,
) -> Result<Vec<FoldResult>, ModelError> {
    let n_families = model.problem().patterns().n_families();
    let folds = Folds::new(n_families, n_folds, seed).map_err(|_| ModelError::Folds { n_folds, n_families })?;
    let single = Workers::single();
    model.workers().map(n_folds, |number| {
        let fold = folds.fold(number);
        let indicator = |members: &[usize]| {
            let mut counts = vec![0.0; n_families];
            members.iter().for_each(|&family| counts[family] = 1.0);
            model.family_weights(&counts)
        };
        let (train, test) = (indicator(&fold.training)?, indicator(&fold.held_out)?);
        let found = refit(model, fit, Some(&train), monitor)?;
        monitor.advance(1);
        Ok(FoldResult {
            held_out: model.weighted_log_likelihood(&found.parameters, Some(&test), &single, monitor)?,
            parameters: found.parameters,
            n_families: fold.held_out.len(),
            converged: found.converged,
        })
    })
}

/// Searches from a fit's maximum for that of other weights or other data, on one thread.
fn refit(
    model: &GeneContentModel,
    fit: &FitResult,
    weights: Option<&FamilyWeights>,
    monitor: &Monitor,
) -> Result<Replicate, ModelError> {
    let single = Workers::single();
    let mut search = Scaled::new(model, weights, &single, monitor)?;
    search.shows_steps = false;
    let metric = fit.covariance.as_ref().map(|covariance| search.metric(covariance));
    let settings = Settings {
        max_iterations: MAX_ITERATIONS,
        tolerance: TOLERANCE,
        metric: metric.as_ref(),
        polish: false,
    };
    let optimum = search.climb(&fit.parameters, settings)?;
    let parameters = model.canonical(&search.unscaled(&optimum.point)).0;
    Ok(Replicate {
        log_likelihood: optimum.evaluation.value + model.penalty().value(&parameters),
        converged: optimum.ending == Ending::Converged,
        parameters,
    })
}

impl Scaled<'_> {
    /// Returns a covariance in units of the scales; a parameter at a bound keeps a variance of 1.
    fn metric(&self, covariance: &DMatrix<f64>) -> DMatrix<f64> {
        DMatrix::from_fn(covariance.nrows(), covariance.ncols(), |i, j| {
            let entry = covariance[(i, j)] / (self.scale[i] * self.scale[j]);
            match (entry.is_nan(), i == j) {
                (false, _) => entry,
                (true, true) => 1.0,
                (true, false) => 0.0,
            }
        })
    }
}
