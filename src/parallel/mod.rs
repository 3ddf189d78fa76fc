//! Running independent work side by side with results that do not depend on the number of threads.
//!
//! Results are collected by index and summed in index order, random numbers depend on seed, item and sample, and of
//! several errors the first by index is returned: 1 thread and 100 give the same bits. A call uses the [`Workers`] it
//! is given, with as many threads as [`thread_count`] says; there is no global pool, and rayon's is never touched. No
//! items are an error ([`ParallelError::Empty`](crate::error::ParallelError::Empty)); a panic in the caller's function
//! goes on in the caller.
//!
//! | function | what |
//! |---|---|
//! | [`map`] | one function over many items |
//! | [`monte_carlo`], [`summarise`] | seeded samples of each item: mean, standard deviation, quantiles |
//! | [`cross_validate`], [`Folds`] | seeded folds as index sets |
//! | [`grid`] | scores of points, the best, the ranking |
//! | [`mean_gradient`], [`aggregate()`] | many vectors as one: mean, weighted mean, median |
//! | [`scaling()`], [`parallel_fraction`] | time, speed-up and efficiency for numbers of threads; Amdahl's law |
//!
//! Over them lie the names that users of machine-learning crates know: [`ParallelConfig`],
//! [`parallel_batch_inference`] and the others that begin with `parallel_`, [`aggregate_gradients`],
//! [`EnsembleAggregation`] and [`benchmark`]. They take no workers; [`ParallelConfig::configure_thread_pool`] says with
//! how many threads they run.

mod aggregate;
mod cross_validate;
mod familiar;
mod grid;
mod map;
mod monitor;
mod monte_carlo;
mod pool;
mod random;
mod scaling;
mod threads;
mod vigil;
mod workers;

pub use aggregate::{Aggregation, aggregate, mean_gradient};
pub use cross_validate::{Fold, Folds, cross_validate};
pub use familiar::{
    EnsembleAggregation, MeanAndDeviation, ParallelConfig, aggregate_gradients, benchmark, parallel_batch_inference,
    parallel_batch_inference_with_uncertainty, parallel_cross_validation, parallel_ensemble_predict,
    parallel_gradient_computation, parallel_grid_search, parallel_preprocess,
};
pub use grid::{GridScores, grid};
pub use map::map;
pub use monitor::Monitor;
pub use monte_carlo::{Summary, monte_carlo, summarise};
pub use pool::Pool;
pub use random::{Random, stream_seed};
pub use scaling::{Scaling, ScalingRow, parallel_fraction, scaling};
pub use threads::{MOST_THREADS, thread_count};
pub use workers::Workers;
