//! True numbers of gains and losses on a branch, given the states at its ends.
//!
//! By uniformisation: with m the greater of the two rates, events fall as a Poisson process of rate m, and at each the
//! chain stays or changes by the matrix `R = I + Q / m`. Over two states `R^n[i][j] = pi[j] + (delta[i][j] - pi[j])
//! lambda^n` with `lambda = 1 - (g + l) / m`. The number n of such points given both ends has probability in proportion
//! to `(m t)^n / n! R^n[i][j]`; then the states at the points are drawn one by one, each in proportion to
//! `R[i][k] R^(n - 1)[k][j]`. Exact, without rejection. A branch of many expected points is first cut into pieces
//! whose end states are drawn from the chain's bridge, so that no power underflows.
//!
//! # Source
//! Hobolth and Stone 2009, doi:10.1214/09-AOAS247, uniformisation.

use super::chance::place;
use crate::kernel::transition;
use crate::parallel::Random;

/// Expected points of a piece.
const PIECE: f64 = 32.0;
/// Expected points of a branch up to which events are counted.
pub(super) const MOST_POINTS: f64 = 30_000.0;

/// Gain rate, loss rate and length of a branch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Branch {
    pub(super) gain: f64,
    pub(super) loss: f64,
    pub(super) length: f64,
}

impl Branch {
    /// Returns the expected points of uniformisation.
    pub(super) fn points(self) -> f64 {
        self.gain.max(self.loss) * self.length
    }

    /// Draws the numbers of gains and losses between a state above and a state below that can arise from it.
    pub(super) fn events(self, above: u8, below: u8, random: &mut Random) -> [u32; 2] {
        let n_pieces = (self.points() / PIECE).ceil().max(1.0);
        let piece = Self {
            length: self.length / n_pieces,
            ..self
        };
        let (mut events, mut state, mut left) = ([0; 2], usize::from(above), n_pieces);
        while left > 0.0 {
            left -= 1.0;
            let next = if left == 0.0 {
                usize::from(below)
            } else {
                let [here, rest] = [1.0, left].map(|pieces| {
                    let [p00, p01, p10, p11] = transition(self.gain, self.loss, piece.length * pieces);
                    [[p00, p01], [p10, p11]]
                });
                let weights = [0, 1].map(|middle| here[state][middle] * rest[middle][usize::from(below)]);
                place(random, weights[0] + weights[1], weights.into_iter())
            };
            let [gains, losses] = piece.events_within(state, next, random);
            events = [events[0] + gains, events[1] + losses];
            state = next;
        }
        events
    }

    /// The same where few points are expected.
    fn events_within(self, above: usize, below: usize, random: &mut Random) -> [u32; 2] {
        let mut events = [0; 2];
        let fastest = self.gain.max(self.loss);
        if fastest == 0.0 || self.length == 0.0 {
            return events;
        }
        let (mean, total) = (fastest * self.length, self.gain + self.loss);
        let equilibrium = [self.loss / total, self.gain / total];
        let lambda = 1.0 - total / fastest;
        let power = |from: usize, to: usize, n: i32| {
            let start = if from == to { 1.0 } else { 0.0 };
            // 0^0 is 1: without points nothing changes.
            (equilibrium[to] + (start - equilibrium[to]) * lambda.powi(n)).max(0.0)
        };
        let table = transition(self.gain, self.loss, self.length);
        let mut rest = random.uniform() * table[2 * above + below];
        let (mut poisson, mut n) = ((-mean).exp(), 0);
        loop {
            rest -= poisson * power(above, below, n);
            // Past the bulk only rounding is left; an end that needs a point gets one.
            let may_end = power(above, below, n) > 0.0;
            if (rest < 0.0 || poisson < f64::MIN_POSITIVE && f64::from(n) > mean) && may_end {
                break;
            }
            n += 1;
            poisson *= mean / f64::from(n);
        }
        let step = [
            [1.0 - self.gain / fastest, self.gain / fastest],
            [self.loss / fastest, 1.0 - self.loss / fastest],
        ];
        let mut state = above;
        for left in (0..n).rev() {
            let weights = [0, 1].map(|next| step[state][next] * power(next, below, left));
            let next = place(random, weights[0] + weights[1], weights.into_iter());
            if next != state {
                events[state] += 1;
            }
            state = next;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean gains given the ends by numerical integration: `integral P[a][0](s) g P[1][b](t - s) ds / P[a][b](t)`.
    fn expected_gains(branch: Branch, above: usize, below: usize) -> f64 {
        let n = 20_000;
        let at = |length: f64| transition(branch.gain, branch.loss, length);
        let term = |i: usize| {
            let s = branch.length * (i as f64 + 0.5) / f64::from(n);
            at(s)[2 * above] * branch.gain * at(branch.length - s)[2 + below]
        };
        let sum: f64 = (0..n as usize).map(term).sum();
        sum * branch.length / f64::from(n) / at(branch.length)[2 * above + below]
    }

    #[test]
    fn mean_numbers_of_gains_are_those_of_the_integral() {
        let mut random = Random::new(11);
        for (gain, loss, length) in [(0.3, 1.2, 0.8), (2.0, 0.5, 1.0), (1.0, 1.0, 3.0), (30.0, 70.0, 2.0)] {
            let branch = Branch { gain, loss, length };
            for (above, below) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let n = 20_000;
                let draws: Vec<f64> = (0..n)
                    .map(|_| f64::from(branch.events(above, below, &mut random)[0]))
                    .collect();
                let mean = draws.iter().sum::<f64>() / f64::from(n);
                let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / f64::from(n);
                let expected = expected_gains(branch, usize::from(above), usize::from(below));
                let error = (variance / f64::from(n)).sqrt().max(1e-3);
                assert!(
                    (mean - expected).abs() < 4.0 * error,
                    "{branch:?} {above}{below} {mean} {expected}"
                );
            }
        }
    }

    #[test]
    fn gains_and_losses_lead_from_one_end_to_the_other() {
        let mut random = Random::new(3);
        for turn in 0..3000 {
            let branch = Branch {
                gain: [0.0, 1e-9, 2.0][turn % 3],
                loss: [1.0, 5.0, 40.0, 1e-7][turn % 4],
                length: 1.3,
            };
            let (above, below) = ((turn & 1) as u8, u8::from(turn & 2 != 0));
            if above < below && branch.gain == 0.0 {
                continue;
            }
            let [gains, losses] = branch.events(above, below, &mut random).map(i64::from);
            assert_eq!(gains - losses, i64::from(below) - i64::from(above), "{branch:?}");
        }
    }
}
