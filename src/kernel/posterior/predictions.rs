//! What all other tips say about the record of each tip, one block of patterns at a time.
//!
//! Let r_s be the probability of all other records together with state s at a tip, and p_s the probability that the
//! tip is recorded present in that state. The likelihood is `sum_s r_s p_s` if it is, `sum_s r_s (1 - p_s)` if not; so
//! the derivative of log L with respect to p_s, which the pass down finds for every tip, is plus or minus `r_s / L`,
//! and `P(recorded present | all others) = sum_s r_s p_s / sum_s r_s`. No division by a probability that may be 0:
//! a record that contradicts all others is predicted as well as one that agrees.

use super::passes::{self, Block, Category};
use crate::error::Cancelled;
use crate::kernel::Kernel;
use crate::kernel::gradient::{Scratch, Sites, downward};
use crate::kernel::lanes::{LaneInput, PreparedLanes, WIDTH};
use crate::kernel::root::Shares;
use crate::kernel::scaled::Scaled;
use crate::kernel::shared::{Prepared, SharedInput};
use crate::kernel::sink::{OfLane, Sink};
use crate::kernel::source::Source;
use crate::parallel::{Monitor, Workers};
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
    fn new(tips: &[[f64; 2]], width: usize) -> Self {
        Self {
            patterns: 0..0,
            width,
            log_likelihoods: vec![0.0; width],
            shares: vec![0.0; 2 * tips.len() * width],
            tips: tips.to_vec(),
        }
    }

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

impl<const W: usize> Block<W> for PredictionBlock {
    fn begin(&mut self) {
        self.shares.fill(0.0);
    }

    /// Goes down, and adds the shares of a category.
    #[inline(always)]
    fn fall(
        &mut self,
        sites: &Sites,
        source: &impl Source<W>,
        scratch: &mut Scratch<W>,
        category: &Category<W>,
        total: &[Scaled; W],
    ) {
        let frequencies = |lane: usize| category.root[lane];
        let cotangent = total.map(|total| if total.value == 0.0 { 0.0 } else { 1.0 });
        let seed = Shares::new(source, category.weight, scratch.root(), frequencies, total, &cotangent).seed;
        let mut sink = ShareSink {
            shares: &mut self.shares,
        };
        downward(sites, source, &mut sink, scratch, frequencies, &seed);
    }

    /// Ends a block; a pattern that cannot arise has shares of 0, and so no predictions.
    fn finish(&mut self, patterns: Range<usize>, total: &[Scaled; W]) {
        self.patterns = patterns;
        self.log_likelihoods.copy_from_slice(&total.map(Scaled::ln));
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
        if self.is_narrow() {
            let block = || PredictionBlock::new(&tips, 8);
            passes::visit::<T, _, 8>(self, (block, 0), workers, monitor, visit, |first, room| {
                passes::shared(self, &prepared, first, room);
            })
        } else {
            let block = || PredictionBlock::new(&tips, 64);
            passes::visit::<T, _, 64>(self, (block, 0), workers, monitor, visit, |first, room| {
                passes::shared(self, &prepared, first, room);
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
        if self.is_narrow() {
            let block = || PredictionBlock::new(&tips, 8);
            passes::visit::<T, _, 8>(self, (block, n_sets), workers, monitor, visit, |first, room| {
                passes::lanes(self, &prepared, first, room);
            })
        } else {
            let block = || PredictionBlock::new(&tips, WIDTH);
            passes::visit::<T, _, WIDTH>(self, (block, n_sets), workers, monitor, visit, |first, room| {
                passes::lanes(self, &prepared, first, room);
            })
        }
    }

    /// Returns the recording of every tip, also where it is without error.
    fn recorded_as_given(&self, tips: Option<&[[f64; 2]]>) -> Vec<[f64; 2]> {
        tips.map_or_else(|| vec![[0.0, 1.0]; self.problem.tree().n_tips()], <[_]>::to_vec)
    }
}
