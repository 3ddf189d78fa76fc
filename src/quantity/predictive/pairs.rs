//! Whether genomes that are near on the tree hold the same families: one correlation over pairs of genomes.
//!
//! Pearson's correlation between the distance of two tips along the branches and the Jaccard distance of their
//! records, `1 - (families present in both) / (families present in either)`, over families of which neither cell is
//! missing. All pairs of tips, or a fixed choice of [`MOST_PAIRS`] of them where there are more.
//!
//! Unit: none, from -1 to 1.

use crate::parallel::Random;
use crate::problem::{Patterns, Tree};
use std::num::NonZero;

/// Pairs of genomes that are looked at, at most.
pub const MOST_PAIRS: usize = 20_000;

/// Pairs of tips and how far apart they are.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    /// Positions in Newick order.
    tips: Vec<[u32; 2]>,
    distance: Vec<f64>,
}

impl Pairs {
    /// Chooses pairs, always the same of a tree.
    pub(super) fn new(tree: &Tree) -> Self {
        let n = tree.n_tips() as u64;
        let all = n * n.saturating_sub(1) / 2;
        let tips: Vec<[u32; 2]> = if all <= MOST_PAIRS as u64 {
            (0..n as u32)
                .flat_map(|one| (0..one).map(move |other| [other, one]))
                .collect()
        } else {
            let mut random = Random::new(1);
            let bound = NonZero::<u64>::MIN.saturating_add(n - 1);
            std::iter::repeat_with(|| [random.below(bound) as u32, random.below(bound) as u32])
                .filter(|[one, other]| one != other)
                .take(MOST_PAIRS)
                .collect()
        };
        let height = distances_from_root(tree);
        let distance = tips.iter().map(|&pair| {
            let [one, other] = pair.map(|tip| tree.tips()[tip as usize] as usize);
            height[one] + height[other] - 2.0 * height[last_common_ancestor(tree, one, other)]
        });
        Self {
            distance: distance.collect(),
            tips,
        }
    }

    /// Returns the correlation; NaN where all distances of one kind are equal.
    pub(super) fn correlation(&self, patterns: &Patterns) -> f64 {
        let families = patterns.spread();
        let mut shared = vec![[0_u32; 2]; self.tips.len()];
        for block in 0..families.n_blocks() {
            let (present, missing) = (families.present(block), families.missing(block).unwrap_or_default());
            for (counts, &[one, other]) in shared.iter_mut().zip(&self.tips) {
                let (one, other) = (one as usize, other as usize);
                let hidden = missing.get(one).copied().unwrap_or(0) | missing.get(other).copied().unwrap_or(0);
                counts[0] += (present[one] & present[other]).count_ones();
                counts[1] += ((present[one] | present[other]) & !hidden).count_ones();
            }
        }
        let jaccard = shared.iter().map(|&[both, either]| match either {
            0 => 0.0,
            _ => 1.0 - f64::from(both) / f64::from(either),
        });
        correlation(&self.distance, &jaccard.collect::<Vec<_>>())
    }
}

fn distances_from_root(tree: &Tree) -> Vec<f64> {
    let mut distance = vec![0.0; tree.n_nodes()];
    for node in (0..tree.root()).rev() {
        distance[node] = distance[tree.parents()[node] as usize] + tree.branch_lengths()[node];
    }
    distance
}

/// Nodes are in post-order, so an ancestor has the greater number.
fn last_common_ancestor(tree: &Tree, mut one: usize, mut other: usize) -> usize {
    while one != other {
        if one < other {
            one = tree.parents()[one] as usize;
        } else {
            other = tree.parents()[other] as usize;
        }
    }
    one
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let [mean_x, mean_y] = [x, y].map(|values| values.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    // What equal numbers differ by is rounding.
    let is_constant = |square: f64, mean: f64| square <= 1e-24 * n * mean * mean;
    if is_constant(xx, mean_x) || is_constant(yy, mean_y) {
        return f64::NAN;
    }
    xy / (xx * yy).sqrt()
}
