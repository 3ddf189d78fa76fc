//! States down the tree given that the number of recorded presences lies in a window: by construction.
//!
//! Rejection wastes nearly all draws where hardly any family is recorded. Instead the counting programme runs up the
//! tree once: for each node and each state of it, the probability of each number p of recorded presences among the m
//! tips below. Numbers p < `low` and absences q = m - p < `high` stand each by itself, all between in one lump, as in
//! the window of the model. Then each family goes down: the root's state and number are drawn among those wanted; at a
//! node the number is divided among the children, the last child first, each pair in proportion to its probability in
//! the convolution; the child's state is drawn given its number. What comes out is distributed exactly as the
//! accepted draws of a rejection would be.
//!
//! All these probabilities are tabulated beforehand, so that a family costs a few steps a node.
//!
//! Only sums of products of probabilities, so nothing cancels; [`Counting::new`] refuses windows of probability below
//! [`SMALLEST`], where entries may have been lost to underflow, and tables of more than [`MOST_ENTRIES`].

use super::chance::{Chance, place};
use crate::kernel::Transition;
use crate::parallel::Random;
use crate::problem::Tree;
use std::ops::Range;

/// Windows of smaller probability are refused.
pub(super) const SMALLEST: f64 = 1e-250;
/// Numbers that the tables of one rate category may hold: half a gigabyte.
const MOST_ENTRIES: usize = 1 << 25;

/// Which numbers stand by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    low: usize,
    high: usize,
}

impl Shape {
    fn length(self, n_tips: usize) -> usize {
        (n_tips + 1).min(self.low + self.high + 1)
    }

    /// Returns the entry of a number of presences among so many tips.
    fn entry(self, n_tips: usize, presences: usize) -> usize {
        if n_tips <= self.low + self.high || presences < self.low {
            presences
        } else if presences + self.high > n_tips {
            self.low + presences + self.high - n_tips
        } else {
            self.low
        }
    }

    /// Returns the number of presences that an entry stands for; `None` for the lump.
    fn presences(self, n_tips: usize, entry: usize) -> Option<usize> {
        if n_tips <= self.low + self.high || entry < self.low {
            Some(entry)
        } else if entry == self.low {
            None
        } else {
            Some(n_tips + entry - self.low - self.high)
        }
    }

    /// Returns the entry of two sets of tips together.
    fn join(self, left: (usize, usize), right: (usize, usize)) -> usize {
        match (self.presences(left.0, left.1), self.presences(right.0, right.1)) {
            (Some(a), Some(b)) => self.entry(left.0 + right.0, a + b),
            _ => self.low,
        }
    }
}

/// Returns the shape with the fewest entries that can tell a window, and the entries at the root that are in it.
fn cheapest(lowest: usize, highest: usize, n_tips: usize) -> (Shape, Range<usize>) {
    let outside = Shape {
        low: lowest,
        high: n_tips - highest,
    };
    let few = Shape {
        low: highest + 1,
        high: 0,
    };
    let many = Shape {
        low: 0,
        high: n_tips - lowest + 1,
    };
    let size = |shape: &Shape| shape.low + shape.high;
    let best = [outside, few, many].into_iter().min_by_key(size).unwrap_or(outside);
    (best, best.entry(n_tips, lowest)..best.entry(n_tips, highest) + 1)
}

/// Two rows, for states 0 and 1, of a node.
type Rows = [Vec<f64>; 2];

/// What a node needs to know when it is told its number.
#[derive(Debug, Default)]
struct Below {
    n_tips: usize,
    /// That its state is 1, given the state above it and its own entry.
    present: [Vec<Chance>; 2],
    /// How an entry of it and its earlier siblings divides, given the state above; empty for a first child.
    splits: [Splits; 2],
}

/// For each entry the pairs that make it, `start[entry]..start[entry + 1]`.
#[derive(Debug, Default)]
struct Splits {
    start: Vec<u32>,
    pairs: Vec<Pair>,
}

/// An entry of the earlier siblings, one of the node itself, and the chance of this pair or one before it.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    up_to: Chance,
    other: u32,
    own: u32,
}

impl Splits {
    fn new(shape: Shape, sizes: (usize, usize), left: &[f64], right: &[f64], joined: &[f64]) -> Self {
        let pairs = || {
            let of = |other: usize| (0..right.len()).map(move |own| (other, own));
            let entry = |(other, own)| (shape.join((sizes.0, other), (sizes.1, own)), other, own);
            (0..left.len())
                .flat_map(of)
                .map(entry)
                .filter(|&(_, other, own)| left[other] * right[own] > 0.0)
        };
        let mut start = vec![0; joined.len() + 1];
        pairs().for_each(|(entry, ..)| start[entry + 1] += 1);
        (0..joined.len()).for_each(|entry| start[entry + 1] += start[entry]);
        let mut next: Vec<u32> = start.clone();
        let mut sums = vec![0.0; joined.len()];
        let mut sorted = vec![Pair::default(); start[joined.len()] as usize];
        for (entry, other, own) in pairs() {
            sums[entry] += left[other] * right[own];
            let is_last = next[entry] + 1 == start[entry + 1];
            sorted[next[entry] as usize] = Pair {
                up_to: Chance::new(if is_last { 1.0 } else { sums[entry] / joined[entry] }),
                other: other as u32,
                own: own as u32,
            };
            next[entry] += 1;
        }
        Self { start, pairs: sorted }
    }

    /// Draws the two parts of an entry.
    fn draw(&self, entry: u32, random: &mut Random) -> (u32, u32) {
        let pairs = &self.pairs[self.start[entry as usize] as usize..self.start[entry as usize + 1] as usize];
        let pair = match pairs {
            [only] => only,
            _ => {
                let draw = Chance::draw(random);
                let chosen = pairs.iter().find(|pair| pair.up_to.holds(draw));
                // Only an entry of probability 0 has no pairs, and none such is drawn.
                let Some(pair) = chosen else { return (0, 0) };
                pair
            }
        };
        (pair.other, pair.own)
    }
}

/// The tables of one rate category.
#[derive(Debug)]
pub(super) struct Counting {
    below: Vec<Below>,
    /// Entry and state of the root, and their weights.
    at_root: Vec<(u32, u8)>,
    weights: Vec<f64>,
    total: f64,
}

/// Why tables were refused, in words.
pub(super) type Refusal = String;

impl Counting {
    /// Runs the counting programme.
    ///
    /// `tips` is the probability that a tip is recorded as present given its state, `[n_tips]`; without it 0 and 1.
    pub(super) fn new(
        tree: &Tree,
        (lowest, highest): (usize, usize),
        transitions: &[Transition],
        root: [f64; 2],
        tips: Option<&[[f64; 2]]>,
    ) -> Result<Self, Refusal> {
        let (shape, wanted) = cheapest(lowest, highest, tree.n_tips());
        let n_tips = tips_below(tree);
        let n_entries = n_entries(tree, shape, &n_tips);
        if n_entries > MOST_ENTRIES {
            return Err(format!("too large ({:.0e} entries)", n_entries as f64));
        }
        let mut own: Vec<Rows> = vec![Rows::default(); tree.n_nodes()];
        for (position, &tip) in tree.tips().iter().enumerate() {
            let present = tips.map_or([0.0, 1.0], |tips| tips[position]);
            own[tip as usize] = present.map(|present| vec![1.0 - present, present]);
        }
        let below = n_tips.into_iter().map(|n_tips| Below {
            n_tips,
            ..Below::default()
        });
        let mut below: Vec<Below> = below.collect();
        for node in 0..tree.n_nodes() {
            join_children(tree, node, shape, transitions, &mut own, &mut below);
        }
        let at_root = wanted.flat_map(|entry| [(entry as u32, 0), (entry as u32, 1)]);
        let mut counting = Self {
            below,
            at_root: at_root.collect(),
            weights: Vec::new(),
            total: 0.0,
        };
        let rows = &own[tree.root()];
        let weight = |&(entry, state): &(u32, u8)| root[usize::from(state)] * rows[usize::from(state)][entry as usize];
        counting.weights = counting.at_root.iter().map(weight).collect();
        counting.total = counting.weights.iter().sum();
        if counting.total < SMALLEST {
            return Err("out of the range of floating-point numbers".to_owned());
        }
        Ok(counting)
    }

    /// Draws the state of every node, `[n_nodes]`, and whether each tip is recorded, `[n_tips]`.
    ///
    /// `entries` (`[n_nodes]`) is scratch.
    pub(super) fn draw(
        &self,
        tree: &Tree,
        random: &mut Random,
        states: &mut [u8],
        recorded: &mut [u8],
        entries: &mut [u32],
    ) {
        let root = tree.root();
        (entries[root], states[root]) = self.at_root[place(random, self.total, self.weights.iter().copied())];
        for node in (0..=root).rev() {
            let state = usize::from(states[node] & 1);
            let mut entry = entries[node];
            for (position, &child) in tree.children(node).iter().enumerate().rev() {
                let child = child as usize;
                let below = &self.below[child];
                let mut own = entry;
                if position > 0 {
                    (entry, own) = below.splits[state].draw(entry, random);
                }
                entries[child] = own;
                states[child] = u8::from(below.present[state][own as usize].happens(random));
            }
        }
        for (recorded, &tip) in recorded.iter_mut().zip(tree.tips()) {
            *recorded = entries[tip as usize] as u8;
        }
    }
}

/// Computes the rows of a node from its children's, and what the children need to know.
fn join_children(
    tree: &Tree,
    node: usize,
    shape: Shape,
    transitions: &[Transition],
    own: &mut [Rows],
    below: &mut [Below],
) {
    let mut joined: Option<(usize, Rows)> = None;
    for &child in tree.children(node) {
        let child = child as usize;
        let [p00, p01, p10, p11] = transitions[child];
        let [absent, present] = std::mem::take(&mut own[child]);
        let climbed = [[p00, p01], [p10, p11]].map(|[to_absent, to_present]| {
            let parts = absent.iter().zip(&present);
            parts.map(|(a, p)| [to_absent * a, to_present * p]).collect::<Vec<_>>()
        });
        let share = |[a, p]: &[f64; 2]| Chance::new(if a + p > 0.0 { p / (a + p) } else { 0.0 });
        let n_tips = below[child].n_tips;
        below[child].present = [0, 1].map(|above: usize| climbed[above].iter().map(share).collect());
        let climbed = climbed.map(|parts| parts.iter().map(|[a, p]| a + p).collect::<Vec<f64>>());
        joined = Some(match joined {
            None => (n_tips, climbed),
            Some((n_before, before)) => {
                let sizes = (n_before, n_tips);
                let rows = [0, 1].map(|above| convolve(shape, sizes, &before[above], &climbed[above]));
                below[child].splits =
                    [0, 1].map(|above| Splits::new(shape, sizes, &before[above], &climbed[above], &rows[above]));
                (n_before + n_tips, rows)
            }
        });
    }
    if let Some((_, rows)) = joined {
        own[node] = rows;
    }
}

/// Returns how many numbers the tables hold.
fn n_entries(tree: &Tree, shape: Shape, n_tips: &[usize]) -> usize {
    let mut total = 0_usize;
    for node in 0..tree.n_nodes() {
        let mut n_before = 0;
        for &child in tree.children(node) {
            let n_own = n_tips[child as usize];
            let pairs = if n_before == 0 { 1 } else { shape.length(n_before) };
            total = total.saturating_add(2 * pairs * shape.length(n_own));
            n_before += n_own;
        }
    }
    total
}

fn convolve(shape: Shape, (n_left, n_right): (usize, usize), left: &[f64], right: &[f64]) -> Vec<f64> {
    let mut joined = vec![0.0; shape.length(n_left + n_right)];
    for (i, a) in left.iter().enumerate() {
        for (j, b) in right.iter().enumerate() {
            joined[shape.join((n_left, i), (n_right, j))] += a * b;
        }
    }
    joined
}

fn tips_below(tree: &Tree) -> Vec<usize> {
    let mut n_tips = vec![0; tree.n_nodes()];
    for node in 0..tree.n_nodes() {
        let of_children: usize = tree.children(node).iter().map(|&child| n_tips[child as usize]).sum();
        n_tips[node] = of_children + usize::from(tree.is_tip(node));
    }
    n_tips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_numbers_are_inverse_and_joins_add_numbers() {
        for (low, high) in [(0, 1), (1, 0), (1, 1), (2, 3), (4, 0)] {
            let shape = Shape { low, high };
            for m in 1..9 {
                for p in 0..=m {
                    let entry = shape.entry(m, p);
                    assert!(entry < shape.length(m));
                    assert!(shape.presences(m, entry).is_none_or(|found| found == p));
                    for n in 1..9 {
                        for q in 0..=n {
                            let joined = shape.join((m, entry), (n, shape.entry(n, q)));
                            assert_eq!(joined, shape.entry(m + n, p + q), "{shape:?} {m} {p} {n} {q}");
                        }
                    }
                }
            }
        }
    }
}
