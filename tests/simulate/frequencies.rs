//! Every pattern as often as its likelihood says.

use crate::common::{Random, all_patterns, tree};
use crate::{Setting, assert_frequencies, cells, simulate};
use persiste_rust::model::observation::TipProbability;
use persiste_rust::model::rates::OptionValue;
use persiste_rust::model::{Ascertainment, Observation, RootPrior};
use persiste_rust::problem::{Counts, Tree};
use persiste_rust::simulate::Missing;

const FAMILIES: usize = 4000;

fn rate_models() -> Vec<(&'static str, Vec<(String, OptionValue)>)> {
    let number = |name: &str, value: f64| (name.to_owned(), OptionValue::Number(value));
    let numbers = |name: &str, values: &[f64]| (name.to_owned(), OptionValue::Numbers(values.to_vec()));
    vec![
        ("shared", vec![]),
        ("gamma", vec![number("n_categories", 3.0)]),
        ("gamma-gain-loss", vec![number("n_categories", 2.0)]),
        ("mixture", vec![number("n_categories", 3.0)]),
        ("lognormal", vec![number("n_categories", 4.0)]),
        ("hierarchical", vec![number("n_categories", 2.0)]),
        (
            "fixed-categories",
            vec![
                numbers("rates", &[0.05, 1.1, 2.0]),
                numbers("weights", &[0.5, 0.3, 0.2]),
            ],
        ),
    ]
}

const ROOTS: [RootPrior; 6] = [
    RootPrior::Stationary,
    RootPrior::Equal,
    RootPrior::Absent,
    RootPrior::Present,
    RootPrior::Fixed(0.2),
    RootPrior::Estimated,
];

fn observations(tree: &Tree, random: &mut Random) -> [Observation; 3] {
    let n = tree.n_tips();
    let given = Observation::new(
        tree,
        TipProbability::Given((0..n).map(|_| 0.7 + 0.3 * random.unit()).collect()),
        TipProbability::Given((0..n).map(|_| 0.2 * random.unit()).collect()),
    );
    let free = Observation::new(tree, TipProbability::Shared, TipProbability::Shared);
    [Observation::exact(tree), given.unwrap(), free.unwrap()]
}

fn admitted(ascertainment: Ascertainment, n_tips: usize) -> Vec<Vec<i8>> {
    let count = |cells: &Vec<i8>| cells.iter().filter(|&&cell| cell == 1).count() as u32;
    let mut patterns = all_patterns(n_tips);
    patterns.retain(|cells| {
        let counts = Counts {
            present: count(cells),
            missing: 0,
        };
        ascertainment.admits(counts, n_tips)
    });
    patterns
}

fn check(tree: &Tree, setting: &Setting, parameters: &[f64], seed: u64, label: &str) {
    let patterns = admitted(setting.ascertainment, tree.n_tips());
    let expected = setting.log_likelihoods(tree, &patterns, parameters);
    if expected.iter().all(|pair| pair[0] == f64::NEG_INFINITY) {
        // Branches of length 0 may leave nothing to record.
        return;
    }
    let specification = setting.specification(tree, FAMILIES);
    let simulated = simulate(tree, &specification, parameters, Missing::None, seed, 1);
    let mut counts = vec![[0; 2]; patterns.len()];
    for family in 0..FAMILIES {
        let found = cells(&simulated, family);
        let pattern = patterns.iter().position(|cells| *cells == found);
        counts[pattern.unwrap_or_else(|| panic!("{label}: {found:?} is not recorded"))][family % 2] += 1;
    }
    for group in 0..2 {
        let counts: Vec<usize> = counts.iter().map(|pair| pair[group]).collect();
        let probabilities: Vec<f64> = expected.iter().map(|pair| pair[group].exp()).collect();
        assert_frequencies(&counts, &probabilities, &format!("{label} group {group}"));
    }
}

#[test]
fn every_pattern_is_as_frequent_as_its_likelihood_says() {
    let mut random = Random(17);
    for rates in rate_models() {
        for (turn, root) in ROOTS.into_iter().enumerate() {
            let n_tips = 3 + random.below(2);
            let tree = tree(&random.newick(n_tips, 0.3, 0.6));
            for (kind, observation) in observations(&tree, &mut random).into_iter().enumerate() {
                let ascertainment = match (turn + kind) % 4 {
                    0 => Ascertainment::None,
                    1 => Ascertainment::Observed,
                    2 => Ascertainment::Variable,
                    _ => Ascertainment::window(2, Some(n_tips - 1), n_tips).unwrap(),
                };
                let setting = Setting {
                    rates: rates.clone(),
                    has_effects: (turn + kind) % 2 == 1,
                    root,
                    ascertainment,
                    observation,
                };
                let n = setting.specification(&tree, 2).parameters().len();
                let parameters: Vec<f64> = (0..n).map(|_| 1.2 * random.unit() - 0.6).collect();
                let label = format!("{} {root:?} {ascertainment:?} observation {kind}", rates.0);
                check(&tree, &setting, &parameters, random.word(), &label);
            }
        }
    }
}

/// Gain is so slow that hardly anything is recorded: states are built by the counting programme.
#[test]
fn rare_families_are_as_frequent_as_their_likelihoods_say() {
    let mut random = Random(18);
    for (turn, rates) in rate_models().into_iter().enumerate() {
        for n_tips in [1, 2, 4, 5] {
            let tree = tree(&if n_tips == 1 {
                "((t0:1):1);".to_owned()
            } else {
                random.newick(n_tips, 0.4, 0.3)
            });
            let mut windows = vec![Ascertainment::Observed];
            if n_tips > 1 {
                windows.extend([Ascertainment::Variable, Ascertainment::window(2, None, n_tips).unwrap()]);
            }
            if n_tips > 3 {
                windows.extend(
                    [(1, 1), (2, 3), (1, 3), (3, 4)]
                        .map(|(lowest, highest)| Ascertainment::window(lowest, Some(highest), n_tips).unwrap()),
                );
            }
            for (index, ascertainment) in windows.into_iter().enumerate() {
                let [exact, given, _] = observations(&tree, &mut random);
                let foreign = (0..n_tips).map(|_| 1e-3 * random.unit()).collect();
                let [complete, _] = given.probabilities();
                let seldom = Observation::new(&tree, complete.clone(), TipProbability::Given(foreign)).unwrap();
                let setting = Setting {
                    rates: rates.clone(),
                    has_effects: (turn + index) % 2 == 1,
                    root: [RootPrior::Absent, RootPrior::Stationary, RootPrior::Fixed(1e-3)][(turn + index) % 3],
                    ascertainment,
                    observation: if index % 2 == 0 { exact } else { seldom },
                };
                let specification = setting.specification(&tree, 2);
                let parameters: Vec<f64> = specification
                    .parameters()
                    .iter()
                    .map(|parameter| {
                        let centre = if parameter.name.starts_with("log_gain") {
                            -7.0
                        } else {
                            0.0
                        };
                        centre + 0.8 * random.unit() - 0.4
                    })
                    .collect();
                let label = format!("{} {:?} {ascertainment:?}, {n_tips} tips", rates.0, setting.root);
                check(&tree, &setting, &parameters, random.word(), &label);
            }
        }
    }
}

#[test]
fn threads_change_nothing_and_neither_do_other_families() {
    let mut random = Random(19);
    let tree = tree(&random.newick(70, 0.2, 0.3));
    let mut setting = Setting::plain(&tree, Ascertainment::Observed);
    setting.rates = rate_models().swap_remove(1);
    setting.has_effects = true;
    let parameters = [-2.0, 0.3, 0.1, 0.5, 0.2];
    let of = |n_families: usize, threads: usize| {
        let specification = setting.specification(&tree, n_families);
        simulate(&tree, &specification, &parameters, Missing::Rate(0.1), 5, threads)
    };
    let one = of(1500, 1);
    assert_eq!(one, of(1500, 3));
    let fewer = of(700, 2);
    assert!((0..700).all(|family| cells(&one, family) == cells(&fewer, family)));
    let specification = setting.specification(&tree, 1500);
    let other = simulate(&tree, &specification, &parameters, Missing::Rate(0.1), 6, 1);
    assert_ne!(one.table, other.table);
}
