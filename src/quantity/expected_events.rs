//! Expected numbers of gains and of losses on a branch, given the data.
//!
//! With `g`, `l`, length `t`, `z = (g + l) t`, equilibrium frequencies `q = l / (g + l)` of absence and `p = g / (g + l)`
//! of presence, `h = g l t / (g + l)` and the ratios `u`, `v`, `r` of `small_ratios.rs`, the expected number of
//! passages there and back, given the states at the two ends, is
//!
//! ```text
//! 0 -> 0   A = h (q u(z) + p v(z)) / (q + p exp(-z))
//! 0 -> 1   B = h r(z), beside the one gain that must be
//! 1 -> 0   B, beside the one loss that must be
//! 1 -> 1   D = h (p u(z) + q v(z)) / (p + q exp(-z))
//! ```
//!
//! for the number of gains less that of losses is the difference of the ends. All terms are positive, so nothing
//! cancels. They come from the integrals `N_ij = g int_0^t P_i0(s) P_1j(t - s) ds` divided by `P_ij(t)`; where the ends
//! cannot be (a rate or the length is 0) the numbers are the limits for small rates, and their posterior is 0.
//!
//! Axes: node (the branch above it; the root's row is 0), family. Unit: expected number of events.
//!
//! Source: Minin & Suchard 2008, doi:10.1098/rstb.2008.0176, for the conditional expectation; the closed form is ours.

use super::small_ratios::Ratios;

/// Returns the expected numbers of passages there and back, `[A, B, D]`.
fn returns(gain: f64, loss: f64, length: f64) -> [f64; 3] {
    let rate = gain + loss;
    let z = rate * length;
    let h = if rate > 0.0 { gain / rate * (loss * length) } else { 0.0 };
    if h == 0.0 {
        return [0.0; 3];
    }
    let (absent, present) = (loss / rate, gain / rate);
    let (kept, Ratios { u, v, r, .. }) = ((-z).exp(), Ratios::of(z));
    [
        h * (absent * u + present * v) / (absent + present * kept),
        h * r,
        h * (present * u + absent * v) / (present + absent * kept),
    ]
}

/// Returns the expected number of gains given the states above and below (at `2 above + below`).
///
/// Rates and length are finite and not negative; all numbers are at least 0.
///
/// # Examples
/// ```
/// use persiste_rust::quantity::expected_events::gains_given_ends;
///
/// // Where nothing is ever lost, a family comes once or never.
/// assert_eq!(gains_given_ends(0.4, 0.0, 2.0), [0.0, 1.0, 0.0, 0.0]);
/// ```
#[must_use]
pub fn gains_given_ends(gain: f64, loss: f64, length: f64) -> [f64; 4] {
    let [absent, changed, present] = returns(gain, loss, length);
    [absent, 1.0 + changed, changed, present]
}

/// Returns the expected number of losses given the states above and below (at `2 above + below`); see
/// [`gains_given_ends`].
#[must_use]
pub fn losses_given_ends(gain: f64, loss: f64, length: f64) -> [f64; 4] {
    let [absent, changed, present] = returns(gain, loss, length);
    [absent, changed, 1.0 + changed, present]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_given_ends_match_multiprecision_integrals() {
        for ([gain, loss, length], [absent, changed, present]) in INTEGRALS {
            let found = gains_given_ends(gain, loss, length);
            for (found, expected) in found.into_iter().zip([absent, 1.0 + changed, changed, present]) {
                let error = (found / expected - 1.0).abs();
                assert!(error < 2e-14, "{gain} {loss} {length}: {found} {expected}");
            }
        }
    }

    #[test]
    fn nothing_returns_where_a_rate_or_the_length_is_zero() {
        for (gain, loss, length) in [
            (0.0, 0.7, 1.0),
            (0.7, 0.0, 1.0),
            (0.0, 0.0, 1.0),
            (0.3, 0.7, 0.0),
            (0.0, 2.0, 1e6),
        ] {
            assert_eq!(gains_given_ends(gain, loss, length), [0.0, 1.0, 0.0, 0.0]);
            assert_eq!(losses_given_ends(gain, loss, length), [0.0, 0.0, 1.0, 0.0]);
        }
    }

    // mpmath 1.3: P01 = lambda s: g/a*(1-exp(-a*s)) and so on, mp.dps = 60,
    // A = g*quad(lambda s: P00(s)*P10(t-s), [0, t])/P00(t), B with P10 P10 over P10, D with P10 P11 over P11
    const INTEGRALS: [([f64; 3], [f64; 3]); 7] = [
        (
            [0.4, 1.1, 0.3],
            [0.018265588979974202, 0.00657783185638859, 0.02095738507781728],
        ),
        (
            [0.001, 0.002, 0.1],
            [9.999666608338502e-09, 3.333333328333334e-09, 1.0000333274994835e-08],
        ),
        (
            [3.0, 0.2, 4.0],
            [1.5702141515498869, 0.6328166411702909, 0.6953123849678307],
        ),
        (
            [1e-8, 50.0, 1.0],
            [9.79999999812e-09, 9.59999999816e-09, 1.0000000093990355],
        ),
        (
            [1e-7, 1e-9, 1e-4],
            [5.000000000016501e-25, 1.666666666666667e-25, 4.9999999999835e-25],
        ),
        (
            [2.0, 2.0, 0.4],
            [0.2656147081071396, 0.10237628081748266, 0.2656147081071396],
        ),
        ([30.0, 20.0, 3.0], [36.12, 35.52, 35.92]),
    ];
}
