//! The native module of the Python package: it converts, lets the interpreter go, and maps errors.

mod check;
mod data;
mod differentiable;
mod dirichlet;
mod errors;
mod family_model;
mod fitted;
mod functions;
mod histories;
mod history_model;
mod interrupt;
mod maps;
mod model;
mod parallel;
mod presence;
mod simulation;
mod specification;
mod targets;
mod tree;
mod wide_table;
mod xla;

use crate::model::{RootPrior, ascertainment, rates, root_prior};
use crate::parallel::{Workers, thread_count};
use errors::OrRaise;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Reads a root prior: a name, or a number.
fn parse_root(root: &Bound<'_, PyAny>) -> PyResult<RootPrior> {
    match root.extract::<f64>() {
        Ok(frequency) => RootPrior::fixed(frequency).or_raise(),
        Err(_) => RootPrior::parse(&root.extract::<String>()?).or_raise(),
    }
}

/// Returns workers with a given number of threads; `None` leaves it to the environment.
fn workers(threads: Option<usize>) -> PyResult<Workers> {
    Ok(Workers::new(Some(thread_count(threads).or_raise()?)))
}

#[pyfunction]
fn root_priors() -> Vec<&'static str> {
    root_prior::names().collect()
}

#[pyfunction]
fn ascertainments() -> Vec<&'static str> {
    ascertainment::names().collect()
}

#[pyfunction]
fn rate_models() -> Vec<&'static str> {
    rates::names().collect()
}

#[pyfunction]
fn table_formats(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let describe = |format: &crate::io::table::Format| {
        let entry = PyDict::new(py);
        entry.set_item("name", format.name)?;
        entry.set_item("description", format.description)?;
        entry.set_item("is_read", format.read.is_some())?;
        Ok(entry)
    };
    crate::io::table::formats().iter().map(describe).collect()
}

/// Fetches what the `numpy` crate asks of NumPy on first use, by running Python code; if Ctrl-C came then, in the middle
/// of somebody's work, that crate would panic. It is asked for when the module is imported, before any work.
fn fetch_array_api(py: Python<'_>) -> PyResult<()> {
    py.import("numpy.lib")?;
    PyArray1::<f64>::zeros(py, 0, false)
        .try_readonly()
        .map(drop)
        .map_err(PyErr::from)
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    fetch_array_api(module.py())?;
    // A ValueError, unlike what a broken module raises: the user's own setting is refused and not worked around.
    crate::kernel::instruction_set().map_err(|error| PyValueError::new_err(error.to_string()))?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<tree::PyTree>()?;
    module.add_class::<data::PyData>()?;
    module.add_class::<model::PyModel>()?;
    module.add_class::<family_model::PyFamilyModel>()?;
    module.add_class::<family_model::PyFamilyFits>()?;
    module.add_class::<fitted::PyFitted>()?;
    module.add_class::<simulation::PyGenerator>()?;
    module.add_function(wrap_pyfunction!(root_priors, module)?)?;
    module.add_function(wrap_pyfunction!(ascertainments, module)?)?;
    module.add_function(wrap_pyfunction!(rate_models, module)?)?;
    module.add_function(wrap_pyfunction!(table_formats, module)?)?;
    module.add_function(wrap_pyfunction!(functions::compute_likelihoods, module)?)?;
    module.add_function(wrap_pyfunction!(functions::compute_likelihoods_parallel, module)?)?;
    module.add_function(wrap_pyfunction!(functions::compute_jaccard_distance, module)?)?;
    module.add_function(wrap_pyfunction!(functions::compute_hamming_distance, module)?)?;
    module.add_function(wrap_pyfunction!(histories::branch_quantity, module)?)?;
    module.add_function(wrap_pyfunction!(histories::joint_states, module)?)?;
    module.add_function(wrap_pyfunction!(histories::branch_sums, module)?)?;
    module.add_function(wrap_pyfunction!(histories::events, module)?)?;
    module.add_function(wrap_pyfunction!(histories::relabelled_tree, module)?)?;
    module.add_function(wrap_pyfunction!(maps::stochastic_maps, module)?)?;
    module.add_function(wrap_pyfunction!(wide_table::format_cells, module)?)?;
    module.add_function(wrap_pyfunction!(check::expected_spectrum, module)?)?;
    module.add_function(wrap_pyfunction!(check::check, module)?)?;
    module.add_function(wrap_pyfunction!(check::genome_residuals, module)?)?;
    module.add_function(wrap_pyfunction!(check::all_families, module)?)?;
    module.add_function(wrap_pyfunction!(parallel::thread_count, module)?)?;
    module.add_function(wrap_pyfunction!(parallel::stream_seed, module)?)?;
    module.add_function(wrap_pyfunction!(parallel::fold_of_item, module)?)?;
    module.add_function(wrap_pyfunction!(parallel::ranking, module)?)?;
    module.add_function(wrap_pyfunction!(parallel::summarise, module)?)?;
    module.add_function(wrap_pyfunction!(parallel::aggregate, module)?)?;
    module.add_function(wrap_pyfunction!(parallel::parallel_fraction, module)?)?;
    module.add_class::<differentiable::PyDifferentiable>()?;
    module.add_function(wrap_pyfunction!(xla::xla_handlers, module)?)?;
    module.add_class::<dirichlet::PyCounts>()?;
    module.add_class::<dirichlet::PyOptions>()?;
    module.add_class::<dirichlet::PyParameters>()?;
    module.add_function(wrap_pyfunction!(dirichlet::dirichlet_fit, module)?)?;
    module.add_function(wrap_pyfunction!(dirichlet::dirichlet_consensus, module)?)?;
    module.add_function(wrap_pyfunction!(dirichlet::dirichlet_fit_groups, module)?)?;
    module.add_function(wrap_pyfunction!(dirichlet::dirichlet_cross_validate, module)?)?;
    module.add_function(wrap_pyfunction!(dirichlet::dirichlet_names, module)?)?;
    module.add_function(wrap_pyfunction!(presence::dirichlet_read_presence, module)?)?;
    Ok(())
}
