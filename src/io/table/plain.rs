//! Plain tables, tab- or comma-separated: a header, the family names in the first column, one column a genome.
//!
//! Columns between the family names and the first column named like a tip of the tree may be annotations (Count's
//! `cat symbol description`). Such a column is one, and is skipped, if at least one of its fields is not a cell;
//! with nothing but cells it is a genome that the tree lacks. Since that is known only at the end of the file, these
//! columns are packed like genomes until one of their fields proves to be text. Skipped fields need not be UTF-8.
//! Where no column at all is named like a tip, every column is a genome.

use super::cells::{self, ALLOWED, Cell, CellRow, Tally, read_row};
use super::head::Head;
use super::header::{Header, RowName, identifier};
use super::record::{Records, Separator};
use super::{Input, Reading, genomes_in_rows};
use crate::error::{Listed, TableError};
use crate::problem::{PresenceTable, PresenceTableBuilder};

/// Recognises any table with tabs between its fields.
pub(super) fn sniff_tsv(head: &Head) -> Option<String> {
    let n_fields = head.fields(Separator::Tab).len();
    (head.separator() == Some(Separator::Tab))
        .then(|| format!("its first line has {n_fields} fields separated by tabs"))
}

/// Recognises any table with commas between its fields.
pub(super) fn sniff_csv(head: &Head) -> Option<String> {
    let n_fields = head.fields(Separator::Comma).len();
    (head.separator() == Some(Separator::Comma))
        .then(|| format!("its first line has {n_fields} fields separated by commas"))
}

/// Reads a tab-separated table.
pub(super) fn read_tsv(input: Input<'_>) -> Result<Reading, TableError> {
    read(input, Separator::Tab)
}

/// Reads a comma-separated table.
pub(super) fn read_csv(input: Input<'_>) -> Result<Reading, TableError> {
    read(input, Separator::Comma)
}

fn read(input: Input<'_>, separator: Separator) -> Result<Reading, TableError> {
    if input.genomes_in_rows {
        genomes_in_rows::read(input, separator)
    } else {
        read_families(input, separator)
    }
}

/// A column that is an annotation or a genome the tree lacks: not known before the end.
#[derive(Debug, Clone, Default)]
struct Candidate {
    is_text: bool,
    tally: Tally,
}

/// Reads a table with families in rows.
pub(super) fn read_families(input: Input<'_>, separator: Separator) -> Result<Reading, TableError> {
    let mut records = Records::new(input.lines, separator, true);
    let mut header = Header::read(&mut records)?;
    let (first, genomes) = header
        .columns
        .split_first()
        .map(|(first, rest)| (first.clone(), rest.to_vec()))
        .unwrap_or_default();
    let at_header = |problem: TableError| problem.at(records.path(), header.line);
    if (input.is_tip)(&first) {
        return Err(at_header(TableError::FirstColumnIsTip { column: first }));
    }
    if genomes.is_empty() {
        return Err(at_header(TableError::NoGenomes));
    }
    let first_tip = genomes.iter().position(|genome| (input.is_tip)(genome));
    let mut rows = FamilyRows {
        row: CellRow::new(genomes.len()),
        builder: PresenceTableBuilder::new(genomes).map_err(at_header)?,
        candidates: vec![Candidate::default(); first_tip.unwrap_or(0)],
        tally: Tally::default(),
        allowed: if first_tip.is_some() {
            ALLOWED
        } else {
            ALLOWED_WITHOUT_TIPS
        },
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
    let table = rows.finish(&header, &mut notes)?;
    Ok(Reading {
        presences: table.into(),
        notes,
    })
}

const ALLOWED_WITHOUT_TIPS: &str = "0 (absent), a whole number of 1 or more (present), ? or NA (missing); no column is \
                                    named like a tip of the tree, so none could be recognised as an annotation";

struct FamilyRows {
    row: CellRow,
    builder: PresenceTableBuilder,
    candidates: Vec<Candidate>,
    tally: Tally,
    allowed: &'static str,
}

impl FamilyRows {
    /// Takes the present record as the next family.
    fn read(&mut self, header: &Header, records: &Records<'_>) -> Result<(), TableError> {
        let family = records.fields().next().unwrap_or_default();
        let Self {
            row,
            builder,
            candidates,
            tally,
            allowed,
        } = self;
        let n_leading = candidates.len() + 1;
        let width = read_row(records, n_leading, row, |row, column, field| {
            let candidate = candidates.get_mut(column - 1);
            match (cells::parse(field), candidate) {
                (_, Some(candidate)) if candidate.is_text => row.push(Cell::ABSENT),
                (None, Some(candidate)) => {
                    candidate.is_text = true;
                    row.push(Cell::ABSENT);
                }
                (Some(cell), candidate) => {
                    candidate
                        .map_or(&mut *tally, |candidate| &mut candidate.tally)
                        .count(cell);
                    row.push(cell);
                }
                (None, None) => return header.refuse(column, field, RowName::Family(family), allowed),
            }
            Ok(())
        })?;
        header.check_width(width)?;
        builder.push_family(identifier(family)?, row.present(), row.missing())
    }

    fn finish(mut self, header: &Header, notes: &mut Vec<String>) -> Result<PresenceTable, TableError> {
        let skipped: Listed = self
            .candidates
            .iter()
            .zip(&header.columns[1..])
            .filter(|(candidate, _)| candidate.is_text)
            .map(|(_, name)| name)
            .collect();
        if skipped.count > 0 {
            notes.push(format!(
                "columns of text before the first genome of the tree, skipped as annotations: {} ({skipped})",
                skipped.count
            ));
            let mut keep = vec![true; header.columns.len() - 1];
            for (keep, candidate) in keep.iter_mut().zip(&self.candidates) {
                *keep = !candidate.is_text;
            }
            self.builder.retain_genomes(&keep);
        }
        for candidate in self.candidates.iter().filter(|candidate| !candidate.is_text) {
            self.tally.add(candidate.tally);
        }
        self.tally.report(notes);
        self.builder.finish()
    }
}
