//! The quantities that a branch has, by name.

use super::event_probability::{gained_given_ends, lost_given_ends};
use super::event_variance::{squared_gains_given_ends, squared_losses_given_ends};
use super::expected_events::{gains_given_ends, losses_given_ends};
use super::presence;
use crate::error::QuantityError;

/// What a branch, or the node below it, is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchQuantity {
    /// Probability of presence at the node below; see [`presence`].
    Presence,
    /// Expected number of gains; see [`expected_events`](super::expected_events).
    ExpectedGains,
    /// Expected number of losses; see [`expected_events`](super::expected_events).
    ExpectedLosses,
    /// Probability of at least one gain; see [`event_probability`](super::event_probability).
    GainProbability,
    /// Probability of at least one loss; see [`event_probability`](super::event_probability).
    LossProbability,
    /// Expected square of the number of gains; see [`event_variance`](super::event_variance).
    SquaredGains,
    /// Expected square of the number of losses; see [`event_variance`](super::event_variance).
    SquaredLosses,
}

const NAMED: [(&str, BranchQuantity); 7] = [
    ("presence", BranchQuantity::Presence),
    ("expected gains", BranchQuantity::ExpectedGains),
    ("expected losses", BranchQuantity::ExpectedLosses),
    ("gain probability", BranchQuantity::GainProbability),
    ("loss probability", BranchQuantity::LossProbability),
    ("expected squared gains", BranchQuantity::SquaredGains),
    ("expected squared losses", BranchQuantity::SquaredLosses),
];

impl BranchQuantity {
    /// Returns the quantity with this name.
    ///
    /// # Errors
    /// [`QuantityError::UnknownQuantity`].
    pub fn parse(name: &str) -> Result<Self, QuantityError> {
        match NAMED.iter().find(|(known, _)| *known == name) {
            Some(&(_, quantity)) => Ok(quantity),
            None => Err(QuantityError::UnknownQuantity {
                found: name.to_owned(),
                known: NAMED.iter().map(|&(known, _)| known).collect(),
            }),
        }
    }

    /// Returns its conditional expectation given the states above and below (at `2 above + below`) under the chain.
    #[must_use]
    pub fn given_ends(self, gain: f64, loss: f64, length: f64) -> [f64; 4] {
        match self {
            Self::Presence => presence::given_ends(),
            Self::ExpectedGains => gains_given_ends(gain, loss, length),
            Self::ExpectedLosses => losses_given_ends(gain, loss, length),
            Self::GainProbability => gained_given_ends(gain, loss, length),
            Self::LossProbability => lost_given_ends(gain, loss, length),
            Self::SquaredGains => squared_gains_given_ends(gain, loss, length),
            Self::SquaredLosses => squared_losses_given_ends(gain, loss, length),
        }
    }

    /// Returns whether it is a probability, which rounding must not carry beyond 1.
    #[must_use]
    pub fn is_probability(self) -> bool {
        matches!(self, Self::Presence | Self::GainProbability | Self::LossProbability)
    }
}
