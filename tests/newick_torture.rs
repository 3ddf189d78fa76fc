//! Torture inputs and real trees of the shared data folder, where it is present.
#![allow(clippy::unwrap_used)]

use persiste_rust::io::newick::{LengthField, ParsedTree, TreeOptions, parse, read, write};
use std::path::PathBuf;

/// Returns a path in the shared data folder, or says why the test is skipped.
fn data(path: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("PERSISTE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let path = shared.join("data").join(path);
    if path.exists() {
        return Some(path);
    }
    println!(
        "skipped: '{}' does not exist; PERSISTE_SHARED names the folder that holds data/",
        path.display()
    );
    None
}

/// What must come of a file whose treatment is a matter of policy.
enum Policy {
    Read {
        tips: &'static [&'static str],
        n_notes: usize,
    },
    Refused {
        message: &'static str,
    },
}

const POLICIES: [(&str, Policy); 8] = [
    (
        "05_underscore.nwk",
        Policy::Read {
            tips: &["Homo_sapiens", "Pan_troglodytes"],
            n_notes: 0,
        },
    ),
    (
        "15_missing_bl_all.nwk",
        Policy::Refused {
            message: "line 1, column 3: the branch above 'A' has no length",
        },
    ),
    (
        "17_negative.nwk",
        Policy::Refused {
            message: "line 1, column 5: the branch above 'A' has length -0.001",
        },
    ),
    (
        "27_no_semicolon.nwk",
        Policy::Read {
            tips: &["A", "B", "C"],
            n_notes: 1,
        },
    ),
    (
        "33_single_tip_paren.nwk",
        Policy::Read {
            tips: &["A"],
            n_notes: 0,
        },
    ),
    (
        "45_rich_newick.nwk",
        Policy::Refused {
            message: "line 1, column 13: a second ':' at one node",
        },
    ),
    (
        "49_label_after_space.nwk",
        Policy::Refused {
            message: "line 1, column 4: found 'b' after the label 'A'",
        },
    ),
    (
        "59_nexus_upper_noend.nex",
        Policy::Read {
            tips: &["A", "B", "C"],
            n_notes: 1,
        },
    ),
];

#[test]
fn every_torture_file_is_read_or_refused_as_it_should() {
    let Some(folder) = data("torture/newick") else { return };
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&manifest).unwrap();
    assert!(manifest.len() > 30, "{} files", manifest.len());
    for (file, expected) in &manifest {
        let outcome = read(&folder.join(file), &TreeOptions::default());
        match expected["expect"].as_str().unwrap() {
            "error" => assert!(outcome.is_err(), "{file}: {outcome:?}"),
            "ok" => check_tree(file, &outcome.unwrap_or_else(|error| panic!("{error}")), expected),
            "policy" => {
                let (_, policy) = POLICIES.iter().find(|(name, _)| name == file).expect(file);
                check_policy(file, policy, &outcome);
            }
            other => panic!("{file}: unknown expectation '{other}'"),
        }
    }
}

fn check_tree(file: &str, ParsedTree { tree, notes }: &ParsedTree, expected: &serde_json::Value) {
    assert_eq!(tree.n_tips() as u64, expected["tips"].as_u64().unwrap(), "{file}");
    assert!(notes.is_empty(), "{file}: {notes:?}");
    if let Some(names) = expected["tip_names"].as_array() {
        assert!(
            tree.tip_names().eq(names.iter().map(|name| name.as_str().unwrap())),
            "{file}"
        );
    }
    if let Some(sum) = expected["sum_bl"].as_f64() {
        let found: f64 = tree.branch_lengths().iter().sum();
        // The sum of a dozen decimals, each rounded once.
        assert!((found - sum).abs() < 1e-12 * sum.max(1.0), "{file}: {found}");
    }
}

fn check_policy<E: std::fmt::Display>(file: &str, policy: &Policy, outcome: &Result<ParsedTree, E>) {
    match (policy, outcome) {
        (Policy::Read { tips, n_notes }, Ok(ParsedTree { tree, notes })) => {
            assert!(tree.tip_names().eq(tips.iter().copied()), "{file}");
            assert_eq!(notes.len(), *n_notes, "{file}: {notes:?}");
        }
        (Policy::Refused { message }, Err(error)) => assert!(error.to_string().contains(message), "{file}: {error}"),
        (_, Ok(_)) => panic!("{file} was read"),
        (_, Err(error)) => panic!("{file} was refused: {error}"),
    }
}

#[test]
fn explicit_options_repair_what_is_refused_by_default() {
    let Some(folder) = data("torture/newick") else { return };
    let options = TreeOptions {
        missing_length: Some(1.0),
        min_length: Some(0.0),
        length_field: None,
    };
    for (file, sum, note) in [
        (
            "15_missing_bl_all.nwk",
            6.0,
            "6 branches without a length were given 1 (--missing-length)",
        ),
        (
            "17_negative.nwk",
            0.9,
            "1 branch was raised to length 0, 1 of negative length (--min-length)",
        ),
    ] {
        let ParsedTree { tree, notes } = read(&folder.join(file), &options).unwrap();
        assert_eq!(notes, [note], "{file}");
        let found: f64 = tree.branch_lengths().iter().sum();
        assert!((found - sum).abs() < 1e-12, "{file}: {found}");
    }
}

/// Counts as stated beside the data: tips, internal nodes, nodes below the root with more than two
/// children, branches of length 0.
#[test]
fn real_trees_have_the_counts_stated_beside_them() {
    for (path, counts) in [
        ("count_arc269/tree269-gtdb.clean.nwk", [269, 268, 0, 0]),
        ("wol10k/astral.cons.nwk.gz", [10575, 10574, 0, 0]),
        ("wol10k/astral.cons.nid.e5p50.nwk.gz", [10575, 10028, 406, 0]),
        ("cafe5_mammals/mammals_tree.txt", [12, 11, 0, 0]),
        ("beluga_plants/9dicots.nw", [9, 8, 0, 0]),
        ("beluga_plants/12monocots.nw", [12, 11, 0, 0]),
        ("beluga_plants/plants1.nw", [10, 9, 0, 0]),
    ] {
        let Some(file) = data(path) else { continue };
        check_counts(path, read(&file, &TreeOptions::default()).unwrap(), counts);
    }
}

fn check_counts(path: &str, ParsedTree { tree, notes }: ParsedTree, counts: [usize; 4]) {
    assert!(notes.is_empty(), "{path}: {notes:?}");
    let branches = 0..tree.root();
    let polytomies = branches.clone().filter(|&node| tree.children(node).len() > 2).count();
    let zeros = branches.filter(|&node| tree.branch_lengths()[node] == 0.0).count();
    let found = [tree.n_tips(), tree.n_nodes() - tree.n_tips(), polytomies, zeros];
    assert_eq!(found, counts, "{path}");
    let back = parse(&write(&tree, |_| None), &TreeOptions::default()).unwrap();
    assert_eq!(back.tree, tree, "{path}");
}

#[test]
fn tree_with_support_before_its_lengths_is_read_once_an_option_says_so() {
    let path = "pyseer/tree.nwk";
    let Some(file) = data(path) else { return };
    let error = read(&file, &TreeOptions::default()).unwrap_err();
    assert!(error.to_string().contains("a second ':' at one node"), "{error}");
    // `):1.00:0.00042` is support and length there; 516 times: grep -oE ":[0-9.eE+-]+:" tree.nwk | wc -l
    let options = TreeOptions {
        length_field: Some(LengthField::Last),
        ..TreeOptions::default()
    };
    let mut parsed = read(&file, &options).unwrap();
    assert_eq!(
        std::mem::take(&mut parsed.notes),
        ["516 nodes have several ':' fields, of which the last was taken as length (--length-field)"]
    );
    check_counts(path, parsed, [696, 574, 25, 383]);
}

#[test]
fn trees_with_header_lines_equal_their_copies_without() {
    for (headed, clean) in [
        (
            "count_arc269/tree269-baker-alti-gtdb.tre",
            "count_arc269/tree269-gtdb.clean.nwk",
        ),
        (
            "count_arc269/tree269-baker-alti-names.tre",
            "count_arc269/tree269-names.clean.nwk",
        ),
    ] {
        let (Some(headed), Some(clean)) = (data(headed), data(clean)) else {
            continue;
        };
        let headed = read(&headed, &TreeOptions::default()).unwrap();
        assert_eq!(headed.tree, read(&clean, &TreeOptions::default()).unwrap().tree);
        assert!(
            headed.notes[0].contains("lines that begin with '#'"),
            "{:?}",
            headed.notes
        );
    }
}

#[test]
fn tree_without_lengths_is_read_only_with_the_option() {
    let Some(file) = data("scoary_tetr/ExampleTree.nwk") else {
        return;
    };
    let error = read(&file, &TreeOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("option missing_length (--missing-length)"),
        "{error}"
    );
    let options = TreeOptions {
        missing_length: Some(1.0),
        min_length: None,
        length_field: None,
    };
    let ParsedTree { tree, notes } = read(&file, &options).unwrap();
    assert_eq!(tree.n_tips(), 100);
    assert_eq!(notes, ["198 branches without a length were given 1 (--missing-length)"]);
}
