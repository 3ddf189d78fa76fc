//! Sums over families for every branch: expected gains and losses, families gained and lost, genome sizes.
//!
//! For each node, summed over the families `f` that can arise, families being independent:
//!
//! ```text
//! expected gains     sum_f E[gains of f | data],        sd: sqrt(n / (n - 1) sum_f (E_f - mean)^2)
//! expected losses    likewise
//! families gained    sum_f P(at least one gain | data), sd: sqrt(sum_f P_f (1 - P_f))
//! families lost      likewise
//! genome size        sum_f P(present | data),           sd: sqrt(sum_f P_f (1 - P_f))
//! gains, losses      their numbers,                     posterior sd: sqrt(sum_f Var(number of f | data))
//! ```
//!
//! The standard deviation of the expected numbers is that of a sum over families drawn from a population: how much it
//! would change with other families. The posterior standard deviation of the numbers of events, and that of the three
//! counts, say how sure these families' data are of them at the given parameters; a normal interval is the sum plus and
//! minus 1.96 sd. A genome size counts families of the
//! table, not those that no genome was seen to carry. The root has a genome size alone.
//!
//! Axes: node. Unit: events, families.
//!
//! Source: sums of independent terms; for the terms see `expected_events`, `event_variance`, `event_probability`
//! and `presence`.

use super::BranchQuantity;
use super::block_rows::BlockRows;
use super::ordered_sum::OrderedSum;
use crate::error::QuantityError;
use crate::kernel::PosteriorBlock;
use crate::model::{Histories, HistoryModel};
use crate::parallel::Monitor;

const QUANTITIES: [BranchQuantity; 7] = [
    BranchQuantity::ExpectedGains,
    BranchQuantity::ExpectedLosses,
    BranchQuantity::GainProbability,
    BranchQuantity::LossProbability,
    BranchQuantity::Presence,
    BranchQuantity::SquaredGains,
    BranchQuantity::SquaredLosses,
];
/// A sum, and a sum of squares or of variances, for each.
const N_SUMS: usize = 2 * QUANTITIES.len();
/// How many of the quantities are expected numbers; probabilities follow, and squares of the numbers.
const N_NUMBERS: usize = 2;
/// Where the squares begin.
const SQUARES: usize = QUANTITIES.len() - N_NUMBERS;

/// A sum over families and its standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Total {
    /// The sum.
    pub sum: f64,
    /// Its standard deviation; see the module for which.
    pub sd: f64,
}

/// The sums of every node, each `[n_nodes]`.
#[derive(Debug, Clone, PartialEq)]
pub struct BranchSummary {
    /// Families in the sums.
    pub n_families: usize,
    /// Families that cannot arise at these parameters, and are in no sum.
    pub n_impossible: usize,
    /// Expected number of gains.
    pub expected_gains: Vec<Total>,
    /// Expected number of losses.
    pub expected_losses: Vec<Total>,
    /// Expected number of families with at least one gain.
    pub families_gained: Vec<Total>,
    /// Expected number of families with at least one loss.
    pub families_lost: Vec<Total>,
    /// Expected number of families present.
    pub genome_size: Vec<Total>,
    /// Posterior standard deviation of the number of gains.
    pub gains_posterior_sd: Vec<f64>,
    /// Posterior standard deviation of the number of losses.
    pub losses_posterior_sd: Vec<f64>,
}

/// Returns the sums over families of every branch and node.
///
/// One pass over the patterns; the memory does not depend on their number, and the bits not on that of the threads.
///
/// # Errors
/// [`QuantityError::Model`] as the model's log-likelihood.
pub fn branch_summary(
    model: &impl HistoryModel,
    parameters: &[f64],
    monitor: &Monitor,
) -> Result<BranchSummary, QuantityError> {
    let n_nodes = model.problem().tree().n_nodes();
    let parts = model.histories(parameters, monitor, |histories| -> Result<_, QuantityError> {
        let rows = BlockRows::new(histories, &QUANTITIES);
        let sum = OrderedSum::zeros(N_SUMS * n_nodes);
        let impossible = histories.branch_posteriors(monitor, |block| {
            let weights = PossibleWeights::of(histories, block);
            sum.add(block.patterns(), sums_of_block(&rows, block, &weights.weights, n_nodes));
            weights.n_impossible
        })?;
        Ok((sum.into_total(), impossible.iter().sum::<usize>()))
    })?;
    let mut total = vec![0.0; N_SUMS * n_nodes];
    let mut n_impossible = 0;
    for (sums, impossible) in parts {
        n_impossible += impossible;
        for (total, part) in total.iter_mut().zip(sums) {
            *total += part;
        }
    }
    let n_families = model.problem().patterns().n_families() - n_impossible;
    let column = |index: usize| {
        let of_node = |sums: &[f64]| of_sums(index, [sums[2 * index], sums[2 * index + 1]], n_families as f64);
        total.chunks(N_SUMS).map(of_node).collect::<Vec<_>>()
    };
    Ok(BranchSummary {
        n_families,
        n_impossible,
        expected_gains: column(0),
        expected_losses: column(1),
        families_gained: column(2),
        families_lost: column(3),
        genome_size: column(4),
        gains_posterior_sd: column(SQUARES).into_iter().map(|total| total.sd).collect(),
        losses_posterior_sd: column(SQUARES + 1).into_iter().map(|total| total.sd).collect(),
    })
}

fn of_sums(index: usize, [sum, second]: [f64; 2], n: f64) -> Total {
    let variance = if index >= N_NUMBERS {
        // Each term is known to an ulp of 1, or of the square: what is less in all is rounding.
        let noise = f64::EPSILON * if index < SQUARES { n } else { n + sum };
        if second > noise { second } else { 0.0 }
    } else if n > 1.0 {
        // Rounding may leave a little less than nothing of equal numbers.
        n / (n - 1.0) * (second - sum * sum / n).max(0.0)
    } else {
        f64::NAN
    };
    let sd = variance.sqrt();
    Total { sum, sd }
}

/// How many families each pattern of a block stands for; 0 if it cannot arise.
struct PossibleWeights {
    weights: Vec<f64>,
    n_impossible: usize,
}

impl PossibleWeights {
    fn of(histories: &Histories, block: &PosteriorBlock) -> Self {
        let mut n_impossible = 0;
        let of_pattern = |(pattern, &log): (usize, &f64)| {
            let n_families = histories.families(pattern).len();
            if log == f64::NEG_INFINITY {
                n_impossible += n_families;
                return 0.0;
            }
            n_families as f64
        };
        let weights = block.patterns().zip(block.log_likelihoods()).map(of_pattern).collect();
        Self { weights, n_impossible }
    }
}

/// Returns the sums of a block, `[n_nodes][N_SUMS]`.
fn sums_of_block(rows: &BlockRows, block: &PosteriorBlock, weights: &[f64], n_nodes: usize) -> Vec<f64> {
    let mut sums = Vec::with_capacity(N_SUMS * n_nodes);
    let mut values = Vec::new();
    for node in 0..n_nodes {
        rows.fill(block, node, &mut values);
        for (index, row) in values.chunks(weights.len()).enumerate() {
            let mean = index
                .checked_sub(SQUARES)
                .map(|number| &values[number * weights.len()..]);
            let (mut sum, mut second) = (0.0, 0.0);
            for (lane, (&weight, &value)) in weights
                .iter()
                .zip(row)
                .enumerate()
                .filter(|(_, (weight, _))| **weight > 0.0)
            {
                sum += weight * value;
                second += weight
                    * match mean {
                        Some(mean) => value - mean[lane] * mean[lane],
                        None if index < N_NUMBERS => value * value,
                        None => value * (1.0 - value),
                    };
            }
            sums.extend([sum, second]);
        }
    }
    sums
}
