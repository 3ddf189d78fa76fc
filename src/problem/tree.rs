//! The rooted tree as an arena of arrays whose index order is post-order.

use super::{Names, PostOrder};
use crate::error::TreeError;

/// Stands for "no parent" in [`Tree::parents`]; only the root has it.
pub const NO_PARENT: u32 = u32::MAX;

/// The part of a 64-bit key that holds a hash; the rest holds a node.
const HASH_BITS: u64 = 0xffff_ffff_0000_0000;

/// A rooted tree with named tips and finite, non-negative branch lengths.
///
/// Nodes are numbered in post-order: every child comes before its parent, the last node is the root, and the tips
/// keep the order in which the Newick text names them. A branch is named by the node below it, so the length above
/// node `n` is `branch_lengths()[n]`; the root's own length is kept for writing and never enters a likelihood.
/// Polytomies and single-child nodes are legal. Tip names are present and unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    parent: Vec<u32>,
    branch_length: Vec<f64>,
    names: Names,
    child_start: Vec<u32>,
    children: Vec<u32>,
    tips: Vec<u32>,
}

impl Tree {
    /// Builds a tree from post-ordered arrays and checks everything that the type promises.
    ///
    /// `parent[n]` is greater than `n` for every node but the last, whose parent is [`NO_PARENT`]; `branch_length`
    /// is `[n_nodes]`, expected time units; `names` is `[n_nodes]`, empty for an unnamed internal node.
    ///
    /// # Errors
    /// [`TreeError`] for arrays that differ in length or are empty, an order that is not post-order, a length that
    /// is negative or not finite, a tip without a name, two tips of one name.
    pub fn new(parent: Vec<u32>, branch_length: Vec<f64>, names: Names) -> Result<Self, TreeError> {
        let n_nodes = parent.len();
        if branch_length.len() != n_nodes || names.len() != n_nodes {
            return Err(TreeError::ArrayLengths {
                parents: n_nodes,
                lengths: branch_length.len(),
                names: names.len(),
            });
        }
        if n_nodes == 0 {
            return Err(TreeError::Empty);
        }
        let nodes = linked(&parent)?;
        if let Some(node) = branch_length
            .iter()
            .position(|length| !(0.0..f64::INFINITY).contains(length))
        {
            return Err(TreeError::BranchLength {
                node: message_label(&names, node),
                length: branch_length[node],
            });
        }
        Self::from_post_order(nodes, branch_length, names)
    }

    /// Builds a tree from nodes of which one lacks a parent, and lengths that are finite and not negative.
    ///
    /// # Errors
    /// [`TreeError`] for a tip without a name or two tips of one name.
    pub(crate) fn from_post_order(nodes: PostOrder, branch_length: Vec<f64>, names: Names) -> Result<Self, TreeError> {
        debug_assert_eq!(nodes.waiting().len(), 1);
        debug_assert!(branch_length.iter().all(|length| (0.0..f64::INFINITY).contains(length)));
        debug_assert!(branch_length.len() == nodes.n_nodes() && names.len() == nodes.n_nodes());
        let tree = Self {
            parent: nodes.parent,
            branch_length,
            names,
            child_start: nodes.child_start,
            children: nodes.children,
            tips: nodes.tips,
        };
        tree.check_tip_names()?;
        Ok(tree)
    }

    fn check_tip_names(&self) -> Result<(), TreeError> {
        use std::hash::BuildHasher;
        let hasher = foldhash::fast::RandomState::default();
        // Sorting upper hash bits beside the tip reads memory in order, where a hash table of a million names
        // misses the cache for each of them.
        let mut keys = Vec::with_capacity(self.tips.len());
        for &tip in &self.tips {
            let name = self.names.get(tip as usize);
            if name.is_empty() {
                return Err(TreeError::UnnamedTip { node: tip as usize });
            }
            keys.push((hasher.hash_one(name) & HASH_BITS) | u64::from(tip));
        }
        keys.sort_unstable();
        let name_of = |key: u64| self.names.get((key & !HASH_BITS) as usize);
        let repeated = keys
            .chunk_by(|a, b| (a ^ b) & HASH_BITS == 0)
            .filter(|equal_hashes| equal_hashes.len() > 1)
            .filter_map(|keys| {
                (1..keys.len())
                    .find(|&i| keys[..i].iter().any(|&key| name_of(key) == name_of(keys[i])))
                    .map(|i| keys[i] & !HASH_BITS)
            })
            .min();
        match repeated {
            None => Ok(()),
            Some(tip) => Err(TreeError::DuplicateTip {
                name: self.names.get(tip as usize).to_owned(),
            }),
        }
    }

    /// Returns the number of nodes, tips included.
    #[must_use]
    pub fn n_nodes(&self) -> usize {
        self.parent.len()
    }

    /// Returns the number of tips.
    #[must_use]
    pub fn n_tips(&self) -> usize {
        self.tips.len()
    }

    /// Returns the root, which is the last node.
    #[must_use]
    pub fn root(&self) -> usize {
        self.parent.len() - 1
    }

    /// Returns the parent of each node, `[n_nodes]`; [`NO_PARENT`] for the root.
    #[must_use]
    pub fn parents(&self) -> &[u32] {
        &self.parent
    }

    /// Returns the length of the branch above each node, `[n_nodes]`, expected time units.
    #[must_use]
    pub fn branch_lengths(&self) -> &[f64] {
        &self.branch_length
    }

    /// Returns the children of a node in Newick order; empty for a tip.
    #[must_use]
    pub fn children(&self, node: usize) -> &[u32] {
        &self.children[self.child_start[node] as usize..self.child_start[node + 1] as usize]
    }

    /// Returns whether a node is a tip.
    #[must_use]
    pub fn is_tip(&self, node: usize) -> bool {
        self.child_start[node] == self.child_start[node + 1]
    }

    /// Returns the node of each tip, `[n_tips]`, in Newick order.
    #[must_use]
    pub fn tips(&self) -> &[u32] {
        &self.tips
    }

    /// Returns the label of each node, `[n_nodes]`; empty for an unnamed internal node.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Iterates over the names of the tips in Newick order.
    pub fn tip_names(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        self.tips.iter().map(|&tip| self.names.get(tip as usize))
    }

    /// Returns what a message calls a node: its quoted name, or its number where it has none.
    #[must_use]
    pub fn label(&self, node: usize) -> String {
        message_label(&self.names, node)
    }

    /// Returns the tree restricted to the tips for which `keep` (`[n_tips]`) is true.
    ///
    /// Internal nodes left without tips go; a node left with one child is merged with it and the two lengths are
    /// added, unless it is the root or had one child before. The likelihood of the remaining tips is that of the
    /// whole tree with the other tips missing.
    ///
    /// # Errors
    /// [`TreeError::Empty`] if no tip is kept.
    pub fn retain_tips(&self, keep: &[bool]) -> Result<Self, TreeError> {
        assert_eq!(keep.len(), self.n_tips(), "one flag for each tip");
        let n_nodes = self.n_nodes();
        let mut live = vec![false; n_nodes];
        let mut live_children = vec![0_u32; n_nodes];
        for (&tip, &kept) in self.tips.iter().zip(keep) {
            live[tip as usize] = kept;
        }
        for node in 0..n_nodes - 1 {
            live[node] |= live_children[node] > 0;
            if live[node] {
                live_children[self.parent[node] as usize] += 1;
            }
        }
        let root = self.root();
        if live_children[root] == 0 && !live[root] {
            return Err(TreeError::Empty);
        }
        live[root] = true;
        let merged = |node: usize| node != root && live_children[node] == 1 && self.children(node).len() > 1;
        let mut number = vec![NO_PARENT; n_nodes];
        let mut count = 0_u32;
        for node in 0..n_nodes {
            if live[node] && !merged(node) {
                number[node] = count;
                count += 1;
            }
        }
        let (mut parent, mut length) = (Vec::new(), Vec::new());
        let mut names = Names::default();
        for node in (0..n_nodes).filter(|&node| number[node] != NO_PARENT) {
            let mut total = self.branch_length[node];
            let mut above = self.parent[node];
            while above != NO_PARENT && merged(above as usize) {
                total += self.branch_length[above as usize];
                above = self.parent[above as usize];
            }
            parent.push(if above == NO_PARENT {
                NO_PARENT
            } else {
                number[above as usize]
            });
            length.push(total);
            names.push(self.names.get(node));
        }
        Self::new(parent, length, names)
    }
}

fn message_label(names: &Names, node: usize) -> String {
    match names.get(node) {
        "" => format!("node {node}"),
        name => format!("'{name}'"),
    }
}

fn linked(parent: &[u32]) -> Result<PostOrder, TreeError> {
    let root = parent.len() - 1;
    let mut nodes = PostOrder::with_capacity(parent.len());
    for (node, &above) in parent.iter().enumerate() {
        let valid = if node == root {
            above == NO_PARENT
        } else {
            above as usize > node && above as usize <= root
        };
        if !valid {
            return Err(TreeError::NotPostOrder { node });
        }
        // The subtree of a node is a run that ends at it, so its children are the last ones that wait.
        let is_child = |&&child: &&u32| parent[child as usize] as usize == node;
        let n_children = nodes.waiting().iter().rev().take_while(is_child).count();
        nodes.add_node(nodes.waiting().len() - n_children);
    }
    match nodes.waiting() {
        [_] => Ok(nodes),
        waiting => Err(TreeError::NotPostOrder {
            node: waiting[0] as usize,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Tree {
        // ((A:1,B:2)x:3,C:4,(D:5)y:6);
        let names = ["A", "B", "x", "C", "D", "y", ""].into_iter().collect();
        Tree::new(
            vec![2, 2, 6, 6, 5, 6, NO_PARENT],
            vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0],
            names,
        )
        .unwrap()
    }

    #[test]
    fn children_and_tips_keep_newick_order() {
        let tree = example();
        assert_eq!(tree.children(6), [2, 3, 5]);
        assert_eq!(tree.children(5), [4]);
        assert_eq!(tree.tip_names().collect::<Vec<_>>(), ["A", "B", "C", "D"]);
    }

    #[test]
    fn order_that_is_not_post_order_is_refused() {
        let names: Names = ["A", "B", "C", "", ""].into_iter().collect();
        // The subtree of node 3 would be {0, 2}, which is not a run.
        let result = Tree::new(vec![3, 4, 3, 4, NO_PARENT], vec![1.0; 5], names);
        assert!(matches!(result, Err(TreeError::NotPostOrder { .. })), "{result:?}");
    }

    #[test]
    fn wrong_lengths_and_names_are_refused() {
        let names = || ["A", "B", ""].into_iter().collect::<Names>();
        let parent = || vec![2, 2, NO_PARENT];
        for length in [-1.0, f64::NAN, f64::INFINITY] {
            let result = Tree::new(parent(), vec![1.0, length, 0.0], names());
            assert!(matches!(result, Err(TreeError::BranchLength { .. })), "{result:?}");
        }
        let twice = ["A", "A", ""].into_iter().collect();
        let result = Tree::new(parent(), vec![1.0; 3], twice);
        assert_eq!(result, Err(TreeError::DuplicateTip { name: "A".into() }));
        let unnamed = ["A", "", ""].into_iter().collect();
        let result = Tree::new(parent(), vec![1.0; 3], unnamed);
        assert_eq!(result, Err(TreeError::UnnamedTip { node: 1 }));
    }

    #[test]
    fn retained_tips_merge_new_single_children_and_keep_old_ones() {
        let kept = example().retain_tips(&[false, true, false, true]).unwrap();
        assert_eq!(kept.tip_names().collect::<Vec<_>>(), ["B", "D"]);
        assert_eq!(kept.branch_lengths(), [5.0, 5.0, 6.0, 0.0]);
        assert_eq!(kept.parents(), [3, 2, 3, NO_PARENT]);
        assert_eq!(example().retain_tips(&[false; 4]), Err(TreeError::Empty));
    }
}
