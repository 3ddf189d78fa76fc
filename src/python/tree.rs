//! `Tree` for Python.

use super::errors::OrRaise;
use crate::io::newick::{self, LengthField, TreeOptions};
use crate::problem::{NO_PARENT, Tree};
use numpy::{IntoPyArray, PyArray1, ToPyArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

#[pyclass(name = "Tree", module = "persiste_rust._core", frozen)]
pub(super) struct PyTree {
    pub(super) tree: Arc<Tree>,
    pub(super) notes: Vec<String>,
}

/// Returns whether a string is a tree and not the name of a file: trees open with a bracket or end with `;`.
fn is_tree_text(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim();
    text.is_empty() || text.starts_with(['(', '[', ';']) || text.ends_with(';') || text.contains('\n')
}

#[pymethods]
impl PyTree {
    #[staticmethod]
    #[pyo3(signature = (text_or_path, *, missing_length=None, min_length=None, length_field=None))]
    fn from_newick(
        py: Python<'_>,
        text_or_path: &Bound<'_, PyAny>,
        missing_length: Option<f64>,
        min_length: Option<f64>,
        length_field: Option<&str>,
    ) -> PyResult<Self> {
        let length_field = length_field.map(LengthField::parse).transpose().or_raise()?;
        let options = TreeOptions {
            missing_length,
            min_length,
            length_field,
        };
        let parsed = match text_or_path.extract::<String>() {
            Ok(text) if is_tree_text(&text) => py.detach(|| newick::parse(&text, &options)),
            _ => {
                let path: PathBuf = text_or_path.extract()?;
                py.detach(|| newick::read(&path, &options))
            }
        }
        .or_raise()?;
        Ok(Self {
            tree: Arc::new(parsed.tree),
            notes: parsed.notes,
        })
    }

    #[pyo3(signature = (annotations=None))]
    fn to_newick(&self, annotations: Option<Vec<String>>) -> PyResult<String> {
        if let Some(annotations) = &annotations
            && annotations.len() != self.tree.n_nodes()
        {
            let (found, expected) = (annotations.len(), self.tree.n_nodes());
            return Err(PyValueError::new_err(format!(
                "annotations has length {found}; expected {expected}, one a node"
            )));
        }
        let of_node = |node: usize| {
            annotations
                .as_ref()
                .map(|texts| texts[node].clone())
                .filter(|text| !text.is_empty())
        };
        Ok(newick::write(&self.tree, of_node))
    }

    #[getter]
    fn tip_names(&self) -> Vec<&str> {
        self.tree.tip_names().collect()
    }

    #[getter]
    fn node_names(&self) -> Vec<&str> {
        self.tree.names().iter().collect()
    }

    #[getter]
    fn n_tips(&self) -> usize {
        self.tree.n_tips()
    }

    #[getter]
    fn n_nodes(&self) -> usize {
        self.tree.n_nodes()
    }

    #[getter]
    fn parent<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        let parents = self.tree.parents().iter();
        parents
            .map(|&above| if above == NO_PARENT { -1 } else { i64::from(above) })
            .collect::<Vec<_>>()
            .into_pyarray(py)
    }

    #[getter]
    fn branch_length<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.tree.branch_lengths().to_pyarray(py)
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn __repr__(&self) -> String {
        format!("Tree({} tips, {} nodes)", self.tree.n_tips(), self.tree.n_nodes())
    }
}
