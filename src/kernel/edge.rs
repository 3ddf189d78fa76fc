//! The transition probabilities of one branch as the lanes of a block see them.

use super::scaled::{STEP, Scaled, exponent};
use super::transition::Transition;

/// Transition probabilities of one branch for `W` lanes.
pub(super) trait Edge<const W: usize> {
    /// Returns the probabilities of a lane.
    fn at(&self, lane: usize) -> Transition;

    /// Returns a lower bound of log2 of the positive entries.
    fn floor(&self) -> i32;

    /// Returns whether an entry is positive but so small that products with it need extended exponents.
    #[inline(always)]
    fn is_tiny(&self) -> bool {
        self.floor() < -STEP
    }
}

/// Returns the exponent of the smallest positive entry, 0 if there is none below 1.
#[inline(always)]
fn floor_of(transition: &Transition) -> i32 {
    transition
        .iter()
        .fold(0, |floor, &p| if p > 0.0 { floor.min(exponent(p)) } else { floor })
}

/// One set of probabilities for all lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedEdge {
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
}

/// Probabilities of its own for each lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneEdge<const W: usize> {
    entries: [[f64; W]; 4],
    floor: i32,
}

impl<const W: usize> LaneEdge<W> {
    #[inline(always)]
    pub(super) fn new(entries: [[f64; W]; 4], floor: i32) -> Self {
        Self { entries, floor }
    }

    /// Returns the probabilities of all lanes, entry by entry.
    #[inline(always)]
    pub(super) fn entries(&self) -> &[[f64; W]; 4] {
        &self.entries
    }
}

impl<const W: usize> Edge<W> for LaneEdge<W> {
    #[inline(always)]
    fn at(&self, lane: usize) -> Transition {
        [
            self.entries[0][lane],
            self.entries[1][lane],
            self.entries[2][lane],
            self.entries[3][lane],
        ]
    }

    #[inline(always)]
    fn floor(&self) -> i32 {
        self.floor
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
    fn floor(&self) -> i32 {
        <E as Edge<W>>::floor(self.0)
    }
}
