//! What can be wrong with a presence table and with its match to a tree.

/// A table that cannot be read or does not fit the tree.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read as text.
    #[error(transparent)]
    File(#[from] super::FileError),
    /// The user stopped the reading.
    #[error(transparent)]
    Cancelled(#[from] super::Cancelled),
}
