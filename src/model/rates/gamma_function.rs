//! The gamma function's logarithm and the digamma function, less the terms that large arguments share with them.

/// `B[2n] / (2n (2n - 1))`, n = 1.., of Stirling's series (Abramowitz & Stegun 1964, 6.1.40).
const STIRLING: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3617.0 / 122_400.0,
];

/// From here the first term left out of Stirling's series is below 2e-18.
const STIRLING_FROM: f64 = 10.0;

/// `zeta(k) - 1`, k = 2.. (mpmath 1.3: `zeta(k) - 1`).
const ZETA_LESS_ONE: [f64; 26] = [
    6.449_340_668_482_264e-1,
    2.020_569_031_595_943e-1,
    8.232_323_371_113_819e-2,
    3.692_775_514_336_993e-2,
    1.734_306_198_444_914e-2,
    8.349_277_381_922_827e-3,
    4.077_356_197_944_34e-3,
    2.008_392_826_082_214_4e-3,
    9.945_751_278_180_853e-4,
    4.941_886_041_194_645e-4,
    2.460_865_533_080_483e-4,
    1.227_133_475_784_891_5e-4,
    6.124_813_505_870_483e-5,
    3.058_823_630_702_049e-5,
    1.528_225_940_865_187e-5,
    7.637_197_637_899_762e-6,
    3.817_293_264_999_84e-6,
    1.908_212_716_553_939e-6,
    9.539_620_338_727_962e-7,
    4.769_329_867_878_064e-7,
    2.384_505_027_277_33e-7,
    1.192_199_259_653_110_7e-7,
    5.960_818_905_125_948e-8,
    2.980_350_351_465_228e-8,
    1.490_155_482_836_504e-8,
    7.450_711_789_835_43e-9,
];

const ONE_LESS_EULER: f64 = 0.422_784_335_098_467_1;

/// Returns `log Gamma(a + 1) - a log a + a` and `digamma(a + 1) - log a` for a > 0.
///
/// Both keep their digits for small `a`, where `log Gamma(a + 1)` tends to 0, and for large `a`, where the terms taken
/// away are larger than the rest.
///
/// # Source
/// Abramowitz & Stegun 1964, 6.1.33 and 6.1.40 with their derivatives 6.3.14 and 6.3.18.
pub(super) fn log_gamma_and_digamma(a: f64) -> (f64, f64) {
    if a >= STIRLING_FROM {
        let (mut log_gamma, mut digamma) = (0.5 * (std::f64::consts::TAU * a).ln(), 0.5 / a);
        let mut power = 1.0 / a;
        for (n, coefficient) in STIRLING.iter().enumerate() {
            log_gamma += coefficient * power;
            digamma -= coefficient * (2 * n + 1) as f64 * power / a;
            power /= a * a;
        }
        return (log_gamma, digamma);
    }
    let steps = a.round();
    let b = a - steps;
    let (mut log_gamma, mut digamma) = near_one(b);
    let mut product = 1.0;
    for step in 1..=steps as usize {
        let factor = b + step as f64;
        product *= factor;
        digamma += 1.0 / factor;
    }
    log_gamma += product.ln();
    (log_gamma - a * a.ln() + a, digamma - a.ln())
}

/// Returns `log Gamma(1 + b)` and `digamma(1 + b)` for |b| <= 1/2.
fn near_one(b: f64) -> (f64, f64) {
    let (mut log_gamma, mut digamma) = (b * ONE_LESS_EULER - b.ln_1p(), ONE_LESS_EULER - 1.0 / (1.0 + b));
    let mut power = b; // (-1)^k b^(k - 1), k = 2..
    for (index, coefficient) in ZETA_LESS_ONE.iter().enumerate() {
        digamma += coefficient * power;
        log_gamma += coefficient * power * b / (index + 2) as f64;
        power *= -b;
    }
    (log_gamma, digamma)
}
