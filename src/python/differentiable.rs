//! Functions of flat rows of numbers, with their vector-Jacobian products: what JAX and PyTorch call.
//!
//! Every array is (n_vectors, size): a row is one evaluation, so that a batch is one call. The same functions answer
//! Python (`Differentiable.call`) and, without the interpreter, the runtime of XLA (`xla`).

use super::data::PyData;
use super::errors::OrRaise;
use super::model::PyModel;
use super::{targets, workers};
use crate::error::ModelError;
use crate::model::{GeneContentModel, GivenRates, Numbers, ValueAndGradient};
use crate::parallel::Monitor;
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use std::sync::Arc;

/// What a row is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// Parameters -> the log-likelihood of all families.
    Value,
    /// Parameters -> the log-likelihood of all families, its gradient.
    ValueAndGradient,
    /// Parameters -> the log-likelihood of each family.
    Families,
    /// Parameters, a cotangent a family -> derivatives by the parameters.
    VectorJacobian,
    /// Gain, loss, branch lengths, pairs of root frequencies, weights -> the log-likelihood of each family.
    GivenRates,
    /// The same and a cotangent a family -> derivatives by each of the five.
    GivenRatesAdjoint,
}

/// The functions by the names that Python and XLA know them by.
pub(super) const FUNCTIONS: [(&str, Function); 6] = [
    ("value", Function::Value),
    ("value_and_gradient", Function::ValueAndGradient),
    ("families", Function::Families),
    ("vector_jacobian", Function::VectorJacobian),
    ("given_rates", Function::GivenRates),
    ("given_rates_adjoint", Function::GivenRatesAdjoint),
];

/// What the functions are evaluated on.
#[derive(Debug)]
pub(super) enum Target {
    Model(Arc<GeneContentModel>),
    GivenRates(Box<GivenRates>),
}

/// Rows of one array.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f64],
    pub(super) n_rows: usize,
}

impl<'a> Rows<'a> {
    fn size(&self) -> usize {
        self.values.len() / self.n_rows.max(1)
    }

    fn row(&self, index: usize) -> &'a [f64] {
        &self.values[index * self.size()..(index + 1) * self.size()]
    }

    fn all(&self) -> Vec<&'a [f64]> {
        (0..self.n_rows).map(|index| self.row(index)).collect()
    }
}

impl Target {
    /// Returns how many numbers a row of each result has.
    pub(super) fn sizes(&self, function: Function, inputs: &[Rows]) -> Result<Vec<usize>, ModelError> {
        let n_inputs = match function {
            Function::Value | Function::ValueAndGradient | Function::Families => 1,
            Function::VectorJacobian => 2,
            Function::GivenRates => 5,
            Function::GivenRatesAdjoint => 6,
        };
        expect("the list of arrays", inputs.len(), n_inputs)?;
        for input in inputs {
            expect("the rows of an array", input.n_rows, inputs[0].n_rows)?;
        }
        match (self, function) {
            (Self::Model(_), Function::Value) => Ok(vec![1]),
            (Self::Model(model), Function::ValueAndGradient) => Ok(vec![1, model.parameters().len()]),
            (Self::Model(model), Function::Families) => Ok(vec![model.families().len()]),
            (Self::Model(model), Function::VectorJacobian) => Ok(vec![model.parameters().len()]),
            (Self::GivenRates(given), Function::GivenRates) => Ok(vec![given.problem().patterns().n_families()]),
            (Self::GivenRates(_), Function::GivenRatesAdjoint) => Ok(inputs[..5].iter().map(Rows::size).collect()),
            (Self::Model(_), _) => unknown(function, &FUNCTIONS[..4]),
            (Self::GivenRates(_), _) => unknown(function, &FUNCTIONS[4..]),
        }
    }

    /// Writes the results of all rows; `outputs` have the sizes of [`sizes`](Self::sizes).
    ///
    /// With `nan_outside`, rows outside the domain of the function are NaN.
    ///
    /// # Errors
    /// [`ModelError`] of the first row that has no result.
    pub(super) fn write(
        &self,
        function: Function,
        inputs: &[Rows],
        outputs: &mut [&mut [f64]],
        nan_outside: bool,
    ) -> Result<(), ModelError> {
        let sizes = self.sizes(function, inputs)?;
        let n_rows = inputs[0].n_rows;
        expect("the list of results", outputs.len(), sizes.len())?;
        for (output, size) in outputs.iter().zip(&sizes) {
            expect("a result", output.len(), size * n_rows)?;
        }
        match self.rows(function, inputs, outputs) {
            Err(error) if nan_outside && is_outside(&error) && n_rows > 1 => (0..n_rows).try_for_each(|index| {
                let row: Vec<Rows> = inputs.iter().map(|input| one(input.row(index))).collect();
                let mut results: Vec<&mut [f64]> = outputs
                    .iter_mut()
                    .zip(&sizes)
                    .map(|(output, size)| &mut output[index * size..(index + 1) * size])
                    .collect();
                self.write(function, &row, &mut results, nan_outside)
            }),
            Err(error) if nan_outside && is_outside(&error) => {
                outputs.iter_mut().for_each(|output| output.fill(f64::NAN));
                Ok(())
            }
            other => other,
        }
    }

    fn rows(&self, function: Function, inputs: &[Rows], outputs: &mut [&mut [f64]]) -> Result<(), ModelError> {
        let monitor = Monitor::new();
        match self {
            Self::Model(model) => {
                let vectors = inputs[0].all();
                match function {
                    Function::Value => {
                        let found = model.log_likelihoods_of(&vectors, &monitor)?;
                        outputs[0].copy_from_slice(&found);
                    }
                    Function::ValueAndGradient => {
                        let found = model.values_and_gradients_of(&vectors, &monitor)?;
                        let n = model.parameters().len();
                        for (index, ValueAndGradient { value, gradient }) in found.into_iter().enumerate() {
                            outputs[0][index] = value;
                            outputs[1][index * n..(index + 1) * n].copy_from_slice(&gradient);
                        }
                    }
                    Function::Families => {
                        let found = model.family_log_likelihoods_of(&vectors, &monitor)?;
                        outputs[0].copy_from_slice(&found.concat());
                    }
                    _ => {
                        let found = model.vector_jacobians_of(&vectors, &inputs[1].all(), &monitor)?;
                        outputs[0].copy_from_slice(&found.concat());
                    }
                }
                Ok(())
            }
            Self::GivenRates(given) => (0..inputs[0].n_rows).try_for_each(|index| {
                let row: Vec<&[f64]> = inputs.iter().map(|input| input.row(index)).collect();
                let (root, []) = row[3].as_chunks::<2>() else {
                    return expect("the pairs of root frequencies", row[3].len(), row[3].len() + 1);
                };
                let numbers = Numbers {
                    gain: row[0],
                    loss: row[1],
                    branch_length: row[2],
                    root,
                    weights: row[4],
                };
                let found = if function == Function::GivenRates {
                    vec![given.log_likelihoods(&numbers, &monitor)?]
                } else {
                    let found = given.vector_jacobian(&numbers, row[5], &monitor)?;
                    let root = found.root.as_flattened().to_vec();
                    vec![found.gain, found.loss, found.branch_length, root, found.weights]
                };
                for (output, found) in outputs.iter_mut().zip(found) {
                    output[index * found.len()..(index + 1) * found.len()].copy_from_slice(&found);
                }
                Ok(())
            }),
        }
    }
}

fn one(row: &[f64]) -> Rows<'_> {
    Rows { values: row, n_rows: 1 }
}

fn expect(what: &'static str, found: usize, expected: usize) -> Result<(), ModelError> {
    if found == expected {
        return Ok(());
    }
    Err(ModelError::Length {
        what,
        found,
        expected: expected.to_string(),
    })
}

fn unknown<T>(function: Function, known: &[(&'static str, Function)]) -> Result<T, ModelError> {
    Err(ModelError::UnknownName {
        what: "function of this object",
        found: format!("{function:?}"),
        known: known.iter().map(|(name, _)| *name).collect(),
    })
}

/// Returns whether an error speaks of numbers that the function is not defined at.
fn is_outside(error: &ModelError) -> bool {
    matches!(
        error,
        ModelError::Parameter { .. }
            | ModelError::Rate { .. }
            | ModelError::Number { .. }
            | ModelError::RootFrequency { .. }
            | ModelError::StationaryWithoutRates { .. }
    )
}

/// A model, or data alone, as functions of rows.
#[pyclass(name = "Differentiable", module = "persiste_rust._core", frozen)]
pub(super) struct PyDifferentiable {
    target: Arc<Target>,
    /// Under which the runtime of XLA finds the target, as long as this object lives.
    id: i64,
}

impl PyDifferentiable {
    fn new(target: Target) -> Self {
        let target = Arc::new(target);
        let id = targets::keep(target.clone());
        Self { target, id }
    }
}

impl Drop for PyDifferentiable {
    fn drop(&mut self) {
        targets::forget(self.id);
    }
}

#[pymethods]
impl PyDifferentiable {
    /// `value`, `value_and_gradient`, `families` and `vector_jacobian` of a model.
    #[staticmethod]
    fn of_model(model: &PyModel) -> Self {
        Self::new(Target::Model(model.model.clone()))
    }

    /// `given_rates` and `given_rates_adjoint` of data.
    #[staticmethod]
    fn of_data(py: Python<'_>, data: &PyData, threads: Option<usize>) -> PyResult<Self> {
        let (problem, workers) = (data.problem.clone(), workers(threads)?);
        Ok(Self::new(Target::GivenRates(Box::new(
            py.detach(|| GivenRates::new(problem, workers)),
        ))))
    }

    #[getter]
    fn id(&self) -> i64 {
        self.id
    }

    /// Evaluates a function; arrays are (n_vectors, size).
    fn call<'py>(
        &self,
        py: Python<'py>,
        function: &str,
        inputs: Vec<PyReadonlyArray2<'_, f64>>,
        nan_outside: bool,
    ) -> PyResult<Vec<Bound<'py, PyArray2<f64>>>> {
        let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == function) else {
            return Err(ModelError::UnknownName {
                what: "function",
                found: function.to_owned(),
                known: FUNCTIONS.iter().map(|(name, _)| *name).collect(),
            })
            .or_raise();
        };
        let copies: Vec<_> = inputs.iter().map(|input| input.as_array()).collect();
        let copies: Vec<_> = copies.iter().map(|input| input.as_standard_layout()).collect();
        let rows: Vec<Rows> = copies
            .iter()
            .map(|input| Rows {
                values: input.as_slice().unwrap_or_default(),
                n_rows: input.nrows(),
            })
            .collect();
        let target = &*self.target;
        let results = py.detach(|| {
            let n_rows = rows.first().map_or(0, |rows| rows.n_rows);
            let sizes = target.sizes(*function, &rows)?;
            let mut results: Vec<Array2<f64>> = sizes.iter().map(|&size| Array2::zeros((n_rows, size))).collect();
            let mut outputs: Vec<&mut [f64]> = results.iter_mut().filter_map(Array2::as_slice_mut).collect();
            target.write(*function, &rows, &mut outputs, nan_outside)?;
            Ok::<_, ModelError>(results)
        });
        let results = results.or_raise()?;
        Ok(results.into_iter().map(|result| result.into_pyarray(py)).collect())
    }
}
