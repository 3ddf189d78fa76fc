//! The law of a number of families: how many of n independent families do something, each with its own probability.
//!
//! Where all have the same probability p the number is binomial, and its quantiles are exact. Where they differ
//! (Poisson-binomial) it is replaced by the binomial of the same mean and, up to the rounding of its number of trials,
//! the same variance; the error is of the order of the variance of the probabilities.
//!
//! Source: Ehm 1991, doi:10.1016/0167-7152(91)90170-V (binomial approximation of the Poisson-binomial).

/// Weights beyond this part of the greatest are no more than its rounding.
const NEGLIGIBLE: f64 = 1e-20;

/// A sum of independent indicators.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct CountLaw {
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// Of how many families, all of the same probability; 0 where they differ.
    pub(super) n_equal: usize,
}

impl CountLaw {
    /// Returns the binomial law.
    pub(super) fn binomial(n: usize, probability: f64) -> Self {
        Self {
            mean: n as f64 * probability,
            variance: n as f64 * probability * (1.0 - probability),
            n_equal: n,
        }
    }

    /// Returns the numbers between which the count lies with probability `level` at least: no more than half of what is
    /// left below the first, and above the second.
    pub(super) fn band(&self, level: f64) -> [u64; 2] {
        let (n, p) = self.trials();
        if p <= 0.0 || n == 0.0 {
            return [0, 0];
        }
        if p >= 1.0 {
            return [n as u64, n as u64];
        }
        let (first, weights) = binomial_weights(n, p);
        let (tail, total) = ((1.0 - level) / 2.0, weights.iter().sum::<f64>());
        [
            first + within(weights.iter(), tail * total),
            first + (weights.len() - 1) as u64 - within(weights.iter().rev(), tail * total),
        ]
    }

    /// Returns the number of trials and the probability of each.
    fn trials(&self) -> (f64, f64) {
        if self.n_equal > 0 {
            return (self.n_equal as f64, self.mean / self.n_equal as f64);
        }
        if self.mean <= 0.0 {
            return (0.0, 0.0);
        }
        // A variance so near the mean that it cannot be told from it is that of a Poisson law.
        let p = (1.0 - self.variance / self.mean).clamp(1e-9, 1.0);
        let n = (self.mean / p).round().max(self.mean.ceil());
        (n, self.mean / n)
    }
}

/// Returns how many places can be left out before their weights exceed `tail`.
fn within<'a>(weights: impl Iterator<Item = &'a f64>, tail: f64) -> u64 {
    let mut sum = 0.0;
    for (place, weight) in weights.enumerate() {
        sum += weight;
        if sum > tail {
            return place as u64;
        }
    }
    0
}

/// Returns the probabilities of neighbouring numbers up to a factor, and the first of these numbers; others have none
/// that counts.
fn binomial_weights(n: f64, p: f64) -> (u64, Vec<f64>) {
    let mode = ((n + 1.0) * p).floor().min(n);
    let odds = p / (1.0 - p);
    let mut below = Vec::new();
    let (mut k, mut weight) = (mode, 1.0);
    while k > 0.0 && weight > NEGLIGIBLE {
        weight *= k / ((n - k + 1.0) * odds);
        k -= 1.0;
        below.push(weight);
    }
    let first = mode as u64 - below.len() as u64;
    let mut weights: Vec<f64> = below.into_iter().rev().collect();
    weights.push(1.0);
    (k, weight) = (mode, 1.0);
    while k < n && weight > NEGLIGIBLE {
        weight *= (n - k) / (k + 1.0) * odds;
        k += 1.0;
        weights.push(weight);
    }
    (first, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exact probabilities of a Poisson-binomial, by convolution.
    fn convolved(probabilities: &[f64]) -> Vec<f64> {
        let mut law = vec![1.0];
        for &p in probabilities {
            law.push(0.0);
            for k in (0..law.len()).rev() {
                law[k] = law[k] * (1.0 - p) + if k > 0 { law[k - 1] * p } else { 0.0 };
            }
        }
        law
    }

    fn exact_band(law: &[f64], level: f64) -> [u64; 2] {
        let tail = (1.0 - level) / 2.0;
        let below = |k: usize| law[..k].iter().sum::<f64>();
        let above = |k: usize| law[k + 1..].iter().sum::<f64>();
        let low = (0..law.len()).rev().find(|&k| below(k) <= tail).unwrap();
        let high = (0..law.len()).find(|&k| above(k) <= tail).unwrap();
        [low as u64, high as u64]
    }

    #[test]
    fn band_of_equal_probabilities_is_the_exact_one() {
        for n in [1, 2, 7, 60, 400] {
            for p in [1e-9, 0.003, 0.2, 0.5, 0.97, 1.0 - 1e-12] {
                let exact = exact_band(&convolved(&vec![p; n]), 0.99);
                assert_eq!(CountLaw::binomial(n, p).band(0.99), exact, "{n} {p}");
            }
        }
    }

    /// scipy 1.17.1: `binom.ppf([0.005, 0.995], 90243, [[0.01], [0.75]])`
    #[test]
    fn band_of_many_families_is_that_of_scipy() {
        assert_eq!(CountLaw::binomial(90_243, 0.01).band(0.99), [826, 980]);
        assert_eq!(CountLaw::binomial(90_243, 0.75).band(0.99), [67_347, 68_017]);
    }

    #[test]
    fn band_of_unequal_probabilities_is_within_one_of_the_exact_one() {
        for spread in [0.0, 0.3, 0.9] {
            for scale in [0.01, 0.3, 0.9] {
                let p: Vec<f64> = (0..300)
                    .map(|i| scale * (1.0 - spread * f64::from(i) / 300.0))
                    .collect();
                let law = CountLaw {
                    mean: p.iter().sum(),
                    variance: p.iter().map(|p| p * (1.0 - p)).sum(),
                    n_equal: 0,
                };
                let (found, exact) = (law.band(0.99), exact_band(&convolved(&p), 0.99));
                assert!(
                    found[0].abs_diff(exact[0]) <= 1 && found[1].abs_diff(exact[1]) <= 1,
                    "{found:?} {exact:?}"
                );
            }
        }
    }

    #[test]
    fn certain_counts_have_a_band_of_one_number() {
        assert_eq!(CountLaw::default().band(0.99), [0, 0]);
        assert_eq!(CountLaw::binomial(12, 1.0).band(0.99), [12, 12]);
        assert_eq!(
            CountLaw {
                mean: 7.0,
                variance: 0.0,
                n_equal: 0
            }
            .band(0.99),
            [7, 7]
        );
    }
}
