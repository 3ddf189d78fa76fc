//! What is prepared for the families of one group: one sampler a rate category, and how often each is recorded.

use super::bridge::{Bridge, Chain};
use super::counting::Counting;
use super::free::Free;
use super::{MOST_POINTS, REJECTION, Simulation};
use crate::error::SimulateError;
use crate::kernel::Transition;
use crate::model::{Process, Processes};

/// How the states of one category's families are drawn.
#[derive(Debug)]
pub(super) enum Way {
    /// Drawn until accepted.
    Rejection(Free),
    /// Accepted by construction.
    Construction(Box<Counting>),
    /// The category has no part in the recorded families.
    Never,
}

/// The families of one group.
#[derive(Debug)]
pub(super) struct Sampler {
    /// Probability of each category given that a family is recorded, up to a factor; `[n_categories]`.
    pub(super) weights: Vec<f64>,
    /// `[n_categories]`.
    pub(super) ways: Vec<Way>,
    /// P(recorded present) of each tip given its state, `[n_tips]`.
    pub(super) tips: Option<Vec<[f64; 2]>>,
    /// Of each category and branch, `[n_categories][n_nodes]`; empty where nobody asks for the truth.
    bridges: Vec<Bridge>,
}

impl Sampler {
    pub(super) fn new(
        simulation: &Simulation<'_>,
        processes: &Processes<'_>,
        group: usize,
    ) -> Result<Self, SimulateError> {
        let (tree, specification) = (simulation.tree, simulation.specification);
        let Process {
            weights,
            rates,
            transitions,
            root,
        } = processes.of_group(group)?;
        let root = root.ok_or(SimulateError::RootFromData)?;
        let tips = processes.tips();
        let of_categories = || transitions.chunks(tree.n_nodes()).zip(&root);
        let recorded = |(table, &root): (&[Transition], &[f64; 2])| {
            let recorded = specification.ascertainment.recorded(tree, table, root, tips);
            recorded.map_or(0.0, |recorded| recorded.log_probability)
        };
        let logs: Vec<f64> = of_categories().map(recorded).collect();
        let used = logs.iter().zip(&weights).filter(|(_, weight)| **weight > 0.0);
        let largest = used.map(|(log, _)| *log).fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return Err(SimulateError::NeverRecorded {
                ascertainment: specification.ascertainment.name().to_string(),
            });
        }
        let weights: Vec<f64> = weights
            .iter()
            .zip(&logs)
            .map(|(w, log)| w * (log - largest).exp())
            .collect();
        let ways = of_categories().enumerate().map(|(category, (table, &root))| {
            if weights[category] == 0.0 {
                Ok(Way::Never)
            } else if logs[category] >= REJECTION.ln() {
                Ok(Way::Rejection(Free::new(table, root)))
            } else {
                let label = if weights.len() == 1 {
                    String::new()
                } else {
                    format!(" in rate category {}", category + 1)
                };
                constructed(simulation, table, root, tips, logs[category], label)
            }
        });
        let ways = ways.collect::<Result<_, _>>()?;
        let bridges = match simulation.wants_truth {
            true => bridges(simulation, &weights, &rates)?,
            false => Vec::new(),
        };
        Ok(Self {
            ways,
            weights,
            tips: tips.map(<[_]>::to_vec),
            bridges,
        })
    }

    /// Returns the branch above a node, where the truth is asked for.
    pub(super) fn bridge(&self, n_nodes: usize, category: usize, node: usize) -> &Bridge {
        &self.bridges[category * n_nodes + node]
    }
}

/// Returns the branches of every category, `[n_categories][n_nodes]`; those of a category of weight 0 are never drawn.
fn bridges(simulation: &Simulation<'_>, weights: &[f64], rates: &[[f64; 2]]) -> Result<Vec<Bridge>, SimulateError> {
    let (tree, effects) = (simulation.tree, &simulation.specification.effects);
    let of_place = |place: usize| {
        let (category, node) = (place / tree.n_nodes(), place % tree.n_nodes());
        let set = effects.set_of_node()[node] as usize;
        let [gain, loss] = rates[category * effects.n_sets() + set];
        let is_branch = node != tree.root() && weights[category] > 0.0;
        let length = if is_branch { tree.branch_lengths()[node] } else { 0.0 };
        let chain = Chain { gain, loss, length };
        let expected = chain.points();
        if expected > MOST_POINTS {
            return Err(SimulateError::TooManyEvents {
                node,
                expected,
                most: MOST_POINTS,
            });
        }
        Ok(Bridge::new(chain))
    };
    (0..weights.len() * tree.n_nodes()).map(of_place).collect()
}

fn constructed(
    simulation: &Simulation<'_>,
    transitions: &[Transition],
    root: [f64; 2],
    tips: Option<&[[f64; 2]]>,
    log_probability: f64,
    category: String,
) -> Result<Way, SimulateError> {
    let (tree, ascertainment) = (simulation.tree, simulation.specification.ascertainment);
    let window = ascertainment.presences(tree.n_tips());
    match Counting::new(tree, window, transitions, root, tips) {
        Ok(counting) => Ok(Way::Construction(Box::new(counting))),
        Err(why) => Err(SimulateError::RarelyRecorded {
            ascertainment: ascertainment.name().to_string(),
            probability: log_probability.exp(),
            log10: log_probability / std::f64::consts::LN_10,
            category,
            why,
        }),
    }
}
