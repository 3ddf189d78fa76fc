//! Rows of the tables: how the counts over two disjoint sets of tips add up, and the derivative of that.

use super::number::Number;

/// Which numbers of presences have an entry of their own.
///
/// A row over m tips is in the order of the number p of presences. Numbers p < `low` and p > m - `high` stand alone
/// (those with few presences, and those with few absences); all between share one entry, the lump, at position `low`.
/// A row over at most `low + high` tips is whole: every number stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) low: usize,
    pub(super) high: usize,
}

/// A row and the number of tips it is over.
#[derive(Clone, Copy)]
pub(super) struct Row<'a, N> {
    pub(super) entries: &'a [N],
    pub(super) n_tips: usize,
}

impl Shape {
    /// Returns the number of entries in a row over so many tips.
    pub(super) fn row_length(self, n_tips: usize) -> usize {
        n_tips.min(self.low + self.high) + 1
    }

    fn is_whole(self, n_tips: usize) -> bool {
        n_tips <= self.low + self.high
    }

    /// Writes the row over the tips of two rows together; `scratch` may hold anything.
    pub(super) fn join<N: Number>(self, one: Row<N>, two: Row<N>, joined: &mut [N], scratch: &mut Vec<N>) {
        if !self.is_whole(one.n_tips) {
            self.join_lumped(one.entries, two.entries, joined);
        } else if !self.is_whole(two.n_tips) {
            self.join_lumped(two.entries, one.entries, joined);
        } else {
            let n_tips = one.n_tips + two.n_tips;
            scratch.clear();
            scratch.resize(n_tips + 1, N::default());
            let (short, long) = by_length(one.entries, two.entries);
            for (shift, &factor) in short.iter().enumerate() {
                add_scaled(&mut scratch[shift..shift + long.len()], factor, long);
            }
            joined.fill(N::default());
            for (entry, &value) in scratch.iter().enumerate() {
                joined[self.place(entry, n_tips)] += value;
            }
        }
        for value in joined {
            *value = value.settled();
        }
    }

    /// Adds the derivatives with respect to two rows, given that with respect to the joined one.
    pub(super) fn join_adjoint<N: Number>(
        self,
        (one, two): (Row<N>, Row<N>),
        joined: &[N],
        (by_one, by_two): (&mut [N], &mut [N]),
        scratch: &mut Vec<N>,
    ) {
        if !self.is_whole(one.n_tips) {
            self.join_lumped_adjoint(one.entries, two.entries, joined, by_one, by_two);
        } else if !self.is_whole(two.n_tips) {
            self.join_lumped_adjoint(two.entries, one.entries, joined, by_two, by_one);
        } else {
            let n_tips = one.n_tips + two.n_tips;
            scratch.clear();
            scratch.extend((0..=n_tips).map(|entry| joined[self.place(entry, n_tips)]));
            let one_is_short = one.entries.len() < two.entries.len();
            let (short, long) = by_length(one.entries, two.entries);
            let (by_short, by_long) = if one_is_short {
                (by_one, by_two)
            } else {
                (by_two, by_one)
            };
            for (shift, &factor) in short.iter().enumerate() {
                let reached = &scratch[shift..shift + long.len()];
                add_scaled(by_long, factor, reached);
                by_short[shift] += dot(reached, long);
            }
        }
    }

    /// Returns where the number `count` of presences in `n_tips` tips has its entry.
    fn place(self, count: usize, n_tips: usize) -> usize {
        if self.is_whole(n_tips) || count < self.low {
            count
        } else if count + self.high <= n_tips {
            self.low
        } else {
            count + self.low + self.high - n_tips
        }
    }

    /// Joins a row that has a lump with any row.
    ///
    /// With more than `low + high` tips a count that is low is not high, so what the lump gains from the low entry
    /// `low - k` is `k` presences or more among the other tips, and likewise from the high entry `low + k`.
    fn join_lumped<N: Number>(self, lumped: &[N], other: &[N], joined: &mut [N]) {
        let Self { low, high } = self;
        let last = other.len() - 1;
        joined.fill(N::default());
        for present in 0..low.min(other.len()) {
            add_scaled(&mut joined[present..low], other[present], &lumped[..low - present]);
        }
        for absent in 0..high.min(other.len()) {
            let from = &lumped[low + 1 + absent..];
            add_scaled(&mut joined[low + 1..][..high - absent], other[last - absent], from);
        }
        let mut lump = lumped[low] * sum(other);
        let mut at_least = sum(&other[low.min(last) + 1..]);
        for k in (1..=low.min(last)).rev() {
            at_least += other[k];
            lump += lumped[low - k] * at_least;
        }
        let mut at_least = sum(&other[..last - high.min(last)]);
        for k in (1..=high.min(last)).rev() {
            at_least += other[last - k];
            lump += lumped[low + k] * at_least;
        }
        joined[low] = lump;
    }

    fn join_lumped_adjoint<N: Number>(
        self,
        lumped: &[N],
        other: &[N],
        joined: &[N],
        by_lumped: &mut [N],
        by_other: &mut [N],
    ) {
        let Self { low, high } = self;
        let last = other.len() - 1;
        for present in 0..low.min(other.len()) {
            let reached = &joined[present..low];
            add_scaled(&mut by_lumped[..low - present], other[present], reached);
            by_other[present] += dot(reached, &lumped[..low - present]);
        }
        for absent in 0..high.min(other.len()) {
            let reached = &joined[low + 1..][..high - absent];
            add_scaled(&mut by_lumped[low + 1 + absent..], other[last - absent], reached);
            by_other[last - absent] += dot(reached, &lumped[low + 1 + absent..]);
        }
        let by_lump = joined[low];
        if by_lump == N::default() {
            return;
        }
        by_lumped[low] += by_lump * sum(other);
        let mut at_least = sum(&other[low.min(last) + 1..]);
        for k in (1..=low.min(last)).rev() {
            at_least += other[k];
            by_lumped[low - k] += by_lump * at_least;
        }
        let mut at_least = sum(&other[..last - high.min(last)]);
        for k in (1..=high.min(last)).rev() {
            at_least += other[last - k];
            by_lumped[low + k] += by_lump * at_least;
        }
        // What of the lumped row makes the lump with the other row's entry: the lump, and enough of either side.
        let mut enough = lumped[low];
        for (present, by_entry) in by_other.iter_mut().enumerate() {
            if (1..=low).contains(&present) {
                enough += lumped[low - present];
            }
            *by_entry += by_lump * enough;
        }
        let mut enough = N::default();
        for (absent, by_entry) in by_other.iter_mut().rev().enumerate() {
            if (1..=high).contains(&absent) {
                enough += lumped[low + absent];
            }
            *by_entry += by_lump * enough;
        }
    }
}

/// Returns the shorter row and the longer one; the second first where they are equal.
fn by_length<'a, N>(one: &'a [N], two: &'a [N]) -> (&'a [N], &'a [N]) {
    if one.len() < two.len() { (one, two) } else { (two, one) }
}

pub(super) fn sum<N: Number>(values: &[N]) -> N {
    values.iter().fold(N::default(), |total, &value| total + value)
}

/// Adds `factor * values` to as many entries of `total`.
pub(super) fn add_scaled<N: Number>(total: &mut [N], factor: N, values: &[N]) {
    if factor == N::default() {
        return;
    }
    for (entry, &value) in total.iter_mut().zip(values) {
        *entry += factor * value;
    }
}

/// Returns the sum of the products, in eight partial sums so that it can be vectorised.
pub(super) fn dot<N: Number>(one: &[N], two: &[N]) -> N {
    let mut partial = [N::default(); 8];
    let (eights, rest) = one.as_chunks::<8>();
    let (other_eights, other_rest) = two.as_chunks::<8>();
    for (a, b) in eights.iter().zip(other_eights) {
        for lane in 0..8 {
            partial[lane] += a[lane] * b[lane];
        }
    }
    let mut total = sum(&partial);
    for (&a, &b) in rest.iter().zip(other_rest) {
        total += a * b;
    }
    total
}
