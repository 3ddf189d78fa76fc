//! Working memory that is kept from one evaluation to the next.

use std::sync::{Mutex, PoisonError};

/// Objects lent to threads and taken back, so that a repeated evaluation allocates nothing.
#[derive(Debug)]
pub struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Pool<T> {
    /// Runs `work` with an object of the pool, a new one if all are lent.
    pub fn with<R>(&self, create: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let lent = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut object = lent.unwrap_or_else(create);
        let result = work(&mut object);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(object);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_lent_again() {
        let pool = Pool::default();
        pool.with(|| vec![1], |object| object.push(2));
        assert_eq!(pool.with(Vec::new, |object| object.len()), 2);
    }
}
