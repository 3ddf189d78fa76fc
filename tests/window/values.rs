//! Values against enumeration, and of the tables against each other.

use crate::common::{Random, all_patterns, model, names, tree};
use crate::{Case, close, window};
use persiste_rust::model::{Ascertainment, RootPrior, spectrum};
use persiste_rust::parallel::Monitor;

#[test]
fn every_window_is_the_sum_over_its_patterns() {
    let mut random = Random(31);
    for round in 0..300 {
        let n_tips = 1 + random.below(6);
        let case = Case::random(&mut random, n_tips, 0.15);
        let expected = case.enumerated();
        for (lowest, highest) in (0..=n_tips).flat_map(|a| (a..=n_tips).map(move |b| (a, b))) {
            let total: f64 = expected[lowest..=highest].iter().sum();
            let found = case.log(window(lowest, highest));
            // Sums of at most 64 positive products of at most 40 factors.
            assert!(
                close(found, total.ln(), 1e-13),
                "round {round} {lowest}-{highest}: {found} {total}"
            );
        }
    }
}

#[test]
fn spectrum_is_the_sum_over_patterns_of_each_size() {
    let mut random = Random(32);
    for _ in 0..100 {
        let n_tips = 1 + random.below(6);
        let case = Case::random(&mut random, n_tips, 0.1);
        let found = spectrum(&case.tree, &case.transitions, case.root, case.tips.as_deref());
        for (a, b) in found.iter().zip(case.enumerated()) {
            assert!((a - b).abs() <= 1e-13 * b, "{a} {b}");
        }
        assert_eq!(found.len(), n_tips + 1);
    }
}

#[test]
fn larger_windows_are_sums_of_the_spectrum() {
    let mut random = Random(33);
    for round in 0..60 {
        let n_tips = 20 + random.below(60);
        let case = Case::random(&mut random, n_tips, 0.05);
        let sizes = spectrum(&case.tree, &case.transitions, case.root, case.tips.as_deref());
        assert!((sizes.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for _ in 0..20 {
            let (a, b) = (random.below(n_tips + 1), random.below(n_tips + 1));
            let (lowest, highest) = (a.min(b), a.max(b));
            let total: f64 = sizes[lowest..=highest].iter().sum();
            if total > 1e-250 {
                let found = case.log(window(lowest, highest));
                assert!(
                    close(found, total.ln(), 1e-13),
                    "round {round} {lowest}-{highest} of {n_tips}"
                );
            }
        }
    }
}

#[test]
fn windows_that_leave_out_nothing_or_everything_equal_the_recursion_over_three_kinds() {
    let mut random = Random(34);
    for round in 0..200 {
        let n_tips = 2 + random.below(40);
        let case = Case::random(&mut random, n_tips, 0.05);
        for (named, highest) in [(Ascertainment::Observed, n_tips), (Ascertainment::Variable, n_tips - 1)] {
            let of = |ascertainment: Ascertainment| {
                let recorded = ascertainment.recorded(&case.tree, &case.transitions, case.root, case.tips.as_deref());
                recorded.unwrap()
            };
            let (special, general) = (of(named), of(window(1, highest)));
            assert!(
                close(general.log_probability, special.log_probability, 1e-14),
                "round {round}"
            );
            let pairs = general
                .transitions
                .as_flattened()
                .iter()
                .zip(special.transitions.as_flattened());
            let tips = general.tips.as_flattened().iter().zip(special.tips.as_flattened());
            assert_eq!(general.tips.len(), special.tips.len());
            for (a, b) in pairs.chain(tips).chain(general.root.iter().zip(&special.root)) {
                assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "round {round}: {a} {b}");
            }
        }
        assert_eq!(case.log(window(0, n_tips)), 0.0);
    }
}

#[test]
fn conditioned_likelihoods_of_a_window_sum_to_one() {
    let mut random = Random(37);
    for round in 0..30 {
        let n_tips = 2 + random.below(5);
        let tree = tree(&random.newick(n_tips, 0.2, 1.0));
        let (a, b) = (random.below(n_tips + 1), random.below(n_tips + 1));
        let of = Ascertainment::window(a.min(b), Some(a.max(b)), n_tips).unwrap();
        let mut patterns = all_patterns(n_tips);
        patterns.retain(|cells| (a.min(b)..=a.max(b)).contains(&cells.iter().filter(|&&cell| cell == 1).count()));
        let scale = 10.0_f64.powi(-(round % 5) * 3);
        let point = [(random.unit() * scale).ln(), (random.unit() * 2.0).ln()];
        let model = model(&tree, &names(&tree), &patterns, RootPrior::Fixed(0.3), of);
        let values = model.log_likelihoods(&point, &Monitor::new()).unwrap();
        let total: f64 = values.iter().map(|value| value.exp()).sum();
        assert!((total - 1.0).abs() < 1e-12, "round {round}: {total} {of:?}");
    }
}
