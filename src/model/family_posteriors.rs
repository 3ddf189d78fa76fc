//! What the data of each family say about its rates.

use super::gene_content::{GeneContentModel, Values};
use super::own_data::log_sum_exp;
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
        let values = self.values(parameters)?;
        let (of_categories, _) = self.of_categories(&values, monitor)?;
        Ok(self.posteriors(&values, of_categories))
    }

    /// Returns the posterior mean of gain and loss rate of each family on the root's branches, `[n_families][2]`, in
    /// events per unit of branch length: the rates of its categories, weighted by
    /// [`category_posteriors`](Self::category_posteriors).
    ///
    /// # Errors
    /// As [`log_likelihood`](Self::log_likelihood).
    pub fn family_rates(&self, parameters: &[f64], monitor: &Monitor) -> Result<Vec<[f64; 2]>, ModelError> {
        let values = self.values(parameters)?;
        let (of_categories, rates) = self.of_categories(&values, monitor)?;
        let posteriors = self.posteriors(&values, of_categories);
        let mean = |(of, rates): (&Vec<f64>, &Vec<[f64; 2]>)| {
            [0, 1].map(|i| of.iter().zip(rates).map(|(share, rate)| share * rate[i]).sum())
        };
        Ok(posteriors.iter().zip(&rates).map(mean).collect())
    }

    fn posteriors(&self, values: &Values, of_categories: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let of_family = |logs: Vec<f64>| {
            let terms: Vec<f64> = logs
                .iter()
                .zip(&values.categories.weight)
                .map(|(log, weight)| log + weight.ln())
                .collect();
            let total = log_sum_exp(&terms);
            terms.into_iter().map(|term| (term - total).exp()).collect()
        };
        of_categories.into_iter().map(of_family).collect()
    }
}
