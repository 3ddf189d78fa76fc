//! What the draws of one family need: chances of what comes next, by category, node and state above.

use super::{MOST_LISTED, MOST_POINTS};
use crate::error::QuantityError;
use crate::kernel::PosteriorBlock;
use crate::model::Histories;
use crate::simulate::bridge::{Bridge, Chain};

/// 2^63, in units of which chances are.
const ONE: f64 = 9_223_372_036_854_775_808.0;

/// Returns the bridges of every category and branch for a pattern, `[n_categories][n_nodes]`; the root has no branch.
pub(super) fn bridges(histories: &Histories, pattern: usize, is_listed: bool) -> Result<Vec<Bridge>, QuantityError> {
    let (what, most) = match is_listed {
        true => ("listed one by one", MOST_LISTED),
        false => ("counted", MOST_POINTS),
    };
    let (n_categories, n_nodes) = (histories.weights().len(), histories.tree().n_nodes());
    let of_place = |place: usize| {
        let (category, node) = (place / n_nodes, place % n_nodes);
        let [gain, loss] = histories.rates(category, node, pattern);
        let length = histories.branch_length(node);
        let chain = Chain { gain, loss, length };
        let expected = chain.points();
        // A product of finite numbers may be infinite, never NaN.
        if expected > most {
            return Err(QuantityError::TooManyEvents {
                node,
                expected,
                what,
                most,
            });
        }
        Ok(Bridge::new(chain))
    };
    (0..n_categories * n_nodes).map(of_place).collect()
}

/// Chances that exclude each other, for a number below 2^63: below the first the state below is 0 and there is no
/// return, below the second it is 1 without, below the third 0 with returns to be asked for, else 1 with.
pub(super) type Step = [u64; 3];

/// Of one family: what may happen next.
#[derive(Debug, Default)]
pub(super) struct Chances {
    /// `[n_categories]`, cumulative.
    categories: Vec<u64>,
    /// Absence at the root, `[n_categories]`.
    root_absent: Vec<u64>,
    /// `[n_categories][n_nodes][2]`, the last the state above.
    steps: Vec<[Step; 2]>,
    n_nodes: usize,
}

impl Chances {
    /// Reads the chances of one lane of a block; `bridges` is `[n_categories][n_nodes]`.
    pub(super) fn read(&mut self, block: &PosteriorBlock, lane: usize, bridges: &[Bridge], n_nodes: usize) {
        let n_categories = bridges.len() / n_nodes;
        self.n_nodes = n_nodes;
        let shares: Vec<f64> = (0..n_categories)
            .map(|category| block.category(category)[lane])
            .collect();
        self.categories = cumulative(&shares);
        self.root_absent.clear();
        self.steps.clear();
        for (category, bridges) in bridges.chunks(n_nodes).enumerate() {
            let [absent, present] = block.root(category).map(|row| row[lane]);
            self.root_absent.push(cumulative(&[absent, present])[0]);
            for (node, bridge) in bridges.iter().enumerate() {
                let joint = block.branch(category, node).map(|row| row[lane]);
                self.steps
                    .push([0, 1].map(|above| step(above, [joint[2 * above], joint[2 * above + 1]], bridge)));
            }
        }
    }

    #[inline(always)]
    pub(super) fn category(&self, draw: u64) -> usize {
        self.categories.iter().take_while(|&&chance| draw >= chance).count()
    }

    #[inline(always)]
    pub(super) fn root(&self, category: usize, draw: u64) -> usize {
        usize::from(draw >= self.root_absent[category])
    }

    /// Returns what may happen on each branch in a category, `[n_nodes][2]`.
    #[inline(always)]
    pub(super) fn steps(&self, category: usize) -> &[[Step; 2]] {
        &self.steps[category * self.n_nodes..(category + 1) * self.n_nodes]
    }
}

/// Returns the chances of a branch, given the joint posterior of the state above and either state below.
#[inline(always)]
fn step(above: usize, joint: [f64; 2], bridge: &Bridge) -> Step {
    let further = [0, 1].map(|below| bridge.further(above, below));
    let parts = [
        joint[0] * (1.0 - further[0]),
        joint[1] * (1.0 - further[1]),
        joint[0] * further[0],
        joint[1] * further[1],
    ];
    let total = joint[0] + joint[1];
    // An ulp of the posterior may be rounding, not a chance; what has none is never drawn.
    let scale = if total > 0.0 { ONE / total } else { 0.0 };
    let first = parts[0];
    let second = first + parts[1];
    let third = second + parts[2];
    let mut step = [first * scale, second * scale, third * scale].map(|chance| chance as u64);
    // Rounding must leave no room for what cannot be.
    if parts[3] == 0.0 {
        step[2] = u64::MAX;
        if parts[2] == 0.0 {
            step[1] = u64::MAX;
            if parts[1] == 0.0 {
                step[0] = u64::MAX;
            }
        }
    }
    step
}

/// Returns the chances of being at or before each place; the last that has any holds all the rest.
fn cumulative(shares: &[f64]) -> Vec<u64> {
    let total: f64 = shares.iter().sum();
    let mut sum = 0.0;
    let last = shares.iter().rposition(|&share| share > 0.0).unwrap_or(0);
    let chance = |(place, &share): (usize, &f64)| {
        sum += share;
        if place >= last {
            u64::MAX
        } else {
            (sum / total * ONE) as u64
        }
    };
    shares.iter().enumerate().map(chance).collect()
}
