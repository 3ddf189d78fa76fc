//! Values and joint posteriors of the kernel against enumeration, references, limits and each other.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/setting.rs"]
mod setting;

use common::{Random, names, problem, random_cells, shared, tree, workers};
use persiste_rust::kernel::{Kernel, LaneInput, PosteriorBlock, SharedInput, Transition, transition};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;
use setting::{Setting, close};

/// Checks one block against enumeration and returns how many of its patterns can arise.
fn check(setting: &Setting, block: &PosteriorBlock) -> usize {
    let n_nodes = setting.problem.tree().n_nodes();
    let n_categories = setting.weights.len();
    let mut n_possible = 0;
    for (lane, pattern) in block.patterns().enumerate() {
        let (total, joint) = setting.enumerate(pattern);
        let found = block.log_likelihoods()[lane];
        assert!(
            close(found, total.ln(), 1e-12),
            "pattern {pattern}: {found} {}",
            total.ln()
        );
        let entries = |category: usize, node: usize| block.branch(category, node).map(|row| row[lane]);
        if total == 0.0 {
            let first = entries(0, 0)
                .into_iter()
                .chain([block.category(n_categories - 1)[lane]]);
            assert!(first.chain(block.root(0).map(|row| row[lane])).all(f64::is_nan));
            continue;
        }
        n_possible += 1;
        for category in 0..n_categories {
            let mut share = 0.0;
            for node in 0..n_nodes {
                let expected = joint[category * n_nodes + node].map(|entry| entry / total);
                for (found, expected) in entries(category, node).into_iter().zip(expected) {
                    assert!(close(found, expected, 1e-12), "node {node}: {found} {expected}");
                }
                share = expected.iter().sum();
            }
            assert!(close(block.category(category)[lane], share, 1e-12));
            let [absent, present] = block.root(category).map(|row| row[lane]);
            assert!(close(absent + present, share, 1e-12));
        }
    }
    n_possible
}

#[test]
fn values_and_posteriors_with_rates_for_each_pattern_match_enumeration() {
    let (mut random, monitor, mut n_possible) = (Random(31), Monitor::new(), 0);
    for round in 0..200 {
        let setting = Setting::draw(&mut random, false);
        let kernel = Kernel::new(setting.problem.clone());
        let blocks = kernel.lane_branch_posteriors(setting.input(), &workers(1), &monitor, PosteriorBlock::clone);
        let blocks = blocks.unwrap();
        n_possible += blocks.iter().map(|block| check(&setting, block)).sum::<usize>();
        let values = kernel
            .lane_log_likelihoods(setting.input(), &workers(1), &monitor)
            .unwrap();
        let of_blocks = blocks.iter().flat_map(PosteriorBlock::log_likelihoods);
        assert_eq!(values.len(), blocks.last().unwrap().patterns().end);
        for (value, of_block) in values.iter().zip(of_blocks) {
            assert!(close(*value, *of_block, 1e-13), "round {round}: {value} {of_block}");
        }
    }
    assert!(
        n_possible > 500,
        "too few possible patterns to prove anything: {n_possible}"
    );
}

#[test]
fn values_and_posteriors_with_shared_rates_match_enumeration() {
    let (mut random, monitor, mut n_possible) = (Random(32), Monitor::new(), 0);
    for round in 0..200 {
        let setting = Setting::draw(&mut random, true);
        let (table, root) = setting.shared();
        let input = SharedInput {
            transitions: &table,
            root: &root,
            weights: &setting.weights,
            tips: setting.tips.as_deref(),
        };
        let kernel = Kernel::with_classes(setting.problem.clone(), &workers(1));
        let blocks = kernel
            .branch_posteriors(input, &workers(1), &monitor, PosteriorBlock::clone)
            .unwrap();
        n_possible += blocks.iter().map(|block| check(&setting, block)).sum::<usize>();
        let of_classes = kernel.log_likelihoods(input, &workers(1), &monitor).unwrap();
        let of_blocks = Kernel::new(setting.problem.clone())
            .log_likelihoods(input, &workers(1), &monitor)
            .unwrap();
        let of_posteriors = blocks.iter().flat_map(PosteriorBlock::log_likelihoods);
        for ((value, of_block), of_posterior) in of_classes.iter().zip(&of_blocks).zip(of_posteriors) {
            assert!(close(*value, *of_block, 1e-13), "round {round}: {value} {of_block}");
            assert!(
                close(*value, *of_posterior, 1e-13),
                "round {round}: {value} {of_posterior}"
            );
        }
    }
    assert!(
        n_possible > 500,
        "too few possible patterns to prove anything: {n_possible}"
    );
}

/// The table of one category.
fn table(tree: &Tree, gain: f64, loss: f64) -> Vec<Transition> {
    let mut table: Vec<_> = tree
        .branch_lengths()
        .iter()
        .map(|&length| transition(gain, loss, length))
        .collect();
    *table.last_mut().unwrap() = [1.0, 0.0, 0.0, 1.0];
    table
}

#[test]
fn marginals_and_end_states_of_branches_are_those_of_the_reference() {
    let mut n_checked = 0;
    for case in [
        "c04_t4_stationary",
        "c05_t4_flat",
        "c13_t5poly_stationary",
        "c23_t50_stationary",
    ] {
        let Some(path) = shared(&format!("reference/extras/ancestral_{case}.json")) else {
            return;
        };
        let reference: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let number = |value: &serde_json::Value| -> f64 { value.as_str().unwrap().parse().unwrap() };
        let tree = tree(reference["newick_labelled"].as_str().unwrap());
        let genomes: Vec<String> = serde_json::from_value(reference["tip_order_of_pattern"].clone()).unwrap();
        let families: Vec<_> = reference["families"].as_object().unwrap().values().collect();
        let cell = |state: char| i8::try_from(state.to_digit(10).unwrap()).unwrap();
        let cells: Vec<Vec<i8>> = families
            .iter()
            .map(|family| family["pattern"].as_str().unwrap().chars().map(cell).collect())
            .collect();
        let problem = problem(&tree, &genomes, &cells).0;
        let (gain, loss) = (number(&reference["gain"]), number(&reference["loss"]));
        let present = if reference["root"] == "flat" {
            0.5
        } else {
            gain / (gain + loss)
        };
        let table = table(&tree, gain, loss);
        let input = SharedInput {
            transitions: &table,
            root: &[[1.0 - present, present]],
            weights: &[1.0],
            tips: None,
        };
        let kernel = Kernel::new(problem.clone());
        let blocks = kernel
            .branch_posteriors(input, &workers(1), &Monitor::new(), PosteriorBlock::clone)
            .unwrap();
        for (family, &pattern) in families.iter().zip(problem.patterns().pattern_of_family()) {
            let block = blocks
                .iter()
                .find(|block| block.patterns().contains(&(pattern as usize)))
                .unwrap();
            let lane = pattern as usize - block.patterns().start;
            for node in 0..tree.n_nodes() {
                let name = tree.names().get(node);
                let [_, gained, lost, kept] = block.branch(0, node).map(|row| row[lane]);
                let expected = number(&family["marginal_p1"][name]);
                assert!(
                    close(gained + kept, expected, 1e-12),
                    "{case} {name}: {} {expected}",
                    gained + kept
                );
                if node != tree.root() {
                    let expected = number(&family["prob_endpoint_gain_per_branch"][name]);
                    assert!(close(gained, expected, 1e-12), "{case} {name}: {gained} {expected}");
                    let expected = number(&family["prob_endpoint_loss_per_branch"][name]);
                    assert!(close(lost, expected, 1e-12), "{case} {name}: {lost} {expected}");
                }
                n_checked += 1;
            }
        }
    }
    assert!(n_checked > 2_000, "{n_checked}");
}

/// The entries of a block that belong to a pattern, category and branch in order.
fn entries(block: &PosteriorBlock, n_categories: usize, n_nodes: usize) -> Vec<Vec<f64>> {
    let of_lane = |lane: usize| {
        let mut all = vec![block.log_likelihoods()[lane]];
        for category in 0..n_categories {
            all.push(block.category(category)[lane]);
            all.extend((0..n_nodes).flat_map(|node| block.branch(category, node).map(|row| row[lane])));
        }
        all
    };
    (0..block.patterns().len()).map(of_lane).collect()
}

/// Posteriors with equal rates for all patterns, by either way, each pattern's entries.
fn both_ways(
    problem: &std::sync::Arc<persiste_rust::problem::Problem>,
    rates: &[(f64, f64)],
    tips: Option<&[[f64; 2]]>,
    threads: usize,
) -> [Vec<Vec<f64>>; 2] {
    let (tree, n, n_categories) = (problem.tree(), problem.patterns().n_patterns(), rates.len());
    let spread = |of: fn(&(f64, f64)) -> f64| rates.iter().flat_map(|pair| vec![of(pair); n]).collect::<Vec<f64>>();
    let (gain, loss, frequencies) = (
        spread(|pair| pair.0),
        spread(|pair| pair.1),
        vec![[0.3, 0.7]; n * n_categories],
    );
    let (set_of_branch, weights) = (vec![0; tree.n_nodes()], vec![1.0 / n_categories as f64; n_categories]);
    let table: Vec<_> = rates.iter().flat_map(|&(gain, loss)| table(tree, gain, loss)).collect();
    let (kernel, workers, monitor) = (Kernel::new(problem.clone()), workers(threads), Monitor::new());
    let visit = |block: &PosteriorBlock| entries(block, n_categories, tree.n_nodes());
    let input = SharedInput {
        transitions: &table,
        root: &frequencies[..n_categories],
        weights: &weights,
        tips,
    };
    let lanes = LaneInput {
        gain: &gain,
        loss: &loss,
        set_of_branch: &set_of_branch,
        n_sets: 1,
        root: &frequencies,
        weights: &weights,
        tips,
    };
    [
        kernel
            .branch_posteriors(input, &workers, &monitor, visit)
            .unwrap()
            .concat(),
        kernel
            .lane_branch_posteriors(lanes, &workers, &monitor, visit)
            .unwrap()
            .concat(),
    ]
}

#[test]
fn both_ways_agree_and_any_number_of_threads_gives_the_same_bits() {
    let mut random = Random(41);
    let tree = tree(&random.newick(150, 0.2, 0.3));
    let problem = problem(&tree, &names(&tree), &random_cells(&mut random, 150, 300, 0.02)).0;
    let tips: Vec<[f64; 2]> = (0..150)
        .map(|_| [0.02 * random.unit(), 1.0 - 0.1 * random.unit()])
        .collect();
    let rates = [(0.4, 0.9), (2.0, 1.0)];
    let results = [1, 2, 3].map(|threads| both_ways(&problem, &rates, Some(&tips), threads));
    // Bit for bit, so compared with ==.
    assert!(results.iter().all(|result| result == &results[0]));
    let [one, other] = &results[0];
    assert_eq!(
        (one.len(), other.len()),
        (problem.patterns().n_patterns(), problem.patterns().n_patterns())
    );
    for (a, b) in one.concat().into_iter().zip(other.concat()) {
        assert!(close(a, b, 1e-12), "{a} {b}");
    }
}

#[test]
fn posteriors_of_large_trees_take_narrow_blocks_and_sum_to_one() {
    let mut random = Random(42);
    let tree = tree(&random.newick(7_000, 0.05, 0.2));
    let problem = problem(&tree, &names(&tree), &random_cells(&mut random, 7_000, 19, 0.01)).0;
    let widths = Kernel::new(problem.clone())
        .branch_posteriors(
            SharedInput {
                transitions: &table(&tree, 0.4, 0.9),
                root: &[[0.3, 0.7]],
                weights: &[1.0],
                tips: None,
            },
            &workers(1),
            &Monitor::new(),
            |block| block.patterns().len(),
        )
        .unwrap();
    assert_eq!(widths, [8, 8, 3]);
    let [one, other] = both_ways(&problem, &[(0.4, 0.9)], None, 2);
    for (of_pattern, others) in one.iter().zip(&other) {
        assert!(of_pattern[0] < -3_000.0, "{}", of_pattern[0]);
        for (a, b) in of_pattern.iter().zip(others) {
            assert!(close(*a, *b, 1e-11), "{a} {b}");
        }
        for branch in of_pattern[2..].chunks(4) {
            let sum: f64 = branch.iter().sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
    }
}

#[test]
fn posteriors_stay_exact_where_states_drift_apart_and_gains_are_below_the_smallest_double() {
    // A star of 3,000 present tips, P(gain) near 1e-320: the likelihood of an absent root is 10^-960,000.
    let tree = tree(&format!(
        "({});",
        vec!["x:1"; 3_000]
            .iter()
            .enumerate()
            .map(|(i, _)| format!("t{i}:1"))
            .collect::<Vec<_>>()
            .join(",")
    ));
    let problem = problem(&tree, &names(&tree), &[vec![1; 3_000]]).0;
    for (present, expected) in [(0.0, [0.0, 1.0, 0.0, 0.0]), (0.5, [0.0, 0.0, 0.0, 1.0])] {
        let table = table(&tree, 1e-320, 0.7);
        let kernel = Kernel::new(problem.clone());
        let input = SharedInput {
            transitions: &table,
            root: &[[1.0 - present, present]],
            weights: &[1.0],
            tips: None,
        };
        let lanes = LaneInput {
            gain: &[1e-320],
            loss: &[0.7],
            set_of_branch: &vec![0; tree.n_nodes()],
            n_sets: 1,
            root: input.root,
            weights: &[1.0],
            tips: None,
        };
        let visit = |block: &PosteriorBlock| {
            assert!(block.log_likelihoods()[0].is_finite());
            [0, 1_500, 2_999].map(|node| block.branch(0, node).map(|row| row[0]))
        };
        let monitor = Monitor::new();
        let of_blocks = kernel.branch_posteriors(input, &workers(1), &monitor, visit).unwrap();
        let of_lanes = kernel
            .lane_branch_posteriors(lanes, &workers(1), &monitor, visit)
            .unwrap();
        for found in of_blocks.concat().into_iter().chain(of_lanes.concat()) {
            for (found, expected) in found.into_iter().zip(expected) {
                assert!(close(found, expected, 1e-12), "{found} {expected}");
            }
        }
    }
}

#[test]
fn a_cancelled_monitor_ends_the_visits() {
    let tree = tree("(A:1,B:1);");
    let problem = problem(&tree, &names(&tree), &[vec![0, 1]]).0;
    let table = table(&tree, 0.4, 0.9);
    let input = SharedInput {
        transitions: &table,
        root: &[[0.5, 0.5]],
        weights: &[1.0],
        tips: None,
    };
    let monitor = Monitor::new();
    monitor.cancel();
    assert!(
        Kernel::new(problem)
            .branch_posteriors(input, &workers(1), &monitor, |_| ())
            .is_err()
    );
}
