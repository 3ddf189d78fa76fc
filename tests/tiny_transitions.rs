//! Transition probabilities that are positive and yet too small for a double: exact values, derivatives and posteriors.

#![allow(clippy::unwrap_used)]

mod common;

use common::{names, problem, tree, workers};
use persiste_rust::kernel::{
    Kernel, LaneAdjoint, LaneInput, PosteriorBlock, SharedAdjoint, SharedInput, Transition, transitions_or_logs,
    transitions_or_logs_adjoint,
};
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Problem, Tree};
use std::sync::Arc;

struct Case {
    rates: [f64; 2],
    root: [f64; 2],
    /// Of A to D, -1 missing.
    cells: [i8; 4],
    record: [f64; 2],
    log_likelihood: f64,
    /// By gain, loss and the length of A.
    slopes: [f64; 3],
}

/// What `python tests/values/tiny_transitions.py` prints.
fn cases() -> Vec<Case> {
    let lines = include_str!("values/tiny_transitions.txt").lines();
    let cases: Vec<Case> = lines.map(Case::parse).collect();
    assert_eq!(cases.len(), 12);
    cases
}

impl Case {
    fn parse(line: &str) -> Self {
        let fields: Vec<Vec<f64>> = line
            .split(" | ")
            .map(|field| {
                let numbers = field.trim_matches(['(', ')']).split(", ");
                numbers.map(|number| number.parse().unwrap()).collect()
            })
            .collect();
        let pair = |field: usize| [fields[field][0], fields[field][1]];
        Self {
            rates: [fields[0][0], fields[1][0]],
            root: pair(2),
            cells: [0, 1, 2, 3].map(|tip| fields[3][tip] as i8),
            record: pair(4),
            log_likelihood: fields[5][0],
            slopes: [6, 7, 8].map(|field| fields[field][0]),
        }
    }

    fn problem(&self) -> Arc<Problem> {
        let tree = tree("(((A:1,B:0.5):0.25,C:2):0.125,D:1);");
        problem(&tree, &names(&tree), &[self.cells.to_vec()]).0
    }

    fn tips(&self) -> Option<Vec<[f64; 2]>> {
        (self.record != [0.0, 1.0]).then(|| vec![self.record; 4])
    }

    fn check(&self, what: &str, value: f64, slopes: [f64; 3]) {
        let close = |found: f64, expected: f64| {
            found == expected || (found - expected).abs() <= 1e-12 * expected.abs().max(1.0)
        };
        assert!(
            close(value, self.log_likelihood),
            "{what} {:?} {:?}: {value}",
            self.rates,
            self.cells
        );
        for (found, expected) in slopes.into_iter().zip(self.slopes) {
            assert!(
                close(found, expected),
                "{what} {:?} {:?}: {slopes:?}",
                self.rates,
                self.cells
            );
        }
    }
}

fn node_of_a(tree: &Tree) -> usize {
    tree.tips()[tree.tip_names().position(|name| name == "A").unwrap()] as usize
}

fn table(tree: &Tree, [gain, loss]: [f64; 2]) -> Vec<Transition> {
    let mut table = transitions_or_logs(gain, loss, tree.branch_lengths());
    table[tree.root()] = [1.0, 0.0, 0.0, 1.0];
    table
}

#[test]
fn shared_rates_give_the_values_and_derivatives_of_multiprecision_where_probabilities_underflow() {
    for case in &cases() {
        let problem = case.problem();
        let kernels = [
            Kernel::new(problem.clone()),
            Kernel::with_classes(problem.clone(), &workers(1)),
        ];
        for (kernel, what) in kernels.iter().zip(["blocks", "classes"]) {
            let (tree, tips) = (problem.tree(), case.tips());
            let table = table(tree, case.rates);
            let input = SharedInput {
                transitions: &table,
                root: &[case.root],
                weights: &[1.0],
                tips: tips.as_deref(),
            };
            let alone = kernel.log_likelihoods(input, &workers(1), &Monitor::new()).unwrap();
            let (values, SharedAdjoint { transitions, .. }) = kernel
                .vector_jacobian(input, &[1.0], &workers(1), &Monitor::new())
                .unwrap();
            assert!((alone[0] / values[0] - 1.0).abs() < 1e-14);
            let lengths = &tree.branch_lengths()[..tree.root()];
            let [gain, loss] = case.rates;
            let (by_gain, by_loss, by_length) =
                transitions_or_logs_adjoint(gain, loss, lengths, &transitions[..tree.root()]);
            case.check(what, values[0], [by_gain, by_loss, by_length[node_of_a(tree)]]);
        }
    }
}

#[test]
fn rates_of_their_own_give_the_values_and_derivatives_of_multiprecision_where_probabilities_underflow() {
    for case in &cases() {
        let (problem, tips) = (case.problem(), case.tips());
        let tree = problem.tree();
        let input = LaneInput {
            gain: &case.rates[..1],
            loss: &case.rates[1..],
            set_of_branch: &vec![0; tree.n_nodes()],
            n_sets: 1,
            root: &[case.root],
            weights: &[1.0],
            tips: tips.as_deref(),
        };
        let kernel = Kernel::new(problem.clone());
        let alone = kernel
            .lane_log_likelihoods(input, &workers(1), &Monitor::new())
            .unwrap();
        let (values, adjoint) = kernel
            .lane_vector_jacobian(input, &[1.0], &workers(1), &Monitor::new())
            .unwrap();
        assert!((alone[0] / values[0] - 1.0).abs() < 1e-14);
        let LaneAdjoint {
            gain,
            loss,
            branch_length,
            ..
        } = adjoint;
        case.check("lanes", values[0], [gain[0], loss[0], branch_length[node_of_a(tree)]]);
    }
}

#[test]
fn posteriors_stay_probabilities_where_transition_probabilities_underflow() {
    for case in &cases() {
        let (problem, tips) = (case.problem(), case.tips());
        let tree = problem.tree();
        let kernel = Kernel::new(problem.clone());
        let table = table(tree, case.rates);
        let (n_nodes, weights, root) = (tree.n_nodes(), [1.0], [case.root]);
        let read = |block: &PosteriorBlock| -> Vec<[f64; 4]> {
            (0..n_nodes)
                .map(|node| block.branch(0, node).map(|row| row[0]))
                .collect()
        };
        let shared = SharedInput {
            transitions: &table,
            root: &root,
            weights: &weights,
            tips: tips.as_deref(),
        };
        let lanes = LaneInput {
            gain: &case.rates[..1],
            loss: &case.rates[1..],
            set_of_branch: &vec![0; n_nodes],
            n_sets: 1,
            root: &root,
            weights: &weights,
            tips: tips.as_deref(),
        };
        let shared = kernel.branch_posteriors(shared, &workers(1), &Monitor::new(), read);
        let lanes = kernel.lane_branch_posteriors(lanes, &workers(1), &Monitor::new(), read);
        for (shared, lanes) in shared.unwrap()[0].iter().zip(&lanes.unwrap()[0]) {
            assert!((shared.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{shared:?}");
            assert!(
                shared.iter().zip(lanes).all(|(a, b)| (a - b).abs() < 1e-12),
                "{shared:?} {lanes:?}"
            );
        }
    }
}

#[test]
fn models_are_finite_where_the_only_history_is_next_to_impossible_and_minus_infinity_beyond_that() {
    let tree = tree("(((A:1,B:0.5):0.25,C:2):0.125,D:1);");
    let cells = [vec![0, 0, 0, 0], vec![0, 1, 0, 0]];
    let (problem, families) = problem(&tree, &names(&tree), &cells);
    let model = |ascertainment| {
        let (problem, families) = (problem.clone(), families.clone());
        GeneContentModel::shared(problem, families, RootPrior::Absent, ascertainment, workers(1)).unwrap()
    };
    // exp(-g T) over the whole length T = 4.875; nothing is ever lost, so B alone leaves out its own branch.
    let (log_gain, point) = (800.0_f64.ln(), |log_gain: f64| [log_gain, f64::NEG_INFINITY]);
    let values = model(Ascertainment::None)
        .log_likelihoods(&point(log_gain), &Monitor::new())
        .unwrap();
    assert!((values[0] + 3900.0).abs() < 1e-9, "{values:?}");
    assert!((values[1] + 3500.0).abs() < 1e-9, "{values:?}");
    // P(observed) is 1 to the last bit.
    let alone = [vec![0, 1, 0, 0]];
    let conditioned = common::model(&tree, &names(&tree), &alone, RootPrior::Absent, Ascertainment::Observed);
    let found = conditioned
        .value_and_gradient(&point(log_gain), &Monitor::new())
        .unwrap();
    assert!((found.value + 3500.0).abs() < 1e-9, "{}", found.value);
    assert!((found.gradient[0] + 3500.0).abs() < 1e-9, "{:?}", found.gradient);
    assert_eq!(found.gradient[1], 0.0);
    // exp(-1e11) is beyond what is counted, exp(-1e300) beyond what a double counts.
    for log_gain in [1e11_f64.ln(), 690.0] {
        let values = model(Ascertainment::None)
            .log_likelihoods(&point(log_gain), &Monitor::new())
            .unwrap();
        assert_eq!(values, [f64::NEG_INFINITY; 2]);
    }
}
