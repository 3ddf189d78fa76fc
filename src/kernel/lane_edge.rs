//! A branch whose lanes have rates of their own.
//!
//! With `k = exp(-(g + l) t)`, `c = 1 - k` and the equilibrium frequencies f of a lane, what is above a branch is
//! `u = c (f0 x + f1 y) + k x`, `v = c (f0 x + f1 y) + k y`: positive terms only, and fewer of them than by way of
//! the four transition probabilities.

use super::edge::Edge;
use super::elementary::decay;
use super::transition::{Equilibria, Transition};

/// Where the `k` and `c` of a branch come from.
pub(super) trait Decays {
    /// Returns `k` and `c` of a lane.
    fn of<const W: usize>(&self, equilibria: &Equilibria<W>, length: f64, lane: usize) -> (f64, f64);
}

/// Computed whenever they are needed: best if that is once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fresh;

impl Decays for Fresh {
    #[inline(always)]
    fn of<const W: usize>(&self, equilibria: &Equilibria<W>, length: f64, lane: usize) -> (f64, f64) {
        decay(equilibria.rate[lane] * length)
    }
}

/// Computed before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decay<const W: usize> {
    kept: [f64; W],
    changed: [f64; W],
}

impl<const W: usize> Decay<W> {
    /// The branch that changes nothing.
    pub(super) const NONE: Self = Self {
        kept: [1.0; W],
        changed: [0.0; W],
    };

    /// Becomes that of a branch.
    #[inline(always)]
    pub(super) fn set(&mut self, equilibria: &Equilibria<W>, length: f64) {
        for lane in 0..W {
            (self.kept[lane], self.changed[lane]) = decay(equilibria.rate[lane] * length);
        }
    }
}

impl<const V: usize> Decays for &Decay<V> {
    #[inline(always)]
    fn of<const W: usize>(&self, _equilibria: &Equilibria<W>, _length: f64, lane: usize) -> (f64, f64) {
        (self.kept[lane], self.changed[lane])
    }
}

/// One branch.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneEdge<'a, D, const W: usize> {
    equilibria: &'a Equilibria<W>,
    decays: D,
    length: f64,
    floor: i32,
    /// The set of rates that the branch belongs to.
    pub(super) set: usize,
}

impl<'a, D: Decays, const W: usize> LaneEdge<'a, D, W> {
    /// Returns the branch of this length under the rates of `equilibria[set]`.
    #[inline(always)]
    pub(super) fn new(equilibria: &'a [Equilibria<W>], set: usize, length: f64, decays: D) -> Self {
        let equilibria = &equilibria[set];
        Self {
            equilibria,
            decays,
            length,
            floor: equilibria.floor(length),
            set,
        }
    }

    /// Returns the derivatives with respect to gain, loss and length, given those with respect to the probabilities.
    ///
    /// With `phi = c / a` and `chi = phi - t k`, `a = g + l`: `d P01 = (f0 phi + f1 t k) dg - f1 chi dl + a f1 k dt`,
    /// and likewise `d P10`: no term cancels within itself, whichever rate is larger and however long the branch.
    #[inline(always)]
    pub(super) fn pull_back(&self, lane: usize, adjoint: Transition) -> [f64; 3] {
        let (kept, changed) = self.decays.of(self.equilibria, self.length, lane);
        let (rate, length) = (self.equilibria.rate[lane], self.length);
        let z = rate * length;
        let inverse = self.equilibria.inverse_rate[lane];
        let phi = if z > 1e-17 { changed * inverse } else { length };
        let chi = lost_twice(z, kept, changed) * inverse;
        // P00 = 1 - P01 and P11 = 1 - P10, so only two differences of adjoints matter.
        let to_present = adjoint[1] - adjoint[0];
        let to_absent = adjoint[2] - adjoint[3];
        let flow = self.equilibria.absent[lane] * to_absent + self.equilibria.present[lane] * to_present;
        let (absent, present) = (self.equilibria.absent[lane], self.equilibria.present[lane]);
        let still = length * kept;
        let by_gain = to_present * absent.mul_add(phi, present * still) - absent * to_absent * chi;
        let by_loss = to_absent * present.mul_add(phi, absent * still) - present * to_present * chi;
        [by_gain, by_loss, flow * rate * kept]
    }
}

/// Returns `1 - (1 + z) exp(-z)` for z >= 0, from z and the two parts of its decay.
#[inline(always)]
fn lost_twice(z: f64, kept: f64, changed: f64) -> f64 {
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

impl<D: Decays, const W: usize> Edge<W> for LaneEdge<'_, D, W> {
    #[inline(always)]
    fn at(&self, lane: usize) -> Transition {
        let (kept, changed) = self.decays.of(self.equilibria, self.length, lane);
        let p01 = self.equilibria.present[lane] * changed;
        let p10 = self.equilibria.absent[lane] * changed;
        [p10 + kept, p01, p10, p01 + kept]
    }

    #[inline(always)]
    fn above(&self, lane: usize, [x, y]: [f64; 2]) -> [f64; 2] {
        let (kept, changed) = self.decays.of(self.equilibria, self.length, lane);
        let settled = changed * self.equilibria.present[lane].mul_add(y, self.equilibria.absent[lane] * x);
        [kept.mul_add(x, settled), kept.mul_add(y, settled)]
    }

    #[inline(always)]
    fn below(&self, lane: usize, [x, y]: [f64; 2]) -> [f64; 2] {
        let (kept, changed) = self.decays.of(self.equilibria, self.length, lane);
        let settled = changed * (x + y);
        [
            kept.mul_add(x, self.equilibria.absent[lane] * settled),
            kept.mul_add(y, self.equilibria.present[lane] * settled),
        ]
    }

    #[inline(always)]
    fn floor(&self) -> i32 {
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
