//! Ratios of exponentials that keep their digits for small arguments.
//!
//! For `z >= 0`, with `phi(z) = (1 - exp(-z)) / z`:
//!
//! ```text
//! u(z) = 1 - phi(z)            = sum_{k>=1} (-1)^(k+1) z^k / (k+1)!
//! v(z) = phi(z) - exp(-z)      = sum_{k>=1} (-1)^(k+1) k z^k / (k+1)!
//! r(z) = (u(z) - v(z)) / (1 - exp(-z)),  u(z) - v(z) = sum_{k>=2} (-1)^k (k-1) z^k / (k+1)!
//! ```
//!
//! All lie in [0, 1]. The series are summed below 1, where 20 terms leave less than 1e-19; above, the differences lose
//! less than one digit.

/// Terms of a series.
const TERMS: u32 = 20;

/// `phi`, `u`, `v`, `r` of one argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ratios {
    pub(super) phi: f64,
    pub(super) u: f64,
    pub(super) v: f64,
    pub(super) r: f64,
}

impl Ratios {
    /// Returns the ratios of `z >= 0`, infinity included.
    pub(super) fn of(z: f64) -> Self {
        if z < 1.0 {
            let (mut u, mut v, mut difference_over_z) = (0.0, 0.0, 0.0);
            let mut term = 0.5; // (-1)^(k+1) z^(k-1) / (k+1)!
            for k in 1..=TERMS {
                u += z * term;
                v += z * term * f64::from(k);
                difference_over_z -= term * f64::from(k - 1);
                term *= -z / f64::from(k + 2);
            }
            let phi = 1.0 - u;
            let r = difference_over_z / phi;
            return Self { phi, u, v, r };
        }
        let changed = -(-z).exp_m1();
        let phi = changed / z;
        let (u, v) = (1.0 - phi, phi - (-z).exp());
        let r = (u - v) / changed;
        Self { phi, u, v, r }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_match_multiprecision_from_tiny_to_large() {
        // mpmath 1.3, 900 digits: phi=(1-exp(-z))/z; u=1-phi; v=phi-exp(-z); r=(u-v)/(1-exp(-z))
        for [z, u, v, r] in RATIOS {
            let found = Ratios::of(z);
            for (found, expected) in [(found.u, u), (found.v, v), (found.r, r)] {
                assert!((found / expected - 1.0).abs() < 1e-14, "{z}: {found} {expected}");
            }
        }
        assert_eq!(
            Ratios::of(0.0),
            Ratios {
                phi: 1.0,
                u: 0.0,
                v: 0.0,
                r: 0.0
            }
        );
        assert_eq!(Ratios::of(f64::INFINITY).r, 1.0);
    }

    const RATIOS: [[f64; 4]; 6] = [
        [1e-200, 5e-201, 5e-201, 1.6666666666666668e-201],
        [
            1e-09,
            4.999999998333334e-10,
            4.999999996666667e-10,
            1.6666666666666669e-10,
        ],
        [0.3, 0.1360607356057262, 0.12312104371255592, 0.04992516035349854],
        [0.9999, 0.36785301625664363, 0.26423075278833835, 0.16393754838044425],
        [1.0, 0.36787944117144233, 0.2642411176571154, 0.16395341373865285],
        [40.0, 0.975, 0.024999999999999994, 0.95],
    ];
}
