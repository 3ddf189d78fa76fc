//! The derivatives of an evaluation with rates for each pattern, and how those of its parts are put together.

use super::LaneInput;
use crate::kernel::Kernel;

/// Derivatives with respect to the fields of [`LaneInput`] and the branch lengths.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LaneAdjoint {
    /// `[n_categories][n_sets][n_patterns]`.
    pub gain: Vec<f64>,
    /// `[n_categories][n_sets][n_patterns]`.
    pub loss: Vec<f64>,
    /// `[n_nodes]`; 0 for the root; empty from [`lane_rate_jacobian`](crate::kernel::Kernel::lane_rate_jacobian).
    pub branch_length: Vec<f64>,
    /// `[n_categories][n_patterns]`.
    pub root: Vec<[f64; 2]>,
    /// `[n_categories]`.
    pub weights: Vec<f64>,
    /// `[n_tips]`; empty if the tips are recorded without error.
    pub tips: Vec<[f64; 2]>,
}

/// Values and derivatives of neighbouring patterns.
pub(super) struct Part {
    pub(super) values: Vec<f64>,
    /// As [`LaneAdjoint`], with `[n_lanes]` for `[n_patterns]`.
    pub(super) adjoint: LaneAdjoint,
    n_lanes: usize,
    n_sets: usize,
    first: usize,
}

impl Part {
    pub(super) fn new(kernel: &Kernel, input: &LaneInput, n_lanes: usize) -> Self {
        let n_categories = input.weights.len();
        Self {
            values: vec![0.0; n_lanes],
            adjoint: LaneAdjoint {
                gain: vec![0.0; n_categories * input.n_sets * n_lanes],
                loss: vec![0.0; n_categories * input.n_sets * n_lanes],
                root: vec![[0.0; 2]; n_categories * n_lanes],
                ..sums(kernel, input)
            },
            n_lanes,
            n_sets: input.n_sets,
            first: 0,
        }
    }

    /// Sets the lane, within the part, with which the next piece begins.
    pub(super) fn begin(&mut self, first: usize) {
        self.first = first;
    }

    #[inline(always)]
    pub(super) fn set_values<const W: usize>(&mut self, values: &[f64; W]) {
        self.values[self.first..self.first + W].copy_from_slice(values);
    }

    /// Takes the derivatives with respect to the root frequencies and the weight.
    #[inline(always)]
    pub(super) fn add_root<const W: usize>(&mut self, category: usize, by_root: &[[f64; 2]; W], by_weight: &[f64; W]) {
        let start = category * self.n_lanes + self.first;
        self.adjoint.root[start..start + W].copy_from_slice(by_root);
        self.adjoint.weights[category] += by_weight.iter().sum::<f64>();
    }

    /// Writes the derivatives with respect to gain and loss, `[n_sets]`.
    #[inline(always)]
    pub(super) fn set_rates<const W: usize>(&mut self, category: usize, rates: &[[[f64; W]; 2]]) {
        for (set, [gain, loss]) in rates.iter().enumerate() {
            let start = (category * self.n_sets + set) * self.n_lanes + self.first;
            self.adjoint.gain[start..start + W].copy_from_slice(gain);
            self.adjoint.loss[start..start + W].copy_from_slice(loss);
        }
    }
}

/// Returns zeros for what is summed over the patterns.
fn sums(kernel: &Kernel, input: &LaneInput) -> LaneAdjoint {
    LaneAdjoint {
        branch_length: vec![0.0; kernel.problem.tree().n_nodes()],
        weights: vec![0.0; input.weights.len()],
        tips: vec![[0.0; 2]; input.tips.map_or(0, <[_]>::len)],
        ..LaneAdjoint::default()
    }
}

/// Returns the values and derivatives of all parts, sums in their order.
pub(super) fn join(kernel: &Kernel, input: &LaneInput, parts: &[Part]) -> (Vec<f64>, LaneAdjoint) {
    let n_patterns = kernel.problem.patterns().n_patterns();
    let n_rows = input.weights.len() * input.n_sets;
    let mut total = LaneAdjoint {
        gain: rows(parts, n_rows, n_patterns, |part| &part.adjoint.gain),
        loss: rows(parts, n_rows, n_patterns, |part| &part.adjoint.loss),
        root: rows(parts, input.weights.len(), n_patterns, |part| &part.adjoint.root),
        ..sums(kernel, input)
    };
    for Part { adjoint, .. } in parts {
        add(&mut total.branch_length, &adjoint.branch_length);
        add(&mut total.weights, &adjoint.weights);
        add(total.tips.as_flattened_mut(), adjoint.tips.as_flattened());
    }
    (rows(parts, 1, n_patterns, |part| &part.values), total)
}

/// Returns what each part has in rows of lanes as rows of patterns.
fn rows<T: Copy>(parts: &[Part], n_rows: usize, n_patterns: usize, of: impl Fn(&Part) -> &[T]) -> Vec<T> {
    let n_lanes: usize = parts.iter().map(|part| part.n_lanes).sum();
    let mut joined = Vec::with_capacity(n_rows * n_patterns + n_lanes);
    for row in 0..n_rows {
        for part in parts {
            joined.extend_from_slice(&of(part)[row * part.n_lanes..(row + 1) * part.n_lanes]);
        }
        joined.truncate((row + 1) * n_patterns);
    }
    joined
}

fn add(total: &mut [f64], part: &[f64]) {
    for (total, part) in total.iter_mut().zip(part) {
        *total += part;
    }
}
