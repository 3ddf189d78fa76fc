//! The `.Rtab` of Roary, Panaroo, PPanGGOLiN and PIRATE: `Gene<TAB>genome...`, then one line a family with 0 or 1.
//!
//! It is read as any tab-separated table; the header is what tells it apart.

use super::head::Head;
use super::record::Separator;
use super::{Input, Reading, plain};
use crate::error::TableError;

/// Recognises a tab-separated header that begins with `Gene`.
pub(super) fn sniff(head: &Head) -> Option<String> {
    let fields = head.fields(Separator::Tab);
    (!head.genomes_in_rows() && fields.len() > 1 && fields[0].eq_ignore_ascii_case("gene"))
        .then(|| format!("the header begins with '{}' followed by genome names", fields[0]))
}

/// Reads an `.Rtab`.
pub(super) fn read(input: Input<'_>) -> Result<Reading, TableError> {
    plain::read_families(input, Separator::Tab)
}
