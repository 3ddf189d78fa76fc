//! What a specification says happens to a family, as numbers: rates, transition probabilities, root frequencies.
//!
//! The likelihood computes these for itself group by group; simulation, and whoever needs the process without data,
//! asks here.

use super::gene_content::Specification;
use super::observation::Observation;
use super::parameter::{Parameter, is_rate};
use super::rates::Categories;
use crate::error::ModelError;
use crate::kernel::{Transition, transitions};
use crate::problem::Tree;

/// A specification at given parameters.
#[derive(Debug)]
pub struct Processes<'a> {
    specification: &'a Specification,
    tree: &'a Tree,
    categories: Categories,
    effects: &'a [f64],
    root: &'a [f64],
    tips: Option<Vec<[f64; 2]>>,
}

/// What happens to the families of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// Probability of each rate category, `[n_categories]`.
    pub weights: Vec<f64>,
    /// Gain and loss rate on each set of branches, `[n_categories][n_sets]`, events per unit of branch length.
    pub rates: Vec<[f64; 2]>,
    /// `[n_categories][n_nodes]`, the root's entry the identity.
    pub transitions: Vec<Transition>,
    /// Frequencies of states 0 and 1 at the root, `[n_categories]`; `None` where each family's own data weigh them.
    pub root: Option<Vec<[f64; 2]>>,
}

impl Specification {
    /// Returns the free parameters, in the order rate model, effects, root prior, observation.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = self.rates.parameters();
        parameters.extend(self.effects.parameters());
        parameters.extend(self.root.parameters());
        parameters.extend(self.observation.parameters());
        parameters
    }
}

impl<'a> Processes<'a> {
    /// Takes the parameters apart.
    ///
    /// # Errors
    /// [`ModelError::ParameterCount`], [`ModelError::Parameter`].
    pub fn new(specification: &'a Specification, tree: &'a Tree, parameters: &'a [f64]) -> Result<Self, ModelError> {
        let known = specification.parameters();
        if parameters.len() != known.len() {
            return Err(ModelError::ParameterCount {
                names: known.into_iter().map(|parameter| parameter.name).collect(),
                found: parameters.len(),
            });
        }
        for (parameter, &value) in known.iter().zip(parameters) {
            parameter.check(value)?;
        }
        let (of_rates, rest) = parameters.split_at(specification.rates.parameters().len());
        let (effects, rest) = rest.split_at(specification.effects.parameters().len());
        let (root, of_observation) = rest.split_at(specification.root.parameters().len());
        let observation: &Observation = &specification.observation;
        Ok(Self {
            specification,
            tree,
            categories: specification.rates.categories(of_rates),
            effects,
            root,
            tips: observation.table(of_observation),
        })
    }

    /// Returns the number of rate categories.
    #[must_use]
    pub fn n_categories(&self) -> usize {
        self.categories.n_categories()
    }

    /// Returns P(recorded present) of each tip given absence and given presence, `[n_tips]`; `None` without error.
    #[must_use]
    pub fn tips(&self) -> Option<&[[f64; 2]]> {
        self.tips.as_deref()
    }

    /// Returns what happens to the families of a group of the effects.
    ///
    /// # Errors
    /// [`ModelError::Rate`] where an effect makes a rate infinite, [`ModelError::StationaryWithoutRates`].
    pub fn of_group(&self, group: usize) -> Result<Process, ModelError> {
        let (effects, categories) = (&self.specification.effects, &self.categories);
        let (n_sets, n_nodes) = (effects.n_sets(), self.tree.n_nodes());
        let root_set = effects.set_of_node()[self.tree.root()] as usize;
        let n_categories = categories.n_categories();
        let mut process = Process {
            weights: categories.weight.clone(),
            rates: Vec::with_capacity(n_categories * n_sets),
            transitions: Vec::with_capacity(n_categories * n_nodes),
            root: None,
        };
        let mut root = Vec::with_capacity(n_categories);
        for (&log_gain, &log_loss) in categories.log_gain.iter().zip(&categories.log_loss) {
            let first = process.rates.len();
            for set in 0..n_sets {
                let [more_gain, more_loss] = effects.shifts(group, set, self.effects);
                let pair = [(log_gain + more_gain).exp(), (log_loss + more_loss).exp()];
                check_rates(pair)?;
                process.rates.push(pair);
            }
            let rates = &process.rates[first..];
            process.transitions.extend(self.table(rates));
            let [gain, loss] = rates[root_set];
            root.push(self.specification.root.frequencies(self.root, gain, loss)?);
        }
        process.root = root.into_iter().collect();
        Ok(process)
    }

    /// Returns the transition probabilities of every branch, given the rates of each set.
    fn table(&self, rates: &[[f64; 2]]) -> Vec<Transition> {
        let (tree, sets) = (self.tree, self.specification.effects.set_of_node());
        let lengths = tree.branch_lengths();
        let mut table = if let [[gain, loss]] = rates {
            transitions(*gain, *loss, lengths)
        } else {
            let of_node = |node: usize| {
                let [gain, loss] = rates[sets[node] as usize];
                transitions(gain, loss, &lengths[node..=node])[0]
            };
            (0..tree.n_nodes()).map(of_node).collect()
        };
        table[tree.root()] = [1.0, 0.0, 0.0, 1.0];
        table
    }
}

fn check_rates(pair: [f64; 2]) -> Result<(), ModelError> {
    for (name, rate) in ["gain rate", "loss rate"].into_iter().zip(pair) {
        if !is_rate(rate) {
            return Err(ModelError::Rate {
                name: name.to_owned(),
                found: rate,
            });
        }
    }
    Ok(())
}
