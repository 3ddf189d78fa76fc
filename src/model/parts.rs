//! The parts in which a model's families are evaluated: groups that share their rates, or lanes of their own.

use super::effects::Effects;
use super::evaluation::{GroupState, SharedDerivatives};
use super::family_lanes::LaneState;
use super::family_weights::FamilyWeights;
use super::gene_content::{GeneContentModel, Values};
use crate::error::ModelError;
use crate::kernel::Kernel;
use crate::parallel::{Monitor, Workers};
use crate::problem::Problem;
use std::sync::Arc;

/// Groups up to which each is evaluated by itself, however small it is.
const FEW_GROUPS: usize = 32;
/// Families a group below which lanes are faster than a table of transition probabilities for each group.
const FAMILIES_A_GROUP: usize = 24;

/// Families with equal covariates, and the kernel over their patterns.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) kernel: Kernel,
    pub(super) families: Vec<usize>,
}

/// Returns whether the families are better evaluated as lanes.
pub(super) fn wants_lanes(effects: &Effects) -> bool {
    let n_groups = effects.n_groups();
    n_groups > FEW_GROUPS && effects.group_of_family().len() < FAMILIES_A_GROUP * n_groups
}

/// Returns the groups of families with equal covariates.
pub(super) fn groups(problem: &Arc<Problem>, effects: &Effects, workers: &Workers) -> Vec<Group> {
    let mut members = vec![Vec::new(); effects.n_groups()];
    for (family, &group) in effects.group_of_family().iter().enumerate() {
        members[group as usize].push(family);
    }
    let is_one = members.len() == 1;
    let of = |families: Vec<usize>| {
        let problem = if is_one {
            problem.clone()
        } else {
            let patterns = problem.patterns().of_families(&families);
            Arc::new(Problem::new(problem.tree().clone(), patterns))
        };
        Group {
            kernel: Kernel::with_classes(problem, workers),
            families,
        }
    };
    members.into_iter().map(of).collect()
}

/// Returns all families as one group with a pattern for each.
pub(super) fn one_lane_each(problem: &Arc<Problem>) -> Group {
    let patterns = problem.patterns().spread();
    let families = (0..patterns.n_families()).collect();
    let problem = Problem::new(problem.tree().clone(), patterns);
    Group {
        kernel: Kernel::new(Arc::new(problem)),
        families,
    }
}

impl GeneContentModel {
    pub(super) fn group<'a>(&'a self, values: &'a Values<'a>, group: usize) -> Result<GroupState<'a>, ModelError> {
        GroupState::new(&self.specification, &self.sets, values, group)
    }

    pub(super) fn lanes<'a>(&'a self, values: &'a Values<'a>) -> Result<LaneState<'a>, ModelError> {
        LaneState::new(&self.specification, &self.sets, values)
    }

    /// Returns the conditioned log-likelihood of each group's patterns.
    pub(super) fn group_values(
        &self,
        values: &Values,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f64>>, ModelError> {
        let of_group = |(index, group): (usize, &Group)| {
            let state = self.group(values, index)?;
            let of_pattern = state.log_likelihoods(&group.kernel, workers, monitor)?;
            let recorded = state.recorded(&self.specification, self.problem().tree());
            Ok(condition(of_pattern, |_| {
                recorded.as_ref().map_or(0.0, |recorded| recorded.log_probability)
            }))
        };
        self.groups.iter().enumerate().map(of_group).collect()
    }

    /// Returns the conditioned log-likelihood of each family.
    pub(super) fn lane_values(
        &self,
        values: &Values,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, ModelError> {
        let state = self.lanes(values)?;
        let of_family = state.log_likelihoods(&self.groups[0].kernel, workers, monitor)?;
        let counts = vec![1.0; self.specification.effects.n_groups()];
        let recorded = state.recorded(self.problem().tree(), &counts, None, workers, monitor)?;
        Ok(self.condition_lanes(of_family, recorded.as_deref()))
    }

    fn condition_lanes(&self, of_family: Vec<f64>, recorded: Option<&[f64]>) -> Vec<f64> {
        let groups = self.specification.effects.group_of_family();
        condition(of_family, |family| {
            recorded.map_or(0.0, |logs| logs[groups[family] as usize])
        })
    }

    /// Returns the log-likelihood of all families and adds its derivatives to `sink`, group by group.
    pub(super) fn group_gradients(
        &self,
        values: &Values,
        weights: Option<&FamilyWeights>,
        sink: &mut SharedDerivatives,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<f64, ModelError> {
        let mut value = 0.0;
        for (index, group) in self.groups.iter().enumerate() {
            let weights = self.group_weights(weights, index);
            let state = self.group(values, index)?;
            let (of_pattern, mut adjoint) = state.vector_jacobian(&group.kernel, weights, workers, monitor)?;
            let recorded = state.recorded(&self.specification, self.problem().tree());
            let log = recorded.as_ref().map_or(0.0, |recorded| recorded.log_probability);
            value += total(&condition(of_pattern, |_| log), weights);
            if let Some(recorded) = recorded {
                recorded.subtract(weights.iter().sum(), &mut adjoint);
            }
            state.pull_back(&self.specification, &adjoint, sink);
        }
        Ok(value)
    }

    /// Returns the log-likelihood of all families and adds its derivatives to `sink`, families being lanes.
    pub(super) fn lane_gradients(
        &self,
        values: &Values,
        weights: &[f64],
        sink: &mut SharedDerivatives,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<f64, ModelError> {
        let state = self.lanes(values)?;
        let of_family = state.vector_jacobian(&self.groups[0].kernel, weights, sink, workers, monitor)?;
        let effects = &self.specification.effects;
        let mut counts = vec![0.0; effects.n_groups()];
        for (&group, weight) in effects.group_of_family().iter().zip(weights) {
            counts[group as usize] += weight;
        }
        let recorded = state.recorded(self.problem().tree(), &counts, Some(sink), workers, monitor)?;
        Ok(total(&self.condition_lanes(of_family, recorded.as_deref()), weights))
    }

    /// Returns the mean over families and categories of the root frequencies; `None` where data weigh them.
    pub(super) fn mean_root(&self, values: &Values) -> Result<Option<[f64; 2]>, ModelError> {
        if self.by_lanes {
            return Ok(self.lanes(values)?.mean_root());
        }
        let n_families: usize = self.groups.iter().map(|group| group.families.len()).sum();
        let mut mean = [0.0; 2];
        for (index, group) in self.groups.iter().enumerate() {
            let Some(of_group) = self.group(values, index)?.mean_root() else {
                return Ok(None);
            };
            let share = group.families.len() as f64 / n_families as f64;
            mean = [0, 1].map(|i| mean[i] + share * of_group[i]);
        }
        Ok(Some(mean))
    }

    /// Returns the log-likelihood of each family in each rate category, `[n_families][n_categories]`, not conditioned,
    /// and gain and loss rate of each on the root's branches.
    #[expect(clippy::type_complexity, reason = "two tables that are computed together")]
    pub(super) fn of_categories(
        &self,
        values: &Values,
        monitor: &Monitor,
    ) -> Result<(Vec<Vec<f64>>, Vec<Vec<[f64; 2]>>), ModelError> {
        let (mut tables, mut rates) = (Vec::new(), Vec::new());
        if self.by_lanes {
            let state = self.lanes(values)?;
            tables.push(state.of_categories(&self.groups[0].kernel, self.workers(), monitor)?);
            rates = (0..self.groups[0].families.len())
                .map(|family| state.reference_rates(family))
                .collect();
        } else {
            let mut of_group: Vec<Vec<[f64; 2]>> = Vec::new();
            for (index, group) in self.groups.iter().enumerate() {
                let state = self.group(values, index)?;
                tables.push(state.of_categories(&group.kernel, self.workers(), monitor)?);
                of_group.push(state.reference_rates().collect());
            }
            let groups = self.specification.effects.group_of_family();
            rates.extend(groups.iter().map(|&group| of_group[group as usize].clone()));
        }
        let of_family = |group: usize, pattern: usize| tables[group].iter().map(|row| row[pattern]).collect();
        Ok((self.by_family(of_family), rates))
    }
}

/// Divides by probabilities, given their logs; where nothing can be recorded, nothing can arise.
fn condition(mut values: Vec<f64>, log_probability: impl Fn(usize) -> f64) -> Vec<f64> {
    for (index, value) in values.iter_mut().enumerate() {
        let log = log_probability(index);
        if log == f64::NEG_INFINITY {
            *value = log;
        } else if *value != f64::NEG_INFINITY {
            *value -= log;
        }
    }
    values
}

/// Returns the weighted sum; what counts 0 times may be impossible.
pub(super) fn total(values: &[f64], weights: &[f64]) -> f64 {
    let counted = values.iter().zip(weights).filter(|(_, weight)| **weight != 0.0);
    counted.map(|(value, weight)| weight * value).sum()
}
