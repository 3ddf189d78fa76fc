//! Probability of at least one gain, and of at least one loss, on a branch, given the data.
//!
//! With `x = g t`, `y = l t`, `h = x y / (x + y)` and the ratios `phi`, `u`, `v` of `small_ratios.rs`, the probability of
//! at least one gain, given the states at the two ends, is
//!
//! ```text
//! 0 -> 0   a = h (v(x) + exp(-x) u(y)) / P00        (1 - exp(-x) / P00: without a gain nothing happens)
//! 0 -> 1   1
//! 1 -> 0   b = 1 - exp(-n) phi(m - n) / phi(m + n)  with m = max(x, y), n = min(x, y): one loss and no gain
//! 1 -> 1   d = h (v(y) + exp(-y) u(x)) / P11        (1 - exp(-y) / P11)
//! ```
//!
//! and of at least one loss `a`, `b`, 1, `d`: who returns does both. Where the ends cannot be, the numbers are limits
//! and their posterior is 0. `b` is good to 1e-15 absolute, below `m + n = 1` to 1e-14 relative.
//!
//! Axes: node (the branch above it; the root's row is 0), family. Unit: probability.
//!
//! Source: the density of the first event, integrated over the branch; own closed form.

use super::small_ratios::Ratios;

/// Terms of the series of [`both_ways`]: the rest is below 1e-19 where it is used.
const TERMS: usize = 10;

/// Returns the probabilities of going there and back, `[a, b, d]`.
fn returns(gain: f64, loss: f64, length: f64) -> [f64; 3] {
    let (x, y) = (gain * length, loss * length);
    let h = if x + y > 0.0 { x / (x + y) * y } else { 0.0 };
    if h == 0.0 {
        return [0.0; 3];
    }
    let (absent, present, kept) = (y / (x + y), x / (x + y), (-(x + y)).exp());
    let (of_x, of_y) = (Ratios::of(x), Ratios::of(y));
    let stays_absent = h * (of_x.v + (-x).exp() * of_y.u) / (absent + present * kept);
    let stays_present = h * (of_y.v + (-y).exp() * of_x.u) / (present + absent * kept);
    [
        stays_absent.min(1.0),
        both_ways(x.max(y), x.min(y)),
        stays_present.min(1.0),
    ]
}

/// Returns the probability of a way back before the last of an odd number of changes, `m >= n > 0`.
fn both_ways(m: f64, n: f64) -> f64 {
    if m + n >= 1.0 {
        return (1.0 - (-n).exp() * Ratios::of(m - n).phi / Ratios::of(m + n).phi).max(0.0);
    }
    // 1 - sinhc(delta) / sinhc(mean) with mean = (m + n)/2, delta = (m - n)/2, mean^2 - delta^2 = m n:
    // sinhc(mean) - sinhc(delta) = m n sum_{k>=1} sum_{j<k} mean^2j delta^2(k-1-j) / (2k+1)!
    let (mean, delta) = ((m + n) / 2.0, (m - n) / 2.0);
    let (mean, delta) = (mean * mean, delta * delta);
    let (mut sum, mut sinhc, mut power, mut inner, mut factor) = (0.0, 1.0, 1.0, 1.0, 1.0);
    for k in 1..=TERMS {
        factor /= (2 * k * (2 * k + 1)) as f64;
        sum += factor * inner;
        power *= mean;
        sinhc += factor * power;
        inner = inner * delta + power;
    }
    m * n * sum / sinhc
}

/// Returns the probability of at least one gain given the states above and below (at `2 above + below`).
///
/// Rates and length are finite and not negative.
#[must_use]
pub fn gained_given_ends(gain: f64, loss: f64, length: f64) -> [f64; 4] {
    let [absent, changed, present] = returns(gain, loss, length);
    [absent, 1.0, changed, present]
}

/// Returns the probability of at least one loss given the states above and below (at `2 above + below`).
#[must_use]
pub fn lost_given_ends(gain: f64, loss: f64, length: f64) -> [f64; 4] {
    let [absent, changed, present] = returns(gain, loss, length);
    [absent, changed, 1.0, present]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_given_ends_match_multiprecision() {
        for ([gain, loss, length], expected) in PROBABILITIES {
            let [absent, _, changed, present] = gained_given_ends(gain, loss, length);
            for (found, expected) in [absent, changed, present].into_iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-15 + 2e-14 * expected,
                    "{gain} {loss} {length}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn the_series_meets_the_closed_form() {
        for n in [0.4999999, 0.2, 1e-5] {
            let (below, above) = (both_ways(1.0 - n - 1e-12, n), both_ways(1.0 - n + 1e-12, n));
            assert!((below - above).abs() < 1e-11, "{n}: {below} {above}");
        }
    }

    #[test]
    fn nothing_returns_where_a_rate_or_the_length_is_zero() {
        for (gain, loss, length) in [(0.0, 0.7, 1.0), (0.7, 0.0, 1.0), (0.0, 0.0, 1.0), (0.3, 0.7, 0.0)] {
            assert_eq!(gained_given_ends(gain, loss, length), [0.0, 1.0, 0.0, 0.0]);
            assert_eq!(lost_given_ends(gain, loss, length), [0.0, 0.0, 1.0, 0.0]);
        }
    }

    // mpmath 1.3, 60 digits: a = 1-exp(-g*t)/P00, d = 1-exp(-l*t)/P11,
    // b = 1 - quad(lambda s: l*exp(-l*s)*exp(-g*(t-s)), [0, t])/P10
    const PROBABILITIES: [([f64; 3], [f64; 3]); 7] = [
        (
            [0.4, 1.1, 0.3],
            [0.018206400222204423, 0.006564838791046711, 0.020887557034571277],
        ),
        (
            [0.001, 0.002, 0.1],
            [9.999666591672501e-09, 3.3333333250000003e-09, 1.0000333258327502e-08],
        ),
        (
            [3.0, 0.2, 4.0],
            [0.9999016966732437, 0.486486788129817, 0.5207158598212642],
        ),
        (
            [1e-8, 50.0, 1.0],
            [9.799999952000001e-09, 9.59999995392e-09, 0.9999999999990357],
        ),
        (
            [1e-7, 1e-9, 1e-4],
            [5.000000000016501e-25, 1.666666666666667e-25, 4.9999999999835e-25],
        ),
        (
            [2.0, 2.0, 0.4],
            [0.2523000817625804, 0.09920660816921462, 0.2523000817625804],
        ),
        ([30.0, 20.0, 3.0], [1.0, 1.0, 1.0]),
    ];
}
