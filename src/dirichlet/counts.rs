//! A checked table of counts, its equal cells grouped.
//!
//! In a column only the distinct values matter to the likelihood. A *pair* is a column and a non-zero value found there;
//! pairs are numbered by column, then by value. Zeros are never visited: what a count of zero adds is zero.

use super::special::log_gamma_rises;
use crate::error::DirichletError;
use ndarray::{Array2, ArrayView2};

/// Totals up to here; larger ones lose too many digits in `ln Gamma`.
const LARGEST_TOTAL: u64 = i32::MAX as u64;

/// Counts of `n_rows` samples in `n_columns` features, each row with a positive total.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    n_rows: usize,
    n_columns: usize,
    /// `[n_columns + 1]`, the first pair of each column.
    pub(super) column_start: Vec<usize>,
    /// `[n_pairs]`, ascending within a column.
    pub(super) values: Vec<u32>,
    /// `[n_rows + 1]`, the first entry of each row in `pair_of_entry`.
    pub(super) row_start: Vec<usize>,
    /// Pairs of the non-zero cells, row by row.
    pub(super) pair_of_entry: Vec<u32>,
    /// `[n_pairs + 1]`, the first entry of each pair in `row_of_entry`.
    pub(super) pair_start: Vec<usize>,
    /// Rows of the non-zero cells, pair by pair, ascending.
    pub(super) row_of_entry: Vec<u32>,
    /// Distinct row totals, ascending.
    pub(super) totals: Vec<u32>,
    /// `[n_rows]`, the place of each row's total in `totals`.
    pub(super) total_of_row: Vec<u32>,
}

impl Counts {
    /// Groups the counts of a matrix `[n_rows][n_columns]`.
    ///
    /// ```
    /// use persiste_rust::dirichlet::Counts;
    /// let counts = Counts::new(ndarray::arr2(&[[3, 0, 1], [3, 2, 0]]).view())?;
    /// assert_eq!((counts.n_rows(), counts.n_columns(), counts.n_pairs()), (2, 3, 3));
    /// # Ok::<(), persiste_rust::error::DirichletError>(())
    /// ```
    ///
    /// # Errors
    /// [`DirichletError::Empty`], [`DirichletError::TooLarge`], [`DirichletError::ZeroRow`], [`DirichletError::RowTotal`].
    pub fn new(matrix: ArrayView2<'_, u32>) -> Result<Self, DirichletError> {
        let (n_rows, n_columns) = matrix.dim();
        if n_rows == 0 || n_columns == 0 {
            return Err(DirichletError::Empty { n_rows, n_columns });
        }
        for (what, found) in [("rows", n_rows), ("columns", n_columns)] {
            if u32::try_from(found).is_err() {
                return Err(DirichletError::TooLarge { what, found });
            }
        }
        let row_totals = row_totals(matrix)?;
        let mut counts = Self {
            n_rows,
            n_columns,
            column_start: vec![0],
            values: Vec::new(),
            row_start: vec![0; n_rows + 1],
            pair_of_entry: Vec::new(),
            pair_start: vec![0],
            row_of_entry: Vec::new(),
            totals: distinct(row_totals.clone()),
            total_of_row: Vec::new(),
        };
        counts.total_of_row = row_totals.iter().map(|total| place(&counts.totals, *total)).collect();
        counts.group_columns(matrix);
        u32::try_from(counts.values.len()).map_err(|_| DirichletError::TooLarge {
            what: "distinct counts in columns",
            found: counts.values.len(),
        })?;
        counts.list_rows();
        Ok(counts)
    }

    /// Fills what is ordered by pair.
    fn group_columns(&mut self, matrix: ArrayView2<'_, u32>) {
        let mut cells: Vec<u64> = Vec::new();
        for column in matrix.columns() {
            cells.clear();
            let present = column.iter().enumerate().filter(|&(_, &value)| value > 0);
            cells.extend(present.map(|(row, &value)| (u64::from(value) << 32) | row as u64));
            cells.sort_unstable();
            let mut last = 0;
            for &cell in &cells {
                let value = (cell >> 32) as u32;
                if value != last {
                    if last != 0 {
                        self.pair_start.push(self.row_of_entry.len());
                    }
                    self.values.push(value);
                    last = value;
                }
                self.row_of_entry.push(cell as u32);
            }
            if last != 0 {
                self.pair_start.push(self.row_of_entry.len());
            }
            self.column_start.push(self.values.len());
        }
    }

    /// Fills what is ordered by row, from what is ordered by pair.
    fn list_rows(&mut self) {
        for &row in &self.row_of_entry {
            self.row_start[row as usize + 1] += 1;
        }
        for row in 0..self.n_rows {
            self.row_start[row + 1] += self.row_start[row];
        }
        let mut next = self.row_start.clone();
        self.pair_of_entry = vec![0; self.row_of_entry.len()];
        for pair in 0..self.values.len() {
            for &row in &self.row_of_entry[self.pair_start[pair]..self.pair_start[pair + 1]] {
                self.pair_of_entry[next[row as usize]] = pair as u32;
                next[row as usize] += 1;
            }
        }
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns the number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Returns the number of distinct non-zero counts, summed over columns: the work of an evaluation.
    #[must_use]
    pub fn n_pairs(&self) -> usize {
        self.values.len()
    }

    /// Returns the number of non-zero cells.
    #[must_use]
    pub fn n_entries(&self) -> usize {
        self.row_of_entry.len()
    }

    /// Returns the matrix that was grouped.
    #[must_use]
    pub fn to_matrix(&self) -> Array2<u32> {
        let mut matrix = Array2::zeros((self.n_rows, self.n_columns));
        for column in 0..self.n_columns {
            for pair in self.column_start[column]..self.column_start[column + 1] {
                for &row in &self.row_of_entry[self.pair_start[pair]..self.pair_start[pair + 1]] {
                    matrix[(row as usize, column)] = self.values[pair];
                }
            }
        }
        matrix
    }

    /// Returns the counts of some rows, in the given order; a row may come more than once.
    ///
    /// # Errors
    /// [`DirichletError::Empty`] without rows.
    pub fn select_rows(&self, rows: &[usize]) -> Result<Self, DirichletError> {
        Self::new(self.to_matrix().select(ndarray::Axis(0), rows).view())
    }

    /// Returns the rows in an order that does not depend on how they came: by counts, column after column.
    #[must_use]
    pub fn sorted_rows(&self) -> Vec<usize> {
        let matrix = self.to_matrix();
        let mut order: Vec<usize> = (0..self.n_rows).collect();
        order.sort_by(|&a, &b| matrix.row(a).iter().cmp(matrix.row(b).iter()));
        order
    }

    /// Returns the total of a row.
    #[must_use]
    pub fn row_total(&self, row: usize) -> u32 {
        self.totals[self.total_of_row[row] as usize]
    }

    /// Returns each row's share of its total in each column, row by row.
    pub(super) fn proportions(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.n_rows * self.n_columns];
        for column in 0..self.n_columns {
            for pair in self.column_start[column]..self.column_start[column + 1] {
                for &row in &self.row_of_entry[self.pair_start[pair]..self.pair_start[pair + 1]] {
                    let total = f64::from(self.row_total(row as usize));
                    shares[row as usize * self.n_columns + column] = f64::from(self.values[pair]) / total;
                }
            }
        }
        shares
    }

    /// Returns the logarithm of each row's multinomial coefficient, `ln n! - sum ln x!`.
    #[must_use]
    pub fn log_coefficients(&self) -> Vec<f64> {
        let mut of_pair = vec![0.0; self.values.len()];
        for column in 0..self.n_columns {
            let pairs = self.column_start[column]..self.column_start[column + 1];
            log_gamma_rises(1.0, &self.values[pairs.clone()], |place, rise| {
                of_pair[pairs.start + place] = rise
            });
        }
        let mut of_total = vec![0.0; self.totals.len()];
        log_gamma_rises(1.0, &self.totals, |place, rise| of_total[place] = rise);
        (0..self.n_rows)
            .map(|row| {
                let entries = &self.pair_of_entry[self.row_start[row]..self.row_start[row + 1]];
                let sum: f64 = entries.iter().map(|&pair| of_pair[pair as usize]).sum();
                of_total[self.total_of_row[row] as usize] - sum
            })
            .collect()
    }
}

fn row_totals(matrix: ArrayView2<'_, u32>) -> Result<Vec<u32>, DirichletError> {
    let mut totals = Vec::with_capacity(matrix.nrows());
    for (row, cells) in matrix.rows().into_iter().enumerate() {
        let found: u64 = cells.iter().map(|&cell| u64::from(cell)).sum();
        if found > LARGEST_TOTAL {
            return Err(DirichletError::RowTotal { row, found });
        }
        totals.push(found as u32);
    }
    match totals.iter().position(|&total| total == 0) {
        None => Ok(totals),
        Some(row) => Err(DirichletError::ZeroRow {
            row,
            n_zero: totals.iter().filter(|&&total| total == 0).count(),
            n_rows: totals.len(),
        }),
    }
}

fn distinct(mut values: Vec<u32>) -> Vec<u32> {
    values.sort_unstable();
    values.dedup();
    values
}

fn place(sorted: &[u32], value: u32) -> u32 {
    sorted.partition_point(|&one| one < value) as u32
}
