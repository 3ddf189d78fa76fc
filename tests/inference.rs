//! Resampling, profiles and robust errors against what they mean, done the long way.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Random, names, problem, tree, workers};
use persiste_rust::inference::{
    FitOptions, FitResult, bootstrap, cross_validate, fit, profile, profile_interval, sandwich,
};
use persiste_rust::model::observation::{LogitPrior, TipProbability};
use persiste_rust::model::rates::{self, OptionValue};
use persiste_rust::model::{Ascertainment, Effects, GeneContentModel, Observation, RootPrior, Specification};
use persiste_rust::parallel::{Folds, Monitor};
use persiste_rust::problem::Tree;

/// Families gained and lost along the branches, so that rates have estimates.
fn families(random: &mut Random, tree: &Tree, n: usize, speeds: &[f64]) -> Vec<Vec<i8>> {
    let family = |random: &mut Random, speed: f64| {
        let mut state = vec![0_i8; tree.n_nodes()];
        state[tree.root()] = i8::from(random.unit() < 0.3);
        for node in (0..tree.root()).rev() {
            let above = state[tree.parents()[node] as usize];
            let rate = speed * if above == 1 { 0.9 } else { 0.4 };
            let changed = 1.0 - (-rate * tree.branch_lengths()[node]).exp();
            state[node] = if random.unit() < changed { 1 - above } else { above };
        }
        tree.tips().iter().map(|&tip| state[tip as usize]).collect()
    };
    (0..n)
        .map(|index| family(random, speeds[index % speeds.len()]))
        .collect()
}

fn sample(n_families: usize, speeds: &[f64]) -> (Tree, Vec<Vec<i8>>) {
    let mut random = Random(5);
    let tree = tree(&random.newick(25, 0.0, 0.4));
    let cells = families(&mut random, &tree, n_families, speeds);
    (tree, cells)
}

fn shared(tree: &Tree, cells: &[Vec<i8>], threads: usize) -> GeneContentModel {
    let (problem, families) = problem(tree, &names(tree), cells);
    let ascertainment = Ascertainment::None;
    GeneContentModel::shared(
        problem,
        families,
        RootPrior::Stationary,
        ascertainment,
        workers(threads),
    )
    .unwrap()
}

fn fitted(model: &GeneContentModel) -> FitResult {
    fit(model, &FitOptions::default(), &Monitor::new()).unwrap()
}

#[test]
fn bootstrap_replicates_depend_on_seed_and_number_alone() {
    let (tree, cells) = sample(300, &[1.0]);
    let results: Vec<_> = [1, 2, 3]
        .map(|threads| {
            let model = shared(&tree, &cells, threads);
            bootstrap(&model, &fitted(&model), 0..8, 7, &Monitor::new()).unwrap()
        })
        .into();
    assert!(results.iter().all(|result| *result == results[0]));
    assert!(results[0].iter().all(|replicate| replicate.converged));
    let model = shared(&tree, &cells, 1);
    let later = bootstrap(&model, &fitted(&model), 5..8, 7, &Monitor::new()).unwrap();
    assert_eq!(later, results[0][5..]);
    let other = bootstrap(&model, &fitted(&model), 0..1, 8, &Monitor::new()).unwrap();
    assert_ne!(other[0], results[0][0]);
}

#[test]
fn re_weighted_families_are_fitted_as_copied_ones() {
    let (tree, cells) = sample(120, &[0.5, 2.0]);
    let model = shared(&tree, &cells, 1);
    let counts: Vec<f64> = (0..cells.len()).map(|family| (family % 4) as f64).collect();
    let copied: Vec<Vec<i8>> = (0..cells.len())
        .flat_map(|family| std::iter::repeat_n(cells[family].clone(), family % 4))
        .collect();
    let weights = model.family_weights(&counts).unwrap();
    let options = FitOptions {
        weights: Some(&weights),
        ..FitOptions::default()
    };
    let weighted = fit(&model, &options, &Monitor::new()).unwrap();
    let expected = fitted(&shared(&tree, &copied, 1));
    assert!((weighted.log_likelihood / expected.log_likelihood - 1.0).abs() < 1e-11);
    for (found, expected) in weighted.parameters.iter().zip(&expected.parameters) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
    let message = model.family_weights(&[1.0]).unwrap_err().to_string();
    assert!(message.contains("120"), "{message}");
}

#[test]
fn held_out_families_are_scored_at_the_estimates_from_the_others() {
    let (tree, cells) = sample(90, &[1.0]);
    let model = shared(&tree, &cells, 2);
    let folds = cross_validate(&model, &fitted(&model), 3, 11, &Monitor::new()).unwrap();
    assert_eq!(folds.iter().map(|fold| fold.n_families).sum::<usize>(), 90);
    for (number, found) in folds.iter().enumerate() {
        let fold = Folds::new(90, 3, 11).unwrap().fold(number);
        let chosen = |members: &[usize]| members.iter().map(|&family| cells[family].clone()).collect::<Vec<_>>();
        let training = fitted(&shared(&tree, &chosen(&fold.training), 1));
        let held_out = shared(&tree, &chosen(&fold.held_out), 1);
        let expected = held_out.log_likelihood(&training.parameters, &Monitor::new()).unwrap();
        assert!(
            (found.held_out - expected).abs() < 1e-3,
            "{} {expected}",
            found.held_out
        );
    }
    assert!(cross_validate(&model, &fitted(&model), 1, 11, &Monitor::new()).is_err());
    assert!(cross_validate(&model, &fitted(&model), 91, 11, &Monitor::new()).is_err());
}

#[test]
fn profile_intervals_end_where_the_likelihood_has_fallen_enough() {
    let (tree, cells) = sample(60, &[1.0]);
    let model = shared(&tree, &cells, 1);
    let found = fitted(&model);
    let drop = 1.920_729_410_347_062; // half of scipy.stats.chi2.ppf(0.95, 1)
    for parameter in 0..2 {
        let interval = profile_interval(&model, &found, parameter, drop, &Monitor::new()).unwrap();
        assert!(interval.lower < found.parameters[parameter] && found.parameters[parameter] < interval.upper);
        let ends = [interval.lower, interval.upper];
        let points = profile(&model, &found, parameter, &ends, &Monitor::new()).unwrap();
        for (point, end) in points.iter().zip(ends) {
            let fallen = found.log_likelihood - point.log_likelihood;
            assert!((fallen - drop).abs() < 1e-4, "{fallen}");
            // The other parameter stands at its best: its derivative is 0.
            assert!(point.value == end && point.parameters[parameter] == end);
            let at = model.value_and_gradient(&point.parameters, &Monitor::new()).unwrap();
            assert!(at.gradient[1 - parameter].abs() < 1e-2, "{:?}", at.gradient);
        }
        // A sample of 60 families is large enough for the normal approximation to be near.
        let half = 1.96 * found.covariance.as_ref().unwrap()[(parameter, parameter)].sqrt();
        let width = interval.upper - interval.lower;
        assert!((width / (2.0 * half) - 1.0).abs() < 0.1, "{width} {half}");
    }
}

#[test]
fn sandwich_is_made_of_each_familys_own_score() {
    let (tree, cells) = sample(80, &[0.3, 3.0]);
    let model = shared(&tree, &cells, 1);
    let found = fitted(&model);
    let robust = sandwich(&model, &found, &Monitor::new()).unwrap().unwrap();
    let mut meat = nalgebra::Matrix2::zeros();
    for family in 0..cells.len() {
        let mut counts = vec![0.0; cells.len()];
        counts[family] = 1.0;
        let weights = model.family_weights(&counts).unwrap();
        let score = model
            .weighted_value_and_gradient(&found.parameters, Some(&weights), &workers(1), &Monitor::new())
            .unwrap()
            .gradient;
        let score = nalgebra::Vector2::new(score[0], score[1]);
        meat += score * score.transpose();
    }
    let covariance = found.covariance.unwrap();
    let bread = nalgebra::Matrix2::from_fn(|i, j| covariance[(i, j)]);
    let expected = bread * meat * bread;
    for (found, expected) in robust.iter().zip(expected.iter()) {
        assert!((found / expected - 1.0).abs() < 1e-5, "{found} {expected}");
    }
    // Families of two speeds are more alike within than the model of one speed thinks.
    assert!(robust[(0, 0)] > 1.5 * covariance[(0, 0)], "{robust} {covariance}");
}

fn specification(tree: &Tree, n_families: usize, rates: &str, n_categories: f64) -> Specification {
    let options = [("n_categories".to_owned(), OptionValue::Number(n_categories))];
    Specification {
        rates: rates::parse(rates, options).unwrap(),
        effects: Effects::none(n_families, tree.n_nodes()),
        root: RootPrior::Equal,
        ascertainment: Ascertainment::Observed,
        observation: Observation::exact(tree),
    }
}

#[test]
fn classes_of_a_mixture_come_in_one_order_from_any_start() {
    let (tree, mut cells) = sample(400, &[0.2, 4.0]);
    cells.retain(|cells| cells.contains(&1));
    let (problem, families) = problem(&tree, &names(&tree), &cells);
    let specification = specification(&tree, cells.len(), "mixture", 2.0);
    let model = GeneContentModel::new(problem, families, specification, workers(2)).unwrap();
    let from = |start: &[f64]| {
        let options = FitOptions {
            start: Some(start),
            ..FitOptions::default()
        };
        fit(&model, &options, &Monitor::new()).unwrap()
    };
    // log_gain_1, log_gain_2, log_loss_1, log_loss_2, log_weight_2
    let one = from(&[-2.0, 0.5, -2.0, 1.0, 0.3]);
    let other = from(&[0.5, -2.0, 1.0, -2.0, -0.3]);
    assert!((one.log_likelihood - other.log_likelihood).abs() < 1e-7);
    for ((a, b), name) in one.parameters.iter().zip(&other.parameters).zip(model.parameters()) {
        assert!((a - b).abs() < 1e-3, "{}: {a} {b}", name.name);
    }
    let (one, other) = (one.covariance.unwrap(), other.covariance.unwrap());
    assert!((&one - &other).amax() < 1e-2 * one.amax(), "{one} {other}");
}

#[test]
fn a_prior_moves_the_estimates_and_never_enters_the_log_likelihood() {
    let (tree, mut cells) = sample(200, &[1.0]);
    cells.retain(|cells| cells.contains(&1));
    let (problem, families) = problem(&tree, &names(&tree), &cells);
    let prior = |sd: f64| {
        let prior = LogitPrior { probability: 0.9, sd };
        let given = TipProbability::Given(vec![0.0; tree.n_tips()]);
        let observation = Observation::new(&tree, TipProbability::PerTip(prior), given).unwrap();
        let specification = Specification {
            observation,
            ..specification(&tree, cells.len(), "gamma", 1.0)
        };
        GeneContentModel::new(problem.clone(), families.clone(), specification, workers(2)).unwrap()
    };
    let (narrow, wide) = (prior(0.01), prior(1.0));
    let (tight, loose) = (fitted(&narrow), fitted(&wide));
    assert_eq!(tight.parameters.len(), 2 + tree.n_tips());
    let logit = (0.9_f64 / 0.1).ln();
    assert!(tight.parameters[2..].iter().all(|found| (found - logit).abs() < 0.05));
    assert!(loose.parameters[2..].iter().any(|found| (found - logit).abs() > 0.1));
    assert!(loose.log_likelihood > tight.log_likelihood);
    for (model, found) in [(&narrow, &tight), (&wide, &loose)] {
        let value = model.log_likelihood(&found.parameters, &Monitor::new()).unwrap();
        assert_eq!(value, found.log_likelihood);
        assert!(
            found.penalty > 0.0 && found.gradient.iter().all(|slope| slope.abs() < 1e-2),
            "{found:?}"
        );
    }
}
