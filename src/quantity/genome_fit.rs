//! How each genome's record agrees with what all other genomes say about it.
//!
//! For family f and tip i let `p_fi` be the probability that i is recorded present, given the records of f in all
//! other genomes and that the family is recorded (in the table). Families are independent, so given the other genomes
//! the records of tip i are independent of each other with these probabilities, and
//!
//! ```text
//! residual_i = (sum_f x_fi - sum_f p_fi) / sqrt(sum_f p_fi (1 - p_fi))
//! ```
//!
//! has mean 0 and variance 1 under the model at the true parameters. (The expected size of a genome without its
//! relatives says nothing here: with a stationary root it is the same for all tips.) The conditioning is the model's: a
//! family that only tip i shows would not be recorded without it, so under `observed` its `p_fi` is 1 and it says
//! nothing about i. Windows are asked of the visible cells. Missing cells are in no sum.
//!
//! Where the others say that tip i carries a family with probability [`SURE`] or more, and it is recorded absent, the
//! family is lacking; where they say so that it does not, and it is recorded present, it is extra. Both are beside the
//! numbers that the model expects. Many lacking families are what an incomplete genome has, many extra ones what a
//! contaminated one has. Families whose record the conditioning alone decides are in neither.
//!
//! Axis: tip. Unit: families.
//!
//! Source: leave-one-out residuals as in Gelfand, Dey & Chang 1992 (cross-validation predictive densities); the
//! predictive probability is exact, see `kernel::PredictionBlock`.

use super::ordered_sum::OrderedSum;
use crate::error::CheckError;
use crate::kernel::PredictionBlock;
use crate::model::{Ascertainment, GeneContentModel, Histories, HistoryModel, RootPrior};
use crate::parallel::Monitor;
use crate::problem::{BLOCK, Counts};

/// From which probability on the other genomes are sure.
pub const SURE: f64 = 0.95;
const N_SUMS: usize = 9;

/// What is found of one genome.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GenomeFit {
    /// Families with a cell that is not missing.
    pub n_families: f64,
    /// Families recorded present.
    pub observed: f64,
    /// Families expected to be, given all other genomes.
    pub expected: f64,
    /// The variance of that number.
    pub variance: f64,
    /// Families that it surely carries, by all others.
    pub surely_present: f64,
    /// Those among them that it does not show.
    pub lacking: f64,
    /// How many it is expected not to show.
    pub expected_lacking: f64,
    /// Families that it surely does not carry, by all others, and shows.
    pub extra: f64,
    /// How many it is expected to show.
    pub expected_extra: f64,
}

impl GenomeFit {
    /// Returns the standardised difference of observed and expected; NaN where nothing is uncertain.
    #[must_use]
    pub fn residual(&self) -> f64 {
        (self.observed - self.expected) / self.variance.sqrt()
    }

    /// Returns how many of the families that it surely carries it shows, as a share of how many the model expects it to
    /// show; about 1 under the model, NaN where the others are sure of none.
    #[must_use]
    pub fn implied_completeness(&self) -> f64 {
        (self.surely_present - self.lacking) / (self.surely_present - self.expected_lacking)
    }
}

/// Returns what is found of each genome, `[n_tips]`, in one pass over the patterns.
///
/// Families that cannot arise at these parameters are in no sum. The bits do not depend on the number of threads.
///
/// # Errors
/// [`CheckError::RootFromData`]; [`CheckError::Model`] as the model's log-likelihood.
pub fn genome_fit(
    model: &GeneContentModel,
    parameters: &[f64],
    monitor: &Monitor,
) -> Result<Vec<GenomeFit>, CheckError> {
    if model.specification().root == RootPrior::FitzJohn {
        return Err(CheckError::RootFromData);
    }
    let n_tips = model.problem().tree().n_tips();
    let ascertainment = model.specification().ascertainment;
    let parts = model.histories(parameters, monitor, |histories| -> Result<_, CheckError> {
        let (sum, counts) = (OrderedSum::zeros(N_SUMS * n_tips), histories.patterns().counts());
        histories.tip_predictions(monitor, |block| {
            let sums = sums_of_block(histories, block, &counts[block.patterns()], ascertainment);
            sum.add(block.patterns(), sums);
        })?;
        Ok(sum.into_total())
    })?;
    let mut total = vec![0.0; N_SUMS * n_tips];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    let of_tip = |sums: &[f64]| GenomeFit {
        n_families: sums[0],
        observed: sums[1],
        expected: sums[2],
        variance: sums[3],
        surely_present: sums[4],
        lacking: sums[5],
        expected_lacking: sums[6],
        extra: sums[7],
        expected_extra: sums[8],
    };
    Ok(total.chunks(N_SUMS).map(of_tip).collect())
}

/// Returns the record that a tip must have for the family to be recorded; `None` if it may have either.
fn forced(is_present: bool, counts: Counts, n_tips: usize, ascertainment: Ascertainment) -> Option<f64> {
    let others = counts.present - u32::from(is_present);
    let admits = |present: u32| {
        let missing = counts.missing;
        ascertainment.admits(Counts { present, missing }, n_tips)
    };
    match (admits(others), admits(others + 1)) {
        (true, false) => Some(0.0),
        (false, true) => Some(1.0),
        _ => None,
    }
}

/// Returns the sums of a block, `[n_tips][N_SUMS]`.
fn sums_of_block(
    histories: &Histories,
    block: &PredictionBlock,
    counts: &[Counts],
    ascertainment: Ascertainment,
) -> Vec<f64> {
    let patterns = histories.patterns();
    let (n_tips, first) = (patterns.n_tips(), block.patterns().start);
    let words = patterns.present(first / BLOCK);
    let weights: Vec<f64> = block
        .patterns()
        .map(|pattern| histories.families(pattern).len() as f64)
        .collect();
    let mut sums = Vec::with_capacity(N_SUMS * n_tips);
    for (tip, word) in words.iter().enumerate() {
        let mut of_tip = [0.0; N_SUMS];
        for (lane, [carried, recorded]) in block.given_others(tip).enumerate() {
            if recorded.is_nan() {
                continue;
            }
            let (weight, is_present) = (weights[lane], (word >> ((first + lane) % BLOCK)) & 1 != 0);
            let shown = f64::from(u8::from(is_present));
            of_tip[0] += weight;
            of_tip[1] += weight * shown;
            if let Some(forced) = forced(is_present, counts[lane], n_tips, ascertainment) {
                of_tip[2] += weight * forced;
                continue;
            }
            // Rounding may leave an ulp above 1.
            let p = recorded.min(1.0);
            of_tip[2] += weight * p;
            of_tip[3] += weight * p * (1.0 - p);
            if carried >= SURE {
                of_tip[4] += weight;
                of_tip[5] += weight * (1.0 - shown);
                of_tip[6] += weight * (1.0 - p);
            } else if carried <= 1.0 - SURE {
                of_tip[7] += weight * shown;
                of_tip[8] += weight * p;
            }
        }
        sums.extend(of_tip);
    }
    sums
}
