//! A number of the observed table among those of simulated ones, and its p-values.

/// A statistic of the observed table among those of simulated ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistic {
    /// Its name.
    pub name: &'static str,
    /// Of the observed table.
    pub observed: f64,
    /// Of each simulated table, `[n]`.
    pub simulated: Vec<f64>,
}

impl Statistic {
    /// Returns p(low), p(high) and the two-sided p-value; NaN where the statistic is not defined.
    #[must_use]
    pub fn p_values(&self) -> [f64; 3] {
        if self.observed.is_nan() || self.simulated.iter().any(|value| value.is_nan()) {
            return [f64::NAN; 3];
        }
        // Sums in another order are no difference.
        let slack = 1e-12 * self.observed.abs();
        let slack = if slack.is_finite() { slack } else { 0.0 };
        let share = |is_so: &dyn Fn(f64) -> bool| {
            let count = self.simulated.iter().filter(|&&value| is_so(value)).count();
            (1 + count) as f64 / (1 + self.simulated.len()) as f64
        };
        let low = share(&|value| value <= self.observed + slack);
        let high = share(&|value| value >= self.observed - slack);
        [low, high, (2.0 * low.min(high)).min(1.0)]
    }

    /// Returns mean and standard deviation over simulated tables; the latter is NaN for one table.
    #[must_use]
    pub fn moments(&self) -> [f64; 2] {
        let n = self.simulated.len() as f64;
        let mean = self.simulated.iter().sum::<f64>() / n;
        let squares = self.simulated.iter().map(|value| (value - mean).powi(2));
        [mean, (squares.sum::<f64>() / (n - 1.0)).sqrt()]
    }
}
