//! Simulated tables held against the observed one: p-values of statistics, of families, and of genomes.
//!
//! Tables are drawn at the given parameters, for the model's own families, covariates and missing cells, and
//! conditioned as the model is ([`simulate`](crate::simulate)); replicate i has seed `stream_seed(seed, i, 0)`, so
//! that it depends on nothing else. The parameters are plugged in and not fitted anew, so that a p-value of a statistic
//! that a fit sees is conservative: the observed table is nearer to the model fitted to it than simulated ones are.
//!
//! | statistic | what |
//! |---|---|
//! | `presences` | genomes that a family is present in, mean over families |
//! | `presence_variance` | its variance over families |
//! | `core`, `shell`, `cloud`, `singletons` | families in these classes of presences |
//! | `spectrum_distance` | distance of the spectrum from the expected one ([`Spectrum::distance`]) |
//! | `distinct_patterns` | different columns |
//! | `parsimony` | least number of changes ([`parsimony_score`]) |
//! | `genome_size_sd` | standard deviation of the genomes' sizes |
//! | `tree_signal` | correlation of distance in content and on the tree ([`pairs`]) |
//! | `mean_log_likelihood` | of a family |
//!
//! With n replicates `p(high) = (1 + #{simulated >= observed}) / (1 + n)`, p(low) likewise, and the two-sided p-value is
//! `min(1, 2 min(p(low), p(high)))`.
//!
//! A family's p-value is the share of simulated families of the same law (covariates, missing cells) whose
//! log-likelihood is no greater, `(1 + #) / (1 + all)`; a second one compares with those among them that are present in
//! as many genomes, so that it tells of the pattern and not of the frequency. Both have a rate of false discoveries.
//!
//! Source: Rubin 1984, doi:10.1214/aos/1176346785; Gelman, Meng & Stern 1996; Davison & Hinkley 1997, ch. 4 (the 1 +).

pub mod pairs;
mod parsimony;
mod ranks;
mod statistic;
mod summary;

pub use parsimony::parsimony_score;
pub use ranks::benjamini_hochberg;
pub use statistic::Statistic;

use super::count_classes::CountClasses;
use super::same_law::Units;
use super::spectrum::{self, Spectrum};
use crate::error::CheckError;
use crate::model::{GeneContentModel, RootPrior};
use crate::parallel::{Monitor, Workers, stream_seed};
use crate::problem::{Patterns, Problem};
use crate::simulate::{Missing, Simulation};
use pairs::Pairs;
use ranks::Ranks;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use summary::{NAMES, Setting, Summary};

/// Where the distance from the expected spectrum stands among the statistics.
const DISTANCE: usize = 6;

/// How many tables, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replicates {
    /// At least 1.
    pub n: usize,
    /// Of all random numbers.
    pub seed: u64,
    /// Bounds of core and cloud.
    pub classes: CountClasses,
}

/// How surprising each family is, every vector `[n_families]`.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilySurprise {
    /// Natural log.
    pub log_likelihood: Vec<f64>,
    /// Genomes that it is present in.
    pub presences: Vec<u32>,
    /// p-value among simulated families of the same law.
    pub p_value: Vec<f64>,
    /// p-value among those that are present in as many genomes.
    pub p_given_presences: Vec<f64>,
    /// How many simulated families the latter compares with.
    pub n_given_presences: Vec<u64>,
}

/// The size of a genome in simulated tables, and the number of families that it alone has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GenomeCounts {
    /// Size and families of its own in the observed table.
    pub observed: [u64; 2],
    /// Their means over simulated tables.
    pub mean: [f64; 2],
    /// Their standard deviations; NaN for one table.
    pub sd: [f64; 2],
}

/// What simulated tables say.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictive {
    /// In the order of the module's table.
    pub statistics: Vec<Statistic>,
    /// The families.
    pub families: FamilySurprise,
    /// The genomes, `[n_tips]`.
    pub genomes: Vec<GenomeCounts>,
    /// The spectrum: as it was given, or with the mean of the simulated ones as its expectation.
    pub spectrum: Spectrum,
}

/// Draws tables and returns where the observed one stands.
///
/// `exact` is the model's spectrum ([`Spectrum::exact`]), if it is known. Progress is counted in families; the results
/// do not depend on the number of threads.
///
/// # Errors
/// [`CheckError::NoSimulations`]; [`CheckError::RootFromData`]; [`CheckError::Simulate`] if the model cannot be
/// simulated; [`CheckError::Model`].
pub fn predictive(
    model: &GeneContentModel,
    parameters: &[f64],
    replicates: Replicates,
    exact: Option<Spectrum>,
    monitor: &Monitor,
) -> Result<Predictive, CheckError> {
    if replicates.n == 0 {
        return Err(CheckError::NoSimulations);
    }
    if model.specification().root == RootPrior::FitzJohn {
        return Err(CheckError::RootFromData);
    }
    let check = Check::new(model, parameters, replicates, monitor)?;
    monitor.begin((replicates.n * model.families().len()) as u64);
    let summaries = model
        .workers()
        .map(replicates.n, |replicate| check.replicate(replicate, monitor))?;
    Ok(check.finish(summaries, exact))
}

/// Returns the spectrum with simulated tables for its expectation, for models of which no exact one is known.
///
/// # Errors
/// As [`predictive`].
pub fn simulated_spectrum(
    model: &GeneContentModel,
    parameters: &[f64],
    replicates: Replicates,
    monitor: &Monitor,
) -> Result<Spectrum, CheckError> {
    if replicates.n == 0 {
        return Err(CheckError::NoSimulations);
    }
    monitor.begin((replicates.n * model.families().len()) as u64);
    let spectra = model.workers().map(replicates.n, |replicate| {
        let problem = draw(
            model,
            parameters,
            stream_seed(replicates.seed, replicate as u64, 0),
            monitor,
        )?;
        Ok::<_, CheckError>(spectrum::observed(problem.patterns()))
    })?;
    let observed = spectrum::observed(model.problem().patterns());
    Ok(Spectrum::from_replicates(&observed, &spectra, &replicates.classes))
}

/// Draws one table on one thread.
fn draw(
    model: &GeneContentModel,
    parameters: &[f64],
    seed: u64,
    monitor: &Monitor,
) -> Result<Arc<Problem>, CheckError> {
    let tree = model.problem().tree();
    let simulation = Simulation {
        tree,
        specification: model.specification(),
        parameters,
        missing: Missing::Like(model.problem().patterns()),
        seed,
        wants_truth: false,
    };
    let table = simulation.draw(model.families(), &Workers::single(), monitor)?.table;
    let columns: Vec<u32> = (0..tree.n_tips() as u32).collect();
    Ok(Arc::new(Problem::new(
        tree.clone(),
        Patterns::distinct(&table, &columns),
    )))
}

/// The observed table, and the counters that replicates add to.
struct Check<'a> {
    model: &'a GeneContentModel,
    parameters: &'a [f64],
    replicates: Replicates,
    setting: Setting<'a>,
    units: Units,
    log_likelihoods: Vec<f64>,
    presences: Vec<u32>,
    observed: Summary,
    of_law: Ranks,
    given_presences: Ranks,
    /// Sums of the sizes and own families of each genome, and of their squares, `[n_tips]`.
    sizes: Vec<[AtomicU64; 4]>,
}

impl<'a> Check<'a> {
    fn new(
        model: &'a GeneContentModel,
        parameters: &'a [f64],
        replicates: Replicates,
        monitor: &Monitor,
    ) -> Result<Self, CheckError> {
        let (tree, patterns) = (model.problem().tree(), model.problem().patterns());
        let setting = Setting {
            tree,
            classes: replicates.classes,
            pairs: Pairs::new(tree),
        };
        let log_likelihoods = model.log_likelihoods(parameters, monitor)?;
        let units = Units::new(patterns, model.specification().effects.group_of_family());
        let presences = presences(patterns);
        let kinds = |with_presences: bool| {
            let of_family = units.of_family.iter().zip(&presences).zip(&log_likelihoods);
            of_family.map(move |((&unit, &presences), &value)| (kind(unit, presences, with_presences), value))
        };
        Ok(Self {
            observed: setting.summary(patterns, &log_likelihoods),
            of_law: Ranks::new(kinds(false)),
            given_presences: Ranks::new(kinds(true)),
            sizes: (0..tree.n_tips()).map(|_| Default::default()).collect(),
            model,
            parameters,
            replicates,
            setting,
            units,
            log_likelihoods,
            presences,
        })
    }

    /// Draws a table, adds it to the counters and returns its summary.
    fn replicate(&self, replicate: usize, monitor: &Monitor) -> Result<Summary, CheckError> {
        let seed = stream_seed(self.replicates.seed, replicate as u64, 0);
        let problem = draw(self.model, self.parameters, seed, monitor)?;
        let (families, specification) = (self.model.families().clone(), self.model.specification().clone());
        let model = GeneContentModel::new(problem.clone(), families, specification, Workers::single())?;
        let log_likelihoods = model.log_likelihoods(self.parameters, monitor)?;
        let patterns = problem.patterns();
        let summary = self.setting.summary(patterns, &log_likelihoods);
        if self.units.units.len() == 1 {
            self.count_patterns(patterns, &log_likelihoods);
        } else {
            let of_family = self
                .units
                .of_family
                .iter()
                .zip(presences(patterns))
                .zip(&log_likelihoods);
            for ((&unit, presences), &value) in of_family {
                self.of_law.count(kind(unit, presences, false), value, 1);
                self.given_presences.count(kind(unit, presences, true), value, 1);
            }
        }
        for (sums, &[size, own]) in self.sizes.iter().zip(&summary.sizes) {
            for (sum, value) in sums.iter().zip([size, own, size * size, own * own]) {
                sum.fetch_add(value, Relaxed);
            }
        }
        Ok(summary)
    }

    /// Counts each pattern once, with its weight; for families of one law.
    fn count_patterns(&self, patterns: &Patterns, log_likelihoods: &[f64]) {
        let counts = patterns.counts();
        let mut is_counted = vec![false; patterns.n_patterns()];
        for (&pattern, &value) in patterns.pattern_of_family().iter().zip(log_likelihoods) {
            let pattern = pattern as usize;
            if !std::mem::replace(&mut is_counted[pattern], true) {
                let weight = patterns.weights()[pattern] as u64;
                self.of_law
                    .count(kind(0, counts[pattern].present, false), value, weight);
                self.given_presences
                    .count(kind(0, counts[pattern].present, true), value, weight);
            }
        }
    }

    fn finish(mut self, summaries: Vec<Summary>, exact: Option<Spectrum>) -> Predictive {
        let spectrum = exact.unwrap_or_else(|| {
            let spectra: Vec<Vec<u64>> = summaries.iter().map(|summary| summary.spectrum.clone()).collect();
            Spectrum::from_replicates(&self.observed.spectrum, &spectra, &self.replicates.classes)
        });
        let column = |index: usize| Statistic {
            name: NAMES[index],
            observed: self.observed.statistics[index],
            simulated: summaries.iter().map(|summary| summary.statistics[index]).collect(),
        };
        let mut statistics: Vec<Statistic> = (0..NAMES.len()).map(column).collect();
        let distance = Statistic {
            name: "spectrum_distance",
            observed: spectrum.distance(&self.observed.spectrum),
            simulated: summaries.iter().map(|one| spectrum.distance(&one.spectrum)).collect(),
        };
        statistics.insert(DISTANCE, distance);
        self.of_law.finish();
        self.given_presences.finish();
        let n = summaries.len() as f64;
        let genome = |(sums, &observed): (&[AtomicU64; 4], &[u64; 2])| {
            let sums = sums.each_ref().map(|sum| sum.load(Relaxed) as f64);
            let mean = [sums[0] / n, sums[1] / n];
            let sd = [0, 1].map(|i| ((sums[2 + i] - sums[i] * mean[i]).max(0.0) / (n - 1.0)).sqrt());
            GenomeCounts { observed, mean, sd }
        };
        let genomes = self.sizes.iter().zip(&self.observed.sizes).map(genome).collect();
        Predictive {
            statistics,
            families: self.surprise(),
            genomes,
            spectrum,
        }
    }

    fn surprise(&self) -> FamilySurprise {
        let n = self.log_likelihoods.len();
        let mut found = FamilySurprise {
            log_likelihood: self.log_likelihoods.clone(),
            presences: self.presences.clone(),
            p_value: Vec::with_capacity(n),
            p_given_presences: Vec::with_capacity(n),
            n_given_presences: Vec::with_capacity(n),
        };
        for ((&unit, &presences), &value) in self
            .units
            .of_family
            .iter()
            .zip(&self.presences)
            .zip(&self.log_likelihoods)
        {
            found
                .p_value
                .push(self.of_law.of(kind(unit, presences, false), value).p_value());
            let given = self.given_presences.of(kind(unit, presences, true), value);
            found.p_given_presences.push(given.p_value());
            found.n_given_presences.push(given.n_simulated);
        }
        found
    }
}

/// Families that are compared: of one unit, perhaps present in as many genomes.
fn kind(unit: u32, presences: u32, with_presences: bool) -> u64 {
    u64::from(unit) << 32 | if with_presences { u64::from(presences) } else { 0 }
}

/// Returns in how many genomes each family is present, `[n_families]`.
fn presences(patterns: &Patterns) -> Vec<u32> {
    let counts = patterns.counts();
    let of_family = patterns.pattern_of_family().iter();
    of_family.map(|&pattern| counts[pattern as usize].present).collect()
}
