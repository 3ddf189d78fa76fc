//! A presence table in either form: a bit a cell, or a list of presences.

use super::matching::match_genomes;
use super::{MatchOptions, Matched, Names, Patterns, PresenceLists, PresenceTable, Tree};
use crate::error::{Listed, PairsError, TableError};
use hashbrown::HashSet;

/// A presence table as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presences {
    /// One bit a cell.
    Packed(PresenceTable),
    /// Presences alone.
    Listed(PresenceLists),
}

impl From<PresenceTable> for Presences {
    fn from(table: PresenceTable) -> Self {
        Self::Packed(table)
    }
}

impl From<PresenceLists> for Presences {
    fn from(lists: PresenceLists) -> Self {
        Self::Listed(lists)
    }
}

impl Presences {
    /// Returns the name of each genome, `[n_genomes]`.
    #[must_use]
    pub fn genomes(&self) -> &[String] {
        match self {
            Self::Packed(table) => table.genomes(),
            Self::Listed(lists) => lists.genomes(),
        }
    }

    /// Returns the name of each family, `[n_families]`.
    #[must_use]
    pub fn families(&self) -> &Names {
        match self {
            Self::Packed(table) => table.families(),
            Self::Listed(lists) => lists.families(),
        }
    }

    /// Returns the distinct columns over the tips that `column_of_tip` (`[n_tips]`) pairs with genomes.
    #[must_use]
    pub fn distinct(&self, column_of_tip: &[u32]) -> Patterns {
        match self {
            Self::Packed(table) => Patterns::distinct(table, column_of_tip),
            Self::Listed(lists) => Patterns::distinct_lists(lists, column_of_tip),
        }
    }

    /// Returns the table with one bit a cell.
    ///
    /// # Errors
    /// As [`PresenceLists::to_table`].
    pub fn into_table(self) -> Result<PresenceTable, TableError> {
        match self {
            Self::Packed(table) => Ok(table),
            Self::Listed(lists) => lists.to_table(),
        }
    }

    /// As [`match_names`](super::match_names), and with [`MatchOptions::absent_genomes`] takes tips that a list never
    /// names as genomes without any of its families.
    ///
    /// # Errors
    /// As [`match_names`](super::match_names); [`PairsError::AbsentGenomes`] if that option comes with a packed table.
    pub fn match_tree(&mut self, tree: Tree, options: MatchOptions) -> Result<Matched, TableError> {
        let mut note = None;
        if options.absent_genomes {
            let Self::Listed(lists) = self else {
                return Err(TableError::from(PairsError::AbsentGenomes));
            };
            note = add_absent(lists, &tree);
        }
        let may_be_absent = matches!(self, Self::Listed(_)) && !options.absent_genomes;
        let mut matched = match_genomes(tree, self.genomes(), self.families(), options)
            .map_err(|error| if may_be_absent { with_hint(error) } else { error })?;
        matched.notes.extend(note);
        Ok(matched)
    }
}

/// Adds the tips that a list lacks, unless it lacks all of them, and says which.
fn add_absent(lists: &mut PresenceLists, tree: &Tree) -> Option<String> {
    let absent: Vec<String> = {
        let listed: HashSet<&str, foldhash::fast::RandomState> = lists.genomes().iter().map(String::as_str).collect();
        let absent = tree.tip_names().filter(|tip| !listed.contains(tip));
        absent.map(str::to_owned).collect()
    };
    if absent.is_empty() || absent.len() == tree.n_tips() {
        return None;
    }
    let names: Listed = absent.iter().collect();
    lists.add_absent(absent.into_iter());
    Some(format!(
        "tips that the list never names, taken as genomes without any of its families: {} of {} ({names})",
        names.count,
        tree.n_tips()
    ))
}

/// Adds how tips may be taken that a list never names.
fn with_hint(error: TableError) -> TableError {
    const HINT: &str = "absent_genomes (--absent-genomes) takes tips that the list never names as genomes without any of \
                        its families";
    match error {
        TableError::Unmatched {
            tips,
            n_tips,
            genomes,
            n_genomes,
            hint,
        } if tips.count > 0 => TableError::Unmatched {
            tips,
            n_tips,
            genomes,
            n_genomes,
            hint: Some(hint.map_or_else(|| HINT.to_owned(), |hint| format!("{HINT}; {hint}"))),
        },
        other => other,
    }
}
