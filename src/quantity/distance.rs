//! Distances between the rows of a presence matrix, by popcount on packed bits.

use ndarray::{Array2, ArrayView2};

/// A matrix cell that is neither absent nor present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("row {row}, column {column} of the matrix is {found}; allowed are 0 and 1")]
pub struct NotBinary {
    /// Row, from 0.
    pub row: usize,
    /// Column, from 0.
    pub column: usize,
    /// What was found.
    pub found: i8,
}

/// Returns the Jaccard distance between every two rows, `[n_rows][n_rows]`, in [0, 1].
///
/// `1 - (columns present in both) / (columns present in either)`; 0 for two rows without any presence.
///
/// # Errors
/// [`NotBinary`] for a cell other than 0 and 1.
///
/// # Source
/// Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x.
pub fn jaccard(matrix: ArrayView2<i8>) -> Result<Array2<f64>, NotBinary> {
    pairwise(matrix, |left, right| {
        let (mut both, mut either) = (0, 0);
        for (a, b) in left.iter().zip(right) {
            both += (a & b).count_ones();
            either += (a | b).count_ones();
        }
        if either == 0 {
            0.0
        } else {
            1.0 - f64::from(both) / f64::from(either)
        }
    })
}

/// Returns the share of columns in which every two rows differ, `[n_rows][n_rows]`, in [0, 1]; 0 without columns.
///
/// # Errors
/// [`NotBinary`] for a cell other than 0 and 1.
///
/// # Source
/// Hamming 1950, doi:10.1002/j.1538-7305.1950.tb00463.x, divided by the number of columns.
pub fn hamming(matrix: ArrayView2<i8>) -> Result<Array2<f64>, NotBinary> {
    let n_columns = matrix.ncols().max(1) as f64;
    pairwise(matrix, |left, right| {
        let differing: u32 = left.iter().zip(right).map(|(a, b)| (a ^ b).count_ones()).sum();
        f64::from(differing) / n_columns
    })
}

fn pairwise(matrix: ArrayView2<i8>, distance: impl Fn(&[u64], &[u64]) -> f64) -> Result<Array2<f64>, NotBinary> {
    let n_rows = matrix.nrows();
    let words = matrix.ncols().div_ceil(64).max(1);
    let mut bits = vec![0_u64; n_rows * words];
    for ((row, column), &cell) in matrix.indexed_iter() {
        match cell {
            0 => {}
            1 => bits[row * words + column / 64] |= 1 << (column % 64),
            found => return Err(NotBinary { row, column, found }),
        }
    }
    let row = |index: usize| &bits[index * words..(index + 1) * words];
    let mut result = Array2::zeros((n_rows, n_rows));
    for left in 0..n_rows {
        for right in 0..left {
            let value = distance(row(left), row(right));
            result[(left, right)] = value;
            result[(right, left)] = value;
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn distances_of_a_small_matrix_are_those_counted_by_hand() {
        let matrix = array![[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]];
        let jaccard = jaccard(matrix.view()).unwrap();
        assert_eq!(
            (jaccard[(0, 1)], jaccard[(0, 2)], jaccard[(2, 3)]),
            (1.0 - 1.0 / 3.0, 1.0, 0.0)
        );
        let hamming = hamming(matrix.view()).unwrap();
        assert_eq!((hamming[(1, 0)], hamming[(0, 2)], hamming[(0, 0)]), (0.5, 0.5, 0.0));
    }

    #[test]
    fn missing_cells_are_refused_with_their_place() {
        let refused = NotBinary {
            row: 1,
            column: 0,
            found: -1,
        };
        assert_eq!(jaccard(array![[0_i8, 1], [-1, 1]].view()), Err(refused));
    }
}
