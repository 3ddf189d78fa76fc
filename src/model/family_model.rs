//! Rates of its own for every family: the likelihood of each at its own gain and loss rate, with gradients.

use super::ascertainment::Ascertainment;
use super::parameter::check_rate;
use super::recording::{check_recorded, quote_some};
use super::root_prior::RootPrior;
use crate::error::ModelError;
use crate::kernel::{Kernel, LaneInput, SharedInput, plain, transitions, transitions_adjoint, transitions_or_logs};
use crate::parallel::{Monitor, Workers};
use crate::problem::{Names, Patterns, Problem, Tree};
use std::sync::Arc;

/// Families with a gain and a loss rate each, on all branches alike.
#[derive(Debug)]
pub struct FamilyModel {
    problem: Arc<Problem>,
    families: Arc<Names>,
    root: RootPrior,
    ascertainment: Ascertainment,
    workers: Workers,
}

/// Log-likelihoods of lanes and their derivatives by the logs of the rates.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneGradients {
    /// `[n_lanes]`, natural log, conditioned.
    pub values: Vec<f64>,
    /// By log gain and log loss, `[n_lanes]`; NaN where the value is minus infinity, 0 by the log of a rate of 0.
    pub gradients: Vec<[f64; 2]>,
}

/// Patterns prepared for evaluation at rates of their own.
#[derive(Debug)]
pub struct Lanes<'a> {
    model: &'a FamilyModel,
    kernel: Kernel,
}

impl FamilyModel {
    /// Sets up the model and checks that the ascertainment can hold the data.
    ///
    /// # Errors
    /// [`ModelError::Unobservable`]; [`ModelError::RootNeedsModel`] for a root that is estimated over families or
    /// weighted by their data.
    pub fn new(
        problem: Arc<Problem>,
        families: Arc<Names>,
        root: RootPrior,
        ascertainment: Ascertainment,
        workers: Workers,
    ) -> Result<Self, ModelError> {
        crate::kernel::instruction_set()?;
        check_recorded(&problem, &families, &ascertainment)?;
        if matches!(root, RootPrior::Estimated | RootPrior::FitzJohn) {
            return Err(ModelError::RootNeedsModel { root: root.name() });
        }
        Ok(Self {
            problem,
            families,
            root,
            ascertainment,
            workers,
        })
    }

    /// Returns the tree and the distinct patterns.
    #[must_use]
    pub fn problem(&self) -> &Arc<Problem> {
        &self.problem
    }

    /// Returns the threads that the model computes with.
    #[must_use]
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Returns the names of the first few of these families, quoted, for a message.
    #[must_use]
    pub fn name_families(&self, families: &[usize]) -> Vec<String> {
        quote_some(families, &self.families)
    }

    /// Returns lanes of these patterns of the problem, any of them as often as wanted.
    #[must_use]
    pub fn lanes(&self, patterns: &[usize]) -> Lanes<'_> {
        self.lanes_over(self.problem.patterns().chosen(patterns))
    }

    /// Returns one lane a family, in family order.
    #[must_use]
    pub fn family_lanes(&self) -> Lanes<'_> {
        self.lanes_over(self.problem.patterns().spread())
    }

    fn lanes_over(&self, patterns: Patterns) -> Lanes<'_> {
        let problem = Problem::new(self.problem.tree().clone(), patterns);
        Lanes {
            model: self,
            kernel: Kernel::new(Arc::new(problem)),
        }
    }

    /// Returns the log-likelihood of every distinct pattern at one pair of rates, `[n_patterns]`; `kernel` is over
    /// the problem.
    ///
    /// # Errors
    /// [`ModelError::StationaryWithoutRates`], [`ModelError::Cancelled`].
    pub fn pattern_log_likelihoods(
        &self,
        kernel: &Kernel,
        log_rates: [f64; 2],
        monitor: &Monitor,
    ) -> Result<Vec<f64>, ModelError> {
        let tree = self.problem.tree();
        let [gain, loss] = rates(log_rates)?;
        let root = self.frequencies(gain, loss)?;
        let mut with_logs = transitions_or_logs(gain, loss, tree.branch_lengths());
        with_logs[tree.root()] = [1.0, 0.0, 0.0, 1.0];
        let input = SharedInput {
            transitions: &with_logs,
            root: &[root],
            weights: &[1.0],
            tips: None,
        };
        let mut values = kernel.log_likelihoods(input, &self.workers, monitor)?;
        if let Some(recorded) = self.ascertainment.recorded(tree, &plain(&with_logs), root, None) {
            let logs = vec![recorded.log_probability; values.len()];
            subtract(&mut values, &logs);
        }
        Ok(values)
    }

    fn frequencies(&self, gain: f64, loss: f64) -> Result<[f64; 2], ModelError> {
        let root = self.root;
        root.frequencies(&[], gain, loss)?
            .ok_or(ModelError::RootNeedsModel { root: root.name() })
    }
}

impl Lanes<'_> {
    pub(super) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Returns the number of lanes.
    #[must_use]
    pub fn n_lanes(&self) -> usize {
        self.kernel.problem().patterns().n_patterns()
    }

    /// Returns the log-likelihood of each lane at its own log rates, `[n_lanes]`, conditioned.
    ///
    /// # Errors
    /// [`ModelError::Rate`], [`ModelError::StationaryWithoutRates`], [`ModelError::Cancelled`].
    pub fn log_likelihoods(&self, log_rates: &[[f64; 2]], monitor: &Monitor) -> Result<Vec<f64>, ModelError> {
        let inputs = Inputs::new(self.model, log_rates)?;
        let workers = &self.model.workers;
        let mut values = self.kernel.lane_log_likelihoods(inputs.lanes(), workers, monitor)?;
        if self.model.ascertainment != Ascertainment::None {
            let recorded = workers.map(values.len(), |lane| {
                monitor.check()?;
                Ok::<_, ModelError>(self.recorded(&inputs, lane).map_or(0.0, |found| found.0))
            })?;
            subtract(&mut values, &recorded);
        }
        Ok(values)
    }

    /// Returns value and gradient of each lane at its own log rates.
    ///
    /// # Errors
    /// As [`log_likelihoods`](Self::log_likelihoods).
    pub fn values_and_gradients(&self, log_rates: &[[f64; 2]], monitor: &Monitor) -> Result<LaneGradients, ModelError> {
        let inputs = Inputs::new(self.model, log_rates)?;
        let (workers, root) = (&self.model.workers, self.model.root);
        let cotangent = vec![1.0; log_rates.len()];
        let (mut values, adjoint) = self
            .kernel
            .lane_rate_jacobian(inputs.lanes(), &cotangent, workers, monitor)?;
        let mut gradients: Vec<[f64; 2]> = (0..values.len())
            .map(|lane| {
                let (gain, loss) = (inputs.gain[lane], inputs.loss[lane]);
                let (by_root, _) = root.pull_back(&[], gain, loss, adjoint.root[lane]);
                [adjoint.gain[lane] + by_root[0], adjoint.loss[lane] + by_root[1]]
            })
            .collect();
        if self.model.ascertainment != Ascertainment::None {
            let recorded = workers.map(values.len(), |lane| {
                monitor.check()?;
                Ok::<_, ModelError>(self.recorded(&inputs, lane).unwrap_or_default())
            })?;
            let logs: Vec<f64> = recorded.iter().map(|(log, _)| *log).collect();
            subtract(&mut values, &logs);
            for (gradient, (_, by_rate)) in gradients.iter_mut().zip(recorded) {
                *gradient = [gradient[0] - by_rate[0], gradient[1] - by_rate[1]];
            }
        }
        for (lane, gradient) in gradients.iter_mut().enumerate() {
            let rates = [inputs.gain[lane], inputs.loss[lane]];
            for (slope, rate) in gradient.iter_mut().zip(rates) {
                *slope = if values[lane] == f64::NEG_INFINITY {
                    f64::NAN
                } else if rate == 0.0 {
                    0.0
                } else {
                    *slope * rate
                };
            }
        }
        Ok(LaneGradients { values, gradients })
    }

    /// Returns the log-probability that a family with a lane's rates is recorded, and its derivatives by the rates.
    fn recorded(&self, inputs: &Inputs, lane: usize) -> Option<(f64, [f64; 2])> {
        let tree = self.model.problem.tree();
        let (gain, loss, root) = (inputs.gain[lane], inputs.loss[lane], inputs.root[lane]);
        let recorded = self
            .model
            .ascertainment
            .recorded(tree, &table(tree, gain, loss), root, None)?;
        let branches = &tree.branch_lengths()[..tree.root()];
        let (by_gain, by_loss, _) = transitions_adjoint(gain, loss, branches, &recorded.transitions[..tree.root()]);
        let (by_root, _) = self.model.root.pull_back(&[], gain, loss, recorded.root);
        Some((recorded.log_probability, [by_gain + by_root[0], by_loss + by_root[1]]))
    }
}

/// Rates and root frequencies of lanes.
pub(super) struct Inputs {
    pub(super) gain: Vec<f64>,
    pub(super) loss: Vec<f64>,
    pub(super) root: Vec<[f64; 2]>,
    pub(super) set_of_branch: Vec<u32>,
}

impl Inputs {
    pub(super) fn new(model: &FamilyModel, log_rates: &[[f64; 2]]) -> Result<Self, ModelError> {
        let mut inputs = Self {
            gain: Vec::with_capacity(log_rates.len()),
            loss: Vec::with_capacity(log_rates.len()),
            root: Vec::with_capacity(log_rates.len()),
            set_of_branch: vec![0; model.problem.tree().n_nodes()],
        };
        for &pair in log_rates {
            let [gain, loss] = rates(pair)?;
            inputs.gain.push(gain);
            inputs.loss.push(loss);
            inputs.root.push(model.frequencies(gain, loss)?);
        }
        Ok(inputs)
    }

    fn lanes(&self) -> LaneInput<'_> {
        LaneInput {
            gain: &self.gain,
            loss: &self.loss,
            set_of_branch: &self.set_of_branch,
            n_sets: 1,
            root: &self.root,
            weights: &[1.0],
            tips: None,
        }
    }
}

fn rates(log_rates: [f64; 2]) -> Result<[f64; 2], ModelError> {
    let [gain, loss] = log_rates.map(f64::exp);
    check_rate("gain rate", gain)?;
    check_rate("loss rate", loss)?;
    Ok([gain, loss])
}

fn table(tree: &Tree, gain: f64, loss: f64) -> Vec<[f64; 4]> {
    let mut table = transitions(gain, loss, tree.branch_lengths());
    table[tree.root()] = [1.0, 0.0, 0.0, 1.0];
    table
}

/// Divides by probabilities, given their logs; where nothing can be recorded nothing can arise.
fn subtract(values: &mut [f64], logs: &[f64]) {
    for (value, &log) in values.iter_mut().zip(logs) {
        if log == f64::NEG_INFINITY {
            *value = log;
        } else if *value != f64::NEG_INFINITY {
            *value -= log;
        }
    }
}
