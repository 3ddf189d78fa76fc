//! Which families have a pattern.

use crate::problem::Patterns;

/// The families of each pattern: `families[start[p]..start[p + 1]]`.
pub(super) struct FamiliesOfPattern {
    start: Vec<u32>,
    families: Vec<u32>,
}

impl FamiliesOfPattern {
    /// `numbers` holds the number of each family of the patterns, as the model numbers them.
    pub(super) fn new(patterns: &Patterns, numbers: &[usize]) -> Self {
        let mut start = vec![0_u32; patterns.n_patterns() + 1];
        for &pattern in patterns.pattern_of_family() {
            start[pattern as usize + 1] += 1;
        }
        for pattern in 0..patterns.n_patterns() {
            start[pattern + 1] += start[pattern];
        }
        let mut next = start.clone();
        let mut families = vec![0; numbers.len()];
        for (&family, &pattern) in numbers.iter().zip(patterns.pattern_of_family()) {
            let place = &mut next[pattern as usize];
            families[*place as usize] = family as u32;
            *place += 1;
        }
        Self { start, families }
    }

    /// Returns the families of a pattern.
    pub(super) fn of(&self, pattern: usize) -> &[u32] {
        &self.families[self.start[pattern] as usize..self.start[pattern + 1] as usize]
    }
}
