//! Ancestral states, gains and losses of a model, for Python.

use super::errors::OrRaise;
use super::history_model::PyHistoryModel;
use super::tree::PyTree;
use crate::io::newick;
use crate::problem::Tree;
use crate::quantity::BranchQuantity;
use crate::quantity::branch_summary::{Total, branch_summary};
use crate::quantity::event_list::{self, EventChoice, EventKind};
use crate::quantity::family_table::family_table;
use crate::quantity::joint_states::joint_states as most_probable_states;
use numpy::ndarray::Array2;
use numpy::{Element, IntoPyArray, PyArray2, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A table `[n_nodes][n_families]` as an array that takes it over.
pub(super) fn array<T: Element>(py: Python<'_>, n_nodes: usize, table: Vec<T>) -> PyResult<Bound<'_, PyArray2<T>>> {
    let n_families = table.len() / n_nodes;
    let array = Array2::from_shape_vec((n_nodes, n_families), table);
    Ok(array
        .map_err(|error| PyValueError::new_err(error.to_string()))?
        .into_pyarray(py))
}

/// A branch quantity for every node and family, (n_nodes, n_families), float32 if `single`, else float64.
#[pyfunction]
pub(super) fn branch_quantity<'py>(
    py: Python<'py>,
    model: PyHistoryModel<'py>,
    params: PyReadonlyArray1<'_, f64>,
    quantity: &str,
    single: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let quantity = BranchQuantity::parse(quantity).or_raise()?;
    let n_nodes = model.n_nodes();
    if single {
        let table = model.evaluate(py, &params, None, |model, params, monitor| {
            family_table(model, params, quantity, |value| value as f32, monitor)
        })?;
        Ok(array(py, n_nodes, table)?.into_any())
    } else {
        let table = model.evaluate(py, &params, None, |model, params, monitor| {
            family_table(model, params, quantity, |value| value, monitor)
        })?;
        Ok(array(py, n_nodes, table)?.into_any())
    }
}

/// The most probable states: states (n_nodes, n_families), categories and log_probabilities (n_families).
#[pyfunction]
pub(super) fn joint_states<'py>(
    py: Python<'py>,
    model: PyHistoryModel<'py>,
    params: PyReadonlyArray1<'_, f64>,
) -> PyResult<Bound<'py, PyDict>> {
    let found = model.evaluate(py, &params, None, |model, params, monitor| {
        most_probable_states(model, params, monitor)
    })?;
    let result = PyDict::new(py);
    result.set_item("states", array(py, model.n_nodes(), found.states)?)?;
    let categories: Vec<i64> = found.categories.into_iter().map(i64::from).collect();
    result.set_item("categories", categories.into_pyarray(py))?;
    result.set_item("log_probabilities", found.log_probabilities.into_pyarray(py))?;
    Ok(result)
}

/// Sums over families: each (n_nodes, 2), the sum and its standard deviation; posterior standard deviations (n_nodes).
#[pyfunction]
pub(super) fn branch_sums<'py>(
    py: Python<'py>,
    model: PyHistoryModel<'py>,
    params: PyReadonlyArray1<'_, f64>,
) -> PyResult<Bound<'py, PyDict>> {
    let found = model.evaluate(py, &params, None, |model, params, monitor| {
        branch_summary(model, params, monitor)
    })?;
    let result = PyDict::new(py);
    result.set_item("n_families", found.n_families)?;
    result.set_item("n_impossible", found.n_impossible)?;
    let columns = [
        ("expected_gains", found.expected_gains),
        ("expected_losses", found.expected_losses),
        ("families_gained", found.families_gained),
        ("families_lost", found.families_lost),
        ("genome_size", found.genome_size),
    ];
    for (name, sds) in [
        ("gains_posterior_sd", found.gains_posterior_sd),
        ("losses_posterior_sd", found.losses_posterior_sd),
    ] {
        result.set_item(name, sds.into_pyarray(py))?;
    }
    for (name, totals) in columns {
        let flat = totals
            .iter()
            .flat_map(|&Total { sum, sd }| [sum, sd])
            .collect::<Vec<_>>();
        result.set_item(name, array(py, model.n_nodes(), flat)?)?;
    }
    Ok(result)
}

/// Events, the most probable first: node, family, is_loss, probability, expected, false_discovery_rate (n_events).
#[pyfunction]
#[pyo3(signature = (model, params, least_probability, false_discovery_rate=None, nodes=None, families=None))]
pub(super) fn events<'py>(
    py: Python<'py>,
    model: PyHistoryModel<'py>,
    params: PyReadonlyArray1<'_, f64>,
    least_probability: f64,
    false_discovery_rate: Option<f64>,
    nodes: Option<PyReadonlyArray1<'_, bool>>,
    families: Option<PyReadonlyArray1<'_, bool>>,
) -> PyResult<Bound<'py, PyDict>> {
    let mask = |chosen: Option<PyReadonlyArray1<'_, bool>>| chosen.map(|chosen| chosen.as_array().to_vec());
    let (nodes, families) = (mask(nodes), mask(families));
    let choice = EventChoice {
        least_probability,
        false_discovery_rate,
        nodes: nodes.as_deref(),
        families: families.as_deref(),
    };
    let found = model.evaluate(py, &params, None, |model, params, monitor| {
        event_list::events(model, params, &choice, monitor)
    })?;
    let result = PyDict::new(py);
    let whole = |of: fn(&event_list::Event) -> u32| found.iter().map(|event| i64::from(of(event))).collect::<Vec<_>>();
    result.set_item("node", whole(|event| event.node).into_pyarray(py))?;
    result.set_item("family", whole(|event| event.family).into_pyarray(py))?;
    let is_loss: Vec<bool> = found.iter().map(|event| event.kind == EventKind::Loss).collect();
    result.set_item("is_loss", is_loss.into_pyarray(py))?;
    let number = |of: fn(&event_list::Event) -> f64| found.iter().map(of).collect::<Vec<_>>();
    result.set_item("probability", number(|event| event.probability).into_pyarray(py))?;
    result.set_item("expected", number(|event| event.expected).into_pyarray(py))?;
    let rates = number(|event| event.false_discovery_rate);
    result.set_item("false_discovery_rate", rates.into_pyarray(py))?;
    Ok(result)
}

/// A tree as Newick or NEXUS text with other names, and an annotation for each node, both (n_nodes).
#[pyfunction]
pub(super) fn relabelled_tree(
    tree: &PyTree,
    names: Vec<String>,
    annotations: Vec<String>,
    nexus: bool,
) -> PyResult<String> {
    let (parents, lengths) = (tree.tree.parents().to_vec(), tree.tree.branch_lengths().to_vec());
    let n_nodes = tree.tree.n_nodes();
    if names.len() != n_nodes || annotations.len() != n_nodes {
        let (names, annotations) = (names.len(), annotations.len());
        return Err(PyValueError::new_err(format!(
            "{names} names and {annotations} annotations do not fit a tree of {n_nodes} nodes"
        )));
    }
    let relabelled = Tree::new(parents, lengths, names.into_iter().collect()).or_raise()?;
    let of_node = |node: usize| Some(annotations[node].clone()).filter(|text| !text.is_empty());
    Ok(match nexus {
        true => newick::write_nexus(&relabelled, of_node),
        false => newick::write(&relabelled, of_node),
    })
}
