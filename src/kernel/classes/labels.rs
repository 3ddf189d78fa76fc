//! The class of each pattern of a stretch at one operand, of all patterns or of those with anything below.
//!
//! Where few patterns have a presence or a missing cell below a join, only these are listed, and class 0 is that of all
//! others: nothing below it is present. Work is then proportional to the patterns listed. A tip has class 0 where the
//! family is absent, so lists begin there; joined lists that grow too long become dense, and stay so.

use crate::problem::{BLOCK, Patterns};
use std::ops::Range;

/// At most one pattern in so many is listed: a listed pattern costs several times what one of a dense table does.
const SPARSE: usize = 8;

/// The class of each pattern at one operand.
#[derive(Debug, Clone)]
pub(super) enum Labels {
    Dense(Dense),
    Sparse(Sparse),
}

/// The class of every pattern.
#[derive(Debug, Clone, Default)]
pub(super) struct Dense {
    pub(super) of_pattern: Vec<u16>,
    pub(super) n_classes: usize,
    /// Whether every pattern is a class of its own, numbered like the patterns.
    pub(super) is_identity: bool,
}

/// The classes of some patterns; all others have class 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Sparse {
    /// In the order of patterns, none of class 0.
    pub(super) listed: Vec<Label>,
    pub(super) n_classes: usize,
}

/// The class of one pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) pattern: u16,
    pub(super) class: u16,
}

impl Label {
    /// Stands behind the last label of a list; no stretch is so long.
    const END: Self = Self {
        pattern: u16::MAX,
        class: 0,
    };
}

impl Default for Labels {
    fn default() -> Self {
        Self::Dense(Dense::default())
    }
}

impl Labels {
    /// Returns how many classes there are; 0 if there is no operand.
    pub(super) fn n_classes(&self) -> usize {
        match self {
            Self::Dense(labels) => labels.n_classes,
            Self::Sparse(labels) => labels.n_classes,
        }
    }

    /// Returns the classes of a tip: absent, present and missing are 0, 1 and 2.
    pub(super) fn of_tip(patterns: &Patterns, range: &Range<usize>, tip: usize) -> Self {
        let blocks = range.start / BLOCK..range.end.div_ceil(BLOCK);
        let words = blocks.map(|block| {
            let missing = patterns.missing(block).map_or(0, |words| words[tip]);
            (patterns.present(block)[tip], missing)
        });
        let (mut listed, mut any_missing) = (0, 0);
        for (present, missing) in words.clone() {
            listed += (present | missing).count_ones() as usize;
            any_missing |= missing;
        }
        let n_classes = if any_missing == 0 { 2 } else { 3 };
        if is_sparse(listed, range.len()) {
            let mut list = Vec::with_capacity(listed);
            for (block, (present, missing)) in words.enumerate() {
                let mut left = present | missing;
                while left != 0 {
                    let bit = left.trailing_zeros();
                    list.push(Label {
                        pattern: (block * BLOCK) as u16 + bit as u16,
                        class: 1 + ((missing >> bit) & 1) as u16,
                    });
                    left &= left - 1;
                }
            }
            return Self::Sparse(Sparse {
                listed: list,
                n_classes,
            });
        }
        let mut of_pattern = Vec::with_capacity(range.len().next_multiple_of(BLOCK));
        for (present, missing) in words {
            for byte in 0..8 {
                let mut eight = BITS[(present >> (8 * byte)) as usize & 255];
                if any_missing != 0 {
                    let unknown = &BITS[(missing >> (8 * byte)) as usize & 255];
                    eight.iter_mut().zip(unknown).for_each(|(class, bit)| *class += 2 * bit);
                }
                of_pattern.extend_from_slice(&eight);
            }
        }
        of_pattern.truncate(range.len());
        Self::Dense(Dense {
            of_pattern,
            n_classes,
            is_identity: false,
        })
    }

    /// Returns the four classes of two tips, `left + 2 right`, whether or not all occur; nothing where a cell is missing
    /// or a list pays.
    pub(super) fn of_cherry(patterns: &Patterns, range: &Range<usize>, tips: [usize; 2]) -> Option<Dense> {
        let blocks = range.start / BLOCK..range.end.div_ceil(BLOCK);
        let mut listed = 0;
        for block in blocks.clone() {
            if patterns
                .missing(block)
                .is_some_and(|words| tips.iter().any(|&tip| words[tip] != 0))
            {
                return None;
            }
            let words = patterns.present(block);
            listed += (words[tips[0]].count_ones() + words[tips[1]].count_ones()) as usize;
        }
        if is_sparse(listed, range.len()) || range.len() < BLOCK {
            return None;
        }
        let mut of_pattern = Vec::with_capacity(range.len().next_multiple_of(BLOCK));
        for block in blocks {
            let [left, right] = tips.map(|tip| patterns.present(block)[tip]);
            for byte in 0..8 {
                let bits = |word: u64| &BITS[(word >> (8 * byte)) as usize & 255];
                let (left, right) = (bits(left), bits(right));
                of_pattern.extend_from_slice(&std::array::from_fn::<u16, 8, _>(|bit| left[bit] + 2 * right[bit]));
            }
        }
        of_pattern.truncate(range.len());
        Some(Dense {
            of_pattern,
            n_classes: 4,
            is_identity: false,
        })
    }

    /// Returns the class of every pattern.
    pub(super) fn into_dense(self, n_patterns: usize) -> Dense {
        match self {
            Self::Dense(labels) => labels,
            Self::Sparse(labels) => {
                let mut of_pattern = vec![0; n_patterns];
                for label in &labels.listed {
                    of_pattern[label.pattern as usize] = label.class;
                }
                Dense {
                    of_pattern,
                    n_classes: labels.n_classes,
                    is_identity: false,
                }
            }
        }
    }
}

/// Returns whether so few of the patterns are listed that a list pays.
pub(super) fn is_sparse(n_listed: usize, n_patterns: usize) -> bool {
    SPARSE * n_listed <= n_patterns
}

/// Visits the patterns that either list holds, in order, with both classes.
#[inline(always)]
pub(super) fn merge(left: &[Label], right: &[Label], mut visit: impl FnMut(u16, [u16; 2])) {
    let at = |list: &[Label], place: usize| list.get(place).copied().unwrap_or(Label::END);
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        let (a, b) = (at(left, i), at(right, j));
        let pattern = a.pattern.min(b.pattern);
        let (is_left, is_right) = (a.pattern == pattern, b.pattern == pattern);
        visit(
            pattern,
            [if is_left { a.class } else { 0 }, if is_right { b.class } else { 0 }],
        );
        i += usize::from(is_left);
        j += usize::from(is_right);
    }
}

/// The bits of every byte.
static BITS: [[u16; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte][bit] = (byte >> bit & 1) as u16;
            bit += 1;
        }
        byte += 1;
    }
    table
};
