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
use super::scaled::{STEP, exponent, floor_of_log};
use std::f64::consts::LOG2_E;

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
            let (mut padded, mut entries) = ([0.0; WIDTH], [[0.0; 4]; WIDTH]);
            padded[..lengths.len()].copy_from_slice(lengths);
            entries[..adjoint.len()].copy_from_slice(adjoint);
            let mut slopes = [[0.0; 3]; WIDTH];
            for lane in 0..WIDTH {
                let decays = decay(equilibria.rate[lane] * padded[lane]);
                slopes[lane] = equilibria.pull_back(lane, padded[lane], decays, entries[lane]);
            }
            if slopes.as_flattened().iter().any(|slope| slope.is_nan()) {
                for lane in 0..WIDTH {
                    let decays = decay(equilibria.rate[lane] * padded[lane]);
                    slopes[lane] = equilibria.pull_back_apart(lane, padded[lane], decays, entries[lane]);
                }
            }
            for (lane, slopes) in slopes.into_iter().enumerate() {
                by_gain[lane] += slopes[0];
                by_loss[lane] += slopes[1];
            }
            by_length.extend(slopes[..lengths.len()].iter().map(|slopes| slopes[2]));
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
    /// The largest rate where a state has the frequency 0, so that on long branches only `exp(-a t)` is left of it.
    lone_rate: f64,
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
        let mut lone_rate = 0.0;
        for lane in 0..W {
            let is_lone = (absent[lane] == 0.0 || present[lane] == 0.0) && rate[lane] > lone_rate;
            lone_rate = if is_lone { rate[lane] } else { lone_rate };
        }
        Self {
            gain,
            loss,
            rate,
            inverse_rate: rate.map(|rate| 1.0 / rate.max(f64::MIN_POSITIVE)),
            absent,
            present,
            least_share,
            least_rate: least(&rate),
            lone_rate,
        }
    }

    /// Returns a lower bound of log2 of the positive transition probabilities over a length.
    #[inline(always)]
    pub(super) fn floor(&self, length: f64) -> i32 {
        // 1 - exp(-z) >= z / (1 + z) >= min(z, 1) / 2; of the diagonal, one term is a frequency, or exp(-z) alone.
        let z = self.least_rate * length;
        let changed = if z > 0.0 { 0.5 * z.min(1.0) } else { 1.0 };
        let lone = -LOG2_E * self.lone_rate * length;
        exponent(self.least_share * changed).min(floor_of_log(lone))
    }

    /// Returns the derivatives with respect to gain, loss and length, given those with respect to the probabilities
    /// and the two parts of the decay.
    ///
    /// With `phi = c / a` and `chi = phi - t k`, `a = g + l`: `d P01 = (f0 phi + f1 t k) dg - f1 chi dl + a f1 k dt`,
    /// and likewise `d P10`: no term cancels within itself, whichever rate is larger and however long the branch.
    #[inline(always)]
    pub(super) fn pull_back(
        &self,
        lane: usize,
        length: f64,
        (kept, changed): (f64, f64),
        adjoint: Transition,
    ) -> [f64; 3] {
        let (rate, inverse) = (self.rate[lane], self.inverse_rate[lane]);
        let z = rate * length;
        let phi = if z > 1e-17 { changed * inverse } else { length };
        let chi = lost_twice(z, kept, changed) * inverse;
        // P00 = 1 - P01 and P11 = 1 - P10, so only two differences of adjoints matter.
        let to_present = adjoint[1] - adjoint[0];
        let to_absent = adjoint[2] - adjoint[3];
        let (absent, present) = (self.absent[lane], self.present[lane]);
        let flow = absent * to_absent + present * to_present;
        let still = length * kept;
        let by_gain = to_present * absent.mul_add(phi, present * still) - absent * to_absent * chi;
        let by_loss = to_absent * present.mul_add(phi, absent * still) - present * to_present * chi;
        // The flow may be as large as 1 / k: neither product may leave the range before they meet.
        let (slow, fast) = if rate < 1.0 { (rate, 1.0) } else { (1.0, rate) };
        [by_gain, by_loss, (flow * slow) * (fast * kept)]
    }

    /// As [`pull_back`](Self::pull_back), entry by entry: a derivative may be infinite where its entry is exactly 0, and
    /// then matters only for what the entry depends on.
    #[cold]
    #[inline(never)]
    pub(super) fn pull_back_apart(
        &self,
        lane: usize,
        length: f64,
        decays: (f64, f64),
        adjoint: Transition,
    ) -> [f64; 3] {
        let mut total = [0.0; 3];
        for entry in (0..4).filter(|&entry| adjoint[entry] != 0.0) {
            let mut alone = [0.0; 4];
            alone[entry] = 1.0;
            let slopes = self.pull_back(lane, length, decays, alone);
            for (total, slope) in total.iter_mut().zip(slopes) {
                *total += if slope == 0.0 { 0.0 } else { adjoint[entry] * slope };
            }
        }
        total
    }

    /// Returns whether over a length a change cannot come about, or hardly, in some lane.
    pub(super) fn has_gap(&self, length: f64) -> bool {
        let mut rates = self.gain.iter().chain(&self.loss);
        length == 0.0 || self.floor(length) < -STEP || rates.any(|&rate| rate == 0.0)
    }

    /// Returns the rates of a lane.
    pub(super) fn rates(&self, lane: usize) -> [f64; 2] {
        [self.gain[lane], self.loss[lane]]
    }
}

/// Returns `1 - (1 + z) exp(-z)` for z >= 0, from z and the two parts of its decay.
#[inline(always)]
pub(super) fn lost_twice(z: f64, kept: f64, changed: f64) -> f64 {
    // z^2 sum_k (-z)^k (k + 1) / (k + 2)!; 7 terms leave 2e-15 at z = 1/32, where the difference loses 7e-15.
    let near = if z < 0.03125 { z } else { 0.03125 };
    let mut series: f64 = 1.0 / 5760.0;
    for coefficient in [-1.0 / 840.0, 1.0 / 144.0, -1.0 / 30.0, 1.0 / 8.0, -1.0 / 3.0, 1.0 / 2.0] {
        series = series.mul_add(near, coefficient);
    }
    // z may be infinite where nothing is kept.
    let lost = if kept > 0.0 { z * kept } else { 0.0 };
    if z < 0.03125 {
        near * near * series
    } else {
        changed - lost
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
    fn lost_twice_keeps_its_digits_on_both_sides_of_where_the_series_ends() {
        let of = |z: f64| lost_twice(z, (-z).exp(), -(-z).exp_m1());
        let (below, above) = (of(0.03125 - 1e-12), of(0.03125));
        assert!((below / above - 1.0).abs() < 1e-10, "{below} {above}");
        // mpmath, 40 digits: z = mpf(x); 1 - (1 + z)*exp(-z)
        for (z, expected) in [
            (1e-6, 4.999_996_666_667_916e-13),
            (0.03, 4.411_004_450_365_777_3e-4),
            (0.5, 9.020_401_043_104_986e-2),
        ] {
            assert!((of(z) / expected - 1.0).abs() < 1e-14, "{z} {}", of(z));
        }
        assert_eq!((of(0.0), of(f64::INFINITY)), (0.0, 1.0));
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
