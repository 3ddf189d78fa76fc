//! Felsenstein's pruning: from the tips to the likelihood at the root.

use super::observation::{Recording, Tip};
use super::partial::Partial;
use super::plan::{Plan, Step};
use super::source::Source;
use crate::problem::{BLOCK, Patterns};

/// `W` neighbouring patterns of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lanes<'a> {
    present: &'a [u64],
    missing: Option<&'a [u64]>,
    shift: u32,
    recordings: Option<&'a [Recording]>,
}

impl<'a> Lanes<'a> {
    /// Returns the lanes that begin at pattern `first`, a multiple of `W`; `recordings` is `[n_tips]`.
    #[inline(always)]
    pub(super) fn new(patterns: &'a Patterns, first: usize, recordings: Option<&'a [Recording]>) -> Self {
        Self {
            present: patterns.present(first / BLOCK),
            missing: patterns.missing(first / BLOCK),
            shift: (first % BLOCK) as u32,
            recordings,
        }
    }

    /// Returns whether tips record with errors.
    #[inline(always)]
    pub(super) fn has_recordings(&self) -> bool {
        self.recordings.is_some()
    }

    /// Returns whether some cell of the block may be missing.
    #[inline(always)]
    pub(super) fn has_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// Returns in which lanes a tip is present, from the lowest bit on; bits past the last lane belong to others.
    #[inline(always)]
    pub(super) fn present(&self, tip: usize) -> u64 {
        self.present[tip] >> self.shift
    }

    /// Returns the observations of a tip, those of the first `W` lanes in the lowest bits.
    #[inline(always)]
    pub(super) fn tip<const W: usize>(&self, tip: usize) -> Tip<'a> {
        let lanes = u64::MAX >> (64 - W);
        Tip {
            present: (self.present[tip] >> self.shift) & lanes,
            missing: (self.missing.map_or(0, |words| words[tip]) >> self.shift) & lanes,
            recording: self.recordings.map(|recordings| &recordings[tip]),
        }
    }
}

/// Leaves the partial of the root in the first slot.
#[inline(always)]
pub(super) fn prune<const W: usize>(plan: &Plan, lanes: &Lanes, source: &impl Source<W>, slots: &mut [Partial<W>]) {
    for &step in &plan.steps {
        match step {
            Step::Reset { slot } => slots[slot as usize].reset(),
            Step::Tip { slot, tip, node } => {
                slots[slot as usize].multiply_tip(&source.edge(node as usize), lanes.tip::<W>(tip as usize));
            }
            Step::Climb { slot, node } => slots[slot as usize].climb(&source.edge(node as usize)),
            Step::Join { slot, node } => {
                let (below, above) = slots.split_at_mut(slot as usize + 1);
                below[slot as usize].multiply_climbed(&source.edge(node as usize), &above[0]);
            }
        }
    }
}
