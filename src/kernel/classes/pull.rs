//! One join of a gradient: from the adjoint of its result to those of its two sides and its branch.

use super::buffer::{Climb, QuadClimb, times};
use super::build::{CHOSEN, ClassJoin, Pairing, choice};
use crate::kernel::dispatch::{ENTRIES, Pair, Simd};
use crate::kernel::transition::Transition;

/// Classes of a side up to which it has copies of its sums.
const FEW: usize = 32;
/// Copies of the sums of a side with few classes, so that one addition need not wait for the last.
const COPIES: usize = 8;

/// One join seen from above.
pub(super) struct Branch<'a> {
    pub(super) climb: Climb,
    pub(super) left: &'a [Pair; ENTRIES],
    pub(super) right: &'a [Pair; ENTRIES],
}

/// Adjoints that go into a join and come out of it.
pub(super) struct Flow<'a> {
    pub(super) own: &'a [Pair; ENTRIES],
    pub(super) to_left: &'a mut [Pair; ENTRIES],
    pub(super) to_right: &'a mut [Pair; ENTRIES],
    /// Classes of the left and of the right side.
    pub(super) sizes: [usize; 2],
}

/// Running sums of the derivatives of a branch: `w_i p_i` and `w_i p_j`.
#[derive(Clone, Copy)]
struct Sums<S: Simd> {
    straight: S::Quad,
    crossed: S::Quad,
}

impl<S: Simd> Sums<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        Self {
            straight: simd.splat([0.0; 2]),
            crossed: simd.splat([0.0; 2]),
        }
    }

    #[inline(always)]
    fn add(&mut self, simd: S, own: S::Quad, product: S::Quad) {
        self.straight = simd.add(self.straight, simd.mul(own, product));
        self.crossed = simd.add(self.crossed, simd.mul(own, simd.swap(product)));
    }
}

/// The same sums for single classes.
#[derive(Clone, Copy, Default)]
struct Rest {
    straight: Pair,
    crossed: Pair,
}

impl Rest {
    #[inline(always)]
    fn add(&mut self, own: Pair, [x, y]: Pair) {
        self.straight = plus(self.straight, times(own, [x, y]));
        self.crossed = plus(self.crossed, times(own, [y, x]));
    }

    /// Returns the derivative with respect to `[P00, P01, P10, P11]`.
    #[inline(always)]
    fn total<S: Simd>(self, simd: S, sums: Sums<S>) -> Transition {
        let straight = plus(self.straight, sum(simd, sums.straight));
        let crossed = plus(self.crossed, sum(simd, sums.crossed));
        [straight[0], crossed[0], crossed[1], straight[1]]
    }
}

#[inline(always)]
fn plus(a: Pair, b: Pair) -> Pair {
    [a[0] + b[0], a[1] + b[1]]
}

#[inline(always)]
fn sum<S: Simd>(simd: S, quad: S::Quad) -> Pair {
    let mut pairs = [[0.0; 2]; 4];
    simd.store(quad, &mut pairs);
    plus(plus(pairs[0], pairs[1]), plus(pairs[2], pairs[3]))
}

impl Branch<'_> {
    /// Sends the adjoint of a join to its two sides and returns that of its branch.
    #[inline(always)]
    pub(super) fn pull<S: Simd>(&self, simd: S, classes: &ClassJoin, indices: &[u16], flow: Flow) -> Transition {
        let n = classes.n_classes;
        match &classes.pairing {
            Pairing::Single => self.pull_single(simd, n, flow),
            Pairing::Both => self.pull_both(simd, n, flow),
            Pairing::Chosen { bits } => self.pull_chosen(simd, n, &indices[bits.clone()], flow),
            Pairing::Aligned { right } if flow.sizes[1] <= FEW => {
                self.pull_aligned_to_few(simd, &indices[right.clone()], flow)
            }
            Pairing::Aligned { right } => self.pull_aligned(simd, &indices[right.clone()], flow),
            Pairing::Grouped { left, sizes } => {
                self.pull_grouped(simd, &indices[left.clone()], &indices[sizes.clone()], flow)
            }
            Pairing::Paired { left, right } => {
                self.pull_paired(simd, &indices[left.clone()], &indices[right.clone()], flow)
            }
        }
    }

    /// The branch turned round: from the adjoint above to the adjoint below.
    #[inline(always)]
    fn turned(&self) -> Climb {
        let [p01, p10] = self.climb.crossed;
        Climb {
            crossed: [p10, p01],
            ..self.climb
        }
    }

    #[inline(always)]
    fn pull_single<S: Simd>(&self, simd: S, n: usize, flow: Flow) -> Transition {
        let (climb, mut rest) = (self.turned(), Rest::default());
        let sides = flow.to_left.iter_mut().zip(flow.own.iter().zip(self.left)).take(n);
        for (target, (&own, &below)) in sides {
            rest.add(own, below);
            *target = climb.apply(own);
        }
        rest.total(simd, Sums::new(simd))
    }

    #[inline(always)]
    fn pull_both<S: Simd>(&self, simd: S, n: usize, flow: Flow) -> Transition {
        let (climb, quad_climb) = (self.turned(), QuadClimb::new(simd, &self.turned()));
        let (mut sums, mut rest) = (Sums::new(simd), Rest::default());
        let (quads, tail) = flow.own[..n].as_chunks::<4>();
        let targets = flow.to_left.as_chunks_mut::<4>().0.iter_mut();
        let targets = targets.zip(flow.to_right.as_chunks_mut::<4>().0);
        let values = self.left.as_chunks::<4>().0.iter().zip(self.right.as_chunks::<4>().0);
        for (own, ((to_left, to_right), (left, right))) in quads.iter().zip(targets.zip(values)) {
            let (own, left, right) = (simd.load(own), simd.load(left), simd.load(right));
            sums.add(simd, own, simd.mul(left, right));
            let below = quad_climb.apply(simd, own);
            simd.store(simd.mul(below, right), to_left);
            simd.store(simd.mul(below, left), to_right);
        }
        for (class, &own) in (4 * quads.len()..).zip(tail) {
            let (left, right) = (self.left[class], self.right[class]);
            rest.add(own, times(left, right));
            let below = climb.apply(own);
            flow.to_left[class] = times(below, right);
            flow.to_right[class] = times(below, left);
        }
        rest.total(simd, sums)
    }

    #[inline(always)]
    fn pull_chosen<S: Simd>(&self, simd: S, n: usize, bits: &[u16], flow: Flow) -> Transition {
        let (climb, quad_climb) = (self.turned(), QuadClimb::new(simd, &self.turned()));
        let (mut sums, mut rest) = (Sums::new(simd), Rest::default());
        let sides = [self.right[0], self.right[1]];
        let ([first, second], zero) = (sides.map(|pair| simd.splat(pair)), simd.splat([0.0; 2]));
        let mut to_sides = [zero; 2];
        let (eights, tail) = flow.own[..n].as_chunks::<CHOSEN>();
        let targets = flow.to_left.as_chunks_mut::<CHOSEN>().0.iter_mut();
        let values = self.left.as_chunks::<CHOSEN>().0.iter().zip(bits);
        for (own, (target, (left, bits))) in eights.iter().zip(targets.zip(values)) {
            let quads = own.as_chunks::<4>().0.iter().zip(left.as_chunks::<4>().0);
            let targets = target.as_chunks_mut::<4>().0.iter_mut().zip(bits.to_le_bytes());
            for ((own, left), (target, bits)) in quads.zip(targets) {
                let (own, left, right) = (simd.load(own), simd.load(left), simd.select(bits, second, first));
                sums.add(simd, own, simd.mul(left, right));
                let below = quad_climb.apply(simd, own);
                simd.store(simd.mul(below, right), target);
                let to_right = simd.mul(below, left);
                to_sides[0] = simd.add(to_sides[0], simd.select(bits, zero, to_right));
                to_sides[1] = simd.add(to_sides[1], simd.select(bits, to_right, zero));
            }
        }
        let mut to_sides = to_sides.map(|to_side| sum(simd, to_side));
        for (class, &own) in (CHOSEN * eights.len()..).zip(tail) {
            let (left, side) = (self.left[class], choice(bits, class));
            rest.add(own, times(left, sides[side]));
            let below = climb.apply(own);
            flow.to_left[class] = times(below, sides[side]);
            to_sides[side] = plus(to_sides[side], times(below, left));
        }
        flow.to_right[..2].copy_from_slice(&to_sides);
        rest.total(simd, sums)
    }

    #[inline(always)]
    fn pull_aligned<S: Simd>(&self, simd: S, of_right: &[u16], flow: Flow) -> Transition {
        let (climb, quad_climb) = (self.turned(), QuadClimb::new(simd, &self.turned()));
        let (mut sums, mut rest) = (Sums::new(simd), Rest::default());
        flow.to_right[..flow.sizes[1]].fill([0.0; 2]);
        let (quads, tail) = of_right.as_chunks::<4>();
        let targets = flow.to_left.as_chunks_mut::<4>().0.iter_mut();
        let values = flow.own.as_chunks::<4>().0.iter().zip(self.left.as_chunks::<4>().0);
        for (at, (target, (own, left))) in quads.iter().zip(targets.zip(values)) {
            let (own, left, right) = (simd.load(own), simd.load(left), simd.gather(self.right, at));
            sums.add(simd, own, simd.mul(left, right));
            let below = quad_climb.apply(simd, own);
            simd.store(simd.mul(below, right), target);
            simd.scatter_add(simd.mul(below, left), flow.to_right, at);
        }
        for (class, &at) in (4 * quads.len()..).zip(tail) {
            let (own, left, right) = (flow.own[class], self.left[class], self.right[at as usize / 2]);
            rest.add(own, times(left, right));
            let below = climb.apply(own);
            flow.to_left[class] = times(below, right);
            flow.to_right[at as usize / 2] = plus(flow.to_right[at as usize / 2], times(below, left));
        }
        rest.total(simd, sums)
    }

    /// As [`pull_aligned`](Self::pull_aligned), with several sums for each of the few right classes.
    #[inline(always)]
    fn pull_aligned_to_few<S: Simd>(&self, simd: S, of_right: &[u16], flow: Flow) -> Transition {
        let (climb, quad_climb) = (self.turned(), QuadClimb::new(simd, &self.turned()));
        let (mut sums, mut rest) = (Sums::new(simd), Rest::default());
        let mut copies = [[[0.0; 2]; FEW]; COPIES];
        let (quads, tail) = of_right.as_chunks::<4>();
        let targets = flow.to_left.as_chunks_mut::<4>().0.iter_mut();
        let values = flow.own.as_chunks::<4>().0.iter().zip(self.left.as_chunks::<4>().0);
        for (turn, (at, (target, (own, left)))) in quads.iter().zip(targets.zip(values)).enumerate() {
            let (own, left, right) = (simd.load(own), simd.load(left), simd.gather(self.right, at));
            sums.add(simd, own, simd.mul(left, right));
            let below = quad_climb.apply(simd, own);
            simd.store(simd.mul(below, right), target);
            let mut parts = [[0.0; 2]; 4];
            simd.store(simd.mul(below, left), &mut parts);
            let first = turn * 4 % COPIES;
            for (lane, part) in parts.into_iter().enumerate() {
                let entry = &mut copies[first + lane][at[lane] as usize / 2 % FEW];
                *entry = plus(*entry, part);
            }
        }
        for (class, &at) in (4 * quads.len()..).zip(tail) {
            let (own, left, right) = (flow.own[class], self.left[class], self.right[at as usize / 2]);
            rest.add(own, times(left, right));
            let below = climb.apply(own);
            flow.to_left[class] = times(below, right);
            let entry = &mut copies[0][at as usize / 2 % FEW];
            *entry = plus(*entry, times(below, left));
        }
        for (class, target) in flow.to_right[..flow.sizes[1]].iter_mut().enumerate() {
            *target = copies.iter().fold([0.0; 2], |total, copy| plus(total, copy[class]));
        }
        rest.total(simd, sums)
    }

    #[inline(always)]
    fn pull_grouped<S: Simd>(&self, simd: S, of_left: &[u16], sizes: &[u16], flow: Flow) -> Transition {
        let (climb, quad_climb) = (self.turned(), QuadClimb::new(simd, &self.turned()));
        let (mut sums, mut rest) = (Sums::new(simd), Rest::default());
        flow.to_left[..flow.sizes[0]].fill([0.0; 2]);
        let mut start = 0;
        for (right_class, &size) in sizes.iter().enumerate() {
            let end = start + size as usize;
            let right = self.right[right_class];
            let quad_right = simd.splat(right);
            let (quads, tail) = of_left[start..end].as_chunks::<4>();
            let own_quads = flow.own[start..end].as_chunks::<4>().0;
            let mut to_right = simd.splat([0.0; 2]);
            for (at, own) in quads.iter().zip(own_quads) {
                let (own, left) = (simd.load(own), simd.gather(self.left, at));
                sums.add(simd, own, simd.mul(left, quad_right));
                let below = quad_climb.apply(simd, own);
                to_right = simd.add(to_right, simd.mul(below, left));
                simd.scatter_add(simd.mul(below, quad_right), flow.to_left, at);
            }
            let mut total = sum(simd, to_right);
            for (class, &at) in (start + 4 * quads.len()..).zip(tail) {
                let (own, left) = (flow.own[class], self.left[at as usize / 2]);
                rest.add(own, times(left, right));
                let below = climb.apply(own);
                total = plus(total, times(below, left));
                flow.to_left[at as usize / 2] = plus(flow.to_left[at as usize / 2], times(below, right));
            }
            flow.to_right[right_class] = total;
            start = end;
        }
        rest.total(simd, sums)
    }

    #[inline(always)]
    fn pull_paired<S: Simd>(&self, simd: S, of_left: &[u16], of_right: &[u16], flow: Flow) -> Transition {
        let (climb, quad_climb) = (self.turned(), QuadClimb::new(simd, &self.turned()));
        let (mut sums, mut rest) = (Sums::new(simd), Rest::default());
        flow.to_left[..flow.sizes[0]].fill([0.0; 2]);
        flow.to_right[..flow.sizes[1]].fill([0.0; 2]);
        let (lefts, left_tail) = of_left.as_chunks::<4>();
        let (rights, right_tail) = of_right.as_chunks::<4>();
        let own_quads = flow.own.as_chunks::<4>().0;
        for (own, (at_left, at_right)) in own_quads.iter().zip(lefts.iter().zip(rights)) {
            let (own, left, right) = (
                simd.load(own),
                simd.gather(self.left, at_left),
                simd.gather(self.right, at_right),
            );
            sums.add(simd, own, simd.mul(left, right));
            let below = quad_climb.apply(simd, own);
            simd.scatter_add(simd.mul(below, right), flow.to_left, at_left);
            simd.scatter_add(simd.mul(below, left), flow.to_right, at_right);
        }
        for (class, (&at_left, &at_right)) in (4 * lefts.len()..).zip(left_tail.iter().zip(right_tail)) {
            let (own, left, right) = (
                flow.own[class],
                self.left[at_left as usize / 2],
                self.right[at_right as usize / 2],
            );
            rest.add(own, times(left, right));
            let below = climb.apply(own);
            flow.to_left[at_left as usize / 2] = plus(flow.to_left[at_left as usize / 2], times(below, right));
            flow.to_right[at_right as usize / 2] = plus(flow.to_right[at_right as usize / 2], times(below, left));
        }
        rest.total(simd, sums)
    }
}
