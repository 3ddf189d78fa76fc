//! Up and down the tree with cotangent 1, for one block of patterns after the other, whatever is made of what is found.

use crate::error::Cancelled;
use crate::kernel::Kernel;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::gradient::{Scratch, Sites, upward};
use crate::kernel::lane_edge::Decay;
use crate::kernel::lanes::PreparedLanes;
use crate::kernel::root::{add_weighted, at_root};
use crate::kernel::scaled::Scaled;
use crate::kernel::shared::Prepared;
use crate::kernel::source::{KeptSource, SharedSource, Source};
use crate::kernel::transition::Equilibria;
use crate::parallel::{Monitor, Pool, Workers};
use std::ops::Range;

/// What passes over `W` patterns fill.
pub(super) trait Block<const W: usize> {
    /// Forgets the patterns before.
    fn begin(&mut self);

    /// Goes down with one category, whose partials are in `scratch`, given the likelihoods of all of them.
    fn fall(
        &mut self,
        sites: &Sites,
        source: &impl Source<W>,
        scratch: &mut Scratch<W>,
        category: &Category<W>,
        total: &[Scaled; W],
    );

    /// Takes what is known once all categories were gone through.
    fn finish(&mut self, patterns: Range<usize>, total: &[Scaled; W]);
}

/// One category of a mixture.
pub(super) struct Category<const W: usize> {
    pub(super) number: usize,
    pub(super) weight: f64,
    /// Root frequencies of each lane.
    pub(super) root: [[f64; 2]; W],
}

/// A block and what is needed to fill it.
pub(super) struct Room<B, const W: usize> {
    block: B,
    scratch: Scratch<W>,
    /// `[n_sets]`; empty for shared rates.
    equilibria: Vec<Equilibria<W>>,
    /// `[n_nodes]`; empty for shared rates.
    decays: Vec<Decay<W>>,
}

impl<B: Block<W>, const W: usize> Room<B, W> {
    fn new(kernel: &Kernel, block: B, n_sets: usize) -> Self {
        let n_nodes = kernel.problem.tree().n_nodes();
        Self {
            block,
            scratch: Scratch::new(&kernel.layout),
            equilibria: vec![Equilibria::of([1.0; W], [1.0; W]); n_sets],
            decays: vec![Decay::NONE; if n_sets == 0 { 0 } else { n_nodes }],
        }
    }
}

/// Fills blocks of `W` patterns with `fill`, and visits each; `n_sets` is 0 for shared rates.
pub(super) fn visit<T: Send, B: Block<W> + Send, const W: usize>(
    kernel: &Kernel,
    (block, n_sets): (impl Fn() -> B + Sync, usize),
    workers: &Workers,
    monitor: &Monitor,
    visit: impl Fn(&B) -> T + Sync,
    fill: impl Fn(usize, &mut Room<B, W>) + Sync,
) -> Result<Vec<T>, Cancelled> {
    let n_blocks = kernel.problem.patterns().n_patterns().div_ceil(W);
    let rooms = Pool::default();
    workers.map(n_blocks, |number| {
        monitor.check()?;
        let work = |room: &mut Room<B, W>| {
            fill(number * W, room);
            visit(&room.block)
        };
        Ok(rooms.with(|| Room::new(kernel, block(), n_sets), work))
    })
}

/// Goes up, and adds the likelihoods of a category to `total`.
#[inline(always)]
fn rise<const W: usize>(
    sites: &Sites,
    source: &impl Source<W>,
    scratch: &mut Scratch<W>,
    category: &Category<W>,
    total: &mut [Scaled; W],
) {
    upward(sites, source, scratch);
    add_weighted(
        total,
        category.weight,
        &at_root(scratch.root(), |lane| category.root[lane]),
    );
}

/// Fills a block with the patterns from `first` on.
pub(super) fn shared<B: Block<W>, const W: usize>(
    kernel: &Kernel,
    prepared: &Prepared,
    first: usize,
    room: &mut Room<B, W>,
) {
    dispatch::run(SharedBlock {
        kernel,
        prepared,
        first,
        room,
    });
}

struct SharedBlock<'a, B, const W: usize> {
    kernel: &'a Kernel,
    prepared: &'a Prepared<'a>,
    first: usize,
    room: &'a mut Room<B, W>,
}

impl<B: Block<W>, const W: usize> Work for SharedBlock<'_, B, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (kernel, prepared, first) = (self.kernel, self.prepared, self.first);
        let Room { block, scratch, .. } = self.room;
        let sites = Sites::new(kernel, first, prepared.recordings());
        let input = prepared.input;
        let n_categories = input.weights.len();
        let of = |number: usize| Category {
            number,
            weight: input.weights[number],
            root: [input.root[number]; W],
        };
        let mut total = [Scaled::new(0.0, 0); W];
        block.begin();
        for number in 0..n_categories {
            let (source, category) = (SharedSource(prepared.edges(number)), of(number));
            rise(&sites, &source, scratch, &category, &mut total);
        }
        for number in 0..n_categories {
            let (source, category) = (SharedSource(prepared.edges(number)), of(number));
            if n_categories > 1 {
                upward(&sites, &source, scratch);
            }
            block.fall(&sites, &source, scratch, &category, &total);
        }
        block.finish(patterns_of::<W>(kernel, first), &total);
    }
}

/// As [`shared`], with rates for each pattern.
pub(super) fn lanes<B: Block<W>, const W: usize>(
    kernel: &Kernel,
    prepared: &PreparedLanes,
    first: usize,
    room: &mut Room<B, W>,
) {
    dispatch::run(LaneBlock {
        kernel,
        prepared,
        first,
        room,
    });
}

struct LaneBlock<'a, B, const W: usize> {
    kernel: &'a Kernel,
    prepared: &'a PreparedLanes<'a>,
    first: usize,
    room: &'a mut Room<B, W>,
}

impl<B: Block<W>, const W: usize> Work for LaneBlock<'_, B, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (kernel, prepared, first) = (self.kernel, self.prepared, self.first);
        let Room {
            block,
            scratch,
            equilibria,
            decays,
        } = self.room;
        let sites = Sites::new(kernel, first, prepared.recordings());
        let of = |number: usize| Category {
            number,
            weight: prepared.input.weights[number],
            root: prepared.root(number, first),
        };
        let mut total = [Scaled::new(0.0, 0); W];
        block.begin();
        for number in 0..prepared.n_categories() {
            prepared.load(number, first, equilibria);
            let source = KeptSource::new(&prepared.branches, equilibria, decays);
            rise(&sites, &source, scratch, &of(number), &mut total);
        }
        for number in 0..prepared.n_categories() {
            prepared.load(number, first, equilibria);
            let source = KeptSource::new(&prepared.branches, equilibria, decays);
            if prepared.n_categories() > 1 {
                upward(&sites, &source, scratch);
            }
            block.fall(&sites, &source, scratch, &of(number), &total);
        }
        block.finish(patterns_of::<W>(kernel, first), &total);
    }
}

/// Returns which patterns the block from `first` on holds.
fn patterns_of<const W: usize>(kernel: &Kernel, first: usize) -> Range<usize> {
    first..(first + W).min(kernel.problem.patterns().n_patterns())
}
