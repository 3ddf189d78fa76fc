//! One factor a category on both rates, and its derivative by one parameter.

use super::Categories;

/// Factors and their derivatives.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Multipliers {
    /// Natural log of each factor, `[n_categories]`; minus infinity is factor 0.
    pub(super) log_rate: Vec<f64>,
    /// Derivative of `log_rate` by the parameter, `[n_categories]`.
    pub(super) slope: Vec<f64>,
}

impl Multipliers {
    /// Returns factors of 1 that depend on nothing.
    pub(super) fn equal(n_categories: usize) -> Self {
        Self {
            log_rate: vec![0.0; n_categories],
            slope: vec![0.0; n_categories],
        }
    }

    /// Divides by the mean of the factors.
    ///
    /// Factors are taken relative to the largest, so that none overflows.
    pub(super) fn with_mean_one(mut self, weight: &[f64]) -> Self {
        let largest = (0..weight.len())
            .max_by(|&a, &b| self.log_rate[a].total_cmp(&self.log_rate[b]))
            .unwrap_or(0);
        let (top, top_slope) = (self.log_rate[largest], self.slope[largest]);
        let (mut mean, mut mean_slope) = (0.0, 0.0);
        for ((log_rate, slope), weight) in self.log_rate.iter_mut().zip(&mut self.slope).zip(weight) {
            *log_rate -= top;
            *slope -= top_slope;
            let part = weight * log_rate.exp();
            mean += part;
            mean_slope += product(part, *slope);
        }
        let (log_mean, mean_slope) = (f64::ln(mean), mean_slope / mean);
        self.log_rate.iter_mut().for_each(|log_rate| *log_rate -= log_mean);
        self.slope.iter_mut().for_each(|slope| *slope -= mean_slope);
        self
    }

    /// Returns the categories around one gain and one loss rate.
    pub(super) fn categories(&self, log_gain: f64, log_loss: f64, weight: &[f64]) -> Categories {
        let around = |centre: f64| self.log_rate.iter().map(|log_rate| centre + log_rate).collect();
        Categories {
            log_gain: around(log_gain),
            log_loss: around(log_loss),
            weight: weight.to_vec(),
        }
    }

    /// Returns the derivatives by the centres of gain and loss and by the parameter of the factors.
    pub(super) fn pull_back(&self, adjoint: &Categories) -> [f64; 3] {
        [
            adjoint.log_gain.iter().sum(),
            adjoint.log_loss.iter().sum(),
            self.pull_slope(&adjoint.log_gain) + self.pull_slope(&adjoint.log_loss),
        ]
    }

    /// Returns the derivative by the parameter, given that by the log of each factor.
    pub(super) fn pull_slope(&self, adjoint: &[f64]) -> f64 {
        adjoint
            .iter()
            .zip(&self.slope)
            .map(|(&adjoint, &slope)| product(adjoint, slope))
            .sum()
    }
}

/// Returns a product that is 0 where the first factor is, be the second infinite.
pub(super) fn product(factor: f64, other: f64) -> f64 {
    if factor == 0.0 { 0.0 } else { factor * other }
}
