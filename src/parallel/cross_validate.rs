//! Cross-validation over index sets: each item is held out once.

use super::{Random, Workers};
use crate::error::ParallelError;

/// The items of one fold, both lists ascending; together they are all items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// Which fold, counted from 0.
    pub number: usize,
    /// The items to learn from.
    pub training: Vec<usize>,
    /// The items to judge by.
    pub held_out: Vec<usize>,
}

/// A division of items into folds whose sizes differ by at most one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    n_folds: usize,
    fold_of: Vec<usize>,
}

impl Folds {
    /// Returns a random division of `n_items` into `n_folds`, the same for the same seed.
    ///
    /// The items are shuffled by [`Random::new`]`(seed)`, then dealt out in turn: place p goes to fold `p % n_folds`.
    /// # Errors
    /// [`ParallelError::Empty`] for no items, [`ParallelError::FoldCount`] for less than 2 folds or more than items.
    ///
    /// ```
    /// use persiste_rust::parallel::Folds;
    /// let fold = Folds::new(10, 5, 42)?.fold(0);
    /// assert_eq!((fold.held_out.len(), fold.training.len()), (2, 8));
    /// # Ok::<(), persiste_rust::error::ParallelError>(())
    /// ```
    pub fn new(n_items: usize, n_folds: usize, seed: u64) -> Result<Self, ParallelError> {
        super::map::at_least_one(n_items, "items")?;
        if n_folds < 2 || n_folds > n_items {
            return Err(ParallelError::FoldCount { n_folds, n_items });
        }
        let mut order: Vec<usize> = (0..n_items).collect();
        Random::new(seed).shuffle(&mut order);
        let mut fold_of = vec![0; n_items];
        for (place, item) in order.into_iter().enumerate() {
            fold_of[item] = place % n_folds;
        }
        Ok(Self { n_folds, fold_of })
    }

    /// Returns the number of folds.
    #[must_use]
    pub fn n_folds(&self) -> usize {
        self.n_folds
    }

    /// Returns the fold in which each item is held out, `[n_items]`.
    #[must_use]
    pub fn fold_of(&self) -> &[usize] {
        &self.fold_of
    }

    /// Returns the items of one fold; beyond the last fold nothing is held out.
    #[must_use]
    pub fn fold(&self, number: usize) -> Fold {
        let (held_out, training) = (0..self.fold_of.len()).partition(|&item| self.fold_of[item] == number);
        Fold {
            number,
            training,
            held_out,
        }
    }
}

/// Returns what `work` makes of each fold, in their order.
///
/// The index sets of a fold are made when its turn comes, so that leaving out one item at a time needs no more memory.
/// # Errors
/// The first error in the order of folds.
///
/// ```
/// use persiste_rust::error::ParallelError;
/// use persiste_rust::parallel::{Folds, Workers, cross_validate};
/// let values = [1.0, 2.0, 3.0, 4.0];
/// let folds = Folds::new(values.len(), 2, 42)?;
/// let errors = cross_validate(&Workers::new(None), &folds, |fold| {
///     let mean = |items: &[usize]| items.iter().map(|&item| values[item]).sum::<f64>() / items.len() as f64;
///     Ok::<_, ParallelError>((mean(&fold.held_out) - mean(&fold.training)).abs())
/// })?;
/// assert_eq!(errors[0], errors[1]);
/// # Ok::<(), ParallelError>(())
/// ```
pub fn cross_validate<T: Send, E: Send>(
    workers: &Workers,
    folds: &Folds,
    work: impl Fn(&Fold) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    workers.map(folds.n_folds(), |number| work(&folds.fold(number)))
}
