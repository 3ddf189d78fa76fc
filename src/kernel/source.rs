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

    /// Returns whether a change cannot come about on some branch, or hardly: whether a probability is 0 or tiny.
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
        self.0
            .split_last()
            .is_some_and(|(_root, edges)| edges.iter().any(SharedEdge::has_gap))
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

impl Branches {
    fn have_gaps<const W: usize>(&self, equilibria: &[Equilibria<W>]) -> bool {
        let mut branches = self.length.iter().zip(&self.set).rev().skip(1);
        branches.any(|(&length, &set)| equilibria[set as usize].has_gap(length))
    }
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
        self.branches.have_gaps(self.equilibria)
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
        self.branches.have_gaps(self.equilibria)
    }
}
