//! From responsibilities to the weights of pairs and totals, component by component.
//!
//! Sums run over rows in ascending order, whatever the number of threads.

use super::counts::Counts;
use super::m_step::Component;
use crate::error::Cancelled;
use crate::parallel::{Monitor, Workers};

/// Entries that one thread takes at a time.
const ENTRIES: usize = 16_384;
/// Weights below this are left out: with totals below 2^31 they change no sum in its last digit.
const NEGLIGIBLE: f64 = 1e-30;

/// The weights of all pairs and totals in all components.
pub(super) struct Histogram {
    n_components: usize,
    /// `[n_pairs][n_components]`.
    of_pair: Vec<f64>,
    /// `[n_totals][n_components]`.
    of_total: Vec<f64>,
    /// `[n_components]`, the weight of all rows.
    pub(super) masses: Vec<f64>,
}

impl Histogram {
    /// Adds up the `weights` of rows, `[n_rows][n_components]`.
    ///
    /// # Errors
    /// [`Cancelled`] through the monitor.
    pub(super) fn new(
        counts: &Counts,
        weights: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Self, Cancelled> {
        let n_components = weights.len() / counts.n_rows();
        let blocks = pair_blocks(&counts.pair_start);
        let parts = workers.map_estimated(blocks.len(), counts.n_entries() * n_components, |block| {
            monitor.check()?;
            let pairs = blocks[block].clone();
            let mut sums = vec![0.0; pairs.len() * n_components];
            for (pair, sums) in pairs.zip(sums.chunks_exact_mut(n_components)) {
                for &row in &counts.row_of_entry[counts.pair_start[pair]..counts.pair_start[pair + 1]] {
                    add(sums, &weights[row as usize * n_components..][..n_components]);
                }
            }
            Ok(sums)
        })?;
        let mut of_total = vec![0.0; counts.totals.len() * n_components];
        let mut masses = vec![0.0; n_components];
        for (row, weights) in weights.chunks_exact(n_components).enumerate() {
            let total = counts.total_of_row[row] as usize * n_components;
            add(&mut of_total[total..][..n_components], weights);
            add(&mut masses, weights);
        }
        Ok(Self {
            n_components,
            of_pair: parts.concat(),
            of_total,
            masses,
        })
    }

    /// Returns what the M-step of one component needs.
    pub(super) fn component(&self, counts: &Counts, component: usize) -> Component {
        let mut found = Component {
            column_start: vec![0],
            ..Component::default()
        };
        for column in 0..counts.n_columns() {
            for pair in counts.column_start[column]..counts.column_start[column + 1] {
                let weight = self.of_pair[pair * self.n_components + component];
                if weight > NEGLIGIBLE {
                    found.values.push(counts.values[pair]);
                    found.weights.push(weight);
                }
            }
            found.column_start.push(found.values.len());
        }
        for (place, &total) in counts.totals.iter().enumerate() {
            let weight = self.of_total[place * self.n_components + component];
            if weight > NEGLIGIBLE {
                found.totals.push(total);
                found.total_weights.push(weight);
            }
        }
        found
    }
}

fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, &term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// Returns ranges of pairs with about [`ENTRIES`] entries each.
fn pair_blocks(pair_start: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut blocks = Vec::new();
    let mut begin = 0;
    for pair in 1..pair_start.len() {
        if pair_start[pair] - pair_start[begin] >= ENTRIES || pair + 1 == pair_start.len() {
            blocks.push(begin..pair);
            begin = pair;
        }
    }
    blocks
}
