//! How many families there are in all, those that were not recorded included.
//!
//! `N = sum_f 1 / P(recorded of f)`, the estimate of Horvitz and Thompson; with equal probabilities `n / (1 - p0)`,
//! where p0 is that of being absent from every genome (`observed`). Given the parameters its variance is
//! `sum_f (1 - P_f) / P_f^2`; that of the parameters comes on top. It is the number of families that the model's process
//! has: families that could be gained but never were count, so that it is an extrapolation. Probabilities are over the
//! complete tip set, whatever cells are missing, as those of the likelihood.
//!
//! Unit: families. Source: Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446; Sanathanan 1972,
//! doi:10.1214/aoms/1177692709.

use crate::error::CheckError;
use crate::kernel::Transition;
use crate::model::{Ascertainment, GeneContentModel, Processes, RootPrior};
use crate::parallel::Monitor;

/// The number of families in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AllFamilies {
    /// The estimate; infinite where some family's probability is beyond a double.
    pub estimate: f64,
    /// Its variance, the parameters taken as known.
    pub variance: f64,
}

/// Returns the estimate at these parameters.
///
/// # Errors
/// [`CheckError::NothingUnseen`] for a model without conditioning; [`CheckError::RootFromData`];
/// [`CheckError::Model`].
pub fn all_families(
    model: &GeneContentModel,
    parameters: &[f64],
    monitor: &Monitor,
) -> Result<AllFamilies, CheckError> {
    let (specification, tree) = (model.specification(), model.problem().tree());
    let ascertainment = specification.ascertainment;
    if ascertainment == Ascertainment::None {
        return Err(CheckError::NothingUnseen);
    }
    if specification.root == RootPrior::FitzJohn {
        return Err(CheckError::RootFromData);
    }
    let processes = Processes::new(specification, tree, parameters)?;
    let effects = &specification.effects;
    let mut n_families = vec![0.0; effects.n_groups()];
    for &group in effects.group_of_family() {
        n_families[group as usize] += 1.0;
    }
    let of_groups = model.workers().map(n_families.len(), |group| {
        monitor.check()?;
        let process = processes.of_group(group)?;
        let root = process.root.ok_or(CheckError::RootFromData)?;
        let of_category = |((table, &root), &weight): ((&[Transition], &[f64; 2]), &f64)| {
            let recorded = ascertainment.recorded(tree, table, root, processes.tips());
            weight * recorded.map_or(1.0, |recorded| recorded.log_probability.exp())
        };
        let categories = process
            .transitions
            .chunks(tree.n_nodes())
            .zip(&root)
            .zip(&process.weights);
        // Rounding may leave an ulp above 1.
        Ok::<f64, CheckError>(categories.map(of_category).sum::<f64>().min(1.0))
    })?;
    let mut all = AllFamilies {
        estimate: 0.0,
        variance: 0.0,
    };
    for (n, recorded) in n_families.into_iter().zip(of_groups) {
        if n > 0.0 {
            all.estimate += n / recorded;
            all.variance += n * (1.0 - recorded) / recorded / recorded;
        }
    }
    Ok(all)
}
