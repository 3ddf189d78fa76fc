//! Maximum likelihood of a model, with standard errors and an honest report on the search.

use super::optimise::{Bounds, Ending, Evaluation, Optimum, Settings, maximise};
use super::starts::{FirstPoints, first_points};
use crate::error::ModelError;
use crate::model::parameter::Domain;
use crate::model::{FamilyWeights, GeneContentModel};
use crate::parallel::{Monitor, Workers};
use crate::problem::Tree;
use nalgebra::{DMatrix, SymmetricEigen};

/// A further Newton step must promise less than this, in log-likelihood units.
pub(super) const TOLERANCE: f64 = 1e-9;
/// Of several searches each first stops when a further step promises less than this; the best is then finished.
const ROUGH: f64 = 1e-4;
/// A rough search found the maximum if it ended less than this below it.
const SAME_MAXIMUM: f64 = 1e-2;
/// Expected events on the whole tree at the lowest rate allowed.
const FEWEST_EVENTS: f64 = 1e-9;
/// Expected events on the shortest branch at the highest rate allowed: from there on all branches forget their past.
const MOST_EVENTS: f64 = 1e3;
/// No rate above this, however short a branch is: effects may still multiply it.
const HIGHEST_RATE: f64 = 1e200;

/// How a fit goes about its search.
#[derive(Debug, Clone, Copy)]
pub struct FitOptions<'a> {
    /// Where to start; by default from points chosen from the data.
    pub start: Option<&'a [f64]>,
    /// How many starts to search from; by default one, and several for models that may have several maxima.
    pub n_starts: Option<usize>,
    /// Quasi-Newton iterations of each search.
    pub max_iterations: usize,
    /// How often each family counts; by default once.
    pub weights: Option<&'a FamilyWeights>,
}

impl Default for FitOptions<'_> {
    fn default() -> Self {
        Self {
            start: None,
            n_starts: None,
            max_iterations: 200,
            weights: None,
        }
    }
}

/// The result of [`fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct FitResult {
    /// Estimates in the order of the model's parameters.
    pub parameters: Vec<f64>,
    /// Of all families, at the estimates; natural log, conditioned as the model says, not penalised.
    pub log_likelihood: f64,
    /// What the model's penalty subtracted from it to give what was maximised; 0 without one.
    pub penalty: f64,
    /// Of each family.
    pub log_likelihoods: Vec<f64>,
    /// Of what was maximised, at the estimates.
    pub gradient: Vec<f64>,
    /// Inverse of the observed information; rows and columns of parameters at a bound are NaN. `None` if the
    /// information is not positive definite or no parameter is free.
    pub covariance: Option<DMatrix<f64>>,
    /// Eigenvalues of the observed information of the free parameters in units of their scales, ascending.
    pub information_eigenvalues: Vec<f64>,
    /// Root frequencies of states 0 and 1 at the estimates, their mean over families and categories where they
    /// differ; `None` where each family's own data weigh them.
    pub root_frequencies: Option<[f64; 2]>,
    /// The box that was searched.
    pub bounds: Bounds,
    /// Which parameters ended at a bound.
    pub at_bound: Vec<bool>,
    /// Why the search ended; anything but [`Ending::Converged`] is not a maximum.
    pub ending: Ending,
    /// Searches from different starts, and how many of them ended at this maximum.
    pub n_starts: usize,
    /// See `n_starts`.
    pub n_agreeing: usize,
    /// Iterations of the search that found it.
    pub iterations: usize,
    /// Evaluations of the likelihood in all searches.
    pub evaluations: usize,
}

/// Returns the maximum-likelihood estimates of a model's parameters.
///
/// Rates are searched between 1e-9 expected events on the whole tree and 1e3 on the shortest branch, other parameters
/// between the ends of their domains; estimates at an end are reported in `at_bound`. Of several searches the best
/// counts. A model with a penalty is fitted by the maximum of log-likelihood minus penalty.
///
/// # Errors
/// [`ModelError::NoTime`] for a tree without time, [`ModelError::Impossible`] if the likelihood is 0 at every start,
/// [`ModelError::Start`] for a start outside the box, [`ModelError::Cancelled`], [`ModelError::ParameterCount`].
pub fn fit(model: &GeneContentModel, options: &FitOptions, monitor: &Monitor) -> Result<FitResult, ModelError> {
    let search = Scaled::new(model, options.weights, model.workers(), monitor)?;
    let FirstPoints { points, evaluations } = match options.start {
        Some(start) => search.given(start)?,
        None => first_points(model, options, monitor)?,
    };
    let settings = Settings {
        max_iterations: options.max_iterations,
        tolerance: TOLERANCE,
        metric: None,
        polish: true,
    };
    let climbs = search.climb_roughly(&points, settings)?;
    let start = climbs.first().map_or(&points[0], |best| &best.point);
    let optimum = search.climb(start, settings)?;
    let agrees = |climb: &&Climb| climb.value >= optimum.evaluation.value - SAME_MAXIMUM;
    let n_agreeing = if climbs.is_empty() {
        1
    } else {
        climbs.iter().filter(agrees).count()
    };
    let evaluations = evaluations + optimum.evaluations + climbs.iter().map(|climb| climb.evaluations).sum::<usize>();
    let (covariance, information_eigenvalues) = search.uncertainty(&optimum);
    let labelled = Labelled::new(model, search.unscaled(&optimum.point));
    let covariance = covariance.map(|covariance| labelled.covariance(&covariance));
    let at_bound = labelled.any(&optimum.at_bound);
    let parameters = labelled.parameters;
    let at_maximum = model.weighted_value_and_gradient(&parameters, options.weights, model.workers(), monitor)?;
    let mut gradient = at_maximum.gradient;
    model.penalty().subtract_gradient(&parameters, &mut gradient);
    Ok(FitResult {
        log_likelihood: at_maximum.value,
        penalty: model.penalty().value(&parameters),
        log_likelihoods: model.log_likelihoods(&parameters, monitor)?,
        root_frequencies: model.root_frequencies(&parameters)?,
        gradient,
        covariance,
        information_eigenvalues,
        bounds: search.unscaled_bounds(),
        at_bound,
        ending: optimum.ending,
        n_starts: points.len(),
        n_agreeing,
        iterations: optimum.iterations,
        evaluations,
        parameters,
    })
}

/// Estimates under the labels that are the same for all that mean the same.
struct Labelled {
    parameters: Vec<f64>,
    jacobian: DMatrix<f64>,
}

impl Labelled {
    fn new(model: &GeneContentModel, found: Vec<f64>) -> Self {
        let (parameters, jacobian) = model.canonical(&found);
        Self { parameters, jacobian }
    }

    /// Returns `J C J'`; an entry that is no number stays with the parameters that depend on it.
    fn covariance(&self, of_found: &DMatrix<f64>) -> DMatrix<f64> {
        let n = self.parameters.len();
        let used: Vec<Vec<usize>> = (0..n)
            .map(|row| (0..n).filter(|&k| self.jacobian[(row, k)] != 0.0).collect())
            .collect();
        DMatrix::from_fn(n, n, |i, j| {
            let terms = used[i].iter().flat_map(|&k| used[j].iter().map(move |&l| (k, l)));
            terms
                .map(|(k, l)| self.jacobian[(i, k)] * of_found[(k, l)] * self.jacobian[(j, l)])
                .sum()
        })
    }

    /// Returns for each parameter whether it depends on one for which `of_found` holds.
    fn any(&self, of_found: &[bool]) -> Vec<bool> {
        let depends = |row: usize| (0..of_found.len()).any(|k| of_found[k] && self.jacobian[(row, k)] != 0.0);
        (0..of_found.len()).map(depends).collect()
    }
}

/// Where a rough search ended.
struct Climb {
    point: Vec<f64>,
    value: f64,
    evaluations: usize,
}

/// A model seen through parameters in units of their scales.
pub(super) struct Scaled<'a> {
    model: &'a GeneContentModel,
    weights: Option<&'a FamilyWeights>,
    workers: &'a Workers,
    monitor: &'a Monitor,
    /// Whether each evaluation is a step of the progress shown.
    pub(super) shows_steps: bool,
    pub(super) scale: Vec<f64>,
    bounds: Bounds,
}

impl<'a> Scaled<'a> {
    pub(super) fn new(
        model: &'a GeneContentModel,
        weights: Option<&'a FamilyWeights>,
        workers: &'a Workers,
        monitor: &'a Monitor,
    ) -> Result<Self, ModelError> {
        let scale: Vec<f64> = model.parameters().iter().map(|parameter| parameter.scale).collect();
        let (lowest, highest) = rate_bounds(model.problem().tree())?;
        let ends = model.parameters().iter().map(|parameter| match parameter.domain {
            Domain::LogRate => (lowest, highest),
            Domain::Interval { lower, upper } => (lower, upper),
        });
        let (lower, upper) = ends
            .zip(&scale)
            .map(|((lower, upper), scale)| (lower / scale, upper / scale))
            .unzip();
        Ok(Self {
            model,
            weights,
            workers,
            monitor,
            shows_steps: true,
            scale,
            bounds: Bounds { lower, upper },
        })
    }

    /// Climbs from each of several points until little is left to be had; the best first. One point needs no choice.
    fn climb_roughly(&self, points: &[Vec<f64>], settings: Settings<'_>) -> Result<Vec<Climb>, ModelError> {
        if points.len() < 2 {
            return Ok(Vec::new());
        }
        let settings = Settings {
            tolerance: ROUGH,
            polish: false,
            ..settings
        };
        let mut climbs = Vec::with_capacity(points.len());
        for point in points {
            let optimum = self.climb(point, settings)?;
            climbs.push(Climb {
                point: self.unscaled(&optimum.point),
                value: optimum.evaluation.value,
                evaluations: optimum.evaluations,
            });
        }
        climbs.sort_by(|a, b| b.value.total_cmp(&a.value));
        Ok(climbs)
    }

    /// Keeps one of the model's own parameters at a value.
    pub(super) fn hold(&mut self, parameter: usize, value: f64) {
        let value = value / self.scale[parameter];
        (self.bounds.lower[parameter], self.bounds.upper[parameter]) = (value, value);
    }

    /// Climbs from a point in the model's own parameters; the result is in units of the scales.
    pub(super) fn climb(&self, start: &[f64], settings: Settings<'_>) -> Result<Optimum, ModelError> {
        let start: Vec<f64> = start.iter().zip(&self.scale).map(|(x, scale)| x / scale).collect();
        let mut objective = |point: &[f64]| {
            self.monitor.advance(u64::from(self.shows_steps));
            let parameters = self.unscaled(point);
            let result =
                self.model
                    .weighted_value_and_gradient(&parameters, self.weights, self.workers, self.monitor)?;
            let mut gradient = result.gradient;
            self.model.penalty().subtract_gradient(&parameters, &mut gradient);
            gradient
                .iter_mut()
                .zip(&self.scale)
                .for_each(|(slope, scale)| *slope *= scale);
            let value = result.value - self.model.penalty().value(&parameters);
            Ok::<_, ModelError>(Evaluation { value, gradient })
        };
        maximise(&mut objective, &start, &self.bounds, settings)
    }

    pub(super) fn unscaled(&self, point: &[f64]) -> Vec<f64> {
        point.iter().zip(&self.scale).map(|(x, scale)| x * scale).collect()
    }

    fn unscaled_bounds(&self) -> Bounds {
        Bounds {
            lower: self.unscaled(&self.bounds.lower),
            upper: self.unscaled(&self.bounds.upper),
        }
    }

    fn given(&self, start: &[f64]) -> Result<FirstPoints, ModelError> {
        let bounds = self.unscaled_bounds();
        for (place, (parameter, &found)) in self.model.parameters().iter().zip(start).enumerate() {
            let (lower, upper) = (bounds.lower[place], bounds.upper[place]);
            // A bound read off an earlier fit may have been rounded on its way.
            let slack = 1e-12 * upper.abs().max(lower.abs());
            if found < lower - slack || found > upper + slack {
                return Err(ModelError::Start {
                    name: parameter.name.clone(),
                    found,
                    lower,
                    upper,
                });
            }
        }
        let value = self
            .model
            .weighted_log_likelihood(start, self.weights, self.workers, self.monitor)?;
        if value == f64::NEG_INFINITY {
            return Err(self.impossible(start)?);
        }
        Ok(FirstPoints {
            points: vec![start.to_vec()],
            evaluations: 1,
        })
    }

    fn impossible(&self, point: &[f64]) -> Result<ModelError, ModelError> {
        impossible(self.model, point, self.monitor)
    }

    /// Returns the covariance of the model's own parameters, and the eigenvalues of the information.
    fn uncertainty(&self, optimum: &Optimum) -> (Option<DMatrix<f64>>, Vec<f64>) {
        let n = optimum.point.len();
        let free: Vec<usize> = (0..n).filter(|&i| !optimum.at_bound[i]).collect();
        if free.is_empty() {
            return (None, Vec::new());
        }
        let information = -&optimum.hessian;
        let mut eigenvalues = SymmetricEigen::new(information.clone()).eigenvalues.as_slice().to_vec();
        eigenvalues.sort_by(f64::total_cmp);
        let covariance = information.cholesky().map(|factor| {
            let inverse = factor.inverse();
            let position = |i: usize| free.iter().position(|&k| k == i);
            DMatrix::from_fn(n, n, |i, j| match (position(i), position(j)) {
                (Some(row), Some(column)) => inverse[(row, column)] * self.scale[i] * self.scale[j],
                _ => f64::NAN,
            })
        });
        (covariance, eigenvalues)
    }
}

/// Returns the error for data that cannot arise at `point`.
pub(super) fn impossible(model: &GeneContentModel, point: &[f64], monitor: &Monitor) -> Result<ModelError, ModelError> {
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

/// Returns the smallest and the largest log-rate that a search considers.
pub(super) fn rate_bounds(tree: &Tree) -> Result<(f64, f64), ModelError> {
    let lengths = &tree.branch_lengths()[..tree.root()];
    let total: f64 = lengths.iter().sum();
    if total == 0.0 {
        return Err(ModelError::NoTime);
    }
    let positive = lengths.iter().copied().filter(|&length| length > 0.0);
    let shortest = positive.fold(f64::INFINITY, f64::min);
    Ok((
        (FEWEST_EVENTS / total).ln(),
        (MOST_EVENTS / shortest).min(HIGHEST_RATE).ln(),
    ))
}
