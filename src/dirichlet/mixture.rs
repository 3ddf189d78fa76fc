//! Fitting a mixture by expectation and maximisation.
//!
//! The order of steps is that of R's DirichletMultinomial: start, M-step, then E-step, M-step and objective in turn
//! until the objective changes by no more than the tolerance. The responsibilities reported are those of the last
//! E-step, before the last M-step. Each M-step is carried to its minimum, so the objective never rises.

use super::check::{check, checked_weights};
use super::counts::Counts;
use super::criteria::{Curvature, GoodnessOfFit};
use super::evidence::{log_evidence, posterior};
use super::histogram::Histogram;
use super::m_step::ETA;
use super::parameters::{Assessment, Parameters, Settled, matrix};
use super::start::{Begin, Profiles, Start};
use crate::error::{Cancelled, DirichletError};
use crate::parallel::{Monitor, Workers};
use ndarray::Array2;
use std::num::NonZero;

/// The logarithm at which a feature begins that a component's mean lacks.
const ABSENT: f64 = -10.0;
/// Logarithms of means begin no lower: a mean can be as small as a k-means membership.
const LOWEST: f64 = -60.0;

/// Nanoseconds of an M-step for one pair, over some Newton steps.
const M_STEP: usize = 80;

/// How a mixture is to be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// Where the EM begins.
    pub start: Start,
    /// Seed of the first start; restart r has seed + r.
    pub seed: u32,
    /// Number of starts, of which the fit with the lowest objective is kept.
    pub n_init: usize,
    /// Rounds of the EM.
    pub max_iterations: usize,
    /// Change of the objective at which the EM ends.
    pub tolerance: f64,
    /// Which second derivatives the criteria use.
    pub curvature: Curvature,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            start: Start::SoftKmeans,
            seed: 42,
            n_init: 1,
            max_iterations: 100,
            tolerance: 1e-6,
            curvature: Curvature::Exact,
        }
    }
}

/// A fitted mixture.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// Weights and Dirichlet parameters, components in the order in which they were found.
    pub parameters: Parameters,
    /// Responsibilities of the last E-step, `[n_rows][n_components]`.
    pub responsibilities: Array2<f64>,
    /// Criteria, intervals and what is wrong with them.
    pub assessment: Assessment,
    /// The objective after each round.
    pub objectives: Vec<f64>,
    /// Whether the last change was within the tolerance.
    pub converged: bool,
    /// Smallest distance between the mean proportions of two components at the start, see [`Begin::separation`].
    pub separation: f64,
    /// Seed of the start that led here.
    pub seed: u32,
}

impl Mixture {
    /// Returns the criteria.
    #[must_use]
    pub fn goodness(&self) -> &GoodnessOfFit {
        &self.assessment.goodness
    }
}

/// Workers that are only the calling thread.
pub(super) fn alone() -> Workers {
    Workers::new(NonZero::new(1))
}

/// Fits a mixture of `n_components` Dirichlet-multinomial distributions by maximum posterior density.
///
/// `row_weights` `[n_rows]`, where given, says how often each row counts; a weight of 0 leaves a row out of the fit but
/// not out of the responsibilities. The result does not depend on the number of threads.
///
/// ```
/// use persiste_rust::dirichlet::{Counts, FitOptions, fit};
/// use persiste_rust::parallel::{Monitor, Workers};
/// let counts = Counts::new(ndarray::arr2(&[[30, 2], [28, 4], [1, 40], [3, 35]]).view())?;
/// let mixture = fit(&counts, 2, None, &FitOptions::default(), &Workers::new(None), &Monitor::new())?;
/// assert!(mixture.converged);
/// let sure = mixture.responsibilities.row(0).iter().copied().fold(0.0, f64::max);
/// assert!(sure > 0.99);
/// # Ok::<(), persiste_rust::error::DirichletError>(())
/// ```
///
/// # Errors
/// [`DirichletError::Components`], [`DirichletError::Number`] and [`DirichletError::Length`] for options and weights
/// that do not fit; [`DirichletError::Cancelled`] through the monitor.
///
/// # Source
/// Holmes, Harris and Quince 2012, doi:10.1371/journal.pone.0030126.
pub fn fit(
    counts: &Counts,
    n_components: usize,
    row_weights: Option<&[f64]>,
    options: &FitOptions,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Mixture, DirichletError> {
    let row_weights = checked_weights(counts, row_weights)?;
    check(counts, n_components, &row_weights, options)?;
    if options.start == Start::SortedKmeansPlusPlus {
        return fit_sorted(counts, n_components, &row_weights, options, workers, monitor);
    }
    let problem = Problem {
        counts,
        row_weights: &row_weights,
        log_coefficients: &counts.log_coefficients(),
        n_components,
        options,
        monitor,
    };
    problem.best_of_starts(workers)
}

fn fit_sorted(
    counts: &Counts,
    n_components: usize,
    row_weights: &[f64],
    options: &FitOptions,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Mixture, DirichletError> {
    let mut order = counts.sorted_rows();
    // Equal rows differ in nothing but their weights.
    let matrix = counts.to_matrix();
    order.sort_by(|&a, &b| {
        let rows = matrix.row(a).into_iter().cmp(matrix.row(b));
        rows.then(row_weights[a].total_cmp(&row_weights[b]))
    });
    let sorted = counts.select_rows(&order)?;
    let weights: Vec<f64> = order.iter().map(|&row| row_weights[row]).collect();
    let problem = Problem {
        counts: &sorted,
        row_weights: &weights,
        log_coefficients: &sorted.log_coefficients(),
        n_components,
        options,
        monitor,
    };
    let mut found = problem.best_of_starts(workers)?;
    let mut responsibilities = found.responsibilities.clone();
    for (place, &row) in order.iter().enumerate() {
        responsibilities.row_mut(row).assign(&found.responsibilities.row(place));
    }
    found.responsibilities = responsibilities;
    Ok(found)
}

/// Counts, weights and options, checked.
struct Problem<'a> {
    counts: &'a Counts,
    row_weights: &'a [f64],
    log_coefficients: &'a [f64],
    n_components: usize,
    options: &'a FitOptions,
    monitor: &'a Monitor,
}

/// The state of the EM.
struct State {
    log_alpha: Vec<f64>,
    responsibilities: Vec<f64>,
    histogram: Histogram,
}

impl Problem<'_> {
    /// Fits from each start and keeps the lowest objective, the first of equal ones.
    fn best_of_starts(&self, workers: &Workers) -> Result<Mixture, DirichletError> {
        let is_given = matches!(self.options.start, Start::Responsibilities(_));
        let n_starts = if is_given { 1 } else { self.options.n_init };
        let from = |start: usize, workers: &Workers| {
            let found = self.run_from(self.options.seed.wrapping_add(start as u32), workers);
            self.monitor.advance(1);
            found
        };
        let fits = if n_starts >= workers.n_threads() {
            workers.map(n_starts, |start| from(start, &alone()))?
        } else {
            (0..n_starts)
                .map(|start| from(start, workers))
                .collect::<Result<_, _>>()?
        };
        let better = |best: Mixture, next: Mixture| {
            if next.goodness().nle < best.goodness().nle {
                next
            } else {
                best
            }
        };
        // There is at least one start, which `check` has seen to.
        fits.into_iter().reduce(better).ok_or(DirichletError::Components {
            found: self.n_components,
            n_rows: self.counts.n_rows(),
            of: String::new(),
        })
    }

    fn begin(&self, seed: u32, workers: &Workers) -> Result<Begin, Cancelled> {
        let profiles = Profiles {
            counts: self.counts,
            row_weights: self.row_weights,
            n_components: self.n_components,
            workers,
            monitor: self.monitor,
        };
        match &self.options.start {
            Start::SoftKmeans => profiles.soft(seed),
            Start::KmeansPlusPlus | Start::SortedKmeansPlusPlus => profiles.hard(seed),
            Start::Responsibilities(given) => profiles.complete(given.clone(), 0),
        }
    }

    fn run_from(&self, seed: u32, workers: &Workers) -> Result<Mixture, DirichletError> {
        let begin = self.begin(seed, workers)?;
        let separation = begin.separation(self.n_components);
        let log_of = |&mean: &f64| if mean > 0.0 { mean.ln().max(LOWEST) } else { ABSENT };
        let mut state = State {
            log_alpha: begin.means.iter().map(log_of).collect(),
            histogram: self.histogram(&begin.responsibilities, workers)?,
            responsibilities: begin.responsibilities,
        };
        self.maximise(&mut state, true, workers)?;
        let settled = Settled {
            counts: self.counts,
            row_weights: self.row_weights,
            log_coefficients: self.log_coefficients,
            workers,
            monitor: self.monitor,
        };
        let (mut objectives, mut converged, mut last) = (Vec::new(), false, 0.0);
        let mut alpha = exponentials(&state.log_alpha);
        let mut evidence = log_evidence(self.counts, &alpha, workers, self.monitor)?;
        while !converged && objectives.len() < self.options.max_iterations {
            state.responsibilities = posterior(&evidence, &state.histogram.masses).responsibilities;
            state.histogram = self.histogram(&state.responsibilities, workers)?;
            self.maximise(&mut state, false, workers)?;
            alpha = exponentials(&state.log_alpha);
            evidence = log_evidence(self.counts, &alpha, workers, self.monitor)?;
            let objective = settled.nle(&posterior(&evidence, &state.histogram.masses), &alpha);
            converged = (objective - last).abs() <= self.options.tolerance;
            last = objective;
            objectives.push(objective);
        }
        let of_responsibilities = (&state.histogram, state.responsibilities.as_slice());
        let masses = &state.histogram.masses;
        let assessment = settled.assess(self.options.curvature, of_responsibilities, &alpha, masses, last)?;
        let total: f64 = masses.iter().sum();
        let weights = masses.iter().map(|mass| mass / total).collect();
        Ok(Mixture {
            parameters: Parameters::trusted(weights, matrix(alpha, self.counts.n_columns())),
            responsibilities: matrix(state.responsibilities, self.n_components),
            assessment,
            objectives,
            converged,
            separation,
            seed,
        })
    }

    fn histogram(&self, responsibilities: &[f64], workers: &Workers) -> Result<Histogram, Cancelled> {
        let weighted: Vec<f64> = responsibilities
            .chunks_exact(self.n_components)
            .zip(self.row_weights)
            .flat_map(|(shares, weight)| shares.iter().map(move |share| share * weight))
            .collect();
        Histogram::new(self.counts, &weighted, workers, self.monitor)
    }

    /// The M-step: side by side over components, or over the columns of each where there are fewer than threads.
    fn maximise(&self, state: &mut State, cold: bool, workers: &Workers) -> Result<(), Cancelled> {
        let n_columns = self.counts.n_columns();
        let one = |component: usize, workers: &Workers| {
            let weights = state.histogram.component(self.counts, component);
            let mut log_alpha = state.log_alpha[component * n_columns..][..n_columns].to_vec();
            if state.histogram.masses[component] > 0.0 {
                weights.minimise(&mut log_alpha, cold, workers, self.monitor)?;
            } else {
                // Nothing but the prior is left, which is lowest at eta / nu.
                log_alpha.fill((ETA / super::m_step::NU).ln());
            }
            Ok(log_alpha)
        };
        let found = if self.n_components >= workers.n_threads() {
            let work = self.counts.n_pairs() * self.n_components * M_STEP;
            workers.map_estimated(self.n_components, work, |component| one(component, &alone()))?
        } else {
            (0..self.n_components)
                .map(|component| one(component, workers))
                .collect::<Result<Vec<_>, _>>()?
        };
        state.log_alpha = found.concat();
        Ok(())
    }
}

fn exponentials(logs: &[f64]) -> Vec<f64> {
    logs.iter().map(|one| one.exp()).collect()
}
