//! Tables that are read, and what the notes say of them.

use crate::{ROARY, Temporary, assert_refused, in_rows, read, read_with, show};
use flate2::{Compression, write::GzEncoder};
use persiste_rust::error::TableError;
use persiste_rust::io::table::{TableOptions, formats, read_table};
use persiste_rust::parallel::Monitor;
use std::io::Write;

#[test]
fn rtab_is_recognised_and_read() {
    let read = read("Gene\tA\tB\tC\ng1\t1\t0\t1\ng2\t0\t0\t0\n");
    assert_eq!(show(&read.table), ["g1 A=1 B=0 C=1", "g2 A=0 B=0 C=0"]);
    assert_eq!(read.format, "rtab");
    assert_eq!(
        read.notes,
        ["table read as rtab: the header begins with 'Gene' followed by genome names"]
    );
}

#[test]
fn counts_decimals_and_missing_cells_are_read_with_a_note_each() {
    let read = read("id\tA\tB\tC\tD\nf1\t18446744073709551615\t1.0\tNA\t0\nf2\t?\tnan\t0.0\t 3 \n");
    assert_eq!(show(&read.table), ["f1 A=1 B=1 C=? D=0", "f2 A=? B=? C=0 D=1"]);
    assert_eq!(read.table.n_missing(), 3);
    assert_eq!(
        read.notes[1..],
        [
            "cells with more than one copy, read as present: 2",
            "cells written as decimals with a zero fraction, read as whole numbers: 2",
            "missing cells: 3"
        ]
    );
}

#[test]
fn comments_are_skipped_wherever_they_stand_and_counted() {
    let read = read("# made by hand\nid,A,B\n# first\nf1,1,0\n#f0,1,1\nf2,0,1\n");
    assert_eq!(show(&read.table), ["f1 A=1 B=0", "f2 A=0 B=1"]);
    assert_eq!(read.notes[1..], ["comment lines (they begin with '#'), skipped: 3"]);
}

#[test]
fn a_comment_is_the_header_when_nothing_but_cells_follows() {
    for text in ["# biom\n#OTU ID\tA\tB\nf1\t1\t0\n", "#OTU ID\tA\tB\n\nf1\t1\t0\n"] {
        assert_eq!(show(&read(text).table), ["f1 A=1 B=0"]);
    }
    // A comment of another width is none.
    assert_eq!(show(&read("# a\tb\nid\t1\t2\nf\t1\t0\n").table), ["f 1=1 2=0"]);
    assert_eq!(
        show(&in_rows("#ID\tf1\tf2\nA\t1\t0\nB\t1\t1\n").table),
        ["f1 A=1 B=1", "f2 A=0 B=1"]
    );
}

#[test]
fn leading_columns_of_text_are_annotations_and_leading_columns_of_counts_are_genomes() {
    let read = read("Family\tcat\tX\tsymbol\tA\tB\nf1\t3\t1\t\t1\t0\nf2\tS\t0\t2\t0\t2\nf3\t1\t?\t1\t1\t1\n");
    assert_eq!(
        show(&read.table),
        ["f1 A=1 B=0 X=1", "f2 A=0 B=1 X=0", "f3 A=1 B=1 X=?"]
    );
    assert_eq!(
        read.notes[1..],
        [
            "columns of text before the first genome of the tree, skipped as annotations: 2 ('cat', 'symbol')",
            "cells with more than one copy, read as present: 1",
            "missing cells: 1"
        ]
    );
}

#[test]
fn annotations_need_not_be_utf8_but_names_must() {
    let text = b"Family\tnote\tA\nf1\tprot\xe9ine\t1\nf2\t\"5' end\t0\n";
    let read = read_with(text, "table", None, false).unwrap();
    assert_eq!(show(&read.table), ["f1 A=1", "f2 A=0"]);
    for (text, place) in [
        (&b"Family\tA\nf\xe9\t1\n"[..], "line 2: column 1"),
        (b"Family\tA\tB\xe9\nf\t1\t1\n", "line 1: column 3"),
    ] {
        let message = read_with(text, "table", None, false).unwrap_err().to_string();
        assert!(
            message.contains(place) && message.contains("not valid UTF-8"),
            "{message}"
        );
    }
}

#[test]
fn roary_csv_is_read_with_quotes_commas_and_line_ends_in_fields() {
    let read = read(ROARY);
    assert_eq!(read.format, "roary");
    assert_eq!(
        show(&read.table),
        ["g,2 A=0 B=1 C=1", "g1 A=1 B=0 C=1", "g3 A=0 B=1 C=0"]
    );
    assert_eq!(read.notes[1..], ["cells with several loci, read as present: 3"]);
}

#[test]
fn quoted_names_keep_what_they_hold() {
    let read = read("id,\"A\",\"B, \"\"b\"\"\"\n\"f\r\n\"\"1\"\"\",1,0\n");
    assert_eq!(read.table.families().get(0), "f\n\"1\"");
    assert_eq!(read.table.genomes(), ["A", "B, \"b\""]);
    let read = crate::read("id\t\"A\"\tB \"b\"\n\"f \"\"1\"\"\"\t1\t\"0\"\n");
    assert_eq!(read.table.families().get(0), "f \"1\"");
    assert_eq!(read.table.genomes(), ["A", "B \"b\""]);
}

#[test]
fn roary_columns_are_found_by_name_in_any_order_and_case() {
    let panaroo = "Gene,Non-unique Gene name,Annotation,A,B\ng~~~h,,5' \"end\",A_1_len;0_refound_3,\n";
    assert_eq!(show(&read(panaroo).table), ["g~~~h A=1 B=0"]);
    let ppanggolin = "\"A\",\"ANNOTATION\",\"gene\",\"Accessory Fragment\",\"Genome fragment\",\"B\",\"Non-unique gene name\"\n\
                      \"x\",\"\",\"g\",\"\",\"\",\"\",\"shell\"\n";
    assert_eq!(show(&read(ppanggolin).table), ["g A=1 B=0"]);
}

#[test]
fn order_of_lines_and_columns_line_ends_and_compression_do_not_matter() {
    let rtab = "Gene\tA\tB\tC\ng1\t1\t0\t?\ng2\t0\t0\t2\n";
    let expected = show(&read(rtab).table);
    assert_eq!(show(&read("Gene\tC\tA\tB\ng2\t2\t0\t0\ng1\t?\t1\t0\n").table), expected);
    let variants = [
        rtab.replace('\n', "\r\n"),
        format!("\u{feff}{rtab}"),
        rtab.trim_end().to_owned(),
        format!("\n  \n{}\n\n", rtab.replace("\ng2", "\n\r\n\ng2")),
        rtab.replace('\t', ","),
        rtab.replace("g1", "\"g1\"")
            .replace("\tB", "\t\"B\"")
            .replace('?', "\"?\""),
        rtab.replace('\n', "\t\n"),
        rtab.replacen('\n', "\t\n", 1),
    ];
    for text in &variants {
        assert_eq!(show(&read(text).table), expected, "{text:?}");
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(text.as_bytes()).unwrap();
        let compressed = read_with(&gz.finish().unwrap(), "no-suffix", None, false).unwrap();
        assert_eq!(show(&compressed.table), expected, "{text:?}");
    }
    assert_eq!(
        show(&in_rows("genome\tg1\tg2\nA\t1\t0\nB\t0\t0\nC\t?\t2\n").table),
        expected
    );
    assert_eq!(show(&in_rows("Gene,g2,g1\nC,2,?\nB,0,0\nA,0,1\n").table), expected);
}

#[test]
fn a_separator_that_ends_the_header_is_noted() {
    let read = read("OG\tA\tB\t\nf1\t1\t0\t\nf2\t1\t0\n");
    assert_eq!(show(&read.table), ["f1 A=1 B=0", "f2 A=1 B=0"]);
    assert_eq!(
        read.notes[1..],
        ["the header ends in a separator; the column without a name after it was skipped"]
    );
    assert_refused(
        "OG\tA\tB\t\nf1\t1\t0\t1\n",
        &["line 2: 4 fields where the header has 3"],
    );
    assert_refused("OG\tA\t\tB\nf1\t1\t0\t1\n", &["line 1: column 3 of 4 has no name"]);
}

#[test]
fn small_tables_of_known_genomes_are_not_taken_for_pairs() {
    assert_eq!(show(&read("id\tX\nf1\t1\n").table), ["f1 X=1"]);
    assert_refused("id\tA\nf1\tyes\n", &["genome 'A'", "found 'yes'"]);
    assert_eq!(show(&read("id\tnote\tA\nf1\ttext\t1\n").table), ["f1 A=1"]);
}

#[test]
fn the_format_asked_for_overrides_what_the_file_looks_like() {
    let text = b"Orthogroup\tA\tB\tTotal\nOG0\t1\t2\t3\n";
    let read = read_with(text, "t", Some("tsv"), false).unwrap();
    assert_eq!(show(&read.table), ["OG0 A=1 B=1 Total=1"]);
    assert_eq!(read.notes[0], "table read as tsv: it was asked for");
    let message = read_with(text, "t", Some("excel"), false).unwrap_err().to_string();
    assert_eq!(
        message,
        "unknown table format 'excel'; known: roary, pairs, rtab, tsv, csv"
    );
    let message = read_with(b"Gene\tA\nA\t1\n", "t", Some("rtab"), true)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("genomes_in_rows (--genomes-in-rows)") && message.contains("'rtab'"),
        "{message}"
    );
    let message = read_with(b"Gene\tA\nA\t1\n", "t", Some("roary"), false)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("1 fields") || message.contains("no column is called 'Gene'"),
        "{message}"
    );
}

#[test]
fn a_files_name_decides_only_what_its_lines_leave_open() {
    let text = b"x,y,z,id\tA\nf,1,1,1\t1\n";
    let message = read_with(text, "t.csv", None, false).unwrap_err().to_string();
    assert!(message.contains("found '1\\t1'"), "{message}");
    assert_eq!(read_with(text, "t.tsv", None, false).unwrap().format, "tsv");
    assert_eq!(
        read_with(b"id\tA\nf\t1\n", "t.csv.gz", None, false).unwrap().format,
        "tsv"
    );
}

#[test]
fn names_in_the_registry_are_unique() {
    let mut names: Vec<&str> = formats().iter().map(|format| format.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), formats().len());
}

#[test]
fn a_cancelled_monitor_stops_the_reading() {
    let file = Temporary::new(b"id\tA\nf\t1\n", "t");
    let monitor = Monitor::new();
    monitor.cancel();
    let result = read_table(&file.0, &TableOptions::default(), &|_| false, &monitor);
    assert!(matches!(result, Err(TableError::Cancelled(_))), "{result:?}");
}

#[test]
fn progress_counts_every_byte_of_a_plain_file() {
    let text = format!(
        "id\tA\n{}",
        (0..100_000).map(|i| format!("f{i}\t1\n")).collect::<String>()
    );
    let file = Temporary::new(text.as_bytes(), "t");
    let monitor = Monitor::new();
    read_table(&file.0, &TableOptions::default(), &|_| false, &monitor).unwrap();
    assert_eq!(monitor.progress(), (text.len() as u64, text.len() as u64));
}
