//! Observation error: what a genome's record says about what the genome holds.
//!
//! For each tip, completeness is the probability that a family present is recorded, contamination the probability
//! that a family absent is recorded all the same. Either is given for every tip or estimated: one number for all, or
//! one a tip under a normal prior on its logit (a penalty of the fit, never part of a log-likelihood).

use super::parameter::Parameter;
use super::penalty::{Penalty, PenaltyTerm};
use crate::error::ModelError;
use crate::problem::Tree;

/// Logits beyond this are probabilities of 0 or 1 for all data.
const WIDEST_LOGIT: f64 = 20.0;

/// A normal prior on a logit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitPrior {
    /// Its centre, as a probability above 0 and below 1.
    pub probability: f64,
    /// Its standard deviation on the logit scale, above 0.
    pub sd: f64,
}

/// One probability a tip.
#[derive(Debug, Clone, PartialEq)]
pub enum TipProbability {
    /// Known, `[n_tips]`.
    Given(Vec<f64>),
    /// One free number for all tips.
    Shared,
    /// A free number for each tip, drawn towards a centre.
    PerTip(LogitPrior),
}

/// Which of the two probabilities, as a name and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Completeness,
    Contamination,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Completeness => "completeness",
            Self::Contamination => "contamination",
        }
    }

    /// A guess from which a search starts.
    fn start(self) -> f64 {
        match self {
            Self::Completeness => 0.95,
            Self::Contamination => 0.001,
        }
    }

    fn allowed(self) -> &'static str {
        match self {
            Self::Completeness => "above 0 and up to 1 (100 %)",
            Self::Contamination => "from 0 (0 %) to below 1",
        }
    }

    fn admits(self, value: f64) -> bool {
        match self {
            Self::Completeness => value > 0.0 && value <= 1.0,
            Self::Contamination => (0.0..1.0).contains(&value),
        }
    }
}

/// Completeness and contamination of every tip.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    completeness: TipProbability,
    contamination: TipProbability,
    tip_names: Vec<String>,
}

impl Observation {
    /// Returns observation without error.
    #[must_use]
    pub fn exact(tree: &Tree) -> Self {
        let n_tips = tree.n_tips();
        Self {
            completeness: TipProbability::Given(vec![1.0; n_tips]),
            contamination: TipProbability::Given(vec![0.0; n_tips]),
            tip_names: Vec::new(),
        }
    }

    /// Returns observation with these errors.
    ///
    /// # Errors
    /// [`ModelError::Length`]; [`ModelError::TipProbability`] for a completeness outside (0, 1], a contamination
    /// outside [0, 1), or a prior without a positive standard deviation; [`ModelError::Uninformative`] for a tip that
    /// would be recorded present no more often when it is.
    pub fn new(tree: &Tree, completeness: TipProbability, contamination: TipProbability) -> Result<Self, ModelError> {
        let tip_names: Vec<String> = tree.tip_names().map(String::from).collect();
        check(Kind::Completeness, &completeness, &tip_names)?;
        check(Kind::Contamination, &contamination, &tip_names)?;
        if let (TipProbability::Given(complete), TipProbability::Given(foreign)) = (&completeness, &contamination)
            && let Some(tip) = (0..tip_names.len()).find(|&tip| complete[tip] <= foreign[tip])
        {
            return Err(ModelError::Uninformative {
                tip: tip_names[tip].clone(),
                completeness: complete[tip],
                contamination: foreign[tip],
            });
        }
        Ok(Self {
            completeness,
            contamination,
            tip_names,
        })
    }

    /// Returns completeness and contamination, as given or to be estimated.
    #[must_use]
    pub fn probabilities(&self) -> [&TipProbability; 2] {
        [&self.completeness, &self.contamination]
    }

    /// Returns whether every cell is what it says.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let all = |of: &TipProbability, value: f64| matches!(of, TipProbability::Given(values) if values.iter().all(|&given| given == value));
        all(&self.completeness, 1.0) && all(&self.contamination, 0.0)
    }

    fn parts(&self) -> [(Kind, &TipProbability); 2] {
        [
            (Kind::Completeness, &self.completeness),
            (Kind::Contamination, &self.contamination),
        ]
    }

    /// Returns the free parameters: logits.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let logit = |name: String| Parameter::real(name, -WIDEST_LOGIT, WIDEST_LOGIT);
        let of = |(kind, probability): (Kind, &TipProbability)| match probability {
            TipProbability::Given(_) => Vec::new(),
            TipProbability::Shared => vec![logit(format!("logit_{}", kind.name()))],
            TipProbability::PerTip(_) => {
                let tips = self.tip_names.iter();
                tips.map(|tip| logit(format!("logit_{}[{tip}]", kind.name()))).collect()
            }
        };
        self.parts().into_iter().flat_map(of).collect()
    }

    /// Returns where a search starts.
    #[must_use]
    pub fn start(&self) -> Vec<f64> {
        let of = |(kind, probability): (Kind, &TipProbability)| match probability {
            TipProbability::Given(_) => Vec::new(),
            TipProbability::Shared => vec![logit(kind.start())],
            TipProbability::PerTip(prior) => vec![logit(prior.probability); self.tip_names.len()],
        };
        self.parts().into_iter().flat_map(of).collect()
    }

    /// Returns the penalty that the priors of single tips make.
    #[must_use]
    pub fn penalty(&self) -> Penalty {
        let mut terms = Vec::new();
        let mut offset = 0;
        for (_, probability) in self.parts() {
            match probability {
                TipProbability::Given(_) => {}
                TipProbability::Shared => offset += 1,
                TipProbability::PerTip(prior) => {
                    terms.extend((0..self.tip_names.len()).map(|tip| PenaltyTerm {
                        parameter: offset + tip,
                        other: None,
                        centre: logit(prior.probability),
                        weight: prior.sd.powi(-2),
                    }));
                    offset += self.tip_names.len();
                }
            }
        }
        Penalty::new(terms)
    }

    /// Returns P(recorded present) of each tip given absence and given presence, `[n_tips]`; `None` without error.
    #[must_use]
    pub fn table(&self, parameters: &[f64]) -> Option<Vec<[f64; 2]>> {
        if self.is_exact() {
            return None;
        }
        let (complete, rest) = probabilities(&self.completeness, self.tip_names.len(), parameters);
        let (foreign, _) = probabilities(&self.contamination, self.tip_names.len(), rest);
        Some(
            foreign
                .into_iter()
                .zip(complete)
                .map(|(foreign, complete)| [foreign, complete])
                .collect(),
        )
    }

    /// Returns the derivatives with respect to the parameters, given those with respect to [`table`](Self::table).
    #[must_use]
    pub fn pull_back(&self, parameters: &[f64], adjoint: &[[f64; 2]]) -> Vec<f64> {
        let mut gradient = Vec::with_capacity(parameters.len());
        for ((_, probability), state) in self.parts().into_iter().zip([1, 0]) {
            let by_tip = adjoint.iter().map(|entry| entry[state]);
            let slope = |logit: f64| logistic(logit) * logistic(-logit);
            match probability {
                TipProbability::Given(_) => {}
                TipProbability::Shared => {
                    let parameter = parameters[gradient.len()];
                    gradient.push(slope(parameter) * by_tip.sum::<f64>());
                }
                TipProbability::PerTip(_) => {
                    let logits = &parameters[gradient.len()..];
                    gradient.extend(by_tip.zip(logits).map(|(entry, &logit)| slope(logit) * entry));
                }
            }
        }
        gradient
    }
}

/// Returns the probability of each tip, and the parameters that are left for others.
fn probabilities<'a>(of: &TipProbability, n_tips: usize, parameters: &'a [f64]) -> (Vec<f64>, &'a [f64]) {
    match of {
        TipProbability::Given(values) => (values.clone(), parameters),
        TipProbability::Shared => (vec![logistic(parameters[0]); n_tips], &parameters[1..]),
        TipProbability::PerTip(_) => {
            let (own, rest) = parameters.split_at(n_tips);
            (own.iter().map(|&logit| logistic(logit)).collect(), rest)
        }
    }
}

fn check(kind: Kind, probability: &TipProbability, tip_names: &[String]) -> Result<(), ModelError> {
    let wrong = |of: String, found: f64, allowed: &'static str| {
        Err(ModelError::TipProbability {
            kind: kind.name(),
            of,
            found,
            allowed,
        })
    };
    match probability {
        TipProbability::Given(values) if values.len() != tip_names.len() => Err(ModelError::Length {
            what: kind.name(),
            found: values.len(),
            expected: format!("{}, the number of tips", tip_names.len()),
        }),
        TipProbability::Given(values) => match values.iter().position(|&value| !kind.admits(value)) {
            Some(tip) => wrong(format!(" of tip '{}'", tip_names[tip]), values[tip], kind.allowed()),
            None => Ok(()),
        },
        TipProbability::Shared => Ok(()),
        TipProbability::PerTip(prior) if !(prior.probability > 0.0 && prior.probability < 1.0) => {
            wrong("'s prior centre".to_owned(), prior.probability, "above 0 and below 1")
        }
        TipProbability::PerTip(prior) if !(prior.sd > 0.0 && prior.sd.is_finite()) => {
            wrong("'s prior standard deviation".to_owned(), prior.sd, "above 0 and finite")
        }
        TipProbability::PerTip(_) => Ok(()),
    }
}

/// Returns `1 / (1 + exp(-x))`, accurate in both tails.
#[must_use]
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        x.exp() / (1.0 + x.exp())
    }
}

/// Returns `ln(p / (1 - p))`.
#[must_use]
pub fn logit(probability: f64) -> f64 {
    probability.ln() - (-probability).ln_1p()
}
