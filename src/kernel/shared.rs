//! Transition probabilities shared by all patterns, one table a rate category.

mod blocks;
mod by_class;

use super::Kernel;
use super::edge::SharedEdge;
use super::observation::Recording;
use super::transition::Transition;
use crate::error::Cancelled;
use crate::parallel::{Monitor, Workers};

/// What a shared-rate evaluation needs.
#[derive(Debug, Clone, Copy)]
pub struct SharedInput<'a> {
    /// `[n_categories][n_nodes]`; the root's entry is the identity. In place of a probability too small for a double
    /// may stand its log: see [`transitions_or_logs`](super::transitions_or_logs).
    pub transitions: &'a [Transition],
    /// Root frequencies of states 0 and 1, `[n_categories]`.
    pub root: &'a [[f64; 2]],
    /// Category weights, `[n_categories]`; they need not sum to 1.
    pub weights: &'a [f64],
    /// Probabilities that a tip is recorded present given state 0 (contamination) and given state 1 (completeness),
    /// `[n_tips]`, tips in the order of the tree, each in [0, 1]; `None` if all are recorded without error.
    pub tips: Option<&'a [[f64; 2]]>,
}

/// Derivatives with respect to the fields of [`SharedInput`]; for rows of transition probabilities that hold a log see
/// [`transitions_or_logs_adjoint`](super::transitions_or_logs_adjoint).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SharedAdjoint {
    /// `[n_categories][n_nodes]`; the root's entry stands for no branch and means nothing.
    pub transitions: Vec<Transition>,
    /// `[n_categories]`.
    pub root: Vec<[f64; 2]>,
    /// `[n_categories]`.
    pub weights: Vec<f64>,
    /// `[n_tips]`; empty if the tips are recorded without error.
    pub tips: Vec<[f64; 2]>,
}

impl SharedAdjoint {
    pub(crate) fn zeros(n_categories: usize, n_nodes: usize, n_tips: usize) -> Self {
        Self {
            transitions: vec![[0.0; 4]; n_categories * n_nodes],
            root: vec![[0.0; 2]; n_categories],
            weights: vec![0.0; n_categories],
            tips: vec![[0.0; 2]; n_tips],
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let entries = self
            .transitions
            .as_flattened_mut()
            .iter_mut()
            .zip(other.transitions.as_flattened());
        let root = self.root.as_flattened_mut().iter_mut().zip(other.root.as_flattened());
        let tips = self.tips.as_flattened_mut().iter_mut().zip(other.tips.as_flattened());
        let weights = self.weights.iter_mut().zip(&other.weights);
        for (total, part) in entries.chain(root).chain(tips).chain(weights) {
            *total += part;
        }
    }
}

/// An input as blocks of lanes read it.
pub(super) struct Prepared<'a> {
    pub(super) input: SharedInput<'a>,
    /// `[n_categories][n_nodes]`, the tips without their recordings.
    edges: Vec<SharedEdge>,
    /// `[n_tips]`.
    recordings: Option<Vec<Recording>>,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(input: SharedInput<'a>) -> Self {
        Self {
            input,
            edges: input.transitions.iter().copied().map(SharedEdge::new).collect(),
            recordings: Recording::table(input.tips),
        }
    }

    /// Returns the probabilities of one category, `[n_nodes]`.
    #[inline(always)]
    pub(super) fn edges(&self, category: usize) -> &[SharedEdge] {
        let n_nodes = self.edges.len() / self.input.weights.len();
        &self.edges[category * n_nodes..(category + 1) * n_nodes]
    }

    #[inline(always)]
    pub(super) fn recordings(&self) -> Option<&[Recording]> {
        self.recordings.as_deref()
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
        let prepared = Prepared::new(input);
        if let Some(classes) = &self.classes
            && let Some(values) = self.class_log_likelihoods(classes, &prepared, workers, monitor)?
        {
            return Ok(values);
        }
        self.block_log_likelihoods(&prepared, workers, monitor)
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
        let prepared = Prepared::new(input);
        if let Some(classes) = &self.classes
            && let Some(result) = self.class_vector_jacobian(classes, &prepared, cotangent, workers, monitor)?
        {
            return Ok(result);
        }
        if self.is_narrow() {
            self.block_vector_jacobian::<8>(&prepared, cotangent, workers, monitor)
        } else {
            self.block_vector_jacobian::<64>(&prepared, cotangent, workers, monitor)
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
