//! The parallel toolkit: same bits for any number of threads, first error by index, what is refused.
#![allow(clippy::unwrap_used)]

mod common;

use common::workers;
use persiste_rust::error::ParallelError;
use persiste_rust::parallel::{
    Aggregation, Folds, GridScores, Random, Scaling, aggregate, cross_validate, grid, map, mean_gradient, monte_carlo,
    parallel_fraction, scaling, summarise, thread_count,
};
use std::collections::HashSet;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

type Outcome<T> = Result<T, ParallelError>;

const THREADS: [usize; 3] = [1, 2, 3];

/// Returns the message of an error.
fn refusal<T>(outcome: Outcome<T>) -> String {
    outcome.err().expect("an error").to_string()
}

/// Fails at items 3 and 5, at 3 only after 5 has failed where there are threads to do so.
fn late_first_error(item: &usize) -> Outcome<f64> {
    match item {
        3 => {
            std::thread::sleep(Duration::from_millis(20));
            Err(ParallelError::work("item 3"))
        }
        5 => Err(ParallelError::work("item 5")),
        _ => Ok(0.0),
    }
}

#[test]
fn every_function_gives_the_same_bits_for_any_number_of_threads() {
    let items: Vec<f64> = (0..50).map(|item| 0.1 + f64::from(item).sqrt()).collect();
    let folds = Folds::new(50, 7, 1).unwrap();
    let run = |threads: usize| {
        let workers = workers(threads);
        let draw = |item: &f64, random: &mut Random| -> Outcome<Vec<f64>> {
            Ok((0..3).map(|_| item * random.uniform()).collect())
        };
        let sum_over = |items_of: &[usize]| items_of.iter().map(|&item| items[item].ln()).sum::<f64>();
        let samples = monte_carlo(&workers, &items, 11, 99, &[0.1, 0.5], draw).unwrap();
        let scores = cross_validate(&workers, &folds, |fold| Outcome::Ok(sum_over(&fold.training))).unwrap();
        let squares = map(&workers, &items, |x| Outcome::Ok(x * x)).unwrap();
        let heights = grid(&workers, &items, |x| Outcome::Ok(x.sin())).unwrap();
        let gradient = mean_gradient(&workers, &items, |x| Outcome::Ok(vec![x.exp(), x.cos()])).unwrap();
        (samples, scores, squares, heights, gradient)
    };
    let single = run(1);
    for threads in [2, 3] {
        // Debug text of f64 is exact, so that it also tells -0.0 from 0.0.
        assert_eq!(
            format!("{:?}", run(threads)),
            format!("{single:?}"),
            "{threads} threads"
        );
    }
}

#[test]
fn the_first_error_is_the_first_by_index_not_by_time() {
    let items: Vec<usize> = (0..8).collect();
    let folds = Folds::new(8, 8, 0).unwrap();
    for threads in THREADS {
        let workers = workers(threads);
        assert_eq!(refusal(map(&workers, &items, late_first_error)), "item 3");
        assert_eq!(refusal(grid(&workers, &items, late_first_error)), "item 3");
        let gradient = mean_gradient(&workers, &items, |item| late_first_error(item).map(|x| vec![x]));
        assert_eq!(refusal(gradient), "item 3");
        let validated = cross_validate(&workers, &folds, |fold| late_first_error(&fold.number));
        assert_eq!(refusal(validated), "item 3");
        let samples = monte_carlo(&workers, &items, 4, 0, &[], |item, _| {
            late_first_error(item).map(|x| vec![x])
        });
        assert_eq!(refusal(samples), "item 3");
    }
}

#[test]
fn a_panic_in_the_work_goes_on_in_the_caller() {
    for threads in THREADS {
        let caught = std::panic::catch_unwind(|| {
            let explode = |&item: &usize| -> Outcome<usize> { if item == 2 { panic!("at two") } else { Ok(item) } };
            map(&workers(threads), &[0, 1, 2, 3], explode)
        });
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"at two"));
    }
}

#[test]
fn nothing_to_work_on_is_an_error() {
    let (workers, none) = (workers(2), [0.0; 0]);
    assert_eq!(
        refusal(map(&workers, &none, |_| Outcome::Ok(()))),
        "there are no items; expected at least one"
    );
    let no_items = monte_carlo(&workers, &none, 1, 0, &[], |_, _| Outcome::Ok(vec![]));
    assert_eq!(refusal(no_items), "there are no items; expected at least one");
    let no_samples = monte_carlo(&workers, &[0.0], 0, 0, &[], |_, _| Outcome::Ok(vec![]));
    assert_eq!(refusal(no_samples), "there are no samples; expected at least one");
    assert!(grid(&workers, &none, |_| Outcome::Ok(0.0)).is_err());
    assert!(mean_gradient(&workers, &none, |_| Outcome::Ok(vec![])).is_err());
    assert!(Folds::new(0, 2, 0).is_err());
    assert!(scaling(&[], 1, |_| Outcome::Ok(())).is_err());
    assert!(scaling(&[1], 0, |_| Outcome::Ok(())).is_err());
    for aggregation in [
        Aggregation::Mean,
        Aggregation::Median,
        Aggregation::WeightedMean(vec![]),
    ] {
        let message = refusal(aggregate(&[] as &[Vec<f64>], &aggregation));
        assert_eq!(message, "there are no predictions; expected at least one");
    }
}

#[test]
fn summaries_are_those_of_numpy() {
    let samples = [[1.5, -2.0], [0.25, 8.0], [3.0, 1.0], [-1.0, 1.0], [2.0, 0.5]];
    let summary = summarise(&samples, &[0.0, 0.1, 0.5, 0.9, 1.0]).unwrap();
    // numpy 2: x.mean(0), x.std(0, ddof=1), np.quantile(x, [0, .1, .5, .9, 1], axis=0)
    let close =
        |found: &[f64], expected: [f64; 2]| found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= 1e-15 * 8.0);
    assert!(close(&summary.mean, [1.15, 1.7]));
    assert!(close(&summary.sd, [1.557_241_150_239_743_6, 3.734_969_879_396_619_5]));
    let expected = [[-1.0, -2.0], [-0.5, -1.0], [1.5, 1.0], [2.6, 5.2], [3.0, 8.0]];
    for (found, expected) in summary.quantiles.iter().zip(expected) {
        assert!(close(found, expected), "{found:?} {expected:?}");
    }
}

#[test]
fn summaries_of_odd_samples_say_what_can_be_said() {
    let single = summarise(&[[4.0]], &[0.3]).unwrap();
    assert!(single.mean == [4.0] && single.sd[0].is_nan() && single.quantiles == [[4.0]]);
    let infinite = summarise(&[[f64::NEG_INFINITY], [f64::NEG_INFINITY], [1.0]], &[0.25, 0.5, 1.0]).unwrap();
    assert_eq!(infinite.quantiles, [[f64::NEG_INFINITY], [f64::NEG_INFINITY], [1.0]]);
    let unknown = summarise(&[[f64::NAN, 1.0], [2.0, 3.0]], &[0.0]).unwrap();
    assert!(unknown.mean[0].is_nan() && unknown.quantiles[0][0].is_nan() && unknown.quantiles[0][1] == 1.0);
    assert_eq!(
        refusal(summarise(&[vec![1.0], vec![]], &[])),
        "sample [1] has length 0; expected 1, as in [0]"
    );
    let wrong = refusal(summarise(&[[1.0]], &[0.5, 1.5]));
    assert_eq!(wrong, "quantile [1] is 1.5; allowed are numbers from 0 to 1");
    assert!(summarise(&[[1.0]], &[f64::NAN]).is_err());
}

#[test]
fn each_item_is_held_out_once_and_folds_differ_by_one_at_most() {
    for (n, k) in [(2, 2), (10, 3), (23, 23), (1000, 7)] {
        let folds = Folds::new(n, k, 3).unwrap();
        let mut held_out = vec![0; n];
        let mut sizes = HashSet::new();
        for number in 0..k {
            let fold = folds.fold(number);
            fold.held_out.iter().for_each(|&item| held_out[item] += 1);
            sizes.insert(fold.held_out.len());
            let mut all = [fold.training.clone(), fold.held_out.clone()].concat();
            assert!(fold.training.is_sorted() && fold.held_out.is_sorted());
            all.sort_unstable();
            assert!(all.into_iter().eq(0..n));
        }
        assert!(held_out.iter().all(|&count| count == 1), "{n} {k}");
        assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
    }
}

#[test]
fn folds_depend_on_the_seed_alone() {
    assert_eq!(Folds::new(40, 4, 1).unwrap(), Folds::new(40, 4, 1).unwrap());
    assert_ne!(Folds::new(40, 4, 1).unwrap(), Folds::new(40, 4, 2).unwrap());
}

#[test]
fn folds_without_items_or_without_training_are_refused() {
    let message = "cannot make 4 folds of 3 items; allowed are 2 folds or more, and no more than items";
    assert_eq!(refusal(Folds::new(3, 4, 0)), message);
    for k in [0, 1] {
        assert!(matches!(Folds::new(3, k, 0), Err(ParallelError::FoldCount { n_folds, n_items: 3 }) if n_folds == k));
    }
}

#[test]
fn grids_rank_the_highest_first_nan_last_and_ties_in_order() {
    let scores = GridScores::new(vec![f64::NAN, 1.0, f64::NEG_INFINITY, 3.0, f64::NAN, 3.0, 0.0, -0.0]);
    assert_eq!(scores.ranking(), [3, 5, 1, 6, 7, 2, 0, 4]);
    assert_eq!(scores.best(), Some(3));
    assert_eq!(GridScores::new(vec![f64::NAN; 2]).best(), None);
    assert_eq!(GridScores::new(vec![f64::NAN, f64::NEG_INFINITY]).best(), Some(1));
}

#[test]
fn aggregates_are_means_weighted_means_and_true_medians() {
    let predictions = [[1.0, 10.0], [2.0, -1.0], [9.0, 0.0], [4.0, 4.0]];
    assert_eq!(aggregate(&predictions, &Aggregation::Mean).unwrap(), [4.0, 3.25]);
    assert_eq!(aggregate(&predictions, &Aggregation::Median).unwrap(), [3.0, 2.0]);
    assert_eq!(aggregate(&predictions[..3], &Aggregation::Median).unwrap(), [2.0, 0.0]);
    let weighted = Aggregation::WeightedMean(vec![0.0, 3.0, 1.0, 0.0]);
    assert_eq!(aggregate(&predictions, &weighted).unwrap(), [3.75, -0.75]);
}

#[test]
fn a_weight_of_zero_leaves_out_whatever_it_weighs_and_nan_is_no_middle() {
    let predictions = [[f64::NEG_INFINITY], [1.0], [f64::NAN]];
    let weighted = Aggregation::WeightedMean(vec![0.0, 2.0, 0.0]);
    assert_eq!(aggregate(&predictions, &weighted).unwrap(), [1.0]);
    assert!(aggregate(&predictions, &Aggregation::Median).unwrap()[0].is_nan());
    assert_eq!(
        aggregate(&predictions[..1], &Aggregation::Median).unwrap(),
        [f64::NEG_INFINITY]
    );
}

#[test]
fn weights_that_are_none_are_refused() {
    for (weights, message) in [
        (vec![1.0], "weights has length 1; expected 2"),
        (
            vec![1.0, f64::NAN],
            "weight [1] is NaN; allowed are finite numbers of 0 or more",
        ),
        (
            vec![-1.0, 2.0],
            "weight [0] is -1; allowed are finite numbers of 0 or more",
        ),
        (
            vec![1.0, f64::INFINITY],
            "weight [1] is inf; allowed are finite numbers of 0 or more",
        ),
        (
            vec![0.0, 0.0],
            "the sum of the weights is 0; allowed are finite sums above 0",
        ),
        (
            vec![f64::MAX, f64::MAX],
            "the sum of the weights is inf; allowed are finite sums above 0",
        ),
    ] {
        assert_eq!(
            refusal(aggregate(&[[1.0], [2.0]], &Aggregation::WeightedMean(weights))),
            message
        );
    }
    let ragged = refusal(aggregate(&[vec![1.0], vec![1.0, 2.0]], &Aggregation::Mean));
    assert_eq!(ragged, "prediction [1] has length 2; expected 1, as in [0]");
}

#[test]
fn gradients_of_different_lengths_are_refused() {
    let growing = |&item: &usize| Outcome::Ok(vec![0.0; item]);
    let message = refusal(mean_gradient(&workers(2), &[1, 1, 2, 3], growing));
    assert_eq!(message, "gradient [2] has length 2; expected 1, as in [0]");
}

#[test]
fn the_parallel_fraction_of_one_count_is_amdahls() {
    for (n, s) in [(2, 1.6), (8, 5.0), (64, 0.9)] {
        let exact = n as f64 * (s - 1.0) / (s * (n as f64 - 1.0));
        assert!((parallel_fraction(&[1, n], &[1.0, s]).unwrap() - exact).abs() < 1e-14);
    }
}

#[test]
fn the_parallel_fraction_of_several_counts_is_the_least_squares_one() {
    // numpy 2: np.linalg.lstsq((1 - 1 / n)[:, None], 1 - 1 / s)
    let fraction = parallel_fraction(&[2, 3, 4, 8], &[1.8, 2.4, 3.1, 4.0]).unwrap();
    assert!((fraction - 0.877_807_01).abs() < 1e-8);
    let perfect = parallel_fraction(&[1, 2, 7], &[1.0, 2.0, 7.0]).unwrap();
    assert!((perfect - 1.0).abs() < 1e-15);
}

#[test]
fn times_and_speed_ups_that_are_none_are_refused() {
    let threads = refusal(parallel_fraction(&[1, 1], &[1.0, 1.0]));
    assert_eq!(
        threads,
        "no measurement has more than 1 thread; the parallel fraction needs at least one"
    );
    let speed_up = refusal(parallel_fraction(&[1, 2], &[1.0, 0.0]));
    assert_eq!(
        speed_up,
        "the speed-up with 2 threads is 0; allowed are finite numbers above 0"
    );
    let time = refusal(Scaling::from_times(&[1, 2], &[1.0, f64::NAN]));
    assert_eq!(
        time,
        "the time with 2 threads is NaN s; allowed are finite times above 0"
    );
    let single = refusal(Scaling::from_times(&[2, 4], &[1.0, 1.0]));
    assert_eq!(single, "no time was measured with 1 thread, to which speed-ups refer");
    assert_eq!(
        refusal(Scaling::from_times(&[1], &[])),
        "seconds has length 0; expected 1"
    );
    assert!(parallel_fraction(&[], &[]).is_err());
    assert!(parallel_fraction(&[0], &[1.0]).is_err());
}

#[test]
fn a_table_of_times_prints_speed_up_and_efficiency() {
    let table = Scaling::from_times(&[1, 2, 4], &[0.2, 0.125, 0.1]).unwrap();
    let expected = [
        " threads     time (ms)  speed-up  efficiency",
        "       1       200.000      1.00     100.0 %",
        "       2       125.000      1.60      80.0 %",
        "       4       100.000      2.00      50.0 %",
    ];
    assert_eq!(table.to_string(), expected.join("\n"));
}

#[test]
fn scaling_measures_each_count_and_one_thread_besides() {
    let seen = Mutex::new(Vec::new());
    let wait = |workers: &persiste_rust::parallel::Workers| {
        seen.lock().unwrap().push(workers.n_threads());
        map(workers, &[(); 6], |()| {
            std::thread::sleep(Duration::from_millis(2));
            Outcome::Ok(())
        })
        .map(drop)
    };
    let table = scaling(&[3, 2], 3, wait).unwrap();
    assert_eq!(table.rows.iter().map(|row| row.threads).collect::<Vec<_>>(), [3, 2]);
    // No count can be done before its longest sleep is; both speed-ups refer to the same time with one thread.
    assert!(table.rows.iter().all(|row| row.seconds >= 0.002), "{table}");
    let with_one = |row: usize| table.rows[row].speed_up * table.rows[row].seconds;
    assert!((with_one(0) / with_one(1) - 1.0).abs() < 1e-12, "{table}");
    let rounds = seen.into_inner().unwrap();
    assert_eq!(rounds, [3, 2, 1].repeat(4));
    assert_eq!(
        refusal(scaling(&[2], 1, |_| Err(ParallelError::work("broken")))),
        "broken"
    );
    assert!(scaling(&[1, 0], 1, |_| Outcome::Ok(())).is_err());
}

#[test]
fn a_number_of_threads_is_one_or_more() {
    assert_eq!(thread_count(Some(5)).unwrap().get(), 5);
    let message = "threads is 0; allowed are 1 or more, up to 65535, or none for one a core";
    assert_eq!(refusal(thread_count(Some(0))), message);
    assert!(thread_count(Some(usize::MAX)).is_err());
    println!("threads without a number: {}", thread_count(None).unwrap());
}

#[test]
fn without_a_number_the_environment_decides() {
    let threads_under = |variable: &str| {
        let mut itself = Command::new(std::env::current_exe().unwrap());
        itself.args(["--exact", "a_number_of_threads_is_one_or_more", "--nocapture"]);
        let output = itself.env("RAYON_NUM_THREADS", variable).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, rest) = text.split_once("threads without a number: ").unwrap();
        rest.lines().next().unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(threads_under("7"), 7);
    assert_eq!(threads_under(" 3 "), 3);
    let of_machine = std::thread::available_parallelism().unwrap().get();
    for says_nothing in ["0", "", "many", "-1"] {
        assert_eq!(threads_under(says_nothing), of_machine);
    }
}

#[test]
fn an_error_type_of_ones_own_passes_through() {
    #[derive(Debug, PartialEq)]
    enum Own {
        Toolkit(String),
        Mine,
    }
    impl From<ParallelError> for Own {
        fn from(error: ParallelError) -> Self {
            Self::Toolkit(error.to_string())
        }
    }
    assert_eq!(map(&workers(2), &[1, 2], |_| Err::<(), _>(Own::Mine)), Err(Own::Mine));
    let empty = "there are no items; expected at least one".to_owned();
    assert_eq!(map(&workers(2), &[0; 0], |_| Ok(())), Err(Own::Toolkit(empty)));
}
