//! What the toolkit costs per item: `cargo bench --bench parallel`.
//!
//! Items of almost no work, so that what is measured is the sharing out and the collecting; each result is compared with
//! a plain loop's before it is timed. A pool of its own is what a call of the familiar names pays besides.
#![allow(clippy::unwrap_used)]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use persiste_rust::error::ParallelError;
use persiste_rust::parallel::{Aggregation, Workers, aggregate, map, monte_carlo, parallel_preprocess, thread_count};

const N: usize = 10_000;
const THREADS: [usize; 3] = [1, 2, 4];

fn items() -> Vec<f64> {
    (0..N).map(|item| item as f64).collect()
}

fn workers(threads: usize) -> Workers {
    Workers::new(Some(thread_count(Some(threads)).unwrap()))
}

fn work(x: &f64) -> Result<f64, ParallelError> {
    Ok(x.mul_add(2.0, 1.0))
}

#[divan::bench]
fn plain_loop(bencher: Bencher) {
    let items = items();
    let run = || {
        black_box(&items)
            .iter()
            .map(work)
            .collect::<Result<Vec<f64>, _>>()
            .unwrap()
    };
    bencher.counter(ItemsCount::new(N)).bench_local(run);
}

#[divan::bench(args = THREADS)]
fn map_items(bencher: Bencher, threads: usize) {
    let (items, workers) = (items(), workers(threads));
    let run = || map(&workers, black_box(&items), work).unwrap();
    assert_eq!(run(), items.iter().map(|x| work(x).unwrap()).collect::<Vec<_>>());
    bencher.counter(ItemsCount::new(N)).bench_local(run);
}

#[divan::bench(args = THREADS)]
fn monte_carlo_samples(bencher: Bencher, threads: usize) {
    let workers = workers(threads);
    let run = || {
        monte_carlo(&workers, &[1.0], N, 42, &[0.5], |x, random| {
            work(x).map(|_| vec![random.uniform()])
        })
        .unwrap()
    };
    assert!((run()[0].mean[0] - 0.5).abs() < 0.012); // four standard errors
    bencher.counter(ItemsCount::new(N)).bench_local(run);
}

#[divan::bench]
fn medians_of_20_models(bencher: Bencher) {
    let predictions = vec![items(); 20];
    let run = || aggregate(black_box(&predictions), &Aggregation::Median).unwrap();
    assert_eq!(run(), items());
    bencher.counter(ItemsCount::new(N)).bench_local(run);
}

/// A call over two items, which starts and ends a thread where there are cores for two.
#[divan::bench]
fn familiar_call(bencher: Bencher) {
    let run = || parallel_preprocess(black_box(&[1.0, 2.0]), work).unwrap();
    assert_eq!(run(), [3.0, 5.0]);
    bencher.bench_local(run);
}

fn main() {
    divan::main();
}
