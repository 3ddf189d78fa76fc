//! One piece of an evaluation with derivatives.

use super::adjoint::Part;
use super::{PreparedLanes, WIDTH, take};
use crate::kernel::Kernel;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::gradient::{Scratch, downward, upward};
use crate::kernel::lane_edge::Decay;
use crate::kernel::prune::Lanes;
use crate::kernel::root::{Shares, add_weighted, at_root};
use crate::kernel::scaled::Scaled;
use crate::kernel::sink::LaneSink;
use crate::kernel::source::KeptSource;
use crate::kernel::transition::Equilibria;

/// What pieces use one after the other.
pub(super) struct Room {
    scratch: Scratch<WIDTH>,
    equilibria: Vec<Equilibria<WIDTH>>,
    decays: Vec<Decay<WIDTH>>,
    /// Derivatives with respect to gain and loss, `[n_sets]`.
    rates: Vec<[[f64; WIDTH]; 2]>,
}

impl Room {
    pub(super) fn new(kernel: &Kernel, prepared: &PreparedLanes) -> Self {
        let n_sets = prepared.input.n_sets;
        Self {
            scratch: Scratch::new(&kernel.layout),
            equilibria: vec![Equilibria::of([1.0; WIDTH], [1.0; WIDTH]); n_sets],
            decays: vec![Decay::NONE; kernel.problem.tree().n_nodes()],
            rates: vec![[[0.0; WIDTH]; 2]; n_sets],
        }
    }
}

/// Writes the values and derivatives of the patterns from `first` on.
pub(super) fn piece(
    kernel: &Kernel,
    prepared: &PreparedLanes,
    first: usize,
    cotangent: &[f64],
    room: &mut Room,
    result: &mut Part,
) {
    dispatch::run(Piece {
        kernel,
        prepared,
        first,
        cotangent: take(cotangent, first, 0.0),
        room,
        result,
    });
}

struct Piece<'a> {
    kernel: &'a Kernel,
    prepared: &'a PreparedLanes<'a>,
    first: usize,
    cotangent: [f64; WIDTH],
    room: &'a mut Room,
    result: &'a mut Part,
}

impl Work for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self {
            kernel,
            prepared,
            first,
            cotangent,
            room,
            result,
        } = self;
        let (tree, layout) = (kernel.problem.tree(), &kernel.layout);
        let lanes = Lanes::new(kernel.problem.patterns(), first, prepared.recordings());
        let n_categories = prepared.n_categories();
        let mut total = [Scaled::new(0.0, 0); WIDTH];
        for category in 0..n_categories {
            prepared.load(category, first, &mut room.equilibria);
            let source = KeptSource::new(&prepared.branches, &room.equilibria, &mut room.decays);
            upward(tree, layout, &lanes, &source, &mut room.scratch);
            let frequencies: [_; WIDTH] = prepared.root(category, first);
            let likelihood = at_root(room.scratch.root(), |lane| frequencies[lane]);
            add_weighted(&mut total, prepared.input.weights[category], &likelihood);
        }
        for category in 0..n_categories {
            let source = if n_categories > 1 {
                prepared.load(category, first, &mut room.equilibria);
                let source = KeptSource::new(&prepared.branches, &room.equilibria, &mut room.decays);
                upward(tree, layout, &lanes, &source, &mut room.scratch);
                source
            } else {
                KeptSource {
                    branches: &prepared.branches,
                    equilibria: &room.equilibria,
                    decays: &room.decays,
                }
            };
            let (root, weight): ([_; WIDTH], _) = (prepared.root(category, first), prepared.input.weights[category]);
            let frequencies = |lane: usize| -> [f64; 2] { root[lane] };
            let shares = Shares::new(weight, room.scratch.root(), frequencies, &total, &cotangent);
            result.add_root(category, &shares);
            room.rates.fill([[0.0; WIDTH]; 2]);
            let mut sink = LaneSink {
                rates: &mut room.rates,
                length: &mut result.adjoint.branch_length,
                tips: &mut result.adjoint.tips,
            };
            downward(
                tree,
                layout,
                &lanes,
                &source,
                &mut sink,
                &mut room.scratch,
                frequencies,
                &shares.seed,
            );
            result.set_rates(category, &room.rates);
        }
        result.set_values(&total.map(Scaled::ln));
    }
}
