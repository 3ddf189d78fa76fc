//! How often each family counts: bootstraps and folds are other weights on the same patterns.

use super::gene_content::GeneContentModel;
use super::parts::Group;
use crate::error::ModelError;

/// How often each family counts: pattern weights of each group. A family that counts 0 times may be impossible.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyWeights(pub(super) Vec<Vec<f64>>);

impl GeneContentModel {
    /// Returns the weights with which each family counts as often as `counts` says, `[n_families]`.
    ///
    /// # Errors
    /// [`ModelError::Length`].
    pub fn family_weights(&self, counts: &[f64]) -> Result<FamilyWeights, ModelError> {
        if counts.len() != self.families.len() {
            return Err(ModelError::Length {
                what: "the weights of families",
                found: counts.len(),
                expected: self.families.len().to_string(),
            });
        }
        let of_group = |group: &Group| {
            let patterns = group.kernel.problem().patterns();
            let mut weights = vec![0.0; patterns.n_patterns()];
            for (&family, &pattern) in group.families.iter().zip(patterns.pattern_of_family()) {
                weights[pattern as usize] += counts[family];
            }
            weights
        };
        Ok(FamilyWeights(self.groups.iter().map(of_group).collect()))
    }
}
