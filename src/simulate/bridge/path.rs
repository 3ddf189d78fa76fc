//! When the changes of a branch happen, given its ends and their number.
//!
//! With `a` sojourns in state 0 and `b` in state 1, the time s in state 1 has a density in proportion to
//! `s^(b - 1) (t - s)^(a - 1) exp(-(l - g) s)`, and given it the sojourns in either state are uniform spacings of their
//! sum. The density is log-concave: draws are made under its greatest value and two tangents, and kept in proportion,
//! most of them whatever the numbers are.
//!
//! Source: Devroye 1986, Non-Uniform Random Variate Generation, VII.2 (log-concave densities); own derivation.

use super::Chain;
use crate::parallel::Random;

/// Numbers of changes and where they begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimePresent {
    /// State above.
    pub(crate) above: usize,
    /// Number of changes.
    pub(crate) changes: u64,
}

impl TimePresent {
    /// Returns the number of sojourns in states 0 and 1.
    fn sojourns(self) -> [u64; 2] {
        let (more, less) = (self.changes / 2 + 1, self.changes.div_ceil(2));
        if self.above == 0 { [more, less] } else { [less, more] }
    }

    /// Draws the share of the branch that is spent in state 1, in [0, 1].
    pub(crate) fn draw(self, chain: Chain, random: &mut Random) -> f64 {
        if self.changes == 0 {
            return self.above as f64;
        }
        let [absent, present] = self.sojourns().map(|number| (number - 1) as f64);
        let tilt = (chain.loss - chain.gain) * chain.length;
        if tilt < 0.0 {
            1.0 - tilted(absent, present, -tilt, random)
        } else {
            tilted(present, absent, tilt, random)
        }
    }
}

/// Draws v in [0, 1] with density in proportion to `v^alpha (1 - v)^beta exp(-tilt v)`, tilt >= 0.
fn tilted(alpha: f64, beta: f64, tilt: f64, random: &mut Random) -> f64 {
    if alpha == 0.0 && beta == 0.0 {
        let draw = random.uniform();
        return if tilt < 1e-12 {
            draw
        } else {
            (-(draw * (-tilt).exp_m1()).ln_1p() / tilt).min(1.0)
        };
    }
    let log = |factor: f64, value: f64| if factor == 0.0 { 0.0 } else { factor * value.ln() };
    let height = |v: f64| log(alpha, v) + log(beta, 1.0 - v) - tilt * v;
    let ratio = |factor: f64, value: f64| if factor == 0.0 { 0.0 } else { factor / value };
    let slope = |v: f64| ratio(alpha, v) - ratio(beta, 1.0 - v) - tilt;
    let (sum, inner) = (alpha + beta + tilt, tilt - alpha + beta);
    let mode = (2.0 * alpha / (sum + (inner * inner + 4.0 * alpha * beta).sqrt())).min(1.0);
    let greatest = height(mode);
    let bend = ratio(alpha, mode * mode) + ratio(beta, (1.0 - mode) * (1.0 - mode));
    // At an end of the range the density falls from there with a slope; inside it bends.
    let end_slope = if mode == 0.0 || mode == 1.0 {
        slope(mode).abs()
    } else {
        0.0
    };
    let width = 1.0 / end_slope.max(bend.sqrt());
    // A tangent on either side, and where it reaches the greatest value.
    let tangent = |at: f64| {
        let slope = slope(at);
        (at + (greatest - height(at)) / slope, slope)
    };
    let right = (mode < 1.0).then(|| tangent((mode + width).min(0.5 + 0.5 * mode)));
    let left = (mode > 0.0).then(|| tangent((mode - width).max(0.5 * mode)));
    let (upper, right_area) = right.map_or((1.0, 0.0), |(at, slope)| (at, -1.0 / slope));
    let (lower, left_area) = left.map_or((0.0, 0.0), |(at, slope)| (at, 1.0 / slope));
    let flat = upper - lower;
    loop {
        let draw = random.uniform() * (flat + left_area + right_area);
        let (v, hat) = if draw < flat {
            (lower + draw, greatest)
        } else {
            let fall = -(1.0 - random.uniform()).ln();
            if draw < flat + left_area {
                (lower - fall * left_area, greatest - fall)
            } else {
                (upper + fall * right_area, greatest - fall)
            }
        };
        if (0.0..=1.0).contains(&v) && (1.0 - random.uniform()).ln() <= height(v) - hat {
            return v;
        }
    }
}

/// Draws where the changes of a branch are, as shares of its length from the upper end down, ascending.
pub(crate) fn change_times(path: TimePresent, present: f64, random: &mut Random, times: &mut Vec<f64>) {
    times.clear();
    let spacings = path.sojourns().map(|number| spacings(number, random));
    let share = [1.0 - present, present];
    let (mut time, mut state) = (0.0, path.above);
    let mut next = [0, 0];
    for _ in 0..path.changes {
        time += share[state] * spacings[state][next[state]];
        times.push(f64::min(time, 1.0));
        next[state] += 1;
        state = 1 - state;
    }
}

/// Draws uniform spacings of 1.
fn spacings(number: u64, random: &mut Random) -> Vec<f64> {
    let mut parts: Vec<f64> = (0..number).map(|_| -(1.0 - random.uniform()).ln()).collect();
    let total: f64 = parts.iter().sum();
    parts.iter_mut().for_each(|part| *part /= total);
    parts
}
