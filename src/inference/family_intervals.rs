//! Profile-likelihood intervals of every family's own rates, all ends of all families side by side.

use super::family_fit::FamilyFits;
use super::lock_step;
use super::pair_search::Bounds;
use super::profile_end::{ProfileEnd, Summit};
use crate::error::ModelError;
use crate::model::FamilyModel;
use crate::parallel::Monitor;

/// Lower and upper ends for log gain and log loss of each family, `[n_families][2]`.
///
/// An end is infinite where the likelihood does not fall enough before the rate is as good as 0 or infinite, NaN where
/// the search for it failed.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyIntervals {
    /// Lower ends.
    pub lower: Vec<[f64; 2]>,
    /// Upper ends.
    pub upper: Vec<[f64; 2]>,
}

/// Returns the log-rates at which a family's profile log-likelihood is `drop` below its maximum, on either side.
///
/// Half of a quantile of the chi-squared distribution with one degree of freedom as `drop` gives an interval of that
/// level. The other rate follows its best from the maximum outwards, so of a likelihood with several hills this is the
/// interval around the highest.
///
/// # Errors
/// [`ModelError::Cancelled`] and those of an evaluation.
///
/// # Source
/// Venzon and Moolgavkar 1988, doi:10.2307/2347496.
pub fn family_intervals(
    model: &FamilyModel,
    fits: &FamilyFits,
    drop: f64,
    monitor: &Monitor,
) -> Result<FamilyIntervals, ModelError> {
    let patterns = model.problem().patterns();
    let bounds = Bounds {
        lower: fits.bounds.0,
        upper: fits.bounds.1,
    };
    // One family of each pattern stands for all.
    let mut family_of_pattern = vec![0; patterns.n_patterns()];
    for (family, &pattern) in patterns.pattern_of_family().iter().enumerate() {
        family_of_pattern[pattern as usize] = family;
    }
    let mut searches = Vec::with_capacity(4 * family_of_pattern.len());
    let mut places = Vec::with_capacity(4 * family_of_pattern.len());
    for (pattern, &family) in family_of_pattern.iter().enumerate() {
        let summit = Summit {
            point: fits.log_rates[family],
            value: fits.log_likelihoods[family],
            covariance: fits.covariances[family],
        };
        for axis in 0..2 {
            for is_upper in [false, true] {
                searches.push(ProfileEnd::new(summit, axis, is_upper, drop, bounds));
                places.push(pattern);
            }
        }
    }
    lock_step::run(model, &places, &mut searches, monitor)?;
    let ends = |is_upper: bool| {
        let of_family =
            |&pattern: &u32| [0, 1].map(|axis| searches[4 * pattern as usize + 2 * axis + usize::from(is_upper)].end());
        patterns.pattern_of_family().iter().map(of_family).collect()
    };
    Ok(FamilyIntervals {
        lower: ends(false),
        upper: ends(true),
    })
}
