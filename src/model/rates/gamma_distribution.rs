//! Quantiles of the gamma distribution of mean 1, the means of what lies below them, and both derivatives by shape.
//!
//! With `x` the quantile of the distribution of scale 1, so that `x / a` is that of mean 1, and
//! `S(a, x) = 1 + x/(a+1) + x^2/((a+1)(a+2)) + ...`, a sum of positive terms:
//!
//! - `P(a, x) = x^a exp(-x) S(a, x) / Gamma(a + 1)` is the probability below `x`;
//! - `P(a + 1, x) / P(a, x) = (S - 1) / S` is the mean of what lies below, in units of the whole mean;
//! - `d log P / d log x = a / S`, and the derivatives by `a` are means over the terms of `S`.
//!
//! All is done with `w = log(x / a)`, which stays finite where `x` underflows (small shapes) and keeps the digits of
//! `x - a` (large shapes).

use super::gamma_function::log_gamma_and_digamma;

/// From this shape the expansion about the normal distribution is exact to the last digits, and it costs nothing.
const NEARLY_NORMAL_FROM: f64 = 1e6;

/// More steps than Newton's method takes: seven at most over shapes from 1e-290 to 1e6.
const LARGEST_STEPS: usize = 100;

/// A point of the gamma distribution of mean 1 with a given probability below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantile {
    /// Natural log of the point.
    pub(super) log_point: f64,
    /// Its derivative by the log of the shape.
    pub(super) log_point_by_log_shape: f64,
    /// Natural log of the mean of what lies below the point.
    pub(super) log_mean_below: f64,
    /// Its derivative by the log of the shape.
    pub(super) log_mean_below_by_log_shape: f64,
}

/// Returns the point of the gamma distribution with mean 1 and this shape that has `probability` below it.
///
/// `shape` is from 1e-290 to infinity, `probability` from 0.001 to 0.999.
///
/// # Source
/// Abramowitz & Stegun 1964, 6.5.4 and 6.5.29; Newton's method on `log P`, which is concave in `log x` and so
/// converges from anywhere.
pub(super) fn quantile(shape: f64, probability: f64) -> Quantile {
    if shape >= NEARLY_NORMAL_FROM {
        return nearly_normal(shape, probability);
    }
    let (log_gamma, digamma) = log_gamma_and_digamma(shape);
    let mut w = if shape < 1.0 {
        // The first term of the series alone: below the point.
        (probability.ln() + log_gamma) / shape - 1.0
    } else {
        let spread = 1.0 / (9.0 * shape);
        3.0 * (1.0 - spread + rough_normal_quantile(probability) * spread.sqrt()).ln()
    };
    for _ in 0..LARGEST_STEPS {
        let terms = Terms::new(shape, w);
        let log_probability = shape * (w - w.exp_m1()) - log_gamma + terms.excess.ln_1p();
        let step = (probability.ln() - log_probability) * (1.0 + terms.excess) / shape;
        w += step;
        // The next step would be about the square of this one.
        if step.abs() <= 1e-10 * (1.0 + w.abs()) {
            break;
        }
    }
    let Terms {
        excess,
        log_excess,
        mean_order,
        mean_harmonic,
    } = Terms::new(shape, w);
    let sum = 1.0 + excess;
    // d log x / d log a is S times this.
    let slope = digamma - w + mean_harmonic * excess / sum;
    Quantile {
        log_point: w,
        log_point_by_log_shape: sum * slope - 1.0,
        log_mean_below: log_excess - excess.ln_1p(),
        log_mean_below_by_log_shape: mean_order * slope - shape * mean_harmonic / sum,
    }
}

/// Sums over the terms of `S` after the first.
struct Terms {
    /// `S - 1`.
    excess: f64,
    /// Natural log of `S - 1`, finite where that underflows.
    log_excess: f64,
    /// Mean of `n` weighted by the terms `x^n / ((a+1)..(a+n))`.
    mean_order: f64,
    /// Mean of `1/(a+1) + .. + 1/(a+n)` weighted by the terms.
    mean_harmonic: f64,
}

impl Terms {
    /// Sums for `x = shape exp(w)`.
    fn new(shape: f64, w: f64) -> Self {
        let x = shape * w.exp();
        // In units of the first term, x / (a + 1).
        let (mut term, mut harmonic, mut n) = (1.0, 1.0 / (shape + 1.0), 1.0);
        let (mut total, mut by_order, mut by_harmonic) = (term, term, harmonic);
        while n * term > f64::EPSILON / 16.0 * total {
            n += 1.0;
            term *= x / (shape + n);
            harmonic += 1.0 / (shape + n);
            total += term;
            by_order += n * term;
            by_harmonic += harmonic * term;
        }
        Self {
            excess: x / (shape + 1.0) * total,
            log_excess: w + (shape / (shape + 1.0)).ln() + total.ln(),
            mean_order: by_order / total,
            mean_harmonic: by_harmonic / total,
        }
    }
}

/// Returns the normal quantile to 5e-4 (Abramowitz & Stegun 1964, 26.2.23), from where to start.
fn rough_normal_quantile(probability: f64) -> f64 {
    let t = (-2.0 * probability.min(1.0 - probability).ln()).sqrt();
    let z =
        t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    if probability < 0.5 { -z } else { z }
}

/// Returns the normal quantile, whose square is twice a gamma variable of shape 1/2.
fn normal_quantile(probability: f64) -> f64 {
    let within = (2.0 * probability - 1.0).abs();
    if within == 0.0 {
        return 0.0;
    }
    let z = (0.5 * quantile(0.5, within).log_point).exp();
    if probability < 0.5 { -z } else { z }
}

/// The expansion in powers of `1 / sqrt(shape)` about the normal quantile `z`; what is left out is of order 5.
///
/// # Source
/// Cornish & Fisher 1938, doi:10.2307/1400905; Abramowitz & Stegun 1964, 26.2.49 with the cumulants of the gamma
/// distribution; the means below are its integrals against the normal density.
fn nearly_normal(shape: f64, probability: f64) -> Quantile {
    let z = normal_quantile(probability);
    let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    let h = shape.sqrt().recip();
    let orders = [h, h * h, h * h * h, h * h * h * h];
    let (z2, z3, z4) = (z * z, z * z * z, z * z * z * z);
    let of_point = [
        z,
        (z2 - 1.0) / 3.0,
        (z3 - 7.0 * z) / 36.0,
        (16.0 - 7.0 * z2 - 3.0 * z4) / 810.0,
    ];
    let of_mean = [1.0, z / 3.0, (z2 - 5.0) / 36.0, -(3.0 * z3 + 16.0 * z) / 810.0];
    let (mut point, mut point_slope, mut mean, mut mean_slope) = (0.0, 0.0, 0.0, 0.0);
    for (index, order) in orders.iter().enumerate() {
        // d h^n / d log a = -(n / 2) h^n.
        let slope = -0.5 * (index + 1) as f64;
        point += of_point[index] * order;
        point_slope += slope * of_point[index] * order;
        mean -= density / probability * of_mean[index] * order;
        mean_slope -= density / probability * slope * of_mean[index] * order;
    }
    Quantile {
        log_point: point.ln_1p(),
        log_point_by_log_shape: point_slope / (1.0 + point),
        log_mean_below: mean.ln_1p(),
        log_mean_below_by_log_shape: mean_slope / (1.0 + mean),
    }
}
