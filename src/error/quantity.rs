//! What can be wrong with what is asked of a model.

use super::{Cancelled, ModelError};

/// A quantity that cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuantityError {
    /// A name that no quantity has.
    #[error("unknown quantity '{found}'; known: {}", known.join(", "))]
    UnknownQuantity {
        /// What was found.
        found: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// A threshold that no probability passes, or all do.
    #[error("the least probability of an event is {found}; allowed are numbers above 0 and up to 1")]
    LeastProbability {
        /// What was found.
        found: f64,
    },
    /// A false-discovery rate that is no share.
    #[error("the greatest false-discovery rate is {found}; allowed are numbers from 0 to 1")]
    FalseDiscoveryRate {
        /// What was found.
        found: f64,
    },
    /// A mask that does not fit.
    #[error("the choice of {what} has length {found}; expected {expected}")]
    Choice {
        /// "nodes" or "families".
        what: &'static str,
        /// Its length.
        found: usize,
        /// What it should be.
        expected: usize,
    },
    /// A table that does not fit into memory.
    #[error(
        "a table of {n_nodes} nodes x {n_families} families does not fit into memory; ask for sums over families \
         (branch_summary) or for a list of events"
    )]
    TooLarge {
        /// Its rows.
        n_nodes: usize,
        /// Its columns.
        n_families: usize,
    },
    /// The model cannot be evaluated.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl From<Cancelled> for QuantityError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Model(cancelled.into())
    }
}
