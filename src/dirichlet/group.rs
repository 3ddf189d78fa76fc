//! Classifying rows by mixtures fitted to each class, and its cross-validation.
//!
//! `Pr(g | x) ~ (N_g / N) sum_k pi_gk exp(log_evidence_gk(x))`, as R's `dmngroup` and `cvdmngroup` have it, for any
//! number of classes.

use super::counts::Counts;
use super::criteria::Criterion;
use super::evidence::posterior;
use super::mixture::{FitOptions, Mixture, alone, fit};
use super::mt19937::Mt19937;
use super::select::{best, fit_each};
use crate::error::DirichletError;
use crate::parallel::{Monitor, Workers};
use ndarray::Array2;

/// A mixture for each class.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupClassifier {
    /// The mixtures, `[n_classes]`.
    pub mixtures: Vec<Mixture>,
    /// The share of each class among the rows, `[n_classes]`.
    pub priors: Vec<f64>,
}

/// Returns the rows of each class; `labels` `[n_rows]` are classes counted from 0, all of which occur.
fn rows_of_classes(counts: &Counts, labels: &[usize], n_classes: usize) -> Result<Vec<Vec<usize>>, DirichletError> {
    if labels.len() != counts.n_rows() {
        return Err(DirichletError::Length {
            what: "the array of classes",
            found: labels.len(),
            expected: counts.n_rows(),
        });
    }
    let mut rows = vec![Vec::new(); n_classes];
    for (row, &label) in labels.iter().enumerate() {
        match rows.get_mut(label) {
            Some(of_class) => of_class.push(row),
            None => {
                return Err(DirichletError::Number {
                    what: "a class",
                    found: label as f64,
                    at: format!(" in row {row}"),
                    allowed: "whole numbers below the number of classes",
                });
            }
        }
    }
    Ok(rows)
}

impl GroupClassifier {
    /// Fits each class with each of `numbers` of components and keeps the number with the lowest criterion.
    ///
    /// # Errors
    /// As [`fit`], with the class; [`DirichletError::Length`] and [`DirichletError::Number`] for `labels`.
    #[expect(clippy::too_many_arguments, reason = "what is fitted, and how, and by whom")]
    pub fn fit(
        counts: &Counts,
        labels: &[usize],
        n_classes: usize,
        numbers: &[usize],
        criterion: Criterion,
        options: &FitOptions,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Self, DirichletError> {
        let classes = rows_of_classes(counts, labels, n_classes)?;
        let mut mixtures = Vec::with_capacity(n_classes);
        for (class, rows) in classes.iter().enumerate() {
            check_size(class, rows.len(), numbers)?;
            let of_class = counts.select_rows(rows)?;
            let mut fits = fit_each(&of_class, numbers, None, options, workers, monitor)?;
            let Some(place) = best(&fits, criterion) else {
                return Err(DirichletError::Length {
                    what: "the list of numbers of components",
                    found: 0,
                    expected: 1,
                });
            };
            mixtures.push(fits.swap_remove(place));
        }
        Ok(Self::new(mixtures, &classes))
    }

    fn new(mixtures: Vec<Mixture>, classes: &[Vec<usize>]) -> Self {
        let total: usize = classes.iter().map(Vec::len).sum();
        Self {
            mixtures,
            priors: classes.iter().map(|rows| rows.len() as f64 / total as f64).collect(),
        }
    }

    /// Returns the probability of each class given each row, `[n_rows][n_classes]`.
    ///
    /// # Errors
    /// [`DirichletError::Width`], [`DirichletError::Cancelled`].
    pub fn probabilities(
        &self,
        counts: &Counts,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Array2<f64>, DirichletError> {
        let mut evidence = Array2::zeros((counts.n_rows(), self.mixtures.len()));
        for (class, mixture) in self.mixtures.iter().enumerate() {
            let of_class = mixture.parameters.log_likelihoods(counts, workers, monitor)?;
            evidence.column_mut(class).assign(&ndarray::Array1::from(of_class));
        }
        // The multinomial coefficient is the same in every class and cancels.
        let flat: Vec<f64> = evidence.iter().copied().collect();
        let found = posterior(&flat, &self.priors);
        Ok(super::parameters::matrix(found.responsibilities, self.mixtures.len()))
    }
}

fn check_size(class: usize, n_rows: usize, numbers: &[usize]) -> Result<(), DirichletError> {
    match numbers.iter().find(|&&number| number == 0 || number > n_rows) {
        None => Ok(()),
        Some(&found) => Err(DirichletError::Components {
            found,
            n_rows,
            of: format!(" of class {class}"),
        }),
    }
}

/// Returns the fold of each row: the rows in random order, dealt to `n_folds` in turn.
///
/// # Errors
/// [`DirichletError::Folds`].
pub fn random_folds(n_rows: usize, n_folds: usize, seed: u32) -> Result<Vec<usize>, DirichletError> {
    if n_folds < 2 || n_folds > n_rows {
        return Err(DirichletError::Folds { found: n_folds, n_rows });
    }
    let (mut random, mut order) = (Mt19937::new(seed), (0..n_rows).collect::<Vec<_>>());
    for last in (1..n_rows).rev() {
        order.swap(last, random.below(last as u32 + 1) as usize);
    }
    let mut folds = vec![0; n_rows];
    for (turn, &row) in order.iter().enumerate() {
        folds[row] = turn % n_folds;
    }
    Ok(folds)
}

/// Returns the probability of each class given each row, by mixtures fitted without the row's fold.
///
/// `components` `[n_classes]` are the numbers of components; with as many folds as rows each row is left out by itself.
/// Folds run side by side; the monitor counts finished starts.
///
/// # Errors
/// [`DirichletError::FoldClass`] where a class keeps too few rows; as [`GroupClassifier::fit`].
pub fn cross_validate(
    counts: &Counts,
    labels: &[usize],
    components: &[usize],
    folds: &[usize],
    options: &FitOptions,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Array2<f64>, DirichletError> {
    rows_of_classes(counts, labels, components.len())?;
    let n_folds = folds.iter().max().map_or(0, |fold| fold + 1);
    monitor.begin((n_folds * components.len() * options.n_init) as u64);
    let parts = workers.map(n_folds, |fold| {
        monitor.check()?;
        let left_out: Vec<usize> = (0..folds.len()).filter(|&row| folds[row] == fold).collect();
        let probabilities = match left_out.is_empty() {
            true => Array2::zeros((0, components.len())),
            false => {
                let classifier = without_fold(counts, labels, components, (folds, fold), options, monitor)?;
                classifier.probabilities(&counts.select_rows(&left_out)?, &alone(), monitor)?
            }
        };
        Ok::<_, DirichletError>((left_out, probabilities))
    })?;
    let mut found = Array2::zeros((counts.n_rows(), components.len()));
    for (rows, probabilities) in parts {
        for (place, row) in rows.into_iter().enumerate() {
            found.row_mut(row).assign(&probabilities.row(place));
        }
    }
    Ok(found)
}

fn without_fold(
    counts: &Counts,
    labels: &[usize],
    components: &[usize],
    (folds, fold): (&[usize], usize),
    options: &FitOptions,
    monitor: &Monitor,
) -> Result<GroupClassifier, DirichletError> {
    let mut classes = vec![Vec::new(); components.len()];
    for row in (0..labels.len()).filter(|&row| folds[row] != fold) {
        classes[labels[row]].push(row);
    }
    let mut mixtures = Vec::with_capacity(classes.len());
    for (class, rows) in classes.iter().enumerate() {
        if rows.len() < components[class] {
            return Err(DirichletError::FoldClass {
                fold,
                class,
                found: rows.len(),
                n_components: components[class],
            });
        }
        let kept = counts.select_rows(rows)?;
        mixtures.push(fit(&kept, components[class], None, options, &alone(), monitor)?);
    }
    Ok(GroupClassifier::new(mixtures, &classes))
}
