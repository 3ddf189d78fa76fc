//! Profile likelihood: one parameter held, all others at their best.

use super::fit::{FitResult, Scaled, TOLERANCE};
use super::optimise::Settings;
use crate::error::ModelError;
use crate::model::GeneContentModel;
use crate::parallel::Monitor;

/// Iterations of each search with the parameter held.
const MAX_ITERATIONS: usize = 200;
/// Steps that look for an end of an interval.
const MAX_STEPS: usize = 60;
/// Precision of an interval's end, in units of the signed root of the deviance.
const PRECISION: f64 = 1e-5;

/// A point of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfilePoint {
    /// Where the parameter is held.
    pub value: f64,
    /// The greatest log-likelihood (less the penalty, if the model has one) with it there.
    pub log_likelihood: f64,
    /// All parameters.
    pub parameters: Vec<f64>,
}

/// An interval from a profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfileInterval {
    /// Lower end; minus infinity if the log-likelihood does not fall enough before the end of the search box.
    pub lower: f64,
    /// Upper end; infinity likewise.
    pub upper: f64,
}

/// Returns the profile log-likelihood of a parameter at these values, in their order.
///
/// # Errors
/// [`ModelError::Cancelled`] and those of an evaluation.
pub fn profile(
    model: &GeneContentModel,
    fit: &FitResult,
    parameter: usize,
    values: &[f64],
    monitor: &Monitor,
) -> Result<Vec<ProfilePoint>, ModelError> {
    // From the estimate outwards, each search starting where its neighbour ended.
    let estimate = fit.parameters[parameter];
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| (values[a] - estimate).abs().total_cmp(&(values[b] - estimate).abs()));
    let mut found: Vec<Option<ProfilePoint>> = vec![None; values.len()];
    let (mut below, mut above) = (fit.parameters.clone(), fit.parameters.clone());
    for index in order {
        let neighbour = if values[index] < estimate {
            &mut below
        } else {
            &mut above
        };
        let point = held(model, parameter, values[index], neighbour, monitor)?;
        neighbour.clone_from(&point.parameters);
        found[index] = Some(point);
    }
    Ok(found.into_iter().flatten().collect())
}

/// Returns the interval of values that a likelihood-ratio test does not reject: those whose profile log-likelihood is
/// at most `drop` below the maximum; 1.9207 gives 95 %.
///
/// # Errors
/// As [`profile`].
///
/// # Source
/// Venzon and Moolgavkar 1988, doi:10.2307/2347496.
pub fn profile_interval(
    model: &GeneContentModel,
    fit: &FitResult,
    parameter: usize,
    drop: f64,
    monitor: &Monitor,
) -> Result<ProfileInterval, ModelError> {
    let bounds = (fit.bounds.lower[parameter], fit.bounds.upper[parameter]);
    Ok(ProfileInterval {
        lower: end(model, fit, parameter, drop, bounds.0, monitor)?.unwrap_or(f64::NEG_INFINITY),
        upper: end(model, fit, parameter, drop, bounds.1, monitor)?.unwrap_or(f64::INFINITY),
    })
}

/// Returns where the profile has fallen by `drop` on the way from the estimate to `bound`, if it does.
///
/// Works on the square root of the deviance, which is nearly linear in the parameter.
fn end(
    model: &GeneContentModel,
    fit: &FitResult,
    parameter: usize,
    drop: f64,
    bound: f64,
    monitor: &Monitor,
) -> Result<Option<f64>, ModelError> {
    let (estimate, best) = (fit.parameters[parameter], fit.log_likelihood - fit.penalty);
    let wanted = (2.0 * drop).sqrt();
    let mut start = fit.parameters.clone();
    let mut distance = |value: f64| {
        let point = held(model, parameter, value, &start, monitor)?;
        start = point.parameters;
        Ok::<_, ModelError>((2.0 * (best - point.log_likelihood)).max(0.0).sqrt())
    };
    let guess = fit
        .covariance
        .as_ref()
        .map_or(f64::NAN, |covariance| covariance[(parameter, parameter)].sqrt());
    let direction = (bound - estimate).signum();
    let mut step = if guess.is_finite() { guess } else { 0.1 } * wanted;
    let (mut inner, mut outer) = ((estimate, 0.0), None);
    for _ in 0..MAX_STEPS {
        let value = estimate + direction * step;
        let value = if (bound - value) * direction <= 0.0 {
            bound
        } else {
            value
        };
        let there = distance(value)?;
        if there >= wanted {
            outer = Some((value, there));
            break;
        }
        if value == bound {
            return Ok(None);
        }
        inner = (value, there);
        step *= if there > 0.0 {
            (1.1 * wanted / there).clamp(1.2, 4.0)
        } else {
            4.0
        };
    }
    let Some(mut outer) = outer else {
        return Ok(None);
    };
    for _ in 0..MAX_STEPS {
        if outer.1 - wanted < PRECISION {
            return Ok(Some(outer.0));
        }
        // Linear interpolation, kept off the ends so that the bracket shrinks.
        let share = ((wanted - inner.1) / (outer.1 - inner.1)).clamp(0.02, 0.98);
        let value = inner.0 + share * (outer.0 - inner.0);
        let there = distance(value)?;
        if (there - wanted).abs() < PRECISION {
            return Ok(Some(value));
        }
        if there < wanted {
            inner = (value, there);
        } else {
            outer = (value, there);
        }
    }
    Ok(Some(outer.0))
}

fn held(
    model: &GeneContentModel,
    parameter: usize,
    value: f64,
    start: &[f64],
    monitor: &Monitor,
) -> Result<ProfilePoint, ModelError> {
    let mut search = Scaled::new(model, None, model.workers(), monitor)?;
    search.hold(parameter, value);
    let mut start = start.to_vec();
    start[parameter] = value;
    let settings = Settings {
        max_iterations: MAX_ITERATIONS,
        tolerance: TOLERANCE,
        metric: None,
        polish: false,
    };
    let optimum = search.climb(&start, settings)?;
    Ok(ProfilePoint {
        value,
        log_likelihood: optimum.evaluation.value,
        parameters: search.unscaled(&optimum.point),
    })
}
