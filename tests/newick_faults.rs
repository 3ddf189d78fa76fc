//! What is refused, and where each message says it is.
#![allow(clippy::unwrap_used)]

use persiste_rust::error::{NewickError, NewickProblem, TextPosition};
use persiste_rust::io::newick::{TreeOptions, parse};

fn refused(text: &str, options: &TreeOptions) -> (usize, usize, NewickProblem) {
    match parse(text, options) {
        Err(NewickError::Text {
            at: TextPosition { line, column },
            problem,
        }) => (line, column, problem),
        other => panic!("{text:?}: {other:?}"),
    }
}

/// A variant of `NewickProblem`, by name.
fn kind(problem: &NewickProblem) -> String {
    let text = format!("{problem:?}");
    text.split([' ', '{']).next().unwrap().to_owned()
}

#[test]
fn each_fault_is_named_with_its_line_and_column() {
    for (text, line, column, problem) in [
        ("", 1, 1, "NoTree"),
        (" \n ", 2, 2, "NoTree"),
        (";", 1, 1, "NoTree"),
        (":1;", 1, 1, "NoTree"),
        ("# only a header\n", 2, 1, "NoTree"),
        ("hello", 1, 6, "Unexpected"),
        ("hello world;", 1, 7, "BlankInLabel"),
        ("A,B;", 1, 2, "Unexpected"),
        ("()", 1, 2, "EmptyGroup"),
        ("((),A:1);", 1, 3, "EmptyGroup"),
        ("([x] );", 1, 6, "EmptyGroup"),
        ("(A:1,);", 1, 6, "UnnamedTip"),
        ("(,A:1);", 1, 2, "UnnamedTip"),
        ("(A:1,:1);", 1, 6, "UnnamedTip"),
        ("(A:1,'':1);", 1, 6, "UnnamedTip"),
        ("(A:1,]B:1);", 1, 6, "UnnamedTip"),
        ("((A:1,B:1):1,C:1;", 1, 17, "UnclosedGroup"),
        ("((A:1,\nB:1)", 2, 5, "UnclosedGroup"),
        ("((A:1,\nB:1):1,", 2, 8, "UnclosedGroup"),
        ("((A:1,", 1, 7, "UnclosedGroup"),
        ("(A:1,B:1));", 1, 10, "UnopenedGroup"),
        (")A;", 1, 1, "UnopenedGroup"),
        ("(A:1[abc,B:1);", 1, 5, "UnterminatedComment"),
        ("(A:1[a[b],B:1);", 1, 5, "UnterminatedComment"),
        ("(A:1,\n\u{e9}:1,'B:1);", 2, 5, "UnterminatedQuote"),
        ("(A:1,\"B:1);", 1, 6, "UnterminatedQuote"),
        ("(A b:1,C:1);", 1, 4, "BlankInLabel"),
        ("('A' 'b':1,C:1);", 1, 6, "BlankInLabel"),
        ("('A'b:1,C:1);", 1, 5, "BlankInLabel"),
        ("(A[c]b:1,C:1);", 1, 6, "BlankInLabel"),
        ("(O'Brien:1,C:1);", 1, 3, "QuoteInLabel"),
        ("(A\"b\":1,C:1);", 1, 3, "QuoteInLabel"),
        ("(A(B:1):1,C:1);", 1, 3, "Unexpected"),
        ("(A:1(B:1):1,C:1);", 1, 5, "Unexpected"),
        ("((A:1)(B:1):1,C:1);", 1, 7, "Unexpected"),
        ("(A:1 2,C:1);", 1, 6, "Unexpected"),
        ("(A:,B:1);", 1, 4, "NoNumber"),
        ("(A:1,B:", 1, 8, "NoNumber"),
        ("(A:1,B:1):;", 1, 11, "NoNumber"),
        ("(A::1,B:1);", 1, 4, "NoNumber"),
        ("(A:nan,B:1);", 1, 4, "NotANumber"),
        ("(A:inf,B:1);", 1, 4, "NotANumber"),
        ("(A:-Infinity,B:1);", 1, 4, "NotANumber"),
        ("(A:1_000,B:1);", 1, 4, "NotANumber"),
        ("(A:0x10,B:1);", 1, 4, "NotANumber"),
        ("(A:1.2.3,B:1);", 1, 4, "NotANumber"),
        ("(A:1e,B:1);", 1, 4, "NotANumber"),
        ("(A:1,5:2,B:3,5e1e2:4e);", 1, 20, "NotANumber"),
        ("(A:1e400,B:1);", 1, 4, "Overflow"),
        ("(A:-1e400,B:1);", 1, 4, "Overflow"),
        ("((A:1,B:1):1:95,C:1);", 1, 13, "SecondField"),
        ("(A:1 [x] :95,B:1);", 1, 10, "SecondField"),
        ("((A:1,B:1)x,C:1);", 1, 11, "MissingLength"),
        ("(A:1,B);", 1, 6, "MissingLength"),
        ("(A:1,B:-0.5);", 1, 8, "NegativeLength"),
        ("(A:1,B:1):-2;", 1, 11, "NegativeLength"),
        ("((A:1,B:1):1,\n'A':1);", 2, 1, "DuplicateTip"),
        ("(A:1,B:1,B:1,A:1);", 1, 10, "DuplicateTip"),
        ("(A:1,B:1);(A:1,B:1);", 1, 11, "SecondTree"),
        ("(A:1,B:1);\nthe end", 2, 1, "TextAfterTree"),
        ("(A:1,B:1);;", 1, 11, "TextAfterTree"),
        ("(A:1,B:1);[", 1, 11, "UnterminatedComment"),
    ] {
        let found = refused(text, &TreeOptions::default());
        assert_eq!(
            (found.0, found.1, kind(&found.2)),
            (line, column, problem.to_owned()),
            "{text:?}"
        );
    }
}

#[test]
fn messages_say_what_was_found_and_what_is_allowed() {
    for (text, message) in [
        (
            "(A:0x10,B:1);",
            "line 1, column 4: branch length '0x10' is not a number; allowed are decimal numbers such as 0.05 or 1e-3",
        ),
        (
            "(A b:1,C:1);",
            "line 1, column 4: found 'b' after the label 'A' and a blank; put a label with blanks in quotes: 'A b'",
        ),
        (
            "((A:1,A:1):1,B:1);",
            "line 1, column 7: tip name 'A' occurs a second time; the first is at line 1, column 3",
        ),
        (
            "((A:1,B:1):1,C:1;",
            "line 1, column 17: found ';' while 1 '(' still lack their ')', the last of them at line 1, column 1",
        ),
        (
            "(A:1,B);",
            "line 1, column 6: the branch above 'B' has no length; option missing_length (--missing-length) gives one to each such branch",
        ),
        (
            "(A:1,B:-2);",
            "line 1, column 8: the branch above 'B' has length -2; allowed are lengths of 0 or more; option min_length (--min-length) raises every shorter length",
        ),
        (
            "",
            "line 1, column 1: found the end of the text, expected a tree that begins with '('",
        ),
    ] {
        assert_eq!(parse(text, &TreeOptions::default()).unwrap_err().to_string(), message);
    }
}

#[test]
fn long_labels_are_cut_in_messages() {
    let long = "L".repeat(100_000);
    let error = parse(&format!("({long}:1,{long}:1);"), &TreeOptions::default()).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

#[test]
fn each_fault_of_a_nexus_text_is_named_with_its_line_and_column() {
    for (text, line, column, problem) in [
        ("#NEXUS", 1, 7, "NoNexusTree"),
        ("#NEXUS\nbegin data; matrix (A:1,B:1);\nend;\n", 4, 1, "NoNexusTree"),
        ("#NEXUS begin trees; end;", 1, 25, "NoNexusTree"),
        ("#NEXUS (A:1,B:1);", 1, 8, "Unexpected"),
        ("#NEXUS begin trees tree x = (A:1,B:1);", 1, 20, "Unexpected"),
        ("#NEXUS begin trees;\ntree = (A:1,B:1);", 2, 6, "Unexpected"),
        ("#NEXUS begin trees;\ntree x (A:1,B:1);", 2, 8, "Unexpected"),
        ("#NEXUS begin trees;\ntree x = (A:1,B:y);", 2, 17, "NotANumber"),
        ("#NEXUS begin trees;\ntree x = ;", 2, 10, "NoTree"),
        ("#NEXUS begin trees; translate 1 A, 1 B;", 1, 36, "TranslateTwice"),
        ("#NEXUS begin trees; translate 1 A b;", 1, 35, "BlankInLabel"),
        ("#NEXUS begin trees; translate 1, 2 B;", 1, 32, "Unexpected"),
        ("#NEXUS begin trees; translate 1 A", 1, 34, "Unexpected"),
        (
            "#NEXUS begin trees; translate 1 A; tree x=(1:1,1:1);",
            1,
            48,
            "DuplicateTip",
        ),
        (
            "#NEXUS begin trees; translate 1 A; tree x=(1:1,B:1,A:1);",
            1,
            52,
            "DuplicateTip",
        ),
        ("#NEXUS begin x; y 'z", 1, 19, "UnterminatedQuote"),
        ("#NEXUS begin x; y [z", 1, 19, "UnterminatedComment"),
    ] {
        let found = refused(text, &TreeOptions::default());
        assert_eq!(
            (found.0, found.1, kind(&found.2)),
            (line, column, problem.to_owned()),
            "{text:?}"
        );
    }
}

#[test]
fn second_of_many_equal_names_is_the_one_reported() {
    // So many that comparing all pairs would take minutes.
    let text = format!("({});", vec!["A:1"; 300_000].join(","));
    let (_, column, problem) = refused(&text, &TreeOptions::default());
    assert_eq!((column, kind(&problem)), (6, "DuplicateTip".to_owned()));
}
