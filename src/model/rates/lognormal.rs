//! `lognormal`: gain and loss of a family multiplied by one log-normally distributed rate of mean 1.

use super::gauss_hermite::GaussHermite;
use super::multipliers::Multipliers;
use super::options::Options;
use super::{Categories, RateModel};
use crate::error::ModelError;
use crate::model::parameter::Parameter;

/// Where a search looks for the standard deviation of the log rate: at 0.001 rates differ by less than 1 %, at 10 the
/// lowest of 8 rates is 1e-36 of the highest.
const SEARCHED_DEVIATIONS: (f64, f64) = (1e-3, 10.0);

/// Gain rate `g r`, loss rate `l r` with `log r = sigma z + constant`, `z` and its weights a Gauss-Hermite rule for the
/// standard normal distribution, and the constant such that the mean of the rates is 1.
///
/// # Source
/// Golub & Welsch 1969, doi:10.1090/S0025-5718-69-99647-1 (nodes and weights).
#[derive(Debug, Clone, PartialEq)]
pub struct LogNormal {
    rule: GaussHermite,
}

/// Reads `n_categories` (2 to 64, default 8).
pub(super) fn parse(mut options: Options) -> Result<Box<dyn RateModel>, ModelError> {
    let n_categories = options.take_count("n_categories", 8, (2, 64))?;
    options.finish(&["n_categories"])?;
    Ok(Box::new(LogNormal {
        rule: GaussHermite::new(n_categories),
    }))
}

impl LogNormal {
    /// Rates relative to the highest, then divided by their mean; the logs are linear in sigma.
    fn multipliers(&self, log_sigma: f64) -> Multipliers {
        let (sigma, nodes) = (log_sigma.exp(), &self.rule.node);
        let highest = nodes[nodes.len() - 1];
        // An infinite sigma leaves the highest rate alone.
        let relative = |node: &f64| {
            if *node == highest {
                0.0
            } else {
                sigma * (node - highest)
            }
        };
        let log_rate: Vec<f64> = nodes.iter().map(relative).collect();
        let slope = log_rate.clone();
        Multipliers { log_rate, slope }.with_mean_one(&self.rule.weight)
    }
}

impl RateModel for LogNormal {
    fn words(&self) -> String {
        format!(
            "gain and loss of a family multiplied by one log-normally distributed rate: {} Gauss-Hermite nodes, rescaled \
             to mean 1",
            self.rule.node.len()
        )
    }

    fn parameters(&self) -> Vec<Parameter> {
        let (lower, upper) = SEARCHED_DEVIATIONS;
        vec![
            Parameter::log_rate("log_gain"),
            Parameter::log_rate("log_loss"),
            Parameter::real("log_sigma", lower.ln(), upper.ln()),
        ]
    }

    fn categories(&self, parameters: &[f64]) -> Categories {
        self.multipliers(parameters[2])
            .categories(parameters[0], parameters[1], &self.rule.weight)
    }

    fn pull_back(&self, parameters: &[f64], adjoint: &Categories) -> Vec<f64> {
        self.multipliers(parameters[2]).pull_back(adjoint).to_vec()
    }

    fn starts(&self, log_gain: f64, log_loss: f64) -> Vec<Vec<f64>> {
        [1.0_f64, 0.2, 2.5]
            .iter()
            .map(|sigma| vec![log_gain, log_loss, sigma.ln()])
            .collect()
    }
}
