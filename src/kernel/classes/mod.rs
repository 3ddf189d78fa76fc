//! Subtree classes: at each join only the distinct patterns of the tips below it are computed.
//!
//! Even where all columns of a table differ, most differ only near the root: over all joins some 8 to 12 % of the
//! (join, pattern) pairs are distinct. They are found once for a problem, in stretches of a few thousand patterns
//! that bound the memory of an evaluation, and used by every evaluation, gradient and re-weighting.

mod buffer;
mod build;
mod gradient;
mod joins;
mod labels;
mod likelihoods;
mod numbering;
mod pull;
mod segments;
mod table;
mod task;
mod value;

pub(super) use buffer::Drifted;
pub(super) use gradient::Tape;
#[cfg(test)]
pub(super) use segments::Held;
pub(super) use value::Buffers;

use super::dispatch::{Pair, Simd};
use super::edge::SharedEdge;
use super::plan::Plan;
use super::scaled::{STEP, exponent};
use super::shared::SharedAdjoint;
use crate::parallel::{Pool, Workers};
use crate::problem::{BLOCK, Patterns};
use buffer::Buffer;
use build::Stretch;
use gradient::RootScratch;
use joins::Joins;
use std::convert::Infallible;
use task::Task;

/// Patterns in a stretch at most: fewer share less, more leave the caches.
const STRETCH: usize = 6144;
/// How many times as long a stretch may be where few cells are listed: its joins then hold few classes, so that their
/// number costs more than what is in them.
const LONGER: f64 = 2.5;
/// Share of the cells that is present or missing, up to which stretches are longer.
const FEW: f64 = 0.02;
/// Blocks that are looked at to tell whether cells are few.
const SAMPLED: usize = 64;
/// Patterns in a stretch at least, however large the tree.
const SHORTEST: usize = 256;
/// Bytes that the results of a stretch that a gradient keeps should stay within: about a quarter of a byte a join and
/// pattern, for one class in eight of 16 bytes, of which one in eight is kept.
const KEPT_BYTES: usize = 256 << 20;
/// Below this many patterns one stretch does not pay for its division among threads.
const UNDIVIDED: usize = 1024;

/// The classes of a problem.
pub(super) struct Classes {
    joins: Joins,
    stretches: Vec<Stretch>,
    buffers: Pool<Buffers>,
    tapes: Pool<Tape>,
}

impl std::fmt::Debug for Classes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Classes of {} stretches", self.stretches.len())
    }
}

impl Classes {
    /// Finds the classes of all patterns.
    pub(super) fn new(plan: &Plan, patterns: &Patterns, workers: &Workers) -> Self {
        let joins = Joins::new(plan);
        let n_blocks = patterns.n_blocks();
        let times = (FEW / listed_share(patterns)).clamp(1.0, LONGER);
        let longest = ((4 * KEPT_BYTES / joins.list.len()).clamp(SHORTEST, STRETCH) as f64 * times) as usize;
        let n_stretches = match patterns.n_patterns() {
            few if few <= UNDIVIDED.min(longest) => 1,
            many => many.div_ceil(longest).next_multiple_of(2),
        };
        let bounds = |part: usize| {
            let first = part * n_blocks / n_stretches * BLOCK;
            let last = (part + 1) * n_blocks / n_stretches * BLOCK;
            first..last.min(patterns.n_patterns())
        };
        let built = workers.map(n_stretches, |part| {
            Ok::<_, Infallible>(build::build(&joins, patterns, bounds(part)))
        });
        let Ok(stretches) = built;
        Self {
            joins,
            stretches,
            buffers: Pool::default(),
            tapes: Pool::default(),
        }
    }

    /// Holds other amounts of results in a gradient.
    #[cfg(test)]
    pub(super) fn holding(mut self, held: Held) -> Self {
        for stretch in &mut self.stretches {
            stretch.segments = segments::segments(&self.joins, &mut stretch.joins, held);
        }
        self
    }

    /// Returns the number of stretches.
    pub(super) fn n_stretches(&self) -> usize {
        self.stretches.len()
    }

    /// Returns the number of classes of all joins.
    pub(super) fn n_classes(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.n_classes).sum()
    }

    /// Runs `work` with buffers for an evaluation.
    pub(super) fn with_buffers<R>(&self, work: impl FnOnce(&mut Buffers) -> R) -> R {
        self.buffers.with(|| Buffers::new(&self.joins), work)
    }

    /// Runs `work` with a tape for a gradient.
    pub(super) fn with_tape<R>(&self, work: impl FnOnce(&mut Tape) -> R) -> R {
        self.tapes.with(|| Tape::new(&self.joins), work)
    }

    fn task<'a>(&'a self, stretch: &'a Stretch, mixture: &Mixture<'a>, category: usize) -> Task<'a> {
        Task {
            joins: &self.joins,
            stretch,
            edges: mixture.edges(category),
        }
    }

    /// Appends the log-likelihood of each pattern of a stretch; `edges` is `[n_categories][n_nodes]`.
    #[inline(always)]
    pub(super) fn log_likelihoods<S: Simd>(
        &self,
        simd: S,
        stretch: usize,
        mixture: &Mixture,
        buffers: &mut Buffers,
        values: &mut Vec<f64>,
    ) -> Result<(), Drifted> {
        let stretch = &self.stretches[stretch];
        let mut likelihoods = std::mem::take(&mut buffers.likelihoods);
        for category in 0..mixture.weights.len() {
            value::prune(simd, self.task(stretch, mixture, category), buffers)?;
            if let Some(root) = buffers.root(&self.joins).map(Buffer::side) {
                likelihoods.add(
                    mixture.frequencies(category)?,
                    root,
                    stretch.n_root_classes(),
                    category == 0,
                );
            }
        }
        likelihoods.append_logs(stretch, values);
        buffers.likelihoods = likelihoods;
        Ok(())
    }

    /// As [`log_likelihoods`](Self::log_likelihoods), and adds the derivatives of `sum cotangent log L` to `adjoint`.
    #[inline(always)]
    pub(super) fn vector_jacobian<S: Simd>(
        &self,
        simd: S,
        stretch: usize,
        mixture: &Mixture,
        cotangent: &[f64],
        tape: &mut Tape,
        output: (&mut Vec<f64>, &mut SharedAdjoint),
    ) -> Result<(), Drifted> {
        let stretch = &self.stretches[stretch];
        let (values, adjoint) = output;
        let n_nodes = mixture.n_nodes();
        let n_categories = mixture.weights.len();
        let RootScratch {
            mut likelihoods,
            mut shares,
            mut slopes,
        } = std::mem::take(&mut tape.at_root);
        for category in 0..n_categories {
            tape.record(simd, self.task(stretch, mixture, category))?;
            if let Some(root) = tape.root(&self.joins, stretch) {
                likelihoods.add(
                    mixture.frequencies(category)?,
                    root,
                    stretch.n_root_classes(),
                    category == 0,
                );
            }
        }
        shares.clear();
        shares.resize(stretch.n_root_classes(), 0.0);
        for (&class, &cotangent) in stretch.root.iter().zip(&cotangent[stretch.patterns.clone()]) {
            shares[class as usize] += cotangent;
        }
        for category in 0..n_categories {
            let task = self.task(stretch, mixture, category);
            if n_categories > 1 {
                tape.record(simd, task)?;
            }
            let frequencies = mixture.frequencies(category)?;
            let Some(root) = tape.root(&self.joins, stretch) else {
                continue;
            };
            likelihoods.slopes(&shares, root, &mut slopes);
            // As of a category that cannot have made a pattern which is itself all but impossible.
            if slopes.iter().any(|slope| !slope.is_finite()) {
                return Err(Drifted);
            }
            let sums = weighted_sum(&slopes, &root.pairs[..slopes.len()]);
            let of_weights = mixture.root[category].iter().zip(sums);
            adjoint.weights[category] += of_weights.map(|(frequency, sum)| frequency * sum).sum::<f64>();
            for (to_root, sum) in adjoint.root[category].iter_mut().zip(sums) {
                *to_root += mixture.weights[category] * sum;
            }
            let seeds = slopes
                .iter()
                .map(|slope| frequencies.map(|frequency| slope * frequency));
            let table = &mut adjoint.transitions[category * n_nodes..(category + 1) * n_nodes];
            tape.play_back(simd, task, seeds, table)?;
        }
        likelihoods.append_logs(stretch, values);
        tape.at_root = RootScratch {
            likelihoods,
            shares,
            slopes,
        };
        Ok(())
    }
}

/// Returns the share of the cells that is present or missing, from blocks spread over all.
fn listed_share(patterns: &Patterns) -> f64 {
    let step = patterns.n_blocks().div_ceil(SAMPLED).max(1);
    let (mut listed, mut cells) = (0_u64, 0_u64);
    for block in (0..patterns.n_blocks()).step_by(step) {
        let words = patterns
            .present(block)
            .iter()
            .chain(patterns.missing(block).unwrap_or_default());
        listed += words.map(|word| u64::from(word.count_ones())).sum::<u64>();
        let lanes = BLOCK.min(patterns.n_patterns() - block * BLOCK);
        cells += (lanes * patterns.n_tips()) as u64;
    }
    listed as f64 / cells.max(1) as f64
}

/// Returns `sum_i weight[i] pair[i]`.
#[inline(always)]
fn weighted_sum(weights: &[f64], pairs: &[Pair]) -> Pair {
    let mut running = [[0.0; 2]; 16];
    let (chunks, rest) = pairs.as_chunks::<16>();
    let (chunk_weights, rest_weights) = weights.as_chunks::<16>();
    let add = |sum: &mut Pair, weight: f64, pair: Pair| *sum = [sum[0] + weight * pair[0], sum[1] + weight * pair[1]];
    for (chunk, weights) in chunks.iter().zip(chunk_weights) {
        for (sum, (&pair, &weight)) in running.iter_mut().zip(chunk.iter().zip(weights)) {
            add(sum, weight, pair);
        }
    }
    for (sum, (&pair, &weight)) in running.iter_mut().zip(rest.iter().zip(rest_weights)) {
        add(sum, weight, pair);
    }
    running
        .iter()
        .fold([0.0; 2], |total, sum| [total[0] + sum[0], total[1] + sum[1]])
}

/// The categories of an evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mixture<'a> {
    /// `[n_categories][n_nodes]`.
    pub(super) edges: &'a [SharedEdge],
    /// `[n_categories]`.
    pub(super) root: &'a [[f64; 2]],
    /// `[n_categories]`.
    pub(super) weights: &'a [f64],
}

impl<'a> Mixture<'a> {
    fn n_nodes(&self) -> usize {
        self.edges.len() / self.weights.len()
    }

    fn edges(&self, category: usize) -> &'a [SharedEdge] {
        &self.edges[category * self.n_nodes()..(category + 1) * self.n_nodes()]
    }

    /// Returns the root frequencies times the weight.
    fn frequencies(&self, category: usize) -> Result<[f64; 2], Drifted> {
        let frequencies = self.root[category].map(|frequency| self.weights[category] * frequency);
        let is_tiny = frequencies
            .iter()
            .any(|&frequency| frequency > 0.0 && exponent(frequency) < -STEP);
        if is_tiny { Err(Drifted) } else { Ok(frequencies) }
    }
}
