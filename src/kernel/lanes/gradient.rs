//! One piece of an evaluation with derivatives.

use super::adjoint::Part;
use super::{Joins, PreparedLanes, WIDTH, quick, take};
use crate::kernel::Kernel;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::gradient::{Scratch, Sites, downward, upward};
use crate::kernel::lane_edge::Decay;
use crate::kernel::root::{Shares, add_weighted, at_root};
use crate::kernel::scaled::Scaled;
use crate::kernel::sink::LaneSink;
use crate::kernel::source::KeptSource;
use crate::kernel::transition::Equilibria;

/// What pieces use one after the other.
pub(super) struct Room {
    quick: Option<quick::GradientRoom<WIDTH>>,
    scratch: Scratch<WIDTH>,
    equilibria: Vec<Equilibria<WIDTH>>,
    decays: Vec<Decay<WIDTH>>,
    /// Derivatives with respect to gain and loss, `[n_sets]`.
    rates: Vec<[[f64; WIDTH]; 2]>,
}

impl Room {
    /// Returns the room; without `joins` every piece goes the exact way; with them there are no derivatives by
    /// branch lengths.
    pub(super) fn new(kernel: &Kernel, joins: Option<&Joins>, prepared: &PreparedLanes) -> Self {
        let n_sets = prepared.input.n_sets;
        Self {
            quick: joins.map(|joins| quick::GradientRoom::new(joins, prepared)),
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
    let cotangent = take(cotangent, first, 0.0);
    if let Some(room) = &mut room.quick
        && let Some(()) = dispatch::run(QuickPiece {
            kernel,
            prepared,
            first,
            cotangent,
            room,
            result,
        })
    {
        return;
    }
    dispatch::run(Piece {
        kernel,
        prepared,
        first,
        cotangent,
        room,
        result,
    });
}

struct QuickPiece<'a> {
    kernel: &'a Kernel,
    prepared: &'a PreparedLanes<'a>,
    first: usize,
    cotangent: [f64; WIDTH],
    room: &'a mut quick::GradientRoom<WIDTH>,
    result: &'a mut Part,
}

impl Work for QuickPiece<'_> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Self { prepared, first, .. } = self;
        quick::gradients(
            simd,
            self.kernel,
            prepared,
            first,
            &self.cotangent,
            self.room,
            self.result,
        )
    }
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
        let sites = Sites::new(kernel, first, prepared.recordings());
        let n_categories = prepared.n_categories();
        let mut total = [Scaled::new(0.0, 0); WIDTH];
        for category in 0..n_categories {
            prepared.load(category, first, &mut room.equilibria);
            let source = KeptSource::new(&prepared.branches, &room.equilibria, &mut room.decays);
            upward(&sites, &source, &mut room.scratch);
            let frequencies: [_; WIDTH] = prepared.root(category, first);
            let likelihood = at_root(room.scratch.root(), |lane| frequencies[lane]);
            add_weighted(&mut total, prepared.input.weights[category], &likelihood);
        }
        for category in 0..n_categories {
            let source = if n_categories > 1 {
                prepared.load(category, first, &mut room.equilibria);
                let source = KeptSource::new(&prepared.branches, &room.equilibria, &mut room.decays);
                upward(&sites, &source, &mut room.scratch);
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
            let shares = Shares::new(&source, weight, room.scratch.root(), frequencies, &total, &cotangent);
            result.add_root(category, &shares.by_root, &shares.by_weight);
            room.rates.fill([[0.0; WIDTH]; 2]);
            let mut sink = LaneSink {
                rates: &mut room.rates,
                length: &mut result.adjoint.branch_length,
                tips: &mut result.adjoint.tips,
            };
            downward(&sites, &source, &mut sink, &mut room.scratch, frequencies, &shares.seed);
            result.set_rates(category, &room.rates);
        }
        result.set_values(&total.map(Scaled::ln));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LaneAdjoint, LaneInput};
    use super::*;
    use crate::kernel::shared::tests::kernel;

    struct Whole<'a>(&'a Kernel, &'a PreparedLanes<'a>);

    impl Work for Whole<'_> {
        type Output = (Vec<f64>, LaneAdjoint);

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let Self(kernel, prepared) = self;
            let mut room = Room::new(kernel, None, prepared);
            let mut result = Part::new(kernel, &prepared.input, WIDTH);
            Piece {
                kernel,
                prepared,
                first: WIDTH,
                cotangent: [0.7; WIDTH],
                room: &mut room,
                result: &mut result,
            }
            .run(simd);
            (result.values, result.adjoint)
        }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        let kernel = kernel();
        let (tree, n) = (kernel.problem.tree(), kernel.problem.patterns().n_patterns());
        let rates: Vec<f64> = (0..4 * n).map(|index| 0.1 + (index % 17) as f64 / 9.0).collect();
        let set_of_branch: Vec<u32> = (0..tree.n_nodes() as u32).map(|node| node % 2).collect();
        let input = LaneInput {
            gain: &rates,
            loss: &rates[1..].iter().copied().chain([1.0]).collect::<Vec<_>>(),
            set_of_branch: &set_of_branch,
            n_sets: 2,
            root: &vec![[0.6, 0.4]; 2 * n],
            weights: &[0.5, 0.5],
            tips: Some(&vec![[0.01, 0.95]; tree.n_tips()]),
        };
        let prepared = PreparedLanes::new(&kernel, input);
        let results = dispatch::run_each(|| Whole(&kernel, &prepared));
        assert!(
            results[0]
                .0
                .iter()
                .chain(&results[0].1.gain)
                .all(|value| value.is_finite())
        );
        // Bit for bit, so compared with ==.
        assert!(results.iter().all(|result| result == &results[0]));
    }
}
