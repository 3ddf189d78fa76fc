//! Transition probabilities of the two-state chain and their derivatives.
//!
//! With gain rate `g` (0 -> 1), loss rate `l` (1 -> 0), `a = g + l` and a branch of length `t`,
//! `P01 = g/a (1 - exp(-a t))`, `P10 = l/a (1 - exp(-a t))`, and without rates the identity. `P00` and `P11` are
//! computed as `l/a + g/a exp(-a t)` and `g/a + l/a exp(-a t)`, sums of positive terms: `1 - P10` would lose all
//! digits of a `P11` near 1e-10.
//!
//! Source: Felsenstein 2004, Inferring Phylogenies, chapter 13; the chain is not normalised.

use super::elementary::decay;
use super::scaled::exponent;

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
    Equilibria::of([gain], [loss]).transition(length).map(|[entry]| entry)
}

/// The rates of `W` chains as their sums and the frequencies they lead to, from which any branch is cheap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Equilibria<const W: usize> {
    gain: [f64; W],
    loss: [f64; W],
    rate: [f64; W],
    absent: [f64; W],
    present: [f64; W],
    /// The smallest positive frequency of a state.
    least_share: f64,
    /// The smallest positive rate.
    least_rate: f64,
}

impl<const W: usize> Equilibria<W> {
    /// Returns the equilibria; without any rate nothing ever changes, whatever the frequencies.
    #[inline(always)]
    pub(super) fn of(gain: [f64; W], loss: [f64; W]) -> Self {
        let rate = std::array::from_fn(|lane| gain[lane] + loss[lane]);
        let (mut absent, mut present) = ([1.0; W], [0.0; W]);
        for lane in 0..W {
            if rate[lane] > 0.0 {
                absent[lane] = loss[lane] / rate[lane];
                present[lane] = gain[lane] / rate[lane];
            }
        }
        let least = |values: &[f64; W]| {
            values
                .iter()
                .fold(1.0, |a: f64, &b| if b < a && b > 0.0 { b } else { a })
        };
        let least_share = least(&absent).min(least(&present));
        Self {
            gain,
            loss,
            rate,
            absent,
            present,
            least_share,
            least_rate: least(&rate),
        }
    }

    /// Returns the transition probabilities over a length, entry by entry.
    #[inline(always)]
    pub(super) fn transition(&self, length: f64) -> [[f64; W]; 4] {
        let (kept, changed) = self.decay(length);
        let mut entries = [[0.0; W]; 4];
        for lane in 0..W {
            entries[0][lane] = self.absent[lane] + self.present[lane] * kept[lane];
            entries[1][lane] = self.present[lane] * changed[lane];
            entries[2][lane] = self.absent[lane] * changed[lane];
            entries[3][lane] = self.present[lane] + self.absent[lane] * kept[lane];
        }
        entries
    }

    /// Returns a lower bound of log2 of the positive transition probabilities over a length.
    #[inline(always)]
    pub(super) fn floor(&self, length: f64) -> i32 {
        // 1 - exp(-z) >= z / (1 + z); of the diagonal, one term is a frequency.
        let z = self.least_rate * length;
        let changed = if z > 0.0 { z / (1.0 + z) } else { 1.0 };
        exponent(self.least_share * changed)
    }

    #[inline(always)]
    fn decay(&self, length: f64) -> ([f64; W], [f64; W]) {
        let (mut kept, mut changed) = ([0.0; W], [0.0; W]);
        for lane in 0..W {
            (kept[lane], changed[lane]) = decay(self.rate[lane] * length);
        }
        (kept, changed)
    }

    /// Adds the derivatives with respect to the rates and returns those with respect to the length.
    #[inline(always)]
    pub(super) fn pull_back(
        &self,
        length: f64,
        adjoint: &[[f64; W]; 4],
        gain: &mut [f64; W],
        loss: &mut [f64; W],
    ) -> [f64; W] {
        let (kept, changed) = self.decay(length);
        let mut by_length = [0.0; W];
        for lane in 0..W {
            // P00 = 1 - P01 and P11 = 1 - P10, so only two differences of adjoints matter.
            let to_present = adjoint[1][lane] - adjoint[0][lane];
            let to_absent = adjoint[2][lane] - adjoint[3][lane];
            let exponent = self.rate[lane] * length;
            // phi = (1 - exp(-a t)) / a, psi = -d phi / d a
            let phi = if exponent > 0.0 {
                changed[lane] / self.rate[lane]
            } else {
                length
            };
            let psi = length * length * decay_ratio(exponent, kept[lane], changed[lane]);
            let mixed = to_absent * self.loss[lane] + to_present * self.gain[lane];
            gain[lane] += to_present * phi - mixed * psi;
            loss[lane] += to_absent * phi - mixed * psi;
            by_length[lane] = (to_present * self.gain[lane] + to_absent * self.loss[lane]) * kept[lane];
        }
        by_length
    }
}

/// Returns the vector-Jacobian product of [`transition`]: `adjoint` holds the derivative with respect to each entry.
#[inline(always)]
#[must_use]
pub fn transition_adjoint(gain: f64, loss: f64, length: f64, adjoint: &Transition) -> RateAdjoint {
    let (mut by_gain, mut by_loss) = ([0.0], [0.0]);
    let equilibria = Equilibria::of([gain], [loss]);
    let [by_length] = equilibria.pull_back(length, &adjoint.map(|entry| [entry]), &mut by_gain, &mut by_loss);
    RateAdjoint {
        gain: by_gain[0],
        loss: by_loss[0],
        length: by_length,
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
    // Beyond 746 exp(-z) is 0, and z must not be squared to infinity.
    let square = if z < 1e150 { z * z } else { f64::INFINITY };
    let lost = if kept > 0.0 { z * kept } else { 0.0 };
    if z < 0.25 { sum } else { (changed - lost) / square }
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
