//! Many searches in two dimensions side by side: one evaluation of all lanes at a time, those that are finished falling
//! out.

use crate::error::ModelError;
use crate::model::{FamilyModel, LaneGradients};
use crate::parallel::Monitor;

/// Lock-step evaluations at most.
const MAX_EVALUATIONS: usize = 400;

/// A search that is told values instead of asking for them.
pub(super) trait LockStep {
    /// Returns the log gain and log loss at which it wants to be told.
    fn trial(&self) -> [f64; 2];

    /// Takes value and gradient at [`trial`](Self::trial).
    fn tell(&mut self, value: f64, gradient: [f64; 2]);

    /// Returns whether it wants to be told more.
    fn is_running(&self) -> bool;
}

/// Runs searches, the i-th over the data of pattern `patterns[i]`, until all have ended or the evaluations are used up.
///
/// # Errors
/// [`ModelError::Cancelled`] and those of an evaluation.
pub(super) fn run<S: LockStep>(
    model: &FamilyModel,
    patterns: &[usize],
    searches: &mut [S],
    monitor: &Monitor,
) -> Result<(), ModelError> {
    let of = |active: &[usize]| active.iter().map(|&search| patterns[search]).collect::<Vec<_>>();
    monitor.begin(searches.len() as u64);
    let mut active: Vec<usize> = (0..searches.len()).filter(|&i| searches[i].is_running()).collect();
    monitor.advance((searches.len() - active.len()) as u64);
    let mut lanes = model.lanes(&of(&active));
    for _ in 0..MAX_EVALUATIONS {
        let points: Vec<[f64; 2]> = active.iter().map(|&search| searches[search].trial()).collect();
        let LaneGradients { values, gradients } = lanes.values_and_gradients(&points, monitor)?;
        for (&search, (value, gradient)) in active.iter().zip(values.into_iter().zip(gradients)) {
            searches[search].tell(value, gradient);
        }
        let n_running = active.iter().filter(|&&search| searches[search].is_running()).count();
        if n_running == 0 {
            break;
        }
        // Taking lanes out costs about as much as an evaluation, so it waits for a quarter of them.
        if n_running < active.len() * 3 / 4 {
            monitor.advance((active.len() - n_running) as u64);
            active.retain(|&search| searches[search].is_running());
            lanes = model.lanes(&of(&active));
        }
    }
    Ok(())
}
