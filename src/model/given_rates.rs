//! Log-likelihoods as a function of plain numbers: rates, branch lengths, root frequencies and category weights.
//!
//! No rule stands between the numbers and the kernel: whoever has a model of their own for them, in whatever language,
//! gets values and the vector-Jacobian product with respect to all of them from here.

use super::parameter::check_rate;
use crate::error::{ModelError, TreeError};
use crate::kernel::{Kernel, LaneInput, SharedInput, Transition, transitions_or_logs, transitions_or_logs_adjoint};
use crate::parallel::{Monitor, Workers};
use crate::problem::{Patterns, Problem, Tree};
use std::sync::{Arc, OnceLock};

/// A tree's shape and the patterns at its tips, ready for any numbers.
#[derive(Debug)]
pub struct GivenRates {
    kernel: Kernel,
    /// One pattern a family, for rates that differ between families.
    spread: OnceLock<Patterns>,
    workers: Workers,
}

/// The numbers of an evaluation.
///
/// Rates and root frequencies are the same for all families, `[n_categories]`, or each family has its own,
/// `[n_categories][n_families]`: all three in the same way.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    /// Gain rates, events per unit of branch length.
    pub gain: &'a [f64],
    /// Loss rates.
    pub loss: &'a [f64],
    /// Lengths of the branches, `[n_nodes]`; the root's entry is not read.
    pub branch_length: &'a [f64],
    /// Frequencies of states 0 and 1 at the root.
    pub root: &'a [[f64; 2]],
    /// Weights of the categories, `[n_categories]`; they need not sum to 1.
    pub weights: &'a [f64],
}

/// Derivatives with respect to the fields of [`Numbers`], in their shapes; 0 for the root's branch length.
#[derive(Debug, Clone, PartialEq)]
pub struct NumbersAdjoint {
    /// By gain rates.
    pub gain: Vec<f64>,
    /// By loss rates.
    pub loss: Vec<f64>,
    /// `[n_nodes]`.
    pub branch_length: Vec<f64>,
    /// By root frequencies, taken as independent.
    pub root: Vec<[f64; 2]>,
    /// `[n_categories]`.
    pub weights: Vec<f64>,
}

impl GivenRates {
    /// Prepares a problem; its branch lengths are not read.
    #[must_use]
    pub fn new(problem: Arc<Problem>, workers: Workers) -> Self {
        Self {
            kernel: Kernel::with_classes(problem, &workers),
            spread: OnceLock::new(),
            workers,
        }
    }

    /// Returns the tree and the distinct patterns.
    #[must_use]
    pub fn problem(&self) -> &Arc<Problem> {
        self.kernel.problem()
    }

    /// Returns the log-likelihood of each family, `[n_families]`, natural log, not conditioned; minus infinity for one
    /// that cannot arise.
    ///
    /// # Errors
    /// [`ModelError::Rate`], [`ModelError::RootFrequency`], [`ModelError::Number`] for a length or weight that is
    /// negative or not finite, [`ModelError::Length`] for arrays that do not fit, [`ModelError::Cancelled`].
    pub fn log_likelihoods(&self, numbers: &Numbers, monitor: &Monitor) -> Result<Vec<f64>, ModelError> {
        if self.check(numbers)? {
            let kernel = self.kernel_of_lanes(numbers.branch_length)?;
            let sets = vec![0; numbers.branch_length.len()];
            return Ok(kernel.lane_log_likelihoods(lanes(numbers, &sets), &self.workers, monitor)?);
        }
        let table = self.table(numbers);
        let of_pattern = self
            .kernel
            .log_likelihoods(shared(numbers, &table), &self.workers, monitor)?;
        let patterns = self.problem().patterns().pattern_of_family();
        Ok(patterns.iter().map(|&pattern| of_pattern[pattern as usize]).collect())
    }

    /// Returns the derivatives of `sum_f cotangent[f] log L[f]` with respect to all numbers.
    ///
    /// `cotangent` is `[n_families]`. A family of cotangent 0 may be impossible; an impossible one of another has no
    /// derivative: what it takes part in is NaN.
    ///
    /// # Errors
    /// As [`log_likelihoods`](Self::log_likelihoods); [`ModelError::Length`] for another number of cotangents.
    pub fn vector_jacobian(
        &self,
        numbers: &Numbers,
        cotangent: &[f64],
        monitor: &Monitor,
    ) -> Result<NumbersAdjoint, ModelError> {
        let has_lanes = self.check(numbers)?;
        let patterns = self.problem().patterns();
        check_length("the array of cotangents", cotangent.len(), &[patterns.n_families()])?;
        if has_lanes {
            let kernel = self.kernel_of_lanes(numbers.branch_length)?;
            let sets = vec![0; numbers.branch_length.len()];
            let input = lanes(numbers, &sets);
            let (_, adjoint) = kernel.lane_vector_jacobian(input, cotangent, &self.workers, monitor)?;
            return Ok(NumbersAdjoint {
                gain: adjoint.gain,
                loss: adjoint.loss,
                branch_length: adjoint.branch_length,
                root: adjoint.root,
                weights: adjoint.weights,
            });
        }
        let mut of_pattern = vec![0.0; patterns.n_patterns()];
        for (&pattern, cotangent) in patterns.pattern_of_family().iter().zip(cotangent) {
            of_pattern[pattern as usize] += cotangent;
        }
        let table = self.table(numbers);
        let input = shared(numbers, &table);
        let (_, adjoint) = self
            .kernel
            .vector_jacobian(input, &of_pattern, &self.workers, monitor)?;
        let root = self.problem().tree().root();
        let branches = &numbers.branch_length[..root];
        let mut found = NumbersAdjoint {
            gain: Vec::with_capacity(numbers.gain.len()),
            loss: Vec::with_capacity(numbers.loss.len()),
            branch_length: vec![0.0; root + 1],
            root: adjoint.root,
            weights: adjoint.weights,
        };
        for (category, entries) in adjoint.transitions.chunks(root + 1).enumerate() {
            let (gain, loss) = (numbers.gain[category], numbers.loss[category]);
            let (by_gain, by_loss, by_length) = transitions_or_logs_adjoint(gain, loss, branches, &entries[..root]);
            found.gain.push(by_gain);
            found.loss.push(by_loss);
            for (total, part) in found.branch_length.iter_mut().zip(by_length) {
                *total += part;
            }
        }
        Ok(found)
    }

    /// Returns the transition probabilities of all categories, `[n_categories][n_nodes]`, with logs where they are tiny.
    fn table(&self, numbers: &Numbers) -> Vec<Transition> {
        let branches = &numbers.branch_length[..self.problem().tree().root()];
        let mut table = Vec::with_capacity(numbers.gain.len() * (branches.len() + 1));
        for (&gain, &loss) in numbers.gain.iter().zip(numbers.loss) {
            table.extend(transitions_or_logs(gain, loss, branches));
            table.push([1.0, 0.0, 0.0, 1.0]);
        }
        table
    }

    /// Returns a kernel over one pattern a family and a tree of these lengths.
    fn kernel_of_lanes(&self, branch_length: &[f64]) -> Result<Kernel, ModelError> {
        let problem = self.problem();
        let (tree, root) = (problem.tree(), problem.tree().root());
        let patterns = self.spread.get_or_init(|| problem.patterns().spread()).clone();
        let tree = if tree.branch_lengths()[..root] == branch_length[..root] {
            tree.clone()
        } else {
            let mut lengths = branch_length.to_vec();
            lengths[root] = 0.0;
            let longer = Tree::new(tree.parents().to_vec(), lengths, tree.names().clone());
            Arc::new(longer.map_err(|error: TreeError| ModelError::Number {
                what: "the tree with these branch lengths",
                found: error.to_string(),
                allowed: "lengths of 0 or more",
            })?)
        };
        Ok(Kernel::new(Arc::new(Problem::new(tree, patterns))))
    }

    /// Checks the numbers and returns whether families have rates of their own.
    fn check(&self, numbers: &Numbers) -> Result<bool, ModelError> {
        let (n_categories, n_families) = (numbers.weights.len(), self.problem().patterns().n_families());
        let n_nodes = self.problem().tree().n_nodes();
        check_length("the array of category weights", n_categories.min(1), &[1])?;
        check_length("the array of branch lengths", numbers.branch_length.len(), &[n_nodes])?;
        let sizes = [n_categories, n_categories * n_families];
        check_length("the array of gain rates", numbers.gain.len(), &sizes)?;
        check_length("the array of loss rates", numbers.loss.len(), &[numbers.gain.len()])?;
        check_length(
            "the array of root frequencies",
            numbers.root.len(),
            &[numbers.gain.len()],
        )?;
        for (name, rates) in [("gain rate", numbers.gain), ("loss rate", numbers.loss)] {
            rates.iter().try_for_each(|&rate| check_rate(name, rate))?;
        }
        let lengths = &numbers.branch_length[..n_nodes - 1];
        for (what, values) in [("a branch length", lengths), ("a category weight", numbers.weights)] {
            if let Some(&found) = values.iter().find(|value| !(0.0..f64::INFINITY).contains(*value)) {
                return Err(ModelError::Number {
                    what,
                    found: found.to_string(),
                    allowed: "finite numbers of 0 or more",
                });
            }
        }
        let mut frequencies = numbers.root.as_flattened().iter();
        match frequencies.find(|value| !(0.0..=1.0).contains(*value)) {
            Some(&found) => Err(ModelError::RootFrequency { found }),
            None => Ok(numbers.gain.len() != n_categories),
        }
    }
}

fn check_length(what: &'static str, found: usize, allowed: &[usize]) -> Result<(), ModelError> {
    if allowed.contains(&found) {
        return Ok(());
    }
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    Err(ModelError::Length {
        what,
        found,
        expected: allowed.join(" or "),
    })
}

fn shared<'a>(numbers: &Numbers<'a>, table: &'a [Transition]) -> SharedInput<'a> {
    SharedInput {
        transitions: table,
        root: numbers.root,
        weights: numbers.weights,
        tips: None,
    }
}

fn lanes<'a>(numbers: &Numbers<'a>, set_of_branch: &'a [u32]) -> LaneInput<'a> {
    LaneInput {
        gain: numbers.gain,
        loss: numbers.loss,
        set_of_branch,
        n_sets: 1,
        root: numbers.root,
        weights: numbers.weights,
        tips: None,
    }
}
