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
    /// Maps that do not fit into memory.
    #[error(
        "{n_maps} maps of {n_nodes} nodes do not fit into memory; ask for fewer maps, or for several lots with other \
         seeds"
    )]
    TooManyMaps {
        /// How many.
        n_maps: usize,
        /// Of how many nodes each.
        n_nodes: usize,
    },
    /// No maps.
    #[error("the number of maps is 0; allowed are 1 or more")]
    NoMaps,
    /// More events on a branch than can be counted.
    #[error(
        "the rates make about {expected:.3e} events on the branch above node {node}; they are {what} up to {most:.0e} \
         on a branch; bound the rates or leave the families out"
    )]
    TooManyEvents {
        /// Which branch.
        node: usize,
        /// The faster rate times the length.
        expected: f64,
        /// "counted" or "listed one by one".
        what: &'static str,
        /// The limit.
        most: f64,
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
