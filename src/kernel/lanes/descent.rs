//! Up and down the tree with a table of exponentials, for derivatives by the rates.
//!
//! On the way up the partial of every join and `phi` of every branch are kept; on the way down the derivatives by each
//! partial take its place. What the two ends of a join send up is computed again: that costs less than to fetch it from
//! beyond the first-level cache.

use super::ascent::{Course, Scaling, multiply};
use super::joins::{Kind, Step};
use super::link::{Link, Pair, Sums, send, send_tip};
use super::table::{Chain, Entry};

/// What is kept of a join.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Record<const W: usize> {
    /// `phi` of both branches; not written for [`Kind::Other`].
    settled: [[f64; W]; 2],
}

impl<const W: usize> Record<W> {
    pub(super) fn empty() -> Self {
        Self { settled: [[0.0; W]; 2] }
    }
}

/// What is kept of a tree, `[n_joins]`.
pub(super) struct Kept<const W: usize> {
    /// The partial of each join, later the derivatives by it.
    pub(super) partials: Vec<Pair<W>>,
    pub(super) records: Vec<Record<W>>,
    /// What the partials of checked joins were multiplied with, in order.
    factors: Vec<[f64; W]>,
    links: [Link<W>; 2],
}

impl<const W: usize> Kept<W> {
    pub(super) fn new(n_joins: usize) -> Self {
        Self {
            partials: vec![Pair::ones(); n_joins],
            records: vec![Record::empty(); n_joins],
            factors: Vec::with_capacity(n_joins),
            links: [Link::idle(), Link::idle()],
        }
    }

    /// Returns the partial of the root, or the place for the derivatives by it.
    pub(super) fn root(&mut self) -> &mut Pair<W> {
        let last = self.partials.len() - 1;
        &mut self.partials[last]
    }

    /// Computes the partial of every join.
    #[inline(always)]
    pub(super) fn climb(&mut self, course: &Course<W>, scaling: &mut Scaling<W>) {
        self.factors.clear();
        let Self {
            partials,
            records,
            factors,
            links,
        } = self;
        for (number, (step, record)) in course.steps.iter().zip(records).enumerate() {
            let (below, out) = partials.split_at_mut(number);
            let out = &mut out[0];
            let kind = course.kind(step);
            match kind {
                Kind::Other => {
                    let [left, right] = &mut *links;
                    let of = |end: usize| below.get(step.from[end] as usize);
                    left.set(&course.branch(step, 0), of(0).unwrap_or(out));
                    right.set(&course.branch(step, 1), of(1).unwrap_or(out));
                    multiply(&left.sent, &right.sent, out);
                }
                Kind::Cherry | Kind::Ladder | Kind::Fork => {
                    let chain = &course.chains[0];
                    let entries = [chain.entry(step.entry[0]), chain.entry(step.entry[1])];
                    match kind {
                        Kind::Cherry => {
                            let bits = [course.present(step, 0), course.present(step, 1)];
                            climb_cherry(chain, entries, step.rest, bits, record, out);
                        }
                        Kind::Ladder => {
                            let (left, bits) = (&below[step.from[0] as usize], course.present(step, 1));
                            climb_ladder(chain, entries, step.rest, left, bits, record, out);
                        }
                        _ => {
                            let (left, right) = (&below[step.from[0] as usize], &below[number - 1]);
                            climb_fork(chain, entries, step.rest, [left, right], record, out);
                        }
                    }
                }
            }
            if course.is_checked(step) {
                let mut own = [0.0; W];
                scaling.normalise(out, Some(&mut own));
                factors.push(own);
            }
        }
    }

    /// Adds what the branches contribute to the derivatives of the rates, given those by the root's partial.
    #[inline(always)]
    pub(super) fn descend(&mut self, course: &Course<W>, sums: &mut [Sums<W>]) {
        let Self {
            partials,
            records,
            factors,
            links,
        } = self;
        for (number, (step, record)) in course.steps.iter().zip(records).enumerate().rev() {
            let (below, above) = partials.split_at_mut(number);
            let above = &mut above[0];
            if course.is_checked(step)
                && let Some(factor) = factors.pop()
            {
                for lane in 0..W {
                    above.absent[lane] *= factor[lane];
                    above.present[lane] *= factor[lane];
                }
            }
            let kind = course.kind(step);
            if kind == Kind::Other {
                descend_other(course, step, links, above, below, sums);
                continue;
            }
            let (chain, sums) = (&course.chains[0], &mut sums[0]);
            match kind {
                Kind::Cherry => {
                    let bits = [course.present(step, 0), course.present(step, 1)];
                    descend_cherry(chain, step.length, record, bits, above, sums);
                }
                Kind::Ladder => {
                    let (left, bits) = (&mut below[step.from[0] as usize], course.present(step, 1));
                    descend_ladder(chain, step.length, record, bits, above, left, sums);
                }
                _ => {
                    let (left, right) = below.split_at_mut(number - 1);
                    let (left, right) = (&mut left[step.from[0] as usize], &mut right[0]);
                    descend_fork(chain, step.length, record, above, left, right, sums);
                }
            }
        }
    }
}

#[inline(always)]
fn descend_other<const W: usize>(
    course: &Course<W>,
    step: &Step,
    links: &mut [Link<W>; 2],
    above: &mut Pair<W>,
    below: &mut [Pair<W>],
    sums: &mut [Sums<W>],
) {
    let branches = [course.branch(step, 0), course.branch(step, 1)];
    let [left, right] = links;
    let mut idle = Pair::ones();
    for (end, link) in [&mut *left, &mut *right].into_iter().enumerate() {
        link.set(&branches[end], below.get(step.from[end] as usize).unwrap_or(&idle));
    }
    for (end, link, sibling) in [(0, &*left, &right.sent), (1, &*right, &left.sent)] {
        let own = below.get_mut(step.from[end] as usize).unwrap_or(&mut idle);
        link.absorb(&branches[end], above, sibling, own, &mut sums[course.set(step, end)]);
    }
}

#[inline(always)]
fn is_present(bits: u64, lane: usize) -> bool {
    bits & (1 << lane) != 0
}

#[inline(always)]
fn climb_cherry<const W: usize>(
    chain: &Chain<W>,
    entries: [&Entry<W>; 2],
    rest: [f64; 2],
    bits: [u64; 2],
    record: &mut Record<W>,
    out: &mut Pair<W>,
) {
    for lane in 0..W {
        let left = chain.settled(entries[0], rest[0], lane);
        let right = chain.settled(entries[1], rest[1], lane);
        record.settled[0][lane] = left;
        record.settled[1][lane] = right;
        let left = send_tip(chain, left, is_present(bits[0], lane), lane);
        let right = send_tip(chain, right, is_present(bits[1], lane), lane);
        out.absent[lane] = left[0] * right[0];
        out.present[lane] = left[1] * right[1];
    }
}

#[inline(always)]
fn climb_ladder<const W: usize>(
    chain: &Chain<W>,
    entries: [&Entry<W>; 2],
    rest: [f64; 2],
    left_child: &Pair<W>,
    bits: u64,
    record: &mut Record<W>,
    out: &mut Pair<W>,
) {
    for lane in 0..W {
        let left = chain.settled(entries[0], rest[0], lane);
        let right = chain.settled(entries[1], rest[1], lane);
        record.settled[0][lane] = left;
        record.settled[1][lane] = right;
        let left = send(chain, left, [left_child.absent[lane], left_child.present[lane]], lane);
        let right = send_tip(chain, right, is_present(bits, lane), lane);
        out.absent[lane] = left[0] * right[0];
        out.present[lane] = left[1] * right[1];
    }
}

#[inline(always)]
fn climb_fork<const W: usize>(
    chain: &Chain<W>,
    entries: [&Entry<W>; 2],
    rest: [f64; 2],
    children: [&Pair<W>; 2],
    record: &mut Record<W>,
    out: &mut Pair<W>,
) {
    let [left_child, right_child] = children;
    for lane in 0..W {
        let left = chain.settled(entries[0], rest[0], lane);
        let right = chain.settled(entries[1], rest[1], lane);
        record.settled[0][lane] = left;
        record.settled[1][lane] = right;
        let left = send(chain, left, [left_child.absent[lane], left_child.present[lane]], lane);
        let right = send(
            chain,
            right,
            [right_child.absent[lane], right_child.present[lane]],
            lane,
        );
        out.absent[lane] = left[0] * right[0];
        out.present[lane] = left[1] * right[1];
    }
}

/// Adds the contributions of a branch in the table above a node, and returns the derivatives by what is below it.
#[inline(always)]
fn absorb<const W: usize>(
    chain: &Chain<W>,
    length: f64,
    settled: f64,
    outer: [f64; 2],
    difference: f64,
    lane: usize,
    sums: &mut Sums<W>,
) -> [f64; 2] {
    let flow = (-chain.loss[lane]).mul_add(outer[1], chain.gain[lane] * outer[0]);
    let (moved, slope) = (settled * difference, flow * length);
    sums.flow[lane] = (outer[0] + outer[1]).mul_add(moved, sums.flow[lane]);
    sums.plain[lane] = slope.mul_add(difference, sums.plain[lane]);
    sums.settled[lane] = slope.mul_add(moved, sums.settled[lane]);
    let exchanged = settled * flow;
    [outer[0] - exchanged, outer[1] + exchanged]
}

/// As [`absorb`] above a tip, where the difference is 1 or -1.
#[inline(always)]
fn absorb_tip<const W: usize>(
    chain: &Chain<W>,
    length: f64,
    settled: f64,
    outer: [f64; 2],
    present: bool,
    lane: usize,
    sums: &mut Sums<W>,
) {
    let flow = (-chain.loss[lane]).mul_add(outer[1], chain.gain[lane] * outer[0]);
    let (slope, both) = (flow * length, outer[0] + outer[1]);
    let (slope, both) = (if present { slope } else { -slope }, if present { both } else { -both });
    sums.flow[lane] = both.mul_add(settled, sums.flow[lane]);
    sums.plain[lane] += slope;
    sums.settled[lane] = slope.mul_add(settled, sums.settled[lane]);
}

#[inline(always)]
fn descend_cherry<const W: usize>(
    chain: &Chain<W>,
    length: [f64; 2],
    record: &Record<W>,
    bits: [u64; 2],
    above: &Pair<W>,
    sums: &mut Sums<W>,
) {
    for lane in 0..W {
        let settled = [record.settled[0][lane], record.settled[1][lane]];
        let present = [is_present(bits[0], lane), is_present(bits[1], lane)];
        let left = send_tip(chain, settled[0], present[0], lane);
        let right = send_tip(chain, settled[1], present[1], lane);
        let above = [above.absent[lane], above.present[lane]];
        let outer = [above[0] * right[0], above[1] * right[1]];
        absorb_tip(chain, length[0], settled[0], outer, present[0], lane, sums);
        let outer = [above[0] * left[0], above[1] * left[1]];
        absorb_tip(chain, length[1], settled[1], outer, present[1], lane, sums);
    }
}

#[inline(always)]
fn descend_ladder<const W: usize>(
    chain: &Chain<W>,
    length: [f64; 2],
    record: &Record<W>,
    bits: u64,
    above: &Pair<W>,
    left_child: &mut Pair<W>,
    sums: &mut Sums<W>,
) {
    for lane in 0..W {
        let settled = [record.settled[0][lane], record.settled[1][lane]];
        let present = is_present(bits, lane);
        let below = [left_child.absent[lane], left_child.present[lane]];
        let left = send(chain, settled[0], below, lane);
        let right = send_tip(chain, settled[1], present, lane);
        let above = [above.absent[lane], above.present[lane]];
        let outer = [above[0] * right[0], above[1] * right[1]];
        let [absent, present_below] = absorb(chain, length[0], settled[0], outer, below[1] - below[0], lane, sums);
        left_child.absent[lane] = absent;
        left_child.present[lane] = present_below;
        let outer = [above[0] * left[0], above[1] * left[1]];
        absorb_tip(chain, length[1], settled[1], outer, present, lane, sums);
    }
}

#[inline(always)]
fn descend_fork<const W: usize>(
    chain: &Chain<W>,
    length: [f64; 2],
    record: &Record<W>,
    above: &Pair<W>,
    left_child: &mut Pair<W>,
    right_child: &mut Pair<W>,
    sums: &mut Sums<W>,
) {
    for lane in 0..W {
        let settled = [record.settled[0][lane], record.settled[1][lane]];
        let below_left = [left_child.absent[lane], left_child.present[lane]];
        let below_right = [right_child.absent[lane], right_child.present[lane]];
        let left = send(chain, settled[0], below_left, lane);
        let right = send(chain, settled[1], below_right, lane);
        let above = [above.absent[lane], above.present[lane]];
        let outer = [above[0] * right[0], above[1] * right[1]];
        let difference = below_left[1] - below_left[0];
        let [absent, present] = absorb(chain, length[0], settled[0], outer, difference, lane, sums);
        left_child.absent[lane] = absent;
        left_child.present[lane] = present;
        let outer = [above[0] * left[0], above[1] * left[1]];
        let difference = below_right[1] - below_right[0];
        let [absent, present] = absorb(chain, length[1], settled[1], outer, difference, lane, sums);
        right_child.absent[lane] = absent;
        right_child.present[lane] = present;
    }
}
