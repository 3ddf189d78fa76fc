//! Rate models through the kernel, against the shared reference values.

use super::common::reference::{Case, case, cases, json, number, numbers, root};
use super::common::{shared, workers};
use super::{assert_close, model};
use persiste_rust::kernel::{Kernel, SharedInput, Transition, transitions, transitions_adjoint};
use persiste_rust::model::rates::{Categories, RateModel};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Patterns, Problem};
use serde_json::Value;
use std::sync::Arc;

/// The gamma model of a case and its parameters.
fn gamma(case: &Case) -> (Box<dyn RateModel>, Vec<f64>) {
    let (gamma, number_of) = (&case.params["gamma"], |value: &Value| number(value).ln());
    let options = format!(
        "n_categories={},kind={}",
        gamma["k"].as_u64().unwrap(),
        gamma["kind"].as_str().unwrap()
    );
    let parameters = vec![
        number_of(&case.params["gain"]),
        number_of(&case.params["loss"]),
        number_of(&gamma["alpha"]),
    ];
    (model("gamma", &options), parameters)
}

/// The model of a case's own categories, and its parameters.
fn fixed(case: &Case) -> (Box<dyn RateModel>, Vec<f64>) {
    let list = |name: &str| {
        let values = numbers(&case.params["categories"][name]);
        values.iter().map(f64::to_string).collect::<Vec<_>>().join("/")
    };
    let options = format!("rates={},weights={}", list("rates"), list("weights"));
    let parameters = ["gain", "loss"].map(|name| number(&case.params[name]).ln());
    (model("fixed-categories", &options), parameters.to_vec())
}

/// The log-likelihood of each family, and the derivatives of their sum by the parameters.
fn evaluate(case: &Case, rates: &dyn RateModel, parameters: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let categories = rates.categories(parameters);
    let n = categories.n_categories();
    let tree = &case.matched.tree;
    let root = root(case.params["root"].as_str().unwrap());
    let rate = |at: usize| (categories.log_gain[at].exp(), categories.log_loss[at].exp());
    let mut table: Vec<Transition> = Vec::new();
    for (gain, loss) in (0..n).map(rate) {
        table.extend(transitions(gain, loss, tree.branch_lengths()));
        *table.last_mut().unwrap() = [1.0, 0.0, 0.0, 1.0];
    }
    let frequencies: Vec<[f64; 2]> = (0..n)
        .map(|at| root.frequencies(&[], rate(at).0, rate(at).1).unwrap().unwrap())
        .collect();
    let patterns = Patterns::distinct(&case.table, &case.matched.column_of_tip);
    let kernel = Kernel::new(Arc::new(Problem::new(tree.clone(), patterns)));
    let input = SharedInput {
        transitions: &table,
        root: &frequencies,
        weights: &categories.weight,
        tips: None,
    };
    let patterns = kernel.problem().patterns();
    let (values, adjoint) = kernel
        .vector_jacobian(input, patterns.weights(), &workers(1), &Monitor::new())
        .unwrap();
    let of_family = patterns.pattern_of_family().iter().map(|&p| values[p as usize]);
    let below_root = &tree.branch_lengths()[..tree.root()];
    let mut by_category = Categories {
        log_gain: Vec::new(),
        log_loss: Vec::new(),
        weight: adjoint.weights,
    };
    for at in 0..n {
        let (gain, loss) = rate(at);
        let entries = &adjoint.transitions[at * tree.n_nodes()..][..tree.root()];
        let (by_gain, by_loss, _) = transitions_adjoint(gain, loss, below_root, entries);
        let (by_root, _) = root.pull_back(&[], gain, loss, adjoint.root[at]);
        by_category.log_gain.push(gain * (by_gain + by_root[0]));
        by_category.log_loss.push(loss * (by_loss + by_root[1]));
    }
    (of_family.collect(), rates.pull_back(parameters, &by_category))
}

#[test]
fn log_likelihoods_of_gamma_cases_are_those_of_the_reference() {
    let mut checked = 0;
    for case in cases().iter().filter(|case| !case.params["gamma"].is_null()) {
        let (rates, parameters) = gamma(case);
        let (found, _) = evaluate(case, &*rates, &parameters);
        assert_close(&case.id, &found, &numbers(&case.expected["lnL"]), 1e-10);
        checked += 1;
    }
    if shared("reference/cases").is_some() {
        assert!(checked >= 3, "{checked}");
    }
}

#[test]
fn log_likelihoods_of_given_categories_are_those_of_the_reference() {
    let mut checked = 0;
    for case in cases().iter().filter(|case| !case.params["categories"].is_null()) {
        let (rates, parameters) = fixed(case);
        let (found, _) = evaluate(case, &*rates, &parameters);
        assert_close(&case.id, &found, &numbers(&case.expected["lnL"]), 1e-10);
        checked += 1;
    }
    if shared("reference/cases").is_some() {
        assert!(checked >= 3, "{checked}");
    }
}

#[test]
fn gradients_of_gamma_cases_are_those_of_the_reference() {
    let Some(path) = shared("reference/extras/gradients.json") else {
        return;
    };
    let reference = json(&path);
    let mut checked = 0;
    for (id, expected) in reference["values"].as_object().unwrap() {
        let case = case(id).unwrap();
        if case.params["gamma"].is_null() {
            continue;
        }
        let (rates, parameters) = gamma(&case);
        let (_, found) = evaluate(&case, &*rates, &parameters);
        // The reference differentiates by the parameters' exponentials.
        for (at, name) in ["d_gain", "d_loss", "d_alpha"].into_iter().enumerate() {
            let expected = parameters[at].exp() * number(&expected[name]);
            assert!(
                (found[at] / expected - 1.0).abs() < 1e-8,
                "{id} {name}: {} for {expected}",
                found[at]
            );
        }
        checked += 1;
    }
    assert_eq!(checked, 2);
}
