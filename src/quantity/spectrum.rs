//! The gene-frequency spectrum: how many families are present in k genomes, k = 0..n, expected and observed.
//!
//! ```text
//! expected[k] = sum_f P(K_f = k | recorded)
//! P(K_f = k | recorded) = sum_c w_c P_c(K = k) / sum_{j recorded} sum_c w_c P_c(K = j)   for recorded k, else 0
//! ```
//!
//! with `P_c(K = k)` of category c from the counting programme of a window ([`model::spectrum`](crate::model::spectrum)),
//! over the visible tips of family f: a missing cell is no presence, and families of which the same cells are missing
//! share one law. "Recorded" is the ascertainment of the model, asked of the complete record and of what is visible of
//! it, as simulated families are; for windows with an upper end and missing cells, and where there are too many
//! different sets of missing cells, no exact law is computed: see [`Spectrum::from_replicates`].
//!
//! Families are independent, so the number of families in a bin is binomial where all follow one law, and otherwise a
//! sum of independent indicators, for whose quantiles a binomial of the same mean and variance stands in
//! (Ehm 1991). The parameters are taken as known.
//!
//! Axis: number of genomes. Unit: families.
//!
//! Source: Baumdicker, Hess & Pfaffelhuber 2012, doi:10.1093/gbe/evs016 (the spectrum); Haegeman & Weitz 2012,
//! doi:10.1186/1471-2164-13-196.

use super::count_classes::CountClasses;
use super::count_law::CountLaw;
use super::same_law::{Unit, Units};
use crate::error::CheckError;
use crate::model::{Ascertainment, GeneContentModel, Process, Processes, RootPrior, spectrum};
use crate::parallel::Monitor;
use crate::problem::{Counts, Patterns};
use std::ops::RangeInclusive;

/// Probability that the true model leaves a count within its band.
pub const LEVEL: f64 = 0.99;
/// Steps of the counting programme that exact laws may take: half a minute on one thread.
const MOST_STEPS: f64 = 2e10;
/// Conditioning on something rarer leaves entries that may have lost digits.
const SMALLEST: f64 = 1e-240;
/// Units whose laws are held at a time.
const CHUNK: usize = 64;

/// An observed number of families, what the model expects, and between which numbers it should lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// The number in the table.
    pub observed: u64,
    /// Its expectation under the model.
    pub expected: f64,
    /// Its standard deviation under the model.
    pub sd: f64,
    /// The lower end of the band of probability [`LEVEL`].
    pub low: u64,
    /// The upper end.
    pub high: u64,
}

impl Expectation {
    fn new(observed: u64, law: &CountLaw) -> Self {
        let [low, high] = law.band(LEVEL);
        Self {
            observed,
            expected: law.mean,
            sd: law.variance.max(0.0).sqrt(),
            low,
            high,
        }
    }

    /// Returns whether the observed number lies outside the band.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        !(self.low..=self.high).contains(&self.observed)
    }
}

/// The spectrum of a table and of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// For each number of genomes, `[n_tips + 1]`.
    pub bins: Vec<Expectation>,
    /// For core, shell, cloud and singletons.
    pub classes: [Expectation; 4],
    /// How many different laws the families follow.
    pub n_laws: usize,
    /// From how many simulated tables the expectation is a mean; 0 where it is exact.
    pub n_simulated: usize,
}

impl Spectrum {
    /// Returns the spectrum of a model's table, with exact laws; `None` where these would take too long or are not
    /// known (see the module).
    ///
    /// # Errors
    /// [`CheckError::RootFromData`]; [`CheckError::RarelyRecorded`]; [`CheckError::Model`] as the model's
    /// log-likelihood.
    ///
    /// ```
    /// use ndarray::array;
    /// use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};
    /// use persiste_rust::parallel::{Monitor, Workers};
    /// use persiste_rust::problem::{Names, Patterns, PresenceTable, Problem};
    /// use persiste_rust::quantity::{count_classes::CountClasses, spectrum::Spectrum};
    /// use std::sync::Arc;
    ///
    /// let tree = persiste_rust::io::newick::parse("((A:1,B:1):1,C:2);", &Default::default())?.tree;
    /// let genomes = ["A", "B", "C"].map(String::from).to_vec();
    /// let names: Names = ["f", "g"].into_iter().collect();
    /// let cells = array![[1, 0], [1, 0], [0, 1]];
    /// let table = PresenceTable::from_matrix(cells.view(), genomes, names.clone())?;
    /// let problem = Arc::new(Problem::new(tree, Patterns::distinct(&table, &[0, 1, 2])));
    /// let (root, observed) = (RootPrior::Equal, Ascertainment::Observed);
    /// let model = GeneContentModel::shared(problem, Arc::new(names), root, observed, Workers::single())?;
    /// let classes = CountClasses::new(0.99, 0.15, 3)?;
    /// let found = Spectrum::exact(&model, &[0.0, 0.0], &classes, &Monitor::new())?;
    /// assert!((found.unwrap().expected().iter().sum::<f64>() - 2.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exact(
        model: &GeneContentModel,
        parameters: &[f64],
        classes: &CountClasses,
        monitor: &Monitor,
    ) -> Result<Option<Self>, CheckError> {
        if model.specification().root == RootPrior::FitzJohn {
            return Err(CheckError::RootFromData);
        }
        let (specification, patterns) = (model.specification(), model.problem().patterns());
        let units = Units::new(patterns, specification.effects.group_of_family());
        let laws = Laws::new(model, parameters)?;
        if !laws.are_known(&units) {
            return Ok(None);
        }
        let (n_bins, presences) = (patterns.n_tips() + 1, classes.presences());
        let mut sums = Sums::zeros(n_bins, units.units.len());
        for chunk in units.units.chunks(CHUNK) {
            let of_chunk = model
                .workers()
                .map(chunk.len(), |index| laws.of_unit(&chunk[index], monitor))?;
            for (unit, law) in chunk.iter().zip(of_chunk) {
                sums.add(unit.n_families, &law, &presences);
            }
        }
        Ok(Some(sums.into_spectrum(&observed(patterns), &presences)))
    }

    /// Returns the spectrum with the mean of simulated ones as its expectation.
    ///
    /// `replicates` are `[n_tips + 1]` each, of as many families as `observed`. The bands are those of a binomial of
    /// that mean, which is the widest that families of different laws can have.
    #[must_use]
    pub fn from_replicates(observed: &[u64], replicates: &[Vec<u64>], classes: &CountClasses) -> Self {
        let (n_families, presences) = (observed.iter().sum::<u64>() as usize, classes.presences());
        let total = (n_families * replicates.len()) as f64;
        let mut probability = vec![0.0; observed.len()];
        for replicate in replicates {
            for (sum, &count) in probability.iter_mut().zip(replicate) {
                *sum += count as f64 / total;
            }
        }
        let mut sums = Sums::zeros(observed.len(), 1);
        sums.add(n_families, &probability, &presences);
        Self {
            n_simulated: replicates.len(),
            ..sums.into_spectrum(observed, &presences)
        }
    }

    /// Returns the expected number of families in each number of genomes, `[n_tips + 1]`.
    #[must_use]
    pub fn expected(&self) -> Vec<f64> {
        self.bins.iter().map(|bin| bin.expected).collect()
    }

    /// Returns the observed number of families in each number of genomes, `[n_tips + 1]`.
    #[must_use]
    pub fn observed(&self) -> Vec<f64> {
        self.bins.iter().map(|bin| bin.observed as f64).collect()
    }

    /// Returns how many numbers of genomes have an observed number of families outside their band.
    #[must_use]
    pub fn n_outside(&self) -> usize {
        self.bins.iter().filter(|bin| bin.is_outside()).count()
    }

    /// Returns the distance of a spectrum from the expected one, `4 sum_k (sqrt(s_k) - sqrt(expected_k))^2`.
    ///
    /// # Source
    /// Freeman & Tukey 1950, doi:10.1214/aoms/1177729756.
    #[must_use]
    pub fn distance(&self, spectrum: &[u64]) -> f64 {
        let terms = spectrum.iter().zip(&self.bins);
        terms
            .map(|(&count, bin)| 4.0 * ((count as f64).sqrt() - bin.expected.sqrt()).powi(2))
            .sum()
    }
}

/// Returns how many families of a table are present in each number of genomes, `[n_tips + 1]`.
#[must_use]
pub fn observed(patterns: &Patterns) -> Vec<u64> {
    let mut spectrum = vec![0; patterns.n_tips() + 1];
    for (counts, &weight) in patterns.counts().iter().zip(patterns.weights()) {
        spectrum[counts.present as usize] += weight as u64;
    }
    spectrum
}

/// Laws of single families.
struct Laws<'a> {
    model: &'a GeneContentModel,
    processes: Processes<'a>,
}

impl<'a> Laws<'a> {
    fn new(model: &'a GeneContentModel, parameters: &'a [f64]) -> Result<Self, CheckError> {
        let processes = Processes::new(model.specification(), model.problem().tree(), parameters)?;
        Ok(Self { model, processes })
    }

    /// Returns whether the laws of these units can be computed in reasonable time.
    fn are_known(&self, units: &Units) -> bool {
        let n_tips = self.model.problem().tree().n_tips();
        let has_upper_end = matches!(self.model.specification().ascertainment,
            Ascertainment::Window { highest, .. } if highest < n_tips);
        let n_categories = self.processes.n_categories();
        let steps = units.units.len() as f64 * n_categories as f64 * (n_tips as f64).powi(2);
        steps <= MOST_STEPS && !(has_upper_end && units.units.iter().any(|unit| !unit.hidden.is_empty()))
    }

    /// Returns the probability of each number of visible presences given that the family is recorded, `[n_tips + 1]`.
    fn of_unit(&self, unit: &Unit, monitor: &Monitor) -> Result<Vec<f64>, CheckError> {
        let (tree, ascertainment) = (self.model.problem().tree(), self.model.specification().ascertainment);
        let n_tips = tree.n_tips();
        let Process {
            weights,
            transitions,
            root,
            ..
        } = self.processes.of_group(unit.group)?;
        let root = root.ok_or(CheckError::RootFromData)?;
        let tips = self.visible(&unit.hidden, n_tips);
        let mut law = vec![0.0; n_tips + 1];
        for ((table, &root), &weight) in transitions.chunks(tree.n_nodes()).zip(&root).zip(&weights) {
            monitor.check()?;
            if weight == 0.0 {
                continue;
            }
            for (sum, probability) in law.iter_mut().zip(spectrum(tree, table, root, tips.as_deref())) {
                *sum += weight * probability;
            }
        }
        let missing = unit.hidden.len() as u32;
        for (present, probability) in law.iter_mut().enumerate() {
            let present = present as u32;
            let counts = Counts { present, missing };
            if present as usize + unit.hidden.len() > n_tips || !ascertainment.admits(counts, n_tips) {
                *probability = 0.0;
            }
        }
        let probability: f64 = law.iter().sum();
        if probability < SMALLEST {
            return Err(CheckError::RarelyRecorded {
                ascertainment: ascertainment.name().into_owned(),
                probability,
            });
        }
        law.iter_mut().for_each(|entry| *entry /= probability);
        Ok(law)
    }

    /// Returns P(recorded present) of each tip given its state, 0 where it is hidden; `None` for 0 and 1 everywhere.
    fn visible(&self, hidden: &[u32], n_tips: usize) -> Option<Vec<[f64; 2]>> {
        if hidden.is_empty() {
            return self.processes.tips().map(<[_]>::to_vec);
        }
        let mut tips = self
            .processes
            .tips()
            .map_or_else(|| vec![[0.0, 1.0]; n_tips], <[_]>::to_vec);
        hidden.iter().for_each(|&tip| tips[tip as usize] = [0.0, 0.0]);
        Some(tips)
    }
}

/// Means and variances of all counts.
struct Sums {
    bins: Vec<CountLaw>,
    classes: [CountLaw; 4],
    n_laws: usize,
}

impl Sums {
    fn zeros(n_bins: usize, n_laws: usize) -> Self {
        Self {
            bins: vec![CountLaw::default(); n_bins],
            classes: [CountLaw::default(); 4],
            n_laws,
        }
    }

    /// Adds families that all have this law, `[n_tips + 1]`.
    fn add(&mut self, n_families: usize, law: &[f64], presences: &[RangeInclusive<usize>; 4]) {
        let one_law = self.n_laws == 1;
        let add = |sum: &mut CountLaw, probability: f64| {
            let own = CountLaw::binomial(n_families, probability.min(1.0));
            sum.mean += own.mean;
            sum.variance += own.variance;
            sum.n_equal = if one_law { n_families } else { 0 };
        };
        for (sum, &probability) in self.bins.iter_mut().zip(law) {
            add(sum, probability);
        }
        for (sum, class) in self.classes.iter_mut().zip(presences) {
            add(sum, class.clone().map(|k| law[k]).sum());
        }
    }

    fn into_spectrum(self, observed: &[u64], presences: &[RangeInclusive<usize>; 4]) -> Spectrum {
        let in_class = |class: &RangeInclusive<usize>| class.clone().map(|k| observed[k]).sum();
        let classes = self.classes;
        Spectrum {
            bins: observed
                .iter()
                .zip(&self.bins)
                .map(|(&count, law)| Expectation::new(count, law))
                .collect(),
            classes: [0, 1, 2, 3].map(|class| Expectation::new(in_class(&presences[class]), &classes[class])),
            n_laws: self.n_laws,
            n_simulated: 0,
        }
    }
}
