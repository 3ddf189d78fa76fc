//! From the tips to the root with a table of exponentials.

use super::joins::{End, Kind, Step};
use super::link::{Branch, Link, Pair, eighth_of};
use super::table::{Chain, Entry};
use super::wide::LANES;
use crate::kernel::dispatch::Simd;
use crate::kernel::prune::Lanes;
use crate::kernel::scaled::THRESHOLD;

/// What is climbed: a tree, the rates of some lanes and the states of its tips.
pub(super) struct Course<'a, const W: usize> {
    pub(super) steps: &'a [Step],
    /// The number of the allowance whose checks are made.
    allowance: u8,
    /// `[n_sets]`.
    pub(super) chains: &'a [Chain<W>],
    /// `[n_nodes]`.
    set_of_branch: &'a [u32],
    lanes: Lanes<'a>,
    /// Whether there is one set of rates, and tips record without error.
    is_certain: bool,
    /// Whether moreover no cell is missing.
    is_plain: bool,
}

impl<'a, const W: usize> Course<'a, W> {
    #[inline(always)]
    pub(super) fn new(
        steps: &'a [Step],
        allowance: u8,
        chains: &'a [Chain<W>],
        set_of_branch: &'a [u32],
        lanes: Lanes<'a>,
    ) -> Self {
        let is_certain = chains.len() == 1 && !lanes.has_recordings();
        Self {
            steps,
            allowance,
            chains,
            set_of_branch,
            lanes,
            is_certain,
            is_plain: is_certain && !lanes.has_missing(),
        }
    }

    /// Returns whether values must be looked at after a join.
    #[inline(always)]
    pub(super) fn is_checked(&self, step: &Step) -> bool {
        step.is_checked(self.allowance)
    }

    /// Returns which loop a join takes, given its tips; each loop knows one set of rates and tips that are certain.
    #[inline(always)]
    pub(super) fn kind(&self, step: &Step) -> Kind {
        if self.is_plain || (self.is_certain && !self.has_missing(step, 0) && !self.has_missing(step, 1)) {
            step.kind
        } else {
            Kind::Other
        }
    }

    #[inline(always)]
    fn has_missing(&self, step: &Step, end: usize) -> bool {
        step.ends[end] == End::Tip && self.lanes.tip::<W>(step.from[end] as usize).missing != 0
    }

    /// Returns the lanes in which a tip is present, in the lowest bits, and others above them.
    #[inline(always)]
    pub(super) fn present(&self, step: &Step, end: usize) -> u64 {
        self.lanes.present(step.from[end] as usize)
    }

    /// Returns the set of rates of a branch.
    #[inline(always)]
    pub(super) fn set(&self, step: &Step, end: usize) -> usize {
        if self.chains.len() == 1 {
            0
        } else {
            self.set_of_branch[step.node[end] as usize] as usize
        }
    }

    /// Returns an end of a join in any case.
    #[inline(always)]
    pub(super) fn branch(&self, step: &Step, end: usize) -> Branch<'_, W> {
        let is_tip = step.ends[end] == End::Tip;
        Branch {
            end: step.ends[end],
            chain: &self.chains[self.set(step, end)],
            entry: step.entry[end],
            rest: step.rest[end],
            length: step.length[end],
            tip: self.lanes.tip::<W>(if is_tip { step.from[end] as usize } else { 0 }),
        }
    }
}

/// How often lanes were halved, and whether that sufficed.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Scaling<const W: usize> {
    /// log2 of what values are to be multiplied with.
    pub(super) exponent: [f64; W],
    /// The smallest positive state beside one of 1.
    least: [f64; W],
}

impl<const W: usize> Scaling<W> {
    pub(super) const NONE: Self = Self {
        exponent: [0.0; W],
        least: [1.0; W],
    };

    /// Makes the larger state of each lane a number in [1, 2), and writes the powers of two that this takes.
    #[inline(always)]
    pub(super) fn normalise(&mut self, pair: &mut Pair<W>, factors: Option<&mut [f64; W]>) {
        let mut own = [0.0; W];
        let factors = factors.unwrap_or(&mut own);
        for (lane, kept_factor) in factors.iter_mut().enumerate() {
            let (x, y) = (pair.absent[lane], pair.present[lane]);
            let larger = if x > y { x } else { y };
            let biased = larger.to_bits() >> 52;
            let factor = f64::from_bits((2046 - biased) << 52);
            // 2^52 + biased, without a conversion of integers, which not every instruction set has.
            self.exponent[lane] += f64::from_bits(0x4330_0000_0000_0000 | biased) - (4_503_599_627_370_496.0 + 1023.0);
            let (x, y) = (x * factor, y * factor);
            pair.absent[lane] = x;
            pair.present[lane] = y;
            *kept_factor = factor;
            let (x, y) = (if x > 0.0 { x } else { 1.0 }, if y > 0.0 { y } else { 1.0 });
            let smaller = if x < y { x } else { y };
            self.least[lane] = if smaller < self.least[lane] {
                smaller
            } else {
                self.least[lane]
            };
        }
    }

    /// Returns whether no state has become so small beside the other that it may have been lost.
    #[inline(always)]
    pub(super) fn has_sufficed(&self) -> bool {
        self.least.iter().fold(1.0, |a: f64, &b| if b < a { b } else { a }) >= THRESHOLD
    }
}

/// Leaves the partial of the root in the first of `slots`.
#[inline(always)]
pub(super) fn climb<S: Simd, const W: usize>(
    simd: S,
    course: &Course<W>,
    slots: &mut [Pair<W>],
    links: &mut [Link<W>; 2],
    scaling: &mut Scaling<W>,
) {
    for step in course.steps {
        let (below, above) = slots.split_at_mut(step.slot as usize + 1);
        let out = &mut below[step.slot as usize];
        let kind = course.kind(step);
        match kind {
            Kind::Other => {
                let [left, right] = &mut *links;
                left.set(simd, &course.branch(step, 0), out);
                right.set(simd, &course.branch(step, 1), above.first().unwrap_or(out));
                multiply(simd, &left.sent, &right.sent, out);
            }
            Kind::Cherry | Kind::Ladder | Kind::Fork => {
                let chain = &course.chains[0];
                let entries = [chain.entry(step.entry[0]), chain.entry(step.entry[1])];
                match kind {
                    Kind::Cherry => {
                        let bits = [course.present(step, 0), course.present(step, 1)];
                        cherry(simd, chain, entries, step.rest, bits, out);
                    }
                    Kind::Ladder => ladder(simd, chain, entries, step.rest, course.present(step, 1), out),
                    _ => fork(simd, chain, entries, step.rest, &above[0], out),
                }
            }
        }
        if course.is_checked(step) {
            scaling.normalise(out, None);
        }
    }
}

#[inline(always)]
pub(super) fn multiply<S: Simd, const W: usize>(simd: S, left: &Pair<W>, right: &Pair<W>, out: &mut Pair<W>) {
    for eighth in 0..W / LANES {
        out.store_product(left.load(simd, eighth), right.load(simd, eighth), eighth);
    }
}

#[inline(always)]
fn cherry<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    entries: [&Entry<W>; 2],
    rest: [f64; 2],
    bits: [u64; 2],
    out: &mut Pair<W>,
) {
    for eighth in 0..W / LANES {
        let rates = chain.rates(simd, eighth);
        let left = rates.settled(simd, entries[0], rest[0], eighth);
        let right = rates.settled(simd, entries[1], rest[1], eighth);
        let left = rates.send_tip(left, eighth_of(bits[0], eighth));
        let right = rates.send_tip(right, eighth_of(bits[1], eighth));
        out.store_product(left, right, eighth);
    }
}

#[inline(always)]
fn ladder<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    entries: [&Entry<W>; 2],
    rest: [f64; 2],
    bits: u64,
    out: &mut Pair<W>,
) {
    for eighth in 0..W / LANES {
        let rates = chain.rates(simd, eighth);
        let left = rates.settled(simd, entries[0], rest[0], eighth);
        let right = rates.settled(simd, entries[1], rest[1], eighth);
        let left = rates.send(left, out.load(simd, eighth));
        let right = rates.send_tip(right, eighth_of(bits, eighth));
        out.store_product(left, right, eighth);
    }
}

#[inline(always)]
fn fork<S: Simd, const W: usize>(
    simd: S,
    chain: &Chain<W>,
    entries: [&Entry<W>; 2],
    rest: [f64; 2],
    right_child: &Pair<W>,
    out: &mut Pair<W>,
) {
    for eighth in 0..W / LANES {
        let rates = chain.rates(simd, eighth);
        let left = rates.settled(simd, entries[0], rest[0], eighth);
        let right = rates.settled(simd, entries[1], rest[1], eighth);
        let left = rates.send(left, out.load(simd, eighth));
        let right = rates.send(right, right_child.load(simd, eighth));
        out.store_product(left, right, eighth);
    }
}
