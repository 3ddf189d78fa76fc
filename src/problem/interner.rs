//! Numbers for names, in the order in which they are first seen.

use super::Names;
use crate::error::TableError;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

/// Distinct names and the number of each.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    names: Names,
    n_bytes: usize,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
}

impl Interner {
    /// Returns the number of a name, a new one if it was not seen before.
    ///
    /// # Errors
    /// [`TableError::NamesTooLong`] beyond 4 GiB of names.
    pub(crate) fn number(&mut self, name: &str) -> Result<u32, TableError> {
        let number = self.names.len() as u32;
        // Lines of one family, or of one genome, mostly follow each other.
        if let Some(last) = number.checked_sub(1)
            && self.names.get(last as usize) == name
        {
            return Ok(last);
        }
        let hash = self.hasher.hash_one(name);
        let same = |&other: &u32| self.names.get(other as usize) == name;
        let rehash = |&other: &u32| self.hasher.hash_one(self.names.get(other as usize));
        match self.index.entry(hash, same, rehash) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(slot) => {
                let n_bytes = self.n_bytes + name.len();
                if u32::try_from(n_bytes.max(number as usize)).is_err() {
                    return Err(TableError::NamesTooLong);
                }
                slot.insert(number);
                self.n_bytes = n_bytes;
                self.names.push(name);
                Ok(number)
            }
        }
    }

    /// Returns the names in the order of their numbers.
    pub(crate) fn into_names(self) -> Names {
        self.names
    }
}
