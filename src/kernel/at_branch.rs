//! What a branch's derivative is made of, lane by lane, where plain doubles suffice.

use super::edge::Edge;
use super::observation::Tip;
use super::partial::Partial;
use super::sink::{OfLane, Sink};
use super::transition::Transition;
use std::marker::PhantomData;

/// `cotangent q_i x_j / L` with the partials q from above and x from below.
pub(super) struct AtBranch<'a, E, const W: usize> {
    pub(super) edge: &'a E,
    pub(super) outer: &'a Partial<W>,
    pub(super) inner: &'a Partial<W>,
    pub(super) cotangent: &'a [f64; W],
}

impl<E: Edge<W>, const W: usize> OfLane for AtBranch<'_, E, W> {
    #[inline(always)]
    fn of(&self, lane: usize) -> Transition {
        let p = self.edge.at(lane);
        let q = [self.outer.state[0][lane], self.outer.state[1][lane]];
        let x = [self.inner.state[0][lane], self.inner.state[1][lane]];
        let terms = [q[0] * x[0], q[0] * x[1], q[1] * x[0], q[1] * x[1]];
        let likelihood = (p[0] * terms[0] + p[1] * terms[1]) + (p[2] * terms[2] + p[3] * terms[3]);
        // A division first and a choice after it: no branch, so that lanes stay together.
        let ratio = self.cotangent[lane] / likelihood;
        let factor = if self.cotangent[lane] == 0.0 { 0.0 } else { ratio };
        [
            factor * terms[0],
            factor * terms[1],
            factor * terms[2],
            factor * terms[3],
        ]
    }
}

/// The same above a tip, whose partial is one of a few constants.
pub(super) struct AtTip<'a, E, const W: usize> {
    pub(super) edge: &'a E,
    pub(super) outer: &'a Partial<W>,
    pub(super) observed: Tip<'a>,
    pub(super) cotangent: &'a [f64; W],
}

impl<E: Edge<W>, const W: usize> OfLane for AtTip<'_, E, W> {
    #[inline(always)]
    fn of(&self, lane: usize) -> Transition {
        let p = self.edge.at(lane);
        let [absent, present] = self.observed.partial(lane);
        let q = [self.outer.state[0][lane], self.outer.state[1][lane]];
        let likelihood = q[0] * (p[0] * absent + p[1] * present) + q[1] * (p[2] * absent + p[3] * present);
        let ratio = self.cotangent[lane] / likelihood;
        let factor = if self.cotangent[lane] == 0.0 { 0.0 } else { ratio };
        let (above_absent, above_present) = (factor * q[0], factor * q[1]);
        [
            above_absent * absent,
            above_absent * present,
            above_present * absent,
            above_present * present,
        ]
    }
}

/// A derivative, times the probability if the sink `K` asks for that.
pub(super) struct Weighted<'a, D, E, K, const W: usize> {
    edge: &'a E,
    derivative: D,
    sink: PhantomData<K>,
}

impl<'a, D, E, K, const W: usize> Weighted<'a, D, E, K, W> {
    #[inline(always)]
    pub(super) fn new(edge: &'a E, derivative: D) -> Self {
        Self {
            edge,
            derivative,
            sink: PhantomData,
        }
    }
}

impl<D: OfLane, E: Edge<W>, K: Sink<E, W>, const W: usize> OfLane for Weighted<'_, D, E, K, W> {
    #[inline(always)]
    fn of(&self, lane: usize) -> Transition {
        let derivative = self.derivative.of(lane);
        if K::WEIGHTED {
            let p = self.edge.at(lane);
            [0, 1, 2, 3].map(|entry| derivative[entry] * p[entry])
        } else {
            derivative
        }
    }
}
