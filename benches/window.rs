//! Conditioning on a window of recorded presences: one evaluation with all derivatives, and the spectrum.
//!
//! `cargo bench --bench window`. Random trees of 200 to 10,000 tips, gain 0.5, loss 1, completeness 0.95, contamination
//! 0.001. Before anything is timed each window is compared with the sum of the spectrum, made by another table.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Random, tree};
use divan::Bencher;
use persiste_rust::kernel::{Transition, transitions};
use persiste_rust::model::{Ascertainment, spectrum};
use persiste_rust::problem::Tree;

const SIZES: [usize; 3] = [200, 1_000, 10_000];
const ROOT: [f64; 2] = [2.0 / 3.0, 1.0 / 3.0];

struct Case {
    tree: Tree,
    transitions: Vec<Transition>,
    tips: Vec<[f64; 2]>,
}

impl Case {
    fn new(n_tips: usize, rates: (f64, f64)) -> Self {
        let tree = tree(&Random(n_tips as u64).newick(n_tips, 0.0, 0.2));
        Self {
            transitions: transitions(rates.0, rates.1, tree.branch_lengths()),
            tips: vec![[0.001, 0.95]; n_tips],
            tree,
        }
    }

    fn time(&self, bencher: Bencher, ascertainment: Ascertainment) {
        bencher.bench(|| ascertainment.recorded(&self.tree, &self.transitions, ROOT, Some(&self.tips)));
    }

    fn time_window(&self, bencher: Bencher, lowest: usize, highest: usize) {
        let window = Ascertainment::window(lowest, Some(highest), self.tree.n_tips()).unwrap();
        let recorded = window
            .recorded(&self.tree, &self.transitions, ROOT, Some(&self.tips))
            .unwrap();
        let sizes = spectrum(&self.tree, &self.transitions, ROOT, Some(&self.tips));
        let expected: f64 = sizes[lowest..=highest].iter().sum();
        assert!(expected < 1e-250 || (recorded.log_probability - expected.ln()).abs() < 1e-11);
        self.time(bencher, window);
    }
}

#[divan::bench(args = SIZES)]
fn observed_by_three_kinds(bencher: Bencher, n_tips: usize) {
    Case::new(n_tips, (0.5, 1.0)).time(bencher, Ascertainment::Observed);
}

#[divan::bench(args = SIZES)]
fn at_least_two(bencher: Bencher, n_tips: usize) {
    Case::new(n_tips, (0.5, 1.0)).time_window(bencher, 2, n_tips);
}

#[divan::bench(args = SIZES)]
fn without_5_percent_at_either_end(bencher: Bencher, n_tips: usize) {
    Case::new(n_tips, (0.5, 1.0)).time_window(bencher, n_tips / 20, n_tips - n_tips / 20);
}

#[divan::bench(args = SIZES)]
fn one_to_15_percent(bencher: Bencher, n_tips: usize) {
    Case::new(n_tips, (0.5, 1.0)).time_window(bencher, 1, n_tips * 15 / 100);
}

/// The core of a pangenome whose families hardly ever are: beyond the range of a double.
#[divan::bench(args = SIZES)]
fn beyond_doubles(bencher: Bencher, n_tips: usize) {
    Case::new(n_tips, (1e-12, 20.0)).time_window(bencher, n_tips - n_tips / 20, n_tips);
}

#[divan::bench(args = SIZES)]
fn all_sizes(bencher: Bencher, n_tips: usize) {
    let case = Case::new(n_tips, (0.5, 1.0));
    bencher.bench(|| spectrum(&case.tree, &case.transitions, ROOT, Some(&case.tips)));
}

fn main() {
    divan::main();
}
