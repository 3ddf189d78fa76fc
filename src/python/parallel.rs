//! The numbers of the parallel toolkit: seeds, folds, rankings, summaries, thread counts.

use super::errors::OrRaise;
use crate::parallel::{self, Aggregation, Folds, GridScores};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

type Floats<'py> = Bound<'py, PyArray1<f64>>;

#[pyfunction]
pub(super) fn thread_count(threads: Option<usize>) -> PyResult<usize> {
    Ok(parallel::thread_count(threads).or_raise()?.get())
}

#[pyfunction]
pub(super) fn stream_seed(seed: u64, item: u64, sample: u64) -> u64 {
    parallel::stream_seed(seed, item, sample)
}

#[pyfunction]
pub(super) fn fold_of_item(
    py: Python<'_>,
    n_items: usize,
    n_folds: usize,
    seed: u64,
) -> PyResult<Bound<'_, PyArray1<i64>>> {
    let folds = Folds::new(n_items, n_folds, seed).or_raise()?;
    let numbers: Vec<i64> = folds.fold_of().iter().map(|&fold| fold as i64).collect();
    Ok(numbers.into_pyarray(py))
}

#[pyfunction]
pub(super) fn ranking<'py>(py: Python<'py>, scores: PyReadonlyArray1<'_, f64>) -> Bound<'py, PyArray1<i64>> {
    let ranking = GridScores::new(scores.as_array().to_vec()).ranking();
    let points: Vec<i64> = ranking.into_iter().map(|point| point as i64).collect();
    points.into_pyarray(py)
}

#[pyfunction]
pub(super) fn summarise<'py>(
    py: Python<'py>,
    samples: PyReadonlyArray2<'_, f64>,
    quantiles: PyReadonlyArray1<'_, f64>,
) -> PyResult<(Floats<'py>, Floats<'py>, Bound<'py, PyArray2<f64>>)> {
    let quantiles = quantiles.as_array().to_vec();
    let summary = parallel::summarise(&rows(&samples), &quantiles).or_raise()?;
    let shape = (quantiles.len(), summary.mean.len());
    let table = numpy::ndarray::Array2::from_shape_vec(shape, summary.quantiles.concat());
    let table = table.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((
        summary.mean.into_pyarray(py),
        summary.sd.into_pyarray(py),
        table.into_pyarray(py),
    ))
}

#[pyfunction]
pub(super) fn aggregate<'py>(
    py: Python<'py>,
    predictions: PyReadonlyArray2<'_, f64>,
    how: &str,
    weights: Option<PyReadonlyArray1<'_, f64>>,
) -> PyResult<Floats<'py>> {
    let aggregation = match (how, weights) {
        ("mean", None) => Aggregation::Mean,
        ("median", None) => Aggregation::Median,
        ("weighted", Some(weights)) => Aggregation::WeightedMean(weights.as_array().to_vec()),
        _ => {
            return Err(PyValueError::new_err(format!(
                "unknown aggregation '{how}'; known: mean, median, weighted (which alone takes weights)"
            )));
        }
    };
    Ok(parallel::aggregate(&rows(&predictions), &aggregation)
        .or_raise()?
        .into_pyarray(py))
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments of a Python function are owned")]
pub(super) fn parallel_fraction(threads: Vec<usize>, speed_ups: Vec<f64>) -> PyResult<f64> {
    parallel::parallel_fraction(&threads, &speed_ups).or_raise()
}

fn rows(array: &PyReadonlyArray2<'_, f64>) -> Vec<Vec<f64>> {
    array.as_array().outer_iter().map(|row| row.to_vec()).collect()
}
