//! What one branch does to partials, in whole lanes and in any case: tips and nodes, missing cells, recordings with
//! errors, branches in the table and beyond it.

use super::joins::{End, LONG};
use super::table::Chain;
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

/// Sums of what all branches of a set contribute to the derivatives of each lane.
///
/// With q the derivatives by what a branch sends up, x what is below it, `d = x1 - x0`, `w = g q0 - l q1` and
/// `k = exp(-s t)`: `d P01` and `d P10` give `dL/dg = g' F + T / s` and `dL/dl = -l' F + T / s` with `F = sum (q0 + q1)
/// d phi`, `T = sum w d t k`, `g' = l / s`, `l' = g / s`. T is kept as `plain - s * settled`, where
/// `k = 1 - s phi`.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Sums<const W: usize> {
    /// F.
    pub(super) flow: [f64; W],
    pub(super) plain: [f64; W],
    pub(super) settled: [f64; W],
}

impl<const W: usize> Sums<W> {
    pub(super) const ZERO: Self = Self {
        flow: [0.0; W],
        plain: [0.0; W],
        settled: [0.0; W],
    };

    /// Returns the derivatives by gain and loss.
    #[inline(always)]
    pub(super) fn by_rates(&self, chain: &Chain<W>) -> [[f64; W]; 2] {
        let (mut by_gain, mut by_loss) = ([0.0; W], [0.0; W]);
        for lane in 0..W {
            let inverse = chain.inverse_rate[lane];
            let shared = (-chain.rate[lane]).mul_add(self.settled[lane], self.plain[lane]) * inverse;
            let flow = self.flow[lane] * inverse;
            by_gain[lane] = chain.loss[lane].mul_add(flow, shared);
            by_loss[lane] = (-chain.gain[lane]).mul_add(flow, shared);
        }
        [by_gain, by_loss]
    }
}

/// What a tip whose state is known sends up in one lane, given `phi` of its branch, if that is in the table.
#[inline(always)]
pub(super) fn send_tip<const W: usize>(chain: &Chain<W>, settled: f64, present: bool, lane: usize) -> [f64; 2] {
    let (gained, lost) = (chain.gain[lane] * settled, chain.loss[lane] * settled);
    let absent = if present { gained } else { 1.0 - gained };
    let present = if present { 1.0 - lost } else { lost };
    [absent, present]
}

/// What a branch in the table sends up in one lane.
#[inline(always)]
pub(super) fn send<const W: usize>(chain: &Chain<W>, settled: f64, [x, y]: [f64; 2], lane: usize) -> [f64; 2] {
    let moved = settled * (y - x);
    [
        chain.gain[lane].mul_add(moved, x),
        (-chain.loss[lane]).mul_add(moved, y),
    ]
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
    pub(super) fn set(&mut self, branch: &Branch<W>, below: &Pair<W>) {
        match branch.end {
            End::Nothing => self.sent = Pair::ones(),
            End::Here => self.sent.clone_from(below),
            End::Node => {
                self.set_decay(branch);
                if branch.entry == LONG {
                    self.send_far(branch, |lane| [below.absent[lane], below.present[lane]]);
                } else {
                    self.send_near(branch, |lane| [below.absent[lane], below.present[lane]]);
                }
            }
            End::Tip => {
                self.set_decay(branch);
                if branch.entry == LONG {
                    self.send_far(branch, |lane| branch.tip.partial(lane));
                } else {
                    self.send_near(branch, |lane| branch.tip.partial(lane));
                }
                if branch.tip.missing != 0 {
                    self.forget(branch.tip);
                }
            }
        }
    }

    #[inline(always)]
    fn set_decay(&mut self, branch: &Branch<W>) {
        let chain = branch.chain;
        if branch.entry == LONG {
            for lane in 0..W {
                [self.settled[lane], self.kept[lane]] = chain.exact(branch.length, lane);
            }
        } else {
            let entry = chain.entry(branch.entry);
            for lane in 0..W {
                let settled = chain.settled(entry, branch.rest, lane);
                self.settled[lane] = settled;
                self.kept[lane] = (-chain.rate[lane]).mul_add(settled, 1.0);
            }
        }
    }

    #[inline(always)]
    fn send_near(&mut self, branch: &Branch<W>, below: impl Fn(usize) -> [f64; 2]) {
        for lane in 0..W {
            let [absent, present] = send(branch.chain, self.settled[lane], below(lane), lane);
            self.sent.absent[lane] = absent;
            self.sent.present[lane] = present;
        }
    }

    /// As [`send_near`](Self::send_near), by sums of positive terms, as differences would cancel.
    #[inline(always)]
    fn send_far(&mut self, branch: &Branch<W>, below: impl Fn(usize) -> [f64; 2]) {
        let Chain { gain, loss, .. } = branch.chain;
        for lane in 0..W {
            let [x, y] = below(lane);
            let settled = self.settled[lane] * gain[lane].mul_add(y, loss[lane] * x);
            self.sent.absent[lane] = self.kept[lane].mul_add(x, settled);
            self.sent.present[lane] = self.kept[lane].mul_add(y, settled);
        }
    }

    /// A missing tip sends exactly 1.
    #[inline(always)]
    fn forget(&mut self, tip: Tip) {
        for lane in 0..W {
            let missing = tip.is_missing(lane);
            self.sent.absent[lane] = if missing { 1.0 } else { self.sent.absent[lane] };
            self.sent.present[lane] = if missing { 1.0 } else { self.sent.present[lane] };
        }
    }

    /// Takes the derivatives by what the branch sent up (`above` times what its sibling sent), adds its contributions
    /// to `sums`, and puts the derivatives by what is below into its place.
    #[inline(always)]
    pub(super) fn absorb(
        &self,
        branch: &Branch<W>,
        above: &Pair<W>,
        sibling: &Pair<W>,
        below: &mut Pair<W>,
        sums: &mut Sums<W>,
    ) {
        match branch.end {
            End::Nothing => {}
            End::Here => {
                for lane in 0..W {
                    below.absent[lane] = above.absent[lane] * sibling.absent[lane];
                    below.present[lane] = above.present[lane] * sibling.present[lane];
                }
            }
            End::Node => {
                for lane in 0..W {
                    let outer = [
                        above.absent[lane] * sibling.absent[lane],
                        above.present[lane] * sibling.present[lane],
                    ];
                    let difference = below.present[lane] - below.absent[lane];
                    self.add(branch, outer, difference, lane, sums);
                    let [absent, present] = self.descend(branch, outer, lane);
                    below.absent[lane] = absent;
                    below.present[lane] = present;
                }
            }
            End::Tip => {
                for lane in 0..W {
                    let outer = [
                        above.absent[lane] * sibling.absent[lane],
                        above.present[lane] * sibling.present[lane],
                    ];
                    let difference = if branch.tip.is_present(lane) { 1.0 } else { -1.0 };
                    let difference = if branch.tip.is_missing(lane) { 0.0 } else { difference };
                    self.add(branch, outer, difference, lane, sums);
                }
            }
        }
    }

    #[inline(always)]
    fn add(&self, branch: &Branch<W>, outer: [f64; 2], difference: f64, lane: usize, sums: &mut Sums<W>) {
        let Chain { gain, loss, .. } = branch.chain;
        let flow = gain[lane].mul_add(outer[0], -(loss[lane] * outer[1]));
        sums.flow[lane] += (outer[0] + outer[1]) * difference * self.settled[lane];
        sums.plain[lane] += flow * difference * branch.length * self.kept[lane];
    }

    #[inline(always)]
    fn descend(&self, branch: &Branch<W>, [absent, present]: [f64; 2], lane: usize) -> [f64; 2] {
        let Chain { gain, loss, .. } = branch.chain;
        let (settled, kept) = (self.settled[lane], self.kept[lane]);
        let moved = settled * (absent + present);
        [
            kept.mul_add(absent, loss[lane] * moved),
            kept.mul_add(present, gain[lane] * moved),
        ]
    }
}
