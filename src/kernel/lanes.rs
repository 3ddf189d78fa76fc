//! Rates of its own for each pattern.

mod adjoint;
mod ascent;
mod descent;
mod gradient;
mod joins;
mod link;
mod quick;
mod sums;
mod table;
#[cfg(test)]
mod tests;
mod value;
mod wide;

pub use adjoint::LaneAdjoint;
pub(super) use joins::Joins;

use super::Kernel;
use super::observation::Recording;
use super::source::Branches;
use super::transition::Equilibria;
use crate::error::Cancelled;
use crate::parallel::{Monitor, Pool, Workers};

/// Lanes of a piece: what belongs to a branch must fit the first-level cache beside the partials.
pub(super) const WIDTH: usize = 16;
/// Pieces between two looks at the monitor.
const PIECES_PER_PART: usize = 16;

/// What an evaluation with rates for each pattern needs.
///
/// A branch takes its rates from one of several sets, of each of which every category and pattern has its own.
#[derive(Debug, Clone, Copy)]
pub struct LaneInput<'a> {
    /// Gain rates, `[n_categories][n_sets][n_patterns]`.
    pub gain: &'a [f64],
    /// Loss rates, `[n_categories][n_sets][n_patterns]`.
    pub loss: &'a [f64],
    /// The set of rates of each branch, `[n_nodes]`, below `n_sets`; the root's entry is not read.
    pub set_of_branch: &'a [u32],
    /// Number of sets, at least 1.
    pub n_sets: usize,
    /// Root frequencies of states 0 and 1, `[n_categories][n_patterns]`.
    pub root: &'a [[f64; 2]],
    /// Category weights, `[n_categories]`; they need not sum to 1.
    pub weights: &'a [f64],
    /// Probabilities that a tip is recorded present given either state, `[n_tips]`; see [`SharedInput`].
    ///
    /// [`SharedInput`]: super::SharedInput
    pub tips: Option<&'a [[f64; 2]]>,
}

/// An input as the loops read it.
pub(super) struct PreparedLanes<'a> {
    pub(super) input: LaneInput<'a>,
    pub(super) branches: Branches,
    recordings: Option<Vec<Recording>>,
    n_patterns: usize,
}

impl<'a> PreparedLanes<'a> {
    pub(super) fn new(kernel: &Kernel, input: LaneInput<'a>) -> Self {
        let tree = kernel.problem.tree();
        let mut branches = Branches {
            length: tree.branch_lengths().to_vec(),
            set: input.set_of_branch.to_vec(),
        };
        branches.length[tree.root()] = 0.0;
        branches.set[tree.root()] = 0;
        Self {
            input,
            branches,
            recordings: Recording::table(input.tips),
            n_patterns: kernel.problem.patterns().n_patterns(),
        }
    }

    #[inline(always)]
    pub(super) fn n_categories(&self) -> usize {
        self.input.weights.len()
    }

    #[inline(always)]
    pub(super) fn recordings(&self) -> Option<&[Recording]> {
        self.recordings.as_deref()
    }

    /// Returns how many bits the recording of a tip can cost.
    fn recording_bits(&self) -> i32 {
        let floors = self
            .recordings()
            .unwrap_or_default()
            .iter()
            .map(|recording| recording.floor);
        -floors.fold(0, i32::min)
    }

    /// Returns gain and loss rates of a category's set for the lanes from pattern `first` on.
    #[inline(always)]
    fn rates<const W: usize>(&self, category: usize, set: usize, first: usize) -> [[f64; W]; 2] {
        let start = (category * self.input.n_sets + set) * self.n_patterns;
        [self.input.gain, self.input.loss].map(|values| take(&values[start..start + self.n_patterns], first, 1.0))
    }

    /// Puts the rates of a category's sets for the lanes from pattern `first` on into `equilibria`, `[n_sets]`.
    #[inline(always)]
    pub(super) fn load<const W: usize>(&self, category: usize, first: usize, equilibria: &mut [Equilibria<W>]) {
        for (set, equilibria) in equilibria.iter_mut().enumerate() {
            let [gain, loss] = self.rates(category, set, first);
            *equilibria = Equilibria::of(gain, loss);
        }
    }

    /// Returns the root frequencies of a category for the lanes from pattern `first` on.
    #[inline(always)]
    pub(super) fn root<const W: usize>(&self, category: usize, first: usize) -> [[f64; 2]; W] {
        let start = category * self.n_patterns;
        take(&self.input.root[start..start + self.n_patterns], first, [0.5, 0.5])
    }
}

/// Returns the values of some lanes; behind the last pattern they are filled up with harmless ones.
#[inline(always)]
pub(super) fn take<T: Copy, const W: usize>(values: &[T], first: usize, filler: T) -> [T; W] {
    match values.get(first..).and_then(|values| values.first_chunk()) {
        Some(values) => *values,
        None => std::array::from_fn(|lane| values.get(first + lane).copied().unwrap_or(filler)),
    }
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
        let prepared = PreparedLanes::new(self, input);
        let n_pieces = prepared.n_patterns.div_ceil(WIDTH);
        let parts = workers.map(n_pieces.div_ceil(PIECES_PER_PART), |part| {
            let mut room = value::Room::new(self, self.joins(), &prepared);
            let mut values = Vec::with_capacity(WIDTH * PIECES_PER_PART);
            for piece in part * PIECES_PER_PART..((part + 1) * PIECES_PER_PART).min(n_pieces) {
                monitor.check()?;
                values.extend(value::piece(self, &prepared, piece * WIDTH, &mut room));
            }
            Ok(values)
        })?;
        let mut values = parts.concat();
        values.truncate(prepared.n_patterns);
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
        let prepared = PreparedLanes::new(self, input);
        self.lane_parts(&prepared, None, cotangent, workers, monitor)
    }

    /// As [`lane_vector_jacobian`](Self::lane_vector_jacobian), several times faster because it leaves out the
    /// derivatives by branch lengths: [`LaneAdjoint::branch_length`] is empty.
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn lane_rate_jacobian(
        &self,
        input: LaneInput,
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<(Vec<f64>, LaneAdjoint), Cancelled> {
        let prepared = PreparedLanes::new(self, input);
        // Derivatives by how tips record are known to the exact way alone.
        let joins = self.joins().filter(|_| input.tips.is_none());
        let (values, mut adjoint) = self.lane_parts(&prepared, joins, cotangent, workers, monitor)?;
        adjoint.branch_length = Vec::new();
        Ok((values, adjoint))
    }

    fn lane_parts(
        &self,
        prepared: &PreparedLanes,
        joins: Option<&Joins>,
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<(Vec<f64>, LaneAdjoint), Cancelled> {
        let n_pieces = prepared.n_patterns.div_ceil(WIDTH);
        let n_parts = self.n_parts(n_pieces);
        let rooms = Pool::default();
        let parts = workers.map(n_parts, |part| {
            let pieces = super::part_bounds(n_pieces, n_parts, part);
            let mut result = adjoint::Part::new(self, &prepared.input, WIDTH * pieces.len());
            for (number, piece) in pieces.enumerate() {
                monitor.check()?;
                result.begin(WIDTH * number);
                rooms.with(
                    || gradient::Room::new(self, joins, prepared),
                    |room| gradient::piece(self, prepared, piece * WIDTH, cotangent, room, &mut result),
                );
            }
            Ok(result)
        })?;
        Ok(adjoint::join(self, &prepared.input, &parts))
    }
}
