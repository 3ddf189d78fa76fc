//! The tree as a sequence of binary joins, the unit of work of the subtree classes.

use crate::kernel::plan::{Plan, Step};

/// What a join takes from one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    /// A tip, seen from above the branch of `node`.
    Tip { tip: u32, node: u32 },
    /// The result of an earlier join.
    Join(u32),
    /// Nothing: the other side alone climbs a branch.
    Nothing,
}

/// One product of two operands, which then climbs a branch.
///
/// Polytomies are several joins, of which only the last climbs; the last of all joins is the root's and climbs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Join {
    pub(super) left: Operand,
    pub(super) right: Operand,
    /// The node whose branch the product climbs.
    pub(super) climbs: Option<u32>,
    /// The buffer that the result is put in; free again once it was used.
    pub(super) slot: u32,
}

/// All joins, from the tips to the root.
#[derive(Debug, Clone)]
pub(super) struct Joins {
    pub(super) list: Vec<Join>,
    pub(super) n_slots: usize,
}

impl Joins {
    /// Turns the steps of a plan into joins.
    pub(super) fn new(plan: &Plan) -> Self {
        let mut joins = Builder::default();
        let mut pending = vec![Operand::Nothing; plan.n_slots + 1];
        for &step in &plan.steps {
            match step {
                Step::Reset { slot } => pending[slot as usize] = Operand::Nothing,
                Step::Tip { slot, tip, node } => {
                    pending[slot as usize] = joins.product(pending[slot as usize], Operand::Tip { tip, node });
                }
                Step::Climb { slot, node } => pending[slot as usize] = joins.climb(pending[slot as usize], node),
                Step::Join { slot, node } => {
                    let climbed = joins.climb(pending[slot as usize + 1], node);
                    pending[slot as usize] = joins.product(pending[slot as usize], climbed);
                }
            }
        }
        joins.finish(pending[0])
    }
}

#[derive(Default)]
struct Builder {
    list: Vec<Join>,
    free: Vec<u32>,
    n_slots: u32,
}

impl Builder {
    fn push(&mut self, left: Operand, right: Operand, climbs: Option<u32>) -> Operand {
        // The result goes to a buffer of its own, as the operands are read in any order.
        let slot = self.free.pop().unwrap_or_else(|| {
            self.n_slots += 1;
            self.n_slots - 1
        });
        for operand in [left, right] {
            if let Operand::Join(join) = operand {
                self.free.push(self.list[join as usize].slot);
            }
        }
        self.list.push(Join {
            left,
            right,
            climbs,
            slot,
        });
        Operand::Join(self.list.len() as u32 - 1)
    }

    fn product(&mut self, left: Operand, right: Operand) -> Operand {
        if left == Operand::Nothing {
            right
        } else {
            self.push(left, right, None)
        }
    }

    fn climb(&mut self, operand: Operand, node: u32) -> Operand {
        match operand {
            Operand::Join(join) if self.list[join as usize].climbs.is_none() => {
                self.list[join as usize].climbs = Some(node);
                operand
            }
            single_child => self.push(single_child, Operand::Nothing, Some(node)),
        }
    }

    fn finish(mut self, root: Operand) -> Joins {
        let climbs = match root {
            Operand::Join(join) => self.list[join as usize].climbs.is_some(),
            _ => true,
        };
        if climbs {
            self.push(root, Operand::Nothing, None);
        }
        Joins {
            list: self.list,
            n_slots: self.n_slots as usize,
        }
    }
}
