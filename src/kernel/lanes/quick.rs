//! Pieces with a table of exponentials, in plain doubles: where that is not exact they say so, and the piece is done
//! as any other.
//!
//! `None` comes back for rates out of proportion to the tree, for states of a lane that drift apart by more than 2^200,
//! for likelihoods that are 0 or nearly so, and for derivatives whose parts may cancel.

use super::PreparedLanes;
use super::adjoint::Part;
use super::ascent::{Course, Scaling, climb};
use super::descent::Kept;
use super::joins::Joins;
use super::link::{Link, Pair};
use super::sums::Sums;
use super::table::{Chain, Extremes};
use crate::kernel::Kernel;
use crate::kernel::dispatch::Simd;
use crate::kernel::elementary::{ln, power_of_two};
use crate::kernel::prune::Lanes;

/// Likelihoods below this, beside states of about 1, are left to extended exponents.
const LEAST: f64 = 1e-180;

/// What pieces use one after the other, for values.
pub(super) struct Room<const W: usize> {
    /// `[n_sets]`.
    chains: Vec<Chain<W>>,
    slots: Vec<Pair<W>>,
    links: [Link<W>; 2],
    /// `[n_categories]`.
    found: Vec<Found<W>>,
}

/// What pieces use one after the other, for values and derivatives.
pub(super) struct GradientRoom<const W: usize> {
    /// `[n_sets]`.
    chains: Vec<Chain<W>>,
    kept: Kept<W>,
    sums: Vec<Sums<W>>,
    /// `[n_categories]`.
    found: Vec<Found<W>>,
    /// Derivatives of the log-likelihood of each category by the rates, `[n_categories][n_sets]`.
    rates: Vec<[[f64; W]; 2]>,
}

/// The likelihood of one category: `likelihood * 2^exponent`.
#[derive(Clone)]
struct Found<const W: usize> {
    likelihood: [f64; W],
    exponent: [f64; W],
    root: Pair<W>,
}

impl<const W: usize> Room<W> {
    pub(super) fn new(joins: &Joins, prepared: &PreparedLanes) -> Self {
        Self {
            chains: vec![Chain::empty(); prepared.input.n_sets],
            slots: vec![Pair::ones(); joins.n_slots],
            links: [Link::idle(), Link::idle()],
            found: Vec::with_capacity(prepared.n_categories()),
        }
    }
}

impl<const W: usize> GradientRoom<W> {
    pub(super) fn new(joins: &Joins, prepared: &PreparedLanes) -> Self {
        Self {
            chains: vec![Chain::empty(); prepared.input.n_sets],
            kept: Kept::new(joins.len()),
            sums: vec![Sums::ZERO; prepared.input.n_sets],
            found: Vec::with_capacity(prepared.n_categories()),
            rates: Vec::with_capacity(prepared.n_categories() * prepared.input.n_sets),
        }
    }
}

/// Returns the log-likelihoods of the patterns from `first` on.
#[inline(always)]
pub(super) fn values<S: Simd, const W: usize>(
    simd: S,
    kernel: &Kernel,
    prepared: &PreparedLanes,
    first: usize,
    room: &mut Room<W>,
) -> Option<[f64; W]> {
    let Room {
        chains,
        slots,
        links,
        found,
    } = room;
    found.clear();
    for category in 0..prepared.n_categories() {
        let course = course(simd, kernel, prepared, category, first, chains)?;
        let mut scaling = Scaling::NONE;
        climb(simd, &course, slots, links, &mut scaling);
        found.push(at_root(&slots[0], &scaling, &prepared.root(category, first))?);
    }
    Some(log_of_total(&totals(prepared.input.weights, found)?))
}

/// Writes values and derivatives of the patterns from `first` on.
#[inline(always)]
pub(super) fn gradients<S: Simd, const W: usize>(
    simd: S,
    kernel: &Kernel,
    prepared: &PreparedLanes,
    first: usize,
    cotangent: &[f64; W],
    room: &mut GradientRoom<W>,
    result: &mut Part,
) -> Option<()> {
    let GradientRoom {
        chains,
        kept,
        sums,
        found,
        rates,
    } = room;
    found.clear();
    rates.clear();
    let joins = kernel.joins()?;
    for category in 0..prepared.n_categories() {
        let course = course(simd, kernel, prepared, category, first, chains)?;
        let mut scaling = Scaling::NONE;
        kept.climb(simd, &course, &mut scaling);
        let frequencies = prepared.root(category, first);
        let root = kept.root();
        let here = at_root(root, &scaling, &frequencies)?;
        for (lane, [absent, present]) in frequencies.into_iter().enumerate() {
            root.absent[lane] = absent / here.likelihood[lane];
            root.present[lane] = present / here.likelihood[lane];
        }
        found.push(here);
        sums.fill(Sums::ZERO);
        kept.descend(simd, &course, sums);
        if !sums
            .iter()
            .zip(course.chains)
            .all(|(sums, chain)| sums.are_exact(chain, joins))
        {
            return None;
        }
        rates.extend(sums.iter().zip(course.chains).map(|(sums, chain)| sums.by_rates(chain)));
    }
    if !rates
        .as_flattened()
        .as_flattened()
        .iter()
        .all(|slope| slope.is_finite())
    {
        return None;
    }
    let total = totals(prepared.input.weights, found)?;
    let n_sets = prepared.input.n_sets;
    for (category, (found, rates)) in found.iter().zip(rates.chunks_mut(n_sets)).enumerate() {
        let weight = prepared.input.weights[category];
        let (mut by_weight, mut by_root) = ([0.0; W], [[0.0; 2]; W]);
        for lane in 0..W {
            by_weight[lane] = cotangent[lane] * shifted(found, &total, lane) / total.likelihood[lane];
            let share = weight * by_weight[lane];
            let by_partial = share / found.likelihood[lane];
            by_root[lane] = [
                found.root.absent[lane] * by_partial,
                found.root.present[lane] * by_partial,
            ];
            for slopes in rates.as_flattened_mut() {
                slopes[lane] *= share;
            }
        }
        result.add_root(category, &by_root, &by_weight);
        result.set_rates(category, rates);
    }
    result.set_values(&log_of_total(&total));
    Some(())
}

/// Loads the rates of a category, and decides how the tree is climbed.
#[inline(always)]
fn course<'a, S: Simd, const W: usize>(
    simd: S,
    kernel: &'a Kernel,
    prepared: &'a PreparedLanes,
    category: usize,
    first: usize,
    chains: &'a mut [Chain<W>],
) -> Option<Course<'a, W>> {
    let joins = kernel.joins()?;
    let mut extremes = Extremes::NONE;
    for (set, chain) in chains.iter_mut().enumerate() {
        let [gain, loss] = prepared.rates(category, set, first);
        extremes = extremes.and(&chain.set_rates(gain, loss));
    }
    if extremes.is_odd {
        return None;
    }
    let level = joins.level(extremes.largest_rate)?;
    if level.has_long && extremes.has_zero {
        return None;
    }
    let allowance = joins.allowance(extremes.bits + prepared.recording_bits())?;
    for chain in chains.iter_mut() {
        chain.fill(simd, level);
    }
    let lanes = Lanes::new(kernel.problem.patterns(), first, prepared.recordings());
    Some(Course::new(
        &level.steps,
        allowance,
        chains,
        &prepared.branches.set,
        lanes,
    ))
}

#[inline(always)]
fn at_root<const W: usize>(root: &Pair<W>, scaling: &Scaling<W>, frequencies: &[[f64; 2]; W]) -> Option<Found<W>> {
    let mut likelihood = [0.0; W];
    for lane in 0..W {
        let [absent, present] = frequencies[lane];
        likelihood[lane] = absent * root.absent[lane] + present * root.present[lane];
    }
    let enough = likelihood.iter().all(|&likelihood| likelihood >= LEAST);
    (enough && scaling.has_sufficed()).then(|| Found {
        likelihood,
        exponent: scaling.exponent,
        root: root.clone(),
    })
}

/// What all categories come to.
struct Total<const W: usize> {
    likelihood: [f64; W],
    exponent: [f64; W],
}

/// Returns the likelihood of a category as a multiple of the power of two of the total.
#[inline(always)]
fn shifted<const W: usize>(found: &Found<W>, total: &Total<W>, lane: usize) -> f64 {
    let gap = found.exponent[lane] - total.exponent[lane];
    found.likelihood[lane] * power_of_two(if gap > -1000.0 { gap } else { -1000.0 })
}

#[inline(always)]
fn totals<const W: usize>(weights: &[f64], found: &[Found<W>]) -> Option<Total<W>> {
    let mut total = Total {
        likelihood: [0.0; W],
        exponent: [f64::NEG_INFINITY; W],
    };
    for found in found {
        for (most, &exponent) in total.exponent.iter_mut().zip(&found.exponent) {
            *most = if exponent > *most { exponent } else { *most };
        }
    }
    for (&weight, found) in weights.iter().zip(found) {
        for lane in 0..W {
            total.likelihood[lane] = weight.mul_add(shifted(found, &total, lane), total.likelihood[lane]);
        }
    }
    total
        .likelihood
        .iter()
        .all(|&likelihood| likelihood >= LEAST)
        .then_some(total)
}

#[inline(always)]
fn log_of_total<const W: usize>(total: &Total<W>) -> [f64; W] {
    let mut values = [0.0; W];
    for (lane, value) in values.iter_mut().enumerate() {
        *value = total.exponent[lane].mul_add(std::f64::consts::LN_2, ln(total.likelihood[lane]));
    }
    values
}
