//! A bounded maximisation in two dimensions that is told values instead of asking for them, so that many can run in
//! lock-step.

use super::lock_step::LockStep;

/// The box: the same for both coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) lower: f64,
    pub(super) upper: f64,
}

/// Largest change of a coordinate in one step.
const MAX_STEP: f64 = 2.0;
/// Rise still to be had, below which a search is over.
const TOLERANCE: f64 = 1e-10;
/// Slopes below this are rounding: the surface is level, as where all branches forget their past.
const LEVEL: f64 = 1e-12;
/// Halvings of one step.
const MAX_HALVINGS: u32 = 40;
/// A search that stands this close to flat along a coordinate may have its maximum at the end of the box.
const FLAT: f64 = 1e-4;

/// A quasi-Newton search (BFGS, backtracking, active bounds).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PairSearch {
    bounds: Bounds,
    point: [f64; 2],
    value: f64,
    gradient: [f64; 2],
    /// Inverse of minus the Hessian: both diagonal entries and the one beside; `None` before the first step.
    metric: Option<[f64; 3]>,
    step: [f64; 2],
    halvings: u32,
    settled: [bool; 2],
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Running,
    Converged,
    Stuck,
}

impl PairSearch {
    pub(super) fn new(start: [f64; 2], bounds: Bounds) -> Self {
        Self {
            bounds,
            point: start,
            value: f64::NEG_INFINITY,
            gradient: [0.0; 2],
            metric: None,
            step: [0.0; 2],
            halvings: 0,
            settled: [false; 2],
            state: State::Unknown,
        }
    }

    fn judge(&mut self, value: f64, gradient: [f64; 2]) {
        let trial = self.trial();
        let moved = [0, 1].map(|i| trial[i] - self.point[i]);
        let rise = dot(self.gradient, moved);
        let noise = 8.0 * f64::EPSILON * self.value.abs();
        if value.is_finite() && value >= self.value + 1e-4 * rise - noise {
            let change = [0, 1].map(|i| self.gradient[i] - gradient[i]);
            (self.point, self.value, self.gradient) = (trial, value, gradient);
            self.learn(moved, change);
            self.aim();
        } else if self.halvings < MAX_HALVINGS {
            self.halvings += 1;
        } else if self.metric.take().is_some() {
            self.aim();
        } else {
            self.state = State::Stuck;
        }
    }

    /// Updates the inverse Hessian with a step and the fall of the gradient along it.
    fn learn(&mut self, moved: [f64; 2], change: [f64; 2]) {
        let curvature = dot(moved, change);
        if curvature <= 1e-12 * (dot(moved, moved) * dot(change, change)).sqrt() {
            return;
        }
        let [a, b, c] = self.metric.unwrap_or_else(|| {
            let scale = curvature / dot(change, change);
            [scale, scale, 0.0]
        });
        let carried = [a * change[0] + c * change[1], c * change[0] + b * change[1]];
        let factor = (1.0 + dot(change, carried) / curvature) / curvature;
        let entry = |i: usize, j: usize, old: f64| {
            old + factor * moved[i] * moved[j] - (carried[i] * moved[j] + moved[i] * carried[j]) / curvature
        };
        self.metric = Some([entry(0, 0, a), entry(1, 1, b), entry(0, 1, c)]);
    }

    /// Chooses the next step, or ends the search.
    fn aim(&mut self) {
        if self.state != State::Running {
            return;
        }
        self.halvings = 0;
        let held = self.presses();
        let gradient = [0, 1].map(|i| if held[i] { 0.0 } else { self.gradient[i] });
        if gradient.iter().all(|slope| slope.abs() < LEVEL) {
            self.state = State::Converged;
            return;
        }
        let newton = self.metric.map(|[a, b, c]| match held {
            [true, _] => [0.0, (b - c * c / a) * gradient[1]],
            [_, true] => [(a - c * c / b) * gradient[0], 0.0],
            _ => [a * gradient[0] + c * gradient[1], c * gradient[0] + b * gradient[1]],
        });
        let steepest = {
            let largest = gradient[0].abs().max(gradient[1].abs()).max(1.0);
            gradient.map(|slope| slope / largest)
        };
        let step = newton.filter(|step| dot(*step, gradient) > 0.0);
        if let Some(step) = step
            && dot(step, gradient) < TOLERANCE
        {
            self.state = State::Converged;
            return;
        }
        let step = step.unwrap_or(steepest);
        let longest = step[0].abs().max(step[1].abs());
        self.step = step.map(|part| part * (MAX_STEP / longest).min(1.0));
    }

    fn presses(&self) -> [bool; 2] {
        [0, 1].map(|i| {
            (self.point[i] <= self.bounds.lower && self.gradient[i] <= 0.0)
                || (self.point[i] >= self.bounds.upper && self.gradient[i] >= 0.0)
        })
    }

    pub(super) fn has_converged(&self) -> bool {
        self.state == State::Converged
    }

    pub(super) fn point(&self) -> [f64; 2] {
        self.point
    }

    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// Returns which coordinates stand at an end of the box and press against it, or were put there.
    pub(super) fn at_bound(&self) -> [bool; 2] {
        let pressed = self.presses();
        [0, 1].map(|i| pressed[i] || self.settled[i])
    }

    /// Returns whether the maximum may lie at an end of the box although the search stopped before.
    pub(super) fn may_be_flat(&self) -> bool {
        self.gradient.iter().all(|slope| slope.abs() < FLAT)
    }

    /// Returns the point with one coordinate at an end of the box.
    pub(super) fn at_end(&self, axis: usize, is_upper: bool) -> [f64; 2] {
        let mut point = self.point;
        point[axis] = if is_upper { self.bounds.upper } else { self.bounds.lower };
        point
    }

    /// Takes value and gradient at [`at_end`](Self::at_end), and goes there if that costs nothing.
    pub(super) fn settle(&mut self, axis: usize, is_upper: bool, value: f64, gradient: [f64; 2]) {
        let noise = 8.0 * f64::EPSILON * self.value.abs();
        if value >= self.value - 10.0 * TOLERANCE - noise && !self.settled[axis] {
            self.point = self.at_end(axis, is_upper);
            (self.value, self.gradient) = (value, gradient);
            self.settled[axis] = true;
        }
    }
}

impl LockStep for PairSearch {
    fn trial(&self) -> [f64; 2] {
        let scale = 0.5_f64.powi(self.halvings as i32);
        [0, 1].map(|i| (self.point[i] + scale * self.step[i]).clamp(self.bounds.lower, self.bounds.upper))
    }

    fn tell(&mut self, value: f64, gradient: [f64; 2]) {
        match self.state {
            State::Unknown => {
                (self.value, self.gradient) = (value, gradient);
                self.state = if value.is_finite() {
                    State::Running
                } else {
                    State::Stuck
                };
                self.aim();
            }
            State::Running => self.judge(value, gradient),
            State::Converged | State::Stuck => {}
        }
    }

    fn is_running(&self) -> bool {
        matches!(self.state, State::Unknown | State::Running)
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}
