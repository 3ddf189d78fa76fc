//! The familiar names, called as their users call them.
#![allow(clippy::unwrap_used)]

use ndarray::{Array1, Array2, Axis, arr1, arr2};
use persiste_rust::error::ParallelError;
use persiste_rust::parallel::benchmark::{
    BenchmarkResult, amdahl_analysis, print_benchmark_results, scalability_benchmark,
};
use persiste_rust::parallel::*;
use std::collections::HashSet;
use std::sync::Mutex;
use std::thread::ThreadId;
use std::time::Duration;

fn matrix(n_rows: usize) -> Array2<f64> {
    Array2::from_shape_fn((n_rows, 3), |(row, column)| (3 * row + column) as f64)
}

/// The batches that several tests share.
fn batches() -> Vec<Array2<f64>> {
    (1..=12).map(matrix).collect()
}

#[test]
fn predictions_come_in_the_order_of_batches() {
    let predictions = parallel_batch_inference(&batches(), |batch| Ok(vec![batch.sum(); batch.nrows()])).unwrap();
    for (batch, prediction) in batches().iter().zip(predictions) {
        assert_eq!(prediction, vec![batch.sum(); batch.nrows()]);
    }
}

#[test]
fn uncertainty_is_mean_and_deviation_of_the_samples() {
    let counter = Mutex::new(0.0);
    let count = |_: &Array2<f64>| {
        let mut counter = counter.lock().unwrap();
        *counter += 1.0;
        Ok(vec![*counter, 5.0])
    };
    let results = parallel_batch_inference_with_uncertainty(&[matrix(1)], count, 4).unwrap();
    let (mean, deviation) = &results[0];
    assert_eq!(*mean, [2.5, 5.0]);
    assert!((deviation[0] - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15 && deviation[1] == 0.0);
    let none = parallel_batch_inference_with_uncertainty(&batches(), |_| Ok(vec![]), 0);
    assert!(matches!(none, Err(ParallelError::Empty { what: "samples" })));
}

#[test]
fn chunks_are_preprocessed_in_order() {
    let doubled = parallel_preprocess(&batches(), |chunk| Ok(chunk * 2.0)).unwrap();
    assert!(
        doubled
            .iter()
            .zip(batches())
            .all(|(found, chunk)| *found == chunk * 2.0)
    );
}

#[test]
fn gradients_are_averaged_parameter_by_parameter() {
    let batches: Vec<_> = (1..=3).map(|n| (matrix(2), arr1(&[f64::from(n)]))).collect();
    let gradients = parallel_gradient_computation(&batches, |x, y| Ok(vec![x * y[0], arr2(&[[y[0]]])])).unwrap();
    assert_eq!(
        aggregate_gradients(&gradients).unwrap(),
        [matrix(2) * 2.0, arr2(&[[2.0]])]
    );
}

#[test]
fn gradients_that_do_not_fit_are_refused() {
    let none: Vec<Vec<Array2<f64>>> = vec![];
    assert_eq!(
        aggregate_gradients(&none).unwrap_err().to_string(),
        "there are no gradients; expected at least one"
    );
    let shapes = aggregate_gradients(&[vec![matrix(1), matrix(2)], vec![matrix(1), matrix(1)]]).unwrap_err();
    let message = "gradient [1] has shape [1, 3] for parameter 1; expected [2, 3], as in [0]";
    assert_eq!(shapes.to_string(), message);
    let lengths = aggregate_gradients(&[vec![matrix(1)], vec![]]).unwrap_err();
    assert_eq!(lengths.to_string(), "gradient [1] has length 0; expected 1, as in [0]");
}

#[test]
fn each_row_is_validated_once_with_its_label_and_trained_on_otherwise() {
    let (data, labels) = (matrix(11), Array1::from_iter((0..11).map(|row| f64::from(3 * row))));
    let seen = parallel_cross_validation(&data, &labels, 4, |train_x, train_y, val_x, val_y| {
        assert_eq!(train_x.index_axis(Axis(1), 0), train_y);
        assert_eq!(val_x.index_axis(Axis(1), 0), val_y);
        assert!(train_y.len() + val_y.len() == 11 && !train_y.iter().any(|one| val_y.iter().any(|other| one == other)));
        Ok(val_y.to_vec())
    })
    .unwrap();
    let mut held_out = seen.concat();
    held_out.sort_by(f64::total_cmp);
    assert_eq!(held_out, labels.to_vec());
}

#[test]
fn cross_validation_refuses_too_many_folds_and_labels_that_do_not_fit() {
    let score = |_: &Array2<f64>, _: &Array1<f64>, _: &Array2<f64>, _: &Array1<f64>| Ok(0.0);
    let folds = parallel_cross_validation(&matrix(3), &Array1::zeros(3), 4, score);
    assert!(matches!(
        folds,
        Err(ParallelError::FoldCount { n_folds: 4, n_items: 3 })
    ));
    let labels = parallel_cross_validation(&matrix(3), &Array1::zeros(2), 2, score).unwrap_err();
    assert_eq!(labels.to_string(), "labels has length 2; expected 3");
}

#[test]
fn grid_search_scores_each_point_in_the_order_of_the_grid() {
    let (x, y) = (matrix(4), Array1::ones(4));
    let scores = parallel_grid_search(&[0.5, 0.1, 1.0], &x, &y, &x, &y, |alpha, _, _, _, val_y| {
        Ok(alpha * val_y.sum())
    });
    assert_eq!(scores.unwrap(), [(0, 2.0), (1, 0.4), (2, 4.0)]);
    let none: [f64; 0] = [];
    assert!(parallel_grid_search(&none, &x, &y, &x, &y, |_, _, _, _, _| Ok(0.0)).is_err());
    assert!(parallel_grid_search(&[1.0], &x, &y, &x, &arr1(&[1.0]), |_, _, _, _, _| Ok(0.0)).is_err());
}

#[test]
fn ensembles_take_mean_weighted_mean_or_true_median() {
    let models = [
        |_: &Array2<f64>| Ok(vec![1.0, 2.0]),
        |_: &Array2<f64>| Ok(vec![4.0, 8.0]),
        |_: &Array2<f64>| Ok(vec![10.0, 4.0]),
        |_: &Array2<f64>| Ok(vec![3.0, 100.0]),
    ];
    let predict = |aggregation| parallel_ensemble_predict(&matrix(1), &models, aggregation);
    assert_eq!(predict(EnsembleAggregation::Mean).unwrap(), [4.5, 28.5]);
    assert_eq!(predict(EnsembleAggregation::Median).unwrap(), [3.5, 6.0]);
    let weighted = EnsembleAggregation::WeightedMean(vec![0.25, 0.5, 0.25, 0.0]);
    assert_eq!(predict(weighted).unwrap(), [4.75, 5.5]);
    assert!(predict(EnsembleAggregation::WeightedMean(vec![0.8])).is_err());
}

#[test]
fn the_thread_pool_may_be_configured_again_and_rules_later_calls() {
    // The only test of this program that counts threads under a configuration; results of others do not depend on it.
    let threads_used = || {
        let seen: Mutex<HashSet<ThreadId>> = Mutex::default();
        parallel_preprocess(&[(); 60], |()| {
            seen.lock().unwrap().insert(std::thread::current().id());
            std::thread::sleep(Duration::from_millis(2));
            Ok(())
        })
        .unwrap();
        seen.into_inner().unwrap().len()
    };
    ParallelConfig::default()
        .with_threads(3)
        .configure_thread_pool()
        .unwrap();
    assert_eq!(threads_used(), 3);
    ParallelConfig::default()
        .with_threads(1)
        .configure_thread_pool()
        .unwrap();
    assert_eq!(threads_used(), 1);
    let refused = ParallelConfig::default()
        .with_threads(0)
        .configure_thread_pool()
        .unwrap_err();
    assert!(refused.to_string().starts_with("threads is 0; allowed are 1 or more"));
    assert_eq!(threads_used(), 1);
    ParallelConfig::default().configure_thread_pool().unwrap();
    assert_eq!(
        ParallelConfig::default().effective_thread_count(),
        thread_count(None).unwrap().get()
    );
    assert_eq!(ParallelConfig::default().with_threads(4).effective_thread_count(), 4);
}

#[test]
fn a_benchmark_rules_the_threads_of_the_familiar_names_and_of_rayon() {
    let seen: Mutex<Vec<(usize, usize)>> = Mutex::default();
    let workload = || {
        let threads: Mutex<HashSet<ThreadId>> = Mutex::default();
        parallel_preprocess(&[(); 12], |()| {
            threads.lock().unwrap().insert(std::thread::current().id());
            std::thread::sleep(Duration::from_millis(2));
            Ok(())
        })?;
        let n_threads = threads.into_inner().unwrap().len();
        seen.lock().unwrap().push((n_threads, rayon::current_num_threads()));
        Ok(())
    };
    let results = scalability_benchmark(&[1, 3], workload).unwrap();
    assert_eq!(results.iter().map(|row| row.num_threads).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((results[0].speedup, results[0].efficiency), (1.0, 1.0));
    assert!(results[1].speedup > 1.3, "{results:?}"); // 24 ms of sleep against 8 ms
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().step_by(2).all(|&round| round == (1, 1)), "{seen:?}");
    // A thread may come too late for its share, but not in each of six rounds.
    assert!(
        seen.iter().skip(1).step_by(2).all(|&(_, of_rayon)| of_rayon == 3),
        "{seen:?}"
    );
    assert_eq!(seen.iter().map(|&(threads, _)| threads).max(), Some(3));
    print_benchmark_results(&results);
    let p = amdahl_analysis(&results);
    assert!((p - 1.5 * (1.0 - 1.0 / results[1].speedup)).abs() < 1e-12);
}

#[test]
fn amdahls_fraction_of_nothing_is_nan_and_failing_workloads_end_the_benchmark() {
    let result = |num_threads, speedup| BenchmarkResult {
        num_threads,
        duration_ms: 1.0,
        speedup,
        efficiency: speedup / num_threads as f64,
    };
    assert!(amdahl_analysis(&[]).is_nan() && amdahl_analysis(&[result(1, 1.0)]).is_nan());
    assert!((amdahl_analysis(&[result(1, 1.0), result(2, 1.6)]) - 0.75).abs() < 1e-15);
    assert!(scalability_benchmark(&[], || Ok(())).is_err());
    assert!(scalability_benchmark(&[0], || Ok(())).is_err());
    let failing = scalability_benchmark(&[1, 2], || Err(ParallelError::work("no data")));
    assert_eq!(failing.unwrap_err().to_string(), "no data");
}

#[test]
fn no_batches_are_an_error_everywhere() {
    let none: [Array2<f64>; 0] = [];
    assert!(parallel_batch_inference(&none, |_| Ok(vec![0.0])).is_err());
    assert!(parallel_batch_inference_with_uncertainty(&none, |_| Ok(vec![0.0]), 3).is_err());
    assert!(parallel_preprocess(&none, |_| Ok(())).is_err());
    let no_pairs: [(f64, f64); 0] = [];
    assert!(parallel_gradient_computation(&no_pairs, |_, _| Ok(())).is_err());
    let no_models = &[|_: &f64| Ok(vec![])][..0];
    assert!(parallel_ensemble_predict(&0.0, no_models, EnsembleAggregation::Mean).is_err());
}
