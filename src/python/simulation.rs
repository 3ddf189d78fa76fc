//! Simulation for Python: new families of a model, or of a specification without data.

use super::data::PyData;
use super::errors::OrRaise;
use super::interrupt::watched;
use super::specification::Settings;
use super::tree::PyTree;
use super::workers;
use crate::model::Specification;
use crate::parallel::{Monitor, Workers};
use crate::problem::{Names, Patterns, Problem, Tree};
use crate::simulate::{Missing, Simulated, Simulation};
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// A specification over a tree and so many families, from which tables are drawn.
#[pyclass(name = "Generator", module = "persiste_rust._core", frozen)]
pub(super) struct PyGenerator {
    tree: Arc<Tree>,
    specification: Specification,
    n_families: usize,
    workers: Workers,
}

/// Which cells are to be missing, as Python says it.
#[derive(FromPyObject)]
pub(super) enum MissingSetting<'py> {
    Rate(f64),
    Like(PyRef<'py, PyData>),
}

/// What is drawn besides the model.
pub(super) struct Order<'py> {
    pub(super) seed: u64,
    pub(super) missing: Option<MissingSetting<'py>>,
    pub(super) truth: bool,
    pub(super) progress: Option<Bound<'py, PyAny>>,
}

#[pymethods]
impl PyGenerator {
    #[new]
    fn new(tree: &PyTree, n_families: usize, settings: Settings<'_>, threads: Option<usize>) -> PyResult<Self> {
        Ok(Self {
            tree: tree.tree.clone(),
            specification: settings.specify(&tree.tree, n_families)?,
            n_families,
            workers: workers(threads)?,
        })
    }

    #[getter]
    fn parameter_names(&self) -> Vec<String> {
        let parameters = self.specification.parameters().into_iter();
        parameters.map(|parameter| parameter.name).collect()
    }

    #[pyo3(signature = (params, family_names, seed, *, missing=None, truth=false, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python signature")]
    fn simulate<'py>(
        &self,
        py: Python<'py>,
        params: PyReadonlyArray1<'_, f64>,
        family_names: Option<Vec<String>>,
        seed: u64,
        missing: Option<MissingSetting<'py>>,
        truth: bool,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let names = super::data::family_names(self.n_families, family_names)?;
        let order = Order {
            seed,
            missing,
            truth,
            progress,
        };
        let params = params.as_array().to_vec();
        let (tree, specification) = (&self.tree, &self.specification);
        draw(
            py,
            tree,
            specification,
            &params,
            &Arc::new(names),
            &order,
            &self.workers,
        )
    }
}

/// Draws families and returns them with what is true of them.
pub(super) fn draw<'py>(
    py: Python<'py>,
    tree: &Arc<Tree>,
    specification: &Specification,
    parameters: &[f64],
    names: &Arc<Names>,
    order: &Order<'py>,
    workers: &Workers,
) -> PyResult<Bound<'py, PyDict>> {
    let missing = match &order.missing {
        None => Missing::None,
        Some(MissingSetting::Rate(rate)) => Missing::Rate(*rate),
        Some(MissingSetting::Like(data)) => Missing::Like(data.problem.patterns()),
    };
    let simulation = Simulation {
        tree,
        specification,
        parameters,
        missing,
        seed: order.seed,
        wants_truth: order.truth,
    };
    let monitor = Monitor::new();
    let (simulated, problem) = watched(py, "simulating", &monitor, order.progress.as_ref(), || {
        let simulated = simulation.run(names, workers, &monitor)?;
        let problem = problem(tree, &simulated);
        Ok::<_, crate::error::SimulateError>((simulated, problem))
    })?
    .or_raise()?;
    let result = PyDict::new(py);
    let data = PyData::of(problem, names.clone(), notes(&simulation));
    result.set_item("data", Bound::new(py, data)?)?;
    let categories: Bound<'_, PyArray1<u32>> = simulated.category.into_pyarray(py);
    result.set_item("categories", categories)?;
    let Some(truth) = simulated.truth else {
        return Ok(result);
    };
    let n_nodes = tree.n_nodes();
    result.set_item("states", by_node(py, truth.states(), n_nodes))?;
    result.set_item("gains", by_node(py, truth.gains(), n_nodes))?;
    result.set_item("losses", by_node(py, truth.losses(), n_nodes))?;
    Ok(result)
}

/// Returns the tree with the patterns of simulated families.
pub(super) fn problem(tree: &Arc<Tree>, simulated: &Simulated) -> Problem {
    let columns: Vec<u32> = (0..tree.n_tips() as u32).collect();
    Problem::new(tree.clone(), Patterns::distinct(&simulated.table, &columns))
}

fn notes(simulation: &Simulation<'_>) -> Vec<String> {
    vec![format!(
        "simulated with seed {}; families recorded are {}",
        simulation.seed,
        simulation.specification.ascertainment.rule()
    )]
}

/// Turns `[n_families][n_nodes]` into rows of nodes.
fn by_node<'py, T: numpy::Element + Copy>(py: Python<'py>, of: &[T], n_nodes: usize) -> Bound<'py, PyArray2<T>> {
    let shape = (n_nodes, of.len() / n_nodes);
    Array2::from_shape_fn(shape, |(node, family)| of[family * n_nodes + node]).into_pyarray(py)
}
