//! What all other tips say about the record of each tip, one block of patterns at a time.
//!
//! Let r_s be the probability of all other records together with state s at a tip, and p_s the probability that the
//! tip is recorded present in that state. The likelihood is `sum_s r_s p_s` if it is, `sum_s r_s (1 - p_s)` if not; so
//! the derivative of log L with respect to p_s, which the pass down finds for every tip, is plus or minus `r_s / L`,
//! and `P(recorded present | all others) = sum_s r_s p_s / sum_s r_s`. No division by a probability that may be 0:
//! a record that contradicts all others is predicted as well as one that agrees.

use super::passes::rise;
use crate::error::Cancelled;
use crate::kernel::Kernel;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::gradient::{Scratch, Sites, downward};
use crate::kernel::lane_edge::Decay;
use crate::kernel::lanes::{LaneInput, PreparedLanes, WIDTH};
use crate::kernel::root::Shares;
use crate::kernel::scaled::Scaled;
use crate::kernel::shared::{Prepared, SharedInput};
use crate::kernel::sink::{OfLane, Sink};
use crate::kernel::source::{KeptSource, SharedSource, Source};
use crate::kernel::transition::Equilibria;
use crate::parallel::{Monitor, Pool, Workers};
use std::ops::Range;

/// The predictions of neighbouring patterns.
#[derive(Debug, Clone)]
pub struct PredictionBlock {
    patterns: Range<usize>,
    width: usize,
    log_likelihoods: Vec<f64>,
    /// `r_s / L`, `[n_tips][2][width]`.
    shares: Vec<f64>,
    /// P(recorded present) given either state, `[n_tips]`.
    tips: Vec<[f64; 2]>,
}

impl PredictionBlock {
    /// Returns which patterns these are.
    #[must_use]
    pub fn patterns(&self) -> Range<usize> {
        self.patterns.clone()
    }

    /// Returns the log-likelihood of each pattern of the block, natural log.
    #[must_use]
    pub fn log_likelihoods(&self) -> &[f64] {
        &self.log_likelihoods[..self.patterns.len()]
    }

    /// Returns the probabilities that a tip carries the family and that it is recorded present, given the records of
    /// all others, for each pattern of the block; NaN where its cell is missing or the pattern cannot arise.
    pub fn given_others(&self, tip: usize) -> impl Iterator<Item = [f64; 2]> + '_ {
        let [p0, p1] = self.tips[tip];
        let row = |state: usize| &self.shares[(2 * tip + state) * self.width..][..self.patterns.len()];
        row(0).iter().zip(row(1)).map(move |(&absent, &present)| {
            // Beyond a double only where the record is all but impossible given the others.
            match (absent == f64::INFINITY, present == f64::INFINITY) {
                (true, false) => [0.0, p0],
                (false, true) => [1.0, p1],
                _ => {
                    let both = absent + present;
                    [present / both, (absent * p0 + present * p1) / both]
                }
            }
        })
    }
}

/// A block and what is needed to fill it.
struct Room<const W: usize> {
    block: PredictionBlock,
    scratch: Scratch<W>,
    /// `[n_sets]`; empty for shared rates.
    equilibria: Vec<Equilibria<W>>,
    /// `[n_nodes]`; empty for shared rates.
    decays: Vec<Decay<W>>,
}

impl<const W: usize> Room<W> {
    fn new(kernel: &Kernel, tips: &[[f64; 2]], n_sets: usize) -> Self {
        Self {
            block: PredictionBlock {
                patterns: 0..0,
                width: W,
                log_likelihoods: vec![0.0; W],
                shares: vec![0.0; 2 * tips.len() * W],
                tips: tips.to_vec(),
            },
            scratch: Scratch::new(&kernel.layout),
            equilibria: vec![Equilibria::of([1.0; W], [1.0; W]); n_sets],
            decays: vec![
                Decay::NONE;
                if n_sets == 0 {
                    0
                } else {
                    kernel.problem.tree().n_nodes()
                }
            ],
        }
    }

    /// Ends a block; a pattern that cannot arise has shares of 0, and so no predictions.
    fn finish(&mut self, first: usize, n_patterns: usize, total: &[Scaled; W]) {
        self.block.patterns = first..(first + W).min(n_patterns);
        self.block.log_likelihoods.copy_from_slice(&total.map(Scaled::ln));
    }
}

/// Adds up the shares of one tip after the other.
struct ShareSink<'a> {
    shares: &'a mut [f64],
}

impl<E, const W: usize> Sink<E, W> for ShareSink<'_> {
    #[inline(always)]
    fn collect(&mut self, _node: usize, _edge: &E, _derivative: &impl OfLane) {}

    #[inline(always)]
    fn collect_tip(&mut self, tip: usize, derivative: &[[f64; W]; 2]) {
        for (state, derivative) in derivative.iter().enumerate() {
            let row = &mut self.shares[(2 * tip + state) * W..][..W];
            for (share, value) in row.iter_mut().zip(derivative) {
                *share += value.abs();
            }
        }
    }
}

/// Goes down, and adds the shares of a category.
#[inline(always)]
fn fall<const W: usize>(
    sites: &Sites,
    source: &impl Source<W>,
    (scratch, shares): (&mut Scratch<W>, &mut [f64]),
    (weight, root): (f64, &[[f64; 2]; W]),
    total: &[Scaled; W],
) {
    let frequencies = |lane: usize| root[lane];
    let cotangent = total.map(|total| if total.value == 0.0 { 0.0 } else { 1.0 });
    let seed = Shares::new(weight, scratch.root(), frequencies, total, &cotangent).seed;
    downward(sites, source, &mut ShareSink { shares }, scratch, frequencies, &seed);
}

struct SharedBlock<'a, const W: usize> {
    kernel: &'a Kernel,
    prepared: &'a Prepared<'a>,
    first: usize,
    room: &'a mut Room<W>,
}

impl<const W: usize> Work for SharedBlock<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (kernel, prepared, room) = (self.kernel, self.prepared, self.room);
        let sites = Sites::new(kernel, self.first, prepared.recordings());
        let input = prepared.input;
        let n_categories = input.weights.len();
        let of = |category: usize| (input.weights[category], [input.root[category]; W]);
        let mut total = [Scaled::new(0.0, 0); W];
        room.block.shares.fill(0.0);
        for category in 0..n_categories {
            let (source, (weight, root)) = (SharedSource(prepared.edges(category)), of(category));
            rise(&sites, &source, &mut room.scratch, (weight, &root), &mut total);
        }
        for category in 0..n_categories {
            let (source, (weight, root)) = (SharedSource(prepared.edges(category)), of(category));
            if n_categories > 1 {
                rise(&sites, &source, &mut room.scratch, (weight, &root), &mut total.clone());
            }
            let into = (&mut room.scratch, &mut room.block.shares[..]);
            fall(&sites, &source, into, (weight, &root), &total);
        }
        room.finish(self.first, kernel.problem.patterns().n_patterns(), &total);
    }
}

struct LaneBlock<'a, const W: usize> {
    kernel: &'a Kernel,
    prepared: &'a PreparedLanes<'a>,
    first: usize,
    room: &'a mut Room<W>,
}

impl<const W: usize> Work for LaneBlock<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (kernel, prepared, first, room) = (self.kernel, self.prepared, self.first, self.room);
        let sites = Sites::new(kernel, first, prepared.recordings());
        let of = |category: usize| -> (f64, [[f64; 2]; W]) {
            (prepared.input.weights[category], prepared.root(category, first))
        };
        let mut total = [Scaled::new(0.0, 0); W];
        room.block.shares.fill(0.0);
        for category in 0..prepared.n_categories() {
            let (weight, root) = of(category);
            prepared.load(category, first, &mut room.equilibria);
            let source = KeptSource::new(&prepared.branches, &room.equilibria, &mut room.decays);
            rise(&sites, &source, &mut room.scratch, (weight, &root), &mut total);
        }
        for category in 0..prepared.n_categories() {
            let (weight, root) = of(category);
            prepared.load(category, first, &mut room.equilibria);
            let source = KeptSource::new(&prepared.branches, &room.equilibria, &mut room.decays);
            if prepared.n_categories() > 1 {
                rise(&sites, &source, &mut room.scratch, (weight, &root), &mut total.clone());
            }
            let into = (&mut room.scratch, &mut room.block.shares[..]);
            fall(&sites, &source, into, (weight, &root), &total);
        }
        room.finish(first, kernel.problem.patterns().n_patterns(), &total);
    }
}

impl Kernel {
    /// Visits what the other tips say about the record of each tip, block by block, and returns what the visits
    /// returned, in order; blocks and memory as in [`branch_posteriors`](Self::branch_posteriors).
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn tip_predictions<T: Send>(
        &self,
        input: SharedInput,
        workers: &Workers,
        monitor: &Monitor,
        visit: impl Fn(&PredictionBlock) -> T + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        let tips = self.recorded_as_given(input.tips);
        let input = SharedInput {
            tips: Some(&tips),
            ..input
        };
        let prepared = Prepared::new(input);
        let prepared = &prepared;
        if self.is_narrow() {
            self.predict::<T, 8>((&tips, 0), workers, monitor, visit, |kernel, first, room| {
                dispatch::run(SharedBlock {
                    kernel,
                    prepared,
                    first,
                    room,
                });
            })
        } else {
            self.predict::<T, 64>((&tips, 0), workers, monitor, visit, |kernel, first, room| {
                dispatch::run(SharedBlock {
                    kernel,
                    prepared,
                    first,
                    room,
                });
            })
        }
    }

    /// As [`tip_predictions`](Self::tip_predictions), with rates for each pattern.
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn lane_tip_predictions<T: Send>(
        &self,
        input: LaneInput,
        workers: &Workers,
        monitor: &Monitor,
        visit: impl Fn(&PredictionBlock) -> T + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        let tips = self.recorded_as_given(input.tips);
        let (n_sets, input) = (
            input.n_sets,
            LaneInput {
                tips: Some(&tips),
                ..input
            },
        );
        let prepared = PreparedLanes::new(self, input);
        let prepared = &prepared;
        if self.is_narrow() {
            self.predict::<T, 8>((&tips, n_sets), workers, monitor, visit, |kernel, first, room| {
                dispatch::run(LaneBlock {
                    kernel,
                    prepared,
                    first,
                    room,
                });
            })
        } else {
            self.predict::<T, WIDTH>((&tips, n_sets), workers, monitor, visit, |kernel, first, room| {
                dispatch::run(LaneBlock {
                    kernel,
                    prepared,
                    first,
                    room,
                });
            })
        }
    }

    /// Returns the recording of every tip, also where it is without error.
    fn recorded_as_given(&self, tips: Option<&[[f64; 2]]>) -> Vec<[f64; 2]> {
        tips.map_or_else(|| vec![[0.0, 1.0]; self.problem.tree().n_tips()], <[_]>::to_vec)
    }

    /// Fills blocks of `W` patterns with `fill`, and visits each.
    fn predict<T: Send, const W: usize>(
        &self,
        (tips, n_sets): (&[[f64; 2]], usize),
        workers: &Workers,
        monitor: &Monitor,
        visit: impl Fn(&PredictionBlock) -> T + Sync,
        fill: impl Fn(&Self, usize, &mut Room<W>) + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        let n_blocks = self.problem.patterns().n_patterns().div_ceil(W);
        let rooms = Pool::default();
        workers.map(n_blocks, |number| {
            monitor.check()?;
            let work = |room: &mut Room<W>| {
                fill(self, number * W, room);
                visit(&room.block)
            };
            Ok(rooms.with(|| Room::new(self, tips, n_sets), work))
        })
    }
}
