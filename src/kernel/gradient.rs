//! Reverse-mode derivatives: one pass up that keeps the partials, one pass down with pre-order partials.
//!
//! The pre-order partial `q_i` of a branch is the derivative of a lane's likelihood with respect to what climbs the
//! branch in state i, so `L = sum_ij q_i P_ij x_j` on every branch and `d log L / d P_ij = q_i x_j / L`: scaling
//! cancels, whatever it was. At a node with several children, what the other children send up is multiplied from
//! both sides, never divided, so that impossible data cost nothing but their own lane.
//!
//! Source: Ji et al. 2020, doi:10.1093/molbev/msaa130 (linear-time gradients with pre-order partials).

use super::Kernel;
use super::at_branch::{AtBranch, AtTip, Weighted};
use super::edge::{Edge, Transposed};
use super::observation::{Recording, Tip};
use super::partial::{Partial, Scale};
use super::prune::Lanes;
use super::root::Seed;
use super::scaled::Scaled;
use super::sink::Sink;
use super::source::Source;
use super::tiny::by_entries;
use super::transition::Transition;
use crate::problem::Tree;

/// Where the nodes of a tree stand in the arrays of a gradient.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// For a tip its number among the tips, for an internal node its number among those; `[n_nodes]`.
    index: Vec<u32>,
    n_internal: usize,
    max_children: usize,
}

impl Layout {
    /// Returns the layout for a tree.
    pub(super) fn new(tree: &Tree) -> Self {
        let (mut n_tips, mut n_internal) = (0, 0);
        let index = (0..tree.n_nodes())
            .map(|node| {
                let counter = if tree.is_tip(node) {
                    &mut n_tips
                } else {
                    &mut n_internal
                };
                *counter += 1;
                *counter - 1
            })
            .collect();
        Self {
            index,
            n_internal: n_internal as usize,
            max_children: (0..tree.n_nodes())
                .map(|node| tree.children(node).len())
                .max()
                .unwrap_or(0),
        }
    }
}

/// Some neighbouring patterns at the tips of a tree.
pub(super) struct Sites<'a> {
    tree: &'a Tree,
    layout: &'a Layout,
    lanes: Lanes<'a>,
}

impl<'a> Sites<'a> {
    /// Returns the patterns from `first` on, a multiple of the lanes that are taken; `recordings` is `[n_tips]`.
    #[inline(always)]
    pub(super) fn new(kernel: &'a Kernel, first: usize, recordings: Option<&'a [Recording]>) -> Self {
        Self {
            tree: kernel.problem.tree(),
            layout: &kernel.layout,
            lanes: Lanes::new(kernel.problem.patterns(), first, recordings),
        }
    }
}

/// The partials of one block at every internal node, first from below, then from above.
pub(super) struct Scratch<const W: usize> {
    nodes: Vec<Partial<W>>,
    climbed: Vec<Partial<W>>,
    after: Vec<Partial<W>>,
    before: Partial<W>,
    outer: Partial<W>,
}

impl<const W: usize> Scratch<W> {
    /// Returns room for one block.
    pub(super) fn new(layout: &Layout) -> Self {
        Self {
            nodes: vec![Partial::ones(); layout.n_internal.max(1)],
            climbed: vec![Partial::ones(); layout.max_children],
            after: vec![Partial::ones(); layout.max_children],
            before: Partial::ones(),
            outer: Partial::ones(),
        }
    }

    /// Returns the partial of the root after [`upward`].
    pub(super) fn root(&self) -> &Partial<W> {
        &self.nodes[self.nodes.len() - 1]
    }
}

/// Computes the partial of every internal node.
#[inline(always)]
pub(super) fn upward<const W: usize>(sites: &Sites, source: &impl Source<W>, scratch: &mut Scratch<W>) {
    let Sites { tree, layout, lanes } = sites;
    if tree.is_tip(tree.root()) {
        scratch.nodes[0].reset();
        scratch.nodes[0].multiply_tip(&source.edge(tree.root()), lanes.tip::<W>(0));
        return;
    }
    for node in (0..tree.n_nodes()).filter(|&node| !tree.is_tip(node)) {
        let (below, here) = scratch.nodes.split_at_mut(layout.index[node] as usize);
        let partial = &mut here[0];
        partial.reset();
        for &child in tree.children(node) {
            let (child, index) = (child as usize, layout.index[child as usize] as usize);
            let edge = source.edge(child);
            if tree.is_tip(child) {
                partial.multiply_tip(&edge, lanes.tip::<W>(index));
            } else {
                partial.multiply_climbed(&edge, &below[index]);
            }
        }
    }
}

/// Sends the derivatives of every branch to `sink`, given root frequencies and what they are to be multiplied with.
///
/// A lane whose cotangent is 0 contributes nothing, even if its data are impossible.
#[inline(always)]
pub(super) fn downward<const W: usize, S: Source<W>>(
    sites: &Sites,
    source: &S,
    sink: &mut impl Sink<S::Edge, W>,
    scratch: &mut Scratch<W>,
    frequencies: impl Fn(usize) -> [f64; 2],
    seed: &Seed<W>,
) {
    let Sites { tree, layout, lanes } = sites;
    let root = scratch.nodes.len() - 1;
    let Scratch {
        nodes,
        climbed,
        after,
        before,
        outer,
    } = scratch;
    let mut edges = Vec::with_capacity(layout.max_children);
    nodes[root].set(|lane| frequencies(lane).map(|frequency| Scaled::new(frequency, 0)));
    if tree.is_tip(tree.root()) {
        // No branch at all; only the recording of the tip.
        let observed = lanes.tip::<W>(0);
        at_recording(0, &source.edge(tree.root()), &nodes[root], observed, seed, sink);
        return;
    }
    for node in (0..tree.n_nodes()).rev().filter(|&node| !tree.is_tip(node)) {
        let children = tree.children(node);
        let (below, here) = nodes.split_at_mut(layout.index[node] as usize);
        before.copy_from(&here[0]);
        edges.clear();
        for (climbed, &child) in climbed.iter_mut().zip(children) {
            let (child, index) = (child as usize, layout.index[child as usize] as usize);
            let edge = source.edge(child);
            climbed.reset();
            if tree.is_tip(child) {
                climbed.multiply_tip(&edge, lanes.tip::<W>(index));
            } else {
                climbed.multiply_climbed(&edge, &below[index]);
            }
            edges.push(edge);
        }
        // after[i] is the product of what climbs from the children behind child i; of two, it is the other one.
        if children.len() > 2 {
            for child in (0..children.len() - 1).rev() {
                let (left, right) = after.split_at_mut(child + 1);
                left[child].copy_from(&climbed[child + 1]);
                if child + 2 < children.len() {
                    left[child].multiply(&right[0]);
                }
            }
        }
        for (position, (&child, edge)) in children.iter().zip(&edges).enumerate() {
            let (child, index) = (child as usize, layout.index[child as usize] as usize);
            outer.copy_from(before);
            if children.len() == 2 {
                outer.multiply(&climbed[1 - position]);
            } else if position + 1 < children.len() {
                outer.multiply(&after[position]);
                before.multiply(&climbed[position]);
            }
            if tree.is_tip(child) {
                let observed = lanes.tip::<W>(index);
                at_tip(child, edge, outer, observed, seed, sink);
                at_recording(index, edge, outer, observed, seed, sink);
            } else {
                at_branch(child, edge, outer, &below[index], seed, sink);
                below[index].copy_from(outer);
                below[index].climb(&Transposed(edge));
            }
        }
    }
}

/// As [`at_branch`] above a tip, whose partial is a constant or two.
#[inline(always)]
fn at_tip<const W: usize, E: Edge<W>, K: Sink<E, W>>(
    node: usize,
    edge: &E,
    outer: &Partial<W>,
    observed: Tip,
    seed: &Seed<W>,
    sink: &mut K,
) {
    if outer.scale == Scale::Split || edge.is_tiny() || observed.is_tiny() || seed.instead.is_some() {
        let mut tip = Partial::ones();
        tip.set(|lane| observed.partial(lane).map(|value| Scaled::new(value, 0)));
        let derivative = at_branch_scaled(edge, outer, &tip, seed, K::WEIGHTED);
        sink.collect(node, edge, &derivative);
        return;
    }
    let derivative = AtTip {
        edge,
        outer,
        observed,
        cotangent: &seed.share,
    };
    sink.collect(node, edge, &Weighted::<_, E, K, W>::new(edge, derivative));
}

/// Sends `cotangent q_i x_j / L` of each lane to `sink`.
#[inline(always)]
fn at_branch<const W: usize, E: Edge<W>, K: Sink<E, W>>(
    node: usize,
    edge: &E,
    outer: &Partial<W>,
    inner: &Partial<W>,
    seed: &Seed<W>,
    sink: &mut K,
) {
    if outer.scale == Scale::Split || inner.scale == Scale::Split || edge.is_tiny() || seed.instead.is_some() {
        let derivative = at_branch_scaled(edge, outer, inner, seed, K::WEIGHTED);
        sink.collect(node, edge, &derivative);
        return;
    }
    let derivative = AtBranch {
        edge,
        outer,
        inner,
        cotangent: &seed.share,
    };
    sink.collect(node, edge, &Weighted::<_, E, K, W>::new(edge, derivative));
}

#[cold]
#[inline(never)]
fn at_branch_scaled<const W: usize>(
    edge: &impl Edge<W>,
    outer: &Partial<W>,
    inner: &Partial<W>,
    seed: &Seed<W>,
    weighted: bool,
) -> [Transition; W] {
    let mut derivative = [[0.0; 4]; W];
    let cotangent = seed.cotangent();
    for lane in (0..W).filter(|&lane| cotangent[lane] != 0.0) {
        let (p, are_logs) = (edge.scaled(lane), edge.are_logs(lane));
        let terms = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| outer.scaled(i, lane).times(inner.scaled(j, lane)));
        let likelihood = (0..4).fold(Scaled::new(0.0, 0), |sum, entry| sum.plus(p[entry].times(terms[entry])));
        let likelihood = seed.divisor(lane, likelihood);
        let of = |term: Scaled| term.times_over(cotangent[lane], likelihood);
        for entry in 0..4 {
            derivative[lane][entry] = if weighted {
                of(p[entry].times(terms[entry]))
            } else {
                of(terms[entry])
            };
        }
        if !weighted {
            // P times the derivative by P is the derivative by log P.
            derivative[lane] = by_entries(derivative[lane], are_logs, |entry| of(p[entry].times(terms[entry])));
        }
    }
    derivative
}

/// Sends `cotangent sum_i q_i P_ij (d x_j / d p_j) / L` to `sink`: the derivative with respect to how a tip records.
#[inline(always)]
fn at_recording<const W: usize, E: Edge<W>>(
    tip: usize,
    edge: &E,
    outer: &Partial<W>,
    observed: Tip,
    seed: &Seed<W>,
    sink: &mut impl Sink<E, W>,
) {
    if observed.recording.is_none() {
        return;
    }
    let mut derivative = [[0.0; W]; 2];
    if outer.scale == Scale::Split || edge.is_tiny() || observed.is_tiny() || seed.instead.is_some() {
        at_recording_scaled(edge, outer, observed, seed, &mut derivative);
    } else {
        let [by_absent, by_present] = &mut derivative;
        for (lane, (by_absent, by_present)) in by_absent.iter_mut().zip(by_present).enumerate() {
            let from_above = edge.below(lane, [outer.state[0][lane], outer.state[1][lane]]);
            let [x, y] = observed.partial(lane);
            let ratio = seed.share[lane] / (from_above[0] * x + from_above[1] * y);
            let factor = if seed.share[lane] == 0.0 { 0.0 } else { ratio };
            *by_absent = observed.slope(lane) * factor * from_above[0];
            *by_present = observed.slope(lane) * factor * from_above[1];
        }
    }
    sink.collect_tip(tip, &derivative);
}

#[cold]
#[inline(never)]
fn at_recording_scaled<const W: usize>(
    edge: &impl Edge<W>,
    outer: &Partial<W>,
    observed: Tip,
    seed: &Seed<W>,
    derivative: &mut [[f64; W]; 2],
) {
    let cotangent = seed.cotangent();
    for lane in (0..W).filter(|&lane| cotangent[lane] != 0.0 && !observed.is_missing(lane)) {
        let [p00, p01, p10, p11] = edge.scaled(lane);
        let (absent, present) = (outer.scaled(0, lane), outer.scaled(1, lane));
        let from_above = [
            absent.times(p00).plus(present.times(p10)),
            absent.times(p01).plus(present.times(p11)),
        ];
        let [x, y] = observed.partial(lane).map(|p| Scaled::new(p, 0));
        let likelihood = seed.divisor(lane, from_above[0].times(x).plus(from_above[1].times(y)));
        for (row, from_above) in derivative.iter_mut().zip(from_above) {
            row[lane] = from_above.times_over(cotangent[lane] * observed.slope(lane), likelihood);
        }
    }
}
