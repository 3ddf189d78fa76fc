//! Exponentials of all branches for lanes with rates of their own: from a table, with a short series for the rest.
//!
//! A length is `t = j h + r` with `|r| <= h / 2`, j and r the same for all lanes. With `s = g + l`,
//! `phi(t) = (1 - exp(-s t)) / s` is all that is needed: `P01 = g phi`, `P10 = l phi`, and
//! `phi(t) = phi(j h) + exp(-s j h) phi(r)`, where `phi(r) = r q(s r)` and q is a polynomial. Nothing cancels: for j = 0
//! there is only `phi(r)` with r >= 0, and for larger j the second term is at most half of the first.
//!
//! The step h is a power of two with `s h <= 2^-4` in every lane, so that `|s r| <= 2^-5`, and the table ends with
//! `s t <= 3`, which leaves at least a twentieth of a difference: `1 - P10` and `1 - P01` keep their digits up to there.

use super::joins::{Level, MOST_ENTRIES};
use super::wide::{LANES, Wide};
use crate::kernel::dispatch::Simd;
use crate::kernel::elementary::decay;
use crate::kernel::scaled::exponent;

/// Coefficients of x, x^2, ... of `q(x) = (1 - exp(-x)) / x` for |x| <= 1/32, beside 1.
///
/// mpmath, 40 digits: `q(x) = 1 + x p(x)`, with p through `(q - 1) / x` at 0 and plus and minus the roots of
/// `b^2 (u + c) / (1 + c)`, b = 1/32, c = cos(pi/6), u = cos(pi/2) and c, where x^2 times the rest is a Chebyshev
/// polynomial in x^2; the largest relative error of q is 7.2e-15, at the ends.
const SERIES: [f64; 5] = [
    -0.5,
    0.166_666_666_585_152_33,
    -0.041_666_666_656_477_41,
    0.008_333_603_113_625_28,
    -0.001_388_922_611_326_32,
];

/// `phi` and `exp(-s t)` at one multiple of the step.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Entry<const W: usize> {
    settled: [f64; W],
    kept: [f64; W],
}

/// The rates of `W` lanes with their table.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Chain<const W: usize> {
    pub(super) gain: [f64; W],
    pub(super) loss: [f64; W],
    pub(super) rate: [f64; W],
    pub(super) inverse_rate: [f64; W],
    /// The coefficients of q times powers of the rate.
    series: [[f64; W]; SERIES.len()],
    entries: [Entry<W>; MOST_ENTRIES + 1],
}

/// What decides whether and how a table may be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extremes {
    pub(super) largest_rate: f64,
    /// Bits that a branch may cost beside those of its length.
    pub(super) bits: i32,
    /// Whether in some lane a rate is 0, so that on a long branch a probability may be as small as `exp(-s t)`.
    pub(super) has_zero: bool,
    /// Whether rates are so far from 1 that their powers and inverses leave the normal numbers.
    pub(super) is_odd: bool,
}

impl Extremes {
    pub(super) const NONE: Self = Self {
        largest_rate: 0.0,
        bits: 0,
        has_zero: false,
        is_odd: false,
    };

    /// Returns those of both.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            largest_rate: self.largest_rate.max(other.largest_rate),
            bits: self.bits.max(other.bits),
            has_zero: self.has_zero || other.has_zero,
            is_odd: self.is_odd || other.is_odd,
        }
    }
}

impl<const W: usize> Chain<W> {
    pub(super) fn empty() -> Self {
        Self {
            gain: [1.0; W],
            loss: [1.0; W],
            rate: [2.0; W],
            inverse_rate: [0.5; W],
            series: [[0.0; W]; SERIES.len()],
            entries: [Entry {
                settled: [0.0; W],
                kept: [1.0; W],
            }; MOST_ENTRIES + 1],
        }
    }

    /// Takes new rates, without a table as yet.
    #[inline(always)]
    pub(super) fn set_rates(&mut self, gain: [f64; W], loss: [f64; W]) -> Extremes {
        let (mut largest, mut least, mut share, mut zero) = ([0.0; W], [1.0; W], [1.0; W], [false; W]);
        for lane in 0..W {
            let (g, l) = (gain[lane], loss[lane]);
            let rate = g + l;
            let inverse = 1.0 / rate;
            self.gain[lane] = g;
            self.loss[lane] = l;
            self.rate[lane] = rate;
            self.inverse_rate[lane] = inverse;
            let mut power = rate;
            for (row, coefficient) in self.series.iter_mut().zip(SERIES) {
                row[lane] = coefficient * power;
                power *= rate;
            }
            let positive = |value: f64| if value > 0.0 { value } else { 1.0 };
            let (of_gain, of_loss) = (positive(g * inverse), positive(l * inverse));
            share[lane] = if of_gain < of_loss { of_gain } else { of_loss };
            zero[lane] = g == 0.0 || l == 0.0;
            (largest[lane], least[lane]) = (rate, rate);
        }
        let minimum = |values: &[f64; W]| values.iter().fold(1.0, |a: f64, &b| if b < a { b } else { a });
        let largest_rate = largest.iter().fold(0.0, |a: f64, &b| if b > a { b } else { a });
        let least_rate = minimum(&least);
        Extremes {
            largest_rate,
            // 1 - exp(-z) >= min(z, 1) / 2, and log2 lies less than 1 above the exponent.
            bits: 1 - exponent(minimum(&share)) - exponent(least_rate).min(0),
            has_zero: zero.contains(&true),
            is_odd: !(least_rate > 1e-60 && largest_rate < 1e60),
        }
    }

    /// Computes the table.
    #[inline(always)]
    pub(super) fn fill<S: Simd>(&mut self, simd: S, level: &Level) {
        let mut power = 1;
        while power < level.n_entries {
            let multiple = power as f64 * level.step;
            let (done, rest) = self.entries.split_at_mut(power);
            let (first, rest) = rest.split_at_mut(1);
            let first = &mut first[0];
            for lane in 0..W {
                let (kept, changed) = decay(self.rate[lane] * multiple);
                first.kept[lane] = kept;
                first.settled[lane] = changed * self.inverse_rate[lane];
            }
            let n_more = rest.len().min(level.n_entries - power - 1);
            for (entry, done) in rest[..n_more].iter_mut().zip(&done[1..]) {
                multiply(simd, first, done, entry);
            }
            power *= 2;
        }
    }

    /// Returns an entry that is not [`LONG`](super::joins::LONG).
    #[inline(always)]
    pub(super) fn entry(&self, number: u8) -> &Entry<W> {
        &self.entries[number as usize]
    }

    /// Returns the rates of eight lanes.
    #[inline(always)]
    pub(super) fn rates<S: Simd>(&self, simd: S, eighth: usize) -> Rates<S> {
        let (loss, zero) = (Wide::load(simd, &self.loss, eighth), Wide::splat(simd, 0.0));
        Rates {
            gain: Wide::load(simd, &self.gain, eighth),
            loss,
            less: zero - loss,
            series: [
                Wide::load(simd, &self.series[0], eighth),
                Wide::load(simd, &self.series[1], eighth),
                Wide::load(simd, &self.series[2], eighth),
                Wide::load(simd, &self.series[3], eighth),
                Wide::load(simd, &self.series[4], eighth),
            ],
            zero,
            one: Wide::splat(simd, 1.0),
        }
    }

    /// Returns `phi` and `exp(-s t)` of any length in one lane.
    #[inline(always)]
    pub(super) fn exact(&self, length: f64, lane: usize) -> [f64; 2] {
        let (kept, changed) = decay(self.rate[lane] * length);
        [changed * self.inverse_rate[lane], kept]
    }
}

/// The rates of eight lanes, and what branches in the table do there.
#[derive(Clone, Copy)]
pub(super) struct Rates<S: Simd> {
    pub(super) gain: Wide<S>,
    pub(super) loss: Wide<S>,
    /// Minus the loss rate.
    pub(super) less: Wide<S>,
    series: [Wide<S>; SERIES.len()],
    pub(super) zero: Wide<S>,
    pub(super) one: Wide<S>,
}

impl<S: Simd> Rates<S> {
    /// Returns `phi` of a length, given its entry and rest.
    #[inline(always)]
    pub(super) fn settled<const W: usize>(&self, simd: S, entry: &Entry<W>, rest: f64, eighth: usize) -> Wide<S> {
        let [c1, c2, c3, c4, c5] = self.series;
        let rest = Wide::splat(simd, rest);
        let inner = c5
            .mul_add(rest, c4)
            .mul_add(rest, c3)
            .mul_add(rest, c2)
            .mul_add(rest, c1);
        let near = rest * inner.mul_add(rest, self.one);
        let (kept, settled) = (
            Wide::load(simd, &entry.kept, eighth),
            Wide::load(simd, &entry.settled, eighth),
        );
        near.mul_add(kept, settled)
    }

    /// Returns what a tip whose state is known sends up, given `phi` of its branch.
    #[inline(always)]
    pub(super) fn send_tip(&self, settled: Wide<S>, present: u8) -> [Wide<S>; 2] {
        let (gained, lost) = (self.gain * settled, self.loss * settled);
        [
            gained.or(present, self.one - gained),
            (self.one - lost).or(present, lost),
        ]
    }

    /// Returns what a branch sends up from likelihoods x and y, given `phi` of it.
    #[inline(always)]
    pub(super) fn send(&self, settled: Wide<S>, [x, y]: [Wide<S>; 2]) -> [Wide<S>; 2] {
        let moved = settled * (y - x);
        [self.gain.mul_add(moved, x), self.less.mul_add(moved, y)]
    }
}

#[inline(always)]
fn multiply<S: Simd, const W: usize>(simd: S, first: &Entry<W>, second: &Entry<W>, product: &mut Entry<W>) {
    for eighth in 0..W / LANES {
        let kept = Wide::load(simd, &first.kept, eighth);
        let settled = Wide::load(simd, &first.settled, eighth);
        kept.mul_add(Wide::load(simd, &second.settled, eighth), settled)
            .store(&mut product.settled, eighth);
        (kept * Wide::load(simd, &second.kept, eighth)).store(&mut product.kept, eighth);
    }
}

#[cfg(test)]
mod tests {
    use super::super::joins::{Joins, LONG};
    use super::*;
    use crate::kernel::dispatch::{self, Work};
    use crate::problem::{NO_PARENT, Names, Tree};

    struct Tabulated<'a>(&'a Level, f64);

    impl Work for Tabulated<'_> {
        type Output = Vec<(f64, f64)>;

        /// Returns every length in the table with its `phi`.
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let mut chain = Chain::<8>::empty();
            chain.set_rates([0.25 * self.1; 8], [0.75 * self.1; 8]);
            chain.fill(simd, self.0);
            let (rates, mut found) = (chain.rates(simd, 0), Vec::new());
            for step in &self.0.steps {
                for end in 0..2 {
                    if step.entry[end] != LONG {
                        let mut settled = [0.0; 8];
                        let entry = chain.entry(step.entry[end]);
                        rates.settled(simd, entry, step.rest[end], 0).store(&mut settled, 0);
                        found.push((step.length[end], settled[0]));
                    }
                }
            }
            found
        }
    }

    /// A ladder whose branches take these lengths in turn.
    fn ladder(lengths: &[f64]) -> Tree {
        let n_nodes = lengths.len() | 1;
        let mut parent = vec![NO_PARENT; n_nodes];
        for (node, above) in parent.iter_mut().enumerate().take(n_nodes - 1) {
            *above = (node + 2 - node % 2) as u32;
        }
        let names: Names = (0..n_nodes).map(|node| format!("n{node}")).collect();
        let lengths = (0..n_nodes).map(|node| lengths[node % lengths.len()]).collect();
        Tree::new(parent, lengths, names).unwrap()
    }

    #[test]
    fn tabulated_exponentials_keep_their_digits_for_every_rate_and_length() {
        let lengths: Vec<f64> = (0..2001)
            .map(|i| {
                if i == 0 {
                    0.0
                } else {
                    10.0_f64.powf(-12.0 + 0.006 * f64::from(i))
                }
            })
            .collect();
        let joins = Joins::new(&ladder(&lengths)).unwrap();
        let mut n_checked = 0;
        for number in 0..60 {
            let rate = 10.0_f64.powf(-2.0 + 0.05 * f64::from(number));
            let Some(level) = joins.level(rate) else {
                continue;
            };
            for (length, settled) in dispatch::run(Tabulated(level, rate)) {
                n_checked += 1;
                let expected = -(-rate * length).exp_m1() / rate;
                // The series may be off by 7.2e-15, entries by some rounding.
                let error = (settled - expected).abs();
                assert!(error <= 1e-14 * expected, "{rate} {length}: {settled} {expected}");
            }
        }
        assert!(n_checked > 50_000, "{n_checked}");
    }
}
