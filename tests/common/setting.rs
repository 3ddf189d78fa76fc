//! Small problems with everything that can differ, and enumeration of all states.
#![allow(dead_code, unreachable_pub)]

use crate::common::{Random, names, problem, random_cells, tree};
use persiste_rust::kernel::{LaneInput, Transition, transition};
use persiste_rust::problem::Problem;
use std::sync::Arc;

/// Rates, frequencies and tips that differ in everything that can differ.
#[derive(Clone)]
pub struct Setting {
    pub problem: Arc<Problem>,
    /// `[n_categories][n_sets][n_patterns]`.
    pub gain: Vec<f64>,
    pub loss: Vec<f64>,
    pub set_of_branch: Vec<u32>,
    pub n_sets: usize,
    /// `[n_categories][n_patterns]`.
    pub root: Vec<[f64; 2]>,
    pub weights: Vec<f64>,
    pub tips: Option<Vec<[f64; 2]>>,
}

impl Setting {
    pub fn draw(random: &mut Random, is_shared: bool) -> Self {
        let n_tips = 2 + random.below(5);
        let tree = loop {
            let tree = tree(&random.newick(n_tips, 0.5, 0.7));
            if tree.n_nodes() <= 12 {
                break tree;
            }
        };
        let missing = [0.0, 0.3][random.below(2)];
        let cells = random_cells(random, n_tips, 12, missing);
        let problem = problem(&tree, &names(&tree), &cells).0;
        let (n_categories, n_sets, n) = (
            1 + random.below(3),
            1 + random.below(3),
            problem.patterns().n_patterns(),
        );
        let mut rates = |scale: f64| -> Vec<f64> {
            let own = |random: &mut Random| match random.below(8) {
                0 => 0.0,
                1 => 1e-9,
                _ => scale * (0.1 + random.unit()),
            };
            let rows = n_categories * n_sets;
            let shared: Vec<f64> = (0..rows).map(|_| own(random)).collect();
            let value = |index: usize, random: &mut Random| if is_shared { shared[index / n] } else { own(random) };
            (0..rows * n).map(|index| value(index, random)).collect()
        };
        let (gain, loss) = (rates(1.0), rates(2.0));
        let present: Vec<f64> = (0..n_categories * n)
            .map(|_| [0.0, random.unit(), 1.0][random.below(3)])
            .collect();
        let of_root = |index: usize| present[if is_shared { index / n * n } else { index }];
        let certain = [[0.0, 1.0], [0.0, 0.9], [0.05, 1.0], [1.0, 0.0], [1e-40, 1.0 - 1e-9]];
        let mut recording = || match random.below(2) {
            0 => certain[random.below(5)],
            _ => [0.3 * random.unit(), 1.0 - 0.3 * random.unit()],
        };
        let tips: Vec<[f64; 2]> = (0..n_tips).map(|_| recording()).collect();
        Self {
            set_of_branch: (0..tree.n_nodes())
                .map(|node| {
                    if node == tree.root() {
                        u32::MAX
                    } else {
                        random.below(n_sets) as u32
                    }
                })
                .collect(),
            gain,
            loss,
            n_sets,
            root: (0..n_categories * n)
                .map(|index| [1.0 - of_root(index), of_root(index)])
                .collect(),
            weights: (0..n_categories).map(|_| 0.1 + random.unit()).collect(),
            tips: (random.below(3) > 0).then_some(tips),
            problem,
        }
    }

    pub fn input(&self) -> LaneInput<'_> {
        LaneInput {
            gain: &self.gain,
            loss: &self.loss,
            set_of_branch: &self.set_of_branch,
            n_sets: self.n_sets,
            root: &self.root,
            weights: &self.weights,
            tips: self.tips.as_deref(),
        }
    }

    pub fn n_patterns(&self) -> usize {
        self.problem.patterns().n_patterns()
    }

    /// The table and root frequencies of shared rates, those of the first pattern.
    pub fn shared(&self) -> (Vec<Transition>, Vec<[f64; 2]>) {
        let n_categories = self.weights.len();
        let table = (0..n_categories).flat_map(|category| self.table(category, 0, transition));
        let root = (0..n_categories).map(|category| self.root[category * self.n_patterns()]);
        (table.collect(), root.collect())
    }

    pub fn table(&self, category: usize, pattern: usize, of: fn(f64, f64, f64) -> Transition) -> Vec<Transition> {
        let tree = self.problem.tree();
        let branch = |(node, &length): (usize, &f64)| {
            if node == tree.root() {
                return [1.0, 0.0, 0.0, 1.0];
            }
            let set = self.set_of_branch[node] as usize;
            let rates = (category * self.n_sets + set) * self.n_patterns() + pattern;
            of(self.gain[rates], self.loss[rates], length)
        };
        tree.branch_lengths().iter().enumerate().map(branch).collect()
    }

    /// The likelihood of a pattern and its joint posteriors `[n_categories][n_nodes][4]`, times the likelihood.
    pub fn enumerate(&self, pattern: usize) -> (f64, Vec<[f64; 4]>) {
        let tree = self.problem.tree();
        let (n_nodes, n_categories) = (tree.n_nodes(), self.weights.len());
        let mut joint = vec![[0.0; 4]; n_categories * n_nodes];
        let mut total = 0.0;
        for category in 0..n_categories {
            let table = self.table(category, pattern, plain_transition);
            let root = self.root[category * self.n_patterns() + pattern];
            for states in 0_usize..1 << n_nodes {
                let state = |node: usize| (states >> node) & 1;
                let mut probability = self.weights[category] * root[state(tree.root())];
                for node in 0..tree.root() {
                    probability *= table[node][2 * state(tree.parents()[node] as usize) + state(node)];
                }
                for (tip, &node) in tree.tips().iter().enumerate() {
                    let recorded = self.tips.as_ref().map_or([0.0, 1.0], |tips| tips[tip])[state(node as usize)];
                    probability *= match self.problem.patterns().cell(pattern, tip) {
                        0 => 1.0 - recorded,
                        1 => recorded,
                        _ => 1.0,
                    };
                }
                total += probability;
                for node in 0..n_nodes {
                    let above = if node == tree.root() {
                        node
                    } else {
                        tree.parents()[node] as usize
                    };
                    joint[category * n_nodes + node][2 * state(above) + state(node)] += probability;
                }
            }
        }
        (total, joint)
    }
}

/// The textbook formula with the C library's functions.
pub fn plain_transition(gain: f64, loss: f64, length: f64) -> Transition {
    let rate = gain + loss;
    if rate == 0.0 {
        return [1.0, 0.0, 0.0, 1.0];
    }
    let changed = -(-rate * length).exp_m1() / rate;
    let kept = (-rate * length).exp();
    [
        loss * changed + kept,
        gain * changed,
        loss * changed,
        gain * changed + kept,
    ]
}

pub fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    found == expected || expected.is_finite() && (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}
