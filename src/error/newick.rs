//! What can be wrong with a Newick text.

/// A Newick text that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NewickError {
    /// The tree breaks a promise of [`Tree`](crate::problem::Tree).
    #[error(transparent)]
    Tree(#[from] super::TreeError),
}
