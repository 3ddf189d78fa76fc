//! Likelihoods of the root's classes.

use super::buffer::Side;
use super::build::Stretch;
use super::value;
use crate::kernel::elementary::ln;
use crate::kernel::scaled::{LN_UP, Scaled};

/// The likelihood of each class of the root, summed over categories.
#[derive(Default)]
pub(super) struct ClassLikelihoods {
    sums: Vec<f64>,
    counts: Vec<i32>,
}

impl ClassLikelihoods {
    /// Adds those of a category, after those of earlier ones unless it is the first.
    #[inline(always)]
    pub(super) fn add(&mut self, frequencies: [f64; 2], root: Side, n_classes: usize, is_first: bool) {
        let likelihoods = root.pairs[..n_classes]
            .iter()
            .map(|&pair| value::at_root(frequencies, pair));
        if is_first {
            self.sums.clear();
            self.sums.extend(likelihoods);
            self.counts.clone_from(&root.magnitude.counts);
        } else if self.counts.is_empty() && root.magnitude.counts.is_empty() {
            for (sum, likelihood) in self.sums.iter_mut().zip(likelihoods) {
                *sum += likelihood;
            }
        } else {
            self.counts.resize(n_classes, 0);
            for (class, likelihood) in likelihoods.enumerate() {
                let count = root.magnitude.counts.get(class).copied().unwrap_or(0);
                let (sum, sum_count) = (&mut self.sums[class], &mut self.counts[class]);
                if count == *sum_count {
                    *sum += likelihood;
                } else {
                    let total = Scaled::new(*sum, *sum_count).plus(Scaled::new(likelihood, count));
                    (*sum, *sum_count) = (total.value, total.count);
                }
            }
        }
    }

    /// Makes `slopes` `share / L` of each class in the scale of a root's pairs; a class nobody asks for has 0, even if L is.
    #[inline(always)]
    pub(super) fn slopes(&self, shares: &[f64], root: Side, slopes: &mut Vec<f64>) {
        let slope = |share: f64, sum: f64| if share == 0.0 { 0.0 } else { share / sum };
        let parts = shares.iter().zip(&self.sums);
        slopes.clear();
        slopes.extend(parts.map(|(&share, &sum)| slope(share, sum)));
        let own = &root.magnitude.counts;
        if *own != self.counts {
            let count = |counts: &[i32], class: usize| counts.get(class).copied().unwrap_or(0);
            for (class, slope) in slopes.iter_mut().enumerate().filter(|(_, slope)| **slope != 0.0) {
                let (count, total) = (count(own, class), count(&self.counts, class));
                *slope = shares[class] * Scaled { value: 1.0, count }.over(Scaled::new(self.sums[class], total));
            }
        }
    }

    /// Appends the log-likelihoods in pattern order; the sums are then used up.
    #[inline(always)]
    pub(super) fn append_logs(&mut self, stretch: &Stretch, values: &mut Vec<f64>) {
        for sum in &mut self.sums {
            *sum = if *sum > 0.0 { ln(*sum) } else { f64::NEG_INFINITY };
        }
        for (sum, &count) in self.sums.iter_mut().zip(&self.counts) {
            *sum -= f64::from(count) * LN_UP;
        }
        values.extend(stretch.root.iter().map(|&class| self.sums[class as usize]));
    }
}
