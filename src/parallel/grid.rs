//! A score for each point of a grid, and which is best.

use super::{Workers, map};
use crate::error::ParallelError;
use std::cmp::Ordering;

/// Scores in the order of the grid; higher is better.
#[derive(Debug, Clone, PartialEq)]
pub struct GridScores {
    scores: Vec<f64>,
}

impl GridScores {
    /// Returns scores as they are.
    #[must_use]
    pub fn new(scores: Vec<f64>) -> Self {
        Self { scores }
    }

    /// Returns the scores, `[n_points]`.
    #[must_use]
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Returns the point with the highest score, the first of several; `None` if every score is NaN.
    #[must_use]
    pub fn best(&self) -> Option<usize> {
        self.ranking()
            .first()
            .copied()
            .filter(|&point| !self.scores[point].is_nan())
    }

    /// Returns all points, the highest score first, NaN last, equal scores in the order of the grid.
    #[must_use]
    pub fn ranking(&self) -> Vec<usize> {
        let mut points: Vec<usize> = (0..self.scores.len()).collect();
        points.sort_by(|&one, &other| descending(self.scores[one], self.scores[other]));
        points
    }
}

fn descending(one: f64, other: f64) -> Ordering {
    let of_numbers = other.partial_cmp(&one);
    of_numbers.unwrap_or_else(|| one.is_nan().cmp(&other.is_nan()))
}

/// Returns the score of each point.
///
/// # Errors
/// The first error in the order of the grid; [`ParallelError::Empty`] for no points. A point that should merely lose
/// gets the score NaN or -inf instead.
///
/// ```
/// use persiste_rust::error::ParallelError;
/// use persiste_rust::parallel::{Workers, grid};
/// let points = [0.5, f64::NAN, 2.0];
/// let scores = grid(&Workers::new(None), &points, |x| Ok::<_, ParallelError>(-(x - 1.0) * (x - 1.0)))?;
/// assert_eq!((scores.best(), scores.ranking()), (Some(0), vec![0, 2, 1]));
/// # Ok::<(), ParallelError>(())
/// ```
pub fn grid<P: Sync, E: From<ParallelError> + Send>(
    workers: &Workers,
    points: &[P],
    work: impl Fn(&P) -> Result<f64, E> + Sync,
) -> Result<GridScores, E> {
    super::map::at_least_one(points.len(), "points")?;
    map(workers, points, work).map(GridScores::new)
}
