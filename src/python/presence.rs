//! A presence table without a tree, for work that needs none.

use super::errors::OrRaise;
use super::interrupt::watched;
use crate::io::table::{TableOptions, read_table};
use crate::parallel::Monitor;
use crate::problem::PresenceTable;
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2};
use pyo3::prelude::*;
use std::path::PathBuf;

/// Presences `(n_genomes, n_families)` (-1 missing), genomes, families, notes.
type Read<'py> = (Bound<'py, PyArray2<i8>>, Vec<String>, Vec<String>, Vec<String>);

#[pyfunction]
#[pyo3(signature = (path, first_column, format=None, *, genomes_in_rows=false, progress=None))]
pub(super) fn dirichlet_read_presence<'py>(
    py: Python<'py>,
    path: PathBuf,
    first_column: &str,
    format: Option<String>,
    genomes_in_rows: bool,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Read<'py>> {
    let monitor = Monitor::new();
    let options = TableOptions {
        format: format.as_deref(),
        genomes_in_rows,
    };
    // Without a tree every column is taken for a genome, but for the one that names the lines.
    let read = watched(py, "reading the table", &monitor, progress.as_ref(), || {
        read_table(&path, &options, &|name| name != first_column, &monitor)
    })?
    .or_raise()?;
    let families = read.table.families().iter().map(str::to_owned).collect();
    let cells = py.detach(|| unpacked(&read.table));
    Ok((
        cells.into_pyarray(py),
        read.table.genomes().to_vec(),
        families,
        read.notes,
    ))
}

fn unpacked(table: &PresenceTable) -> Array2<i8> {
    Array2::from_shape_fn((table.n_genomes(), table.n_families()), |(genome, family)| {
        let bit = |words: &[u64]| words[genome / 64] >> (genome % 64) & 1 == 1;
        match table.missing(family) {
            Some(missing) if bit(missing) => -1,
            _ => i8::from(bit(table.present(family))),
        }
    })
}
