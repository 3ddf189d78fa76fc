//! What restarts agree on, and classes told apart.

use crate::common::workers;
use crate::data::three_clusters;
use crate::fit::fitted;
use persiste_rust::dirichlet::{
    Counts, Criterion, FitOptions, GroupClassifier, Start, consensus, cross_validate, random_folds,
};
use persiste_rust::parallel::Monitor;

#[test]
fn restarts_agree_where_clusters_are_plain() {
    let (matrix, _) = three_clusters();
    let counts = Counts::new(matrix.view()).unwrap();
    let options = FitOptions {
        start: Start::KmeansPlusPlus,
        n_init: 6,
        ..FitOptions::default()
    };
    let found = consensus(&counts, 3, None, &options, &workers(2), &Monitor::new()).unwrap();
    assert!(found.agreement.iter().all(|&share| share > 0.99));
    assert_eq!(found.objectives.len(), 6);
    let least = found.objectives.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(found.best.goodness().nle, least);
    for row in found.responsibilities.rows() {
        assert!((row.sum() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn cross_validation_fits_without_the_fold() {
    let (matrix, labels) = three_clusters();
    let counts = Counts::new(matrix.view()).unwrap();
    let classes: Vec<usize> = labels.iter().map(|&label| usize::from(label == 0)).collect();
    let folds = random_folds(classes.len(), 5, 1).unwrap();
    assert!((0..5).all(|fold| folds.iter().filter(|&&one| one == fold).count() == 60));
    let options = FitOptions::default();
    let run = |threads| {
        cross_validate(
            &counts,
            &classes,
            &[2, 1],
            &folds,
            &options,
            &workers(threads),
            &Monitor::new(),
        )
        .unwrap()
    };
    let found = run(1);
    assert_eq!(found, run(3));
    let right = (0..classes.len())
        .filter(|&row| (found[(row, 1)] > 0.5) == (classes[row] == 1))
        .count();
    assert!(right as f64 > 0.97 * classes.len() as f64);
    // By hand: the classifier fitted to all rows but those of fold 0.
    let kept: Vec<usize> = (0..classes.len()).filter(|&row| folds[row] != 0).collect();
    let mut evidence = Vec::new();
    for (class, n_components) in [(0, 2), (1, 1)] {
        let rows: Vec<usize> = kept.iter().copied().filter(|&row| classes[row] == class).collect();
        let mixture = fitted(&counts.select_rows(&rows).unwrap(), n_components, &options);
        let of_rows = mixture
            .parameters
            .log_likelihoods(&counts, &workers(1), &Monitor::new())
            .unwrap();
        let prior = (rows.len() as f64 / kept.len() as f64).ln();
        evidence.push(of_rows.into_iter().map(|one| one + prior).collect::<Vec<_>>());
    }
    for row in (0..classes.len()).filter(|&row| folds[row] == 0) {
        let expected = 1.0 / (1.0 + (evidence[0][row] - evidence[1][row]).exp());
        assert!((found[(row, 1)] - expected).abs() < 1e-9);
    }
}

#[test]
fn each_class_gets_the_number_of_components_that_the_criterion_wants() {
    let (matrix, labels) = three_clusters();
    let counts = Counts::new(matrix.view()).unwrap();
    let classes: Vec<usize> = labels.iter().map(|&label| usize::from(label == 0)).collect();
    let options = FitOptions {
        start: Start::KmeansPlusPlus,
        n_init: 2,
        ..FitOptions::default()
    };
    let found = GroupClassifier::fit(
        &counts,
        &classes,
        2,
        &[1, 2, 3],
        Criterion::Laplace,
        &options,
        &workers(2),
        &Monitor::new(),
    );
    let found = found.unwrap();
    for (class, mixture) in found.mixtures.iter().enumerate() {
        let rows: Vec<usize> = (0..classes.len()).filter(|&row| classes[row] == class).collect();
        let of_class = counts.select_rows(&rows).unwrap();
        let laplace = |n_components| fitted(&of_class, n_components, &options).goodness().laplace;
        let values = [1, 2, 3].map(laplace);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(mixture.goodness().laplace, least);
        assert!(
            values.iter().any(|&value| value > least + 1.0),
            "nothing to choose between"
        );
        assert_eq!(values[mixture.parameters.n_components() - 1], least);
    }
    let probabilities = found.probabilities(&counts, &workers(2), &Monitor::new()).unwrap();
    let right = (0..classes.len())
        .filter(|&row| (probabilities[(row, 1)] > 0.5) == (classes[row] == 1))
        .count();
    assert!(right as f64 > 0.97 * classes.len() as f64);
}
