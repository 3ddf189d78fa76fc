//! Up and down the tree with a table of exponentials, for derivatives by the rates.
//!
//! On the way up the partial of every join and `phi` of every branch are kept; on the way down the derivatives by each
//! partial take its place. What the two ends of a join send up is computed again: that costs less than to fetch it from
//! beyond the first-level cache.

use super::ascent::{Course, Scaling, multiply};
use super::joins::{Kind, Step};
use super::link::{Link, Pair, eighth_of};
use super::sums::{Sums, Totals};
use super::table::{Chain, Rates};
use super::wide::{LANES, Wide};
use crate::kernel::dispatch::Simd;

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
    pub(super) fn climb<S: Simd>(&mut self, simd: S, course: &Course<W>, scaling: &mut Scaling<W>) {
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
                    left.set(simd, &course.branch(step, 0), of(0).unwrap_or(out));
                    right.set(simd, &course.branch(step, 1), of(1).unwrap_or(out));
                    multiply(simd, &left.sent, &right.sent, out);
                }
                Kind::Cherry | Kind::Ladder | Kind::Fork => {
                    let chain = &course.chains[0];
                    match kind {
                        Kind::Cherry => {
                            let bits = [course.present(step, 0), course.present(step, 1)];
                            climb_cherry(simd, chain, step, bits, record, out);
                        }
                        Kind::Ladder => {
                            let (left, bits) = (&below[step.from[0] as usize], course.present(step, 1));
                            climb_ladder(simd, chain, step, left, bits, record, out);
                        }
                        _ => {
                            let (left, right) = (&below[step.from[0] as usize], &below[number - 1]);
                            climb_fork(simd, chain, step, [left, right], record, out);
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
    pub(super) fn descend<S: Simd>(&mut self, simd: S, course: &Course<W>, sums: &mut [Sums<W>]) {
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
                for (lane, factor) in factor.into_iter().enumerate() {
                    above.absent[lane] *= factor;
                    above.present[lane] *= factor;
                }
            }
            let kind = course.kind(step);
            if kind == Kind::Other {
                descend_other(simd, course, step, links, above, below, sums);
                continue;
            }
            let (chain, sums) = (&course.chains[0], &mut sums[0]);
            let bits = match kind {
                Kind::Cherry => [course.present(step, 0), course.present(step, 1)],
                Kind::Ladder => [0, course.present(step, 1)],
                _ => [0; 2],
            };
            let joined = Joined {
                record,
                length: step.length,
                bits,
            };
            match kind {
                Kind::Cherry => descend_cherry(simd, chain, &joined, above, sums),
                Kind::Ladder => {
                    let left = &mut below[step.from[0] as usize];
                    descend_ladder(simd, chain, &joined, above, left, sums);
                }
                _ => {
                    let (left, right) = below.split_at_mut(number - 1);
                    let (left, right) = (&mut left[step.from[0] as usize], &mut right[0]);
                    descend_fork(simd, chain, &joined, above, left, right, sums);
                }
            }
        }
    }
}

#[inline(always)]
fn descend_other<S: Simd, const W: usize>(
    simd: S,
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
        link.set(
            simd,
            &branches[end],
            below.get(step.from[end] as usize).unwrap_or(&idle),
        );
    }
    for (end, link, sibling) in [(0, &*left, &right.sent), (1, &*right, &left.sent)] {
        let own = below.get_mut(step.from[end] as usize).unwrap_or(&mut idle);
        link.absorb(
            simd,
            &branches[end],
            above,
            sibling,
            own,
            &mut sums[course.set(step, end)],
        );
    }
}

#[inline(always)]
fn climb_cherry<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    step: &Step,
    bits: [u64; 2],
    record: &mut Record<W>,
    out: &mut Pair<W>,
) {
    for eighth in 0..W / LANES {
        let rates = chain.rates(simd, eighth);
        let settled = record.settle(simd, chain, &rates, step, eighth);
        let left = rates.send_tip(settled[0], eighth_of(bits[0], eighth));
        let right = rates.send_tip(settled[1], eighth_of(bits[1], eighth));
        out.store_product(left, right, eighth);
    }
}

#[inline(always)]
fn climb_ladder<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    step: &Step,
    left_child: &Pair<W>,
    bits: u64,
    record: &mut Record<W>,
    out: &mut Pair<W>,
) {
    for eighth in 0..W / LANES {
        let rates = chain.rates(simd, eighth);
        let settled = record.settle(simd, chain, &rates, step, eighth);
        let left = rates.send(settled[0], left_child.load(simd, eighth));
        let right = rates.send_tip(settled[1], eighth_of(bits, eighth));
        out.store_product(left, right, eighth);
    }
}

#[inline(always)]
fn climb_fork<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    step: &Step,
    children: [&Pair<W>; 2],
    record: &mut Record<W>,
    out: &mut Pair<W>,
) {
    for eighth in 0..W / LANES {
        let rates = chain.rates(simd, eighth);
        let settled = record.settle(simd, chain, &rates, step, eighth);
        let left = rates.send(settled[0], children[0].load(simd, eighth));
        let right = rates.send(settled[1], children[1].load(simd, eighth));
        out.store_product(left, right, eighth);
    }
}

impl<const W: usize> Record<W> {
    /// Computes `phi` of both branches, and keeps it.
    #[inline(always)]
    fn settle<S: Simd>(
        &mut self,
        simd: S,
        chain: &Chain<W>,
        rates: &Rates<S>,
        step: &Step,
        eighth: usize,
    ) -> [Wide<S>; 2] {
        let left = rates.settled(simd, chain.entry(step.entry[0]), step.rest[0], eighth);
        let right = rates.settled(simd, chain.entry(step.entry[1]), step.rest[1], eighth);
        left.store(&mut self.settled[0], eighth);
        right.store(&mut self.settled[1], eighth);
        [left, right]
    }

    #[inline(always)]
    fn load<S: Simd>(&self, simd: S, eighth: usize) -> [Wide<S>; 2] {
        [
            Wide::load(simd, &self.settled[0], eighth),
            Wide::load(simd, &self.settled[1], eighth),
        ]
    }
}

/// What is known of a join on the way down.
struct Joined<'a, const W: usize> {
    record: &'a Record<W>,
    length: [f64; 2],
    /// In which lanes a tip is present, from the lowest bit on; unread for a node.
    bits: [u64; 2],
}

#[inline(always)]
fn product<S: Simd>(a: [Wide<S>; 2], b: [Wide<S>; 2]) -> [Wide<S>; 2] {
    [a[0] * b[0], a[1] * b[1]]
}

#[inline(always)]
fn descend_cherry<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    joined: &Joined<W>,
    above: &Pair<W>,
    sums: &mut Sums<W>,
) {
    let length = [Wide::splat(simd, joined.length[0]), Wide::splat(simd, joined.length[1])];
    for eighth in 0..W / LANES {
        let (rates, mut totals) = (chain.rates(simd, eighth), Totals::load(simd, sums, eighth));
        let (settled, above) = (joined.record.load(simd, eighth), above.load(simd, eighth));
        let present = [eighth_of(joined.bits[0], eighth), eighth_of(joined.bits[1], eighth)];
        let left = rates.send_tip(settled[0], present[0]);
        let right = rates.send_tip(settled[1], present[1]);
        totals.absorb_tip(&rates, length[0], settled[0], product(above, right), present[0]);
        totals.absorb_tip(&rates, length[1], settled[1], product(above, left), present[1]);
        totals.store(sums, eighth);
    }
}

#[inline(always)]
fn descend_ladder<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    joined: &Joined<W>,
    above: &Pair<W>,
    left_child: &mut Pair<W>,
    sums: &mut Sums<W>,
) {
    let length = [Wide::splat(simd, joined.length[0]), Wide::splat(simd, joined.length[1])];
    for eighth in 0..W / LANES {
        let (rates, mut totals) = (chain.rates(simd, eighth), Totals::load(simd, sums, eighth));
        let (settled, above) = (joined.record.load(simd, eighth), above.load(simd, eighth));
        let (below, present) = (left_child.load(simd, eighth), eighth_of(joined.bits[1], eighth));
        let left = rates.send(settled[0], below);
        let right = rates.send_tip(settled[1], present);
        let by_left = totals.absorb(&rates, length[0], settled[0], product(above, right), below);
        left_child.store(by_left, eighth);
        totals.absorb_tip(&rates, length[1], settled[1], product(above, left), present);
        totals.store(sums, eighth);
    }
}

#[inline(always)]
fn descend_fork<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    joined: &Joined<W>,
    above: &Pair<W>,
    left_child: &mut Pair<W>,
    right_child: &mut Pair<W>,
    sums: &mut Sums<W>,
) {
    let length = [Wide::splat(simd, joined.length[0]), Wide::splat(simd, joined.length[1])];
    for eighth in 0..W / LANES {
        let (rates, mut totals) = (chain.rates(simd, eighth), Totals::load(simd, sums, eighth));
        let (settled, above) = (joined.record.load(simd, eighth), above.load(simd, eighth));
        let below = [left_child.load(simd, eighth), right_child.load(simd, eighth)];
        let left = rates.send(settled[0], below[0]);
        let right = rates.send(settled[1], below[1]);
        let by_left = totals.absorb(&rates, length[0], settled[0], product(above, right), below[0]);
        left_child.store(by_left, eighth);
        let by_right = totals.absorb(&rates, length[1], settled[1], product(above, left), below[1]);
        right_child.store(by_right, eighth);
        totals.store(sums, eighth);
    }
}
