//! Pruning over subtree classes: every join computes each of its distinct sub-patterns once.

use super::buffer::{Buffer, Climb, Drifted, Magnitude, QuadClimb, Side, times};
use super::build::{CHOSEN, ClassJoin, Pairing, choice};
use super::joins::{Joins, Operand};
use super::likelihoods::ClassLikelihoods;
use super::task::Task;
use crate::kernel::dispatch::{ENTRIES, Pair, Simd};
use crate::kernel::scaled::STEP;

/// The buffers of one evaluation; those of tips are loaded when a join needs them.
pub(in crate::kernel) struct Buffers {
    slots: Vec<Option<Buffer>>,
    tips: [Buffer; 2],
    pub(super) likelihoods: ClassLikelihoods,
}

impl Buffers {
    pub(super) fn new(joins: &Joins) -> Self {
        Self {
            slots: (0..joins.n_slots).map(|_| Some(Buffer::new())).collect(),
            tips: [Buffer::new(), Buffer::new()],
            likelihoods: ClassLikelihoods::default(),
        }
    }

    /// Returns the buffer of the last join.
    pub(super) fn root(&self, joins: &Joins) -> Option<&Buffer> {
        self.slots[joins.list.last()?.slot as usize].as_ref()
    }
}

/// Computes every join; what climbs from it stays until its parent was computed.
#[inline(always)]
pub(super) fn prune<S: Simd>(simd: S, task: Task, buffers: &mut Buffers) -> Result<(), Drifted> {
    for (join, classes) in task.joins.list.iter().zip(&task.stretch.joins) {
        let slot = join.slot as usize;
        let Some(mut out) = buffers.slots[slot].take() else {
            unreachable!("no operand lies in its result's slot")
        };
        let sides = classes.sides(join);
        task.load_tips(sides, &mut buffers.tips);
        let side = |index: usize| match sides[index] {
            Operand::Join(below) => buffers.slots[task.joins.list[below as usize].slot as usize].as_ref(),
            Operand::Tip { .. } | Operand::Nothing => Some(&buffers.tips[index]),
        };
        let (Some(left), Some(right)) = (side(0), side(1)) else {
            unreachable!("operands were computed before")
        };
        let climb = task.climb(join);
        let (sides, pairs) = ([left.side(), right.side()], &mut out.pairs[..classes.n_classes]);
        let result = combine(
            simd,
            classes,
            &task.stretch.indices,
            &climb,
            sides,
            pairs,
            &mut out.magnitude,
        );
        buffers.slots[slot] = Some(out);
        result?;
    }
    Ok(())
}

/// Computes one join.
#[inline(always)]
pub(super) fn combine<S: Simd>(
    simd: S,
    classes: &ClassJoin,
    indices: &[u16],
    climb: &Climb,
    [left, right]: [Side; 2],
    pairs: &mut [Pair],
    magnitude: &mut Magnitude,
) -> Result<(), Drifted> {
    let is_low = |side: Side| side.magnitude.floor < -2 * STEP;
    if climb.floor < -STEP || is_low(left) || is_low(right) {
        return Err(Drifted);
    }
    magnitude.counts.clear();
    let is_single = classes.pairing == Pairing::Single;
    match &classes.pairing {
        Pairing::Single => single(simd, climb, left.pairs, pairs),
        Pairing::Both => both(simd, climb, left.pairs, right.pairs, pairs),
        Pairing::Chosen { bits } => {
            let right = [right.pairs[0], right.pairs[1]];
            chosen(simd, climb, left.pairs, right, &indices[bits.clone()], pairs);
        }
        Pairing::Aligned { right: of_right } => {
            aligned(simd, climb, left.pairs, right.pairs, &indices[of_right.clone()], pairs);
        }
        Pairing::Grouped { left: of_left, sizes } => {
            let mut rest = &mut *pairs;
            let mut of_left = &indices[of_left.clone()];
            for (&size, &other) in indices[sizes.clone()].iter().zip(right.pairs.iter()) {
                let (group, behind) = rest.split_at_mut(size as usize);
                let (lefts, lefts_behind) = of_left.split_at(size as usize);
                one_group(simd, climb, left.pairs, other, lefts, group);
                (rest, of_left) = (behind, lefts_behind);
            }
        }
        Pairing::Paired {
            left: of_left,
            right: of_right,
        } => {
            let sides = (&indices[of_left.clone()], &indices[of_right.clone()]);
            paired(simd, climb, left.pairs, right.pairs, sides, pairs);
        }
    }
    let (low, high) = (left.magnitude, right.magnitude);
    if !low.counts.is_empty() || !(is_single || high.counts.is_empty()) {
        add_counts(classes, indices, low, high, &mut magnitude.counts);
    }
    magnitude.is_positive = low.is_positive && (is_single || high.is_positive);
    // A row of probabilities sums to 1, so one of the two is at least a half; with zeros about it may be the other.
    let lost = if magnitude.is_positive {
        climb.floor.max(-1)
    } else {
        climb.floor
    };
    magnitude.floor = low.floor + lost + if is_single { 0 } else { high.floor };
    magnitude.settle(pairs)
}

#[inline(always)]
fn single<S: Simd>(simd: S, climb: &Climb, left: &[Pair; ENTRIES], out: &mut [Pair]) {
    let quad_climb = QuadClimb::new(simd, climb);
    let (quads, rest) = out.as_chunks_mut::<4>();
    let (below, _) = left.as_chunks::<4>();
    let n_quads = quads.len();
    for (quad, below) in quads.iter_mut().zip(below) {
        simd.store(quad_climb.apply(simd, simd.load(below)), quad);
    }
    for (pair, &below) in rest.iter_mut().zip(&left[4 * n_quads..]) {
        *pair = climb.apply(below);
    }
}

#[inline(always)]
fn both<S: Simd>(simd: S, climb: &Climb, left: &[Pair; ENTRIES], right: &[Pair; ENTRIES], out: &mut [Pair]) {
    let quad_climb = QuadClimb::new(simd, climb);
    let (quads, rest) = out.as_chunks_mut::<4>();
    let done = 4 * quads.len();
    let sides = left.as_chunks::<4>().0.iter().zip(right.as_chunks::<4>().0);
    for (quad, (left, right)) in quads.iter_mut().zip(sides) {
        let product = simd.mul(simd.load(left), simd.load(right));
        simd.store(quad_climb.apply(simd, product), quad);
    }
    for (pair, (&left, &right)) in rest.iter_mut().zip(left[done..].iter().zip(&right[done..])) {
        *pair = climb.apply(times(left, right));
    }
}

#[inline(always)]
fn chosen<S: Simd>(simd: S, climb: &Climb, left: &[Pair; ENTRIES], right: [Pair; 2], bits: &[u16], out: &mut [Pair]) {
    let quad_climb = QuadClimb::new(simd, climb);
    let [first, second] = right.map(|pair| simd.splat(pair));
    let (eights, rest) = out.as_chunks_mut::<CHOSEN>();
    let done = CHOSEN * eights.len();
    for (eight, (left, bits)) in eights.iter_mut().zip(left.as_chunks::<CHOSEN>().0.iter().zip(bits)) {
        let sides = left.as_chunks::<4>().0.iter().zip(bits.to_le_bytes());
        for (quad, (left, bits)) in eight.as_chunks_mut::<4>().0.iter_mut().zip(sides) {
            let product = simd.mul(simd.load(left), simd.select(bits, second, first));
            simd.store(quad_climb.apply(simd, product), quad);
        }
    }
    for (class, (pair, &left)) in (done..).zip(rest.iter_mut().zip(&left[done..])) {
        *pair = climb.apply(times(left, right[choice(bits, class)]));
    }
}

#[inline(always)]
fn aligned<S: Simd>(
    simd: S,
    climb: &Climb,
    left: &[Pair; ENTRIES],
    right: &[Pair; ENTRIES],
    of_right: &[u16],
    out: &mut [Pair],
) {
    let quad_climb = QuadClimb::new(simd, climb);
    let (quads, rest) = out.as_chunks_mut::<4>();
    let (indices, rest_indices) = of_right.as_chunks::<4>();
    let (below, _) = left.as_chunks::<4>();
    let done = 4 * quads.len();
    for (quad, (below, at)) in quads.iter_mut().zip(below.iter().zip(indices)) {
        let product = simd.mul(simd.load(below), simd.gather(right, at));
        simd.store(quad_climb.apply(simd, product), quad);
    }
    for (pair, (&below, &at)) in rest.iter_mut().zip(left[done..].iter().zip(rest_indices)) {
        *pair = climb.apply(times(below, right[at as usize / 2]));
    }
}

#[inline(always)]
fn one_group<S: Simd>(simd: S, climb: &Climb, left: &[Pair; ENTRIES], right: Pair, of_left: &[u16], out: &mut [Pair]) {
    let (quad_climb, quad_right) = (QuadClimb::new(simd, climb), simd.splat(right));
    let (quads, rest) = out.as_chunks_mut::<4>();
    let (indices, rest_indices) = of_left.as_chunks::<4>();
    for (quad, at) in quads.iter_mut().zip(indices) {
        let product = simd.mul(simd.gather(left, at), quad_right);
        simd.store(quad_climb.apply(simd, product), quad);
    }
    for (pair, &at) in rest.iter_mut().zip(rest_indices) {
        *pair = climb.apply(times(left[at as usize / 2], right));
    }
}

#[inline(always)]
fn paired<S: Simd>(
    simd: S,
    climb: &Climb,
    left: &[Pair; ENTRIES],
    right: &[Pair; ENTRIES],
    indices: (&[u16], &[u16]),
    out: &mut [Pair],
) {
    let quad_climb = QuadClimb::new(simd, climb);
    let (quads, rest) = out.as_chunks_mut::<4>();
    let (of_left, rest_left) = indices.0.as_chunks::<4>();
    let (of_right, rest_right) = indices.1.as_chunks::<4>();
    for (quad, (below, other)) in quads.iter_mut().zip(of_left.iter().zip(of_right)) {
        let product = simd.mul(simd.gather(left, below), simd.gather(right, other));
        simd.store(quad_climb.apply(simd, product), quad);
    }
    for (pair, (&below, &other)) in rest.iter_mut().zip(rest_left.iter().zip(rest_right)) {
        *pair = climb.apply(times(left[below as usize / 2], right[other as usize / 2]));
    }
}

/// Adds the counts of the two sides class by class.
#[cold]
#[inline(never)]
fn add_counts(classes: &ClassJoin, indices: &[u16], left: &Magnitude, right: &Magnitude, counts: &mut Vec<i32>) {
    counts.resize(classes.n_classes, 0);
    add_side(&left.counts, counts, |left, counts| match &classes.pairing {
        Pairing::Grouped { left: of_left, .. } | Pairing::Paired { left: of_left, .. } => {
            add_gathered(left, &indices[of_left.clone()], counts);
        }
        _ => counts.iter_mut().zip(left).for_each(|(count, more)| *count += more),
    });
    add_side(&right.counts, counts, |right, counts| match &classes.pairing {
        Pairing::Single => {}
        Pairing::Both => counts.iter_mut().zip(right).for_each(|(count, more)| *count += more),
        Pairing::Chosen { bits } => {
            let bits = &indices[bits.clone()];
            let classes = counts.iter_mut().enumerate();
            classes.for_each(|(class, count)| *count += right[choice(bits, class)]);
        }
        Pairing::Aligned { right: of_right } | Pairing::Paired { right: of_right, .. } => {
            add_gathered(right, &indices[of_right.clone()], counts);
        }
        Pairing::Grouped { sizes, .. } => {
            let mut rest = counts.iter_mut();
            for (&size, more) in indices[sizes.clone()].iter().zip(right) {
                rest.by_ref().take(size as usize).for_each(|count| *count += more);
            }
        }
    });
}

/// Does nothing for a side without counts.
fn add_side(side: &[i32], counts: &mut [i32], add: impl FnOnce(&[i32], &mut [i32])) {
    if !side.is_empty() {
        add(side, counts);
    }
}

fn add_gathered(side: &[i32], at: &[u16], counts: &mut [i32]) {
    for (count, &at) in counts.iter_mut().zip(at) {
        *count += side[at as usize / 2];
    }
}

/// Returns the likelihood of a class from its root partial.
#[inline(always)]
pub(super) fn at_root(root: [f64; 2], [absent, present]: Pair) -> f64 {
    root[0] * absent + root[1] * present
}
