//! The transition probabilities of one branch as the lanes of a block see them.

use super::scaled::{STEP, Scaled, exponent, floor_of_log};
use super::tiny::scaled_entry;
use super::transition::Transition;
use std::f64::consts::LOG2_E;

/// Transition probabilities of one branch for `W` lanes.
pub(super) trait Edge<const W: usize> {
    /// Returns the probabilities of a lane.
    fn at(&self, lane: usize) -> Transition;

    /// Returns what is above the branch of what is below it: `u = P00 x + P01 y`, `v = P10 x + P11 y`.
    #[inline(always)]
    fn above(&self, lane: usize, [x, y]: [f64; 2]) -> [f64; 2] {
        let [p00, p01, p10, p11] = self.at(lane);
        [p00 * x + p01 * y, p10 * x + p11 * y]
    }

    /// Returns what is below the branch of what is above it: `x = P00 u + P10 v`, `y = P01 u + P11 v`.
    #[inline(always)]
    fn below(&self, lane: usize, [u, v]: [f64; 2]) -> [f64; 2] {
        let [p00, p01, p10, p11] = self.at(lane);
        [p00 * u + p10 * v, p01 * u + p11 * v]
    }

    /// Returns a lower bound of log2 of the positive entries.
    fn floor(&self) -> i32;

    /// Returns the probabilities of a lane with exponents of their own.
    fn scaled(&self, lane: usize) -> [Scaled; 4];

    /// Returns which entries of a lane are too small for a double: derivatives are taken by their logs.
    fn are_logs(&self, lane: usize) -> [bool; 4];

    /// Returns whether an entry is positive but so small that products with it need extended exponents.
    #[inline(always)]
    fn is_tiny(&self) -> bool {
        self.floor() < -STEP
    }
}

/// Returns the exponent of the smallest positive entry, 0 if there is none below 1.
#[inline(always)]
fn floor_of(transition: &Transition) -> i32 {
    transition.iter().fold(0, |floor, &p| {
        if p > 0.0 {
            floor.min(exponent(p))
        } else if p < 0.0 {
            floor.min(floor_of_log(p * LOG2_E))
        } else {
            floor
        }
    })
}

/// One set of probabilities for all lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedEdge {
    /// With logs in place of probabilities too small for doubles, see [`tiny`](super::tiny); where
    /// [`is_tiny`](Edge::is_tiny) says no, there are none.
    transition: Transition,
    floor: i32,
}

impl SharedEdge {
    pub(super) fn new(transition: Transition) -> Self {
        Self {
            transition,
            floor: floor_of(&transition),
        }
    }

    /// Returns whether an entry is 0 or tiny.
    pub(super) fn has_gap(&self) -> bool {
        self.floor < -STEP || self.transition.contains(&0.0)
    }

    /// Returns an edge whose floor is right even where entries are too small for a double.
    pub(super) fn of_scaled(entries: [Scaled; 4]) -> Self {
        let floors = entries.iter().filter(|entry| entry.value > 0.0);
        let floors = floors.map(|entry| exponent(entry.value) - STEP * entry.count);
        Self {
            transition: entries.map(|entry| entry.over(Scaled::new(1.0, 0))),
            floor: floors.fold(0, i32::min),
        }
    }
}

impl<const W: usize> Edge<W> for SharedEdge {
    #[inline(always)]
    fn at(&self, _lane: usize) -> Transition {
        self.transition
    }

    #[inline(always)]
    fn floor(&self) -> i32 {
        self.floor
    }

    fn scaled(&self, _lane: usize) -> [Scaled; 4] {
        self.transition.map(scaled_entry)
    }

    fn are_logs(&self, _lane: usize) -> [bool; 4] {
        self.transition.map(|entry| entry < 0.0)
    }
}

/// The same branch seen from below: entry `[i][j]` becomes `[j][i]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transposed<'a, E>(pub(super) &'a E);

impl<const W: usize, E: Edge<W>> Edge<W> for Transposed<'_, E> {
    #[inline(always)]
    fn at(&self, lane: usize) -> Transition {
        let [p00, p01, p10, p11] = self.0.at(lane);
        [p00, p10, p01, p11]
    }

    #[inline(always)]
    fn above(&self, lane: usize, below: [f64; 2]) -> [f64; 2] {
        self.0.below(lane, below)
    }

    #[inline(always)]
    fn below(&self, lane: usize, above: [f64; 2]) -> [f64; 2] {
        self.0.above(lane, above)
    }

    #[inline(always)]
    fn floor(&self) -> i32 {
        <E as Edge<W>>::floor(self.0)
    }

    fn scaled(&self, lane: usize) -> [Scaled; 4] {
        let [p00, p01, p10, p11] = self.0.scaled(lane);
        [p00, p10, p01, p11]
    }

    fn are_logs(&self, lane: usize) -> [bool; 4] {
        let [p00, p01, p10, p11] = self.0.are_logs(lane);
        [p00, p10, p01, p11]
    }
}
