//! Rate models: how gain and loss rates differ between families whose covariates are equal.
//!
//! A rate model turns its parameters into rate categories: a family belongs to category `c` with probability
//! `weight[c]`, and then has gain rate `exp(log_gain[c])` and loss rate `exp(log_loss[c])` on the branches of the
//! reference regime. A new one is one file and one line in `RATE_MODELS`.

mod discrete_gamma;
mod fixed;
mod gamma;
mod gamma_distribution;
mod gamma_function;
mod gamma_pair;
mod gauss_hermite;
mod hierarchical;
mod lognormal;
mod mixture;
mod multipliers;
mod options;
mod shared;

pub use fixed::FixedCategories;
pub use gamma::Gamma;
pub use gamma_pair::GammaGainLoss;
pub use hierarchical::Hierarchical;
pub use lognormal::LogNormal;
pub use mixture::Mixture;
pub use options::{OptionValue, Options};
pub use shared::Shared;

use super::parameter::Parameter;
use crate::error::ModelError;
use nalgebra::DMatrix;
use std::fmt::Debug;

/// Rate categories, or the derivatives with respect to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Categories {
    /// Natural log of the gain rate in events per unit of branch length, `[n_categories]`; minus infinity is rate 0.
    pub log_gain: Vec<f64>,
    /// Natural log of the loss rate, `[n_categories]`.
    pub log_loss: Vec<f64>,
    /// Probability of each category, `[n_categories]`; they sum to 1.
    pub weight: Vec<f64>,
}

impl Categories {
    /// Returns the number of categories.
    #[must_use]
    pub fn n_categories(&self) -> usize {
        self.weight.len()
    }
}

/// How rates differ between families.
pub trait RateModel: Debug + Send + Sync {
    /// Returns what it says, in words: number of categories, discretisation, what is scaled to what.
    fn words(&self) -> String;

    /// Returns the free parameters, in order.
    fn parameters(&self) -> Vec<Parameter>;

    /// Returns the categories at parameters that their domains allow.
    fn categories(&self, parameters: &[f64]) -> Categories;

    /// Returns the derivatives with respect to the parameters, given those with respect to the categories.
    ///
    /// An entry of `adjoint` may be 0 where its category's rate is 0; the result is finite then.
    fn pull_back(&self, parameters: &[f64], adjoint: &Categories) -> Vec<f64>;

    /// Returns points from which to search for the maximum, the best guess first, given the logs of one gain and one
    /// loss rate that fit all families.
    fn starts(&self, log_gain: f64, log_loss: f64) -> Vec<Vec<f64>>;

    /// Returns from how many of its starts a search should begin unless told otherwise: one where the likelihood has
    /// one maximum in practice.
    fn n_searches(&self) -> usize {
        1
    }

    /// Brings parameters that mean the same, such as mixture classes in another order, to one form; returns them and
    /// their derivatives by the argument, `[n_parameters][n_parameters]` with the result's in rows, so that a
    /// covariance `C` of the argument is `J C J'` for the result.
    fn canonical(&self, parameters: &[f64]) -> (Vec<f64>, DMatrix<f64>) {
        let n = parameters.len();
        (parameters.to_vec(), DMatrix::identity(n, n))
    }
}

/// Reads the options of a rate model.
type Parse = fn(Options) -> Result<Box<dyn RateModel>, ModelError>;

/// The rate models: name, and how its options are read.
const RATE_MODELS: [(&str, Parse); 7] = [
    ("shared", shared::parse),
    ("gamma", gamma::parse),
    ("gamma-gain-loss", gamma_pair::parse),
    ("mixture", mixture::parse),
    ("lognormal", lognormal::parse),
    ("hierarchical", hierarchical::parse),
    ("fixed-categories", fixed::parse),
];

/// Returns the names of the rate models.
pub fn names() -> impl Iterator<Item = &'static str> {
    RATE_MODELS.iter().map(|&(name, _)| name)
}

/// Returns the rate model with this name and these options.
///
/// # Errors
/// [`ModelError::UnknownName`], [`ModelError::UnknownOption`], [`ModelError::Setting`].
pub fn parse(
    name: &str,
    options: impl IntoIterator<Item = (String, OptionValue)>,
) -> Result<Box<dyn RateModel>, ModelError> {
    match RATE_MODELS.iter().find(|(known, _)| *known == name) {
        Some((known, parse)) => parse(Options::new(known, options)),
        None => Err(ModelError::UnknownName {
            what: "rate model",
            found: name.to_owned(),
            known: names().collect(),
        }),
    }
}
