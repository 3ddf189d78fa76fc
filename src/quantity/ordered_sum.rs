//! A sum over blocks that come in any order, in the order of the blocks.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// A vector of sums: blocks that come early wait for their turn, so that the number of threads changes no bit.
///
/// Threads take blocks in order, so that hardly more blocks wait than there are threads.
pub(super) struct OrderedSum(Mutex<State>);

struct State {
    next: usize,
    total: Vec<f64>,
    /// By the first pattern of a block: where it ends, and its sums.
    waiting: BTreeMap<usize, (usize, Vec<f64>)>,
}

impl OrderedSum {
    pub(super) fn zeros(length: usize) -> Self {
        Self(Mutex::new(State {
            next: 0,
            total: vec![0.0; length],
            waiting: BTreeMap::new(),
        }))
    }

    /// Adds the sums of a block of patterns.
    pub(super) fn add(&self, patterns: Range<usize>, part: Vec<f64>) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        state.waiting.insert(patterns.start, (patterns.end, part));
        while let Some((end, part)) = state.waiting.remove(&state.next) {
            state.next = end;
            for (total, value) in state.total.iter_mut().zip(part) {
                *total += value;
            }
        }
    }

    pub(super) fn into_total(self) -> Vec<f64> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_added_in_order_however_they_come() {
        let values = [1e16, 1.0, -1e16, 3.0];
        let expected = ((1e16 + 1.0) - 1e16) + 3.0;
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let sum = OrderedSum::zeros(1);
            for block in order {
                sum.add(block * 64..(block + 1) * 64, vec![values[block]]);
            }
            assert_eq!(sum.into_total(), [expected]);
        }
    }
}
