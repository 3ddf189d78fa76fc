//! Records: lines split into fields, with quotes undone, blank lines and comments passed over.

use super::lines::Lines;
use crate::error::TableError;
use memchr::memchr;
use std::path::Path;

/// A quoted field may run over line ends, but not without bound: a stray quote would swallow the file.
const MAX_QUOTED_BYTES: usize = 1 << 20;

/// How the fields of a table are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// Tabs. A field wholly within double quotes loses them; any other quote stands for itself, and no field holds
    /// a tab or a line end.
    Tab,
    /// Commas, with quoting as in RFC 4180: a field that begins with a double quote may hold commas, line ends and
    /// doubled quotes.
    Comma,
}

impl Separator {
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Tab => b'\t',
            Self::Comma => b',',
        }
    }
}

/// The records of one file.
pub(super) struct Records<'a> {
    lines: Lines<'a>,
    separator: Separator,
    comments: bool,
    n_comments: u64,
    last_comment: Option<(u64, Vec<u8>)>,
    first_line: u64,
    is_quoted: bool,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a> Records<'a> {
    /// Returns the records of a file; with `comments`, lines that begin with `#` are none.
    pub(super) fn new(lines: Lines<'a>, separator: Separator, comments: bool) -> Self {
        Self {
            lines,
            separator,
            comments,
            n_comments: 0,
            last_comment: None,
            first_line: 0,
            is_quoted: false,
            text: Vec::new(),
            ends: Vec::new(),
        }
    }

    pub(super) fn path(&self) -> &'a Path {
        self.lines.path()
    }

    pub(super) fn separator(&self) -> Separator {
        self.separator
    }

    /// Returns the first line of the present record, from 1.
    pub(super) fn line(&self) -> u64 {
        self.first_line
    }

    /// Returns how many comment lines were passed over so far.
    pub(super) fn n_comments(&self) -> u64 {
        self.n_comments
    }

    /// Returns number and text of the last comment line above the first record; only once.
    pub(super) fn take_last_comment(&mut self) -> Option<(u64, Vec<u8>)> {
        self.last_comment.take()
    }

    /// Goes to the next record; false at the end of the file.
    pub(super) fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            if !self.lines.advance()? {
                return Ok(false);
            }
            let line = self.lines.line();
            if self.comments && line.first() == Some(&b'#') {
                self.n_comments += 1;
                if self.first_line == 0 {
                    self.last_comment = Some((self.lines.number(), line.to_owned()));
                }
            } else if !line.iter().all(|&byte| byte == b' ') {
                break;
            }
        }
        self.first_line = self.lines.number();
        self.is_quoted = memchr(b'"', self.lines.line()).is_some();
        if self.is_quoted {
            self.text.clear();
            self.ends.clear();
            match self.separator {
                Separator::Tab => self.unquote_tabs(),
                Separator::Comma => self.unquote_commas()?,
            }
        }
        Ok(true)
    }

    /// Returns the text of a record that holds no quote, which can be split at its separators.
    pub(super) fn unquoted(&self) -> Option<&[u8]> {
        (!self.is_quoted).then(|| self.lines.line())
    }

    /// Iterates over the fields with their quotes undone.
    pub(super) fn fields(&self) -> Fields<'_> {
        if self.is_quoted {
            Fields::Stored {
                text: &self.text,
                ends: &self.ends,
                start: 0,
            }
        } else {
            Fields::split(self.lines.line(), self.separator)
        }
    }

    fn unquote_tabs(&mut self) {
        for field in Fields::split(self.lines.line(), Separator::Tab) {
            match field {
                [b'"', inner @ .., b'"'] => {
                    let mut rest = inner;
                    while let Some(quote) = memchr(b'"', rest) {
                        self.text.extend_from_slice(&rest[..=quote]);
                        rest = rest[quote + 1..].strip_prefix(b"\"").unwrap_or(&rest[quote + 1..]);
                    }
                    self.text.extend_from_slice(rest);
                }
                _ => self.text.extend_from_slice(field),
            }
            self.ends.push(self.text.len());
        }
    }

    fn unquote_commas(&mut self) -> Result<(), TableError> {
        let mut at = 0;
        loop {
            if self.lines.line().get(at) == Some(&b'"') {
                at = self.unquote_field(at + 1)?;
            } else {
                let rest = &self.lines.line()[at..];
                let length = memchr(b',', rest).unwrap_or(rest.len());
                self.text.extend_from_slice(&rest[..length]);
                at += length;
            }
            self.ends.push(self.text.len());
            match self.lines.line().get(at..).unwrap_or_default() {
                [] => return Ok(()),
                [b',', ..] => at += 1,
                [_, ..] => {
                    let found = String::from_utf8_lossy(&self.lines.line()[at..])
                        .chars()
                        .take(1)
                        .collect();
                    let column = self.ends.len();
                    return Err(self.fail(TableError::TextAfterQuote { column, found }));
                }
            }
        }
    }

    /// Copies a field that began with a quote just before `at` and returns where its closing quote ends.
    fn unquote_field(&mut self, mut at: usize) -> Result<usize, TableError> {
        let start = self.text.len();
        loop {
            let rest = &self.lines.line()[at..];
            if let Some(length) = memchr(b'"', rest) {
                self.text.extend_from_slice(&rest[..length]);
                at += length + 1;
                if self.lines.line().get(at) != Some(&b'"') {
                    return Ok(at);
                }
                self.text.push(b'"');
                at += 1;
                continue;
            }
            self.text.extend_from_slice(rest);
            self.text.push(b'\n');
            at = 0;
            if self.text.len() - start > MAX_QUOTED_BYTES || !self.lines.advance()? {
                let column = self.ends.len() + 1;
                return Err(self.fail(TableError::UnclosedQuote { column }));
            }
        }
    }

    /// Returns a problem of the present record with its place.
    pub(super) fn fail(&self, problem: TableError) -> TableError {
        match problem {
            located @ (TableError::At { .. } | TableError::File(_) | TableError::Cancelled(_)) => located,
            problem => problem.at(self.path(), self.first_line),
        }
    }
}

/// The fields of one record.
pub(super) enum Fields<'a> {
    /// Text without quotes.
    Split { rest: Option<&'a [u8]>, separator: u8 },
    /// Fields one after the other, and where each ends.
    Stored {
        text: &'a [u8],
        ends: &'a [usize],
        start: usize,
    },
}

impl<'a> Fields<'a> {
    /// Returns the fields of a text without quotes.
    pub(super) fn split(text: &'a [u8], separator: Separator) -> Self {
        Self::Split {
            rest: Some(text),
            separator: separator.byte(),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match self {
            Self::Split { rest, separator } => {
                let text = (*rest)?;
                let (field, after) = split_first(text, *separator);
                *rest = after;
                Some(field)
            }
            Self::Stored { text, ends, start } => {
                let (&end, later) = ends.split_first()?;
                let field = &text[*start..end];
                (*start, *ends) = (end, later);
                Some(field)
            }
        }
    }
}

/// Returns the first field of a text without quotes, and what follows its separator if it has one.
pub(super) fn split_first(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match memchr(separator, text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}
