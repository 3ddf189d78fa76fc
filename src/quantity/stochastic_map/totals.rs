//! Sums over families, by map and node, in whole numbers: so the order of the sums is no matter.

use crate::error::QuantityError;
use std::sync::{Mutex, PoisonError};

/// Shares of a branch are summed in units of 2^-40: 1e-12 of a branch, for up to 8 million families.
const SHARE: f64 = (1_u64 << 40) as f64;

/// Sums of some families, each `[n_maps][n_nodes]`.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) gains: Vec<u64>,
    pub(super) losses: Vec<u64>,
    pub(super) present: Vec<u64>,
    /// What the shares of the branch present are more, or less, than the states below.
    shares: Vec<i64>,
    n_nodes: usize,
}

impl Totals {
    pub(super) fn new(n_maps: usize, n_nodes: usize) -> Result<Self, QuantityError> {
        Ok(Self {
            gains: zeros(n_maps, n_nodes)?,
            losses: zeros(n_maps, n_nodes)?,
            present: zeros(n_maps, n_nodes)?,
            shares: zeros(n_maps, n_nodes)?,
            n_nodes,
        })
    }

    fn plus(mut self, other: Self) -> Self {
        for (total, part) in [
            (&mut self.gains, other.gains),
            (&mut self.losses, other.losses),
            (&mut self.present, other.present),
        ] {
            total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
        }
        self.shares
            .iter_mut()
            .zip(other.shares)
            .for_each(|(sum, value)| *sum += value);
        self
    }

    /// Returns the sums of one map.
    pub(super) fn of_map(&mut self, map: usize) -> MapTotals<'_> {
        let row = map * self.n_nodes..(map + 1) * self.n_nodes;
        MapTotals {
            gains: &mut self.gains[row.clone()],
            losses: &mut self.losses[row.clone()],
            present: &mut self.present[row.clone()],
            shares: &mut self.shares[row],
        }
    }

    /// Returns the time present of each map and branch.
    pub(super) fn time_present(&self, lengths: &[f64]) -> Vec<f64> {
        let root = self.n_nodes - 1;
        let time = |(place, (&present, &share)): (usize, (&u64, &i64))| {
            let node = place % self.n_nodes;
            if node == root {
                0.0
            } else {
                (present as f64 + share as f64 / SHARE) * lengths[node]
            }
        };
        let pairs = self.present.iter().zip(&self.shares);
        pairs.enumerate().map(time).collect()
    }
}

fn zeros<T: Clone + Default>(n_maps: usize, n_nodes: usize) -> Result<Vec<T>, QuantityError> {
    let mut table = Vec::new();
    let size = n_maps
        .checked_mul(n_nodes)
        .filter(|&size| table.try_reserve_exact(size).is_ok())
        .ok_or(QuantityError::TooManyMaps { n_maps, n_nodes })?;
    table.resize(size, T::default());
    Ok(table)
}

/// The sums of one map, each `[n_nodes]`.
pub(super) struct MapTotals<'a> {
    gains: &'a mut [u64],
    losses: &'a mut [u64],
    present: &'a mut [u64],
    shares: &'a mut [i64],
}

impl MapTotals<'_> {
    /// Adds a family that stays absent, or present, on the branch above a node.
    #[inline(always)]
    pub(super) fn stay(&mut self, node: usize, state: usize) {
        self.present[node] += state as u64;
    }

    /// Adds a family with events: its state at the node, the share of the branch that it was present, gains and losses.
    #[inline(always)]
    pub(super) fn change(&mut self, node: usize, state: usize, share: f64, [gains, losses]: [u64; 2]) {
        self.present[node] += state as u64;
        self.shares[node] += ((share - state as f64) * SHARE) as i64;
        self.gains[node] += gains;
        self.losses[node] += losses;
    }
}

/// Totals for each thread: whoever has work takes free ones.
#[derive(Debug)]
pub(super) struct Slots(Vec<Mutex<Totals>>);

impl Slots {
    pub(super) fn new(n_threads: usize, n_maps: usize, n_nodes: usize) -> Result<Self, QuantityError> {
        let totals = (0..n_threads).map(|_| Ok(Mutex::new(Totals::new(n_maps, n_nodes)?)));
        Ok(Self(totals.collect::<Result<_, QuantityError>>()?))
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Totals) -> T) -> T {
        match self.0.iter().find_map(|slot| slot.try_lock().ok()) {
            Some(mut totals) => work(&mut totals),
            // There are as many as threads, so this is met only after a panic elsewhere.
            None => work(&mut self.0[0].lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Returns the sums of all of them.
    pub(super) fn into_total(self) -> Option<Totals> {
        let totals = self
            .0
            .into_iter()
            .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
        totals.reduce(Totals::plus)
    }
}
