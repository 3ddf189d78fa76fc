//! A chunk of families of one group, drawn one after the other, each from its own stream.

use super::chance::{Chance, place};
use super::group::{Sampler, Way};
use super::{Simulation, Truth};
use crate::error::SimulateError;
use crate::parallel::Random;
use crate::problem::Counts;

/// Draws of one family after which its missing cells are blamed.
const MOST_TRIES: usize = 100_000;

/// Drawn families.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) families: Vec<usize>,
    pub(super) category: Vec<u32>,
    pub(super) truth: Option<Truth>,
    n_words: usize,
    present: Vec<u64>,
    missing: Vec<u64>,
}

impl Drawn {
    /// Returns the presences of a family, one bit a tip.
    pub(super) fn present(&self, position: usize) -> &[u64] {
        &self.present[position * self.n_words..(position + 1) * self.n_words]
    }

    /// Returns its missing cells; nothing where none of any family is missing.
    pub(super) fn missing(&self, position: usize) -> &[u64] {
        if self.missing.is_empty() {
            return &[];
        }
        &self.missing[position * self.n_words..(position + 1) * self.n_words]
    }
}

/// One family at a time, in memory that is reused.
pub(super) struct Plan<'a> {
    simulation: &'a Simulation<'a>,
    sampler: &'a Sampler,
    total_weight: f64,
    tips: Option<Vec<[Chance; 2]>>,
    states: Vec<u8>,
    recorded: Vec<u8>,
    entries: Vec<u32>,
    present: Vec<u64>,
    missing: Vec<u64>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(simulation: &'a Simulation<'a>, sampler: &'a Sampler) -> Self {
        let tree = simulation.tree;
        let n_words = tree.n_tips().div_ceil(64);
        let chances = |tips: &Vec<[f64; 2]>| tips.iter().map(|pair| pair.map(Chance::new)).collect();
        Self {
            simulation,
            sampler,
            total_weight: sampler.weights.iter().sum(),
            tips: sampler.tips.as_ref().map(chances),
            states: vec![0; tree.n_nodes()],
            recorded: vec![0; tree.n_tips()],
            entries: vec![0; tree.n_nodes()],
            present: vec![0; n_words],
            missing: vec![0; n_words],
        }
    }

    pub(super) fn draw(mut self, families: &[usize]) -> Result<Drawn, SimulateError> {
        let (n_words, has_missing) = (self.present.len(), !self.simulation.missing.is_none());
        let mut drawn = Drawn {
            families: families.to_vec(),
            category: Vec::with_capacity(families.len()),
            truth: None,
            n_words,
            present: Vec::with_capacity(families.len() * n_words),
            missing: Vec::with_capacity(if has_missing { families.len() * n_words } else { 0 }),
        };
        let n_nodes = self.simulation.tree.n_nodes();
        let mut truth = Truth::with_capacity(if self.simulation.wants_truth { families.len() } else { 0 }, n_nodes);
        for &family in families {
            let category = self.family(family)?;
            drawn.category.push(category as u32);
            drawn.present.extend_from_slice(&self.present);
            if has_missing {
                drawn.missing.extend_from_slice(&self.missing);
            }
            if self.simulation.wants_truth {
                self.add_truth(family, category, &mut truth);
            }
        }
        drawn.truth = self.simulation.wants_truth.then_some(truth);
        Ok(drawn)
    }

    /// Draws a family until it is listed; returns its category.
    fn family(&mut self, family: usize) -> Result<usize, SimulateError> {
        let simulation = self.simulation;
        let (n_tips, ascertainment) = (simulation.tree.n_tips(), simulation.specification.ascertainment);
        let mut random = Random::of(simulation.seed, family, 0);
        let weights = &self.sampler.weights;
        for _ in 0..MOST_TRIES {
            let category = if weights.len() == 1 {
                0
            } else {
                place(&mut random, self.total_weight, weights.iter().copied())
            };
            self.complete_record(category, &mut random);
            if simulation.missing.is_none() {
                return Ok(category);
            }
            simulation.missing.draw(family, n_tips, &mut random, &mut self.missing);
            self.present
                .iter_mut()
                .zip(&self.missing)
                .for_each(|(word, missing)| *word &= !missing);
            let counts = Counts {
                present: ones(&self.present),
                missing: ones(&self.missing),
            };
            if ascertainment.admits(counts, n_tips) {
                return Ok(category);
            }
        }
        Err(SimulateError::Hidden {
            family: family + 1,
            tries: MOST_TRIES,
            rule: ascertainment.rule().into_owned(),
            ascertainment: ascertainment.name().into_owned(),
        })
    }

    /// Draws states and the record of every tip, as the ascertainment asks for.
    fn complete_record(&mut self, category: usize, random: &mut Random) {
        let (tree, ascertainment) = (self.simulation.tree, self.simulation.specification.ascertainment);
        match &self.sampler.ways[category] {
            Way::Construction(counting) => {
                let (states, entries) = (&mut self.states, &mut self.entries);
                counting.draw(tree, random, states, &mut self.recorded, entries);
                pack(&mut self.present, self.recorded.iter().copied());
            }
            Way::Rejection(free) => loop {
                free.draw(tree, random, &mut self.states);
                let states = tree.tips().iter().map(|&tip| self.states[tip as usize]);
                match &self.tips {
                    None => pack(&mut self.present, states),
                    Some(tips) => {
                        let recorded = states.zip(tips).map(|(state, chances)| {
                            let chance = chances[usize::from(state & 1)];
                            u8::from(chance.happens(random))
                        });
                        pack(&mut self.present, recorded);
                    }
                }
                let present = ones(&self.present);
                if ascertainment.admits(Counts { present, missing: 0 }, tree.n_tips()) {
                    break;
                }
            },
            // A category of weight 0 is never drawn.
            Way::Never => {}
        }
    }

    fn add_truth(&self, family: usize, category: usize, truth: &mut Truth) {
        let tree = self.simulation.tree;
        let mut random = Random::of(self.simulation.seed, family, 1);
        truth.push_states(&self.states);
        for node in 0..tree.root() {
            let bridge = self.sampler.bridge(tree.n_nodes(), category, node);
            let [above, below] = [tree.parents()[node] as usize, node].map(|node| usize::from(self.states[node]));
            truth.push_events(bridge.events(above, below, &mut random).map(|number| number as u32));
        }
        truth.push_events([0, 0]);
    }
}

fn ones(words: &[u64]) -> u32 {
    words.iter().map(|word| word.count_ones()).sum()
}

fn pack(words: &mut [u64], mut cells: impl Iterator<Item = u8>) {
    for word in words {
        *word = cells
            .by_ref()
            .take(64)
            .enumerate()
            .fold(0, |bits, (place, cell)| bits | u64::from(cell) << place);
    }
}
