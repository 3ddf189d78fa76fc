//! States down the tree, each drawn from the state above.

use super::chance::Chance;
use crate::kernel::Transition;
use crate::parallel::Random;
use crate::problem::Tree;

/// One rate category: what a family does on its way down, whatever comes of it.
#[derive(Debug)]
pub(super) struct Free {
    root_present: Chance,
    /// That the state changes along the branch above a node, given the state above, `[n_nodes]`.
    change: Vec<[Chance; 2]>,
}

impl Free {
    pub(super) fn new(transitions: &[Transition], root: [f64; 2]) -> Self {
        let change = transitions
            .iter()
            .map(|&[_, gained, lost, _]| [Chance::new(gained), Chance::new(lost)]);
        Self {
            root_present: Chance::new(root[1]),
            change: change.collect(),
        }
    }

    /// Draws the state of every node, `[n_nodes]`, from the root down.
    pub(super) fn draw(&self, tree: &Tree, random: &mut Random, states: &mut [u8]) {
        let (root, parents) = (tree.root(), tree.parents());
        states[root] = u8::from(self.root_present.happens(random));
        for node in (0..root).rev() {
            let above = states[parents[node] as usize];
            let changes = self.change[node][usize::from(above & 1)].happens(random);
            states[node] = above ^ u8::from(changes);
        }
    }
}
