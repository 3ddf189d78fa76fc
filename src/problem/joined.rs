//! A tree and the patterns observed at its tips, checked against each other.

use super::{Patterns, Tree};
use std::sync::Arc;

/// What every likelihood is computed from; never changed once built.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    tree: Arc<Tree>,
    patterns: Patterns,
}

impl Problem {
    /// Joins a tree and patterns over its tips.
    ///
    /// # Panics
    /// If the numbers of tips differ: patterns are built from the tree's own tips, so only a programmer can do that.
    #[must_use]
    pub fn new(tree: impl Into<Arc<Tree>>, patterns: Patterns) -> Self {
        let tree = tree.into();
        assert_eq!(tree.n_tips(), patterns.n_tips(), "patterns over the tips of this tree");
        Self { tree, patterns }
    }

    /// Returns the tree.
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// Returns the patterns.
    #[must_use]
    pub fn patterns(&self) -> &Patterns {
        &self.patterns
    }
}
