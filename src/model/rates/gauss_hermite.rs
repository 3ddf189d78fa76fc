//! Gauss-Hermite quadrature for means over the standard normal distribution.

use nalgebra::{DMatrix, SymmetricEigen};

/// Nodes in rising order and their weights, which sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GaussHermite {
    /// `[n_nodes]`; symmetric about 0.
    pub(super) node: Vec<f64>,
    /// `[n_nodes]`.
    pub(super) weight: Vec<f64>,
}

impl GaussHermite {
    /// Returns the rule that is exact for polynomials of degree below `2 n_nodes`, for 1 to 64 nodes.
    ///
    /// Nodes are the eigenvalues of the Jacobi matrix, which has `sqrt(j)` beside its diagonal of zeros, improved by
    /// Newton's method; weights are `1 / sum_j h[j](node)^2` over the orthonormal polynomials, which gives the
    /// smallest of them to full relative precision, where squared components of eigenvectors would not. Physicists'
    /// nodes are these divided by `sqrt(2)`, their weights these times `sqrt(pi)`.
    ///
    /// # Source
    /// Golub & Welsch 1969, doi:10.1090/S0025-5718-69-99647-1.
    pub(super) fn new(n_nodes: usize) -> Self {
        let mut jacobi = DMatrix::<f64>::zeros(n_nodes, n_nodes);
        for row in 1..n_nodes {
            jacobi[(row, row - 1)] = (row as f64).sqrt();
            jacobi[(row - 1, row)] = (row as f64).sqrt();
        }
        let mut node: Vec<f64> = SymmetricEigen::new(jacobi).eigenvalues.iter().copied().collect();
        node.sort_by(f64::total_cmp);
        for node in &mut node {
            for _ in 0..3 {
                let (value, previous, _) = polynomials(n_nodes, *node);
                *node -= value / ((n_nodes as f64).sqrt() * previous);
            }
        }
        let symmetric: Vec<f64> = (0..n_nodes)
            .map(|at| 0.5 * (node[at] - node[n_nodes - 1 - at]))
            .collect();
        let mut weight: Vec<f64> = symmetric
            .iter()
            .map(|&node| polynomials(n_nodes, node).2.recip())
            .collect();
        let total: f64 = weight.iter().sum();
        weight.iter_mut().for_each(|weight| *weight /= total);
        Self {
            node: symmetric,
            weight,
        }
    }
}

/// Returns the orthonormal Hermite polynomials of degree `n` and `n - 1` at `x`, and the sum of squares of those of
/// degree below `n`; the derivative of the first is `sqrt(n)` times the second.
fn polynomials(n: usize, x: f64) -> (f64, f64, f64) {
    let (mut value, mut previous, mut squares) = (1.0, 0.0, 0.0);
    for degree in 0..n {
        squares += value * value;
        let next = (x * value - (degree as f64).sqrt() * previous) / (degree as f64 + 1.0).sqrt();
        (previous, value) = (value, next);
    }
    (value, previous, squares)
}
