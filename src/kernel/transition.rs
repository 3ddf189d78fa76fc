//! Transition probabilities of the two-state chain and their derivatives.
//!
//! With gain rate `g` (0 -> 1), loss rate `l` (1 -> 0), `a = g + l` and a branch of length `t`,
//! `P01 = g/a (1 - exp(-a t))`, `P10 = l/a (1 - exp(-a t))`, and without rates the identity. `P00` and `P11` are
//! computed as `l/a + g/a exp(-a t)` and `g/a + l/a exp(-a t)`, sums of positive terms: `1 - P10` would lose all
//! digits of a `P11` near 1e-10.
//!
//! Source: Felsenstein 2004, Inferring Phylogenies, chapter 13; the chain is not normalised.

use super::dispatch::{self, Simd, Work};
use super::elementary::decay;
use super::scaled::exponent;

/// Transition probabilities of one branch: `[P00, P01, P10, P11]`, first the state above, then the state below.
pub type Transition = [f64; 4];

/// Lanes of a table that are computed together.
const WIDTH: usize = 8;

/// Returns the transition probabilities of a branch, for finite rates `gain`, `loss` >= 0 over a length >= 0.
///
/// Length 0, or both rates 0, give the identity exactly.
#[must_use]
pub fn transition(gain: f64, loss: f64, length: f64) -> Transition {
    transitions(gain, loss, &[length])[0]
}

/// Returns the transition probabilities of every branch, `[n_branches]`; see [`transition`].
#[must_use]
pub fn transitions(gain: f64, loss: f64, lengths: &[f64]) -> Vec<Transition> {
    dispatch::run(TableWork { gain, loss, lengths })
}

struct TableWork<'a> {
    gain: f64,
    loss: f64,
    lengths: &'a [f64],
}

impl Work for TableWork<'_> {
    type Output = Vec<Transition>;

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> Vec<Transition> {
        let Equilibria {
            rate: [rate],
            absent: [absent],
            present: [present],
            ..
        } = Equilibria::of([self.gain], [self.loss]);
        let mut table = Vec::with_capacity(self.lengths.len());
        for lengths in self.lengths.chunks(WIDTH) {
            let mut decays = [(1.0, 0.0); WIDTH];
            let mut exponents = [0.0; WIDTH];
            for (exponent, length) in exponents.iter_mut().zip(lengths) {
                *exponent = rate * length;
            }
            for (parts, exponent) in decays.iter_mut().zip(exponents) {
                *parts = decay(exponent);
            }
            table.extend(decays[..lengths.len()].iter().map(|(kept, changed)| {
                [
                    absent + present * kept,
                    present * changed,
                    absent * changed,
                    present + absent * kept,
                ]
            }));
        }
        table
    }
}

/// Returns the vector-Jacobian product of [`transitions`] with respect to the two rates and to each length.
///
/// `adjoint` (`[n_branches]`) holds the derivative with respect to each entry.
#[must_use]
pub fn transitions_adjoint(gain: f64, loss: f64, lengths: &[f64], adjoint: &[Transition]) -> (f64, f64, Vec<f64>) {
    dispatch::run(PullBackWork {
        gain,
        loss,
        lengths,
        adjoint,
    })
}

struct PullBackWork<'a> {
    gain: f64,
    loss: f64,
    lengths: &'a [f64],
    adjoint: &'a [Transition],
}

impl Work for PullBackWork<'_> {
    type Output = (f64, f64, Vec<f64>);

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> Self::Output {
        let equilibria = Equilibria::of([self.gain; WIDTH], [self.loss; WIDTH]);
        let (mut by_gain, mut by_loss) = ([0.0; WIDTH], [0.0; WIDTH]);
        let mut by_length = Vec::with_capacity(self.lengths.len());
        for (lengths, adjoint) in self.lengths.chunks(WIDTH).zip(self.adjoint.chunks(WIDTH)) {
            let mut padded = [0.0; WIDTH];
            padded[..lengths.len()].copy_from_slice(lengths);
            let mut entries = [[0.0; WIDTH]; 4];
            for (lane, adjoint) in adjoint.iter().enumerate() {
                (0..4).for_each(|entry| entries[entry][lane] = adjoint[entry]);
            }
            let transition = equilibria.transition(padded);
            let slopes = equilibria.pull_back(padded, &transition, &entries, &mut by_gain, &mut by_loss);
            by_length.extend_from_slice(&slopes[..lengths.len()]);
        }
        (by_gain.iter().sum(), by_loss.iter().sum(), by_length)
    }
}

/// The rates of `W` chains as their sums and the frequencies they lead to, from which any branch is cheap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Equilibria<const W: usize> {
    gain: [f64; W],
    loss: [f64; W],
    pub(super) rate: [f64; W],
    /// 1 / rate, at most 2^1022: it is read only where rate times length is not tiny.
    pub(super) inverse_rate: [f64; W],
    pub(super) absent: [f64; W],
    pub(super) present: [f64; W],
    /// The smallest positive frequency of a state.
    least_share: f64,
    /// The smallest positive rate.
    least_rate: f64,
}

impl<const W: usize> Equilibria<W> {
    /// Returns the equilibria; without any rate nothing ever changes, whatever the frequencies.
    #[inline(always)]
    pub(super) fn of(gain: [f64; W], loss: [f64; W]) -> Self {
        let rate: [f64; W] = std::array::from_fn(|lane| gain[lane] + loss[lane]);
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
            inverse_rate: rate.map(|rate| 1.0 / rate.max(f64::MIN_POSITIVE)),
            absent,
            present,
            least_share,
            least_rate: least(&rate),
        }
    }

    /// Returns the transition probabilities over a length, entry by entry.
    #[inline(always)]
    pub(super) fn transition(&self, length: [f64; W]) -> [[f64; W]; 4] {
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
        // 1 - exp(-z) >= z / (1 + z) >= min(z, 1) / 2; of the diagonal, one term is a frequency.
        let z = self.least_rate * length;
        let changed = if z > 0.0 { 0.5 * z.min(1.0) } else { 1.0 };
        exponent(self.least_share * changed)
    }

    #[inline(always)]
    fn decay(&self, length: [f64; W]) -> ([f64; W], [f64; W]) {
        let (mut kept, mut changed) = ([0.0; W], [0.0; W]);
        for lane in 0..W {
            (kept[lane], changed[lane]) = decay(self.rate[lane] * length[lane]);
        }
        (kept, changed)
    }

    /// Adds the derivatives with respect to the rates and returns those with respect to the length.
    ///
    /// `transition` is what [`transition`](Self::transition) returned for these lengths.
    #[inline(always)]
    pub(super) fn pull_back(
        &self,
        length: [f64; W],
        transition: &[[f64; W]; 4],
        adjoint: &[[f64; W]; 4],
        gain: &mut [f64; W],
        loss: &mut [f64; W],
    ) -> [f64; W] {
        let mut by_length = [0.0; W];
        for lane in 0..W {
            // P00 = 1 - P01 and P11 = 1 - P10, so only two differences of adjoints matter.
            let to_present = adjoint[1][lane] - adjoint[0][lane];
            let to_absent = adjoint[2][lane] - adjoint[3][lane];
            let exponent = self.rate[lane] * length[lane];
            let changed = transition[1][lane] + transition[2][lane];
            let kept = 1.0 - changed;
            // phi = (1 - exp(-a t)) / a, psi = -d phi / d a
            let phi = if exponent > 0.0 {
                changed / self.rate[lane]
            } else {
                length[lane]
            };
            let psi = length[lane] * length[lane] * decay_ratio(exponent, kept, changed);
            let flow = to_absent * self.loss[lane] + to_present * self.gain[lane];
            gain[lane] += to_present * phi - flow * psi;
            loss[lane] += to_absent * phi - flow * psi;
            by_length[lane] = flow * kept;
        }
        by_length
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
        let adjoint = [[0.3, -1.2, 0.7, 2.1], [-0.4, 0.9, 1.1, 0.2], [0.8, 0.1, -0.6, 1.0]];
        for (gain, loss, scale) in [(0.4, 1.1, 0.3), (1e-3, 2e-3, 0.1), (3.0, 0.2, 4.0), (0.0, 0.7, 1.3)] {
            let lengths = [scale, 0.1 * scale, 3.0 * scale];
            let objective = |g: f64, l: f64, t: &[f64]| -> f64 {
                let table = transitions(g, l, t);
                table
                    .as_flattened()
                    .iter()
                    .zip(adjoint.as_flattened())
                    .map(|(p, a)| p * a)
                    .sum()
            };
            // Central differences with step 1e-6 are good to about 1e-9 here.
            let slope = |f: &dyn Fn(f64) -> f64| (f(1e-6) - f(-1e-6)) / 2e-6;
            let (by_gain, by_loss, by_length) = transitions_adjoint(gain, loss, &lengths, &adjoint);
            // One-sided where the rate is 0 already.
            let numeric = if gain > 0.0 {
                slope(&|h| objective(gain + h, loss, &lengths))
            } else {
                (objective(1e-7, loss, &lengths) - objective(0.0, loss, &lengths)) / 1e-7
            };
            assert!(
                (by_gain - numeric).abs() < 1e-5 * numeric.abs().max(1.0),
                "gain {by_gain} {numeric}"
            );
            let numeric = slope(&|h| objective(gain, loss + h, &lengths));
            assert!((by_loss - numeric).abs() < 1e-8, "loss {by_loss} {numeric}");
            for branch in 0..3 {
                let numeric = slope(&|h| {
                    let mut longer = lengths;
                    longer[branch] += h;
                    objective(gain, loss, &longer)
                });
                assert!(
                    (by_length[branch] - numeric).abs() < 1e-8,
                    "length {by_length:?} {numeric}"
                );
            }
        }
    }
}
