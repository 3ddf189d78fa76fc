//! Every model against brute-force enumeration over all states of all nodes, and its gradient against differences.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Random, all_patterns, names, problem, tree, workers};
use persiste_rust::model::effects::Design;
use persiste_rust::model::observation::{LogitPrior, TipProbability};
use persiste_rust::model::penalty::{Penalty, PenaltyTerm};
use persiste_rust::model::rates::{self, OptionValue};
use persiste_rust::model::{Ascertainment, Effects, GeneContentModel, Observation, RootPrior, Specification};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;

const ROOTS: [RootPrior; 7] = [
    RootPrior::Stationary,
    RootPrior::Equal,
    RootPrior::Absent,
    RootPrior::Present,
    RootPrior::Fixed(0.2),
    RootPrior::Estimated,
    RootPrior::FitzJohn,
];

fn rate_models() -> Vec<(&'static str, Vec<(String, OptionValue)>)> {
    let number = |name: &str, value: f64| (name.to_owned(), OptionValue::Number(value));
    let word = |name: &str, value: &str| (name.to_owned(), OptionValue::Word(value.to_owned()));
    let numbers = |name: &str, values: &[f64]| (name.to_owned(), OptionValue::Numbers(values.to_vec()));
    vec![
        ("shared", vec![]),
        ("gamma", vec![number("n_categories", 3.0)]),
        ("gamma", vec![number("n_categories", 2.0), word("kind", "median")]),
        ("gamma-gain-loss", vec![number("n_categories", 2.0)]),
        ("mixture", vec![number("n_categories", 3.0)]),
        ("lognormal", vec![number("n_categories", 4.0)]),
        ("hierarchical", vec![number("n_categories", 2.0)]),
        (
            "fixed-categories",
            vec![numbers("rates", &[0.3, 1.1, 2.0]), numbers("weights", &[0.5, 0.3, 0.2])],
        ),
    ]
}

/// Two groups of families and three sets of branches, three parameters of which one moves both rates.
fn effects(tree: &Tree, n_families: usize) -> Effects {
    let groups = (0..n_families).map(|family| (family % 2) as u32).collect();
    let sets = (0..tree.n_nodes()).map(|node| (node % 3) as u32).collect();
    let rows = |columns: [[f64; 3]; 6]| Design::dense(columns.as_flattened(), 3);
    let gain = rows([
        [0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [1.0, 0.0, 0.0],
        [1.0, 1.0, 0.0],
        [1.0, 0.0, 1.0],
    ]);
    let loss = rows([
        [0.0, 0.0, 0.0],
        [0.0, 0.5, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.5, 0.0],
        [0.0, -2.0, 0.0],
    ]);
    let term = PenaltyTerm {
        parameter: 2,
        other: None,
        centre: 0.0,
        weight: 1.0,
    };
    let names = ["essential", "speed", "clade"].map(String::from).to_vec();
    Effects::new(tree, names, groups, sets, (gain, loss), Penalty::new(vec![term])).unwrap()
}

fn observations(tree: &Tree, random: &mut Random) -> [Observation; 3] {
    let n = tree.n_tips();
    let given = Observation::new(
        tree,
        TipProbability::Given((0..n).map(|_| 0.7 + 0.3 * random.unit()).collect()),
        TipProbability::Given((0..n).map(|_| 0.2 * random.unit()).collect()),
    );
    let prior = LogitPrior {
        probability: 0.9,
        sd: 0.5,
    };
    let free = Observation::new(tree, TipProbability::PerTip(prior), TipProbability::Shared);
    [Observation::exact(tree), given.unwrap(), free.unwrap()]
}

/// The model's own numbers, taken apart for the enumeration.
struct Plain<'a> {
    tree: &'a Tree,
    model: &'a GeneContentModel,
    parameters: &'a [f64],
}

impl Plain<'_> {
    fn split(&self) -> [&[f64]; 4] {
        let specification = self.model.specification();
        let (of_rates, rest) = self.parameters.split_at(specification.rates.parameters().len());
        let (of_effects, rest) = rest.split_at(specification.effects.parameters().len());
        let (of_root, of_tips) = rest.split_at(specification.root.parameters().len());
        [of_rates, of_effects, of_root, of_tips]
    }

    fn rates(&self, group: usize, category: usize, node: usize) -> [f64; 2] {
        let [of_rates, of_effects, ..] = self.split();
        let specification = self.model.specification();
        let categories = specification.rates.categories(of_rates);
        let set = specification.effects.set_of_node()[node] as usize;
        let [gain, loss] = specification.effects.shifts(group, set, of_effects);
        [
            (categories.log_gain[category] + gain).exp(),
            (categories.log_loss[category] + loss).exp(),
        ]
    }

    fn transition(&self, group: usize, category: usize, node: usize) -> [[f64; 2]; 2] {
        let [gain, loss] = self.rates(group, category, node);
        let rate = gain + loss;
        let changed = -(-rate * self.tree.branch_lengths()[node]).exp_m1() / rate;
        [
            [1.0 - gain * changed, gain * changed],
            [loss * changed, 1.0 - loss * changed],
        ]
    }

    /// Likelihood of recorded cells given each root state, in one category: a sum over the states of all nodes.
    fn given_root(&self, group: usize, category: usize, cells: &[i8]) -> [f64; 2] {
        let specification = self.model.specification();
        let table = specification.observation.table(self.split()[3]);
        let n = self.tree.n_nodes();
        let tables: Vec<_> = (0..n - 1).map(|node| self.transition(group, category, node)).collect();
        let mut likelihood = [0.0; 2];
        for states in 0..1_usize << n {
            let state = |node: usize| (states >> node) & 1;
            let mut term = 1.0;
            for (node, table) in tables.iter().enumerate() {
                term *= table[state(self.tree.parents()[node] as usize)][state(node)];
            }
            for (position, &tip) in self.tree.tips().iter().enumerate() {
                let present = table.as_ref().map_or([0.0, 1.0], |table| table[position])[state(tip as usize)];
                term *= match cells[position] {
                    0 => 1.0 - present,
                    1 => present,
                    _ => 1.0,
                };
            }
            likelihood[state(n - 1)] += term;
        }
        likelihood
    }

    fn likelihood(&self, group: usize, cells: &[i8]) -> f64 {
        let specification = self.model.specification();
        let [of_rates, _, of_root, _] = self.split();
        let weights = specification.rates.categories(of_rates).weight;
        let (mut total, mut by_state) = (0.0, [0.0; 2]);
        for (category, weight) in weights.iter().enumerate() {
            let given = self.given_root(group, category, cells);
            let [gain, loss] = self.rates(group, category, self.tree.root());
            let present = match specification.root {
                RootPrior::Stationary => gain / (gain + loss),
                RootPrior::Equal => 0.5,
                RootPrior::Absent => 0.0,
                RootPrior::Present => 1.0,
                RootPrior::Fixed(present) => present,
                RootPrior::Estimated => 1.0 / (1.0 + (-of_root[0]).exp()),
                RootPrior::FitzJohn => f64::NAN,
            };
            total += weight * ((1.0 - present) * given[0] + present * given[1]);
            by_state = [0, 1].map(|state| by_state[state] + weight * given[state]);
        }
        if specification.root == RootPrior::FitzJohn {
            return (by_state[0].powi(2) + by_state[1].powi(2)) / (by_state[0] + by_state[1]);
        }
        total
    }

    /// The posterior of each category: its share in the likelihood.
    fn posteriors(&self, group: usize, cells: &[i8]) -> Vec<f64> {
        let specification = self.model.specification();
        let [of_rates, _, of_root, _] = self.split();
        let weights = specification.rates.categories(of_rates).weight;
        let given: Vec<[f64; 2]> = (0..weights.len())
            .map(|category| self.given_root(group, category, cells))
            .collect();
        let by_state = [0, 1]
            .map(|state: usize| -> f64 { given.iter().zip(&weights).map(|(of, weight)| weight * of[state]).sum() });
        let shares: Vec<f64> = (0..weights.len())
            .map(|category| {
                let [gain, loss] = self.rates(group, category, self.tree.root());
                let frequencies = match specification.root {
                    RootPrior::FitzJohn => by_state.map(|of| of / (by_state[0] + by_state[1])),
                    root => root.frequencies(of_root, gain, loss).unwrap().unwrap(),
                };
                weights[category] * (frequencies[0] * given[category][0] + frequencies[1] * given[category][1])
            })
            .collect();
        let total: f64 = shares.iter().sum();
        shares.iter().map(|share| share / total).collect()
    }

    fn recorded(&self, group: usize) -> f64 {
        let n = self.tree.n_tips();
        let window = match self.model.specification().ascertainment {
            Ascertainment::None => 0..=n,
            Ascertainment::Observed => 1..=n,
            Ascertainment::Variable => 1..=n - 1,
            Ascertainment::Window { lowest, highest } => lowest..=highest,
        };
        if self.model.specification().ascertainment == Ascertainment::None {
            return 1.0;
        }
        let inside = all_patterns(n)
            .into_iter()
            .filter(|cells| window.contains(&(cells.iter().filter(|&&cell| cell == 1).count())));
        inside.map(|cells| self.likelihood(group, &cells)).sum()
    }
}

fn check(random: &mut Random, tree: &Tree, specification: Specification, label: &str) {
    let n = tree.n_tips();
    let n_families = specification.effects.group_of_family().len();
    let families: Vec<Vec<i8>> = (0..n_families)
        .map(|_| {
            let mut cells: Vec<i8> = (0..n).map(|_| [0, 1, 1, 0, -1][random.below(5)]).collect();
            (cells[0], cells[1]) = (1, 0);
            cells
        })
        .collect();
    let (problem, names) = problem(tree, &names(tree), &families);
    let model = GeneContentModel::new(problem, names, specification, workers(2)).unwrap();
    let parameters: Vec<f64> = model.parameters().iter().map(|_| 1.2 * random.unit() - 0.6).collect();
    let monitor = Monitor::new();
    let found = model.log_likelihoods(&parameters, &monitor).unwrap();
    let plain = Plain {
        tree,
        model: &model,
        parameters: &parameters,
    };
    let groups = model.specification().effects.group_of_family().to_vec();
    let n_groups = model.specification().effects.n_groups();
    let recorded: Vec<f64> = (0..n_groups).map(|group| plain.recorded(group)).collect();
    for (family, (cells, &found)) in families.iter().zip(&found).enumerate() {
        let group = groups[family] as usize;
        if found == f64::NEG_INFINITY {
            assert!(plain.likelihood(group, cells) == 0.0, "{label}");
            return;
        }
        let expected = (plain.likelihood(group, cells) / recorded[group]).ln();
        assert!(
            (found - expected).abs() < 1e-10 * expected.abs().max(1.0),
            "{label}: {found} {expected}"
        );
    }
    let posteriors = model.category_posteriors(&parameters, &monitor).unwrap();
    for (family, (cells, found)) in families.iter().zip(&posteriors).enumerate() {
        let expected = plain.posteriors(groups[family] as usize, cells);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-10, "{label}: {found} {expected}");
        }
    }
    let result = model.value_and_gradient(&parameters, &monitor).unwrap();
    assert!((result.value - found.iter().sum::<f64>()).abs() < 1e-10 * result.value.abs());
    for (index, parameter) in model.parameters().iter().enumerate() {
        let at = |shift: f64| {
            let mut point = parameters.clone();
            point[index] += shift;
            model.log_likelihood(&point, &monitor).unwrap()
        };
        // Fourth order, so that the differences themselves are good to 1e-9.
        let numeric = (8.0 * (at(1e-3) - at(-1e-3)) - (at(2e-3) - at(-2e-3))) / 12e-3;
        let error = (result.gradient[index] - numeric).abs();
        let name = &parameter.name;
        assert!(
            error < 1e-7 * numeric.abs().max(1.0),
            "{label}: {name} {} {numeric}",
            result.gradient[index]
        );
    }
}

#[test]
fn every_model_matches_enumeration_and_its_gradient_matches_differences() {
    let mut random = Random(41);
    for (name, options) in rate_models() {
        for (turn, root) in ROOTS.into_iter().enumerate() {
            let n_tips = 3 + random.below(2);
            let tree = tree(&random.newick(n_tips, 0.3, 0.6));
            if tree.n_nodes() > 9 {
                continue;
            }
            let ascertainment = match (root, turn % 4) {
                (RootPrior::FitzJohn, _) | (_, 0) => Ascertainment::None,
                (_, 1) => Ascertainment::Observed,
                (_, 2) => Ascertainment::Variable,
                _ => Ascertainment::window(1, Some(n_tips - 1), n_tips).unwrap(),
            };
            for (kind, observation) in observations(&tree, &mut random).into_iter().enumerate() {
                let effects = if (turn + kind) % 2 == 0 {
                    Effects::none(6, tree.n_nodes())
                } else {
                    effects(&tree, 6)
                };
                let specification = Specification {
                    rates: rates::parse(name, options.clone()).unwrap(),
                    effects,
                    root,
                    ascertainment,
                    observation,
                };
                let label = format!("{name} {root:?} {ascertainment:?} observation {kind}");
                check(&mut random, &tree, specification, &label);
            }
        }
    }
}

/// Every family its own covariate, two sets of branches: more groups than are worth a table each.
fn slopes(tree: &Tree, n_families: usize) -> Effects {
    let groups = (0..n_families as u32).collect();
    let sets = (0..tree.n_nodes()).map(|node| u32::from(node == 1)).collect();
    let mut gain = Vec::new();
    let mut loss = Vec::new();
    for family in 0..n_families {
        let x = family as f64 / n_families as f64 - 0.4;
        gain.extend([[x, 0.0], [x, 1.0]]);
        loss.extend([[-x * x, 0.0], [0.0, x]]);
    }
    let rows = |columns: Vec<[f64; 2]>| Design::dense(columns.as_flattened(), 2);
    let names = ["slope", "clade"].map(String::from).to_vec();
    Effects::new(tree, names, groups, sets, (rows(gain), rows(loss)), Penalty::default()).unwrap()
}

#[test]
fn families_with_covariates_of_their_own_match_enumeration() {
    let mut random = Random(43);
    for (turn, root) in ROOTS.into_iter().enumerate() {
        let tree = tree(&random.newick(3, 0.2, 0.6));
        let (name, options) = rate_models()[turn].clone();
        let ascertainment = match (root, turn % 3) {
            (RootPrior::FitzJohn, _) | (_, 0) => Ascertainment::None,
            (_, 1) => Ascertainment::Observed,
            _ => Ascertainment::window(1, Some(2), 3).unwrap(),
        };
        let [exact, given, free] = observations(&tree, &mut random);
        for observation in [exact, given, free] {
            let specification = Specification {
                rates: rates::parse(name, options.clone()).unwrap(),
                effects: slopes(&tree, 40),
                root,
                ascertainment,
                observation,
            };
            check(
                &mut random,
                &tree,
                specification,
                &format!("lanes {name} {root:?} {ascertainment:?}"),
            );
        }
    }
}

#[test]
fn a_family_is_impossible_where_no_family_can_be_recorded() {
    // Present in truth everywhere, so never recorded in exactly two genomes; two cells are missing.
    let tree = tree("((a:1,b:1):0.5,c:1.5);");
    let (problem, families) = problem(&tree, &names(&tree), &[vec![1, 1, -1]]);
    let ascertainment = Ascertainment::window(2, Some(2), 3).unwrap();
    let model = GeneContentModel::shared(problem, families, RootPrior::Present, ascertainment, workers(1)).unwrap();
    let found = model
        .value_and_gradient(&[0.0, f64::NEG_INFINITY], &Monitor::new())
        .unwrap();
    assert_eq!(found.value, f64::NEG_INFINITY);
}
