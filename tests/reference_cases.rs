//! The likelihoods, gradients and estimates of the shared reference values.

#![allow(clippy::unwrap_used)]

mod common;

use common::reference::{Case, case, cases, json, number, numbers, root};
use common::{shared, workers};
use persiste_rust::inference::{FitOptions, fit};
use persiste_rust::kernel::{Kernel, SharedInput, Transition, transition};
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior, log_likelihoods_at};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Patterns, Problem};
use serde_json::Value;
use std::sync::Arc;

fn ascertainment(value: &Value) -> Ascertainment {
    match value.as_str() {
        None => Ascertainment::None,
        Some("all0") => Ascertainment::Observed,
        Some("all0_all1") => Ascertainment::Variable,
        Some(other) => panic!("ascertainment {other}"),
    }
}

fn model(case: &Case, root: RootPrior, threads: usize) -> GeneContentModel {
    let patterns = Patterns::distinct(&case.table, &case.matched.column_of_tip);
    let problem = Arc::new(Problem::new(case.matched.tree.clone(), patterns));
    let families = Arc::new(case.table.families().clone());
    let ascertainment = ascertainment(&case.params["ascertainment"]);
    GeneContentModel::shared(problem, families, root, ascertainment, workers(threads)).unwrap()
}

fn assert_close(id: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{id}");
    for (family, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let same_infinity = expected == f64::NEG_INFINITY && found == expected;
        let close = (found - expected).abs() <= 1e-10 * expected.abs().max(1.0);
        assert!(same_infinity || close, "{id} family {family}: {found} for {expected}");
    }
}

#[test]
fn log_likelihoods_of_all_cases_without_categories_are_those_of_the_reference() {
    let (mut shared_rates, mut per_family) = (0, 0);
    for case in cases().iter().filter(|case| case.params["categories"].is_null()) {
        let expected = numbers(&case.expected["lnL"]);
        let (gain, loss) = (numbers(&case.params["gain"]), numbers(&case.params["loss"]));
        let root = root(case.params["root"].as_str().unwrap());
        if gain.len() == 1 && loss.len() == 1 {
            let model = model(case, root, 1);
            let found = model
                .log_likelihoods(&[gain[0].ln(), loss[0].ln()], &Monitor::new())
                .unwrap();
            assert_close(&case.id, &found, &expected);
            shared_rates += 1;
        }
        if case.params["ascertainment"].is_null() {
            // The lanes' own rates must agree where all rates happen to be equal.
            let (tree, columns) = (case.matched.tree.clone(), &case.matched.column_of_tip);
            let n = case.table.n_families();
            let mut gains = if gain.len() == 1 {
                vec![gain[0]; n]
            } else {
                gain.clone()
            };
            let mut losses = if loss.len() == 1 {
                vec![loss[0]; n]
            } else {
                loss.clone()
            };
            if gain.len() == 1 && n > 1 {
                // One family's rates differ, or the function would take the shared path.
                (gains[n - 1], losses[n - 1]) = (1.0, 1.0);
            }
            let rates = (gains.as_slice(), losses.as_slice());
            let found =
                log_likelihoods_at(tree, &case.table, columns, rates, root, &workers(1), &Monitor::new()).unwrap();
            let checked = if gain.len() == 1 { n - 1 } else { n };
            assert_close(&case.id, &found[..checked], &expected[..checked]);
            per_family += 1;
        }
    }
    if shared("reference/cases").is_some() {
        assert!(shared_rates >= 17 && per_family >= 16, "{shared_rates} {per_family}");
    }
}

#[test]
fn category_mixtures_of_the_kernel_are_those_of_the_reference() {
    for case in cases().iter().filter(|case| !case.params["categories"].is_null()) {
        let (gain, loss) = (number(&case.params["gain"]), number(&case.params["loss"]));
        let rates = numbers(&case.params["categories"]["rates"]);
        let weights = numbers(&case.params["categories"]["weights"]);
        let tree = &case.matched.tree;
        let mut table: Vec<Transition> = Vec::new();
        for rate in &rates {
            let of_length = |&length: &f64| transition(gain * rate, loss * rate, length);
            table.extend(tree.branch_lengths().iter().map(of_length));
            *table.last_mut().unwrap() = [1.0, 0.0, 0.0, 1.0];
        }
        let frequencies = root(case.params["root"].as_str().unwrap())
            .frequencies(&[], gain, loss)
            .unwrap()
            .unwrap();
        let frequencies = vec![frequencies; rates.len()];
        let patterns = Patterns::distinct(&case.table, &case.matched.column_of_tip);
        let kernel = Kernel::new(Arc::new(Problem::new(tree.clone(), patterns)));
        let input = SharedInput {
            transitions: &table,
            root: &frequencies,
            weights: &weights,
            tips: None,
        };
        let of_pattern = kernel.log_likelihoods(input, &workers(2), &Monitor::new()).unwrap();
        let patterns = kernel.problem().patterns();
        let found: Vec<f64> = patterns
            .pattern_of_family()
            .iter()
            .map(|&p| of_pattern[p as usize])
            .collect();
        assert_close(
            &case.id,
            &found,
            &numbers(&case.expected["lnL_unconditional"]).as_slice()[..found.len()],
        );
        // The gradient's pass computes the same values, and shares of categories that sum to one for each pattern.
        let (values, adjoint) = kernel
            .vector_jacobian(input, patterns.weights(), &workers(1), &Monitor::new())
            .unwrap();
        for (value, expected) in values.iter().zip(&of_pattern) {
            assert!(
                (value - expected).abs() <= 1e-13 * expected.abs().max(1.0),
                "{}: {value} {expected}",
                case.id
            );
        }
        let shares: f64 = weights.iter().zip(&adjoint.weights).map(|(w, d)| w * d).sum();
        assert!(
            (shares / patterns.n_families() as f64 - 1.0).abs() < 1e-12,
            "{}: {shares}",
            case.id
        );
    }
}

#[test]
fn gradients_are_those_of_the_reference() {
    let Some(path) = shared("reference/extras/gradients.json") else {
        return;
    };
    let reference = json(&path);
    let mut checked = 0;
    for (id, expected) in reference["values"].as_object().unwrap() {
        let case = case(id).unwrap();
        if !case.params["categories"].is_null() {
            continue;
        }
        let (gain, loss) = (number(&case.params["gain"]), number(&case.params["loss"]));
        let model = model(&case, root(case.params["root"].as_str().unwrap()), 2);
        let result = model
            .value_and_gradient(&[gain.ln(), loss.ln()], &Monitor::new())
            .unwrap();
        // The reference differentiates by the rates, the model by their logs.
        for (found, (rate, name)) in result.gradient.iter().zip([(gain, "d_gain"), (loss, "d_loss")]) {
            let expected = rate * number(&expected[name]);
            assert!(
                (found / expected - 1.0).abs() < 1e-8,
                "{id} {name}: {found} for {expected}"
            );
        }
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
}

#[test]
fn shared_estimates_and_standard_errors_are_those_of_the_reference() {
    let Some(path) = shared("reference/extras/mle_shared.json") else {
        return;
    };
    let mut checked = 0;
    for (key, expected) in json(&path).as_object().unwrap() {
        let (id, root_name) = key.split_once("|root=").unwrap();
        if !expected["gamma_kind"].is_null() {
            continue;
        }
        let model = model(&case(id).unwrap(), root(root_name), 1);
        for start in [None, Some([3.0, -4.0]), Some([-5.0, 2.0])] {
            let start = start.as_ref().map(<[f64; 2]>::as_slice);
            let fitted = fit(
                &model,
                &FitOptions {
                    start,
                    ..FitOptions::default()
                },
                &Monitor::new(),
            )
            .unwrap();
            assert_eq!(
                fitted.ending,
                persiste_rust::inference::optimise::Ending::Converged,
                "{key} from {start:?}"
            );
            assert!(
                (fitted.log_likelihood - number(&expected["max_lnL"])).abs() < 1e-6,
                "{key}"
            );
            let covariance = fitted.covariance.unwrap();
            for (i, name) in ["gain", "loss"].into_iter().enumerate() {
                let estimate = fitted.parameters[i].exp();
                assert!(
                    (estimate / number(&expected[name]) - 1.0).abs() < 1e-4,
                    "{key} {name} {estimate}"
                );
                let error = covariance[(i, i)].sqrt();
                // The reference prints eight digits.
                assert!(
                    (error / number(&expected["se_log_params"][i]) - 1.0).abs() < 1e-5,
                    "{key} se {error}"
                );
            }
        }
        checked += 1;
    }
    assert!(checked >= 3, "{checked}");
}
