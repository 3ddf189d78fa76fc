//! `Model` for Python.

use super::data::PyData;
use super::errors::{IntoPyErr, OrRaise};
use super::fitted::{PyFitted, matrix};
use super::interrupt::watched;
use super::simulation::{MissingSetting, Order, draw};
use super::specification::Settings;
use super::workers;
use crate::inference::{self, FitOptions, FitResult};
use crate::model::GeneContentModel;
use crate::parallel::Monitor;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// Cells (nodes x patterns) above which an evaluation may take so long that Ctrl-C must be heard meanwhile.
const LONG_WORK: usize = 20_000_000;

#[pyclass(name = "Model", module = "persiste_rust._core", frozen)]
pub(super) struct PyModel {
    pub(super) model: Arc<GeneContentModel>,
    is_long: bool,
}

impl PyModel {
    pub(super) fn model(&self) -> &GeneContentModel {
        &self.model
    }

    /// Returns whether an evaluation may take so long that Ctrl-C must be heard meanwhile.
    pub(super) fn is_long(&self) -> bool {
        self.is_long
    }

    /// Runs long work on the model, with progress.
    pub(super) fn watch<T: Send, E: IntoPyErr + Send>(
        &self,
        py: Python<'_>,
        params: &PyReadonlyArray1<'_, f64>,
        stage: &str,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&GeneContentModel, &[f64], &Monitor) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let params = params.as_array().to_vec();
        let (monitor, model) = (Monitor::new(), &*self.model);
        watched(py, stage, &monitor, progress, || work(model, &params, &monitor))?.or_raise()
    }

    pub(super) fn evaluate<T: Send, E: IntoPyErr + Send>(
        &self,
        py: Python<'_>,
        params: &PyReadonlyArray1<'_, f64>,
        work: impl FnOnce(&GeneContentModel, &[f64], &Monitor) -> Result<T, E> + Send,
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
        let model = &*self.model;
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
    fn new(py: Python<'_>, data: &PyData, settings: Settings<'_>, threads: Option<usize>) -> PyResult<Self> {
        let specification = settings.specify(data.problem.tree(), data.families.len())?;
        let (problem, families, workers) = (data.problem.clone(), data.families.clone(), workers(threads)?);
        let model = py.detach(|| GeneContentModel::new(problem, families, specification, workers));
        let cells = data.problem.tree().n_nodes() * data.problem.patterns().n_patterns();
        Ok(Self {
            model: Arc::new(model.or_raise()?),
            is_long: cells > LONG_WORK,
        })
    }

    #[getter]
    fn parameter_names(&self) -> Vec<&str> {
        let parameters = self.model.parameters().iter();
        parameters.map(|parameter| parameter.name.as_str()).collect()
    }

    /// The parameters that a penalty holds: a fit is then no plain maximum likelihood.
    #[getter]
    fn penalised(&self) -> Vec<&str> {
        let held = self.model.penalty().holds(self.model.parameters().len());
        let parameters = self.model.parameters().iter().zip(held);
        parameters
            .filter(|(_, held)| *held)
            .map(|(parameter, _)| parameter.name.as_str())
            .collect()
    }

    fn rates_in_words(&self) -> String {
        self.model.specification().rates.words()
    }

    fn penalty(&self, params: PyReadonlyArray1<'_, f64>) -> f64 {
        self.model.penalty().value(&params.as_array().to_vec())
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

    fn log_likelihoods_batch<'py>(
        &self,
        py: Python<'py>,
        params: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let rows: Vec<Vec<f64>> = params.as_array().rows().into_iter().map(|row| row.to_vec()).collect();
        let monitor = Monitor::new();
        let model = &*self.model;
        let values = watched(py, "computing", &monitor, None, || {
            model.log_likelihoods_of(&rows, &monitor)
        })?;
        Ok(values.or_raise()?.into_pyarray(py))
    }

    fn category_posteriors<'py>(
        &self,
        py: Python<'py>,
        params: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let rows = self.evaluate(py, &params, |model, params, monitor| {
            model.category_posteriors(params, monitor)
        })?;
        Ok(PyArray2::from_vec2(py, &rows)?)
    }

    fn family_rates<'py>(
        &self,
        py: Python<'py>,
        params: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let rates = self.evaluate(py, &params, |model, params, monitor| {
            model.family_rates(params, monitor)
        })?;
        let rows = rates.into_iter().map(Vec::from).collect::<Vec<_>>();
        Ok(PyArray2::from_vec2(py, &rows)?)
    }

    /// New families for the groups and covariates of the model's own.
    #[pyo3(signature = (params, seed, *, missing=None, truth=false, progress=None))]
    fn simulate<'py>(
        &self,
        py: Python<'py>,
        params: PyReadonlyArray1<'_, f64>,
        seed: u64,
        missing: Option<MissingSetting<'py>>,
        truth: bool,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let order = Order {
            seed,
            missing,
            truth,
            progress,
        };
        let (model, params) = (&self.model, params.as_array().to_vec());
        let tree = model.problem().tree();
        draw(
            py,
            tree,
            model.specification(),
            &params,
            model.families(),
            &order,
            model.workers(),
        )
    }

    #[pyo3(signature = (start=None, *, n_starts=None, max_iterations=200, progress=None))]
    fn fit<'py>(
        &self,
        py: Python<'py>,
        start: Option<PyReadonlyArray1<'_, f64>>,
        n_starts: Option<usize>,
        max_iterations: usize,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let start = start.map(|values| values.as_array().to_vec());
        let monitor = Monitor::new();
        let model = &*self.model;
        let fitted = watched(py, "fitting (evaluations)", &monitor, progress.as_ref(), || {
            let options = FitOptions {
                start: start.as_deref(),
                n_starts,
                max_iterations,
                weights: None,
            };
            inference::fit(model, &options, &monitor)
        })?
        .or_raise()?;
        self.report(py, fitted)
    }
}

impl PyModel {
    fn report<'py>(&self, py: Python<'py>, found: FitResult) -> PyResult<Bound<'py, PyDict>> {
        let fitted = found.clone();
        let parameters = self.model.parameters().iter().zip(&fitted.at_bound);
        let at_bound: Vec<&str> = parameters
            .filter(|(_, bound)| **bound)
            .map(|(parameter, _)| parameter.name.as_str())
            .collect();
        let covariance = fitted.covariance.as_ref().map(|covariance| matrix(py, covariance));
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
        let root_frequencies = fitted.root_frequencies.map(|pair| pair.to_vec().into_pyarray(py));
        result.set_item("root_frequencies", root_frequencies)?;
        result.set_item("log_likelihood", fitted.log_likelihood)?;
        result.set_item("penalty", fitted.penalty)?;
        result.set_item("n_starts", fitted.n_starts)?;
        result.set_item("n_agreeing", fitted.n_agreeing)?;
        result.set_item("log_likelihoods", fitted.log_likelihoods.into_pyarray(py))?;
        result.set_item("converged", fitted.ending == inference::optimise::Ending::Converged)?;
        result.set_item("reason", fitted.ending.reason())?;
        result.set_item("iterations", fitted.iterations)?;
        result.set_item("evaluations", fitted.evaluations)?;
        result.set_item("at_bound", at_bound)?;
        let model = self.model.clone();
        result.set_item("fitted", Bound::new(py, PyFitted { model, result: found })?)?;
        Ok(result)
    }
}
