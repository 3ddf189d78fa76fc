//! What a free parameter of a model is called and where it may lie.

use crate::error::ModelError;

/// Logs of rates and of ratios of rates above this have no finite exponential to add up with.
const LARGEST_LOG_RATE: f64 = 709.0;

/// Returns whether a number can be a rate: two of them must have a finite sum.
#[must_use]
pub fn is_rate(value: f64) -> bool {
    (0.0..=f64::MAX / 2.0).contains(&value)
}

/// # Errors
/// [`ModelError::Rate`] for a number that is no rate.
pub(super) fn check_rate(name: &str, rate: f64) -> Result<(), ModelError> {
    if is_rate(rate) {
        return Ok(());
    }
    Err(ModelError::Rate {
        name: name.to_owned(),
        found: rate,
    })
}

/// Where a parameter may lie and where a search for it is confined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    /// The natural log of a rate in events per unit of branch length; minus infinity is rate 0. A search is confined
    /// to what the tree's branch lengths can tell apart.
    LogRate,
    /// Any finite number; a search is confined to the interval, whose ends mean "as good as infinite".
    Interval {
        /// Smallest value of a search.
        lower: f64,
        /// Largest value of a search.
        upper: f64,
    },
}

/// A free parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, unique in a model.
    pub name: String,
    /// Where it may lie.
    pub domain: Domain,
    /// A change that matters: a search works in multiples of it.
    pub scale: f64,
}

impl Parameter {
    /// Returns the log of a rate.
    #[must_use]
    pub fn log_rate(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            domain: Domain::LogRate,
            scale: 1.0,
        }
    }

    /// Returns a real number that a search looks for between `lower` and `upper`.
    #[must_use]
    pub fn real(name: impl Into<String>, lower: f64, upper: f64) -> Self {
        Self {
            name: name.into(),
            domain: Domain::Interval { lower, upper },
            scale: 1.0,
        }
    }

    /// Returns a coefficient whose natural unit is `scale`, looked for up to `widest` of them on both sides of 0.
    #[must_use]
    pub fn scaled(name: impl Into<String>, scale: f64, widest: f64) -> Self {
        Self {
            scale,
            ..Self::real(name, -widest * scale, widest * scale)
        }
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`ModelError::Parameter`] for NaN, for a log-rate without a finite rate, and for any other parameter that is
    /// not finite.
    pub fn check(&self, value: f64) -> Result<(), ModelError> {
        let is_allowed = match self.domain {
            Domain::LogRate => value < LARGEST_LOG_RATE,
            Domain::Interval { .. } => value.is_finite(),
        };
        if is_allowed {
            return Ok(());
        }
        Err(ModelError::Parameter {
            name: self.name.clone(),
            found: value,
            allowed: match self.domain {
                Domain::LogRate => "numbers below 709 whose exponential is a finite rate, or -inf",
                Domain::Interval { .. } => "finite numbers",
            },
        })
    }
}
