//! What really happened in simulated families.

/// True states of all nodes, and true events on all branches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    n_nodes: usize,
    states: Vec<u8>,
    gains: Vec<u32>,
    losses: Vec<u32>,
}

impl Truth {
    pub(super) fn with_capacity(n_families: usize, n_nodes: usize) -> Self {
        Self {
            n_nodes,
            states: Vec::with_capacity(n_families * n_nodes),
            gains: Vec::with_capacity(n_families * n_nodes),
            losses: Vec::with_capacity(n_families * n_nodes),
        }
    }

    pub(super) fn push_states(&mut self, states: &[u8]) {
        self.states.extend_from_slice(states);
    }

    pub(super) fn push_events(&mut self, [gains, losses]: [u32; 2]) {
        self.gains.push(gains);
        self.losses.push(losses);
    }

    /// Appends one family of another.
    pub(super) fn push(&mut self, other: &Self, family: usize) {
        let of = family * other.n_nodes..(family + 1) * other.n_nodes;
        self.states.extend_from_slice(&other.states[of.clone()]);
        self.gains.extend_from_slice(&other.gains[of.clone()]);
        self.losses.extend_from_slice(&other.losses[of]);
    }

    /// Returns the state of each node, `[n_families][n_nodes]`, nodes in post-order: 0 absent, 1 present.
    #[must_use]
    pub fn states(&self) -> &[u8] {
        &self.states
    }

    /// Returns the number of gains on the branch above each node, `[n_families][n_nodes]`; 0 for the root.
    #[must_use]
    pub fn gains(&self) -> &[u32] {
        &self.gains
    }

    /// Returns the number of losses, likewise.
    #[must_use]
    pub fn losses(&self) -> &[u32] {
        &self.losses
    }
}
