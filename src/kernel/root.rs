//! At the root: likelihoods from partials, their sum over categories, and where derivatives begin.

use super::partial::Partial;
use super::scaled::Scaled;
use super::source::Source;

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

/// What derivatives of one category are multiplied with and divided by.
pub(super) struct Seed<const W: usize> {
    /// `cotangent w L_c / L`, to go with the likelihood L_c that each branch finds for itself.
    pub(super) share: [f64; W],
    /// Where the category cannot, or can hardly, have made some lane, but others can: L / w for all lanes, to go with
    /// `cotangent`. `L_c` would cancel and must not, being next to 0.
    pub(super) instead: Option<Box<Absolute<W>>>,
}

impl<const W: usize> Seed<W> {
    /// Returns what [`divisor`](Self::divisor) goes with.
    pub(super) fn cotangent(&self) -> &[f64; W] {
        self.instead.as_ref().map_or(&self.share, |instead| &instead.cotangent)
    }

    /// Returns what to divide by in a lane, given the likelihood that a branch finds.
    pub(super) fn divisor(&self, lane: usize, found: Scaled) -> Scaled {
        self.instead.as_ref().map_or(found, |instead| instead.likelihood[lane])
    }
}

/// Shares below this may have lost digits once they are multiplied with weights.
const FAINT: f64 = 1e-280;

/// A cotangent and what to divide by.
pub(super) struct Absolute<const W: usize> {
    pub(super) cotangent: [f64; W],
    pub(super) likelihood: [Scaled; W],
}

/// What one category has to do with the likelihood of each lane.
pub(super) struct Shares<const W: usize> {
    pub(super) seed: Seed<W>,
    /// `cotangent L_c / L`, the derivative with respect to the weight.
    pub(super) by_weight: [f64; W],
    /// `cotangent w partial / L`, the derivatives with respect to the root frequencies.
    pub(super) by_root: [[f64; 2]; W],
}

impl<const W: usize> Shares<W> {
    /// Returns the shares of a category, given its probabilities and its partial at the root; 0 in lanes without a
    /// cotangent.
    #[inline(always)]
    pub(super) fn new(
        source: &impl Source<W>,
        weight: f64,
        partial: &Partial<W>,
        frequencies: impl Fn(usize) -> [f64; 2],
        total: &[Scaled; W],
        cotangent: &[f64; W],
    ) -> Self {
        let (weight, likelihood) = (Scaled::new(weight, 0), at_root(partial, frequencies));
        let mut shares = Self {
            seed: Seed {
                share: [0.0; W],
                instead: absolute(source, weight, &likelihood, total, cotangent),
            },
            by_weight: [0.0; W],
            by_root: [[0.0; 2]; W],
        };
        for lane in (0..W).filter(|&lane| cotangent[lane] != 0.0) {
            let share = |part: Scaled| cotangent[lane] * part.over(total[lane]);
            shares.by_weight[lane] = share(likelihood[lane]);
            shares.seed.share[lane] = share(weight.times(likelihood[lane]));
            shares.by_root[lane] = [0, 1].map(|state| share(weight.times(partial.scaled(state, lane))));
        }
        shares
    }
}

#[inline(always)]
fn absolute<const W: usize>(
    source: &impl Source<W>,
    weight: Scaled,
    likelihood: &[Scaled; W],
    total: &[Scaled; W],
    cotangent: &[f64; W],
) -> Option<Box<Absolute<W>>> {
    let counts = |lane: usize| cotangent[lane] != 0.0 && total[lane].value > 0.0;
    let is_lost = |lane: usize| counts(lane) && likelihood[lane].value == 0.0;
    // A share that is next to the smallest double, or below it, loses nothing, unless a probability of 0 or next to it stands
    // between the category and the data.
    let is_faint = |lane: usize| counts(lane) && likelihood[lane].over(total[lane]) < FAINT;
    let is_any = (0..W).any(is_lost) || ((0..W).any(is_faint) && source.has_gaps());
    if weight.value == 0.0 || !is_any {
        return None;
    }
    Some(Box::new(Absolute {
        // Where nothing can arise there is no derivative.
        cotangent: std::array::from_fn(|lane| {
            let is_possible = total[lane].value > 0.0 || cotangent[lane] == 0.0;
            if is_possible { cotangent[lane] } else { f64::NAN }
        }),
        likelihood: total.map(|total| Scaled::new(total.value / weight.value, total.count - weight.count)),
    }))
}
