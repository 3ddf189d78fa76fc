//! Patterns of some of the families of a table.

use super::Patterns;
use super::patterns::BLOCK;

impl Patterns {
    /// Returns the patterns of these families, in the order of their first family; the family at position `i` of the
    /// result is `families[i]` here.
    #[must_use]
    pub fn of_families(&self, families: &[usize]) -> Self {
        let mut new_pattern = vec![u32::MAX; self.n_patterns()];
        let (mut chosen, mut weights) = (Vec::new(), Vec::new());
        let mut pattern_of_family = Vec::with_capacity(families.len());
        for &family in families {
            let pattern = self.pattern_of_family()[family] as usize;
            if new_pattern[pattern] == u32::MAX {
                new_pattern[pattern] = chosen.len() as u32;
                chosen.push(pattern);
                weights.push(0.0);
            }
            weights[new_pattern[pattern] as usize] += 1.0;
            pattern_of_family.push(new_pattern[pattern]);
        }
        self.gather(&chosen, weights, pattern_of_family)
    }

    /// Returns one pattern a family, in family order, for rates that differ between families.
    #[must_use]
    pub fn spread(&self) -> Self {
        let chosen: Vec<usize> = self
            .pattern_of_family()
            .iter()
            .map(|&pattern| pattern as usize)
            .collect();
        self.gather(&chosen, vec![1.0; chosen.len()], (0..chosen.len() as u32).collect())
    }

    /// Returns these patterns, any of them as often as it is named, each as one family.
    #[must_use]
    pub fn chosen(&self, patterns: &[usize]) -> Self {
        self.gather(
            patterns,
            vec![1.0; patterns.len()],
            (0..patterns.len() as u32).collect(),
        )
    }

    fn gather(&self, chosen: &[usize], weights: Vec<f64>, pattern_of_family: Vec<u32>) -> Self {
        let n_tips = self.n_tips();
        let present = gather_bits(chosen, n_tips, |block| self.present(block));
        let missing = if chosen.iter().any(|&pattern| self.missing(pattern / BLOCK).is_some()) {
            gather_bits(chosen, n_tips, |block| self.missing(block).unwrap_or_default())
        } else {
            Vec::new()
        };
        Self::from_parts(n_tips, present, missing, weights, pattern_of_family)
    }
}

/// Packs the bits of the chosen patterns, block by block, one word a tip.
fn gather_bits<'a>(chosen: &[usize], n_tips: usize, words_of: impl Fn(usize) -> &'a [u64]) -> Vec<u64> {
    let mut packed = Vec::with_capacity(chosen.len().div_ceil(BLOCK) * n_tips);
    for block in chosen.chunks(BLOCK) {
        let lanes: Vec<(&[u64], usize)> = block
            .iter()
            .map(|&pattern| (words_of(pattern / BLOCK), pattern % BLOCK))
            .collect();
        packed.extend((0..n_tips).map(|tip| {
            let bit = |(lane, (words, bit)): (usize, &(&[u64], usize))| ((words[tip] >> bit) & 1) << lane;
            lanes.iter().enumerate().map(bit).sum::<u64>()
        }));
    }
    packed
}

#[cfg(test)]
mod tests {
    use crate::problem::{Names, Patterns, PresenceTable};

    #[test]
    fn a_selection_holds_the_cells_of_its_families() {
        let n = 150;
        let cell = |genome: usize, family: usize| [0, 1, 1, 0, -1][(family * 7 + genome * genome) % 5];
        let matrix = ndarray::Array2::from_shape_fn((6, n), |(genome, family)| cell(genome, family));
        let families = (0..n).map(|family| format!("f{family}")).collect::<Names>();
        let genomes = (0..6).map(|genome| format!("g{genome}")).collect();
        let table = PresenceTable::from_matrix(matrix.view(), genomes, families).unwrap();
        let all = Patterns::distinct(&table, &[0, 1, 2, 3, 4, 5]);
        let wanted: Vec<usize> = (0..n).rev().step_by(2).collect();
        let some = all.of_families(&wanted);
        let spread = all.spread();
        assert!(some.n_patterns() < 10 && spread.n_patterns() == n);
        assert_eq!(some.weights().iter().sum::<f64>(), wanted.len() as f64);
        for tip in 0..6 {
            for (position, &family) in wanted.iter().enumerate() {
                assert_eq!(
                    some.cell(some.pattern_of_family()[position] as usize, tip),
                    cell(tip, family)
                );
            }
            for family in 0..n {
                assert_eq!(spread.cell(family, tip), cell(tip, family));
            }
        }
    }
}
