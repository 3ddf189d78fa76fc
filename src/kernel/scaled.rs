//! Numbers with an extended exponent, for the few lanes where a plain double is not enough.

use super::elementary::ln;

/// log2 of the scaling step.
pub(super) const STEP: i32 = 200;

/// Values below this are scaled up by [`UP`]; products of a few factors above it stay in range.
pub(super) const THRESHOLD: f64 = power_of_two(-STEP);
/// The scaling factor, 2^200.
pub(super) const UP: f64 = power_of_two(STEP);
/// Natural log of the scaling factor.
pub(super) const LN_UP: f64 = STEP as f64 * std::f64::consts::LN_2;

const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// Returns the largest integer not above log2 of a positive number (-1023 for subnormal ones, which is too high).
#[inline(always)]
pub(super) fn exponent(value: f64) -> i32 {
    (value.to_bits() >> 52) as i32 - 1023
}

/// Returns an integer not above a log2 of 0 or less, at least [`LOWEST`].
#[inline(always)]
pub(super) fn floor_of_log(log2: f64) -> i32 {
    // Truncation is towards zero, and infinities saturate.
    (log2 as i32).max(LOWEST) - 1
}

/// As low as a lower bound goes: sums of a few still fit an integer.
const LOWEST: i32 = -(1 << 28);

/// Numbers with a larger count are 0: below 2^(-5e10), far below any likelihood of data that somebody could have seen.
pub(super) const MOST_COUNTS: i32 = 1 << 28;

/// `value * 2^(-200 count)`, value 0 or in [2^-200, 1] up to the caller's arithmetic; see [`MOST_COUNTS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaled {
    pub(super) value: f64,
    pub(super) count: i32,
}

impl Scaled {
    /// Returns `value * 2^(-200 count)` with the value brought into range.
    pub(super) fn new(mut value: f64, mut count: i32) -> Self {
        while value < THRESHOLD && value > 0.0 {
            value *= UP;
            count += 1;
        }
        if count > MOST_COUNTS {
            (value, count) = (0.0, 0);
        }
        Self { value, count }
    }

    /// Returns the number with a natural log of 0 or less.
    pub(super) fn from_ln(ln: f64) -> Self {
        let count = (-ln / LN_UP).floor();
        if count > f64::from(MOST_COUNTS) {
            return Self::new(0.0, 0);
        }
        Self::new(count.mul_add(LN_UP, ln).exp(), count as i32)
    }

    /// Returns the product.
    pub(super) fn times(self, other: Self) -> Self {
        Self::new(self.value * other.value, self.count + other.count)
    }

    /// Returns the sum; a term too small to show is lost, as in any sum, unless the other is zero.
    pub(super) fn plus(self, other: Self) -> Self {
        if other.value == 0.0 {
            return self;
        }
        if self.value == 0.0 {
            return other;
        }
        let (large, small) = if self.count <= other.count {
            (self, other)
        } else {
            (other, self)
        };
        let gap = small.count - large.count;
        let shift = if gap > 4 { 0.0 } else { power_of_two(-STEP * gap) };
        Self::new(large.value + small.value * shift, large.count)
    }

    /// Returns the quotient as a plain number, infinite if it does not fit one.
    pub(super) fn over(self, divisor: Self) -> f64 {
        let ratio = self.value / divisor.value;
        let gap = self.count - divisor.count;
        if ratio == 0.0 || !ratio.is_finite() || gap == 0 {
            ratio
        } else {
            // Two factors, as one power of two could leave the range although the result is in it.
            let half = (-STEP * gap.clamp(-12, 12)) / 2;
            ratio * 2.0_f64.powi(half) * 2.0_f64.powi(-STEP * gap.clamp(-12, 12) - half)
        }
    }

    /// Returns `factor * self / divisor`, where the quotient alone may not fit a plain number.
    pub(super) fn times_over(self, factor: f64, divisor: Self) -> f64 {
        let product = Self::new(factor.abs(), 0).times(self);
        product.over(divisor).copysign(factor)
    }

    /// Returns the natural log; minus infinity for zero.
    #[inline(always)]
    pub(super) fn ln(self) -> f64 {
        if self.value == 0.0 {
            f64::NEG_INFINITY
        } else {
            ln(self.value) - f64::from(self.count) * LN_UP
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_far_below_the_smallest_double_keep_their_log() {
        let tiny = Scaled::new(1e-300, 0);
        let product = (0..1000).fold(Scaled::new(1.0, 0), |product, _| product.times(tiny));
        let expected = -300_000.0 * std::f64::consts::LN_10;
        assert!((product.ln() / expected - 1.0).abs() < 1e-14);
    }

    #[test]
    fn sums_and_quotients_align_their_counts() {
        let one = Scaled::new(1.0, 0);
        let small = Scaled::new(1.0, 1);
        assert_eq!(one.plus(small), one);
        assert_eq!(small.plus(small).over(small), 2.0);
        assert_eq!(small.over(one), THRESHOLD);
        assert_eq!(one.over(small), UP);
        let zero = Scaled::new(0.0, -9);
        assert_eq!(zero.plus(small), small);
        assert_eq!(zero.ln(), f64::NEG_INFINITY);
    }
}
