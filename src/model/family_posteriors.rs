//! What the data of each family say about its rates.

use super::evaluation::{GroupState, log_sum_exp};
use super::gene_content::GeneContentModel;
use crate::error::ModelError;
use crate::parallel::Monitor;

impl GeneContentModel {
    /// Returns the posterior probability of each rate category for each family, `[n_families][n_categories]`.
    ///
    /// `w_c L_fc / sum_k w_k L_fk`; NaN for a family that cannot arise.
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn category_posteriors(&self, parameters: &[f64], monitor: &Monitor) -> Result<Vec<Vec<f64>>, ModelError> {
        let (posteriors, _) = self.posteriors(parameters, monitor)?;
        Ok(posteriors)
    }

    /// Returns the posterior mean of gain and loss rate of each family on the root's branches, `[n_families][2]`, in
    /// events per unit of branch length: the rates of its categories, weighted by
    /// [`category_posteriors`](Self::category_posteriors).
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn family_rates(&self, parameters: &[f64], monitor: &Monitor) -> Result<Vec<[f64; 2]>, ModelError> {
        let (posteriors, rates) = self.posteriors(parameters, monitor)?;
        let groups = self.specification.effects.group_of_family();
        let mean = |(of, &group): (&Vec<f64>, &u32)| {
            let rates = &rates[group as usize];
            [0, 1].map(|i| of.iter().zip(rates).map(|(share, rate)| share * rate[i]).sum())
        };
        Ok(posteriors.iter().zip(groups).map(mean).collect())
    }

    /// Returns the posteriors of the categories and each group's rates.
    #[expect(clippy::type_complexity, reason = "two tables that are computed together")]
    fn posteriors(
        &self,
        parameters: &[f64],
        monitor: &Monitor,
    ) -> Result<(Vec<Vec<f64>>, Vec<Vec<[f64; 2]>>), ModelError> {
        let values = self.values(parameters)?;
        let (mut of_groups, mut rates) = (Vec::new(), Vec::new());
        for (index, group) in self.groups.iter().enumerate() {
            let state = GroupState::new(&self.specification, &self.sets, &values, index)?;
            let mut table = state.of_categories(&group.kernel, &self.workers, monitor)?;
            for (row, weight) in table.iter_mut().zip(&values.categories.weight) {
                row.iter_mut().for_each(|value| *value += weight.ln());
            }
            of_groups.push(table);
            rates.push(state.reference_rates().collect());
        }
        let of_family = self.by_family(|group, pattern| {
            let terms: Vec<f64> = of_groups[group].iter().map(|row| row[pattern]).collect();
            let total = log_sum_exp(&terms);
            terms.into_iter().map(|term| (term - total).exp()).collect()
        });
        Ok((of_family, rates))
    }
}
