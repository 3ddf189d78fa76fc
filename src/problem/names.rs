//! Many short names in one allocation.

/// A list of names stored end to end in one string, so that a million labels cost two allocations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    text: String,
    ends: Vec<u32>,
}

impl Names {
    /// Returns an empty list with room for `n_names` names of `n_bytes` bytes in all.
    #[must_use]
    pub fn with_capacity(n_names: usize, n_bytes: usize) -> Self {
        Self {
            text: String::with_capacity(n_bytes),
            ends: Vec::with_capacity(n_names),
        }
    }

    /// Appends a name; the empty string is the name of a node without one.
    ///
    /// # Panics
    /// If all names together exceed 4 GiB, which no readable input reaches: readers refuse larger files first.
    pub fn push(&mut self, name: &str) {
        self.text.push_str(name);
        let end = u32::try_from(self.text.len()).expect("names hold less than 4 GiB of text");
        self.ends.push(end);
    }

    /// Returns the name at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.text[start..self.ends[index] as usize]
    }

    /// Returns how many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Iterates over the names in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut list = Self::default();
        for name in names {
            list.push(name.as_ref());
        }
        list
    }
}
