//! One piece of a value evaluation.

use super::{Joins, PreparedLanes, WIDTH, quick};
use crate::kernel::Kernel;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::partial::Partial;
use crate::kernel::prune::{Lanes, prune};
use crate::kernel::root::{add_weighted, at_root};
use crate::kernel::scaled::Scaled;
use crate::kernel::source::FreshSource;
use crate::kernel::transition::Equilibria;

/// What pieces use one after the other.
pub(super) struct Room {
    quick: Option<quick::Room<WIDTH>>,
    slots: Vec<Partial<WIDTH>>,
    equilibria: Vec<Equilibria<WIDTH>>,
}

impl Room {
    /// Returns the room; without `joins` every piece goes the exact way.
    pub(super) fn new(kernel: &Kernel, joins: Option<&Joins>, prepared: &PreparedLanes) -> Self {
        Self {
            quick: joins.map(|joins| quick::Room::new(joins, prepared)),
            slots: vec![Partial::ones(); kernel.plan.n_slots],
            equilibria: vec![Equilibria::of([1.0; WIDTH], [1.0; WIDTH]); prepared.input.n_sets],
        }
    }
}

/// Returns the log-likelihoods of the patterns from `first` on.
pub(super) fn piece(kernel: &Kernel, prepared: &PreparedLanes, first: usize, room: &mut Room) -> [f64; WIDTH] {
    if let Some(room) = &mut room.quick
        && let Some(values) = dispatch::run(QuickPiece {
            kernel,
            prepared,
            first,
            room,
        })
    {
        return values;
    }
    dispatch::run(Piece {
        kernel,
        prepared,
        first,
        room,
    })
}

struct QuickPiece<'a> {
    kernel: &'a Kernel,
    prepared: &'a PreparedLanes<'a>,
    first: usize,
    room: &'a mut quick::Room<WIDTH>,
}

impl Work for QuickPiece<'_> {
    type Output = Option<[f64; WIDTH]>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        quick::values(simd, self.kernel, self.prepared, self.first, self.room)
    }
}

struct Piece<'a> {
    kernel: &'a Kernel,
    prepared: &'a PreparedLanes<'a>,
    first: usize,
    room: &'a mut Room,
}

impl Work for Piece<'_> {
    type Output = [f64; WIDTH];

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> [f64; WIDTH] {
        let (prepared, Room { slots, equilibria, .. }) = (self.prepared, self.room);
        let lanes = Lanes::new(self.kernel.problem.patterns(), self.first, prepared.recordings());
        let mut total = [Scaled::new(0.0, 0); WIDTH];
        for (category, &weight) in prepared.input.weights.iter().enumerate() {
            prepared.load(category, self.first, equilibria);
            let source = FreshSource {
                branches: &prepared.branches,
                equilibria,
            };
            prune(&self.kernel.plan, &lanes, &source, slots);
            let frequencies: [_; WIDTH] = prepared.root(category, self.first);
            add_weighted(&mut total, weight, &at_root(&slots[0], |lane| frequencies[lane]));
        }
        total.map(Scaled::ln)
    }
}
