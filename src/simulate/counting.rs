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
//! Only sums of products of probabilities, so nothing cancels; [`Counting::new`] refuses windows of probability below
//! [`SMALLEST`], where entries may have been lost to underflow, and tables of more than [`MOST_ENTRIES`].

use super::chance::place;
use crate::kernel::Transition;
use crate::parallel::Random;
use crate::problem::Tree;
use std::ops::Range;

/// Windows of smaller probability are refused.
pub(super) const SMALLEST: f64 = 1e-250;
/// Numbers that the tables of one rate category may hold: half a gigabyte.
const MOST_ENTRIES: usize = 1 << 26;

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

/// What a node knows of the tips below it.
#[derive(Debug, Default)]
struct Below {
    n_tips: usize,
    /// Given the node's own state.
    own: Rows,
    /// Given the state above it.
    climbed: Rows,
    /// Tips of the siblings before it, and the rows of these given the state above; empty for a first child.
    n_before: usize,
    before: Rows,
}

/// The tables of one rate category.
#[derive(Debug)]
pub(super) struct Counting {
    shape: Shape,
    wanted: Range<usize>,
    below: Vec<Below>,
    root: [f64; 2],
    transitions: Vec<Transition>,
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
        let n_entries = n_tips.iter().map(|&n| 6 * shape.length(n)).sum::<usize>();
        if n_entries > MOST_ENTRIES {
            return Err(format!("too large ({:.0e} entries)", n_entries as f64));
        }
        let mut counting = Self {
            shape,
            wanted,
            below: n_tips
                .into_iter()
                .map(|n_tips| Below {
                    n_tips,
                    ..Below::default()
                })
                .collect(),
            root,
            transitions: transitions.to_vec(),
        };
        for (position, &tip) in tree.tips().iter().enumerate() {
            let present = tips.map_or([0.0, 1.0], |tips| tips[position]);
            counting.below[tip as usize].own = present.map(|present| vec![1.0 - present, present]);
        }
        for node in 0..tree.n_nodes() {
            counting.join_children(tree, node);
        }
        if counting.probability(tree.root()) < SMALLEST {
            return Err("out of the range of floating-point numbers".to_owned());
        }
        Ok(counting)
    }

    fn probability(&self, root: usize) -> f64 {
        let of = |state: usize| self.root[state] * self.below[root].own[state][self.wanted.clone()].iter().sum::<f64>();
        of(0) + of(1)
    }

    fn join_children(&mut self, tree: &Tree, node: usize) {
        let mut joined: Option<(usize, Rows)> = None;
        for &child in tree.children(node) {
            let child = child as usize;
            let [p00, p01, p10, p11] = self.transitions[child];
            let below = &mut self.below[child];
            let blend = |absent: f64, present: f64| -> Vec<f64> {
                let pairs = below.own[0].iter().zip(&below.own[1]);
                pairs.map(|(a, p)| absent * a + present * p).collect()
            };
            below.climbed = [blend(p00, p01), blend(p10, p11)];
            joined = Some(match joined {
                None => (below.n_tips, below.climbed.clone()),
                Some((n_before, before)) => {
                    let sizes = (n_before, below.n_tips);
                    let rows = [0, 1].map(|state| convolve(self.shape, sizes, &before[state], &below.climbed[state]));
                    (below.n_before, below.before) = (n_before, before);
                    (sizes.0 + sizes.1, rows)
                }
            });
        }
        if let Some((_, rows)) = joined {
            self.below[node].own = rows;
        }
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
        let wanted = self.wanted.len();
        let at_root = |index: usize| {
            let (state, entry) = (index / wanted, self.wanted.start + index % wanted);
            self.root[state] * self.below[root].own[state][entry]
        };
        let chosen = place(random, self.probability(root), (0..2 * wanted).map(at_root));
        states[root] = (chosen / wanted) as u8;
        entries[root] = (self.wanted.start + chosen % wanted) as u32;
        for node in (0..=root).rev() {
            let state = usize::from(states[node]);
            let mut entry = entries[node] as usize;
            for (position, &child) in tree.children(node).iter().enumerate().rev() {
                let child = child as usize;
                let mut own = entry;
                if position > 0 {
                    (entry, own) = self.divide(random, child, state, entry);
                }
                entries[child] = own as u32;
                let [p00, p01, p10, p11] = self.transitions[child];
                let [to_absent, to_present] = [[p00, p01], [p10, p11]][state];
                let rows = &self.below[child].own;
                let (absent, present) = (to_absent * rows[0][own], to_present * rows[1][own]);
                states[child] = place(random, absent + present, [absent, present].into_iter()) as u8;
            }
        }
        for (recorded, &tip) in recorded.iter_mut().zip(tree.tips()) {
            *recorded = entries[tip as usize] as u8;
        }
    }

    /// Divides an entry between the siblings before `child` and `child` itself.
    fn divide(&self, random: &mut Random, child: usize, above: usize, entry: usize) -> (usize, usize) {
        let Below {
            n_tips,
            climbed,
            n_before,
            before,
            ..
        } = &self.below[child];
        let (n_tips, n_before) = (*n_tips, *n_before);
        let (left, right) = (&before[above], &climbed[above]);
        let known = self.shape.presences(n_before + n_tips, entry);
        // Pairs of entries that make this one: with a known number there is one at most for each of the child's.
        let pairs = |visit: &mut dyn FnMut(usize, usize) -> bool| {
            for (own, _) in right.iter().enumerate() {
                match known {
                    Some(presences) => {
                        let mine = self.shape.presences(n_tips, own);
                        let rest = mine.and_then(|mine| presences.checked_sub(mine));
                        if let Some(rest) = rest.filter(|&rest| rest <= n_before) {
                            let other = self.shape.entry(n_before, rest);
                            let is_known = self.shape.presences(n_before, other).is_some();
                            if is_known && visit(other, own) {
                                return;
                            }
                        }
                    }
                    None => {
                        for (other, _) in left.iter().enumerate() {
                            let makes = self.shape.join((n_before, other), (n_tips, own)) == entry;
                            if makes && visit(other, own) {
                                return;
                            }
                        }
                    }
                }
            }
        };
        let mut total = 0.0;
        pairs(&mut |other, own| {
            total += left[other] * right[own];
            false
        });
        let mut rest = random.uniform() * total;
        let mut chosen = (0, 0);
        pairs(&mut |other, own| {
            let weight = left[other] * right[own];
            if weight > 0.0 {
                chosen = (other, own);
                rest -= weight;
            }
            rest < 0.0
        });
        chosen
    }
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
