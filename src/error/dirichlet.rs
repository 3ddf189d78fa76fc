//! What can be wrong with counts, with the parameters of a mixture of them, or with how it is to be fitted.

/// Counts, parameters or options that a Dirichlet-multinomial mixture cannot take.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DirichletError {
    /// A table without rows or without columns.
    #[error("the counts have {n_rows} rows and {n_columns} columns; allowed are 1 or more of each")]
    Empty {
        /// Number of rows.
        n_rows: usize,
        /// Number of columns.
        n_columns: usize,
    },
    /// More rows or non-zero cells than an index of 32 bits can tell apart.
    #[error("the counts have {found} {what}; allowed are up to 4294967295")]
    TooLarge {
        /// "rows" or "columns".
        what: &'static str,
        /// How many.
        found: usize,
    },
    /// A row without any count, which says nothing about its component.
    #[error("row {row} of the counts is all zero ({n_zero} of {n_rows} rows are); remove such rows")]
    ZeroRow {
        /// The first such row, counted from 0.
        row: usize,
        /// How many there are.
        n_zero: usize,
        /// Of how many rows.
        n_rows: usize,
    },
    /// A row whose total is beyond what the log-likelihood can be computed for accurately.
    #[error("row {row} of the counts adds up to {found}; allowed are totals up to 2147483647")]
    RowTotal {
        /// The row, counted from 0.
        row: usize,
        /// Its total.
        found: u64,
    },
    /// No components, or more than there are rows to tell them apart.
    #[error("n_components is {found}; allowed are 1 to {n_rows}, the number of rows{}", of.as_str())]
    Components {
        /// What was asked for.
        found: usize,
        /// How many rows there are.
        n_rows: usize,
        /// " of class 'a'", " with positive weight", or nothing.
        of: String,
    },
    /// Counts of another width than the mixture.
    #[error("the counts have {found} columns; the mixture has {expected}")]
    Width {
        /// Number of columns found.
        found: usize,
        /// Number of columns of the mixture.
        expected: usize,
    },
    /// Arrays that do not belong together.
    #[error("{what} has length {found}; expected {expected}")]
    Length {
        /// Which array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What it should be.
        expected: usize,
    },
    /// A number out of its range, at a place.
    #[error("{what} is {found}{}; allowed are {allowed}", at.as_str())]
    Number {
        /// What it is.
        what: &'static str,
        /// What was found.
        found: f64,
        /// " in row 3, column 4", or nothing.
        at: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A name that is none of a list's.
    #[error("unknown {what} '{found}'; known: {}", known.join(", "))]
    UnknownName {
        /// What the name was to be.
        what: &'static str,
        /// What was found.
        found: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// A number of folds that leaves nothing to fit or nothing to predict.
    #[error("n_folds is {found}; allowed are 2 to {n_rows}, the number of rows")]
    Folds {
        /// What was asked for.
        found: usize,
        /// How many rows there are.
        n_rows: usize,
    },
    /// A fold without which a class has too few rows to be fitted.
    #[error(
        "without fold {fold} class {class} keeps {found} rows, fewer than its {n_components} components; use more \
         folds, fewer components or another seed"
    )]
    FoldClass {
        /// The fold, counted from 0.
        fold: usize,
        /// The class, counted from 0.
        class: usize,
        /// How many rows are left.
        found: usize,
        /// How many components it is to have.
        n_components: usize,
    },
    /// The user stopped the work.
    #[error(transparent)]
    Cancelled(#[from] super::Cancelled),
}
