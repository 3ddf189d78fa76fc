//! What one branch does to partials, in whole lanes and in any case: tips and nodes, missing cells, recordings with
//! errors, branches in the table and beyond it.

use super::joins::{End, LONG};
use super::sums::Sums;
use super::table::{Chain, Rates};
use super::wide::{LANES, Wide};
use crate::kernel::dispatch::Simd;
use crate::kernel::observation::Tip;

/// Likelihoods given state 0 and state 1, or derivatives with respect to them.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Pair<const W: usize> {
    pub(super) absent: [f64; W],
    pub(super) present: [f64; W],
}

impl<const W: usize> Pair<W> {
    pub(super) fn ones() -> Self {
        Self {
            absent: [1.0; W],
            present: [1.0; W],
        }
    }

    /// Returns eight lanes of both states.
    #[inline(always)]
    pub(super) fn load<S: Simd>(&self, simd: S, eighth: usize) -> [Wide<S>; 2] {
        [
            Wide::load(simd, &self.absent, eighth),
            Wide::load(simd, &self.present, eighth),
        ]
    }

    /// Writes eight lanes of both states.
    #[inline(always)]
    pub(super) fn store<S: Simd>(&mut self, [absent, present]: [Wide<S>; 2], eighth: usize) {
        absent.store(&mut self.absent, eighth);
        present.store(&mut self.present, eighth);
    }

    /// Writes the products of eight lanes of two others.
    #[inline(always)]
    pub(super) fn store_product<S: Simd>(&mut self, a: [Wide<S>; 2], b: [Wide<S>; 2], eighth: usize) {
        self.store([a[0] * b[0], a[1] * b[1]], eighth);
    }
}

/// One end of a join: where its branch begins, and which it is.
#[derive(Clone, Copy)]
pub(super) struct Branch<'a, const W: usize> {
    pub(super) end: End,
    pub(super) chain: &'a Chain<W>,
    pub(super) entry: u8,
    pub(super) rest: f64,
    pub(super) length: f64,
    /// Read if the end is a tip.
    pub(super) tip: Tip<'a>,
}

/// What a branch sends up, and what it is made of.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Link<const W: usize> {
    pub(super) sent: Pair<W>,
    /// `phi` of the length.
    settled: [f64; W],
    /// `exp(-s t)`.
    kept: [f64; W],
}

impl<const W: usize> Link<W> {
    pub(super) fn idle() -> Self {
        Self {
            sent: Pair::ones(),
            settled: [0.0; W],
            kept: [1.0; W],
        }
    }

    /// Becomes what a branch sends up, given what is below it (unread for a tip).
    #[inline(always)]
    pub(super) fn set<S: Simd>(&mut self, simd: S, branch: &Branch<W>, below: &Pair<W>) {
        match branch.end {
            End::Nothing => self.sent = Pair::ones(),
            End::Here => self.sent.clone_from(below),
            End::Node => self.send(simd, branch, below),
            End::Tip => {
                let tip = branch.tip;
                let mut observed = Pair::ones();
                for lane in 0..W {
                    let [absent, present] = tip.partial(lane);
                    observed.absent[lane] = absent;
                    observed.present[lane] = present;
                }
                self.send(simd, branch, &observed);
                if tip.missing != 0 {
                    self.forget(simd, tip);
                }
            }
        }
    }

    #[inline(always)]
    fn send<S: Simd>(&mut self, simd: S, branch: &Branch<W>, below: &Pair<W>) {
        let chain = branch.chain;
        if branch.entry == LONG {
            for lane in 0..W {
                [self.settled[lane], self.kept[lane]] = chain.exact(branch.length, lane);
            }
            self.send_far(simd, branch, below);
            return;
        }
        let entry = chain.entry(branch.entry);
        for eighth in 0..W / LANES {
            let rates = chain.rates(simd, eighth);
            let settled = rates.settled(simd, entry, branch.rest, eighth);
            settled.store(&mut self.settled, eighth);
            let rate = Wide::load(simd, &chain.rate, eighth);
            (rates.one - rate * settled).store(&mut self.kept, eighth);
            self.sent.store(rates.send(settled, below.load(simd, eighth)), eighth);
        }
    }

    /// Sends up by sums of positive terms, as differences would cancel on a branch that is too long for the table.
    #[inline(always)]
    fn send_far<S: Simd>(&mut self, simd: S, branch: &Branch<W>, below: &Pair<W>) {
        for eighth in 0..W / LANES {
            let Rates { gain, loss, .. } = branch.chain.rates(simd, eighth);
            let [x, y] = below.load(simd, eighth);
            let kept = Wide::load(simd, &self.kept, eighth);
            let settled = Wide::load(simd, &self.settled, eighth) * gain.mul_add(y, loss * x);
            self.sent
                .store([kept.mul_add(x, settled), kept.mul_add(y, settled)], eighth);
        }
    }

    /// A missing tip sends exactly 1.
    #[inline(always)]
    fn forget<S: Simd>(&mut self, simd: S, tip: Tip) {
        let one = Wide::splat(simd, 1.0);
        for eighth in 0..W / LANES {
            let missing = eighth_of(tip.missing, eighth);
            let [absent, present] = self.sent.load(simd, eighth);
            self.sent
                .store([one.or(missing, absent), one.or(missing, present)], eighth);
        }
    }

    /// Takes the derivatives by what the branch sent up (`above` times what its sibling sent), adds its contributions
    /// to `sums`, and puts the derivatives by what is below into its place.
    #[inline(always)]
    pub(super) fn absorb<S: Simd>(
        &self,
        simd: S,
        branch: &Branch<W>,
        above: &Pair<W>,
        sibling: &Pair<W>,
        below: &mut Pair<W>,
        sums: &mut Sums<W>,
    ) {
        let (zero, one) = (Wide::splat(simd, 0.0), Wide::splat(simd, 1.0));
        for eighth in 0..W / LANES {
            let [above, sibling] = [above.load(simd, eighth), sibling.load(simd, eighth)];
            let outer = [above[0] * sibling[0], above[1] * sibling[1]];
            match branch.end {
                End::Nothing => {}
                End::Here => below.store(outer, eighth),
                End::Node => {
                    let [x, y] = below.load(simd, eighth);
                    self.add(simd, branch, outer, y - x, eighth, sums);
                    below.store(self.descend(simd, branch, outer, eighth), eighth);
                }
                End::Tip => {
                    let difference = one.or(eighth_of(branch.tip.present, eighth), zero - one);
                    let difference = zero.or(eighth_of(branch.tip.missing, eighth), difference);
                    self.add(simd, branch, outer, difference, eighth, sums);
                }
            }
        }
    }

    #[inline(always)]
    fn add<S: Simd>(
        &self,
        simd: S,
        branch: &Branch<W>,
        outer: [Wide<S>; 2],
        difference: Wide<S>,
        eighth: usize,
        sums: &mut Sums<W>,
    ) {
        let Rates { gain, less, .. } = branch.chain.rates(simd, eighth);
        let (settled, kept) = (
            Wide::load(simd, &self.settled, eighth),
            Wide::load(simd, &self.kept, eighth),
        );
        let flow = less.mul_add(outer[1], gain * outer[0]);
        let of_flow = ((outer[0] + outer[1]) * difference).mul_add(settled, Wide::load(simd, &sums.flow, eighth));
        of_flow.store(&mut sums.flow, eighth);
        let slope = flow * difference * Wide::splat(simd, branch.length);
        let plain = slope.mul_add(kept, Wide::load(simd, &sums.plain, eighth));
        plain.store(&mut sums.plain, eighth);
    }

    #[inline(always)]
    fn descend<S: Simd>(
        &self,
        simd: S,
        branch: &Branch<W>,
        [absent, present]: [Wide<S>; 2],
        eighth: usize,
    ) -> [Wide<S>; 2] {
        let Rates { gain, loss, .. } = branch.chain.rates(simd, eighth);
        let (settled, kept) = (
            Wide::load(simd, &self.settled, eighth),
            Wide::load(simd, &self.kept, eighth),
        );
        let moved = settled * (absent + present);
        [kept.mul_add(absent, loss * moved), kept.mul_add(present, gain * moved)]
    }
}

/// Returns the bits of eight lanes.
#[inline(always)]
pub(super) fn eighth_of(bits: u64, eighth: usize) -> u8 {
    (bits >> (LANES * eighth)) as u8
}
