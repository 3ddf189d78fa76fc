//! The check of a fit for Python: spectra, simulated tables, genomes.

use super::model::PyModel;
use crate::error::CheckError;
use crate::model::GeneContentModel;
use crate::parallel::Monitor;
use crate::quantity::accumulation::accumulation;
use crate::quantity::count_classes::CountClasses;
use crate::quantity::genome_fit::{GenomeFit, genome_fit};
use crate::quantity::predictive::{
    FamilySurprise, GenomeCounts, Predictive, Replicates, Statistic, benjamini_hochberg, predictive, simulated_spectrum,
};
use crate::quantity::spectrum::{Expectation, Spectrum};
use crate::quantity::unseen;
use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Tables to draw, and bounds of core and cloud.
struct Order {
    n_simulations: usize,
    seed: u64,
    core: f64,
    cloud: f64,
}

impl Order {
    fn replicates(&self, model: &GeneContentModel) -> Result<Replicates, CheckError> {
        Ok(Replicates {
            n: self.n_simulations,
            seed: self.seed,
            classes: CountClasses::new(self.core, self.cloud, model.problem().tree().n_tips())?,
        })
    }

    fn exact(
        &self,
        model: &GeneContentModel,
        params: &[f64],
        monitor: &Monitor,
    ) -> Result<Option<Spectrum>, CheckError> {
        Spectrum::exact(model, params, &self.replicates(model)?.classes, monitor)
    }
}

/// Bins and classes: observed, expected, sd, low, high, each an array; accumulation curves of both spectra.
#[pyfunction]
#[pyo3(signature = (model, params, n_simulations, seed, core, cloud, progress=None))]
#[expect(clippy::too_many_arguments, reason = "arguments of a Python signature")]
pub(super) fn expected_spectrum<'py>(
    py: Python<'py>,
    model: &PyModel,
    params: PyReadonlyArray1<'_, f64>,
    n_simulations: usize,
    seed: u64,
    core: f64,
    cloud: f64,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let order = Order {
        n_simulations,
        seed,
        core,
        cloud,
    };
    let found = model.watch(
        py,
        &params,
        "expected spectrum",
        progress.as_ref(),
        |model, params, monitor| match order.exact(model, params, monitor)? {
            Some(exact) => Ok(exact),
            None => simulated_spectrum(model, params, order.replicates(model)?, monitor),
        },
    )?;
    spectrum_dict(py, &found)
}

/// Everything of a check; see `persiste_rust.check`.
#[pyfunction]
#[pyo3(signature = (model, params, n_simulations, seed, core, cloud, progress=None))]
#[expect(clippy::too_many_arguments, reason = "arguments of a Python signature")]
pub(super) fn check<'py>(
    py: Python<'py>,
    model: &PyModel,
    params: PyReadonlyArray1<'_, f64>,
    n_simulations: usize,
    seed: u64,
    core: f64,
    cloud: f64,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let order = Order {
        n_simulations,
        seed,
        core,
        cloud,
    };
    let (found, genomes) = model.watch(py, &params, "checking", progress.as_ref(), |model, params, monitor| {
        let replicates = order.replicates(model)?;
        let exact = order.exact(model, params, monitor)?;
        let found = predictive(model, params, replicates, exact, monitor)?;
        Ok::<_, CheckError>((found, genome_fit(model, params, monitor)?))
    })?;
    let Predictive {
        statistics,
        families,
        genomes: counts,
        spectrum,
    } = found;
    let result = PyDict::new(py);
    result.set_item("spectrum", spectrum_dict(py, &spectrum)?)?;
    result.set_item("statistics", statistics_dict(py, &statistics)?)?;
    result.set_item("families", families_dict(py, families)?)?;
    let of_genomes = genomes_dict(py, &genomes)?;
    add_counts(py, &of_genomes, &counts)?;
    result.set_item("genomes", of_genomes)?;
    Ok(result)
}

/// What all other genomes say about each, every array (n_tips).
#[pyfunction]
pub(super) fn genome_residuals<'py>(
    py: Python<'py>,
    model: &PyModel,
    params: PyReadonlyArray1<'_, f64>,
) -> PyResult<Bound<'py, PyDict>> {
    let found = model.evaluate(py, &params, genome_fit)?;
    genomes_dict(py, &found)
}

/// The number of families in all and its variance at known parameters.
#[pyfunction]
pub(super) fn all_families(py: Python<'_>, model: &PyModel, params: PyReadonlyArray1<'_, f64>) -> PyResult<(f64, f64)> {
    let found = model.evaluate(py, &params, unseen::all_families)?;
    Ok((found.estimate, found.variance))
}

fn expectations<'py>(py: Python<'py>, of: &[Expectation]) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    let whole = |number: fn(&Expectation) -> u64| of.iter().map(number).collect::<Vec<_>>().into_pyarray(py);
    let real = |number: fn(&Expectation) -> f64| of.iter().map(number).collect::<Vec<_>>().into_pyarray(py);
    result.set_item("observed", whole(|one| one.observed))?;
    result.set_item("expected", real(|one| one.expected))?;
    result.set_item("sd", real(|one| one.sd))?;
    result.set_item("low", whole(|one| one.low))?;
    result.set_item("high", whole(|one| one.high))?;
    Ok(result)
}

fn spectrum_dict<'py>(py: Python<'py>, spectrum: &Spectrum) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    result.set_item("bins", expectations(py, &spectrum.bins)?)?;
    result.set_item("classes", expectations(py, &spectrum.classes)?)?;
    result.set_item("class_names", CountClasses::NAMES.to_vec())?;
    result.set_item("n_laws", spectrum.n_laws)?;
    result.set_item("n_simulated", spectrum.n_simulated)?;
    let (observed, expected) = (accumulation(&spectrum.observed()), accumulation(&spectrum.expected()));
    result.set_item("seen", observed.seen.into_pyarray(py))?;
    result.set_item("expected_seen", expected.seen.into_pyarray(py))?;
    result.set_item("expected_seen_sd", expected.sd.into_pyarray(py))?;
    Ok(result)
}

fn statistics_dict<'py>(py: Python<'py>, statistics: &[Statistic]) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    let column = |of: &dyn Fn(&Statistic) -> f64| statistics.iter().map(of).collect::<Vec<_>>().into_pyarray(py);
    result.set_item("name", statistics.iter().map(|one| one.name).collect::<Vec<_>>())?;
    result.set_item("observed", column(&|one| one.observed))?;
    result.set_item("mean", column(&|one| one.moments()[0]))?;
    result.set_item("sd", column(&|one| one.moments()[1]))?;
    for (place, name) in ["p_low", "p_high", "p_value"].into_iter().enumerate() {
        result.set_item(name, column(&|one| one.p_values()[place]))?;
    }
    Ok(result)
}

fn families_dict<'py>(py: Python<'py>, families: FamilySurprise) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    result.set_item("presences", families.presences.into_pyarray(py))?;
    result.set_item("log_likelihood", families.log_likelihood.into_pyarray(py))?;
    for (name, p_values) in [("", families.p_value), ("_given_presences", families.p_given_presences)] {
        result.set_item(format!("q{name}"), benjamini_hochberg(&p_values).into_pyarray(py))?;
        result.set_item(format!("p{name}"), p_values.into_pyarray(py))?;
    }
    result.set_item("n_given_presences", families.n_given_presences.into_pyarray(py))?;
    Ok(result)
}

fn genomes_dict<'py>(py: Python<'py>, genomes: &[GenomeFit]) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    let column = |of: fn(&GenomeFit) -> f64| genomes.iter().map(of).collect::<Vec<_>>().into_pyarray(py);
    result.set_item("observed", column(|one| one.observed))?;
    result.set_item("expected", column(|one| one.expected))?;
    result.set_item("sd", column(|one| one.variance.sqrt()))?;
    result.set_item("residual", column(GenomeFit::residual))?;
    result.set_item("surely_present", column(|one| one.surely_present))?;
    result.set_item("lacking", column(|one| one.lacking))?;
    result.set_item("expected_lacking", column(|one| one.expected_lacking))?;
    result.set_item("extra", column(|one| one.extra))?;
    result.set_item("expected_extra", column(|one| one.expected_extra))?;
    result.set_item("implied_completeness", column(GenomeFit::implied_completeness))?;
    Ok(result)
}

fn add_counts(py: Python<'_>, to: &Bound<'_, PyDict>, counts: &[GenomeCounts]) -> PyResult<()> {
    let column = |of: &dyn Fn(&GenomeCounts) -> f64| counts.iter().map(of).collect::<Vec<_>>().into_pyarray(py);
    for (place, name) in ["size", "own"].into_iter().enumerate() {
        to.set_item(name, column(&|one| one.observed[place] as f64))?;
        to.set_item(format!("{name}_mean"), column(&|one| one.mean[place]))?;
        to.set_item(format!("{name}_sd"), column(&|one| one.sd[place]))?;
    }
    Ok(())
}
