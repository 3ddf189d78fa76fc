//! The likelihood of a gene table: names in, numbers out, by the chain rule over the kernel.

use super::ascertainment::Ascertainment;
use super::root_prior::RootPrior;
use super::shared_rates::{PARAMETER_NAMES, SharedRates};
use crate::error::ModelError;
use crate::kernel::{Kernel, SharedInput, Transition};
use crate::parallel::{Monitor, Workers};
use crate::problem::{Names, Problem};
use std::sync::Arc;

/// How many families an error message names.
const EXAMPLES: usize = 3;

/// Two-state gain and loss with rates shared by all families, over a tree and the patterns at its tips.
#[derive(Debug)]
pub struct GeneContentModel {
    kernel: Kernel,
    families: Arc<Names>,
    root: RootPrior,
    ascertainment: Ascertainment,
    workers: Workers,
}

/// A log-likelihood and its derivatives.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueAndGradient {
    /// Of all families together; natural log.
    pub value: f64,
    /// With respect to each parameter; NaN if the value is minus infinity.
    pub gradient: Vec<f64>,
}

impl GeneContentModel {
    /// Sets up the model and checks that the ascertainment can hold the data.
    ///
    /// `families` name the columns in messages, `[n_families]`.
    ///
    /// # Errors
    /// [`ModelError::Unobservable`] if a family could not have been recorded.
    pub fn new(
        problem: Arc<Problem>,
        families: Arc<Names>,
        root: RootPrior,
        ascertainment: Ascertainment,
        workers: Workers,
    ) -> Result<Self, ModelError> {
        check_recorded(&problem, &families, ascertainment)?;
        let kernel = Kernel::with_classes(problem, &workers);
        Ok(Self {
            kernel,
            families,
            root,
            ascertainment,
            workers,
        })
    }

    /// Returns the names of the parameters, in order.
    #[must_use]
    pub fn parameter_names(&self) -> &'static [&'static str] {
        &PARAMETER_NAMES
    }

    /// Returns the tree and patterns.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        self.kernel.problem()
    }

    /// Returns the log-likelihood of all families together, natural log.
    ///
    /// Families are independent; the value is conditioned on the ascertainment, never penalised, and minus infinity
    /// if a family cannot arise.
    ///
    /// # Errors
    /// [`ModelError`] for parameters that are no rates, a stationary root without rates, or a cancelled monitor.
    pub fn log_likelihood(&self, parameters: &[f64], monitor: &Monitor) -> Result<f64, ModelError> {
        Ok(self.total(&self.pattern_log_likelihoods(parameters, monitor)?))
    }

    /// Returns the log-likelihood of each family, `[n_families]`, natural log.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn log_likelihoods(&self, parameters: &[f64], monitor: &Monitor) -> Result<Vec<f64>, ModelError> {
        let of_pattern = self.pattern_log_likelihoods(parameters, monitor)?;
        let patterns = self.problem().patterns().pattern_of_family();
        Ok(patterns.iter().map(|&pattern| of_pattern[pattern as usize]).collect())
    }

    /// Returns the log-likelihood of all families and its derivatives with respect to the parameters.
    ///
    /// The derivatives are exact (reverse mode); a parameter of minus infinity (rate 0) has derivative 0.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn value_and_gradient(&self, parameters: &[f64], monitor: &Monitor) -> Result<ValueAndGradient, ModelError> {
        let state = self.state(parameters)?;
        let (tree, weights) = (self.problem().tree(), self.problem().patterns().weights());
        let (values, mut adjoint) = self
            .kernel
            .vector_jacobian(state.input(), weights, &self.workers, monitor)?;
        let recorded = self.ascertainment.recorded(tree, &state.transitions, state.root[0]);
        let conditioned = condition(values, recorded.as_ref().map(|recorded| recorded.log_probability));
        let value = self.total(&conditioned);
        if value == f64::NEG_INFINITY {
            return Ok(ValueAndGradient {
                value,
                gradient: vec![f64::NAN; parameters.len()],
            });
        }
        if let Some(recorded) = recorded {
            let n_families: f64 = weights.iter().sum();
            for (total, entry) in adjoint
                .transitions
                .as_flattened_mut()
                .iter_mut()
                .zip(recorded.transitions.as_flattened())
            {
                *total -= n_families * entry;
            }
            for (total, entry) in adjoint.root[0].iter_mut().zip(recorded.root) {
                *total -= n_families * entry;
            }
        }
        let rates = state.rates;
        let by_transition = rates.adjoint(tree, &adjoint.transitions);
        let by_root = self.root.adjoint(rates.gain, rates.loss, adjoint.root[0]);
        let slope = |rate: f64, derivative: f64| if rate == 0.0 { 0.0 } else { rate * derivative };
        Ok(ValueAndGradient {
            value,
            gradient: vec![
                slope(rates.gain, by_transition.0 + by_root.0),
                slope(rates.loss, by_transition.1 + by_root.1),
            ],
        })
    }

    /// Returns the root frequencies of states 0 and 1 at these parameters.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn root_frequencies(&self, parameters: &[f64]) -> Result<[f64; 2], ModelError> {
        Ok(self.state(parameters)?.root[0])
    }

    /// Returns the names of the first few of these families, quoted, for a message.
    #[must_use]
    pub fn name_families(&self, families: &[usize]) -> Vec<String> {
        quote_some(families, &self.families)
    }

    fn pattern_log_likelihoods(&self, parameters: &[f64], monitor: &Monitor) -> Result<Vec<f64>, ModelError> {
        let state = self.state(parameters)?;
        let values = self.kernel.log_likelihoods(state.input(), &self.workers, monitor)?;
        let recorded = self
            .ascertainment
            .recorded(self.problem().tree(), &state.transitions, state.root[0]);
        Ok(condition(values, recorded.map(|recorded| recorded.log_probability)))
    }

    fn state(&self, parameters: &[f64]) -> Result<State, ModelError> {
        let rates = SharedRates::from_parameters(parameters)?;
        Ok(State {
            rates,
            transitions: rates.transitions(self.problem().tree()),
            root: [self.root.frequencies(rates.gain, rates.loss)?],
        })
    }

    fn total(&self, of_pattern: &[f64]) -> f64 {
        of_pattern
            .iter()
            .zip(self.problem().patterns().weights())
            .map(|(value, weight)| weight * value)
            .sum()
    }
}

/// What the parameters mean to the kernel.
struct State {
    rates: SharedRates,
    transitions: Vec<Transition>,
    root: [[f64; 2]; 1],
}

impl State {
    fn input(&self) -> SharedInput<'_> {
        SharedInput {
            transitions: &self.transitions,
            root: &self.root,
            weights: &[1.0],
            tips: None,
        }
    }
}

/// Divides by the probability of being recorded; where that is 0, nothing can arise.
fn condition(mut values: Vec<f64>, log_probability: Option<f64>) -> Vec<f64> {
    if let Some(log_probability) = log_probability {
        for value in &mut values {
            *value = if *value == f64::NEG_INFINITY {
                *value
            } else {
                *value - log_probability
            };
        }
    }
    values
}

fn check_recorded(problem: &Problem, families: &Names, ascertainment: Ascertainment) -> Result<(), ModelError> {
    let n_tips = problem.tree().n_tips();
    let counts = problem.patterns().counts();
    let patterns = problem.patterns().pattern_of_family().iter().enumerate();
    let broken: Vec<usize> = patterns
        .filter(|&(_, &pattern)| !ascertainment.admits(counts[pattern as usize], n_tips))
        .map(|(family, _)| family)
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(ModelError::Unobservable {
        ascertainment: ascertainment.name(),
        rule: ascertainment.rule(),
        count: broken.len(),
        n_families: families.len(),
        examples: quote_some(&broken, families),
    })
}

fn quote_some(indices: &[usize], families: &Names) -> Vec<String> {
    indices
        .iter()
        .take(EXAMPLES)
        .map(|&family| format!("'{}'", families.get(family)))
        .collect()
}
