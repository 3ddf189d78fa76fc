//! The posteriors of a block of patterns.

use super::passes::{Block, Category};
use crate::kernel::gradient::{Scratch, Sites, downward};
use crate::kernel::partial::Partial;
use crate::kernel::root::{Seed, Shares};
use crate::kernel::scaled::Scaled;
use crate::kernel::sink::{OfLane, Sink};
use crate::kernel::source::Source;
use std::ops::Range;

/// The posteriors of neighbouring patterns.
///
/// All of them sum to 1 for each pattern, over the categories and, at each branch, over the four pairs of states. A
/// pattern that cannot arise has none: its log-likelihood is minus infinity and all else NaN.
#[derive(Debug, Clone)]
pub struct PosteriorBlock {
    patterns: Range<usize>,
    width: usize,
    root_node: usize,
    log_likelihoods: Vec<f64>,
    /// `[n_categories][width]`.
    categories: Vec<f64>,
    /// `[n_categories][n_nodes][4][width]`.
    branches: Vec<f64>,
}

impl PosteriorBlock {
    pub(super) fn new(n_categories: usize, n_nodes: usize, width: usize) -> Self {
        Self {
            patterns: 0..0,
            width,
            root_node: n_nodes - 1,
            log_likelihoods: vec![0.0; width],
            categories: vec![0.0; n_categories * width],
            branches: vec![0.0; 4 * n_categories * n_nodes * width],
        }
    }

    /// Returns which patterns these are.
    #[must_use]
    pub fn patterns(&self) -> Range<usize> {
        self.patterns.clone()
    }

    /// Returns the log-likelihood of each pattern of the block, natural log.
    #[must_use]
    pub fn log_likelihoods(&self) -> &[f64] {
        &self.log_likelihoods[..self.patterns.len()]
    }

    /// Returns the posterior probability of a category, for each pattern of the block.
    #[must_use]
    pub fn category(&self, category: usize) -> &[f64] {
        &self.categories[category * self.width..][..self.patterns.len()]
    }

    /// Returns the joint posterior of a category, state i above the branch of `node` and state j below it, at 2 i + j,
    /// each for every pattern of the block.
    ///
    /// The root stands for a branch on which nothing changes. The state of a tip is the true one, which may differ
    /// from what was recorded.
    #[must_use]
    pub fn branch(&self, category: usize, node: usize) -> [&[f64]; 4] {
        let first = 4 * (category * (self.root_node + 1) + node);
        [0, 1, 2, 3].map(|entry| &self.branches[(first + entry) * self.width..][..self.patterns.len()])
    }

    /// Returns the joint posterior of a category and each state of the root, for every pattern of the block.
    #[must_use]
    pub fn root(&self, category: usize) -> [&[f64]; 2] {
        let [absent, _, _, present] = self.branch(category, self.root_node);
        [absent, present]
    }

    /// Takes what is known at the root, given its posteriors.
    fn set_root<const W: usize>(&mut self, category: usize, shares: &[f64; W], root: &[[f64; 2]; W]) {
        self.categories[category * W..(category + 1) * W].copy_from_slice(shares);
        let first = 4 * (category * (self.root_node + 1) + self.root_node) * W;
        let rows = &mut self.branches[first..first + 4 * W];
        rows.fill(0.0);
        for lane in 0..W {
            rows[lane] = root[lane][0];
            rows[3 * W + lane] = root[lane][1];
        }
    }

    /// Returns where the branches of a category are written, `[n_nodes][4][width]`.
    fn branches_mut(&mut self, category: usize) -> &mut [f64] {
        let size = 4 * (self.root_node + 1) * self.width;
        &mut self.branches[category * size..(category + 1) * size]
    }
}

impl<const W: usize> Block<W> for PosteriorBlock {
    fn begin(&mut self) {}

    #[inline(always)]
    fn fall(
        &mut self,
        sites: &Sites,
        source: &impl Source<W>,
        scratch: &mut Scratch<W>,
        category: &Category<W>,
        total: &[Scaled; W],
    ) {
        let Category { number, weight, root } = *category;
        let frequencies = |lane: usize| root[lane];
        // Patterns that cannot arise have no share in anything; they are marked in the end.
        let cotangent = total.map(|total| if total.value == 0.0 { 0.0 } else { 1.0 });
        let shares = Shares::new(source, weight, scratch.root(), frequencies, total, &cotangent);
        let states = at_root_states(weight, scratch.root(), &root, total);
        self.set_root(number, &shares.seed.share, &states);
        // A category that cannot have made a pattern has no posterior there, so its branches need no other divisor.
        let seed = Seed {
            share: shares.seed.share,
            instead: None,
        };
        let mut sink = PosteriorSink {
            branches: self.branches_mut(number),
        };
        downward(sites, source, &mut sink, scratch, frequencies, &seed);
    }

    /// Ends a block: no posterior where there is no likelihood.
    fn finish(&mut self, patterns: Range<usize>, total: &[Scaled; W]) {
        self.patterns = patterns;
        self.log_likelihoods.copy_from_slice(&total.map(Scaled::ln));
        for lane in (0..W).filter(|&lane| total[lane].value == 0.0) {
            for row in self.categories.chunks_mut(W).chain(self.branches.chunks_mut(W)) {
                row[lane] = f64::NAN;
            }
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
