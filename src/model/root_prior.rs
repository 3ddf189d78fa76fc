//! Root priors: the rules that give the root its state frequencies.

use super::observation::logistic;
use super::parameter::Parameter;
use crate::error::ModelError;

/// The parameter of the estimated rule, and how far a search for it goes.
const PARAMETER: (&str, f64) = ("logit_root", 20.0);

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
    /// One probability of presence for all families, a parameter of its own.
    Estimated,
    /// Each family's root states weighted by their own likelihoods: `L = (L0^2 + L1^2) / (L0 + L1)`, where `Ls` is
    /// the likelihood given state `s` at the root. Source: FitzJohn et al. 2009, doi:10.1093/sysbio/syp067.
    FitzJohn,
}

/// The rules that have a name; a number means [`RootPrior::Fixed`].
const NAMED: [(&str, RootPrior); 6] = [
    ("stationary", RootPrior::Stationary),
    ("equal", RootPrior::Equal),
    ("absent", RootPrior::Absent),
    ("present", RootPrior::Present),
    ("estimated", RootPrior::Estimated),
    ("fitzjohn", RootPrior::FitzJohn),
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

    /// Returns the rule's name; a given number's is "fixed".
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMED
            .iter()
            .find(|(_, known)| *known == self)
            .map_or("fixed", |&(name, _)| name)
    }

    /// Returns the parameters of the rule's own.
    #[must_use]
    pub fn parameters(self) -> Vec<Parameter> {
        match self {
            Self::Estimated => vec![Parameter::real(PARAMETER.0, -PARAMETER.1, PARAMETER.1)],
            _ => Vec::new(),
        }
    }

    /// Returns the root frequencies of states 0 and 1; `None` where each family has its own.
    ///
    /// # Errors
    /// [`ModelError::StationaryWithoutRates`] for the stationary rule with both rates 0.
    pub fn frequencies(self, parameters: &[f64], gain: f64, loss: f64) -> Result<Option<[f64; 2]>, ModelError> {
        Ok(Some(match self {
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
            Self::Estimated => [logistic(-parameters[0]), logistic(parameters[0])],
            Self::FitzJohn => return Ok(None),
        }))
    }

    /// Returns the derivatives with respect to gain and loss rate, and to the rule's own parameters, given those with
    /// respect to the frequencies.
    #[must_use]
    pub fn pull_back(self, parameters: &[f64], gain: f64, loss: f64, frequencies: [f64; 2]) -> ([f64; 2], Vec<f64>) {
        let slope = frequencies[1] - frequencies[0];
        match self {
            Self::Stationary => {
                let sum = gain + loss;
                ([slope * (loss / sum / sum), -slope * (gain / sum / sum)], Vec::new())
            }
            Self::Estimated => {
                let by_logit = logistic(parameters[0]) * logistic(-parameters[0]);
                ([0.0; 2], vec![slope * by_logit])
            }
            Self::Equal | Self::Absent | Self::Present | Self::Fixed(_) | Self::FitzJohn => ([0.0; 2], Vec::new()),
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
        assert!(RootPrior::Stationary.frequencies(&[], 0.0, 0.0).is_err());
        assert_eq!(RootPrior::Stationary.frequencies(&[], 1.0, 3.0), Ok(Some([0.75, 0.25])));
    }
}
