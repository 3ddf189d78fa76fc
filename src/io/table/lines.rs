//! The lines of a table, one at a time in a reused buffer, with a look ahead for recognising the format.

use crate::error::{FileError, TableError};
use crate::io::open;
use crate::parallel::Monitor;
use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::path::Path;

/// Progress is reported, and cancellation asked for, each time this much text has been read.
const REPORT_BYTES: u64 = 1 << 18;

/// The lines of one file.
pub(super) struct Lines<'a> {
    path: &'a Path,
    text: Box<dyn BufRead + Send>,
    ahead: VecDeque<Vec<u8>>,
    line: Vec<u8>,
    number: u64,
    unreported: u64,
    monitor: &'a Monitor,
}

impl<'a> Lines<'a> {
    /// Opens a file and starts the monitor, which counts bytes of text; their total is known for a plain file only.
    pub(super) fn open(path: &'a Path, monitor: &'a Monitor) -> Result<Self, TableError> {
        let text = open(path)?;
        monitor.begin(plain_size(path));
        Ok(Self {
            path,
            text,
            ahead: VecDeque::new(),
            line: Vec::new(),
            number: 0,
            unreported: 0,
            monitor,
        })
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Returns the present line without its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Returns the number of the present line, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Goes to the next line; false at the end of the file.
    pub(super) fn advance(&mut self) -> Result<bool, TableError> {
        let n_bytes = match self.ahead.pop_front() {
            Some(line) => {
                self.line = line;
                self.line.len()
            }
            None => {
                self.line.clear();
                read_line(self.path, &mut self.text, &mut self.line)?
            }
        };
        self.unreported += n_bytes as u64;
        if n_bytes == 0 || self.unreported >= REPORT_BYTES {
            self.monitor.advance(std::mem::take(&mut self.unreported));
            self.monitor.check()?;
        }
        if n_bytes == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.line.truncate(without_end(&self.line).len());
        Ok(true)
    }

    /// Returns the line `index` lines after the present one without going there; `None` beyond the end.
    pub(super) fn look_ahead(&mut self, index: usize) -> Result<Option<&[u8]>, TableError> {
        while self.ahead.len() <= index {
            let mut line = Vec::new();
            if read_line(self.path, &mut self.text, &mut line)? == 0 {
                return Ok(None);
            }
            self.ahead.push_back(line);
        }
        Ok(self.ahead.get(index).map(|line| without_end(line)))
    }
}

fn read_line(path: &Path, text: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<usize, TableError> {
    let read = text.read_until(b'\n', line);
    Ok(read.map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })?)
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns the size of a regular, uncompressed file, and 0 for anything else.
fn plain_size(path: &Path) -> u64 {
    let Ok(metadata) = std::fs::metadata(path) else {
        return 0;
    };
    let mut magic = [0; 2];
    // A pipe must not be opened twice: what is read here would be lost.
    let is_plain = metadata.is_file()
        && std::fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok())
        && magic != [0x1f, 0x8b];
    if is_plain { metadata.len() } else { 0 }
}
