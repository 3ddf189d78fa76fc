//! What the tests of pieces are drawn from: trees, cells and rates, and what may be odd about them.

use super::super::{LaneInput, PreparedLanes, WIDTH, quick};
use crate::kernel::Kernel;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::problem::{NO_PARENT, Names, Patterns, PresenceTable, Problem, Tree};
use std::sync::Arc;

/// A small generator of random numbers (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }
}

/// What is drawn at random, and what may be odd about it.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) n_tips: usize,
    pub(super) n_lanes: usize,
    /// Share of nodes with one or three children.
    pub(super) odd: f64,
    /// Share of inner branches of length 0.
    pub(super) zero: f64,
    pub(super) length: fn(&mut Random) -> f64,
    pub(super) rate: fn(&mut Random) -> f64,
    pub(super) present: f64,
    pub(super) missing: f64,
    pub(super) n_categories: usize,
    pub(super) n_sets: usize,
    pub(super) has_errors: bool,
}

pub(super) fn usual_length(random: &mut Random) -> f64 {
    -0.1 * (1.0 - random.unit()).ln()
}

pub(super) fn usual_rate(random: &mut Random) -> f64 {
    0.05 + 2.0 * random.unit()
}

pub(super) const USUAL: Kind = Kind {
    n_tips: 60,
    n_lanes: 50,
    odd: 0.0,
    zero: 0.0,
    length: usual_length,
    rate: usual_rate,
    present: 0.4,
    missing: 0.0,
    n_categories: 1,
    n_sets: 1,
    has_errors: false,
};

/// Everything that an evaluation is given.
pub(super) struct Drawn {
    pub(super) kernel: Kernel,
    pub(super) gain: Vec<f64>,
    pub(super) loss: Vec<f64>,
    pub(super) root: Vec<[f64; 2]>,
    pub(super) weights: Vec<f64>,
    pub(super) set_of_branch: Vec<u32>,
    pub(super) n_sets: usize,
    pub(super) tips: Option<Vec<[f64; 2]>>,
}

impl Drawn {
    pub(super) fn new(kind: Kind, random: &mut Random) -> Self {
        Self::over(draw_tree(kind, random), kind, random)
    }

    pub(super) fn over(tree: Tree, kind: Kind, random: &mut Random) -> Self {
        let n_tips = tree.n_tips();
        let cells = ndarray::Array2::from_shape_simple_fn((n_tips, kind.n_lanes), || {
            let known = random.unit() >= kind.missing;
            if known {
                i8::from(random.unit() < kind.present)
            } else {
                -1
            }
        });
        let names: Names = (0..kind.n_lanes).map(|family| family.to_string()).collect();
        let tip_names = (0..n_tips).map(|tip| tip.to_string()).collect();
        let table = PresenceTable::from_matrix(cells.view(), tip_names, names).unwrap();
        let columns: Vec<u32> = (0..n_tips as u32).collect();
        let patterns = Patterns::one_per_family(&table, &columns);
        let n_rows = kind.n_categories * kind.n_sets;
        let mut rates = || -> Vec<f64> { (0..n_rows * kind.n_lanes).map(|_| (kind.rate)(random)).collect() };
        let (gain, loss) = (rates(), rates());
        let present: Vec<f64> = (0..kind.n_categories * kind.n_lanes).map(|_| random.unit()).collect();
        let errors: Vec<[f64; 2]> = (0..n_tips)
            .map(|_| [0.1 * random.unit(), 1.0 - 0.1 * random.unit()])
            .collect();
        Self {
            set_of_branch: (0..tree.n_nodes()).map(|_| random.below(kind.n_sets) as u32).collect(),
            kernel: Kernel::new(Arc::new(Problem::new(tree, patterns))),
            gain,
            loss,
            root: present.iter().map(|present| [1.0 - present, *present]).collect(),
            weights: (0..kind.n_categories).map(|_| 0.2 + random.unit()).collect(),
            n_sets: kind.n_sets,
            tips: kind.has_errors.then_some(errors),
        }
    }

    pub(super) fn input(&self) -> LaneInput<'_> {
        LaneInput {
            gain: &self.gain,
            loss: &self.loss,
            set_of_branch: &self.set_of_branch,
            n_sets: self.n_sets,
            root: &self.root,
            weights: &self.weights,
            tips: self.tips.as_deref(),
        }
    }

    /// Returns how many pieces there are, and how many a table suffices for.
    pub(super) fn n_quick(&self) -> (usize, usize) {
        let prepared = PreparedLanes::new(&self.kernel, self.input());
        let Some(joins) = self.kernel.joins() else {
            return (0, 0);
        };
        let mut room = quick::Room::new(joins, &prepared);
        let n_pieces = prepared.n_patterns.div_ceil(WIDTH);
        let is_quick = |&piece: &usize| {
            let work = Quick(&self.kernel, &prepared, piece * WIDTH, &mut room);
            dispatch::run(work).is_some()
        };
        (n_pieces, (0..n_pieces).filter(is_quick).count())
    }

    pub(super) fn cotangent(&self) -> Vec<f64> {
        let n = self.kernel.problem.patterns().n_patterns();
        (0..n).map(|lane| 0.3 + (lane % 5) as f64 / 3.0).collect()
    }
}

struct Quick<'a>(&'a Kernel, &'a PreparedLanes<'a>, usize, &'a mut quick::Room<WIDTH>);

impl Work for Quick<'_> {
    type Output = Option<[f64; WIDTH]>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        quick::values(simd, self.0, self.1, self.2, self.3)
    }
}

/// Returns a tree in post-order whose tips are numbered as they come.
pub(super) fn draw_tree(kind: Kind, random: &mut Random) -> Tree {
    let (mut parent, mut length, mut open) = (Vec::new(), Vec::new(), Vec::<u32>::new());
    let mut n_left = kind.n_tips;
    while n_left > 0 || open.len() > 1 {
        let joins = open.len() > 1 && (n_left == 0 || random.unit() < 0.5);
        let node = parent.len() as u32;
        parent.push(NO_PARENT);
        length.push((kind.length)(random));
        if joins || (!open.is_empty() && random.unit() < kind.odd / 2.0) {
            let most = if random.unit() < kind.odd { 3 } else { 2 };
            let n_children = if joins { most.min(open.len()) } else { 1 };
            for child in open.drain(open.len() - n_children..) {
                parent[child as usize] = node;
            }
            if random.unit() < kind.zero {
                length[node as usize] = 0.0;
            }
        } else {
            n_left -= 1;
        }
        open.push(node);
    }
    let names: Names = (0..parent.len()).map(|node| format!("n{node}")).collect();
    Tree::new(parent, length, names).unwrap()
}
