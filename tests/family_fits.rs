//! Fits of every family's own rates against reference values and against single fits.

#![allow(clippy::unwrap_used)]

mod common;

use common::reference::{case, json};
use common::{Random, names, problem, random_cells, shared, tree, workers};
use persiste_rust::inference::{FitOptions, family_intervals, fit, fit_families};
use persiste_rust::model::{Ascertainment, FamilyModel, GeneContentModel, RootPrior};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Patterns, Problem};
use std::sync::Arc;

#[test]
fn per_family_maxima_of_c23_are_those_of_the_reference() {
    let Some(file) = shared("reference/extras/mle_per_family_c23.json") else {
        return;
    };
    let Some(case) = case("c23_t50_stationary") else {
        return;
    };
    let values = json(&file);
    let problem = Arc::new(Problem::new(
        case.matched.tree.clone(),
        Patterns::distinct(&case.table, &case.matched.column_of_tip),
    ));
    let families = Arc::new(case.table.families().clone());
    let mut n_checked = 0;
    for (name, root) in [("flat", RootPrior::Equal), ("stationary", RootPrior::Stationary)] {
        let model = FamilyModel::new(problem.clone(), families.clone(), root, Ascertainment::None, workers(1)).unwrap();
        let fits = fit_families(&model, &Monitor::new()).unwrap();
        for (family, label) in families.iter().enumerate() {
            let expected = &values["values"][format!("{label}|root={name}")];
            if expected.is_null() {
                continue;
            }
            let best: f64 = expected["max_lnL"].as_str().unwrap().parse().unwrap();
            let found = fits.log_likelihoods[family];
            // A boundary maximum is approached, not reached, by the reference: ours may be above it.
            assert!(found > best - 1e-6, "{label} {name}: {found} {best}");
            assert!(found < best + 1e-4, "{label} {name}: {found} {best}");
            n_checked += 1;
            if expected["at_boundary"].as_bool().unwrap() {
                assert!(fits.at_bound[family] != [false, false], "{label} {name}");
                continue;
            }
            assert!(
                fits.converged[family] && fits.at_bound[family] == [false, false],
                "{label} {name}"
            );
            for (axis, rate) in ["gain", "loss"].into_iter().enumerate() {
                let expected = expected[rate].as_f64().unwrap();
                let found = fits.log_rates[family][axis].exp();
                assert!(
                    (found / expected - 1.0).abs() < 1e-4,
                    "{label} {name} {rate}: {found} {expected}"
                );
            }
        }
    }
    assert!(n_checked >= 10, "{n_checked}");
}

/// The same family alone in a model of shared rates has the same maximum and the same standard errors.
#[test]
fn per_family_fits_equal_fits_of_single_families() {
    let mut random = Random(77);
    let tree = tree(&random.newick(30, 0.1, 0.3));
    let mut cells = random_cells(&mut random, tree.n_tips(), 14, 0.05);
    cells.push(cells[0].clone());
    for cell in &mut cells {
        (cell[0], cell[1]) = (0, 1);
    }
    let mut n_compared = 0;
    for (root, ascertainment) in [
        (RootPrior::Stationary, Ascertainment::Observed),
        (RootPrior::Equal, Ascertainment::None),
    ] {
        let (all, families) = problem(&tree, &names(&tree), &cells);
        let model = FamilyModel::new(all, families, root, ascertainment, workers(2)).unwrap();
        let found = fit_families(&model, &Monitor::new()).unwrap();
        for (family, cell) in cells.iter().enumerate() {
            let (alone, label) = problem(&tree, &names(&tree), std::slice::from_ref(cell));
            let model = GeneContentModel::shared(alone, label, root, ascertainment, workers(1)).unwrap();
            let options = FitOptions {
                n_starts: Some(4),
                ..FitOptions::default()
            };
            let expected = fit(&model, &options, &Monitor::new()).unwrap();
            let value = found.log_likelihoods[family];
            // Both may miss a better hill; ours must not.
            assert!(
                value > expected.log_likelihood - 1e-6,
                "{family}: {value} {}",
                expected.log_likelihood
            );
            if (value - expected.log_likelihood).abs() < 1e-6 && expected.at_bound == [false, false] {
                let covariance = expected.covariance.unwrap();
                // Where the surface is flat, as for saturated families, the curvature says nothing.
                if covariance[(0, 0)] > 10.0 {
                    continue;
                }
                n_compared += 1;
                for axis in 0..2 {
                    let ratio = found.covariances[family][axis] / covariance[(axis, axis)];
                    assert!((ratio - 1.0).abs() < 1e-2, "{family} {axis}: {ratio}");
                }
            }
        }
    }
    assert!(n_compared >= 6, "{n_compared}");
}

/// At a finite end the best that the other rate can do, found on a fine grid, is what the test just rejects.
#[test]
fn ends_of_family_intervals_are_where_the_profile_has_fallen_by_the_quantile() {
    let mut random = Random(5);
    let tree = tree(&random.newick(24, 0.1, 0.3));
    let cells = random_cells(&mut random, tree.n_tips(), 12, 0.0);
    let (all, families) = problem(&tree, &names(&tree), &cells);
    let model = FamilyModel::new(all, families, RootPrior::Equal, Ascertainment::None, workers(2)).unwrap();
    let fits = fit_families(&model, &Monitor::new()).unwrap();
    // scipy.stats.chi2.ppf(0.95, 1) / 2
    let drop = 1.920729410347062;
    let found = family_intervals(&model, &fits, drop, &Monitor::new()).unwrap();
    let (mut n_finite, mut n_infinite) = (0, 0);
    for (family, cell) in cells.iter().enumerate() {
        let (alone, label) = problem(&tree, &names(&tree), std::slice::from_ref(cell));
        let single = GeneContentModel::shared(alone, label, RootPrior::Equal, Ascertainment::None, workers(1)).unwrap();
        for axis in 0..2 {
            let estimate = fits.log_rates[family][axis];
            for (end, sign) in [(found.lower[family][axis], -1.0), (found.upper[family][axis], 1.0)] {
                assert!((end - estimate) * sign > 0.0, "{family} {axis} {end} {estimate}");
                let is_finite = end.is_finite();
                let held = if is_finite {
                    end
                } else if sign > 0.0 {
                    fits.bounds.1
                } else {
                    fits.bounds.0
                };
                let at = |other: f64| {
                    let mut point = [other; 2];
                    point[axis] = held;
                    single.log_likelihood(&point, &Monitor::new()).unwrap()
                };
                let best = best_on_grid(at, fits.bounds);
                let fall = fits.log_likelihoods[family] - best;
                if is_finite {
                    n_finite += 1;
                    assert!((fall - drop).abs() < 1e-4, "{family} {axis} {sign}: {fall}");
                } else {
                    n_infinite += 1;
                    assert!(fall < drop, "{family} {axis} {sign}: {fall}");
                }
            }
        }
    }
    assert!(n_finite >= 20 && n_infinite >= 3, "{n_finite} {n_infinite}");
}

/// Returns the greatest value over a box: on a grid, then on finer ones around the best point.
fn best_on_grid(at: impl Fn(f64) -> f64, (lower, upper): (f64, f64)) -> f64 {
    let (mut low, mut high, mut best) = (lower, upper, f64::NEG_INFINITY);
    for _ in 0..4 {
        let step = (high - low) / 200.0;
        let points = (0..=200).map(|i| low + step * f64::from(i));
        let (top, value) = points
            .map(|point| (point, at(point)))
            .fold((low, f64::NEG_INFINITY), |a, b| if b.1 > a.1 { b } else { a });
        best = value.max(best);
        (low, high) = ((top - step).max(lower), (top + step).min(upper));
    }
    best
}
