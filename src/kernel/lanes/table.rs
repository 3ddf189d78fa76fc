//! Exponentials of all branches for lanes with rates of their own: from a table, with a short series for the rest.
//!
//! A length is `t = j h + r` with `|r| <= h / 2`, j and r the same for all lanes. With `s = g + l`,
//! `phi(t) = (1 - exp(-s t)) / s` is all that is needed: `P01 = g phi`, `P10 = l phi`, and
//! `phi(t) = phi(j h) + exp(-s j h) phi(r)`, where `phi(r) = r q(s r)` and q is a polynomial. Nothing cancels: for j = 0
//! there is only `phi(r)` with r >= 0, and for larger j the second term is at most half of the first.
//!
//! The step h is a power of two with `s h <= 2^-4` in every lane, so that `|s r| <= 2^-5`, and the table ends with
//! `s t <= 3`, which leaves at least a twentieth of a difference: `1 - P10` and `1 - P01` keep their digits up to there.

use super::joins::{Level, MOST_ENTRIES};
use crate::kernel::elementary::decay;
use crate::kernel::scaled::exponent;

/// Coefficients of x, x^2, ... of `q(x) = (1 - exp(-x)) / x` for |x| <= 1/32, beside 1.
///
/// mpmath, 40 digits: `q(x) = 1 + x p(x)`, with p through `(q - 1) / x` at 0 and plus and minus the roots of
/// `b^2 (u + c) / (1 + c)`, b = 1/32, c = cos(pi/6), u = cos(pi/2) and c, where x^2 times the rest is a Chebyshev
/// polynomial in x^2; the largest relative error of q is 7.2e-15, at the ends.
const SERIES: [f64; 5] = [
    -0.5,
    0.166_666_666_585_152_33,
    -0.041_666_666_656_477_41,
    0.008_333_603_113_625_28,
    -0.001_388_922_611_326_32,
];

/// `phi` and `exp(-s t)` at one multiple of the step.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Entry<const W: usize> {
    settled: [f64; W],
    kept: [f64; W],
}

/// The rates of `W` lanes with their table.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Chain<const W: usize> {
    pub(super) gain: [f64; W],
    pub(super) loss: [f64; W],
    pub(super) rate: [f64; W],
    pub(super) inverse_rate: [f64; W],
    /// The coefficients of q times powers of the rate.
    series: [[f64; W]; SERIES.len()],
    entries: [Entry<W>; MOST_ENTRIES + 1],
}

/// What decides whether and how a table may be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extremes {
    pub(super) largest_rate: f64,
    /// Bits that a branch may cost beside those of its length.
    pub(super) bits: i32,
    /// Whether in some lane a rate is 0, so that on a long branch a probability may be as small as `exp(-s t)`.
    pub(super) has_zero: bool,
    /// Whether rates are so far from 1 that their powers and inverses leave the normal numbers.
    pub(super) is_odd: bool,
}

impl Extremes {
    pub(super) const NONE: Self = Self {
        largest_rate: 0.0,
        bits: 0,
        has_zero: false,
        is_odd: false,
    };

    /// Returns those of both.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            largest_rate: self.largest_rate.max(other.largest_rate),
            bits: self.bits.max(other.bits),
            has_zero: self.has_zero || other.has_zero,
            is_odd: self.is_odd || other.is_odd,
        }
    }
}

impl<const W: usize> Chain<W> {
    pub(super) fn empty() -> Self {
        Self {
            gain: [1.0; W],
            loss: [1.0; W],
            rate: [2.0; W],
            inverse_rate: [0.5; W],
            series: [[0.0; W]; SERIES.len()],
            entries: [Entry {
                settled: [0.0; W],
                kept: [1.0; W],
            }; MOST_ENTRIES + 1],
        }
    }

    /// Takes new rates, without a table as yet.
    #[inline(always)]
    pub(super) fn set_rates(&mut self, gain: [f64; W], loss: [f64; W]) -> Extremes {
        let (mut largest, mut least, mut share, mut zero) = ([0.0; W], [1.0; W], [1.0; W], [false; W]);
        for lane in 0..W {
            let (g, l) = (gain[lane], loss[lane]);
            let rate = g + l;
            let inverse = 1.0 / rate;
            self.gain[lane] = g;
            self.loss[lane] = l;
            self.rate[lane] = rate;
            self.inverse_rate[lane] = inverse;
            let mut power = rate;
            for (row, coefficient) in self.series.iter_mut().zip(SERIES) {
                row[lane] = coefficient * power;
                power *= rate;
            }
            let positive = |value: f64| if value > 0.0 { value } else { 1.0 };
            let (of_gain, of_loss) = (positive(g * inverse), positive(l * inverse));
            share[lane] = if of_gain < of_loss { of_gain } else { of_loss };
            zero[lane] = g == 0.0 || l == 0.0;
            (largest[lane], least[lane]) = (rate, rate);
        }
        let minimum = |values: &[f64; W]| values.iter().fold(1.0, |a: f64, &b| if b < a { b } else { a });
        let largest_rate = largest.iter().fold(0.0, |a: f64, &b| if b > a { b } else { a });
        let least_rate = minimum(&least);
        Extremes {
            largest_rate,
            // 1 - exp(-z) >= min(z, 1) / 2, and log2 lies less than 1 above the exponent.
            bits: 1 - exponent(minimum(&share)) - exponent(least_rate).min(0),
            has_zero: zero.contains(&true),
            is_odd: !(least_rate > 1e-60 && largest_rate < 1e60),
        }
    }

    /// Computes the table.
    #[inline(always)]
    pub(super) fn fill(&mut self, level: &Level) {
        let mut power = 1;
        while power < level.n_entries {
            let multiple = power as f64 * level.step;
            let (done, rest) = self.entries.split_at_mut(power);
            let (first, rest) = rest.split_at_mut(1);
            let first = &mut first[0];
            for lane in 0..W {
                let (kept, changed) = decay(self.rate[lane] * multiple);
                first.kept[lane] = kept;
                first.settled[lane] = changed * self.inverse_rate[lane];
            }
            let n_more = rest.len().min(level.n_entries - power - 1);
            for (entry, done) in rest[..n_more].iter_mut().zip(&done[1..]) {
                multiply(first, done, entry);
            }
            power *= 2;
        }
    }

    /// Returns an entry that is not [`LONG`](super::joins::LONG).
    #[inline(always)]
    pub(super) fn entry(&self, number: u8) -> &Entry<W> {
        &self.entries[number as usize]
    }

    /// Returns `phi` of a length in one lane, given its entry and rest.
    #[inline(always)]
    pub(super) fn settled(&self, entry: &Entry<W>, rest: f64, lane: usize) -> f64 {
        let mut series = self.series[4][lane];
        for coefficients in self.series[..4].iter().rev() {
            series = series.mul_add(rest, coefficients[lane]);
        }
        let near = rest * series.mul_add(rest, 1.0);
        near.mul_add(entry.kept[lane], entry.settled[lane])
    }

    /// Returns `phi` and `exp(-s t)` of any length in one lane.
    #[inline(always)]
    pub(super) fn exact(&self, length: f64, lane: usize) -> [f64; 2] {
        let (kept, changed) = decay(self.rate[lane] * length);
        [changed * self.inverse_rate[lane], kept]
    }
}

#[inline(always)]
fn multiply<const W: usize>(first: &Entry<W>, second: &Entry<W>, product: &mut Entry<W>) {
    for lane in 0..W {
        product.settled[lane] = first.kept[lane].mul_add(second.settled[lane], first.settled[lane]);
        product.kept[lane] = first.kept[lane] * second.kept[lane];
    }
}
