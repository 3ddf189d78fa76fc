//! Rates of their own for each family: values, values with derivatives by the rates, and the fit of every family.
//!
//! `cargo bench --bench lanes` prints medians and throughput in tip x family cells a second; ns a cell is the inverse.
//! Each family is simulated under its own rates. Before anything is timed, derivatives by the rates are compared with
//! those of the exact way, which shares no loop with them, and values with those of one shared pair of rates. On a
//! machine with other work the fastest of the rows with 640 families say most.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Random, tree, workers};
use divan::Bencher;
use divan::counter::ItemsCount;
use persiste_rust::inference::fit_families;
use persiste_rust::kernel::{Kernel, LaneInput, SharedInput, transition};
use persiste_rust::model::{Ascertainment, FamilyModel, RootPrior};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Names, Patterns, PresenceTable, PresenceTableBuilder, Problem, Tree};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

const SIZES: [(usize, usize); 6] = [
    (200, 640),
    (1_000, 640),
    (5_000, 640),
    (200, 10_000),
    (1_000, 10_000),
    (5_000, 10_000),
];

struct Case {
    kernel: Kernel,
    gain: Vec<f64>,
    loss: Vec<f64>,
    root: Vec<[f64; 2]>,
    set_of_branch: Vec<u32>,
    names: Arc<Names>,
}

impl Case {
    fn new((n_tips, n_families): (usize, usize)) -> Self {
        let tree = tree(&Random(7).newick(n_tips, 0.0, 0.1));
        let mut random = Random(3);
        let mut rates = || (0..n_families).map(|_| 0.2 + random.unit()).collect::<Vec<f64>>();
        let (gain, loss) = (rates(), rates());
        let columns: Vec<u32> = (0..n_tips as u32).collect();
        let patterns = Patterns::one_per_family(&simulate(&tree, &gain, &loss), &columns);
        let case = Self {
            root: gain
                .iter()
                .zip(&loss)
                .map(|(g, l)| [l / (g + l), g / (g + l)])
                .collect(),
            set_of_branch: vec![0; tree.n_nodes()],
            kernel: Kernel::new(Arc::new(Problem::new(tree, patterns))),
            names: Arc::new((0..n_families).map(|family| format!("f{family}")).collect()),
            gain,
            loss,
        };
        case.check();
        case
    }

    fn input(&self) -> LaneInput<'_> {
        LaneInput {
            gain: &self.gain,
            loss: &self.loss,
            set_of_branch: &self.set_of_branch,
            n_sets: 1,
            root: &self.root,
            weights: &[1.0],
            tips: None,
        }
    }

    fn check(&self) {
        let (workers, monitor, ones) = (workers(2), Monitor::new(), vec![1.0; self.gain.len()]);
        let kernel = &self.kernel;
        let values = kernel.lane_log_likelihoods(self.input(), &workers, &monitor).unwrap();
        let (quick_values, quick) = kernel
            .lane_rate_jacobian(self.input(), &ones, &workers, &monitor)
            .unwrap();
        let (exact_values, exact) = kernel
            .lane_vector_jacobian(self.input(), &ones, &workers, &monitor)
            .unwrap();
        for family in 0..values.len() {
            let exact_value = exact_values[family];
            for value in [values[family], quick_values[family]] {
                assert!((value / exact_value - 1.0).abs() < 1e-12, "{value} {exact_value}");
            }
            let scale = exact.gain[family].abs() + exact.loss[family].abs();
            for (quick, exact) in [(&quick.gain, &exact.gain), (&quick.loss, &exact.loss)] {
                let (quick, exact) = (quick[family], exact[family]);
                assert!((quick - exact).abs() < 1e-11 * scale, "{quick} {exact}");
            }
        }
        self.check_shared(&values);
    }

    /// Compares the first family with an evaluation that knows no rates of its own.
    fn check_shared(&self, values: &[f64]) {
        let (gain, loss, tree) = (self.gain[0], self.loss[0], self.kernel.problem().tree());
        let mut transitions: Vec<_> = (tree.branch_lengths().iter())
            .map(|&length| transition(gain, loss, length))
            .collect();
        transitions[tree.root()] = [1.0, 0.0, 0.0, 1.0];
        let input = SharedInput {
            transitions: &transitions,
            root: &self.root[..1],
            weights: &[1.0],
            tips: None,
        };
        let shared = self
            .kernel
            .log_likelihoods(input, &workers(1), &Monitor::new())
            .unwrap();
        assert!(
            (values[0] / shared[0] - 1.0).abs() < 1e-12,
            "{} {}",
            values[0],
            shared[0]
        );
    }
}

/// Draws each family under its own rates.
fn simulate(tree: &Tree, gain: &[f64], loss: &[f64]) -> PresenceTable {
    let mut random = Random(5);
    let mut tip_of_node = vec![None; tree.n_nodes()];
    tree.tips()
        .iter()
        .enumerate()
        .for_each(|(tip, &node)| tip_of_node[node as usize] = Some(tip));
    let mut builder = PresenceTableBuilder::new(tree.tip_names().map(String::from).collect()).unwrap();
    let mut state = vec![false; tree.n_nodes()];
    for (family, (gain, loss)) in gain.iter().zip(loss).enumerate() {
        let mut row = vec![0_u64; tree.n_tips().div_ceil(64)];
        for node in (0..tree.n_nodes()).rev() {
            let frequency = gain / (gain + loss);
            let settled = -(-(gain + loss) * tree.branch_lengths()[node]).exp_m1();
            let present = if node == tree.root() {
                frequency
            } else if state[tree.parents()[node] as usize] {
                1.0 - (1.0 - frequency) * settled
            } else {
                frequency * settled
            };
            state[node] = random.unit() < present;
            if let (Some(tip), true) = (tip_of_node[node], state[node]) {
                row[tip / 64] |= 1 << (tip % 64);
            }
        }
        builder.push_family(&format!("f{family}"), &row, &[]).unwrap();
    }
    builder.finish().unwrap()
}

/// Returns a case, simulated and checked once.
fn case(size: (usize, usize)) -> Arc<Case> {
    type Cases = Mutex<HashMap<(usize, usize), Arc<Case>>>;
    static CASES: OnceLock<Cases> = OnceLock::new();
    let mut cases = CASES.get_or_init(Mutex::default).lock().unwrap();
    cases.entry(size).or_insert_with(|| Arc::new(Case::new(size))).clone()
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
        .bench(|| case.kernel.lane_log_likelihoods(case.input(), &workers, &monitor));
}

#[divan::bench(args = SIZES)]
fn value_with_two_threads(bencher: Bencher, size: (usize, usize)) {
    let (case, workers, monitor) = (case(size), workers(2), Monitor::new());
    bencher
        .counter(cells(size))
        .bench(|| case.kernel.lane_log_likelihoods(case.input(), &workers, &monitor));
}

#[divan::bench(args = SIZES)]
fn value_and_derivatives_by_rates(bencher: Bencher, size: (usize, usize)) {
    let (case, workers, monitor, ones) = (case(size), workers(1), Monitor::new(), vec![1.0; size.1]);
    let kernel = &case.kernel;
    bencher
        .counter(cells(size))
        .bench(|| kernel.lane_rate_jacobian(case.input(), &ones, &workers, &monitor));
}

#[divan::bench(args = SIZES)]
fn value_and_derivatives_by_rates_with_two_threads(bencher: Bencher, size: (usize, usize)) {
    let (case, workers, monitor, ones) = (case(size), workers(2), Monitor::new(), vec![1.0; size.1]);
    let kernel = &case.kernel;
    bencher
        .counter(cells(size))
        .bench(|| kernel.lane_rate_jacobian(case.input(), &ones, &workers, &monitor));
}

#[divan::bench(args = &SIZES[..2], sample_count = 5)]
fn value_and_all_derivatives_by_the_exact_way(bencher: Bencher, size: &(usize, usize)) {
    let (case, workers, monitor, ones) = (case(*size), workers(1), Monitor::new(), vec![1.0; size.1]);
    let kernel = &case.kernel;
    bencher
        .counter(cells(*size))
        .bench(|| kernel.lane_vector_jacobian(case.input(), &ones, &workers, &monitor));
}

#[divan::bench(args = &[SIZES[0], SIZES[3]], sample_count = 5)]
fn fits_of_every_family(bencher: Bencher, size: &(usize, usize)) {
    let case = case(*size);
    let model = FamilyModel::new(
        case.kernel.problem().clone(),
        case.names.clone(),
        RootPrior::Stationary,
        Ascertainment::None,
        workers(1),
    )
    .unwrap();
    bencher
        .counter(ItemsCount::new(size.1))
        .bench(|| fit_families(&model, &Monitor::new()).unwrap());
}
