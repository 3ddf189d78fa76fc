//! Expected spectra against enumeration of all patterns, and what follows from them.

use crate::common::{Random, workers};
use crate::worlds::{World, fillings};
use persiste_rust::error::CheckError;
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};
use persiste_rust::parallel::Monitor;
use persiste_rust::quantity::count_classes::CountClasses;
use persiste_rust::quantity::predictive::{Replicates, simulated_spectrum};
use persiste_rust::quantity::spectrum::Spectrum;
use persiste_rust::quantity::unseen::all_families;

fn classes(n_tips: usize) -> CountClasses {
    CountClasses::new(0.8, 0.4, n_tips).unwrap()
}

fn exact(model: &GeneContentModel, parameters: &[f64]) -> Option<Spectrum> {
    let n_tips = model.problem().tree().n_tips();
    Spectrum::exact(model, parameters, &classes(n_tips), &Monitor::new()).unwrap()
}

/// Mean and variance of the number of families in each bin, and of core, shell, cloud and singletons behind them.
fn enumerated(world: &World, families: &[Vec<i8>]) -> Vec<[f64; 2]> {
    let n_tips = world.tree.n_tips();
    let presences = classes(n_tips).presences();
    let mut sums = vec![[0.0; 2]; n_tips + 5];
    for (family, cells) in families.iter().enumerate() {
        let fillings = fillings(cells);
        let of_fillings = world.probabilities(&fillings, world.group(family));
        let mut law = vec![0.0; n_tips + 1];
        for (filling, probability) in fillings.iter().zip(of_fillings) {
            if world.admits(filling) {
                law[filling.iter().filter(|&&cell| cell == 1).count()] += probability;
            }
        }
        let total: f64 = law.iter().sum();
        law.iter_mut().for_each(|entry| *entry /= total);
        let of_classes = presences.iter().map(|class| class.clone().map(|k| law[k]).sum::<f64>());
        for (sum, p) in sums.iter_mut().zip(law.iter().copied().chain(of_classes)) {
            *sum = [sum[0] + p, sum[1] + p * (1.0 - p)];
        }
    }
    sums
}

#[test]
fn spectrum_matches_enumeration_of_all_patterns_under_every_kind_of_model() {
    let mut random = Random(11);
    let (mut n_exact, mut n_unknown) = (0, 0);
    for turn in 0..120 {
        let world = World::draw(&mut random, turn);
        let missing = [0.0, 0.3][turn / 7 % 2];
        let families = world.families(&mut random, 9, missing);
        let model = world.model(&families, world.ascertainment, 1 + turn % 2);
        let Some(found) = exact(&model, &world.parameters) else {
            n_unknown += 1;
            let has_missing = families.iter().flatten().any(|&cell| cell == -1);
            let is_window = matches!(world.ascertainment, Ascertainment::Window { lowest: 1, .. });
            assert!(has_missing && is_window, "{turn}");
            continue;
        };
        n_exact += 1;
        let total: f64 = found.expected().iter().sum();
        assert!((total - 9.0).abs() < 1e-12, "{turn}: {total}");
        let all = found.bins.iter().chain(&found.classes);
        for (place, (bin, expected)) in all.zip(enumerated(&world, &families)).enumerate() {
            assert!(
                (bin.expected - expected[0]).abs() < 1e-12,
                "{turn}, {place}: {bin:?} {expected:?}"
            );
            assert!(
                (bin.sd.powi(2) - expected[1]).abs() < 1e-11,
                "{turn}, {place}: {bin:?} {expected:?}"
            );
        }
        let present = |k: usize| {
            families
                .iter()
                .filter(move |cells| cells.iter().filter(|&&cell| cell == 1).count() == k)
        };
        for (k, bin) in found.bins.iter().enumerate() {
            assert_eq!(bin.observed, present(k).count() as u64);
        }
    }
    assert!(n_exact > 90 && n_unknown > 3, "{n_exact} {n_unknown}");
}

#[test]
fn simulated_spectrum_is_near_the_exact_one() {
    let mut random = Random(5);
    for turn in 0..12 {
        let world = World::draw(&mut random, turn);
        let families = world.families(&mut random, 300, 0.2);
        let model = world.model(&families, world.ascertainment, 2);
        let Some(found) = exact(&model, &world.parameters) else {
            continue;
        };
        let replicates = Replicates {
            n: 200,
            seed: 3,
            classes: classes(world.tree.n_tips()),
        };
        let simulated = simulated_spectrum(&model, &world.parameters, replicates, &Monitor::new()).unwrap();
        assert_eq!((simulated.n_simulated, found.n_simulated), (200, 0));
        for (one, other) in simulated.bins.iter().zip(&found.bins) {
            // Five standard deviations of a mean of 200.
            let tolerance = 5.0 * other.sd / 200.0_f64.sqrt() + 1e-9;
            assert!(
                (one.expected - other.expected).abs() < tolerance,
                "{turn}: {one:?} {other:?}"
            );
        }
    }
}

#[test]
fn all_families_are_the_recorded_ones_over_their_probability() {
    let mut random = Random(8);
    for turn in 0..30 {
        let world = World::draw(&mut random, turn);
        let families = world.families(&mut random, 8, 0.0);
        let model = world.model(&families, world.ascertainment, 1);
        let found = all_families(&model, &world.parameters, &Monitor::new());
        if world.ascertainment == Ascertainment::None {
            assert!(matches!(found, Err(CheckError::NothingUnseen)));
            continue;
        }
        let (mut estimate, mut variance) = (0.0, 0.0);
        for family in 0..families.len() {
            let fillings = fillings(&vec![0; world.tree.n_tips()]);
            let of_fillings = world.probabilities(&fillings, world.group(family));
            let recorded = fillings
                .iter()
                .zip(of_fillings)
                .filter(|(cells, _)| world.admits(cells));
            let recorded: f64 = recorded.map(|(_, probability)| probability).sum();
            estimate += 1.0 / recorded;
            variance += (1.0 - recorded) / recorded / recorded;
        }
        let found = found.unwrap();
        assert!(
            (found.estimate / estimate - 1.0).abs() < 1e-12,
            "{turn}: {found:?} {estimate}"
        );
        assert!(
            (found.variance - variance).abs() < 1e-10 * estimate,
            "{turn}: {found:?} {variance}"
        );
    }
}

#[test]
fn tails_of_the_spectrum_keep_their_digits() {
    // A star without loss and with hardly any gain, root absent: binomial.
    let n_tips = 60;
    let text: Vec<String> = (0..n_tips).map(|tip| format!("t{tip}:1")).collect();
    let tree = crate::common::tree(&format!("({});", text.join(",")));
    let names = crate::common::names(&tree);
    let mut cells = vec![0_i8; n_tips];
    cells[0] = 1;
    let model = crate::common::model(&tree, &names, &[cells], RootPrior::Absent, Ascertainment::None);
    let found = exact(&model, &[(1e-4_f64).ln(), f64::NEG_INFINITY]).unwrap().expected();
    let gained = -(-1e-4_f64).exp_m1();
    let mut expected = (1.0 - gained).powi(n_tips as i32);
    for (k, found) in found.iter().enumerate() {
        assert!((found / expected - 1.0).abs() < 1e-12, "{k}: {found:e} {expected:e}");
        expected *= (n_tips - k) as f64 / (k + 1) as f64 * gained / (1.0 - gained);
    }
}

#[test]
fn spectrum_refuses_roots_that_are_weighed_by_data_and_windows_that_nothing_passes() {
    let tree = crate::common::tree("((a:1,b:1):1,c:1);");
    let names = crate::common::names(&tree);
    let families = [vec![1, 0, 1], vec![1, 1, 0]];
    let monitor = Monitor::new();
    let fitzjohn = crate::common::model(&tree, &names, &families, RootPrior::FitzJohn, Ascertainment::None);
    let found = Spectrum::exact(&fitzjohn, &[0.0, 0.0], &classes(3), &monitor);
    assert!(matches!(found, Err(CheckError::RootFromData)));
    let observed = crate::common::model(&tree, &names, &families, RootPrior::Absent, Ascertainment::Observed);
    let found = Spectrum::exact(&observed, &[f64::NEG_INFINITY, 0.0], &classes(3), &monitor);
    let message = found.unwrap_err().to_string();
    assert!(
        message.contains("'observed' asks with probability 0.000e0"),
        "{message}"
    );
    let none = Replicates {
        n: 0,
        seed: 1,
        classes: classes(3),
    };
    let found = simulated_spectrum(&observed, &[0.0, 0.0], none, &monitor);
    assert_eq!(
        found.unwrap_err().to_string(),
        "n_simulations is 0; allowed are 1 or more"
    );
    assert_eq!(workers(1).n_threads(), 1);
}
