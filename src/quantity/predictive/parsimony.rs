//! The parsimony score: the least number of changes on the tree that explains each family, summed over families.
//!
//! Gains and losses cost the same; the state of the root is free, and so are missing cells. Branch lengths play no part.
//! A block of 64 patterns goes up the tree at once, a bit each.
//!
//! Unit: changes. Source: Fitch 1971, doi:10.2307/2412116; polytomies: Hartigan 1973, doi:10.2307/2529676.

use crate::problem::{BLOCK, Patterns, Tree};

/// For each pattern of a block, whether state 0 and state 1 are possible at no further cost.
type States = [u64; 2];

/// Returns the score of all families together.
#[must_use]
pub fn parsimony_score(tree: &Tree, patterns: &Patterns) -> u64 {
    let mut states: Vec<States> = vec![[0; 2]; tree.n_nodes()];
    let mut score = 0;
    for block in 0..patterns.n_blocks() {
        let first = block * BLOCK;
        let weights = &patterns.weights()[first..(first + BLOCK).min(patterns.n_patterns())];
        let (present, missing) = (patterns.present(block), patterns.missing(block).unwrap_or_default());
        for (position, &tip) in tree.tips().iter().enumerate() {
            let free = missing.get(position).copied().unwrap_or(0);
            states[tip as usize] = [!present[position] | free, present[position] | free];
        }
        for node in (0..tree.n_nodes()).filter(|&node| !tree.is_tip(node)) {
            let (below, here) = states.split_at_mut(node);
            here[0] = match tree.children(node) {
                [only] => below[*only as usize],
                [one, two] => {
                    let (one, two) = (below[*one as usize], below[*two as usize]);
                    let both = [one[0] & two[0], one[1] & two[1]];
                    let changed = !(both[0] | both[1]);
                    score += total(changed, weights);
                    both.map(|possible| possible | changed)
                }
                children => polytomy(children, below, weights, &mut score),
            };
        }
    }
    score
}

/// Joins any number of children: the states that most of them can have.
fn polytomy(children: &[u32], below: &[States], weights: &[f64], score: &mut u64) -> States {
    let mut counts = [[0_u32; BLOCK]; 2];
    for &child in children {
        for (count, mut word) in counts.iter_mut().zip(below[child as usize]) {
            while word != 0 {
                count[word.trailing_zeros() as usize] += 1;
                word &= word - 1;
            }
        }
    }
    let mut states = [0; 2];
    for lane in 0..BLOCK {
        let most = counts[0][lane].max(counts[1][lane]);
        for (states, count) in states.iter_mut().zip(&counts) {
            *states |= u64::from(count[lane] == most) << lane;
        }
        let weight = weights.get(lane).map_or(0, |&weight| weight as u64);
        *score += weight * (children.len() as u64 - u64::from(most));
    }
    states
}

/// Returns how many families the patterns with a set bit stand for.
fn total(mut word: u64, weights: &[f64]) -> u64 {
    let mut sum = 0;
    while word != 0 {
        sum += weights
            .get(word.trailing_zeros() as usize)
            .map_or(0, |&weight| weight as u64);
        word &= word - 1;
    }
    sum
}
