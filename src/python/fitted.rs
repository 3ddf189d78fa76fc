//! `Fitted` for Python: a fit with its model, from which everything about its uncertainty is computed.

use super::errors::OrRaise;
use super::interrupt::watched;
use super::simulation::problem;
use crate::error::{ModelError, SimulateError};
use crate::inference::{self, FitResult};
use crate::model::GeneContentModel;
use crate::parallel::{Monitor, Workers, stream_seed};
use crate::simulate::{Missing, Simulation};
use nalgebra::DMatrix;
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

#[pyclass(name = "Fitted", module = "persiste_rust._core", frozen)]
pub(super) struct PyFitted {
    pub(super) model: Arc<GeneContentModel>,
    pub(super) result: FitResult,
}

/// Rows of estimates, and one number and one flag a row.
type Table<'py> = (
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<bool>>,
);

pub(super) fn matrix<'py>(py: Python<'py>, matrix: &DMatrix<f64>) -> Bound<'py, PyArray2<f64>> {
    Array2::from_shape_fn(matrix.shape(), |(row, column)| matrix[(row, column)]).into_pyarray(py)
}

impl PyFitted {
    fn work<T: Send>(
        &self,
        py: Python<'_>,
        stage: &'static str,
        progress: Option<&Bound<'_, PyAny>>,
        n_steps: usize,
        work: impl FnOnce(&GeneContentModel, &FitResult, &Monitor) -> Result<T, ModelError> + Send,
    ) -> PyResult<T> {
        let monitor = Monitor::new();
        monitor.begin(n_steps as u64);
        let (model, result) = (&*self.model, &self.result);
        watched(py, stage, &monitor, progress, || work(model, result, &monitor))?.or_raise()
    }

    fn table<'py>(&self, py: Python<'py>, rows: Vec<(Vec<f64>, f64, bool)>) -> Table<'py> {
        let shape = (rows.len(), self.result.parameters.len());
        let parameters = Array2::from_shape_fn(shape, |(row, column)| rows[row].0[column]);
        let values: Vec<f64> = rows.iter().map(|row| row.1).collect();
        let flags: Vec<bool> = rows.iter().map(|row| row.2).collect();
        (
            parameters.into_pyarray(py),
            values.into_pyarray(py),
            flags.into_pyarray(py),
        )
    }
}

#[pymethods]
impl PyFitted {
    #[pyo3(signature = (first, n_replicates, seed, *, progress=None))]
    fn bootstrap<'py>(
        &self,
        py: Python<'py>,
        first: usize,
        n_replicates: usize,
        seed: u64,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Table<'py>> {
        let replicates = self.work(
            py,
            "bootstrapping",
            progress.as_ref(),
            n_replicates,
            |model, fit, monitor| inference::bootstrap(model, fit, first..first + n_replicates, seed, monitor),
        )?;
        let rows = replicates.into_iter();
        Ok(self.table(
            py,
            rows.map(|row| (row.parameters, row.log_likelihood, row.converged))
                .collect(),
        ))
    }

    #[pyo3(signature = (first, n_replicates, seed, *, progress=None))]
    fn parametric_bootstrap<'py>(
        &self,
        py: Python<'py>,
        first: usize,
        n_replicates: usize,
        seed: u64,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Table<'py>> {
        let (model, result) = (&*self.model, &self.result);
        let monitor = Monitor::new();
        monitor.begin(n_replicates as u64);
        let draw = |replicate: usize| {
            let tree = model.problem().tree();
            let simulation = Simulation {
                tree,
                specification: model.specification(),
                parameters: &result.parameters,
                missing: Missing::Like(model.problem().patterns()),
                seed: stream_seed(seed, replicate as u64, 0),
                wants_truth: false,
            };
            let single = Workers::single();
            // Its progress would be that of one replicate.
            let simulated = simulation.run(model.families(), &single, &Monitor::new())?;
            let problem = Arc::new(problem(tree, &simulated));
            let families = model.families().clone();
            Ok::<_, SimulateError>(GeneContentModel::new(
                problem,
                families,
                model.specification().clone(),
                single,
            )?)
        };
        let replicates = watched(py, "bootstrapping", &monitor, progress.as_ref(), || {
            inference::refit_to(result, first..first + n_replicates, draw, model.workers(), &monitor)
        })?
        .or_raise()?;
        let rows = replicates.into_iter();
        Ok(self.table(
            py,
            rows.map(|row| (row.parameters, row.log_likelihood, row.converged))
                .collect(),
        ))
    }

    #[pyo3(signature = (n_folds, seed, *, progress=None))]
    fn cross_validate<'py>(
        &self,
        py: Python<'py>,
        n_folds: usize,
        seed: u64,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(Table<'py>, Vec<usize>)> {
        let folds = self.work(
            py,
            "cross-validating",
            progress.as_ref(),
            n_folds,
            |model, fit, monitor| inference::cross_validate(model, fit, n_folds, seed, monitor),
        )?;
        let sizes = folds.iter().map(|fold| fold.n_families).collect();
        let rows = folds.into_iter();
        let table = self.table(
            py,
            rows.map(|row| (row.parameters, row.held_out, row.converged)).collect(),
        );
        Ok((table, sizes))
    }

    #[pyo3(signature = (parameter, values, *, progress=None))]
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn profile<'py>(
        &self,
        py: Python<'py>,
        parameter: usize,
        values: PyReadonlyArray1<'_, f64>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>)> {
        let values = values.as_array().to_vec();
        let points = self.work(
            py,
            "profiling (evaluations)",
            progress.as_ref(),
            0,
            |model, fit, monitor| inference::profile(model, fit, parameter, &values, monitor),
        )?;
        let rows = points
            .into_iter()
            .map(|point| (point.parameters, point.log_likelihood, true));
        let (parameters, log_likelihoods, _) = self.table(py, rows.collect());
        Ok((parameters, log_likelihoods))
    }

    #[pyo3(signature = (parameter, drop, *, progress=None))]
    fn profile_interval(
        &self,
        py: Python<'_>,
        parameter: usize,
        drop: f64,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(f64, f64)> {
        let interval = self.work(
            py,
            "profiling (evaluations)",
            progress.as_ref(),
            0,
            |model, fit, monitor| inference::profile_interval(model, fit, parameter, drop, monitor),
        )?;
        Ok((interval.lower, interval.upper))
    }

    fn sandwich<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        let covariance = self.work(py, "computing scores", None, 0, inference::sandwich)?;
        Ok(covariance.map(|covariance| matrix(py, &covariance)))
    }
}
