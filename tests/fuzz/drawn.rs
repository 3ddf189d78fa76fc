//! What is drawn: trees, cells, rates, root frequencies, categories and records of every kind that users may have.

use crate::common::{Random, names, problem, tree};
use persiste_rust::problem::{Problem, Tree};
use std::sync::Arc;

/// Everything that an evaluation is given.
pub struct Drawn {
    pub problem: Arc<Problem>,
    /// `[n_categories][n_sets][n_patterns]`, equal for all patterns if `is_shared`.
    pub gain: Vec<f64>,
    pub loss: Vec<f64>,
    pub set_of_branch: Vec<u32>,
    pub n_sets: usize,
    /// `[n_categories][n_patterns]`.
    pub root: Vec<[f64; 2]>,
    pub weights: Vec<f64>,
    pub tips: Option<Vec<[f64; 2]>>,
    pub is_shared: bool,
    /// Whether rates and lengths are of usual sizes, as lanes with a table of exponentials need them.
    pub is_tame: bool,
}

impl Drawn {
    pub fn new(random: &mut Random) -> Self {
        let (is_shared, is_tame) = (random.below(2) == 0, random.below(2) == 0);
        let tree = draw_tree(random, is_tame);
        let problem = draw_problem(random, &tree);
        let n = problem.patterns().n_patterns();
        let (n_categories, n_sets) = (1 + random.below(3), 1 + random.below(3));
        let mut rates = || -> Vec<f64> {
            let n_rows = n_categories * n_sets;
            let shared: Vec<f64> = (0..n_rows).map(|_| draw_rate(random, is_tame)).collect();
            let mut value = |index: usize| {
                if is_shared {
                    shared[index / n]
                } else {
                    draw_rate(random, is_tame)
                }
            };
            (0..n_rows * n).map(&mut value).collect()
        };
        let (gain, loss) = (rates(), rates());
        let present: Vec<f64> = (0..n_categories * n)
            .map(|_| [0.0, 1.0, 1e-12, random.unit(), random.unit()][random.below(5)])
            .collect();
        let root = (0..n_categories * n).map(|index| present[if is_shared { index / n * n } else { index }]);
        Self {
            root: root.map(|present| [1.0 - present, present]).collect(),
            set_of_branch: (0..tree.n_nodes()).map(|_| random.below(n_sets) as u32).collect(),
            weights: (0..n_categories).map(|_| 0.1 + random.unit()).collect(),
            tips: (random.below(3) == 0).then(|| draw_records(random, tree.n_tips())),
            problem,
            gain,
            loss,
            n_sets,
            is_shared,
            is_tame,
        }
    }

    pub fn n_patterns(&self) -> usize {
        self.problem.patterns().n_patterns()
    }

    /// Gain and loss of a category on a branch for a pattern.
    pub fn rates(&self, category: usize, node: usize, pattern: usize) -> [f64; 2] {
        let at = (category * self.n_sets + self.set_of_branch[node] as usize) * self.n_patterns() + pattern;
        [self.gain[at], self.loss[at]]
    }

    pub fn root(&self, category: usize, pattern: usize) -> [f64; 2] {
        self.root[category * self.n_patterns() + pattern]
    }
}

fn draw_tree(random: &mut Random, is_tame: bool) -> Tree {
    let n_tips = [1, 2, 3, 5, 12, 30, 60, 130][random.below(8)];
    if n_tips == 1 {
        return tree("t0:1;");
    }
    let odd = [0.0, 0.3, 0.6][random.below(3)];
    let plain = if random.below(8) == 0 {
        let tips: Vec<String> = (0..n_tips).map(|tip| format!("t{tip}:0.1")).collect();
        tree(&format!("({});", tips.join(",")))
    } else {
        tree(&random.newick(n_tips, odd, 0.3))
    };
    let length = |&length: &f64| match random.below(if is_tame { 60 } else { 12 }) {
        0 => 0.0,
        1 => [1e-12, 1e-9][random.below(2)],
        2 => [20.0, 400.0, 2000.0][random.below(3)],
        3 => 1e-3 * length,
        _ => length,
    };
    let lengths = plain.branch_lengths().iter().map(length).collect();
    Tree::new(plain.parents().to_vec(), lengths, plain.names().clone()).unwrap()
}

fn draw_rate(random: &mut Random, is_tame: bool) -> f64 {
    if is_tame {
        return 0.05 + 2.0 * random.unit();
    }
    match random.below(8) {
        0 => 0.0,
        1 => 1e-9,
        2 => 1e3 * random.unit(),
        _ => 10.0_f64.powf(-3.0 + 4.0 * random.unit()),
    }
}

fn draw_problem(random: &mut Random, tree: &Tree) -> Arc<Problem> {
    let n_families = [1, 5, 17, 40, 70][random.below(5)];
    let missing = [0.0, 0.0, 0.1, 0.7][random.below(4)];
    let share = [0.0, 0.02, 0.5, 0.5, 0.98, 1.0][random.below(6)];
    let mut cell = || {
        if random.unit() < missing {
            -1
        } else {
            i8::from(random.unit() < share)
        }
    };
    let cells: Vec<Vec<i8>> = (0..n_families)
        .map(|_| (0..tree.n_tips()).map(|_| cell()).collect())
        .collect();
    problem(tree, &names(tree), &cells).0
}

/// Probabilities of a recorded presence given either state: certain, tiny, likely.
fn draw_records(random: &mut Random, n_tips: usize) -> Vec<[f64; 2]> {
    let tiny = [1e-9, 1e-90, 1e-250][random.below(3)];
    let mut of = |truthful: f64| match random.below(8) {
        0 => 1.0 - truthful,
        1 => tiny,
        2 => random.unit(),
        3..6 => (truthful - 0.1 * random.unit()).abs(),
        _ => truthful,
    };
    (0..n_tips).map(|_| [of(0.0), of(1.0)]).collect()
}
