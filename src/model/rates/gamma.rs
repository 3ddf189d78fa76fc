//! `gamma`: gain and loss of a family multiplied by one gamma-distributed rate of mean 1.

use super::discrete_gamma::DiscreteGamma;
use super::options::Options;
use super::{Categories, RateModel};
use crate::error::ModelError;
use crate::model::parameter::Parameter;

/// Gain rate `g r`, loss rate `l r`, `r` from a discrete gamma distribution of mean 1 and shape alpha.
///
/// Small alpha: rates differ much; large alpha: they hardly differ. With one category there is no alpha.
///
/// # Source
/// Yang 1994, doi:10.1007/BF00160154.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gamma {
    classes: DiscreteGamma,
}

/// Reads `n_categories` (1 to 64, default 4) and `kind`.
pub(super) fn parse(mut options: Options) -> Result<Box<dyn RateModel>, ModelError> {
    let classes = DiscreteGamma::take(&mut options, 64)?;
    options.finish(&DiscreteGamma::OPTIONS)?;
    Ok(Box::new(Gamma { classes }))
}

impl Gamma {
    fn weight(&self) -> Vec<f64> {
        let n = self.classes.n_classes();
        vec![1.0 / n as f64; n]
    }
}

impl RateModel for Gamma {
    fn words(&self) -> String {
        format!(
            "gain and loss of a family multiplied by one rate from a gamma distribution of mean 1: {}",
            self.classes.words()
        )
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = vec![Parameter::log_rate("log_gain"), Parameter::log_rate("log_loss")];
        parameters.extend(self.classes.parameter("log_alpha"));
        parameters
    }

    fn categories(&self, parameters: &[f64]) -> Categories {
        let multipliers = self.classes.multipliers(parameters.get(2).copied());
        multipliers.categories(parameters[0], parameters[1], &self.weight())
    }

    fn pull_back(&self, parameters: &[f64], adjoint: &Categories) -> Vec<f64> {
        let multipliers = self.classes.multipliers(parameters.get(2).copied());
        multipliers.pull_back(adjoint)[..parameters.len()].to_vec()
    }

    fn starts(&self, log_gain: f64, log_loss: f64) -> Vec<Vec<f64>> {
        if self.classes.n_classes() == 1 {
            return vec![vec![log_gain, log_loss]];
        }
        [0.7_f64, 0.1, 5.0]
            .iter()
            .map(|alpha| vec![log_gain, log_loss, alpha.ln()])
            .collect()
    }
}
