//! Where a search begins: a grid of rates scaled to the tree, and what the rate model makes of the best.

use super::fit::{FitOptions, impossible};
use crate::error::ModelError;
use crate::model::{GeneContentModel, logit};
use crate::parallel::Monitor;

/// Expected events from root to tip at which a search may start.
const START_EVENTS: [f64; 4] = [0.05, 0.3, 1.5, 8.0];

/// Points to search from, and the evaluations spent on choosing them.
pub(super) struct FirstPoints {
    pub(super) points: Vec<Vec<f64>>,
    pub(super) evaluations: usize,
}

/// Returns the best points of a grid: the observed frequency of presence, at several speeds, spread as the rate model
/// knows to spread it.
pub(super) fn first_points(
    model: &GeneContentModel,
    options: &FitOptions,
    monitor: &Monitor,
) -> Result<FirstPoints, ModelError> {
    let frequency = observed_frequency(model);
    let height = mean_height(model.problem().tree()).max(f64::MIN_POSITIVE);
    let specification = model.specification();
    let mut rest = vec![0.0; specification.effects.parameters().len()];
    rest.extend(specification.root.parameters().iter().map(|_| logit(frequency)));
    rest.extend(specification.observation.start());
    let at = |events: f64| {
        let rate = events / height;
        let spread = specification
            .rates
            .starts((rate * frequency).ln(), (rate * (1.0 - frequency)).ln());
        spread.into_iter().map(|point| [point, rest.clone()].concat())
    };
    let candidates: Vec<Vec<f64>> = START_EVENTS.into_iter().flat_map(at).collect();
    let mut scored = Vec::with_capacity(candidates.len());
    for point in candidates {
        let value = model.weighted_log_likelihood(&point, options.weights, model.workers(), monitor)?;
        monitor.advance(1);
        scored.push((value, point));
    }
    let evaluations = scored.len();
    // Best first; equal values keep their order.
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    if scored[0].0 == f64::NEG_INFINITY {
        return Err(impossible(model, &scored[0].1, monitor)?);
    }
    let wanted = options.n_starts.unwrap_or(specification.rates.n_searches()).max(1);
    let possible = scored.into_iter().filter(|(value, _)| *value > f64::NEG_INFINITY);
    Ok(FirstPoints {
        points: possible.take(wanted).map(|(_, point)| point).collect(),
        evaluations,
    })
}

/// Returns the share of the known cells that are present, kept away from 0 and 1.
fn observed_frequency(model: &GeneContentModel) -> f64 {
    let patterns = model.problem().patterns();
    let (mut present, mut known) = (0.0, 0.0);
    for (counts, weight) in patterns.counts().iter().zip(patterns.weights()) {
        present += weight * f64::from(counts.present);
        known += weight * (patterns.n_tips() as f64 - f64::from(counts.missing));
    }
    ((present + 0.5) / (known + 1.0)).clamp(0.001, 0.999)
}

/// Returns the mean distance from the root to a tip.
fn mean_height(tree: &crate::problem::Tree) -> f64 {
    let mut depth = vec![0.0; tree.n_nodes()];
    for node in (0..tree.root()).rev() {
        depth[node] = depth[tree.parents()[node] as usize] + tree.branch_lengths()[node];
    }
    tree.tips().iter().map(|&tip| depth[tip as usize]).sum::<f64>() / tree.n_tips() as f64
}
