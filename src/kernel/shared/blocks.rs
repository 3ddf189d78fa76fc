//! Shared rates over blocks of lanes.

use super::{Prepared, SharedAdjoint};
use crate::error::Cancelled;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::gradient::{Scratch, Sites, downward, upward};
use crate::kernel::partial::Partial;
use crate::kernel::prune::{Lanes, prune};
use crate::kernel::root::{Shares, add_weighted, at_root};
use crate::kernel::scaled::Scaled;
use crate::kernel::sink::SharedSink;
use crate::kernel::source::SharedSource;
use crate::kernel::{Kernel, part_bounds};
use crate::parallel::{Monitor, Workers};
use crate::problem::BLOCK;

/// Blocks that one piece of work of a value evaluation takes.
const BLOCKS_PER_PIECE: usize = 4;

impl Kernel {
    pub(super) fn block_log_likelihoods(
        &self,
        prepared: &Prepared,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, Cancelled> {
        let n_blocks = self.problem.patterns().n_blocks();
        let n_pieces = n_blocks.div_ceil(BLOCKS_PER_PIECE);
        let pieces = workers.map(n_pieces, |piece| {
            let blocks = piece * BLOCKS_PER_PIECE..((piece + 1) * BLOCKS_PER_PIECE).min(n_blocks);
            let mut slots = vec![Partial::<BLOCK>::ones(); self.plan.n_slots];
            let mut values = Vec::with_capacity(blocks.len() * BLOCK);
            for block in blocks {
                monitor.check()?;
                values.extend(dispatch::run(ValueBlock {
                    kernel: self,
                    prepared,
                    block,
                    slots: &mut slots,
                }));
            }
            Ok(values)
        })?;
        let mut values = pieces.concat();
        values.truncate(self.problem.patterns().n_patterns());
        Ok(values)
    }

    pub(super) fn block_vector_jacobian<const W: usize>(
        &self,
        prepared: &Prepared,
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<(Vec<f64>, SharedAdjoint), Cancelled> {
        let n_patterns = self.problem.patterns().n_patterns();
        let n_pieces = n_patterns.div_ceil(W);
        let n_parts = self.n_parts(n_pieces);
        let (n_categories, n_nodes) = (prepared.input.weights.len(), self.problem.tree().n_nodes());
        let n_tips = prepared.recordings().map_or(0, <[_]>::len);
        let parts = workers.map(n_parts, |part| {
            let mut adjoint = SharedAdjoint::zeros(n_categories, n_nodes, n_tips);
            let mut scratch = Scratch::<W>::new(&self.layout);
            let mut values = Vec::new();
            for piece in part_bounds(n_pieces, n_parts, part) {
                monitor.check()?;
                values.extend(dispatch::run(GradientBlock {
                    kernel: self,
                    prepared,
                    first: piece * W,
                    cotangent,
                    scratch: &mut scratch,
                    adjoint: &mut adjoint,
                }));
            }
            Ok((values, adjoint))
        })?;
        let mut total = SharedAdjoint::zeros(n_categories, n_nodes, n_tips);
        let mut values = Vec::with_capacity(n_pieces * W);
        for (part_values, part) in &parts {
            values.extend_from_slice(part_values);
            total.add(part);
        }
        values.truncate(n_patterns);
        Ok((values, total))
    }
}

pub(super) struct ValueBlock<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) prepared: &'a Prepared<'a>,
    pub(super) block: usize,
    pub(super) slots: &'a mut [Partial<BLOCK>],
}

impl Work for ValueBlock<'_> {
    type Output = [f64; BLOCK];

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> [f64; BLOCK] {
        let (prepared, patterns) = (self.prepared, self.kernel.problem.patterns());
        let lanes = Lanes::new(patterns, self.block * BLOCK, prepared.recordings());
        let mut total = [Scaled::new(0.0, 0); BLOCK];
        for (category, &weight) in prepared.input.weights.iter().enumerate() {
            let source = SharedSource(prepared.edges(category));
            prune(&self.kernel.plan, &lanes, &source, self.slots);
            let likelihood = at_root(&self.slots[0], |_| prepared.input.root[category]);
            add_weighted(&mut total, weight, &likelihood);
        }
        total.map(Scaled::ln)
    }
}

struct GradientBlock<'a, const W: usize> {
    kernel: &'a Kernel,
    prepared: &'a Prepared<'a>,
    first: usize,
    cotangent: &'a [f64],
    scratch: &'a mut Scratch<W>,
    adjoint: &'a mut SharedAdjoint,
}

impl<const W: usize> Work for GradientBlock<'_, W> {
    type Output = [f64; W];

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> [f64; W] {
        let prepared = self.prepared;
        let sites = Sites::new(self.kernel, self.first, prepared.recordings());
        let n_nodes = self.kernel.problem.tree().n_nodes();
        let n_categories = prepared.input.weights.len();
        let cotangent: [f64; W] =
            std::array::from_fn(|lane| self.cotangent.get(self.first + lane).copied().unwrap_or(0.0));
        let mut total = [Scaled::new(0.0, 0); W];
        for category in 0..n_categories {
            let source = SharedSource(prepared.edges(category));
            upward(&sites, &source, self.scratch);
            let likelihood = at_root(self.scratch.root(), |_| prepared.input.root[category]);
            add_weighted(&mut total, prepared.input.weights[category], &likelihood);
        }
        for category in 0..n_categories {
            let nodes = category * n_nodes..(category + 1) * n_nodes;
            let source = SharedSource(prepared.edges(category));
            let mut sink = SharedSink {
                transitions: &mut self.adjoint.transitions[nodes],
                tips: &mut self.adjoint.tips,
            };
            if n_categories > 1 {
                upward(&sites, &source, self.scratch);
            }
            let frequencies = prepared.input.root[category];
            let weight = prepared.input.weights[category];
            let shares = Shares::new(
                &source,
                weight,
                self.scratch.root(),
                |_| frequencies,
                &total,
                &cotangent,
            );
            for lane in 0..W {
                self.adjoint.weights[category] += shares.by_weight[lane];
                self.adjoint.root[category][0] += shares.by_root[lane][0];
                self.adjoint.root[category][1] += shares.by_root[lane][1];
            }
            downward(&sites, &source, &mut sink, self.scratch, |_| frequencies, &shares.seed);
        }
        total.map(Scaled::ln)
    }
}
