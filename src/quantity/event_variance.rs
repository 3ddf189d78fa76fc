//! Expected squares of the numbers of gains and of losses on a branch, given the data; from them their variances.
//!
//! With the symbols of `expected_events` (z, h, frequencies q and p, A, B, D the expected numbers of returns) and
//! `e = exp(-z)`,
//!
//! ```text
//! U(z) = 1 - (4 + 2 e) / z + 6 (1 - e) / z^2        V(z) = e + (2 + 4 e) / z - 6 (1 - e) / z^2
//! W(z) = 1 - 6 (1 + e) / (z (1 - e)) + 12 / z^2
//! 0 -> 0   E[R (R - 1)] = h^2 (q U + p V) / (q + p e)
//! 0 -> 1, 1 -> 0          h^2 W
//! 1 -> 1                  h^2 (p U + q V) / (p + q e)
//! ```
//!
//! for the number R of returns, since its probability-generating function is, but for factors, `cosh(t D) + (l - g)
//! sinh(t D) / (2 D)`, `sinh(t D) / D`, or the first with g and l exchanged, where `D^2 = (g - l)^2 / 4 + s g l`. Gains
//! are R, and one more where the family came between the ends; so losses. The variance given the data is the posterior
//! mean of the square less the square of the posterior mean; it is good to about 1e-15 times the larger of 1 and the
//! square.
//!
//! Axes: node (the branch above it; the root's row is 0), family. Unit: squared number of events.
//!
//! Source: Minin & Suchard 2008, doi:10.1007/s00285-007-0120-8 (moments of counts of labelled changes); the closed form
//! is ours.

use super::expected_events::gains_given_ends;

/// Below this, series.
const SMALL: f64 = 3.0;
/// Share of a sum below which the terms of a series are left out: each is less than half of that before.
const NEGLIGIBLE: f64 = 1e-18;

/// `U`, `V`, `W` of an argument.
fn ratios(z: f64) -> [f64; 3] {
    if z >= SMALL {
        let (e, changed) = ((-z).exp(), -(-z).exp_m1());
        let square = 6.0 * changed / z / z;
        let u = 1.0 - (4.0 + 2.0 * e) / z + square;
        let v = e + (2.0 + 4.0 * e) / z - square;
        let w = 1.0 - 6.0 * (1.0 + e) / changed / z + 12.0 / z / z;
        return [u, v, w];
    }
    // With y = z / 2: U, V = z^2 exp(-y) (C'' +- y S''), W = z^2 S'' / S, where C = sum_k w^k / (2 k)!,
    // S = sum_k w^k / (2 k + 1)!, w = y^2, and primes are derivatives by w; V's terms go in pairs, each positive.
    let y = z / 2.0;
    let (mut plus, mut minus, mut second, mut whole) = (0.0, 0.0, 0.0, 0.0);
    // 1 / (2 k)!, 1 / (2 k + 1)!, y^(2 k), y^(2 k - 4)
    let (mut even, mut odd, mut power, mut lower) = (1.0, 1.0, 1.0, 1.0);
    for k in 0_u32.. {
        whole += power * odd;
        let (pairs, next) = (f64::from(k * k.saturating_sub(1)), f64::from(2 * k + 1));
        if k > 1 {
            plus += pairs * lower * (even + y * odd);
            minus += pairs * lower * (even - y * odd);
            let term = pairs * lower * odd;
            second += term;
            if term <= NEGLIGIBLE * second {
                break;
            }
            lower *= y * y;
        }
        even = odd / (next + 1.0);
        odd = even / (next + 2.0);
        power *= y * y;
    }
    let scale = (-y).exp();
    [plus * scale, minus * scale, second / whole].map(|value| z * z * value)
}

/// Returns the expected numbers of ordered pairs of returns, for ends 0 and 0, unequal, 1 and 1.
fn pairs(gain: f64, loss: f64, length: f64) -> [f64; 3] {
    let rate = gain + loss;
    let z = rate * length;
    let h = if rate > 0.0 { gain / rate * (loss * length) } else { 0.0 };
    if h == 0.0 {
        return [0.0; 3];
    }
    let (absent, present, kept) = (loss / rate, gain / rate, (-z).exp());
    let [u, v, w] = ratios(z);
    [
        h * h * (absent * u + present * v) / (absent + present * kept),
        h * h * w,
        h * h * (present * u + absent * v) / (present + absent * kept),
    ]
}

/// Returns the expected square of the number of gains given the states above and below (at `2 above + below`).
///
/// Rates and length are finite and not negative.
///
/// # Examples
/// ```
/// use persiste_rust::quantity::event_variance::squared_gains_given_ends;
///
/// // Where nothing is ever lost, a family comes once or never.
/// assert_eq!(squared_gains_given_ends(0.4, 0.0, 2.0), [0.0, 1.0, 0.0, 0.0]);
/// ```
#[must_use]
pub fn squared_gains_given_ends(gain: f64, loss: f64, length: f64) -> [f64; 4] {
    let ([absent, changed, present], came) = squared_returns(gain, loss, length);
    [absent, came, changed, present]
}

/// Returns the expected square of the number of losses given the states above and below (at `2 above + below`).
#[must_use]
pub fn squared_losses_given_ends(gain: f64, loss: f64, length: f64) -> [f64; 4] {
    let ([absent, changed, present], went) = squared_returns(gain, loss, length);
    [absent, changed, went, present]
}

/// Returns the expectations of `R^2` for ends 0 and 0, unequal, 1 and 1, and of `(R + 1)^2` for unequal ends.
fn squared_returns(gain: f64, loss: f64, length: f64) -> ([f64; 3], f64) {
    let [absent, _, changed, present] = gains_given_ends(gain, loss, length);
    let pairs = pairs(gain, loss, length);
    let squares = [pairs[0] + absent, pairs[1] + changed, pairs[2] + present];
    (squares, squares[1] + 2.0 * changed + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_returns_match_multiprecision() {
        for ([gain, loss, length], expected) in PAIRS {
            let found = pairs(gain, loss, length);
            for (found, expected) in found.into_iter().zip(expected) {
                let error = (found / expected - 1.0).abs();
                assert!(error < 5e-14, "{gain} {loss} {length}: {found} {expected}");
            }
        }
    }

    #[test]
    fn the_series_meets_the_closed_form() {
        let (below, above) = (ratios(SMALL * (1.0 - 1e-13)), ratios(SMALL));
        for (below, above) in below.into_iter().zip(above) {
            assert!((below / above - 1.0).abs() < 1e-11, "{below} {above}");
        }
        assert_eq!(ratios(0.0), [0.0; 3]);
    }

    #[test]
    fn squares_are_those_of_whole_numbers_where_nothing_returns() {
        for (gain, loss, length) in [(0.0, 0.7, 1.0), (0.7, 0.0, 1.0), (0.0, 0.0, 1.0), (0.3, 0.7, 0.0)] {
            assert_eq!(squared_gains_given_ends(gain, loss, length), [0.0, 1.0, 0.0, 0.0]);
            assert_eq!(squared_losses_given_ends(gain, loss, length), [0.0, 0.0, 1.0, 0.0]);
        }
    }

    // mpmath 1.3, 90 digits, Q = [[-g, g], [l, -l]], G = [[0, g], [0, 0]], of order 6 in blocks:
    // E = expm(t [[Q, G, 0], [0, Q, G], [0, 0, Q]]); 2 E[i, 4 + j] / E[i, j] for (i, j) = (0, 0), (1, 0), (1, 1)
    const PAIRS: [([f64; 3], [f64; 3]); 8] = [
        (
            [0.4, 1.1, 0.3],
            [0.00011853272822203969, 2.6010621837388016e-05, 0.0001398414055240217],
        ),
        (
            [0.001, 0.002, 0.1],
            [3.333199976668763e-17, 6.666666652380954e-18, 3.333466643331239e-17],
        ),
        (
            [3.0, 0.2, 4.0],
            [1.4166594725351451, 0.34002539958856964, 0.4118039635825407],
        ),
        (
            [1e-08, 50.0, 1.0],
            [9.223999996536e-17, 8.847999996681601e-17, 1.880000008118187e-08],
        ),
        (
            [1e-07, 1e-09, 0.0001],
            [8.333333333366335e-50, 1.666666666666667e-50, 8.333333333300335e-50],
        ),
        (
            [2.0, 2.0, 0.4],
            [0.027192645946430213, 0.0064355787737760285, 0.027192645946430213],
        ),
        ([30.0, 20.0, 3.0], [1287.1872, 1244.8512, 1273.0752]),
        (
            [1.2, 1.8, 1.0],
            [0.183902435411372, 0.06415228375573166, 0.23684288227433412],
        ),
    ];
}
