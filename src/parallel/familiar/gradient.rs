//! Gradients of batches, and their mean.

use super::config::workers;
use crate::error::ParallelError;
use crate::parallel::map;
use ndarray::{Array, Dimension};

/// Returns the gradient of each batch of inputs and targets, in their order.
///
/// # Errors
/// The first error in the order of the batches; [`ParallelError::Empty`] for none.
///
/// ```
/// use ndarray::{arr1, arr2};
/// use persiste_rust::parallel::{aggregate_gradients, parallel_gradient_computation};
/// let batches = [(arr2(&[[1.0, 2.0]]), arr1(&[1.0])), (arr2(&[[3.0, 4.0]]), arr1(&[2.0]))];
/// let gradients = parallel_gradient_computation(&batches, |x, y| Ok(vec![x * y[0]]))?;
/// assert_eq!(aggregate_gradients(&gradients)?, [arr2(&[[3.5, 5.0]])]);
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn parallel_gradient_computation<X: Sync, Y: Sync, G: Send>(
    batches: &[(X, Y)],
    gradient_fn: impl Fn(&X, &Y) -> Result<G, ParallelError> + Sync,
) -> Result<Vec<G>, ParallelError> {
    map(&workers(batches.len()), batches, |(inputs, targets)| {
        gradient_fn(inputs, targets)
    })
}

/// Returns the mean of gradients, `[n_batches][n_parameters]` arrays, one array a parameter, summed in their order.
///
/// # Errors
/// [`ParallelError::Empty`] for no gradients, [`ParallelError::Ragged`] for different numbers of parameters,
/// [`ParallelError::Shape`] for arrays of different shapes.
pub fn aggregate_gradients<D: Dimension>(
    gradients: &[Vec<Array<f64, D>>],
) -> Result<Vec<Array<f64, D>>, ParallelError> {
    let (first, others) = gradients
        .split_first()
        .ok_or(ParallelError::Empty { what: "gradients" })?;
    let mut total = first.clone();
    for (index, gradient) in (1..).zip(others) {
        if gradient.len() != total.len() {
            return Err(ParallelError::Ragged {
                what: "gradient",
                index,
                found: gradient.len(),
                expected: total.len(),
            });
        }
        for (parameter, (sum, array)) in total.iter_mut().zip(gradient).enumerate() {
            if sum.shape() != array.shape() {
                return Err(ParallelError::Shape {
                    index,
                    parameter,
                    found: array.shape().to_vec(),
                    expected: sum.shape().to_vec(),
                });
            }
            *sum += array;
        }
    }
    let n = gradients.len() as f64;
    total.iter_mut().for_each(|sum| *sum /= n);
    Ok(total)
}
