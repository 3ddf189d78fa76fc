//! The derivatives of every rate model against central differences of its categories.

use super::model;
use persiste_rust::model::parameter::Domain;
use persiste_rust::model::rates::{Categories, RateModel};

/// Every rate model, and parameters at which it is tried.
const MODELS: [(&str, &str, &[f64]); 13] = [
    ("shared", "", &[-1.0, 0.4]),
    ("gamma", "", &[-1.0, 0.4, -0.9]),
    ("gamma", "n_categories=1", &[-1.0, 0.4]),
    ("gamma", "n_categories=16,kind=median", &[-1.0, 0.4, 2.6]),
    ("gamma", "n_categories=3", &[-1.0, 0.4, -5.0]),
    ("gamma-gain-loss", "", &[-1.0, 0.4, -1.3, 1.9]),
    ("gamma-gain-loss", "n_categories=3,kind=median", &[-1.0, 0.4, 0.3, -2.0]),
    ("mixture", "", &[-2.0, -1.0, 0.5, 1.5, 0.7]),
    (
        "mixture",
        "n_categories=4",
        &[-2.0, -1.0, 0.0, 0.3, 0.5, 1.5, -0.5, 0.1, 0.7, -2.0, 9.0],
    ),
    ("lognormal", "", &[-1.0, 0.4, 0.2]),
    ("lognormal", "n_categories=64", &[-1.0, 0.4, -0.5]),
    ("hierarchical", "n_categories=5", &[-1.0, 0.4, -0.5, 0.3, -0.8]),
    ("fixed-categories", "rates=0/0.5/3,weights=0.2/0.3/0.5", &[-1.0, 0.4]),
];

/// Factors of category `at` on gain, loss and weight.
fn factors(at: usize) -> [f64; 3] {
    let at = at as f64;
    [1.0 + (1.0 + at).sin(), 0.5 + at.cos(), 2.0 + (at * at).sin()]
}

/// A number that depends on all that the categories hold, rates of 0 left out, and on the logs of small ones.
fn objective(categories: &Categories) -> f64 {
    let of_rate = |log_rate: f64| {
        if log_rate == f64::NEG_INFINITY {
            0.0
        } else {
            log_rate.exp() + 0.1 * log_rate
        }
    };
    let term = |at: usize| {
        let [gain, loss, weight] = factors(at);
        gain * of_rate(categories.log_gain[at])
            + loss * of_rate(categories.log_loss[at])
            + weight * categories.weight[at]
    };
    (0..categories.n_categories()).map(term).sum()
}

/// The derivatives of the objective.
fn cotangent(categories: &Categories) -> Categories {
    let slope = |log_rate: f64| {
        if log_rate == f64::NEG_INFINITY {
            0.0
        } else {
            log_rate.exp() + 0.1
        }
    };
    let each = |value: &dyn Fn(usize) -> f64| (0..categories.n_categories()).map(value).collect();
    Categories {
        log_gain: each(&|at| factors(at)[0] * slope(categories.log_gain[at])),
        log_loss: each(&|at| factors(at)[1] * slope(categories.log_loss[at])),
        weight: each(&|at| factors(at)[2]),
    }
}

fn difference(model: &dyn RateModel, parameters: &[f64], at: usize) -> f64 {
    let value = |shift: f64| {
        let mut moved = parameters.to_vec();
        moved[at] += shift;
        objective(&model.categories(&moved))
    };
    // Fourth order, with an error of about 1e-12 from the step and from rounding.
    let step = 1e-3;
    (8.0 * (value(step) - value(-step)) - (value(2.0 * step) - value(-2.0 * step))) / (12.0 * step)
}

#[test]
fn derivatives_are_those_of_central_differences() {
    for (name, options, parameters) in MODELS {
        let model = model(name, options);
        assert_eq!(model.parameters().len(), parameters.len(), "{name} {options}");
        let categories = model.categories(parameters);
        let found = model.pull_back(parameters, &cotangent(&categories));
        assert_eq!(found.len(), parameters.len(), "{name} {options}");
        for (at, found) in found.iter().enumerate() {
            let expected = difference(&*model, parameters, at);
            assert!(
                (found - expected).abs() <= 1e-7 * expected.abs(),
                "{name} {options} parameter {at}: {found} for {expected}"
            );
        }
    }
}

#[test]
fn every_model_is_tried_here() {
    for name in persiste_rust::model::rates::names() {
        assert!(MODELS.iter().any(|(tried, ..)| *tried == name), "{name}");
    }
}

#[test]
fn starts_lie_where_the_search_may_go() {
    for (name, options, _) in MODELS {
        let model = model(name, options);
        let starts = model.starts(-1.2, 0.3);
        assert!(!starts.is_empty());
        for start in &starts {
            let parameters = model.parameters();
            assert_eq!(start.len(), parameters.len(), "{name}");
            for (parameter, &value) in parameters.iter().zip(start) {
                parameter.check(value).unwrap();
                if let Domain::Interval { lower, upper } = parameter.domain {
                    assert!(lower < value && value < upper, "{name} {}", parameter.name);
                }
            }
        }
    }
}

#[test]
fn a_gain_rate_of_zero_stays_zero_in_every_category_and_nothing_is_nan() {
    for (name, options, parameters) in MODELS {
        let model = model(name, options);
        let mut parameters = parameters.to_vec();
        for (parameter, value) in model.parameters().iter().zip(&mut parameters) {
            if parameter.name.starts_with("log_gain") {
                *value = f64::NEG_INFINITY;
            }
        }
        let mut adjoint = model.categories(&parameters);
        assert!(adjoint.log_gain.iter().all(|gain| *gain == f64::NEG_INFINITY), "{name}");
        assert!(
            adjoint
                .log_loss
                .iter()
                .chain(&adjoint.weight)
                .all(|value| !value.is_nan()),
            "{name}"
        );
        adjoint.log_gain.fill(0.0);
        adjoint.log_loss.fill(1.0);
        let derivatives = model.pull_back(&parameters, &adjoint);
        assert!(
            derivatives.iter().all(|value| value.is_finite()),
            "{name} {derivatives:?}"
        );
    }
}
