//! What is observed: a [`Tree`], a presence table, and the two checked against each other.
//!
//! Everything here is parsed once at the edge into types that cannot be wrong; the kernel and the models trust them.

mod from_parents;
mod interner;
mod joined;
mod listed_patterns;
mod lists;
mod matching;
mod names;
mod patterns;
mod post_order;
mod presences;
mod selection;
mod table;
mod tree;

pub(crate) use interner::Interner;
pub use joined::Problem;
pub use lists::{Listing, PresenceLists, PresenceListsBuilder, Repetition};
pub use matching::{MatchOptions, Matched, match_names};
pub use names::Names;
pub use patterns::{BLOCK, Counts, Patterns};
pub(crate) use post_order::PostOrder;
pub use presences::Presences;
pub(crate) use table::repeated;
pub use table::{PresenceTable, PresenceTableBuilder};
pub use tree::{NO_PARENT, Tree};
