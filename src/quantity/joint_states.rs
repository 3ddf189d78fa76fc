//! The most probable states of all nodes together, for each family.
//!
//! `argmax_{c, s} w_c P(s, data | c)`: jointly over the rate category and the states of all nodes, by max-product in
//! log space. With several categories these are the states in the most probable pair of category and history, not the
//! states that are most probable with the category summed out, for which no such recursion exists. Log-probabilities
//! that differ by less than 1e-10 count as equal, so that rounding decides nothing: among equals a node is absent
//! rather than present (the root first, then downwards), and the first category goes before the others.
//!
//! Axes: node, family. Unit: state, 0 absent, 1 present, -1 for a family that cannot arise.
//!
//! Source: Pupko et al. 2000, doi:10.1093/oxfordjournals.molbev.a026369.

use super::family_table::{NodeRows, room};
use crate::error::{Cancelled, QuantityError};
use crate::kernel::log_transition;
use crate::model::{Histories, HistoryModel};
use crate::parallel::{Monitor, Pool};
use std::ops::Range;

/// Patterns that are computed together: the bits of a word.
const WIDTH: usize = 64;
/// Log-probabilities closer than this are equal.
const TIE: f64 = 1e-10;

/// The most probable histories.
#[derive(Debug, Clone, PartialEq)]
pub struct JointStates {
    /// `[n_nodes][n_families]`: 0, 1, or -1 for a family that cannot arise.
    pub states: Vec<i8>,
    /// The rate category that goes with them, `[n_families]`; 0 for a family that cannot arise.
    pub categories: Vec<u32>,
    /// `log(w_c P(states, data | c))`, `[n_families]`; natural, not conditioned on the ascertainment.
    pub log_probabilities: Vec<f64>,
}

/// Returns the most probable joint states of every family.
///
/// # Errors
/// [`QuantityError::Model`] as the model's log-likelihood; [`QuantityError::TooLarge`].
pub fn joint_states(
    model: &impl HistoryModel,
    parameters: &[f64],
    monitor: &Monitor,
) -> Result<JointStates, QuantityError> {
    let (n_nodes, n_families) = (
        model.problem().tree().n_nodes(),
        model.problem().patterns().n_families(),
    );
    let mut states = room(n_nodes, n_families, -1_i8)?;
    let mut best = vec![(0, f64::NEG_INFINITY); n_families];
    let writer = NodeRows::new(&mut states, n_nodes);
    let best_writer = NodeRows::new(&mut best, 1);
    model.histories(parameters, monitor, |histories| -> Result<(), QuantityError> {
        let tables = LogTransitions::new(histories);
        let rooms = Pool::default();
        histories.workers().map(histories.patterns().n_blocks(), |block| {
            monitor.check()?;
            rooms.with(
                || Block::new(n_nodes),
                |found: &mut Block| {
                    found.solve(histories, &tables, block);
                    found.write(histories, &writer, &best_writer);
                },
            );
            Ok::<_, Cancelled>(())
        })?;
        Ok(())
    })?;
    let (categories, log_probabilities) = best.into_iter().unzip();
    Ok(JointStates {
        states,
        categories,
        log_probabilities,
    })
}

/// Logs of the transition probabilities, `[n_categories][n_nodes]`; empty where each pattern has its own.
struct LogTransitions(Vec<[f64; 4]>);

impl LogTransitions {
    fn new(histories: &Histories) -> Self {
        let mut table = Vec::new();
        if histories.are_shared() {
            for category in 0..histories.weights().len() {
                let nodes = 0..histories.tree().n_nodes();
                table.extend(nodes.map(|node| Self::of_pattern(histories, category, node, 0)));
            }
        }
        Self(table)
    }

    fn of_pattern(histories: &Histories, category: usize, node: usize, pattern: usize) -> [f64; 4] {
        let [gain, loss] = histories.rates(category, node, pattern);
        log_transition(gain, loss, histories.tree().branch_lengths()[node])
    }

    fn at(&self, histories: &Histories, category: usize, node: usize, pattern: usize) -> [f64; 4] {
        match self.0.get(category * histories.tree().n_nodes() + node) {
            Some(table) => *table,
            None => Self::of_pattern(histories, category, node, pattern),
        }
    }
}

/// The greatest log-probability of what lies below a node, given its state.
type Score = [[f64; WIDTH]; 2];

/// The histories of one block of patterns.
struct Block {
    patterns: Range<usize>,
    /// Scores of nodes whose children are not all done, and places for more.
    scores: Vec<Score>,
    free: Vec<usize>,
    /// The place of each node's score.
    place: Vec<Option<usize>>,
    /// The best state of each node given that above, one bit a pattern, `[n_nodes]`.
    best_given_above: Vec<[u64; 2]>,
    states: Vec<u64>,
    category: [u32; WIDTH],
    log_probability: [f64; WIDTH],
}

impl Block {
    fn new(n_nodes: usize) -> Self {
        Self {
            patterns: 0..0,
            scores: Vec::new(),
            free: Vec::new(),
            place: vec![None; n_nodes],
            best_given_above: vec![[0; 2]; n_nodes],
            states: vec![0; n_nodes],
            category: [0; WIDTH],
            log_probability: [f64::NEG_INFINITY; WIDTH],
        }
    }

    fn solve(&mut self, histories: &Histories, tables: &LogTransitions, block: usize) {
        let n_patterns = histories.patterns().n_patterns();
        self.patterns = block * WIDTH..((block + 1) * WIDTH).min(n_patterns);
        self.log_probability = [f64::NEG_INFINITY; WIDTH];
        self.category = [0; WIDTH];
        for (category, weight) in histories.weights().iter().enumerate() {
            let root = self.rise(histories, tables, category);
            let (mut better, mut at_root) = (0, 0);
            for (lane, pattern) in self.patterns.clone().enumerate() {
                let frequencies = histories.root(category, pattern);
                let [absent, present] = [0, 1].map(|state| frequencies[state].ln() + root[state][lane]);
                let is_present = present > absent + TIE;
                let value = weight.ln() + if is_present { present } else { absent };
                let known = self.log_probability[lane];
                if value > known + TIE {
                    better |= 1 << lane;
                    self.log_probability[lane] = value;
                    self.category[lane] = category as u32;
                }
                at_root |= u64::from(is_present) << lane;
            }
            self.fall(histories, better, at_root);
        }
    }

    /// Goes up; returns the root's score.
    fn rise(&mut self, histories: &Histories, tables: &LogTransitions, category: usize) -> Score {
        let tree = histories.tree();
        let mut tip = 0;
        for node in 0..tree.root() {
            let score = if tree.is_tip(node) {
                tip += 1;
                self.of_tip(histories, tip - 1)
            } else {
                self.take(node)
            };
            let above = self.place_of(tree.parents()[node] as usize);
            let mut best = [0_u64; 2];
            let sums = &mut self.scores[above];
            for (lane, pattern) in self.patterns.clone().enumerate() {
                let table = tables.at(histories, category, node, pattern);
                for state in 0..2 {
                    let absent = table[2 * state] + score[0][lane];
                    let present = table[2 * state + 1] + score[1][lane];
                    let is_present = present > absent + TIE;
                    best[state] |= u64::from(is_present) << lane;
                    sums[state][lane] += if is_present { present } else { absent };
                }
            }
            self.best_given_above[node] = best;
        }
        if tree.is_tip(tree.root()) {
            self.of_tip(histories, 0)
        } else {
            self.take(tree.root())
        }
    }

    /// Goes down, and keeps the states of the patterns that are better than before.
    fn fall(&mut self, histories: &Histories, better: u64, at_root: u64) {
        let tree = histories.tree();
        if better == 0 {
            return;
        }
        let keep = |known: &mut u64, new: u64| *known = (*known & !better) | (new & better);
        keep(&mut self.states[tree.root()], at_root);
        for node in (0..tree.root()).rev() {
            let above = self.states[tree.parents()[node] as usize];
            let [if_absent, if_present] = self.best_given_above[node];
            keep(&mut self.states[node], (if_absent & !above) | (if_present & above));
        }
    }

    fn of_tip(&self, histories: &Histories, tip: usize) -> Score {
        let block = self.patterns.start / WIDTH;
        let patterns = histories.patterns();
        let recorded = patterns.present(block)[tip];
        let missing = patterns.missing(block).map_or(0, |words| words[tip]);
        let present = histories.tips().map_or([0.0, 1.0], |tips| tips[tip]);
        let mut score = [[0.0; WIDTH]; 2];
        for (state, row) in score.iter_mut().enumerate() {
            let logs = [(-present[state]).ln_1p(), present[state].ln()];
            for (lane, value) in row.iter_mut().enumerate() {
                if (missing >> lane) & 1 == 0 {
                    *value = logs[((recorded >> lane) & 1) as usize];
                }
            }
        }
        score
    }

    /// Returns where the score of a node gathers.
    fn place_of(&mut self, node: usize) -> usize {
        if let Some(place) = self.place[node] {
            return place;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.scores.push([[0.0; WIDTH]; 2]);
            self.scores.len() - 1
        });
        self.scores[place] = [[0.0; WIDTH]; 2];
        self.place[node] = Some(place);
        place
    }

    /// Takes the score of a node whose children are done.
    fn take(&mut self, node: usize) -> Score {
        let place = self.place_of(node);
        self.place[node] = None;
        self.free.push(place);
        self.scores[place]
    }

    fn write(&self, histories: &Histories, states: &NodeRows<i8>, best: &NodeRows<(u32, f64)>) {
        let lanes = || self.patterns.clone().enumerate();
        let possible = |lane: usize| self.log_probability[lane] > f64::NEG_INFINITY;
        for (node, &word) in self.states.iter().enumerate() {
            let of_lane = |lane: usize| if possible(lane) { ((word >> lane) & 1) as i8 } else { -1 };
            states.write(
                node,
                lanes().map(|(lane, pattern)| (histories.families(pattern), of_lane(lane))),
            );
        }
        let of_lane = |lane: usize| (self.category[lane], self.log_probability[lane]);
        best.write(
            0,
            lanes().map(|(lane, pattern)| (histories.families(pattern), of_lane(lane))),
        );
    }
}
