//! The distribution of the number of returns on a branch of few points, given its ends.
//!
//! With `x = g t`, `y = l t`, `d = max(x, y)`, `z = |x - y|` and Kummer's function M, the probabilities of 2 k changes
//! (from 0 to 0; from 1 to 1 with x and y exchanged) and of 2 k + 1 (from 0 to 1; from 1 to 0 with y in front) are
//!
//! ```text
//! P(2 k)     = (x y)^k / (2 k)!       exp(-d) M(a, 2 k + 1, z),  a = sojourns in the state that is left more slowly
//! P(2 k + 1) = x (x y)^k / (2 k + 1)! exp(-d) M(k + 1, 2 k + 2, z)
//! ```
//!
//! for the sojourns in one state last together a share of the branch that, before the rates weigh it, has a beta
//! distribution. All terms are positive.
//!
//! Source: the moment-generating function of a beta distribution, Abramowitz & Stegun 1964, 13.2.1; own derivation.

use super::Chain;
use crate::parallel::Random;

/// Shares of the whole below which terms are left out.
const NEGLIGIBLE: f64 = 1e-20;

/// Of three pairs of ends (0 to 0; a change; 1 to 1): the probability of a return, and the distribution of how many.
#[derive(Debug, Clone)]
pub(super) struct ReturnTable {
    further: [f64; 3],
    /// Probabilities of at most 1, 2, ... returns given that there is one, one after the other for the three ends.
    cumulative: Vec<f64>,
    start: [u16; 4],
}

impl ReturnTable {
    pub(super) fn new(chain: Chain) -> Self {
        let (x, y) = (chain.gain * chain.length, chain.loss * chain.length);
        let mut table = Self {
            further: [0.0; 3],
            cumulative: Vec::new(),
            start: [0; 4],
        };
        if x * y == 0.0 {
            return table;
        }
        for ends in 0..3 {
            let first = table.cumulative.len();
            let (mut factor, mut total, none) = (1.0, 0.0, without_return(ends, x, y));
            for k in 1.. {
                let (odd, doubled) = (f64::from(u8::from(ends == 1)), 2.0 * f64::from(k));
                factor *= x * y / ((doubled + odd) * (doubled + odd - 1.0));
                let term = factor * share(ends, k, x, y);
                total += term;
                table.cumulative.push(total);
                // Beyond the points the terms fall at least by half each.
                if doubled > 2.0 * x.max(y) && term <= NEGLIGIBLE * (none + total) {
                    break;
                }
            }
            table.further[ends] = total / (none + total);
            table.cumulative[first..].iter_mut().for_each(|sum| *sum /= total);
            table.start[ends + 1] = table.cumulative.len() as u16;
        }
        table
    }

    pub(super) fn further(&self, above: usize, below: usize) -> f64 {
        self.further[above + below]
    }

    /// Draws the number of returns, given that there is one.
    pub(super) fn returns(&self, above: usize, below: usize, random: &mut Random) -> u64 {
        let [first, end] = [0, 1].map(|next| usize::from(self.start[above + below + next]));
        let draw = random.uniform();
        let more = self.cumulative[first..end].iter().take_while(|&&sum| sum <= draw);
        // Rounding may leave the last sum an ulp below 1.
        1 + more.count().min((end - first).saturating_sub(1)) as u64
    }
}

/// `exp(-d) M(a, n + 1, z)` for k returns, n their changes.
fn share(ends: usize, k: u32, x: f64, y: f64) -> f64 {
    let n = 2 * k + u32::from(ends == 1);
    let sojourns = match ends {
        // State 0 is the one that is left more slowly if x < y.
        0 => k + u32::from(x < y),
        1 => k + 1,
        _ => k + u32::from(y < x),
    };
    (-x.max(y)).exp() * kummer(f64::from(sojourns), f64::from(n + 1), (x - y).abs())
}

/// The probability of the least number of changes, on the scale of the other terms.
fn without_return(ends: usize, x: f64, y: f64) -> f64 {
    share(ends, 0, x, y)
}

/// Returns `M(a, b, z) = sum_i (a)_i / (b)_i z^i / i!` for `0 <= a <= b`, z >= 0.
fn kummer(a: f64, b: f64, z: f64) -> f64 {
    let (mut sum, mut term, mut i) = (1.0, 1.0, 0.0);
    loop {
        term *= (a + i) / (b + i) * z / (i + 1.0);
        let before = sum;
        sum += term;
        i += 1.0;
        if sum == before && i > z {
            return sum;
        }
    }
}
