//! Bounded maximisation of a smooth function with exact gradients; it knows nothing of what is maximised.
//!
//! Quasi-Newton (BFGS) steps with the bounds as an active set and a backtracking line search lead near the maximum;
//! Newton steps on a Hessian from central differences of the gradient finish it and prove it. Converged means that
//! the Hessian of the free parameters is negative definite and that one more Newton step would raise the value by
//! less than the tolerance, a measure that does not change with the scale of the parameters. A maximum at infinity is
//! approached over a plateau on which the gradient vanishes long before the bound; so a parameter that may as well
//! stand at its bound is put there and reported, and does not pass for a finite estimate.
//!
//! Source: Nocedal and Wright 2006, Numerical Optimization, chapters 3 and 6; Bertsekas 1982, doi:10.1137/0320018
//! (active bounds).

use super::search::Search;
use nalgebra::{DMatrix, DVector};

/// A point, the function's value there and its gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The value.
    pub value: f64,
    /// The gradient.
    pub gradient: Vec<f64>,
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// Quasi-Newton iterations at most.
    pub max_iterations: usize,
    /// Rise of the value still to be had, below which the search is over.
    pub tolerance: f64,
    /// What the inverse of minus the Hessian is thought to be at the start.
    pub metric: Option<&'a DMatrix<f64>>,
    /// Whether Newton steps finish the search and prove it; without them the Hessian of the result is empty.
    pub polish: bool,
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A maximum by the criterion of this module.
    Converged,
    /// The iterations were used up.
    IterationLimit,
    /// The function does not curve down in all free directions.
    FlatOrSaddle,
    /// No step raised the value although the gradient says it should.
    LineSearch,
}

impl Ending {
    /// Returns the reason as a phrase.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Converged => "the information is positive definite and a further Newton step would gain nothing",
            Self::IterationLimit => "the iteration limit was reached",
            Self::FlatOrSaddle => "the surface is flat or a saddle: the information is not positive definite",
            Self::LineSearch => "no step along the gradient raised the log-likelihood",
        }
    }
}

/// Where a search ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimum {
    /// The parameters.
    pub point: Vec<f64>,
    /// Value and gradient there.
    pub evaluation: Evaluation,
    /// The Hessian of the parameters that are not at a bound, in their order.
    pub hessian: DMatrix<f64>,
    /// Which parameters stand at a bound and press against it.
    pub at_bound: Vec<bool>,
    /// Why the search ended.
    pub ending: Ending,
    /// Quasi-Newton and Newton iterations.
    pub iterations: usize,
    /// Evaluations of value and gradient.
    pub evaluations: usize,
}

/// A box of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Smallest values.
    pub lower: Vec<f64>,
    /// Largest values.
    pub upper: Vec<f64>,
}

impl Bounds {
    pub(super) fn clamp(&self, point: &mut DVector<f64>) {
        for (i, x) in point.iter_mut().enumerate() {
            *x = x.clamp(self.lower[i], self.upper[i]);
        }
    }

    pub(super) fn presses(&self, point: &[f64], gradient: &[f64]) -> Vec<bool> {
        (0..point.len())
            .map(|i| {
                (point[i] <= self.lower[i] && gradient[i] <= 0.0) || (point[i] >= self.upper[i] && gradient[i] >= 0.0)
            })
            .collect()
    }
}

/// Returns the maximum of `objective` in the box that is reached from `start`.
///
/// `objective` returns value and gradient at a point; values of minus infinity are steps too far. The start must have
/// a finite value.
///
/// # Errors
/// Whatever `objective` fails with.
pub fn maximise<E>(
    objective: &mut dyn FnMut(&[f64]) -> Result<Evaluation, E>,
    start: &[f64],
    bounds: &Bounds,
    settings: Settings<'_>,
) -> Result<Optimum, E> {
    let mut search = Search::new(objective, start, bounds)?;
    let quasi = search.quasi_newton(settings)?;
    if !settings.polish {
        search.end(quasi);
        return Ok(search.finish());
    }
    search.newton(settings, quasi)?;
    if search.settle_at_bounds(settings)? {
        search.newton(settings, quasi)?;
    }
    Ok(search.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        max_iterations: 200,
        tolerance: 1e-10,
        metric: None,
        polish: true,
    };

    fn bounds(lower: f64, upper: f64) -> Bounds {
        Bounds {
            lower: vec![lower; 2],
            upper: vec![upper; 2],
        }
    }

    /// Minus Rosenbrock's function: maximum 0 at (1, 1) at the end of a curved ridge.
    fn ridge(x: &[f64]) -> Result<Evaluation, ()> {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        Ok(Evaluation {
            value: -(a * a + 100.0 * b * b),
            gradient: vec![2.0 * a + 400.0 * x[0] * b, -200.0 * b],
        })
    }

    #[test]
    fn curved_ridge_is_climbed_to_its_top() {
        let optimum = maximise(&mut ridge, &[-1.2, 1.0], &bounds(-5.0, 5.0), SETTINGS).unwrap();
        assert_eq!(optimum.ending, Ending::Converged);
        assert!(
            (optimum.point[0] - 1.0).abs() < 1e-6 && (optimum.point[1] - 1.0).abs() < 1e-6,
            "{optimum:?}"
        );
        // Second derivatives of the function at (1, 1): -802, 400, -200.
        assert!((optimum.hessian[(0, 0)] + 802.0).abs() < 1e-3 && (optimum.hessian[(0, 1)] - 400.0).abs() < 1e-3);
    }

    #[test]
    fn maximum_at_a_bound_is_found_and_reported() {
        let optimum = maximise(&mut ridge, &[-1.2, 1.0], &bounds(-5.0, 0.5), SETTINGS).unwrap();
        // On x = 1/2 the best y is 1/4.
        assert_eq!(optimum.at_bound, [true, false]);
        assert!((optimum.point[1] - 0.25).abs() < 1e-8, "{optimum:?}");
        assert_eq!(optimum.ending, Ending::Converged);
    }

    #[test]
    fn a_maximum_at_infinity_is_reported_at_the_bound() {
        // Rises towards x = -infinity, by less than can be seen long before the bound; y has a maximum at 1.
        let mut plateau = |x: &[f64]| {
            let rise = 1.0 / (1.0 + x[0].exp());
            let y = 1.0 - x[1];
            Ok::<_, ()>(Evaluation {
                value: rise - y * y,
                gradient: vec![-rise * (1.0 - rise), 2.0 * y],
            })
        };
        let optimum = maximise(&mut plateau, &[0.0, 0.0], &bounds(-40.0, 40.0), SETTINGS).unwrap();
        assert_eq!(optimum.at_bound, [true, false]);
        assert_eq!(optimum.point[0], -40.0);
        assert!(
            (optimum.point[1] - 1.0).abs() < 1e-6 && optimum.ending == Ending::Converged,
            "{optimum:?}"
        );
    }

    #[test]
    fn a_saddle_is_left_for_a_maximum() {
        // Two maxima at (1, 0) and (-1, 0), a saddle between them, where the gradient is zero.
        let mut hills = |x: &[f64]| {
            let (a, b) = (x[0] * x[0] - 1.0, x[1]);
            Ok::<_, ()>(Evaluation {
                value: -a * a - b * b,
                gradient: vec![-4.0 * a * x[0], -2.0 * b],
            })
        };
        let optimum = maximise(&mut hills, &[0.0, 0.5], &bounds(-5.0, 5.0), SETTINGS).unwrap();
        assert_eq!(optimum.ending, Ending::Converged);
        // A rise of 1e-10 that is left, at a curvature of 8, is a distance of 5e-6.
        assert!(
            (optimum.point[0].abs() - 1.0).abs() < 5e-6 && optimum.evaluation.value > -1e-10,
            "{optimum:?}"
        );
    }

    #[test]
    fn a_flat_direction_is_reported_at_a_bound_and_a_used_up_budget_is_not_called_convergence() {
        let mut flat = |x: &[f64]| {
            let gradient = vec![-2.0 * x[0], 0.0];
            Ok::<_, ()>(Evaluation {
                value: -x[0] * x[0],
                gradient,
            })
        };
        let optimum = maximise(&mut flat, &[1.0, 1.0], &bounds(-5.0, 5.0), SETTINGS).unwrap();
        assert_eq!(optimum.at_bound, [false, true]);
        let short = Settings {
            max_iterations: 2,
            ..SETTINGS
        };
        let optimum = maximise(&mut ridge, &[-1.2, 1.0], &bounds(-5.0, 5.0), short).unwrap();
        assert_ne!(optimum.ending, Ending::Converged);
    }
}
