//! What must hold for any data: the same bits for any number of threads, limits, choices, refusals.

use crate::common::{Random, model, names, random_cells, tree};
use crate::models::draw;
use persiste_rust::error::{ModelError, QuantityError};
use persiste_rust::model::{Ascertainment, RootPrior};
use persiste_rust::parallel::Monitor;
use persiste_rust::quantity::BranchQuantity;
use persiste_rust::quantity::branch_summary::branch_summary;
use persiste_rust::quantity::event_list::{EventChoice, events};
use persiste_rust::quantity::family_table::family_table;
use persiste_rust::quantity::joint_states::joint_states;

const ALL: EventChoice = EventChoice {
    least_probability: 0.5,
    false_discovery_rate: None,
    nodes: None,
    families: None,
};

#[test]
fn threads_change_no_bit() {
    for turn in [2, 3, 5, 7] {
        let results = [1, 2, 3].map(|threads| {
            let drawn = draw(&mut Random(62), turn, threads, 700);
            let (model, parameters, monitor) = (&drawn.model, &drawn.parameters, Monitor::new());
            let quantity = BranchQuantity::ExpectedLosses;
            let table = family_table(model, parameters, quantity, f64::to_bits, &monitor).unwrap();
            let summary = branch_summary(model, parameters, &monitor).unwrap();
            let joint = joint_states(model, parameters, &monitor).unwrap();
            let listed = events(model, parameters, &ALL, &monitor).unwrap();
            assert!(listed.len() > 100);
            (table, format!("{summary:?}"), joint, listed)
        });
        assert!(results[0] == results[1] && results[0] == results[2], "turn {turn}");
    }
}

#[test]
fn without_gains_no_family_is_gained_and_the_root_carries_what_any_tip_does() {
    let tree = tree("((a:0.3,b:0.2):0.4,(c:0.5,d:0.1):0);");
    let cells = vec![vec![1, 0, 0, 0], vec![1, 1, 1, 1], vec![0, 0, 1, 0]];
    let model = model(&tree, &names(&tree), &cells, RootPrior::Fixed(0.3), Ascertainment::None);
    let parameters = [f64::NEG_INFINITY, 0.1];
    let table = |quantity| family_table(&model, &parameters, quantity, |value| value, &Monitor::new()).unwrap();
    assert!(table(BranchQuantity::ExpectedGains).iter().all(|&gains| gains == 0.0));
    assert!(table(BranchQuantity::GainProbability).iter().all(|&gains| gains == 0.0));
    let root = &table(BranchQuantity::Presence)[tree.root() * 3..];
    assert!(root.iter().all(|&present| (present - 1.0).abs() < 1e-14), "{root:?}");
    let losses = table(BranchQuantity::ExpectedLosses);
    // What is lost once is lost; an ulp, for a probability is not carried beyond 1.
    let lost = table(BranchQuantity::LossProbability);
    assert!(
        losses
            .iter()
            .zip(&lost)
            .all(|(number, probability)| (number - probability).abs() < 1e-15)
    );
    assert!(lost.iter().any(|&probability| probability > 0.9));
}

#[test]
fn a_choice_of_events_is_what_it_says() {
    let mut random = Random(63);
    let tree = tree(&random.newick(8, 0.2, 0.5));
    let cells = random_cells(&mut random, 8, 300, 0.1);
    let model = model(&tree, &names(&tree), &cells, RootPrior::Stationary, Ascertainment::None);
    let listed = |choice: EventChoice| events(&model, &[-0.5, 0.3], &choice, &Monitor::new()).unwrap();
    let all = listed(ALL);
    let strict = listed(EventChoice {
        least_probability: 0.9,
        ..ALL
    });
    assert!(!strict.is_empty() && strict.len() < all.len());
    assert_eq!(strict, all[..strict.len()]);
    let controlled = listed(EventChoice {
        false_discovery_rate: Some(0.1),
        ..ALL
    });
    assert!(controlled.last().unwrap().false_discovery_rate <= 0.1);
    assert!(all[controlled.len()].false_discovery_rate > 0.1);
    let node = all[0].node;
    let (nodes, families): (Vec<bool>, Vec<bool>) = (
        (0..tree.n_nodes()).map(|one| one == node as usize).collect(),
        (0..300).map(|family| family % 2 == 0).collect(),
    );
    let chosen = listed(EventChoice {
        nodes: Some(&nodes),
        families: Some(&families),
        ..ALL
    });
    let expected = all.iter().filter(|event| event.node == node && event.family % 2 == 0);
    assert_eq!(chosen.len(), expected.count());
    assert!(chosen.iter().all(|event| event.node == node && event.family % 2 == 0));
}

#[test]
fn choices_that_are_none_are_refused() {
    let tree = tree("(a:1,b:2);");
    let model = model(
        &tree,
        &names(&tree),
        &[vec![1, 0]],
        RootPrior::Equal,
        Ascertainment::None,
    );
    let refused = |choice: EventChoice| events(&model, &[0.0, 0.0], &choice, &Monitor::new()).unwrap_err();
    for least_probability in [0.0, -1.0, 1.5, f64::NAN] {
        let error = refused(EventChoice {
            least_probability,
            ..ALL
        });
        assert!(matches!(error, QuantityError::LeastProbability { .. }), "{error}");
    }
    let error = refused(EventChoice {
        false_discovery_rate: Some(2.0),
        ..ALL
    });
    assert_eq!(
        error.to_string(),
        "the greatest false-discovery rate is 2; allowed are numbers from 0 to 1"
    );
    let error = refused(EventChoice {
        nodes: Some(&[true]),
        ..ALL
    });
    assert_eq!(error.to_string(), "the choice of nodes has length 1; expected 3");
    let error = BranchQuantity::parse("gains").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("unknown quantity 'gains'; known: presence, "),
        "{error}"
    );
    let cancelled = Monitor::new();
    cancelled.cancel();
    let stopped = branch_summary(&model, &[0.0, 0.0], &cancelled).unwrap_err();
    assert!(matches!(stopped, QuantityError::Model(ModelError::Cancelled(_))));
    assert!(joint_states(&model, &[0.0], &Monitor::new()).is_err());
}

#[test]
fn ties_go_to_absence_and_a_single_tip_is_its_own_root() {
    let tree = tree("(a:1,b:1,c:1,d:1);");
    let cells = vec![vec![1, 0, 1, 0], vec![-1, -1, -1, -1]];
    let model = model(&tree, &names(&tree), &cells, RootPrior::Equal, Ascertainment::None);
    let joint = joint_states(&model, &[0.0, 0.0], &Monitor::new()).unwrap();
    assert_eq!(joint.states, [1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    let lone = crate::common::tree("a;");
    let single = crate::common::model(
        &lone,
        &names(&lone),
        &[vec![1], vec![0]],
        RootPrior::Equal,
        Ascertainment::None,
    );
    let joint = joint_states(&single, &[0.0, 0.0], &Monitor::new()).unwrap();
    assert_eq!(joint.states, [1, 0]);
    let summary = branch_summary(&single, &[0.0, 0.0], &Monitor::new()).unwrap();
    assert_eq!((summary.genome_size[0].sum, summary.genome_size[0].sd), (1.0, 0.0));
}

#[test]
fn deep_trees_and_long_branches_give_numbers() {
    let n = 3000;
    let mut text = "t0:1".to_owned();
    for tip in 1..n {
        text = format!("({text},t{tip}:{}):0.01", if tip % 7 == 0 { 1e6 } else { 0.1 });
    }
    let tree = tree(&format!("{text};"));
    let cells = random_cells(&mut Random(64), n, 70, 0.05);
    let model = model(&tree, &names(&tree), &cells, RootPrior::Stationary, Ascertainment::None);
    let summary = branch_summary(&model, &[1.0, 2.0], &Monitor::new()).unwrap();
    assert_eq!(summary.n_impossible, 0);
    let finite = |totals: &[persiste_rust::quantity::branch_summary::Total]| {
        totals.iter().all(|total| total.sum.is_finite() && total.sd.is_finite())
    };
    assert!(finite(&summary.expected_gains) && finite(&summary.families_lost) && finite(&summary.genome_size));
    let joint = joint_states(&model, &[1.0, 2.0], &Monitor::new()).unwrap();
    assert!(joint.log_probabilities.iter().all(|value| value.is_finite()));
}
