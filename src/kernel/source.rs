//! Where a block of lanes gets its transition probabilities from, and where their derivatives go.

use super::edge::{Edge, LaneEdge, SharedEdge};
use super::transition::{Equilibria, Transition};

/// Transition probabilities of every branch for `W` lanes, and the sink of their derivatives.
pub(super) trait Source<const W: usize> {
    /// The probabilities of one branch.
    type Edge: Edge<W>;

    /// Returns the probabilities of the branch above a node.
    fn edge(&self, node: usize) -> Self::Edge;

    /// Takes the derivative with respect to each lane's `[P00, P01, P10, P11]`.
    fn collect(&mut self, node: usize, edge: &Self::Edge, derivative: &[[f64; W]; 4]);

    /// Takes the derivative with respect to each lane's probabilities that the tip is recorded present.
    fn collect_tip(&mut self, tip: usize, derivative: &[[f64; W]; 2]);
}

/// A table of probabilities shared by all lanes; derivatives are summed over the lanes.
pub(super) struct SharedSource<'a> {
    /// `[n_nodes]`.
    pub(super) table: &'a [SharedEdge],
    /// `[n_nodes]`, or empty if no derivative is asked for.
    pub(super) adjoint: &'a mut [Transition],
    /// `[n_tips]`, or empty if no derivative is asked for or the tips record without error.
    pub(super) tips: &'a mut [[f64; 2]],
}

impl<const W: usize> Source<W> for SharedSource<'_> {
    type Edge = SharedEdge;

    #[inline(always)]
    fn edge(&self, node: usize) -> SharedEdge {
        self.table[node]
    }

    #[inline(always)]
    fn collect(&mut self, node: usize, _edge: &SharedEdge, derivative: &[[f64; W]; 4]) {
        for (total, lanes) in self.adjoint[node].iter_mut().zip(derivative) {
            *total += sum(lanes);
        }
    }

    #[inline(always)]
    fn collect_tip(&mut self, tip: usize, derivative: &[[f64; W]; 2]) {
        add_sums(&mut self.tips[tip], derivative);
    }
}

/// Rates of its own for each lane; derivatives are taken on to gain, loss and branch length at once.
pub(super) struct LaneSource<'a, const W: usize> {
    pub(super) equilibria: Equilibria<W>,
    /// `[n_nodes]`, 0 for the root.
    pub(super) length: &'a [f64],
    pub(super) gain_adjoint: [f64; W],
    pub(super) loss_adjoint: [f64; W],
    /// `[n_nodes]`, or empty if no derivative is asked for.
    pub(super) length_adjoint: &'a mut [f64],
}

impl<const W: usize> Source<W> for LaneSource<'_, W> {
    type Edge = LaneEdge<W>;

    #[inline(always)]
    fn edge(&self, node: usize) -> LaneEdge<W> {
        let length = self.length[node];
        LaneEdge::new(self.equilibria.transition([length; W]), self.equilibria.floor(length))
    }

    #[inline(always)]
    fn collect(&mut self, node: usize, edge: &LaneEdge<W>, derivative: &[[f64; W]; 4]) {
        let Self {
            equilibria,
            gain_adjoint,
            loss_adjoint,
            ..
        } = self;
        let length = [self.length[node]; W];
        let by_length = equilibria.pull_back(length, edge.entries(), derivative, gain_adjoint, loss_adjoint);
        self.length_adjoint[node] += sum(&by_length);
    }

    #[inline(always)]
    fn collect_tip(&mut self, _tip: usize, _derivative: &[[f64; W]; 2]) {}
}

#[inline(always)]
fn add_sums<const W: usize>(totals: &mut [f64; 2], lanes: &[[f64; W]; 2]) {
    for (total, lanes) in totals.iter_mut().zip(lanes) {
        *total += sum(lanes);
    }
}

/// Returns the sum of the lanes as eight running sums, an order that vector registers can follow.
#[inline(always)]
pub(super) fn sum<const W: usize>(lanes: &[f64; W]) -> f64 {
    let mut running = [0.0; 8];
    let (chunks, rest) = lanes.as_chunks::<8>();
    for chunk in chunks {
        for (sum, value) in running.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    running.iter().chain(rest).sum()
}
