//! Log-likelihoods at given rates, one pair a family.

use super::parameter::is_rate;
use super::root_prior::RootPrior;
use crate::error::ModelError;
use crate::kernel::{Kernel, LaneInput, SharedInput, transitions_or_logs};
use crate::parallel::{Monitor, Workers};
use crate::problem::{Patterns, PresenceTable, Problem, Tree};
use std::sync::Arc;

/// Returns the log-likelihood of each family of a table at its own gain and loss rate, `[n_families]`, natural log.
///
/// `column_of_tip` (`[n_tips]`) names the table's column of each tip; `gain` and `loss` are events per unit of branch
/// length, one for all families or `[n_families]`. Nothing is conditioned on. Families with equal columns are
/// computed once where all rates are equal.
///
/// # Errors
/// [`ModelError::Length`], [`ModelError::Rate`] (negative, NaN or infinite), [`ModelError::StationaryWithoutRates`],
/// [`ModelError::Cancelled`].
pub fn log_likelihoods_at(
    tree: Tree,
    table: &PresenceTable,
    column_of_tip: &[u32],
    rates: (&[f64], &[f64]),
    root: RootPrior,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Vec<f64>, ModelError> {
    crate::kernel::instruction_set()?;
    let n_families = table.n_families();
    let gain = check("gain rate", rates.0, n_families)?;
    let loss = check("loss rate", rates.1, n_families)?;
    let is_shared = |values: &[f64]| values.iter().all(|value| value == &values[0]);
    if is_shared(gain) && is_shared(loss) {
        let frequencies = [frequencies(root, gain[0], loss[0])?];
        let problem = Problem::new(tree, Patterns::distinct(table, column_of_tip));
        let tree = problem.tree();
        let mut transitions = transitions_or_logs(gain[0], loss[0], tree.branch_lengths());
        transitions[tree.root()] = [1.0, 0.0, 0.0, 1.0];
        let kernel = Kernel::new(Arc::new(problem));
        let input = SharedInput {
            transitions: &transitions,
            root: &frequencies,
            weights: &[1.0],
            tips: None,
        };
        let of_pattern = kernel.log_likelihoods(input, workers, monitor)?;
        let patterns = kernel.problem().patterns().pattern_of_family();
        return Ok(patterns.iter().map(|&pattern| of_pattern[pattern as usize]).collect());
    }
    let spread = |values: &[f64]| {
        if values.len() == 1 {
            vec![values[0]; n_families]
        } else {
            values.to_vec()
        }
    };
    let (gain, loss) = (spread(gain), spread(loss));
    let frequencies: Vec<[f64; 2]> = gain
        .iter()
        .zip(&loss)
        .enumerate()
        .map(|(family, (&gain, &loss))| {
            frequencies(root, gain, loss).map_err(|error| match error {
                ModelError::StationaryWithoutRates { .. } => ModelError::StationaryWithoutRates {
                    of: format!(" (family '{}')", table.families().get(family)),
                },
                other => other,
            })
        })
        .collect::<Result<_, _>>()?;
    let problem = Problem::new(tree, Patterns::one_per_family(table, column_of_tip));
    let set_of_branch = vec![0; problem.tree().n_nodes()];
    let input = LaneInput {
        gain: &gain,
        loss: &loss,
        set_of_branch: &set_of_branch,
        n_sets: 1,
        root: &frequencies,
        weights: &[1.0],
        tips: None,
    };
    Ok(Kernel::new(Arc::new(problem)).lane_log_likelihoods(input, workers, monitor)?)
}

fn frequencies(root: RootPrior, gain: f64, loss: f64) -> Result<[f64; 2], ModelError> {
    match root {
        RootPrior::Estimated | RootPrior::FitzJohn => None,
        _ => root.frequencies(&[], gain, loss)?,
    }
    .ok_or(ModelError::RootNeedsModel { root: root.name() })
}

fn check<'a>(name: &'static str, values: &'a [f64], n_families: usize) -> Result<&'a [f64], ModelError> {
    if values.len() != 1 && values.len() != n_families {
        return Err(ModelError::Length {
            what: name,
            found: values.len(),
            expected: format!("1 or {n_families}, the number of families"),
        });
    }
    match values.iter().position(|&value| !is_rate(value)) {
        None => Ok(values),
        Some(family) => Err(ModelError::Rate {
            name: if values.len() == 1 {
                name.to_owned()
            } else {
                format!("{name} of family {family}")
            },
            found: values[family],
        }),
    }
}
