//! Gauss-Hermite rules and the models built on them, against 60-digit arithmetic.

use super::{assert_close, mean, model, parameter_names};
use persiste_rust::model::rates::Categories;

/// Nodes and weights of the rule, as the hierarchical model with deviations of 1 shows them on its gain axis.
fn rule(n: usize) -> (Vec<f64>, Vec<f64>) {
    let Categories { log_gain, weight, .. } = model("hierarchical", &format!("n_categories={n}")).categories(&[0.0; 5]);
    let nodes = log_gain.chunks(n).map(|row| row[0]).collect();
    let weights = weight.chunks(n).map(|row| row.iter().sum()).collect();
    (nodes, weights)
}

#[test]
fn nodes_and_weights_are_those_of_multiprecision_arithmetic() {
    // python tests/values/gauss_hermite.py; from the middle upwards.
    let (nodes, weights) = rule(3);
    assert_close(
        "nodes",
        &nodes,
        &[-1.732_050_807_568_877_2, 0.0, 1.732_050_807_568_877_2],
        1e-15,
    );
    assert_close("weights", &weights, &[1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0], 1e-15);
    let (nodes, weights) = rule(6);
    let expected = [0.616_706_590_192_594_1, 1.889_175_877_753_710_7, 3.324_257_433_552_119];
    assert_close("nodes", &nodes[3..], &expected, 1e-15);
    let expected = [
        0.408_828_469_556_029_23,
        0.088_615_746_041_914_53,
        0.002_555_784_402_056_246_4,
    ];
    assert_close("weights", &weights[3..], &expected, 1e-15);
}

#[test]
fn the_smallest_weights_are_right_to_their_last_digits() {
    // python tests/values/gauss_hermite.py; 64 nodes, places 32, 40, 50 and 63.
    let model = model("lognormal", "n_categories=64");
    let weight = model.categories(&[0.0; 3]).weight;
    let expected = [
        (32, 0.153_108_316_361_896_78),
        (40, 0.000_584_686_083_069_601_5),
        (50, 9.186_928_787_329_663e-14),
        (63, 3.123_187_965_107_721_2e-49),
    ];
    for (at, expected) in expected {
        assert!((weight[at] / expected - 1.0).abs() < 1e-12, "{at} {:e}", weight[at]);
        assert!((weight[63 - at] / expected - 1.0).abs() < 1e-12, "{at}");
    }
}

#[test]
fn rules_integrate_moments_of_the_normal_distribution_exactly() {
    for n in [2, 5, 12, 32] {
        let (nodes, weights) = rule(n);
        let mut moment = 1.0;
        for order in 0..n {
            // E z^(2m) = 1 3 5 .. (2m - 1); odd moments vanish by symmetry.
            let powers: Vec<f64> = nodes.iter().map(|node| node.powi(2 * order as i32)).collect();
            let found: f64 = powers.iter().zip(&weights).map(|(power, weight)| power * weight).sum();
            assert!(
                (found / moment - 1.0).abs() < 1e-12,
                "{n} {order}: {found} for {moment}"
            );
            moment *= (2 * order + 1) as f64;
        }
    }
}

#[test]
fn lognormal_rates_are_those_of_multiprecision_arithmetic() {
    // python tests/values/gauss_hermite.py
    let expected = [
        -6.146_064_494_606_399,
        -4.422_823_642_760_331,
        -2.925_692_612_339_255,
        -1.516_552_746_357_49,
        -0.132_168_387_560_692_9,
        1.276_971_478_421_072,
        2.774_102_508_842_148_4,
        4.497_343_360_688_216,
    ];
    let found = model("lognormal", "").categories(&[0.0, 1.0, 0.25]);
    assert_close("gain", &found.log_gain, &expected, 1e-14);
    let loss: Vec<f64> = found.log_loss.iter().map(|loss| loss - 1.0).collect();
    assert_close("loss", &loss, &expected, 1e-14);
    let expected = [
        -1.118_688_172_316_988_5,
        -0.566_374_641_696_203,
        -0.067_667_640_169_892_99,
        0.431_039_361_356_417,
        0.983_352_891_977_202_6,
    ];
    let found = model("lognormal", "n_categories=5").categories(&[0.0, 0.0, -1.0]);
    assert_close("gain", &found.log_gain, &expected, 1e-14);
}

#[test]
fn lognormal_rates_average_one_at_every_deviation() {
    for n in [2, 8, 33, 64] {
        let lognormal = model("lognormal", &format!("n_categories={n}"));
        assert_eq!(parameter_names(&*lognormal), ["log_gain", "log_loss", "log_sigma"]);
        for log_sigma in [-800.0, -3.0, 0.0, 2.0, 3.0, 6.0, 708.0, 1e308] {
            let categories = lognormal.categories(&[0.0, 0.0, log_sigma]);
            let weight: f64 = categories.weight.iter().sum();
            let found = [weight, mean(&categories.log_gain, &categories.weight)];
            // The last rate is up to 1e48, its log rounded to 1e-14.
            assert_close(&format!("{n} {log_sigma}"), &found, &[1.0; 2], 5e-14);
        }
    }
}

#[test]
fn hierarchical_categories_have_the_moments_of_the_population() {
    let hierarchical = model("hierarchical", "");
    let names = [
        "log_gain",
        "log_loss",
        "log_sigma_gain",
        "log_sigma_loss",
        "atanh_correlation",
    ];
    assert_eq!(parameter_names(&*hierarchical), names);
    let (sigma_gain, sigma_loss, correlation) = (0.6_f64, 1.7_f64, -0.45_f64);
    let parameters = [-1.3, 0.4, sigma_gain.ln(), sigma_loss.ln(), correlation.atanh()];
    let categories = hierarchical.categories(&parameters);
    let expectation = |value: &dyn Fn(f64, f64) -> f64| -> f64 {
        (0..36)
            .map(|at| categories.weight[at] * value(categories.log_gain[at] + 1.3, categories.log_loss[at] - 0.4))
            .sum()
    };
    let found = [
        expectation(&|_, _| 1.0),
        expectation(&|gain, _| gain),
        expectation(&|_, loss| loss),
        expectation(&|gain, _| gain * gain),
        expectation(&|_, loss| loss * loss),
        expectation(&|gain, loss| gain * loss),
    ];
    let expected = [
        1.0,
        0.0,
        0.0,
        sigma_gain.powi(2),
        sigma_loss.powi(2),
        correlation * sigma_gain * sigma_loss,
    ];
    assert_close("moments", &found, &expected, 1e-14);
}

#[test]
fn hierarchical_rates_are_never_nan_at_any_finite_parameter() {
    let hierarchical = model("hierarchical", "n_categories=3");
    for extreme in [-1e308, -750.0, 750.0, 1e308] {
        for at in 2..5 {
            let mut parameters = [-1.0, f64::NEG_INFINITY, 0.0, 0.0, 0.0];
            parameters[at] = extreme;
            let categories = hierarchical.categories(&parameters);
            assert!(categories.log_gain.iter().all(|rate| !rate.is_nan()), "{at} {extreme}");
            assert!(
                categories.log_loss.iter().all(|rate| *rate == f64::NEG_INFINITY),
                "{at} {extreme}"
            );
        }
    }
}
