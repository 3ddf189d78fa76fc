//! Either kind of model that has histories, as the functions about them take it from Python.

use super::errors::{IntoPyErr, OrRaise};
use super::family_model::PyFamilyModel;
use super::interrupt::watched;
use super::model::PyModel;
use crate::error::ModelError;
use crate::model::{FamilyModel, GeneContentModel, Histories, HistoryModel};
use crate::parallel::{Monitor, Workers};
use crate::problem::Problem;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use std::sync::Arc;

/// A model of either kind; for the second, parameters are log gain and log loss of one family after the other.
#[derive(FromPyObject)]
pub(super) enum PyHistoryModel<'py> {
    Shared(PyRef<'py, PyModel>),
    PerFamily(PyRef<'py, PyFamilyModel>),
}

/// The same without the interpreter.
pub(super) enum AnyModel<'a> {
    Shared(&'a GeneContentModel),
    PerFamily(&'a FamilyModel),
}

impl AnyModel<'_> {
    pub(super) fn workers(&self) -> &Workers {
        match self {
            Self::Shared(model) => model.workers(),
            Self::PerFamily(model) => model.workers(),
        }
    }
}

impl HistoryModel for AnyModel<'_> {
    fn problem(&self) -> &Arc<Problem> {
        match self {
            Self::Shared(model) => model.problem(),
            Self::PerFamily(model) => model.problem(),
        }
    }

    fn histories<T, E: From<ModelError>>(
        &self,
        parameters: &[f64],
        monitor: &Monitor,
        work: impl FnMut(&Histories) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        match self {
            Self::Shared(model) => model.histories(parameters, monitor, work),
            Self::PerFamily(model) => model.histories(parameters, monitor, work),
        }
    }
}

impl PyHistoryModel<'_> {
    fn model(&self) -> AnyModel<'_> {
        match self {
            Self::Shared(model) => AnyModel::Shared(model.model()),
            Self::PerFamily(model) => AnyModel::PerFamily(model.model()),
        }
    }

    pub(super) fn n_nodes(&self) -> usize {
        self.model().problem().tree().n_nodes()
    }

    /// Runs `work` without the interpreter lock; long work listens for Ctrl-C and reports.
    pub(super) fn evaluate<T: Send, E: IntoPyErr + Send>(
        &self,
        py: Python<'_>,
        params: &PyReadonlyArray1<'_, f64>,
        progress: Option<(&str, &Bound<'_, PyAny>)>,
        work: impl FnOnce(&AnyModel<'_>, &[f64], &Monitor) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let (model, params, monitor) = (self.model(), params.as_array().to_vec(), Monitor::new());
        let is_long = match self {
            Self::Shared(model) => model.is_long(),
            Self::PerFamily(_) => true,
        };
        if is_long || progress.is_some() {
            let (stage, report) = progress.unzip();
            let stage = stage.unwrap_or("computing");
            watched(py, stage, &monitor, report, || work(&model, &params, &monitor))?.or_raise()
        } else {
            py.detach(|| work(&model, &params, &monitor)).or_raise()
        }
    }
}
