//! Every quantity under every kind of model against enumeration.

use crate::common::{Random, names, problem, tree, workers};
use crate::enumeration::{Expected, Plain};
use persiste_rust::model::effects::Design;
use persiste_rust::model::observation::TipProbability;
use persiste_rust::model::penalty::Penalty;
use persiste_rust::model::rates::{self, OptionValue};
use persiste_rust::model::{Ascertainment, Effects, GeneContentModel, Observation, RootPrior, Specification};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;
use persiste_rust::quantity::BranchQuantity;
use persiste_rust::quantity::branch_summary::{Total, branch_summary};
use persiste_rust::quantity::event_list::{EventChoice, EventKind, events};
use persiste_rust::quantity::family_table::family_table;
use persiste_rust::quantity::joint_states::joint_states;

/// Groups of families, and two sets of branches; with many groups the families are lanes.
fn effects(tree: &Tree, n_families: usize, n_groups: usize) -> Effects {
    let groups = (0..n_families).map(|family| (family % n_groups) as u32).collect();
    let sets = (0..tree.n_nodes()).map(|node| (node % 2) as u32).collect();
    let (mut gain, mut loss) = (Vec::new(), Vec::new());
    for group in 0..n_groups {
        let x = group as f64 / n_groups as f64 - 0.4;
        gain.extend([[x, 0.0], [x, 1.0]]);
        loss.extend([[-x * x, 0.0], [0.0, x]]);
    }
    let rows = |columns: Vec<[f64; 2]>| Design::dense(columns.as_flattened(), 2);
    let names = ["slope", "clade"].map(String::from).to_vec();
    Effects::new(tree, names, groups, sets, (rows(gain), rows(loss)), Penalty::default()).unwrap()
}

fn recorded_with_errors(tree: &Tree, random: &mut Random) -> Observation {
    let n = tree.n_tips();
    let complete = (0..n).map(|_| 0.7 + 0.3 * random.unit()).collect();
    let foreign = (0..n).map(|_| 0.2 * random.unit()).collect();
    Observation::new(tree, TipProbability::Given(complete), TipProbability::Given(foreign)).unwrap()
}

pub struct Drawn {
    pub tree: Tree,
    pub families: Vec<Vec<i8>>,
    pub model: GeneContentModel,
    pub parameters: Vec<f64>,
}

/// A model with everything that `turn` says, on a tree of up to 5 tips.
pub fn draw(random: &mut Random, turn: usize, threads: usize, n_families: usize) -> Drawn {
    const ROOTS: [RootPrior; 6] = [
        RootPrior::Stationary,
        RootPrior::FitzJohn,
        RootPrior::Equal,
        RootPrior::Absent,
        RootPrior::Fixed(0.2),
        RootPrior::Estimated,
    ];
    let tree = loop {
        let n_tips = 3 + random.below(3);
        let tree = tree(&random.newick(n_tips, 0.3, 0.6));
        if tree.n_nodes() <= 9 {
            break tree;
        }
    };
    let families: Vec<Vec<i8>> = (0..n_families)
        .map(|_| (0..tree.n_tips()).map(|_| [0, 1, 1, 0, -1][random.below(5)]).collect())
        .collect();
    let (problem, labels) = problem(&tree, &names(&tree), &families);
    let gamma = ("gamma", vec![("n_categories".to_owned(), OptionValue::Number(3.0))]);
    let (rates, options) = [("shared", vec![]), gamma][turn / 2 % 2].clone();
    let effects = match turn % 3 {
        0 => Effects::none(n_families, tree.n_nodes()),
        1 => effects(&tree, n_families, 2),
        _ => effects(&tree, n_families, n_families),
    };
    let observation = match turn % 2 {
        0 => Observation::exact(&tree),
        _ => recorded_with_errors(&tree, random),
    };
    let specification = Specification {
        rates: rates::parse(rates, options).unwrap(),
        effects,
        root: ROOTS[turn / 4 % 6],
        ascertainment: Ascertainment::None,
        observation,
    };
    let model = GeneContentModel::new(problem, labels, specification, workers(threads)).unwrap();
    let parameters = model.parameters().iter().map(|_| 1.2 * random.unit() - 0.6).collect();
    Drawn {
        tree,
        families,
        model,
        parameters,
    }
}

fn close(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs();
    assert!(error < 1e-11 * expected.abs().max(1.0), "{what}: {found} {expected}");
}

fn check(drawn: &Drawn, label: &str) -> usize {
    let Drawn {
        tree,
        families,
        model,
        parameters,
    } = drawn;
    let (monitor, n, n_nodes) = (Monitor::new(), families.len(), tree.n_nodes());
    let plain = Plain {
        tree,
        model,
        parameters,
    };
    let table = |quantity| family_table(model, parameters, quantity, |value| value, &monitor).unwrap();
    let tables = [
        table(BranchQuantity::Presence),
        table(BranchQuantity::ExpectedGains),
        table(BranchQuantity::ExpectedLosses),
        table(BranchQuantity::GainProbability),
        table(BranchQuantity::LossProbability),
        table(BranchQuantity::SquaredGains),
        table(BranchQuantity::SquaredLosses),
    ];
    let joint = joint_states(model, parameters, &monitor).unwrap();
    let log_likelihoods = model.log_likelihoods(parameters, &monitor).unwrap();
    let groups = model.specification().effects.group_of_family();
    let mut all: Vec<Option<Expected>> = Vec::new();
    for (family, cells) in families.iter().enumerate() {
        let group = groups[family] as usize;
        let expected = plain.expected(group, cells);
        let of_node = |node: usize| node * n + family;
        if log_likelihoods[family] == f64::NEG_INFINITY {
            assert!(expected.likelihood.is_nan() || expected.likelihood <= 0.0, "{label}");
            assert!(tables.iter().all(|table| table[of_node(0)].is_nan()), "{label}");
            assert!((0..n_nodes).all(|node| joint.states[of_node(node)] == -1));
            assert_eq!(joint.log_probabilities[family], f64::NEG_INFINITY);
            all.push(None);
            continue;
        }
        for node in 0..n_nodes {
            let Expected {
                presence,
                gains,
                losses,
                gained,
                lost,
                squared_gains,
                squared_losses,
                ..
            } = &expected;
            for (table, expected) in
                tables
                    .iter()
                    .zip([presence, gains, losses, gained, lost, squared_gains, squared_losses])
            {
                close(
                    table[of_node(node)],
                    expected[node],
                    &format!("{label} family {family} node {node}"),
                );
            }
        }
        let category = joint.categories[family] as usize;
        let states = (0..n_nodes).fold(0, |bits, node| bits | (joint.states[of_node(node)] as usize) << node);
        close(joint.log_probabilities[family], expected.best.ln(), label);
        if model.specification().root != RootPrior::FitzJohn {
            close(
                plain.of_history(group, cells, category, states).ln(),
                expected.best.ln(),
                label,
            );
        }
        all.push(Some(expected));
    }
    check_sums(drawn, &all, label);
    check_events(drawn, &all, label);
    all.iter().flatten().count()
}

fn check_sums(drawn: &Drawn, all: &[Option<Expected>], label: &str) {
    let summary = branch_summary(&drawn.model, &drawn.parameters, &Monitor::new()).unwrap();
    let possible: Vec<&Expected> = all.iter().flatten().collect();
    let n = possible.len() as f64;
    assert_eq!(
        (summary.n_families, summary.n_impossible),
        (possible.len(), all.len() - possible.len())
    );
    for node in 0..drawn.tree.n_nodes() {
        let values =
            |of: fn(&Expected) -> &Vec<f64>| -> Vec<f64> { possible.iter().map(|one| of(one)[node]).collect() };
        let numbers = |found: Total, values: Vec<f64>| {
            let sum: f64 = values.iter().sum();
            close(found.sum, sum, label);
            let squares: f64 = values.iter().map(|value| (value - sum / n).powi(2)).sum();
            // The square root of a difference: digits of a variance near 0 are lost.
            let expected = n / (n - 1.0) * squares;
            assert!(
                n < 2.0 || (found.sd.powi(2) - expected).abs() < 1e-11,
                "{label}: {} {expected}",
                found.sd
            );
        };
        numbers(summary.expected_gains[node], values(|one| &one.gains));
        numbers(summary.expected_losses[node], values(|one| &one.losses));
        let counts = |found: Total, values: Vec<f64>| {
            close(found.sum, values.iter().sum(), label);
            let variance: f64 = values.iter().map(|p| p * (1.0 - p)).sum();
            assert!(
                (found.sd.powi(2) - variance).abs() < 1e-11,
                "{label}: {} {variance}",
                found.sd
            );
        };
        counts(summary.families_gained[node], values(|one| &one.gained));
        counts(summary.families_lost[node], values(|one| &one.lost));
        counts(summary.genome_size[node], values(|one| &one.presence));
        let posterior = |found: f64, squares: Vec<f64>, means: Vec<f64>| {
            let variance: f64 = squares
                .iter()
                .zip(means)
                .map(|(square, mean)| square - mean * mean)
                .sum();
            assert!((found.powi(2) - variance).abs() < 1e-10, "{label}: {found} {variance}");
        };
        posterior(
            summary.gains_posterior_sd[node],
            values(|one| &one.squared_gains),
            values(|one| &one.gains),
        );
        posterior(
            summary.losses_posterior_sd[node],
            values(|one| &one.squared_losses),
            values(|one| &one.losses),
        );
    }
}

fn check_events(drawn: &Drawn, all: &[Option<Expected>], label: &str) {
    let choice = EventChoice {
        least_probability: 0.3,
        false_discovery_rate: None,
        nodes: None,
        families: None,
    };
    let found = events(&drawn.model, &drawn.parameters, &choice, &Monitor::new()).unwrap();
    let mut n_expected = 0;
    for (family, expected) in all
        .iter()
        .enumerate()
        .filter_map(|(family, one)| Some((family, one.as_ref()?)))
    {
        for node in 0..drawn.tree.root() {
            for (kind, probability, number) in [
                (EventKind::Gain, expected.gained[node], expected.gains[node]),
                (EventKind::Loss, expected.lost[node], expected.losses[node]),
            ] {
                let mut same = found
                    .iter()
                    .filter(|event| (event.node as usize, event.family as usize, event.kind) == (node, family, kind));
                if let Some(event) = same.next() {
                    close(event.probability, probability, label);
                    close(event.expected, number, label);
                    assert!(same.next().is_none());
                }
                n_expected += usize::from(probability >= 0.3);
            }
        }
    }
    assert_eq!(found.len(), n_expected, "{label}");
    for (index, event) in found.iter().enumerate() {
        let mean = found[..=index].iter().map(|one| 1.0 - one.probability).sum::<f64>() / (index + 1) as f64;
        close(event.false_discovery_rate, mean, label);
        assert!(index == 0 || found[index - 1].probability >= event.probability);
    }
}

#[test]
fn every_quantity_of_every_model_matches_enumeration() {
    let mut random = Random(61);
    let mut n_possible = 0;
    for turn in 0..48 {
        let n_families = if turn % 3 == 2 { 40 } else { 8 };
        let drawn = draw(&mut random, turn, 2, n_families);
        n_possible += check(&drawn, &format!("turn {turn}"));
    }
    assert!(n_possible > 500, "too few families that can arise: {n_possible}");
}
