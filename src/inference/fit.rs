//! Maximum likelihood of a model, with standard errors and an honest report on the search.

use super::optimise::{Bounds, Ending, Evaluation, Settings, maximise};
use crate::error::ModelError;
use crate::model::GeneContentModel;
use crate::parallel::Monitor;
use nalgebra::{DMatrix, SymmetricEigen};

/// A further Newton step must promise less than this, in log-likelihood units.
const TOLERANCE: f64 = 1e-9;
/// Expected events on the whole tree at the lowest rate allowed.
const FEWEST_EVENTS: f64 = 1e-9;
/// Expected events on the shortest branch at the highest rate allowed: from there on all branches forget their past.
const MOST_EVENTS: f64 = 1e3;
/// No rate above this, however short a branch is.
const HIGHEST_RATE: f64 = 1e300;
/// Expected events from root to tip at which the search may start.
const START_EVENTS: [f64; 4] = [0.05, 0.3, 1.5, 8.0];

/// The result of [`fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct FitResult {
    /// Estimates in the order of the model's parameters.
    pub parameters: Vec<f64>,
    /// Of all families, at the estimates; natural log, conditioned as the model says, not penalised.
    pub log_likelihood: f64,
    /// Of each family.
    pub log_likelihoods: Vec<f64>,
    /// At the estimates.
    pub gradient: Vec<f64>,
    /// Inverse of the observed information; rows and columns of parameters at a bound are NaN. `None` if the
    /// information is not positive definite or no parameter is free.
    pub covariance: Option<DMatrix<f64>>,
    /// Eigenvalues of the observed information of the free parameters, ascending.
    pub information_eigenvalues: Vec<f64>,
    /// Root frequencies of states 0 and 1 at the estimates.
    pub root_frequencies: [f64; 2],
    /// The box that was searched.
    pub bounds: Bounds,
    /// Which parameters ended at a bound.
    pub at_bound: Vec<bool>,
    /// Why the search ended; anything but [`Ending::Converged`] is not a maximum.
    pub ending: Ending,
    /// Iterations of the search.
    pub iterations: usize,
    /// Evaluations of the likelihood.
    pub evaluations: usize,
}

/// Returns the maximum-likelihood estimates of a model's parameters.
///
/// Starts from `start`, or from the best of a small grid of rates scaled to the tree. Rates are searched between
/// 1e-9 expected events on the whole tree and 1e3 on the shortest branch; estimates at an end are reported in
/// `at_bound`.
///
/// # Errors
/// [`ModelError::NoTime`] for a tree without time, [`ModelError::Impossible`] if the likelihood is 0 at every start,
/// [`ModelError::Cancelled`], [`ModelError::ParameterCount`].
pub fn fit(
    model: &GeneContentModel,
    start: Option<&[f64]>,
    max_iterations: usize,
    monitor: &Monitor,
) -> Result<FitResult, ModelError> {
    let bounds = rate_bounds(model)?;
    let mut tried = 0;
    let start = match start {
        Some(start) => {
            let value = model.log_likelihood(start, monitor)?;
            tried += 1;
            if value == f64::NEG_INFINITY {
                return Err(impossible(model, start, monitor)?);
            }
            start.to_vec()
        }
        None => best_start(model, &mut tried, monitor)?,
    };
    let mut objective = |point: &[f64]| {
        monitor.advance(1);
        let result = model.value_and_gradient(point, monitor)?;
        Ok::<_, ModelError>(Evaluation {
            value: result.value,
            gradient: result.gradient,
        })
    };
    let optimum = maximise(
        &mut objective,
        &start,
        &bounds,
        Settings {
            max_iterations,
            tolerance: TOLERANCE,
        },
    )?;
    let free: Vec<usize> = (0..start.len()).filter(|&i| !optimum.at_bound[i]).collect();
    let information = -optimum.hessian;
    let mut information_eigenvalues: Vec<f64> = if free.is_empty() {
        Vec::new()
    } else {
        SymmetricEigen::new(information.clone())
            .eigenvalues
            .iter()
            .copied()
            .collect()
    };
    information_eigenvalues.sort_by(f64::total_cmp);
    let factor = if free.is_empty() { None } else { information.cholesky() };
    let covariance = factor.map(|factor| {
        let inverse = factor.inverse();
        let position = |i: usize| free.iter().position(|&k| k == i);
        DMatrix::from_fn(start.len(), start.len(), |i, j| match (position(i), position(j)) {
            (Some(row), Some(column)) => inverse[(row, column)],
            _ => f64::NAN,
        })
    });
    Ok(FitResult {
        log_likelihood: optimum.evaluation.value,
        log_likelihoods: model.log_likelihoods(&optimum.point, monitor)?,
        root_frequencies: model.root_frequencies(&optimum.point)?,
        gradient: optimum.evaluation.gradient,
        covariance,
        information_eigenvalues,
        bounds,
        at_bound: optimum.at_bound,
        ending: optimum.ending,
        iterations: optimum.iterations,
        evaluations: optimum.evaluations + tried,
        parameters: optimum.point,
    })
}

fn rate_bounds(model: &GeneContentModel) -> Result<Bounds, ModelError> {
    let tree = model.problem().tree();
    let lengths = &tree.branch_lengths()[..tree.root()];
    let total: f64 = lengths.iter().sum();
    if total == 0.0 {
        return Err(ModelError::NoTime);
    }
    let shortest = lengths
        .iter()
        .copied()
        .filter(|&length| length > 0.0)
        .fold(f64::INFINITY, f64::min);
    let n = model.parameter_names().len();
    Ok(Bounds {
        lower: vec![(FEWEST_EVENTS / total).ln(); n],
        upper: vec![(MOST_EVENTS / shortest).min(HIGHEST_RATE).ln(); n],
    })
}

/// Returns the best point of a grid: the observed frequency of presence, at several speeds.
fn best_start(model: &GeneContentModel, tried: &mut usize, monitor: &Monitor) -> Result<Vec<f64>, ModelError> {
    let tree = model.problem().tree();
    let patterns = model.problem().patterns();
    let (mut present, mut known) = (0.0, 0.0);
    for (counts, weight) in patterns.counts().iter().zip(patterns.weights()) {
        present += weight * f64::from(counts.present);
        known += weight * (patterns.n_tips() as f64 - f64::from(counts.missing));
    }
    let frequency = ((present + 0.5) / (known + 1.0)).clamp(0.001, 0.999);
    let height = mean_height(tree).max(f64::MIN_POSITIVE);
    let mut best: Option<(f64, Vec<f64>)> = None;
    for events in START_EVENTS {
        let rate = events / height;
        let point = vec![(rate * frequency).ln(), (rate * (1.0 - frequency)).ln()];
        let value = model.log_likelihood(&point, monitor)?;
        *tried += 1;
        monitor.advance(1);
        if value > best.as_ref().map_or(f64::NEG_INFINITY, |(value, _)| *value) {
            best = Some((value, point));
        }
    }
    match best {
        Some((_, point)) => Ok(point),
        None => Err(impossible(
            model,
            &[(frequency / height).ln(), ((1.0 - frequency) / height).ln()],
            monitor,
        )?),
    }
}

fn impossible(model: &GeneContentModel, point: &[f64], monitor: &Monitor) -> Result<ModelError, ModelError> {
    let values = model.log_likelihoods(point, monitor)?;
    let broken: Vec<usize> = (0..values.len())
        .filter(|&family| values[family] == f64::NEG_INFINITY)
        .collect();
    Ok(ModelError::Impossible {
        count: broken.len(),
        n_families: values.len(),
        examples: model.name_families(&broken),
    })
}

/// Returns the mean distance from the root to a tip.
fn mean_height(tree: &crate::problem::Tree) -> f64 {
    let mut depth = vec![0.0; tree.n_nodes()];
    for node in (0..tree.root()).rev() {
        depth[node] = depth[tree.parents()[node] as usize] + tree.branch_lengths()[node];
    }
    tree.tips().iter().map(|&tip| depth[tip as usize]).sum::<f64>() / tree.n_tips() as f64
}
