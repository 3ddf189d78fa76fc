//! What can be wrong with a check of a fit.

use super::{Cancelled, ModelError, QuantityError, SimulateError};

/// A check that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// No replicates.
    #[error("n_simulations is 0; allowed are 1 or more")]
    NoSimulations,
    /// Shares of genomes that are none, or in the wrong order.
    #[error(
        "core is from a share of {core} of the genomes and cloud below {cloud}; allowed are shares above 0 and up to 1, \
         cloud not above core"
    )]
    Thresholds {
        /// Least share of the core.
        core: f64,
        /// Share below which the cloud is.
        cloud: f64,
    },
    /// FitzJohn's root.
    #[error(
        "root prior 'fitzjohn' weighs the root by the data themselves, so the model expects no data that its own could \
         be held against; use 'estimated', a number, or another rule"
    )]
    RootFromData,
    /// A filter that hardly any family passes.
    #[error(
        "a family is recorded as ascertainment '{ascertainment}' asks with probability {probability:.3e} only, too \
         little for an expected spectrum; use other parameters or a wider window"
    )]
    RarelyRecorded {
        /// The ascertainment.
        ascertainment: String,
        /// The probability.
        probability: f64,
    },
    /// A model without conditioning has no families that are not in the table.
    #[error(
        "a model with ascertainment 'none' takes the table to hold every family, so none is unseen; condition on \
         'observed'"
    )]
    NothingUnseen,
    /// The model cannot be evaluated.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A quantity cannot be computed.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}

impl From<Cancelled> for CheckError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Model(cancelled.into())
    }
}
