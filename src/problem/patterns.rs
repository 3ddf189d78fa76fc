//! Site patterns: the distinct columns of a presence table, packed for the kernel.

use super::PresenceTable;
use std::hash::BuildHasher;

/// Patterns in one block: one bit each of a tip's 64-bit word.
pub const BLOCK: usize = 64;

/// The distinct columns of a table over the tips of a tree, their weights, and which family has which.
///
/// Bit `p % 64` of `present(p / 64)[tip]` tells whether pattern `p` is present in `tip` (Newick order); bits past the
/// last pattern are zero. A cell of `missing` is set only where nothing is known; its bit in `present` is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Patterns {
    n_tips: usize,
    n_patterns: usize,
    present: Vec<u64>,
    missing: Vec<u64>,
    weights: Vec<f64>,
    pattern_of_family: Vec<u32>,
}

impl Patterns {
    /// Packs the columns of `table` that `column_of_tip` (`[n_tips]`) names, equal families once.
    #[must_use]
    pub fn distinct(table: &PresenceTable, column_of_tip: &[u32]) -> Self {
        let rows = Rows::new(table, column_of_tip);
        let hasher = foldhash::fast::RandomState::default();
        let mut seen = hashbrown::HashTable::<u32>::new();
        let mut family_of_pattern: Vec<u32> = Vec::new();
        let mut weights: Vec<f64> = Vec::new();
        let mut pattern_of_family = Vec::with_capacity(table.n_families());
        for family in 0..table.n_families() {
            let same = |&pattern: &u32| rows.equal(family_of_pattern[pattern as usize] as usize, family);
            let rehash = |&pattern: &u32| rows.hash(&hasher, family_of_pattern[pattern as usize] as usize);
            match seen.entry(rows.hash(&hasher, family), same, rehash) {
                hashbrown::hash_table::Entry::Occupied(entry) => {
                    let pattern = *entry.get();
                    weights[pattern as usize] += 1.0;
                    pattern_of_family.push(pattern);
                }
                hashbrown::hash_table::Entry::Vacant(entry) => {
                    let pattern = weights.len() as u32;
                    entry.insert(pattern);
                    family_of_pattern.push(family as u32);
                    weights.push(1.0);
                    pattern_of_family.push(pattern);
                }
            }
        }
        Self::pack(&rows, &family_of_pattern, weights, pattern_of_family)
    }

    /// Packs one pattern a family, in family order, for rates that differ between families.
    #[must_use]
    pub fn one_per_family(table: &PresenceTable, column_of_tip: &[u32]) -> Self {
        let rows = Rows::new(table, column_of_tip);
        let families: Vec<u32> = (0..table.n_families() as u32).collect();
        Self::pack(&rows, &families, vec![1.0; families.len()], families.clone())
    }

    fn pack(rows: &Rows, family_of_pattern: &[u32], weights: Vec<f64>, pattern_of_family: Vec<u32>) -> Self {
        let n_tips = rows.column_of_tip.len();
        let n_blocks = weights.len().div_ceil(BLOCK);
        let mut present = vec![0; n_blocks * n_tips];
        let any_missing = (0..rows.table.n_families()).any(|family| rows.missing(family).any(|word| word != 0));
        let mut missing = vec![0; if any_missing { n_blocks * n_tips } else { 0 }];
        for (block, families) in family_of_pattern.chunks(BLOCK).enumerate() {
            let tips = block * n_tips..(block + 1) * n_tips;
            rows.transpose(
                families,
                |family, word| rows.table.present(family)[word],
                &mut present[tips.clone()],
            );
            if any_missing {
                let word_of = |family: usize, word: usize| rows.table.missing(family).map_or(0, |words| words[word]);
                rows.transpose(families, word_of, &mut missing[tips]);
            }
        }
        Self::from_parts(n_tips, present, missing, weights, pattern_of_family)
    }

    /// Joins packed words, one pattern a weight; no word is missing where `missing` is empty.
    pub(super) fn from_parts(
        n_tips: usize,
        present: Vec<u64>,
        missing: Vec<u64>,
        weights: Vec<f64>,
        pattern_of_family: Vec<u32>,
    ) -> Self {
        Self {
            n_tips,
            n_patterns: weights.len(),
            present,
            missing,
            weights,
            pattern_of_family,
        }
    }

    /// Returns the number of tips.
    #[must_use]
    pub fn n_tips(&self) -> usize {
        self.n_tips
    }

    /// Returns the number of patterns.
    #[must_use]
    pub fn n_patterns(&self) -> usize {
        self.n_patterns
    }

    /// Returns the number of families.
    #[must_use]
    pub fn n_families(&self) -> usize {
        self.pattern_of_family.len()
    }

    /// Returns the number of blocks of [`BLOCK`] patterns, the last one perhaps in part empty.
    #[must_use]
    pub fn n_blocks(&self) -> usize {
        self.n_patterns.div_ceil(BLOCK)
    }

    /// Returns the presence bits of a block, one word a tip.
    #[must_use]
    pub fn present(&self, block: usize) -> &[u64] {
        &self.present[block * self.n_tips..(block + 1) * self.n_tips]
    }

    /// Returns the missing bits of a block, one word a tip; `None` if no cell of the whole table is missing.
    #[must_use]
    pub fn missing(&self, block: usize) -> Option<&[u64]> {
        (!self.missing.is_empty()).then(|| &self.missing[block * self.n_tips..(block + 1) * self.n_tips])
    }

    /// Returns one cell: 0 absent, 1 present, -1 missing.
    #[must_use]
    pub fn cell(&self, pattern: usize, tip: usize) -> i8 {
        let (block, bit) = (pattern / BLOCK, pattern % BLOCK);
        let is_missing = self.missing(block).is_some_and(|words| (words[tip] >> bit) & 1 != 0);
        if is_missing {
            -1
        } else {
            ((self.present(block)[tip] >> bit) & 1) as i8
        }
    }

    /// Returns how many families have each pattern, `[n_patterns]`.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Returns the pattern of each family, `[n_families]`.
    #[must_use]
    pub fn pattern_of_family(&self) -> &[u32] {
        &self.pattern_of_family
    }

    /// Returns the numbers of tips in which each pattern is present and in which it is missing, `[n_patterns]`.
    #[must_use]
    pub fn counts(&self) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.n_blocks() * BLOCK];
        for block in 0..self.n_blocks() {
            let lanes = &mut counts[block * BLOCK..(block + 1) * BLOCK];
            for &word in self.present(block) {
                each_bit(word, |lane| lanes[lane].present += 1);
            }
            for &word in self.missing(block).unwrap_or_default() {
                each_bit(word, |lane| lanes[lane].missing += 1);
            }
        }
        counts.truncate(self.n_patterns);
        counts
    }
}

/// In how many tips a pattern is present, and in how many nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tips in which it is present.
    pub present: u32,
    /// Tips in which it is missing.
    pub missing: u32,
}

fn each_bit(mut word: u64, mut visit: impl FnMut(usize)) {
    while word != 0 {
        visit(word.trailing_zeros() as usize);
        word &= word - 1;
    }
}

/// The rows of a table seen through the columns that have a tip.
struct Rows<'a> {
    table: &'a PresenceTable,
    column_of_tip: &'a [u32],
    used: Vec<u64>,
}

impl<'a> Rows<'a> {
    fn new(table: &'a PresenceTable, column_of_tip: &'a [u32]) -> Self {
        let mut used = vec![0_u64; table.words_per_family()];
        for &column in column_of_tip {
            used[column as usize / 64] |= 1 << (column % 64);
        }
        Self {
            table,
            column_of_tip,
            used,
        }
    }

    fn present(&self, family: usize) -> impl Iterator<Item = u64> + '_ {
        self.table
            .present(family)
            .iter()
            .zip(&self.used)
            .map(|(word, used)| word & used)
    }

    fn missing(&self, family: usize) -> impl Iterator<Item = u64> + '_ {
        self.table
            .missing(family)
            .unwrap_or_default()
            .iter()
            .zip(&self.used)
            .map(|(word, used)| word & used)
    }

    fn hash(&self, hasher: &impl BuildHasher, family: usize) -> u64 {
        use std::hash::Hasher;
        let mut state = hasher.build_hasher();
        for word in self.present(family).chain(self.missing(family)) {
            state.write_u64(word);
        }
        state.finish()
    }

    fn equal(&self, left: usize, right: usize) -> bool {
        self.present(left).eq(self.present(right)) && self.missing(left).eq(self.missing(right))
    }

    /// Writes, for each tip, the bits of up to 64 families as one word.
    fn transpose(&self, families: &[u32], word_of: impl Fn(usize, usize) -> u64, tips: &mut [u64]) {
        let mut columns = vec![0_u64; self.used.len() * 64];
        for (word, square) in columns.chunks_exact_mut(64).enumerate() {
            for (row, &family) in square.iter_mut().zip(families) {
                *row = word_of(family as usize, word);
            }
            transpose_square(square);
        }
        for (tip, &column) in tips.iter_mut().zip(self.column_of_tip) {
            *tip = columns[column as usize];
        }
    }
}

/// Transposes a square of 64 x 64 bits in place by swapping ever smaller quarters.
fn transpose_square(rows: &mut [u64]) {
    let mut width = 32;
    let mut mask: u64 = 0xffff_ffff;
    while width != 0 {
        let mut row = 0;
        while row < 64 {
            let swapped = ((rows[row] >> width) ^ rows[row + width]) & mask;
            rows[row] ^= swapped << width;
            rows[row + width] ^= swapped;
            row = (row + width + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Names;

    fn table(cells: &[[i8; 3]]) -> PresenceTable {
        let matrix = ndarray::Array2::from_shape_fn((3, cells.len()), |(genome, family)| cells[family][genome]);
        let families = (0..cells.len()).map(|family| format!("f{family}")).collect::<Names>();
        let genomes = ["x", "y", "z"].map(String::from).to_vec();
        PresenceTable::from_matrix(matrix.view(), genomes, families).unwrap()
    }

    #[test]
    fn equal_families_become_one_pattern_with_their_number_as_weight() {
        let table = table(&[[1, 0, 1], [0, 0, 1], [1, 0, 1], [1, 0, -1]]);
        let patterns = Patterns::distinct(&table, &[2, 0, 1]);
        assert_eq!(patterns.weights(), [2.0, 1.0, 1.0]);
        assert_eq!(patterns.pattern_of_family(), [0, 1, 0, 2]);
        assert_eq!(patterns.present(0), [0b011, 0b101, 0b000]);
        assert_eq!(patterns.missing(0).unwrap(), [0b100, 0, 0]);
        let counts = patterns.counts();
        assert_eq!((counts[2].present, counts[2].missing), (1, 1));
    }

    #[test]
    fn families_that_differ_only_in_dropped_genomes_are_one_pattern() {
        let table = table(&[[1, 0, 1], [1, 0, 0], [1, 0, -1]]);
        let patterns = Patterns::distinct(&table, &[0, 1]);
        assert_eq!(patterns.weights(), [3.0]);
        assert!(patterns.missing(0).is_none());
    }

    #[test]
    fn transposed_square_holds_bit_j_of_row_i_as_bit_i_of_row_j() {
        let original: Vec<u64> = (0..64_u64)
            .map(|row| (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        let mut turned = original.clone();
        transpose_square(&mut turned);
        for (i, row) in original.iter().enumerate() {
            for (j, column) in turned.iter().enumerate() {
                assert_eq!((column >> i) & 1, (row >> j) & 1);
            }
        }
    }
}
