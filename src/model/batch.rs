//! Many parameter vectors at once, and derivatives of sums in which each family counts as a cotangent says: what
//! automatic differentiation asks of a model.

use super::gene_content::{GeneContentModel, ValueAndGradient};
use crate::error::ModelError;
use crate::parallel::{Monitor, Workers};

impl GeneContentModel {
    /// Returns the derivatives of `sum_f cotangent[f] log L[f]` with respect to the parameters, `[n_parameters]`.
    ///
    /// This is the vector-Jacobian product of [`log_likelihoods`](Self::log_likelihoods); cotangents of ones give the
    /// gradient. `cotangent` is `[n_families]`, of any sign. A family of cotangent 0 may be impossible; an impossible
    /// one of another has no derivative, and all are NaN.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood); [`ModelError::Length`] for another number of cotangents.
    pub fn vector_jacobian(
        &self,
        parameters: &[f64],
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Vec<f64>, ModelError> {
        let weights = self.family_weights(cotangent)?;
        let found = self.weighted_value_and_gradient(parameters, Some(&weights), workers, monitor)?;
        if found.value.is_finite() {
            Ok(found.gradient)
        } else {
            Ok(vec![f64::NAN; parameters.len()])
        }
    }

    /// Returns [`log_likelihood`](Self::log_likelihood) at each of many parameter vectors, `[n_vectors]`.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood), of the first vector that fails.
    pub fn log_likelihoods_of<V: AsRef<[f64]> + Sync>(
        &self,
        vectors: &[V],
        monitor: &Monitor,
    ) -> Result<Vec<f64>, ModelError> {
        self.of_each(vectors.len(), |index, workers| {
            self.weighted_log_likelihood(vectors[index].as_ref(), None, workers, monitor)
        })
    }

    /// Returns [`value_and_gradient`](Self::value_and_gradient) at each of many parameter vectors.
    ///
    /// Many vectors are shared out between the threads, few are computed one after the other by all of them; the bits
    /// are the same.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood), of the first vector that fails.
    pub fn values_and_gradients_of<V: AsRef<[f64]> + Sync>(
        &self,
        vectors: &[V],
        monitor: &Monitor,
    ) -> Result<Vec<ValueAndGradient>, ModelError> {
        self.of_each(vectors.len(), |index, workers| {
            self.weighted_value_and_gradient(vectors[index].as_ref(), None, workers, monitor)
        })
    }

    /// Returns [`log_likelihoods`](Self::log_likelihoods) at each of many parameter vectors,
    /// `[n_vectors][n_families]`.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood), of the first vector that fails.
    pub fn family_log_likelihoods_of<V: AsRef<[f64]> + Sync>(
        &self,
        vectors: &[V],
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f64>>, ModelError> {
        self.of_each(vectors.len(), |index, workers| {
            self.log_likelihoods_by(vectors[index].as_ref(), workers, monitor)
        })
    }

    /// Returns [`vector_jacobian`](Self::vector_jacobian) at each of many parameter vectors with cotangents of its own,
    /// `[n_vectors][n_parameters]`.
    ///
    /// # Errors
    /// As [`vector_jacobian`](Self::vector_jacobian), of the first vector that fails.
    ///
    /// # Panics
    /// If there are fewer cotangents than vectors.
    pub fn vector_jacobians_of<V: AsRef<[f64]> + Sync>(
        &self,
        vectors: &[V],
        cotangents: &[V],
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f64>>, ModelError> {
        self.of_each(vectors.len(), |index, workers| {
            self.vector_jacobian(vectors[index].as_ref(), cotangents[index].as_ref(), workers, monitor)
        })
    }

    fn of_each<T: Send>(
        &self,
        n: usize,
        work: impl Fn(usize, &Workers) -> Result<T, ModelError> + Sync,
    ) -> Result<Vec<T>, ModelError> {
        if n < 2 * self.workers.n_threads() {
            return (0..n).map(|index| work(index, &self.workers)).collect();
        }
        let single = Workers::single();
        self.workers.map(n, |index| work(index, &single))
    }
}
