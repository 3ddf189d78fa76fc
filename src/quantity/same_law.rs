//! Families that follow the same law: equal covariates, and the same cells missing.

use crate::problem::{BLOCK, Patterns};
use std::collections::HashMap;

/// Families of one law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Their group of the effects.
    pub(super) group: usize,
    /// Tips of which nothing is known, in ascending order.
    pub(super) hidden: Vec<u32>,
    pub(super) n_families: usize,
}

/// The units of a table, and which family is in which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Units {
    pub(super) units: Vec<Unit>,
    /// `[n_families]`.
    pub(super) of_family: Vec<u32>,
}

impl Units {
    /// Sorts families by their group and their missing cells; units are numbered in the order of their first family.
    pub(super) fn new(patterns: &Patterns, group_of_family: &[u32]) -> Self {
        let (mask_of_pattern, masks) = masks(patterns);
        let mut number = HashMap::new();
        let mut found = Self {
            units: Vec::new(),
            of_family: Vec::with_capacity(group_of_family.len()),
        };
        for (&group, &pattern) in group_of_family.iter().zip(patterns.pattern_of_family()) {
            let mask = mask_of_pattern[pattern as usize];
            let unit = *number.entry((group, mask)).or_insert_with(|| {
                found.units.push(Unit {
                    group: group as usize,
                    hidden: masks[mask as usize].clone(),
                    n_families: 0,
                });
                found.units.len() - 1
            });
            found.units[unit].n_families += 1;
            found.of_family.push(unit as u32);
        }
        found
    }
}

/// Returns the number of each pattern's set of missing tips, and the sets.
fn masks(patterns: &Patterns) -> (Vec<u32>, Vec<Vec<u32>>) {
    let mut sets = vec![Vec::new()];
    let mut number: HashMap<Vec<u32>, u32> = HashMap::from([(Vec::new(), 0)]);
    let mut of_pattern = Vec::with_capacity(patterns.n_patterns());
    for block in 0..patterns.n_blocks() {
        let n_lanes = (patterns.n_patterns() - block * BLOCK).min(BLOCK);
        let Some(words) = patterns.missing(block) else {
            of_pattern.resize(of_pattern.len() + n_lanes, 0);
            continue;
        };
        for lane in 0..n_lanes {
            let hidden = (0..words.len() as u32).filter(|&tip| (words[tip as usize] >> lane) & 1 != 0);
            let hidden: Vec<u32> = hidden.collect();
            let next = sets.len() as u32;
            let set = *number.entry(hidden).or_insert_with_key(|hidden| {
                sets.push(hidden.clone());
                next
            });
            of_pattern.push(set);
        }
    }
    (of_pattern, sets)
}
