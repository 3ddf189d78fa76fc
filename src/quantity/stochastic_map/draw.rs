//! The draws themselves: family after family, map after map, from the root down.

use super::family::OneFamily;
use super::lane::{Chances, Step, bridges};
use super::totals::{MapTotals, Slots, Totals};
use super::{MapChoice, MapEvent};
use crate::error::QuantityError;
use crate::kernel::PosteriorBlock;
use crate::model::Histories;
use crate::parallel::{Monitor, Random, Workers};
use crate::quantity::event_list::EventKind;
use crate::quantity::family_table::NodeRows;
use crate::simulate::bridge::{Bridge, TimePresent, change_times};

/// Streams of random numbers of a family and map: states and numbers of events, times, places of events.
const STREAMS: usize = 3;

/// What all parts share.
pub(super) struct Draws<'a, 'b> {
    pub(super) choice: &'a MapChoice<'a>,
    /// Tables of a node's rows for mean and variance of gains and of losses.
    pub(super) by_family: Option<&'a [NodeRows<'b, f64>; 4]>,
    pub(super) slots: &'a Slots,
    pub(super) workers: &'a Workers,
    pub(super) monitor: &'a Monitor,
}

/// What a block leaves behind beside the totals.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) n_impossible: usize,
    pub(super) events: Vec<MapEvent>,
}

/// The chances of one family and what it is drawn with.
struct Plan<'a> {
    histories: &'a Histories<'a>,
    bridges: &'a [Bridge],
    chances: &'a Chances,
    number: u32,
}

impl Draws<'_, '_> {
    /// Draws all maps of a part in which each family has a pattern of its own.
    pub(super) fn of_part(&self, histories: &Histories) -> Result<Vec<Left>, QuantityError> {
        let shared = match histories.are_shared() && histories.patterns().n_patterns() > 0 {
            true => Some(bridges(histories, 0, self.choice.events)?),
            false => None,
        };
        let of_block = |block: &PosteriorBlock| self.of_block(histories, block, shared.as_deref());
        let found = histories.branch_posteriors_by(self.workers, self.monitor, of_block)?;
        found.into_iter().collect()
    }

    fn of_block(
        &self,
        histories: &Histories,
        block: &PosteriorBlock,
        shared: Option<&[Bridge]>,
    ) -> Result<Left, QuantityError> {
        self.slots.with(|totals| {
            let n_nodes = histories.tree().n_nodes();
            let (mut left, mut chances, mut family) = (Left::default(), Chances::default(), OneFamily::new(n_nodes));
            for (lane, pattern) in block.patterns().enumerate() {
                let numbers = histories.families(pattern);
                if block.log_likelihoods()[lane] == f64::NEG_INFINITY {
                    left.n_impossible += numbers.len();
                    continue;
                }
                let own = match shared {
                    Some(_) => None,
                    None => Some(bridges(histories, pattern, self.choice.events)?),
                };
                let bridges = own.as_deref().or(shared).unwrap_or_default();
                chances.read(block, lane, bridges, n_nodes);
                for &number in numbers {
                    let plan = Plan {
                        histories,
                        bridges,
                        chances: &chances,
                        number,
                    };
                    self.maps(&plan, &mut family, totals, &mut left.events)?;
                }
                self.monitor.advance(numbers.len() as u64);
            }
            Ok(left)
        })
    }

    /// Draws the maps of one family.
    fn maps(
        &self,
        plan: &Plan,
        family: &mut OneFamily,
        totals: &mut Totals,
        events: &mut Vec<MapEvent>,
    ) -> Result<(), QuantityError> {
        family.clear();
        for map in 0..self.choice.n_maps {
            self.monitor.check()?;
            self.map(plan, map, family, &mut totals.of_map(map));
            if self.choice.events {
                self.list(plan, map, family, events);
            }
        }
        if let Some(tables) = self.by_family {
            family.write(plan.number, self.choice.n_maps, tables);
        }
        Ok(())
    }

    fn random(&self, plan: &Plan, map: usize, stream: usize) -> Random {
        Random::of(self.choice.seed, plan.number as usize, STREAMS * map + stream)
    }

    /// Draws one map, and adds it to the sums.
    fn map(&self, plan: &Plan, map: usize, family: &mut OneFamily, sums: &mut MapTotals<'_>) {
        let tree = plan.histories.tree();
        let (root, parents) = (tree.root(), tree.parents());
        let [mut random, mut times] = [0, 1].map(|stream| self.random(plan, map, stream));
        let category = plan.chances.category(random.next_u64() >> 1);
        let steps = plan.chances.steps(category);
        let bridges = &plan.bridges[category * tree.n_nodes()..(category + 1) * tree.n_nodes()];
        let states = &mut family.states;
        states[root] = plan.chances.root(category, random.next_u64() >> 1) as u8;
        sums.stay(root, usize::from(states[root]));
        family.changed.clear();
        for node in (0..root).rev() {
            let above = usize::from(states[parents[node] as usize] & 1);
            let (below, returns) = next(&steps[node][above], above, &bridges[node], &mut random);
            states[node] = below as u8;
            if below == above && returns == 0 {
                sums.stay(node, below);
                continue;
            }
            let [gains, losses] = [returns + u64::from(above < below), returns + u64::from(above > below)];
            let path = TimePresent {
                above,
                changes: gains + losses,
            };
            let share = path.draw(bridges[node].chain, &mut times);
            sums.change(node, below, share, [gains, losses]);
            family.changed.push((node as u32, path, share));
            if self.by_family.is_some() {
                family.moments.add(node, [gains, losses]);
            }
        }
    }

    /// Draws where the events of the last map are, and lists them.
    fn list(&self, plan: &Plan, map: usize, family: &mut OneFamily, events: &mut Vec<MapEvent>) {
        let mut random = self.random(plan, map, 2);
        let (changed, places) = (&family.changed, &mut family.places);
        for &(node, path, share) in changed {
            let length = plan.histories.branch_length(node as usize);
            change_times(path, share, &mut random, places);
            events.extend(places.iter().enumerate().map(|(index, place)| MapEvent {
                map: map as u32,
                family: plan.number,
                node,
                kind: match (path.above + index) % 2 {
                    0 => EventKind::Gain,
                    _ => EventKind::Loss,
                },
                time: (1.0 - place) * length,
            }));
        }
    }
}

/// Draws the state below and the number of returns.
#[inline(always)]
fn next(step: &Step, above: usize, bridge: &Bridge, random: &mut Random) -> (usize, u64) {
    let draw = random.next_u64() >> 1;
    let [absent, settled, absent_further] = *step;
    if draw < settled {
        (usize::from(draw >= absent), 0)
    } else {
        let below = usize::from(draw >= absent_further);
        (below, bridge.returns(above, below, random))
    }
}
