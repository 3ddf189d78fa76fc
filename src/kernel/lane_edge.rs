//! A branch whose lanes have rates of their own.
//!
//! With `k = exp(-(g + l) t)`, `c = 1 - k` and the equilibrium frequencies f of a lane, what is above a branch is
//! `u = c (f0 x + f1 y) + k x`, `v = c (f0 x + f1 y) + k y`: positive terms only, and fewer of them than by way of
//! the four transition probabilities.

use super::edge::Edge;
use super::elementary::decay;
use super::scaled::Scaled;
use super::tiny::{or_logs, pull_back_logs, scaled_entry};
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

    /// Returns the derivatives with respect to gain, loss and length, given those with respect to the probabilities,
    /// or to their logs where [`are_logs`](Edge::are_logs) says so.
    #[inline(always)]
    pub(super) fn pull_back(&self, lane: usize, adjoint: Transition) -> [f64; 3] {
        let decays = self.decays.of(self.equilibria, self.length, lane);
        self.equilibria.pull_back(lane, self.length, decays, adjoint)
    }

    /// As [`pull_back`](Self::pull_back), where probabilities may be too small for doubles or derivatives too large.
    #[cold]
    #[inline(never)]
    pub(super) fn pull_back_apart(&self, lane: usize, adjoint: Transition) -> [f64; 3] {
        let [gain, loss] = self.equilibria.rates(lane);
        let (plain, by_logs) = pull_back_logs([gain, loss, self.length], self.are_logs(lane), adjoint);
        let decays = self.decays.of(self.equilibria, self.length, lane);
        let by_plain = self.equilibria.pull_back_apart(lane, self.length, decays, plain);
        [0, 1, 2].map(|input| by_plain[input] + by_logs[input])
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

    fn scaled(&self, lane: usize) -> [Scaled; 4] {
        let [gain, loss] = self.equilibria.rates(lane);
        or_logs(self.at(lane), [gain, loss, self.length]).map(scaled_entry)
    }

    fn are_logs(&self, lane: usize) -> [bool; 4] {
        let [gain, loss] = self.equilibria.rates(lane);
        or_logs(self.at(lane), [gain, loss, self.length]).map(|entry| entry < 0.0)
    }
}
