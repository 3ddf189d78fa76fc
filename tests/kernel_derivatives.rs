//! Every derivative of the kernel against differences of its values, which enumeration has proved.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/setting.rs"]
mod setting;

use common::{Random, workers};
use persiste_rust::kernel::{Kernel, SharedInput, Transition};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Problem, Tree};
use setting::{Setting, close};
use std::sync::Arc;

/// A derivative of the sum of cotangent log L, by differences of the fourth order with a relative step of 1e-3.
fn slope(at: f64, value: &dyn Fn(f64) -> f64) -> f64 {
    let step = 1e-3 * at;
    (8.0 * (value(at + step) - value(at - step)) - (value(at + 2.0 * step) - value(at - 2.0 * step))) / (12.0 * step)
}

/// As [`slope`] for what the likelihood is linear in, where differences are exact, at 0 and 1 too: given log L at the
/// point itself, with 0 and with 1.
fn linear_slope(cotangent: &[f64], here: &[f64], ends: [Vec<f64>; 2]) -> f64 {
    let terms = cotangent.iter().zip(here).zip(ends[0].iter().zip(&ends[1]));
    let possible = terms.filter(|((cotangent, _), _)| **cotangent != 0.0);
    possible
        .map(|((cotangent, here), (low, high))| cotangent * ((high - here).exp() - (low - here).exp()))
        .sum()
}

/// Forward differences of the fourth order of the sum of cotangent L(rate) / L, for rates at or near 0.
fn slope_at_zero(at: f64, value: &dyn Fn(f64) -> f64) -> f64 {
    let step = 3e-5;
    let terms = [-25.0, 48.0, -36.0, 16.0, -3.0].into_iter().enumerate();
    terms
        .map(|(k, factor)| factor * value(at + step * k as f64))
        .sum::<f64>()
        / (12.0 * step)
}

fn assert_slope(what: &str, found: f64, expected: f64, scale: f64) {
    let error = (found - expected).abs();
    assert!(error <= 1e-8 * (scale + expected.abs()), "{what}: {found} {expected}");
}

#[test]
fn every_lane_derivative_is_that_of_differences() {
    let (mut random, monitor, mut n_checked) = (Random(33), Monitor::new(), 0);
    for round in 0..60 {
        let setting = Setting::draw(&mut random, false);
        let kernel = Kernel::new(setting.problem.clone());
        let value = |setting: &Setting| {
            kernel
                .lane_log_likelihoods(setting.input(), &workers(1), &monitor)
                .unwrap()
        };
        let here = value(&setting);
        let draw = |value: &f64| if value.is_finite() { random.unit() - 0.3 } else { 0.0 };
        let cotangent: Vec<f64> = here.iter().map(draw).collect();
        let (values, adjoint) = kernel
            .lane_vector_jacobian(setting.input(), &cotangent, &workers(1), &monitor)
            .unwrap();
        assert!(values.iter().zip(&here).all(|(a, b)| close(*a, *b, 1e-13)));
        for (name, field, found) in [("gain", 0, &adjoint.gain), ("loss", 1, &adjoint.loss)] {
            let rates = [&setting.gain, &setting.loss][field];
            assert_eq!(found.len(), rates.len());
            for index in 0..rates.len() {
                let with = |rate: f64| {
                    let mut changed = setting.clone();
                    [&mut changed.gain, &mut changed.loss][field][index] = rate;
                    let values = value(&changed).into_iter().zip(&here).zip(&cotangent);
                    let possible = values.filter(|(_, c)| **c != 0.0);
                    possible.map(|((value, here), c)| c * (value - here).exp()).sum()
                };
                let at_zero = rates[index] <= 1e-3;
                let largest = f64::abs(if at_zero { with(2e-4) } else { 1.0 });
                if largest > 1e3 {
                    // Nearly impossible without the rate: no difference resolves the derivative.
                    continue;
                }
                n_checked += 1;
                let expected = if at_zero { slope_at_zero } else { slope }(rates[index], &with);
                assert_slope(
                    &format!("round {round}, {name} {index}"),
                    found[index],
                    expected,
                    largest.max(1.0),
                );
            }
        }
        let tree = setting.problem.tree();
        assert_eq!(
            (adjoint.branch_length.len(), adjoint.branch_length[tree.root()]),
            (tree.n_nodes(), 0.0)
        );
        for node in (0..tree.root()).filter(|&node| tree.branch_lengths()[node] > 1e-3) {
            let with = |length: f64| {
                let mut lengths = tree.branch_lengths().to_vec();
                lengths[node] = length;
                let longer = Tree::new(tree.parents().to_vec(), lengths, tree.names().clone()).unwrap();
                let problem = Arc::new(Problem::new(longer, setting.problem.patterns().clone()));
                let values = Kernel::new(problem).lane_log_likelihoods(setting.input(), &workers(1), &monitor);
                let terms = values.unwrap().into_iter().zip(&cotangent);
                terms
                    .filter(|(_, c)| **c != 0.0)
                    .map(|(value, c)| c * value)
                    .sum::<f64>()
            };
            let expected = slope(tree.branch_lengths()[node], &with);
            assert_slope(
                &format!("round {round}, length {node}"),
                adjoint.branch_length[node],
                expected,
                1.0,
            );
        }
        assert_eq!(
            (adjoint.root.len(), adjoint.weights.len()),
            (setting.root.len(), setting.weights.len())
        );
        for index in 0..setting.root.len() {
            for state in 0..2 {
                let with = |frequency: f64| {
                    let mut changed = setting.clone();
                    changed.root[index][state] = frequency;
                    value(&changed)
                };
                let expected = linear_slope(&cotangent, &here, [with(0.0), with(1.0)]);
                assert_slope(
                    &format!("round {round}, root {index}"),
                    adjoint.root[index][state],
                    expected,
                    1.0,
                );
            }
        }
        for category in 0..setting.weights.len() {
            let with = |weight: f64| {
                let mut changed = setting.clone();
                changed.weights[category] = weight;
                value(&changed)
            };
            let expected = linear_slope(&cotangent, &here, [with(0.0), with(1.0)]);
            assert_slope(
                &format!("round {round}, weight {category}"),
                adjoint.weights[category],
                expected,
                1.0,
            );
        }
        let Some(tips) = &setting.tips else {
            assert!(adjoint.tips.is_empty());
            continue;
        };
        for tip in 0..tips.len() {
            for state in 0..2 {
                let with = |probability: f64| {
                    let mut changed = setting.clone();
                    changed.tips.as_mut().unwrap()[tip][state] = probability;
                    value(&changed)
                };
                let expected = linear_slope(&cotangent, &here, [with(0.0), with(1.0)]);
                assert_slope(
                    &format!("round {round}, tip {tip}"),
                    adjoint.tips[tip][state],
                    expected,
                    1.0,
                );
            }
        }
    }
    assert!(n_checked > 1_000, "too few rates to prove anything: {n_checked}");
}

#[test]
fn every_shared_derivative_is_that_of_differences_with_and_without_classes() {
    let (mut random, monitor) = (Random(34), Monitor::new());
    for round in 0..120 {
        let setting = Setting::draw(&mut random, true);
        let (table, root) = setting.shared();
        let kernels = [
            Kernel::new(setting.problem.clone()),
            Kernel::with_classes(setting.problem.clone(), &workers(1)),
        ];
        let value = |table: &[Transition], root: &[[f64; 2]], weights: &[f64], tips: Option<&[[f64; 2]]>| {
            let input = SharedInput {
                transitions: table,
                root,
                weights,
                tips,
            };
            kernels[0].log_likelihoods(input, &workers(1), &monitor).unwrap()
        };
        let (weights, tips) = (&setting.weights, setting.tips.as_deref());
        let here = value(&table, &root, weights, tips);
        let draw = |value: &f64| if value.is_finite() { random.unit() - 0.3 } else { 0.0 };
        let cotangent: Vec<f64> = here.iter().map(draw).collect();
        let check = |what: &str, found: [f64; 2], with: &dyn Fn(f64) -> Vec<f64>| {
            let expected = linear_slope(&cotangent, &here, [with(0.0), with(1.0)]);
            for (way, found) in ["blocks", "classes"].into_iter().zip(found) {
                assert_slope(&format!("round {round}, {what}, {way}"), found, expected, 1.0);
            }
        };
        let input = SharedInput {
            transitions: &table,
            root: &root,
            weights,
            tips,
        };
        let adjoints = kernels.each_ref().map(|kernel| {
            kernel
                .vector_jacobian(input, &cotangent, &workers(1), &monitor)
                .unwrap()
                .1
        });
        let n_nodes = setting.problem.tree().n_nodes();
        for index in (0..table.len()).filter(|index| index % n_nodes != n_nodes - 1) {
            for row in 0..2 {
                // Rows sum to 1, and a missing tip is 1 whatever they are: so along the rows.
                let with = |probability: f64| {
                    let mut changed = table.clone();
                    changed[index][2 * row] = 1.0 - probability;
                    changed[index][2 * row + 1] = probability;
                    value(&changed, &root, weights, tips)
                };
                let found = adjoints.each_ref().map(|adjoint| {
                    let by_entry = adjoint.transitions[index];
                    by_entry[2 * row + 1] - by_entry[2 * row]
                });
                check(&format!("branch {index}, row {row}"), found, &with);
            }
        }
        for category in 0..weights.len() {
            let with = |weight: f64| {
                let mut changed = weights.clone();
                changed[category] = weight;
                value(&table, &root, &changed, tips)
            };
            check(
                "weight",
                adjoints.each_ref().map(|adjoint| adjoint.weights[category]),
                &with,
            );
            for state in 0..2 {
                let with = |frequency: f64| {
                    let mut changed = root.clone();
                    changed[category][state] = frequency;
                    value(&table, &changed, weights, tips)
                };
                check(
                    "root",
                    adjoints.each_ref().map(|adjoint| adjoint.root[category][state]),
                    &with,
                );
            }
        }
        assert!(
            adjoints
                .iter()
                .all(|adjoint| adjoint.tips.len() == tips.map_or(0, <[_]>::len))
        );
        for index in 0..tips.map_or(0, <[_]>::len) {
            for state in 0..2 {
                let with = |probability: f64| {
                    let mut changed = tips.unwrap().to_vec();
                    changed[index][state] = probability;
                    value(&table, &root, weights, Some(&changed))
                };
                let found = adjoints.each_ref().map(|adjoint| adjoint.tips[index][state]);
                check(&format!("tip {index}"), found, &with);
            }
        }
    }
}
