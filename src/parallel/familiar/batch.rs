//! One function over batches, with or without repeated samples.

use super::config::workers;
use crate::error::ParallelError;
use crate::parallel::{map, monte_carlo};

/// Mean and standard deviation of each component, both `[n_components]`.
pub type MeanAndDeviation = (Vec<f64>, Vec<f64>);

/// Returns the prediction for each batch, in their order.
///
/// # Errors
/// The first error in the order of the batches; [`ParallelError::Empty`] for none.
///
/// ```
/// use ndarray::arr2;
/// use persiste_rust::parallel::parallel_batch_inference;
/// let batches = [arr2(&[[1.0, 2.0]]), arr2(&[[3.0, 4.0]])];
/// let sums = parallel_batch_inference(&batches, |batch| Ok(vec![batch.sum()]))?;
/// assert_eq!(sums, [[3.0], [7.0]]);
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn parallel_batch_inference<B: Sync, T: Send>(
    batches: &[B],
    inference_fn: impl Fn(&B) -> Result<T, ParallelError> + Sync,
) -> Result<Vec<T>, ParallelError> {
    map(&workers(batches.len()), batches, inference_fn)
}

/// Returns mean and standard deviation over `num_samples` predictions of each batch, component by component.
///
/// The deviation has `num_samples - 1` in its denominator and is NaN for a single sample. `inference_fn` gets no random
/// numbers here, so whether its samples can be drawn again is up to it; [`monte_carlo`] gives each sample a seeded
/// generator, and quantiles.
/// # Errors
/// The first error in the order of batches and samples; [`ParallelError::Empty`] for no batches or samples,
/// [`ParallelError::Ragged`].
///
/// ```
/// use persiste_rust::parallel::parallel_batch_inference_with_uncertainty;
/// let summaries = parallel_batch_inference_with_uncertainty(&[1.0, 2.0], |&batch| Ok(vec![batch]), 10)?;
/// assert_eq!(summaries[1], (vec![2.0], vec![0.0]));
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn parallel_batch_inference_with_uncertainty<B: Sync>(
    batches: &[B],
    inference_fn: impl Fn(&B) -> Result<Vec<f64>, ParallelError> + Sync,
    num_samples: usize,
) -> Result<Vec<MeanAndDeviation>, ParallelError> {
    let workers = workers(batches.len().saturating_mul(num_samples));
    let summaries = monte_carlo(&workers, batches, num_samples, 0, &[], |batch, _| inference_fn(batch))?;
    Ok(summaries.into_iter().map(|one| (one.mean, one.sd)).collect())
}

/// Returns what `preprocess_fn` makes of each chunk, in their order.
///
/// # Errors
/// The first error in the order of the chunks; [`ParallelError::Empty`] for none.
///
/// ```
/// use ndarray::arr2;
/// use persiste_rust::parallel::parallel_preprocess;
/// let doubled = parallel_preprocess(&[arr2(&[[1.0, 2.0]])], |chunk| Ok(chunk * 2.0))?;
/// assert_eq!(doubled[0], arr2(&[[2.0, 4.0]]));
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn parallel_preprocess<B: Sync, T: Send>(
    data_chunks: &[B],
    preprocess_fn: impl Fn(&B) -> Result<T, ParallelError> + Sync,
) -> Result<Vec<T>, ParallelError> {
    map(&workers(data_chunks.len()), data_chunks, preprocess_fn)
}
