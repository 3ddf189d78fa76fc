//! Repeated random evaluation of each item, and what the samples say together.

use super::map::{at_least_one, common_length};
use super::{Random, Workers};
use crate::error::ParallelError;

/// Mean, standard deviation and quantiles of each component over samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// `[n_components]`, the sum in the order of the samples divided by their number.
    pub mean: Vec<f64>,
    /// `[n_components]`, with `n_samples - 1` in the denominator; NaN for a single sample.
    pub sd: Vec<f64>,
    /// `[n_quantiles][n_components]`, in the order asked for; NaN for a component with a NaN among its samples.
    pub quantiles: Vec<Vec<f64>>,
}

/// Returns the summary of `n_samples` random evaluations of each item, `[n_items]`.
///
/// `work(item, random)` gets the generator of its item and sample, [`Random::of`]`(seed, item, sample)`, and returns the
/// components of one sample, equally many for all samples of an item. Items and samples are shared out together, so
/// that one item of many samples keeps all threads busy; all samples are held until the end. `quantiles` are
/// probabilities from 0 to 1, interpolated as by [`summarise`].
/// # Errors
/// The first error in the order of items, and of samples within an item; [`ParallelError::Empty`] for no items or no
/// samples, [`ParallelError::Quantile`], [`ParallelError::Ragged`].
///
/// ```
/// use persiste_rust::error::ParallelError;
/// use persiste_rust::parallel::{Workers, monte_carlo};
/// let widths = [1.0, 10.0];
/// let summaries = monte_carlo(&Workers::new(None), &widths, 1000, 42, &[0.5], |width, random| {
///     Ok::<_, ParallelError>(vec![width * random.uniform()])
/// })?;
/// assert!((summaries[1].mean[0] - 5.0).abs() < 0.3); // three standard errors: 3 * 10 / sqrt(12 * 1000)
/// # Ok::<(), ParallelError>(())
/// ```
pub fn monte_carlo<I: Sync, E: From<ParallelError> + Send>(
    workers: &Workers,
    items: &[I],
    n_samples: usize,
    seed: u64,
    quantiles: &[f64],
    work: impl Fn(&I, &mut Random) -> Result<Vec<f64>, E> + Sync,
) -> Result<Vec<Summary>, E> {
    at_least_one(items.len(), "items")?;
    at_least_one(n_samples, "samples")?;
    check_quantiles(quantiles)?;
    let n = items
        .len()
        .checked_mul(n_samples)
        .ok_or_else(|| ParallelError::work("more samples than this machine can count"))?;
    let samples = workers.map(n, |index| {
        let (item, sample) = (index / n_samples, index % n_samples);
        work(&items[item], &mut Random::of(seed, item, sample))
    })?;
    let summaries = samples
        .chunks(n_samples)
        .map(|of_item| summarise(of_item, quantiles).map_err(E::from));
    summaries.collect()
}

/// Returns mean, standard deviation and quantiles of each component over `samples`, `[n_samples][n_components]`.
///
/// The quantile at probability q of sorted x is `x[h] + (h' - h)(x[h + 1] - x[h])`, with `h' = (n - 1) q` and h its
/// whole part: type 7 of Hyndman and Fan 1996, doi:10.2307/2684934, the default of R and NumPy.
/// # Errors
/// [`ParallelError::Empty`], [`ParallelError::Ragged`], [`ParallelError::Quantile`].
///
/// ```
/// use persiste_rust::parallel::summarise;
/// let summary = summarise(&[[1.0], [2.0], [6.0]], &[0.5, 0.75])?;
/// assert_eq!((summary.mean[0], summary.quantiles[1][0]), (3.0, 4.0));
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn summarise(samples: &[impl AsRef<[f64]>], quantiles: &[f64]) -> Result<Summary, ParallelError> {
    at_least_one(samples.len(), "samples")?;
    check_quantiles(quantiles)?;
    let n_components = common_length(samples, "sample")?;
    let mut summary = Summary {
        mean: Vec::with_capacity(n_components),
        sd: Vec::with_capacity(n_components),
        quantiles: vec![Vec::with_capacity(n_components); quantiles.len()],
    };
    let mut values = Vec::with_capacity(samples.len());
    for component in 0..n_components {
        values.clear();
        values.extend(samples.iter().map(|sample| sample.as_ref()[component]));
        let (mean, sd) = moments(&values);
        summary.mean.push(mean);
        summary.sd.push(sd);
        values.sort_by(f64::total_cmp);
        for (&probability, into) in quantiles.iter().zip(&mut summary.quantiles) {
            into.push(if mean.is_nan() && values.iter().any(|value| value.is_nan()) {
                f64::NAN
            } else {
                quantile(&values, probability)
            });
        }
    }
    Ok(summary)
}

fn check_quantiles(quantiles: &[f64]) -> Result<(), ParallelError> {
    let wrong = |(_, probability): &(usize, &f64)| !(0.0..=1.0).contains(*probability);
    match quantiles.iter().enumerate().find(wrong) {
        None => Ok(()),
        Some((index, &found)) => Err(ParallelError::Quantile { index, found }),
    }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (values.len() as f64 - 1.0)).sqrt())
}

/// Returns the quantile of sorted values, at least one and none NaN.
fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * probability;
    let below = place as usize;
    between(
        sorted[below],
        sorted[(below + 1).min(sorted.len() - 1)],
        place - below as f64,
    )
}

/// Returns the number at `share` of the way from `low` to `high`; both may be infinite.
pub(super) fn between(low: f64, high: f64, share: f64) -> f64 {
    if share == 0.0 || low == high {
        low
    } else {
        (1.0 - share) * low + share * high
    }
}
