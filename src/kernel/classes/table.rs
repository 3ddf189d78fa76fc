//! A table of pairs that begins at a cache line, so that no vector of four pairs lies across two.

use crate::kernel::dispatch::{ENTRIES, Pair};
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line and of the widest vector.
const LINE: usize = 64;

/// [`ENTRIES`] pairs, zero at first; memory that is never touched costs nothing.
pub(super) struct Table {
    store: Vec<f64>,
    /// Where the table begins in `store`.
    start: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        let store = vec![0.0; 2 * ENTRIES + LINE / size_of::<f64>()];
        // Where the system cannot say (it always can on real machines), an unaligned table is as right.
        let start = store.as_ptr().align_offset(LINE).min(LINE / size_of::<f64>());
        Self { store, start }
    }
}

impl Deref for Table {
    type Target = [Pair; ENTRIES];

    #[inline(always)]
    fn deref(&self) -> &[Pair; ENTRIES] {
        match self.store[self.start..].as_chunks().0.first_chunk() {
            Some(table) => table,
            None => unreachable!("the store has room for a table behind any start"),
        }
    }
}

impl DerefMut for Table {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [Pair; ENTRIES] {
        match self.store[self.start..].as_chunks_mut().0.first_chunk_mut() {
            Some(table) => table,
            None => unreachable!("the store has room for a table behind any start"),
        }
    }
}
