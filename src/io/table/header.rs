//! The header line: the name of each column.
//!
//! It is the first line that is neither blank nor a comment, with one exception: where that line holds nothing but
//! cells after its first field, and the comment just above it has as many fields, that comment is the header, as in
//! `#OTU ID<TAB>genome...`. A last field without a name, as left by a separator at the end of the line (BadiRate
//! writes such), is no column; data lines may then end in a separator as well or not.

use super::cells::{self, Width};
use super::record::{Fields, Records};
use crate::error::TableError;
use crate::problem::repeated;

/// The columns of a table.
pub(super) struct Header {
    /// Name of each column; the first may be empty.
    pub(super) columns: Vec<String>,
    /// The line it stands in.
    pub(super) line: u64,
    /// Whether a separator ends it.
    ends_in_separator: bool,
    /// Whether it stands in a comment line.
    is_comment: bool,
    /// Whether the present record is the first line of data.
    row_is_ready: bool,
}

/// What the line of a cell is called.
#[derive(Debug, Clone, Copy)]
pub(super) enum RowName<'a> {
    Family(&'a [u8]),
    Genome(&'a [u8]),
}

impl Header {
    /// Reads the header of a file of which nothing has been read.
    ///
    /// # Errors
    /// [`TableError`] for an empty file, a column without a name (the first and a trailing one excepted), a repeated
    /// name, a name that is not UTF-8.
    pub(super) fn read(records: &mut Records<'_>) -> Result<Self, TableError> {
        if !records.advance()? {
            return Err(TableError::EmptyFile {
                path: records.path().to_owned(),
            });
        }
        let separator = records.separator();
        if let Some((line, comment)) = records.take_last_comment() {
            let names = || Fields::split(comment.strip_prefix(b"#").unwrap_or(&comment), separator);
            let is_header = names().count() > 1
                && names().count() == records.fields().count()
                && records.fields().skip(1).all(|field| cells::parse(field).is_some());
            if is_header {
                let header = Self::from_fields(names(), line, true);
                return header.map_err(|problem| problem.at(records.path(), line));
            }
        }
        let header = Self::from_fields(records.fields(), records.line(), false);
        header.map_err(|problem| records.fail(problem))
    }

    fn from_fields<'a>(
        fields: impl Iterator<Item = &'a [u8]>,
        line: u64,
        is_comment: bool,
    ) -> Result<Self, TableError> {
        let mut columns = Vec::new();
        for (index, field) in fields.enumerate() {
            columns.push(name(field, index + 1)?.to_owned());
        }
        let ends_in_separator = columns.len() > 1 && columns.last().is_some_and(String::is_empty);
        if ends_in_separator {
            columns.pop();
        }
        if let Some(unnamed) = columns.iter().skip(1).position(String::is_empty) {
            return Err(TableError::UnnamedColumn {
                column: unnamed + 2,
                n_columns: columns.len(),
            });
        }
        if let Some((first, second)) = repeated(&columns) {
            return Err(TableError::DuplicateColumn {
                name: excerpt(columns[second].as_bytes()),
                first: first + 1,
                second: second + 1,
            });
        }
        Ok(Self {
            columns,
            line,
            ends_in_separator,
            is_comment,
            row_is_ready: is_comment,
        })
    }

    /// Goes to the next line of data; false at the end of the file.
    pub(super) fn advance(&mut self, records: &mut Records<'_>) -> Result<bool, TableError> {
        Ok(std::mem::take(&mut self.row_is_ready) || records.advance()?)
    }

    /// Refuses a field that is no cell; one beyond the last column waits for [`Self::check_width`].
    pub(super) fn refuse(
        &self,
        column: usize,
        field: &[u8],
        row: RowName<'_>,
        allowed: &'static str,
    ) -> Result<(), TableError> {
        let Some(name) = self.columns.get(column) else {
            return Ok(());
        };
        let (family, genome) = match row {
            RowName::Family(family) => (family, name.as_bytes()),
            RowName::Genome(genome) => (name.as_bytes(), genome),
        };
        Err(TableError::Cell {
            family: excerpt(family),
            genome: excerpt(genome),
            column: column + 1,
            found: excerpt(field),
            allowed,
        })
    }

    /// Checks the number of fields of a line.
    pub(super) fn check_width(&self, width: Width) -> Result<(), TableError> {
        let expected = self.columns.len();
        let has_extra = self.ends_in_separator && width.last_is_empty;
        if width.n_fields == expected || (has_extra && width.n_fields == expected + 1) {
            Ok(())
        } else {
            Err(TableError::Width {
                found: width.n_fields,
                expected,
            })
        }
    }

    /// Returns the error of a file that ends with its header.
    pub(super) fn without_data(&self, records: &Records<'_>) -> TableError {
        TableError::HeaderOnly {
            path: records.path().to_owned(),
            line: self.line,
        }
    }

    /// Says what of the header was not simply taken as it stands.
    pub(super) fn report(&self, records: &Records<'_>, notes: &mut Vec<String>) {
        let n_comments = records.n_comments() - u64::from(self.is_comment);
        if n_comments > 0 {
            notes.push(format!("comment lines (they begin with '#'), skipped: {n_comments}"));
        }
        if self.ends_in_separator {
            notes.push("the header ends in a separator; the column without a name after it was skipped".to_owned());
        }
    }
}

/// Returns the name in the first field of a line of data; one of blanks is empty, and refused where it is kept.
pub(super) fn identifier(field: &[u8]) -> Result<&str, TableError> {
    let name = name(field, 1)?;
    Ok(if name.trim().is_empty() { "" } else { name })
}

/// Returns the name that `field` of a column holds.
pub(super) fn name(field: &[u8], column: usize) -> Result<&str, TableError> {
    std::str::from_utf8(field).map_err(|_| TableError::NotUtf8 {
        column,
        found: excerpt(field),
    })
}

/// Returns the beginning of a field as a message shows it.
pub(super) fn excerpt(field: &[u8]) -> String {
    crate::error::excerpt(&String::from_utf8_lossy(&field[..field.len().min(400)]))
}
