//! Every way in which the crate can refuse its input, one file an area.

mod file;
mod newick;
mod table;
mod tree;

pub use file::FileError;
pub use newick::NewickError;
pub use table::TableError;
pub use tree::TreeError;

/// The work was stopped through its [`Monitor`](crate::parallel::Monitor).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped before it was finished")]
pub struct Cancelled;
