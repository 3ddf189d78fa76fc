//! `fixed-categories`: gain and loss of a family multiplied by one of some given rates.

use super::multipliers::Multipliers;
use super::options::{OptionValue, Options};
use super::{Categories, RateModel};
use crate::error::ModelError;
use crate::model::parameter::Parameter;

/// How far from 1 the sum of given weights may be.
const WEIGHT_TOLERANCE: f64 = 1e-9;

/// Gain rate `g r[c]`, loss rate `l r[c]` with probability `w[c]`, `r` and `w` given. Their mean need not be 1, and
/// only `g` and `l` are parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedCategories {
    multipliers: Multipliers,
    weight: Vec<f64>,
}

/// Reads `rates` (finite, at least 0; needed) and `weights` (above 0; equal if not given).
///
/// Weights must sum to 1 within 1e-9, and are divided by their sum.
pub(super) fn parse(mut options: Options) -> Result<Box<dyn RateModel>, ModelError> {
    let rates = options.take_numbers("rates")?.unwrap_or_default();
    if rates.is_empty() || !rates.iter().all(|rate| (0.0..f64::INFINITY).contains(rate)) {
        let allowed = "one or more finite numbers of at least 0".to_owned();
        return Err(options.wrong("rates", &OptionValue::Numbers(rates), allowed));
    }
    let weight = match options.take_numbers("weights")? {
        None => vec![1.0 / rates.len() as f64; rates.len()],
        Some(weights) => checked(&options, weights, rates.len())?,
    };
    options.finish(&["rates", "weights"])?;
    let mut multipliers = Multipliers::equal(rates.len());
    multipliers.log_rate = rates.iter().map(|rate| rate.ln()).collect();
    Ok(Box::new(FixedCategories { multipliers, weight }))
}

fn checked(options: &Options, weights: Vec<f64>, n_categories: usize) -> Result<Vec<f64>, ModelError> {
    let total: f64 = weights.iter().sum();
    let is_right = weights.len() == n_categories
        && weights.iter().all(|weight| *weight > 0.0)
        && (total - 1.0).abs() <= WEIGHT_TOLERANCE;
    if is_right {
        return Ok(weights.iter().map(|weight| weight / total).collect());
    }
    let allowed =
        format!("{n_categories} numbers above 0, one for each rate, that sum to 1 within {WEIGHT_TOLERANCE:e}");
    Err(options.wrong("weights", &OptionValue::Numbers(weights), allowed))
}

impl RateModel for FixedCategories {
    fn words(&self) -> String {
        let categories = self.multipliers.log_rate.iter().zip(&self.weight);
        let listed: Vec<String> = categories
            .map(|(log_rate, weight)| format!("{:.6} with probability {weight:.6}", log_rate.exp()))
            .collect();
        format!(
            "gain and loss of a family multiplied by a given rate: {}",
            listed.join(", ")
        )
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::log_rate("log_gain"), Parameter::log_rate("log_loss")]
    }

    fn categories(&self, parameters: &[f64]) -> Categories {
        self.multipliers.categories(parameters[0], parameters[1], &self.weight)
    }

    fn pull_back(&self, _parameters: &[f64], adjoint: &Categories) -> Vec<f64> {
        self.multipliers.pull_back(adjoint)[..2].to_vec()
    }

    fn starts(&self, log_gain: f64, log_loss: f64) -> Vec<Vec<f64>> {
        vec![vec![log_gain, log_loss]]
    }
}
