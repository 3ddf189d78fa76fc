//! One gain rate and one loss rate for all families and branches.

use crate::error::ModelError;
use crate::kernel::{Transition, transitions, transitions_adjoint};
use crate::problem::Tree;

/// The rate models that exist.
pub const RATE_MODELS: [&str; 1] = ["shared"];

/// The parameters, in order: natural logs of events per unit of branch length.
pub const PARAMETER_NAMES: [&str; 2] = ["log_gain", "log_loss"];

/// Gain and loss rate, both finite and at least 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharedRates {
    /// Rate of 0 -> 1.
    pub gain: f64,
    /// Rate of 1 -> 0.
    pub loss: f64,
}

/// Returns whether a number can be a rate: two of them must have a finite sum.
#[must_use]
pub fn is_rate(value: f64) -> bool {
    (0.0..=f64::MAX / 2.0).contains(&value)
}

impl SharedRates {
    /// Returns the rates whose logs are given in the order of [`PARAMETER_NAMES`]; minus infinity means rate 0.
    ///
    /// # Errors
    /// [`ModelError::ParameterCount`]; [`ModelError::Parameter`] for NaN or a rate too large for a double.
    pub fn from_parameters(parameters: &[f64]) -> Result<Self, ModelError> {
        let &[log_gain, log_loss] = parameters else {
            return Err(ModelError::ParameterCount {
                names: PARAMETER_NAMES.map(String::from).to_vec(),
                found: parameters.len(),
            });
        };
        for (name, value) in PARAMETER_NAMES.into_iter().zip([log_gain, log_loss]) {
            if !is_rate(value.exp()) {
                return Err(ModelError::Parameter {
                    name: name.to_owned(),
                    found: value,
                    allowed: "numbers below 709 whose exponential is a finite rate, or -inf",
                });
            }
        }
        Ok(Self {
            gain: log_gain.exp(),
            loss: log_loss.exp(),
        })
    }

    /// Returns the transition probabilities of every branch, `[n_nodes]`; the root's are the identity.
    #[must_use]
    pub fn transitions(self, tree: &Tree) -> Vec<Transition> {
        let mut table = transitions(self.gain, self.loss, tree.branch_lengths());
        table[tree.root()] = [1.0, 0.0, 0.0, 1.0];
        table
    }

    /// Returns the derivatives with respect to gain and loss, given those with respect to every branch's transitions.
    #[must_use]
    pub fn adjoint(self, tree: &Tree, adjoint: &[Transition]) -> (f64, f64) {
        let below_root = &tree.branch_lengths()[..tree.root()];
        let (gain, loss, _) = transitions_adjoint(self.gain, self.loss, below_root, &adjoint[..tree.root()]);
        (gain, loss)
    }
}
