//! Eight lanes at once, written as the formulas are.

use crate::kernel::dispatch::{Pair, Simd};
use std::ops::{Add, Mul, Sub};

/// Lanes of a [`Wide`].
pub(super) const LANES: usize = 8;

/// A number in each of eight lanes.
#[derive(Clone, Copy)]
pub(super) struct Wide<S: Simd> {
    simd: S,
    quad: S::Quad,
}

impl<S: Simd> Wide<S> {
    /// Returns the same number in every lane.
    #[inline(always)]
    pub(super) fn splat(simd: S, value: f64) -> Self {
        Self {
            simd,
            quad: simd.splat([value; 2]),
        }
    }

    /// Returns the lanes from `8 * eighth` on.
    #[inline(always)]
    pub(super) fn load<const W: usize>(simd: S, from: &[f64; W], eighth: usize) -> Self {
        let pairs: &[[Pair; 4]] = from.as_chunks::<2>().0.as_chunks::<4>().0;
        Self {
            simd,
            quad: simd.load(&pairs[eighth]),
        }
    }

    /// Writes the lanes from `8 * eighth` on.
    #[inline(always)]
    pub(super) fn store<const W: usize>(self, to: &mut [f64; W], eighth: usize) {
        let pairs: &mut [[Pair; 4]] = to.as_chunks_mut::<2>().0.as_chunks_mut::<4>().0;
        self.simd.store(self.quad, &mut pairs[eighth]);
    }

    /// Returns `self * factor + term`, rounded once.
    #[inline(always)]
    pub(super) fn mul_add(self, factor: Self, term: Self) -> Self {
        Self {
            quad: self.simd.mul_add(self.quad, factor.quad, term.quad),
            ..self
        }
    }

    /// Returns this in the lanes whose bit is set, from the lowest on, and `other` elsewhere.
    #[inline(always)]
    pub(super) fn or(self, bits: u8, other: Self) -> Self {
        Self {
            quad: self.simd.select(bits, self.quad, other.quad),
            ..self
        }
    }
}

impl<S: Simd> Add for Wide<S> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            quad: self.simd.add(self.quad, other.quad),
            ..self
        }
    }
}

impl<S: Simd> Sub for Wide<S> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self {
            quad: self.simd.sub(self.quad, other.quad),
            ..self
        }
    }
}

impl<S: Simd> Mul for Wide<S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            quad: self.simd.mul(self.quad, other.quad),
            ..self
        }
    }
}
