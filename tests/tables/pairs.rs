//! Lists of presences: what they say, that they say it in room of their own size, and how they can be wrong.

use crate::{Temporary, assert_refused, read, read_with, refusal, show};
use persiste_rust::io::table::{TableOptions, read_presences};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{MatchOptions, NO_PARENT, Names, Presences, Tree};

fn presences(text: &str) -> Presences {
    let file = Temporary::new(text.as_bytes(), "list");
    let is_tip = |name: &str| ["A", "B", "C", "D"].contains(&name);
    read_presences(&file.0, &TableOptions::default(), &is_tip, &Monitor::new())
        .unwrap()
        .presences
}

fn star() -> Tree {
    let names: Names = ["A", "B", "C", "D", ""].into_iter().collect();
    Tree::new(vec![4, 4, 4, 4, NO_PARENT], vec![1.0; 5], names).unwrap()
}

#[test]
fn a_list_is_the_table_of_its_presences() {
    let expected = ["f A=1 B=1", "g A=0 B=1"];
    let lists = [
        "family\tgenome\nf\tA\ng\tB\nf\tB\n",
        "Gene,Species\r\nf,A\r\nf,B\r\n\r\ng,B\r\n",
        "genome\tfamily\nA\tf\nB\tf\nB\tg\n",
        "f\tA\nf\tB\ng\tB",
        "# from somewhere\nfamily\tgenome\tcopies\nf\tA\t3\nf\tB\t1.0\ng\tA\t0\ng\tB\t1\n",
        "\"family\",\"genome\"\n\"f\",\"A\"\n\"f\",\"B\"\n\"g\",\"B\"\n",
    ];
    for text in lists {
        let read = read(text);
        assert_eq!(show(&read.table), expected, "{text}");
        assert_eq!(read.format, "pairs");
    }
}

#[test]
fn a_third_column_says_what_is_not_known_and_names_what_is_nowhere() {
    let read = read("family\tgenome\tcopies\nf\tA\t1\nf\tB\t?\nh\tC\t0\ng\tC\t2\n");
    assert_eq!(show(&read.table), ["f A=1 B=? C=0", "g A=0 B=0 C=1", "h A=0 B=0 C=0"]);
    assert_eq!(
        read.notes[1..],
        ["cells with more than one copy, read as present: 1", "missing cells: 1"]
    );
}

#[test]
fn the_way_a_list_was_recognised_is_said() {
    assert_eq!(
        read("family\tgenome\nf\tA\n").notes[0],
        "table read as pairs: the header is 'family', 'genome'"
    );
    assert_eq!(
        read("f\tA\ng\tB\n").notes[0],
        "table read as pairs: its lines have 2 fields and the second, 'B', is no cell"
    );
    let named = read_with(b"f\tA\n", "t", Some("pairs"), false).unwrap();
    assert_eq!(show(&named.table), ["f A=1"]);
    // A header that OrthoFinder's tables share, over lines that they do not have.
    assert_eq!(read("Orthogroup\tSpecies\nOG1\tA\n").format, "pairs");
}

#[test]
fn a_first_line_that_may_be_either_is_refused() {
    for text in ["f\tX\ng\tA\n", "id\tname\nf\tA\n", "f\tX\t1\ng\tA\t1\n"] {
        assert_refused(text, &["line 1: ", "no header", "no tip of the tree", "add the header"]);
    }
    let message = read_with(b"family\n", "t", Some("pairs"), false)
        .unwrap_err()
        .to_string();
    assert!(message.contains("1 fields; expected a family, a genome"), "{message}");
    let message = read_with(b"family\tgenome\n", "t", Some("pairs"), false)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("has a header (line 1) but no line of data"),
        "{message}"
    );
}

#[test]
fn a_family_listed_twice_in_a_genome_is_refused_with_both_lines() {
    let text = "family\tgenome\tcopies\n# note\nf\tA\t1\n\ng\tA\t1\nf\tB\t1\nf\tA\t2\n";
    assert_refused(
        text,
        &["line 7: family 'f' is listed more than once in genome 'A': line 3 and line 7"],
    );
    assert_refused("f\tA\nf\tB\nf\tA\n", &["line 1 and line 3"]);
    assert_refused("family\tgenome\tn\nf\tA\t0\nf\tA\t1\n", &["line 2 and line 3"]);
}

#[test]
fn broken_lines_are_refused_with_their_place() {
    assert_refused("f\tA\nf\tB\nf\n", &["line 3: 1 fields; expected", "(2 fields)"]);
    assert_refused("family\tgenome\nf\tB\t1\n", &["line 2: 3 fields"]);
    assert_refused("family\tgenome\nf\tA\n\tB\n", &["line 3: the family has no name"]);
    assert_refused("family\tgenome\nf\tA\nf\t \n", &["line 3: the genome has no name"]);
    for cell in ["yes", "-1", "1.5", ""] {
        let text = format!("family\tgenome\tn\nf\tA\t1\nf\tB\t{cell}\n");
        assert_refused(
            &text,
            &["line 3: family 'f', genome 'B' (column 3)", &format!("found '{cell}'")],
        );
    }
    let broken = read_with(b"family\tgenome\nf\tA\n\xff\tA\n", "t", None, false);
    assert!(broken.unwrap_err().to_string().contains("line 3: column 1: the name"));
    let message = read_with(b"f\tA\n", "t", Some("pairs"), true).unwrap_err().to_string();
    assert!(message.contains("genomes_in_rows (--genomes-in-rows)"), "{message}");
    assert!(refusal("family\tgenome\n").contains("no line of data"));
}

#[test]
fn a_tip_that_no_line_names_is_refused_unless_it_may_lack_all() {
    let text = "family\tgenome\nf\tA\ng\tC\nf\tC\n";
    let error = presences(text)
        .match_tree(star(), MatchOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("2 of 4 tips") && error.contains("'B', 'D'"), "{error}");
    assert!(error.contains("absent_genomes (--absent-genomes)"), "{error}");
    let absent = MatchOptions {
        absent_genomes: true,
        ..MatchOptions::default()
    };
    let mut list = presences(text);
    let matched = list.match_tree(star(), absent).unwrap();
    assert_eq!(
        matched.notes,
        ["tips that the list never names, taken as genomes without any of its families: 2 of 4 ('B', 'D')"]
    );
    let patterns = list.distinct(&matched.column_of_tip);
    assert_eq!(patterns.present(0), [0b01, 0, 0b11, 0]);
}

#[test]
fn a_list_of_other_genomes_is_refused_whatever_may_be_absent() {
    let all = MatchOptions {
        absent_genomes: true,
        drop_extra_genomes: true,
        prune_tree: true,
    };
    let message = presences("family\tgenome\nf\tX\n")
        .match_tree(star(), all)
        .unwrap_err()
        .to_string();
    assert!(message.contains("no name in common"), "{message}");
    let strict = MatchOptions {
        absent_genomes: true,
        ..MatchOptions::default()
    };
    let message = presences("family\tgenome\nf\tX\nf\tA\n")
        .match_tree(star(), strict)
        .unwrap_err()
        .to_string();
    assert!(message.contains("'X'") && !message.contains("'B'"), "{message}");
    let message = presences("id\tA\tB\tC\tD\nf\t1\t0\t0\t0\n")
        .match_tree(star(), strict)
        .unwrap_err()
        .to_string();
    assert!(message.contains("goes with a list of presences"), "{message}");
}

#[test]
fn a_long_list_has_the_patterns_of_its_table() {
    // Numbers of a generator with full period (Knuth's MMIX constants), 300 families over 150 genomes.
    let mut state = 9_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut lines: Vec<String> = (0..150).map(|genome| format!("f0\tg{genome}\t0")).collect();
    for family in 1..300 {
        let mut genomes: Vec<u64> = (0..draw(5)).map(|_| draw(150)).collect();
        genomes.sort_unstable();
        genomes.dedup();
        lines.extend(
            genomes
                .iter()
                .map(|genome| format!("f{family}\tg{genome}\t{}", if draw(20) == 0 { "?" } else { "1" })),
        );
        lines.push(format!("f{family}\tg150\t0"));
    }
    let list = presences(&format!("family\tgenome\tcopies\n{}\n", lines.join("\n")));
    let columns: Vec<u32> = (0..140).rev().collect();
    let Presences::Listed(lists) = &list else {
        panic!("a list")
    };
    let packed = Presences::from(lists.to_table().unwrap());
    assert!(list.distinct(&columns).n_patterns() > 100);
    assert_eq!(list.distinct(&columns), packed.distinct(&columns));
}

#[test]
fn numbers_beyond_the_names_are_refused() {
    use persiste_rust::problem::{Listing, PresenceLists};
    let lists = |family: &[i64], genome: &[i64]| {
        let genomes = vec!["A".to_owned(), "B".to_owned()];
        PresenceLists::from_numbers(genomes, ["f", "g"].into_iter().collect(), family, genome, |_| {
            Listing::Present
        })
        .map_err(|error| error.to_string())
    };
    assert_eq!(
        lists(&[0, 2], &[0, 0]).unwrap_err(),
        "entry 2: family number 2; allowed are 0 to 1"
    );
    assert_eq!(
        lists(&[0, 1], &[-1, 0]).unwrap_err(),
        "entry 1: genome number -1; allowed are 0 to 1"
    );
    assert!(
        lists(&[0, 1], &[0])
            .unwrap_err()
            .starts_with("2 families and 1 genomes are listed")
    );
    assert!(
        lists(&[0, 1, 0], &[0, 0, 0])
            .unwrap_err()
            .contains("entry 1 and entry 3")
    );
    assert_eq!(lists(&[], &[]).unwrap().listed(1).len(), 0);
}

#[test]
fn the_option_for_absent_genomes_is_named_only_where_it_would_help() {
    let refused = |options| {
        let text = "family\tgenome\nf\tA\nf\tB\nf\tC\nf\tD\nf\tX\n";
        presences(text).match_tree(star(), options).unwrap_err().to_string()
    };
    // No tip is without a genome.
    let message = refused(MatchOptions::default());
    assert!(
        message.contains("'X'") && !message.contains("absent_genomes"),
        "{message}"
    );
    // It is already on, and nothing in common is not what it is for.
    let absent = MatchOptions {
        absent_genomes: true,
        ..MatchOptions::default()
    };
    let mut list = presences("family\tgenome\nf\tX\n");
    let message = list.match_tree(star(), absent).unwrap_err().to_string();
    assert!(!message.contains("absent_genomes"), "{message}");
}

#[test]
fn lists_say_what_is_present_and_what_is_missing() {
    use persiste_rust::problem::{Listing, PresenceLists};
    let what = [Listing::Missing, Listing::Absent, Listing::Present];
    let genomes = ["A", "B", "C"].map(str::to_owned).to_vec();
    let families = ["f"].into_iter().collect();
    let lists = PresenceLists::from_numbers(genomes, families, &[0, 0, 0], &[2, 1, 0], |entry| what[entry]).unwrap();
    let listed: Vec<_> = lists.listed(0).collect();
    assert_eq!(listed, [(0, Listing::Present), (2, Listing::Missing)]);
}

#[test]
fn genome_numbers_end_below_two_to_the_thirtieth() {
    use persiste_rust::problem::{Listing, PresenceListsBuilder};
    let mut builder = PresenceListsBuilder::default();
    assert!(builder.push(0, (1 << 30) - 1, Listing::Present).is_ok());
    assert!(builder.push(0, 1 << 30, Listing::Present).is_err());
}
