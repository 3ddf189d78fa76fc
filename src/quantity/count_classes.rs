//! Core, shell, cloud and singletons: numbers of genomes that a family can be present in, by name.
//!
//! With n genomes, a family present in k of them is `core` if `k >= core n`, `cloud` if `0 < k < cloud n`, `shell`
//! between; a `singleton` is present in exactly one, and counted in the cloud (or the shell) as well. A missing cell is
//! no presence. Shares by default 0.99 and 0.15.
//!
//! Axis: number of genomes. Source: Page et al. 2015, doi:10.1093/bioinformatics/btv421 (Roary's 99 % and 15 %).

use crate::error::CheckError;
use std::ops::RangeInclusive;

/// What a product of a share and a number of genomes may lose to rounding.
const ROUNDING: f64 = 1e-9;

/// The bounds of the classes for a number of genomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountClasses {
    n_tips: usize,
    core_from: usize,
    cloud_to: usize,
}

impl CountClasses {
    /// The classes' names, in order.
    pub const NAMES: [&'static str; 4] = ["core", "shell", "cloud", "singletons"];

    /// Returns the classes of these shares.
    ///
    /// # Errors
    /// [`CheckError::Thresholds`] unless `0 < cloud <= core <= 1`.
    ///
    /// ```
    /// use persiste_rust::quantity::count_classes::CountClasses;
    ///
    /// let classes = CountClasses::new(0.99, 0.15, 100).unwrap();
    /// assert_eq!(classes.presences(), [99..=100, 15..=98, 1..=14, 1..=1]);
    /// ```
    pub fn new(core: f64, cloud: f64, n_tips: usize) -> Result<Self, CheckError> {
        // NaN fails too.
        if !(cloud > 0.0 && cloud <= core && core <= 1.0) {
            return Err(CheckError::Thresholds { core, cloud });
        }
        let n = n_tips as f64;
        let core_from = ((core * n - ROUNDING).ceil() as usize).max(1);
        let shell_from = (cloud * n - ROUNDING).ceil() as usize;
        Ok(Self {
            n_tips,
            core_from,
            cloud_to: shell_from.saturating_sub(1),
        })
    }

    /// Returns the numbers of genomes of each class; a range may be empty.
    #[must_use]
    pub fn presences(&self) -> [RangeInclusive<usize>; 4] {
        [
            self.core_from..=self.n_tips,
            self.cloud_to + 1..=self.core_from - 1,
            1..=self.cloud_to,
            1..=1,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_positive_number_is_in_one_of_core_shell_and_cloud() {
        for n_tips in 1..300 {
            for (core, cloud) in [(0.99, 0.15), (0.95, 0.95), (1.0, 0.01), (0.1, 0.1), (0.5, 0.49)] {
                let classes = CountClasses::new(core, cloud, n_tips).unwrap().presences();
                for k in 1..=n_tips {
                    assert_eq!(
                        classes[..3].iter().filter(|class| class.contains(&k)).count(),
                        1,
                        "{k} of {n_tips}"
                    );
                    assert_eq!(classes[0].contains(&k), k as f64 >= core * n_tips as f64 - 1e-9);
                }
            }
        }
    }

    #[test]
    fn shares_in_the_wrong_order_are_refused() {
        for (core, cloud) in [
            (0.15, 0.99),
            (1.01, 0.1),
            (0.9, 0.0),
            (f64::NAN, 0.1),
            (0.9, f64::NAN),
            (0.9, -1.0),
        ] {
            assert!(matches!(
                CountClasses::new(core, cloud, 10),
                Err(CheckError::Thresholds { .. })
            ));
        }
    }
}
