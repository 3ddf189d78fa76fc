//! What is seen of a tip: a bit for each pattern, and how truthfully tips record.
//!
//! With the probability p0 that a tip is recorded present though it is absent (contamination) and p1 that it is if it
//! is present (completeness), a recorded presence has the partial `[p0, p1]`, a recorded absence `[1 - p0, 1 - p1]`
//! and a missing cell `[1, 1]`. Seen from above, recording is one more branch, with the transition probabilities
//! `[1 - p0, p0, 1 - p1, p1]` from true to recorded state. Subtree classes multiply it into the branch of the tip,
//! blocks of lanes take the partial as it is.

use super::edge::SharedEdge;
use super::scaled::{STEP, Scaled, exponent};
use super::tiny::{by_entries, plain_entry, scaled_entry};
use super::transition::Transition;
use crate::problem::Tree;

/// How one tip records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recording {
    /// Probabilities of a recorded absence given state 0 and state 1.
    absent: [f64; 2],
    /// Probabilities of a recorded presence given state 0 and state 1.
    present: [f64; 2],
    /// Lower bound of log2 of the positive ones.
    pub(super) floor: i32,
}

impl Recording {
    pub(super) fn new(present: [f64; 2]) -> Self {
        let absent = present.map(|p| 1.0 - p);
        let positive = present.into_iter().chain(absent).filter(|&p| p > 0.0);
        Self {
            absent,
            present,
            floor: positive.map(exponent).fold(0, i32::min),
        }
    }

    /// Returns the recordings of all tips, if they are not without error.
    pub(super) fn table(tips: Option<&[[f64; 2]]>) -> Option<Vec<Self>> {
        tips.map(|tips| tips.iter().copied().map(Self::new).collect())
    }

    /// Returns the branch of the tip with its recording behind it.
    fn seen_from_above(&self, transition: &Transition) -> SharedEdge {
        let [p00, p01, p10, p11] = transition.map(scaled_entry);
        let entry = |[given_absent, given_present]: [Scaled; 2], recorded: [f64; 2]| {
            let [x, y] = recorded.map(|p| Scaled::new(p, 0));
            given_absent.times(x).plus(given_present.times(y))
        };
        SharedEdge::of_scaled([
            entry([p00, p01], self.absent),
            entry([p00, p01], self.present),
            entry([p10, p11], self.absent),
            entry([p10, p11], self.present),
        ])
    }
}

/// The observations of one tip for `W` patterns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tip<'a> {
    pub(super) present: u64,
    pub(super) missing: u64,
    /// None if the tip records without error.
    pub(super) recording: Option<&'a Recording>,
}

impl Tip<'_> {
    #[inline(always)]
    pub(super) fn is_present(self, lane: usize) -> bool {
        (self.present >> lane) & 1 != 0
    }

    #[inline(always)]
    pub(super) fn is_missing(self, lane: usize) -> bool {
        (self.missing >> lane) & 1 != 0
    }

    /// Returns the likelihood of the observation given each state.
    #[inline(always)]
    pub(super) fn partial(self, lane: usize) -> [f64; 2] {
        let (present, missing) = (self.is_present(lane), self.is_missing(lane));
        let (if_absent, if_present) = match self.recording {
            None => ([1.0, 0.0], [0.0, 1.0]),
            Some(recording) => (recording.absent, recording.present),
        };
        [0, 1].map(|state| {
            let recorded = if present { if_present[state] } else { if_absent[state] };
            if missing { 1.0 } else { recorded }
        })
    }

    /// Returns the derivative of each state's partial with respect to its probability of a recorded presence.
    #[inline(always)]
    pub(super) fn slope(self, lane: usize) -> f64 {
        let recorded = if self.is_present(lane) { 1.0 } else { -1.0 };
        if self.is_missing(lane) { 0.0 } else { recorded }
    }

    /// Returns whether a probability is positive but so small that products with it need extended exponents.
    #[inline(always)]
    pub(super) fn is_tiny(self) -> bool {
        self.recording.is_some_and(|recording| recording.floor < -STEP)
    }
}

/// Puts the recordings behind the branches of the tips; `edges` and `transitions` are `[n_categories][n_nodes]`.
pub(super) fn append_recordings(
    tree: &Tree,
    recordings: &[Recording],
    transitions: &[Transition],
    edges: &mut [SharedEdge],
) {
    let categories = transitions.chunks(tree.n_nodes());
    for (edges, transitions) in edges.chunks_mut(tree.n_nodes()).zip(categories) {
        for (&node, recording) in tree.tips().iter().zip(recordings) {
            edges[node as usize] = recording.seen_from_above(&transitions[node as usize]);
        }
    }
}

/// Takes derivatives with respect to the branches with recordings apart into those of the branches, in place, and
/// those of the recordings, which it returns, `[n_tips]`.
pub(super) fn split_adjoint(
    tree: &Tree,
    tips: &[[f64; 2]],
    transitions: &[Transition],
    adjoint: &mut [Transition],
) -> Vec<[f64; 2]> {
    let mut by_recording = vec![[0.0; 2]; tips.len()];
    let categories = transitions.chunks(tree.n_nodes());
    for (adjoint, transitions) in adjoint.chunks_mut(tree.n_nodes()).zip(categories) {
        for ((total, &node), present) in by_recording.iter_mut().zip(tree.tips()).zip(tips) {
            let (adjoint, transition) = (&mut adjoint[node as usize], transitions[node as usize]);
            let [p00, p01, p10, p11] = transition.map(plain_entry);
            let [from_absent, from_present] = [[adjoint[0], adjoint[1]], [adjoint[2], adjoint[3]]];
            let rows = [from_absent[1] - from_absent[0], from_present[1] - from_present[0]];
            total[0] += p00 * rows[0] + p10 * rows[1];
            total[1] += p01 * rows[0] + p11 * rows[1];
            let by_entry = |row: [f64; 2], p: f64| row[0] * (1.0 - p) + row[1] * p;
            *adjoint = [
                by_entry(from_absent, present[0]),
                by_entry(from_absent, present[1]),
                by_entry(from_present, present[0]),
                by_entry(from_present, present[1]),
            ];
            // What lies behind a recording is a plain number, so the logs do not matter.
            *adjoint = by_entries(*adjoint, transition.map(|entry| entry < 0.0), |_| 0.0);
        }
    }
    by_recording
}
