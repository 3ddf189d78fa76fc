//! Memory for pairs that begins at a cache line, so that no vector of four pairs lies across two.

use crate::kernel::dispatch::{ENTRIES, Pair};
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line and of the widest vector.
const LINE: usize = 64;

/// Pairs from a cache line on, zero at first; memory that is never touched costs nothing.
#[derive(Default)]
pub(super) struct Lines {
    store: Vec<f64>,
    /// Where the first line begins in `store`.
    start: usize,
}

impl Lines {
    fn with_pairs(n_pairs: usize) -> Self {
        let slack = LINE / size_of::<f64>();
        let store = vec![0.0; 2 * n_pairs + slack];
        // Where the system cannot say (it always can on real machines), unaligned memory is as right.
        let start = store.as_ptr().align_offset(LINE).min(slack);
        Self { store, start }
    }

    /// Returns all pairs.
    #[inline(always)]
    pub(super) fn pairs(&self) -> &[Pair] {
        self.store[self.start..].as_chunks().0
    }

    /// Returns all pairs, to be written.
    #[inline(always)]
    pub(super) fn pairs_mut(&mut self) -> &mut [Pair] {
        self.store[self.start..].as_chunks_mut().0
    }

    /// Makes room for so many pairs at least, which loses what was there if there is less.
    pub(super) fn make_room(&mut self, n_pairs: usize) {
        if self.pairs().len() < n_pairs {
            *self = Self::with_pairs(n_pairs);
        }
    }
}

/// A table of [`ENTRIES`] pairs.
pub(super) struct Table(Lines);

impl Table {
    pub(super) fn new() -> Self {
        Self(Lines::with_pairs(ENTRIES))
    }
}

impl Deref for Table {
    type Target = [Pair; ENTRIES];

    #[inline(always)]
    fn deref(&self) -> &[Pair; ENTRIES] {
        match self.0.pairs().first_chunk() {
            Some(table) => table,
            None => unreachable!("a table has its entries"),
        }
    }
}

impl DerefMut for Table {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [Pair; ENTRIES] {
        match self.0.pairs_mut().first_chunk_mut() {
            Some(table) => table,
            None => unreachable!("a table has its entries"),
        }
    }
}
