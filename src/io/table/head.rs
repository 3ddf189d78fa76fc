//! The first lines of a file, from which its format is recognised.

use super::lines::Lines;
use super::record::Separator;
use crate::error::TableError;

/// The first lines of a file.
pub struct Head<'a> {
    /// First line that is not blank.
    first: Vec<u8>,
    /// First line that is neither blank nor a comment.
    header: Vec<u8>,
    /// Second such line; empty if there is none.
    row: Vec<u8>,
    extension: String,
    genomes_in_rows: bool,
    is_tip: &'a dyn Fn(&str) -> bool,
}

impl<'a> Head<'a> {
    /// Looks at the first lines of a file without taking them.
    ///
    /// # Errors
    /// [`TableError::EmptyFile`] if all lines are blank.
    pub(super) fn look(
        lines: &mut Lines<'_>,
        genomes_in_rows: bool,
        is_tip: &'a dyn Fn(&str) -> bool,
    ) -> Result<Self, TableError> {
        let extension = lines.path().file_name().map_or_else(String::new, |name| {
            let name = name.to_string_lossy().to_lowercase();
            let name = name.strip_suffix(".gz").unwrap_or(&name);
            name.rsplit_once('.')
                .map_or_else(String::new, |(_, extension)| extension.to_owned())
        });
        let mut first: Option<Vec<u8>> = None;
        let mut data: Vec<Vec<u8>> = Vec::new();
        let mut index = 0;
        while data.len() < 2
            && let Some(line) = lines.look_ahead(index)?
        {
            if !line.trim_ascii().is_empty() {
                first.get_or_insert_with(|| line.to_owned());
                if line[0] != b'#' {
                    data.push(line.to_owned());
                }
            }
            index += 1;
        }
        let Some(first) = first else {
            return Err(TableError::EmptyFile {
                path: lines.path().to_owned(),
            });
        };
        let mut data = data.into_iter();
        Ok(Self {
            header: data.next().unwrap_or_else(|| first.clone()),
            first,
            row: data.next().unwrap_or_default(),
            extension,
            genomes_in_rows,
            is_tip,
        })
    }

    /// Returns the first line that is not blank, comment or not.
    #[must_use]
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// Returns the first line that is neither blank nor a comment; if all are comments, the first of these.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Returns the line after the header; empty if there is none.
    #[must_use]
    pub fn row(&self) -> &[u8] {
        &self.row
    }

    /// Returns whether the caller says that genomes are in rows.
    #[must_use]
    pub fn genomes_in_rows(&self) -> bool {
        self.genomes_in_rows
    }

    /// Returns whether a name is a tip of the tree.
    #[must_use]
    pub fn is_tip(&self, name: &str) -> bool {
        (self.is_tip)(name)
    }

    /// Returns the fields of the header.
    pub(super) fn fields(&self, separator: Separator) -> Vec<String> {
        fields(&self.header, separator)
    }

    /// Returns the fields of the line after the header.
    pub(super) fn row_fields(&self, separator: Separator) -> Vec<String> {
        fields(&self.row, separator)
    }

    /// Returns what separates the fields: what the header holds; of both, what splits header and data alike; of that
    /// again both, what the file's name says.
    pub(super) fn separator(&self) -> Option<Separator> {
        let n_fields = |separator| self.fields(separator).len();
        let is_even = |separator| n_fields(separator) == self.row_fields(separator).len();
        let (tabs, commas) = (n_fields(Separator::Tab) > 1, n_fields(Separator::Comma) > 1);
        match (tabs, commas) {
            (false, false) => None,
            (true, false) => Some(Separator::Tab),
            (false, true) => Some(Separator::Comma),
            (true, true) => Some(match (is_even(Separator::Tab), is_even(Separator::Comma)) {
                (true, false) => Separator::Tab,
                (false, true) => Separator::Comma,
                _ if self.extension == "csv" => Separator::Comma,
                _ => Separator::Tab,
            }),
        }
    }
}

/// Splits a line at the separators outside double quotes and drops the quotes: near enough to recognise a header.
fn fields(line: &[u8], separator: Separator) -> Vec<String> {
    let mut fields = vec![Vec::new()];
    let mut is_quoted = false;
    for &byte in line {
        if byte == b'"' {
            is_quoted = !is_quoted;
        } else if byte == separator.byte() && !is_quoted {
            fields.push(Vec::new());
        } else if let Some(field) = fields.last_mut() {
            field.push(byte);
        }
    }
    fields
        .iter()
        .map(|field| String::from_utf8_lossy(field).into_owned())
        .collect()
}
