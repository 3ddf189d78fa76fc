//! Transition probabilities shared by all patterns, one table a rate category.

use super::classes::{Buffers, Classes, Drifted, Mixture, Tape};
use super::dispatch::{self, Simd, Work};
use super::edge::SharedEdge;
use super::gradient::{Scratch, downward, upward};
use super::partial::Partial;
use super::prune::{Lanes, at_root, prune};
use super::scaled::Scaled;
use super::source::SharedSource;
use super::transition::Transition;
use super::{Kernel, part_bounds};
use crate::error::Cancelled;
use crate::parallel::{Monitor, Workers};
use crate::problem::BLOCK;

/// Blocks that one piece of work of a value evaluation takes.
const BLOCKS_PER_PIECE: usize = 4;

/// What a shared-rate evaluation needs.
#[derive(Debug, Clone, Copy)]
pub struct SharedInput<'a> {
    /// `[n_categories][n_nodes]`; the root's entry is the identity.
    pub transitions: &'a [Transition],
    /// Root frequencies of states 0 and 1, `[n_categories]`.
    pub root: &'a [[f64; 2]],
    /// Category weights, `[n_categories]`; they need not sum to 1.
    pub weights: &'a [f64],
    /// x
    pub tips: Option<&'a [[f64; 2]]>,
}

/// Derivatives with respect to the fields of [`SharedInput`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SharedAdjoint {
    /// `[n_categories][n_nodes]`.
    pub transitions: Vec<Transition>,
    /// `[n_categories]`.
    pub root: Vec<[f64; 2]>,
    /// `[n_categories]`.
    pub weights: Vec<f64>,
    /// x
    pub tips: Vec<[f64; 2]>,
}

impl SharedAdjoint {
    fn zeros(n_categories: usize, n_nodes: usize) -> Self {
        Self {
            transitions: vec![[0.0; 4]; n_categories * n_nodes],
            root: vec![[0.0; 2]; n_categories],
            weights: vec![0.0; n_categories],
            tips: vec![],
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let entries = self
            .transitions
            .as_flattened_mut()
            .iter_mut()
            .zip(other.transitions.as_flattened());
        let root = self.root.as_flattened_mut().iter_mut().zip(other.root.as_flattened());
        for (total, part) in entries.chain(root).chain(self.weights.iter_mut().zip(&other.weights)) {
            *total += part;
        }
    }
}

impl Kernel {
    /// Returns the log-likelihood of each site pattern by Felsenstein's pruning.
    ///
    /// `log L[i] = log sum_c w[c] sum_s f[c][s] partial_root[c][s][i]`; patterns are independent given the tree. The
    /// result is `[n_patterns]`, natural log, minus infinity for a pattern that cannot arise.
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    ///
    /// # Source
    /// Felsenstein 1981, doi:10.1007/BF01734359.
    pub fn log_likelihoods(
        &self,
        input: SharedInput,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, Cancelled> {
        let edges: Vec<SharedEdge> = input.transitions.iter().copied().map(SharedEdge::new).collect();
        if let Some(classes) = &self.classes {
            let mixture = Mixture {
                edges: &edges,
                root: input.root,
                weights: input.weights,
            };
            // About a nanosecond a class.
            let n_categories = input.weights.len();
            let stretches =
                workers.map_estimated(classes.n_stretches(), classes.n_classes() * n_categories, |stretch| {
                    monitor.check()?;
                    Ok(classes.with_buffers(|buffers| {
                        dispatch::run(ClassValue {
                            classes,
                            stretch,
                            mixture,
                            buffers,
                        })
                    }))
                })?;
            if let Ok(stretches) = stretches.into_iter().collect::<Result<Vec<_>, Drifted>>() {
                return Ok(stretches.concat());
            }
        }
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
                    input,
                    edges: &edges,
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

    /// Returns the log-likelihood of each pattern and the vector-Jacobian product with `cotangent`.
    ///
    /// The second result is the derivative of `sum_i cotangent[i] log L[i]` with respect to every entry of `input`,
    /// entries taken as independent. Patterns with cotangent 0 contribute nothing; an impossible pattern with another
    /// cotangent makes the derivative NaN, for there is none.
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn vector_jacobian(
        &self,
        input: SharedInput,
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<(Vec<f64>, SharedAdjoint), Cancelled> {
        if let Some(classes) = &self.classes
            && let Some(result) = self.class_vector_jacobian(classes, input, cotangent, workers, monitor)?
        {
            return Ok(result);
        }
        if self.is_narrow() {
            self.vector_jacobian_wide::<8>(input, cotangent, workers, monitor)
        } else {
            self.vector_jacobian_wide::<64>(input, cotangent, workers, monitor)
        }
    }

    /// Returns nothing if the states of a class drifted too far apart.
    fn class_vector_jacobian(
        &self,
        classes: &Classes,
        input: SharedInput,
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Option<(Vec<f64>, SharedAdjoint)>, Cancelled> {
        let edges: Vec<SharedEdge> = input.transitions.iter().copied().map(SharedEdge::new).collect();
        let mixture = Mixture {
            edges: &edges,
            root: input.root,
            weights: input.weights,
        };
        let (n_categories, n_nodes) = (input.weights.len(), self.problem.tree().n_nodes());
        let n_parts = self.n_parts(classes.n_stretches());
        // About four nanoseconds a class.
        let estimate = 4 * classes.n_classes() * n_categories;
        let parts = workers.map_estimated(n_parts, estimate, |part| {
            let (mut values, mut adjoint) = (Vec::new(), SharedAdjoint::zeros(n_categories, n_nodes));
            for stretch in part_bounds(classes.n_stretches(), n_parts, part) {
                monitor.check()?;
                let (values, adjoint) = (&mut values, &mut adjoint);
                let work = |tape: &mut Tape| {
                    dispatch::run(ClassGradient {
                        classes,
                        stretch,
                        mixture,
                        cotangent,
                        tape,
                        values,
                        adjoint,
                    })
                };
                if classes.with_tape(work).is_err() {
                    return Ok(None);
                }
            }
            Ok(Some((values, adjoint)))
        })?;
        let mut total = SharedAdjoint::zeros(n_categories, n_nodes);
        let mut values = Vec::with_capacity(cotangent.len());
        for part in parts {
            let Some((part_values, part)) = part else {
                return Ok(None);
            };
            values.extend(part_values);
            total.add(&part);
        }
        Ok(Some((values, total)))
    }

    fn vector_jacobian_wide<const W: usize>(
        &self,
        input: SharedInput,
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<(Vec<f64>, SharedAdjoint), Cancelled> {
        let n_patterns = self.problem.patterns().n_patterns();
        let n_pieces = n_patterns.div_ceil(W);
        let n_parts = self.n_parts(n_pieces);
        let (n_categories, n_nodes) = (input.weights.len(), self.problem.tree().n_nodes());
        let edges: Vec<SharedEdge> = input.transitions.iter().copied().map(SharedEdge::new).collect();
        let parts = workers.map(n_parts, |part| {
            let mut adjoint = SharedAdjoint::zeros(n_categories, n_nodes);
            let mut scratch = Scratch::<W>::new(&self.layout);
            let mut values = Vec::new();
            for piece in part_bounds(n_pieces, n_parts, part) {
                monitor.check()?;
                values.extend(dispatch::run(GradientBlock {
                    kernel: self,
                    input,
                    edges: &edges,
                    first: piece * W,
                    cotangent,
                    scratch: &mut scratch,
                    adjoint: &mut adjoint,
                }));
            }
            Ok((values, adjoint))
        })?;
        let mut total = SharedAdjoint::zeros(n_categories, n_nodes);
        let mut values = Vec::with_capacity(n_pieces * W);
        for (part_values, part) in &parts {
            values.extend_from_slice(part_values);
            total.add(part);
        }
        values.truncate(n_patterns);
        Ok((values, total))
    }
}

struct ClassValue<'a> {
    classes: &'a Classes,
    stretch: usize,
    mixture: Mixture<'a>,
    buffers: &'a mut Buffers,
}

impl Work for ClassValue<'_> {
    type Output = Result<Vec<f64>, Drifted>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let mut values = Vec::new();
        self.classes
            .log_likelihoods(simd, self.stretch, &self.mixture, self.buffers, &mut values)?;
        Ok(values)
    }
}

struct ClassGradient<'a> {
    classes: &'a Classes,
    stretch: usize,
    mixture: Mixture<'a>,
    cotangent: &'a [f64],
    tape: &'a mut Tape,
    values: &'a mut Vec<f64>,
    adjoint: &'a mut SharedAdjoint,
}

impl Work for ClassGradient<'_> {
    type Output = Result<(), Drifted>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let output = (self.values, self.adjoint);
        self.classes
            .vector_jacobian(simd, self.stretch, &self.mixture, self.cotangent, self.tape, output)
    }
}

struct ValueBlock<'a> {
    kernel: &'a Kernel,
    input: SharedInput<'a>,
    edges: &'a [SharedEdge],
    block: usize,
    slots: &'a mut [Partial<BLOCK>],
}

impl Work for ValueBlock<'_> {
    type Output = [f64; BLOCK];

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> [f64; BLOCK] {
        let lanes = Lanes::new(self.kernel.problem.patterns(), self.block * BLOCK);
        let n_nodes = self.kernel.problem.tree().n_nodes();
        let mut total = [Scaled::new(0.0, 0); BLOCK];
        for (category, &weight) in self.input.weights.iter().enumerate() {
            let source = SharedSource {
                table: &self.edges[category * n_nodes..(category + 1) * n_nodes],
                adjoint: &mut [],
            };
            prune(&self.kernel.plan, &lanes, &source, self.slots);
            let likelihood = at_root(&self.slots[0], |_| self.input.root[category]);
            add_weighted(&mut total, weight, &likelihood);
        }
        total.map(Scaled::ln)
    }
}

#[inline(always)]
fn add_weighted<const W: usize>(total: &mut [Scaled; W], weight: f64, likelihood: &[Scaled; W]) {
    let weight = Scaled::new(weight, 0);
    for (sum, &term) in total.iter_mut().zip(likelihood) {
        *sum = sum.plus(weight.times(term));
    }
}

struct GradientBlock<'a, const W: usize> {
    kernel: &'a Kernel,
    input: SharedInput<'a>,
    edges: &'a [SharedEdge],
    first: usize,
    cotangent: &'a [f64],
    scratch: &'a mut Scratch<W>,
    adjoint: &'a mut SharedAdjoint,
}

impl<const W: usize> Work for GradientBlock<'_, W> {
    type Output = [f64; W];

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> [f64; W] {
        let (tree, layout) = (self.kernel.problem.tree(), &self.kernel.layout);
        let lanes = Lanes::new(self.kernel.problem.patterns(), self.first);
        let n_nodes = tree.n_nodes();
        let n_categories = self.input.weights.len();
        let cotangent: [f64; W] =
            std::array::from_fn(|lane| self.cotangent.get(self.first + lane).copied().unwrap_or(0.0));
        let mut total = [Scaled::new(0.0, 0); W];
        for category in 0..n_categories {
            let table = &self.edges[category * n_nodes..(category + 1) * n_nodes];
            let source = SharedSource {
                table,
                adjoint: &mut [],
            };
            upward(tree, layout, &lanes, &source, self.scratch);
            let likelihood = at_root(self.scratch.root(), |_| self.input.root[category]);
            add_weighted(&mut total, self.input.weights[category], &likelihood);
        }
        for category in 0..n_categories {
            let nodes = category * n_nodes..(category + 1) * n_nodes;
            let mut source = SharedSource {
                table: &self.edges[nodes.clone()],
                adjoint: &mut self.adjoint.transitions[nodes],
            };
            if n_categories > 1 {
                upward(tree, layout, &lanes, &source, self.scratch);
            }
            let frequencies = self.input.root[category];
            let weight = Scaled::new(self.input.weights[category], 0);
            let likelihood = at_root(self.scratch.root(), |_| frequencies);
            let mut share = [0.0; W];
            for lane in (0..W).filter(|&lane| cotangent[lane] != 0.0) {
                self.adjoint.weights[category] += cotangent[lane] * likelihood[lane].over(total[lane]);
                share[lane] = cotangent[lane] * weight.times(likelihood[lane]).over(total[lane]);
                for state in 0..2 {
                    let partial = weight.times(self.scratch.root().scaled(state, lane));
                    self.adjoint.root[category][state] += cotangent[lane] * partial.over(total[lane]);
                }
            }
            downward(tree, layout, &lanes, &mut source, self.scratch, |_| frequencies, &share);
        }
        total.map(Scaled::ln)
    }
}

#[cfg(test)]
mod tests;
