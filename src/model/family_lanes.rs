//! Families whose covariates hardly ever agree: each family is a lane of the kernel with rates of its own.
//!
//! The probability of being recorded is computed once for each group of families with equal covariates, as it is for
//! groups that are evaluated by themselves.

use super::evaluation::{BranchSets, GroupState, SharedDerivatives};
use super::gene_content::{Specification, Values};
use super::own_data::{by_own_data, weighed_over_mixture};
use super::parameter::check_rate;
use crate::error::ModelError;
use crate::kernel::{Kernel, LaneAdjoint, LaneInput, SharedAdjoint};
use crate::parallel::{Monitor, Workers};
use crate::problem::Tree;
use std::ops::Range;

/// What the parameters mean to every family.
pub(super) struct LaneState<'a> {
    specification: &'a Specification,
    sets: &'a BranchSets,
    values: &'a Values<'a>,
    /// `[n_categories][n_sets][n_families]`.
    pub(super) gain: Vec<f64>,
    pub(super) loss: Vec<f64>,
    /// `[n_categories][n_families]`; `None` where each family has its own.
    pub(super) root: Option<Vec<[f64; 2]>>,
}

impl<'a> LaneState<'a> {
    /// # Errors
    /// As those of [`GroupState::new`].
    pub(super) fn new(
        specification: &'a Specification,
        sets: &'a BranchSets,
        values: &'a Values<'a>,
    ) -> Result<Self, ModelError> {
        let effects = &specification.effects;
        let groups = effects.group_of_family();
        let (n_sets, n_groups, n_families) = (effects.n_sets(), effects.n_groups(), groups.len());
        let n_categories = values.categories.n_categories();
        let (mut gain, mut loss) = (Vec::new(), Vec::new());
        for (&log_gain, &log_loss) in values.categories.log_gain.iter().zip(&values.categories.log_loss) {
            for set in 0..n_sets {
                let of_group = |group: usize| {
                    let [more_gain, more_loss] = effects.shifts(group, set, values.effects);
                    let pair = [(log_gain + more_gain).exp(), (log_loss + more_loss).exp()];
                    check_rate("gain rate", pair[0])?;
                    check_rate("loss rate", pair[1])?;
                    Ok(pair)
                };
                let rates = (0..n_groups).map(of_group).collect::<Result<Vec<_>, ModelError>>()?;
                gain.extend(groups.iter().map(|&group| rates[group as usize][0]));
                loss.extend(groups.iter().map(|&group| rates[group as usize][1]));
            }
        }
        let frequencies = |place: usize| {
            let at = (place / n_families * n_sets + sets.root_set()) * n_families + place % n_families;
            specification.root.frequencies(values.root, gain[at], loss[at])
        };
        let root = (0..n_categories * n_families)
            .map(frequencies)
            .collect::<Result<Option<Vec<_>>, _>>()?;
        Ok(Self {
            specification,
            sets,
            values,
            gain,
            loss,
            root,
        })
    }

    fn n_families(&self) -> usize {
        self.specification.effects.group_of_family().len()
    }

    fn all(&self) -> Range<usize> {
        0..self.values.categories.n_categories()
    }

    /// The input of some categories; `root` holds theirs alone.
    fn input<'b>(&'b self, categories: Range<usize>, weights: &'b [f64], root: &'b [[f64; 2]]) -> LaneInput<'b> {
        let n_sets = self.specification.effects.n_sets();
        let size = n_sets * self.n_families();
        let rates = categories.start * size..categories.end * size;
        LaneInput {
            gain: &self.gain[rates.clone()],
            loss: &self.loss[rates],
            set_of_branch: self.specification.effects.set_of_node(),
            n_sets,
            root,
            weights,
            tips: self.values.tips.as_deref(),
        }
    }

    /// Returns the log-likelihood of each family, not conditioned.
    pub(super) fn log_likelihoods(
        &self,
        kernel: &Kernel,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, ModelError> {
        let weights = &self.values.categories.weight;
        let at = |root: &[[f64; 2]]| {
            let input = self.input(self.all(), weights, root);
            kernel.lane_log_likelihoods(input, workers, monitor)
        };
        if let Some(root) = &self.root {
            return Ok(at(root)?);
        }
        let [absent, present] = self.certain_roots(weights.len()).map(|root| at(&root));
        Ok(mixed(&absent?, &present?).into_iter().map(|(value, _)| value).collect())
    }

    /// Returns the log-likelihood of each family in each category, `[n_categories][n_families]`.
    pub(super) fn of_categories(
        &self,
        kernel: &Kernel,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f64>>, ModelError> {
        let n_families = self.n_families();
        let alone = |category: usize, root: &[[f64; 2]]| {
            let input = self.input(category..category + 1, &[1.0], root);
            kernel.lane_log_likelihoods(input, workers, monitor)
        };
        if let Some(root) = &self.root {
            let own = |category: usize| &root[category * n_families..(category + 1) * n_families];
            return self.all().map(|category| Ok(alone(category, own(category))?)).collect();
        }
        let [absent, present] = self.certain_roots(1);
        let given: [Vec<Vec<f64>>; 2] = [
            self.all()
                .map(|category| alone(category, &absent))
                .collect::<Result<_, _>>()?,
            self.all()
                .map(|category| alone(category, &present))
                .collect::<Result<_, _>>()?,
        ];
        Ok(weighed_over_mixture(&given, &self.values.categories.weight))
    }

    fn certain_roots(&self, n_categories: usize) -> [Vec<[f64; 2]>; 2] {
        [[1.0, 0.0], [0.0, 1.0]].map(|root| vec![root; n_categories * self.n_families()])
    }

    /// Returns the log-likelihood of each family, and adds the derivatives of their weighted sum to `sink`.
    pub(super) fn vector_jacobian(
        &self,
        kernel: &Kernel,
        weights: &[f64],
        sink: &mut SharedDerivatives,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, ModelError> {
        let of_categories = &self.values.categories.weight;
        if let Some(root) = &self.root {
            let input = self.input(self.all(), of_categories, root);
            let (values, adjoint) = kernel.lane_rate_jacobian(input, weights, workers, monitor)?;
            self.pull_back(&adjoint, sink);
            return Ok(values);
        }
        let roots = self.certain_roots(of_categories.len());
        let [absent, present] = [&roots[0], &roots[1]].map(|root| {
            let input = self.input(self.all(), of_categories, root);
            kernel.lane_log_likelihoods(input, workers, monitor)
        });
        let mixed = mixed(&absent?, &present?);
        for (state, root) in roots.iter().enumerate() {
            let cotangent: Vec<f64> = mixed.iter().zip(weights).map(|((_, by), w)| w * by[state]).collect();
            let input = self.input(self.all(), of_categories, root);
            let (_, adjoint) = kernel.lane_rate_jacobian(input, &cotangent, workers, monitor)?;
            self.pull_back(&adjoint, sink);
        }
        Ok(mixed.into_iter().map(|(value, _)| value).collect())
    }

    fn pull_back(&self, adjoint: &LaneAdjoint, sink: &mut SharedDerivatives) {
        let Specification { effects, root, .. } = self.specification;
        let n_families = self.n_families();
        let n_sets = effects.n_sets();
        let mut shifts = vec![[0.0; 2]; n_sets * effects.n_groups()];
        for category in self.all() {
            for set in 0..n_sets {
                let first = (category * n_sets + set) * n_families;
                for (family, &group) in effects.group_of_family().iter().enumerate() {
                    let (gain, loss) = (self.gain[first + family], self.loss[first + family]);
                    let mut by_rate = [adjoint.gain[first + family], adjoint.loss[first + family]];
                    if self.root.is_some() && set == self.sets.root_set() {
                        let by_root = adjoint.root[category * n_families + family];
                        let (own, parameters) = root.pull_back(self.values.root, gain, loss, by_root);
                        by_rate = [by_rate[0] + own[0], by_rate[1] + own[1]];
                        for (sum, part) in sink.root.iter_mut().zip(parameters) {
                            *sum += part;
                        }
                    }
                    let slope = |rate: f64, by: f64| if rate == 0.0 { 0.0 } else { rate * by };
                    let [by_gain, by_loss] = [slope(gain, by_rate[0]), slope(loss, by_rate[1])];
                    sink.categories.log_gain[category] += by_gain;
                    sink.categories.log_loss[category] += by_loss;
                    let shift = &mut shifts[set * effects.n_groups() + group as usize];
                    *shift = [shift[0] + by_gain, shift[1] + by_loss];
                }
            }
        }
        for (place, &shift) in shifts.iter().enumerate() {
            effects.pull_back(
                place % effects.n_groups(),
                place / effects.n_groups(),
                shift,
                &mut sink.effects,
            );
        }
        for (sum, part) in sink.categories.weight.iter_mut().zip(&adjoint.weights) {
            *sum += part;
        }
        for (sum, part) in sink.tips.as_flattened_mut().iter_mut().zip(adjoint.tips.as_flattened()) {
            *sum += part;
        }
    }

    /// Returns the log of the probability that a family of each group is recorded, `[n_groups]`, and subtracts the
    /// derivatives of `counts[group]` times each of them from `sink` if there is one; `None` where every family is.
    ///
    /// # Errors
    /// As those of [`GroupState::new`].
    pub(super) fn recorded(
        &self,
        tree: &Tree,
        counts: &[f64],
        mut sink: Option<&mut SharedDerivatives>,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Option<Vec<f64>>, ModelError> {
        let wants_derivatives = sink.is_some();
        let parts = workers.map(counts.len(), |group| {
            monitor.check()?;
            let state = GroupState::new(self.specification, self.sets, self.values, group)?;
            let Some(recorded) = state.recorded(self.specification, tree) else {
                return Ok::<_, ModelError>(None);
            };
            let derivatives = wants_derivatives.then(|| {
                let n_categories = self.values.categories.n_categories();
                let mut adjoint = SharedAdjoint::zeros(n_categories, tree.n_nodes(), self.n_tips());
                recorded.subtract(counts[group], &mut adjoint);
                let mut own = SharedDerivatives::zeros(self.values);
                state.pull_back(self.specification, &adjoint, &mut own);
                own
            });
            Ok(Some((recorded.log_probability, derivatives)))
        })?;
        let mut logs = Vec::with_capacity(parts.len());
        for part in parts {
            let Some((log, derivatives)) = part else {
                return Ok(None);
            };
            logs.push(log);
            if let (Some(sink), Some(derivatives)) = (&mut sink, derivatives) {
                sink.add(&derivatives);
            }
        }
        Ok(Some(logs))
    }

    fn n_tips(&self) -> usize {
        self.values.tips.as_ref().map_or(0, Vec::len)
    }

    /// Returns gain and loss rate of a family in each category on the branches of the root's set.
    pub(super) fn reference_rates(&self, family: usize) -> Vec<[f64; 2]> {
        let n_families = self.n_families();
        let at = |category: usize| {
            let place = (category * self.specification.effects.n_sets() + self.sets.root_set()) * n_families + family;
            [self.gain[place], self.loss[place]]
        };
        self.all().map(at).collect()
    }

    /// Returns the mean over families and categories of the root frequencies.
    pub(super) fn mean_root(&self) -> Option<[f64; 2]> {
        let root = self.root.as_ref()?;
        let n_families = self.n_families();
        let share = |place: usize| self.values.categories.weight[place / n_families] / n_families as f64;
        Some([0, 1].map(|state| {
            root.iter()
                .enumerate()
                .map(|(place, of)| share(place) * of[state])
                .sum()
        }))
    }
}

fn mixed(absent: &[f64], present: &[f64]) -> Vec<(f64, [f64; 2])> {
    absent
        .iter()
        .zip(present)
        .map(|(&l0, &l1)| by_own_data(l0, l1))
        .collect()
}
