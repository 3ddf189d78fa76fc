//! The order in which the tables of a tree are joined, two at a time.

use crate::problem::Tree;

/// A table that goes into another one: as it is, or carried up along a branch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) step: usize,
    /// The node below the branch.
    pub(super) branch: Option<usize>,
}

/// How one table is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// A tip, by its number in Newick order.
    Tip(usize),
    /// A node with a single child.
    Lift(Part),
    /// The tips of two tables together.
    Join(Part, Part),
}

/// The steps of a tree, each after those it needs; the last makes the root's table.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    /// Over how many tips each table is, `[n_steps]`.
    pub(super) n_tips: Vec<usize>,
}

impl Steps {
    /// Returns the steps of a tree; children of a polytomy are joined in pairs, then pairs of pairs.
    ///
    /// So a node with k children makes tables of 2, 4, 8, ... children rather than k that are nearly as long as its
    /// own.
    pub(super) fn of(tree: &Tree) -> Self {
        let mut made = Self {
            steps: Vec::with_capacity(2 * tree.n_tips()),
            n_tips: Vec::with_capacity(2 * tree.n_tips()),
        };
        let mut step_of_node = vec![0; tree.n_nodes()];
        let mut parts = Vec::new();
        let mut n_tips_seen = 0;
        for node in 0..tree.n_nodes() {
            parts.clear();
            parts.extend(tree.children(node).iter().map(|&child| Part {
                step: step_of_node[child as usize],
                branch: Some(child as usize),
            }));
            while parts.len() > 2 {
                let pairs = parts.chunks(2).map(|pair| match *pair {
                    [one, two] => made.push(Step::Join(one, two)),
                    _ => pair[0],
                });
                parts = pairs.collect();
            }
            let step = match *parts {
                [] => {
                    n_tips_seen += 1;
                    Step::Tip(n_tips_seen - 1)
                }
                [only] => Step::Lift(only),
                [one, two, ..] => Step::Join(one, two),
            };
            step_of_node[node] = made.push(step).step;
        }
        made
    }

    fn push(&mut self, step: Step) -> Part {
        let n_tips = match step {
            Step::Tip(_) => 1,
            Step::Lift(part) => self.n_tips[part.step],
            Step::Join(one, two) => self.n_tips[one.step] + self.n_tips[two.step],
        };
        self.steps.push(step);
        self.n_tips.push(n_tips);
        Part {
            step: self.steps.len() - 1,
            branch: None,
        }
    }
}
