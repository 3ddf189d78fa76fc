//! What holds for every tree and every text: trees are read back from their text, and no text panics.
#![allow(clippy::unwrap_used)]

use persiste_rust::io::newick::{ParsedTree, TreeOptions, parse, write};
use persiste_rust::problem::{NO_PARENT, Names, Tree};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const MISSING: TreeOptions = TreeOptions {
    missing_length: Some(1.0),
    min_length: None,
    length_field: None,
};

/// Any tree: each node but the last is given one of the nodes that a post-order allows as its parent.
fn any_tree() -> impl Strategy<Value = Tree> {
    let label = prop_oneof![
        "[ -~]{1,6}",
        "[a-z0-9_]{1,8}",
        "\\PC{1,4}",
        "['\"\\[\\]\n\r\t #\u{feff}]{1,4}"
    ];
    let length = prop_oneof![
        Just(0.0),
        0.0..10.0_f64,
        (0_u64..0x7ff0_0000_0000_0000).prop_map(f64::from_bits)
    ];
    (1_usize..40).prop_flat_map(move |n| {
        let nodes = proptest::collection::vec((any::<u32>(), length.clone(), label.clone(), any::<bool>()), n);
        nodes.prop_map(|nodes| {
            let n = nodes.len();
            let mut parent = vec![NO_PARENT; n];
            // Walking down from the root, each node hangs below the one before it or one of that node's ancestors.
            let mut path: Vec<usize> = vec![n - 1];
            for node in (0..n - 1).rev() {
                let depth = nodes[node].0 as usize % path.len();
                path.truncate(depth + 1);
                parent[node] = path[depth] as u32;
                path.push(node);
            }
            let is_tip = |node: usize| !parent.contains(&(node as u32));
            let mut names = Names::default();
            for (node, (_, _, label, named)) in nodes.iter().enumerate() {
                let name = match (is_tip(node), named) {
                    (true, _) => format!("{label}#{node}"),
                    (false, true) => label.clone(),
                    (false, false) => String::new(),
                };
                names.push(&name);
            }
            let lengths = nodes.iter().map(|node| node.1).collect();
            Tree::new(parent, lengths, names).unwrap()
        })
    })
}

const MUTATED: [&str; 4] = [
    "((A:0.1,'B b':2e-3)x:3,[&R]\"C\":4,(D:5)y:6)r:7;",
    "#NEXUS\nbegin taxa; title 'a;b'; end;\nbegin trees; translate 1 A, 2 'B b';\ntree * t = [&R] (1:1,2:2,C:1)1; end;",
    "# header\n((A:1,B:1)0.9[95]:1,C:1);",
    "\u{feff}((\u{e9}A:1,B[a[b]]:1)'it''s':1,C:1)",
];

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn every_tree_is_read_back_from_its_text(tree in any_tree()) {
        let text = write(&tree, |_| None);
        let back = parse(&text, &TreeOptions::default());
        prop_assert_eq!(&back.unwrap().tree, &tree, "{}", text);
        let annotated = write(&tree, |node| Some(format!("n={node}")));
        let back = parse(&annotated, &TreeOptions::default());
        prop_assert_eq!(&back.unwrap().tree, &tree, "{}", annotated);
    }

    #[test]
    fn no_text_panics_and_what_is_read_keeps_the_promises_of_a_tree(
        text in prop_oneof!["[()\\[\\]:;,'\"A-C0-9.eE+# \n-]{0,40}", "\\PC{0,40}", "#NEXUS[ =;,*'a-cbegintresnd1-3()\n]{0,60}"],
        missing in any::<bool>(),
    ) {
        let options = if missing { MISSING } else { TreeOptions::default() };
        if let Ok(ParsedTree { tree, .. }) = parse(&text, &options) {
            let rebuilt = Tree::new(tree.parents().to_vec(), tree.branch_lengths().to_vec(), tree.names().clone());
            prop_assert_eq!(rebuilt.unwrap(), tree);
        }
    }

    #[test]
    fn no_mutation_of_a_valid_text_panics(
        which in 0..MUTATED.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<char>(), "[()\\[\\]:;,'\" ]"), 1..4),
    ) {
        let mut characters: Vec<char> = MUTATED[which].chars().collect();
        for (place, edit, character, mark) in edits {
            let at = place.index(characters.len());
            match edit {
                0 => { characters.remove(at); }
                1 => characters.insert(at, character),
                _ => characters[at] = mark.chars().next().unwrap(),
            }
        }
        let text: String = characters.into_iter().collect();
        match parse(&text, &TreeOptions::default()) {
            Ok(ParsedTree { tree, .. }) => {
                let rebuilt = Tree::new(tree.parents().to_vec(), tree.branch_lengths().to_vec(), tree.names().clone());
                prop_assert_eq!(rebuilt.unwrap(), tree);
            }
            Err(error) => prop_assert!(error.to_string().contains("line "), "{}", error),
        }
    }
}
