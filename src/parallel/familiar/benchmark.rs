//! Thread scaling of work that takes no workers.

use super::config::measured_with;
use crate::error::ParallelError;
use crate::parallel::{Scaling, ScalingRow, parallel_fraction, scaling, thread_count};

/// Timed rounds for each number of threads, after one that is not timed.
const REPEATS: usize = 5;

/// The measurement with one number of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchmarkResult {
    /// The number of threads.
    pub num_threads: usize,
    /// The median time, in milliseconds.
    pub duration_ms: f64,
    /// The time with one thread divided by this.
    pub speedup: f64,
    /// The speed-up divided by the number of threads.
    pub efficiency: f64,
}

/// Measures the median time of five runs of `workload` with each number of threads.
///
/// The functions of [`parallel`](crate::parallel) that take no workers, called by `workload`, run with that number, and
/// so do rayon's parallel iterators: each number has a rayon pool of its own, never the global one. Speed-ups refer to
/// one thread, which is measured whether or not it is asked for.
/// # Errors
/// The first error of `workload`; [`ParallelError::Empty`] for no numbers, [`ParallelError::ThreadCount`],
/// [`ParallelError::Time`], and an error of the system that grants no threads.
///
/// ```
/// use persiste_rust::parallel::{benchmark, parallel_batch_inference};
/// let batches = vec![vec![1.0; 10_000]; 20];
/// let results = benchmark::scalability_benchmark(&[1, 2], || {
///     parallel_batch_inference(&batches, |batch| Ok(batch.iter().sum::<f64>())).map(drop)
/// })?;
/// benchmark::print_benchmark_results(&results);
/// assert!(benchmark::amdahl_analysis(&results).is_finite());
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn scalability_benchmark(
    thread_counts: &[usize],
    workload: impl Fn() -> Result<(), ParallelError> + Sync,
) -> Result<Vec<BenchmarkResult>, ParallelError> {
    let mut pools = Vec::new();
    for &count in thread_counts.iter().chain(&[1]) {
        let count = thread_count(Some(count))?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count.get()).build();
        pools.push((count, pool.map_err(ParallelError::work)?));
    }
    let table = scaling(thread_counts, REPEATS, |workers| {
        let with_count = pools.iter().find(|(count, _)| count.get() == workers.n_threads());
        match with_count {
            Some((count, pool)) => pool.install(|| measured_with(*count, &workload)),
            None => workload(),
        }
    })?;
    let result = |row: &ScalingRow| BenchmarkResult {
        num_threads: row.threads,
        duration_ms: row.seconds * 1e3,
        speedup: row.speed_up,
        efficiency: row.efficiency,
    };
    Ok(table.rows.iter().map(result).collect())
}

/// Prints the results as a table on standard output.
pub fn print_benchmark_results(results: &[BenchmarkResult]) {
    let row = |result: &BenchmarkResult| ScalingRow {
        threads: result.num_threads,
        seconds: result.duration_ms * 1e-3,
        speed_up: result.speedup,
        efficiency: result.efficiency,
    };
    let rows = results.iter().map(row).collect();
    println!("{}", Scaling { rows });
}

/// Returns the share of the work that runs in parallel, by [`parallel_fraction`].
///
/// NaN where that is an error: for no results, none with more than one thread, or speed-ups that are none.
#[must_use]
pub fn amdahl_analysis(results: &[BenchmarkResult]) -> f64 {
    let threads: Vec<usize> = results.iter().map(|result| result.num_threads).collect();
    let speed_ups: Vec<f64> = results.iter().map(|result| result.speedup).collect();
    parallel_fraction(&threads, &speed_ups).unwrap_or(f64::NAN)
}
