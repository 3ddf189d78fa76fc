//! `Data` for Python: a tree and a table matched by name.

use super::errors::OrRaise;
use super::interrupt::watched;
use super::tree::PyTree;
use crate::io::table::{TableOptions, read_presences};
use crate::parallel::Monitor;
use crate::problem::{Listing, MatchOptions, Names, PresenceLists, PresenceTable, Presences, Problem, Tree};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

#[pyclass(name = "Data", module = "persiste_rust._core", frozen)]
pub(super) struct PyData {
    pub(super) problem: Arc<Problem>,
    pub(super) families: Arc<Names>,
    notes: Vec<String>,
}

impl PyData {
    pub(super) fn of(problem: Problem, families: Arc<Names>, notes: Vec<String>) -> Self {
        Self {
            problem: Arc::new(problem),
            families,
            notes,
        }
    }

    fn join(tree: &PyTree, mut table: Presences, options: MatchOptions, mut notes: Vec<String>) -> PyResult<Self> {
        let matched = table.match_tree(tree.tree.as_ref().clone(), options).or_raise()?;
        notes.extend(matched.notes);
        let patterns = table.distinct(&matched.column_of_tip);
        Ok(Self {
            problem: Arc::new(Problem::new(matched.tree, patterns)),
            families: Arc::new(table.families().clone()),
            notes,
        })
    }
}

/// Returns the names of the rows of a matrix: those given, or the tips in Newick order.
pub(super) fn row_names(tree: &Tree, n_rows: usize, given: Option<Vec<String>>) -> PyResult<Vec<String>> {
    let expected = given.as_ref().map_or(tree.n_tips(), Vec::len);
    if n_rows != expected {
        let whose = if given.is_some() {
            "the number of taxon_names"
        } else {
            "the number of tips (or give taxon_names)"
        };
        return Err(PyValueError::new_err(format!(
            "presence_matrix has {n_rows} rows; expected {expected}, {whose}"
        )));
    }
    Ok(given.unwrap_or_else(|| tree.tip_names().map(String::from).collect()))
}

/// Returns the names of families: those given, or `family_1`, `family_2`, ...
pub(super) fn family_names(n_families: usize, given: Option<Vec<String>>) -> PyResult<Names> {
    match given {
        None => Ok((1..=n_families).map(|family| format!("family_{family}")).collect()),
        Some(names) if names.len() == n_families => Ok(names.iter().collect()),
        Some(names) => Err(PyValueError::new_err(format!(
            "family_names has length {}; expected {n_families}, the number of columns of presence_matrix",
            names.len()
        ))),
    }
}

#[pymethods]
impl PyData {
    #[staticmethod]
    #[pyo3(signature = (tree, table_path, *, format=None, genomes_in_rows=false, prune_tree=false,
                        drop_extra_genomes=false, absent_genomes=false, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python signature")]
    fn read(
        py: Python<'_>,
        tree: &PyTree,
        table_path: PathBuf,
        format: Option<String>,
        genomes_in_rows: bool,
        prune_tree: bool,
        drop_extra_genomes: bool,
        absent_genomes: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let monitor = Monitor::new();
        let options = TableOptions {
            format: format.as_deref(),
            genomes_in_rows,
        };
        let read = watched(py, "reading the table", &monitor, progress.as_ref(), || {
            let tips: HashSet<&str> = tree.tree.tip_names().collect();
            read_presences(&table_path, &options, &|name| tips.contains(name), &monitor)
        })?
        .or_raise()?;
        let mut notes = tree.notes.clone();
        notes.extend(read.notes);
        let options = MatchOptions {
            prune_tree,
            drop_extra_genomes,
            absent_genomes,
        };
        py.detach(|| Self::join(tree, read.presences, options, notes))
    }

    #[staticmethod]
    #[pyo3(signature = (tree, presence_matrix, taxon_names, family_names, *, prune_tree=false,
                        drop_extra_genomes=false))]
    fn from_matrix(
        tree: &PyTree,
        presence_matrix: PyReadonlyArray2<'_, i8>,
        taxon_names: Option<Vec<String>>,
        family_names: Option<Vec<String>>,
        prune_tree: bool,
        drop_extra_genomes: bool,
    ) -> PyResult<Self> {
        let cells = presence_matrix.as_array();
        let genomes = row_names(&tree.tree, cells.nrows(), taxon_names)?;
        let families = self::family_names(cells.ncols(), family_names)?;
        let table = PresenceTable::from_matrix(cells, genomes, families).or_raise()?;
        Self::join(
            tree,
            table.into(),
            MatchOptions {
                prune_tree,
                drop_extra_genomes,
                absent_genomes: false,
            },
            tree.notes.clone(),
        )
    }

    #[staticmethod]
    #[pyo3(signature = (tree, family_index, genome_index, states, taxon_names, family_names, *, prune_tree=false,
                        drop_extra_genomes=false, absent_genomes=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python signature")]
    fn from_presences(
        py: Python<'_>,
        tree: &PyTree,
        family_index: PyReadonlyArray1<'_, i64>,
        genome_index: PyReadonlyArray1<'_, i64>,
        states: PyReadonlyArray1<'_, i8>,
        taxon_names: Option<Vec<String>>,
        family_names: Vec<String>,
        prune_tree: bool,
        drop_extra_genomes: bool,
        absent_genomes: bool,
    ) -> PyResult<Self> {
        let (family, genome, states) = (family_index.as_array(), genome_index.as_array(), states.as_array());
        if states.len() != family.len() {
            return Err(PyValueError::new_err(format!(
                "states has length {}; expected {}, that of family_index",
                states.len(),
                family.len()
            )));
        }
        let (family, genome) = (family.to_vec(), genome.to_vec());
        let listing = |entry: usize| match states[entry] {
            0 => Listing::Absent,
            -1 => Listing::Missing,
            _ => Listing::Present,
        };
        let genomes = taxon_names.unwrap_or_else(|| tree.tree.tip_names().map(String::from).collect());
        let families: Names = family_names.iter().collect();
        let options = MatchOptions {
            prune_tree,
            drop_extra_genomes,
            absent_genomes,
        };
        py.detach(|| {
            let lists = PresenceLists::from_numbers(genomes, families, &family, &genome, listing).or_raise()?;
            Self::join(tree, lists.into(), options, tree.notes.clone())
        })
    }

    #[getter]
    fn tree(&self) -> PyTree {
        PyTree {
            tree: self.problem.tree().clone(),
            notes: Vec::new(),
        }
    }

    #[getter]
    fn n_tips(&self) -> usize {
        self.problem.tree().n_tips()
    }

    #[getter]
    fn n_families(&self) -> usize {
        self.problem.patterns().n_families()
    }

    #[getter]
    fn n_patterns(&self) -> usize {
        self.problem.patterns().n_patterns()
    }

    #[getter]
    fn n_missing(&self) -> u64 {
        self.count(|counts| u64::from(counts.missing))
    }

    #[getter]
    fn n_all_absent(&self) -> u64 {
        self.count(|counts| u64::from(counts.present == 0))
    }

    #[getter]
    fn family_names(&self) -> Vec<&str> {
        self.families.iter().collect()
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn presences<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        let patterns = self.problem.patterns();
        let counts = patterns.counts();
        let of_family = patterns.pattern_of_family().iter();
        of_family
            .map(|&pattern| i64::from(counts[pattern as usize].present))
            .collect::<Vec<_>>()
            .into_pyarray(py)
    }

    fn presence_matrix<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i8>>> {
        let patterns = self.problem.patterns();
        let n_families = patterns.n_families();
        let mut cells = Vec::with_capacity(patterns.n_tips() * n_families);
        for tip in 0..patterns.n_tips() {
            cells.extend(
                patterns
                    .pattern_of_family()
                    .iter()
                    .map(|&pattern| patterns.cell(pattern as usize, tip)),
            );
        }
        let matrix = numpy::ndarray::Array2::from_shape_vec((patterns.n_tips(), n_families), cells);
        Ok(matrix
            .map_err(|error| PyValueError::new_err(error.to_string()))?
            .into_pyarray(py))
    }

    fn __repr__(&self) -> String {
        format!("Data({} tips, {} families)", self.n_tips(), self.n_families())
    }
}

impl PyData {
    /// Returns the sum over families of a function of their counts.
    fn count(&self, of: impl Fn(&crate::problem::Counts) -> u64) -> u64 {
        let patterns = self.problem.patterns();
        let counts = patterns.counts();
        patterns
            .pattern_of_family()
            .iter()
            .map(|&pattern| of(&counts[pattern as usize]))
            .sum()
    }
}
