//! A branch quantity for every node and every family.

use super::BranchQuantity;
use super::block_rows::BlockRows;
use crate::error::QuantityError;
use crate::model::HistoryModel;
use crate::parallel::Monitor;
use std::sync::{Mutex, PoisonError};

/// Returns a quantity for every node and family, `[n_nodes][n_families]`, each number passed through `narrow`.
///
/// Rows in node order of the tree, a branch being the row of the node below it, families in the order of the data. The
/// root has no branch: its row is 0 for quantities of branches. A family that cannot arise has NaN. Each pattern is
/// computed once and spread to its families; beside the table the memory does not depend on the number of families.
///
/// # Errors
/// [`QuantityError::Model`] as the model's log-likelihood; [`QuantityError::TooLarge`].
pub fn family_table<T: Copy + Send>(
    model: &impl HistoryModel,
    parameters: &[f64],
    quantity: BranchQuantity,
    narrow: impl Fn(f64) -> T + Sync,
    monitor: &Monitor,
) -> Result<Vec<T>, QuantityError> {
    let n_nodes = model.problem().tree().n_nodes();
    let mut table = room(n_nodes, model.problem().patterns().n_families(), narrow(0.0))?;
    let writer = NodeRows::new(&mut table, n_nodes);
    model.histories(parameters, monitor, |histories| -> Result<_, QuantityError> {
        let quantities = [quantity];
        let rows = BlockRows::new(histories, &quantities);
        histories.branch_posteriors(monitor, |block| {
            let mut row = Vec::new();
            for node in 0..n_nodes {
                rows.fill(block, node, &mut row);
                let values = block.patterns().zip(&row);
                writer.write(
                    node,
                    values.map(|(pattern, &value)| (histories.families(pattern), narrow(value))),
                );
            }
        })?;
        Ok(())
    })?;
    Ok(table)
}

/// Returns a table `[n_nodes][n_families]` full of `value`.
pub(super) fn room<T: Copy>(n_nodes: usize, n_families: usize, value: T) -> Result<Vec<T>, QuantityError> {
    let too_large = QuantityError::TooLarge { n_nodes, n_families };
    let Some(cells) = n_nodes.checked_mul(n_families) else {
        return Err(too_large);
    };
    let mut table = Vec::new();
    table.try_reserve_exact(cells).map_err(|_| too_large)?;
    table.resize(cells, value);
    Ok(table)
}

/// The rows of a table, each open to one thread at a time; every cell is written once, so their order is no matter.
pub(super) struct NodeRows<'a, T>(Vec<Mutex<&'a mut [T]>>);

impl<'a, T: Copy> NodeRows<'a, T> {
    pub(super) fn new(table: &'a mut [T], n_nodes: usize) -> Self {
        let n_families = table.len() / n_nodes;
        Self(table.chunks_mut(n_families.max(1)).map(Mutex::new).collect())
    }

    /// Writes values of a node, each to some families.
    pub(super) fn write<'b>(&self, node: usize, values: impl Iterator<Item = (&'b [u32], T)>) {
        let mut row = self.0[node].lock().unwrap_or_else(PoisonError::into_inner);
        for (families, value) in values {
            for &family in families {
                row[family as usize] = value;
            }
        }
    }
}
