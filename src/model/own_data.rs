//! FitzJohn's root: the states of the root weighed by each family's own data, `L = (L0^2 + L1^2) / (L0 + L1)`.
//!
//! Source: FitzJohn et al. 2009, doi:10.1093/sysbio/syp067.

/// Returns the log-likelihood, given those for each root state, with its derivatives by them.
pub(super) fn by_own_data(absent: f64, present: f64) -> (f64, [f64; 2]) {
    let largest = absent.max(present);
    if largest == f64::NEG_INFINITY {
        return (largest, [0.0; 2]);
    }
    let [l0, l1] = [(absent - largest).exp(), (present - largest).exp()];
    let (sum, squares) = (l0 + l1, l0 * l0 + l1 * l1);
    let by = |l: f64| 2.0 * l * l / squares - l / sum;
    (largest + squares.ln() - sum.ln(), [by(l0), by(l1)])
}

/// Returns the log-likelihoods of categories, `[n_categories][n_patterns]`, under FitzJohn's root, given those for each
/// root state: the root states of a pattern are weighed by their likelihoods over the whole mixture.
pub(super) fn weighed_over_mixture(given: &[Vec<Vec<f64>>; 2], weights: &[f64]) -> Vec<Vec<f64>> {
    let n_patterns = given[0].first().map_or(0, Vec::len);
    let mut table = vec![vec![f64::NEG_INFINITY; n_patterns]; weights.len()];
    for pattern in 0..n_patterns {
        let of_state = [0, 1].map(|state: usize| {
            let terms: Vec<f64> = given[state]
                .iter()
                .zip(weights)
                .map(|(row, w)| row[pattern] + w.ln())
                .collect();
            log_sum_exp(&terms)
        });
        let total = log_sum_exp(&of_state);
        if total > f64::NEG_INFINITY {
            for (category, row) in table.iter_mut().enumerate() {
                let terms = [0, 1].map(|state: usize| of_state[state] - total + given[state][category][pattern]);
                row[pattern] = log_sum_exp(&terms);
            }
        }
    }
    table
}

/// Returns the log of a sum, given the logs of its terms.
pub(super) fn log_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + terms.iter().map(|term| (term - largest).exp()).sum::<f64>().ln()
}
