//! Stochastic maps for Python.

use super::histories::array;
use super::history_model::PyHistoryModel;
use super::workers;
use crate::quantity::event_list::EventKind;
use crate::quantity::stochastic_map::{self, MapChoice, MapEvent};
use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Maps, summed over families: gains, losses, genome_sizes, time_present, each (n_maps, n_nodes); n_families,
/// n_impossible. With `by_family`: gain_mean, gain_variance, loss_mean, loss_variance, each (n_nodes, n_families).
/// With `events`: map, family, node, is_loss, time, each (n_events). `threads` None is as many as the model has.
#[pyfunction]
#[pyo3(signature = (model, params, n_maps, seed, *, families=None, by_family=false, events=false, threads=None,
                    progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python signature")]
pub(super) fn stochastic_maps<'py>(
    py: Python<'py>,
    model: PyHistoryModel<'py>,
    params: PyReadonlyArray1<'_, f64>,
    n_maps: usize,
    seed: u64,
    families: Option<PyReadonlyArray1<'_, bool>>,
    by_family: bool,
    events: bool,
    threads: Option<usize>,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let families = families.map(|chosen| chosen.as_array().to_vec());
    let choice = MapChoice {
        n_maps,
        seed,
        families: families.as_deref(),
        by_family,
        events,
    };
    let own = threads.map(|threads| workers(Some(threads))).transpose()?;
    let report = progress.as_ref().map(|report| ("mapping families", report));
    let mut found = model.evaluate(py, &params, report, |model, params, monitor| {
        let workers = own.as_ref().unwrap_or_else(|| model.workers());
        stochastic_map::stochastic_maps(model, params, &choice, workers, monitor)
    })?;
    let n_nodes = model.n_nodes();
    let result = PyDict::new(py);
    result.set_item("n_families", found.n_families)?;
    result.set_item("n_impossible", found.n_impossible)?;
    for (name, numbers) in [
        ("gains", found.gains),
        ("losses", found.losses),
        ("genome_sizes", found.genome_sizes),
    ] {
        // Far below 2^63: see `MOST_POINTS`.
        let signed = numbers.into_iter().map(|number| number as i64).collect();
        result.set_item(name, array(py, n_maps, signed)?)?;
    }
    result.set_item("time_present", array(py, n_maps, found.time_present)?)?;
    if let Some(moments) = found.by_family.take() {
        result.set_item("gain_mean", array(py, n_nodes, moments.gain_mean)?)?;
        result.set_item("gain_variance", array(py, n_nodes, moments.gain_variance)?)?;
        result.set_item("loss_mean", array(py, n_nodes, moments.loss_mean)?)?;
        result.set_item("loss_variance", array(py, n_nodes, moments.loss_variance)?)?;
    }
    if let Some(events) = found.events.take() {
        let whole = |of: fn(&MapEvent) -> u32| events.iter().map(|event| i64::from(of(event))).collect::<Vec<_>>();
        result.set_item("map", whole(|event| event.map).into_pyarray(py))?;
        result.set_item("family", whole(|event| event.family).into_pyarray(py))?;
        result.set_item("node", whole(|event| event.node).into_pyarray(py))?;
        let is_loss: Vec<bool> = events.iter().map(|event| event.kind == EventKind::Loss).collect();
        result.set_item("is_loss", is_loss.into_pyarray(py))?;
        let time: Vec<f64> = events.iter().map(|event| event.time).collect();
        result.set_item("time", time.into_pyarray(py))?;
    }
    Ok(result)
}
