//! The likelihood engine: numbers in, numbers out.
//!
//! In: the patterns and the tree, transition probabilities (or rates for each pattern), root frequencies, category
//! weights, and how truthfully each tip records. Out: the log-likelihood of each site pattern; one vector-Jacobian
//! product: a cotangent a pattern in, the derivative with respect to every input out; and the joint posterior of the
//! states at the two ends of every branch, streamed by block. It knows no root prior, no shape of a gamma distribution
//! and no filter: those are models, and weights, bootstraps and conditioning are only other cotangents.
//!
//! Patterns are worked on in blocks of 64 lanes; a block's result depends on nothing else and sums run in index
//! order over a partition that the problem alone decides, so any number of threads gives the same bits.

mod at_branch;
mod classes;
mod dispatch;
mod edge;
mod elementary;
mod gradient;
mod instructions;
mod lane_edge;
mod lanes;
mod observation;
mod partial;
mod plan;
mod posterior;
mod prune;
mod root;
mod scaled;
mod shared;
mod simd;
mod sink;
mod source;
mod tiny;
mod transition;

#[doc(hidden)]
pub use instructions::{InstructionSet, instruction_set};
pub use lanes::{LaneAdjoint, LaneInput};
pub use posterior::{PosteriorBlock, PredictionBlock};
pub use shared::{SharedAdjoint, SharedInput};
pub(crate) use tiny::by_entries;
pub use tiny::{log_transition, plain, transitions_or_logs, transitions_or_logs_adjoint};
pub use transition::{Transition, transition, transitions, transitions_adjoint};

use crate::parallel::Workers;
use crate::problem::Problem;
use classes::Classes;
use gradient::Layout;
use lanes::Joins;
use plan::Plan;
use std::sync::{Arc, OnceLock};

/// Bytes that the partials of one gradient block may take before narrower blocks are used.
const GRADIENT_BYTES: usize = 8 << 20;

/// A problem prepared for repeated evaluation.
#[derive(Debug)]
pub struct Kernel {
    problem: Arc<Problem>,
    plan: Plan,
    layout: Layout,
    classes: Option<Classes>,
    /// For rates of their own, once they are asked for; `None` inside if the tree is too small for it.
    joins: OnceLock<Option<Joins>>,
}

impl Kernel {
    /// Prepares a problem.
    #[must_use]
    pub fn new(problem: Arc<Problem>) -> Self {
        let plan = Plan::new(problem.tree());
        let layout = Layout::new(problem.tree());
        Self {
            problem,
            plan,
            layout,
            classes: None,
            joins: OnceLock::new(),
        }
    }

    /// Prepares a problem for many evaluations: finds the subtree classes, which costs about as much as a few
    /// evaluations without them and makes each several times faster.
    #[must_use]
    pub fn with_classes(problem: Arc<Problem>, workers: &Workers) -> Self {
        let kernel = Self::new(problem);
        let classes = Classes::new(&kernel.plan, kernel.problem.patterns(), workers);
        Self {
            classes: Some(classes),
            ..kernel
        }
    }

    /// Returns the problem.
    #[must_use]
    pub fn problem(&self) -> &Arc<Problem> {
        &self.problem
    }

    fn joins(&self) -> Option<&Joins> {
        self.joins.get_or_init(|| Joins::new(self.problem.tree())).as_ref()
    }

    /// Returns into how many parts the blocks are divided for sums: fixed by the problem alone, and few enough that
    /// one derivative table a part (`[n_nodes]`) stays within a few hundred megabytes.
    fn n_parts(&self, n_pieces: usize) -> usize {
        let n_nodes = self.problem.tree().n_nodes();
        n_pieces.min(((1 << 22) / n_nodes).clamp(16, 256))
    }

    /// Returns whether a gradient's partials for 64 lanes fit the room they are given.
    fn is_narrow(&self) -> bool {
        self.problem.tree().n_nodes() * size_of::<partial::Partial<64>>() > 2 * GRADIENT_BYTES
    }
}

/// Returns the bounds of part `part` of `n_parts` nearly equal parts of `0..n`.
fn part_bounds(n: usize, n_parts: usize, part: usize) -> std::ops::Range<usize> {
    part * n / n_parts..(part + 1) * n / n_parts
}
