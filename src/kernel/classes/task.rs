//! What one pass over the joins works on.

use super::buffer::{Buffer, Climb};
use super::build::{ClassJoin, Stretch};
use super::joins::{Join, Joins, Operand};
use crate::kernel::edge::SharedEdge;

/// One category over one stretch.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) joins: &'a Joins,
    pub(super) stretch: &'a Stretch,
    /// `[n_nodes]`.
    pub(super) edges: &'a [SharedEdge],
}

impl<'a> Task<'a> {
    /// Returns a join and its classes.
    #[inline(always)]
    pub(super) fn join(&self, number: usize) -> (&'a Join, &'a ClassJoin) {
        (&self.joins.list[number], &self.stretch.joins[number])
    }

    /// Returns the branch that a join climbs.
    #[inline(always)]
    pub(super) fn climb(&self, join: &Join) -> Climb {
        Climb::new(self.edges, join.climbs)
    }

    /// Puts what climbs from those operands that are tips into their buffers.
    #[inline(always)]
    pub(super) fn load_tips(&self, sides: [Operand; 2], tips: &mut [Buffer; 2]) {
        for (operand, tip) in sides.into_iter().zip(tips) {
            if let Operand::Tip { node, .. } = operand {
                tip.set_tip(&self.edges[node as usize]);
            }
        }
    }
}
