//! One family: the states of the map that is drawn, and moments over its maps.

use crate::quantity::family_table::NodeRows;
use crate::simulate::bridge::TimePresent;

/// Working memory of one family after the other.
#[derive(Debug)]
pub(super) struct OneFamily {
    /// `[n_nodes]`.
    pub(super) states: Vec<u8>,
    /// Branches of the last map on which there were events, and the share of time present.
    pub(super) changed: Vec<(u32, TimePresent, f64)>,
    /// Places of the events of a branch.
    pub(super) places: Vec<f64>,
    pub(super) moments: Moments,
}

/// Sums over the maps of a family, of gains and of losses, `[n_nodes]`.
#[derive(Debug)]
pub(super) struct Moments([Vec<Moment>; 2]);

/// A sum, and the sum of squares.
type Moment = [f64; 2];

impl OneFamily {
    pub(super) fn new(n_nodes: usize) -> Self {
        Self {
            states: vec![0; n_nodes],
            changed: Vec::new(),
            places: Vec::new(),
            moments: Moments([vec![[0.0; 2]; n_nodes], vec![[0.0; 2]; n_nodes]]),
        }
    }

    pub(super) fn clear(&mut self) {
        self.moments.0.iter_mut().for_each(|of| of.fill([0.0; 2]));
    }

    /// Writes means and variances: of gains, then of losses.
    pub(super) fn write(&self, family: u32, n_maps: usize, tables: &[NodeRows<'_, f64>; 4]) {
        let n = n_maps as f64;
        for (of, tables) in self.moments.0.iter().zip(tables.chunks(2)) {
            for (node, &[sum, squares]) in of.iter().enumerate() {
                let variance = (squares - sum * sum / n) / (n - 1.0);
                for (table, value) in tables.iter().zip([sum / n, variance]) {
                    table.write(node, std::iter::once((&[family][..], value)));
                }
            }
        }
    }
}

impl Moments {
    #[inline(always)]
    pub(super) fn add(&mut self, node: usize, events: [u64; 2]) {
        for (of, number) in self.0.iter_mut().zip(events) {
            let number = number as f64;
            of[node][0] += number;
            of[node][1] += number * number;
        }
    }
}
