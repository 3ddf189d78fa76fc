//! What cannot be simulated.

use super::{Cancelled, ModelError, TableError};

/// A simulation that is refused.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// FitzJohn's root.
    #[error(
        "root prior 'fitzjohn' weighs the root by the data themselves, so no root can be drawn from it; use 'estimated', \
         a number, or another rule"
    )]
    RootFromData,
    /// An ascertainment that hardly any family passes, beyond what the counting programme can hold.
    #[error(
        "a family is recorded as ascertainment '{ascertainment}' asks with probability {probability:.3e} (1e{log10:.1}) \
         only{category}, and its tables would be {why}; use other parameters or a wider window"
    )]
    RarelyRecorded {
        /// The ascertainment.
        ascertainment: String,
        /// The acceptance probability.
        probability: f64,
        /// Its decimal logarithm.
        log10: f64,
        /// " in rate category 2", or nothing.
        category: String,
        /// "too large (3e9 entries)" or "out of the range of floating-point numbers".
        why: String,
    },
    /// An ascertainment that no family can pass.
    #[error(
        "no family can be recorded as ascertainment '{ascertainment}' asks: its probability is 0 at these parameters"
    )]
    NeverRecorded {
        /// The ascertainment.
        ascertainment: String,
    },
    /// A share of missing cells that is none.
    #[error("the rate of missing cells is {found}; allowed are numbers from 0 to below 1")]
    MissingRate {
        /// What was found.
        found: f64,
    },
    /// A pattern of missing cells over other tips.
    #[error(
        "the families whose missing cells are to be reused have {found} tips; expected {expected}, those of the tree"
    )]
    MissingTips {
        /// How many.
        found: usize,
        /// Of how many.
        expected: usize,
    },
    /// Missing cells that hide what the ascertainment asks for.
    #[error(
        "family {family} was drawn {tries} times and its visible cells were never {rule} (ascertainment \
         '{ascertainment}'): too many of them are missing"
    )]
    Hidden {
        /// Its place, from 1.
        family: usize,
        /// How often.
        tries: usize,
        /// What the ascertainment requires.
        rule: String,
        /// Its name.
        ascertainment: String,
    },
    /// Too many events to count one by one.
    #[error(
        "the rates make about {expected:.3e} events on the branch above node {node}; true events are counted up to \
         {most:.0e} on a branch"
    )]
    TooManyEvents {
        /// Which branch.
        node: usize,
        /// The faster rate times the length.
        expected: f64,
        /// The limit.
        most: f64,
    },
    /// No families.
    #[error("n_families is 0; allowed are 1 or more")]
    NoFamilies,
    /// Parameters or rates.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Names of tips or families.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl From<Cancelled> for SimulateError {
    fn from(error: Cancelled) -> Self {
        Self::Model(error.into())
    }
}
