//! Pairing the tips of a tree with the genomes of a table, by name and nothing else.

use super::{Names, PresenceTable, Tree};
use crate::error::{Listed, PairsError, TableError};
use hashbrown::HashMap;

type Index<K> = HashMap<K, u32, foldhash::fast::RandomState>;

/// What may be left out where tree and table do not name the same genomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MatchOptions {
    /// Drop tips without a column from the tree.
    pub prune_tree: bool,
    /// Leave out columns without a tip.
    pub drop_extra_genomes: bool,
    /// Take tips that a list of presences never names as genomes without any of its families.
    pub absent_genomes: bool,
}

/// A tree whose every tip has a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Matched {
    /// The tree, pruned where that was asked for and needed.
    pub tree: Tree,
    /// The genome of each tip, `[n_tips]`, an index into [`PresenceTable::genomes`]; tips in Newick order.
    pub column_of_tip: Vec<u32>,
    /// What was left out, one sentence each.
    pub notes: Vec<String>,
}

/// Pairs each tip of the tree with the genome of its name; the order of neither matters.
///
/// Names match when they are equal, character by character. Names that would match after blanks, case or quotes are
/// set aside are only pointed out in the message.
///
/// # Errors
/// [`TableError::Unmatched`] for a tip without a column or a column without a tip, unless the option that accepts it
/// is set; [`TableError::NothingInCommon`] if no tip has a column, whatever the options. [`PairsError::AbsentGenomes`]
/// if that option is set, which is for lists ([`Presences::match_tree`](super::Presences::match_tree)).
pub fn match_names(tree: Tree, table: &PresenceTable, options: MatchOptions) -> Result<Matched, TableError> {
    if options.absent_genomes {
        return Err(TableError::from(PairsError::AbsentGenomes));
    }
    match_genomes(tree, table.genomes(), table.families(), options)
}

/// As [`match_names`], given the names of a table alone.
pub(super) fn match_genomes(
    tree: Tree,
    genomes: &[String],
    families: &Names,
    options: MatchOptions,
) -> Result<Matched, TableError> {
    let columns: Index<&str> = (0..)
        .zip(genomes)
        .map(|(column, name)| (name.as_str(), column))
        .collect();
    let column: Vec<Option<u32>> = tree.tip_names().map(|name| columns.get(name).copied()).collect();
    let mut has_tip = vec![false; genomes.len()];
    for &column in column.iter().flatten() {
        has_tip[column as usize] = true;
    }
    let lone_tips = || {
        tree.tip_names()
            .zip(&column)
            .filter(|(_, column)| column.is_none())
            .map(|(name, _)| name)
    };
    let lone_genomes = || {
        genomes
            .iter()
            .zip(&has_tip)
            .filter(|&(_, &tip)| !tip)
            .map(|(name, _)| name.as_str())
    };
    let (tips, extra): (Listed, Listed) = (lone_tips().collect(), lone_genomes().collect());
    if tips.count == column.len() {
        return Err(TableError::NothingInCommon {
            hint: families_hint(&tree, families).or_else(|| spelling_hint(lone_tips(), lone_genomes())),
            tips,
            genomes: extra,
        });
    }
    if (tips.count > 0 && !options.prune_tree) || (extra.count > 0 && !options.drop_extra_genomes) {
        let hint = spelling_hint(lone_tips(), lone_genomes());
        return Err(TableError::Unmatched {
            tips: if options.prune_tree { Listed::default() } else { tips },
            n_tips: column.len(),
            genomes: if options.drop_extra_genomes {
                Listed::default()
            } else {
                extra
            },
            n_genomes: genomes.len(),
            hint,
        });
    }
    let mut notes = Vec::new();
    if extra.count > 0 {
        let (count, n_genomes) = (extra.count, genomes.len());
        notes.push(format!(
            "genomes not in the tree, left out: {count} of {n_genomes} ({extra})"
        ));
    }
    if tips.count > 0 {
        let (count, n_tips) = (tips.count, column.len());
        notes.push(format!(
            "tips without a column, dropped from the tree: {count} of {n_tips} ({tips})"
        ));
    }
    let keep: Vec<bool> = column.iter().map(Option::is_some).collect();
    let tree = if tips.count > 0 { tree.retain_tips(&keep)? } else { tree };
    Ok(Matched {
        tree,
        column_of_tip: column.into_iter().flatten().collect(),
        notes,
    })
}

/// Says so when the table's families are called like the tips: then it has its genomes in the other direction.
fn families_hint(tree: &Tree, families: &Names) -> Option<String> {
    let families: Index<&str> = (0..)
        .zip(families.iter())
        .map(|(family, name)| (name, family))
        .collect();
    let count = tree.tip_names().filter(|name| families.contains_key(name)).count();
    (count > 0).then(|| {
        format!(
            "but {count} of its family names are tips: the table seems to have genomes in rows (option \
             genomes_in_rows, --genomes-in-rows; leave it out if it was given)"
        )
    })
}

/// Says which names differ only in blanks, case or quotes.
fn spelling_hint<'a>(tips: impl Iterator<Item = &'a str>, genomes: impl Iterator<Item = &'a str>) -> Option<String> {
    let tips: HashMap<String, &str, foldhash::fast::RandomState> = tips
        .map(|tip| (blanks_joined(&unquoted(tip)).to_lowercase(), tip))
        .collect();
    let mut pairs = genomes.filter_map(|genome| {
        let tip = tips.get(&blanks_joined(&unquoted(genome)).to_lowercase())?;
        Some((genome, *tip))
    });
    let (genome, tip) = pairs.next()?;
    let difference = if unquoted(genome) == unquoted(tip) {
        "surrounding blanks and quotes were removed"
    } else if blanks_joined(genome) == blanks_joined(tip) {
        "blanks were underscores"
    } else if genome.to_lowercase() == tip.to_lowercase() {
        "case did not count"
    } else {
        "blanks were underscores, and case and surrounding quotes did not count"
    };
    let more = match pairs.count() {
        0 => String::new(),
        more => format!(" ({more} more such)"),
    };
    Some(format!("'{genome}' would match '{tip}' if {difference}{more}"))
}

fn unquoted(name: &str) -> String {
    name.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '\'' | '"'))
        .to_owned()
}

fn blanks_joined(name: &str) -> String {
    name.replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{NO_PARENT, PresenceTableBuilder};

    fn star(tips: &[&str]) -> Tree {
        let root = tips.len() as u32;
        let mut parent = vec![root; tips.len()];
        parent.push(NO_PARENT);
        let names: Names = tips.iter().copied().chain([""]).collect();
        Tree::new(parent, vec![1.0; tips.len() + 1], names).unwrap()
    }

    fn table(genomes: &[&str], families: &[&str]) -> PresenceTable {
        let genomes = genomes.iter().map(|&name| name.to_owned()).collect();
        let mut builder = PresenceTableBuilder::new(genomes).unwrap();
        for family in families {
            builder.push_family(family, &[1], &[]).unwrap();
        }
        builder.finish().unwrap()
    }

    fn refusal(tips: &[&str], genomes: &[&str], options: MatchOptions) -> String {
        match_names(star(tips), &table(genomes, &["f"]), options)
            .unwrap_err()
            .to_string()
    }

    const STRICT: MatchOptions = MatchOptions {
        prune_tree: false,
        drop_extra_genomes: false,
        absent_genomes: false,
    };
    const LENIENT: MatchOptions = MatchOptions {
        prune_tree: true,
        drop_extra_genomes: true,
        absent_genomes: false,
    };

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let matched = match_names(star(&["A", "B", "C"]), &table(&["C", "A", "B"], &["f"]), STRICT).unwrap();
        assert_eq!(matched.column_of_tip, [1, 2, 0]);
        assert!(matched.notes.is_empty());
    }

    #[test]
    fn both_sides_of_a_mismatch_are_named_with_the_options_that_accept_them() {
        let message = refusal(
            &["A", "B", "T1", "T2", "T3", "T4", "T5", "T6"],
            &["A", "B", "X"],
            STRICT,
        );
        assert_eq!(
            message,
            "6 of 8 tips have no column in the table: 'T1', 'T2', 'T3', 'T4' and 2 more (prune_tree (--prune-tree) \
             drops such tips); 1 of 3 genomes of the table are not in the tree: 'X' (drop_extra_genomes \
             (--drop-extra-genomes) leaves such genomes out)"
        );
    }

    #[test]
    fn an_option_accepts_its_own_side_only() {
        let prune = MatchOptions {
            prune_tree: true,
            ..STRICT
        };
        let message = refusal(&["A", "T"], &["A", "X"], prune);
        assert!(message.contains("'X'") && !message.contains("'T'"), "{message}");
        let drop = MatchOptions {
            drop_extra_genomes: true,
            ..STRICT
        };
        let message = refusal(&["A", "T"], &["A", "X"], drop);
        assert!(message.contains("'T'") && !message.contains("'X'"), "{message}");
    }

    #[test]
    fn options_drop_both_sides_and_say_so() {
        let matched = match_names(star(&["A", "T", "B"]), &table(&["X", "B", "A"], &["f"]), LENIENT).unwrap();
        assert_eq!(matched.tree.tip_names().collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(matched.column_of_tip, [2, 1]);
        assert_eq!(
            matched.notes,
            [
                "genomes not in the tree, left out: 1 of 3 ('X')",
                "tips without a column, dropped from the tree: 1 of 3 ('T')"
            ]
        );
    }

    #[test]
    fn one_shared_name_is_enough_when_pruning() {
        let matched = match_names(star(&["A", "T"]), &table(&["A"], &["f"]), LENIENT).unwrap();
        assert_eq!((matched.tree.n_tips(), matched.column_of_tip), (1, vec![0]));
    }

    #[test]
    fn nothing_in_common_is_said_with_examples_even_when_options_drop() {
        for options in [STRICT, LENIENT] {
            let message = refusal(&["A", "B"], &["X", "Y"], options);
            assert!(message.contains("no name in common"), "{message}");
            assert!(
                message.contains("'A', 'B'") && message.contains("'X', 'Y'"),
                "{message}"
            );
        }
    }

    #[test]
    fn families_named_like_tips_point_to_the_orientation() {
        let table = table(&["f1", "f2"], &["A", "B", "C"]);
        let message = match_names(star(&["A", "B", "D"]), &table, STRICT)
            .unwrap_err()
            .to_string();
        assert!(message.contains("2 of its family names are tips"), "{message}");
        assert!(message.contains("genomes_in_rows, --genomes-in-rows"), "{message}");
    }

    #[test]
    fn names_that_match_only_after_normalisation_are_refused_with_a_hint() {
        let cases = [
            ("K_12", "K 12", "'K 12' would match 'K_12' if blanks were underscores"),
            ("k12", "K12", "'K12' would match 'k12' if case did not count"),
            (
                "K12",
                "'K12'",
                "would match 'K12' if surrounding blanks and quotes were removed",
            ),
            (
                "K12",
                " K12",
                "' K12' would match 'K12' if surrounding blanks and quotes were removed",
            ),
            (
                "k_12",
                "'K 12'",
                "if blanks were underscores, and case and surrounding quotes did not count",
            ),
        ];
        for (tip, genome, expected) in cases {
            let message = refusal(&["A", tip], &["A", genome], STRICT);
            assert!(message.contains(expected), "{message}");
            let message = refusal(&[tip], &[genome], STRICT);
            assert!(message.contains(expected), "{message}");
        }
        let message = refusal(&["A", "B_1", "B_2"], &["A", "B 1", "B 2"], STRICT);
        assert!(
            message.ends_with("if blanks were underscores (1 more such)"),
            "{message}"
        );
    }
}
