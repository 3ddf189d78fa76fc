//! Whether the families of a table can have been recorded as the ascertainment says.

use super::ascertainment::Ascertainment;
use crate::error::ModelError;
use crate::problem::{Names, Problem};

/// How many families an error message names.
const EXAMPLES: usize = 3;

/// # Errors
/// [`ModelError::Unobservable`].
pub(super) fn check_recorded(
    problem: &Problem,
    families: &Names,
    ascertainment: &Ascertainment,
) -> Result<(), ModelError> {
    let n_tips = problem.tree().n_tips();
    let counts = problem.patterns().counts();
    let patterns = problem.patterns().pattern_of_family().iter().enumerate();
    let broken: Vec<usize> = patterns
        .filter(|&(_, &pattern)| !ascertainment.admits(counts[pattern as usize], n_tips))
        .map(|(family, _)| family)
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(ModelError::Unobservable {
        ascertainment: ascertainment.name().to_string(),
        rule: ascertainment.rule().to_string(),
        count: broken.len(),
        n_families: families.len(),
        examples: quote_some(&broken, families),
    })
}

/// Returns the names of the first few families, quoted.
pub(super) fn quote_some(indices: &[usize], families: &Names) -> Vec<String> {
    let names = indices.iter().take(EXAMPLES);
    names.map(|&family| format!("'{}'", families.get(family))).collect()
}
