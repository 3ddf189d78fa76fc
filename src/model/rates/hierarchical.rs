//! `hierarchical`: log gain and log loss of a family drawn from one bivariate normal population.

use super::gauss_hermite::GaussHermite;
use super::multipliers::product;
use super::options::Options;
use super::{Categories, RateModel};
use crate::error::ModelError;
use crate::model::parameter::Parameter;

/// Where a search looks for standard deviations of log rates.
const SEARCHED_DEVIATIONS: (f64, f64) = (1e-3, 10.0);

/// Where a search looks for the inverse hyperbolic tangent of the correlation: at 5 that is 0.99991.
const SEARCHED_ATANH: f64 = 5.0;

/// With `z` a Gauss-Hermite rule for the standard normal distribution, category `i K + j` has
///
/// - log gain `log_gain + sigma_gain z[i]`,
/// - log loss `log_loss + sigma_loss (rho z[i] + sqrt(1 - rho^2) z[j])`, and weight `w[i] w[j]`.
///
/// `log_gain` and `log_loss` are means of the logs: half of the families gain at less than `exp(log_gain)`, and the
/// mean gain rate is higher. The rates are not rescaled.
///
/// # Source
/// Golub & Welsch 1969, doi:10.1090/S0025-5718-69-99647-1 (nodes and weights).
#[derive(Debug, Clone, PartialEq)]
pub struct Hierarchical {
    rule: GaussHermite,
}

/// Reads `n_categories` (2 to 32 an axis, default 6).
pub(super) fn parse(mut options: Options) -> Result<Box<dyn RateModel>, ModelError> {
    let n_categories = options.take_count("n_categories", 6, (2, 32))?;
    options.finish(&["n_categories"])?;
    Ok(Box::new(Hierarchical {
        rule: GaussHermite::new(n_categories),
    }))
}

/// The population's spread.
struct Spread {
    gain: f64,
    loss: f64,
    correlation: f64,
    /// `sqrt(1 - correlation^2)`, which keeps its digits near correlation 1.
    rest: f64,
}

impl Spread {
    fn new(parameters: &[f64]) -> Self {
        Self {
            gain: parameters[2].exp(),
            loss: parameters[3].exp(),
            correlation: parameters[4].tanh(),
            rest: parameters[4].cosh().recip(),
        }
    }
}

impl Hierarchical {
    /// The nodes of category `at`: of the gain's axis and of the loss's own.
    fn nodes(&self, at: usize) -> (f64, f64) {
        let nodes = &self.rule.node;
        (nodes[at / nodes.len()], nodes[at % nodes.len()])
    }

    fn grid(&self) -> std::ops::Range<usize> {
        0..self.rule.node.len() * self.rule.node.len()
    }
}

/// A mean of minus infinity is rate 0 whatever the deviation.
fn shifted(mean: f64, deviation: f64) -> f64 {
    if mean == f64::NEG_INFINITY {
        mean
    } else {
        mean + deviation
    }
}

impl RateModel for Hierarchical {
    fn words(&self) -> String {
        let n = self.rule.node.len();
        format!(
            "log gain and log loss of a family from one bivariate normal distribution: {n} x {n} Gauss-Hermite nodes; \
             log_gain and log_loss are means of the logs"
        )
    }

    fn parameters(&self) -> Vec<Parameter> {
        let (lower, upper) = SEARCHED_DEVIATIONS;
        vec![
            Parameter::log_rate("log_gain"),
            Parameter::log_rate("log_loss"),
            Parameter::real("log_sigma_gain", lower.ln(), upper.ln()),
            Parameter::real("log_sigma_loss", lower.ln(), upper.ln()),
            Parameter::real("atanh_correlation", -SEARCHED_ATANH, SEARCHED_ATANH),
        ]
    }

    fn categories(&self, parameters: &[f64]) -> Categories {
        let spread = Spread::new(parameters);
        let gain = |at| shifted(parameters[0], product(self.nodes(at).0, spread.gain));
        let loss = |at| {
            let (own, other) = self.nodes(at);
            let deviation = spread.correlation * own + spread.rest * other;
            shifted(parameters[1], product(deviation, spread.loss))
        };
        let (n, weight) = (self.rule.node.len(), &self.rule.weight);
        Categories {
            log_gain: self.grid().map(gain).collect(),
            log_loss: self.grid().map(loss).collect(),
            weight: self.grid().map(|at| weight[at / n] * weight[at % n]).collect(),
        }
    }

    fn pull_back(&self, parameters: &[f64], adjoint: &Categories) -> Vec<f64> {
        let spread = Spread::new(parameters);
        let mut result = vec![0.0; 5];
        for at in self.grid() {
            let (gain, loss) = (adjoint.log_gain[at], adjoint.log_loss[at]);
            let (own, other) = self.nodes(at);
            result[0] += gain;
            result[1] += loss;
            result[2] += product(gain, product(own, spread.gain));
            let deviation = spread.correlation * own + spread.rest * other;
            result[3] += product(loss, product(deviation, spread.loss));
            // d tanh = sech^2, d sech = -sech tanh.
            let turned = spread.rest * (spread.rest * own - spread.correlation * other);
            result[4] += product(loss, product(turned, spread.loss));
        }
        result
    }

    fn n_searches(&self) -> usize {
        3
    }

    fn starts(&self, log_gain: f64, log_loss: f64) -> Vec<Vec<f64>> {
        [(0.7_f64, 0.0), (0.7, 1.0), (0.7, -1.0), (2.0, 0.0)]
            .iter()
            .map(|(sigma, atanh)| vec![log_gain, log_loss, sigma.ln(), sigma.ln(), *atanh])
            .collect()
    }
}
