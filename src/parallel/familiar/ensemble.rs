//! One prediction from several models.

use super::config::workers;
use crate::error::ParallelError;
use crate::parallel::{aggregate, map};

pub use crate::parallel::Aggregation as EnsembleAggregation;

/// Returns the prediction of all models together, component by component.
///
/// # Errors
/// The first error in the order of the models; [`ParallelError::Empty`] for none, and those of [`aggregate()`].
///
/// ```
/// use persiste_rust::parallel::{EnsembleAggregation, parallel_ensemble_predict};
/// let models = [|x: &f64| Ok(vec![x + 1.0]), |x: &f64| Ok(vec![x * 4.0])];
/// assert_eq!(parallel_ensemble_predict(&1.0, &models, EnsembleAggregation::Mean)?, [3.0]);
/// let weighted = EnsembleAggregation::WeightedMean(vec![3.0, 1.0]);
/// assert_eq!(parallel_ensemble_predict(&1.0, &models, weighted)?, [2.5]);
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn parallel_ensemble_predict<I: Sync + ?Sized, F: Fn(&I) -> Result<Vec<f64>, ParallelError> + Sync>(
    input: &I,
    models: &[F],
    aggregation: EnsembleAggregation,
) -> Result<Vec<f64>, ParallelError> {
    let predictions = map(&workers(models.len()), models, |model| model(input))?;
    aggregate(&predictions, &aggregation)
}
