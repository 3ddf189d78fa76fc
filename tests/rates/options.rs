//! The options of rate models, and one clear sentence for each that cannot be.

use super::{model, try_model};

fn message(name: &str, options: &str) -> String {
    try_model(name, options).unwrap_err().to_string()
}

#[test]
fn defaults_are_those_of_the_documentation() {
    for (name, parameters, n_categories) in [
        ("shared", vec![0.0; 2], 1),
        ("gamma", vec![0.0; 3], 4),
        ("gamma-gain-loss", vec![0.0; 4], 16),
        ("mixture", vec![0.0; 5], 2),
        ("lognormal", vec![0.0; 3], 8),
        ("hierarchical", vec![0.0; 5], 36),
    ] {
        let found = model(name, "");
        assert_eq!(found.parameters().len(), parameters.len(), "{name}");
        assert_eq!(found.categories(&parameters).n_categories(), n_categories, "{name}");
        assert!(!found.words().is_empty());
    }
    let mean = model("gamma", "kind=mean").categories(&[0.0, 0.0, -0.5]);
    assert_eq!(model("gamma", "").categories(&[0.0, 0.0, -0.5]), mean);
    assert_ne!(model("gamma", "kind=median").categories(&[0.0, 0.0, -0.5]), mean);
}

#[test]
fn options_that_cannot_be_are_refused_in_one_sentence() {
    for (name, options, expected) in [
        (
            "gama",
            "",
            "unknown rate model 'gama'; known: shared, gamma, gamma-gain-loss, mixture, lognormal, hierarchical, \
             fixed-categories",
        ),
        (
            "gamma",
            "n_categories=0",
            "option n_categories of 'gamma' is 0; allowed are whole numbers from 1 to 64",
        ),
        (
            "gamma",
            "n_categories=4.5",
            "option n_categories of 'gamma' is 4.5; allowed are whole numbers from 1 to 64",
        ),
        (
            "gamma",
            "kind=mode",
            "option kind of 'gamma' is 'mode'; allowed are mean, median",
        ),
        (
            "gamma",
            "alpha=2",
            "'gamma' has no option 'alpha'; known: n_categories, kind",
        ),
        (
            "gamma-gain-loss",
            "n_categories=33",
            "option n_categories of 'gamma-gain-loss' is 33; allowed are whole numbers from 1 to 32",
        ),
        (
            "mixture",
            "n_categories=1",
            "option n_categories of 'mixture' is 1; allowed are whole numbers from 2 to 16",
        ),
        (
            "lognormal",
            "n_categories=65",
            "option n_categories of 'lognormal' is 65; allowed are whole numbers from 2 to 64",
        ),
        (
            "lognormal",
            "kind=mean",
            "'lognormal' has no option 'kind'; known: n_categories",
        ),
        (
            "hierarchical",
            "n_categories=nan",
            "option n_categories of 'hierarchical' is NaN; allowed are whole numbers from 2 to 32",
        ),
        (
            "fixed-categories",
            "",
            "option rates of 'fixed-categories' is []; allowed are one or more finite numbers of at least 0",
        ),
        (
            "fixed-categories",
            "rates=1/-0.5",
            "option rates of 'fixed-categories' is [1.0, -0.5]; allowed are one or more finite numbers of at least 0",
        ),
        (
            "fixed-categories",
            "rates=1/inf",
            "option rates of 'fixed-categories' is [1.0, inf]; allowed are one or more finite numbers of at least 0",
        ),
        (
            "fixed-categories",
            "rates=1/2,weights=0.5/0.4",
            "option weights of 'fixed-categories' is [0.5, 0.4]; allowed are 2 numbers above 0, one for each rate, that \
             sum to 1 within 1e-9",
        ),
        (
            "fixed-categories",
            "rates=1/2,weights=1",
            "option weights of 'fixed-categories' is [1.0]; allowed are 2 numbers above 0, one for each rate, that sum \
             to 1 within 1e-9",
        ),
        (
            "fixed-categories",
            "rates=1/2,weights=0/1",
            "option weights of 'fixed-categories' is [0.0, 1.0]; allowed are 2 numbers above 0, one for each rate, that \
             sum to 1 within 1e-9",
        ),
        (
            "fixed-categories",
            "rates=1/2,weights=nan/nan",
            "option weights of 'fixed-categories' is [NaN, NaN]; allowed are 2 numbers above 0, one for each rate, that \
             sum to 1 within 1e-9",
        ),
    ] {
        assert_eq!(message(name, options), expected);
    }
}

#[test]
fn given_rates_and_weights_are_taken_as_they_are() {
    let fixed = model("fixed-categories", "rates=0/0.5/3,weights=0.2/0.3/0.5");
    let categories = fixed.categories(&[0.0, 1.0]);
    assert_eq!(categories.log_gain, [f64::NEG_INFINITY, 0.5_f64.ln(), 3.0_f64.ln()]);
    assert_eq!(categories.log_loss[2], 1.0 + 3.0_f64.ln());
    assert_eq!(categories.weight, [0.2, 0.3, 0.5]);
    let equal = model("fixed-categories", "rates=2").categories(&[0.0, 1.0]);
    assert_eq!((equal.log_gain, equal.weight), (vec![2.0_f64.ln()], vec![1.0]));
    // Ten digits of a third are near enough, and are made to sum to 1.
    let thirds = "rates=1/2/3,weights=0.3333333333/0.3333333333/0.3333333333";
    let weights = model("fixed-categories", thirds).categories(&[0.0, 0.0]).weight;
    assert_eq!(weights, [1.0 / 3.0; 3]);
}
