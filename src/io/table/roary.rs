//! `gene_presence_absence.csv` as Roary, Panaroo and PPanGGOLiN (`matrix.csv`) write it.
//!
//! Columns are found by header name, whatever their order and case: Roary's 14 (Panaroo's own file has only the first
//! three) and `Inference` describe the family, every other column is a genome. A cell holds the locus tags of the
//! genome's copies, separated by tabs, semicolons or blanks; an empty cell or `0` is absent. Cells of 0 and 1, as in
//! Scoary's examples, are read as numbers, and `?`, `NA` and `NaN` as missing; any other text is a locus tag.
//! Loci that their writer marks (`_refound_`, `_stop`, `_len`) count as present.

use super::cells::{self, Cell, CellRow, Tally};
use super::head::Head;
use super::header::{Header, RowName, identifier};
use super::record::{Records, Separator};
use super::{Input, Reading};
use crate::error::TableError;
use crate::problem::PresenceTableBuilder;

/// The columns that are no genomes; the first is the family.
const FIXED: [&str; 15] = [
    "gene",
    "non-unique gene name",
    "annotation",
    "no. isolates",
    "no. sequences",
    "avg sequences per isolate",
    "genome fragment",
    "order within fragment",
    "accessory fragment",
    "accessory order with fragment",
    "qc",
    "min group size nuc",
    "max group size nuc",
    "avg group size nuc",
    "inference",
];

const ALLOWED: &str = "locus tags or a whole number (0 or empty is absent), ? or NA (missing)";

/// Recognises a comma-separated header with Roary's first three columns.
pub(super) fn sniff(head: &Head) -> Option<String> {
    let fields: Vec<String> = head
        .fields(Separator::Comma)
        .iter()
        .map(|field| field.to_lowercase())
        .collect();
    FIXED[..3]
        .iter()
        .all(|&name| fields.iter().any(|field| field == name))
        .then(|| "the header has the columns 'Gene', 'Non-unique Gene name' and 'Annotation'".to_owned())
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Family,
    Description,
    Genome,
}

fn role(name: &str) -> Role {
    match FIXED.iter().position(|&fixed| name.eq_ignore_ascii_case(fixed)) {
        Some(0) => Role::Family,
        Some(_) => Role::Description,
        None => Role::Genome,
    }
}

/// Reads such a table.
pub(super) fn read(input: Input<'_>) -> Result<Reading, TableError> {
    let mut records = Records::new(input.lines, Separator::Comma, false);
    let mut header = Header::read(&mut records)?;
    let at_header = |problem: TableError| problem.at(records.path(), header.line);
    let roles: Vec<Role> = header.columns.iter().map(|name| role(name)).collect();
    if !roles.contains(&Role::Family) {
        return Err(at_header(TableError::NoFamilyColumn { expected: "Gene" }));
    }
    let genomes: Vec<String> = header
        .columns
        .iter()
        .zip(&roles)
        .filter(|&(_, &role)| role == Role::Genome)
        .map(|(name, _)| name.clone())
        .collect();
    if genomes.is_empty() {
        return Err(at_header(TableError::NoGenomes));
    }
    let mut rows = FamilyRows {
        row: CellRow::new(genomes.len()),
        builder: PresenceTableBuilder::new(genomes).map_err(at_header)?,
        roles,
        tally: Tally::default(),
        several_loci: 0,
    };
    let mut is_empty = true;
    while header.advance(&mut records)? {
        is_empty = false;
        rows.read(&header, &records).map_err(|problem| records.fail(problem))?;
    }
    if is_empty {
        return Err(header.without_data(&records));
    }
    let mut notes = Vec::new();
    header.report(&records, &mut notes);
    rows.tally.report(&mut notes);
    if rows.several_loci > 0 {
        notes.push(format!(
            "cells with several loci, read as present: {}",
            rows.several_loci
        ));
    }
    let table = rows.builder.finish()?;
    Ok(Reading {
        presences: table.into(),
        notes,
    })
}

struct FamilyRows {
    roles: Vec<Role>,
    row: CellRow,
    tally: Tally,
    several_loci: u64,
    builder: PresenceTableBuilder,
}

impl FamilyRows {
    /// Takes the present record as the next family.
    fn read(&mut self, header: &Header, records: &Records<'_>) -> Result<(), TableError> {
        self.row.clear();
        let mut family: &[u8] = b"";
        let mut width = cells::Width {
            n_fields: 0,
            last_is_empty: false,
        };
        for (column, field) in records.fields().enumerate() {
            width.n_fields += 1;
            width.last_is_empty = field.is_empty();
            match self.roles.get(column) {
                Some(Role::Family) => family = field,
                Some(Role::Genome) => match self.cell(field) {
                    Some(cell) => self.row.push(cell),
                    None => return header.refuse(column, field, RowName::Family(family), ALLOWED),
                },
                Some(Role::Description) | None => {}
            }
        }
        header.check_width(width)?;
        let name = identifier(family)?;
        self.builder.push_family(name, self.row.present(), self.row.missing())
    }

    /// Reads one cell; `None` for a number that is no number of copies.
    fn cell(&mut self, field: &[u8]) -> Option<Cell> {
        let text = field.trim_ascii();
        if text.is_empty() {
            return Some(Cell::ABSENT);
        }
        if let Some(cell) = cells::parse(text) {
            self.tally.count(cell);
            return Some(cell);
        }
        let is_numeric = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.');
        let is_number = |text: &str| text.parse::<f64>().is_ok();
        if text.iter().all(is_numeric) && std::str::from_utf8(text).is_ok_and(is_number) {
            return None;
        }
        let is_between = |byte: &u8| matches!(byte, b'\t' | b';' | b' ');
        let n_loci = text.split(is_between).filter(|locus| !locus.is_empty()).count();
        self.several_loci += u64::from(n_loci > 1);
        (n_loci > 0).then_some(Cell::Count {
            copies: n_loci as u64,
            is_decimal: false,
        })
    }
}
