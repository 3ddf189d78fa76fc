//! Mixtures at fixed parameters, label streams and k-means against `../shared/reference/dirichlet`.
//!
//! The values were computed there at 1e-13 beside the C implementation that pyDMM and R's DirichletMultinomial share.

use crate::common::{shared, workers};
use crate::data::{read_counts, read_json};
use ndarray::Array2;
use persiste_rust::dirichlet::{Curvature, Parameters, random_labels, soft_kmeans};
use persiste_rust::parallel::Monitor;
use serde_json::Value;

/// Relative, of the larger of one and the value.
fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_f64().unwrap_or(f64::NAN))
        .collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn parameters(case: &Value) -> Parameters {
    let alpha = rows(&case["alpha"]);
    let alpha = Array2::from_shape_fn((alpha.len(), alpha[0].len()), |(k, j)| alpha[k][j]);
    Parameters::new(numbers(&case["pi"]), alpha).unwrap()
}

const CASES: [&str; 5] = [
    "Twins_k1",
    "quickstart_4x4_k2",
    "sim_100x20_k3_k1",
    "sim_100x20_k3_k3",
    "sim_60x40_k2_lowcount_k2",
];

fn counts_of(case: &Value) -> Option<persiste_rust::dirichlet::Counts> {
    match case["dataset"].as_str().unwrap() {
        "quickstart_4x4" => Some(crate::data::quickstart()),
        "Twins" => read_counts("Twins_samples_x_taxa"),
        name => read_counts(name),
    }
}

#[test]
fn values_at_fixed_parameters_are_those_of_the_reference() {
    for name in CASES {
        let Some(case) = read_json(name) else { return };
        let (counts, mixture) = (counts_of(&case).unwrap(), parameters(&case));
        let (workers, monitor) = (workers(2), Monitor::new());
        let evidence = mixture.log_evidence(&counts, &workers, &monitor).unwrap();
        let posterior = mixture.responsibilities(&counts, &workers, &monitor).unwrap();
        for (row, expected) in rows(&case["neg_log_evidence_first5"]).iter().enumerate() {
            for (component, &expected) in expected.iter().enumerate() {
                assert!(close(-evidence[(row, component)], expected, 1e-12), "{name} row {row}");
            }
        }
        for (row, expected) in rows(&case["posterior_first5"]).iter().enumerate() {
            for (component, &expected) in expected.iter().enumerate() {
                let found = posterior[(row, component)];
                assert!(
                    (found - expected).abs() <= 1e-10 * expected,
                    "{name} row {row}: {found} {expected}"
                );
            }
        }
        let sums: Vec<f64> = posterior.columns().into_iter().map(|column| column.sum()).collect();
        for (found, expected) in sums.iter().zip(numbers(&case["posterior_colsum"])) {
            assert!(close(*found, expected, 1e-11), "{name}: {found} {expected}");
        }
        let of_rows = mixture.log_likelihoods(&counts, &workers, &monitor).unwrap();
        for (found, expected) in of_rows.iter().zip(numbers(&case["loglik_rows_first5"])) {
            assert!(close(*found, expected, 1e-12), "{name}: {found} {expected}");
        }
        let sum: f64 = of_rows.iter().sum();
        assert!(
            close(sum, case["loglik_no_prior"].as_f64().unwrap(), 1e-12),
            "{name}: {sum}"
        );
    }
}

#[test]
fn criteria_and_intervals_at_fixed_parameters_are_those_of_the_reference() {
    for name in CASES {
        let Some(case) = read_json(name) else { return };
        let (counts, mixture) = (counts_of(&case).unwrap(), parameters(&case));
        for (curvature, gof, of_components, lower, upper) in [
            (
                Curvature::Exact,
                "gof_correct_hessian",
                "logabsdetH_correct",
                "lower_correct",
                "upper_correct",
            ),
            (
                Curvature::C,
                "gof_c_compat",
                "logabsdetH_c_compat",
                "lower_c_compat",
                "upper_c_compat",
            ),
        ] {
            let found = mixture
                .assess(&counts, curvature, &workers(2), &Monitor::new())
                .unwrap();
            let gof = &case[gof];
            for (value, key) in [
                (found.goodness.nle, "NLE"),
                (found.goodness.bic, "BIC"),
                (found.goodness.aic, "AIC"),
                (found.goodness.log_det, "LogDet"),
                (found.goodness.laplace, "Laplace"),
            ] {
                let expected = gof[key].as_f64().unwrap();
                assert!(
                    close(value, expected, 1e-10),
                    "{name} {curvature:?} {key}: {value} {expected}"
                );
            }
            for (value, expected) in found.log_determinants.iter().zip(numbers(&case[of_components])) {
                assert!(
                    close(*value, expected, 1e-10),
                    "{name} {curvature:?}: {value} {expected}"
                );
            }
            for (bounds, key) in [(&found.lower, lower), (&found.upper, upper)] {
                for (component, expected) in rows(&case[key]).iter().enumerate() {
                    for (column, &expected) in expected.iter().enumerate() {
                        let value = bounds[(component, column)];
                        let both_absent = value.is_nan() && expected.is_nan();
                        assert!(
                            both_absent || (value - expected).abs() <= 1e-9 * expected,
                            "{name} {key}: {value} {expected}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn labels_are_the_stream_of_the_seed() {
    let Some(case) = read_json("rng_kmeans") else { return };
    for (key, expected) in case["labels"].as_object().unwrap() {
        let (seed, components) = key.strip_prefix("seed").unwrap().split_once("_K").unwrap();
        let expected: Vec<u32> = numbers(expected).iter().map(|&one| one as u32).collect();
        let found = random_labels(seed.parse().unwrap(), expected.len(), components.parse().unwrap());
        assert_eq!(found, expected, "{key}");
    }
}

#[test]
fn soft_kmeans_takes_the_same_steps() {
    let Some(case) = read_json("rng_kmeans") else { return };
    for (key, expected) in case["kmeans"].as_object().unwrap() {
        let (dataset, rest) = key.rsplit_once("_K").unwrap();
        let (components, seed) = rest.split_once("_seed").unwrap();
        let components: usize = components.parse().unwrap();
        let counts = read_counts(dataset).unwrap();
        for threads in [1, 2] {
            let found = soft_kmeans(
                &counts,
                components,
                seed.parse().unwrap(),
                &workers(threads),
                &Monitor::new(),
            )
            .unwrap();
            assert_eq!(
                found.iterations as u64,
                expected["iterations"].as_u64().unwrap(),
                "{key}"
            );
            let of_rows: Vec<&[f64]> = found.responsibilities.chunks(components).collect();
            for (component, weight) in numbers(&expected["weights"]).iter().enumerate() {
                let sum: f64 = of_rows.iter().map(|row| row[component]).sum();
                assert!(close(sum, *weight, 1e-13), "{key}: {sum} {weight}");
            }
            for (found, expected) in found.means.iter().zip(numbers(&expected["mu_row0_first5"])) {
                assert!(
                    (found - expected).abs() <= 1e-13 * expected,
                    "{key}: {found} {expected}"
                );
            }
            for (row, expected) in rows(&expected["z_first5"]).iter().enumerate() {
                for (found, expected) in of_rows[row].iter().zip(expected) {
                    assert!((found - expected).abs() <= 1e-13, "{key}: {found} {expected}");
                }
            }
        }
    }
}

#[test]
fn shared_data_are_looked_for_where_they_are() {
    // So that a change of folder cannot turn all tests above into skipped ones unseen.
    if shared("reference").is_some() {
        assert!(read_json("rng_kmeans").is_some() && read_counts("sim_100x20_k3").is_some());
    }
}
