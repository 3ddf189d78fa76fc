//! Non-negative numbers for tables of probabilities: doubles, and numbers whose exponent never runs out.

use std::f64::consts::LN_2;
use std::ops::{Add, AddAssign, Mul};

/// Doubles below this are set to zero in a table, before they become subnormal and slow.
const NEGLIGIBLE: f64 = 1e-300;

/// A non-negative number that can be added and multiplied.
pub(super) trait Number:
    Copy + Default + PartialEq + From<f64> + Add<Output = Self> + AddAssign + Mul<Output = Self>
{
    /// Returns zero instead of a double so small that a result above `SMALLEST_IN_DOUBLES` cannot notice it.
    fn settled(self) -> Self;

    /// Returns the natural log; minus infinity for zero.
    fn ln(self) -> f64;

    /// Returns the quotient as a double; infinite or zero where a double cannot hold it, NaN for 0 / 0.
    fn over(self, divisor: Self) -> f64;
}

impl Number for f64 {
    fn settled(self) -> Self {
        if self < NEGLIGIBLE { 0.0 } else { self }
    }

    fn ln(self) -> f64 {
        self.ln()
    }

    fn over(self, divisor: Self) -> f64 {
        self / divisor
    }
}

/// `mantissa * 2^exponent`, mantissa in [1, 2); zero is 0 * 2^0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Wide {
    mantissa: f64,
    exponent: i64,
}

/// Returns `2^exponent`, exponent from -1022 to 1023.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

impl From<f64> for Wide {
    fn from(value: f64) -> Self {
        if value.abs() < f64::MIN_POSITIVE {
            if value == 0.0 {
                return Self::default();
            }
            let larger = Self::from(value * power_of_two(64));
            return Self {
                exponent: larger.exponent - 64,
                ..larger
            };
        }
        let exponent = ((value.to_bits() >> 52) & 0x7ff) as i64 - 1023;
        Self {
            mantissa: value * power_of_two(-exponent / 2) * power_of_two(-exponent - -exponent / 2),
            exponent,
        }
    }
}

impl Wide {
    /// Brings a mantissa from [1, 4) to [1, 2).
    fn carried(self) -> Self {
        if self.mantissa < 2.0 {
            return self;
        }
        Self {
            mantissa: self.mantissa * 0.5,
            exponent: self.exponent + 1,
        }
    }
}

impl Add for Wide {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if other.mantissa == 0.0 {
            return self;
        }
        if self.mantissa == 0.0 {
            return other;
        }
        let (large, small) = if self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        let shift = large.exponent - small.exponent;
        if shift > 64 {
            return large;
        }
        Self {
            mantissa: large.mantissa + small.mantissa * power_of_two(-shift),
            exponent: large.exponent,
        }
        .carried()
    }
}

impl AddAssign for Wide {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul for Wide {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mantissa = self.mantissa * other.mantissa;
        if mantissa == 0.0 {
            return Self::default();
        }
        Self {
            mantissa,
            exponent: self.exponent + other.exponent,
        }
        .carried()
    }
}

impl Number for Wide {
    fn settled(self) -> Self {
        self
    }

    fn ln(self) -> f64 {
        self.mantissa.ln() + self.exponent as f64 * LN_2
    }

    fn over(self, divisor: Self) -> f64 {
        let quotient = self.mantissa / divisor.mantissa;
        // Two steps, because the power alone may be beyond a double where the product is not.
        let exponent = (self.exponent - divisor.exponent).clamp(-2000, 2000);
        quotient * power_of_two(exponent / 2) * power_of_two(exponent - exponent / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_numbers_are_doubles_where_doubles_reach() {
        let values = [0.0, 5e-324, 1e-310, 1e-300, 0.1, 1.0, 1.5, 2.0, 3.7, 1e300, f64::MAX];
        for a in values {
            assert_eq!(Wide::from(a).over(Wide::from(1.0)), a);
            for b in values {
                let (sum, product) = (a + b, a * b);
                if sum.is_finite() {
                    assert_eq!((Wide::from(a) + Wide::from(b)).over(Wide::from(1.0)), sum, "{a} {b}");
                }
                if product == 0.0 || product.is_normal() {
                    let found = (Wide::from(a) * Wide::from(b)).over(Wide::from(1.0));
                    assert!(found == product || found < f64::MIN_POSITIVE, "{a} {b} {found}");
                }
            }
        }
    }

    #[test]
    fn wide_numbers_hold_what_doubles_cannot() {
        let mut product = Wide::from(1.0);
        for _ in 0..10_000 {
            product = product * Wide::from(1e-200);
        }
        // 10,000 * -200 * ln 10
        assert!((product.ln() / -4_605_170.185_988_091 - 1.0).abs() < 1e-14);
        assert!(((product + product).over(product) - 2.0).abs() == 0.0);
        assert_eq!(Wide::default().ln(), f64::NEG_INFINITY);
    }
}
