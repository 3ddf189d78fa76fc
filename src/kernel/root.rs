//! At the root: likelihoods from partials, their sum over categories, and where derivatives begin.

use super::partial::Partial;
use super::scaled::Scaled;

/// Returns the likelihood of each lane: the root's partial weighted by the root frequencies.
#[inline(always)]
pub(super) fn at_root<const W: usize>(partial: &Partial<W>, frequencies: impl Fn(usize) -> [f64; 2]) -> [Scaled; W] {
    std::array::from_fn(|lane| {
        let [absent, present] = frequencies(lane);
        let absent = Scaled::new(absent, 0).times(partial.scaled(0, lane));
        absent.plus(Scaled::new(present, 0).times(partial.scaled(1, lane)))
    })
}

/// Adds the likelihoods of a category.
#[inline(always)]
pub(super) fn add_weighted<const W: usize>(total: &mut [Scaled; W], weight: f64, likelihood: &[Scaled; W]) {
    let weight = Scaled::new(weight, 0);
    for (sum, &term) in total.iter_mut().zip(likelihood) {
        *sum = sum.plus(weight.times(term));
    }
}

/// What one category has to do with the likelihood of each lane.
pub(super) struct Shares<const W: usize> {
    /// `cotangent w L_c / L`.
    pub(super) of_category: [f64; W],
    /// `cotangent L_c / L`, the derivative with respect to the weight.
    pub(super) by_weight: [f64; W],
    /// `cotangent w partial / L`, the derivatives with respect to the root frequencies.
    pub(super) by_root: [[f64; 2]; W],
}

impl<const W: usize> Shares<W> {
    /// Returns the shares of a category, given its partial at the root; 0 in lanes without a cotangent.
    #[inline(always)]
    pub(super) fn new(
        weight: f64,
        partial: &Partial<W>,
        frequencies: impl Fn(usize) -> [f64; 2],
        total: &[Scaled; W],
        cotangent: &[f64; W],
    ) -> Self {
        let (weight, likelihood) = (Scaled::new(weight, 0), at_root(partial, frequencies));
        let mut shares = Self {
            of_category: [0.0; W],
            by_weight: [0.0; W],
            by_root: [[0.0; 2]; W],
        };
        for lane in (0..W).filter(|&lane| cotangent[lane] != 0.0) {
            let share = |part: Scaled| cotangent[lane] * part.over(total[lane]);
            shares.by_weight[lane] = share(likelihood[lane]);
            shares.of_category[lane] = share(weight.times(likelihood[lane]));
            shares.by_root[lane] = [0, 1].map(|state| share(weight.times(partial.scaled(state, lane))));
        }
        shares
    }
}
