//! Transition probabilities of the two-state chain and their derivatives.
//!
//! With gain rate `g` (0 -> 1), loss rate `l` (1 -> 0), `a = g + l` and a branch of length `t`,
//! `P01 = g/a (1 - exp(-a t))`, `P10 = l/a (1 - exp(-a t))`, and without rates the identity. `P00` and `P11` are
//! computed as `l/a + g/a exp(-a t)` and `g/a + l/a exp(-a t)`, sums of positive terms: `1 - P10` would lose all
//! digits of a `P11` near 1e-10.
//!
//! Source: Felsenstein 2004, Inferring Phylogenies, chapter 13; the chain is not normalised.

use super::elementary::decay;

/// Transition probabilities of one branch: `[P00, P01, P10, P11]`, first the state above, then the state below.
pub type Transition = [f64; 4];

/// Derivatives of a log-likelihood with respect to gain rate, loss rate and branch length.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RateAdjoint {
    /// With respect to the gain rate.
    pub gain: f64,
    /// With respect to the loss rate.
    pub loss: f64,
    /// With respect to the branch length.
    pub length: f64,
}

/// Returns the transition probabilities for finite rates `gain`, `loss` >= 0 over a length >= 0.
///
/// Length 0, or both rates 0, give the identity exactly.
#[inline(always)]
#[must_use]
pub fn transition(gain: f64, loss: f64, length: f64) -> Transition {
    Equilibrium::of(gain, loss).transition(length)
}

/// The rates of a chain as their sum and the frequencies they lead to, from which any branch is cheap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Equilibrium {
    rate: f64,
    absent: f64,
    present: f64,
}

impl Equilibrium {
    /// Returns the equilibrium; without any rate nothing ever changes, whatever the frequencies.
    #[inline(always)]
    pub(super) fn of(gain: f64, loss: f64) -> Self {
        let rate = gain + loss;
        let present = if rate > 0.0 { gain / rate } else { 0.0 };
        let absent = if rate > 0.0 { loss / rate } else { 1.0 };
        Self { rate, absent, present }
    }

    /// Returns the transition probabilities over a length.
    #[inline(always)]
    pub(super) fn transition(self, length: f64) -> Transition {
        let (kept, changed) = decay(self.rate * length);
        [
            self.absent + self.present * kept,
            self.present * changed,
            self.absent * changed,
            self.present + self.absent * kept,
        ]
    }
}

/// Returns the vector-Jacobian product of [`transition`]: `adjoint` holds the derivative with respect to each entry.
#[inline(always)]
#[must_use]
pub fn transition_adjoint(gain: f64, loss: f64, length: f64, adjoint: &Transition) -> RateAdjoint {
    let sum = gain + loss;
    // P00 = 1 - P01 and P11 = 1 - P10, so only two differences of adjoints matter.
    let (to_present, to_absent) = (adjoint[1] - adjoint[0], adjoint[2] - adjoint[3]);
    let exponent = sum * length;
    let (kept, changed) = decay(exponent);
    // phi = (1 - exp(-a t)) / a, psi = -d phi / d a
    let phi = if exponent > 0.0 { changed / sum } else { length };
    let psi = length * length * decay_ratio(exponent, kept, changed);
    RateAdjoint {
        gain: to_present * (phi - gain * psi) - to_absent * loss * psi,
        loss: to_absent * (phi - loss * psi) - to_present * gain * psi,
        length: (to_present * gain + to_absent * loss) * kept,
    }
}

/// Returns `(1 - exp(-z) - z exp(-z)) / z^2` for z >= 0 from z and the two parts of its decay; 1/2 at 0.
#[inline(always)]
fn decay_ratio(z: f64, kept: f64, changed: f64) -> f64 {
    // sum_k (-z)^k (k + 1) / (k + 2)!; 11 terms leave less than 1e-17 at z = 1/4
    let near = if z < 0.25 { z } else { 0.25 };
    let mut term = 0.5;
    let mut sum = 0.0;
    for k in 0..11 {
        sum += term * f64::from(k + 1);
        term *= -near / f64::from(k + 3);
    }
    let far = (changed - z * kept) / (z * z);
    if z < 0.25 {
        sum
    } else if z < f64::INFINITY {
        far
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_probabilities_keep_their_digits() {
        // mpmath, 40 digits: g = mpf(1e-8); l = mpf(50); t = mpf(1); (g + l*exp(-(g+l)*t))/(g+l)
        let p11 = transition(1e-8, 50.0, 1.0)[3];
        assert!((p11 / 1.999_999_999_601_928_8e-10 - 1.0).abs() < 1e-15, "{p11}");
        assert_eq!(transition(0.3, 0.7, 0.0), [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(transition(0.0, 0.0, 3.0), [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(transition(0.0, 0.7, 1e6), [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn decay_ratio_is_continuous_where_the_series_ends() {
        let ratio = |z: f64| decay_ratio(z, (-z).exp(), -(-z).exp_m1());
        let (below, above) = (ratio(0.25 - 1e-12), ratio(0.25));
        assert!((below - above).abs() < 1e-12, "{below} {above}");
        assert!((ratio(0.0) - 0.5).abs() < 1e-16);
    }

    #[test]
    fn adjoint_equals_central_differences() {
        let adjoint = [0.3, -1.2, 0.7, 2.1];
        for (gain, loss, length) in [(0.4, 1.1, 0.3), (1e-3, 2e-3, 0.1), (3.0, 0.2, 4.0), (0.0, 0.7, 1.3)] {
            let objective =
                |g: f64, l: f64, t: f64| -> f64 { transition(g, l, t).iter().zip(&adjoint).map(|(p, a)| p * a).sum() };
            let slope = |f: &dyn Fn(f64) -> f64| (f(1e-6) - f(-1e-6)) / 2e-6;
            let exact = transition_adjoint(gain, loss, length, &adjoint);
            // Central differences with step 1e-6 are good to about 1e-9 here.
            let numeric = slope(&|h| objective(gain + h, loss, length));
            assert!((exact.gain - numeric).abs() < 1e-8, "gain {} {numeric}", exact.gain);
            let numeric = slope(&|h| objective(gain, loss + h, length));
            assert!((exact.loss - numeric).abs() < 1e-8, "loss {} {numeric}", exact.loss);
            let numeric = slope(&|h| objective(gain, loss, length + h));
            assert!(
                (exact.length - numeric).abs() < 1e-8,
                "length {} {numeric}",
                exact.length
            );
        }
    }
}
