//! What climbs from a join, class by class, and how it is kept in range.

use super::table::Table;
use crate::kernel::dispatch::{ENTRIES, Pair, Simd};
use crate::kernel::edge::{Edge, SharedEdge};
use crate::kernel::scaled::{STEP, THRESHOLD, UP, exponent};

/// The states of a class drifted so far apart that one count cannot serve both; partials with split counts can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) struct Drifted;

/// A branch as the two rows that a product is multiplied with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Climb {
    pub(super) straight: Pair,
    pub(super) crossed: Pair,
    pub(super) floor: i32,
}

impl Climb {
    /// The branch that changes nothing.
    pub(super) const NONE: Self = Self {
        straight: [1.0, 1.0],
        crossed: [0.0, 0.0],
        floor: 0,
    };

    /// Returns the branch above a node, or none.
    #[inline(always)]
    pub(super) fn new(edges: &[SharedEdge], node: Option<u32>) -> Self {
        let Some(node) = node else { return Self::NONE };
        let [p00, p01, p10, p11] = <SharedEdge as Edge<1>>::at(&edges[node as usize], 0);
        Self {
            straight: [p00, p11],
            crossed: [p01, p10],
            floor: <SharedEdge as Edge<1>>::floor(&edges[node as usize]),
        }
    }

    /// Returns what is above the branch of what is below.
    #[inline(always)]
    pub(super) fn apply(&self, [x, y]: Pair) -> Pair {
        [
            self.straight[0] * x + self.crossed[0] * y,
            self.straight[1] * y + self.crossed[1] * x,
        ]
    }
}

/// A branch for four classes at once.
#[derive(Clone, Copy)]
pub(super) struct QuadClimb<S: Simd> {
    straight: S::Quad,
    crossed: S::Quad,
}

impl<S: Simd> QuadClimb<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, climb: &Climb) -> Self {
        Self {
            straight: simd.splat(climb.straight),
            crossed: simd.splat(climb.crossed),
        }
    }

    /// Returns what is above the branch of what is below.
    #[inline(always)]
    pub(super) fn apply(&self, simd: S, below: S::Quad) -> S::Quad {
        simd.add(simd.mul(self.straight, below), simd.mul(self.crossed, simd.swap(below)))
    }
}

/// Returns the product state by state.
#[inline(always)]
pub(super) fn times(a: Pair, b: Pair) -> Pair {
    [a[0] * b[0], a[1] * b[1]]
}

/// What climbs from one operand, class by class.
pub(super) struct Buffer {
    pub(super) pairs: Table,
    pub(super) magnitude: Magnitude,
}

/// How large the pairs of an operand are.
#[derive(Debug, Clone, Default)]
pub(super) struct Magnitude {
    /// Powers of 2^-200 by which the pairs must still be multiplied, by class; empty while there are none.
    pub(super) counts: Vec<i32>,
    /// By how many of these powers this very join scaled its classes up; empty if by none.
    pub(super) rescaled: Vec<u8>,
    /// Lower bound of log2 of the positive entries.
    pub(super) floor: i32,
    /// Whether no entry is zero.
    pub(super) is_positive: bool,
}

/// One side of a join.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) pairs: &'a [Pair; ENTRIES],
    pub(super) magnitude: &'a Magnitude,
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self {
            pairs: Table::new(),
            magnitude: Magnitude::default(),
        }
    }

    /// Becomes what climbs from a tip that is absent, present, missing.
    #[inline(always)]
    pub(super) fn set_tip(&mut self, edge: &SharedEdge) {
        let [p00, p01, p10, p11] = <SharedEdge as Edge<1>>::at(edge, 0);
        self.pairs[..3].copy_from_slice(&[[p00, p10], [p01, p11], [1.0, 1.0]]);
        self.magnitude.floor = <SharedEdge as Edge<1>>::floor(edge);
        self.magnitude.is_positive = [p00, p01, p10, p11].iter().all(|&p| p > 0.0);
    }

    #[inline(always)]
    pub(super) fn side(&self) -> Side<'_> {
        Side {
            pairs: &self.pairs,
            magnitude: &self.magnitude,
        }
    }
}

impl Magnitude {
    /// Brings classes that have become small back into range.
    #[inline(always)]
    pub(super) fn settle(&mut self, pairs: &mut [Pair]) -> Result<(), Drifted> {
        self.rescaled.clear();
        if self.floor >= -2 * STEP {
            return Ok(());
        }
        let lowest = THRESHOLD * THRESHOLD;
        let mut least = least_positive(pairs, self.is_positive);
        if least < lowest {
            self.rescale(pairs);
            least = least_positive(pairs, self.is_positive);
            if least < lowest {
                return Err(Drifted);
            }
        }
        self.floor = exponent(least);
        Ok(())
    }

    /// Scales up classes whose entries are both small, by as many steps as each needs.
    #[inline(always)]
    fn rescale(&mut self, pairs: &mut [Pair]) {
        self.counts.resize(pairs.len(), 0);
        self.rescaled.resize(pairs.len(), 0);
        let mut any_low = true;
        while any_low {
            any_low = false;
            for ((pair, steps), count) in pairs.iter_mut().zip(&mut self.rescaled).zip(&mut self.counts) {
                let larger = if pair[0] > pair[1] { pair[0] } else { pair[1] };
                let is_low = (larger < THRESHOLD) & (larger > 0.0);
                let factor = if is_low { UP } else { 1.0 };
                *pair = [pair[0] * factor, pair[1] * factor];
                *steps += u8::from(is_low);
                *count += i32::from(is_low);
                any_low |= is_low;
            }
        }
    }
}

/// Returns the smallest positive entry, at most 1.
#[inline(always)]
fn least_positive(pairs: &[Pair], is_positive: bool) -> f64 {
    if is_positive {
        least_of(pairs, |least, value| if value < least { value } else { least })
    } else {
        least_of(
            pairs,
            |least, value| if value < least && value > 0.0 { value } else { least },
        )
    }
}

#[inline(always)]
fn least_of(pairs: &[Pair], lesser: impl Fn(f64, f64) -> f64) -> f64 {
    let mut running = [1.0_f64; 32];
    let (chunks, rest) = pairs.as_flattened().as_chunks::<32>();
    for chunk in chunks {
        for (least, &value) in running.iter_mut().zip(chunk) {
            *least = lesser(*least, value);
        }
    }
    running
        .iter()
        .chain(rest)
        .fold(1.0, |least, &value| lesser(least, value))
}
