//! The familiar names over the toolkit: functions of batches, folds, grids and ensembles that take no workers.
//!
//! Names and arguments are those that machine-learning crates use, so that callers find what they know; the work is
//! done by the functions of [`parallel`](super), with the rules stated there.

mod batch;
pub mod benchmark;
mod config;
mod ensemble;
mod gradient;
mod search;

pub use batch::{
    MeanAndDeviation, parallel_batch_inference, parallel_batch_inference_with_uncertainty, parallel_preprocess,
};
pub use config::ParallelConfig;
pub use ensemble::{EnsembleAggregation, parallel_ensemble_predict};
pub use gradient::{aggregate_gradients, parallel_gradient_computation};
pub use search::{parallel_cross_validation, parallel_grid_search};
