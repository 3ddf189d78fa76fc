//! Tables that are refused, and what the message says of them.

use crate::{ROARY, assert_refused, read, read_with, show};
use persiste_rust::io::table::{TableOptions, read_table};
use persiste_rust::parallel::Monitor;

#[test]
fn roary_cells_that_are_numbers_must_be_numbers_of_copies() {
    let with = |cell: &str| format!("Gene,Non-unique Gene name,Annotation,A,B\ng1,,,{cell},x\n");
    assert_eq!(show(&read(&with("NA")).table), ["g1 A=? B=1"]);
    assert_eq!(show(&read(&with("562-1")).table), ["g1 A=1 B=1"]);
    for cell in ["-1", "0.5", ";"] {
        assert_refused(
            &with(cell),
            &[
                "line 2",
                "'g1'",
                "'A'",
                "column 4",
                &format!("found '{cell}'"),
                "locus tags",
            ],
        );
    }
}

#[test]
fn lines_that_are_too_long_or_too_short_are_refused() {
    assert_refused(
        "id\tA\tB\nf1\t1\t0\nf2\t1\n",
        &["line 3: 2 fields where the header has 3"],
    );
    assert_refused(
        "id\tA\tB\nf1\t1\t0\nf2\t1\t0\t0\n",
        &["line 3: 4 fields where the header has 3"],
    );
    assert_refused("A\tB\nf1\t1\t0\n", &["the first column, 'A', is a tip of the tree"]);
    assert_refused(
        "X\tB\nf1\t1\t0\n",
        &["line 2: 3 fields where the header has 2 (does the header lack a name"],
    );
    assert_refused("id,A,B\n\"f1\",1\n", &["line 2: 2 fields where the header has 3"]);
    assert_refused(
        &ROARY.replace(",\"C_7\"", ""),
        &["line 2: 8 fields where the header has 9"],
    );
}

#[test]
fn cells_outside_the_alphabet_are_refused_with_their_place() {
    for cell in ["-1", "0.5", "yes", "", "-", "1e3", "+1", "18446744073709551616"] {
        let found = format!("found '{cell}'");
        let place = [
            "'f1'",
            "genome 'B'",
            "(column 3)",
            found.as_str(),
            "allowed: 0 (absent)",
        ];
        assert_refused(
            &format!("id\tA\tB\tC\nf1\t1\t{cell}\t1\n"),
            &[&place[..], &["line 2"]].concat(),
        );
        assert_refused(
            &format!("id,A,B,C\n\"f1\",1,{cell},1\n"),
            &[&place[..], &["line 2"]].concat(),
        );
        let text = format!("id\tf0\tf1\tf2\nA\t1\t1\t1\nB\t1\t{cell}\t1\n");
        let message = read_with(text.as_bytes(), "t", None, true).unwrap_err().to_string();
        for part in ["line 3", "family 'f1', genome 'B' (column 3)", &found] {
            assert!(message.contains(part), "{message}");
        }
    }
    assert_refused(
        "id\tcat\tX\tY\tZ\nf\tS\t1\t0\t1\n",
        &["genome 'cat'", "no column is named like a tip of the tree"],
    );
}

#[test]
fn names_that_are_empty_or_repeated_are_refused() {
    assert_refused(
        "id\tA\tB\tA\nf\t1\t1\t1\n",
        &["line 1: column name 'A' occurs more than once: in columns 2 and 4"],
    );
    assert_refused(
        "id\tA\nf1\t1\nf2\t1\nf1\t1\n",
        &["line 4: family name 'f1' occurs", "as family 1 and as family 3"],
    );
    assert_refused("id\tA\nf1\t1\n \t1\n", &["line 3: family 2 has no name"]);
    let refused = |text: &str| read_with(text.as_bytes(), "t", None, true).unwrap_err().to_string();
    assert!(refused("id\tf1\tf2\nA\t1\t1\n\t1\t1\n").contains("line 3: genome 2 has no name"));
    assert!(refused("id\tf1\tf2\nA\t1\t1\nA\t1\t1\n").contains("line 3: genome name 'A' occurs more than once"));
    assert!(refused("id\tf1\tf1\nA\t1\t1\n").contains("line 1: column name 'f1' occurs more than once"));
}

#[test]
fn empty_files_and_headers_without_data_are_refused() {
    assert_refused("", &["is empty"]);
    assert_refused("\n \r\n\n", &["is empty"]);
    assert_refused("Gene\tA\tB\n", &["has a header (line 1) but no line of data"]);
    assert_refused("\nid,A,B\n\n# end\n", &["has a header (line 2) but no line of data"]);
    assert_refused(
        "word\nother\n",
        &["fits no table format", "'word'", "roary, pairs, rtab, tsv, csv"],
    );
    let message = read_with(b"id,f\n", "t", None, true).unwrap_err().to_string();
    assert!(message.contains("no line of data"), "{message}");
}

#[test]
fn broken_quotes_are_refused_where_they_begin() {
    assert_refused(
        "id,A,B\nf1,1,1\n\"f2,1,1\nf3,1,1\n",
        &["line 3: column 1: the quote", "not closed"],
    );
    assert_refused(
        "id,A,B\n\"f1\"x,1,1\n",
        &["line 2: column 1: 'x' follows the closing quote"],
    );
    let endless = format!("id,A\n\"{}", "x\n".repeat(1 << 20));
    assert_refused(&endless, &["line 2: column 1: the quote", "not closed"]);
}

#[test]
fn known_formats_that_are_not_read_are_refused_by_name() {
    let cases = [
        ("Desc\tFamily ID\tA\tB\n(null)\tf1\t1\t2\n", "cafe"),
        ("Orthogroup\tA\tB\tTotal\nOG0\t1\t2\t3\n", "orthofinder"),
        ("Orthogroup\tA\tB\nOG0\ta1, a2\tb1\n", "orthofinder"),
        (
            "HOG\tOG\tGene Tree Parent Clade\tA\nN0.HOG0\tOG0\t-\ta1\n",
            "orthofinder-hog",
        ),
        ("allele_name\tgene_family\tA\ng_1\tg\tx\n", "pirate"),
        (">A\n1010\n", "fasta"),
        ("Name\tCompleteness\tContamination\nA\t99.1\t0.3\n", "completeness"),
        ("2\n(A:1,B:1);\nA f1 f2\n", "mirage"),
        ("#NEXUS\nbegin trees;\n", "tree"),
        ("((A:1,B:1):1,C:2);\n", "tree"),
        ("[&R] (A:1,B:1);\n", "tree"),
        ("<?xml version=\"1.0\"?>\n", "xml"),
        ("id A B\nf1 1 0\n", "spaces"),
        ("id;A;B\nf1;1;0\n", "semicolons"),
        ("id\tA\tB\rf1\t1\t0\r", "mac"),
        ("PK\x03\x04...", "archive"),
    ];
    for (text, format) in cases {
        assert_refused(
            text,
            &[
                &format!("the format '{format}' is not read"),
                "roary, pairs, rtab, tsv, csv",
            ],
        );
        let message = read_with(b"id\tA\n", "t", Some(format), false).unwrap_err().to_string();
        assert!(message.contains("known but not read"), "{message}");
    }
    assert_refused("(A,B);", &["looks like a tree (were the arguments swapped?)"]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let result = read_table(
        "no/such/file".as_ref(),
        &TableOptions::default(),
        &|_| false,
        &Monitor::new(),
    );
    assert!(
        result
            .unwrap_err()
            .to_string()
            .starts_with("no such file: 'no/such/file'")
    );
    let truncated = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2];
    assert!(
        read_with(&truncated, "t", None, false)
            .unwrap_err()
            .to_string()
            .starts_with("cannot read")
    );
}
