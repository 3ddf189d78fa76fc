//! `shared`: one gain rate and one loss rate for all families.

use super::options::Options;
use super::{Categories, RateModel};
use crate::error::ModelError;
use crate::model::parameter::Parameter;

/// One category with two free rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared;

/// Reads the options, of which there are none.
pub(super) fn parse(options: Options) -> Result<Box<dyn RateModel>, ModelError> {
    options.finish(&[])?;
    Ok(Box::new(Shared))
}

impl RateModel for Shared {
    fn words(&self) -> String {
        "one gain rate and one loss rate for all families".to_owned()
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::log_rate("log_gain"), Parameter::log_rate("log_loss")]
    }

    fn categories(&self, parameters: &[f64]) -> Categories {
        Categories {
            log_gain: vec![parameters[0]],
            log_loss: vec![parameters[1]],
            weight: vec![1.0],
        }
    }

    fn pull_back(&self, _parameters: &[f64], adjoint: &Categories) -> Vec<f64> {
        vec![adjoint.log_gain[0], adjoint.log_loss[0]]
    }

    fn starts(&self, log_gain: f64, log_loss: f64) -> Vec<Vec<f64>> {
        vec![vec![log_gain, log_loss]]
    }
}
