//! Rate models: their categories against values computed elsewhere, their derivatives, their options.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod derivatives;
mod gamma;
mod mixture;
mod options;
mod quadrature;
mod reference;

use persiste_rust::error::ModelError;
use persiste_rust::model::rates::{self, OptionValue, RateModel};

/// A rate model from text such as `n_categories=8,kind=median,rates=0.5/1.5`.
fn try_model(name: &str, options: &str) -> Result<Box<dyn RateModel>, ModelError> {
    let read = |option: &str| {
        let (name, value) = option.split_once('=').unwrap();
        let numbers: Result<Vec<f64>, _> = value.split('/').map(str::parse).collect();
        let value = match numbers {
            Ok(numbers) if numbers.len() == 1 => OptionValue::Number(numbers[0]),
            Ok(numbers) => OptionValue::Numbers(numbers),
            Err(_) => OptionValue::Word(value.to_owned()),
        };
        (name.to_owned(), value)
    };
    let options = options.split(',').filter(|option| !option.is_empty());
    rates::parse(name, options.map(read))
}

fn model(name: &str, options: &str) -> Box<dyn RateModel> {
    try_model(name, options).unwrap()
}

/// Names of the parameters.
fn parameter_names(model: &dyn RateModel) -> Vec<String> {
    let parameters = model.parameters().into_iter();
    parameters.map(|parameter| parameter.name).collect()
}

/// The mean over categories of the rates whose logs are given.
fn mean(log_rates: &[f64], weights: &[f64]) -> f64 {
    log_rates
        .iter()
        .zip(weights)
        .map(|(rate, weight)| weight * rate.exp())
        .sum()
}

/// Compares with a tolerance relative to the expected value, or absolute where that is below 1.
fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let close = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(close, "{what} [{at}]: {found:e} for {expected:e}");
    }
}
