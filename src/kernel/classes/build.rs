//! Finding the distinct sub-patterns of every join in one stretch of patterns.

use super::joins::{Join, Joins, Operand};
use super::labels::{Dense, Label, Labels, Sparse, is_sparse, merge};
use super::numbering::{Numbering, Way};
use super::segments::{HELD, segments};
use crate::kernel::dispatch::Place;
use crate::problem::Patterns;
use std::ops::Range;

/// Classes in a group, on the mean, from which grouping results by their right class pays.
const GROUP_SIZE: usize = 8;
/// Share of the patterns that are classes from which on every pattern is taken for one, which spares those above their
/// indices.
const SATURATED: f64 = 0.8;
/// Patterns that one entry of [`Pairing::Chosen`] speaks of.
pub(super) const CHOSEN: usize = 8;

/// How the classes of a join come from those of its two sides. The left side is the one with more classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pairing {
    /// Class k is class k of the only side.
    Single,
    /// Class k is class k of either side.
    Both,
    /// Class k is class k of the left side with one of the two classes of the other, see [`choice`].
    Chosen { bits: Range<usize> },
    /// Class k is class k of the left side with class `right[k]` of the other.
    Aligned { right: Range<usize> },
    /// The classes with class r of the right side stand together: `left` holds their left classes, `sizes[r]` how
    /// many they are.
    Grouped { left: Range<usize>, sizes: Range<usize> },
    /// Class k is class `left[k]` with class `right[k]`.
    Paired { left: Range<usize>, right: Range<usize> },
}

/// One join of a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClassJoin {
    pub(super) pairing: Pairing,
    /// Whether the plan's right operand is the left side here.
    pub(super) swapped: bool,
    pub(super) n_classes: usize,
    /// The number of the result among those that a later segment of the stretch needs, if one does.
    pub(super) kept: Option<u32>,
}

impl ClassJoin {
    /// Returns the left and the right side.
    #[inline(always)]
    pub(super) fn sides(&self, join: &Join) -> [Operand; 2] {
        if self.swapped {
            [join.right, join.left]
        } else {
            [join.left, join.right]
        }
    }
}

/// The classes of every join for neighbouring patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) patterns: Range<usize>,
    pub(super) joins: Vec<ClassJoin>,
    /// The joins whose results a gradient holds at a time.
    pub(super) segments: Vec<Range<usize>>,
    /// What the ranges of the pairings point into: places of classes, and sizes of groups.
    pub(super) indices: Vec<Place>,
    /// The class of each pattern at the root.
    pub(super) root: Vec<u16>,
    /// Classes of all joins together.
    pub(super) n_classes: usize,
}

impl Stretch {
    /// Returns the number of classes at the root.
    pub(super) fn n_root_classes(&self) -> usize {
        self.joins.last().map_or(0, |join| join.n_classes)
    }
}

/// Returns where a class stands in a table.
fn place(class: u16) -> Place {
    2 * class
}

/// Returns which of two classes the `class`-th pattern has: bits 2 k and 2 k + 1 both say it, so that they can choose
/// among pairs of doubles.
#[inline(always)]
pub(super) fn choice(bits: &[u16], class: usize) -> usize {
    usize::from(bits[class / CHOSEN] >> (2 * (class % CHOSEN)) & 1)
}

/// Returns the classes of the patterns in a range; its start is a multiple of [`BLOCK`](crate::problem::BLOCK).
pub(super) fn build(joins: &Joins, patterns: &Patterns, range: Range<usize>) -> Stretch {
    let mut builder = Builder {
        patterns,
        range: range.clone(),
        slots: vec![Labels::default(); joins.n_slots],
        numbering: Numbering::new(),
        indices: Vec::new(),
    };
    let mut list: Vec<ClassJoin> = joins.list.iter().map(|join| builder.join(joins, join)).collect();
    let last = joins.list.last().map_or(0, |join| join.slot as usize);
    let root = std::mem::take(&mut builder.slots[last])
        .into_dense(range.len())
        .of_pattern;
    builder.indices.shrink_to_fit();
    Stretch {
        patterns: range,
        n_classes: list.iter().map(|join| join.n_classes).sum(),
        segments: segments(joins, &mut list, HELD),
        joins: list,
        indices: builder.indices,
        root,
    }
}

struct Builder<'a> {
    patterns: &'a Patterns,
    range: Range<usize>,
    slots: Vec<Labels>,
    numbering: Numbering,
    indices: Vec<Place>,
}

impl Builder<'_> {
    fn labels(&mut self, joins: &Joins, operand: Operand) -> Labels {
        match operand {
            Operand::Join(join) => std::mem::take(&mut self.slots[joins.list[join as usize].slot as usize]),
            Operand::Tip { tip, .. } => Labels::of_tip(self.patterns, &self.range, tip as usize),
            Operand::Nothing => Labels::default(),
        }
    }

    fn join(&mut self, joins: &Joins, join: &Join) -> ClassJoin {
        if let (Operand::Tip { tip: left, .. }, Operand::Tip { tip: right, .. }) = (join.left, join.right)
            && let Some(labels) = Labels::of_cherry(self.patterns, &self.range, [left as usize, right as usize])
        {
            self.slots[join.slot as usize] = Labels::Dense(labels);
            return ClassJoin {
                pairing: Pairing::Paired {
                    left: self.keep([0, 1, 0, 1].into_iter().map(place)),
                    right: self.keep([0, 0, 1, 1].into_iter().map(place)),
                },
                swapped: false,
                n_classes: 4,
                kept: None,
            };
        }
        let (mut left, mut right) = (self.labels(joins, join.left), self.labels(joins, join.right));
        let swapped = right.n_classes() > left.n_classes();
        if swapped {
            std::mem::swap(&mut left, &mut right);
        }
        let (pairing, labels) = self.combine(left, right);
        let n_classes = labels.n_classes();
        self.slots[join.slot as usize] = labels;
        ClassJoin {
            pairing,
            swapped,
            n_classes,
            kept: None,
        }
    }

    fn combine(&mut self, left: Labels, right: Labels) -> (Pairing, Labels) {
        if right.n_classes() == 0 {
            return (Pairing::Single, left);
        }
        if let (Labels::Sparse(left), Labels::Sparse(right)) = (&left, &right)
            && is_sparse(left.listed.len() + right.listed.len(), self.range.len())
        {
            let (pairing, labels) = self.merge(left, right);
            return (pairing, Labels::Sparse(labels));
        }
        let n_patterns = self.range.len();
        let (left, right) = (left.into_dense(n_patterns), right.into_dense(n_patterns));
        let (pairing, labels) = if left.is_identity {
            (self.aligned(&right), left)
        } else {
            self.pair(left, &right)
        };
        (pairing, Labels::Dense(labels))
    }

    fn keep(&mut self, places: impl Iterator<Item = Place>) -> Range<usize> {
        let start = self.indices.len();
        self.indices.extend(places);
        start..self.indices.len()
    }

    /// Numbers the distinct pairs of two sides; where all patterns differ, in pattern order.
    fn pair(&mut self, mut left: Dense, right: &Dense) -> (Pairing, Dense) {
        let way = self
            .numbering
            .begin(left.n_classes, right.n_classes, left.of_pattern.len());
        let pairs = left.of_pattern.iter_mut().zip(&right.of_pattern);
        match way {
            Way::Direct { stride } => {
                pairs.for_each(|(label, &other)| *label = self.numbering.directly(stride, [*label, other]));
            }
            Way::Hashed { bits } => {
                pairs.for_each(|(label, &other)| *label = self.numbering.by_hash(bits, [*label, other]));
            }
        }
        self.numbering.end(way);
        left.n_classes = self.numbering.firsts.len();
        left.is_identity = left.n_classes == left.of_pattern.len();
        if !left.is_identity && left.n_classes as f64 >= SATURATED * left.of_pattern.len() as f64 {
            return self.saturated(left, right);
        }
        let (pairing, renumbered) = self.pairing(right.n_classes, left.is_identity);
        if let Some(renumbered) = renumbered {
            for label in &mut left.of_pattern {
                *label = renumbered[*label as usize];
            }
        }
        (pairing, left)
    }

    /// Makes every pattern a class of its own, once the pairs of two sides have been numbered.
    fn saturated(&mut self, mut labels: Dense, right: &Dense) -> (Pairing, Dense) {
        let start = self.indices.len();
        let firsts = &self.numbering.firsts;
        let lefts = labels.of_pattern.iter().map(|&label| place(firsts[label as usize][0]));
        self.indices.extend(lefts);
        let left = start..self.indices.len();
        let right = self.keep(right.of_pattern.iter().map(|&class| place(class)));
        labels.n_classes = labels.of_pattern.len();
        labels.is_identity = true;
        for (label, pattern) in labels.of_pattern.iter_mut().zip(0..) {
            *label = pattern;
        }
        (Pairing::Paired { left, right }, labels)
    }

    /// Returns how the pairs come from the two sides if every pattern is a class of the left one.
    fn aligned(&mut self, right: &Dense) -> Pairing {
        if right.is_identity {
            Pairing::Both
        } else if right.n_classes == 2 {
            let eights = right.of_pattern.chunks(CHOSEN);
            let bits = eights.map(|eight| eight.iter().rev().fold(0, |bits, &class| (bits << 2) | (3 * class)));
            Pairing::Chosen { bits: self.keep(bits) }
        } else {
            Pairing::Aligned {
                right: self.keep(right.of_pattern.iter().map(|&class| place(class))),
            }
        }
    }

    /// Numbers the distinct pairs of two sides, of which class 0 is that of both classes 0.
    fn merge(&mut self, left: &Sparse, right: &Sparse) -> (Pairing, Sparse) {
        let most = left.listed.len() + right.listed.len();
        let way = self.numbering.begin(left.n_classes, right.n_classes, most + 1);
        let mut listed = Vec::with_capacity(most);
        match way {
            Way::Direct { stride } => {
                self.numbering.directly(stride, [0, 0]);
                merge(&left.listed, &right.listed, |pattern, pair| {
                    let class = self.numbering.directly(stride, pair);
                    listed.push(Label { pattern, class });
                });
            }
            Way::Hashed { bits } => {
                self.numbering.by_hash(bits, [0, 0]);
                merge(&left.listed, &right.listed, |pattern, pair| {
                    let class = self.numbering.by_hash(bits, pair);
                    listed.push(Label { pattern, class });
                });
            }
        }
        self.numbering.end(way);
        let n_classes = self.numbering.firsts.len();
        // The first pair stays the first of the first group.
        let (pairing, renumbered) = self.pairing(right.n_classes, false);
        if let Some(renumbered) = renumbered {
            for label in &mut listed {
                label.class = renumbered[label.class as usize];
            }
        }
        (pairing, Sparse { listed, n_classes })
    }

    /// Returns how the pairs just numbered come from the two sides, and their new numbers if that asks for others.
    fn pairing(&mut self, n_right: usize, is_identity: bool) -> (Pairing, Option<Vec<u16>>) {
        let firsts = std::mem::take(&mut self.numbering.firsts);
        let is_grouped = firsts.len() >= GROUP_SIZE * n_right && !is_identity;
        let result = if is_grouped {
            let (pairing, renumbered) = self.group(&firsts, n_right);
            (pairing, Some(renumbered))
        } else {
            let left = self.keep(firsts.iter().map(|pair| place(pair[0])));
            let right = self.keep(firsts.iter().map(|pair| place(pair[1])));
            (Pairing::Paired { left, right }, None)
        };
        self.numbering.firsts = firsts;
        result
    }

    /// Renumbers pairs so that those with one right class stand together.
    fn group(&mut self, firsts: &[[u16; 2]], n_right: usize) -> (Pairing, Vec<u16>) {
        let mut next = vec![0_u16; n_right];
        for pair in firsts {
            next[pair[1] as usize] += 1;
        }
        let sizes = self.keep(next.iter().copied());
        let mut start = 0;
        for count in &mut next {
            (start, *count) = (start + *count, start);
        }
        let first = self.indices.len();
        self.indices.resize(first + firsts.len(), 0);
        let mut renumbered = Vec::with_capacity(firsts.len());
        for pair in firsts {
            let next = &mut next[pair[1] as usize];
            self.indices[first + *next as usize] = place(pair[0]);
            renumbered.push(*next);
            *next += 1;
        }
        let left = first..self.indices.len();
        (Pairing::Grouped { left, sizes }, renumbered)
    }
}
