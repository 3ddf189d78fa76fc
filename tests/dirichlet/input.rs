//! Counts at the limits of what is allowed, and beyond them.

use crate::common::workers;
use crate::data::three_clusters;
use crate::fit::fitted;
use ndarray::Array2;
use persiste_rust::dirichlet::{Counts, FitOptions, Start, fit, random_folds};
use persiste_rust::error::DirichletError;
use persiste_rust::parallel::Monitor;

#[test]
fn extreme_but_legal_counts_give_finite_fits() {
    for (rows, n_components) in [
        (vec![vec![1, 1]], 1),
        (vec![vec![10, 0], vec![0, 10]], 2),
        (vec![vec![2_000_000_000, 1], vec![1, 2_000_000_000], vec![7, 3]], 2),
        (vec![vec![1, 0, 0], vec![1, 0, 0], vec![1, 0, 0], vec![1, 0, 0]], 2),
        (vec![vec![0, 0, 5], vec![0, 0, 9]], 1),
        (vec![vec![3; 400], vec![3; 400]], 2),
    ] {
        let matrix = Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| rows[row][column]);
        let counts = Counts::new(matrix.view()).unwrap();
        for start in [Start::SoftKmeans, Start::KmeansPlusPlus] {
            let found = fitted(
                &counts,
                n_components,
                &FitOptions {
                    start,
                    ..FitOptions::default()
                },
            );
            assert!(
                found.goodness().nle.is_finite() && found.goodness().bic.is_finite(),
                "{rows:?}"
            );
            assert!(!found.goodness().laplace.is_nan());
            assert!(
                found
                    .parameters
                    .alpha()
                    .iter()
                    .all(|alpha| alpha.is_finite() && *alpha > 0.0)
            );
            assert!(found.responsibilities.iter().all(|share| (0.0..=1.0).contains(share)));
        }
    }
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let new = |rows: &[[u32; 2]]| {
        Counts::new(ndarray::arr2(rows).view())
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        new(&[[1, 2], [0, 0]]),
        "row 1 of the counts is all zero (1 of 2 rows are); remove such rows"
    );
    assert_eq!(
        new(&[[u32::MAX, 2]]),
        "row 0 of the counts adds up to 4294967297; allowed are totals up to 2147483647"
    );
    let empty = Counts::new(Array2::zeros((0, 3)).view()).unwrap_err();
    assert_eq!(
        empty.to_string(),
        "the counts have 0 rows and 3 columns; allowed are 1 or more of each"
    );
    let counts = Counts::new(ndarray::arr2(&[[1, 2], [3, 4], [5, 6]]).view()).unwrap();
    let refused = |n_components, weights: Option<&[f64]>, options: FitOptions| {
        fit(&counts, n_components, weights, &options, &workers(1), &Monitor::new())
            .unwrap_err()
            .to_string()
    };
    let plain = FitOptions::default;
    assert_eq!(
        refused(4, None, plain()),
        "n_components is 4; allowed are 1 to 3, the number of rows"
    );
    assert_eq!(
        refused(0, None, plain()),
        "n_components is 0; allowed are 1 to 3, the number of rows"
    );
    assert_eq!(
        refused(2, Some(&[1.0, 0.0, 0.0]), plain()),
        "n_components is 2; allowed are 1 to 1, the number of rows with a positive weight"
    );
    assert_eq!(
        refused(1, Some(&[1.0, f64::NAN, 0.0]), plain()),
        "sample_weight is NaN in row 1; allowed are numbers from 0 to 1e15"
    );
    assert_eq!(
        refused(1, Some(&[1.0]), plain()),
        "sample_weight has length 1; expected 3"
    );
    assert_eq!(
        refused(
            1,
            None,
            FitOptions {
                tolerance: f64::NAN,
                ..plain()
            }
        ),
        "tol is NaN; allowed are numbers from 0"
    );
    let given = Start::Responsibilities(vec![1.0, 0.0, 0.5, 0.5, 0.0, 0.0]);
    assert_eq!(
        refused(
            2,
            None,
            FitOptions {
                start: given,
                ..plain()
            }
        ),
        "a first responsibility is 0 in row 2; allowed are numbers from 0 to 1, not all 0 in a row"
    );
    let other = Counts::new(ndarray::arr2(&[[1, 2, 3]]).view()).unwrap();
    let found = fitted(&counts, 1, &plain());
    let width = found.parameters.responsibilities(&other, &workers(1), &Monitor::new());
    assert_eq!(width, Err(DirichletError::Width { found: 3, expected: 2 }));
    assert_eq!(
        random_folds(3, 4, 0).unwrap_err().to_string(),
        "n_folds is 4; allowed are 2 to 3, the number of rows"
    );
}

#[test]
fn a_cancelled_fit_stops() {
    let counts = Counts::new(three_clusters().0.view()).unwrap();
    let monitor = Monitor::new();
    monitor.cancel();
    let found = fit(&counts, 3, None, &FitOptions::default(), &workers(2), &monitor);
    assert!(matches!(found, Err(DirichletError::Cancelled(_))));
}
