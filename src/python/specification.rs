//! A model's specification, read from plain Python values.

use super::errors::OrRaise;
use super::parse_root;
use crate::model::effects::Design;
use crate::model::observation::{LogitPrior, TipProbability};
use crate::model::penalty::{Penalty, PenaltyTerm};
use crate::model::rates::{self, OptionValue};
use crate::model::{Ascertainment, Effects, Observation, Specification};
use crate::problem::Tree;
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// The settings of a model as the package passes them on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct Settings<'py> {
    root: Bound<'py, PyAny>,
    ascertainment: AscertainmentSetting,
    rates: (String, BTreeMap<String, OptionSetting>),
    effects: Option<EffectsSetting<'py>>,
    completeness: Option<TipSetting>,
    contamination: Option<TipSetting>,
}

#[derive(FromPyObject)]
pub(super) enum AscertainmentSetting {
    Name(String),
    Window(i64, Option<i64>),
}

#[derive(FromPyObject)]
enum OptionSetting {
    Number(f64),
    Numbers(Vec<f64>),
    Word(String),
}

/// Sparse rows: start of each row, column and value of each entry.
type SparseRows<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, u32>,
    PyReadonlyArray1<'py, f64>,
);

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct EffectsSetting<'py> {
    names: Vec<String>,
    group_of_family: PyReadonlyArray1<'py, u32>,
    set_of_node: PyReadonlyArray1<'py, u32>,
    gain: SparseRows<'py>,
    loss: SparseRows<'py>,
    /// Parameter, other parameter, centre, weight.
    penalty: Vec<(usize, Option<usize>, f64, f64)>,
}

#[derive(FromPyObject)]
enum TipSetting {
    /// Centre and standard deviation (on the logit scale) of a prior on each tip's own.
    PerTip(f64, f64),
    /// A known number for each tip.
    Given(Vec<f64>),
    /// The word "estimated".
    Estimated(String),
}

impl AscertainmentSetting {
    /// Returns what is conditioned on, over this many tips.
    pub(super) fn read(&self, n_tips: usize) -> PyResult<Ascertainment> {
        match self {
            Self::Name(name) => Ascertainment::parse(name).or_raise(),
            Self::Window(lowest, highest) => {
                let whole = |number: i64| {
                    usize::try_from(number).map_err(|_| {
                        PyValueError::new_err(format!(
                            "an ascertainment window ends at {number}; allowed are numbers of genomes, 0 or more"
                        ))
                    })
                };
                let highest = highest.map(whole).transpose()?;
                Ascertainment::window(whole(*lowest)?, highest, n_tips).or_raise()
            }
        }
    }
}

impl Settings<'_> {
    /// Returns the specification that these settings mean for so many families on a tree.
    pub(super) fn specify(&self, tree: &Tree, n_families: usize) -> PyResult<Specification> {
        let ascertainment = self.ascertainment.read(tree.n_tips())?;
        let (name, options) = &self.rates;
        let options = options.iter().map(|(name, value)| {
            let value = match value {
                OptionSetting::Number(value) => OptionValue::Number(*value),
                OptionSetting::Numbers(values) => OptionValue::Numbers(values.clone()),
                OptionSetting::Word(word) => OptionValue::Word(word.clone()),
            };
            (name.clone(), value)
        });
        let effects = match &self.effects {
            None => Effects::none(n_families, tree.n_nodes()),
            Some(effects) => effects.build(tree)?,
        };
        let exact = Observation::exact(tree);
        let [complete, foreign] = exact.probabilities();
        let observation = Observation::new(
            tree,
            probability(self.completeness.as_ref(), complete)?,
            probability(self.contamination.as_ref(), foreign)?,
        );
        Ok(Specification {
            rates: rates::parse(name, options).or_raise()?,
            effects,
            root: parse_root(&self.root)?,
            ascertainment,
            observation: observation.or_raise()?,
        })
    }
}

fn probability(setting: Option<&TipSetting>, default: &TipProbability) -> PyResult<TipProbability> {
    Ok(match setting {
        None => default.clone(),
        Some(TipSetting::Given(values)) => TipProbability::Given(values.clone()),
        Some(TipSetting::PerTip(probability, sd)) => TipProbability::PerTip(LogitPrior {
            probability: *probability,
            sd: *sd,
        }),
        Some(TipSetting::Estimated(word)) if word == "estimated" => TipProbability::Shared,
        Some(TipSetting::Estimated(word)) => {
            return Err(PyValueError::new_err(format!(
                "unknown observation model '{word}'; known: estimated, a number, or one number a genome"
            )));
        }
    })
}

impl EffectsSetting<'_> {
    fn build(&self, tree: &Tree) -> PyResult<Effects> {
        let term = |&(parameter, other, centre, weight): &(usize, Option<usize>, f64, f64)| PenaltyTerm {
            parameter,
            other,
            centre,
            weight,
        };
        Effects::new(
            tree,
            self.names.clone(),
            self.group_of_family.as_array().to_vec(),
            self.set_of_node.as_array().to_vec(),
            (design(&self.gain)?, design(&self.loss)?),
            Penalty::new(self.penalty.iter().map(term).collect()),
        )
        .or_raise()
    }
}

fn design((start, column, value): &SparseRows<'_>) -> PyResult<Design> {
    let whole = |&number: &i64| usize::try_from(number);
    let start = start.as_array().iter().map(whole).collect::<Result<Vec<_>, _>>();
    Ok(Design {
        start: start.map_err(|_| PyValueError::new_err("the rows of a covariate table start below 0"))?,
        column: column.as_array().to_vec(),
        value: value.as_array().to_vec(),
    })
}
