//! Mixtures of Dirichlet-multinomial distributions: one fit, and one evaluation of fitted parameters.
//!
//! `cargo bench --bench dirichlet`. Counts are simulated in clusters of distinct profiles. Before anything is timed the fit
//! is checked: it converged or used all rounds, its objective never rose, and it has the value that its parameters give.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Random, workers};
use divan::Bencher;
use ndarray::Array2;
use persiste_rust::dirichlet::{Counts, FitOptions, Mixture, fit};
use persiste_rust::parallel::Monitor;

/// Rows, columns and components.
const SIZES: [(usize, usize, usize); 4] = [(100, 20, 3), (1000, 50, 5), (1000, 50, 20), (1000, 500, 5)];

fn main() {
    divan::main();
}

fn simulate((n_rows, n_columns, n_clusters): (usize, usize, usize)) -> Counts {
    let mut random = Random(11);
    let mut spread = |scale: f64| (scale * (random.unit() + random.unit() + random.unit() - 1.5)).exp();
    let profiles: Vec<Vec<f64>> = (0..n_clusters)
        .map(|_| (0..n_columns).map(|_| spread(6.0)).collect())
        .collect();
    let noise: Vec<f64> = (0..n_rows * n_columns).map(|_| spread(1.5)).collect();
    let mut matrix = Array2::zeros((n_rows, n_columns));
    for row in 0..n_rows {
        let own: Vec<f64> = (0..n_columns)
            .map(|column| profiles[row % n_clusters][column] * noise[row * n_columns + column])
            .collect();
        let total: f64 = own.iter().sum();
        for column in 0..n_columns {
            matrix[(row, column)] = (1000.0 * own[column] / total).round() as u32;
        }
    }
    Counts::new(matrix.view()).unwrap()
}

fn fitted(counts: &Counts, n_components: usize, threads: usize) -> Mixture {
    let options = FitOptions::default();
    fit(counts, n_components, None, &options, &workers(threads), &Monitor::new()).unwrap()
}

fn check(counts: &Counts, found: &Mixture) {
    assert!(found.converged || found.objectives.len() == FitOptions::default().max_iterations);
    assert!(
        found
            .objectives
            .windows(2)
            .all(|step| step[1] <= step[0] + 1e-12 * step[0].abs())
    );
    let rows = found
        .parameters
        .log_likelihoods(counts, &workers(1), &Monitor::new())
        .unwrap();
    let nle = found.parameters.negative_log_prior() - rows.iter().sum::<f64>();
    assert!((nle - found.goodness().nle).abs() <= 1e-10 * nle.abs());
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn one_thread(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    let counts = simulate(size);
    check(&counts, &fitted(&counts, size.2, 1));
    bencher.bench_local(|| fitted(&counts, size.2, 1));
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn two_threads(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    let counts = simulate(size);
    check(&counts, &fitted(&counts, size.2, 2));
    bencher.bench_local(|| fitted(&counts, size.2, 2));
}

#[divan::bench(args = SIZES, sample_count = 20)]
fn evaluation(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    let counts = simulate(size);
    let (found, workers, monitor) = (fitted(&counts, size.2, 1), workers(1), Monitor::new());
    bencher.bench_local(|| found.parameters.log_evidence(&counts, &workers, &monitor));
}
