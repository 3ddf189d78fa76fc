//! Subtree classes of tables with few presences, with missing cells and without, against blocks of lanes, which share no
//! code with them above the transition table.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Random, tree, workers};
use persiste_rust::kernel::{Kernel, SharedInput, Transition, transition};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Listing, Names, Patterns, PresenceLists, Problem};
use std::sync::Arc;

/// Draws a table of so many listed cells in a thousand, of which one in `missing` is not known.
fn problem(n_tips: usize, n_families: usize, listed: f64, missing: usize, odd: f64) -> Arc<Problem> {
    let mut random = Random(n_tips as u64 + missing as u64);
    let tree = tree(&random.newick(n_tips, odd, 0.1));
    let (mut families, mut genomes, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for family in 0..n_families as i64 {
        // From one in ten times to twice as many as asked for, so that some joins are sparse and some are not.
        let share = listed / 1000.0 * if family % 3 == 0 { 0.1 } else { 2.0 * random.unit() };
        for genome in 0..n_tips as i64 {
            if random.unit() < share {
                families.push(family);
                genomes.push(genome);
                unknown.push(missing > 0 && random.below(missing) == 0);
            }
        }
    }
    let names: Names = (0..n_families).map(|family| format!("f{family}")).collect();
    let tips = tree.tip_names().map(String::from).collect();
    let listing = |entry: usize| {
        if unknown[entry] {
            Listing::Missing
        } else {
            Listing::Present
        }
    };
    let lists = PresenceLists::from_numbers(tips, names, &families, &genomes, listing).unwrap();
    let columns: Vec<u32> = (0..n_tips as u32).collect();
    let patterns = Patterns::distinct_lists(&lists, &columns);
    Arc::new(Problem::new(tree, patterns))
}

fn check(problem: &Arc<Problem>) {
    let (workers, monitor) = (workers(1), Monitor::new());
    let of_length = |&length: &f64| transition(0.05, 1.0, length);
    let mut transitions: Vec<Transition> = problem.tree().branch_lengths().iter().map(of_length).collect();
    transitions[problem.tree().root()] = [1.0, 0.0, 0.0, 1.0];
    let input = SharedInput {
        transitions: &transitions,
        root: &[[0.9, 0.1]],
        weights: &[1.0],
        tips: None,
    };
    let kernels = [
        Kernel::with_classes(problem.clone(), &workers),
        Kernel::new(problem.clone()),
    ];
    let [by_class, by_block] = kernels
        .each_ref()
        .map(|kernel| kernel.log_likelihoods(input, &workers, &monitor).unwrap());
    for (found, expected) in by_class.iter().zip(&by_block) {
        // Sums of some hundred terms in another order.
        assert!(
            found == expected || (found - expected).abs() <= 1e-12 * expected.abs(),
            "{found} {expected}"
        );
    }
    // A pattern that cannot arise has no derivative, so it gets no weight.
    let cotangent: Vec<f64> = by_block
        .iter()
        .map(|value| f64::from(u8::from(value.is_finite())))
        .collect();
    let [by_class, by_block] = kernels.each_ref().map(|kernel| {
        let (_, adjoint) = kernel.vector_jacobian(input, &cotangent, &workers, &monitor).unwrap();
        adjoint.transitions
    });
    let root = problem.tree().root();
    for (found, expected) in by_class[..root]
        .as_flattened()
        .iter()
        .zip(by_block[..root].as_flattened())
    {
        let close = (found - expected).abs() <= 1e-9 * (cotangent.len() as f64 + expected.abs());
        assert!(close, "{found} {expected}");
    }
}

#[test]
fn classes_of_few_presences_are_those_of_blocks() {
    check(&problem(300, 2_500, 5.0, 0, 0.0));
    check(&problem(300, 2_500, 20.0, 4, 0.3));
}

#[test]
fn classes_of_tables_between_sparse_and_dense_are_those_of_blocks() {
    for listed in [60.0, 120.0, 250.0, 500.0] {
        check(&problem(120, 1_500, listed, 0, 0.1));
        check(&problem(120, 1_500, listed, 10, 0.1));
    }
}

#[test]
fn tables_of_a_few_families_and_of_none_present_are_evaluated() {
    for n_families in [1, 2, 63, 64, 65, 130] {
        check(&problem(20, n_families, 100.0, 5, 0.2));
    }
    check(&problem(50, 40, 0.0, 0, 0.0));
}
