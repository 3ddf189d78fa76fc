//! `Model` for Python.

use super::data::PyData;
use super::errors::OrRaise;
use super::interrupt::watched;
use super::{parse_root, workers};
use crate::error::ModelError;
use crate::inference::{self, FitResult};
use crate::model::{Ascertainment, GeneContentModel, shared_rates};
use crate::parallel::Monitor;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Cells (nodes x patterns) above which an evaluation may take so long that Ctrl-C must be heard meanwhile.
const LONG_WORK: usize = 20_000_000;

#[pyclass(name = "Model", module = "persiste_rust._core", frozen)]
pub(super) struct PyModel {
    model: GeneContentModel,
    is_long: bool,
}

impl PyModel {
    fn evaluate<T: Send>(
        &self,
        py: Python<'_>,
        params: &PyReadonlyArray1<'_, f64>,
        work: impl FnOnce(&GeneContentModel, &[f64], &Monitor) -> Result<T, ModelError> + Send,
    ) -> PyResult<T> {
        let contiguous;
        let params = match params.as_slice() {
            Ok(params) => params,
            Err(_) => {
                contiguous = params.as_array().to_vec();
                &contiguous
            }
        };
        let monitor = Monitor::new();
        let model = &self.model;
        if self.is_long {
            watched(py, "computing", &monitor, None, || work(model, params, &monitor))?.or_raise()
        } else {
            py.detach(|| work(model, params, &monitor)).or_raise()
        }
    }
}

#[pymethods]
impl PyModel {
    #[new]
    fn new(
        data: &PyData,
        root: &Bound<'_, PyAny>,
        ascertainment: &str,
        rates: &str,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        if !shared_rates::RATE_MODELS.contains(&rates) {
            let known = shared_rates::RATE_MODELS.to_vec();
            return Err(ModelError::UnknownName {
                what: "rate model",
                found: rates.to_owned(),
                known,
            })
            .or_raise();
        }
        let root = parse_root(root)?;
        let ascertainment = Ascertainment::parse(ascertainment).or_raise()?;
        let model = GeneContentModel::new(
            data.problem.clone(),
            data.families.clone(),
            root,
            ascertainment,
            workers(threads)?,
        )
        .or_raise()?;
        let cells = data.problem.tree().n_nodes() * data.problem.patterns().n_patterns();
        Ok(Self {
            model,
            is_long: cells > LONG_WORK,
        })
    }

    #[getter]
    fn parameter_names(&self) -> Vec<&'static str> {
        self.model.parameter_names().to_vec()
    }

    fn log_likelihood(&self, py: Python<'_>, params: PyReadonlyArray1<'_, f64>) -> PyResult<f64> {
        self.evaluate(py, &params, |model, params, monitor| {
            model.log_likelihood(params, monitor)
        })
    }

    fn log_likelihoods<'py>(
        &self,
        py: Python<'py>,
        params: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let values = self.evaluate(py, &params, |model, params, monitor| {
            model.log_likelihoods(params, monitor)
        })?;
        Ok(values.into_pyarray(py))
    }

    fn value_and_gradient<'py>(
        &self,
        py: Python<'py>,
        params: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<(f64, Bound<'py, PyArray1<f64>>)> {
        let result = self.evaluate(py, &params, |model, params, monitor| {
            model.value_and_gradient(params, monitor)
        })?;
        Ok((result.value, result.gradient.into_pyarray(py)))
    }

    #[pyo3(signature = (start=None, *, max_iterations=200, progress=None))]
    fn fit<'py>(
        &self,
        py: Python<'py>,
        start: Option<PyReadonlyArray1<'_, f64>>,
        max_iterations: usize,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let start = start.map(|values| values.as_array().to_vec());
        let monitor = Monitor::new();
        let model = &self.model;
        let fitted = watched(py, "fitting (evaluations)", &monitor, progress.as_ref(), || {
            inference::fit(model, start.as_deref(), max_iterations, &monitor)
        })?
        .or_raise()?;
        self.report(py, fitted)
    }
}

impl PyModel {
    fn report<'py>(&self, py: Python<'py>, fitted: FitResult) -> PyResult<Bound<'py, PyDict>> {
        let names = self.model.parameter_names();
        let at_bound: Vec<&str> = names
            .iter()
            .zip(&fitted.at_bound)
            .filter(|&(_, &bound)| bound)
            .map(|(&name, _)| name)
            .collect();
        let covariance = fitted.covariance.map(|matrix| {
            let rows = numpy::ndarray::Array2::from_shape_fn(matrix.shape(), |(row, column)| matrix[(row, column)]);
            rows.into_pyarray(py)
        });
        let result = PyDict::new(py);
        result.set_item("parameters", fitted.parameters.into_pyarray(py))?;
        result.set_item("gradient", fitted.gradient.into_pyarray(py))?;
        result.set_item("lower", fitted.bounds.lower.into_pyarray(py))?;
        result.set_item("upper", fitted.bounds.upper.into_pyarray(py))?;
        result.set_item("covariance", covariance)?;
        result.set_item(
            "information_eigenvalues",
            fitted.information_eigenvalues.into_pyarray(py),
        )?;
        result.set_item("root_frequencies", fitted.root_frequencies.to_vec().into_pyarray(py))?;
        result.set_item("log_likelihood", fitted.log_likelihood)?;
        result.set_item("log_likelihoods", fitted.log_likelihoods.into_pyarray(py))?;
        result.set_item("converged", fitted.ending == inference::optimise::Ending::Converged)?;
        result.set_item("reason", fitted.ending.reason())?;
        result.set_item("iterations", fitted.iterations)?;
        result.set_item("evaluations", fitted.evaluations)?;
        result.set_item("at_bound", at_bound)?;
        Ok(result)
    }
}
