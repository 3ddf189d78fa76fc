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
}
