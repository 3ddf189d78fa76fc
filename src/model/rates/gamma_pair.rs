//! `gamma-gain-loss`: gain and loss of a family multiplied by two independent gamma-distributed rates of mean 1.

use super::discrete_gamma::DiscreteGamma;
use super::options::Options;
use super::{Categories, RateModel};
use crate::error::ModelError;
use crate::model::parameter::Parameter;

/// Gain rate `g r[i]`, loss rate `l s[j]`, `r` and `s` from discrete gamma distributions of mean 1 with their own
/// shapes; category `i K + j`, all of weight `1 / K^2`.
///
/// With one class an axis there are no shapes.
///
/// # Source
/// Yang 1994, doi:10.1007/BF00160154, on each axis; Cohen & Pupko 2010, doi:10.1093/molbev/msp240 (variable rates of
/// gain and of loss).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GammaGainLoss {
    axis: DiscreteGamma,
}

/// Reads `n_categories` (1 to 32 an axis, default 4) and `kind`.
pub(super) fn parse(mut options: Options) -> Result<Box<dyn RateModel>, ModelError> {
    let axis = DiscreteGamma::take(&mut options, 32)?;
    options.finish(&DiscreteGamma::OPTIONS)?;
    Ok(Box::new(GammaGainLoss { axis }))
}

impl RateModel for GammaGainLoss {
    fn words(&self) -> String {
        format!(
            "gain and loss of a family multiplied by independent rates from gamma distributions of mean 1: each {}",
            self.axis.words()
        )
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = vec![Parameter::log_rate("log_gain"), Parameter::log_rate("log_loss")];
        for name in ["log_alpha_gain", "log_alpha_loss"] {
            parameters.extend(self.axis.parameter(name));
        }
        parameters
    }

    fn categories(&self, parameters: &[f64]) -> Categories {
        let n = self.axis.n_classes();
        let gain = self.axis.multipliers(parameters.get(2).copied()).log_rate;
        let loss = self.axis.multipliers(parameters.get(3).copied()).log_rate;
        let grid = 0..n * n;
        Categories {
            log_gain: grid.clone().map(|at| parameters[0] + gain[at / n]).collect(),
            log_loss: grid.map(|at| parameters[1] + loss[at % n]).collect(),
            weight: vec![1.0 / (n * n) as f64; n * n],
        }
    }

    fn pull_back(&self, parameters: &[f64], adjoint: &Categories) -> Vec<f64> {
        let n = self.axis.n_classes();
        let (mut by_gain, mut by_loss) = (vec![0.0; n], vec![0.0; n]);
        for (at, (gain, loss)) in adjoint.log_gain.iter().zip(&adjoint.log_loss).enumerate() {
            by_gain[at / n] += gain;
            by_loss[at % n] += loss;
        }
        let mut result = vec![by_gain.iter().sum(), by_loss.iter().sum()];
        for (&log_shape, by_rate) in parameters[2..].iter().zip([by_gain, by_loss]) {
            result.push(self.axis.multipliers(Some(log_shape)).pull_slope(&by_rate));
        }
        result
    }

    fn n_searches(&self) -> usize {
        3
    }

    fn starts(&self, log_gain: f64, log_loss: f64) -> Vec<Vec<f64>> {
        if self.axis.n_classes() == 1 {
            return vec![vec![log_gain, log_loss]];
        }
        [(0.7_f64, 0.7_f64), (0.2, 2.0), (2.0, 0.2)]
            .iter()
            .map(|(gain, loss)| vec![log_gain, log_loss, gain.ln(), loss.ln()])
            .collect()
    }
}
