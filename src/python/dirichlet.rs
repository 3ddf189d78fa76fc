//! Dirichlet-multinomial mixtures for Python.

use super::errors::OrRaise;
use super::interrupt::watched;
use super::workers;
use crate::dirichlet::{
    CRITERIA, CURVATURES, Counts, Criterion, Curvature, FitOptions, GroupClassifier, Mixture, Parameters, STARTS,
    Start, consensus, cross_validate, fit_each, random_folds,
};
use crate::parallel::Monitor;
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Options of a fit as Python holds them: everything but the data.
#[pyclass(name = "DirichletOptions", module = "persiste_rust._core", frozen)]
pub(super) struct PyOptions {
    options: FitOptions,
    row_weights: Option<Vec<f64>>,
    threads: Option<usize>,
}

#[pymethods]
impl PyOptions {
    #[new]
    #[pyo3(signature = (*, init, seed, n_init, max_iter, tol, hessian, sample_weight=None, threads=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python signature")]
    fn new(
        init: &Bound<'_, PyAny>,
        seed: u32,
        n_init: usize,
        max_iter: usize,
        tol: f64,
        hessian: &str,
        sample_weight: Option<PyReadonlyArray1<'_, f64>>,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let start = match init.extract::<String>() {
            Ok(name) => Start::parse(&name).or_raise()?,
            Err(_) => {
                let given: PyReadonlyArray2<'_, f64> = init.extract()?;
                Start::Responsibilities(given.as_array().iter().copied().collect())
            }
        };
        let options = FitOptions {
            start,
            seed,
            n_init,
            max_iterations: max_iter,
            tolerance: tol,
            curvature: Curvature::parse(hessian).or_raise()?,
        };
        Ok(Self {
            options,
            row_weights: sample_weight.map(|weights| weights.as_array().to_vec()),
            threads,
        })
    }
}

/// Checked counts, grouped once and used by every function here.
#[pyclass(name = "DirichletCounts", module = "persiste_rust._core", frozen)]
pub(super) struct PyCounts {
    counts: Counts,
}

#[pymethods]
impl PyCounts {
    #[new]
    fn new(py: Python<'_>, counts: PyReadonlyArray2<'_, u32>) -> PyResult<Self> {
        let cells = counts.as_array();
        let counts = py.detach(|| Counts::new(cells)).or_raise()?;
        Ok(Self { counts })
    }

    #[getter]
    fn n_pairs(&self) -> usize {
        self.counts.n_pairs()
    }
}

#[pyfunction]
#[pyo3(signature = (counts, n_components, options, progress=None))]
pub(super) fn dirichlet_fit<'py>(
    py: Python<'py>,
    counts: &PyCounts,
    n_components: Vec<usize>,
    options: &PyOptions,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let (workers, monitor) = (workers(options.threads)?, Monitor::new());
    let fits = watched(py, "fitting mixtures (starts)", &monitor, progress.as_ref(), || {
        let weights = options.row_weights.as_deref();
        fit_each(
            &counts.counts,
            &n_components,
            weights,
            &options.options,
            &workers,
            &monitor,
        )
    })?;
    fits.or_raise()?.into_iter().map(|fit| report(py, fit)).collect()
}

#[pyfunction]
#[pyo3(signature = (counts, n_components, options, progress=None))]
pub(super) fn dirichlet_consensus<'py>(
    py: Python<'py>,
    counts: &PyCounts,
    n_components: usize,
    options: &PyOptions,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (workers, monitor) = (workers(options.threads)?, Monitor::new());
    let found = watched(py, "fitting mixtures (starts)", &monitor, progress.as_ref(), || {
        let weights = options.row_weights.as_deref();
        consensus(
            &counts.counts,
            n_components,
            weights,
            &options.options,
            &workers,
            &monitor,
        )
    })?
    .or_raise()?;
    let result = PyDict::new(py);
    result.set_item("best", report(py, found.best)?)?;
    result.set_item("responsibilities", found.responsibilities.into_pyarray(py))?;
    result.set_item("agreement", found.agreement.into_pyarray(py))?;
    result.set_item("objectives", found.objectives.into_pyarray(py))?;
    result.set_item("shared", found.shared.into_pyarray(py))?;
    Ok(result)
}

#[pyfunction]
#[pyo3(signature = (counts, labels, n_classes, n_components, criterion, options, progress=None))]
#[expect(clippy::too_many_arguments, reason = "arguments of a Python signature")]
pub(super) fn dirichlet_fit_groups<'py>(
    py: Python<'py>,
    counts: &PyCounts,
    labels: Vec<usize>,
    n_classes: usize,
    n_components: Vec<usize>,
    criterion: &str,
    options: &PyOptions,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(Vec<Bound<'py, PyDict>>, Vec<f64>)> {
    let criterion = Criterion::parse(criterion).or_raise()?;
    let (workers, monitor) = (workers(options.threads)?, Monitor::new());
    let found = watched(py, "fitting classes (starts)", &monitor, progress.as_ref(), || {
        let data = (&counts.counts, labels.as_slice());
        GroupClassifier::fit(
            data.0,
            data.1,
            n_classes,
            &n_components,
            criterion,
            &options.options,
            &workers,
            &monitor,
        )
    })?
    .or_raise()?;
    let mixtures = found.mixtures.into_iter().map(|fit| report(py, fit));
    Ok((mixtures.collect::<PyResult<_>>()?, found.priors))
}

#[pyfunction]
#[pyo3(signature = (counts, labels, n_components, n_folds, seed, options, progress=None))]
#[expect(clippy::too_many_arguments, reason = "arguments of a Python signature")]
pub(super) fn dirichlet_cross_validate<'py>(
    py: Python<'py>,
    counts: &PyCounts,
    labels: Vec<usize>,
    n_components: Vec<usize>,
    n_folds: usize,
    seed: u32,
    options: &PyOptions,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(Bound<'py, PyArray2<f64>>, Vec<usize>)> {
    let (workers, monitor) = (workers(options.threads)?, Monitor::new());
    let folds = random_folds(counts.counts.n_rows(), n_folds, seed).or_raise()?;
    let found = watched(py, "cross-validating (starts)", &monitor, progress.as_ref(), || {
        cross_validate(
            &counts.counts,
            &labels,
            &n_components,
            &folds,
            &options.options,
            &workers,
            &monitor,
        )
    })?
    .or_raise()?;
    Ok((found.into_pyarray(py), folds))
}

#[pyfunction]
pub(super) fn dirichlet_names(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let names = PyDict::new(py);
    names.set_item("init", STARTS.to_vec())?;
    names.set_item("hessian", CURVATURES.to_vec())?;
    names.set_item("criterion", CRITERIA.to_vec())?;
    Ok(names)
}

/// Parameters of a mixture, given or fitted.
#[pyclass(name = "DirichletParameters", module = "persiste_rust._core", frozen)]
pub(super) struct PyParameters {
    parameters: Parameters,
    threads: Option<usize>,
}

impl PyParameters {
    fn evaluate<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&crate::parallel::Workers, &Monitor) -> Result<T, crate::error::DirichletError> + Send,
    ) -> PyResult<T> {
        let (workers, monitor) = (workers(self.threads)?, Monitor::new());
        watched(py, "computing", &monitor, None, || work(&workers, &monitor))?.or_raise()
    }
}

#[pymethods]
impl PyParameters {
    #[new]
    #[pyo3(signature = (weights, alpha, threads=None))]
    fn new(weights: Vec<f64>, alpha: PyReadonlyArray2<'_, f64>, threads: Option<usize>) -> PyResult<Self> {
        let parameters = Parameters::new(weights, alpha.as_array().to_owned()).or_raise()?;
        Ok(Self { parameters, threads })
    }

    fn log_evidence<'py>(&self, py: Python<'py>, counts: &PyCounts) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let found = self.evaluate(py, |workers, monitor| {
            self.parameters.log_evidence(&counts.counts, workers, monitor)
        })?;
        Ok(found.into_pyarray(py))
    }

    fn responsibilities<'py>(&self, py: Python<'py>, counts: &PyCounts) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let found = self.evaluate(py, |workers, monitor| {
            self.parameters.responsibilities(&counts.counts, workers, monitor)
        })?;
        Ok(found.into_pyarray(py))
    }

    fn log_likelihoods<'py>(&self, py: Python<'py>, counts: &PyCounts) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let found = self.evaluate(py, |workers, monitor| {
            self.parameters.log_likelihoods(&counts.counts, workers, monitor)
        })?;
        Ok(found.into_pyarray(py))
    }

    fn negative_log_prior(&self) -> f64 {
        self.parameters.negative_log_prior()
    }

    fn assess<'py>(&self, py: Python<'py>, counts: &PyCounts, hessian: &str) -> PyResult<Bound<'py, PyDict>> {
        let curvature = Curvature::parse(hessian).or_raise()?;
        let found = self.evaluate(py, |workers, monitor| {
            self.parameters.assess(&counts.counts, curvature, workers, monitor)
        })?;
        let result = PyDict::new(py);
        set_assessment(&result, found)?;
        Ok(result)
    }
}

fn set_assessment(result: &Bound<'_, PyDict>, found: crate::dirichlet::Assessment) -> PyResult<()> {
    let py = result.py();
    let goodness = PyDict::new(py);
    goodness.set_item("NLE", found.goodness.nle)?;
    goodness.set_item("LogDet", found.goodness.log_det)?;
    goodness.set_item("Laplace", found.goodness.laplace)?;
    goodness.set_item("BIC", found.goodness.bic)?;
    goodness.set_item("AIC", found.goodness.aic)?;
    result.set_item("goodness_of_fit", goodness)?;
    result.set_item("laplace_by_weight", found.laplace_by_weight)?;
    result.set_item("log_determinants", found.log_determinants.into_pyarray(py))?;
    result.set_item("lower", found.lower.into_pyarray(py))?;
    result.set_item("upper", found.upper.into_pyarray(py))?;
    result.set_item("indefinite", found.indefinite)
}

fn report(py: Python<'_>, fit: Mixture) -> PyResult<Bound<'_, PyDict>> {
    let result = PyDict::new(py);
    let alpha: Array2<f64> = fit.parameters.alpha().to_owned();
    result.set_item("weights", fit.parameters.weights().to_vec().into_pyarray(py))?;
    result.set_item("alpha", alpha.into_pyarray(py))?;
    result.set_item("responsibilities", fit.responsibilities.into_pyarray(py))?;
    result.set_item("objectives", fit.objectives.into_pyarray(py))?;
    result.set_item("converged", fit.converged)?;
    result.set_item("separation", fit.separation)?;
    result.set_item("seed", fit.seed)?;
    set_assessment(&result, fit.assessment)?;
    Ok(result)
}
