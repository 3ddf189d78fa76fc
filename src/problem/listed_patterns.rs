//! Site patterns of lists of presences: found by the lists, so that the work is proportional to the presences.

use super::lists::Entry;
use super::patterns::BLOCK;
use super::{Patterns, PresenceLists};
use hashbrown::HashTable;
use hashbrown::hash_table;
use std::hash::{BuildHasher, Hasher};

/// No tip has this genome.
const NO_TIP: u32 = u32::MAX;

impl Patterns {
    /// Packs the families of `lists` over the genomes that `column_of_tip` (`[n_tips]`) names, equal families once.
    ///
    /// Equal families are found in time proportional to the presences; the packed patterns take one bit a cell.
    #[must_use]
    pub fn distinct_lists(lists: &PresenceLists, column_of_tip: &[u32]) -> Self {
        let view = View::new(lists, column_of_tip);
        let hasher = foldhash::fast::RandomState::default();
        let mut seen = HashTable::<u32>::new();
        let mut family_of_pattern: Vec<u32> = Vec::new();
        let mut weights: Vec<f64> = Vec::new();
        let mut pattern_of_family = Vec::with_capacity(lists.n_families());
        for family in 0..lists.n_families() {
            let same = |&pattern: &u32| view.equal(family_of_pattern[pattern as usize] as usize, family);
            let rehash = |&pattern: &u32| view.hash(&hasher, family_of_pattern[pattern as usize] as usize);
            match seen.entry(view.hash(&hasher, family), same, rehash) {
                hash_table::Entry::Occupied(entry) => {
                    let pattern = *entry.get();
                    weights[pattern as usize] += 1.0;
                    pattern_of_family.push(pattern);
                }
                hash_table::Entry::Vacant(entry) => {
                    let pattern = weights.len() as u32;
                    entry.insert(pattern);
                    family_of_pattern.push(family as u32);
                    weights.push(1.0);
                    pattern_of_family.push(pattern);
                }
            }
        }
        let n_tips = column_of_tip.len();
        let any_missing = (0..lists.n_families()).any(|family| view.entries(family).any(Entry::is_missing));
        let n_words = family_of_pattern.len().div_ceil(BLOCK) * n_tips;
        let mut present = vec![0_u64; n_words];
        let mut missing = vec![0_u64; if any_missing { n_words } else { 0 }];
        for (pattern, &family) in family_of_pattern.iter().enumerate() {
            for entry in view.entries(family as usize) {
                let word = pattern / BLOCK * n_tips + view.tip_of_genome[entry.genome()] as usize;
                let words = if entry.is_missing() { &mut missing } else { &mut present };
                words[word] |= 1 << (pattern % BLOCK);
            }
        }
        Self::from_parts(n_tips, present, missing, weights, pattern_of_family)
    }
}

/// Lists seen through the genomes that have a tip.
struct View<'a> {
    lists: &'a PresenceLists,
    tip_of_genome: Vec<u32>,
}

impl<'a> View<'a> {
    fn new(lists: &'a PresenceLists, column_of_tip: &[u32]) -> Self {
        let mut tip_of_genome = vec![NO_TIP; lists.n_genomes()];
        for (tip, &genome) in column_of_tip.iter().enumerate() {
            tip_of_genome[genome as usize] = tip as u32;
        }
        Self { lists, tip_of_genome }
    }

    fn entries(&self, family: usize) -> impl Iterator<Item = Entry> + '_ {
        let has_tip = |entry: &Entry| self.tip_of_genome[entry.genome()] != NO_TIP;
        self.lists.entries(family).iter().copied().filter(has_tip)
    }

    fn hash(&self, hasher: &impl BuildHasher, family: usize) -> u64 {
        let mut state = hasher.build_hasher();
        for entry in self.entries(family) {
            state.write_u32(entry.word());
        }
        state.finish()
    }

    fn equal(&self, left: usize, right: usize) -> bool {
        self.entries(left).eq(self.entries(right))
    }
}

#[cfg(test)]
mod tests {
    use crate::problem::{Listing, Names, Patterns, PresenceLists};

    #[test]
    fn lists_and_the_table_they_stand_for_have_the_same_patterns() {
        // Families 0 and 4 agree but for a genome without a tip; 2 lists nothing.
        let entries = [
            (0, 3, Listing::Present),
            (0, 1, Listing::Present),
            (1, 0, Listing::Missing),
            (1, 3, Listing::Present),
            (3, 2, Listing::Present),
            (3, 0, Listing::Absent),
            (4, 1, Listing::Present),
            (4, 3, Listing::Present),
            (4, 2, Listing::Present),
        ];
        let (families, genomes): (Vec<i64>, Vec<i64>) =
            entries.iter().map(|&(family, genome, _)| (family, genome)).unzip();
        let names: Names = ["a", "b", "c", "d", "e"].into_iter().collect();
        let genome_names = ["w", "x", "y", "z"].map(String::from).to_vec();
        let lists =
            PresenceLists::from_numbers(genome_names, names, &families, &genomes, |entry| entries[entry].2).unwrap();
        let table = lists.to_table().unwrap();
        for columns in [&[3, 0, 1][..], &[0, 1, 2, 3], &[2]] {
            assert_eq!(
                Patterns::distinct_lists(&lists, columns),
                Patterns::distinct(&table, columns)
            );
        }
        let without = Patterns::distinct_lists(&lists, &[3, 0, 1]);
        assert_eq!(without.pattern_of_family(), [0, 1, 2, 2, 0]);
        assert_eq!(without.weights(), [2.0, 1.0, 2.0]);
    }
}
