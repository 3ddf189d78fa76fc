//! Root priors: the rules that give the root its state frequencies.

use crate::error::ModelError;

/// A rule for the frequencies of absence and presence at the root.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RootPrior {
    /// The chain's own equilibrium, gain / (gain + loss) for presence; it follows the rates.
    Stationary,
    /// One half each.
    Equal,
    /// Every family was absent at the root.
    Absent,
    /// Every family was present at the root.
    Present,
    /// A given probability of presence.
    Fixed(f64),
}

/// The rules that have a name; a number means [`RootPrior::Fixed`].
const NAMED: [(&str, RootPrior); 4] = [
    ("stationary", RootPrior::Stationary),
    ("equal", RootPrior::Equal),
    ("absent", RootPrior::Absent),
    ("present", RootPrior::Present),
];

/// Returns the names of the root priors.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|&(name, _)| name)
}

impl RootPrior {
    /// Returns the rule with this name, or [`Fixed`](Self::Fixed) if it is a number.
    ///
    /// # Errors
    /// [`ModelError::UnknownName`]; [`ModelError::RootFrequency`] for a number outside [0, 1].
    pub fn parse(name: &str) -> Result<Self, ModelError> {
        if let Some(&(_, prior)) = NAMED.iter().find(|(known, _)| *known == name) {
            return Ok(prior);
        }
        match name.trim().parse::<f64>() {
            Ok(frequency) => Self::fixed(frequency),
            Err(_) => Err(ModelError::UnknownName {
                what: "root prior",
                found: name.to_owned(),
                known: names().chain(["a number from 0 to 1"]).collect(),
            }),
        }
    }

    /// Returns the rule that takes a probability of presence.
    ///
    /// # Errors
    /// [`ModelError::RootFrequency`] outside [0, 1].
    pub fn fixed(frequency: f64) -> Result<Self, ModelError> {
        if (0.0..=1.0).contains(&frequency) {
            Ok(Self::Fixed(frequency))
        } else {
            Err(ModelError::RootFrequency { found: frequency })
        }
    }

    /// Returns the root frequencies of states 0 and 1.
    ///
    /// # Errors
    /// [`ModelError::StationaryWithoutRates`] for the stationary rule with both rates 0.
    pub fn frequencies(self, gain: f64, loss: f64) -> Result<[f64; 2], ModelError> {
        Ok(match self {
            Self::Stationary => {
                let sum = gain + loss;
                if sum == 0.0 {
                    return Err(ModelError::StationaryWithoutRates { of: String::new() });
                }
                [loss / sum, gain / sum]
            }
            Self::Equal => [0.5, 0.5],
            Self::Absent => [1.0, 0.0],
            Self::Present => [0.0, 1.0],
            Self::Fixed(present) => [1.0 - present, present],
        })
    }

    /// Returns the derivatives with respect to gain and loss rate, given those with respect to the frequencies.
    #[must_use]
    pub fn adjoint(self, gain: f64, loss: f64, frequencies: [f64; 2]) -> (f64, f64) {
        match self {
            Self::Stationary => {
                let sum = gain + loss;
                let slope = frequencies[1] - frequencies[0];
                (slope * (loss / sum / sum), -slope * (gain / sum / sum))
            }
            Self::Equal | Self::Absent | Self::Present | Self::Fixed(_) => (0.0, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read_and_others_refused() {
        assert_eq!(RootPrior::parse("equal"), Ok(RootPrior::Equal));
        assert_eq!(RootPrior::parse("0.25"), Ok(RootPrior::Fixed(0.25)));
        assert_eq!(RootPrior::parse("1.5"), Err(ModelError::RootFrequency { found: 1.5 }));
        assert!(RootPrior::parse("nan").is_err());
        let message = RootPrior::parse("flat").unwrap_err().to_string();
        assert!(
            message.contains("'flat'") && message.contains("stationary, equal, absent, present"),
            "{message}"
        );
        assert!(RootPrior::Stationary.frequencies(0.0, 0.0).is_err());
        assert_eq!(RootPrior::Stationary.frequencies(1.0, 3.0), Ok([0.75, 0.25]));
    }
}
