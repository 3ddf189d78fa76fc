//! `mixture`: classes of families, each with its own gain rate, loss rate and weight.

use super::options::Options;
use super::{Categories, RateModel};
use crate::error::ModelError;
use crate::model::parameter::Parameter;
use nalgebra::DMatrix;
use std::cmp::Ordering;

/// Where a search looks for logs of ratios of weights: at -15 a class holds 3e-7 of what the first holds.
const SEARCHED_LOG_WEIGHT: f64 = 15.0;

/// How far from the centre the outermost classes of a start are, in natural logs.
const SPREAD: f64 = 1.5;

/// `k` classes; parameters `log_gain_1.. log_gain_k, log_loss_1.. log_loss_k, log_weight_2.. log_weight_k`, the last
/// being logs of ratios to the weight of class 1, so that `w[c] = exp(log_weight_c) / sum exp(log_weight)`.
///
/// The classes have no order of their own: those of [`canonical`](RateModel::canonical) fall in the stationary
/// probability of presence, gain / (gain + loss), so that class 1 is the core.
///
/// # Source
/// Free classes of rates as in Pagel & Meade 2004, doi:10.1080/10635150490468675.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mixture {
    n_classes: usize,
}

/// Reads `n_categories` (2 to 16, default 2).
pub(super) fn parse(mut options: Options) -> Result<Box<dyn RateModel>, ModelError> {
    let n_classes = options.take_count("n_categories", 2, (2, 16))?;
    options.finish(&["n_categories"])?;
    Ok(Box::new(Mixture { n_classes }))
}

impl Mixture {
    fn gains<'a>(&self, parameters: &'a [f64]) -> &'a [f64] {
        &parameters[..self.n_classes]
    }

    fn losses<'a>(&self, parameters: &'a [f64]) -> &'a [f64] {
        &parameters[self.n_classes..2 * self.n_classes]
    }

    /// Logs of ratios to the weight of the first class, its own included.
    fn log_ratios(&self, parameters: &[f64]) -> Vec<f64> {
        let others = parameters[2 * self.n_classes..].iter().copied();
        std::iter::once(0.0).chain(others).collect()
    }

    fn weights(&self, parameters: &[f64]) -> Vec<f64> {
        let ratios = self.log_ratios(parameters);
        let largest = ratios.iter().copied().fold(0.0, f64::max);
        let parts: Vec<f64> = ratios.iter().map(|ratio| (ratio - largest).exp()).collect();
        let total: f64 = parts.iter().sum();
        parts.iter().map(|part| part / total).collect()
    }

    /// The classes in canonical order.
    fn order(&self, parameters: &[f64]) -> Vec<usize> {
        let (gain, loss) = (self.gains(parameters), self.losses(parameters));
        let ratios = self.log_ratios(parameters);
        let falling = |a: f64, b: f64| b.total_cmp(&a);
        let mut order: Vec<usize> = (0..self.n_classes).collect();
        order.sort_by(|&a, &b| {
            falling_presence(gain[a] - loss[a], gain[b] - loss[b])
                .then(falling(loss[a], loss[b]))
                .then(falling(ratios[a], ratios[b]))
        });
        order
    }
}

/// Compares logs of odds of presence; a class without any rates has none, and comes last.
fn falling_presence(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => b.total_cmp(&a),
        (a, b) => a.cmp(&b),
    }
}

impl RateModel for Mixture {
    fn words(&self) -> String {
        format!(
            "{} classes of families, each with its own gain rate, loss rate and weight, numbered from the most to the \
             least often present",
            self.n_classes
        )
    }

    fn parameters(&self) -> Vec<Parameter> {
        let rates = |what: &'static str| (1..=self.n_classes).map(move |class| format!("{what}_{class}"));
        let mut parameters: Vec<Parameter> = rates("log_gain")
            .chain(rates("log_loss"))
            .map(Parameter::log_rate)
            .collect();
        let weights = rates("log_weight").skip(1);
        parameters.extend(weights.map(|name| Parameter::real(name, -SEARCHED_LOG_WEIGHT, SEARCHED_LOG_WEIGHT)));
        parameters
    }

    fn categories(&self, parameters: &[f64]) -> Categories {
        Categories {
            log_gain: self.gains(parameters).to_vec(),
            log_loss: self.losses(parameters).to_vec(),
            weight: self.weights(parameters),
        }
    }

    fn pull_back(&self, parameters: &[f64], adjoint: &Categories) -> Vec<f64> {
        let weights = self.weights(parameters);
        let mean: f64 = weights.iter().zip(&adjoint.weight).map(|(w, by)| w * by).sum();
        let by_ratio = weights.iter().zip(&adjoint.weight).map(|(w, by)| w * (by - mean));
        let rates = adjoint.log_gain.iter().chain(&adjoint.log_loss).copied();
        rates.chain(by_ratio.skip(1)).collect()
    }

    /// Five starts: classes that differ in loss; in gain; in gain and loss against each other; in both alike; and
    /// one large class with small ones far from it.
    fn n_searches(&self) -> usize {
        8
    }

    fn starts(&self, log_gain: f64, log_loss: f64) -> Vec<Vec<f64>> {
        let patterns = [
            (0.0, 1.0, 0.0),
            (1.0, 0.0, 0.0),
            (-1.0, 1.0, 0.0),
            (1.0, 1.0, 0.0),
            (-1.5, 1.5, -2.0),
        ];
        let last = (self.n_classes - 1) as f64;
        let offsets: Vec<f64> = (0..self.n_classes)
            .map(|class| SPREAD * (2.0 * class as f64 / last - 1.0))
            .collect();
        let start = |&(by_gain, by_loss, log_weight): &(f64, f64, f64)| {
            let gains = offsets.iter().map(|offset| log_gain + by_gain * offset);
            let losses = offsets.iter().map(|offset| log_loss + by_loss * offset);
            let weights = std::iter::repeat_n(log_weight, self.n_classes - 1);
            gains.chain(losses).chain(weights).collect()
        };
        patterns.iter().map(start).collect()
    }

    fn canonical(&self, parameters: &[f64]) -> (Vec<f64>, DMatrix<f64>) {
        let (n, order) = (self.n_classes, self.order(parameters));
        let ratios = self.log_ratios(parameters);
        let mut result = Vec::with_capacity(parameters.len());
        let mut jacobian = DMatrix::zeros(parameters.len(), parameters.len());
        for block in 0..2 {
            for &class in &order {
                jacobian[(result.len(), block * n + class)] = 1.0;
                result.push(parameters[block * n + class]);
            }
        }
        for &class in &order[1..] {
            // The ratio to the first class is 0 by definition and depends on no parameter.
            for (class, sign) in [(class, 1.0), (order[0], -1.0)] {
                if class > 0 {
                    jacobian[(result.len(), 2 * n + class - 1)] = sign;
                }
            }
            result.push(ratios[class] - ratios[order[0]]);
        }
        (result, jacobian)
    }
}
