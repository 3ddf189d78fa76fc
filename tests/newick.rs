//! Newick and NEXUS as a user meets them: what is read, what is repaired on request, and what is noted.
#![allow(clippy::unwrap_used)]

use persiste_rust::error::NewickError;
use persiste_rust::io::newick::{LengthField, ParsedTree, TreeOptions, parse, read, write};
use persiste_rust::problem::{NO_PARENT, Tree};

fn parsed(text: &str) -> ParsedTree {
    parse(text, &TreeOptions::default()).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn tip_names(text: &str) -> Vec<String> {
    parsed(text).tree.tip_names().map(str::to_owned).collect()
}

const MISSING: TreeOptions = TreeOptions {
    missing_length: Some(1.0),
    min_length: None,
    length_field: None,
};

#[test]
fn nodes_come_in_post_order_with_their_lengths_and_labels() {
    let tree = parsed("((A:1,B:2)x:3,C:4,(D:5)y:6)r:7;").tree;
    assert_eq!(tree.parents(), [2, 2, 6, 6, 5, 6, NO_PARENT]);
    assert_eq!(tree.branch_lengths(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert_eq!(
        tree.names().iter().collect::<Vec<_>>(),
        ["A", "B", "x", "C", "D", "y", "r"]
    );
    assert_eq!(tree.children(6), [2, 3, 5]);
    assert_eq!(tree.tips(), [0, 1, 3, 4]);
}

#[test]
fn parser_and_checked_constructor_build_equal_trees() {
    let tree = parsed("((A:1,B:2)x:3,C:4,(D:5,(E:1,F:1,G:0):2)y:6)r:7;").tree;
    let rebuilt = Tree::new(
        tree.parents().to_vec(),
        tree.branch_lengths().to_vec(),
        tree.names().clone(),
    );
    assert_eq!(rebuilt.unwrap(), tree);
}

#[test]
fn layout_comments_and_marks_do_not_change_the_tree() {
    let plain = parsed("((A:1,B:2)x:3,C:4);").tree;
    for text in [
        "\u{feff}((A:1,B:2)x:3,C:4);",
        "\r\n( (A\t:1 ,\r\nB: 2 ) x:\r3 , C :4 ) ;\r\n",
        "[&R] ((A[&rate={1,2}]:1,B:[&rate=0.1]2)[&p=1]x[nested [comment]]:3[100],C:4[&&NHX:S=a]);[end]",
        "# made by hand\n#LEAF\tA\n((A:+1,B:2e0)x:3.,C:.4e+1);",
        "((\"A\":1,'B':2)'x':3,C:0004.000);",
    ] {
        assert_eq!(parsed(text).tree, plain, "{text:?}");
    }
}

#[test]
fn labels_keep_their_characters_as_they_stand() {
    assert_eq!(
        tip_names("(Homo_sapiens:1,6731_3#18:1,1:1);"),
        ["Homo_sapiens", "6731_3#18", "1"]
    );
    assert_eq!(tip_names("(caf\u{e9}:1,cafe\u{301}:1);"), ["caf\u{e9}", "cafe\u{301}"]);
    assert_eq!(
        tip_names("('it''s (a) [b]:c;,d':1,'  lead':2,'''':3);"),
        ["it's (a) [b]:c;,d", "  lead", "'"]
    );
    assert_eq!(tip_names("(\"it's\":1,\"say \"\"hi\"\"\":2);"), ["it's", "say \"hi\""]);
    let long = "L".repeat(100_000);
    assert_eq!(tip_names(&format!("({long}:1,B:1);")), [long.as_str(), "B"]);
}

#[test]
fn trees_of_one_tip_are_read() {
    assert_eq!(parsed("(A:1);").tree.n_nodes(), 2);
    assert_eq!(parsed("A;").tree.n_nodes(), 1);
    assert_eq!(parsed("'#A':2;").tree.branch_lengths(), [2.0]);
}

#[test]
fn missing_lengths_are_given_the_value_of_the_option_and_counted() {
    let ParsedTree { tree, notes } = parse("((A,B:2),C);", &MISSING).unwrap();
    assert_eq!(tree.branch_lengths(), [1.0, 2.0, 1.0, 1.0, 0.0]);
    assert_eq!(notes, ["3 branches without a length were given 1 (--missing-length)"]);
    assert!(parse("(A:1,B:2);", &MISSING).unwrap().notes.is_empty());
}

#[test]
fn short_lengths_are_raised_to_the_value_of_the_option_and_counted() {
    let options = TreeOptions {
        missing_length: Some(0.0),
        min_length: Some(0.5),
        length_field: None,
    };
    let ParsedTree { tree, notes } = parse("((A:-1,B:0):0.5,C,D:2);", &options).unwrap();
    assert_eq!(tree.branch_lengths(), [0.5, 0.5, 0.5, 0.5, 2.0, 0.0]);
    assert_eq!(
        notes,
        [
            "1 branch without a length was given 0 (--missing-length)",
            "3 branches were raised to length 0.5, 1 of negative length (--min-length)",
        ]
    );
}

#[test]
fn options_that_are_no_length_are_refused() {
    for value in [-1.0, f64::NAN, f64::INFINITY] {
        let missing = TreeOptions {
            missing_length: Some(value),
            min_length: None,
            length_field: None,
        };
        let least = TreeOptions {
            missing_length: None,
            min_length: Some(value),
            length_field: None,
        };
        for (options, name) in [(missing, "missing_length"), (least, "min_length")] {
            let error = parse("(A:1,B:1);", &options).unwrap_err();
            assert!(
                matches!(error, NewickError::OptionValue { option, .. } if option == name),
                "{error:?}"
            );
        }
    }
}

#[test]
fn what_is_left_out_is_noted() {
    for (text, note) in [
        ("(A:1,B:1)", "the tree does not end with ';'"),
        (
            "[&u](A:1,B:1);",
            "the tree is marked as unrooted; it was read as rooted at its outermost group",
        ),
        (
            "\n# x\n#y\n(A:1,B:1);",
            "2 lines that begin with '#' before the tree were skipped",
        ),
    ] {
        assert_eq!(parsed(text).notes, [note], "{text:?}");
    }
    assert!(parsed("[&R](A:1,B:1[&U]);").notes.is_empty());
}

const NEXUS: &str = "#NEXUS
[a comment; with a semicolon]
Begin Taxa;
  Title 'it''s; quoted';
  TaxLabels A B 'C c';
END;
begin trees;
  Translate 1 A, 2 'B b', [third] 3 \"C\",;
  tree * one [&lnP=-1] = [&R] ((1:1,2:2)3:3,3:4,D:5)1;
  tree two = (1:1,2:1,3:1);
EndBlock;
begin figtree; set appearance; end;
";

#[test]
fn first_tree_of_a_nexus_text_is_read_with_its_tips_translated() {
    let ParsedTree { tree, notes } = parsed(NEXUS);
    assert_eq!(tree.tip_names().collect::<Vec<_>>(), ["A", "B b", "C", "D"]);
    assert_eq!(tree.names().get(2), "3", "internal labels are not translated");
    assert_eq!(notes, ["the first tree was taken and 1 tree behind it left out"]);
}

#[test]
fn nexus_without_an_end_and_with_utree_is_read_and_noted() {
    let ParsedTree { tree, notes } = parsed("\n#nexus\nBEGIN TREES;\nUTREE x = (A:1,B:1,C:1)");
    assert_eq!(tree.n_tips(), 3);
    assert_eq!(
        notes,
        [
            "the trees block has no END",
            "the tree is marked as unrooted; it was read as rooted at its outermost group",
            "the tree does not end with ';'",
        ]
    );
}

#[test]
fn caterpillars_of_a_hundred_thousand_levels_are_read_and_written() {
    let n = 100_000;
    let left = format!(
        "{}A:1{};",
        "(".repeat(n),
        (0..n).map(|i| format!(",t{i}:1):1")).collect::<String>()
    );
    let right = format!(
        "{}A:1{};",
        (0..n).map(|i| format!("(t{i}:1,")).collect::<String>(),
        "):1".repeat(n)
    );
    let knuckles = format!("{}A:1{};", "(".repeat(n), "):1".repeat(n));
    for (text, n_tips) in [(left, n + 1), (right, n + 1), (knuckles, 1)] {
        let tree = parsed(&text).tree;
        assert_eq!((tree.n_tips(), tree.n_nodes()), (n_tips, n_tips + n));
        assert_eq!(write(&tree, |_| None), text);
    }
    for text in ["(".repeat(n), "[".repeat(n), format!("(A:1{}", ")".repeat(n))] {
        let result = parse(&text, &TreeOptions::default());
        assert!(matches!(result, Err(NewickError::Text { .. })), "{result:?}");
    }
}

#[test]
fn files_are_read_compressed_or_not_and_named_in_errors() {
    let folder = std::env::temp_dir().join(format!("persiste-newick-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let options = TreeOptions::default();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, b"(A:1,B:2);").unwrap();
    let packed = file("packed.nwk", &gzip.finish().unwrap());
    assert_eq!(read(&packed, &options).unwrap().tree, parsed("(A:1,B:2);").tree);
    let marked = file("marked.nwk", b"\xef\xbb\xbf(A:1,B:2);");
    assert_eq!(read(&marked, &options).unwrap().tree, parsed("(A:1,B:2);").tree);

    let faulty = file("faulty.nwk", b"(A:1,\nB);");
    let message = read(&faulty, &options).unwrap_err().to_string();
    assert!(
        message.contains("faulty.nwk', line 2, column 1: the branch above 'B'"),
        "{message}"
    );
    let latin = file("latin.nwk", b"(A:1,\nB\xe9:1);");
    let message = read(&latin, &options).unwrap_err().to_string();
    assert!(
        message.contains("line 2, column 2: the text is not UTF-8 (byte 0xe9)"),
        "{message}"
    );
    let wide = file("wide.nwk", b"\xff\xfe(\0A\0)\0;\0");
    assert!(matches!(read(&wide, &options), Err(NewickError::File(_))));
    assert!(matches!(
        read(&folder.join("absent.nwk"), &options),
        Err(NewickError::File(_))
    ));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn one_of_several_fields_is_the_length_only_where_an_option_says_which() {
    let text = "((A:1,B:1):2:95:0.5,C:1);";
    let refused = parse(text, &TreeOptions::default()).unwrap_err().to_string();
    assert!(
        refused.contains("line 1, column 13") && refused.contains("--length-field"),
        "{refused}"
    );
    for (field, length) in [(LengthField::First, 2.0), (LengthField::Last, 0.5)] {
        let options = TreeOptions {
            length_field: Some(field),
            ..TreeOptions::default()
        };
        let ParsedTree { tree, notes } = parse(text, &options).unwrap();
        assert_eq!(tree.branch_lengths(), [1.0, 1.0, length, 1.0, 0.0]);
        assert!(notes[0].starts_with("1 node has several ':' fields"), "{notes:?}");
        assert!(parse("(A:1:nan,B:1);", &options).is_err());
    }
    assert!(LengthField::parse("second").is_err());
}
