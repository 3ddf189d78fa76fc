//! What can be wrong with a tree once it is read.

/// A tree that breaks what [`Tree`](crate::problem::Tree) promises.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TreeError {
    /// The arrays do not describe the same nodes.
    #[error("the tree's arrays differ in length: {parents} parents, {lengths} branch lengths, {names} names")]
    ArrayLengths {
        /// Length of the parent array.
        parents: usize,
        /// Length of the branch-length array.
        lengths: usize,
        /// Number of names.
        names: usize,
    },
    /// No nodes, or none left.
    #[error("the tree has no tips")]
    Empty,
    /// Parents do not describe a post-order.
    #[error("node {node} breaks post-order: each subtree must be a run of nodes that ends at its root")]
    NotPostOrder {
        /// The first node that breaks it.
        node: usize,
    },
    /// A length that is no length.
    #[error("the branch above {node} has length {length}; allowed are finite lengths of 0 or more")]
    BranchLength {
        /// The node below the branch, as messages call it.
        node: String,
        /// What was found.
        length: f64,
    },
    /// A tip without a name.
    #[error("tip at node {node} has no name")]
    UnnamedTip {
        /// Its index.
        node: usize,
    },
    /// Two tips of one name.
    #[error("tip name '{name}' occurs more than once")]
    DuplicateTip {
        /// The name.
        name: String,
    },
    /// A parent index that is no other node, or a second root.
    #[error("node {node} has parent {found}; allowed are the {n_nodes} nodes from 0 on, and -1 for one root")]
    Parent {
        /// The node.
        node: usize,
        /// Its parent as given.
        found: i32,
        /// How many nodes there are.
        n_nodes: usize,
    },
    /// No node has parent -1.
    #[error("no node has parent -1, which marks the root")]
    NoRoot,
    /// Nodes that the root does not reach.
    #[error("only {reached} of {n_nodes} nodes hang on the root; the parents of the others form a cycle")]
    Cycle {
        /// Nodes below the root, itself included.
        reached: usize,
        /// All nodes.
        n_nodes: usize,
    },
    /// A number of tips that cannot be.
    #[error("{n_tips} tips in a tree of {n_nodes} nodes; allowed are 1 to the number of nodes")]
    TipCount {
        /// As given.
        n_tips: usize,
        /// All nodes.
        n_nodes: usize,
    },
    /// A node on the wrong side of the tips.
    #[error("node {node}: exactly the nodes below {n_tips}, the number of tips, must be without children")]
    TipNumbering {
        /// The node.
        node: usize,
        /// The number of tips.
        n_tips: usize,
    },
}
