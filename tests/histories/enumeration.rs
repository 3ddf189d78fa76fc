//! Histories by enumeration: all states of all nodes, and events given the ends of a branch by matrix exponentials.

use persiste_rust::model::{GeneContentModel, RootPrior};
use persiste_rust::problem::Tree;

/// `exp(matrix)`, n x n in rows, by a Taylor series of a 2^-30 part of it that is squared 30 times.
fn exponential(matrix: &[f64], n: usize) -> Vec<f64> {
    let identity: Vec<f64> = (0..n * n).map(|at| f64::from(at / n == at % n)).collect();
    let product = |a: &[f64], b: &[f64]| -> Vec<f64> {
        let entry = |at: usize| (0..n).map(|k| a[at / n * n + k] * b[k * n + at % n]).sum();
        (0..n * n).map(entry).collect()
    };
    // Squaring loses no digits of exp(A) - 1 if that is what is squared: (1 + E)^2 - 1 = 2 E + E^2.
    let small: Vec<f64> = matrix.iter().map(|value| value / f64::from(1 << 10)).collect();
    let (mut excess, mut term) = (vec![0.0; n * n], identity.clone());
    for k in 1..=18 {
        term = product(&term, &small)
            .iter()
            .map(|value| value / f64::from(k))
            .collect();
        excess.iter_mut().zip(&term).for_each(|(sum, value)| *sum += value);
    }
    for _ in 0..10 {
        let square = product(&excess, &excess);
        excess = excess
            .iter()
            .zip(square)
            .map(|(one, square)| 2.0 * one + square)
            .collect();
    }
    excess.iter().zip(identity).map(|(excess, one)| excess + one).collect()
}

/// Of a branch, for each pair of ends at 2 i + j: its probability, the expected numbers of gains and losses and the
/// probabilities of at least one, and the share of the length in state 1, the expected squares of the numbers, all
/// but the first times the first.
pub struct Branch {
    pub transition: [f64; 4],
    pub gains: [f64; 4],
    pub losses: [f64; 4],
    pub gained: [f64; 4],
    pub lost: [f64; 4],
    pub time_present: [f64; 4],
    pub squared_gains: [f64; 4],
    pub squared_losses: [f64; 4],
}

pub fn branch(gain: f64, loss: f64, length: f64) -> Branch {
    let (g, l) = (gain * length, loss * length);
    // Van Loan 1978: the upper right block of exp([[Q, G], [0, Q]]) is the integral of exp(Q s) G exp(Q (1 - s)).
    let numbers = |to_present: f64, to_absent: f64, present: f64| -> [f64; 4] {
        let matrix = [
            [-g, g, 0.0, to_present],
            [l, -l, to_absent, present],
            [0.0, 0.0, -g, g],
            [0.0, 0.0, l, -l],
        ];
        let found = exponential(matrix.as_flattened(), 4);
        [found[2], found[3], found[6], found[7]]
    };
    // The upper right block of exp([[Q, G, 0], [0, Q, G], [0, 0, Q]]), twice, counts ordered pairs; each event once more.
    let squares = |to_present: f64, to_absent: f64| -> [f64; 4] {
        let matrix = [
            [-g, g, 0.0, to_present, 0.0, 0.0],
            [l, -l, to_absent, 0.0, 0.0, 0.0],
            [0.0, 0.0, -g, g, 0.0, to_present],
            [0.0, 0.0, l, -l, to_absent, 0.0],
            [0.0, 0.0, 0.0, 0.0, -g, g],
            [0.0, 0.0, 0.0, 0.0, l, -l],
        ];
        let found = exponential(matrix.as_flattened(), 6);
        let once = numbers(to_present, to_absent, 0.0);
        [0, 1, 2, 3].map(|ends| 2.0 * found[6 * (ends / 2) + 4 + ends % 2] + once[ends])
    };
    let two = |matrix: [f64; 4]| -> [f64; 4] { exponential(&matrix, 2).try_into().unwrap() };
    let transition = two([-g, g, l, -l]);
    let without = |avoided: [f64; 4]| [0, 1, 2, 3].map(|ends| transition[ends] - avoided[ends]);
    Branch {
        transition,
        gains: numbers(g, 0.0, 0.0),
        losses: numbers(0.0, l, 0.0),
        gained: without(two([-g, 0.0, l, -l])),
        lost: without(two([-g, g, 0.0, -l])),
        time_present: numbers(0.0, 0.0, 1.0),
        squared_gains: squares(g, 0.0),
        squared_losses: squares(0.0, l),
    }
}

/// What a family is expected to show at each node, `[n_nodes]`.
pub struct Expected {
    pub likelihood: f64,
    pub presence: Vec<f64>,
    pub gains: Vec<f64>,
    pub losses: Vec<f64>,
    pub gained: Vec<f64>,
    pub lost: Vec<f64>,
    /// Share of the branch.
    pub time_present: Vec<f64>,
    pub squared_gains: Vec<f64>,
    pub squared_losses: Vec<f64>,
    /// Greatest weight times probability of category, states and data together.
    pub best: f64,
}

/// A model's own numbers, taken apart.
pub struct Plain<'a> {
    pub tree: &'a Tree,
    pub model: &'a GeneContentModel,
    pub parameters: &'a [f64],
}

impl Plain<'_> {
    fn split(&self) -> [&[f64]; 4] {
        let specification = self.model.specification();
        let (of_rates, rest) = self.parameters.split_at(specification.rates.parameters().len());
        let (of_effects, rest) = rest.split_at(specification.effects.parameters().len());
        let (of_root, of_tips) = rest.split_at(specification.root.parameters().len());
        [of_rates, of_effects, of_root, of_tips]
    }

    pub fn weights(&self) -> Vec<f64> {
        self.model.specification().rates.categories(self.split()[0]).weight
    }

    fn rates(&self, group: usize, category: usize, node: usize) -> [f64; 2] {
        let [of_rates, of_effects, ..] = self.split();
        let specification = self.model.specification();
        let categories = specification.rates.categories(of_rates);
        let set = specification.effects.set_of_node()[node] as usize;
        let [gain, loss] = specification.effects.shifts(group, set, of_effects);
        [
            (categories.log_gain[category] + gain).exp(),
            (categories.log_loss[category] + loss).exp(),
        ]
    }

    fn branches(&self, group: usize, category: usize) -> Vec<Branch> {
        let of_node = |node: usize| {
            let [gain, loss] = self.rates(group, category, node);
            branch(gain, loss, self.tree.branch_lengths()[node])
        };
        (0..self.tree.root()).map(of_node).collect()
    }

    /// P(present) at the root in a category, where the data have no say in it.
    fn root(&self, group: usize, category: usize) -> Option<f64> {
        let [gain, loss] = self.rates(group, category, self.tree.root());
        Some(match self.model.specification().root {
            RootPrior::Stationary => gain / (gain + loss),
            RootPrior::Equal => 0.5,
            RootPrior::Absent => 0.0,
            RootPrior::Present => 1.0,
            RootPrior::Fixed(present) => present,
            RootPrior::Estimated => 1.0 / (1.0 + (-self.split()[2][0]).exp()),
            RootPrior::FitzJohn => return None,
        })
    }

    /// P(cells and these states | root state) in a category; `states` has a bit a node.
    pub fn term(&self, branches: &[Branch], cells: &[i8], states: usize) -> f64 {
        let table = self.model.specification().observation.table(self.split()[3]);
        let state = |node: usize| (states >> node) & 1;
        let mut term = 1.0;
        for (node, branch) in branches.iter().enumerate() {
            term *= branch.transition[2 * state(self.tree.parents()[node] as usize) + state(node)];
        }
        for (position, &tip) in self.tree.tips().iter().enumerate() {
            let present = table.as_ref().map_or([0.0, 1.0], |table| table[position])[state(tip as usize)];
            term *= match cells[position] {
                0 => 1.0 - present,
                1 => present,
                _ => 1.0,
            };
        }
        term
    }

    pub fn expected(&self, group: usize, cells: &[i8]) -> Expected {
        let (n, weights) = (self.tree.n_nodes(), self.weights());
        let of_category = |category| self.branches(group, category);
        let branches: Vec<Vec<Branch>> = (0..weights.len()).map(of_category).collect();
        let at_root = |states: usize| (states >> (n - 1)) & 1;
        let mut given_root = [0.0; 2];
        for (branches, weight) in branches.iter().zip(&weights) {
            for states in 0..1_usize << n {
                given_root[at_root(states)] += weight * self.term(branches, cells, states);
            }
        }
        let by_own_data = given_root[1] / (given_root[0] + given_root[1]);
        let zeros = || vec![0.0; n];
        let mut sums: [Vec<f64>; 8] = std::array::from_fn(|_| zeros());
        let (mut likelihood, mut best) = (0.0, 0.0_f64);
        for (category, (branches, weight)) in branches.iter().zip(&weights).enumerate() {
            let present = self.root(group, category).unwrap_or(by_own_data);
            for states in 0..1_usize << n {
                let frequency = [1.0 - present, present][at_root(states)];
                let term = weight * frequency * self.term(branches, cells, states);
                if term == 0.0 {
                    continue;
                }
                likelihood += term;
                best = best.max(term);
                for (node, sum) in sums[0].iter_mut().enumerate() {
                    *sum += term * ((states >> node) & 1) as f64;
                }
                for (node, branch) in branches.iter().enumerate() {
                    let above = (states >> self.tree.parents()[node]) & 1;
                    let ends = 2 * above + ((states >> node) & 1);
                    let of_branch = [
                        &branch.gains,
                        &branch.losses,
                        &branch.gained,
                        &branch.lost,
                        &branch.time_present,
                        &branch.squared_gains,
                        &branch.squared_losses,
                    ];
                    for (sum, joint) in sums[1..].iter_mut().zip(of_branch) {
                        sum[node] += term * joint[ends] / branch.transition[ends];
                    }
                }
            }
        }
        let [
            presence,
            gains,
            losses,
            gained,
            lost,
            time_present,
            squared_gains,
            squared_losses,
        ] = sums.map(|sum| sum.into_iter().map(|value| value / likelihood).collect());
        Expected {
            likelihood,
            presence,
            gains,
            losses,
            gained,
            lost,
            time_present,
            squared_gains,
            squared_losses,
            best,
        }
    }

    /// Weight times probability of one category, given states (a bit a node) and the data.
    pub fn of_history(&self, group: usize, cells: &[i8], category: usize, states: usize) -> f64 {
        let branches = self.branches(group, category);
        let present = self.root(group, category).unwrap_or(f64::NAN);
        let frequency = [1.0 - present, present][(states >> (self.tree.n_nodes() - 1)) & 1];
        self.weights()[category] * frequency * self.term(&branches, cells, states)
    }
}
