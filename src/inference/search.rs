//! The steps of a maximisation: quasi-Newton, Newton, and parameters put at their bounds.

use super::optimise::{Bounds, Ending, Evaluation, Optimum, Settings};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Largest change of a parameter in one step.
const MAX_STEP: f64 = 2.0;
/// Step of the central differences that give the Hessian; parameters are logs, so their natural scale is 1.
const DIFFERENCE: f64 = 1e-4;
/// Standard error above which a parameter may as well stand at a bound.
const LOOSE: f64 = 1.0;
/// Steps in a row along which the surface bends up, after which the metric is forgotten.
const MOST_BENT_UP: usize = 3;
/// How far a saddle is left along a direction in which the surface bends up.
const SADDLE_STEP: f64 = 0.1;
/// Newton steps after the quasi-Newton phase.
const MAX_NEWTON: usize = 20;

/// A search on its way.
pub(super) struct Search<'a, E> {
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
    pub(super) fn new(
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

    pub(super) fn quasi_newton(&mut self, settings: Settings<'_>) -> Result<Ending, E> {
        let n = self.point.len();
        let mut known = settings.metric.is_some();
        let mut inverse = settings.metric.cloned().unwrap_or_else(|| DMatrix::identity(n, n));
        let mut free = self.free();
        let mut n_bent_up = 0;
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
                update_inverse(&mut inverse, &moved, &change, curvature);
                n_bent_up = 0;
            } else {
                n_bent_up += 1;
                if n_bent_up == MOST_BENT_UP {
                    // Where the surface bends up the metric is never updated: the steps would stay as short as they are.
                    known = false;
                    inverse = DMatrix::identity(n, n);
                    n_bent_up = 0;
                }
            }
        }
        Ok(Ending::IterationLimit)
    }

    pub(super) fn end(&mut self, ending: Ending) {
        self.ending = ending;
    }

    pub(super) fn newton(&mut self, settings: Settings<'_>, quasi: Ending) -> Result<(), E> {
        self.ending = quasi;
        for _ in 0..MAX_NEWTON {
            let free = self.free();
            self.hessian = self.hessian(&free)?;
            if free.is_empty() {
                self.ending = Ending::Converged;
                break;
            }
            let gradient = self.gradient(&free);
            let factor = (-&self.hessian).cholesky();
            let (direction, on_failure) = match &factor {
                Some(factor) => (factor.solve(&gradient), Ending::LineSearch),
                None => (uphill(&self.hessian, &gradient), Ending::FlatOrSaddle),
            };
            if factor.is_some() && 0.5 * direction.dot(&gradient) < settings.tolerance {
                self.ending = Ending::Converged;
                break;
            }
            if quasi == Ending::IterationLimit {
                break;
            }
            self.iterations += 1;
            let before = self.now.value;
            let has_moved = self.step(&free, &direction)?;
            if !has_moved || (factor.is_none() && self.now.value < before + settings.tolerance) {
                self.ending = on_failure;
                break;
            }
            self.ending = Ending::IterationLimit;
        }
        Ok(())
    }

    /// Returns the free parameters along which the surface may be flat all the way to a bound: those whose curvature
    /// gives no narrow interval.
    fn loose(&self) -> Vec<usize> {
        let free = self.free();
        let inverse = (-&self.hessian).cholesky().map(|factor| factor.inverse());
        let is_loose = |&(place, _): &(usize, &usize)| match &inverse {
            Some(inverse) => inverse[(place, place)] > LOOSE * LOOSE,
            None => true,
        };
        free.iter().enumerate().filter(is_loose).map(|(_, &i)| i).collect()
    }

    /// Puts each loose parameter at a bound where that costs nothing; returns whether any was moved.
    pub(super) fn settle_at_bounds(&mut self, settings: Settings<'_>) -> Result<bool, E> {
        let mut moved = false;
        for i in self.loose() {
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

    pub(super) fn finish(self) -> Optimum {
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

/// Brings the inverse of minus the Hessian up to date with a step and the change of the gradient along it (BFGS).
fn update_inverse(inverse: &mut DMatrix<f64>, moved: &DVector<f64>, change: &DVector<f64>, curvature: f64) {
    let carried = &*inverse * change;
    let factor = (1.0 + change.dot(&carried) / curvature) / curvature;
    inverse.ger(factor, moved, moved, 1.0);
    inverse.ger(-1.0 / curvature, &carried, moved, 1.0);
    inverse.ger(-1.0 / curvature, moved, &carried, 1.0);
}

/// Returns a way up where the surface is a saddle: Newton's step with every curvature taken as a downward one.
///
/// Along a direction in which the surface bends up and has no slope, the step leaves the saddle by a fixed length.
fn uphill(hessian: &DMatrix<f64>, gradient: &DVector<f64>) -> DVector<f64> {
    let eigen = SymmetricEigen::new(hessian.clone());
    let largest = eigen.eigenvalues.amax();
    let mut direction = DVector::zeros(gradient.len());
    for (&value, vector) in eigen.eigenvalues.iter().zip(eigen.eigenvectors.column_iter()) {
        let slope = vector.dot(gradient);
        let mut along = slope / value.abs().max(1e-8 * largest).max(f64::MIN_POSITIVE);
        if value > 1e-6 * largest && along.abs() < SADDLE_STEP {
            along = if slope < 0.0 { -SADDLE_STEP } else { SADDLE_STEP };
        }
        direction.axpy(along, &vector, 1.0);
    }
    direction
}
