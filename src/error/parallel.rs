//! What can be wrong with work that is to run side by side, or with what it returns.

use super::{Cancelled, ModelError};
use std::error::Error;

/// Input that the parallel toolkit refuses, or an error of the work itself.
#[derive(Debug, thiserror::Error)]
pub enum ParallelError {
    /// A number of threads that cannot be had.
    #[error("threads is {found}; allowed are 1 or more, up to {most}, or none for one a core")]
    ThreadCount {
        /// What was found.
        found: usize,
        /// The most that are allowed.
        most: usize,
    },
    /// Nothing to work on.
    #[error("there are no {what}; expected at least one")]
    Empty {
        /// "items", "samples", "predictions", ...
        what: &'static str,
    },
    /// A number of folds that leaves one without items, or nothing to train on.
    #[error("cannot make {n_folds} folds of {n_items} items; allowed are 2 folds or more, and no more than items")]
    FoldCount {
        /// What was asked for.
        n_folds: usize,
        /// Over how many items.
        n_items: usize,
    },
    /// A quantile that is no probability.
    #[error("quantile [{index}] is {found}; allowed are numbers from 0 to 1")]
    Quantile {
        /// Its place.
        index: usize,
        /// What was found.
        found: f64,
    },
    /// Results that should have one length and do not.
    #[error("{what} [{index}] has length {found}; expected {expected}, as in [0]")]
    Ragged {
        /// "sample", "prediction", "gradient".
        what: &'static str,
        /// The first that differs.
        index: usize,
        /// Its length.
        found: usize,
        /// The length of the first.
        expected: usize,
    },
    /// Arrays that should have one shape and do not.
    #[error("gradient [{index}] has shape {found:?} for parameter {parameter}; expected {expected:?}, as in [0]")]
    Shape {
        /// The first gradient that differs.
        index: usize,
        /// The parameter, counted from 0.
        parameter: usize,
        /// The shape found.
        found: Vec<usize>,
        /// The shape in the first gradient.
        expected: Vec<usize>,
    },
    /// Arrays that do not belong together.
    #[error("{what} has length {found}; expected {expected}")]
    Length {
        /// Which array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What it should be.
        expected: usize,
    },
    /// A weight that is no weight.
    #[error("weight [{index}] is {found}; allowed are finite numbers of 0 or more")]
    Weight {
        /// Its place.
        index: usize,
        /// What was found.
        found: f64,
    },
    /// Weights that cannot be divided by their sum.
    #[error("the sum of the weights is {found}; allowed are finite sums above 0")]
    WeightSum {
        /// What was found.
        found: f64,
    },
    /// A time in which nothing can have been measured.
    #[error("the time with {threads} threads is {found} s; allowed are finite times above 0")]
    Time {
        /// The number of threads.
        threads: usize,
        /// What was found, in seconds.
        found: f64,
    },
    /// A speed-up that is no ratio of times.
    #[error("the speed-up with {threads} threads is {found}; allowed are finite numbers above 0")]
    SpeedUp {
        /// The number of threads.
        threads: usize,
        /// What was found.
        found: f64,
    },
    /// Speed-ups without their reference.
    #[error("no time was measured with 1 thread, to which speed-ups refer")]
    NoSingleThread,
    /// Measurements from which no parallel fraction follows.
    #[error("no measurement has more than 1 thread; the parallel fraction needs at least one")]
    NoSeveralThreads,
    /// The work itself failed.
    #[error(transparent)]
    Work(Box<dyn Error + Send + Sync>),
}

impl ParallelError {
    /// Wraps the error of a caller's own function, or a message, so that it can be returned to the toolkit.
    ///
    /// ```
    /// use persiste_rust::error::ParallelError;
    /// let parsed: Result<f64, ParallelError> = "a".parse::<f64>().map_err(ParallelError::work);
    /// assert_eq!(parsed.unwrap_err().to_string(), "invalid float literal");
    /// ```
    pub fn work(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Work(error.into())
    }
}

impl From<Box<dyn Error + Send + Sync>> for ParallelError {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Work(error)
    }
}

impl From<ModelError> for ParallelError {
    fn from(error: ModelError) -> Self {
        Self::work(error)
    }
}

impl From<Cancelled> for ParallelError {
    fn from(error: Cancelled) -> Self {
        Self::work(error)
    }
}
