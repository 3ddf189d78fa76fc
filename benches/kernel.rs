//! The likelihood kernel: one evaluation, one evaluation with derivatives, and the finding of subtree classes.
//!
//! `cargo bench --bench kernel` prints medians and throughput in tip x family cells a second; ns a cell is the inverse.
//! Tables are simulated with distinct columns under gain 0.5, loss 1. Before anything is timed the results of the
//! fast way are compared with those of blocks of lanes, which share no code with it above the transition table.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Random, tree, workers};
use divan::Bencher;
use divan::counter::ItemsCount;
use persiste_rust::kernel::{Kernel, SharedInput, Transition, transition};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Patterns, PresenceTable, PresenceTableBuilder, Problem, Tree};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

const GAIN: f64 = 0.5;
const LOSS: f64 = 1.0;
const SIZES: [(usize, usize); 4] = [(50, 500), (200, 10_000), (1_000, 10_000), (5_000, 10_000)];
/// Mean rates of four equal classes of a gamma distribution with shape 1/2.
const GAMMA: [f64; 4] = [0.0334, 0.2519, 0.8203, 2.8944];

struct Case {
    problem: Arc<Problem>,
    classes: Kernel,
    transitions: Vec<Transition>,
    gamma: Vec<Transition>,
    root: [f64; 2],
}

impl Case {
    fn input(&self) -> SharedInput<'_> {
        SharedInput {
            transitions: &self.transitions,
            root: std::slice::from_ref(&self.root),
            weights: &[1.0],
            tips: None,
        }
    }
}

fn table(tree: &Tree, rate: f64) -> Vec<Transition> {
    let of_length = |&length: &f64| transition(GAIN * rate, LOSS * rate, length);
    let mut table: Vec<Transition> = tree.branch_lengths().iter().map(of_length).collect();
    *table.last_mut().unwrap() = [1.0, 0.0, 0.0, 1.0];
    table
}

/// Draws families under the model until enough differ.
fn simulate(tree: &Tree, n_families: usize, seed: u64) -> PresenceTable {
    let (mut random, transitions) = (Random(seed), table(tree, 1.0));
    let mut tip_of_node = vec![None; tree.n_nodes()];
    tree.tips()
        .iter()
        .enumerate()
        .for_each(|(tip, &node)| tip_of_node[node as usize] = Some(tip));
    let mut seen = HashSet::new();
    let mut builder = PresenceTableBuilder::new(tree.tip_names().map(String::from).collect()).unwrap();
    let mut state = vec![false; tree.n_nodes()];
    while seen.len() < n_families {
        let mut row = vec![0_u64; tree.n_tips().div_ceil(64)];
        for node in (0..tree.n_nodes()).rev() {
            let present = match tree.parents().get(node).filter(|_| node != tree.root()) {
                None => GAIN / (GAIN + LOSS),
                Some(&above) => transitions[node][if state[above as usize] { 3 } else { 1 }],
            };
            state[node] = random.unit() < present;
            if let (Some(tip), true) = (tip_of_node[node], state[node]) {
                row[tip / 64] |= 1 << (tip % 64);
            }
        }
        if seen.insert(row.clone()) {
            builder.push_family(&format!("f{}", seen.len()), &row, &[]).unwrap();
        }
    }
    builder.finish().unwrap()
}

/// Returns a case, simulated and checked once.
fn case((n_tips, n_families): (usize, usize)) -> Arc<Case> {
    type Cases = Mutex<HashMap<(usize, usize), Arc<Case>>>;
    static CASES: OnceLock<Cases> = OnceLock::new();
    let mut cases = CASES.get_or_init(Mutex::default).lock().unwrap();
    let build = || {
        let tree = tree(&Random(7).newick(n_tips, 0.0, 0.1));
        let columns: Vec<u32> = (0..n_tips as u32).collect();
        let patterns = Patterns::distinct(&simulate(&tree, n_families, 5), &columns);
        let problem = Arc::new(Problem::new(tree.clone(), patterns));
        let case = Case {
            classes: Kernel::with_classes(problem.clone(), &workers(1)),
            transitions: table(&tree, 1.0),
            gamma: GAMMA.iter().flat_map(|&rate| table(&tree, rate)).collect(),
            root: [LOSS / (GAIN + LOSS), GAIN / (GAIN + LOSS)],
            problem,
        };
        check(&case);
        Arc::new(case)
    };
    cases.entry((n_tips, n_families)).or_insert_with(build).clone()
}

fn check(case: &Case) {
    let (workers, monitor, blocks) = (workers(2), Monitor::new(), Kernel::new(case.problem.clone()));
    let weights = case.problem.patterns().weights();
    let (values, adjoint) = case
        .classes
        .vector_jacobian(case.input(), weights, &workers, &monitor)
        .unwrap();
    let expected = blocks.log_likelihoods(case.input(), &workers, &monitor).unwrap();
    assert_eq!(
        values,
        case.classes.log_likelihoods(case.input(), &workers, &monitor).unwrap()
    );
    for (value, expected) in values.iter().zip(expected) {
        assert!((value - expected).abs() <= 1e-12 * expected.abs(), "{value} {expected}");
    }
    let first = case.transitions[0];
    let total = |p01: f64| {
        let mut changed = case.transitions.clone();
        (changed[0][0], changed[0][1]) = (1.0 - p01, p01);
        let input = SharedInput {
            transitions: &changed,
            ..case.input()
        };
        case.classes
            .log_likelihoods(input, &workers, &monitor)
            .unwrap()
            .iter()
            .sum::<f64>()
    };
    let step = 1e-4 * first[1];
    let slope = (total(first[1] + step) - total(first[1] - step)) / (2.0 * step);
    let found = adjoint.transitions[0][1] - adjoint.transitions[0][0];
    assert!((found / slope - 1.0).abs() < 1e-4, "{found} {slope}");
}

fn main() {
    divan::main();
}

fn cells(size: (usize, usize)) -> ItemsCount {
    ItemsCount::new(size.0 * size.1)
}

#[divan::bench(args = SIZES)]
fn value(bencher: Bencher, size: (usize, usize)) {
    let (case, workers, monitor) = (case(size), workers(1), Monitor::new());
    bencher
        .counter(cells(size))
        .bench(|| case.classes.log_likelihoods(case.input(), &workers, &monitor));
}

/// Twenty calls in a row, as in a fit, so that the second thread is awake.
#[divan::bench(args = SIZES, sample_size = 20)]
fn value_with_two_threads(bencher: Bencher, size: (usize, usize)) {
    let (case, workers, monitor) = (case(size), workers(2), Monitor::new());
    bencher
        .counter(cells(size))
        .bench(|| case.classes.log_likelihoods(case.input(), &workers, &monitor));
}

#[divan::bench(args = SIZES)]
fn value_with_four_categories(bencher: Bencher, size: (usize, usize)) {
    let (case, workers, monitor) = (case(size), workers(1), Monitor::new());
    let input = SharedInput {
        transitions: &case.gamma,
        root: &[case.root; 4],
        weights: &[0.25; 4],
        tips: None,
    };
    bencher
        .counter(cells(size))
        .bench(|| case.classes.log_likelihoods(input, &workers, &monitor));
}

#[divan::bench(args = SIZES)]
fn value_and_gradient(bencher: Bencher, size: (usize, usize)) {
    let (case, workers, monitor) = (case(size), workers(1), Monitor::new());
    let weights = case.problem.patterns().weights();
    bencher
        .counter(cells(size))
        .bench(|| case.classes.vector_jacobian(case.input(), weights, &workers, &monitor));
}

#[divan::bench(args = SIZES, sample_size = 20)]
fn value_and_gradient_with_two_threads(bencher: Bencher, size: (usize, usize)) {
    let (case, workers, monitor) = (case(size), workers(2), Monitor::new());
    let weights = case.problem.patterns().weights();
    bencher
        .counter(cells(size))
        .bench(|| case.classes.vector_jacobian(case.input(), weights, &workers, &monitor));
}

#[divan::bench(args = &SIZES[..3])]
fn value_of_blocks(bencher: Bencher, size: &(usize, usize)) {
    let (case, workers, monitor) = (case(*size), workers(1), Monitor::new());
    let blocks = Kernel::new(case.problem.clone());
    bencher
        .counter(cells(*size))
        .bench(|| blocks.log_likelihoods(case.input(), &workers, &monitor));
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn finding_classes(bencher: Bencher, size: (usize, usize)) {
    let (case, workers) = (case(size), workers(1));
    bencher
        .counter(cells(size))
        .bench(|| Kernel::with_classes(case.problem.clone(), &workers));
}
