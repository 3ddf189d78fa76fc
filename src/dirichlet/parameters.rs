//! The parameters of a mixture, checked, and what they say about counts.

use super::counts::Counts;
use super::criteria::{Curvature, Curve, GoodnessOfFit, heaviest, log_det};
use super::evidence::{Posterior, log_evidence, posterior};
use super::hessian::curves;
use super::histogram::Histogram;
use super::m_step::{ETA, NU};
use super::special::log_gamma;
use crate::error::{Cancelled, DirichletError};
use crate::parallel::{Monitor, Workers};
use ndarray::{Array2, ArrayView2};

/// Parameters lie between these, so that powers of them stay finite.
const SMALLEST: f64 = 1e-56;
const LARGEST: f64 = 1e56;

/// Weights and Dirichlet parameters of the components.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    weights: Vec<f64>,
    alpha: Array2<f64>,
}

/// What a mixture with given parameters makes of given counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Criteria, with the responsibilities at these parameters.
    pub goodness: GoodnessOfFit,
    /// Laplace's approximation if components stood in the order of decreasing weight: whatever order they were found in.
    pub laplace_by_weight: f64,
    /// `ln |det H|` of each component.
    pub log_determinants: Vec<f64>,
    /// Lower ends of the intervals, `[n_components][n_columns]`; NaN where there is none.
    pub lower: Array2<f64>,
    /// Upper ends.
    pub upper: Array2<f64>,
    /// Components whose Hessian is not positive definite.
    pub indefinite: Vec<usize>,
}

impl Parameters {
    /// Checks weights `[n_components]`, which add up to 1, and `alpha` `[n_components][n_columns]`.
    ///
    /// ```
    /// use persiste_rust::dirichlet::{Counts, Parameters};
    /// use persiste_rust::parallel::{Monitor, Workers};
    /// let mixture = Parameters::new(vec![1.0], ndarray::arr2(&[[1.0, 1.0]]))?;
    /// let counts = Counts::new(ndarray::arr2(&[[2, 1]]).view())?;
    /// let found = mixture.log_likelihoods(&counts, &Workers::new(None), &Monitor::new())?;
    /// assert!((found[0] - 0.25_f64.ln()).abs() < 1e-14); // uniform over (3, 0), (2, 1), (1, 2), (0, 3)
    /// # Ok::<(), persiste_rust::error::DirichletError>(())
    /// ```
    ///
    /// # Errors
    /// [`DirichletError::Length`], [`DirichletError::Number`], [`DirichletError::Empty`].
    pub fn new(weights: Vec<f64>, alpha: Array2<f64>) -> Result<Self, DirichletError> {
        let (n_components, n_columns) = alpha.dim();
        if n_components == 0 || n_columns == 0 {
            return Err(DirichletError::Empty {
                n_rows: n_components,
                n_columns,
            });
        }
        if weights.len() != n_components {
            return Err(DirichletError::Length {
                what: "weights",
                found: weights.len(),
                expected: n_components,
            });
        }
        for (component, &found) in weights.iter().enumerate() {
            if !(0.0..=1.0).contains(&found) {
                return Err(number(
                    "weight",
                    found,
                    format!(" in component {component}"),
                    "numbers from 0 to 1",
                ));
            }
        }
        let sum: f64 = weights.iter().sum();
        if (sum - 1.0).abs() > 1e-6 {
            return Err(number("the sum of weights", sum, String::new(), "1, to 1e-6"));
        }
        for ((component, column), &found) in alpha.indexed_iter() {
            if !(SMALLEST..=LARGEST).contains(&found) {
                let at = format!(" in component {component}, column {column}");
                return Err(number("alpha", found, at, "numbers from 1e-56 to 1e56"));
            }
        }
        Ok(Self::trusted(weights, alpha))
    }

    /// Takes what this crate fitted.
    pub(super) fn trusted(weights: Vec<f64>, alpha: Array2<f64>) -> Self {
        Self {
            weights,
            alpha: alpha.as_standard_layout().into_owned(),
        }
    }

    /// Returns the weights, `[n_components]`.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Returns the Dirichlet parameters, `[n_components][n_columns]`.
    #[must_use]
    pub fn alpha(&self) -> ArrayView2<'_, f64> {
        self.alpha.view()
    }

    /// Returns the number of components.
    #[must_use]
    pub fn n_components(&self) -> usize {
        self.weights.len()
    }

    fn flat(&self) -> &[f64] {
        self.alpha.as_slice().unwrap_or_default()
    }

    /// Returns the log-evidence of each row in each component without its multinomial coefficient,
    /// `[n_rows][n_components]`; R's `predict(logevidence=TRUE)` is minus this.
    ///
    /// # Errors
    /// [`DirichletError::Width`], [`DirichletError::Cancelled`].
    pub fn log_evidence(
        &self,
        counts: &Counts,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Array2<f64>, DirichletError> {
        Ok(matrix(self.evidence(counts, workers, monitor)?, self.n_components()))
    }

    fn evidence(&self, counts: &Counts, workers: &Workers, monitor: &Monitor) -> Result<Vec<f64>, DirichletError> {
        if counts.n_columns() != self.alpha.ncols() {
            return Err(DirichletError::Width {
                found: counts.n_columns(),
                expected: self.alpha.ncols(),
            });
        }
        Ok(log_evidence(counts, self.flat(), workers, monitor)?)
    }

    /// Returns the probability of each component given each row, `[n_rows][n_components]`.
    ///
    /// # Errors
    /// As [`log_evidence`](Self::log_evidence).
    pub fn responsibilities(
        &self,
        counts: &Counts,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Array2<f64>, DirichletError> {
        let found = posterior(&self.evidence(counts, workers, monitor)?, &self.weights);
        Ok(matrix(found.responsibilities, self.n_components()))
    }

    /// Returns the log-likelihood of each row, with its multinomial coefficient.
    ///
    /// `l_i = ln n_i! - sum_j ln x_ij! + ln sum_k weight_k exp(log_evidence_ik)`.
    ///
    /// # Errors
    /// As [`log_evidence`](Self::log_evidence).
    pub fn log_likelihoods(
        &self,
        counts: &Counts,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, DirichletError> {
        let found = posterior(&self.evidence(counts, workers, monitor)?, &self.weights);
        let rows = found.log_likelihoods.iter().zip(counts.log_coefficients());
        Ok(rows.map(|(one, coefficient)| one + coefficient).collect())
    }

    /// Returns minus the logarithm of the prior density of `ln alpha`: Gamma(shape 0.1, rate 0.1) on each alpha.
    ///
    /// `K S lnG(eta) - eta K S ln nu + nu sum alpha - eta sum ln alpha`.
    #[must_use]
    pub fn negative_log_prior(&self) -> f64 {
        prior(self.flat())
    }

    /// Returns the criteria and intervals of these parameters at counts, each row once.
    ///
    /// # Errors
    /// As [`log_evidence`](Self::log_evidence).
    pub fn assess(
        &self,
        counts: &Counts,
        curvature: Curvature,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Assessment, DirichletError> {
        let found = posterior(&self.evidence(counts, workers, monitor)?, &self.weights);
        let row_weights = vec![1.0; counts.n_rows()];
        let histogram = Histogram::new(counts, &found.responsibilities, workers, monitor)?;
        let settled = Settled {
            counts,
            row_weights: &row_weights,
            log_coefficients: &counts.log_coefficients(),
            workers,
            monitor,
        };
        let nle = settled.nle(&found, self.flat());
        let masses: Vec<f64> = self
            .weights
            .iter()
            .map(|weight| weight * counts.n_rows() as f64)
            .collect();
        Ok(settled.assess(
            curvature,
            (&histogram, &found.responsibilities),
            self.flat(),
            &masses,
            nle,
        )?)
    }
}

fn number(what: &'static str, found: f64, at: String, allowed: &'static str) -> DirichletError {
    DirichletError::Number {
        what,
        found,
        at,
        allowed,
    }
}

fn prior(alpha: &[f64]) -> f64 {
    let n = alpha.len() as f64;
    let (sum, logs) = alpha
        .iter()
        .fold((0.0, 0.0), |(sum, logs), one| (sum + one, logs + one.ln()));
    n * log_gamma(ETA) - ETA * n * NU.ln() + NU * sum - ETA * logs
}

/// Makes a matrix of rows with `n_columns` each.
pub(super) fn matrix(flat: Vec<f64>, n_columns: usize) -> Array2<f64> {
    let n_rows = flat.len() / n_columns;
    Array2::from_shape_fn((n_rows, n_columns), |(row, column)| flat[row * n_columns + column])
}

/// Counts with the weights of their rows, at which parameters are assessed.
pub(super) struct Settled<'a> {
    pub(super) counts: &'a Counts,
    pub(super) row_weights: &'a [f64],
    pub(super) log_coefficients: &'a [f64],
    pub(super) workers: &'a Workers,
    pub(super) monitor: &'a Monitor,
}

impl Settled<'_> {
    /// Returns the negative log-posterior, `-sum_i w_i l_i` plus the prior's part.
    pub(super) fn nle(&self, posterior: &Posterior, alpha: &[f64]) -> f64 {
        let rows = posterior.log_likelihoods.iter().zip(self.log_coefficients);
        let sum: f64 = rows
            .zip(self.row_weights)
            .map(|((one, coefficient), weight)| weight * (one + coefficient))
            .sum();
        prior(alpha) - sum
    }

    /// Returns criteria and intervals; `histogram` is the one of `responsibilities`, `masses` the weights of the components.
    pub(super) fn assess(
        &self,
        curvature: Curvature,
        (histogram, responsibilities): (&Histogram, &[f64]),
        alpha: &[f64],
        masses: &[f64],
        nle: f64,
    ) -> Result<Assessment, Cancelled> {
        let n_columns = self.counts.n_columns();
        let log_alpha: Vec<f64> = alpha.iter().map(|one| one.ln()).collect();
        let curves = curves(
            curvature,
            self.counts,
            (histogram, responsibilities),
            self.row_weights,
            &log_alpha,
            self.workers,
            self.monitor,
        )?;
        let n_parameters = alpha.len() + masses.len() - 1;
        let leaving_out = |component: usize| {
            let log_det = log_det(&curves, masses, component);
            GoodnessOfFit::new(nle, log_det, masses.iter().sum(), n_parameters)
        };
        let intervals = curves.iter().zip(alpha.chunks_exact(n_columns));
        let (lower, upper): (Vec<_>, Vec<_>) = intervals.map(|(curve, alpha)| curve.intervals(alpha)).unzip();
        let is_bad = |curve: &Curve| !curve.is_definite || !curve.log_det.is_finite();
        Ok(Assessment {
            goodness: leaving_out(0),
            laplace_by_weight: leaving_out(heaviest(masses)).laplace,
            log_determinants: curves.iter().map(|curve| curve.log_det).collect(),
            lower: matrix(lower.concat(), n_columns),
            upper: matrix(upper.concat(), n_columns),
            indefinite: (0..curves.len())
                .filter(|&component| is_bad(&curves[component]))
                .collect(),
        })
    }
}
