//! Poisson and binomial numbers of any size, by transformed rejection.
//!
//! Logs of probabilities are computed from the distance to the mean, so that they keep their digits where the numbers
//! are large and the terms of the usual formula cancel.
//!
//! # Source
//! Hörmann 1993, doi:10.1016/0167-6687(93)90997-4 (Poisson, PTRS) and doi:10.1080/00949659308811496 (binomial, BTRS);
//! Loader 2000, Fast and accurate computation of binomial probabilities (the logs).

use crate::parallel::Random;

/// Expected numbers below which draws are made one by one or by inversion.
const FEW: f64 = 10.0;

/// Draws a Poisson number of mean at least [`FEW`].
pub(super) fn poisson(mean: f64, random: &mut Random) -> u64 {
    let b = 0.931 + 2.53 * mean.sqrt();
    let a = -0.059 + 0.02483 * b;
    let scale = 1.1239 + 1.1328 / (b - 3.4);
    let quick = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let (u, v) = (random.uniform() - 0.5, random.uniform());
        let edge = 0.5 - u.abs();
        let k = ((2.0 * a / edge + b) * u + mean + 0.43).floor();
        if edge >= 0.07 && v <= quick {
            return k as u64;
        }
        if k < 0.0 || !k.is_finite() || (edge < 0.013 && v > edge) {
            continue;
        }
        if (v * scale / (a / (edge * edge) + b)).ln() <= log_poisson(k, mean) {
            return k as u64;
        }
    }
}

/// Draws how many of n trials succeed.
pub(super) fn binomial(n: u64, p: f64, random: &mut Random) -> u64 {
    if p > 0.5 {
        return n - binomial(n, 1.0 - p, random);
    }
    let trials = n as f64;
    if trials * p < FEW {
        return by_waiting(n, p, random);
    }
    let spread = (trials * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let scale = (2.83 + 5.1 / b) * spread;
    let quick = 0.92 - 4.2 / b;
    let mode = log_binomial(((trials + 1.0) * p).floor(), trials, p);
    loop {
        let (u, v) = (random.uniform() - 0.5, random.uniform());
        let edge = 0.5 - u.abs();
        let k = ((2.0 * a / edge + b) * u + trials * p + 0.5).floor();
        if !(0.0..=trials).contains(&k) {
            continue;
        }
        if edge >= 0.07 && v <= quick {
            return k as u64;
        }
        if (v * scale / (a / (edge * edge) + b)).ln() <= log_binomial(k, trials, p) - mode {
            return k as u64;
        }
    }
}

/// Draws the trials between successes, where few are expected.
fn by_waiting(n: u64, p: f64, random: &mut Random) -> u64 {
    let (mut successes, mut left) = (0, n as f64);
    if p == 0.0 {
        return 0;
    }
    let log_failure = (-p).ln_1p();
    loop {
        let failures = ((-random.uniform()).ln_1p() / log_failure).floor();
        left -= failures + 1.0;
        if left < 0.0 || left.is_nan() {
            return successes;
        }
        successes += 1;
    }
}

fn log_poisson(k: f64, mean: f64) -> f64 {
    if k == 0.0 {
        return -mean;
    }
    -stirling_error(k) - deviance(k, mean) - 0.5 * (std::f64::consts::TAU * k).ln()
}

fn log_binomial(k: f64, n: f64, p: f64) -> f64 {
    if k == 0.0 {
        return n * (-p).ln_1p();
    }
    if k == n {
        return n * p.ln();
    }
    let errors = stirling_error(n) - stirling_error(k) - stirling_error(n - k);
    let deviances = deviance(k, n * p) + deviance(n - k, n * (1.0 - p));
    errors - deviances + 0.5 * (n / (std::f64::consts::TAU * k * (n - k))).ln()
}

/// Returns `log k! - (k + 1/2) log k + k - log(2 pi) / 2`, for whole k >= 1.
fn stirling_error(k: f64) -> f64 {
    if k < 16.0 {
        let log_factorial: f64 = (2..=k as u32).map(|factor| f64::from(factor).ln()).sum();
        return log_factorial - (k + 0.5) * k.ln() + k - 0.5 * std::f64::consts::TAU.ln();
    }
    let square = k * k;
    let inner = 1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square;
    (1.0 / 12.0 - (1.0 / 360.0 - inner / square) / square) / k
}

/// Returns `k log(k / mean) + mean - k`.
fn deviance(k: f64, mean: f64) -> f64 {
    let v = (k - mean) / (k + mean);
    if v.abs() >= 0.1 {
        return k * (k / mean).ln() + mean - k;
    }
    // log(k / mean) = 2 atanh(v) = 2 sum_j v^(2 j + 1) / (2 j + 1)
    let (mut sum, mut term) = ((k - mean) * v, 2.0 * k * v);
    for j in 1.. {
        term *= v * v;
        let before = sum;
        sum += term / f64::from(2 * j + 1);
        if sum == before {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of draws, in standard errors from those of the distribution.
    fn check(mean: f64, variance: f64, draws: &[f64]) {
        let n = draws.len() as f64;
        let found = draws.iter().sum::<f64>() / n;
        let spread = draws.iter().map(|draw| (draw - found).powi(2)).sum::<f64>() / n;
        assert!((found - mean).abs() < 4.0 * (variance / n).sqrt(), "{found} {mean}");
        // Four standard errors of a variance; kurtosis at most 3.1 here.
        assert!(
            (spread / variance - 1.0).abs() < 4.0 * (2.1 / n).sqrt(),
            "{spread} {variance}"
        );
    }

    #[test]
    fn numbers_have_their_means_and_variances() {
        let mut random = Random::new(5);
        for mean in [10.0, 300.0, 1e6, 1e12] {
            let draws: Vec<f64> = (0..40_000).map(|_| poisson(mean, &mut random) as f64).collect();
            check(mean, mean, &draws);
        }
        for (n, p) in [(40, 0.2), (300, 0.7), (1_000_000, 0.5), (1 << 40, 1e-7), (1 << 40, 0.3)] {
            let draws: Vec<f64> = (0..40_000).map(|_| binomial(n, p, &mut random) as f64).collect();
            let mean = n as f64 * p;
            check(mean, mean * (1.0 - p), &draws);
        }
        assert_eq!((binomial(9, 0.0, &mut random), binomial(9, 1.0, &mut random)), (0, 9));
    }

    #[test]
    fn logs_of_probabilities_match_multiprecision() {
        // mpmath 1.3, 60 digits: k*log(m)-m-loggamma(k+1);
        // loggamma(n+1)-loggamma(k+1)-loggamma(n-k+1)+k*log(p)+(n-k)*log(1-p), p as a double
        for (found, expected) in [
            (log_poisson(7.0, 12.5), -3.345_060_850_907_626),
            (log_poisson(450.0, 300.0), -36.433_046_158_415_53),
            (log_poisson(1e12 + 2e6, 1e12), -16.734_448_757_836_03),
            (log_binomial(3.0, 20.0, 0.3), -2.636_608_918_547_717),
            (log_binomial(20.0, 20.0, 0.3), -24.079_456_086_518_72),
            (log_binomial(150.0, 300.0, 0.7), -29.231_523_993_479_62),
            (log_binomial(1e11 + 1e6, 1e12, 0.1), -19.086_019_825_934_96),
        ] {
            assert!((found / expected - 1.0).abs() < 1e-11, "{found} {expected}");
        }
    }
}
