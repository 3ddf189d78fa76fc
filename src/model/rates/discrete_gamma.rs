//! The gamma distribution of mean 1 cut into classes of equal probability.

use super::gamma_distribution::{Quantile, quantile};
use super::multipliers::Multipliers;
use super::options::Options;
use crate::error::ModelError;
use crate::model::parameter::Parameter;

/// Below this shape every rate but the last is 0 in double precision, whatever the number of classes.
const SMALLEST_SHAPE: f64 = 1e-290;

/// Where a search looks for the shape: at 0.005 the lowest of 4 rates is 1e-121, at 1000 rates differ by 3 %.
const SEARCHED_SHAPES: (f64, f64) = (0.005, 1000.0);

/// The rate that stands for a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The mean of the class.
    Mean,
    /// The median of the class; all are multiplied by one number so that their mean is 1.
    Median,
}

/// A number of classes and the rate that stands for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DiscreteGamma {
    n_classes: usize,
    kind: Kind,
}

impl DiscreteGamma {
    /// The options it reads.
    pub(super) const OPTIONS: [&'static str; 2] = ["n_categories", "kind"];

    /// Takes `n_categories` (1 to `largest`, default 4) and `kind` (`mean`, the default, or `median`).
    pub(super) fn take(options: &mut Options, largest: usize) -> Result<Self, ModelError> {
        Ok(Self {
            n_classes: options.take_count("n_categories", 4, (1, largest))?,
            kind: match options.take_word("kind", &["mean", "median"])? {
                "median" => Kind::Median,
                _ => Kind::Mean,
            },
        })
    }

    /// Returns the number of classes.
    pub(super) fn n_classes(self) -> usize {
        self.n_classes
    }

    /// Returns the shape's parameter, or nothing for one class, whose rate is 1 at every shape.
    pub(super) fn parameter(self, name: &str) -> Option<Parameter> {
        let (lower, upper) = SEARCHED_SHAPES;
        (self.n_classes > 1).then(|| Parameter::real(name, lower.ln(), upper.ln()))
    }

    /// Returns the number of classes and what stands for them, in words.
    pub(super) fn words(self) -> String {
        let kind = match self.kind {
            Kind::Mean => "the mean of each class",
            Kind::Median => "the median of each class, rescaled to mean 1",
        };
        format!("{} classes of equal probability, {kind}", self.n_classes)
    }

    /// Returns the rate of each class and its derivative by the log of the shape; their mean is 1.
    ///
    /// `log_shape` is not read for one class. Towards shape 0 the last rate tends to the number of classes and the
    /// others to 0, towards infinity all tend to 1.
    ///
    /// # Source
    /// Yang 1994, doi:10.1007/BF00160154, equations 9 and 10 (mean) and what precedes them (median).
    pub(super) fn multipliers(self, log_shape: Option<f64>) -> Multipliers {
        let Some(shape) = log_shape.filter(|_| self.n_classes > 1).map(f64::exp) else {
            return Multipliers::equal(self.n_classes);
        };
        if shape < SMALLEST_SHAPE {
            let mut log_rate = vec![f64::NEG_INFINITY; self.n_classes];
            log_rate[self.n_classes - 1] = (self.n_classes as f64).ln();
            return Multipliers {
                log_rate,
                slope: vec![0.0; self.n_classes],
            };
        }
        match self.kind {
            Kind::Mean => self.means(shape),
            Kind::Median => self.medians(shape),
        }
    }

    /// `r[c] = (c + 1) u[c + 1] - c u[c]` with `u[i]` the mean of the lowest `i` classes, `u[k] = 1`. Rates rise with
    /// `c`, so that the difference is at least `u[c + 1]`.
    fn means(self, shape: f64) -> Multipliers {
        let n = self.n_classes as f64;
        let (mut log_rate, mut slope) = (Vec::new(), Vec::new());
        let mut below = (0.0, 0.0);
        for class in 0..self.n_classes {
            let count = class as f64;
            let upto = if class + 1 == self.n_classes {
                (0.0, 0.0)
            } else {
                let at: Quantile = quantile(shape, (count + 1.0) / n);
                (at.log_mean_below, at.log_mean_below_by_log_shape)
            };
            let share = if class == 0 {
                0.0
            } else {
                count * (below.0 - upto.0).exp()
            };
            let ratio = count + 1.0 - share;
            log_rate.push(upto.0 + ratio.ln());
            slope.push(((count + 1.0) * upto.1 - share * below.1) / ratio);
            below = upto;
        }
        Multipliers { log_rate, slope }
    }

    fn medians(self, shape: f64) -> Multipliers {
        let n = self.n_classes as f64;
        let medians = (0..self.n_classes).map(|class| quantile(shape, (class as f64 + 0.5) / n));
        let (log_rate, slope) = medians
            .map(|median| (median.log_point, median.log_point_by_log_shape))
            .unzip();
        Multipliers { log_rate, slope }.with_mean_one(&vec![1.0 / n; self.n_classes])
    }
}
