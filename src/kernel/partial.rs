//! Partials of a block of patterns and the three operations on them: edge, product, tip.
//!
//! A partial holds, lane by lane, the likelihood of the data below given state 0 and given state 1. While all is
//! well both are plain doubles. Where they fall below 2^-200 they are scaled by powers of two and counted. The two
//! states of a lane normally share a count; where they drift apart by more than 2^400 (a star of 10,000 present tips
//! with a rare gain: 10^-30000 against 1) each state keeps its own, so that the smaller one is still exact if a root
//! that must be absent, or a branch of length zero, asks for it later.

use super::edge::Edge;
use super::observation::Tip;
use super::scaled::{MOST_COUNTS, STEP, Scaled, THRESHOLD, UP, exponent};

/// How the counts of a partial are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// All counts are zero; the arrays are not read.
    Unscaled,
    /// The two states of each lane have the same count.
    Joint,
    /// In some lane the two states have different counts.
    Split,
}

/// Partials of `W` patterns at one node.
#[derive(Debug, Clone)]
pub(super) struct Partial<const W: usize> {
    /// Given state 0 and given state 1.
    pub(super) state: [[f64; W]; 2],
    count: [[i32; W]; 2],
    pub(super) scale: Scale,
    /// Lower bound of log2 of the positive values; the lanes are looked at only when it falls below -400.
    floor: i32,
}

impl<const W: usize> Partial<W> {
    /// Returns the partial of no data: 1 in every lane.
    pub(super) fn ones() -> Self {
        Self {
            state: [[1.0; W]; 2],
            count: [[0; W]; 2],
            scale: Scale::Unscaled,
            floor: 0,
        }
    }

    /// Becomes 1 in every lane.
    #[inline(always)]
    pub(super) fn reset(&mut self) {
        self.state = [[1.0; W]; 2];
        self.scale = Scale::Unscaled;
        self.floor = 0;
    }

    /// Takes the value of another partial.
    #[inline(always)]
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.state = other.state;
        self.scale = other.scale;
        self.floor = other.floor;
        if other.scale != Scale::Unscaled {
            self.count = other.count;
        }
    }

    /// Returns one state of one lane with its exponent.
    #[inline(always)]
    pub(super) fn scaled(&self, state: usize, lane: usize) -> Scaled {
        let count = if self.scale == Scale::Unscaled {
            0
        } else {
            self.count[state][lane]
        };
        Scaled::new(self.state[state][lane], count)
    }

    /// Becomes what `of_lane` returns for each lane: state 0 and state 1.
    #[inline(always)]
    pub(super) fn set(&mut self, of_lane: impl Fn(usize) -> [Scaled; 2]) {
        let mut counted = false;
        for lane in 0..W {
            let [absent, present] = of_lane(lane);
            counted |= absent.count != 0 || present.count != 0;
            self.set_scaled(lane, absent, present);
        }
        self.scale = Scale::Unscaled;
        self.floor = -STEP;
        if counted {
            self.settle();
        }
    }

    fn set_scaled(&mut self, lane: usize, absent: Scaled, present: Scaled) {
        self.state[0][lane] = absent.value;
        self.state[1][lane] = present.value;
        self.count[0][lane] = absent.count;
        self.count[1][lane] = present.count;
    }

    /// Becomes the partial above the branch: see [`Edge::above`].
    #[inline(always)]
    pub(super) fn climb(&mut self, edge: &impl Edge<W>) {
        if self.scale == Scale::Split || edge.is_tiny() {
            self.climb_scaled(edge);
            return;
        }
        for lane in 0..W {
            let [absent, present] = edge.above(lane, [self.state[0][lane], self.state[1][lane]]);
            self.state[0][lane] = absent;
            self.state[1][lane] = present;
        }
        self.lower(edge.floor());
    }

    #[cold]
    #[inline(never)]
    fn climb_scaled(&mut self, edge: &impl Edge<W>) {
        for lane in 0..W {
            let [p00, p01, p10, p11] = edge.scaled(lane);
            let (x, y) = (self.scaled(0, lane), self.scaled(1, lane));
            let above = [p00.times(x).plus(p01.times(y)), p10.times(x).plus(p11.times(y))];
            self.set_scaled(lane, above[0], above[1]);
        }
        self.settle();
    }

    /// Multiplies by the partial above the branch of a child, leaving the child as it is.
    #[inline(always)]
    pub(super) fn multiply_climbed(&mut self, edge: &impl Edge<W>, child: &Self) {
        if child.scale == Scale::Split || edge.is_tiny() {
            self.multiply_climbed_scaled(edge, child);
            return;
        }
        for lane in 0..W {
            let [absent, present] = edge.above(lane, [child.state[0][lane], child.state[1][lane]]);
            self.state[0][lane] *= absent;
            self.state[1][lane] *= present;
        }
        if child.scale != Scale::Unscaled {
            self.add_counts(child);
        }
        self.lower(edge.floor() + child.floor);
    }

    #[cold]
    #[inline(never)]
    fn multiply_climbed_scaled(&mut self, edge: &impl Edge<W>, child: &Self) {
        let mut above = child.clone();
        above.climb(edge);
        self.multiply(&above);
    }

    /// Multiplies lane by lane.
    #[inline(always)]
    pub(super) fn multiply(&mut self, other: &Self) {
        for state in 0..2 {
            for lane in 0..W {
                self.state[state][lane] *= other.state[state][lane];
            }
        }
        if other.scale != Scale::Unscaled {
            self.add_counts(other);
        }
        self.lower(other.floor);
    }

    fn add_counts(&mut self, other: &Self) {
        if self.scale == Scale::Unscaled {
            self.count = other.count;
        } else {
            for state in 0..2 {
                for lane in 0..W {
                    // Each is at most one more than MOST_COUNTS, so the sum fits.
                    let count = self.count[state][lane] + other.count[state][lane];
                    self.count[state][lane] = count.min(MOST_COUNTS + 1);
                }
            }
        }
        if self.scale == Scale::Split || other.scale == Scale::Split {
            self.settle();
        } else {
            self.scale = Scale::Joint;
        }
    }

    /// Multiplies by the partial above the branch of a tip: one of two constants in each lane, 1 where missing.
    #[inline(always)]
    pub(super) fn multiply_tip(&mut self, edge: &impl Edge<W>, tip: Tip) {
        if edge.is_tiny() || tip.is_tiny() {
            self.multiply_tip_scaled(edge, tip);
            return;
        }
        if let Some(recording) = tip.recording {
            self.multiply_recorded(edge, tip);
            self.lower(edge.floor() + recording.floor);
            return;
        }
        if tip.missing == 0 {
            for lane in 0..W {
                let [p00, p01, p10, p11] = edge.at(lane);
                let present = tip.is_present(lane);
                self.state[0][lane] *= if present { p01 } else { p00 };
                self.state[1][lane] *= if present { p11 } else { p10 };
            }
        } else {
            for lane in 0..W {
                let [p00, p01, p10, p11] = edge.at(lane);
                let (present, missing) = (tip.is_present(lane), tip.is_missing(lane));
                let absent = if present { p01 } else { p00 };
                self.state[0][lane] *= if missing { 1.0 } else { absent };
                let absent = if present { p11 } else { p10 };
                self.state[1][lane] *= if missing { 1.0 } else { absent };
            }
        }
        self.lower(edge.floor());
    }

    #[inline(always)]
    fn multiply_recorded(&mut self, edge: &impl Edge<W>, tip: Tip) {
        for lane in 0..W {
            let ([absent, present], missing) = (edge.above(lane, tip.partial(lane)), tip.is_missing(lane));
            // A row of probabilities sums to 1 only up to rounding; a missing tip must change nothing.
            self.state[0][lane] *= if missing { 1.0 } else { absent };
            self.state[1][lane] *= if missing { 1.0 } else { present };
        }
    }

    #[cold]
    #[inline(never)]
    fn multiply_tip_scaled(&mut self, edge: &impl Edge<W>, tip: Tip) {
        let mut above = Self::ones();
        for lane in 0..W {
            let [x, y] = tip.partial(lane);
            above.state[0][lane] = x;
            above.state[1][lane] = y;
        }
        if tip.missing != 0 {
            let mut climbed = above.clone();
            climbed.climb_scaled(edge);
            for lane in 0..W {
                if tip.is_missing(lane) {
                    climbed.set_scaled(lane, Scaled::new(1.0, 0), Scaled::new(1.0, 0));
                }
            }
            above = climbed;
            above.settle();
        } else {
            above.climb_scaled(edge);
        }
        self.multiply(&above);
    }

    /// Notes that values may have become smaller by this exponent, and brings them back into range if need be.
    #[inline(always)]
    fn lower(&mut self, exponent: i32) {
        self.floor += exponent;
        if self.floor < -2 * STEP {
            self.rescale();
        }
    }

    /// Brings lanes that have become small back into range.
    #[inline(always)]
    fn rescale(&mut self) {
        let least = self.least();
        if least < THRESHOLD {
            self.rescale_lanes();
        } else {
            self.floor = exponent(least);
        }
    }

    /// Returns the smallest positive value, at most 1.
    #[inline(always)]
    fn least(&self) -> f64 {
        let mut least = [1.0_f64; W];
        for state in &self.state {
            for (least, &value) in least.iter_mut().zip(state) {
                *least = if value < *least && value > 0.0 { value } else { *least };
            }
        }
        least.iter().fold(1.0, |a, &b| if b < a { b } else { a })
    }

    #[cold]
    #[inline(never)]
    fn rescale_lanes(&mut self) {
        if self.scale == Scale::Unscaled {
            self.count = [[0; W]; 2];
            self.scale = Scale::Joint;
        }
        self.settle();
    }

    /// Puts every value in range and the two states of a lane on one count where 2^400 between them suffices.
    fn settle(&mut self) {
        let mut split = false;
        for lane in 0..W {
            let mut states = [0, 1].map(|state| Scaled::new(self.state[state][lane], self.count[state][lane]));
            for (state, other) in [(0, 1), (1, 0)] {
                if states[state].value == 0.0 {
                    states[state].count = states[other].count;
                } else if states[other].value != 0.0 && states[state].count == states[other].count + 1 {
                    states[state].value /= UP;
                    states[state].count -= 1;
                }
            }
            split |= states[0].count != states[1].count;
            self.set_scaled(lane, states[0], states[1]);
        }
        self.scale = if split { Scale::Split } else { Scale::Joint };
        self.floor = exponent(self.least());
    }
}

#[cfg(test)]
mod tests {
    use super::super::edge::SharedEdge;
    use super::*;

    #[test]
    fn states_that_drift_apart_keep_separate_counts_and_meet_again() {
        let mut partial = Partial::<8>::ones();
        let rare = SharedEdge::new([1.0 - 1e-50, 1e-50, 0.0, 1.0]);
        let present = Tip {
            present: u64::MAX,
            missing: 0,
            recording: None,
        };
        for _ in 0..100 {
            partial.multiply_tip(&rare, present);
        }
        assert_eq!(partial.scale, Scale::Split);
        let expected = -5000.0 * std::f64::consts::LN_10;
        assert!((partial.scaled(0, 3).ln() / expected - 1.0).abs() < 1e-13);
        assert_eq!(partial.scaled(1, 3).ln(), 0.0);
        partial.climb(&SharedEdge::new([0.5, 0.5, 0.5, 0.5]));
        assert_eq!(partial.scale, Scale::Joint);
        assert_eq!(partial.scaled(0, 7).ln(), 0.5_f64.ln());
    }

    #[test]
    fn missing_tips_change_nothing_even_where_rows_do_not_sum_to_one_exactly() {
        let none = Tip {
            present: 0,
            missing: u64::MAX,
            recording: None,
        };
        for edge in [[0.3, 0.7 + 1e-15, 0.4, 0.6], [1.0, 1e-300, 0.2, 0.8]] {
            let mut partial = Partial::<8>::ones();
            partial.multiply_tip(&SharedEdge::new(edge), none);
            assert_eq!(partial.state, [[1.0; 8]; 2]);
        }
    }
}
