//! Simulated families against exact probabilities, for every model; threads; refusals.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod frequencies;
mod missing;
mod refusals;
mod truth;

use common::{names, problem, workers};
use persiste_rust::model::effects::Design;
use persiste_rust::model::penalty::Penalty;
use persiste_rust::model::rates::{self, OptionValue};
use persiste_rust::model::{Ascertainment, Effects, GeneContentModel, Observation, RootPrior, Specification};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Names, Tree};
use persiste_rust::simulate::{Missing, Simulated, Simulation};

/// A model without its data.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) rates: (&'static str, Vec<(String, OptionValue)>),
    pub(crate) has_effects: bool,
    pub(crate) root: RootPrior,
    pub(crate) ascertainment: Ascertainment,
    pub(crate) observation: Observation,
}

impl Setting {
    pub(crate) fn plain(tree: &Tree, ascertainment: Ascertainment) -> Self {
        Self {
            rates: ("shared", Vec::new()),
            has_effects: false,
            root: RootPrior::Stationary,
            ascertainment,
            observation: Observation::exact(tree),
        }
    }

    /// With effects, family `f` belongs to group `f % 2`.
    pub(crate) fn specification(&self, tree: &Tree, n_families: usize) -> Specification {
        Specification {
            rates: rates::parse(self.rates.0, self.rates.1.clone()).unwrap(),
            effects: if self.has_effects {
                effects(tree, n_families)
            } else {
                Effects::none(n_families, tree.n_nodes())
            },
            root: self.root,
            ascertainment: self.ascertainment,
            observation: self.observation.clone(),
        }
    }

    pub(crate) fn model(&self, tree: &Tree, families: &[Vec<i8>]) -> GeneContentModel {
        let (problem, family_names) = problem(tree, &names(tree), families);
        let specification = self.specification(tree, families.len());
        GeneContentModel::new(problem, family_names, specification, workers(1)).unwrap()
    }

    /// Log-likelihood of each of these records in groups 0 and 1.
    pub(crate) fn log_likelihoods(&self, tree: &Tree, records: &[Vec<i8>], parameters: &[f64]) -> Vec<[f64; 2]> {
        let twice: Vec<Vec<i8>> = records
            .iter()
            .flat_map(|cells| [cells.clone(), cells.clone()])
            .collect();
        let model = self.model(tree, &twice);
        let values = model.log_likelihoods(parameters, &Monitor::new()).unwrap();
        values.chunks(2).map(|pair| [pair[0], pair[1]]).collect()
    }
}

fn effects(tree: &Tree, n_families: usize) -> Effects {
    let groups = (0..n_families).map(|family| (family % 2) as u32).collect();
    let sets = (0..tree.n_nodes()).map(|node| (node % 2) as u32).collect();
    let gain = Design::dense(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], 2);
    let loss = Design::dense(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, -1.0], 2);
    let names = ["essential", "speed"].map(String::from).to_vec();
    Effects::new(tree, names, groups, sets, (gain, loss), Penalty::default()).unwrap()
}

/// Simulates so many families.
pub(crate) fn simulate(
    tree: &Tree,
    specification: &Specification,
    parameters: &[f64],
    missing: Missing<'_>,
    seed: u64,
    threads: usize,
) -> Simulated {
    let n_families = specification.effects.group_of_family().len();
    let names: Names = (0..n_families).map(|family| format!("f{family}")).collect();
    let simulation = Simulation {
        tree,
        specification,
        parameters,
        missing,
        seed,
        wants_truth: true,
    };
    simulation.run(&names, &workers(threads), &Monitor::new()).unwrap()
}

/// The cells of a simulated family.
pub(crate) fn cells(simulated: &Simulated, family: usize) -> Vec<i8> {
    let table = &simulated.table;
    let bit = |words: &[u64], tip: usize| (words[tip / 64] >> (tip % 64)) & 1 != 0;
    (0..table.n_genomes())
        .map(|tip| {
            if table.missing(family).is_some_and(|words| bit(words, tip)) {
                -1
            } else {
                i8::from(bit(table.present(family), tip))
            }
        })
        .collect()
}

/// Asserts that counts of patterns agree with their probabilities.
///
/// Pearson's statistic over cells of at least five expected, the rest together; its normal approximation (Wilson and
/// Hilferty 1931) must stay below 4, which one true model in 30,000 exceeds. Seeds are fixed.
pub(crate) fn assert_frequencies(counts: &[usize], probabilities: &[f64], label: &str) {
    let n: usize = counts.iter().sum();
    let total: f64 = probabilities.iter().sum();
    assert!((total - 1.0).abs() < 1e-9, "{label}: probabilities sum to {total}");
    let (mut statistic, mut n_cells, mut rest) = (0.0, 0.0, (0.0, 0.0));
    for (&count, probability) in counts.iter().zip(probabilities) {
        let (count, expected) = (count as f64, probability * n as f64);
        assert!(
            expected > 0.0 || count == 0.0,
            "{label}: an impossible pattern was drawn"
        );
        if expected < 5.0 {
            rest = (rest.0 + count, rest.1 + expected);
        } else {
            statistic += (count - expected).powi(2) / expected;
            n_cells += 1.0;
        }
    }
    if rest.1 >= 5.0 {
        statistic += (rest.0 - rest.1).powi(2) / rest.1;
        n_cells += 1.0;
    } else {
        // Too few for the statistic: a Poisson bound.
        assert!(rest.0 <= rest.1 + 6.0 * rest.1.sqrt() + 6.0, "{label}: {rest:?}");
    }
    let df: f64 = n_cells - 1.0;
    if df > 0.0 {
        let z = ((statistic / df).cbrt() - (1.0 - 2.0 / (9.0 * df))) / (2.0 / (9.0 * df)).sqrt();
        assert!(
            z < 4.0,
            "{label}: chi-squared {statistic} over {df} degrees of freedom, z = {z}"
        );
    }
}
