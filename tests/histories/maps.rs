//! Stochastic maps: their means against enumeration and published values, their events against each other, the same
//! draws for any threads and any choice of families, refusals.

use crate::common::reference::{json, number, root};
use crate::common::{Random, model, names, random_cells, shared, tree, workers};
use crate::enumeration::{Expected, Plain};
use crate::models::{Drawn, draw};
use crate::reference::{CASES, families};
use persiste_rust::error::{ModelError, QuantityError};
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};
use persiste_rust::parallel::Monitor;
use persiste_rust::quantity::event_list::EventKind;
use persiste_rust::quantity::stochastic_map::{MapChoice, StochasticMaps, stochastic_maps};

const N_MAPS: usize = 10_000;

const CHOICE: MapChoice = MapChoice {
    n_maps: N_MAPS,
    seed: 20,
    families: None,
    by_family: true,
    events: false,
};

fn maps(model: &GeneContentModel, parameters: &[f64], choice: &MapChoice) -> StochasticMaps {
    stochastic_maps(model, parameters, choice, model.workers(), &Monitor::new()).unwrap()
}

/// Standard errors between means over maps and what they should be.
#[derive(Default)]
struct Scores {
    n: f64,
    squares: f64,
    n_beyond_four: usize,
}

impl Scores {
    /// `variance` is that of one map.
    fn add(&mut self, found: f64, expected: f64, variance: f64, label: &str) {
        if expected < 1e-12 {
            assert_eq!(found, 0.0, "{label}: {expected}");
            return;
        }
        let score = (found - expected) / (variance / N_MAPS as f64).sqrt();
        // Rare events have no normal mean: one of them in 10,000 maps is far out.
        let is_far = (found - expected).abs() > 2.0 / N_MAPS as f64;
        assert!(score.abs() < 5.0 || !is_far, "{label}: {found} {expected} {score}");
        self.n_beyond_four += usize::from(score.abs() >= 4.0 && is_far);
        if expected > 0.01 {
            self.n += 1.0;
            self.squares += score * score;
        }
    }

    /// Were the draws too even, or not those of the model, the scores would be too small or too great.
    fn check(&self, least: f64, range: std::ops::Range<f64>) {
        let mean = self.squares / self.n;
        assert!(
            self.n > least && range.contains(&mean),
            "{} scores of mean square {mean}",
            self.n
        );
        // Of normal scores one in 16,000.
        assert!(self.n_beyond_four <= 2, "{} of {}", self.n_beyond_four, self.n);
    }
}

#[test]
fn means_over_maps_of_every_model_are_those_of_enumeration() {
    let mut random = Random(71);
    let (mut of_gains, mut of_states, mut of_times) = (Scores::default(), Scores::default(), Scores::default());
    let mut variances = [0.0; 2];
    for turn in 0..48 {
        let drawn = draw(&mut random, turn, 2, if turn % 3 == 2 { 40 } else { 6 });
        let Drawn {
            tree,
            families,
            model,
            parameters,
        } = &drawn;
        let plain = Plain {
            tree,
            model,
            parameters,
        };
        let found = maps(model, parameters, &CHOICE);
        let moments = found.by_family.as_ref().unwrap();
        let (n, n_nodes) = (families.len(), tree.n_nodes());
        let groups = model.specification().effects.group_of_family();
        let mut possible: Vec<Expected> = Vec::new();
        for (family, cells) in families.iter().enumerate() {
            let expected = plain.expected(groups[family] as usize, cells);
            if expected.likelihood.is_nan() || expected.likelihood <= 0.0 {
                assert!(moments.gain_mean[family].is_nan());
                continue;
            }
            for node in 0..n_nodes {
                let (at, label) = (node * n + family, format!("turn {turn} family {family} node {node}"));
                for (mean, variance, expected) in [
                    (&moments.gain_mean, &moments.gain_variance, expected.gains[node]),
                    (&moments.loss_mean, &moments.loss_variance, expected.losses[node]),
                ] {
                    // No whole numbers of this mean vary less.
                    let least = (expected * (1.0 - expected)).max(1e-4 * expected);
                    of_gains.add(mean[at], expected, variance[at].max(least), &label);
                }
            }
            for node in 0..tree.root() {
                let variance = expected.squared_gains[node] - expected.gains[node].powi(2);
                let found = moments.gain_variance[node * n + family];
                // Six standard errors of a variance at the kurtosis of a Poisson number, which mixtures exceed.
                let error = 6.0 * ((2.0 * variance.powi(2) + variance) / N_MAPS as f64).sqrt();
                assert!(
                    (found - variance).abs() < error + 4e-4,
                    "turn {turn}: {found} {variance}"
                );
                variances = [variances[0] + found, variances[1] + variance];
            }
            possible.push(expected);
        }
        assert_eq!(
            (found.n_families, found.n_impossible),
            (possible.len(), n - possible.len())
        );
        for node in 0..n_nodes {
            let column =
                |table: &[u64]| -> Vec<f64> { (0..N_MAPS).map(|map| table[map * n_nodes + node] as f64).collect() };
            let mean = |values: &[f64]| values.iter().sum::<f64>() / N_MAPS as f64;
            let label = format!("turn {turn} node {node}");
            let sizes = column(&found.genome_sizes);
            let expected: f64 = possible.iter().map(|one| one.presence[node]).sum();
            let variance: f64 = possible
                .iter()
                .map(|one| one.presence[node] * (1.0 - one.presence[node]))
                .sum();
            if variance > 1e-9 {
                of_states.add(mean(&sizes), expected, variance, &label);
            } else {
                assert!((mean(&sizes) - expected).abs() < 1e-9, "{label}");
            }
            let gains: f64 = possible.iter().map(|one| one.gains[node]).sum();
            assert!(
                (mean(&column(&found.gains)) - gains).abs() < 0.05 * gains.max(1.0),
                "{label}"
            );
            if node == tree.root() {
                assert!(
                    found
                        .time_present
                        .iter()
                        .skip(node)
                        .step_by(n_nodes)
                        .all(|&time| time == 0.0)
                );
                continue;
            }
            let length = tree.branch_lengths()[node];
            let times: Vec<f64> = (0..N_MAPS)
                .map(|map| found.time_present[map * n_nodes + node])
                .collect();
            let expected: f64 = possible.iter().map(|one| one.time_present[node] * length).sum();
            let average = mean(&times);
            let variance = times.iter().map(|time| (time - average).powi(2)).sum::<f64>() / N_MAPS as f64;
            if variance > 1e-9 {
                of_times.add(average, expected, variance, &label);
            }
        }
    }
    // Thousands of independent variances, each good to a few per cent.
    assert!((variances[0] / variances[1] - 1.0).abs() < 5e-3, "{variances:?}");
    of_gains.check(4000.0, 0.9..1.1);
    of_states.check(200.0, 0.75..1.25);
    of_times.check(200.0, 0.75..1.25);
}

#[test]
fn means_over_maps_are_the_published_values() {
    for id in CASES {
        let Some(path) = shared(&format!("reference/extras/{id}.json")) else {
            return;
        };
        let case = json(&path);
        let tree = tree(case["newick_labelled"].as_str().unwrap());
        let (labels, cells): (Vec<String>, Vec<Vec<i8>>) = families(&case, &tree).into_iter().unzip();
        let prior = root(case["root"].as_str().unwrap());
        let model = model(&tree, &names(&tree), &cells, prior, Ascertainment::None);
        let parameters = [number(&case["gain"]).ln(), number(&case["loss"]).ln()];
        let found = maps(&model, &parameters, &CHOICE);
        let moments = found.by_family.unwrap();
        let mut scores = Scores::default();
        for (family, label) in labels.iter().enumerate() {
            for node in 0..tree.root() {
                let at = node * labels.len() + family;
                for (kind, mean, variance) in [
                    ("gains", &moments.gain_mean, &moments.gain_variance),
                    ("losses", &moments.loss_mean, &moments.loss_variance),
                ] {
                    let expected = &case["families"][label][format!("expected_{kind}_per_branch")];
                    let expected = number(&expected[tree.names().get(node)]);
                    let label = format!("{id} {label} node {node} {kind}");
                    scores.add(mean[at], expected, variance[at].max(expected), &label);
                }
            }
        }
        assert!(scores.n > 10.0 && scores.n_beyond_four == 0, "{id}");
    }
}

#[test]
fn shares_of_maps_with_events_are_the_probabilities_of_events() {
    use persiste_rust::quantity::BranchQuantity;
    use persiste_rust::quantity::family_table::family_table;
    for turn in [1, 3, 5] {
        let drawn = draw(&mut Random(72), turn, 2, 5);
        let Drawn {
            tree,
            model,
            parameters,
            families,
        } = &drawn;
        let found = maps(model, parameters, &MapChoice { events: true, ..CHOICE });
        let (n, n_nodes, events) = (families.len(), tree.n_nodes(), found.events.as_ref().unwrap());
        let mut totals = vec![[0_u64; 2]; N_MAPS * n_nodes];
        let mut happened = std::collections::HashSet::new();
        for event in events {
            let kind = usize::from(event.kind == EventKind::Loss);
            totals[event.map as usize * n_nodes + event.node as usize][kind] += 1;
            happened.insert((event.map, event.family, event.node, kind));
            assert!((0.0..=tree.branch_lengths()[event.node as usize]).contains(&event.time));
        }
        let (gains, losses): (Vec<u64>, Vec<u64>) = totals.iter().map(|&[gains, losses]| (gains, losses)).unzip();
        assert!(gains == found.gains && losses == found.losses);
        let in_order = events.is_sorted_by(|a, b| {
            let key = |event: &persiste_rust::quantity::stochastic_map::MapEvent| {
                (event.family, event.map, std::cmp::Reverse(event.node))
            };
            key(a) < key(b) || (key(a) == key(b) && a.time >= b.time && a.kind != b.kind)
        });
        assert!(in_order);
        for (kind, quantity) in [BranchQuantity::GainProbability, BranchQuantity::LossProbability]
            .into_iter()
            .enumerate()
        {
            let table = family_table(model, parameters, quantity, |value| value, &Monitor::new()).unwrap();
            for (at, &probability) in table.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                let (node, family) = ((at / n) as u32, (at % n) as u32);
                let maps = 0..N_MAPS as u32;
                let count = maps
                    .filter(|&map| happened.contains(&(map, family, node, kind)))
                    .count();
                let error = (probability * (1.0 - probability) / N_MAPS as f64).sqrt();
                let share = count as f64 / N_MAPS as f64;
                assert!(
                    (share - probability).abs() < 4.0 * error + 1e-4,
                    "turn {turn}: {share} {probability}"
                );
            }
        }
    }
}

#[test]
fn a_gain_between_two_certain_ends_happens_when_the_chain_says() {
    // The root lacks the family and the tip has it; without losses there is one gain, at depth s with density
    // g exp(-g s) / (1 - exp(-g t)).
    let (tree, gain, length) = (tree("(a:2,b:0);"), 1.5_f64, 2.0);
    let model = model(
        &tree,
        &names(&tree),
        &[vec![1, 0]],
        RootPrior::Absent,
        Ascertainment::None,
    );
    let choice = MapChoice { events: true, ..CHOICE };
    let found = maps(&model, &[gain.ln(), f64::NEG_INFINITY], &choice);
    let events = found.events.unwrap();
    assert_eq!(events.len(), N_MAPS);
    let depths: Vec<f64> = events.iter().map(|event| length - event.time).collect();
    let mean = depths.iter().sum::<f64>() / N_MAPS as f64;
    let expected = 1.0 / gain - length / (gain * length).exp_m1();
    assert!(
        (mean - expected).abs() < 4.0 * 0.6 / (N_MAPS as f64).sqrt(),
        "{mean} {expected}"
    );
    let early = depths.iter().filter(|&&depth| depth < 0.5).count() as f64 / N_MAPS as f64;
    let expected = (-gain * 0.5).exp_m1() / (-gain * length).exp_m1();
    assert!((early - expected).abs() < 0.02, "{early} {expected}");
}

#[test]
fn neither_threads_nor_other_families_change_a_draw() {
    for turn in [2, 3, 5, 7] {
        let choice = MapChoice {
            n_maps: 7,
            events: true,
            ..CHOICE
        };
        let results = [1, 2, 3].map(|threads| {
            let drawn = draw(&mut Random(62), turn, threads, 700);
            // Debug text shows NaN, which equals nothing.
            format!("{:?}", maps(&drawn.model, &drawn.parameters, &choice))
        });
        assert!(results[0] == results[1] && results[0] == results[2], "turn {turn}");
        let drawn = draw(&mut Random(62), turn, 2, 700);
        let all = maps(&drawn.model, &drawn.parameters, &choice).events.unwrap();
        let chosen: Vec<bool> = (0..700).map(|family| family % 13 == 4).collect();
        let some = MapChoice {
            families: Some(&chosen),
            ..choice
        };
        let some = maps(&drawn.model, &drawn.parameters, &some).events.unwrap();
        let expected: Vec<_> = all.into_iter().filter(|event| chosen[event.family as usize]).collect();
        assert!(!some.is_empty() && some == expected);
    }
}

#[test]
fn ascertainment_changes_no_map_and_another_seed_changes_all() {
    let mut random = Random(73);
    let tree = tree(&random.newick(9, 0.2, 0.6));
    let cells = random_cells(&mut random, 9, 60, 0.1);
    let kept: Vec<Vec<i8>> = cells.into_iter().filter(|cells| cells.contains(&1)).collect();
    let choice = MapChoice { n_maps: 20, ..CHOICE };
    let of = |ascertainment, seed| {
        let model = model(&tree, &names(&tree), &kept, RootPrior::Stationary, ascertainment);
        maps(&model, &[-0.5, 0.3], &MapChoice { seed, ..choice })
    };
    assert_eq!(of(Ascertainment::None, 1), of(Ascertainment::Observed, 1));
    assert_ne!(of(Ascertainment::None, 1).gains, of(Ascertainment::None, 2).gains);
}

#[test]
fn choices_and_rates_that_cannot_be_drawn_are_refused() {
    let tree = tree("(a:1,b:2);");
    let model = model(
        &tree,
        &names(&tree),
        &[vec![1, 0]],
        RootPrior::Equal,
        Ascertainment::None,
    );
    let refused = |parameters: [f64; 2], choice: MapChoice| {
        stochastic_maps(&model, &parameters, &choice, &workers(1), &Monitor::new())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused([0.0; 2], MapChoice { n_maps: 0, ..CHOICE }),
        "the number of maps is 0; allowed are 1 or more"
    );
    let choice = MapChoice {
        families: Some(&[true, true]),
        ..CHOICE
    };
    assert_eq!(
        refused([0.0; 2], choice),
        "the choice of families has length 2; expected 1"
    );
    let choice = MapChoice {
        n_maps: usize::MAX / 2,
        ..CHOICE
    };
    assert!(refused([0.0; 2], choice).contains("maps of 3 nodes do not fit into memory"));
    let fast = [1e13_f64.ln(); 2];
    assert!(refused(fast, CHOICE).contains("events on the branch above node 0; they are counted up to 1e12"));
    // Numbers of events can be drawn where a list would be too long.
    let many = [1e9_f64.ln(); 2];
    let found = maps(&model, &many, &MapChoice { n_maps: 3, ..CHOICE });
    assert!((found.gains[1] as f64 / 1e9 - 1.0).abs() < 1e-3, "{}", found.gains[1]);
    assert!(refused(many, MapChoice { events: true, ..CHOICE }).contains("listed one by one up to 1e5 on a branch"));
    let cancelled = Monitor::new();
    cancelled.cancel();
    let stopped = stochastic_maps(&model, &[0.0; 2], &CHOICE, &workers(2), &cancelled).unwrap_err();
    assert!(matches!(stopped, QuantityError::Model(ModelError::Cancelled(_))));
}
