//! The cells of one line, read into bits by the alphabet that the [parent module](super) describes.

use super::record::{Records, split_first};
use crate::error::TableError;

/// What the alphabet allows, for messages.
pub(super) const ALLOWED: &str = "0 (absent), a whole number of 1 or more (present), ? or NA (missing)";

/// What one cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// A number of copies, and whether it was written as a decimal.
    Count { copies: u64, is_decimal: bool },
    /// Not known.
    Missing,
}

impl Cell {
    /// The cell that most tables are full of.
    pub(super) const ABSENT: Self = Self::Count {
        copies: 0,
        is_decimal: false,
    };
}

/// Reads one cell; `None` if it is not in the alphabet.
pub(super) fn parse(field: &[u8]) -> Option<Cell> {
    let text = field.trim_ascii();
    if text == b"?" || text.eq_ignore_ascii_case(b"NA") || text.eq_ignore_ascii_case(b"NaN") {
        return Some(Cell::Missing);
    }
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(point) => (&text[..point], Some(&text[point + 1..])),
        None => (text, None),
    };
    let has_fraction = fraction.is_some_and(|zeros| zeros.is_empty() || zeros.iter().any(|&byte| byte != b'0'));
    if whole.is_empty() || has_fraction {
        return None;
    }
    let copies = whole.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    Some(Cell::Count {
        copies,
        is_decimal: fraction.is_some(),
    })
}

/// How many cells were not simply 0 or 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) several: u64,
    pub(super) decimal: u64,
    pub(super) missing: u64,
}

impl Tally {
    pub(super) fn count(&mut self, cell: Cell) {
        match cell {
            Cell::Count { copies, is_decimal } => {
                self.several += u64::from(copies > 1);
                self.decimal += u64::from(is_decimal);
            }
            Cell::Missing => self.missing += 1,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.several += other.several;
        self.decimal += other.decimal;
        self.missing += other.missing;
    }

    /// Adds a sentence for each kind of cell that occurred.
    pub(super) fn report(&self, notes: &mut Vec<String>) {
        let mut say = |count: u64, what: &str| {
            if count > 0 {
                notes.push(format!("{what}: {count}"));
            }
        };
        say(self.several, "cells with more than one copy, read as present");
        say(
            self.decimal,
            "cells written as decimals with a zero fraction, read as whole numbers",
        );
        say(self.missing, "missing cells");
    }
}

/// The cells of the present line, bit `i % 64` of word `i / 64` for cell `i`.
#[derive(Debug)]
pub(super) struct CellRow {
    present: Vec<u64>,
    missing: Vec<u64>,
    any_missing: bool,
    length: usize,
    capacity: usize,
}

impl CellRow {
    /// Returns an empty row with room for `capacity` cells.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            present: vec![0; capacity.div_ceil(64)],
            missing: vec![0; capacity.div_ceil(64)],
            any_missing: false,
            length: 0,
            capacity,
        }
    }

    pub(super) fn clear(&mut self) {
        self.present.fill(0);
        if self.any_missing {
            self.missing.fill(0);
        }
        self.any_missing = false;
        self.length = 0;
    }

    pub(super) fn present(&self) -> &[u64] {
        &self.present
    }

    /// Returns the missing cells, or nothing when there are none.
    pub(super) fn missing(&self) -> &[u64] {
        if self.any_missing { &self.missing } else { &[] }
    }

    /// Appends a cell; one beyond the capacity is ignored, as the line will be refused for its width.
    pub(super) fn push(&mut self, cell: Cell) {
        if self.length < self.capacity {
            let (word, bit) = (self.length / 64, 1 << (self.length % 64));
            match cell {
                Cell::Count { copies: 0, .. } => {}
                Cell::Count { .. } => self.present[word] |= bit,
                Cell::Missing => {
                    self.missing[word] |= bit;
                    self.any_missing = true;
                }
            }
        }
        self.length += 1;
    }

    /// Appends the cells at the beginning of `text` for as long as each is `0` or `1` and followed by `separator`,
    /// and returns what is left.
    ///
    /// Four cells are eight bytes: one comparison tells that they are of this kind, one multiplication gathers their
    /// four bits. Nearly all cells of a real table go this way.
    pub(super) fn push_run<'a>(&mut self, mut text: &'a [u8], separator: u8) -> &'a [u8] {
        const CELLS: u64 = 0x00fe_00fe_00fe_00fe;
        const ZEROS: u64 = 0x0030_0030_0030_0030;
        const ONES: u64 = 0x0001_0001_0001_0001;
        const SEPARATORS: u64 = 0xff00_ff00_ff00_ff00;
        let expected = ZEROS | (ONES * u64::from(separator)) << 8;
        while let Some((bytes, rest)) = text.split_first_chunk::<8>() {
            let four = u64::from_le_bytes(*bytes);
            if four & (CELLS | SEPARATORS) != expected || self.length + 4 > self.capacity {
                break;
            }
            // Bits 0, 16, 32 and 48 move to 48, 49, 50 and 51; no two products meet, so nothing carries.
            let bits = (four & ONES).wrapping_mul(1 << 48 | 1 << 33 | 1 << 18 | 1 << 3) >> 48 & 0xf;
            let (word, shift) = (self.length / 64, self.length % 64);
            self.present[word] |= bits << shift;
            if shift > 60 {
                self.present[word + 1] |= bits >> (64 - shift);
            }
            self.length += 4;
            text = rest;
        }
        text
    }
}

/// The size of a line, to be held against its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    pub(super) n_fields: usize,
    pub(super) last_is_empty: bool,
}

/// Reads the fields of the present record after the first into `row`.
///
/// `other` takes `(row, column, field)` for each of the columns `1..n_leading` and for each later field that
/// [`CellRow::push_run`] leaves; the column counts from 0.
pub(super) fn read_row(
    records: &Records<'_>,
    n_leading: usize,
    row: &mut CellRow,
    mut other: impl FnMut(&mut CellRow, usize, &[u8]) -> Result<(), TableError>,
) -> Result<Width, TableError> {
    row.clear();
    let mut fields = records.fields();
    let mut width = Width {
        n_fields: 1,
        last_is_empty: fields.next().is_none_or(<[u8]>::is_empty),
    };
    let mut take = |row: &mut CellRow, width: &mut Width, field: &[u8]| {
        other(row, width.n_fields, field)?;
        width.n_fields += 1;
        width.last_is_empty = field.is_empty();
        Ok::<_, TableError>(())
    };
    let Some(text) = records.unquoted() else {
        fields.try_for_each(|field| take(row, &mut width, field))?;
        return Ok(width);
    };
    let separator = records.separator().byte();
    let mut rest = split_first(text, separator).1;
    while let Some(mut text) = rest {
        if width.n_fields >= n_leading {
            let before = row.length;
            text = row.push_run(text, separator);
            width.n_fields += row.length - before;
        }
        let (field, after) = split_first(text, separator);
        take(row, &mut width, field)?;
        rest = after;
    }
    Ok(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(copies: u64, is_decimal: bool) -> Option<Cell> {
        Some(Cell::Count { copies, is_decimal })
    }

    #[test]
    fn the_alphabet_is_what_the_module_says() {
        for (text, copies) in [
            ("0", 0),
            ("1", 1),
            (" 12 ", 12),
            ("007", 7),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text.as_bytes()), count(copies, false), "{text}");
        }
        for (text, copies) in [("1.0", 1), ("0.00", 0), ("23.0", 23)] {
            assert_eq!(parse(text.as_bytes()), count(copies, true), "{text}");
        }
        for text in ["?", "NA", "na", "NaN", "nan", " ? "] {
            assert_eq!(parse(text.as_bytes()), Some(Cell::Missing), "{text}");
        }
        for text in [
            "",
            " ",
            "-",
            "-1",
            "+1",
            "1.5",
            "1.",
            ".0",
            "1e3",
            "yes",
            "0x1",
            "1 0",
            "18446744073709551616",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn four_cells_at_once_are_the_same_as_one_by_one() {
        // All 2^4 groups at every offset in a word, and a run that ends in something else.
        for offset in 0..70 {
            for group in 0..16_u32 {
                let text: String = (0..4)
                    .map(|cell| format!("{}\t", group >> cell & 1))
                    .collect::<String>()
                    + "12\t1\t0\t1\t";
                let (mut fast, mut plain) = (CellRow::new(offset + 4), CellRow::new(offset + 4));
                for row in [&mut fast, &mut plain] {
                    (0..offset).for_each(|_| {
                        row.push(Cell::Count {
                            copies: 0,
                            is_decimal: false,
                        })
                    });
                }
                assert_eq!(fast.push_run(text.as_bytes(), b'\t'), b"12\t1\t0\t1\t");
                for cell in text.split('\t').take(4) {
                    plain.push(parse(cell.as_bytes()).unwrap());
                }
                assert_eq!(fast.present, plain.present, "offset {offset}, group {group:b}");
            }
        }
    }

    #[test]
    fn a_run_stops_at_the_capacity_and_at_other_separators() {
        let mut row = CellRow::new(4);
        assert_eq!(row.push_run(b"1\t1\t1\t1\t1\t1\t1\t1\t", b'\t'), b"1\t1\t1\t1\t");
        assert_eq!(CellRow::new(4).push_run(b"1\t1\t1,1\t", b'\t'), b"1\t1\t1,1\t");
        assert_eq!(CellRow::new(4).push_run(b"1\t1\t2\t1\t", b'\t'), b"1\t1\t2\t1\t");
    }
}
