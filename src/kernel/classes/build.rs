//! Finding the distinct sub-patterns of every join in one stretch of patterns.

use super::joins::{Join, Joins, Operand};
use crate::kernel::dispatch::Place;
use crate::problem::{BLOCK, Patterns};
use std::ops::Range;

/// Pairs of classes up to which a direct table finds them; more go through a hash table.
const DIRECT: usize = 1 << 17;
/// Classes of the lighter side up to which results are grouped by it.
pub(super) const GROUPED: usize = 32;
/// Classes in a group, on the mean, from which grouping pays.
const GROUP_SIZE: usize = 16;
/// No class yet.
const NONE: u16 = u16::MAX;

/// How the classes of a join come from those of its two sides. The left side is the one with more classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pairing {
    /// Class k is class k of the only side.
    Single,
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

/// The class of each pattern at one operand.
#[derive(Debug, Clone, Default)]
struct Labels {
    of_pattern: Vec<u16>,
    n_classes: usize,
    /// Whether every pattern is a class of its own, numbered like the patterns.
    is_identity: bool,
}

/// Returns the classes of the patterns in a range; its start is a multiple of [`BLOCK`].
pub(super) fn build(joins: &Joins, patterns: &Patterns, range: Range<usize>) -> Stretch {
    let mut builder = Builder {
        patterns,
        range: range.clone(),
        slots: vec![Labels::default(); joins.n_slots],
        table: Vec::new(),
        indices: Vec::new(),
        firsts: Vec::new(),
    };
    let list: Vec<ClassJoin> = joins.list.iter().map(|join| builder.join(joins, join)).collect();
    let last = joins.list.last().map_or(0, |join| join.slot as usize);
    let root = std::mem::take(&mut builder.slots[last].of_pattern);
    builder.indices.shrink_to_fit();
    Stretch {
        patterns: range,
        n_classes: list.iter().map(|join| join.n_classes).sum(),
        joins: list,
        indices: builder.indices,
        root,
    }
}

struct Builder<'a> {
    patterns: &'a Patterns,
    range: Range<usize>,
    slots: Vec<Labels>,
    table: Vec<u16>,
    indices: Vec<Place>,
    /// Left and right class of each class in order of appearance.
    firsts: Vec<[u16; 2]>,
}

impl Builder<'_> {
    fn labels(&mut self, joins: &Joins, operand: Operand) -> Labels {
        match operand {
            Operand::Join(join) => std::mem::take(&mut self.slots[joins.list[join as usize].slot as usize]),
            Operand::Tip { tip, .. } => self.tip_labels(tip as usize),
            Operand::Nothing => Labels::default(),
        }
    }

    /// Absent, present and missing are classes 0, 1 and 2 of a tip.
    fn tip_labels(&self, tip: usize) -> Labels {
        let mut of_pattern = Vec::with_capacity(self.range.len().next_multiple_of(BLOCK));
        let mut any_missing = 0;
        for block in self.range.start / BLOCK..self.range.end.div_ceil(BLOCK) {
            let present = self.patterns.present(block)[tip];
            let missing = self.patterns.missing(block).map_or(0, |words| words[tip]);
            any_missing |= missing;
            of_pattern.extend((0..BLOCK).map(|bit| ((present >> bit) & 1) as u16 + 2 * ((missing >> bit) & 1) as u16));
        }
        of_pattern.truncate(self.range.len());
        Labels {
            of_pattern,
            n_classes: if any_missing == 0 { 2 } else { 3 },
            is_identity: false,
        }
    }

    fn join(&mut self, joins: &Joins, join: &Join) -> ClassJoin {
        let (mut left, mut right) = (self.labels(joins, join.left), self.labels(joins, join.right));
        let swapped = right.n_classes > left.n_classes;
        if swapped {
            std::mem::swap(&mut left, &mut right);
        }
        let (pairing, labels) = if right.n_classes == 0 {
            (Pairing::Single, left)
        } else if left.is_identity {
            (
                Pairing::Aligned {
                    right: self.keep(right.of_pattern.iter().map(|&class| place(class))),
                },
                left,
            )
        } else {
            self.pair(left, &right)
        };
        let n_classes = labels.n_classes;
        self.slots[join.slot as usize] = labels;
        ClassJoin {
            pairing,
            swapped,
            n_classes,
        }
    }

    fn keep(&mut self, places: impl Iterator<Item = Place>) -> Range<usize> {
        let start = self.indices.len();
        self.indices.extend(places);
        start..self.indices.len()
    }

    /// Numbers the distinct pairs of two sides; where all patterns differ, in pattern order.
    fn pair(&mut self, mut left: Labels, right: &Labels) -> (Pairing, Labels) {
        self.firsts.clear();
        if left.n_classes * right.n_classes <= DIRECT {
            self.number_directly(&mut left, right);
        } else {
            self.number_by_hash(&mut left, right);
        }
        let n_classes = self.firsts.len();
        left.n_classes = n_classes;
        left.is_identity = n_classes == left.of_pattern.len();
        let firsts = std::mem::take(&mut self.firsts);
        let is_grouped = right.n_classes <= GROUPED && n_classes >= GROUP_SIZE * right.n_classes;
        let pairing = if is_grouped && !left.is_identity {
            self.group(&firsts, right.n_classes, &mut left)
        } else {
            Pairing::Paired {
                left: self.keep(firsts.iter().map(|pair| place(pair[0]))),
                right: self.keep(firsts.iter().map(|pair| place(pair[1]))),
            }
        };
        self.firsts = firsts;
        (pairing, left)
    }

    fn number_directly(&mut self, left: &mut Labels, right: &Labels) {
        let stride = right.n_classes;
        self.table.clear();
        self.table.resize(left.n_classes * stride, NONE);
        for (label, &other) in left.of_pattern.iter_mut().zip(&right.of_pattern) {
            let entry = &mut self.table[*label as usize * stride + other as usize];
            if *entry == NONE {
                *entry = self.firsts.len() as u16;
                self.firsts.push([*label, other]);
            }
            *label = *entry;
        }
    }

    fn number_by_hash(&mut self, left: &mut Labels, right: &Labels) {
        let bits = (2 * left.of_pattern.len()).next_power_of_two().trailing_zeros();
        let mask = (1_usize << bits) - 1;
        self.table.clear();
        self.table.resize(1 << bits, NONE);
        for (label, &other) in left.of_pattern.iter_mut().zip(&right.of_pattern) {
            let pair = [*label, other];
            let key = u32::from(pair[0]) << 16 | u32::from(pair[1]);
            // Fibonacci hashing: the high bits of the product are the mixed ones.
            let mut place = (key.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize;
            *label = loop {
                let entry = self.table[place];
                if entry == NONE {
                    self.table[place] = self.firsts.len() as u16;
                    self.firsts.push(pair);
                    break self.table[place];
                }
                if self.firsts[entry as usize] == pair {
                    break entry;
                }
                place = (place + 1) & mask;
            };
        }
    }

    /// Renumbers classes so that those with one right class stand together.
    fn group(&mut self, firsts: &[[u16; 2]], n_right: usize, labels: &mut Labels) -> Pairing {
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
        for label in &mut labels.of_pattern {
            *label = renumbered[*label as usize];
        }
        Pairing::Grouped {
            left: first..self.indices.len(),
            sizes,
        }
    }
}
