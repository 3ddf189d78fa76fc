//! The kernel's two ways, subtree classes and blocks, against each other and against pruning in log space.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Random, problem, tree, workers};
use persiste_rust::kernel::{Kernel, SharedAdjoint, SharedInput, Transition, transition};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Problem, Tree};
use std::sync::Arc;

/// Lengths of many magnitudes, zero and huge among them.
fn odd_tree(random: &mut Random, n_tips: usize) -> Tree {
    let plain = tree(&random.newick(n_tips, 0.3, 0.5));
    let lengths = plain.branch_lengths().iter().map(|&length| match random.below(12) {
        0 => 0.0,
        1 => 1e-9,
        2 => 400.0,
        3 => 1e-4 * length,
        _ => length,
    });
    let lengths = lengths.collect();
    Tree::new(plain.parents().to_vec(), lengths, plain.names().clone()).unwrap()
}

fn odd_problem(random: &mut Random, tree: &Tree, n_families: usize) -> Arc<Problem> {
    let missing = [0.0, 0.0, 0.05, 0.6][random.below(4)];
    let share = [0.02, 0.5, 0.98][random.below(3)];
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
    let genomes: Vec<String> = tree.tip_names().map(String::from).collect();
    problem(tree, &genomes, &cells).0
}

/// Probabilities of a recorded presence given either state: none, certain, tiny, likely.
fn recordings(random: &mut Random, n_tips: usize) -> Vec<[f64; 2]> {
    let tiny = [1e-9, 1e-90, 1e-250][random.below(3)];
    let mut of = |truthful: f64, unlikely: f64| match random.below(10) {
        0 => unlikely,
        1 => tiny,
        2 => random.unit(),
        3..6 => (truthful - 0.1 * random.unit()).abs(),
        _ => truthful,
    };
    (0..n_tips).map(|_| [of(0.0, 1.0), of(1.0, 0.0)]).collect()
}

struct Categories {
    table: Vec<Transition>,
    root: Vec<[f64; 2]>,
    weights: Vec<f64>,
    tips: Option<Vec<[f64; 2]>>,
}

impl Categories {
    fn draw(random: &mut Random, tree: &Tree) -> Self {
        let n = 1 + random.below(3);
        let (gain, loss) = (
            [0.0, 1e-7, 0.4, 20.0][random.below(4)],
            [1e-3, 0.9, 60.0][random.below(3)],
        );
        let present = [0.0, 1e-12, 0.3, 1.0][random.below(4)];
        let mut table = Vec::new();
        for category in 0..n {
            let rate = 0.5 + category as f64;
            table.extend(
                tree.branch_lengths()
                    .iter()
                    .map(|&length| transition(gain * rate, loss * rate, length)),
            );
            *table.last_mut().unwrap() = [1.0, 0.0, 0.0, 1.0];
        }
        Self {
            table,
            root: vec![[1.0 - present, present]; n],
            weights: vec![1.0 / n as f64; n],
            tips: (random.below(2) == 0).then(|| recordings(random, tree.n_tips())),
        }
    }

    fn input(&self) -> SharedInput<'_> {
        SharedInput {
            transitions: &self.table,
            root: &self.root,
            weights: &self.weights,
            tips: self.tips.as_deref(),
        }
    }
}

/// Pruning of one pattern in log space, by the definition.
fn log_space(problem: &Problem, categories: &Categories, pattern: usize) -> f64 {
    let add = |a: f64, b: f64| {
        let top = a.max(b);
        if top == f64::NEG_INFINITY {
            top
        } else {
            top + ((a - top).exp() + (b - top).exp()).ln()
        }
    };
    let tree = problem.tree();
    let mut total = f64::NEG_INFINITY;
    for (category, weight) in categories.weights.iter().enumerate() {
        let mut partial = vec![[0.0_f64; 2]; tree.n_nodes()];
        for (tip, &node) in tree.tips().iter().enumerate() {
            let recorded = categories.tips.as_ref().map_or([0.0, 1.0], |tips| tips[tip]);
            partial[node as usize] = match problem.patterns().cell(pattern, tip) {
                0 => recorded.map(|p| (1.0 - p).ln()),
                1 => recorded.map(f64::ln),
                _ => [0.0, 0.0],
            };
        }
        for node in 0..tree.root() {
            let [p00, p01, p10, p11] = categories.table[category * tree.n_nodes() + node].map(f64::ln);
            let [x, y] = partial[node];
            let above = tree.parents()[node] as usize;
            partial[above][0] += add(p00 + x, p01 + y);
            partial[above][1] += add(p10 + x, p11 + y);
        }
        let [x, y] = partial[tree.root()];
        let [absent, present] = categories.root[category].map(f64::ln);
        total = add(total, weight.ln() + add(absent + x, present + y));
    }
    total
}

fn assert_adjoints_agree(round: usize, n_nodes: usize, one: &SharedAdjoint, other: &SharedAdjoint, scale: f64) {
    let entries = |adjoint: &SharedAdjoint| -> Vec<f64> {
        // The root's own entry stands for no branch.
        let nodes = adjoint
            .transitions
            .chunks(n_nodes)
            .flat_map(|nodes| &nodes[..n_nodes - 1]);
        let transitions = nodes.flatten();
        transitions
            .chain(adjoint.root.as_flattened())
            .chain(&adjoint.weights)
            .chain(adjoint.tips.as_flattened())
            .copied()
            .collect()
    };
    for (entry, (a, b)) in entries(one).into_iter().zip(entries(other)).enumerate() {
        // Sums in different orders over the patterns; the entries themselves may be much larger than their sum.
        let close = (a - b).abs() <= 1e-10 * (scale + a.abs());
        assert!(
            close || a == b || (a.is_nan() && b.is_nan()),
            "round {round}, entry {entry}: {a} {b}"
        );
    }
}

#[test]
fn classes_blocks_and_log_space_agree_on_odd_trees_and_tables() {
    let mut random = Random(2026);
    let monitor = Monitor::new();
    let mut n_finite = 0;
    for round in 0..300 {
        let n_tips = [1, 2, 3, 8, 40, 150][random.below(6)];
        let tree = if n_tips == 1 {
            tree("t0:1;")
        } else {
            odd_tree(&mut random, n_tips)
        };
        let n_families = [1, 7, 64, 200][random.below(4)];
        let problem = odd_problem(&mut random, &tree, n_families);
        let categories = Categories::draw(&mut random, &tree);
        let classes = Kernel::with_classes(problem.clone(), &workers(1));
        let blocks = Kernel::new(problem.clone());
        let one = classes
            .log_likelihoods(categories.input(), &workers(1), &monitor)
            .unwrap();
        let other = blocks
            .log_likelihoods(categories.input(), &workers(1), &monitor)
            .unwrap();
        for pattern in 0..one.len() {
            let expected = log_space(&problem, &categories, pattern);
            for value in [one[pattern], other[pattern]] {
                // Log space adds the rounding of a log for each branch.
                let close = (value - expected).abs() <= 1e-11 * expected.abs().max(1.0);
                assert!(
                    close || value == expected,
                    "round {round}, pattern {pattern}: {value} {expected}"
                );
            }
            n_finite += usize::from(expected.is_finite());
        }
        let cotangent: Vec<f64> = one
            .iter()
            .map(|value| if value.is_finite() { random.unit() } else { 0.0 })
            .collect();
        let (values, adjoint) = classes
            .vector_jacobian(categories.input(), &cotangent, &workers(1), &monitor)
            .unwrap();
        for (value, expected) in values.iter().zip(&one) {
            // Where states drift apart both fall back to blocks, which multiply in another order for a gradient.
            let close = (value - expected).abs() <= 1e-13 * expected.abs().max(1.0);
            assert!(close || value == expected, "round {round}: {value} {expected}");
        }
        let (_, expected) = blocks
            .vector_jacobian(categories.input(), &cotangent, &workers(1), &monitor)
            .unwrap();
        assert_adjoints_agree(round, tree.n_nodes(), &adjoint, &expected, cotangent.iter().sum());
    }
    assert!(
        n_finite > 3_000,
        "too few possible patterns to prove anything: {n_finite}"
    );
}

#[test]
fn several_stretches_give_the_bits_of_any_number_of_threads() {
    let mut random = Random(9);
    let tree = tree(&random.newick(60, 0.1, 0.3));
    let problem = odd_problem(&mut random, &tree, 15_000);
    let categories = Categories {
        table: vec![],
        root: vec![[0.4, 0.6]],
        weights: vec![1.0],
        tips: Some(vec![[0.01, 0.97]; tree.n_tips()]),
    };
    let mut table: Vec<Transition> = tree
        .branch_lengths()
        .iter()
        .map(|&length| transition(0.4, 0.9, length.max(0.01)))
        .collect();
    *table.last_mut().unwrap() = [1.0, 0.0, 0.0, 1.0];
    let categories = Categories { table, ..categories };
    let monitor = Monitor::new();
    let weights = problem.patterns().weights().to_vec();
    let results: Vec<_> = [1, 2, 5]
        .map(|threads| {
            let kernel = Kernel::with_classes(problem.clone(), &workers(threads));
            let values = kernel
                .log_likelihoods(categories.input(), &workers(threads), &monitor)
                .unwrap();
            (
                values,
                kernel
                    .vector_jacobian(categories.input(), &weights, &workers(threads), &monitor)
                    .unwrap(),
            )
        })
        .into();
    assert!(problem.patterns().n_patterns() > 10_000);
    // Bit for bit, so compared with ==.
    assert!(results.iter().all(|result| result == &results[0]));
    let expected = log_space(&problem, &categories, 7_000);
    assert!((results[0].0[7_000] / expected - 1.0).abs() < 1e-12);
}
