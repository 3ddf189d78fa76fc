//! The discrete gamma distributions against 50-digit arithmetic, and where shapes run out of double precision.

use super::{assert_close, mean, model, parameter_names};
use persiste_rust::model::rates::{Categories, RateModel};

/// Made by `tests/values/discrete_gamma.py`: kind, shape, n, then n times log r, then n times d log r / d log shape.
const VALUES: &str = include_str!("../values/discrete_gamma.txt");

/// The derivative of every category's log multiplier by log alpha.
fn slopes(gamma: &dyn RateModel, parameters: &[f64], n: usize) -> Vec<f64> {
    let mut adjoint = Categories {
        log_gain: vec![0.0; n],
        log_loss: vec![0.0; n],
        weight: vec![0.0; n],
    };
    let slope = |at: usize| {
        adjoint.log_gain = vec![0.0; n];
        adjoint.log_gain[at] = 1.0;
        gamma.pull_back(parameters, &adjoint)[2]
    };
    (0..n).map(slope).collect()
}

#[test]
fn categories_and_their_derivatives_are_those_of_multiprecision_arithmetic() {
    let mut checked = 0;
    for line in VALUES.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let (kind, shape, n) = (fields[0], fields[1].parse::<f64>().unwrap(), fields[2].parse().unwrap());
        let numbers: Vec<f64> = fields[3..].iter().map(|field| field.parse().unwrap()).collect();
        let gamma = model("gamma", &format!("n_categories={n},kind={kind}"));
        let parameters = [0.0, 0.0, shape.ln()];
        let categories = gamma.categories(&parameters);
        let what = format!("{kind} {shape} {n}");
        // A part in 1e13 of r, or of log r where that is large. Derivatives are differences of close numbers where
        // there are many classes and a large shape: measured 1e-12 for the means of 64 classes at shape 1000.
        assert_close(&what, &categories.log_gain, &numbers[..n], 1e-13);
        let tolerance = if n == 64 { 3e-12 } else { 1e-13 };
        assert_close(&what, &slopes(&*gamma, &parameters, n), &numbers[n..], tolerance);
        checked += 1;
    }
    assert_eq!(checked, 52);
}

#[test]
fn rates_average_one_and_weights_sum_to_one_at_every_shape() {
    for options in ["n_categories=2", "", "n_categories=64", "n_categories=7,kind=median"] {
        let gamma = model("gamma", options);
        for log_alpha in [-690.0, -50.0, -5.3, -1.0, 0.0, 2.3, 6.9, 13.0, 14.0, 40.0, 705.0] {
            let categories = gamma.categories(&[-1.5, 0.5, log_alpha]);
            let weight: f64 = categories.weight.iter().sum();
            let gain = mean(&categories.log_gain, &categories.weight);
            let loss = mean(&categories.log_loss, &categories.weight);
            let found = [weight, gain / f64::exp(-1.5), loss / f64::exp(0.5)];
            // Sums of up to 64 rounded terms.
            assert_close(&format!("{options} {log_alpha}"), &found, &[1.0; 3], 2e-14);
            assert!(categories.log_gain.is_sorted(), "{options} {log_alpha}");
        }
    }
}

#[test]
fn rates_are_never_nan_at_any_finite_shape() {
    for kind in ["mean", "median"] {
        let gamma = model("gamma", &format!("n_categories=64,kind={kind}"));
        for log_alpha in [-1e308, -800.0, -668.0, -667.0, -300.0, 300.0, 709.0, 710.0, 1e308] {
            let parameters = [0.0, 0.0, log_alpha];
            let categories = gamma.categories(&parameters);
            assert!(
                categories.log_gain.iter().all(|rate| !rate.is_nan() && *rate < 4.2),
                "{log_alpha}"
            );
            // Minus infinity is allowed only where the rate itself underflows.
            let gone = categories.log_gain.iter().filter(|rate| rate.is_infinite()).count();
            assert!(gone == 0 || log_alpha < -667.0, "{log_alpha}");
            assert!(
                slopes(&*gamma, &parameters, 64).iter().all(|slope| slope.is_finite()),
                "{log_alpha}"
            );
        }
    }
}

#[test]
fn the_expansion_for_large_shapes_continues_the_series() {
    for options in [
        "n_categories=9",
        "n_categories=64",
        "n_categories=9,kind=median",
        "n_categories=64,kind=median",
    ] {
        let gamma = model("gamma", options);
        let n = gamma.categories(&[0.0; 3]).n_categories();
        let (below, above) = (f64::ln(999_999.99), f64::ln(1_000_000.01));
        let low = gamma.categories(&[0.0, 0.0, below]).log_gain;
        let high = gamma.categories(&[0.0, 0.0, above]).log_gain;
        let slope = slopes(&*gamma, &[0.0, 0.0, above], n);
        let expected: Vec<f64> = low
            .iter()
            .zip(&slope)
            .map(|(low, slope)| low + slope * (above - below))
            .collect();
        // Rounding of u (1e-16) times the number of classes times the terms of the sum.
        assert_close(options, &high, &expected, 1e-12);
        assert_close(options, &slopes(&*gamma, &[0.0, 0.0, below], n), &slope, 1e-10);
    }
}

#[test]
fn one_category_is_rate_one_without_a_shape() {
    let gamma = model("gamma", "n_categories=1,kind=median");
    assert_eq!(parameter_names(&*gamma), ["log_gain", "log_loss"]);
    let categories = gamma.categories(&[0.3, -0.7]);
    assert_eq!((categories.log_gain, categories.log_loss), (vec![0.3], vec![-0.7]));
    assert_eq!(
        parameter_names(&*model("gamma-gain-loss", "n_categories=1")),
        ["log_gain", "log_loss"]
    );
}

#[test]
fn a_pair_of_gammas_is_the_grid_of_two() {
    let pair = model("gamma-gain-loss", "n_categories=3,kind=median");
    assert_eq!(
        parameter_names(&*pair),
        ["log_gain", "log_loss", "log_alpha_gain", "log_alpha_loss"]
    );
    let one = model("gamma", "n_categories=3,kind=median");
    let grid = pair.categories(&[-2.0, 1.0, -0.5, 0.8]);
    let gain = one.categories(&[-2.0, 0.0, -0.5]).log_gain;
    let loss = one.categories(&[0.0, 1.0, 0.8]).log_loss;
    for at in 0..9 {
        assert_eq!(grid.log_gain[at], gain[at / 3]);
        assert_eq!(grid.log_loss[at], loss[at % 3]);
        assert_eq!(grid.weight[at], 1.0 / 9.0);
    }
}
