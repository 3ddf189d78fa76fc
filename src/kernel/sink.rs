//! Where the derivatives of a block of lanes go.

use super::edge::{Edge, SharedEdge};
use super::lane_edge::{Decays, LaneEdge};
use super::transition::Transition;

/// Something of each lane: a closure that is sure to be inlined.
pub(super) trait OfLane {
    /// Returns that of a lane.
    fn of(&self, lane: usize) -> Transition;
}

impl<const W: usize> OfLane for [Transition; W] {
    #[inline(always)]
    fn of(&self, lane: usize) -> Transition {
        self[lane]
    }
}

/// Takes what the pass from the root to the tips finds on the branches, whose probabilities are an `E`.
pub(super) trait Sink<E, const W: usize> {
    /// Whether it takes derivatives with respect to `P_ij` times `P_ij` instead of the derivatives: with cotangent 1 a
    /// posterior probability, which stays a number where the derivative is too large for one.
    const WEIGHTED: bool = false;

    /// Takes the derivatives with respect to `[P00, P01, P10, P11]`, or to their logs where [`Edge::are_logs`] says so,
    /// lane by lane.
    fn collect(&mut self, node: usize, edge: &E, derivative: &impl OfLane);

    /// Takes the derivative with respect to each lane's probabilities that the tip is recorded present.
    fn collect_tip(&mut self, tip: usize, derivative: &[[f64; W]; 2]);
}

/// Sums over the lanes.
pub(super) struct SharedSink<'a> {
    /// `[n_nodes]`.
    pub(super) transitions: &'a mut [Transition],
    /// `[n_tips]`, or empty if the tips record without error.
    pub(super) tips: &'a mut [[f64; 2]],
}

impl<const W: usize> Sink<SharedEdge, W> for SharedSink<'_> {
    #[inline(always)]
    fn collect(&mut self, node: usize, _edge: &SharedEdge, derivative: &impl OfLane) {
        let [mut to_00, mut to_01, mut to_10, mut to_11] = [[0.0; W]; 4];
        for lane in 0..W {
            [to_00[lane], to_01[lane], to_10[lane], to_11[lane]] = derivative.of(lane);
        }
        let rows = [to_00, to_01, to_10, to_11];
        for (total, lanes) in self.transitions[node].iter_mut().zip(&rows) {
            *total += sum(lanes);
        }
    }

    #[inline(always)]
    fn collect_tip(&mut self, tip: usize, derivative: &[[f64; W]; 2]) {
        add_sums(&mut self.tips[tip], derivative);
    }
}

/// Takes derivatives on to gain and loss of each lane, and sums those with respect to the lengths.
pub(super) struct LaneSink<'a, const W: usize> {
    /// Gain and loss, `[n_sets]`.
    pub(super) rates: &'a mut [[[f64; W]; 2]],
    /// `[n_nodes]`.
    pub(super) length: &'a mut [f64],
    /// `[n_tips]`, or empty if the tips record without error.
    pub(super) tips: &'a mut [[f64; 2]],
}

impl<D: Decays, const W: usize> Sink<LaneEdge<'_, D, W>, W> for LaneSink<'_, W> {
    #[inline(always)]
    fn collect(&mut self, node: usize, edge: &LaneEdge<D, W>, derivative: &impl OfLane) {
        let [mut gain, mut loss, mut length] = [[0.0; W]; 3];
        for lane in 0..W {
            [gain[lane], loss[lane], length[lane]] = edge.pull_back(lane, derivative.of(lane));
        }
        // An infinite derivative by a probability of 0 makes a NaN of one or the other.
        if edge.is_tiny() || (sum(&gain) + sum(&loss) + sum(&length)).is_nan() {
            for lane in 0..W {
                [gain[lane], loss[lane], length[lane]] = edge.pull_back_apart(lane, derivative.of(lane));
            }
        }
        let [by_gain, by_loss] = &mut self.rates[edge.set];
        for lane in 0..W {
            by_gain[lane] += gain[lane];
            by_loss[lane] += loss[lane];
        }
        self.length[node] += sum(&length);
    }

    #[inline(always)]
    fn collect_tip(&mut self, tip: usize, derivative: &[[f64; W]; 2]) {
        add_sums(&mut self.tips[tip], derivative);
    }
}

#[inline(always)]
fn add_sums<const W: usize>(totals: &mut [f64; 2], lanes: &[[f64; W]; 2]) {
    for (total, lanes) in totals.iter_mut().zip(lanes) {
        *total += sum(lanes);
    }
}

/// Returns the sum of the lanes as eight running sums, an order that vector registers can follow.
#[inline(always)]
fn sum<const W: usize>(lanes: &[f64; W]) -> f64 {
    let mut running = [0.0; 8];
    let (chunks, rest) = lanes.as_chunks::<8>();
    for chunk in chunks {
        for (sum, value) in running.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    running.iter().chain(rest).sum()
}
