//! Impossible data, very large trees, wrong input, and work that is stopped.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Random, all_patterns, log_likelihoods, model, names, problem, random_cells, tree, workers};
use persiste_rust::error::ModelError;
use persiste_rust::inference::{FitOptions, fit};
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior, log_likelihoods_at};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{PresenceTable, Tree};

#[test]
fn impossible_data_are_minus_infinity_and_never_nan() {
    let tree = tree("((A:0,B:0):1,C:1);");
    let values = log_likelihoods(&tree, &all_patterns(3), (0.5, 0.5), RootPrior::Stationary);
    for (pattern, value) in all_patterns(3).iter().zip(&values) {
        assert_eq!(
            *value == f64::NEG_INFINITY,
            pattern[0] != pattern[1],
            "{pattern:?} {value}"
        );
        assert!(!value.is_nan());
    }
    let present = [vec![1, 1, 1], vec![0, 0, 0]];
    let values = log_likelihoods(&tree, &present, (0.0, 0.5), RootPrior::Absent);
    assert_eq!(values, [f64::NEG_INFINITY, 0.0]);
    // Nothing can be recorded at all: the conditioning must not turn that into NaN.
    let model = model(
        &tree,
        &names(&tree),
        &present[..1],
        RootPrior::Absent,
        Ascertainment::Observed,
    );
    let value = model
        .log_likelihood(&[f64::NEG_INFINITY, 0.0], &Monitor::new())
        .unwrap();
    assert_eq!(value, f64::NEG_INFINITY);
}

#[test]
fn a_star_of_ten_thousand_tips_keeps_both_states_exact() {
    let n = 10_000;
    let tips: Vec<String> = (0..n).map(|tip| format!("t{tip}:1")).collect();
    let star = tree(&format!("({});", tips.join(",")));
    let (gain, loss) = (1e-3_f64, 0.5_f64);
    let rate = gain + loss;
    let (p01, p11) = (gain / rate * -(-rate).exp_m1(), (gain + loss * (-rate).exp()) / rate);
    let all = vec![vec![1_i8; n]];
    let absent = log_likelihoods(&star, &all, (gain, loss), RootPrior::Absent);
    let present = log_likelihoods(&star, &all, (gain, loss), RootPrior::Present);
    let (expected_absent, expected_present) = (n as f64 * p01.ln(), n as f64 * p11.ln());
    assert!(
        (absent[0] / expected_absent - 1.0).abs() < 1e-12,
        "{} {expected_absent}",
        absent[0]
    );
    assert!(
        (present[0] / expected_present - 1.0).abs() < 1e-12,
        "{} {expected_present}",
        present[0]
    );
    // d log L / d log g for n independent tips under an absent root: n g / P01 dP01/dg
    let model = model(&star, &names(&star), &all, RootPrior::Absent, Ascertainment::None);
    let slope = model
        .value_and_gradient(&[gain.ln(), loss.ln()], &Monitor::new())
        .unwrap()
        .gradient[0];
    let kept = (-rate).exp();
    let by_gain = (loss * (1.0 - kept) / rate + gain * kept) / rate;
    let expected = n as f64 * gain * by_gain / p01;
    assert!((slope / expected - 1.0).abs() < 1e-10, "{slope} {expected}");
}

fn check_threads_and_log_space(tree: &Tree, n_families: usize, seed: u64) {
    let mut random = Random(seed);
    let cells = random_cells(&mut random, tree.n_tips(), n_families, 0.01);
    let (problem, families) = problem(tree, &names(tree), &cells);
    let point = [0.3_f64.ln(), 0.9_f64.ln()];
    let monitor = Monitor::new();
    let results: Vec<_> = [1, 2, 3]
        .map(|threads| {
            let (problem, families) = (problem.clone(), families.clone());
            let root = RootPrior::Stationary;
            GeneContentModel::shared(problem, families, root, Ascertainment::Observed, workers(threads)).unwrap()
        })
        .iter()
        .map(|model| {
            let values = model.log_likelihoods(&point, &monitor).unwrap();
            (values, model.value_and_gradient(&point, &monitor).unwrap())
        })
        .collect();
    assert!(results[0].0.iter().all(|value| value.is_finite()));
    // Bit for bit, so compared with ==.
    assert!(results.iter().all(|result| result == &results[0]));
    let expected = log_space(tree, &cells[0], 0.3, 0.9);
    let found = log_likelihoods(tree, &cells[..1], (0.3, 0.9), RootPrior::Stationary)[0];
    assert!((found / expected - 1.0).abs() < 1e-10, "{found} {expected}");
}

/// Pruning of one family with every partial kept as a log.
fn log_space(tree: &Tree, cells: &[i8], gain: f64, loss: f64) -> f64 {
    let add = |a: f64, b: f64| {
        let top = a.max(b);
        if top == f64::NEG_INFINITY {
            top
        } else {
            top + ((a - top).exp() + (b - top).exp()).ln()
        }
    };
    let rate = gain + loss;
    let mut partial = vec![[0.0_f64; 2]; tree.n_nodes()];
    for (tip, &node) in tree.tips().iter().enumerate() {
        partial[node as usize] = match cells[tip] {
            0 => [0.0, f64::NEG_INFINITY],
            1 => [f64::NEG_INFINITY, 0.0],
            _ => [0.0, 0.0],
        };
    }
    for node in 0..tree.root() {
        let decay = (-rate * tree.branch_lengths()[node]).exp();
        let changed = 1.0 - decay;
        let log = |p: f64| p.ln();
        let [x, y] = partial[node];
        let above = tree.parents()[node] as usize;
        partial[above][0] += add(log((loss + gain * decay) / rate) + x, log(gain * changed / rate) + y);
        partial[above][1] += add(log(loss * changed / rate) + x, log((gain + loss * decay) / rate) + y);
    }
    let [x, y] = partial[tree.root()];
    add((loss / rate).ln() + x, (gain / rate).ln() + y)
}

#[test]
fn two_thousand_tips_are_finite_equal_a_log_space_check_and_do_not_depend_on_threads() {
    let tree = tree(
        &Random(2000)
            .newick(2_000, 0.05, 0.3)
            .replace(":0,", ":0.01,")
            .replace(":0)", ":0.01)"),
    );
    check_threads_and_log_space(&tree, 700, 3);
}

#[test]
fn a_hundred_thousand_tips_are_finite_equal_a_log_space_check_and_do_not_depend_on_threads() {
    let tree = tree(
        &Random(77)
            .newick(100_000, 0.05, 0.3)
            .replace(":0,", ":0.01,")
            .replace(":0)", ":0.01)"),
    );
    check_threads_and_log_space(&tree, 130, 4);
}

#[test]
fn tables_that_the_ascertainment_cannot_hold_are_refused_by_name() {
    let tree = tree("(A:1,B:1);");
    let families = [vec![1, 0], vec![0, 0], vec![0, -1], vec![1, 1]];
    let refused = |ascertainment| {
        let (problem, names) = problem(&tree, &names(&tree), &families);
        GeneContentModel::shared(problem, names, RootPrior::Equal, ascertainment, workers(1))
            .unwrap_err()
            .to_string()
    };
    let message = refused(Ascertainment::Observed);
    assert!(
        message.contains("2 of 4") && message.contains("'f1', 'f2'"),
        "{message}"
    );
    assert!(refused(Ascertainment::Variable).contains("3 of 4"));
}

#[test]
fn the_largest_rates_are_finite_probabilities_and_larger_ones_are_refused() {
    let tree = tree("(A:1,B:2);");
    let most = f64::MAX / 2.0;
    // All memory of the root is lost: two independent tips at equal frequencies.
    let values = log_likelihoods(&tree, &all_patterns(2), (8.0e307, 8.0e307), RootPrior::Present);
    assert!(
        values.iter().all(|value| (value - 0.25_f64.ln()).abs() < 1e-12),
        "{values:?}"
    );
    for (gain, loss) in [(most * 1.01, 1.0), (1.0, f64::INFINITY), (-1.0, 1.0), (f64::NAN, 1.0)] {
        let refused = rates_refused(&tree, gain, loss);
        assert!(matches!(refused, ModelError::Rate { .. }), "{gain} {loss}: {refused}");
    }
}

fn rates_refused(tree: &Tree, gain: f64, loss: f64) -> ModelError {
    let cells = ndarray::Array2::from_elem((2, 1), 1_i8);
    let families = ["f"].into_iter().collect();
    let table = PresenceTable::from_matrix(cells.view(), names(tree), families).unwrap();
    let rates = (&[gain][..], &[loss][..]);
    let root = RootPrior::Equal;
    log_likelihoods_at(tree.clone(), &table, &[0, 1], rates, root, &workers(1), &Monitor::new()).unwrap_err()
}

#[test]
fn wrong_parameters_are_refused() {
    let tree = tree("(A:1,B:1);");
    let model = model(
        &tree,
        &names(&tree),
        &[vec![1, 0]],
        RootPrior::Stationary,
        Ascertainment::None,
    );
    let refused = |point: &[f64]| model.log_likelihood(point, &Monitor::new()).unwrap_err();
    assert!(matches!(refused(&[1.0]), ModelError::ParameterCount { found: 1, .. }));
    assert!(matches!(refused(&[1.0, f64::NAN]), ModelError::Parameter { .. }));
    assert!(matches!(refused(&[710.0, 0.0]), ModelError::Parameter { .. }));
    let none = [f64::NEG_INFINITY; 2];
    assert!(matches!(refused(&none), ModelError::StationaryWithoutRates { .. }));
}

#[test]
fn a_cancelled_monitor_stops_evaluation_and_fit() {
    let tree = tree("(A:1,B:1);");
    let model = model(
        &tree,
        &names(&tree),
        &[vec![1, 0]],
        RootPrior::Stationary,
        Ascertainment::None,
    );
    let monitor = Monitor::new();
    monitor.cancel();
    assert!(matches!(
        model.log_likelihood(&[0.0, 0.0], &monitor),
        Err(ModelError::Cancelled(_))
    ));
    assert!(matches!(
        fit(&model, &FitOptions::default(), &monitor),
        Err(ModelError::Cancelled(_))
    ));
}

#[test]
fn rates_that_only_the_shortest_branches_resolve_are_estimated_and_not_cut_off() {
    // The mean branch is ten million times the others: what differs between them asks for rates of about 1e6.
    let tree = tree("(((A:1e-6,B:1e-6):1e-6,(C:1e-6,D:1e-6):1e-6):1e-6,E:100);");
    let mut families = Vec::new();
    for (pattern, copies) in [
        ([1, 1, 0, 0, 1], 30),
        ([0, 0, 1, 1, 0], 30),
        ([1, 0, 0, 0, 0], 8),
        ([1, 1, 0, 1, 1], 8),
    ] {
        families.extend(std::iter::repeat_n(pattern.to_vec(), copies));
    }
    let model = model(
        &tree,
        &names(&tree),
        &families,
        RootPrior::Stationary,
        Ascertainment::Observed,
    );
    let fitted = fit(&model, &FitOptions::default(), &Monitor::new()).unwrap();
    assert_eq!(fitted.ending, persiste_rust::inference::optimise::Ending::Converged);
    assert_eq!(fitted.at_bound, [false, false], "{:?}", fitted.parameters);
    assert!(
        fitted.parameters.iter().all(|rate| rate.exp() > 1e4),
        "{:?}",
        fitted.parameters
    );
    for start in [[0.0, 0.0], [15.0, 10.0]] {
        let again = fit(
            &model,
            &FitOptions {
                start: Some(&start),
                ..FitOptions::default()
            },
            &Monitor::new(),
        )
        .unwrap();
        assert!(
            (again.log_likelihood - fitted.log_likelihood).abs() < 1e-6,
            "{} {}",
            again.log_likelihood,
            fitted.log_likelihood
        );
    }
}

#[test]
fn fit_says_what_it_cannot_do_and_what_ended_at_a_bound() {
    let contradicting = tree("((A:0,B:0):1,C:1);");
    let cells = [vec![1, 0, 1], vec![1, 1, 0]];
    let impossible = model(
        &contradicting,
        &names(&contradicting),
        &cells,
        RootPrior::Equal,
        Ascertainment::None,
    );
    let error = fit(&impossible, &FitOptions::default(), &Monitor::new()).unwrap_err();
    assert!(
        matches!(
            error,
            ModelError::Impossible {
                count: 1,
                n_families: 2,
                ..
            }
        ),
        "{error}"
    );
    let timeless = tree("(A:0,B:0);");
    let model_without_time = model(
        &timeless,
        &names(&timeless),
        &[vec![1, 1]],
        RootPrior::Equal,
        Ascertainment::None,
    );
    assert_eq!(
        fit(&model_without_time, &FitOptions::default(), &Monitor::new()).unwrap_err(),
        ModelError::NoTime
    );
    // Present at the root and everywhere: no loss at all is the best explanation.
    let tree = tree("((A:1,B:1):1,C:2);");
    let always = model(
        &tree,
        &names(&tree),
        &[vec![1, 1, 1]],
        RootPrior::Present,
        Ascertainment::None,
    );
    let fitted = fit(&always, &FitOptions::default(), &Monitor::new()).unwrap();
    assert!(fitted.at_bound[1], "{fitted:?}");
    assert!(fitted.log_likelihood > -1e-8);
}
