//! `FamilyModel` for Python: a gain and a loss rate for every family.

use super::data::PyData;
use super::errors::OrRaise;
use super::interrupt::watched;
use super::specification::AscertainmentSetting;
use super::{parse_root, workers};
use crate::inference::{FamilyFits, family_intervals, fit_families};
use crate::model::FamilyModel;
use crate::parallel::Monitor;
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pyclass(name = "FamilyModel", module = "persiste_rust._core", frozen)]
pub(super) struct PyFamilyModel {
    model: FamilyModel,
}

/// What `FamilyModel.fit` found, for what is computed from it.
#[pyclass(name = "FamilyFits", module = "persiste_rust._core", frozen)]
pub(super) struct PyFamilyFits(FamilyFits);

impl PyFamilyModel {
    pub(super) fn model(&self) -> &FamilyModel {
        &self.model
    }
}

fn pairs(log_rates: &PyReadonlyArray2<'_, f64>) -> Vec<[f64; 2]> {
    let rows = log_rates.as_array();
    rows.rows().into_iter().map(|row| [row[0], row[1]]).collect()
}

fn columns<'py, const N: usize>(py: Python<'py>, rows: &[[f64; N]]) -> Bound<'py, PyArray2<f64>> {
    Array2::from_shape_fn((rows.len(), N), |(row, column)| rows[row][column]).into_pyarray(py)
}

#[pymethods]
impl PyFamilyModel {
    #[new]
    fn new(
        data: &PyData,
        root: &Bound<'_, PyAny>,
        ascertainment: AscertainmentSetting,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let ascertainment = ascertainment.read(data.problem.tree().n_tips())?;
        let (problem, families) = (data.problem.clone(), data.families.clone());
        let model = FamilyModel::new(problem, families, parse_root(root)?, ascertainment, workers(threads)?);
        Ok(Self {
            model: model.or_raise()?,
        })
    }

    /// `log_rates` is (n_families, 2).
    fn log_likelihoods<'py>(
        &self,
        py: Python<'py>,
        log_rates: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let (log_rates, monitor) = (pairs(&log_rates), Monitor::new());
        let work = || self.model.family_lanes().log_likelihoods(&log_rates, &monitor);
        Ok(watched(py, "computing", &monitor, None, work)?
            .or_raise()?
            .into_pyarray(py))
    }

    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn values_and_gradients<'py>(
        &self,
        py: Python<'py>,
        log_rates: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>)> {
        let (log_rates, monitor) = (pairs(&log_rates), Monitor::new());
        let work = || self.model.family_lanes().values_and_gradients(&log_rates, &monitor);
        let found = watched(py, "computing", &monitor, None, work)?.or_raise()?;
        Ok((found.values.into_pyarray(py), columns(py, &found.gradients)))
    }

    #[pyo3(signature = (*, progress=None))]
    fn fit<'py>(&self, py: Python<'py>, progress: Option<Bound<'_, PyAny>>) -> PyResult<Bound<'py, PyDict>> {
        let monitor = Monitor::new();
        let fits = watched(py, "fitting families", &monitor, progress.as_ref(), || {
            fit_families(&self.model, &monitor)
        })?
        .or_raise()?;
        let result = PyDict::new(py);
        result.set_item("log_rates", columns(py, &fits.log_rates))?;
        result.set_item("log_likelihoods", fits.log_likelihoods.to_pyarray(py))?;
        result.set_item("covariances", columns(py, &fits.covariances))?;
        let at_bound = Array2::from_shape_fn((fits.at_bound.len(), 2), |(row, axis)| fits.at_bound[row][axis]);
        result.set_item("at_bound", at_bound.into_pyarray(py))?;
        result.set_item("converged", fits.converged.to_pyarray(py))?;
        result.set_item("n_maxima", fits.n_maxima.to_pyarray(py))?;
        result.set_item("bounds", fits.bounds)?;
        result.set_item("fits", Bound::new(py, PyFamilyFits(fits))?)?;
        Ok(result)
    }

    /// Lower and upper ends, each (n_families, 2).
    #[pyo3(signature = (fits, drop, *, progress=None))]
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn intervals<'py>(
        &self,
        py: Python<'py>,
        fits: &Bound<'py, PyFamilyFits>,
        drop: f64,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>)> {
        let (fits, monitor) = (&fits.get().0, Monitor::new());
        let found = watched(py, "looking for intervals", &monitor, progress.as_ref(), || {
            family_intervals(&self.model, fits, drop, &monitor)
        })?
        .or_raise()?;
        Ok((columns(py, &found.lower), columns(py, &found.upper)))
    }
}
