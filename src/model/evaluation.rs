//! One group of families with equal covariates: from rate categories to log-likelihoods, and the chain rule back.

use super::ascertainment::Recorded;
use super::gene_content::{Specification, Values};
use super::own_data::{by_own_data, log_sum_exp, weighed_over_mixture};
use super::rates::Categories;
use crate::error::ModelError;
use crate::kernel::{
    Kernel, SharedAdjoint, SharedInput, Transition, by_entries, plain, transitions_or_logs, transitions_or_logs_adjoint,
};
use crate::parallel::{Monitor, Workers};
use crate::problem::Tree;

use super::parameter::check_rate;

/// The branches of each set: nodes and lengths, the root left out.
#[derive(Debug)]
pub(super) struct BranchSets {
    sets: Vec<(Vec<u32>, Vec<f64>)>,
    root_set: usize,
    n_nodes: usize,
}

impl BranchSets {
    pub(super) fn new(tree: &Tree, set_of_node: &[u32], n_sets: usize) -> Self {
        let mut sets = vec![(Vec::new(), Vec::new()); n_sets];
        for node in 0..tree.root() {
            let (nodes, lengths) = &mut sets[set_of_node[node] as usize];
            nodes.push(node as u32);
            lengths.push(tree.branch_lengths()[node]);
        }
        Self {
            sets,
            root_set: set_of_node[tree.root()] as usize,
            n_nodes: tree.n_nodes(),
        }
    }

    pub(super) fn root_set(&self) -> usize {
        self.root_set
    }

    /// Writes the transition probabilities of each branch, with logs where they are tiny, given the rates of each set.
    fn transitions(&self, rates: &[[f64; 2]], table: &mut Vec<Transition>) {
        let first = table.len();
        if let ([(_, lengths)], [[gain, loss]]) = (&self.sets[..], rates) {
            table.extend(transitions_or_logs(*gain, *loss, lengths));
            table.push([1.0, 0.0, 0.0, 1.0]);
            return;
        }
        table.resize(first + self.n_nodes, [1.0, 0.0, 0.0, 1.0]);
        for ((nodes, lengths), &[gain, loss]) in self.sets.iter().zip(rates) {
            for (&node, entry) in nodes.iter().zip(transitions_or_logs(gain, loss, lengths)) {
                table[first + node as usize] = entry;
            }
        }
    }

    /// Returns the derivatives with respect to the rates of each set.
    fn pull_back(&self, rates: &[[f64; 2]], adjoint: &[Transition]) -> Vec<[f64; 2]> {
        if let ([(_, lengths)], [[gain, loss]]) = (&self.sets[..], rates) {
            let (by_gain, by_loss, _) = transitions_or_logs_adjoint(*gain, *loss, lengths, &adjoint[..lengths.len()]);
            return vec![[by_gain, by_loss]];
        }
        let of_set = |((nodes, lengths), &[gain, loss]): (&(Vec<u32>, Vec<f64>), &[f64; 2])| {
            let entries: Vec<Transition> = nodes.iter().map(|&node| adjoint[node as usize]).collect();
            let (by_gain, by_loss, _) = transitions_or_logs_adjoint(gain, loss, lengths, &entries);
            [by_gain, by_loss]
        };
        self.sets.iter().zip(rates).map(of_set).collect()
    }
}

/// What the parameters mean to one group of families.
pub(super) struct GroupState<'a> {
    values: &'a Values<'a>,
    sets: &'a BranchSets,
    group: usize,
    /// `[n_categories][n_sets]` gain and loss rate.
    pub(super) rates: Vec<[f64; 2]>,
    /// `[n_categories][n_nodes]`, with logs.
    pub(super) transitions: Vec<Transition>,
    /// `[n_categories]`; `None` where each family has its own.
    pub(super) root: Option<Vec<[f64; 2]>>,
}

/// Derivatives of a sum over families with respect to what all groups share.
pub(super) struct SharedDerivatives {
    pub(super) categories: Categories,
    pub(super) effects: Vec<f64>,
    pub(super) root: Vec<f64>,
    pub(super) tips: Vec<[f64; 2]>,
}

impl SharedDerivatives {
    pub(super) fn add(&mut self, other: &Self) {
        let (own, others) = (&mut self.categories, &other.categories);
        add(&mut own.log_gain, &others.log_gain);
        add(&mut own.log_loss, &others.log_loss);
        add(&mut own.weight, &others.weight);
        add(&mut self.effects, &other.effects);
        add(&mut self.root, &other.root);
        add(self.tips.as_flattened_mut(), other.tips.as_flattened());
    }

    pub(super) fn zeros(values: &Values) -> Self {
        let n_categories = values.categories.n_categories();
        Self {
            categories: Categories {
                log_gain: vec![0.0; n_categories],
                log_loss: vec![0.0; n_categories],
                weight: vec![0.0; n_categories],
            },
            effects: vec![0.0; values.effects.len()],
            root: vec![0.0; values.root.len()],
            tips: vec![[0.0; 2]; values.tips.as_ref().map_or(0, Vec::len)],
        }
    }
}

impl<'a> GroupState<'a> {
    /// # Errors
    /// [`ModelError::Rate`] where an effect makes a rate infinite, [`ModelError::StationaryWithoutRates`].
    pub(super) fn new(
        specification: &Specification,
        sets: &'a BranchSets,
        values: &'a Values<'a>,
        group: usize,
    ) -> Result<Self, ModelError> {
        let categories = &values.categories;
        let n_sets = sets.sets.len();
        let mut rates = Vec::with_capacity(categories.n_categories() * n_sets);
        let mut table = Vec::with_capacity(categories.n_categories() * sets.n_nodes);
        let mut root = Vec::with_capacity(categories.n_categories());
        for (&log_gain, &log_loss) in categories.log_gain.iter().zip(&categories.log_loss) {
            let first = rates.len();
            for set in 0..n_sets {
                let [more_gain, more_loss] = specification.effects.shifts(group, set, values.effects);
                let pair = [(log_gain + more_gain).exp(), (log_loss + more_loss).exp()];
                check_rate("gain rate", pair[0])?;
                check_rate("loss rate", pair[1])?;
                rates.push(pair);
            }
            sets.transitions(&rates[first..], &mut table);
            let [gain, loss] = rates[first + sets.root_set];
            root.push(specification.root.frequencies(values.root, gain, loss)?);
        }
        Ok(Self {
            values,
            sets,
            group,
            rates,
            transitions: table,
            root: root.into_iter().collect(),
        })
    }

    /// Returns the mean over categories of the root frequencies of states 0 and 1.
    pub(super) fn mean_root(&self) -> Option<[f64; 2]> {
        let weights = &self.values.categories.weight;
        let root = self.root.as_ref()?;
        Some([0, 1].map(|state| root.iter().zip(weights).map(|(of, weight)| weight * of[state]).sum()))
    }

    /// Returns gain and loss rate of each category on the branches of the root's set.
    pub(super) fn reference_rates(&self) -> impl Iterator<Item = [f64; 2]> + '_ {
        self.rates.chunks(self.sets.sets.len()).map(|of| of[self.sets.root_set])
    }

    fn input<'b>(&'b self, root: &'b [[f64; 2]]) -> SharedInput<'b> {
        SharedInput {
            transitions: &self.transitions,
            root,
            weights: &self.values.categories.weight,
            tips: self.values.tips.as_deref(),
        }
    }

    /// Returns the log-likelihood of each pattern, not conditioned.
    pub(super) fn log_likelihoods(
        &self,
        kernel: &Kernel,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, ModelError> {
        match &self.root {
            Some(root) => Ok(kernel.log_likelihoods(self.input(root), workers, monitor)?),
            None => {
                let [absent, present] = self.given_root(kernel, workers, monitor)?;
                Ok(absent
                    .iter()
                    .zip(&present)
                    .map(|(&l0, &l1)| by_own_data(l0, l1).0)
                    .collect())
            }
        }
    }

    /// Returns the log-likelihood of each pattern in each category, `[n_categories][n_patterns]`.
    pub(super) fn of_categories(
        &self,
        kernel: &Kernel,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f64>>, ModelError> {
        let n_nodes = self.sets.n_nodes;
        let alone = |category: usize, root: [f64; 2]| {
            let input = SharedInput {
                transitions: &self.transitions[category * n_nodes..(category + 1) * n_nodes],
                root: &[root],
                weights: &[1.0],
                tips: self.values.tips.as_deref(),
            };
            kernel.log_likelihoods(input, workers, monitor)
        };
        let all = 0..self.values.categories.n_categories();
        if let Some(root) = &self.root {
            return all.map(|category| Ok(alone(category, root[category])?)).collect();
        }
        let given: [Vec<Vec<f64>>; 2] = [
            all.clone()
                .map(|category| alone(category, [1.0, 0.0]))
                .collect::<Result<_, _>>()?,
            all.map(|category| alone(category, [0.0, 1.0]))
                .collect::<Result<_, _>>()?,
        ];
        Ok(weighed_over_mixture(&given, &self.values.categories.weight))
    }

    fn given_root(&self, kernel: &Kernel, workers: &Workers, monitor: &Monitor) -> Result<[Vec<f64>; 2], ModelError> {
        let n_categories = self.values.categories.n_categories();
        let of = |root: [f64; 2]| kernel.log_likelihoods(self.input(&vec![root; n_categories]), workers, monitor);
        Ok([of([1.0, 0.0])?, of([0.0, 1.0])?])
    }

    /// Returns the log-likelihood of each pattern and the derivatives of their weighted sum with respect to the
    /// kernel's inputs.
    pub(super) fn vector_jacobian(
        &self,
        kernel: &Kernel,
        weights: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<(Vec<f64>, SharedAdjoint), ModelError> {
        if let Some(root) = &self.root {
            return Ok(kernel.vector_jacobian(self.input(root), weights, workers, monitor)?);
        }
        let n_categories = self.values.categories.n_categories();
        let [absent, present] = self.given_root(kernel, workers, monitor)?;
        let mixed: Vec<(f64, [f64; 2])> = absent
            .iter()
            .zip(&present)
            .map(|(&l0, &l1)| by_own_data(l0, l1))
            .collect();
        let mut total: Option<SharedAdjoint> = None;
        for (state, root) in [[1.0, 0.0], [0.0, 1.0]].into_iter().enumerate() {
            let cotangent: Vec<f64> = mixed
                .iter()
                .zip(weights)
                .map(|((_, by), weight)| weight * by[state])
                .collect();
            let root = vec![root; n_categories];
            let (_, adjoint) = kernel.vector_jacobian(self.input(&root), &cotangent, workers, monitor)?;
            match &mut total {
                None => total = Some(adjoint),
                Some(total) => total.add(&adjoint),
            }
        }
        let values = mixed.into_iter().map(|(value, _)| value).collect();
        Ok((values, total.unwrap_or_default()))
    }

    /// Returns the log of the probability that a family of this group is recorded, with each category's part in it;
    /// `None` where every family is.
    pub(super) fn recorded(&self, specification: &Specification, tree: &Tree) -> Option<RecordedMixture> {
        let root = self.root.as_ref()?;
        let n_nodes = self.sets.n_nodes;
        let of_category: Vec<Recorded> = root
            .iter()
            .zip(self.transitions.chunks(n_nodes))
            .map(|(&root, table)| {
                let tips = self.values.tips.as_deref();
                let mut recorded = specification.ascertainment.recorded(tree, &plain(table), root, tips)?;
                for (slopes, entries) in recorded.transitions.iter_mut().zip(table) {
                    *slopes = by_entries(*slopes, entries.map(|entry| entry < 0.0), |_| f64::NAN);
                }
                Some(recorded)
            })
            .collect::<Option<_>>()?;
        Some(RecordedMixture::new(of_category, &self.values.categories.weight))
    }

    /// Adds to `sink` the derivatives with respect to what all groups share, given those with respect to the
    /// kernel's inputs.
    pub(super) fn pull_back(
        &self,
        specification: &Specification,
        adjoint: &SharedAdjoint,
        sink: &mut SharedDerivatives,
    ) {
        let (n_sets, n_nodes) = (self.sets.sets.len(), self.sets.n_nodes);
        let mut by_set = vec![[0.0; 2]; n_sets];
        for (category, rates) in self.rates.chunks(n_sets).enumerate() {
            let entries = &adjoint.transitions[category * n_nodes..(category + 1) * n_nodes];
            let mut by_rate = self.sets.pull_back(rates, entries);
            if self.root.is_some() {
                let [gain, loss] = rates[self.sets.root_set];
                let (own, by_root) = specification
                    .root
                    .pull_back(self.values.root, gain, loss, adjoint.root[category]);
                by_rate[self.sets.root_set][0] += own[0];
                by_rate[self.sets.root_set][1] += own[1];
                add(&mut sink.root, &by_root);
            }
            for (set, (by_rate, rates)) in by_rate.iter().zip(rates).enumerate() {
                let [by_gain, by_loss] = [0, 1].map(|i| if rates[i] == 0.0 { 0.0 } else { rates[i] * by_rate[i] });
                sink.categories.log_gain[category] += by_gain;
                sink.categories.log_loss[category] += by_loss;
                by_set[set][0] += by_gain;
                by_set[set][1] += by_loss;
            }
        }
        for (set, shifts) in by_set.into_iter().enumerate() {
            specification
                .effects
                .pull_back(self.group, set, shifts, &mut sink.effects);
        }
        add(&mut sink.categories.weight, &adjoint.weights);
        add(sink.tips.as_flattened_mut(), adjoint.tips.as_flattened());
    }
}

/// The probability of being recorded under a mixture of rate categories.
pub(super) struct RecordedMixture {
    /// Natural log.
    pub(super) log_probability: f64,
    of_category: Vec<Recorded>,
    /// Derivative of the log-probability with respect to each category's log-probability.
    share: Vec<f64>,
    weights: Vec<f64>,
}

impl RecordedMixture {
    fn new(of_category: Vec<Recorded>, weights: &[f64]) -> Self {
        let terms: Vec<f64> = of_category
            .iter()
            .zip(weights)
            .map(|(recorded, weight)| weight.ln() + recorded.log_probability)
            .collect();
        let log_probability = log_sum_exp(&terms);
        Self {
            log_probability,
            share: terms.iter().map(|term| (term - log_probability).exp()).collect(),
            of_category,
            weights: weights.to_vec(),
        }
    }

    /// Subtracts `n_families` times the derivatives of the log-probability.
    pub(super) fn subtract(&self, n_families: f64, adjoint: &mut SharedAdjoint) {
        let n_nodes = adjoint.transitions.len() / self.weights.len();
        for (category, recorded) in self.of_category.iter().enumerate() {
            let factor = -n_families * self.share[category];
            let entries = &mut adjoint.transitions[category * n_nodes..(category + 1) * n_nodes];
            add_scaled(entries.as_flattened_mut(), factor, recorded.transitions.as_flattened());
            add_scaled(&mut adjoint.root[category], factor, &recorded.root);
            add_scaled(adjoint.tips.as_flattened_mut(), factor, recorded.tips.as_flattened());
            if self.weights[category] > 0.0 {
                adjoint.weights[category] += factor / self.weights[category];
            }
        }
    }
}

fn add(total: &mut [f64], part: &[f64]) {
    add_scaled(total, 1.0, part);
}

fn add_scaled(total: &mut [f64], factor: f64, part: &[f64]) {
    for (sum, entry) in total.iter_mut().zip(part) {
        *sum += factor * entry;
    }
}
