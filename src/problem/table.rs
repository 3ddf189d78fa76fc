//! The presence table: which genome carries which family, one bit a cell.

use super::Names;
use crate::error::TableError;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use ndarray::ArrayView2;
use std::hash::BuildHasher;

/// Which genome carries which family: one bit a cell, family by family.
///
/// Genome `g` of a family is bit `g % 64` of its word `g / 64`, in the order of the table's columns; bits beyond the
/// last genome are 0. Genome names are present and unique, and so are family names; there is at least one of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceTable {
    genomes: Vec<String>,
    families: Names,
    present: Vec<u64>,
    /// As long as `present`, or empty when nothing is missing.
    missing: Vec<u64>,
}

impl PresenceTable {
    /// Returns the number of genomes.
    #[must_use]
    pub fn n_genomes(&self) -> usize {
        self.genomes.len()
    }

    /// Returns the number of families.
    #[must_use]
    pub fn n_families(&self) -> usize {
        self.families.len()
    }

    /// Returns the name of each genome, `[n_genomes]`.
    #[must_use]
    pub fn genomes(&self) -> &[String] {
        &self.genomes
    }

    /// Returns the name of each family, `[n_families]`.
    #[must_use]
    pub fn families(&self) -> &Names {
        &self.families
    }

    /// Returns how many words of 64 genomes a family takes.
    #[must_use]
    pub fn words_per_family(&self) -> usize {
        self.genomes.len().div_ceil(64)
    }

    /// Returns the genomes that carry `family`, `[words_per_family]`; a missing cell has bit 0.
    #[must_use]
    pub fn present(&self, family: usize) -> &[u64] {
        let words = self.words_per_family();
        &self.present[family * words..(family + 1) * words]
    }

    /// Returns the genomes of which it is not known whether they carry `family`, `[words_per_family]`; `None` when
    /// nothing is missing in the whole table.
    #[must_use]
    pub fn missing(&self, family: usize) -> Option<&[u64]> {
        let words = self.words_per_family();
        (!self.missing.is_empty()).then(|| &self.missing[family * words..(family + 1) * words])
    }

    /// Returns the number of missing cells.
    #[must_use]
    pub fn n_missing(&self) -> u64 {
        self.missing.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Packs a matrix of cells, `(n_genomes, n_families)`: 0 absent, 1 present, -1 missing.
    ///
    /// # Errors
    /// [`TableError`] for a matrix that does not fit its names, any other value, or names that are empty or repeated.
    ///
    /// # Example
    /// ```
    /// use persiste_rust::problem::PresenceTable;
    /// let cells = ndarray::array![[1, 0], [-1, 0], [1, 1]];
    /// let genomes = ["A", "B", "C"].map(str::to_owned).to_vec();
    /// let table = PresenceTable::from_matrix(cells.view(), genomes, ["f", "g"].into_iter().collect())?;
    /// assert_eq!((table.present(0), table.n_missing()), (&[0b101][..], 1));
    /// # Ok::<(), persiste_rust::error::TableError>(())
    /// ```
    pub fn from_matrix(cells: ArrayView2<'_, i8>, genomes: Vec<String>, families: Names) -> Result<Self, TableError> {
        if cells.dim() != (genomes.len(), families.len()) {
            return Err(TableError::MatrixShape {
                rows: cells.nrows(),
                columns: cells.ncols(),
                genomes: genomes.len(),
                families: families.len(),
            });
        }
        let [present, missing] = pack(cells).map_err(|(genome, family)| TableError::MatrixValue {
            genome: genomes[genome].clone(),
            family: families.get(family).to_owned(),
            value: cells[[genome, family]],
        })?;
        let words = genomes.len().div_ceil(64);
        let mut builder = PresenceTableBuilder::new(genomes)?;
        for (family, name) in families.iter().enumerate() {
            let range = family * words..(family + 1) * words;
            builder.push_family(name, &present[range.clone()], &missing[range])?;
        }
        builder.finish()
    }
}

/// Packs cells family by family, `[present, missing]`, or returns the place of a value that is no cell.
///
/// The matrix is walked along its contiguous axis, a line copied at a time, so that neither memory order is slow.
fn pack(cells: ArrayView2<'_, i8>) -> Result<[Vec<u64>; 2], (usize, usize)> {
    let (n_genomes, n_families) = cells.dim();
    let words = n_genomes.div_ceil(64);
    let mut packed = [vec![0_u64; words * n_families], vec![0_u64; words * n_families]];
    let no_cell = |line: &[i8]| {
        let any = line.iter().fold(false, |any, cell| any | !(-1..=1).contains(cell));
        any.then(|| line.iter().position(|cell| !(-1..=1).contains(cell)))
            .flatten()
    };
    let mut line: Vec<i8> = Vec::new();
    if cells.strides()[0].abs() < cells.strides()[1].abs() {
        for family in 0..n_families {
            line.clear();
            line.extend(cells.column(family));
            if let Some(genome) = no_cell(&line) {
                return Err((genome, family));
            }
            for (genome, &cell) in line.iter().enumerate() {
                let word = family * words + genome / 64;
                packed[0][word] |= u64::from(cell == 1) << (genome % 64);
                packed[1][word] |= u64::from(cell == -1) << (genome % 64);
            }
        }
        return Ok(packed);
    }
    // One word of every family at a time: the two columns of words stay in cache while 64 genomes go by.
    let mut columns = [vec![0_u64; n_families], vec![0_u64; n_families]];
    for word in 0..words {
        columns.iter_mut().for_each(|column| column.fill(0));
        for genome in word * 64..n_genomes.min(word * 64 + 64) {
            line.clear();
            line.extend(cells.row(genome));
            if let Some(family) = no_cell(&line) {
                return Err((genome, family));
            }
            let [present, missing] = &mut columns;
            for ((&cell, present), missing) in line.iter().zip(present).zip(missing) {
                *present |= u64::from(cell == 1) << (genome % 64);
                *missing |= u64::from(cell == -1) << (genome % 64);
            }
        }
        for (packed, column) in packed.iter_mut().zip(&columns) {
            for (family, &bits) in column.iter().enumerate() {
                packed[family * words + word] = bits;
            }
        }
    }
    Ok(packed)
}

/// Takes a table family by family and keeps it packed.
#[derive(Debug)]
pub struct PresenceTableBuilder {
    table: PresenceTable,
    n_name_bytes: usize,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
}

impl PresenceTableBuilder {
    /// Returns a builder of a table with these genomes.
    ///
    /// # Errors
    /// [`TableError::UnnamedGenome`], [`TableError::DuplicateGenome`].
    pub fn new(genomes: Vec<String>) -> Result<Self, TableError> {
        if let Some(unnamed) = genomes.iter().position(String::is_empty) {
            return Err(TableError::UnnamedGenome { genome: unnamed + 1 });
        }
        if let Some((first, second)) = repeated(&genomes) {
            return Err(TableError::DuplicateGenome {
                name: genomes[second].clone(),
                first: first + 1,
                second: second + 1,
            });
        }
        Ok(Self {
            table: PresenceTable {
                genomes,
                families: Names::default(),
                present: Vec::new(),
                missing: Vec::new(),
            },
            n_name_bytes: 0,
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
        })
    }

    /// Appends a family.
    ///
    /// `present` and `missing` are `[words_per_family]` and packed as [`PresenceTable`] has them; an empty `missing`
    /// says that nothing is.
    ///
    /// # Errors
    /// [`TableError::UnnamedFamily`], [`TableError::DuplicateFamily`], [`TableError::NamesTooLong`], and
    /// [`TableError::PackedCells`] for cells that are not packed so.
    pub fn push_family(&mut self, name: &str, present: &[u64], missing: &[u64]) -> Result<(), TableError> {
        self.check_cells(name, present, missing)?;
        self.push_name(name)?;
        let table = &mut self.table;
        if missing.iter().any(|&word| word != 0) {
            table.missing.resize(table.present.len(), 0);
            table.missing.extend_from_slice(missing);
        } else if !table.missing.is_empty() {
            table.missing.resize(table.present.len() + present.len(), 0);
        }
        table.present.extend_from_slice(present);
        Ok(())
    }

    fn check_cells(&self, name: &str, present: &[u64], missing: &[u64]) -> Result<(), TableError> {
        let words = self.table.words_per_family();
        let beyond = match self.table.n_genomes() % 64 {
            0 => 0,
            used => u64::MAX << used,
        };
        let stray = |cells: &[u64]| cells.last().is_some_and(|word| word & beyond != 0);
        let fits = present.len() == words && (missing.is_empty() || missing.len() == words);
        let both = present
            .iter()
            .zip(missing)
            .any(|(present, missing)| present & missing != 0);
        if fits && !both && !stray(present) && !stray(missing) {
            Ok(())
        } else {
            Err(TableError::PackedCells {
                family: name.to_owned(),
                words,
            })
        }
    }

    pub(super) fn push_name(&mut self, name: &str) -> Result<(), TableError> {
        let families = &mut self.table.families;
        let number = families.len();
        if name.is_empty() {
            return Err(TableError::UnnamedFamily { family: number + 1 });
        }
        self.n_name_bytes += name.len();
        if u32::try_from(self.n_name_bytes.max(number)).is_err() {
            return Err(TableError::NamesTooLong);
        }
        let hash = self.hasher.hash_one(name);
        let same = |&other: &u32| families.get(other as usize) == name;
        let rehash = |&other: &u32| self.hasher.hash_one(families.get(other as usize));
        match self.index.entry(hash, same, rehash) {
            Entry::Occupied(first) => Err(TableError::DuplicateFamily {
                name: name.to_owned(),
                first: *first.get() as usize + 1,
                second: number + 1,
            }),
            Entry::Vacant(slot) => {
                slot.insert(number as u32);
                families.push(name);
                Ok(())
            }
        }
    }

    /// Returns the names pushed, with the cells of none.
    ///
    /// # Errors
    /// [`TableError::NoGenomes`], [`TableError::NoFamilies`].
    pub(super) fn into_names(self) -> Result<(Vec<String>, Names), TableError> {
        if self.table.genomes.is_empty() {
            return Err(TableError::NoGenomes);
        }
        if self.table.families.is_empty() {
            return Err(TableError::NoFamilies);
        }
        Ok((self.table.genomes, self.table.families))
    }

    /// Drops the genomes for which `keep` (`[n_genomes]`) is false, from the families pushed so far.
    ///
    /// # Panics
    /// If `keep` has another length.
    pub fn retain_genomes(&mut self, keep: &[bool]) {
        let table = &mut self.table;
        assert_eq!(keep.len(), table.genomes.len(), "one flag for each genome");
        let old_words = table.words_per_family();
        let mut flags = keep.iter();
        table.genomes.retain(|_| flags.next() == Some(&true));
        let new_words = table.words_per_family();
        let runs = runs(keep);
        let mut row = vec![0_u64; new_words];
        for cells in [&mut table.present, &mut table.missing] {
            let n_rows = cells.len() / old_words.max(1);
            for family in 0..n_rows {
                row.fill(0);
                let mut to = 0;
                for &(from, length) in &runs {
                    copy_bits(
                        &cells[family * old_words..(family + 1) * old_words],
                        from,
                        &mut row,
                        to,
                        length,
                    );
                    to += length;
                }
                cells[family * new_words..(family + 1) * new_words].copy_from_slice(&row);
            }
            cells.truncate(n_rows * new_words);
        }
        if table.missing.iter().all(|&word| word == 0) {
            table.missing = Vec::new();
        }
    }

    /// Returns the table.
    ///
    /// # Errors
    /// [`TableError::NoGenomes`], [`TableError::NoFamilies`].
    pub fn finish(mut self) -> Result<PresenceTable, TableError> {
        if self.table.genomes.is_empty() {
            return Err(TableError::NoGenomes);
        }
        if self.table.families.is_empty() {
            return Err(TableError::NoFamilies);
        }
        self.table.present.shrink_to_fit();
        self.table.missing.shrink_to_fit();
        Ok(self.table)
    }
}

/// Returns the first two places of the first name that occurs twice.
pub(crate) fn repeated(names: &[String]) -> Option<(usize, usize)> {
    let mut seen = hashbrown::HashMap::<&str, usize, foldhash::fast::RandomState>::default();
    (0..)
        .zip(names)
        .find_map(|(index, name)| Some((seen.insert(name, index)?, index)))
}

/// Returns start and length of each run of true flags.
fn runs(flags: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (index, _) in flags.iter().enumerate().filter(|&(_, &flag)| flag) {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == index => *length += 1,
            _ => runs.push((index, 1)),
        }
    }
    runs
}

/// Copies `length` bits, at most a word at a time, into bits that are 0.
fn copy_bits(source: &[u64], mut from: usize, target: &mut [u64], mut to: usize, mut length: usize) {
    while length > 0 {
        let step = length.min(64 - from % 64).min(64 - to % 64);
        let bits = (source[from / 64] >> (from % 64)) & (u64::MAX >> (64 - step));
        target[to / 64] |= bits << (to % 64);
        from += step;
        to += step;
        length -= step;
    }
}
