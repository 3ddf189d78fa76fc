//! What is observed: a [`Tree`], a presence table, and the two checked against each other.
//!
//! Everything here is parsed once at the edge into types that cannot be wrong; the kernel and the models trust them.

mod names;
mod tree;

pub use names::Names;
pub use tree::{NO_PARENT, Tree};
