//! What a model says about the histories of its families: the chains on every branch, and their joint posteriors.
//!
//! A model is evaluated in parts: groups of families that share their rates, or one part in which every family is a
//! lane with rates of its own. FitzJohn's root gives each pattern root frequencies of its own, `L_s / (L_0 + L_1)` with
//! `L_s` the likelihood given state `s` at the root, all categories together; such families are lanes, too.

mod of_pattern;
mod per_family;
mod predictions;
mod spread;

use super::gene_content::{GeneContentModel, Values};
use super::parts::Group;
use crate::error::{Cancelled, ModelError};
use crate::kernel::{Kernel, LaneInput, PosteriorBlock, SharedInput, Transition};
use crate::parallel::{Monitor, Workers};
use crate::problem::{Patterns, Problem, Tree};
use of_pattern::FamiliesOfPattern;
use std::borrow::Cow;
use std::sync::Arc;

/// The chains of one part of the families.
pub struct Histories<'a> {
    kernel: &'a Kernel,
    families: FamiliesOfPattern,
    set_of_node: &'a [u32],
    n_sets: usize,
    weights: &'a [f64],
    tips: Option<&'a [[f64; 2]]>,
    chains: Chains<'a>,
    workers: &'a Workers,
}

/// Rates, and the state frequencies they start from.
enum Chains<'a> {
    /// The same for all patterns: rates `[n_categories][n_sets]`, root frequencies `[n_categories]`.
    Shared {
        rates: &'a [[f64; 2]],
        transitions: &'a [Transition],
        root: &'a [[f64; 2]],
    },
    /// Of each pattern: rates `[n_categories][n_sets][n_patterns]`, root frequencies `[n_categories][n_patterns]`.
    Lanes {
        gain: Cow<'a, [f64]>,
        loss: Cow<'a, [f64]>,
        root: Cow<'a, [[f64; 2]]>,
    },
}

/// What the kernel is given.
enum Input<'a> {
    Shared(SharedInput<'a>),
    Lanes(LaneInput<'a>),
}

/// A model whose families have histories.
pub trait HistoryModel: Sync {
    /// Returns the tree and the patterns.
    fn problem(&self) -> &Arc<Problem>;

    /// Runs `work` on the histories of each part of the families and returns its results, in the order of the parts.
    ///
    /// Together the parts hold every family once.
    ///
    /// # Errors
    /// As the model's log-likelihood, and those of `work`.
    fn histories<T, E: From<ModelError>>(
        &self,
        parameters: &[f64],
        monitor: &Monitor,
        work: impl FnMut(&Histories) -> Result<T, E>,
    ) -> Result<Vec<T>, E>;
}

impl HistoryModel for GeneContentModel {
    fn problem(&self) -> &Arc<Problem> {
        self.problem()
    }

    fn histories<T, E: From<ModelError>>(
        &self,
        parameters: &[f64],
        monitor: &Monitor,
        mut work: impl FnMut(&Histories) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let values = self.values(parameters)?;
        let mut results = Vec::with_capacity(self.groups.len());
        for (index, group) in self.groups.iter().enumerate() {
            let histories = if self.by_lanes {
                let state = self.lanes(&values)?;
                let (gain, loss) = (Cow::Borrowed(&state.gain[..]), Cow::Borrowed(&state.loss[..]));
                let chains = match &state.root {
                    Some(root) => Chains::Lanes {
                        gain,
                        loss,
                        root: Cow::Borrowed(root),
                    },
                    None => self.lanes_by_own_data(&values, group, (gain, loss), monitor)?,
                };
                work(&self.part(&values, group, chains))
            } else {
                let state = self.group(&values, index)?;
                let chains = match &state.root {
                    Some(root) => Chains::Shared {
                        rates: &state.rates,
                        transitions: &state.transitions,
                        root,
                    },
                    None => {
                        let n_patterns = group.kernel.problem().patterns().n_patterns();
                        let spread = |i: usize| {
                            let rates = state.rates.iter();
                            rates
                                .flat_map(|pair| std::iter::repeat_n(pair[i], n_patterns))
                                .collect()
                        };
                        let rates = (Cow::Owned(spread(0)), Cow::Owned(spread(1)));
                        self.lanes_by_own_data(&values, group, rates, monitor)?
                    }
                };
                work(&self.part(&values, group, chains))
            };
            results.push(histories?);
        }
        Ok(results)
    }
}

impl GeneContentModel {
    fn part<'a>(&'a self, values: &'a Values, group: &'a Group, chains: Chains<'a>) -> Histories<'a> {
        let effects = &self.specification.effects;
        Histories {
            kernel: &group.kernel,
            families: FamiliesOfPattern::new(group.kernel.problem().patterns(), &group.families),
            set_of_node: effects.set_of_node(),
            n_sets: effects.n_sets(),
            weights: &values.categories.weight,
            tips: values.tips.as_deref(),
            chains,
            workers: &self.workers,
        }
    }

    fn lanes_by_own_data<'a>(
        &self,
        values: &Values,
        group: &Group,
        (gain, loss): (Cow<'a, [f64]>, Cow<'a, [f64]>),
        monitor: &Monitor,
    ) -> Result<Chains<'a>, ModelError> {
        let n_categories = values.categories.n_categories();
        let n_patterns = group.kernel.problem().patterns().n_patterns();
        let effects = &self.specification.effects;
        let given = |root: [f64; 2]| {
            let input = LaneInput {
                gain: &gain,
                loss: &loss,
                set_of_branch: effects.set_of_node(),
                n_sets: effects.n_sets(),
                root: &vec![root; n_categories * n_patterns],
                weights: &values.categories.weight,
                tips: values.tips.as_deref(),
            };
            group.kernel.lane_log_likelihoods(input, &self.workers, monitor)
        };
        let given = [given([1.0, 0.0])?, given([0.0, 1.0])?];
        let root = Cow::Owned(roots_by_own_data(&given, n_categories));
        Ok(Chains::Lanes { gain, loss, root })
    }
}

/// Returns FitzJohn's root frequencies, `[n_categories][n_patterns]`, given the log-likelihoods of each root state.
fn roots_by_own_data([absent, present]: &[Vec<f64>; 2], n_categories: usize) -> Vec<[f64; 2]> {
    let frequencies = |(&absent, &present): (&f64, &f64)| {
        let largest = absent.max(present);
        if largest == f64::NEG_INFINITY {
            return [0.5, 0.5]; // Nothing can have made this pattern, whatever the root.
        }
        let [l0, l1] = [(absent - largest).exp(), (present - largest).exp()];
        [l0 / (l0 + l1), l1 / (l0 + l1)]
    };
    let row: Vec<[f64; 2]> = absent.iter().zip(present).map(frequencies).collect();
    row.repeat(n_categories)
}

impl Histories<'_> {
    /// Returns the tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        self.kernel.problem().tree()
    }

    /// Returns the length of the branch above a node; 0 for the root, whatever the tree says.
    #[must_use]
    pub fn branch_length(&self, node: usize) -> f64 {
        if node == self.tree().root() {
            return 0.0;
        }
        self.tree().branch_lengths()[node]
    }

    /// Returns the patterns of this part.
    #[must_use]
    pub fn patterns(&self) -> &Patterns {
        self.kernel.problem().patterns()
    }

    /// Returns the threads to compute with.
    #[must_use]
    pub fn workers(&self) -> &Workers {
        self.workers
    }

    /// Returns the families that have a pattern, as the model numbers them.
    #[must_use]
    pub fn families(&self, pattern: usize) -> &[u32] {
        self.families.of(pattern)
    }

    /// Returns the prior weights of the rate categories.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        self.weights
    }

    /// Returns P(recorded present) of each tip given absence and given presence; `None` without error.
    #[must_use]
    pub fn tips(&self) -> Option<&[[f64; 2]]> {
        self.tips
    }

    /// Returns whether all patterns of this part have the same rates and root frequencies.
    #[must_use]
    pub fn are_shared(&self) -> bool {
        matches!(self.chains, Chains::Shared { .. })
    }

    /// Returns gain and loss rate of a category, on the branch of `node`, for a pattern.
    #[must_use]
    pub fn rates(&self, category: usize, node: usize, pattern: usize) -> [f64; 2] {
        let place = category * self.n_sets + self.set_of_node[node] as usize;
        match &self.chains {
            Chains::Shared { rates, .. } => rates[place],
            Chains::Lanes { gain, loss, .. } => {
                let place = place * self.patterns().n_patterns() + pattern;
                [gain[place], loss[place]]
            }
        }
    }

    /// Returns the root frequencies of states 0 and 1 in a category, for a pattern.
    #[must_use]
    pub fn root(&self, category: usize, pattern: usize) -> [f64; 2] {
        match &self.chains {
            Chains::Shared { root, .. } => root[category],
            Chains::Lanes { root, .. } => root[category * self.patterns().n_patterns() + pattern],
        }
    }

    /// Visits the joint posteriors of the states at both ends of every branch, block by block; see
    /// [`Kernel::branch_posteriors`].
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn branch_posteriors<T: Send>(
        &self,
        monitor: &Monitor,
        visit: impl Fn(&PosteriorBlock) -> T + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        self.branch_posteriors_by(self.workers, monitor, visit)
    }

    /// As [`branch_posteriors`](Self::branch_posteriors), with other threads.
    ///
    /// # Errors
    /// [`Cancelled`] if the monitor says so.
    pub fn branch_posteriors_by<T: Send>(
        &self,
        workers: &Workers,
        monitor: &Monitor,
        visit: impl Fn(&PosteriorBlock) -> T + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        match self.input() {
            Input::Shared(input) => self.kernel.branch_posteriors(input, workers, monitor, visit),
            Input::Lanes(input) => self.kernel.lane_branch_posteriors(input, workers, monitor, visit),
        }
    }

    /// Returns the chains as the kernel takes them.
    fn input(&self) -> Input<'_> {
        match &self.chains {
            Chains::Shared { transitions, root, .. } => Input::Shared(SharedInput {
                transitions,
                root,
                weights: self.weights,
                tips: self.tips,
            }),
            Chains::Lanes { gain, loss, root } => Input::Lanes(LaneInput {
                gain,
                loss,
                set_of_branch: self.set_of_node,
                n_sets: self.n_sets,
                root,
                weights: self.weights,
                tips: self.tips,
            }),
        }
    }
}
