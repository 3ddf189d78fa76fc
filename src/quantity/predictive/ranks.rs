//! Where each observed family stands among simulated ones of the same kind, without keeping the simulated ones.
//!
//! The observed values of a kind are sorted once; each simulated value adds one to a counter at its place. A value is
//! taken to be no greater than another if it is not by more than [`TIE`], so that equal patterns, of which the last bit
//! may differ between tables, are equal.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Log-likelihoods that differ by less are equal.
const TIE: f64 = 1e-9;

/// Counters of simulated values among the observed values of each kind.
pub(super) struct Ranks {
    /// Sorted and distinct.
    kinds: Vec<u64>,
    /// The values of kind i are `values[start[i]..start[i + 1]]`, ascending and distinct.
    start: Vec<usize>,
    values: Vec<f64>,
    /// Simulated values that the observed one at this place is the first not to fall below.
    at_or_below: Vec<AtomicU64>,
    /// Simulated values of each kind.
    n_simulated: Vec<AtomicU64>,
}

/// How an observed value stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rank {
    /// Simulated values of its kind.
    pub(super) n_simulated: u64,
    /// Those among them that are no greater.
    pub(super) n_no_greater: u64,
}

impl Rank {
    /// Returns `(1 + no greater) / (1 + all)`.
    pub(super) fn p_value(self) -> f64 {
        (1 + self.n_no_greater) as f64 / (1 + self.n_simulated) as f64
    }
}

impl Ranks {
    /// Prepares counters for observed values of each kind.
    pub(super) fn new(observed: impl Iterator<Item = (u64, f64)>) -> Self {
        let mut observed: Vec<(u64, f64)> = observed.collect();
        observed.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        observed.dedup_by(|one, other| one.0 == other.0 && one.1.to_bits() == other.1.to_bits());
        let mut ranks = Self {
            kinds: Vec::new(),
            start: Vec::new(),
            values: Vec::with_capacity(observed.len()),
            at_or_below: Vec::new(),
            n_simulated: Vec::new(),
        };
        for (kind, value) in observed {
            if ranks.kinds.last() != Some(&kind) {
                ranks.kinds.push(kind);
                ranks.start.push(ranks.values.len());
            }
            ranks.values.push(value);
        }
        ranks.start.push(ranks.values.len());
        ranks.at_or_below.resize_with(ranks.values.len(), AtomicU64::default);
        ranks.n_simulated.resize_with(ranks.kinds.len(), AtomicU64::default);
        ranks
    }

    /// Counts `weight` simulated families with this value; those of a kind that was not observed are left out.
    pub(super) fn count(&self, kind: u64, value: f64, weight: u64) {
        let Ok(place) = self.kinds.binary_search(&kind) else {
            return;
        };
        self.n_simulated[place].fetch_add(weight, Relaxed);
        let (first, last) = (self.start[place], self.start[place + 1]);
        let below = self.values[first..last].partition_point(|&observed| observed < value - TIE);
        if first + below < last {
            self.at_or_below[first + below].fetch_add(weight, Relaxed);
        }
    }

    /// Ends the counting: makes the counters sums over all lesser values of the kind.
    pub(super) fn finish(&mut self) {
        for bounds in self.start.windows(2) {
            let mut sum = 0;
            for counter in &mut self.at_or_below[bounds[0]..bounds[1]] {
                sum += *counter.get_mut();
                *counter.get_mut() = sum;
            }
        }
    }

    /// Returns where an observed value stands, once the counting has ended.
    pub(super) fn of(&self, kind: u64, value: f64) -> Rank {
        let nowhere = Rank {
            n_simulated: 0,
            n_no_greater: 0,
        };
        let Ok(place) = self.kinds.binary_search(&kind) else {
            return nowhere;
        };
        let (first, last) = (self.start[place], self.start[place + 1]);
        // Equal values, one of them with another last bit, have equal counts: the last one's.
        let at = self.values[first..last].partition_point(|&observed| observed <= value + TIE);
        Rank {
            n_simulated: self.n_simulated[place].load(Relaxed),
            n_no_greater: at
                .checked_sub(1)
                .map_or(0, |at| self.at_or_below[first + at].load(Relaxed)),
        }
    }
}

/// Returns for each p-value the least false-discovery rate at which it is among the discoveries.
///
/// # Source
/// Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&one, &other| p_values[one].total_cmp(&p_values[other]));
    let mut rates = vec![0.0; p_values.len()];
    let mut least = 1.0_f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        least = least.min(p_values[index] * p_values.len() as f64 / (rank + 1) as f64);
        rates[index] = least;
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_shares_of_simulated_values_that_are_no_greater() {
        let observed = [
            (1, -3.0),
            (1, -1.0),
            (1, -1.0 + 1e-13),
            (2, -3.0),
            (1, f64::NEG_INFINITY),
        ];
        let simulated = [
            (1, -4.0),
            (1, -3.0),
            (1, -1.0),
            (1, -0.5),
            (2, -4.0),
            (3, -9.0),
            (1, -1.0 + 1e-12),
        ];
        let mut ranks = Ranks::new(observed.into_iter());
        simulated.iter().for_each(|&(kind, value)| ranks.count(kind, value, 10));
        ranks.finish();
        for (kind, value) in observed {
            let of_kind: Vec<f64> = simulated.iter().filter(|one| one.0 == kind).map(|one| one.1).collect();
            let expected = Rank {
                n_simulated: 10 * of_kind.len() as u64,
                n_no_greater: 10 * of_kind.iter().filter(|&&other| other <= value + 1e-9).count() as u64,
            };
            assert_eq!(ranks.of(kind, value), expected, "{kind} {value}");
        }
    }

    /// scipy 1.17.1: `false_discovery_control([0.01, 0.04, 0.03, 0.005, 1.0])`
    #[test]
    fn discovery_rates_are_those_of_scipy() {
        let found = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 1.0]);
        let expected = [0.025, 0.05, 0.05, 0.025, 1.0];
        assert!(
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15),
            "{found:?}"
        );
    }
}
