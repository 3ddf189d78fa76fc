//! What is observed: a [`Tree`], a presence table, and the two checked against each other.
//!
//! Everything here is parsed once at the edge into types that cannot be wrong; the kernel and the models trust them.

mod from_parents;
mod joined;
mod matching;
mod names;
mod patterns;
mod post_order;
mod selection;
mod table;
mod tree;

pub use joined::Problem;
pub use matching::{MatchOptions, Matched, match_names};
pub use names::Names;
pub use patterns::{BLOCK, Counts, Patterns};
pub(crate) use post_order::PostOrder;
pub(crate) use table::repeated;
pub use table::{PresenceTable, PresenceTableBuilder};
pub use tree::{NO_PARENT, Tree};
