//! Two independent parsers read the same trees: this crate's and that of the crate `phylotree`.
//!
//! Texts are of the kind that both read rightly: no quotes, no comments, every name and length present, `;` at the end.
#![allow(clippy::unwrap_used)]

use persiste_rust::io::newick::{TreeOptions, parse, write};
use persiste_rust::phylotree::{from_phylotree, to_phylotree};
use persiste_rust::problem::Tree;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Newick text of a random tree: starting from tips, runs of neighbouring subtrees are joined until one is left.
fn any_text() -> impl Strategy<Value = String> {
    let length = prop_oneof![
        (0_u64..10_000_000_000).prop_map(|digits| format!("{}", digits as f64 / 1e7)),
        "[0-9]{1,3}\\.[0-9]{1,10}",
        "[0-9]{1,22}(\\.[0-9]{1,22})?(e[+-]?[0-9]{1,2})?",
        any::<f64>().prop_filter_map("finite", |value| value
            .is_finite()
            .then(|| format!("{:e}", value.abs()))),
    ];
    let label = "[A-Za-z0-9_.|#/{}=-]{0,10}";
    let joins = proptest::collection::vec((any::<prop::sample::Index>(), 1_usize..5, label, length.clone()), 1..60);
    let tips = proptest::collection::vec((label, length), 1..60);
    (tips, joins).prop_map(|(tips, joins)| {
        let tip = |(i, (label, length)): (usize, (String, String))| format!("t{i}_{label}:{length}");
        let mut subtrees: Vec<String> = tips.into_iter().enumerate().map(tip).collect();
        for (place, n_children, label, length) in joins {
            let first = place.index(subtrees.len());
            let last = (first + n_children).min(subtrees.len());
            let group = subtrees[first..last].join(",");
            subtrees.splice(first..last, [format!("({group}){label}:{length}")]);
        }
        format!("({})root;", subtrees.join(","))
    })
}

fn ours(text: &str) -> Tree {
    parse(text, &TreeOptions::default())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .tree
}

fn theirs(text: &str) -> phylotree::tree::Tree {
    phylotree::tree::Tree::from_newick(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::with_cases(1000)
    })]

    #[test]
    fn both_parsers_read_the_same_topology_names_and_lengths(text in any_text()) {
        prop_assert_eq!(from_phylotree(&theirs(&text)).unwrap(), ours(&text), "{}", text);
    }

    #[test]
    fn phylotree_reads_what_is_written_here(text in any_text()) {
        let tree = ours(&text);
        prop_assert_eq!(from_phylotree(&theirs(&write(&tree, |_| None))).unwrap(), tree);
    }

    #[test]
    fn converted_trees_agree_with_parsed_ones_by_the_other_crates_own_measures(text in any_text()) {
        let (converted, parsed) = (to_phylotree(&ours(&text)).unwrap(), theirs(&text));
        prop_assert_eq!(converted.to_newick().unwrap(), parsed.to_newick().unwrap());
        prop_assert_eq!(converted.get_leaf_names(), parsed.get_leaf_names());
    }
}

#[test]
fn comparison_sees_a_difference() {
    let tree = "((A:1,B:2)x:3,C:4)r;";
    for other in [
        "((B:2,A:1)x:3,C:4)r;",
        "((A:1,B:2)x:3,C:5)r;",
        "((A:1,B:2)y:3,C:4)r;",
        "(A:1,(B:2,C:4)x:3)r;",
    ] {
        assert_ne!(from_phylotree(&theirs(other)).unwrap(), ours(tree), "{other}");
    }
}
