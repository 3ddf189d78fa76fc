//! Maximum likelihood of every family's own rates: many small searches side by side in the lanes of the kernel.
//!
//! Families with equal columns are fitted once. From the hills of a coarse grid searches in two dimensions (BFGS with
//! bounds) run in lock-step. Last, each maximum is compared with the ends of the box, where a rate is as good as 0 or
//! infinite, and its curvature gives the standard errors.

use super::fit::rate_bounds;
use super::hills::hills;
use super::lock_step;
use super::pair_search::{Bounds, PairSearch};
use crate::error::ModelError;
use crate::model::{FamilyModel, LaneGradients};
use crate::parallel::Monitor;

/// Two searches found the same maximum if their values differ by less than this.
const SAME_MAXIMUM: f64 = 1e-6;
/// Step of the differences that give the curvature.
const DIFFERENCE: f64 = 1e-4;

/// Each family's estimates.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyFits {
    /// Log gain and log loss, `[n_families]`.
    pub log_rates: Vec<[f64; 2]>,
    /// Conditioned as the model says, `[n_families]`.
    pub log_likelihoods: Vec<f64>,
    /// Variances of log gain and log loss and their covariance, `[n_families]`; NaN for a rate at a bound, or where
    /// the curvature gives none.
    pub covariances: Vec<[f64; 3]>,
    /// Which of the two stand at a bound, `[n_families]`.
    pub at_bound: Vec<[bool; 2]>,
    /// Whether the search ended at a maximum, `[n_families]`.
    pub converged: Vec<bool>,
    /// Distinct maxima that were found, `[n_families]`.
    pub n_maxima: Vec<u32>,
    /// Smallest and largest log-rate that was considered.
    pub bounds: (f64, f64),
}

/// Returns the maximum-likelihood rates of every family.
///
/// # Errors
/// [`ModelError::NoTime`] for a tree without time, [`ModelError::Impossible`] for families that cannot arise at any
/// point of the grid, [`ModelError::Cancelled`].
pub fn fit_families(model: &FamilyModel, monitor: &Monitor) -> Result<FamilyFits, ModelError> {
    let (lower, upper) = rate_bounds(model.problem().tree())?;
    let bounds = Bounds { lower, upper };
    let starts = hills(model, bounds, monitor)?;
    let mut searches: Vec<PairSearch> = starts
        .iter()
        .map(|&(_, point)| PairSearch::new(point, bounds))
        .collect();
    let all: Vec<usize> = (0..starts.len()).collect();
    lock_step::run(model, &patterns_of(&starts, &all), &mut searches, monitor)?;
    settle(model, &starts, &mut searches, monitor)?;
    let best = best_of_patterns(model.problem().patterns().n_patterns(), &starts, &searches);
    let covariances = covariances(model, &best, &searches, monitor)?;
    let patterns = model.problem().patterns().pattern_of_family();
    let of_family = patterns.iter().map(|&pattern| pattern as usize);
    let chosen = of_family.clone().map(|pattern| &searches[best[pattern].search]);
    Ok(FamilyFits {
        log_rates: chosen.clone().map(PairSearch::point).collect(),
        log_likelihoods: chosen.clone().map(PairSearch::value).collect(),
        at_bound: chosen.clone().map(PairSearch::at_bound).collect(),
        converged: chosen.map(PairSearch::has_converged).collect(),
        covariances: of_family.clone().map(|pattern| covariances[pattern]).collect(),
        n_maxima: of_family.map(|pattern| best[pattern].n_maxima).collect(),
        bounds: (lower, upper),
    })
}

/// A pattern's best search.
struct Best {
    search: usize,
    n_maxima: u32,
}

fn patterns_of(starts: &[(usize, [f64; 2])], searches: &[usize]) -> Vec<usize> {
    searches.iter().map(|&search| starts[search].0).collect()
}

/// Puts a rate at an end of the box where that costs nothing: a maximum at 0 or infinity is approached over a plateau.
fn settle(
    model: &FamilyModel,
    starts: &[(usize, [f64; 2])],
    searches: &mut [PairSearch],
    monitor: &Monitor,
) -> Result<(), ModelError> {
    let flat: Vec<usize> = (0..searches.len())
        .filter(|&search| searches[search].may_be_flat())
        .collect();
    let lanes = model.lanes(&patterns_of(starts, &flat));
    for axis in 0..2 {
        for is_upper in [false, true] {
            let points: Vec<[f64; 2]> = flat
                .iter()
                .map(|&search| searches[search].at_end(axis, is_upper))
                .collect();
            let LaneGradients { values, gradients } = lanes.values_and_gradients(&points, monitor)?;
            for (&search, (value, gradient)) in flat.iter().zip(values.into_iter().zip(gradients)) {
                searches[search].settle(axis, is_upper, value, gradient);
            }
        }
    }
    Ok(())
}

fn best_of_patterns(n_patterns: usize, starts: &[(usize, [f64; 2])], searches: &[PairSearch]) -> Vec<Best> {
    let mut best: Vec<Option<Best>> = (0..n_patterns).map(|_| None).collect();
    let mut maxima: Vec<Vec<f64>> = vec![Vec::new(); n_patterns];
    for (search, &(pattern, _)) in starts.iter().enumerate() {
        let value = searches[search].value();
        let is_better = best[pattern]
            .as_ref()
            .is_none_or(|best| value > searches[best.search].value());
        if is_better {
            best[pattern] = Some(Best { search, n_maxima: 0 });
        }
        if !maxima[pattern].iter().any(|known| (known - value).abs() < SAME_MAXIMUM) {
            maxima[pattern].push(value);
        }
    }
    best.into_iter()
        .zip(maxima)
        .filter_map(|(best, maxima)| {
            let n_maxima = maxima.len() as u32;
            best.map(|best| Best { n_maxima, ..best })
        })
        .collect()
}

/// Returns variances and covariance at each pattern's maximum, from differences of the gradient.
fn covariances(
    model: &FamilyModel,
    best: &[Best],
    searches: &[PairSearch],
    monitor: &Monitor,
) -> Result<Vec<[f64; 3]>, ModelError> {
    let lanes = model.lanes(&(0..best.len()).collect::<Vec<_>>());
    let mut slopes = Vec::with_capacity(4);
    for (axis, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)] {
        let shifted = |best: &Best| {
            let mut point = searches[best.search].point();
            point[axis] += sign * DIFFERENCE;
            point
        };
        let points: Vec<[f64; 2]> = best.iter().map(shifted).collect();
        slopes.push(lanes.values_and_gradients(&points, monitor)?.gradients);
    }
    let of_pattern = |pattern: usize| {
        let second = |axis: usize, by: usize| {
            (slopes[2 * axis][pattern][by] - slopes[2 * axis + 1][pattern][by]) / (2.0 * DIFFERENCE)
        };
        let information = [-second(0, 0), -second(1, 1), -(second(0, 1) + second(1, 0)) / 2.0];
        invert(information, searches[best[pattern].search].at_bound())
    };
    Ok((0..best.len()).map(of_pattern).collect())
}

fn invert([a, b, c]: [f64; 3], at_bound: [bool; 2]) -> [f64; 3] {
    let positive = |value: f64| if value > 0.0 { 1.0 / value } else { f64::NAN };
    let none = f64::NAN;
    match at_bound {
        [true, true] => [none; 3],
        [true, false] => [none, positive(b), none],
        [false, true] => [positive(a), none, none],
        [false, false] => {
            let determinant = a * b - c * c;
            if a > 0.0 && determinant > 0.0 {
                [b / determinant, a / determinant, -c / determinant]
            } else {
                [none; 3]
            }
        }
    }
}
