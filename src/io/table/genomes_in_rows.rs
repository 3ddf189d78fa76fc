//! Plain tables that lie on their side: one line a genome, one column a family.
//!
//! Lines are packed as they are read and turned at the end, so that the text is never held. There are no annotation
//! columns here: every column after the first is a family.

use super::cells::{self, ALLOWED, CellRow, Tally, read_row};
use super::header::{Header, RowName, identifier};
use super::record::{Records, Separator};
use super::transpose::columns;
use super::{Input, Reading};
use crate::error::TableError;
use crate::problem::{PresenceTable, PresenceTableBuilder};
use hashbrown::HashMap;

/// Reads a table with genomes in rows.
pub(super) fn read(input: Input<'_>, separator: Separator) -> Result<Reading, TableError> {
    let mut records = Records::new(input.lines, separator, true);
    let mut header = Header::read(&mut records)?;
    if header.columns.len() < 2 {
        return Err(TableError::NoFamilies.at(records.path(), header.line));
    }
    let mut rows = GenomeRows::new(header.columns.len() - 1);
    while header.advance(&mut records)? {
        rows.read(&header, &records).map_err(|problem| records.fail(problem))?;
    }
    if rows.genomes.is_empty() {
        return Err(header.without_data(&records));
    }
    let mut notes = Vec::new();
    header.report(&records, &mut notes);
    rows.tally.report(&mut notes);
    let table = rows
        .finish(&header)
        .map_err(|problem| problem.at(records.path(), header.line))?;
    Ok(Reading {
        presences: table.into(),
        notes,
    })
}

struct GenomeRows {
    genomes: Vec<String>,
    seen: HashMap<String, usize, foldhash::fast::RandomState>,
    row: CellRow,
    tally: Tally,
    present: Vec<u64>,
    /// Empty as long as nothing is missing.
    missing: Vec<u64>,
}

impl GenomeRows {
    fn new(n_families: usize) -> Self {
        Self {
            genomes: Vec::new(),
            seen: HashMap::default(),
            row: CellRow::new(n_families),
            tally: Tally::default(),
            present: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Takes the present record as the next genome.
    fn read(&mut self, header: &Header, records: &Records<'_>) -> Result<(), TableError> {
        let genome = records.fields().next().unwrap_or_default();
        let tally = &mut self.tally;
        let width = read_row(records, 1, &mut self.row, |row, column, field| {
            let Some(cell) = cells::parse(field) else {
                return header.refuse(column, field, RowName::Genome(genome), ALLOWED);
            };
            tally.count(cell);
            row.push(cell);
            Ok(())
        })?;
        header.check_width(width)?;
        self.push_name(identifier(genome)?)?;
        if !self.row.missing().is_empty() {
            self.missing.resize(self.present.len(), 0);
            self.missing.extend_from_slice(self.row.missing());
        }
        self.present.extend_from_slice(self.row.present());
        Ok(())
    }

    fn push_name(&mut self, genome: &str) -> Result<(), TableError> {
        let number = self.genomes.len() + 1;
        if genome.is_empty() {
            return Err(TableError::UnnamedGenome { genome: number });
        }
        if let Some(first) = self.seen.insert(genome.to_owned(), number) {
            return Err(TableError::DuplicateGenome {
                name: genome.to_owned(),
                first,
                second: number,
            });
        }
        self.genomes.push(genome.to_owned());
        Ok(())
    }

    fn finish(mut self, header: &Header) -> Result<PresenceTable, TableError> {
        let families = &header.columns[1..];
        let (n_genomes, n_words) = (self.genomes.len(), families.len().div_ceil(64));
        if !self.missing.is_empty() {
            self.missing.resize(self.present.len(), 0);
        }
        let mut builder = PresenceTableBuilder::new(self.genomes)?;
        let words = n_genomes.div_ceil(64);
        for (block, names) in families.chunks(64).enumerate() {
            let present = columns(&self.present, n_genomes, n_words, block);
            let missing = columns(&self.missing, n_genomes, n_words, block);
            for (index, name) in names.iter().enumerate() {
                let range = index * words..(index + 1) * words;
                builder.push_family(name, &present[range.clone()], &missing[range])?;
            }
        }
        builder.finish()
    }
}
