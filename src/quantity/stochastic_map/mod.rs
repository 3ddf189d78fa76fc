//! Stochastic maps: whole histories of each family, drawn from their posterior distribution given the data.
//!
//! A map of a family is drawn in four steps, each exact:
//!
//! ```text
//! rate category   P(c | data)
//! root            P(s | c, data)
//! nodes downward  P(j below | i above, c, data), from the joint posteriors of the ends of each branch
//! each branch     number of changes given i and j, then when they happen, given their number
//! ```
//!
//! so that means over maps tend to `expected_events` and `presence`, and what those cannot give is there too: how
//! numbers on different branches go together, distributions of totals, times. Ascertainment conditions on what the
//! table could show, of which a listed family's data are part: it changes no posterior of a listed family, and none
//! here. Observation errors and missing cells are in the posteriors: the state of a tip is the true one. FitzJohn's root
//! has, for each family, the root frequencies that its own likelihoods give.
//!
//! Each family has for each map random numbers of its own (seed, family, map), so that neither threads nor which
//! families are asked for change a draw; times are drawn from others, and the places of events from a third lot.
//!
//! Axes: map, node (the branch above it). Unit: events, families, length times families.
//!
//! # Source
//! Nielsen 2002, doi:10.1080/10635150290102393; Huelsenbeck, Nielsen & Bollback 2003, doi:10.1080/10635150390192780;
//! end-point-conditioned sampling: Hobolth & Stone 2009, doi:10.1214/09-AOAS247. How branches are drawn here: the module
//! `bridge` of `simulate`.

mod draw;
mod family;
mod lane;
mod totals;

use super::event_list::EventKind;
use super::family_table::{NodeRows, room};
use crate::error::QuantityError;
use crate::model::HistoryModel;
use crate::parallel::{Monitor, Workers};
use draw::Draws;
use totals::Slots;

/// Expected points (the faster rate times the length) of a branch up to which events are counted: totals over a million
/// families then fit 64 bits.
pub const MOST_POINTS: f64 = 1e12;
/// Expected points of a branch up to which single events are listed.
pub const MOST_LISTED: f64 = 1e5;

/// What is to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct MapChoice<'a> {
    /// Maps of each family, at least 1.
    pub n_maps: usize,
    /// Of all random numbers.
    pub seed: u64,
    /// Which families, `[n_families]`; `None` is all.
    pub families: Option<&'a [bool]>,
    /// Whether means and variances over maps are wanted for each branch and family.
    pub by_family: bool,
    /// Whether the events themselves are wanted.
    pub events: bool,
}

/// Drawn histories, summed over families.
#[derive(Debug, Clone, PartialEq)]
pub struct StochasticMaps {
    /// Families that were mapped.
    pub n_families: usize,
    /// Families of the choice that cannot arise at these parameters, and have no maps.
    pub n_impossible: usize,
    /// Gains on the branch above each node, `[n_maps][n_nodes]`; 0 for the root.
    pub gains: Vec<u64>,
    /// Losses, likewise.
    pub losses: Vec<u64>,
    /// Families present at each node, likewise, the root too.
    pub genome_sizes: Vec<u64>,
    /// Time present on the branch above each node, summed over families, likewise; unit of branch length.
    pub time_present: Vec<f64>,
    /// For each branch and family, if asked for.
    pub by_family: Option<FamilyMoments>,
    /// The events, by family, map, node (from the root down) and time, the earliest first, if asked for.
    pub events: Option<Vec<MapEvent>>,
}

/// Means over maps, and variances with n - 1 (NaN for a single map), each `[n_nodes][n_families]`; NaN for families
/// that were not mapped.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyMoments {
    /// Mean number of gains.
    pub gain_mean: Vec<f64>,
    /// Variance of the number of gains.
    pub gain_variance: Vec<f64>,
    /// Mean number of losses.
    pub loss_mean: Vec<f64>,
    /// Variance of the number of losses.
    pub loss_variance: Vec<f64>,
}

/// A change on the branch above a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapEvent {
    /// The map.
    pub map: u32,
    /// The family.
    pub family: u32,
    /// The node below the branch.
    pub node: u32,
    /// Gain or loss.
    pub kind: EventKind,
    /// Length of the branch between the event and the node below it: 0 at the node, the branch's length at its upper
    /// end.
    pub time: f64,
}

/// Draws maps of the chosen families, computed by `workers`.
///
/// The memory depends on the number of maps and nodes (32 bytes for each pair and thread), not on that of families,
/// unless more is asked for.
///
/// # Errors
/// [`QuantityError`] for a choice that is none, sizes that do not fit, rates whose events cannot be counted, and as
/// the model's log-likelihood.
///
/// # Examples
/// ```
/// use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};
/// use persiste_rust::parallel::{Monitor, Workers};
/// use persiste_rust::problem::{Patterns, PresenceTableBuilder, Problem};
/// use persiste_rust::quantity::stochastic_map::{MapChoice, stochastic_maps};
/// use std::sync::Arc;
///
/// let tree = Arc::new(persiste_rust::io::newick::parse("(A:1,B:1);", &Default::default()).unwrap().tree);
/// let mut table = PresenceTableBuilder::new(vec!["A".into(), "B".into()]).unwrap();
/// table.push_family("f", &[0b01], &[]).unwrap();
/// let table = table.finish().unwrap();
/// let problem = Arc::new(Problem::new(tree, Patterns::distinct(&table, &[0, 1])));
/// let names = Arc::new(["f"].into_iter().collect());
/// let (root, workers) = (RootPrior::Absent, Workers::single());
/// let model = GeneContentModel::shared(problem, names, root, Ascertainment::None, workers).unwrap();
/// let choice = MapChoice { n_maps: 5, seed: 1, families: None, by_family: false, events: false };
/// let maps = stochastic_maps(&model, &[-1.0, -1.0], &choice, &Workers::single(), &Monitor::new()).unwrap();
/// // A is node 0; the family came on its branch in every map, and once more than it went.
/// assert!((0..5).all(|map| maps.gains[3 * map] == maps.losses[3 * map] + 1));
/// ```
pub fn stochastic_maps(
    model: &impl HistoryModel,
    parameters: &[f64],
    choice: &MapChoice,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<StochasticMaps, QuantityError> {
    let tree = model.problem().tree();
    let (n_nodes, n_families) = (tree.n_nodes(), model.problem().patterns().n_families());
    let n_chosen = choice.check(n_families)?;
    monitor.begin(n_chosen as u64);
    let slots = Slots::new(workers.n_threads(), choice.n_maps, n_nodes)?;
    let mut moments = match choice.by_family {
        true => Some(FamilyMoments::new(n_nodes, n_families)?),
        false => None,
    };
    let by_family = moments.as_mut().map(|moments| moments.rows(n_nodes));
    let draws = Draws {
        choice,
        by_family: by_family.as_ref(),
        slots: &slots,
        workers,
        monitor,
    };
    let parts = model.histories(parameters, monitor, |histories| -> Result<_, QuantityError> {
        let chosen = |family: u32| choice.families.is_none_or(|all| all[family as usize]);
        histories.spread(chosen, |histories| draws.of_part(histories))
    })?;
    drop(by_family);
    let mut parts = parts.into_iter().flatten().collect::<Vec<_>>();
    let n_impossible = parts.iter().map(|part| part.n_impossible).sum::<usize>();
    let events = choice.events.then(|| {
        let of_part = |part: &mut draw::Left| std::mem::take(&mut part.events);
        let mut events: Vec<MapEvent> = parts.iter_mut().flat_map(of_part).collect();
        // Within a family they come in the order that is wanted; parts hold families in orders of their own.
        events.sort_by_key(|event| event.family);
        events
    });
    let totals = slots.into_total().ok_or(QuantityError::NoMaps)?;
    Ok(StochasticMaps {
        n_families: n_chosen - n_impossible,
        n_impossible,
        time_present: totals.time_present(tree.branch_lengths()),
        gains: totals.gains,
        losses: totals.losses,
        genome_sizes: totals.present,
        by_family: moments,
        events,
    })
}

impl MapChoice<'_> {
    /// Returns the number of chosen families.
    fn check(&self, n_families: usize) -> Result<usize, QuantityError> {
        if self.n_maps == 0 {
            return Err(QuantityError::NoMaps);
        }
        let Some(chosen) = self.families else {
            return Ok(n_families);
        };
        if chosen.len() != n_families {
            return Err(QuantityError::Choice {
                what: "families",
                found: chosen.len(),
                expected: n_families,
            });
        }
        Ok(chosen.iter().filter(|&&one| one).count())
    }
}

impl FamilyMoments {
    fn new(n_nodes: usize, n_families: usize) -> Result<Self, QuantityError> {
        let table = || room(n_nodes, n_families, f64::NAN);
        Ok(Self {
            gain_mean: table()?,
            gain_variance: table()?,
            loss_mean: table()?,
            loss_variance: table()?,
        })
    }

    fn rows(&mut self, n_nodes: usize) -> [NodeRows<'_, f64>; 4] {
        [
            NodeRows::new(&mut self.gain_mean, n_nodes),
            NodeRows::new(&mut self.gain_variance, n_nodes),
            NodeRows::new(&mut self.loss_mean, n_nodes),
            NodeRows::new(&mut self.loss_variance, n_nodes),
        ]
    }
}
