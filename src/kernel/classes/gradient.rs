//! Reverse mode over subtree classes: derivatives flow from the root's classes down to those of the tips.
//!
//! For a join with product `p = l r` and result `z = P p`, the adjoint `w` of z gives `P_ij += w_i p_j`,
//! `q = P^T w`, `l += q r` and `r += q l`, summed over the classes that share a left or right class. Adjoints are
//! those of the scaled values; only where a join rescaled must a power of two be put back.

use super::buffer::{Buffer, Climb, Drifted, Magnitude, Side};
use super::build::Stretch;
use super::joins::{Joins, Operand};
use super::pull::{Branch, Flow};
use super::table::{Lines, Table};
use super::value;
use crate::kernel::dispatch::{ENTRIES, Pair, Simd};
use crate::kernel::edge::SharedEdge;
use crate::kernel::scaled::UP;
use crate::kernel::transition::Transition;

/// Pairs in a cache line.
const QUAD: usize = 4;
/// What a gradient keeps: the result of every join, and adjoints of those that are being worked on.
pub(in crate::kernel) struct Tape {
    /// The results of all joins, the last in front, with room for a table behind the first.
    results: Lines,
    /// Where each join's results begin in `results`.
    starts: Vec<usize>,
    /// The magnitudes of results that their parents still need, by slot.
    magnitudes: Vec<Magnitude>,
    /// By how many powers of 2^200 each class was scaled up, for the joins that did.
    scaled: Vec<(usize, Vec<u8>)>,
    adjoints: Vec<Option<Table>>,
    tips: [Buffer; 2],
    tip_adjoints: [Option<Table>; 2],
}

impl Tape {
    pub(super) fn new(joins: &Joins) -> Self {
        let table = || Some(Table::new());
        Self {
            results: Lines::default(),
            starts: Vec::new(),
            magnitudes: vec![Magnitude::default(); joins.n_slots],
            scaled: Vec::new(),
            adjoints: (0..joins.n_slots).map(|_| table()).collect(),
            tips: [Buffer::new(), Buffer::new()],
            tip_adjoints: [table(), table()],
        }
    }

    /// Computes and keeps the result of every join.
    #[inline(always)]
    pub(super) fn record<S: Simd>(
        &mut self,
        simd: S,
        joins: &Joins,
        stretch: &Stretch,
        edges: &[SharedEdge],
    ) -> Result<(), Drifted> {
        self.starts.clear();
        self.scaled.clear();
        let mut start = stretch
            .joins
            .iter()
            .map(|classes| classes.n_classes.next_multiple_of(QUAD))
            .sum();
        let results = self.results.with_room(start + ENTRIES);
        for (number, (join, classes)) in joins.list.iter().zip(&stretch.joins).enumerate() {
            let sides = classes.sides(join);
            for (operand, tip) in sides.into_iter().zip(&mut self.tips) {
                if let Operand::Tip { node, .. } = operand {
                    tip.set_tip(&edges[node as usize]);
                }
            }
            let mut magnitude = std::mem::take(&mut self.magnitudes[join.slot as usize]);
            // Results are laid from the back to the front, so that all operands stand behind what is written.
            let (out, done) = results.split_at_mut(start);
            let end = start;
            start -= classes.n_classes.next_multiple_of(QUAD);
            let side = |index: usize| match sides[index] {
                Operand::Join(below) => Side {
                    pairs: window(done, self.starts[below as usize] - end),
                    magnitude: &self.magnitudes[joins.list[below as usize].slot as usize],
                },
                Operand::Tip { .. } | Operand::Nothing => self.tips[index].side(),
            };
            let climb = Climb::new(edges, join.climbs);
            let (sides, pairs) = ([side(0), side(1)], &mut out[start..start + classes.n_classes]);
            value::combine(simd, classes, &stretch.indices, &climb, sides, pairs, &mut magnitude)?;
            if !magnitude.rescaled.is_empty() {
                self.scaled.push((number, magnitude.rescaled.clone()));
            }
            self.magnitudes[join.slot as usize] = magnitude;
            self.starts.push(start);
        }
        Ok(())
    }

    /// Returns the last join's results after [`record`](Self::record).
    pub(super) fn root(&self, joins: &Joins) -> Option<Side<'_>> {
        let pairs = window(self.results.pairs(), *self.starts.last()?);
        Some(Side {
            pairs,
            magnitude: &self.magnitudes[joins.list.last()?.slot as usize],
        })
    }

    /// Adds the derivatives of every branch to `adjoint` (`[n_nodes]`), given those of the root's classes.
    #[inline(always)]
    pub(super) fn play_back<S: Simd>(
        &mut self,
        simd: S,
        joins: &Joins,
        stretch: &Stretch,
        edges: &[SharedEdge],
        root: impl Iterator<Item = Pair>,
        adjoint: &mut [Transition],
    ) {
        let Some(last) = joins.list.last() else { return };
        if let Some(table) = &mut self.adjoints[last.slot as usize] {
            for (entry, pair) in table.iter_mut().zip(root) {
                *entry = pair;
            }
        }
        for (number, (join, classes)) in joins.list.iter().zip(&stretch.joins).enumerate().rev() {
            let sides = classes.sides(join);
            let Some(mut own) = self.adjoints[join.slot as usize].take() else {
                unreachable!("its parent came first")
            };
            if let Some((scaled, counts)) = self.scaled.last()
                && *scaled == number
            {
                for (pair, &count) in own.iter_mut().zip(counts) {
                    let factor = UP.powi(i32::from(count));
                    *pair = [pair[0] * factor, pair[1] * factor];
                }
                self.scaled.pop();
            }
            for ((operand, tip), adjoint) in sides.into_iter().zip(&mut self.tips).zip(&mut self.tip_adjoints) {
                if let (Operand::Tip { node, .. }, Some(adjoint)) = (operand, adjoint) {
                    tip.set_tip(&edges[node as usize]);
                    adjoint[..3].fill([0.0; 2]);
                }
            }
            let mut targets = [0, 1].map(|side| match sides[side] {
                Operand::Join(below) => self.adjoints[joins.list[below as usize].slot as usize].take(),
                Operand::Tip { .. } | Operand::Nothing => self.tip_adjoints[side].take(),
            });
            let sizes = sides.map(|operand| match operand {
                Operand::Join(below) => stretch.joins[below as usize].n_classes,
                Operand::Tip { .. } => 3,
                Operand::Nothing => 0,
            });
            let [Some(to_left), Some(to_right)] = &mut targets else {
                unreachable!("operands have slots of their own")
            };
            let value = |side: usize| match sides[side] {
                Operand::Join(below) => window(self.results.pairs(), self.starts[below as usize]),
                Operand::Tip { .. } | Operand::Nothing => &*self.tips[side].pairs,
            };
            let branch = Branch {
                climb: Climb::new(edges, join.climbs),
                left: value(0),
                right: value(1),
            };
            let flow = Flow {
                own: &own,
                to_left,
                to_right,
                sizes,
            };
            let derivative = branch.pull(simd, classes, &stretch.indices, flow);
            if let Some(node) = join.climbs {
                add(&mut adjoint[node as usize], derivative);
            }
            for (side, target) in targets.into_iter().enumerate() {
                match sides[side] {
                    Operand::Join(below) => self.adjoints[joins.list[below as usize].slot as usize] = target,
                    Operand::Tip { node, .. } => {
                        if let Some(table) = &target {
                            // Columns of P are what climbs from an absent and from a present tip; a missing tip
                            // is their sum.
                            let [absent, present, missing] = [0, 1, 2].map(|class| table[class]);
                            let entry = |observed: Pair, state: usize| observed[state] + missing[state];
                            let derivative = [entry(absent, 0), entry(present, 0), entry(absent, 1), entry(present, 1)];
                            add(&mut adjoint[node as usize], derivative);
                        }
                        self.tip_adjoints[side] = target;
                    }
                    Operand::Nothing => self.tip_adjoints[side] = target,
                }
            }
            self.adjoints[join.slot as usize] = Some(own);
        }
    }
}

fn add(total: &mut Transition, part: Transition) {
    for (total, part) in total.iter_mut().zip(part) {
        *total += part;
    }
}

/// Returns the table that begins at `start`; there is always room behind the last results.
#[inline(always)]
fn window(results: &[Pair], start: usize) -> &[Pair; ENTRIES] {
    let Some((table, _)) = results[start..].split_first_chunk() else {
        unreachable!("room for a table")
    };
    table
}
