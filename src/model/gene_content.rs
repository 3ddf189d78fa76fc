//! The likelihood of a gene table: names in, numbers out, by the chain rule over the kernel.
//!
//! Parameters stand in the order rate model, effects, root prior, observation.

use super::ascertainment::Ascertainment;
use super::effects::Effects;
use super::evaluation::{BranchSets, SharedDerivatives};
use super::family_weights::FamilyWeights;
use super::observation::Observation;
use super::parameter::Parameter;
use super::parts::{Group, groups, one_lane_each, total, wants_lanes};
use super::penalty::Penalty;
use super::rates::{Categories, RateModel, Shared};
use super::recording::{check_recorded, quote_some};
use super::root_prior::RootPrior;
use crate::error::ModelError;
use crate::parallel::{Monitor, Workers};
use crate::problem::{Names, Problem};
use nalgebra::DMatrix;
use std::sync::Arc;

/// What a model says about gain, loss, the root, and how the table came to be.
#[derive(Debug)]
pub struct Specification {
    /// How rates differ between families whose covariates are equal.
    pub rates: Box<dyn RateModel>,
    /// How covariates of families and branches move the rates.
    pub effects: Effects,
    /// The state frequencies at the root.
    pub root: RootPrior,
    /// Which families the table could hold.
    pub ascertainment: Ascertainment,
    /// What the record of a genome says about the genome.
    pub observation: Observation,
}

/// Two-state gain and loss over a tree and the patterns at its tips.
#[derive(Debug)]
pub struct GeneContentModel {
    problem: Arc<Problem>,
    pub(super) families: Arc<Names>,
    pub(super) specification: Arc<Specification>,
    parameters: Vec<Parameter>,
    n_rate_parameters: usize,
    penalty: Penalty,
    pub(super) groups: Vec<Group>,
    /// Whether there is one group whose families are lanes with rates of their own.
    pub(super) by_lanes: bool,
    pub(super) sets: BranchSets,
    pub(super) workers: Workers,
}

/// A log-likelihood and its derivatives.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueAndGradient {
    /// Of all families together; natural log.
    pub value: f64,
    /// With respect to each parameter; NaN if the value is minus infinity.
    pub gradient: Vec<f64>,
}

/// A parameter vector, taken apart.
pub(super) struct Values<'a> {
    pub(super) categories: Categories,
    pub(super) rates: &'a [f64],
    pub(super) effects: &'a [f64],
    pub(super) root: &'a [f64],
    pub(super) observation: &'a [f64],
    pub(super) tips: Option<Vec<[f64; 2]>>,
}

impl GeneContentModel {
    /// Sets up the model and checks that the ascertainment can hold the data.
    ///
    /// `families` name the columns in messages, `[n_families]`.
    ///
    /// # Errors
    /// [`ModelError::Unobservable`] if a family could not have been recorded; [`ModelError::NoRecordedProbability`]
    /// for FitzJohn's root with conditioning; [`ModelError::Length`] if the effects are of other families;
    /// [`ModelError::InstructionSet`] if the environment asks for vector instructions that there are not.
    pub fn new(
        problem: Arc<Problem>,
        families: Arc<Names>,
        specification: impl Into<Arc<Specification>>,
        workers: Workers,
    ) -> Result<Self, ModelError> {
        crate::kernel::instruction_set()?;
        let specification = specification.into();
        check_recorded(&problem, &families, &specification.ascertainment)?;
        if specification.root == RootPrior::FitzJohn && specification.ascertainment != Ascertainment::None {
            return Err(ModelError::NoRecordedProbability {
                ascertainment: specification.ascertainment.name().to_string(),
            });
        }
        let effects = &specification.effects;
        if effects.group_of_family().len() != families.len() {
            return Err(ModelError::Length {
                what: "the group of each family",
                found: effects.group_of_family().len(),
                expected: families.len().to_string(),
            });
        }
        let sets = BranchSets::new(problem.tree(), effects.set_of_node(), effects.n_sets());
        let by_lanes = wants_lanes(effects);
        let groups = if by_lanes {
            vec![one_lane_each(&problem)]
        } else {
            groups(&problem, effects, &workers)
        };
        let mut parameters = specification.rates.parameters();
        let n_rate_parameters = parameters.len();
        let mut penalty = Penalty::default();
        penalty.extend(effects.penalty(), parameters.len());
        parameters.extend(effects.parameters());
        parameters.extend(specification.root.parameters());
        penalty.extend(&specification.observation.penalty(), parameters.len());
        parameters.extend(specification.observation.parameters());
        Ok(Self {
            problem,
            families,
            specification,
            parameters,
            n_rate_parameters,
            penalty,
            groups,
            by_lanes,
            sets,
            workers,
        })
    }

    /// Sets up the model with one gain and one loss rate for all families, observed without error.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn shared(
        problem: Arc<Problem>,
        families: Arc<Names>,
        root: RootPrior,
        ascertainment: Ascertainment,
        workers: Workers,
    ) -> Result<Self, ModelError> {
        let tree = problem.tree();
        let specification = Specification {
            rates: Box::new(Shared),
            effects: Effects::none(families.len(), tree.n_nodes()),
            root,
            ascertainment,
            observation: Observation::exact(tree),
        };
        Self::new(problem, families, specification, workers)
    }

    /// Returns the free parameters, in order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Returns the tree and patterns.
    #[must_use]
    pub fn problem(&self) -> &Arc<Problem> {
        &self.problem
    }

    /// Returns the names of the families.
    #[must_use]
    pub fn families(&self) -> &Arc<Names> {
        &self.families
    }

    /// Returns what the model says; other data may share it.
    #[must_use]
    pub fn specification(&self) -> &Arc<Specification> {
        &self.specification
    }

    /// Returns the threads that the model computes with.
    #[must_use]
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Returns what a fit subtracts from the log-likelihood to find its maximum; never part of a log-likelihood.
    #[must_use]
    pub fn penalty(&self) -> &Penalty {
        &self.penalty
    }

    /// Returns the log-likelihood of all families together, natural log.
    ///
    /// Families are independent; the value is conditioned on the ascertainment, never penalised, and minus infinity
    /// if a family cannot arise.
    ///
    /// # Errors
    /// [`ModelError`] for parameters outside their domain, a stationary root without rates, or a cancelled monitor.
    pub fn log_likelihood(&self, parameters: &[f64], monitor: &Monitor) -> Result<f64, ModelError> {
        self.weighted_log_likelihood(parameters, None, &self.workers, monitor)
    }

    /// Returns the log-likelihood of all families together, each counted as often as `weights` say, computed by
    /// `workers`; see [`log_likelihood`](Self::log_likelihood).
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn weighted_log_likelihood(
        &self,
        parameters: &[f64],
        weights: Option<&FamilyWeights>,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<f64, ModelError> {
        let of_patterns = self.pattern_log_likelihoods(parameters, workers, monitor)?;
        let totals = of_patterns
            .iter()
            .enumerate()
            .map(|(group, values)| total(values, self.group_weights(weights, group)));
        Ok(totals.sum())
    }

    /// Returns the log-likelihood of each family, `[n_families]`, natural log.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn log_likelihoods(&self, parameters: &[f64], monitor: &Monitor) -> Result<Vec<f64>, ModelError> {
        self.log_likelihoods_by(parameters, &self.workers, monitor)
    }

    pub(super) fn log_likelihoods_by(
        &self,
        parameters: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, ModelError> {
        let of_patterns = self.pattern_log_likelihoods(parameters, workers, monitor)?;
        Ok(self.by_family(|group, pattern| of_patterns[group][pattern]))
    }

    /// Returns the log-likelihood of all families and its derivatives with respect to the parameters.
    ///
    /// The derivatives are exact (reverse mode); a parameter of minus infinity (rate 0) has derivative 0.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn value_and_gradient(&self, parameters: &[f64], monitor: &Monitor) -> Result<ValueAndGradient, ModelError> {
        self.weighted_value_and_gradient(parameters, None, &self.workers, monitor)
    }

    /// As [`value_and_gradient`](Self::value_and_gradient), each family counted as often as `weights` say, computed by
    /// `workers`.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn weighted_value_and_gradient(
        &self,
        parameters: &[f64],
        weights: Option<&FamilyWeights>,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<ValueAndGradient, ModelError> {
        let values = self.values(parameters)?;
        let mut sink = SharedDerivatives::zeros(&values);
        let value = if self.by_lanes {
            self.lane_gradients(&values, self.group_weights(weights, 0), &mut sink, workers, monitor)?
        } else {
            self.group_gradients(&values, weights, &mut sink, workers, monitor)?
        };
        if value == f64::NEG_INFINITY {
            let gradient = vec![f64::NAN; parameters.len()];
            return Ok(ValueAndGradient { value, gradient });
        }
        let mut gradient = self.specification.rates.pull_back(values.rates, &sink.categories);
        gradient.extend(sink.effects);
        gradient.extend(sink.root);
        gradient.extend(self.specification.observation.pull_back(values.observation, &sink.tips));
        Ok(ValueAndGradient { value, gradient })
    }

    /// Returns the root frequencies of states 0 and 1 at these parameters, their mean over families and categories
    /// where they differ; `None` where each family's own data weigh them.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn root_frequencies(&self, parameters: &[f64]) -> Result<Option<[f64; 2]>, ModelError> {
        let values = self.values(parameters)?;
        self.mean_root(&values)
    }

    /// Brings parameters that mean the same to one form; returns them and their derivatives by the argument,
    /// `[n_parameters][n_parameters]`, the result's in rows.
    #[must_use]
    pub fn canonical(&self, parameters: &[f64]) -> (Vec<f64>, DMatrix<f64>) {
        let (mut point, of_rates) = self
            .specification
            .rates
            .canonical(&parameters[..self.n_rate_parameters]);
        point.extend_from_slice(&parameters[self.n_rate_parameters..]);
        let mut jacobian = DMatrix::identity(parameters.len(), parameters.len());
        jacobian.view_mut((0, 0), of_rates.shape()).copy_from(&of_rates);
        (point, jacobian)
    }

    /// Returns the names of the first few of these families, quoted, for a message.
    #[must_use]
    pub fn name_families(&self, families: &[usize]) -> Vec<String> {
        quote_some(families, &self.families)
    }

    pub(super) fn group_weights<'a>(&'a self, weights: Option<&'a FamilyWeights>, group: usize) -> &'a [f64] {
        match weights {
            Some(weights) => &weights.0[group],
            None => self.groups[group].kernel.problem().patterns().weights(),
        }
    }

    pub(super) fn by_family<T>(&self, of: impl Fn(usize, usize) -> T) -> Vec<T> {
        let mut place = vec![(0, 0); self.families.len()];
        for (index, group) in self.groups.iter().enumerate() {
            let patterns = group.kernel.problem().patterns().pattern_of_family();
            for (&family, &pattern) in group.families.iter().zip(patterns) {
                place[family] = (index, pattern as usize);
            }
        }
        place.into_iter().map(|(group, pattern)| of(group, pattern)).collect()
    }

    /// Returns the conditioned log-likelihood of each group's patterns.
    fn pattern_log_likelihoods(
        &self,
        parameters: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f64>>, ModelError> {
        let values = self.values(parameters)?;
        if self.by_lanes {
            Ok(vec![self.lane_values(&values, workers, monitor)?])
        } else {
            self.group_values(&values, workers, monitor)
        }
    }

    pub(super) fn values<'a>(&self, parameters: &'a [f64]) -> Result<Values<'a>, ModelError> {
        if parameters.len() != self.parameters.len() {
            return Err(ModelError::ParameterCount {
                names: self.parameters.iter().map(|parameter| parameter.name.clone()).collect(),
                found: parameters.len(),
            });
        }
        for (parameter, &value) in self.parameters.iter().zip(parameters) {
            parameter.check(value)?;
        }
        let Specification {
            rates,
            effects,
            root,
            observation,
            ..
        } = &*self.specification;
        let (of_rates, rest) = parameters.split_at(self.n_rate_parameters);
        let (of_effects, rest) = rest.split_at(effects.parameters().len());
        let (of_root, of_observation) = rest.split_at(root.parameters().len());
        Ok(Values {
            categories: rates.categories(of_rates),
            rates: of_rates,
            effects: of_effects,
            root: of_root,
            observation: of_observation,
            tips: observation.table(of_observation),
        })
    }
}
