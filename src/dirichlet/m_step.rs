//! The M-step: the Dirichlet parameters of one component, given how much of each row belongs to it.
//!
//! With `l = ln a`, `w[j][v]` the weight of the rows with value v in column j, `u[n]` that of the rows with total n, and
//! prior Gamma(shape eta, rate nu) on each `a`, the objective is
//!
//! ```text
//! f(l) = -sum_jv w[j][v] (lnG(a_j + v) - lnG(a_j)) + sum_n u[n] (lnG(A + n) - lnG(A)) + nu A - eta sum_j l_j
//! ```
//!
//! Its Hessian is `diag(d) - c a a'`, so a Newton step costs as much as a gradient (Minka 2000, "Estimating a Dirichlet
//! distribution"). Where the Hessian is not positive definite the step is scaled by the diagonal alone; every step must
//! lower the objective (Armijo), and where none does the fixed point of the majorised objective is taken, which never
//! raises it:
//!
//! ```text
//! a_j <- (eta + a_j sum_v w[j][v] (psi(a_j + v) - psi(a_j))) / (nu + sum_n u[n] (psi(A + n) - psi(A)))
//! ```

use super::evidence::column_blocks;
use super::special::weighted_rises;
use crate::error::Cancelled;
use crate::parallel::{Monitor, Workers};

/// Shape of the gamma prior of each parameter.
pub(super) const ETA: f64 = 0.1;
/// Rate of that prior.
pub(super) const NU: f64 = 0.1;

const MAX_ITERATIONS: usize = 500;
/// Fixed-point steps that begin a cold start: they leap out of regions where Newton must creep.
const LEAPS: usize = 2;
const MAX_STEP: f64 = 3.0;
const SUFFICIENT: f64 = 1e-4;
/// Halvings of a step before it is given up.
const HALVINGS: usize = 30;
/// Newton's predicted decrease at which one more step ends the work: the error left is of the order of its square.
const ENOUGH: f64 = 1e-8;
/// The same relative to the objective, whose rounding hides smaller decreases.
const ROUNDING: f64 = 1e-13;
/// A decrease that may be rounding, relative to the objective, if no shorter step gives one either.
const NOISE: f64 = 1e-9;
/// Logarithms of parameters stay in this range, so that their squares stay finite.
const LOG_RANGE: f64 = 130.0;
/// Nanoseconds of one pair in an evaluation.
const PAIR: usize = 25;

/// The weights of one component's rows, grouped by column and value.
#[derive(Debug, Clone, Default)]
pub(super) struct Component {
    /// `[n_columns + 1]`.
    pub(super) column_start: Vec<usize>,
    /// Distinct values, ascending within a column.
    pub(super) values: Vec<u32>,
    /// Their weights.
    pub(super) weights: Vec<f64>,
    /// Distinct totals, ascending.
    pub(super) totals: Vec<u32>,
    /// Their weights.
    pub(super) total_weights: Vec<f64>,
}

/// The objective at one point, with what its derivatives consist of.
#[derive(Debug, Clone)]
pub(super) struct Evaluation {
    /// The parameters, `exp(l)`.
    pub(super) alpha: Vec<f64>,
    /// f.
    pub(super) value: f64,
    /// df/dl.
    pub(super) gradient: Vec<f64>,
    /// d.
    pub(super) diagonal: Vec<f64>,
    /// c, never negative.
    pub(super) rank_one: f64,
    /// `sum_v w (psi(a_j + v) - psi(a_j))`.
    pulls: Vec<f64>,
    /// `sum_n u (psi(A + n) - psi(A))`.
    pub(super) total_pull: f64,
}

/// Sums of one block of columns.
struct Block {
    value: f64,
    pulls: Vec<f64>,
    bends: Vec<f64>,
}

impl Component {
    /// Evaluates the objective and its derivatives at `log_alpha` `[n_columns]`.
    pub(super) fn evaluate(
        &self,
        log_alpha: &[f64],
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Evaluation, Cancelled> {
        monitor.check()?;
        let alpha: Vec<f64> = log_alpha.iter().map(|one| one.exp()).collect();
        let sum: f64 = alpha.iter().sum();
        let total = weighted_rises(sum, &self.totals, &self.total_weights);
        let ranges = column_blocks(&self.column_start);
        let blocks = workers.map_estimated(ranges.len(), self.values.len() * PAIR, |block| {
            Ok::<_, Cancelled>(self.block(ranges[block].clone(), &alpha))
        })?;
        let mut value = total.log_gamma + NU * sum - ETA * log_alpha.iter().sum::<f64>();
        let mut evaluation = Evaluation {
            value: 0.0,
            gradient: Vec::with_capacity(alpha.len()),
            diagonal: Vec::with_capacity(alpha.len()),
            rank_one: total.trigamma,
            pulls: Vec::with_capacity(alpha.len()),
            total_pull: total.digamma,
            alpha,
        };
        for block in blocks {
            value -= block.value;
            for (&pull, &bend) in block.pulls.iter().zip(&block.bends) {
                let alpha = evaluation.alpha[evaluation.pulls.len()];
                let first = alpha * (NU - pull + total.digamma);
                evaluation.gradient.push(first - ETA);
                evaluation.diagonal.push(first + alpha * alpha * bend);
                evaluation.pulls.push(pull);
            }
        }
        evaluation.value = value;
        Ok(evaluation)
    }

    fn block(&self, columns: std::ops::Range<usize>, alpha: &[f64]) -> Block {
        let mut block = Block {
            value: 0.0,
            pulls: Vec::with_capacity(columns.len()),
            bends: Vec::with_capacity(columns.len()),
        };
        for column in columns {
            let pairs = self.column_start[column]..self.column_start[column + 1];
            let sums = weighted_rises(alpha[column], &self.values[pairs.clone()], &self.weights[pairs]);
            block.value += sums.log_gamma;
            block.pulls.push(sums.digamma);
            block.bends.push(sums.trigamma);
        }
        block
    }

    /// Minimises the objective from `log_alpha`, which is left at the minimum; a `cold` start begins with leaps.
    ///
    /// Returns whether the minimum was reached.
    ///
    /// # Errors
    /// [`Cancelled`] through the monitor.
    pub(super) fn minimise(
        &self,
        log_alpha: &mut [f64],
        cold: bool,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<bool, Cancelled> {
        let mut here = self.evaluate(log_alpha, workers, monitor)?;
        for _ in 0..if cold { LEAPS } else { 0 } {
            let leap = here.fixed_point();
            let there = self.evaluate(&leap, workers, monitor)?;
            if there.value > here.value {
                break;
            }
            log_alpha.copy_from_slice(&leap);
            here = there;
        }
        for _ in 0..MAX_ITERATIONS {
            let step = here.step();
            if step.is_newton && step.decrease <= ENOUGH + ROUNDING * here.value.abs() {
                move_by(log_alpha, &step.change, 1.0);
                return Ok(true);
            }
            let Some((moved, there)) = self.lower(&here, log_alpha, &step, workers, monitor)? else {
                let is_rounding = step.is_newton && step.decrease <= NOISE * here.value.abs();
                if is_rounding {
                    move_by(log_alpha, &step.change, 1.0);
                }
                return Ok(is_rounding);
            };
            log_alpha.copy_from_slice(&moved);
            here = there;
        }
        Ok(false)
    }

    /// Returns a point that is lower, along the step or by the fixed point; `None` where rounding leaves neither.
    fn lower(
        &self,
        here: &Evaluation,
        log_alpha: &[f64],
        step: &Step,
        workers: &Workers,
        monitor: &Monitor,
    ) -> Result<Option<(Vec<f64>, Evaluation)>, Cancelled> {
        let mut share = 1.0;
        for _ in 0..HALVINGS {
            let mut moved = log_alpha.to_vec();
            move_by(&mut moved, &step.change, share);
            let there = self.evaluate(&moved, workers, monitor)?;
            if there.value <= here.value - SUFFICIENT * share * step.decrease {
                return Ok(Some((moved, there)));
            }
            share *= 0.5;
        }
        let moved = here.fixed_point();
        let there = self.evaluate(&moved, workers, monitor)?;
        Ok((there.value < here.value).then_some((moved, there)))
    }
}

/// Adds a share of a change, within the range of logarithms.
fn move_by(log_alpha: &mut [f64], change: &[f64], share: f64) {
    for (log, change) in log_alpha.iter_mut().zip(change) {
        *log = (*log + share * change).clamp(-LOG_RANGE, LOG_RANGE);
    }
}

/// A direction in which the objective falls.
struct Step {
    change: Vec<f64>,
    /// Minus the gradient times the change: twice the decrease that a quadratic would have.
    decrease: f64,
    /// Whether it is Newton's, uncut.
    is_newton: bool,
}

impl Evaluation {
    /// Returns `1 - c sum a^2 / d`, the factor that the rank-one term puts on the determinant.
    pub(super) fn rank_one_factor(&self) -> f64 {
        let sum: f64 = self.alpha.iter().zip(&self.diagonal).map(|(a, d)| a * a / d).sum();
        1.0 - self.rank_one * sum
    }

    /// Whether the Hessian is positive definite.
    pub(super) fn is_positive_definite(&self) -> bool {
        self.diagonal.iter().all(|&d| d > 0.0) && self.rank_one_factor() > 0.0
    }

    fn fixed_point(&self) -> Vec<f64> {
        let below = NU + self.total_pull;
        let parameters = self.alpha.iter().zip(&self.pulls);
        parameters
            .map(|(alpha, pull)| ((ETA + alpha * pull) / below).ln())
            .collect()
    }

    fn step(&self) -> Step {
        let mut is_newton = self.is_positive_definite();
        let mut change = if is_newton {
            self.newton()
        } else {
            let scaled = self.gradient.iter().zip(&self.diagonal);
            scaled.map(|(gradient, d)| -gradient / d.abs().max(ETA)).collect()
        };
        let longest = change.iter().fold(0.0_f64, |longest, one| longest.max(one.abs()));
        if longest > MAX_STEP {
            change.iter_mut().for_each(|one| *one *= MAX_STEP / longest);
            is_newton = false;
        }
        let product: f64 = self
            .gradient
            .iter()
            .zip(&change)
            .map(|(gradient, one)| gradient * one)
            .sum();
        Step {
            change,
            decrease: -product,
            is_newton,
        }
    }

    /// `-H^-1 g` by Sherman and Morrison.
    fn newton(&self) -> Vec<f64> {
        let terms = self.alpha.iter().zip(&self.gradient).zip(&self.diagonal);
        let along: f64 = terms.map(|((alpha, gradient), d)| alpha * gradient / d).sum();
        let factor = self.rank_one * along / self.rank_one_factor();
        let terms = self.alpha.iter().zip(&self.gradient).zip(&self.diagonal);
        terms
            .map(|((alpha, gradient), d)| -(gradient + factor * alpha) / d)
            .collect()
    }
}
