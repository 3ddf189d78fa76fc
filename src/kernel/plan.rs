//! In which order nodes are visited so that few partials are alive at once.
//!
//! A node's partial is built in a slot. Its internal children come first, the one that needs most slots before the
//! others, and climb into the slot; its tips are multiplied in last. A tree of n tips then needs at most
//! log2(n) + 1 slots, a caterpillar one (Sethi and Ullman 1970, doi:10.1145/321607.321620).

use crate::problem::Tree;

/// One operation on the slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The slot becomes 1.
    Reset { slot: u32 },
    /// Multiplies the slot by the partial above the branch of a tip.
    Tip { slot: u32, tip: u32, node: u32 },
    /// The partial in the slot climbs the branch of `node`.
    Climb { slot: u32, node: u32 },
    /// Multiplies the slot by what climbs from slot + 1 over the branch of `node`.
    Join { slot: u32, node: u32 },
}

/// The steps from the tips to the root, whose partial ends in slot 0.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) n_slots: usize,
}

impl Plan {
    /// Returns the plan for a tree.
    pub(super) fn new(tree: &Tree) -> Self {
        let children = ordered_children(tree);
        let mut tip_of_node = vec![u32::MAX; tree.n_nodes()];
        for (tip, &node) in tree.tips().iter().enumerate() {
            tip_of_node[node as usize] = tip as u32;
        }
        let mut steps = Vec::with_capacity(2 * tree.n_nodes());
        let mut n_slots = 1;
        // (node, slot, how many of its children are done)
        let mut open: Vec<(u32, u32, u32)> = Vec::new();
        let root = tree.root() as u32;
        if tree.is_tip(root as usize) {
            // A tree of one node: the transition above the root is the identity.
            let observed = Step::Tip {
                slot: 0,
                tip: 0,
                node: root,
            };
            return Self {
                steps: vec![Step::Reset { slot: 0 }, observed],
                n_slots,
            };
        }
        open.push((root, 0, 0));
        while let Some((node, slot, done)) = open.pop() {
            let below = children.of(node as usize);
            if let Some(&child) = below.get(done as usize) {
                open.push((node, slot, done + 1));
                if tree.is_tip(child as usize) {
                    if done == 0 {
                        steps.push(Step::Reset { slot });
                    }
                    let tip = tip_of_node[child as usize];
                    steps.push(Step::Tip { slot, tip, node: child });
                } else {
                    let slot = slot + u32::from(done > 0);
                    n_slots = n_slots.max(slot as usize + 1);
                    open.push((child, slot, 0));
                }
            } else if node != root {
                let (_, parent_slot, parent_done) = open[open.len() - 1];
                steps.push(if parent_done == 1 {
                    Step::Climb { slot, node }
                } else {
                    Step::Join {
                        slot: parent_slot,
                        node,
                    }
                });
            }
        }
        Self { steps, n_slots }
    }
}

/// The children of every node.
pub(super) struct Ordered {
    start: Vec<u32>,
    list: Vec<u32>,
}

impl Ordered {
    pub(super) fn of(&self, node: usize) -> &[u32] {
        &self.list[self.start[node] as usize..self.start[node + 1] as usize]
    }
}

/// Returns the children of each node, the greediest first, tips last.
pub(super) fn ordered_children(tree: &Tree) -> Ordered {
    let mut need = vec![0_u32; tree.n_nodes()];
    let mut ordered = Ordered {
        start: vec![0],
        list: Vec::with_capacity(tree.n_nodes() - 1),
    };
    for node in 0..tree.n_nodes() {
        let first = ordered.list.len();
        ordered.list.extend_from_slice(tree.children(node));
        let below = &mut ordered.list[first..];
        below.sort_by_key(|&child| std::cmp::Reverse(need[child as usize]));
        need[node] = match *below {
            [] => 0,
            [only] => need[only as usize].max(1),
            [heaviest, second, ..] => need[heaviest as usize].max(need[second as usize] + 1),
        };
        ordered.start.push(ordered.list.len() as u32);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{NO_PARENT, Names};

    fn caterpillar(n_tips: usize, heavy_first: bool) -> Tree {
        // Node order (((A,B),C),D) or (A,(B,(C,D))).
        let n_nodes = 2 * n_tips - 1;
        let mut parent = vec![NO_PARENT; n_nodes];
        if heavy_first {
            for (node, above) in parent.iter_mut().enumerate().take(n_nodes - 1) {
                *above = (node + 2 - node % 2) as u32;
            }
        } else {
            // Tips first, then the internal nodes from the innermost on.
            for (node, above) in parent.iter_mut().enumerate().take(n_nodes - 1) {
                *above = if node < n_tips - 1 {
                    n_nodes - 1 - node
                } else {
                    node + 1
                } as u32;
            }
        }
        let names: Names = (0..n_nodes).map(|node| format!("n{node}")).collect();
        Tree::new(parent, vec![1.0; n_nodes], names).unwrap()
    }

    #[test]
    fn caterpillars_of_either_side_need_one_slot() {
        for heavy_first in [true, false] {
            let plan = Plan::new(&caterpillar(1000, heavy_first));
            assert_eq!(plan.n_slots, 1, "heavy first: {heavy_first}");
            let tips = plan
                .steps
                .iter()
                .filter(|step| matches!(step, Step::Tip { .. }))
                .count();
            assert_eq!(tips, 1000);
        }
    }
}
