//! One end of a profile-likelihood interval in two dimensions, as a search that is told values.
//!
//! The outer search moves the held coordinate x until the profile `p(x) = max_y L(x, y)` has fallen by `drop`: Newton's
//! method on the root of the fall, which is nearly straight in x (its slope is known, for `p'(x) = dL/dx` where
//! `dL/dy = 0`), kept inside a bracket. The inner search finds y by secants of the slope, kept inside a bracket too.

use super::lock_step::LockStep;
use super::pair_search::Bounds;

/// Error of the fall at the end that is found.
const PRECISION: f64 = 1e-6;
/// Rise in y still to be had, below which the inner search is over.
const INNER: f64 = 1e-8;
/// Slopes below this are rounding.
const LEVEL: f64 = 1e-10;
/// Longest step of either search.
const MAX_STEP: f64 = 3.0;
/// Brackets narrower than this cannot be told apart.
const NARROW: f64 = 1e-9;
/// A fall whose root is a smaller share than this of the one wanted tells nothing of how far the end is.
const PLATEAU: f64 = 1e-3;
/// A point this much above the maximum shows that the maximum was none.
const HIGHER: f64 = 1e-4;

/// The maximum from which an end is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summit {
    pub(super) point: [f64; 2],
    pub(super) value: f64,
    /// Variances of the two coordinates and their covariance; NaN where there are none.
    pub(super) covariance: [f64; 3],
}

/// A search for one end.
#[derive(Debug, Clone)]
pub(super) struct ProfileEnd {
    bounds: Bounds,
    axis: usize,
    /// 1 for the upper end, -1 for the lower.
    sign: f64,
    maximum: f64,
    drop: f64,
    x: f64,
    inside: f64,
    outside: Option<f64>,
    inner: Inner,
    /// Where the inner search last ended, and how y follows x.
    last: [f64; 2],
    follows: f64,
    end: Option<f64>,
    has_failed: bool,
}

/// The search for the best y at one x.
#[derive(Debug, Clone, Copy)]
struct Inner {
    y: f64,
    /// The maximum lies between these; `None` where nothing was evaluated.
    low: Option<f64>,
    high: Option<f64>,
    /// The point before and its slope.
    before: Option<[f64; 2]>,
    /// Minus the second derivative, as last seen.
    curvature: f64,
}

impl ProfileEnd {
    /// Returns the search for the end on one side of a coordinate at which the profile has fallen by `drop`.
    pub(super) fn new(summit: Summit, axis: usize, is_upper: bool, drop: f64, bounds: Bounds) -> Self {
        let [first, second, both] = summit.covariance;
        let (own, other) = if axis == 0 { (first, second) } else { (second, first) };
        let sign = if is_upper { 1.0 } else { -1.0 };
        let start = summit.point[axis];
        let mut search = Self {
            bounds,
            axis,
            sign,
            maximum: summit.value,
            drop,
            x: start,
            inside: start,
            outside: None,
            inner: Inner {
                y: summit.point[1 - axis],
                low: None,
                high: None,
                before: None,
                curvature: own / (own * other - both * both),
            },
            last: [start, summit.point[1 - axis]],
            follows: if both.is_nan() { 0.0 } else { both / own },
            end: None,
            has_failed: false,
        };
        let at_end = if is_upper {
            start >= bounds.upper
        } else {
            start <= bounds.lower
        };
        if at_end {
            search.end = Some(sign * f64::INFINITY);
        } else {
            let wald = (2.0 * drop * own).sqrt();
            search.go_to(start + sign * if wald.is_finite() { wald.min(MAX_STEP) } else { 1.0 });
        }
        search
    }

    /// Returns the end; infinite if the profile does not fall enough before the end of the box, NaN if none was found.
    pub(super) fn end(&self) -> f64 {
        match self.end {
            Some(end) if !self.has_failed => end,
            _ => f64::NAN,
        }
    }

    fn go_to(&mut self, x: f64) {
        let x = x.clamp(self.bounds.lower, self.bounds.upper);
        let y = self.last[1] + (self.follows * (x - self.last[0])).clamp(-MAX_STEP, MAX_STEP);
        self.x = x;
        self.inner = Inner {
            y: y.clamp(self.bounds.lower, self.bounds.upper),
            low: None,
            high: None,
            before: None,
            ..self.inner
        };
    }

    /// Takes the profile and its slope at x.
    fn judge(&mut self, value: f64, slope: f64) {
        let moved = self.x - self.last[0];
        if moved != 0.0 && value.is_finite() {
            self.follows = (self.inner.y - self.last[1]) / moved;
            self.last = [self.x, self.inner.y];
        }
        let fall = self.maximum - value;
        self.has_failed |= fall < -HIGHER;
        if self.has_failed || (fall - self.drop).abs() < PRECISION {
            self.end = Some(self.x);
            return;
        }
        if fall < self.drop {
            self.inside = self.x;
            let limit = if self.sign > 0.0 {
                self.bounds.upper
            } else {
                self.bounds.lower
            };
            if self.x == limit {
                self.end = Some(self.sign * f64::INFINITY);
                return;
            }
        } else {
            self.outside = Some(self.x);
        }
        self.step(fall.max(0.0).sqrt(), slope);
    }

    fn step(&mut self, root: f64, slope: f64) {
        let wanted = self.drop.sqrt();
        let rise = -self.sign * slope / (2.0 * root);
        let newton = (wanted - root) / rise;
        // On a plateau the slope is rounding.
        let newton = if root > PLATEAU * wanted && rise > 0.0 && newton.is_finite() {
            newton.clamp(-MAX_STEP, MAX_STEP)
        } else {
            MAX_STEP / 2.0
        };
        let aim = self.x + self.sign * newton;
        let Some(outside) = self.outside else {
            return self.go_to(aim);
        };
        let (low, high) = (self.inside.min(outside), self.inside.max(outside));
        if high - low < NARROW {
            self.end = Some(outside);
        } else {
            self.go_to(if aim > low && aim < high {
                aim
            } else {
                0.5 * (low + high)
            });
        }
    }
}

impl Inner {
    /// Takes the slope at y; returns whether the search is over.
    fn is_over(&mut self, slope: f64, bounds: Bounds) -> bool {
        if slope > 0.0 {
            self.low = Some(self.y);
        } else {
            self.high = Some(self.y);
        }
        if let Some([y, before]) = self.before {
            self.curvature = (before - slope) / (self.y - y);
        }
        self.before = Some([self.y, slope]);
        let newton = slope / self.curvature;
        let bends_down = self.curvature > 0.0 && newton.is_finite();
        let is_level = slope.abs() < LEVEL || (bends_down && slope * newton < INNER);
        let step = if bends_down {
            newton.clamp(-MAX_STEP, MAX_STEP)
        } else {
            slope.signum()
        };
        let aim = (self.y + step).clamp(bounds.lower, bounds.upper);
        let next = match (self.low, self.high) {
            (Some(low), Some(high)) if !(aim > low && aim < high) => 0.5 * (low + high),
            _ => aim,
        };
        let stays = (next - self.y).abs() < NARROW;
        if !is_level {
            self.y = next;
        }
        is_level || stays
    }
}

impl LockStep for ProfileEnd {
    fn trial(&self) -> [f64; 2] {
        let mut point = [self.inner.y; 2];
        point[self.axis] = self.x;
        point
    }

    fn tell(&mut self, value: f64, gradient: [f64; 2]) {
        if self.end.is_some() {
            return;
        }
        if !value.is_finite() || self.inner.is_over(gradient[1 - self.axis], self.bounds) {
            self.judge(value, gradient[self.axis]);
        }
    }

    fn is_running(&self) -> bool {
        self.end.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Bounds = Bounds {
        lower: -10.0,
        upper: 10.0,
    };

    /// Tells a search values of a function until it ends.
    fn end(mut search: ProfileEnd, surface: impl Fn([f64; 2]) -> (f64, [f64; 2])) -> (f64, usize) {
        let mut n_evaluations = 0;
        while search.is_running() && n_evaluations < 200 {
            let (value, gradient) = surface(search.trial());
            search.tell(value, gradient);
            n_evaluations += 1;
        }
        (search.end(), n_evaluations)
    }

    fn summit(covariance: [f64; 3]) -> Summit {
        Summit {
            point: [1.0, -0.5],
            value: 0.0,
            covariance,
        }
    }

    #[test]
    fn ends_on_a_quadratic_are_those_of_wald() {
        // Covariance [[0.5, 0.3], [0.3, 0.4]]; its inverse has determinant 1 / 0.11.
        let surface = |[x, y]: [f64; 2]| {
            let (dx, dy) = (x - 1.0, y + 0.5);
            let (gx, gy) = ((0.4 * dx - 0.3 * dy) / 0.11, (0.5 * dy - 0.3 * dx) / 0.11);
            (-0.5 * (dx * gx + dy * gy), [-gx, -gy])
        };
        for covariance in [[0.5, 0.4, 0.3], [f64::NAN; 3]] {
            for (axis, variance) in [(0, 0.5_f64), (1, 0.4)] {
                for (is_upper, sign) in [(false, -1.0), (true, 1.0)] {
                    let search = ProfileEnd::new(summit(covariance), axis, is_upper, 1.92, BOX);
                    let (found, n) = end(search, surface);
                    let expected = summit(covariance).point[axis] + sign * (2.0 * 1.92 * variance).sqrt();
                    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
                    assert!(n < 40, "{n}");
                }
            }
        }
    }

    #[test]
    fn a_profile_that_never_falls_enough_has_no_end() {
        // Level in the first coordinate to the left of 1.
        let surface = |[x, y]: [f64; 2]| {
            let (dx, dy) = ((x - 1.0).max(0.0), y + 0.5);
            (-0.5 * (dx * dx + dy * dy), [-dx, -dy])
        };
        let none = [f64::NAN; 3];
        assert_eq!(
            end(ProfileEnd::new(summit(none), 0, false, 1.92, BOX), surface).0,
            f64::NEG_INFINITY
        );
        let (upper, _) = end(ProfileEnd::new(summit(none), 0, true, 1.92, BOX), surface);
        assert!((upper - 1.0 - 3.84_f64.sqrt()).abs() < 1e-5, "{upper}");
    }

    #[test]
    fn a_summit_that_is_none_gives_no_end() {
        let surface = |[x, y]: [f64; 2]| (x - y * y, [1.0, -2.0 * y]);
        assert!(
            end(ProfileEnd::new(summit([0.1, 0.1, 0.0]), 0, true, 1.92, BOX), surface)
                .0
                .is_nan()
        );
    }
}
