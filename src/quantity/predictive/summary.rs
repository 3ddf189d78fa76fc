//! What is counted in a table, the observed one and simulated ones alike.

use super::pairs::Pairs;
use super::parsimony::parsimony_score;
use crate::problem::{BLOCK, Patterns, Tree};
use crate::quantity::count_classes::CountClasses;
use crate::quantity::spectrum;

/// The statistics of a table but for the distance from the expected spectrum, by name; see
/// [`Predictive`](super::Predictive).
pub(super) const NAMES: [&str; 11] = [
    "presences",
    "presence_variance",
    "core",
    "shell",
    "cloud",
    "singletons",
    "distinct_patterns",
    "parsimony",
    "genome_size_sd",
    "tree_signal",
    "mean_log_likelihood",
];

/// What all tables of a check have in common.
pub(super) struct Setting<'a> {
    pub(super) tree: &'a Tree,
    pub(super) classes: CountClasses,
    pub(super) pairs: Pairs,
}

/// What is counted in one table.
pub(super) struct Summary {
    /// In the order of [`NAMES`].
    pub(super) statistics: [f64; NAMES.len()],
    /// `[n_tips + 1]`
    pub(super) spectrum: Vec<u64>,
    /// Families of each genome, and those that it alone has, `[n_tips]`.
    pub(super) sizes: Vec<[u64; 2]>,
}

impl Setting<'_> {
    /// Returns what is counted in a table with these log-likelihoods, `[n_families]`.
    pub(super) fn summary(&self, patterns: &Patterns, log_likelihoods: &[f64]) -> Summary {
        let spectrum = spectrum::observed(patterns);
        let n_families = patterns.n_families() as f64;
        let moment = |power: i32| {
            let terms = spectrum.iter().enumerate();
            terms
                .map(|(k, &count)| (k as f64).powi(power) * count as f64)
                .sum::<f64>()
                / n_families
        };
        let mean = moment(1);
        let presences = self.classes.presences();
        let in_class = |class: usize| presences[class].clone().map(|k| spectrum[k]).sum::<u64>() as f64;
        let sizes = genome_sizes(patterns);
        let statistics = [
            mean,
            moment(2) - mean * mean,
            in_class(0),
            in_class(1),
            in_class(2),
            in_class(3),
            patterns.n_patterns() as f64,
            parsimony_score(self.tree, patterns) as f64,
            deviation(&sizes),
            self.pairs.correlation(patterns),
            log_likelihoods.iter().sum::<f64>() / n_families,
        ];
        Summary {
            statistics,
            spectrum,
            sizes,
        }
    }
}

/// Returns the standard deviation of the sizes over genomes.
fn deviation(sizes: &[[u64; 2]]) -> f64 {
    let n = sizes.len() as f64;
    let mean = sizes.iter().map(|&[size, _]| size as f64).sum::<f64>() / n;
    let squares = sizes.iter().map(|&[size, _]| (size as f64 - mean).powi(2));
    (squares.sum::<f64>() / n).sqrt()
}

fn genome_sizes(patterns: &Patterns) -> Vec<[u64; 2]> {
    let (counts, mut sizes) = (patterns.counts(), vec![[0, 0]; patterns.n_tips()]);
    for block in 0..patterns.n_blocks() {
        let first = block * BLOCK;
        for (size, &word) in sizes.iter_mut().zip(patterns.present(block)) {
            let mut word = word;
            while word != 0 {
                let pattern = first + word.trailing_zeros() as usize;
                let weight = patterns.weights()[pattern] as u64;
                size[0] += weight;
                size[1] += if counts[pattern].present == 1 { weight } else { 0 };
                word &= word - 1;
            }
        }
    }
    sizes
}
