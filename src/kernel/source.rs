//! Where a block of lanes gets its transition probabilities from.

use super::edge::{Edge, SharedEdge};
use super::lane_edge::{Decay, Fresh, LaneEdge};
use super::transition::Equilibria;

/// Transition probabilities of every branch for `W` lanes.
pub(super) trait Source<const W: usize> {
    /// The probabilities of one branch.
    type Edge: Edge<W>;

    /// Returns the probabilities of the branch above a node.
    fn edge(&self, node: usize) -> Self::Edge;

    /// Returns whether on some branch a change takes no time or cannot come about, or nearly so: whether one of its
    /// probabilities is 0 or tiny although another change is possible.
    fn has_gaps(&self) -> bool;
}

/// A table of probabilities shared by all lanes, `[n_nodes]`.
pub(super) struct SharedSource<'a>(pub(super) &'a [SharedEdge]);

impl<const W: usize> Source<W> for SharedSource<'_> {
    type Edge = SharedEdge;

    #[inline(always)]
    fn edge(&self, node: usize) -> SharedEdge {
        self.0[node]
    }

    fn has_gaps(&self) -> bool {
        self.0.iter().any(SharedEdge::has_gap)
    }
}

/// What rates of its own for each lane have in common: where they hold, and for how long. Both are `[n_nodes]`.
#[derive(Debug, Clone)]
pub(super) struct Branches {
    /// Lengths, 0 for the root.
    pub(super) length: Vec<f64>,
    /// The set of rates of each branch, 0 for the root.
    pub(super) set: Vec<u32>,
}

/// Rates of its own for each lane, read once.
pub(super) struct FreshSource<'a, const W: usize> {
    pub(super) branches: &'a Branches,
    /// `[n_sets]`.
    pub(super) equilibria: &'a [Equilibria<W>],
}

impl<'a, const W: usize> Source<W> for FreshSource<'a, W> {
    type Edge = LaneEdge<'a, Fresh, W>;

    #[inline(always)]
    fn edge(&self, node: usize) -> Self::Edge {
        let set = self.branches.set[node] as usize;
        LaneEdge::new(self.equilibria, set, self.branches.length[node], Fresh)
    }

    fn has_gaps(&self) -> bool {
        self.equilibria.iter().any(Equilibria::has_gap)
    }
}

/// Rates of its own for each lane, read several times.
pub(super) struct KeptSource<'a, const W: usize> {
    pub(super) branches: &'a Branches,
    /// `[n_sets]`.
    pub(super) equilibria: &'a [Equilibria<W>],
    /// `[n_nodes]`.
    pub(super) decays: &'a [Decay<W>],
}

impl<'a, const W: usize> KeptSource<'a, W> {
    /// Computes the decay of every branch.
    #[inline(always)]
    pub(super) fn new(branches: &'a Branches, equilibria: &'a [Equilibria<W>], decays: &'a mut [Decay<W>]) -> Self {
        for (decay, (&length, &set)) in decays.iter_mut().zip(branches.length.iter().zip(&branches.set)) {
            decay.set(&equilibria[set as usize], length);
        }
        Self {
            branches,
            equilibria,
            decays,
        }
    }
}

impl<'a, const W: usize> Source<W> for KeptSource<'a, W> {
    type Edge = LaneEdge<'a, &'a Decay<W>, W>;

    #[inline(always)]
    fn edge(&self, node: usize) -> Self::Edge {
        let set = self.branches.set[node] as usize;
        LaneEdge::new(self.equilibria, set, self.branches.length[node], &self.decays[node])
    }

    fn has_gaps(&self) -> bool {
        self.equilibria.iter().any(Equilibria::has_gap)
    }
}
