//! Reverse mode over subtree classes: derivatives flow from the root's classes down to those of the tips.
//!
//! For a join with product `p = l r` and result `z = P p`, the adjoint `w` of z gives `P_ij += w_i p_j`,
//! `q = P^T w`, `l += q r` and `r += q l`, summed over the classes that share a left or right class. Adjoints are
//! those of the scaled values; only where a join rescaled must a power of two be put back.

use super::buffer::{Buffer, Drifted, Magnitude, Side};
use super::build::{ClassJoin, Stretch};
use super::joins::{Joins, Operand};
use super::likelihoods::ClassLikelihoods;
use super::pull::{Branch, Flow};
use super::table::{Lines, Table};
use super::task::Task;
use super::value;
use crate::kernel::dispatch::{ENTRIES, Pair, Simd};
use crate::kernel::scaled::UP;
use crate::kernel::transition::Transition;
use std::ops::Range;

/// Pairs in a cache line.
const QUAD: usize = 4;
/// What a gradient keeps: results of joins, and adjoints of those that are being worked on.
pub(in crate::kernel) struct Tape {
    results: Results,
    /// By how many powers of 2^200 each class was scaled up, for those held joins that did.
    scaled: Vec<(usize, Vec<u8>)>,
    adjoints: Vec<Option<Table>>,
    tips: [Buffer; 2],
    tip_adjoints: [Option<Table>; 2],
    pub(super) at_root: RootScratch,
}

/// Working memory for the root's classes.
#[derive(Default)]
pub(super) struct RootScratch {
    pub(super) likelihoods: ClassLikelihoods,
    /// Sum of the cotangents of each class.
    pub(super) shares: Vec<f64>,
    /// Derivative by the likelihood of each class.
    pub(super) slopes: Vec<f64>,
}

/// The results of joins: those that a later segment needs are kept, the others held while their segment is worked on.
struct Results {
    kept: Area,
    held: Area,
    /// Where each join's results begin in its area.
    starts: Vec<usize>,
    /// Those of kept results, by their number.
    kept_magnitudes: Vec<Magnitude>,
    /// Those of held results, by slot, until their parents were computed.
    held_magnitudes: Vec<Magnitude>,
}

/// Results laid from the back to the front, so that all operands stand behind what is written; with room for a table
/// behind the first.
#[derive(Default)]
struct Area {
    lines: Lines,
    start: usize,
}

impl Area {
    fn make_room<'a>(&mut self, joins: impl Iterator<Item = &'a ClassJoin>) {
        self.start = joins.map(room).sum();
        self.lines.make_room(self.start + ENTRIES);
    }
}

/// Returns the room that a join's results take.
fn room(join: &ClassJoin) -> usize {
    join.n_classes.next_multiple_of(QUAD)
}

impl Results {
    fn new(joins: &Joins) -> Self {
        Self {
            kept: Area::default(),
            held: Area::default(),
            starts: vec![0; joins.list.len()],
            kept_magnitudes: Vec::new(),
            held_magnitudes: vec![Magnitude::default(); joins.n_slots],
        }
    }

    /// Returns the result of a join.
    #[inline(always)]
    fn side(&self, joins: &Joins, stretch: &Stretch, join: u32) -> Side<'_> {
        let (start, slot) = (self.starts[join as usize], joins.list[join as usize].slot);
        let (area, magnitude) = match stretch.joins[join as usize].kept {
            Some(number) => (&self.kept, &self.kept_magnitudes[number as usize]),
            None => (&self.held, &self.held_magnitudes[slot as usize]),
        };
        let pairs = window(area.lines.pairs(), start);
        Side { pairs, magnitude }
    }
}

impl Tape {
    pub(super) fn new(joins: &Joins) -> Self {
        let table = || Some(Table::new());
        Self {
            results: Results::new(joins),
            scaled: Vec::new(),
            adjoints: (0..joins.n_slots).map(|_| table()).collect(),
            tips: [Buffer::new(), Buffer::new()],
            tip_adjoints: [table(), table()],
            at_root: RootScratch::default(),
        }
    }

    /// Computes every join; kept then are the results that later segments need, and held those of the last segment.
    #[inline(always)]
    pub(super) fn record<S: Simd>(&mut self, simd: S, task: Task) -> Result<(), Drifted> {
        let stretch = task.stretch;
        let kept = stretch.joins.iter().filter(|join| join.kept.is_some());
        let magnitudes = &mut self.results.kept_magnitudes;
        magnitudes.resize_with(kept.clone().count().max(magnitudes.len()), Magnitude::default);
        self.results.kept.make_room(kept);
        for segment in &stretch.segments {
            self.compute(simd, task, segment, true)?;
        }
        Ok(())
    }

    /// Computes the results of a segment: all, or those that are not kept.
    #[inline(always)]
    fn compute<S: Simd>(
        &mut self,
        simd: S,
        task: Task,
        segment: &Range<usize>,
        with_kept: bool,
    ) -> Result<(), Drifted> {
        let Task { joins, stretch, .. } = task;
        self.scaled.clear();
        let held = stretch.joins[segment.clone()].iter().filter(|join| join.kept.is_none());
        self.results.held.make_room(held);
        for number in segment.clone() {
            let (join, classes) = task.join(number);
            let is_kept = classes.kept.is_some();
            if is_kept && !with_kept {
                continue;
            }
            let sides = classes.sides(join);
            task.load_tips(sides, &mut self.tips);
            let Results {
                kept,
                held,
                starts,
                kept_magnitudes,
                held_magnitudes,
            } = &mut self.results;
            let mut magnitude = std::mem::take(match classes.kept {
                Some(number) => &mut kept_magnitudes[number as usize],
                None => &mut held_magnitudes[join.slot as usize],
            });
            let (area, other) = if is_kept { (kept, &*held) } else { (held, &*kept) };
            let end = area.start;
            area.start -= room(classes);
            let (out, done) = area.lines.pairs_mut().split_at_mut(end);
            let side = |index: usize| match sides[index] {
                Operand::Join(below) => {
                    let (start, slot) = (starts[below as usize], joins.list[below as usize].slot);
                    let kept = stretch.joins[below as usize].kept;
                    Side {
                        pairs: if kept.is_some() == is_kept {
                            window(done, start - end)
                        } else {
                            window(other.lines.pairs(), start)
                        },
                        magnitude: kept.map_or(&held_magnitudes[slot as usize], |number| {
                            &kept_magnitudes[number as usize]
                        }),
                    }
                }
                Operand::Tip { .. } | Operand::Nothing => self.tips[index].side(),
            };
            let climb = task.climb(join);
            let (sides, pairs) = ([side(0), side(1)], &mut out[area.start..][..classes.n_classes]);
            value::combine(simd, classes, &stretch.indices, &climb, sides, pairs, &mut magnitude)?;
            starts[number] = area.start;
            match classes.kept {
                Some(number) => kept_magnitudes[number as usize] = magnitude,
                None => {
                    if !magnitude.rescaled.is_empty() {
                        self.scaled.push((number, magnitude.rescaled.clone()));
                    }
                    held_magnitudes[join.slot as usize] = magnitude;
                }
            }
        }
        Ok(())
    }

    /// Returns the last join's results after [`record`](Self::record).
    pub(super) fn root(&self, joins: &Joins, stretch: &Stretch) -> Option<Side<'_>> {
        let last = joins.list.len().checked_sub(1)?;
        Some(self.results.side(joins, stretch, last as u32))
    }

    /// Adds the derivatives of every branch to `adjoint` (`[n_nodes]`), given those of the root's classes; after
    /// [`record`](Self::record).
    #[inline(always)]
    pub(super) fn play_back<S: Simd>(
        &mut self,
        simd: S,
        task: Task,
        root: impl Iterator<Item = Pair>,
        adjoint: &mut [Transition],
    ) -> Result<(), Drifted> {
        let Task { joins, stretch, .. } = task;
        let Some(last) = joins.list.last() else { return Ok(()) };
        if let Some(table) = &mut self.adjoints[last.slot as usize] {
            for (entry, pair) in table.iter_mut().zip(root) {
                *entry = pair;
            }
        }
        for segment in stretch.segments.iter().rev() {
            if segment.end < joins.list.len() {
                self.compute(simd, task, segment, false)?;
            }
            for number in segment.clone().rev() {
                self.pull(simd, task, number, adjoint);
            }
        }
        Ok(())
    }

    /// Sends the adjoint of a join to its sides, and adds that of its branch and of tips below it to `adjoint`.
    #[inline(always)]
    fn pull<S: Simd>(&mut self, simd: S, task: Task, number: usize, adjoint: &mut [Transition]) {
        let Task { joins, stretch, .. } = task;
        let (join, classes) = task.join(number);
        let sides = classes.sides(join);
        let Some(mut own) = self.adjoints[join.slot as usize].take() else {
            unreachable!("its parent came first")
        };
        if let Some(kept) = classes.kept {
            put_back(&mut *own, &self.results.kept_magnitudes[kept as usize].rescaled);
        } else if let Some((_, counts)) = self.scaled.pop_if(|(scaled, _)| *scaled == number) {
            put_back(&mut *own, &counts);
        }
        task.load_tips(sides, &mut self.tips);
        let mut targets = [0, 1].map(|side| self.adjoint(joins, sides[side], side).take());
        let sizes = sides.map(|operand| match operand {
            Operand::Join(below) => stretch.joins[below as usize].n_classes,
            Operand::Tip { .. } => 3,
            Operand::Nothing => 0,
        });
        let [Some(to_left), Some(to_right)] = &mut targets else {
            unreachable!("operands have slots of their own")
        };
        for (operand, table) in sides.into_iter().zip([&mut *to_left, &mut *to_right]) {
            if let Operand::Tip { .. } = operand {
                table[..3].fill([0.0; 2]);
            }
        }
        let value = |side: usize| match sides[side] {
            Operand::Join(below) => self.results.side(joins, stretch, below).pairs,
            Operand::Tip { .. } | Operand::Nothing => &*self.tips[side].pairs,
        };
        let branch = Branch {
            climb: task.climb(join),
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
            if let (Operand::Tip { node, .. }, Some(table)) = (sides[side], &target) {
                add(&mut adjoint[node as usize], of_tip(table));
            }
            *self.adjoint(joins, sides[side], side) = target;
        }
        self.adjoints[join.slot as usize] = Some(own);
    }

    /// Returns where the adjoint of an operand stands.
    #[inline(always)]
    fn adjoint(&mut self, joins: &Joins, operand: Operand, side: usize) -> &mut Option<Table> {
        match operand {
            Operand::Join(below) => &mut self.adjoints[joins.list[below as usize].slot as usize],
            Operand::Tip { .. } | Operand::Nothing => &mut self.tip_adjoints[side],
        }
    }
}

/// Puts the powers of 2^200 back by which classes were scaled up.
#[inline(always)]
fn put_back(adjoints: &mut [Pair], counts: &[u8]) {
    for (pair, &count) in adjoints.iter_mut().zip(counts) {
        if count > 0 {
            let factor = UP.powi(i32::from(count));
            *pair = [pair[0] * factor, pair[1] * factor];
        }
    }
}

/// Returns the derivative of a tip's branch from the adjoint of what climbs from it.
///
/// Columns of P are what climbs from an absent and from a present tip; a missing tip is their sum.
#[inline(always)]
fn of_tip(table: &Table) -> Transition {
    let [absent, present, missing] = [0, 1, 2].map(|class| table[class]);
    let entry = |observed: Pair, state: usize| observed[state] + missing[state];
    [entry(absent, 0), entry(present, 0), entry(absent, 1), entry(present, 1)]
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
