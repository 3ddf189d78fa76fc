//! Lists of presences: one line for each family in a genome, with tabs or commas, perhaps the number of copies third.
//!
//! The first line is a header if it names both columns, in either order and any case: the families `family`, `gene`,
//! `orthogroup`, `cluster` or `group`, the genomes `genome`, `taxon`, `species`, `strain`, `isolate`, `sample` or `tip`.
//! Otherwise it is a presence if its second field is a tip of the tree, and refused if not: a header nobody knows would
//! become a family. Without a header the family comes first.
//!
//! The third column, which all lines have or none, holds cells as every table has them: 0 says that the family is
//! absent, and so names a family or a genome without presences; `?` that it is not known. A family that is listed
//! twice in a genome is refused with both lines, whatever they say: nobody knows whether copies were meant to add up.
//! A genome that no line names is none of the list.
//!
//! Time and memory are proportional to the lines.

use super::cells::{self, ALLOWED, Cell, Tally};
use super::head::Head;
use super::header::{excerpt, name};
use super::record::{Records, Separator};
use super::{Input, Reading};
use crate::error::{PairsError, TableError};
use crate::problem::{Interner, Listing, PresenceListsBuilder};

const FAMILY: [&str; 5] = ["family", "gene", "orthogroup", "cluster", "group"];
const GENOME: [&str; 7] = ["genome", "taxon", "species", "strain", "isolate", "sample", "tip"];

/// In which of the first two fields the family stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    FamilyFirst,
    GenomeFirst,
}

/// Recognises a header of such a list, or lines of two or three fields of which the second is no cell.
///
/// A table of one or two genomes with a wrong cell looks like the latter; it has a tip in its header, a list in its
/// lines.
pub(super) fn sniff(head: &Head) -> Option<String> {
    let separator = head.separator()?;
    let (fields, row) = (head.fields(separator), head.row_fields(separator));
    let n_fields = fields.len();
    if !(2..=3).contains(&n_fields) || head.genomes_in_rows() {
        return None;
    }
    if has_header(head) {
        return Some(format!("the header is '{}'", fields.join("', '")));
    }
    let header_has_tip = fields.iter().any(|field| head.is_tip(field));
    let is_cell = |field: &String| cells::parse(field.as_bytes()).is_some();
    let is_pair = match row.as_slice() {
        [_, genome] => !genome.is_empty() && !is_cell(genome),
        [_, genome, count] => !genome.is_empty() && !is_cell(genome) && is_cell(count),
        _ => false,
    };
    (is_pair && n_fields == row.len() && (!header_has_tip || head.is_tip(&row[1]))).then(|| {
        format!(
            "its lines have {n_fields} fields and the second, '{}', is no cell",
            row[1]
        )
    })
}

/// Returns whether the first line is the header of such a list.
pub(super) fn has_header(head: &Head) -> bool {
    let Some(separator) = head.separator() else {
        return false;
    };
    let fields = head.fields(separator);
    let names_both = |fields: &[String]| order_of(fields[0].as_bytes(), fields[1].as_bytes()).is_some();
    (2..=3).contains(&fields.len()) && names_both(&fields) && !fields.iter().any(|field| head.is_tip(field))
}

/// Reads such a list.
pub(super) fn read(mut input: Input<'_>) -> Result<Reading, TableError> {
    let separator = Head::look(&mut input.lines, false, input.is_tip)?.separator();
    let mut records = Records::new(input.lines, separator.unwrap_or(Separator::Tab), true);
    if !records.advance()? {
        let path = records.path().to_owned();
        return Err(TableError::EmptyFile { path });
    }
    let first = First::new(&records, input.is_tip).map_err(|problem| records.fail(problem))?;
    let mut pairs = Pairs::new(first);
    let mut is_data = !first.is_header || records.advance()?;
    if !is_data {
        return Err(TableError::HeaderOnly {
            path: records.path().to_owned(),
            line: records.line(),
        });
    }
    while is_data {
        pairs.read(&records).map_err(|problem| records.fail(problem))?;
        is_data = records.advance()?;
    }
    let mut notes = Vec::new();
    if records.n_comments() > 0 {
        let count = records.n_comments();
        notes.push(format!("comment lines (they begin with '#'), skipped: {count}"));
    }
    pairs.tally.report(&mut notes);
    pairs.finish(&records, notes)
}

fn order_of(first: &[u8], second: &[u8]) -> Option<Order> {
    let is_one_of = |field: &[u8], names: &[&str]| {
        let field = field.trim_ascii();
        names.iter().any(|name| field.eq_ignore_ascii_case(name.as_bytes()))
    };
    if is_one_of(first, &FAMILY) && is_one_of(second, &GENOME) {
        Some(Order::FamilyFirst)
    } else if is_one_of(first, &GENOME) && is_one_of(second, &FAMILY) {
        Some(Order::GenomeFirst)
    } else {
        None
    }
}

/// What the first line says of all.
#[derive(Debug, Clone, Copy)]
struct First {
    is_header: bool,
    order: Order,
    n_fields: usize,
}

impl First {
    fn new(records: &Records<'_>, is_tip: &dyn Fn(&str) -> bool) -> Result<Self, TableError> {
        let n_fields = records.fields().count();
        let mut fields = records.fields();
        let (Some(first), Some(second), 2..=3) = (fields.next(), fields.next(), n_fields) else {
            return Err(TableError::from(PairsError::Fields {
                found: n_fields,
                expected: 2,
            }));
        };
        let order = order_of(first, second);
        if order.is_none() && !is_tip(name(second, 2)?) {
            return Err(TableError::from(PairsError::Header {
                first: excerpt(first),
                second: excerpt(second),
                families: FAMILY.join(", "),
                genomes: GENOME.join(", "),
            }));
        }
        Ok(Self {
            is_header: order.is_some(),
            order: order.unwrap_or(Order::FamilyFirst),
            n_fields,
        })
    }
}

struct Pairs {
    first: First,
    families: Interner,
    genomes: Interner,
    entries: PresenceListsBuilder,
    n_entries: usize,
    /// From which entry on lines are so many further down than entries; blank lines and comments add to it.
    lines: Vec<(usize, u64)>,
    tally: Tally,
}

impl Pairs {
    fn new(first: First) -> Self {
        Self {
            first,
            families: Interner::default(),
            genomes: Interner::default(),
            entries: PresenceListsBuilder::default(),
            n_entries: 0,
            lines: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Takes the present record.
    fn read(&mut self, records: &Records<'_>) -> Result<(), TableError> {
        let mut fields = [&b""[..]; 3];
        let mut found = 0;
        for field in records.fields() {
            if let Some(place) = fields.get_mut(found) {
                *place = field;
            }
            found += 1;
        }
        let expected = self.first.n_fields;
        if found != expected {
            return Err(TableError::from(PairsError::Fields { found, expected }));
        }
        let (family, genome) = match self.first.order {
            Order::FamilyFirst => (named(fields[0], 1, "family")?, named(fields[1], 2, "genome")?),
            Order::GenomeFirst => (named(fields[1], 2, "family")?, named(fields[0], 1, "genome")?),
        };
        let listing = if found < 3 {
            Listing::Present
        } else {
            self.listing(family, genome, fields[2])?
        };
        let (family, genome) = (self.families.number(family)?, self.genomes.number(genome)?);
        self.entries.push(family, genome, listing)?;
        let skipped = records.line() - self.n_entries as u64;
        if self.lines.last().is_none_or(|&(_, before)| before != skipped) {
            self.lines.push((self.n_entries, skipped));
        }
        self.n_entries += 1;
        Ok(())
    }

    fn listing(&mut self, family: &str, genome: &str, field: &[u8]) -> Result<Listing, PairsError> {
        let Some(cell) = cells::parse(field) else {
            return Err(PairsError::Copies {
                family: excerpt(family.as_bytes()),
                genome: excerpt(genome.as_bytes()),
                found: excerpt(field),
                allowed: ALLOWED,
            });
        };
        self.tally.count(cell);
        Ok(match cell {
            Cell::Count { copies: 0, .. } => Listing::Absent,
            Cell::Count { .. } => Listing::Present,
            Cell::Missing => Listing::Missing,
        })
    }

    fn finish(self, records: &Records<'_>, notes: Vec<String>) -> Result<Reading, TableError> {
        let line_of = |entry: usize| {
            let run = self.lines.partition_point(|&(first, _)| first <= entry);
            entry as u64 + self.lines[run - 1].1
        };
        let (families, genomes) = (self.families.into_names(), self.genomes.into_names());
        let genome_names = genomes.iter().map(str::to_owned).collect();
        // Names were numbered as they came, so that an error can still name them.
        let lists = self
            .entries
            .finish(genome_names, families)
            .map_err(|(twice, families)| {
                let second = line_of(twice.second);
                let problem = PairsError::Repeated {
                    family: crate::error::excerpt(families.get(twice.family)),
                    genome: crate::error::excerpt(genomes.get(twice.genome)),
                    unit: "line",
                    first: line_of(twice.first),
                    second,
                };
                TableError::from(problem).at(records.path(), second)
            })?;
        Ok(Reading {
            presences: lists.into(),
            notes,
        })
    }
}

/// Returns the name in a field; one of blanks is none.
fn named<'a>(field: &'a [u8], column: usize, what: &'static str) -> Result<&'a str, TableError> {
    let name = name(field, column)?;
    if name.trim().is_empty() {
        return Err(TableError::from(PairsError::Unnamed { what }));
    }
    Ok(name)
}
