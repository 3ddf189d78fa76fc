//! What can be wrong with a presence table and with its match to a tree.

use std::fmt;
use std::path::{Path, PathBuf};

/// How many names a message lists before it counts the rest.
const N_LISTED: usize = 4;

/// A table that cannot be read or does not fit the tree.
///
/// A problem of one line of a file comes wrapped in [`TableError::At`], which says which file and line.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read as text.
    #[error(transparent)]
    File(#[from] super::FileError),
    /// The user stopped the reading.
    #[error(transparent)]
    Cancelled(#[from] super::Cancelled),
    /// A problem and the line that has it.
    #[error("'{}', line {line}: {problem}", path.display())]
    At {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1; of a record over several lines, the first.
        line: u64,
        /// What is wrong there.
        problem: Box<TableError>,
    },
    /// Nothing but blank or comment lines.
    #[error("'{}' is empty; expected a header line and one line for each family", path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// A header and no data.
    #[error("'{}' has a header (line {line}) but no line of data below it", path.display())]
    HeaderOnly {
        /// The file.
        path: PathBuf,
        /// Line of the header.
        line: u64,
    },
    /// A format name that nobody knows.
    #[error("unknown table format '{found}'; known: {known}")]
    UnknownFormat {
        /// What was asked for.
        found: String,
        /// The formats that are read.
        known: String,
    },
    /// A text in a format that is recognised but not read.
    #[error(
        "'{}' looks like {description}: {why}; the format '{format}' is not read as a table; formats that are read: \
         {known}",
        path.display()
    )]
    LooksLike {
        /// The file.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// The format in words.
        description: &'static str,
        /// How it was recognised.
        why: String,
        /// The formats that are read.
        known: String,
    },
    /// A format asked for by name that is known but not read.
    #[error("the format '{format}' ({description}) is known but not read as a table; formats that are read: {known}")]
    FormatNotRead {
        /// Name of the format.
        format: &'static str,
        /// The format in words.
        description: &'static str,
        /// The formats that are read.
        known: String,
    },
    /// No format fits.
    #[error(
        "'{}' fits no table format: its first line, '{found}', has one column; formats that are read: {known}, with \
         columns separated by tabs or commas",
        path.display()
    )]
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// Beginning of the first line.
        found: String,
        /// The formats that are read.
        known: String,
    },
    /// Genomes in rows, in a format that has them in columns by definition.
    #[error("genomes_in_rows (--genomes-in-rows) goes with the formats tsv and csv; '{format}' has genomes in columns")]
    GenomesInColumns {
        /// The format taken.
        format: &'static str,
    },
    /// The first column is a genome where family names are expected.
    #[error(
        "the first column, '{column}', is a tip of the tree; the first column holds the family names: add such a column"
    )]
    FirstColumnIsTip {
        /// Name of the column.
        column: String,
    },
    /// The column with the family names is missing.
    #[error("no column is called '{expected}'; expected one with the family names")]
    NoFamilyColumn {
        /// Name of the column.
        expected: &'static str,
    },
    /// The table has no genome column.
    #[error("the table has no genomes")]
    NoGenomes,
    /// The table has no families.
    #[error("the table has no families")]
    NoFamilies,
    /// A header field without text.
    #[error("column {column} of {n_columns} has no name")]
    UnnamedColumn {
        /// The column, counted from 1.
        column: usize,
        /// Columns in all.
        n_columns: usize,
    },
    /// Two columns of one name.
    #[error("column name '{name}' occurs more than once: in columns {first} and {second}")]
    DuplicateColumn {
        /// The name.
        name: String,
        /// Its first column, counted from 1.
        first: usize,
        /// Its second.
        second: usize,
    },
    /// A genome without a name.
    #[error("genome {genome} has no name")]
    UnnamedGenome {
        /// The genome, counted from 1.
        genome: usize,
    },
    /// Two genomes of one name.
    #[error("genome name '{name}' occurs more than once: as genome {first} and as genome {second}")]
    DuplicateGenome {
        /// The name.
        name: String,
        /// Its first place, counted from 1.
        first: usize,
        /// Its second.
        second: usize,
    },
    /// A family without a name.
    #[error("family {family} has no name")]
    UnnamedFamily {
        /// The family, counted from 1.
        family: usize,
    },
    /// Two families of one name.
    #[error("family name '{name}' occurs more than once: as family {first} and as family {second}")]
    DuplicateFamily {
        /// The name.
        name: String,
        /// Its first place, counted from 1.
        first: usize,
        /// Its second.
        second: usize,
    },
    /// More text in names than can be addressed.
    #[error("the family names hold more than 4 GiB of text")]
    NamesTooLong,
    /// A line with too many or too few fields.
    #[error(
        "{found} fields where the header has {expected}{}",
        if *found == expected + 1 { " (does the header lack a name for the first column, or this line end in a separator?)" } else { "" }
    )]
    Width {
        /// Fields of the line.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A cell that is not in the format's alphabet.
    #[error("family '{family}', genome '{genome}' (column {column}): found '{found}'; allowed: {allowed}")]
    Cell {
        /// The family.
        family: String,
        /// The genome.
        genome: String,
        /// The column, counted from 1.
        column: usize,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A name that is not text.
    #[error("column {column}: the name '{found}' is not valid UTF-8")]
    NotUtf8 {
        /// The column, counted from 1.
        column: usize,
        /// The name, with replacement characters.
        found: String,
    },
    /// A quoted field without an end.
    #[error("column {column}: the quote that opens the field is not closed")]
    UnclosedQuote {
        /// The column, counted from 1.
        column: usize,
    },
    /// Text between a closing quote and the next separator.
    #[error("column {column}: '{found}' follows the closing quote; expected a separator or the end of the line")]
    TextAfterQuote {
        /// The column, counted from 1.
        column: usize,
        /// The character after the quote.
        found: String,
    },
    /// A matrix that does not fit its names.
    #[error(
        "the matrix is {rows} x {columns}, but there are {genomes} genome names and {families} family names; expected \
         n_genomes x n_families"
    )]
    MatrixShape {
        /// Rows of the matrix.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// Number of genome names.
        genomes: usize,
        /// Number of family names.
        families: usize,
    },
    /// A matrix cell outside the alphabet.
    #[error("genome '{genome}', family '{family}': found {value}; allowed: 0 (absent), 1 (present), -1 (missing)")]
    MatrixValue {
        /// The genome.
        genome: String,
        /// The family.
        family: String,
        /// What was found.
        value: i8,
    },
    /// Packed cells that break what the table promises.
    #[error(
        "family '{family}': packed cells must be {words} words, with no bit beyond the last genome and none both present \
         and missing"
    )]
    PackedCells {
        /// The family.
        family: String,
        /// Words a family takes.
        words: usize,
    },
    /// Tips without a column, columns without a tip, or both.
    #[error("{}", unmatched(tips, *n_tips, genomes, *n_genomes, hint))]
    Unmatched {
        /// Tips without a column.
        tips: Listed,
        /// Tips in all.
        n_tips: usize,
        /// Columns without a tip.
        genomes: Listed,
        /// Columns in all.
        n_genomes: usize,
        /// What would bring some of them together.
        hint: Option<String>,
    },
    /// Not one name in common.
    #[error(
        "tree and table have no name in common: the tips are called {tips}, the table's genomes {genomes}{}",
        hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"))
    )]
    NothingInCommon {
        /// The tips.
        tips: Listed,
        /// The genomes.
        genomes: Listed,
        /// What may be the cause.
        hint: Option<String>,
    },
    /// Something is wrong with a list of presences.
    #[error(transparent)]
    Pairs(#[from] super::PairsError),
    /// Pruning the tree failed.
    #[error(transparent)]
    Tree(#[from] super::TreeError),
}

impl TableError {
    /// Returns this problem with the line that has it.
    #[must_use]
    pub fn at(self, path: &Path, line: u64) -> Self {
        Self::At {
            path: path.to_owned(),
            line,
            problem: Box::new(self),
        }
    }
}

/// The first few of many names, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The first names.
    pub first: Vec<String>,
    /// How many names there are in all.
    pub count: usize,
}

impl<S: AsRef<str>> FromIterator<S> for Listed {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut list = Self::default();
        for name in names {
            if list.count < N_LISTED {
                list.first.push(super::excerpt(name.as_ref()));
            }
            list.count += 1;
        }
        list
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.first.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}'{name}'")?;
        }
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

fn unmatched(tips: &Listed, n_tips: usize, genomes: &Listed, n_genomes: usize, hint: &Option<String>) -> String {
    let mut parts = Vec::new();
    if tips.count > 0 {
        parts.push(format!(
            "{} of {n_tips} tips have no column in the table: {tips} (prune_tree (--prune-tree) drops such tips)",
            tips.count
        ));
    }
    if genomes.count > 0 {
        parts.push(format!(
            "{} of {n_genomes} genomes of the table are not in the tree: {genomes} (drop_extra_genomes \
             (--drop-extra-genomes) leaves such genomes out)",
            genomes.count
        ));
    }
    parts.extend(hint.clone());
    parts.join("; ")
}
