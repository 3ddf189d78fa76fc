//! Where the EM begins: responsibilities and a mean profile for each component.

use super::counts::Counts;
use super::distance::{Lanes, nearest, squared_distance};
use super::mt19937::Mt19937;
use crate::error::{Cancelled, DirichletError};
use crate::parallel::{Monitor, Workers};

/// How far apart two proportions are, weighs this much in the soft k-means.
const STIFFNESS: f64 = 50.0;
const SOFT_CHANGE: f64 = 1e-6;
const SOFT_ITERATIONS: usize = 1000;
const HARD_ITERATIONS: usize = 300;
/// Rows and columns that one thread takes at a time.
const ROWS: usize = 128;
const COLUMNS: usize = 16;

/// How the EM begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Soft k-means on proportions from random labels, as in R's DirichletMultinomial: the same labels for a seed.
    SoftKmeans,
    /// k-means++ on square roots of proportions: separates what the soft k-means can let collapse.
    KmeansPlusPlus,
    /// The same on sorted rows: the whole fit is the same, bit for bit, in whatever order the rows come.
    SortedKmeansPlusPlus,
    /// Responsibilities `[n_rows][n_components]`, flat, each row adding up to a positive number.
    Responsibilities(Vec<f64>),
}

/// The names of the starts that need no array.
pub const STARTS: [&str; 3] = ["soft-kmeans", "kmeans++", "sorted-kmeans++"];

impl Start {
    /// Returns the start of a name.
    ///
    /// # Errors
    /// [`DirichletError::UnknownName`].
    pub fn parse(name: &str) -> Result<Self, DirichletError> {
        match name {
            "soft-kmeans" => Ok(Self::SoftKmeans),
            "kmeans++" => Ok(Self::KmeansPlusPlus),
            "sorted-kmeans++" => Ok(Self::SortedKmeansPlusPlus),
            _ => Err(DirichletError::UnknownName {
                what: "start",
                found: name.to_owned(),
                known: STARTS.to_vec(),
            }),
        }
    }
}

/// Responsibilities and mean profiles from which the first M-step sets out.
#[derive(Debug, Clone, PartialEq)]
pub struct Begin {
    /// `[n_rows][n_components]`, flat.
    pub responsibilities: Vec<f64>,
    /// Mean proportions, `[n_components][n_columns]`, flat.
    pub means: Vec<f64>,
    /// Rounds of k-means.
    pub iterations: usize,
}

impl Begin {
    /// Returns the smallest distance between the mean profiles of two components; infinite for one component.
    ///
    /// The soft k-means can let components collapse onto each other; what becomes of them is then decided by rounding.
    #[must_use]
    pub fn separation(&self, n_components: usize) -> f64 {
        let means: Vec<&[f64]> = self.means.chunks_exact(self.means.len() / n_components).collect();
        let pairs = (1..n_components).flat_map(|one| (0..one).map(move |other| (one, other)));
        let distances = pairs.map(|(one, other)| squared_distance(means[one], means[other]).sqrt());
        distances.fold(f64::INFINITY, f64::min)
    }
}

/// Returns the random labels of a seed: the stream of `gsl_rng_uniform_int` of a Mersenne Twister.
///
/// ```
/// assert_eq!(persiste_rust::dirichlet::random_labels(42, 6, 3), [1, 2, 2, 0, 2, 2]);
/// ```
#[must_use]
pub fn random_labels(seed: u32, n_rows: usize, n_components: u32) -> Vec<u32> {
    let mut random = Mt19937::new(seed);
    (0..n_rows).map(|_| random.below(n_components)).collect()
}

/// What both kinds of k-means work on.
pub(super) struct Profiles<'a> {
    pub(super) counts: &'a Counts,
    /// `[n_rows]`, how often each row counts.
    pub(super) row_weights: &'a [f64],
    pub(super) n_components: usize,
    pub(super) workers: &'a Workers,
    pub(super) monitor: &'a Monitor,
}

/// Returns the soft k-means of a table, each row with weight 1.
///
/// From one-hot labels, means and memberships alternate until no mean moves by more than 1e-6 (or 1000 times):
/// `mu_k = sum_i z_ik y_i / sum_i z_ik`, `z_ik ~ exp(-50 |y_i - mu_k|)`, with y the proportions of a row. A component
/// that got no label begins at the mean of all rows.
///
/// # Errors
/// [`Cancelled`] through the monitor.
pub fn soft_kmeans(
    counts: &Counts,
    n_components: usize,
    seed: u32,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Begin, Cancelled> {
    let profiles = Profiles {
        counts,
        row_weights: &vec![1.0; counts.n_rows()],
        n_components,
        workers,
        monitor,
    };
    profiles.soft(seed)
}

impl Profiles<'_> {
    pub(super) fn soft(&self, seed: u32) -> Result<Begin, Cancelled> {
        let (n_rows, n_components) = (self.counts.n_rows(), self.n_components);
        let shares = self.counts.proportions();
        let mut begin = Begin {
            responsibilities: vec![0.0; n_rows * n_components],
            means: vec![0.0; n_components * self.counts.n_columns()],
            iterations: 0,
        };
        for (row, label) in random_labels(seed, n_rows, n_components as u32).iter().enumerate() {
            begin.responsibilities[row * n_components + *label as usize] = 1.0;
        }
        let mut change = f64::INFINITY;
        while change > SOFT_CHANGE && begin.iterations < SOFT_ITERATIONS {
            let means = self.means(&shares, &begin.responsibilities)?;
            change = self.largest_move(&begin.means, &means);
            begin.means = means;
            begin.responsibilities = self.memberships(&shares, &begin.means)?;
            begin.iterations += 1;
        }
        Ok(begin)
    }

    /// Mean of `points` `[n_rows][n_columns]` in each component; the mean of all rows for one without any.
    fn means(&self, points: &[f64], responsibilities: &[f64]) -> Result<Vec<f64>, Cancelled> {
        let (n_columns, n_components) = (self.counts.n_columns(), self.n_components);
        let mut masses = vec![0.0; n_components];
        for (row, of_row) in responsibilities.chunks_exact(n_components).enumerate() {
            for (mass, share) in masses.iter_mut().zip(of_row) {
                *mass += share * self.row_weights[row];
            }
        }
        let work = responsibilities.len() * n_columns;
        let blocks = self.workers.map_estimated(n_columns.div_ceil(COLUMNS), work, |block| {
            self.monitor.check()?;
            let columns = block * COLUMNS..((block + 1) * COLUMNS).min(n_columns);
            let mut sums = vec![0.0; columns.len() * n_components];
            let mut all = vec![0.0; columns.len()];
            for (row, of_row) in responsibilities.chunks_exact(n_components).enumerate() {
                let point = &points[row * n_columns..][columns.clone()];
                let weight = self.row_weights[row];
                for (sums, share) in sums.chunks_exact_mut(point.len()).zip(of_row) {
                    add_scaled(sums, point, share * weight);
                }
                add_scaled(&mut all, point, weight);
            }
            Ok::<_, Cancelled>((columns, sums, all))
        })?;
        let total: f64 = self.row_weights.iter().sum();
        let mut means = vec![0.0; n_components * n_columns];
        for (columns, sums, all) in blocks {
            let width = columns.len();
            for component in 0..n_components {
                let into = &mut means[component * n_columns..][columns.clone()];
                let (from, mass) = match masses[component] {
                    mass if mass > 0.0 => (&sums[component * width..][..width], mass),
                    _ => (all.as_slice(), total),
                };
                into.iter_mut().zip(from).for_each(|(mean, sum)| *mean = sum / mass);
            }
        }
        Ok(means)
    }

    fn largest_move(&self, before: &[f64], after: &[f64]) -> f64 {
        let n_columns = self.counts.n_columns();
        let moved = before.chunks_exact(n_columns).zip(after.chunks_exact(n_columns));
        moved.map(|(a, b)| squared_distance(a, b).sqrt()).fold(0.0, f64::max)
    }

    fn memberships(&self, shares: &[f64], means: &[f64]) -> Result<Vec<f64>, Cancelled> {
        let (n_columns, n_components) = (self.counts.n_columns(), self.n_components);
        let means = Lanes::new(means, n_columns);
        let rows = |rows: &[f64]| {
            let mut found = Vec::with_capacity(rows.len() / n_columns * n_components);
            for row in rows.chunks_exact(n_columns) {
                let first = found.len();
                means.squared_distances(row, |distance| found.push((-STIFFNESS * distance.sqrt()).exp()));
                let sum: f64 = found[first..].iter().sum();
                found[first..].iter_mut().for_each(|share| *share /= sum);
            }
            found
        };
        self.in_blocks(shares, rows)
    }

    /// Runs `work` over blocks of rows of `points` and joins what it returns.
    fn in_blocks<T: Send + Clone>(
        &self,
        points: &[f64],
        work: impl Fn(&[f64]) -> Vec<T> + Sync,
    ) -> Result<Vec<T>, Cancelled> {
        let size = ROWS * self.counts.n_columns();
        let cost = points.len() * self.n_components;
        let blocks = self.workers.map_estimated(points.len().div_ceil(size), cost, |block| {
            self.monitor.check()?;
            Ok(work(&points[block * size..((block + 1) * size).min(points.len())]))
        })?;
        Ok(blocks.concat())
    }

    /// k-means++ (Arthur and Vassilvitskii 2007) and Lloyd's rounds on square roots of proportions, where equal
    /// distances are equally surprising whatever the proportion.
    pub(super) fn hard(&self, seed: u32) -> Result<Begin, Cancelled> {
        let n_columns = self.counts.n_columns();
        let mut points = self.counts.proportions();
        points.iter_mut().for_each(|share| *share = share.sqrt());
        let mut centres = self.seeds(&points, &mut Mt19937::new(seed))?;
        let mut labels = Vec::new();
        let mut iterations = 0;
        while iterations < HARD_ITERATIONS {
            let lanes = Lanes::new(&centres, n_columns);
            let nearest = self.in_blocks(&points, |rows| {
                rows.chunks_exact(n_columns).map(|row| nearest(&lanes, row)).collect()
            })?;
            if nearest == labels {
                break;
            }
            labels = nearest;
            let moved = self.means(&points, &one_hot(&labels, self.n_components))?;
            for (component, (centre, mean)) in centres
                .chunks_exact_mut(n_columns)
                .zip(moved.chunks(n_columns))
                .enumerate()
            {
                if labels.contains(&component) {
                    centre.copy_from_slice(mean);
                }
            }
            iterations += 1;
        }
        self.complete(one_hot(&labels, self.n_components), iterations)
    }

    /// Draws centres, each from some candidates with probabilities proportional to the squared distance from those
    /// already drawn: of the candidates, the one that leaves the smallest sum of such distances.
    fn seeds(&self, points: &[f64], random: &mut Mt19937) -> Result<Vec<f64>, Cancelled> {
        let n_columns = self.counts.n_columns();
        let mut centres: Vec<f64> = Vec::new();
        let mut chances = self.row_weights.to_vec();
        let mut distances = vec![f64::INFINITY; self.counts.n_rows()];
        // As many candidates as Arthur and Vassilvitskii tried, and later scikit-learn.
        let n_candidates = 2 + (self.n_components as f64).ln() as usize;
        for _ in 0..self.n_components {
            let mut best: Option<(f64, Vec<f64>, &[f64])> = None;
            for _ in 0..n_candidates {
                let row = draw(&chances, random.unit());
                let centre = &points[row * n_columns..][..n_columns];
                let mut fresh = self.in_blocks(points, |rows| {
                    rows.chunks_exact(n_columns)
                        .map(|row| squared_distance(centre, row))
                        .collect()
                })?;
                fresh
                    .iter_mut()
                    .zip(&distances)
                    .for_each(|(fresh, &old)| *fresh = fresh.min(old));
                let sum: f64 = fresh
                    .iter()
                    .zip(self.row_weights)
                    .map(|(one, weight)| one * weight)
                    .sum();
                if best.as_ref().is_none_or(|(least, ..)| sum < *least) {
                    best = Some((sum, fresh, centre));
                }
            }
            if let Some((_, fresh, centre)) = best {
                centres.extend_from_slice(centre);
                distances = fresh;
            }
            for ((chance, distance), weight) in chances.iter_mut().zip(&distances).zip(self.row_weights) {
                *chance = distance * weight;
            }
        }
        Ok(centres)
    }

    /// Completes given responsibilities, scaled to add up to 1 in each row, by the means they imply.
    pub(super) fn complete(&self, mut responsibilities: Vec<f64>, iterations: usize) -> Result<Begin, Cancelled> {
        for row in responsibilities.chunks_exact_mut(self.n_components) {
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|share| *share /= sum);
        }
        Ok(Begin {
            means: self.means(&self.counts.proportions(), &responsibilities)?,
            responsibilities,
            iterations,
        })
    }
}

fn add_scaled(sums: &mut [f64], terms: &[f64], scale: f64) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += scale * term;
    }
}

fn one_hot(labels: &[usize], n_components: usize) -> Vec<f64> {
    let mut found = vec![0.0; labels.len() * n_components];
    for (row, label) in labels.iter().enumerate() {
        found[row * n_components + label] = 1.0;
    }
    found
}

/// Returns the row at which the sum of chances passes `unit` of their total; the chances themselves where all are 0.
fn draw(chances: &[f64], unit: f64) -> usize {
    let total: f64 = chances.iter().sum();
    if total <= 0.0 {
        return (unit * chances.len() as f64) as usize;
    }
    let mut left = unit * total;
    let mut last = 0;
    for (row, &chance) in chances.iter().enumerate() {
        if chance > 0.0 {
            last = row;
            left -= chance;
            if left < 0.0 {
                break;
            }
        }
    }
    last
}
