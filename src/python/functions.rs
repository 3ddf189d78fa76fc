//! Likelihoods at given rates and distances, from plain arrays.

use super::data::{family_names, row_names};
use super::errors::OrRaise;
use super::interrupt::watched;
use super::tree::PyTree;
use super::{parse_root, workers};
use crate::model::{RootPrior, log_likelihoods_at};
use crate::parallel::Monitor;
use crate::problem::{MatchOptions, PresenceTable, Tree, match_names};
use crate::quantity::distance;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "arguments of a Python signature")]
pub(super) fn compute_likelihoods<'py>(
    py: Python<'py>,
    tree: &PyTree,
    presence_matrix: PyReadonlyArray2<'_, i8>,
    gain_rates: PyReadonlyArray1<'_, f64>,
    loss_rates: PyReadonlyArray1<'_, f64>,
    taxon_names: Option<Vec<String>>,
    root: &Bound<'_, PyAny>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let root = parse_root(root)?;
    let cells = presence_matrix.as_array();
    let genomes = row_names(&tree.tree, cells.nrows(), taxon_names)?;
    let table = PresenceTable::from_matrix(cells, genomes, family_names(cells.ncols(), None)?).or_raise()?;
    let matched = match_names(tree.tree.as_ref().clone(), &table, MatchOptions::default()).or_raise()?;
    let (gain, loss) = (gain_rates.as_array().to_vec(), loss_rates.as_array().to_vec());
    let (workers, monitor) = (workers(threads)?, Monitor::new());
    let values = watched(py, "computing", &monitor, None, || {
        let columns = &matched.column_of_tip;
        log_likelihoods_at(matched.tree, &table, columns, (&gain, &loss), root, &workers, &monitor)
    })?;
    Ok(values.or_raise()?.into_pyarray(py))
}

#[pyfunction]
pub(super) fn compute_likelihoods_parallel<'py>(
    py: Python<'py>,
    parent_indices: PyReadonlyArray1<'_, i32>,
    branch_lengths: PyReadonlyArray1<'_, f64>,
    presence_matrix: PyReadonlyArray2<'_, i8>,
    gain_rates: PyReadonlyArray1<'_, f64>,
    loss_rates: PyReadonlyArray1<'_, f64>,
    n_tips: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (parents, lengths) = (parent_indices.as_array().to_vec(), branch_lengths.as_array().to_vec());
    let (tree, row_of_tip) = Tree::from_parents(&parents, &lengths, n_tips).or_raise()?;
    let cells = presence_matrix.as_array();
    if cells.nrows() != n_tips {
        let found = cells.nrows();
        return Err(PyValueError::new_err(format!(
            "presence_matrix has {found} rows; expected {n_tips}, one a tip"
        )));
    }
    let genomes = (0..n_tips).map(|tip| tip.to_string()).collect();
    let table = PresenceTable::from_matrix(cells, genomes, family_names(cells.ncols(), None)?).or_raise()?;
    let (gain, loss) = (gain_rates.as_array().to_vec(), loss_rates.as_array().to_vec());
    let (workers, monitor) = (workers(None)?, Monitor::new());
    let values = watched(py, "computing", &monitor, None, || {
        let rates = (gain.as_slice(), loss.as_slice());
        log_likelihoods_at(
            tree,
            &table,
            &row_of_tip,
            rates,
            RootPrior::Stationary,
            &workers,
            &monitor,
        )
    })?;
    Ok(values.or_raise()?.into_pyarray(py))
}

#[pyfunction]
pub(super) fn compute_jaccard_distance<'py>(
    py: Python<'py>,
    matrix: PyReadonlyArray2<'_, i8>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    Ok(distance::jaccard(matrix.as_array()).or_raise()?.into_pyarray(py))
}

#[pyfunction]
pub(super) fn compute_hamming_distance<'py>(
    py: Python<'py>,
    matrix: PyReadonlyArray2<'_, i8>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    Ok(distance::hamming(matrix.as_array()).or_raise()?.into_pyarray(py))
}
