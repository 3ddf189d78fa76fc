//! What more threads gain: times, speed-ups, efficiencies, and the parallel fraction behind them.

use super::map::at_least_one;
use super::{Workers, thread_count};
use crate::error::ParallelError;
use std::fmt;
use std::time::Instant;

/// The measurement with one number of threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalingRow {
    /// The number of threads, n.
    pub threads: usize,
    /// The median time, in seconds.
    pub seconds: f64,
    /// The time with one thread divided by this, s.
    pub speed_up: f64,
    /// `s / n`; 1 if the work is perfectly parallel.
    pub efficiency: f64,
}

/// One row for each number of threads, in the order asked for; printed as a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// The rows.
    pub rows: Vec<ScalingRow>,
}

impl Scaling {
    /// Returns the table of median times in seconds, `seconds[i]` with `threads[i]` threads.
    ///
    /// # Errors
    /// [`ParallelError::Empty`] for no times, [`ParallelError::Length`], [`ParallelError::ThreadCount`],
    /// [`ParallelError::Time`] for times that are not finite and above 0, [`ParallelError::NoSingleThread`] if none is
    /// that of one thread.
    pub fn from_times(threads: &[usize], seconds: &[f64]) -> Result<Self, ParallelError> {
        check_pairs(threads, seconds, "seconds")?;
        let wrong = |(_, time): &(&usize, &f64)| !(time.is_finite() && **time > 0.0);
        if let Some((&threads, &found)) = threads.iter().zip(seconds).find(wrong) {
            return Err(ParallelError::Time { threads, found });
        }
        let single = threads.iter().position(|&count| count == 1);
        let single = seconds[single.ok_or(ParallelError::NoSingleThread)?];
        let row = |(&threads, &seconds): (&usize, &f64)| ScalingRow {
            threads,
            seconds,
            speed_up: single / seconds,
            efficiency: single / seconds / threads as f64,
        };
        Ok(Self {
            rows: threads.iter().zip(seconds).map(row).collect(),
        })
    }

    /// Returns the parallel fraction behind the speed-ups, by [`parallel_fraction`].
    ///
    /// # Errors
    /// As [`parallel_fraction`].
    pub fn parallel_fraction(&self) -> Result<f64, ParallelError> {
        let threads: Vec<usize> = self.rows.iter().map(|row| row.threads).collect();
        let speed_ups: Vec<f64> = self.rows.iter().map(|row| row.speed_up).collect();
        parallel_fraction(&threads, &speed_ups)
    }
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>8}{:>14}{:>10}{:>12}",
            "threads", "time (ms)", "speed-up", "efficiency"
        )?;
        for row in &self.rows {
            let (milliseconds, percent) = (row.seconds * 1e3, row.efficiency * 1e2);
            let (threads, speed_up) = (row.threads, row.speed_up);
            write!(f, "\n{threads:>8}{milliseconds:>14.3}{speed_up:>10.2}{percent:>10.1} %")?;
        }
        Ok(())
    }
}

/// Returns the share p of the work that runs in parallel, from speed-ups s with n threads.
///
/// Amdahl's law, `1 / s = (1 - p) + p / n`, makes `1 - 1 / s` proportional to `1 - 1 / n`. p is the slope by least
/// squares over all counts above 1, `sum x y / sum x x` with `x = 1 - 1 / n` and `y = 1 - 1 / s`; for a single count
/// that is `n (s - 1) / (s (n - 1))`. Below 0 if threads slow the work down, above 1 if they gain more than their number.
/// # Errors
/// [`ParallelError::NoSeveralThreads`] without a count above 1, [`ParallelError::SpeedUp`] for one that is not finite
/// and above 0, [`ParallelError::Length`], [`ParallelError::ThreadCount`], [`ParallelError::Empty`].
/// # Source
/// Amdahl 1967, doi:10.1145/1465482.1465560.
///
/// ```
/// use persiste_rust::parallel::parallel_fraction;
/// assert!((parallel_fraction(&[1, 4], &[1.0, 2.5])? - 0.8).abs() < 1e-15); // 1 / (0.2 + 0.8 / 4) = 2.5
/// # Ok::<(), persiste_rust::error::ParallelError>(())
/// ```
pub fn parallel_fraction(threads: &[usize], speed_ups: &[f64]) -> Result<f64, ParallelError> {
    check_pairs(threads, speed_ups, "speed-ups")?;
    let (mut products, mut squares) = (0.0, 0.0);
    for (&threads, &found) in threads.iter().zip(speed_ups) {
        if !(found.is_finite() && found > 0.0) {
            return Err(ParallelError::SpeedUp { threads, found });
        }
        let x = 1.0 - 1.0 / threads as f64;
        products += x * (1.0 - 1.0 / found);
        squares += x * x;
    }
    if squares > 0.0 {
        Ok(products / squares)
    } else {
        Err(ParallelError::NoSeveralThreads)
    }
}

fn check_pairs(threads: &[usize], values: &[f64], what: &'static str) -> Result<(), ParallelError> {
    at_least_one(threads.len(), "thread counts")?;
    if values.len() != threads.len() {
        return Err(ParallelError::Length {
            what,
            found: values.len(),
            expected: threads.len(),
        });
    }
    threads
        .iter()
        .try_for_each(|&count| thread_count(Some(count)).map(drop))
}

/// Measures how the time of `work` falls with the number of threads.
///
/// `work` gets workers with each of `thread_counts` in turn: once unmeasured, then in `repeats` rounds over all counts,
/// so that a machine that slows down slows all of them; the median of a count's times is reported. Speed-ups refer to
/// one thread, which is measured whether or not it is asked for.
/// # Errors
/// The first error of `work`; [`ParallelError::Empty`] for no counts or repeats, [`ParallelError::ThreadCount`],
/// [`ParallelError::Time`] for work too short for the clock.
///
/// ```
/// use persiste_rust::error::ParallelError;
/// use persiste_rust::parallel::{map, scaling};
/// let items: Vec<u64> = (0..100).collect();
/// let table = scaling(&[1, 2], 3, |workers| {
///     map(workers, &items, |&item| Ok::<_, ParallelError>((0..item * 100).fold(0, u64::wrapping_add))).map(drop)
/// })?;
/// println!("{table}");
/// assert_eq!(table.rows[0].speed_up, 1.0);
/// # Ok::<(), ParallelError>(())
/// ```
pub fn scaling<E: From<ParallelError>>(
    thread_counts: &[usize],
    repeats: usize,
    mut work: impl FnMut(&Workers) -> Result<(), E>,
) -> Result<Scaling, E> {
    at_least_one(thread_counts.len(), "thread counts")?;
    at_least_one(repeats, "repeats")?;
    let asks_for_one = thread_counts.contains(&1);
    let counts: Vec<usize> = thread_counts
        .iter()
        .copied()
        .chain((!asks_for_one).then_some(1))
        .collect();
    let mut workers = Vec::with_capacity(counts.len());
    for &count in &counts {
        workers.push(Workers::new(Some(thread_count(Some(count))?)));
    }
    for each in &workers {
        work(each)?;
    }
    let mut times = vec![Vec::with_capacity(repeats); counts.len()];
    for _ in 0..repeats {
        for (each, into) in workers.iter().zip(&mut times) {
            let start = Instant::now();
            work(each)?;
            into.push([start.elapsed().as_secs_f64()]);
        }
    }
    let mut medians = Vec::with_capacity(counts.len());
    for of_count in &times {
        medians.extend(super::aggregate(of_count, &super::Aggregation::Median)?);
    }
    let mut table = Scaling::from_times(&counts, &medians)?;
    table.rows.truncate(thread_counts.len());
    Ok(table)
}
