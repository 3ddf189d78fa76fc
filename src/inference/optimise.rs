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

use nalgebra::{DMatrix, DVector};

/// Largest change of a parameter in one step.
const MAX_STEP: f64 = 2.0;
/// Step of the central differences that give the Hessian; parameters are logs, so their natural scale is 1.
const DIFFERENCE: f64 = 1e-4;
/// Newton steps after the quasi-Newton phase.
const MAX_NEWTON: usize = 20;

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
pub struct Settings {
    /// Quasi-Newton iterations at most.
    pub max_iterations: usize,
    /// Rise of the value still to be had, below which the search is over.
    pub tolerance: f64,
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
    fn clamp(&self, point: &mut DVector<f64>) {
        for (i, x) in point.iter_mut().enumerate() {
            *x = x.clamp(self.lower[i], self.upper[i]);
        }
    }

    fn presses(&self, point: &[f64], gradient: &[f64]) -> Vec<bool> {
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
    settings: Settings,
) -> Result<Optimum, E> {
    let mut search = Search::new(objective, start, bounds)?;
    let quasi = search.quasi_newton(settings)?;
    search.newton(settings, quasi)?;
    if search.settle_at_bounds(settings)? {
        search.newton(settings, quasi)?;
    }
    Ok(search.finish())
}

struct Search<'a, E> {
    objective: &'a mut dyn FnMut(&[f64]) -> Result<Evaluation, E>,
    bounds: &'a Bounds,
    point: DVector<f64>,
    now: Evaluation,
    /// Parameters that were put at a bound because that costs nothing.
    settled: Vec<bool>,
    hessian: DMatrix<f64>,
    ending: Ending,
    iterations: usize,
    evaluations: usize,
}

impl<'a, E> Search<'a, E> {
    fn new(
        objective: &'a mut dyn FnMut(&[f64]) -> Result<Evaluation, E>,
        start: &[f64],
        bounds: &'a Bounds,
    ) -> Result<Self, E> {
        let mut point = DVector::from_column_slice(start);
        bounds.clamp(&mut point);
        let now = objective(point.as_slice())?;
        Ok(Self {
            objective,
            bounds,
            settled: vec![false; start.len()],
            hessian: DMatrix::zeros(0, 0),
            ending: Ending::IterationLimit,
            point,
            now,
            iterations: 0,
            evaluations: 1,
        })
    }

    fn free(&self) -> Vec<usize> {
        let at_bound = self.at_bound();
        (0..at_bound.len()).filter(|&i| !at_bound[i]).collect()
    }

    fn at_bound(&self) -> Vec<bool> {
        let pressed = self.bounds.presses(self.point.as_slice(), &self.now.gradient);
        pressed
            .iter()
            .zip(&self.settled)
            .map(|(pressed, settled)| pressed | settled)
            .collect()
    }

    fn gradient(&self, free: &[usize]) -> DVector<f64> {
        DVector::from_iterator(free.len(), free.iter().map(|&i| self.now.gradient[i]))
    }

    /// Goes along `direction` (over the free parameters) as far as the value rises enough; returns whether it did.
    fn step(&mut self, free: &[usize], direction: &DVector<f64>) -> Result<bool, E> {
        let longest = direction.amax();
        if longest.is_nan() || longest == 0.0 {
            return Ok(false);
        }
        let mut scale = (MAX_STEP / longest).min(1.0);
        // Differences below the rounding of the value cannot be seen.
        let noise = 4.0 * f64::EPSILON * self.now.value.abs();
        for _ in 0..40 {
            let mut point = self.point.clone();
            for (k, &i) in free.iter().enumerate() {
                point[i] += scale * direction[k];
            }
            self.bounds.clamp(&mut point);
            let rise: f64 = (0..point.len())
                .map(|i| self.now.gradient[i] * (point[i] - self.point[i]))
                .sum();
            let next = (self.objective)(point.as_slice())?;
            self.evaluations += 1;
            if next.value.is_finite() && next.value >= self.now.value + 1e-4 * rise - noise {
                self.point = point;
                self.now = next;
                return Ok(true);
            }
            let missing = rise - (next.value - self.now.value);
            let fitted = if missing.is_finite() && missing > 0.0 {
                rise / (2.0 * missing)
            } else {
                0.0
            };
            scale *= fitted.clamp(0.1, 0.5);
        }
        Ok(false)
    }

    fn quasi_newton(&mut self, settings: Settings) -> Result<Ending, E> {
        let n = self.point.len();
        let mut inverse = DMatrix::<f64>::identity(n, n);
        let mut known = false;
        let mut free = self.free();
        while self.iterations < settings.max_iterations {
            let gradient = self.gradient(&free);
            if gradient.is_empty() {
                return Ok(Ending::Converged);
            }
            let metric = DMatrix::from_fn(free.len(), free.len(), |i, j| inverse[(free[i], free[j])]);
            let mut direction = if known {
                &metric * &gradient
            } else {
                &gradient / gradient.amax().max(1.0)
            };
            if direction.dot(&gradient) <= 0.0 {
                direction = &gradient / gradient.amax().max(1.0);
                known = false;
            }
            if known && direction.dot(&gradient) < settings.tolerance {
                return Ok(Ending::Converged);
            }
            let (point, before) = (self.point.clone(), self.now.clone());
            self.iterations += 1;
            if !self.step(&free, &direction)? {
                if known {
                    known = false;
                    inverse = DMatrix::identity(n, n);
                    continue;
                }
                return Ok(Ending::LineSearch);
            }
            let moved = &self.point - point;
            let change = DVector::from_iterator(n, (0..n).map(|i| before.gradient[i] - self.now.gradient[i]));
            let curvature = moved.dot(&change);
            let still_free = self.free();
            if still_free != free {
                known = false;
                inverse = DMatrix::identity(n, n);
                free = still_free;
            } else if curvature > 1e-12 * moved.norm() * change.norm() {
                if !known {
                    inverse = DMatrix::identity(n, n) * (curvature / change.norm_squared());
                    known = true;
                }
                let left = DMatrix::identity(n, n) - &moved * change.transpose() / curvature;
                inverse = &left * inverse * left.transpose() + &moved * moved.transpose() / curvature;
            }
        }
        Ok(Ending::IterationLimit)
    }

    fn newton(&mut self, settings: Settings, quasi: Ending) -> Result<(), E> {
        self.ending = quasi;
        for _ in 0..MAX_NEWTON {
            let free = self.free();
            self.hessian = self.hessian(&free)?;
            if free.is_empty() {
                self.ending = Ending::Converged;
                break;
            }
            let gradient = self.gradient(&free);
            let Some(factor) = (-&self.hessian).cholesky() else {
                if quasi != Ending::IterationLimit {
                    self.ending = Ending::FlatOrSaddle;
                }
                break;
            };
            let direction = factor.solve(&gradient);
            if 0.5 * direction.dot(&gradient) < settings.tolerance {
                self.ending = Ending::Converged;
                break;
            }
            if quasi == Ending::IterationLimit {
                break;
            }
            self.iterations += 1;
            if !self.step(&free, &direction)? {
                self.ending = Ending::LineSearch;
                break;
            }
            self.ending = Ending::IterationLimit;
        }
        Ok(())
    }

    /// Puts each free parameter at a bound where that costs nothing; returns whether any was moved.
    fn settle_at_bounds(&mut self, settings: Settings) -> Result<bool, E> {
        let mut moved = false;
        for i in self.free() {
            for bound in [self.bounds.lower[i], self.bounds.upper[i]] {
                let mut point = self.point.clone();
                point[i] = bound;
                let there = (self.objective)(point.as_slice())?;
                self.evaluations += 1;
                let noise = 4.0 * f64::EPSILON * self.now.value.abs();
                if there.value >= self.now.value - settings.tolerance - noise {
                    (self.point, self.now) = (point, there);
                    self.settled[i] = true;
                    moved = true;
                    break;
                }
            }
        }
        Ok(moved)
    }

    fn finish(self) -> Optimum {
        Optimum {
            at_bound: self.at_bound(),
            point: self.point.as_slice().to_vec(),
            evaluation: self.now,
            hessian: self.hessian,
            ending: self.ending,
            iterations: self.iterations,
            evaluations: self.evaluations,
        }
    }

    /// Returns the Hessian of the free parameters by central differences of the gradient, made symmetric.
    fn hessian(&mut self, free: &[usize]) -> Result<DMatrix<f64>, E> {
        let n = free.len();
        let mut hessian = DMatrix::zeros(n, n);
        for (column, &i) in free.iter().enumerate() {
            let mut at = |shift: f64| {
                let mut point = self.point.clone();
                point[i] += shift;
                (self.objective)(point.as_slice())
            };
            let (above, below) = (at(DIFFERENCE)?, at(-DIFFERENCE)?);
            self.evaluations += 2;
            for (row, &j) in free.iter().enumerate() {
                hessian[(row, column)] = (above.gradient[j] - below.gradient[j]) / (2.0 * DIFFERENCE);
            }
        }
        Ok((&hessian + hessian.transpose()) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        max_iterations: 200,
        tolerance: 1e-10,
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
