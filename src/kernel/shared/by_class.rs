//! Shared rates over subtree classes.

use super::{Prepared, SharedAdjoint};
use crate::error::Cancelled;
use crate::kernel::classes::{Buffers, Classes, Drifted, Mixture, Tape};
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::edge::SharedEdge;
use crate::kernel::observation::{append_recordings, split_adjoint};
use crate::kernel::{Kernel, part_bounds};
use crate::parallel::{Monitor, Workers};
use std::borrow::Cow;

impl Kernel {
    /// Returns the probabilities that classes need: those of the tips with their recordings behind them.
    fn class_edges<'a>(&self, prepared: &'a Prepared) -> Cow<'a, [SharedEdge]> {
        let mut edges = Cow::Borrowed(prepared.edges.as_slice());
        if let Some(recordings) = prepared.recordings() {
            append_recordings(
                self.problem.tree(),
                recordings,
                prepared.input.transitions,
                edges.to_mut(),
            );
        }
        edges
    }

    /// Returns nothing if the states of a class drifted too far apart.
    pub(super) fn class_log_likelihoods(
        &self,
        classes: &Classes,
        prepared: &Prepared,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Option<Vec<f64>>, Cancelled> {
        let edges = self.class_edges(prepared);
        let mixture = Mixture {
            edges: &edges,
            root: prepared.input.root,
            weights: prepared.input.weights,
        };
        // About a nanosecond a class.
        let estimate = classes.n_classes() * mixture.weights.len();
        let stretches = workers.map_estimated(classes.n_stretches(), estimate, |stretch| {
            monitor.check()?;
            Ok(classes.with_buffers(|buffers| {
                dispatch::run(ClassValue {
                    classes,
                    stretch,
                    mixture,
                    buffers,
                })
            }))
        })?;
        let values: Result<Vec<_>, Drifted> = stretches.into_iter().collect();
        Ok(values.ok().map(|stretches| stretches.concat()))
    }

    /// Returns nothing if the states of a class drifted too far apart.
    pub(super) fn class_vector_jacobian(
        &self,
        classes: &Classes,
        prepared: &Prepared,
        cotangent: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Option<(Vec<f64>, SharedAdjoint)>, Cancelled> {
        let edges = self.class_edges(prepared);
        let input = prepared.input;
        let mixture = Mixture {
            edges: &edges,
            root: input.root,
            weights: input.weights,
        };
        let (n_categories, n_nodes) = (input.weights.len(), self.problem.tree().n_nodes());
        let n_parts = self.n_parts(classes.n_stretches());
        // About three nanoseconds a class.
        let estimate = 3 * classes.n_classes() * n_categories;
        let parts = workers.map_estimated(n_parts, estimate, |part| {
            let (mut values, mut adjoint) = (Vec::new(), SharedAdjoint::zeros(n_categories, n_nodes, 0));
            for stretch in part_bounds(classes.n_stretches(), n_parts, part) {
                monitor.check()?;
                let (values, adjoint) = (&mut values, &mut adjoint);
                let work = |tape: &mut Tape| {
                    dispatch::run(ClassGradient {
                        classes,
                        stretch,
                        mixture,
                        cotangent,
                        tape,
                        values,
                        adjoint,
                    })
                };
                if classes.with_tape(work).is_err() {
                    return Ok(None);
                }
            }
            Ok(Some((values, adjoint)))
        })?;
        let mut total = SharedAdjoint::zeros(n_categories, n_nodes, 0);
        let mut values = Vec::with_capacity(cotangent.len());
        for part in parts {
            let Some((part_values, part)) = part else {
                return Ok(None);
            };
            values.extend(part_values);
            total.add(&part);
        }
        if let Some(tips) = input.tips {
            total.tips = split_adjoint(self.problem.tree(), tips, input.transitions, &mut total.transitions);
        }
        Ok(Some((values, total)))
    }
}

struct ClassValue<'a> {
    classes: &'a Classes,
    stretch: usize,
    mixture: Mixture<'a>,
    buffers: &'a mut Buffers,
}

impl Work for ClassValue<'_> {
    type Output = Result<Vec<f64>, Drifted>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let mut values = Vec::new();
        self.classes
            .log_likelihoods(simd, self.stretch, &self.mixture, self.buffers, &mut values)?;
        Ok(values)
    }
}

struct ClassGradient<'a> {
    classes: &'a Classes,
    stretch: usize,
    mixture: Mixture<'a>,
    cotangent: &'a [f64],
    tape: &'a mut Tape,
    values: &'a mut Vec<f64>,
    adjoint: &'a mut SharedAdjoint,
}

impl Work for ClassGradient<'_> {
    type Output = Result<(), Drifted>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let output = (self.values, self.adjoint);
        self.classes
            .vector_jacobian(simd, self.stretch, &self.mixture, self.cotangent, self.tape, output)
    }
}
