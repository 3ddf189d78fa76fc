//! How good a mixture is, penalised for its size, and how sharply its parameters are determined.
//!
//! With N the weight of all rows, P = K S + K - 1 parameters, NLE the negative log-posterior:
//!
//! ```text
//! BIC = NLE + P/2 ln N        AIC = NLE + P        Laplace = NLE + LogDet/2 - P/2 ln 2 pi
//! LogDet = sum_k ln |det H_k| + sum_{k not the first} (2 ln N - ln W_k)
//! ```
//!
//! (half the usual scale; lower is better). Leaving out the first component, as R's DirichletMultinomial and pyDMM do,
//! makes LogDet depend on the order of components; a number that does not is had by leaving out the heaviest.

use super::m_step::Evaluation;
use crate::error::DirichletError;

/// Which second derivatives enter LogDet, Laplace and the intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Curvature {
    /// Those of the objective.
    #[default]
    Exact,
    /// Those that pyDMM and R's DirichletMultinomial compute since 2012, for comparison: digamma and trigamma of the
    /// counts are not weighted by the responsibilities, wrong for two or more components.
    C,
}

/// The names that [`Curvature::parse`] takes.
pub const CURVATURES: [&str; 2] = ["exact", "c"];

impl Curvature {
    /// Returns the curvature of a name.
    ///
    /// # Errors
    /// [`DirichletError::UnknownName`].
    pub fn parse(name: &str) -> Result<Self, DirichletError> {
        match name {
            "exact" => Ok(Self::Exact),
            "c" => Ok(Self::C),
            _ => Err(DirichletError::UnknownName {
                what: "hessian",
                found: name.to_owned(),
                known: CURVATURES.to_vec(),
            }),
        }
    }
}

/// A quantity by which fits are compared; lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criterion {
    /// Laplace's approximation of the negative log-evidence.
    #[default]
    Laplace,
    /// Schwarz's criterion, on half its usual scale.
    Bic,
    /// Akaike's criterion, on half its usual scale.
    Aic,
    /// The negative log-posterior, which always wants more components.
    Nle,
}

/// The names that [`Criterion::parse`] takes.
pub const CRITERIA: [&str; 4] = ["laplace", "bic", "aic", "nle"];

impl Criterion {
    /// Returns the criterion of a name, in any case.
    ///
    /// # Errors
    /// [`DirichletError::UnknownName`].
    pub fn parse(name: &str) -> Result<Self, DirichletError> {
        match name.to_ascii_lowercase().as_str() {
            "laplace" => Ok(Self::Laplace),
            "bic" => Ok(Self::Bic),
            "aic" => Ok(Self::Aic),
            "nle" => Ok(Self::Nle),
            _ => Err(DirichletError::UnknownName {
                what: "criterion",
                found: name.to_owned(),
                known: CRITERIA.to_vec(),
            }),
        }
    }
}

/// The criteria of one fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GoodnessOfFit {
    /// Negative log-posterior of data and parameters.
    pub nle: f64,
    /// Log-determinant of the Hessian; infinite where a component is empty or its Hessian singular.
    pub log_det: f64,
    /// Laplace's approximation.
    pub laplace: f64,
    /// Schwarz's criterion.
    pub bic: f64,
    /// Akaike's criterion.
    pub aic: f64,
}

impl GoodnessOfFit {
    /// Returns one of the criteria.
    #[must_use]
    pub fn get(&self, criterion: Criterion) -> f64 {
        match criterion {
            Criterion::Laplace => self.laplace,
            Criterion::Bic => self.bic,
            Criterion::Aic => self.aic,
            Criterion::Nle => self.nle,
        }
    }

    /// Returns all criteria from NLE, LogDet, the total weight of rows and the number of parameters.
    pub(super) fn new(nle: f64, log_det: f64, total_weight: f64, n_parameters: usize) -> Self {
        let half = n_parameters as f64 / 2.0;
        // An infinite LogDet of either sign is a fit that must never be chosen.
        let laplace = if log_det.is_finite() {
            nle + log_det / 2.0 - half * std::f64::consts::TAU.ln()
        } else {
            f64::INFINITY
        };
        Self {
            nle,
            log_det,
            laplace,
            bic: nle + half * total_weight.ln(),
            aic: nle + 2.0 * half,
        }
    }
}

/// What the second derivatives say about one component.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    /// `ln |det H|`.
    pub(super) log_det: f64,
    /// Diagonal of `H^-1`, negative where H is not positive definite.
    pub(super) variances: Vec<f64>,
    /// Whether H is positive definite.
    pub(super) is_definite: bool,
}

impl Curve {
    /// `ln|det| = sum ln|d| + ln|t|`, `[H^-1]_jj = 1/d_j + c (a_j/d_j)^2 / t`, with `t = 1 - c sum a^2/d`.
    pub(super) fn new(at: &Evaluation) -> Self {
        let factor = at.rank_one_factor();
        let logs: f64 = at.diagonal.iter().map(|d| d.abs().ln()).sum();
        let variance = |(a, d): (&f64, &f64)| 1.0 / d + at.rank_one * (a / d) * (a / d) / factor;
        Self {
            log_det: logs + factor.abs().ln(),
            variances: at.alpha.iter().zip(&at.diagonal).map(variance).collect(),
            is_definite: at.is_positive_definite(),
        }
    }

    /// Returns `(lower, upper)` of each parameter, two standard errors of its logarithm to either side; NaN where the
    /// variance is negative or the standard error 100 or more.
    pub(super) fn intervals(&self, alpha: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let bounds = alpha.iter().zip(&self.variances).map(|(alpha, variance)| {
            let error = variance.sqrt();
            if error < 100.0 {
                (alpha * (-2.0 * error).exp(), alpha * (2.0 * error).exp())
            } else {
                (f64::NAN, f64::NAN)
            }
        });
        bounds.unzip()
    }
}

/// Adds up LogDet; `masses` are the weights W of the components, `left_out` the one without a term of its own.
pub(super) fn log_det(curves: &[Curve], masses: &[f64], left_out: usize) -> f64 {
    let total: f64 = masses.iter().sum();
    let of_weights = masses
        .iter()
        .enumerate()
        .filter(|&(component, _)| component != left_out);
    let of_weights: f64 = of_weights.map(|(_, mass)| 2.0 * total.ln() - mass.ln()).sum();
    curves.iter().map(|curve| curve.log_det).sum::<f64>() + of_weights
}

/// Returns the component with the largest weight, the first of equal ones.
pub(super) fn heaviest(masses: &[f64]) -> usize {
    let largest = masses.iter().copied().fold(0.0, f64::max);
    masses.iter().position(|&mass| mass == largest).unwrap_or(0)
}
