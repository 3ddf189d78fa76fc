//! Tables of families and nodes as text, many lines at a time.

use numpy::PyReadonlyArray2;
use numpy::ndarray::ArrayView2;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Digits behind the point of a probability, as a power of ten.
const SCALE: f64 = 10_000.0;
/// Families whose cells are gathered together, so that each row of the table is read in stretches.
const LOT: usize = 64;

/// A table (n_nodes, n_families) of either kind of cell.
#[derive(FromPyObject)]
pub(super) enum Cells<'py> {
    /// 0, 1, or less for a family that cannot arise.
    States(PyReadonlyArray2<'py, i8>),
    /// Probabilities; NaN for a family that cannot arise.
    Probabilities(PyReadonlyArray2<'py, f32>),
}

/// The lines of the families from `first` on, one for each name: name, then the cells of these nodes, separated by
/// tabs; probabilities with four digits behind the point, NA for a family that cannot arise.
#[pyfunction]
pub(super) fn format_cells<'py>(
    py: Python<'py>,
    cells: Cells<'py>,
    nodes: Vec<usize>,
    first: usize,
    names: Vec<String>,
) -> PyResult<Bound<'py, PyBytes>> {
    let shape = match &cells {
        Cells::States(table) => table.as_array().dim(),
        Cells::Probabilities(table) => table.as_array().dim(),
    };
    if nodes.iter().any(|&node| node >= shape.0) || first.saturating_add(names.len()) > shape.1 {
        let last = first.saturating_add(names.len());
        return Err(PyValueError::new_err(format!(
            "families {first} to {last} and these nodes do not lie in a table of {} nodes x {} families",
            shape.0, shape.1
        )));
    }
    let text = match &cells {
        Cells::States(table) => {
            let view = table.as_array();
            py.detach(|| lines(&view, &nodes, first, &names, 3, push_state))
        }
        Cells::Probabilities(table) => {
            let view = table.as_array();
            py.detach(|| lines(&view, &nodes, first, &names, 7, push_probability))
        }
    };
    Ok(PyBytes::new(py, &text))
}

fn lines<T: Copy + Default>(
    table: &ArrayView2<'_, T>,
    nodes: &[usize],
    first: usize,
    names: &[String],
    width: usize,
    push: impl Fn(&mut Vec<u8>, T),
) -> Vec<u8> {
    let name_bytes: usize = names.iter().map(|name| name.len() + 1).sum();
    let mut text = Vec::with_capacity(name_bytes + names.len() * nodes.len() * width);
    let mut square = vec![T::default(); nodes.len() * LOT];
    for (lot, names) in names.chunks(LOT).enumerate() {
        let first = first + lot * LOT;
        for (column, &node) in nodes.iter().enumerate() {
            for lane in 0..names.len() {
                square[lane * nodes.len() + column] = table[[node, first + lane]];
            }
        }
        for (name, cells) in names.iter().zip(square.chunks(nodes.len().max(1))) {
            text.extend_from_slice(name.as_bytes());
            for &cell in &cells[..nodes.len()] {
                text.push(b'\t');
                push(&mut text, cell);
            }
            text.push(b'\n');
        }
    }
    text
}

fn push_state(text: &mut Vec<u8>, state: i8) {
    match state {
        0 => text.push(b'0'),
        1 => text.push(b'1'),
        _ => text.extend_from_slice(b"NA"),
    }
}

fn push_probability(text: &mut Vec<u8>, probability: f32) {
    if probability.is_nan() {
        text.extend_from_slice(b"NA");
        return;
    }
    // In single precision the product would be rounded twice.
    let code = (f64::from(probability) * SCALE).round_ties_even() as u32;
    let digit = |unit: u32| b'0' + (code / unit % 10) as u8;
    text.extend_from_slice(&[digit(10_000), b'.', digit(1000), digit(100), digit(10), digit(1)]);
}
