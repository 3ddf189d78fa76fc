//! Rates of its own for each pattern.

use super::dispatch::{self, Simd, Work};
use super::gradient::{Scratch, downward, upward};
use super::partial::Partial;
use super::prune::{Lanes, at_root, prune};
use super::scaled::Scaled;
use super::source::LaneSource;
use super::transition::Equilibria;
use super::{Kernel, part_bounds};
use crate::error::Cancelled;
use crate::parallel::{Monitor, Workers};

/// Lanes of a piece: their transition probabilities must fit the first-level cache beside the partials.
const WIDTH: usize = 16;
/// Pieces between two looks at the monitor.
const PIECES_PER_PART: usize = 16;

/// What an evaluation with rates for each pattern needs; all `[n_patterns]`.
#[derive(Debug, Clone, Copy)]
pub struct LaneInput<'a> {
    /// Gain rates.
    pub gain: &'a [f64],
    /// Loss rates.
    pub loss: &'a [f64],
    /// Root frequencies of states 0 and 1.
    pub root: &'a [[f64; 2]],
}

/// Derivatives with respect to the fields of [`LaneInput`] and the branch lengths.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LaneAdjoint {
    /// `[n_patterns]`.
    pub gain: Vec<f64>,
    /// `[n_patterns]`.
    pub loss: Vec<f64>,
    /// `[n_patterns]`.
    pub root: Vec<[f64; 2]>,
    /// `[n_nodes]`; 0 for the root.
    pub branch_length: Vec<f64>,
}

impl Kernel {
    /// Returns the log-likelihood of each pattern under its own rates, `[n_patterns]`; see
    /// [`log_likelihoods`](Self::log_likelihoods).
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn lane_log_likelihoods(
        &self,
        input: LaneInput,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, Cancelled> {
        let n_patterns = self.problem.patterns().n_patterns();
        let n_pieces = n_patterns.div_ceil(WIDTH);
        let lengths = self.lengths_below_root();
        let parts = workers.map(n_pieces.div_ceil(PIECES_PER_PART), |part| {
            let mut slots = vec![Partial::<WIDTH>::ones(); self.plan.n_slots];
            let mut values = Vec::with_capacity(WIDTH * PIECES_PER_PART);
            for piece in part * PIECES_PER_PART..((part + 1) * PIECES_PER_PART).min(n_pieces) {
                monitor.check()?;
                values.extend(dispatch::run(LaneValue {
                    kernel: self,
                    input,
                    lengths: &lengths,
                    first: piece * WIDTH,
                    slots: &mut slots,
                }));
            }
            Ok(values)
        })?;
        let mut values = parts.concat();
        values.truncate(n_patterns);
        Ok(values)
    }

    /// Returns the log-likelihood of each pattern under its own rates and the vector-Jacobian product with
    /// `cotangent`; see [`vector_jacobian`](Self::vector_jacobian).
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn lane_vector_jacobian(
        &self,
        input: LaneInput,
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<(Vec<f64>, LaneAdjoint), Cancelled> {
        let n_patterns = self.problem.patterns().n_patterns();
        let n_pieces = n_patterns.div_ceil(WIDTH);
        let n_parts = self.n_parts(n_pieces);
        let lengths = self.lengths_below_root();
        let parts = workers.map(n_parts, |part| {
            let mut scratch = Scratch::<WIDTH>::new(&self.layout);
            let mut values = Vec::new();
            let mut adjoint = LaneAdjoint {
                branch_length: vec![0.0; lengths.len()],
                ..LaneAdjoint::default()
            };
            for piece in part_bounds(n_pieces, n_parts, part) {
                monitor.check()?;
                values.extend(dispatch::run(LaneGradient {
                    kernel: self,
                    input,
                    lengths: &lengths,
                    first: piece * WIDTH,
                    cotangent,
                    scratch: &mut scratch,
                    adjoint: &mut adjoint,
                }));
            }
            Ok((values, adjoint))
        })?;
        let mut values = Vec::with_capacity(n_patterns);
        let mut total = LaneAdjoint {
            branch_length: vec![0.0; lengths.len()],
            ..LaneAdjoint::default()
        };
        for (part_values, part) in parts {
            values.extend(part_values);
            total.gain.extend(part.gain);
            total.loss.extend(part.loss);
            total.root.extend(part.root);
            for (sum, length) in total.branch_length.iter_mut().zip(part.branch_length) {
                *sum += length;
            }
        }
        for per_pattern in [&mut values, &mut total.gain, &mut total.loss] {
            per_pattern.truncate(n_patterns);
        }
        total.root.truncate(n_patterns);
        Ok((values, total))
    }

    fn lengths_below_root(&self) -> Vec<f64> {
        let mut lengths = self.problem.tree().branch_lengths().to_vec();
        lengths[self.problem.tree().root()] = 0.0;
        lengths
    }
}

/// Returns the values of a piece's lanes; the last piece is filled up with harmless rates.
#[inline(always)]
fn take<T: Copy>(values: &[T], first: usize, filler: T) -> [T; WIDTH] {
    std::array::from_fn(|lane| values.get(first + lane).copied().unwrap_or(filler))
}

#[inline(always)]
fn source<'a>(input: &LaneInput, first: usize, length: &'a [f64], sink: &'a mut [f64]) -> LaneSource<'a, WIDTH> {
    let (gain, loss) = (take(input.gain, first, 1.0), take(input.loss, first, 1.0));
    LaneSource {
        equilibria: Equilibria::of(gain, loss),
        length,
        gain_adjoint: [0.0; WIDTH],
        loss_adjoint: [0.0; WIDTH],
        length_adjoint: sink,
    }
}

struct LaneValue<'a> {
    kernel: &'a Kernel,
    input: LaneInput<'a>,
    lengths: &'a [f64],
    first: usize,
    slots: &'a mut [Partial<WIDTH>],
}

impl Work for LaneValue<'_> {
    type Output = [f64; WIDTH];

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> [f64; WIDTH] {
        let lanes = Lanes::new(self.kernel.problem.patterns(), self.first, None);
        let source = source(&self.input, self.first, self.lengths, &mut []);
        prune(&self.kernel.plan, &lanes, &source, self.slots);
        let frequencies = take(self.input.root, self.first, [0.5, 0.5]);
        at_root(&self.slots[0], |lane| frequencies[lane]).map(Scaled::ln)
    }
}

struct LaneGradient<'a> {
    kernel: &'a Kernel,
    input: LaneInput<'a>,
    lengths: &'a [f64],
    first: usize,
    cotangent: &'a [f64],
    scratch: &'a mut Scratch<WIDTH>,
    adjoint: &'a mut LaneAdjoint,
}

impl Work for LaneGradient<'_> {
    type Output = [f64; WIDTH];

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> [f64; WIDTH] {
        let (tree, layout) = (self.kernel.problem.tree(), &self.kernel.layout);
        let lanes = Lanes::new(self.kernel.problem.patterns(), self.first, None);
        let mut source = source(&self.input, self.first, self.lengths, &mut self.adjoint.branch_length);
        let root = take(self.input.root, self.first, [0.5, 0.5]);
        let frequencies = |lane: usize| root[lane];
        let cotangent = take(self.cotangent, self.first, 0.0);
        upward(tree, layout, &lanes, &source, self.scratch);
        let likelihood = at_root(self.scratch.root(), frequencies);
        for lane in 0..WIDTH {
            let share = |state| cotangent[lane] * self.scratch.root().scaled(state, lane).over(likelihood[lane]);
            self.adjoint.root.push(if cotangent[lane] == 0.0 {
                [0.0; 2]
            } else {
                [share(0), share(1)]
            });
        }
        downward(tree, layout, &lanes, &mut source, self.scratch, frequencies, &cotangent);
        self.adjoint.gain.extend(source.gain_adjoint);
        self.adjoint.loss.extend(source.loss_adjoint);
        likelihood.map(Scaled::ln)
    }
}
