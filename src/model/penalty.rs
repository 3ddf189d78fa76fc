//! Quadratic penalties on parameters: never part of a log-likelihood, only of what a fit maximises.

/// One term, `weight / 2 (parameter - other - centre)^2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PenaltyTerm {
    /// The parameter's place.
    pub parameter: usize,
    /// The place of another parameter that it is drawn to; `None` draws it to the centre alone.
    pub other: Option<usize>,
    /// What the difference is drawn to.
    pub centre: f64,
    /// Strength: the inverse of a normal prior's variance.
    pub weight: f64,
}

/// A sum of quadratic terms; that of no terms is 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Penalty {
    terms: Vec<PenaltyTerm>,
}

impl Penalty {
    /// Returns the sum of these terms.
    #[must_use]
    pub fn new(terms: Vec<PenaltyTerm>) -> Self {
        Self { terms }
    }

    /// Adds the terms of another penalty whose parameters stand `offset` places further on.
    pub fn extend(&mut self, other: &Self, offset: usize) {
        self.terms.extend(other.terms.iter().map(|term| PenaltyTerm {
            parameter: term.parameter + offset,
            other: term.other.map(|place| place + offset),
            ..*term
        }));
    }

    /// Returns whether there is no term.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns which of `n` parameters a term holds.
    #[must_use]
    pub fn holds(&self, n: usize) -> Vec<bool> {
        let mut held = vec![false; n];
        for term in &self.terms {
            held[term.parameter] = true;
            if let Some(other) = term.other {
                held[other] = true;
            }
        }
        held
    }

    /// Returns the penalty, 0 or more; smaller is better.
    #[must_use]
    pub fn value(&self, parameters: &[f64]) -> f64 {
        let of = |term: &PenaltyTerm| 0.5 * term.weight * term.excess(parameters).powi(2);
        self.terms.iter().map(of).sum()
    }

    /// Subtracts the penalty's derivatives from `gradient`.
    pub fn subtract_gradient(&self, parameters: &[f64], gradient: &mut [f64]) {
        for term in &self.terms {
            let slope = term.weight * term.excess(parameters);
            gradient[term.parameter] -= slope;
            if let Some(other) = term.other {
                gradient[other] += slope;
            }
        }
    }
}

impl PenaltyTerm {
    fn excess(&self, parameters: &[f64]) -> f64 {
        parameters[self.parameter] - self.other.map_or(0.0, |other| parameters[other]) - self.centre
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn penalty_is_the_sum_of_squared_distances_and_its_gradient_follows() {
        let ridge = PenaltyTerm {
            parameter: 0,
            other: None,
            centre: 1.0,
            weight: 4.0,
        };
        let link = PenaltyTerm {
            parameter: 1,
            other: Some(0),
            centre: 0.0,
            weight: 2.0,
        };
        let mut penalty = Penalty::default();
        penalty.extend(&Penalty::new(vec![ridge, link]), 1);
        let point = [9.0, 3.0, 7.0];
        // 4/2 (3 - 1)^2 + 2/2 (7 - 3)^2
        assert_eq!(penalty.value(&point), 8.0 + 16.0);
        let mut gradient = vec![0.0; 3];
        penalty.subtract_gradient(&point, &mut gradient);
        assert_eq!(gradient, [0.0, -8.0 + 8.0, -8.0]);
        assert_eq!(penalty.holds(4), [false, true, true, false]);
    }
}
