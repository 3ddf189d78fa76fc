//! Small files with traps and real tables, read from the material beside the checkout; skipped where it is absent.
#![allow(clippy::unwrap_used)]

use persiste_rust::io::table::{ReadTable, TableOptions, read_table};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{MatchOptions, NO_PARENT, Names, PresenceTable, Tree, match_names};
use std::path::{Path, PathBuf};

const TIPS: [&str; 4] = ["A", "B", "C", "D"];

fn data(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("PERSISTE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let path = shared.join("data").join(name);
    if !path.exists() {
        println!("skipped: '{}' is not here", path.display());
        return None;
    }
    Some(path)
}

fn read(path: &Path, genomes_in_rows: bool, is_tip: &dyn Fn(&str) -> bool) -> ReadTable {
    let options = TableOptions {
        genomes_in_rows,
        ..TableOptions::default()
    };
    read_table(path, &options, is_tip, &Monitor::new()).unwrap()
}

/// Reads a file and pairs it with the tips A, B, C, D as the torture folder's tree has them.
fn read_and_match(path: &Path) -> Result<ReadTable, String> {
    let is_tip = |name: &str| TIPS.contains(&name);
    let read = read_table(path, &TableOptions::default(), &is_tip, &Monitor::new()).map_err(|e| e.to_string())?;
    match_names(tree(), &read.table, MatchOptions::default()).map_err(|e| e.to_string())?;
    Ok(read)
}

fn tree() -> Tree {
    // ((A:1,B:1):1,(C:1,D:1):1);
    let names: Names = ["A", "B", "", "C", "D", "", ""].into_iter().collect();
    Tree::new(
        vec![2, 2, 6, 5, 5, 6, NO_PARENT],
        vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        names,
    )
    .unwrap()
}

/// The cells of a family as text, genomes A to D: 1, 0 or ?.
fn cells(table: &PresenceTable, family: usize) -> String {
    TIPS.iter()
        .filter_map(|tip| table.genomes().iter().position(|genome| genome == tip))
        .map(|genome| {
            let bit = |words: &[u64]| words[genome / 64] >> (genome % 64) & 1 == 1;
            match (bit(table.present(family)), table.missing(family).is_some_and(bit)) {
                (true, false) => '1',
                (false, false) => '0',
                (false, true) => '?',
                (true, true) => panic!("present and missing"),
            }
        })
        .collect()
}

/// What must come of a file.
enum Expected {
    /// The cells of its families.
    Families(&'static [&'static str]),
    /// A message with these parts.
    Refusal(&'static [&'static str]),
}

/// `manifest.json` leaves those marked "policy" to us; here is what was chosen.
fn expected(file: &str) -> Option<Expected> {
    use Expected::{Families, Refusal};
    Some(match file {
        "m01_ok.Rtab" => Families(&["1010", "1111"]),
        "m03_bom.Rtab" | "m04_reordered_taxa.Rtab" | "m04b_sorted.Rtab" | "m21_blank_lines.Rtab" => Families(&["1010"]),
        "m27_unicode_id.Rtab" => Families(&["1010"]),
        // Policy: an extra genome is refused, and named with the option that drops it.
        "m05_extra_taxon.Rtab" => Refusal(&["'E'", "1 of 5 genomes", "--drop-extra-genomes"]),
        "m07_dup_taxon.Rtab" => Refusal(&["line 1", "'B'", "columns 3 and 4"]),
        // Policy: read; a model that conditions on at least one presence refuses the family.
        "m09_all_zero.Rtab" => Families(&["0000", "1000"]),
        // Policy: ? and NA are missing; an empty cell is ambiguous and refused.
        "m11_missing_value.Rtab" => Refusal(&["line 3", "'g2'", "'D'", "column 5", "found ''", "? or NA"]),
        "m13_negative.Rtab" => Refusal(&["line 2", "'g1'", "'A'", "found '-1'"]),
        // Policy: decimals with a zero fraction are whole numbers, with a note.
        "m15_float_int.Rtab" => Families(&["1010"]),
        "m17_text.Rtab" => Refusal(&["line 2", "'g1'", "'A'", "found 'yes'"]),
        "m19_ragged_long.Rtab" => Refusal(&["line 2", "6 fields where the header has 5"]),
        "m23_empty.Rtab" => Refusal(&["is empty"]),
        // Policy: blanks do not separate fields.
        "m25_space_sep.Rtab" => Refusal(&["blanks between its fields (use tabs)", "rtab, tsv, csv"]),
        // Policy: CAFE tables are refused by name, as m31.
        "m29_huge_count.tsv" | "m31_cafe.tsv" => {
            Refusal(&["CAFE", "'Desc', 'Family ID'", "roary, pairs, rtab, tsv, csv"])
        }
        "m40_roary.csv" => Families(&["1010", "1111"]),
        "m42_orthofinder_genecount.tsv" => Refusal(&["OrthoFinder", "'Total'", "roary, pairs, rtab, tsv, csv"]),
        "m44_phyletic_fasta.fa" => Refusal(&["FASTA", "'>'", "roary, pairs, rtab, tsv, csv"]),
        // Policy: not a presence table.
        "m46_completeness.tsv" => Refusal(&["completeness table"]),
        // Policy: whether a file is compressed is read from its content.
        "m47_gz_named_plain.Rtab.gz" => Families(&["1010"]),
        _ => return None,
    })
}

#[test]
fn every_torture_file_is_read_or_refused_as_chosen() {
    let Some(folder) = data("torture/matrix") else { return };
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    // Read one day, refused by name today; everything else that must be read is read.
    let not_read_yet = ["m31_cafe.tsv", "m42_orthofinder_genecount.tsv", "m44_phyletic_fasta.fa"];
    for (file, entry) in manifest.as_object().unwrap() {
        let result = read_and_match(&folder.join(file));
        let expected = expected(file).unwrap_or_else(|| panic!("{file}: nothing is written down for this file"));
        match (entry["expect"].as_str().unwrap(), &expected) {
            ("ok", Expected::Refusal(_)) => assert!(not_read_yet.contains(&file.as_str()), "{file}"),
            ("error", Expected::Families(_)) => panic!("{file} must be refused"),
            _ => {}
        }
        match (expected, result) {
            (Expected::Families(families), Ok(read)) => {
                let found: Vec<String> = (0..read.table.n_families())
                    .map(|family| cells(&read.table, family))
                    .collect();
                assert_eq!(found, families, "{file}");
            }
            (Expected::Refusal(parts), Err(message)) => {
                for part in parts {
                    assert!(message.contains(part), "{file}: {message}");
                }
                assert!(!message.contains('\n'), "{file}: {message}");
            }
            (_, result) => panic!("{file}: {result:?}"),
        }
    }
}

#[test]
fn torture_notes_say_what_was_converted() {
    let Some(folder) = data("torture/matrix") else { return };
    let read = read_and_match(&folder.join("m15_float_int.Rtab")).unwrap();
    assert_eq!(
        read.notes,
        [
            "table read as rtab: the header begins with 'Gene' followed by genome names",
            "cells written as decimals with a zero fraction, read as whole numbers: 4"
        ]
    );
    let read = read_and_match(&folder.join("m40_roary.csv")).unwrap();
    assert_eq!(read.format, "roary");
    assert_eq!(read.notes[1..], ["cells with several loci, read as present: 1"]);
    assert_eq!(read.table.families().iter().collect::<Vec<_>>(), ["g1", "g,2"]);
}

/// (families, genomes, presences, families present in one genome, in none)
fn summary(table: &PresenceTable) -> (usize, usize, u64, usize, usize) {
    let counts: Vec<u64> = (0..table.n_families())
        .map(|family| {
            table
                .present(family)
                .iter()
                .map(|word| u64::from(word.count_ones()))
                .sum()
        })
        .collect();
    let with = |n| counts.iter().filter(|&&count| count == n).count();
    (
        table.n_families(),
        table.n_genomes(),
        counts.iter().sum(),
        with(1),
        with(0),
    )
}

#[test]
fn count_table_of_269_archaea_is_read_without_its_annotations_and_comments() {
    let Some(path) = data("count_arc269/arc269v24-ar14asd24multi.txt.gz") else {
        return;
    };
    // The genomes are NCBI taxonomy identifiers.
    let is_tip = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let read = read(&path, false, &is_tip);
    // zcat FILE | awk -F'\t' '!/^#/ && ++n > 1 { k = 0; for (i = 5; i <= NF; i++) { k += $i > 0; m += $i > 1 }
    //     p += k; s += k == 1; z += k == 0; f++ } END { print f, p, s, z, m }'
    // zcat FILE | grep -c '^#'
    assert_eq!(summary(&read.table), (90_243, 269, 388_162, 67_647, 0));
    assert_eq!(read.table.n_missing(), 0);
    assert_eq!(
        read.notes,
        [
            "table read as tsv: its first line has 273 fields separated by tabs",
            "comment lines (they begin with '#'), skipped: 61169",
            "columns of text before the first genome of the tree, skipped as annotations: 3 ('cat', 'symbol', \
             'description')",
            "cells with more than one copy, read as present: 56580",
        ]
    );
}

#[test]
fn web_of_life_profiles_are_read_with_genomes_in_rows() {
    let Some(path) = data("wol10k/profile.tsv.gz") else {
        return;
    };
    let read = read(&path, true, &|_| false);
    // zcat FILE | awk -F'\t' 'NR > 1 { for (i = 2; i <= NF; i++) { p += $i; k[i] += $i } f++ }
    //     END { for (i in k) { s += k[i] == 1; z += k[i] == 0 }; print NF - 1, f, p, s, z }'
    assert_eq!(summary(&read.table), (400, 10_575, 3_026_005, 0, 0));
    let notes = ["table read as tsv with genomes in rows: its first line has 401 fields separated by tabs"];
    assert_eq!(read.notes, notes);
}

#[test]
fn pyseer_tables_are_read_and_a_repeated_family_is_refused() {
    let Some(path) = data("pyseer/presence_absence.Rtab.gz") else {
        return;
    };
    // zcat FILE | tr -d "\r" | awk -F"\t" 'NR > 1 { k = 0; for (i = 2; i <= NF; i++) k += $i; p += k; s += k == 1;
    //     z += k == 0; f++ }
    //     END { print f, NF - 1, p, s, z }'
    assert_eq!(
        summary(&read(&path, false, &|name| name.starts_with("sample")).table),
        (1_499, 1_837, 2_688_737, 0, 0)
    );
    let Some(path) = data("pyseer/presence_absence_smaller.Rtab") else {
        return;
    };
    let message = read_table(&path, &TableOptions::default(), &|_| false, &Monitor::new())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("family name 'COG_1' occurs more than once: as family"),
        "{message}"
    );
    let Some(path) = data("pyseer/presence_absence_smaller_space.Rtab") else {
        return;
    };
    assert_eq!(read(&path, false, &|_| false).table.families().get(9), "COG 10");
}

#[test]
fn scoary_table_in_roary_layout_is_read() {
    let Some(path) = data("scoary_tetr/Gene_presence_absence.csv.gz") else {
        return;
    };
    // python3: sum(c == "1" for r in csv.reader(gzip.open(FILE, "rt")) for c in r[14:]), and the rows with sum 1 and 0
    let read = read(&path, false, &|name| name.starts_with("Isolate"));
    assert_eq!(read.format, "roary");
    assert_eq!(summary(&read.table), (9_001, 100, 575_086, 24, 60));
}

#[test]
fn a_tree_given_as_table_is_refused_as_such() {
    for file in [
        "wol10k/astral.cons.nwk.gz",
        "count_arc269/tree269-baker-alti-gtdb.tre",
        "pyseer/tree.nwk",
    ] {
        let Some(path) = data(file) else { return };
        let message = read_table(&path, &TableOptions::default(), &|_| false, &Monitor::new())
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("looks like a tree (were the arguments swapped?)"),
            "{message}"
        );
    }
}
