//! What branches contribute to the derivatives by the rates.

use super::joins::Joins;
use super::table::{Chain, Rates};
use super::wide::Wide;
use crate::kernel::dispatch::Simd;

/// Parts of derivatives up to which they are exact, as rounding leaves 1e-16 of them: so many on any tree,
const PARTS: f64 = 1e4;
/// and so many more for each join.
const PARTS_OF_JOIN: f64 = 1e2;

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
            let shared = self.shared(chain, lane);
            let flow = self.flow[lane] * inverse;
            by_gain[lane] = chain.loss[lane].mul_add(flow, shared);
            by_loss[lane] = (-chain.gain[lane]).mul_add(flow, shared);
        }
        [by_gain, by_loss]
    }

    /// Returns `T / s`, which is a part of both derivatives.
    #[inline(always)]
    fn shared(&self, chain: &Chain<W>, lane: usize) -> f64 {
        (-chain.rate[lane]).mul_add(self.settled[lane], self.plain[lane]) * chain.inverse_rate[lane]
    }

    /// Returns whether the parts of the derivatives, which may cancel, are small enough in every lane: as derivatives by
    /// the log of the larger rate, or, where that is next to 0, by events expected on the whole tree.
    ///
    /// They are large where the data ask for events whose rate is next to 0.
    #[inline(always)]
    pub(super) fn are_exact(&self, chain: &Chain<W>, joins: &Joins) -> bool {
        let least_unit = 1.0 / joins.whole_length;
        let most = PARTS_OF_JOIN.mul_add(joins.len() as f64, PARTS);
        let mut largest = 0.0;
        for lane in 0..W {
            let unit = if chain.rate[lane] > least_unit {
                chain.rate[lane]
            } else {
                least_unit
            };
            let parts = (self.flow[lane].abs() + self.shared(chain, lane).abs()) * unit;
            largest = if parts > largest { parts } else { largest };
        }
        largest <= most
    }
}

/// [`Sums`] of eight lanes.
#[derive(Clone, Copy)]
pub(super) struct Totals<S: Simd> {
    flow: Wide<S>,
    plain: Wide<S>,
    settled: Wide<S>,
}

impl<S: Simd> Totals<S> {
    #[inline(always)]
    pub(super) fn load<const W: usize>(simd: S, sums: &Sums<W>, eighth: usize) -> Self {
        Self {
            flow: Wide::load(simd, &sums.flow, eighth),
            plain: Wide::load(simd, &sums.plain, eighth),
            settled: Wide::load(simd, &sums.settled, eighth),
        }
    }

    #[inline(always)]
    pub(super) fn store<const W: usize>(self, sums: &mut Sums<W>, eighth: usize) {
        self.flow.store(&mut sums.flow, eighth);
        self.plain.store(&mut sums.plain, eighth);
        self.settled.store(&mut sums.settled, eighth);
    }

    /// Adds the contributions of a branch above a node, and returns the derivatives by what is below it.
    #[inline(always)]
    pub(super) fn absorb(
        &mut self,
        rates: &Rates<S>,
        length: Wide<S>,
        settled: Wide<S>,
        outer: [Wide<S>; 2],
        below: [Wide<S>; 2],
    ) -> [Wide<S>; 2] {
        let difference = below[1] - below[0];
        let flow = rates.less.mul_add(outer[1], rates.gain * outer[0]);
        let (moved, slope) = (settled * difference, flow * length);
        self.flow = (outer[0] + outer[1]).mul_add(moved, self.flow);
        self.plain = slope.mul_add(difference, self.plain);
        self.settled = slope.mul_add(moved, self.settled);
        let exchanged = settled * flow;
        [outer[0] - exchanged, outer[1] + exchanged]
    }

    /// As [`absorb`](Self::absorb) above a tip, where the difference is 1 or -1.
    #[inline(always)]
    pub(super) fn absorb_tip(
        &mut self,
        rates: &Rates<S>,
        length: Wide<S>,
        settled: Wide<S>,
        outer: [Wide<S>; 2],
        present: u8,
    ) {
        let zero = rates.zero;
        let slope = rates.less.mul_add(outer[1], rates.gain * outer[0]) * length;
        let slope = slope.or(present, zero - slope);
        let both = outer[0] + outer[1];
        let both = both.or(present, zero - both);
        self.flow = both.mul_add(settled, self.flow);
        self.plain = self.plain + slope;
        self.settled = slope.mul_add(settled, self.settled);
    }
}
