//! Reading presence tables: which genome carries which family.
//!
//! A format is one file with a function that recognises it from the first lines ([`Head`]) and one that reads it
//! ([`Input`] to [`Reading`]), and one line in the registry, [`formats`]. Formats that are known but not read stand
//! there too, so that their files are refused by name. Files are read line by line; the memory needed is that of the
//! packed table and its names, or of a list of presences as long as the file.
//!
//! One alphabet of cells serves every format: `0` is absent; a whole number of 1 or more is a copy number, made binary;
//! a decimal with a zero fraction (`1.0`, as pandas writes a column with gaps) is that whole number; `?`, `NA` and
//! `NaN` (any case) are missing. Blanks around a cell do not count. Refused are negative numbers, fractions, other
//! text, and the empty cell, which means absent to some writers and missing to others; in the Roary family, where it
//! is absent by definition, it is accepted, and so are locus tags. Lines that begin with `#` are comments, but not in
//! the Roary family. In a plain table, columns of text before the first column named like a tip are annotations.
//!
//! Any file may be compressed with gzip, begin with a byte-order mark, have line ends of Windows, blank lines, or no
//! line end after the last line.

mod cells;
mod genomes_in_rows;
mod head;
mod header;
mod lines;
mod pairs;
mod plain;
mod record;
mod refused;
mod roary;
mod rtab;
mod transpose;

pub use head::Head;

use crate::error::{TableError, excerpt};
use crate::parallel::Monitor;
use crate::problem::{PresenceTable, Presences};
use lines::Lines;
use std::path::Path;

/// How a table is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableOptions<'a> {
    /// Name of the format; recognised from the first lines where it is not given.
    pub format: Option<&'a str>,
    /// Whether each line is a genome and each column a family, in the formats `tsv` and `csv`.
    pub genomes_in_rows: bool,
}

/// A table and how it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTable {
    /// The table.
    pub table: PresenceTable,
    /// The format taken and why, then what was skipped or converted, one sentence each.
    pub notes: Vec<String>,
    /// Name of the format taken.
    pub format: &'static str,
}

/// Presences in the form in which they were given, and how they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPresences {
    /// The presences.
    pub presences: Presences,
    /// The format taken and why, then what was skipped or converted, one sentence each.
    pub notes: Vec<String>,
    /// Name of the format taken.
    pub format: &'static str,
}

/// One format of the registry.
pub struct Format {
    /// The name that [`TableOptions::format`] takes.
    pub name: &'static str,
    /// The format in one line.
    pub description: &'static str,
    /// Reads it; `None` for a format that is recognised only to be refused.
    pub read: Option<fn(Input<'_>) -> Result<Reading, TableError>>,
    /// Recognises it and says by what.
    pub sniff: fn(&Head<'_>) -> Option<String>,
}

/// A file to read, and what its reader may ask.
pub struct Input<'a> {
    lines: Lines<'a>,
    is_tip: &'a dyn Fn(&str) -> bool,
    genomes_in_rows: bool,
}

/// What a reader returns.
pub struct Reading {
    presences: Presences,
    notes: Vec<String>,
}

const fn read(
    name: &'static str,
    description: &'static str,
    sniff: fn(&Head<'_>) -> Option<String>,
    read: fn(Input<'_>) -> Result<Reading, TableError>,
) -> Format {
    Format {
        name,
        description,
        read: Some(read),
        sniff,
    }
}

const fn refuse(name: &'static str, description: &'static str, sniff: fn(&Head<'_>) -> Option<String>) -> Format {
    Format {
        name,
        description,
        read: None,
        sniff,
    }
}

/// Tried in this order: the first that recognises a file has it.
static FORMATS: [Format; 18] = [
    refuse(
        "archive",
        "a compressed file or a workbook (gzip is read; save a workbook as text)",
        refused::sniff_archive,
    ),
    refuse(
        "mac",
        "a text of old Mac OS (convert its line ends)",
        refused::sniff_mac,
    ),
    refuse("tree", "a tree (were the arguments swapped?)", refused::sniff_tree),
    refuse("fasta", "sequences or phyletic profiles in FASTA", refused::sniff_fasta),
    refuse("xml", "XML, such as a Count session", refused::sniff_xml),
    read(
        "roary",
        "gene_presence_absence.csv of Roary or Panaroo, matrix.csv of PPanGGOLiN",
        roary::sniff,
        roary::read,
    ),
    refuse("cafe", "family counts of CAFE", refused::sniff_cafe),
    refuse(
        "orthofinder",
        "orthogroups of OrthoFinder (GeneCount has a column 'Total')",
        refused::sniff_orthofinder,
    ),
    refuse(
        "orthofinder-hog",
        "hierarchical orthogroups of OrthoFinder",
        refused::sniff_hierarchical,
    ),
    refuse(
        "pirate",
        "gene families of PIRATE (its Rtab is read)",
        refused::sniff_pirate,
    ),
    refuse("mirage", "an input of Mirage", refused::sniff_mirage),
    refuse(
        "completeness",
        "a completeness table, one line a genome",
        refused::sniff_completeness,
    ),
    read(
        "pairs",
        "a list with one line for each family in a genome: family, genome, perhaps copies",
        pairs::sniff,
        pairs::read,
    ),
    read(
        "rtab",
        "Rtab of Roary, Panaroo, PPanGGOLiN or PIRATE: 'Gene', genomes; tabs",
        rtab::sniff,
        rtab::read,
    ),
    read(
        "tsv",
        "families in rows, genomes in columns (or the reverse); tabs",
        plain::sniff_tsv,
        plain::read_tsv,
    ),
    read(
        "csv",
        "families in rows, genomes in columns (or the reverse); commas",
        plain::sniff_csv,
        plain::read_csv,
    ),
    refuse(
        "semicolons",
        "a table with semicolons between its fields",
        refused::sniff_semicolons,
    ),
    refuse(
        "spaces",
        "a table with blanks between its fields (use tabs)",
        refused::sniff_spaces,
    ),
];

/// Returns every known format in the order in which they are tried; those without a reader are refused by name.
#[must_use]
pub fn formats() -> &'static [Format] {
    &FORMATS
}

/// Reads a presence table into one bit a cell; otherwise as [`read_presences`].
///
/// # Errors
/// As [`read_presences`].
pub fn read_table(
    path: &Path,
    options: &TableOptions<'_>,
    is_tip: &dyn Fn(&str) -> bool,
    monitor: &Monitor,
) -> Result<ReadTable, TableError> {
    let read = read_presences(path, options, is_tip, monitor)?;
    Ok(ReadTable {
        table: read.presences.into_table()?,
        notes: read.notes,
        format: read.format,
    })
}

/// Reads presences, a list of them as a list.
///
/// The format is recognised from the first lines unless `options` names it; the file's name decides only between
/// tabs and commas, and only where the lines leave it open. `is_tip` tells whether a name is a tip of the tree, which
/// serves to tell annotation columns from genomes; without a tree it is `|_| false`, and there are none. Tree and
/// table are matched elsewhere ([`match_names`](crate::problem::match_names)). Progress is counted in bytes of text.
///
/// # Errors
/// [`TableError`] for a file that cannot be opened, an unknown format or one that is not read, and whatever is wrong
/// in it, with file and line; [`TableError::Cancelled`] once the monitor says so.
pub fn read_presences(
    path: &Path,
    options: &TableOptions<'_>,
    is_tip: &dyn Fn(&str) -> bool,
    monitor: &Monitor,
) -> Result<ReadPresences, TableError> {
    let named = options.format.map(format_named).transpose()?;
    let mut lines = Lines::open(path, monitor)?;
    let (format, read, why) = match named {
        Some((format, read)) => (format, read, "it was asked for".to_owned()),
        None => recognise(&Head::look(&mut lines, options.genomes_in_rows, is_tip)?, path)?,
    };
    if options.genomes_in_rows && !matches!(format.name, "tsv" | "csv") {
        return Err(TableError::GenomesInColumns { format: format.name });
    }
    let input = Input {
        lines,
        is_tip,
        genomes_in_rows: options.genomes_in_rows,
    };
    let Reading { presences, mut notes } = read(input)?;
    let direction = if options.genomes_in_rows {
        " with genomes in rows"
    } else {
        ""
    };
    notes.insert(0, format!("table read as {}{direction}: {why}", format.name));
    Ok(ReadPresences {
        presences,
        notes,
        format: format.name,
    })
}

type Reader = fn(Input<'_>) -> Result<Reading, TableError>;

fn format_named(name: &str) -> Result<(&'static Format, Reader), TableError> {
    let Some(format) = FORMATS.iter().find(|format| format.name == name) else {
        return Err(TableError::UnknownFormat {
            found: excerpt(name),
            known: readable(),
        });
    };
    let Some(read) = format.read else {
        return Err(TableError::FormatNotRead {
            format: format.name,
            description: format.description,
            known: readable(),
        });
    };
    Ok((format, read))
}

fn recognise(head: &Head<'_>, path: &Path) -> Result<(&'static Format, Reader, String), TableError> {
    let recognised = FORMATS.iter().find_map(|format| Some((format, (format.sniff)(head)?)));
    let Some((format, why)) = recognised else {
        return Err(TableError::Unrecognised {
            path: path.to_owned(),
            found: excerpt(&String::from_utf8_lossy(head.header())),
            known: readable(),
        });
    };
    match format.read {
        Some(read) => Ok((format, read, why)),
        None => Err(TableError::LooksLike {
            path: path.to_owned(),
            format: format.name,
            description: format.description,
            why,
            known: readable(),
        }),
    }
}

fn readable() -> String {
    let names: Vec<&str> = FORMATS
        .iter()
        .filter(|format| format.read.is_some())
        .map(|format| format.name)
        .collect();
    names.join(", ")
}
