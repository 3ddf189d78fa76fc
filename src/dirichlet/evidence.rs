//! How well each component explains each row: the E-step.
//!
//! `log_evidence[i][k] = sum_j [lnG(a_kj + x_ij) - lnG(a_kj)] - [lnG(A_k + n_i) - lnG(A_k)]`, with `A_k = sum_j a_kj`:
//! the Dirichlet-multinomial log-probability of the row without its multinomial coefficient. The gamma functions are
//! computed once for each pair and component; a row then only adds up what its non-zero cells refer to.

use super::counts::Counts;
use super::special::log_gamma_rises;
use crate::error::Cancelled;
use crate::parallel::{Monitor, Workers};

/// Pairs that one thread takes at a time.
const PAIRS: usize = 2048;
/// Rows that one thread takes at a time.
const ROWS: usize = 256;
/// Estimates in nanoseconds, of a logarithm with its step and of an addition.
const RISE: usize = 10;
const ADDITION: usize = 1;

/// Returns ranges of columns with about [`PAIRS`] pairs each.
pub(super) fn column_blocks(column_start: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut blocks = Vec::new();
    let mut begin = 0;
    for column in 0..column_start.len() - 1 {
        if column_start[column + 1] - column_start[begin] >= PAIRS {
            blocks.push(begin..column + 1);
            begin = column + 1;
        }
    }
    if begin + 1 < column_start.len() {
        blocks.push(begin..column_start.len() - 1);
    }
    blocks
}

/// Returns `log_evidence` for `alpha` `[n_components][n_columns]`, row by row, `[n_rows][n_components]`.
///
/// # Errors
/// [`Cancelled`] through the monitor.
pub(super) fn log_evidence(
    counts: &Counts,
    alpha: &[f64],
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Vec<f64>, Cancelled> {
    let n_components = alpha.len() / counts.n_columns();
    let of_pair = pair_table(counts, alpha, n_components, workers, monitor)?;
    let of_total = total_table(counts, alpha, n_components, workers, monitor)?;
    let work = counts.n_entries() * n_components * ADDITION;
    let blocks = workers.map_estimated(counts.n_rows().div_ceil(ROWS), work, |block| {
        monitor.check()?;
        let rows = block * ROWS..((block + 1) * ROWS).min(counts.n_rows());
        Ok(add_up(counts, rows, n_components, &of_pair, &of_total))
    })?;
    Ok(blocks.concat())
}

/// `ln Gamma(a + v) - ln Gamma(a)` of each pair in each component, `[n_pairs][n_components]`.
fn pair_table(
    counts: &Counts,
    alpha: &[f64],
    n_components: usize,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Vec<f64>, Cancelled> {
    let start = &counts.column_start;
    let blocks = column_blocks(start);
    let work = counts.n_pairs() * n_components * RISE;
    let tables = workers.map_estimated(blocks.len(), work, |block| {
        monitor.check()?;
        let columns = blocks[block].clone();
        let first = start[columns.start];
        let mut table = vec![0.0; (start[columns.end] - first) * n_components];
        for column in columns {
            let values = &counts.values[start[column]..start[column + 1]];
            let below = (start[column] - first) * n_components;
            for component in 0..n_components {
                let alpha = alpha[component * counts.n_columns() + column];
                log_gamma_rises(alpha, values, |place, rise| {
                    table[below + place * n_components + component] = rise;
                });
            }
        }
        Ok(table)
    })?;
    Ok(tables.concat())
}

/// `ln Gamma(A + n) - ln Gamma(A)` of each distinct total in each component, `[n_totals][n_components]`.
fn total_table(
    counts: &Counts,
    alpha: &[f64],
    n_components: usize,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Vec<f64>, Cancelled> {
    let n_totals = counts.totals.len();
    let tables = workers.map_estimated(n_components, n_totals * n_components * RISE, |component| {
        monitor.check()?;
        let sum: f64 = alpha[component * counts.n_columns()..][..counts.n_columns()]
            .iter()
            .sum();
        let mut table = vec![0.0; n_totals];
        log_gamma_rises(sum, &counts.totals, |place, rise| table[place] = rise);
        Ok(table)
    })?;
    let mut of_total = vec![0.0; n_totals * n_components];
    for (component, table) in tables.iter().enumerate() {
        for (place, &rise) in table.iter().enumerate() {
            of_total[place * n_components + component] = rise;
        }
    }
    Ok(of_total)
}

fn add_up(
    counts: &Counts,
    rows: std::ops::Range<usize>,
    n_components: usize,
    of_pair: &[f64],
    of_total: &[f64],
) -> Vec<f64> {
    let mut sums = vec![0.0; rows.len() * n_components];
    for (row, sums) in rows.zip(sums.chunks_exact_mut(n_components)) {
        for &pair in &counts.pair_of_entry[counts.row_start[row]..counts.row_start[row + 1]] {
            add(sums, &of_pair[pair as usize * n_components..][..n_components]);
        }
        let total = counts.total_of_row[row] as usize * n_components;
        for (sum, &rise) in sums.iter_mut().zip(&of_total[total..]) {
            *sum -= rise;
        }
    }
    sums
}

fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, &term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// What the E-step makes of the evidence under component weights.
pub(super) struct Posterior {
    /// `[n_rows][n_components]`, each row adding up to 1.
    pub(super) responsibilities: Vec<f64>,
    /// `[n_rows]`, `ln sum_k weight_k exp(log_evidence_k)`, without the multinomial coefficient.
    pub(super) log_likelihoods: Vec<f64>,
}

/// Returns the posterior of `weights`, which need not add up to 1; the log-likelihoods divide by their sum.
pub(super) fn posterior(log_evidence: &[f64], weights: &[f64]) -> Posterior {
    let n_components = weights.len();
    let total: f64 = weights.iter().sum();
    let mut responsibilities = Vec::with_capacity(log_evidence.len());
    let mut log_likelihoods = Vec::with_capacity(log_evidence.len() / n_components);
    for evidence in log_evidence.chunks_exact(n_components) {
        let best = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = responsibilities.len();
        responsibilities.extend(
            evidence
                .iter()
                .zip(weights)
                .map(|(one, weight)| weight * (one - best).exp()),
        );
        let row = &mut responsibilities[first..];
        let mut sum: f64 = row.iter().sum();
        let mut best = best;
        if sum < f64::MIN_POSITIVE {
            (sum, best) = above_underflow(evidence, weights, row);
        }
        row.iter_mut().for_each(|one| *one /= sum);
        log_likelihoods.push(best + (sum / total).ln());
    }
    Posterior {
        responsibilities,
        log_likelihoods,
    }
}

/// The same relative to the largest product of weight and evidence, where the best component has (nearly) no weight.
fn above_underflow(evidence: &[f64], weights: &[f64], row: &mut [f64]) -> (f64, f64) {
    let joint = |component: usize| weights[component].ln() + evidence[component];
    let best = (0..weights.len()).map(joint).fold(f64::NEG_INFINITY, f64::max);
    for (component, one) in row.iter_mut().enumerate() {
        *one = (joint(component) - best).exp();
    }
    (row.iter().sum(), best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_column_once() {
        let start: Vec<usize> = (0..50).map(|column| column * 100).collect();
        let blocks = column_blocks(&start);
        assert!(blocks.len() == 3 && blocks[0] == (0..21));
        assert_eq!(blocks.last().map(|block| block.end), Some(49));
        assert!(column_blocks(&[0]).is_empty());
    }

    #[test]
    fn a_component_without_weight_takes_nothing_even_if_it_fits_best() {
        let found = posterior(&[0.0, -5000.0], &[0.0, 2.0]);
        assert_eq!(found.responsibilities, [0.0, 1.0]);
        assert_eq!(found.log_likelihoods, [-5000.0]);
    }
}
