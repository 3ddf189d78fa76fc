//! The gains and losses that the data show, family by family and branch by branch.
//!
//! An event is called where the posterior probability of at least one gain (or loss) of the family on the branch is at
//! least a threshold. Its local false-discovery rate is `1 - probability`, the posterior probability that there was
//! none; the false-discovery rate of a list cut below an event is the mean of the local ones from the most probable
//! event down to it: the expected share of false events in that list, at the given parameters.
//!
//! Source: Efron et al. 2001, doi:10.1198/016214501753382129; Mueller et al. 2004, doi:10.1198/016214504000001646.

use super::BranchQuantity;
use super::block_rows::BlockRows;
use crate::error::QuantityError;
use crate::kernel::PosteriorBlock;
use crate::model::{Histories, HistoryModel};
use crate::parallel::Monitor;

/// Gains, then losses: probability and expected number of each.
const QUANTITIES: [BranchQuantity; 4] = [
    BranchQuantity::GainProbability,
    BranchQuantity::ExpectedGains,
    BranchQuantity::LossProbability,
    BranchQuantity::ExpectedLosses,
];

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// 0 to 1.
    Gain,
    /// 1 to 0.
    Loss,
}

/// A gain or a loss of a family on the branch above a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// The node below the branch.
    pub node: u32,
    /// The family.
    pub family: u32,
    /// Gain or loss.
    pub kind: EventKind,
    /// Posterior probability of at least one.
    pub probability: f64,
    /// Posterior expectation of their number.
    pub expected: f64,
    /// False-discovery rate of the list down to this event.
    pub false_discovery_rate: f64,
}

/// Which events to list.
#[derive(Debug, Clone, Copy)]
pub struct EventChoice<'a> {
    /// The least posterior probability, above 0.
    pub least_probability: f64,
    /// The greatest false-discovery rate of the list.
    pub false_discovery_rate: Option<f64>,
    /// Which branches, `[n_nodes]`; `None` is all.
    pub nodes: Option<&'a [bool]>,
    /// Which families, `[n_families]`; `None` is all.
    pub families: Option<&'a [bool]>,
}

impl EventChoice<'_> {
    fn check(&self, n_nodes: usize, n_families: usize) -> Result<(), QuantityError> {
        if !(self.least_probability > 0.0 && self.least_probability <= 1.0) {
            let found = self.least_probability;
            return Err(QuantityError::LeastProbability { found });
        }
        if let Some(found) = self.false_discovery_rate.filter(|rate| !(0.0..=1.0).contains(rate)) {
            return Err(QuantityError::FalseDiscoveryRate { found });
        }
        for (what, choice, expected) in [("nodes", self.nodes, n_nodes), ("families", self.families, n_families)] {
            if let Some(found) = choice.map(<[bool]>::len).filter(|&found| found != expected) {
                return Err(QuantityError::Choice { what, found, expected });
            }
        }
        Ok(())
    }
}

/// Returns the events of the choice, the most probable first (then by branch, family, gain before loss).
///
/// The false-discovery rates are those of the chosen branches and families alone. Families that cannot arise have no
/// events. The memory depends on the number of events, not on that of the patterns.
///
/// # Errors
/// [`QuantityError`] for a choice that is none, and as the model's log-likelihood.
pub fn events(
    model: &impl HistoryModel,
    parameters: &[f64],
    choice: &EventChoice,
    monitor: &Monitor,
) -> Result<Vec<Event>, QuantityError> {
    let n_nodes = model.problem().tree().n_nodes();
    choice.check(n_nodes, model.problem().patterns().n_families())?;
    let parts = model.histories(parameters, monitor, |histories| -> Result<_, QuantityError> {
        let rows = BlockRows::new(histories, &QUANTITIES);
        Ok(histories.branch_posteriors(monitor, |block| of_block(histories, &rows, block, choice))?)
    })?;
    let mut events = parts.into_iter().flatten().flatten().collect::<Vec<_>>();
    events.sort_unstable_by(|a, b| {
        let by_probability = b.probability.total_cmp(&a.probability);
        by_probability.then((a.node, a.family, a.kind).cmp(&(b.node, b.family, b.kind)))
    });
    let mut expected_false = 0.0;
    for (index, event) in events.iter_mut().enumerate() {
        expected_false += 1.0 - event.probability;
        event.false_discovery_rate = expected_false / (index + 1) as f64;
    }
    if let Some(greatest) = choice.false_discovery_rate {
        // The mean of ascending numbers ascends.
        events.truncate(events.partition_point(|event| event.false_discovery_rate <= greatest));
    }
    Ok(events)
}

fn of_block(histories: &Histories, rows: &BlockRows, block: &PosteriorBlock, choice: &EventChoice) -> Vec<Event> {
    let (mut events, mut values) = (Vec::new(), Vec::new());
    for node in 0..histories.tree().root() {
        if choice.nodes.is_some_and(|nodes| !nodes[node]) {
            continue;
        }
        rows.fill(block, node, &mut values);
        let n_lanes = block.patterns().len();
        for (kind, rows) in [EventKind::Gain, EventKind::Loss]
            .into_iter()
            .zip(values.chunks(2 * n_lanes))
        {
            let (probabilities, numbers) = rows.split_at(n_lanes);
            // NaN, of a pattern that cannot arise, is not at least anything.
            let is_called = |lane: usize| probabilities[lane] >= choice.least_probability;
            for (lane, pattern) in block.patterns().enumerate().filter(|&(lane, _)| is_called(lane)) {
                let families = histories.families(pattern).iter();
                let chosen = families.filter(|&&family| choice.families.is_none_or(|all| all[family as usize]));
                events.extend(chosen.map(|&family| Event {
                    node: node as u32,
                    family,
                    kind,
                    probability: probabilities[lane],
                    expected: numbers[lane],
                    false_discovery_rate: 0.0,
                }));
            }
        }
    }
    events
}
