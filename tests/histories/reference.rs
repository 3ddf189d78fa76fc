//! Published values: marginal and joint states, expected gains and losses per branch, in 50-digit arithmetic.

use crate::common::reference::{json, number, root};
use crate::common::{model, names, shared, tree};
use persiste_rust::model::Ascertainment;
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;
use persiste_rust::quantity::BranchQuantity;
use persiste_rust::quantity::branch_summary::branch_summary;
use persiste_rust::quantity::family_table::family_table;
use persiste_rust::quantity::joint_states::joint_states;
use serde_json::Value;

pub const CASES: [&str; 4] = [
    "ancestral_c04_t4_stationary",
    "ancestral_c05_t4_flat",
    "ancestral_c13_t5poly_stationary",
    "ancestral_c23_t50_stationary",
];

/// The cells of each family in the order of the tree's tips.
pub fn families(case: &Value, tree: &Tree) -> Vec<(String, Vec<i8>)> {
    let families = case["families"].as_object().unwrap();
    let of_family = |(name, family): (&String, &Value)| {
        let text: Vec<char> = family["pattern"].as_str().unwrap().chars().collect();
        let order: Vec<String> = match &case["tip_order_of_pattern"] {
            Value::Array(tips) => tips.iter().map(|tip| tip.as_str().unwrap().to_owned()).collect(),
            _ => panic!("the order of tips is not given"),
        };
        let cell = |tip: &str| i8::from(text[order.iter().position(|one| one == tip).unwrap()] == '1');
        (name.clone(), tree.tip_names().map(cell).collect())
    };
    families.iter().map(of_family).collect()
}

#[test]
fn states_and_events_match_the_reference_values() {
    let monitor = Monitor::new();
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
        let table = |quantity| family_table(&model, &parameters, quantity, |value| value, &monitor).unwrap();
        let presence = table(BranchQuantity::Presence);
        let events = [
            ("gains", table(BranchQuantity::ExpectedGains)),
            ("losses", table(BranchQuantity::ExpectedLosses)),
        ];
        let joint = joint_states(&model, &parameters, &monitor).unwrap();
        let n = labels.len();
        for (family, label) in labels.iter().enumerate() {
            let expected = &case["families"][label];
            for node in 0..tree.n_nodes() {
                let name = tree.names().get(node);
                let found = presence[node * n + family];
                let value = number(&expected["marginal_p1"][name]);
                assert!((found - value).abs() < 1e-9, "{id} {label} {name}: {found} {value}");
                if let Some(state) = expected["joint_states"][name].as_i64() {
                    assert_eq!(i64::from(joint.states[node * n + family]), state, "{id} {label} {name}");
                } else {
                    assert!(tree.is_tip(node));
                    assert_eq!(f64::from(joint.states[node * n + family]), value);
                }
                for (kind, table) in &events {
                    let found = table[node * n + family];
                    if node == tree.root() {
                        assert_eq!(found, 0.0);
                        continue;
                    }
                    let value = number(&expected[format!("expected_{kind}_per_branch")][name]);
                    assert!(
                        (found - value).abs() < 1e-8,
                        "{id} {label} {name} {kind}: {found} {value}"
                    );
                }
            }
            let found = joint.log_probabilities[family];
            let value = number(&expected["joint_ln_prob"]);
            assert!(
                (found - value).abs() < 1e-10 * value.abs().max(1.0),
                "{id} {label}: {found} {value}"
            );
            for (kind, table) in &events {
                let total: f64 = (0..tree.n_nodes()).map(|node| table[node * n + family]).sum();
                let value = number(&expected[format!("expected_{kind}_total")]);
                assert!((total - value).abs() < 1e-8, "{id} {label} {kind}: {total} {value}");
            }
        }
        let summary = branch_summary(&model, &parameters, &monitor).unwrap();
        for (node, total) in summary.expected_gains.iter().enumerate() {
            let sum: f64 = events[0].1[node * n..(node + 1) * n].iter().sum();
            assert!((total.sum - sum).abs() < 1e-11, "{id} node {node}: {} {sum}", total.sum);
        }
    }
}
