//! Where the searches for a family's own rates begin: the hills of its likelihood on a coarse grid of shared rates.
//!
//! A hill is often a ridge that runs askew through the grid, gain and loss trading off, with several summits along it
//! that differ by less than the grid's points do. So besides the points that exceed their neighbours those count at
//! which the profile along either axis, the best of each row and column read off a parabola through three points, has a
//! summit.

use super::pair_search::Bounds;
use crate::error::ModelError;
use crate::kernel::Kernel;
use crate::model::FamilyModel;
use crate::parallel::Monitor;

/// Log-rates along each axis of the grid.
const GRID: usize = 19;
/// Hills that are climbed for a pattern.
const MOST_HILLS: usize = 4;
/// A hill this much lower than the best is not climbed: it cannot win.
const HOPELESS: f64 = 12.0;
/// Two starts nearer than this in both coordinates, in steps of the grid, climb the same hill.
const SAME_HILL: f64 = 1.5;

/// A point of the surface: height, log gain, log loss.
#[derive(Debug, Clone, Copy)]
struct Top {
    height: f64,
    point: [f64; 2],
}

/// Returns patterns and points to climb from, pattern by pattern, the highest first.
///
/// # Errors
/// [`ModelError::Impossible`] for families that cannot arise at any point of the grid, [`ModelError::Cancelled`].
pub(super) fn hills(
    model: &FamilyModel,
    bounds: Bounds,
    monitor: &Monitor,
) -> Result<Vec<(usize, [f64; 2])>, ModelError> {
    let axis = grid_axis(model, bounds);
    let kernel = Kernel::with_classes(model.problem().clone(), model.workers());
    let mut surface = Vec::with_capacity(GRID * GRID);
    for &log_gain in &axis {
        for &log_loss in &axis {
            surface.push(model.pattern_log_likelihoods(&kernel, [log_gain, log_loss], monitor)?);
        }
    }
    let n_patterns = model.problem().patterns().n_patterns();
    let (mut starts, mut broken) = (Vec::new(), Vec::new());
    for pattern in 0..n_patterns {
        let heights: Vec<f64> = surface.iter().map(|of_point| of_point[pattern]).collect();
        let tops = tops(&heights, &axis);
        let Some(highest) = tops.first() else {
            broken.push(pattern);
            continue;
        };
        let least = highest.height - HOPELESS;
        let worth = tops.into_iter().filter(|top| top.height > least);
        starts.extend(worth.take(MOST_HILLS).map(|top| (pattern, top.point)));
    }
    if broken.is_empty() {
        return Ok(starts);
    }
    let patterns = model.problem().patterns().pattern_of_family();
    let families: Vec<usize> = (0..patterns.len())
        .filter(|&family| broken.binary_search(&(patterns[family] as usize)).is_ok())
        .collect();
    Err(ModelError::Impossible {
        count: families.len(),
        n_families: patterns.len(),
        examples: model.name_families(&families),
    })
}

/// Returns log-rates from a tenth of an event on the whole tree to twenty on a branch of mean length.
fn grid_axis(model: &FamilyModel, bounds: Bounds) -> Vec<f64> {
    let tree = model.problem().tree();
    let total: f64 = tree.branch_lengths()[..tree.root()].iter().sum();
    let (low, high) = ((0.1 / total).ln(), (20.0 * tree.root() as f64 / total).ln());
    let (low, high) = (low.max(bounds.lower), high.min(bounds.upper));
    (0..GRID)
        .map(|step| low + (high - low) * step as f64 / (GRID - 1) as f64)
        .collect()
}

/// Returns the distinct hills of `heights`, `[GRID][GRID]` by gain and loss, the highest first.
fn tops(heights: &[f64], axis: &[f64]) -> Vec<Top> {
    let mut tops = points_above_their_neighbours(heights, axis);
    for along in 0..2 {
        tops.extend(summits_of_profile(heights, axis, along));
    }
    tops.sort_by(|a, b| b.height.total_cmp(&a.height));
    let near = SAME_HILL * (axis[1] - axis[0]);
    let mut distinct: Vec<Top> = Vec::new();
    for top in tops {
        let is_same = |other: &Top| (0..2).all(|i| (top.point[i] - other.point[i]).abs() < near);
        if !distinct.iter().any(is_same) {
            distinct.push(top);
        }
    }
    distinct
}

fn points_above_their_neighbours(heights: &[f64], axis: &[f64]) -> Vec<Top> {
    let mut tops = Vec::new();
    for gain in 0..GRID {
        for loss in 0..GRID {
            let height = heights[gain * GRID + loss];
            let near = |x: usize| x.saturating_sub(1)..(x + 2).min(GRID);
            let is_top = near(gain).all(|g| near(loss).all(|l| heights[g * GRID + l] <= height));
            if is_top && height > f64::NEG_INFINITY {
                let point = [axis[gain], axis[loss]];
                tops.push(Top { height, point });
            }
        }
    }
    tops
}

/// Returns the summits of the profile along one coordinate, the other at its best.
fn summits_of_profile(heights: &[f64], axis: &[f64], along: usize) -> Vec<Top> {
    let profile: Vec<Top> = (0..GRID)
        .map(|held| {
            let height = |other: usize| match along {
                0 => heights[held * GRID + other],
                _ => heights[other * GRID + held],
            };
            let (offset, height) = vertex(height);
            let mut point = [axis[0] + offset * (axis[1] - axis[0]); 2];
            point[along] = axis[held];
            Top { height, point }
        })
        .collect();
    let is_summit = |i: usize| {
        let near = profile[i.saturating_sub(1)..(i + 2).min(GRID)].iter();
        profile[i].height > f64::NEG_INFINITY && near.clone().all(|other| other.height <= profile[i].height)
    };
    (0..GRID).filter(|&i| is_summit(i)).map(|i| profile[i]).collect()
}

/// Returns place, in steps, and height of the highest point of a row: of the parabola through its best and that one's
/// neighbours, where these have values.
fn vertex(height: impl Fn(usize) -> f64) -> (f64, f64) {
    let best = (0..GRID).fold(0, |a, b| if height(b) > height(a) { b } else { a });
    let top = height(best);
    if best == 0 || best == GRID - 1 {
        return (best as f64, top);
    }
    let (before, after) = (height(best - 1), height(best + 1));
    let (slope, bend) = (0.5 * (after - before), 2.0 * top - before - after);
    if bend > 0.0 && bend.is_finite() {
        (best as f64 + slope / bend, top + 0.5 * slope * slope / bend)
    } else {
        (best as f64, top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_summits_of_one_askew_ridge_are_both_found() {
        let axis: Vec<f64> = (0..GRID).map(|step| step as f64).collect();
        // A ridge along loss = gain / 2 + 2.3, with summits at gain 3 and 14 that differ by little.
        let surface = |gain: f64, loss: f64| {
            let off = loss - 0.5 * gain - 2.3;
            let along = (gain - 3.0) * (gain - 14.0);
            -3.0 * off * off - 0.0004 * along * along + 0.001 * gain
        };
        let heights: Vec<f64> = (0..GRID * GRID)
            .map(|i| surface(axis[i / GRID], axis[i % GRID]))
            .collect();
        let found = tops(&heights, &axis);
        for expected in [[3.0, 3.8], [14.0, 9.3]] {
            let is_near = |top: &Top| (0..2).all(|i| (top.point[i] - expected[i]).abs() < 1.2);
            assert!(found.iter().any(is_near), "{expected:?} {found:?}");
        }
    }

    #[test]
    fn a_surface_without_a_possible_point_has_no_hill() {
        let axis: Vec<f64> = (0..GRID).map(|step| step as f64).collect();
        assert!(tops(&[f64::NEG_INFINITY; GRID * GRID], &axis).is_empty());
    }
}
