//! Histories where every family has a gain and a loss rate of its own.

use super::{Chains, FamiliesOfPattern, Histories, HistoryModel};
use crate::error::ModelError;
use crate::model::FamilyModel;
use crate::model::family_model::Inputs;
use crate::parallel::Monitor;
use crate::problem::Problem;
use std::borrow::Cow;
use std::sync::Arc;

impl HistoryModel for FamilyModel {
    fn problem(&self) -> &Arc<Problem> {
        self.problem()
    }

    /// `parameters` holds log gain and log loss of each family, `[n_families][2]`.
    fn histories<T, E: From<ModelError>>(
        &self,
        parameters: &[f64],
        monitor: &Monitor,
        mut work: impl FnMut(&Histories) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        monitor.check().map_err(ModelError::from)?;
        let n_families = self.problem().patterns().n_families();
        let (log_rates, rest) = parameters.as_chunks::<2>();
        if log_rates.len() != n_families || !rest.is_empty() {
            return Err(E::from(ModelError::FamilyRateCount {
                n_families,
                found: parameters.len(),
            }));
        }
        let inputs = Inputs::new(self, log_rates)?;
        let lanes = self.family_lanes();
        let numbers: Vec<usize> = (0..n_families).collect();
        let found = work(&Histories {
            kernel: lanes.kernel(),
            families: FamiliesOfPattern::new(lanes.kernel().problem().patterns(), &numbers),
            set_of_node: &inputs.set_of_branch,
            n_sets: 1,
            weights: &[1.0],
            tips: None,
            chains: Chains::Lanes {
                gain: Cow::Borrowed(&inputs.gain),
                loss: Cow::Borrowed(&inputs.loss),
                root: Cow::Borrowed(&inputs.root),
            },
            workers: self.workers(),
        })?;
        Ok(vec![found])
    }
}
