//! The gamma function's logarithm and its first two derivatives, and their rises over whole numbers.
//!
//! Above [`LARGE`] the asymptotic series of Stirling hold to the last bit or two; below, the argument is raised to that
//! range by the recurrence, whose product and its derivatives are kept together so that it costs one logarithm and one
//! division. The absolute error is below 1e-14 times max(1, |value|): near the zeros at 1 and 2 (digamma: 1.4616...)
//! that is what is promised, not relative accuracy.
//!
//! Source: Abramowitz and Stegun 1964, 6.1.40, 6.3.18, 6.4.12, and the recurrences 6.1.15, 6.3.5, 6.4.6.

/// From here on the series are used.
const LARGE: f64 = 10.0;
/// ln(2 pi) / 2.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;
/// Steps between two counts that are walked one by one; a longer one costs less by the series.
const SHORT: u32 = 4;

/// `ln Gamma(x)`, digamma and trigamma at one argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Triple {
    /// `ln Gamma(x)`.
    pub log_gamma: f64,
    /// Its derivative.
    pub digamma: f64,
    /// Its second derivative.
    pub trigamma: f64,
}

/// Returns `ln Gamma(x)`, digamma and trigamma for `x > 0`.
///
/// ```
/// let at_one = persiste_rust::dirichlet::gamma_triple(1.0);
/// assert!(at_one.log_gamma.abs() < 1e-14);
/// assert!((at_one.digamma + 0.577_215_664_901_532_9).abs() < 1e-14);
/// assert!((at_one.trigamma - 1.644_934_066_848_226_4).abs() < 1e-14);
/// ```
#[must_use]
pub fn gamma_triple(x: f64) -> Triple {
    if x >= LARGE {
        return series(x);
    }
    // The first factor alone, since it can be so small that the product would lose the others' digits.
    let (first, mut up) = (1.0 / x, x + 1.0);
    let (mut product, mut slope, mut bend) = (1.0, 0.0, 0.0);
    while up < LARGE {
        bend = bend * up + 2.0 * slope;
        slope = slope * up + product;
        product *= up;
        up += 1.0;
    }
    let (above, inverse) = (series(up), 1.0 / product);
    let sum = slope * inverse;
    Triple {
        log_gamma: above.log_gamma - product.ln() - x.ln(),
        digamma: above.digamma - sum - first,
        trigamma: above.trigamma + (sum * sum - bend * inverse) + first * first,
    }
}

/// Returns `ln Gamma(x)` for `x > 0`.
#[must_use]
pub fn log_gamma(x: f64) -> f64 {
    if x >= LARGE {
        return log_gamma_series(x, 1.0 / x);
    }
    let (mut product, mut up) = (1.0, x + 1.0);
    while up < LARGE {
        product *= up;
        up += 1.0;
    }
    log_gamma_series(up, 1.0 / up) - product.ln() - x.ln()
}

fn log_gamma_series(x: f64, inverse: f64) -> f64 {
    (x - 0.5) * x.ln() - x + HALF_LN_TAU + stirling(inverse)
}

fn stirling(inverse: f64) -> f64 {
    let s = inverse * inverse;
    inverse
        * (1.0 / 12.0
            + s * (-1.0 / 360.0
                + s * (1.0 / 1260.0 + s * (-1.0 / 1680.0 + s * (1.0 / 1188.0 + s * (-691.0 / 360_360.0 + s / 156.0))))))
}

fn series(x: f64) -> Triple {
    let (inverse, log) = (1.0 / x, x.ln());
    let s = inverse * inverse;
    let digamma = s
        * (1.0 / 12.0
            + s * (-1.0 / 120.0
                + s * (1.0 / 252.0
                    + s * (-1.0 / 240.0 + s * (1.0 / 132.0 + s * (-691.0 / 32_760.0 + s * (1.0 / 12.0)))))));
    let trigamma = s
        * (1.0 / 6.0
            + s * (-1.0 / 30.0
                + s * (1.0 / 42.0
                    + s * (-1.0 / 30.0
                        + s * (5.0 / 66.0 + s * (-691.0 / 2730.0 + s * (7.0 / 6.0 + s * (-3617.0 / 510.0))))))));
    Triple {
        log_gamma: (x - 0.5) * log - x + HALF_LN_TAU + stirling(inverse),
        digamma: log - 0.5 * inverse - digamma,
        trigamma: inverse * (1.0 + 0.5 * inverse + trigamma),
    }
}

/// Sums over counts of what adding the count to `alpha` changes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rises {
    /// Sum of `w[v] (ln Gamma(a + v) - ln Gamma(a))`.
    pub(super) log_gamma: f64,
    /// Sum of `w[v] (psi(a + v) - psi(a))`, never negative.
    pub(super) digamma: f64,
    /// Sum of `w[v] (psi'(a) - psi'(a + v))`, never negative.
    pub(super) trigamma: f64,
}

/// Returns the sums over ascending distinct `values` with their `weights`.
///
/// Between near values the functions are carried on by their recurrences, so that small counts need no special
/// function at all (Sklar 2014, arXiv:1405.0099).
pub(super) fn weighted_rises(alpha: f64, values: &[u32], weights: &[f64]) -> Rises {
    let mut sums = Rises::default();
    let (mut log_gamma, mut digamma, mut trigamma) = (0.0, 0.0, 0.0);
    let (mut reached, mut base) = (0, None);
    for (&value, &weight) in values.iter().zip(weights) {
        if value - reached <= SHORT {
            let mut product = 1.0;
            for step in reached..value {
                let x = alpha + f64::from(step);
                let inverse = 1.0 / x;
                product *= x;
                digamma += inverse;
                trigamma += inverse * inverse;
            }
            log_gamma += product.ln();
        } else {
            let base = base.get_or_insert_with(|| gamma_triple(alpha));
            let top = gamma_triple(alpha + f64::from(value));
            log_gamma = top.log_gamma - base.log_gamma;
            digamma = top.digamma - base.digamma;
            trigamma = base.trigamma - top.trigamma;
        }
        reached = value;
        sums.log_gamma += weight * log_gamma;
        sums.digamma += weight * digamma;
        sums.trigamma += weight * trigamma;
    }
    sums
}

/// Hands `ln Gamma(alpha + v) - ln Gamma(alpha)` of each of the ascending distinct `values` to `take`, with its place.
pub(super) fn log_gamma_rises(alpha: f64, values: &[u32], mut take: impl FnMut(usize, f64)) {
    let (mut rise, mut reached, mut base) = (0.0, 0, None);
    for (place, &value) in values.iter().enumerate() {
        if value - reached <= SHORT {
            let product: f64 = (reached..value).map(|step| alpha + f64::from(step)).product();
            rise += product.ln();
        } else {
            rise = log_gamma(alpha + f64::from(value)) - *base.get_or_insert_with(|| log_gamma(alpha));
        }
        reached = value;
        take(place, rise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_are_differences_of_the_functions() {
        let values = [1, 2, 3, 7, 11, 12, 40, 41, 5000];
        let weights = [0.5, 1.0, 2.0, 0.25, 3.0, 1.5, 0.125, 4.0, 0.75];
        for alpha in [1e-3, 0.1, 1.4616, 9.5, 200.0] {
            let found = weighted_rises(alpha, &values, &weights);
            let base = gamma_triple(alpha);
            let mut expected = Rises::default();
            let mut single = Vec::new();
            for (&value, &weight) in values.iter().zip(&weights) {
                let top = gamma_triple(alpha + f64::from(value));
                expected.log_gamma += weight * (top.log_gamma - base.log_gamma);
                expected.digamma += weight * (top.digamma - base.digamma);
                expected.trigamma += weight * (base.trigamma - top.trigamma);
                single.push(top.log_gamma - base.log_gamma);
            }
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
            assert!(close(found.log_gamma, expected.log_gamma), "{alpha}");
            assert!(close(found.digamma, expected.digamma), "{alpha}");
            assert!(close(found.trigamma, expected.trigamma), "{alpha}");
            log_gamma_rises(alpha, &values, |place, rise| {
                assert!(
                    (rise - single[place]).abs() <= 1e-13 * single[place].abs().max(1.0),
                    "{alpha} {place}"
                );
            });
        }
    }
}
