//! Posterior means of branch quantities, a block of patterns and a node at a time.

use super::BranchQuantity;
use crate::kernel::PosteriorBlock;
use crate::model::Histories;

/// The conditional expectations of some quantities on every branch of one part of the families.
pub(super) struct BlockRows<'a> {
    histories: &'a Histories<'a>,
    quantities: &'a [BranchQuantity],
    /// `[n_quantities][n_categories][n_nodes]`; empty where each pattern has rates of its own.
    given_ends: Vec<[f64; 4]>,
}

impl<'a> BlockRows<'a> {
    pub(super) fn new(histories: &'a Histories<'a>, quantities: &'a [BranchQuantity]) -> Self {
        let mut rows = Self {
            histories,
            quantities,
            given_ends: Vec::new(),
        };
        if histories.are_shared() {
            for &quantity in quantities {
                for category in 0..histories.weights().len() {
                    let nodes = 0..histories.tree().n_nodes();
                    let given = nodes.map(|node| rows.of_pattern(quantity, category, node, 0));
                    let given: Vec<_> = given.collect();
                    rows.given_ends.extend(given);
                }
            }
        }
        rows
    }

    fn of_pattern(&self, quantity: BranchQuantity, category: usize, node: usize, pattern: usize) -> [f64; 4] {
        let [gain, loss] = self.histories.rates(category, node, pattern);
        quantity.given_ends(gain, loss, self.histories.branch_length(node))
    }

    /// Writes the posterior mean of each quantity at a node for every pattern of the block, `[n_quantities][n_lanes]`;
    /// NaN for a pattern that cannot arise.
    pub(super) fn fill(&self, block: &PosteriorBlock, node: usize, rows: &mut Vec<f64>) {
        let n_lanes = block.patterns().len();
        rows.clear();
        rows.resize(self.quantities.len() * n_lanes, 0.0);
        let (n_categories, n_nodes) = (self.histories.weights().len(), self.histories.tree().n_nodes());
        for category in 0..n_categories {
            let joint = block.branch(category, node).map(|row| &row[..n_lanes]);
            for (index, row) in rows.chunks_mut(n_lanes).enumerate() {
                if let Some(given) = self.given_ends.get((index * n_categories + category) * n_nodes + node) {
                    add(row, joint, |_| *given);
                } else {
                    let (quantity, first) = (self.quantities[index], block.patterns().start);
                    add(row, joint, |lane| {
                        self.of_pattern(quantity, category, node, first + lane)
                    });
                }
            }
        }
        for (row, quantity) in rows.chunks_mut(n_lanes).zip(self.quantities) {
            let greatest = if quantity.is_probability() { 1.0 } else { f64::INFINITY };
            // Rounding may leave a posterior an ulp below 0 or above 1; `clamp` keeps NaN.
            row.iter_mut().for_each(|value| *value = value.clamp(0.0, greatest));
        }
    }
}

#[inline(always)]
fn add(row: &mut [f64], [both_absent, gained, lost, both_present]: [&[f64]; 4], given: impl Fn(usize) -> [f64; 4]) {
    let above_absent = both_absent.iter().zip(gained);
    let above_present = lost.iter().zip(both_present);
    for (lane, ((sum, (a, b)), (c, d))) in row.iter_mut().zip(above_absent).zip(above_present).enumerate() {
        let given = given(lane);
        *sum += (a * given[0] + b * given[1]) + (c * given[2] + d * given[3]);
    }
}
