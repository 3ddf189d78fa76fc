//! Exponential decay and the logarithm as straight-line code, which compilers turn into vector code.
//!
//! Only additions, multiplications, one division and fused multiply-adds, which round once everywhere: every
//! instruction set gives the same bits. Processors without a fused instruction pay for it with a slow library call.
//! Both functions are good to 2 units in the last place (tests compare with the C library).

/// log2(e).
const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts, the first with 20 trailing zero bits, so that k times it is exact for the k that occur.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
/// ln 2 - `LN_2_HIGH`.
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
/// 1.5 * 2^52: adding and subtracting it rounds to an integer.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// exp(-z) is 0 in double precision from here on.
const VANISHES: f64 = 746.0;

/// Returns `exp(-z)` and `1 - exp(-z)` for z >= 0, infinity included, each to full relative precision.
///
/// With `-z = k ln 2 + r`, |r| <= ln(2)/2, and `p = exp(r) - 1` by its Taylor series: `2^k (1 + p)` and
/// `(1 - 2^k) - 2^k p`.
#[inline(always)]
#[must_use]
pub(super) fn decay(z: f64) -> (f64, f64) {
    let x = -(if z < VANISHES { z } else { VANISHES });
    let k = x.mul_add(LOG2_E, ROUND) - ROUND;
    let r = k.mul_add(-LN_2_LOW, k.mul_add(-LN_2_HIGH, x));
    // 1/13!, 1/12!, ..., 1/3!; the next term is below 1e-17 of the sum.
    let mut tail: f64 = 1.0 / 6_227_020_800.0;
    for inverse in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
    ] {
        tail = tail.mul_add(r, inverse);
    }
    let p = (r * r).mul_add(tail.mul_add(r, 0.5), r);
    // Two factors, for 2^k may lie below the normal numbers.
    let half = k.mul_add(0.5, ROUND) - ROUND;
    let (first, second) = (power_of_two(half), power_of_two(k - half));
    let scale = first * second;
    ((1.0 + p) * first * second, scale.mul_add(-p, 1.0 - scale))
}

/// Returns 2^k for an integer k in [-1022, 1023].
#[inline(always)]
pub(super) fn power_of_two(k: f64) -> f64 {
    // k + 1023 sits in the low bits of this sum's mantissa.
    f64::from_bits((k + 1023.0 + ROUND).to_bits() << 52)
}

/// Returns the natural log of a positive normal number.
///
/// With `value = 2^k m`, m in [sqrt(1/2), sqrt(2)), `s = (m - 1) / (m + 1)` and `ln m = 2 atanh(s)`, whose series in
/// s^2 converges fast (|s| <= 0.172).
#[inline(always)]
#[must_use]
pub(super) fn ln(value: f64) -> f64 {
    let bits = value.to_bits();
    // Adding the distance from sqrt(1/2) to 1 carries into the exponent exactly when m would be sqrt(2) or more.
    let carried = bits.wrapping_add(0x3ff0_0000_0000_0000 - 0x3fe6_a09e_667f_3bcd);
    let exponent = (carried >> 52) as i64 - 1023;
    let m = f64::from_bits(bits.wrapping_sub((exponent as u64) << 52));
    let k = exponent as f64;
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    // 2/(2j+1), j = 10 down to 1; the next term is below 2^-54 of the sum.
    let mut series: f64 = 2.0 / 21.0;
    for term in [
        2.0 / 19.0,
        2.0 / 17.0,
        2.0 / 15.0,
        2.0 / 13.0,
        2.0 / 11.0,
        2.0 / 9.0,
        2.0 / 7.0,
        2.0 / 5.0,
        2.0 / 3.0,
    ] {
        series = series.mul_add(z, term);
    }
    let tail = series * z;
    // 2 atanh(s) = 2 s + s tail, and 2 s = f - s f: f is exact, so only small terms are rounded.
    let half_square = 0.5 * f * f;
    let correction = s * (half_square + tail);
    k.mul_add(LN_2_HIGH, f - (half_square - k.mul_add(LN_2_LOW, correction)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units of the last place of `expected`.
    fn ulps(found: f64, expected: f64) -> f64 {
        if found == expected {
            return 0.0;
        }
        let unit = f64::from_bits(expected.abs().to_bits() + 1) - expected.abs();
        ((found - expected) / unit).abs()
    }

    #[test]
    fn decay_agrees_with_the_c_library_over_its_range() {
        let mut worst = (0.0_f64, 0.0_f64);
        for step in 0..400_000 {
            let z = 10.0_f64.powf(-18.0 + 20.8 * f64::from(step) / 400_000.0);
            let (kept, changed) = decay(z);
            worst = (
                worst.0.max(ulps(kept, (-z).exp())),
                worst.1.max(ulps(changed, -(-z).exp_m1())),
            );
        }
        assert!(worst.0 <= 2.0 && worst.1 <= 2.0, "{worst:?}");
        assert_eq!(decay(0.0), (1.0, 0.0));
        assert_eq!(decay(f64::INFINITY), (0.0, 1.0));
        assert_eq!(decay(5e-324), (1.0, 5e-324));
        // Below the normal numbers units are few; the result must still be there.
        assert!((decay(720.0).0 / (-720.0_f64).exp() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn ln_agrees_with_the_c_library_over_its_range() {
        let mut worst = 0.0_f64;
        for step in 0..400_000 {
            let value = 10.0_f64.powf(-300.0 + 600.0 * f64::from(step) / 400_000.0);
            worst = worst.max(ulps(ln(value), value.ln()));
            let near_one = 0.5 + f64::from(step) / 266_666.0;
            worst = worst.max(ulps(ln(near_one), near_one.ln()));
        }
        assert!(worst <= 2.0, "{worst}");
        assert_eq!(ln(1.0), 0.0);
    }
}
