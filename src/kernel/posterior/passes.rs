//! Up and down the tree with cotangent 1, for one block of patterns.

use super::PosteriorBlock;
use crate::kernel::Kernel;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::gradient::{Scratch, Sites, downward, upward};
use crate::kernel::lane_edge::Decay;
use crate::kernel::lanes::PreparedLanes;
use crate::kernel::partial::Partial;
use crate::kernel::root::{Seed, Shares, add_weighted, at_root};
use crate::kernel::scaled::Scaled;
use crate::kernel::shared::Prepared;
use crate::kernel::sink::{OfLane, Sink};
use crate::kernel::source::{KeptSource, SharedSource, Source};
use crate::kernel::transition::Equilibria;

/// A block and what is needed to fill it.
pub(super) struct Room<const W: usize> {
    pub(super) block: PosteriorBlock,
    scratch: Scratch<W>,
    /// `[n_sets]`; empty for shared rates.
    equilibria: Vec<Equilibria<W>>,
    /// `[n_nodes]`; empty for shared rates.
    decays: Vec<Decay<W>>,
}

impl<const W: usize> Room<W> {
    pub(super) fn new(kernel: &Kernel, n_categories: usize, n_sets: usize) -> Self {
        let n_nodes = kernel.problem.tree().n_nodes();
        Self {
            block: PosteriorBlock::new(n_categories, n_nodes, W),
            scratch: Scratch::new(&kernel.layout),
            equilibria: vec![Equilibria::of([1.0; W], [1.0; W]); n_sets],
            decays: vec![Decay::NONE; if n_sets == 0 { 0 } else { n_nodes }],
        }
    }
}

/// Writes posteriors of one category into a block.
struct PosteriorSink<'a> {
    /// `[n_nodes][4][W]`.
    branches: &'a mut [f64],
}

impl<E, const W: usize> Sink<E, W> for PosteriorSink<'_> {
    const WEIGHTED: bool = true;

    #[inline(always)]
    fn collect(&mut self, node: usize, _edge: &E, derivative: &impl OfLane) {
        let rows = &mut self.branches[4 * node * W..4 * (node + 1) * W];
        let (rows, _) = rows.as_chunks_mut::<W>();
        if let [both_absent, gained, lost, both_present] = rows {
            for lane in 0..W {
                [both_absent[lane], gained[lane], lost[lane], both_present[lane]] = derivative.of(lane);
            }
        }
    }

    #[inline(always)]
    fn collect_tip(&mut self, _tip: usize, _derivative: &[[f64; W]; 2]) {}
}

/// Returns the joint posterior of a category and the states of the root.
#[inline(always)]
fn at_root_states<const W: usize>(
    weight: f64,
    partial: &Partial<W>,
    frequencies: &[[f64; 2]; W],
    total: &[Scaled; W],
) -> [[f64; 2]; W] {
    std::array::from_fn(|lane| {
        [0, 1].map(|state| {
            let prior = Scaled::new(weight, 0).times(Scaled::new(frequencies[lane][state], 0));
            prior.times(partial.scaled(state, lane)).over(total[lane])
        })
    })
}

/// Goes up, and adds the likelihoods of a category to `total`.
#[inline(always)]
pub(super) fn rise<const W: usize>(
    sites: &Sites,
    source: &impl Source<W>,
    scratch: &mut Scratch<W>,
    (weight, root): (f64, &[[f64; 2]; W]),
    total: &mut [Scaled; W],
) {
    upward(sites, source, scratch);
    add_weighted(total, weight, &at_root(scratch.root(), |lane| root[lane]));
}

/// Goes down, and writes the posteriors of a category.
#[inline(always)]
fn fall<const W: usize>(
    category: usize,
    sites: &Sites,
    source: &impl Source<W>,
    (scratch, block): (&mut Scratch<W>, &mut PosteriorBlock),
    (weight, root): (f64, &[[f64; 2]; W]),
    total: &[Scaled; W],
) {
    let frequencies = |lane: usize| root[lane];
    // Patterns that cannot arise have no share in anything; they are marked in the end.
    let cotangent = total.map(|total| if total.value == 0.0 { 0.0 } else { 1.0 });
    let shares = Shares::new(weight, scratch.root(), frequencies, total, &cotangent);
    let states = at_root_states(weight, scratch.root(), root, total);
    block.set_root(category, &shares.seed.share, &states);
    // A category that cannot have made a pattern has no posterior there, so its branches need no other divisor.
    let seed = Seed {
        share: shares.seed.share,
        instead: None,
    };
    let mut sink = PosteriorSink {
        branches: block.branches_mut(category),
    };
    downward(sites, source, &mut sink, scratch, frequencies, &seed);
}

/// Fills a block with the posteriors of the patterns from `first` on.
pub(super) fn shared<const W: usize>(kernel: &Kernel, prepared: &Prepared, first: usize, room: &mut Room<W>) {
    dispatch::run(SharedBlock {
        kernel,
        prepared,
        first,
        room,
    });
}

struct SharedBlock<'a, const W: usize> {
    kernel: &'a Kernel,
    prepared: &'a Prepared<'a>,
    first: usize,
    room: &'a mut Room<W>,
}

impl<const W: usize> Work for SharedBlock<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (kernel, prepared, room) = (self.kernel, self.prepared, self.room);
        let sites = Sites::new(kernel, self.first, prepared.recordings());
        let input = prepared.input;
        let n_categories = input.weights.len();
        let of = |category: usize| (input.weights[category], [input.root[category]; W]);
        let mut total = [Scaled::new(0.0, 0); W];
        for category in 0..n_categories {
            let (source, (weight, root)) = (SharedSource(prepared.edges(category)), of(category));
            rise(&sites, &source, &mut room.scratch, (weight, &root), &mut total);
        }
        for category in 0..n_categories {
            let (source, (weight, root)) = (SharedSource(prepared.edges(category)), of(category));
            if n_categories > 1 {
                rise(&sites, &source, &mut room.scratch, (weight, &root), &mut total.clone());
            }
            let room = (&mut room.scratch, &mut room.block);
            fall(category, &sites, &source, room, (weight, &root), &total);
        }
        let last = (self.first + W).min(kernel.problem.patterns().n_patterns());
        room.block.finish(self.first..last, &total);
    }
}

/// As [`shared`], with rates for each pattern.
pub(super) fn lanes<const W: usize>(kernel: &Kernel, prepared: &PreparedLanes, first: usize, room: &mut Room<W>) {
    dispatch::run(LaneBlock {
        kernel,
        prepared,
        first,
        room,
    });
}

struct LaneBlock<'a, const W: usize> {
    kernel: &'a Kernel,
    prepared: &'a PreparedLanes<'a>,
    first: usize,
    room: &'a mut Room<W>,
}

impl<const W: usize> Work for LaneBlock<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (kernel, prepared, first, room) = (self.kernel, self.prepared, self.first, self.room);
        let sites = Sites::new(kernel, first, prepared.recordings());
        let of = |category: usize| -> (f64, [[f64; 2]; W]) {
            (prepared.input.weights[category], prepared.root(category, first))
        };
        let mut total = [Scaled::new(0.0, 0); W];
        for category in 0..prepared.n_categories() {
            let (weight, root) = of(category);
            prepared.load(category, first, &mut room.equilibria);
            let source = KeptSource::new(&prepared.branches, &room.equilibria, &mut room.decays);
            rise(&sites, &source, &mut room.scratch, (weight, &root), &mut total);
        }
        for category in 0..prepared.n_categories() {
            let (weight, root) = of(category);
            prepared.load(category, first, &mut room.equilibria);
            let source = KeptSource::new(&prepared.branches, &room.equilibria, &mut room.decays);
            if prepared.n_categories() > 1 {
                rise(&sites, &source, &mut room.scratch, (weight, &root), &mut total.clone());
            }
            let room = (&mut room.scratch, &mut room.block);
            fall(category, &sites, &source, room, (weight, &root), &total);
        }
        let last = (first + W).min(kernel.problem.patterns().n_patterns());
        room.block.finish(first..last, &total);
    }
}
