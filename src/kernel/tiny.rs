//! Transition probabilities that are positive and yet too small for a double.
//!
//! Without losses an absent tip at the end of a branch of length t has the probability `exp(-g t)`; beyond an exponent
//! of 708 a double loses its digits, and beyond 745 all of it, though its log is a number like any other; somewhat before,
//! derivatives by it grow beyond doubles. In a table with logs such an entry holds its natural log instead, which is below
//! 0 as no probability is; derivatives by it are derivatives by the log. They are rare, so the work is done only where a
//! bound says that there may be some.

use super::elementary::decay;
use super::scaled::Scaled;
use super::transition::{Equilibria, Transition, lost_twice, transitions, transitions_adjoint};
use std::borrow::Cow;

/// Probabilities below this are held as logs: derivatives by larger ones, up to their inverse, have sums over any number
/// of patterns that a double holds.
const TINY: f64 = 1e-290;
/// log2 down to which probabilities are surely not [`TINY`].
const NOT_TINY: i32 = -950;

/// Derivatives by logs below this may have lost digits.
const LEAST_BY_LOG: f64 = 1e-290;

/// Returns the transition probabilities of every branch, `[n_branches]`, as [`transitions`], but the natural log, a
/// number below 0, of every positive one below 1e-290.
///
/// ```
/// use persiste_rust::kernel::transitions_or_logs;
///
/// // P00 and P01 after 800 expected gains, no losses.
/// let [p00, p01, ..] = transitions_or_logs(800.0, 0.0, &[1.0])[0];
/// assert_eq!([p00, p01], [-800.0, 1.0]);
/// ```
#[must_use]
pub fn transitions_or_logs(gain: f64, loss: f64, lengths: &[f64]) -> Vec<Transition> {
    let mut table = transitions(gain, loss, lengths);
    if may_be_tiny(gain, loss, lengths) {
        for (entries, &length) in table.iter_mut().zip(lengths) {
            *entries = or_logs(*entries, [gain, loss, length]);
        }
    }
    table
}

/// Returns the vector-Jacobian product of [`transitions_or_logs`] with respect to the two rates and to each length.
///
/// `adjoint` (`[n_branches]`) holds the derivatives by entries as [`Kernel::vector_jacobian`] gives them: by the log
/// where the entry is one and a double holds that derivative; where it is smaller, the derivative by the probability
/// is in the other entry of the row, with its sign changed. A result beyond the largest double is infinite.
///
/// [`Kernel::vector_jacobian`]: super::Kernel::vector_jacobian
#[must_use]
pub fn transitions_or_logs_adjoint(
    gain: f64,
    loss: f64,
    lengths: &[f64],
    adjoint: &[Transition],
) -> (f64, f64, Vec<f64>) {
    if !may_be_tiny(gain, loss, lengths) {
        return transitions_adjoint(gain, loss, lengths, adjoint);
    }
    let table = transitions_or_logs(gain, loss, lengths);
    let mut plain = Vec::with_capacity(lengths.len());
    let mut by_logs = Vec::with_capacity(lengths.len());
    for ((entries, &adjoint), &length) in table.iter().zip(adjoint).zip(lengths) {
        let are_logs = entries.map(|entry| entry < 0.0);
        let (of_plain, slopes) = pull_back_logs([gain, loss, length], are_logs, adjoint);
        plain.push(of_plain);
        by_logs.push(slopes);
    }
    let (mut by_gain, mut by_loss, mut by_length) = transitions_adjoint(gain, loss, lengths, &plain);
    for (total, [gain, loss, length]) in by_length.iter_mut().zip(by_logs) {
        by_gain += gain;
        by_loss += loss;
        *total += length;
    }
    (by_gain, by_loss, by_length)
}

/// Returns the logs of the transition probabilities of a branch, minus infinity for 0.
#[must_use]
pub fn log_transition(gain: f64, loss: f64, length: f64) -> Transition {
    let table = transitions_or_logs(gain, loss, &[length]);
    table[0].map(|entry| if entry < 0.0 { entry } else { entry.ln() })
}

/// Returns a table with logs as probabilities alone; those too small for a double are 0, or nearly so.
#[must_use]
pub fn plain(table: &[Transition]) -> Cow<'_, [Transition]> {
    if table.as_flattened().iter().any(|&entry| entry < 0.0) {
        table.iter().map(|entries| entries.map(plain_entry)).collect()
    } else {
        Cow::Borrowed(table)
    }
}

/// Returns the probability that an entry of a table with logs stands for, as far as a double holds it.
#[inline(always)]
pub(super) fn plain_entry(entry: f64) -> f64 {
    if entry < 0.0 { entry.exp() } else { entry }
}

/// Returns the probability that an entry of a table with logs stands for.
pub(super) fn scaled_entry(entry: f64) -> Scaled {
    if entry < 0.0 {
        Scaled::from_ln(entry)
    } else {
        Scaled::new(entry, 0)
    }
}

/// Returns the derivatives by the entries of a table with logs, given those by the probabilities and by the logs.
///
/// One by a log that a double holds stays that. Else, or where it is not known (NaN), what is proportional to the probability is next to nothing, and the
/// derivative by the probability goes to the other entry of its row, as rows sum to 1.
pub(crate) fn by_entries(
    mut by_probabilities: Transition,
    are_logs: [bool; 4],
    by_log: impl Fn(usize) -> f64,
) -> Transition {
    for entry in (0..4).filter(|&entry| are_logs[entry]) {
        let by_log = by_log(entry);
        let is_lost = by_log.is_nan() || by_log.abs() < LEAST_BY_LOG;
        if is_lost && by_probabilities[entry].is_finite() {
            by_probabilities[entry ^ 1] -= by_probabilities[entry];
            by_probabilities[entry] = 0.0;
        } else {
            by_probabilities[entry] = by_log;
        }
    }
    by_probabilities
}

/// Returns whether some positive transition probability may be [`TINY`].
fn may_be_tiny(gain: f64, loss: f64, lengths: &[f64]) -> bool {
    let positive = lengths.iter().copied().filter(|&length| length > 0.0);
    let (shortest, longest) = positive.fold((f64::INFINITY, 0.0), |(least, most), length| {
        (length.min(least), length.max(most))
    });
    let equilibria = Equilibria::of([gain], [loss]);
    longest > 0.0 && equilibria.floor(shortest).min(equilibria.floor(longest)) < NOT_TINY
}

/// Returns the probabilities of a branch with logs in place of those that are positive but [`TINY`].
pub(super) fn or_logs(entries: Transition, [gain, loss, length]: [f64; 3]) -> Transition {
    let may_arise = [true, gain > 0.0 && length > 0.0, loss > 0.0 && length > 0.0, true];
    let is_tiny = |entry: usize| may_arise[entry] && entries[entry] < TINY;
    if !(0..4).any(is_tiny) {
        return entries;
    }
    let ([stay_absent, gained], [stay_present, lost]) = (log_row(gain, loss, length), log_row(loss, gain, length));
    let logs = [stay_absent, gained, lost, stay_present];
    std::array::from_fn(|entry| match is_tiny(entry) {
        true if logs[entry] == f64::NEG_INFINITY => 0.0,
        true => logs[entry],
        false => entries[entry],
    })
}

/// Returns the logs of `(other + own exp(-a t)) / a` and `own (1 - exp(-a t)) / a`, `a = own + other`: the probabilities
/// to be in the same state after a time, which is left at the rate `own`, and in the other.
fn log_row(own: f64, other: f64, length: f64) -> [f64; 2] {
    let rate = own + other;
    let z = rate * length;
    let log_phi = if z < 1e-17 {
        length.ln()
    } else {
        decay(z).1.ln() - rate.ln()
    };
    let stay = if z > 0.0 {
        log_add(other.ln(), own.ln() - z) - rate.ln()
    } else {
        0.0
    };
    [stay, own.ln() + log_phi]
}

fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY {
        high
    } else {
        high + (low - high).exp().ln_1p()
    }
}

/// Takes the derivatives by the entries apart: those by plain probabilities, and what those by logs come to for gain,
/// loss and length.
pub(super) fn pull_back_logs(
    [gain, loss, length]: [f64; 3],
    are_logs: [bool; 4],
    adjoint: Transition,
) -> (Transition, [f64; 3]) {
    let (mut plain, mut by_logs) = (adjoint, [0.0; 3]);
    for entry in (0..4).filter(|&entry| are_logs[entry]) {
        plain[entry] = 0.0;
        if adjoint[entry] == 0.0 {
            continue;
        }
        let (own, other) = if entry < 2 { (gain, loss) } else { (loss, gain) };
        let stays = entry == 0 || entry == 3;
        let [by_own, by_other, by_length] = log_pull_back(stays, own, other, length, adjoint[entry]);
        let slopes = if entry < 2 {
            [by_own, by_other, by_length]
        } else {
            [by_other, by_own, by_length]
        };
        for (total, slope) in by_logs.iter_mut().zip(slopes) {
            *total += slope;
        }
    }
    (plain, by_logs)
}

/// Returns `adjoint` times the derivatives of one of the logs that [`log_row`] returns by `own`, `other` and the length.
///
/// With `k = exp(-a t)`, `n = other + own k` and `c = 1 - k`, the derivatives are: of the first by own
/// `(1 - own t) k / n - 1 / a`, by other `(1 - own t k) / n - 1 / a`, by t `-a own k / n`; of the second by own
/// `1 / own - r`, by other `-r`, by t `a k / c`, with `r = (c - a t k) / (a c)`. `1 / n` may be beyond doubles where its
/// product with `adjoint` is not.
fn log_pull_back(stays: bool, own: f64, other: f64, length: f64, adjoint: f64) -> [f64; 3] {
    let rate = own + other;
    let z = rate * length;
    let (kept, changed) = decay(z);
    if stays {
        let log_n = log_add(other.ln(), own.ln() - z);
        let share = (-z - log_n).exp();
        let moved = if share > 0.0 { own * length * share } else { 0.0 };
        let over_n = (adjoint.abs().ln() - log_n).exp().copysign(adjoint);
        [
            adjoint * (share - moved - 1.0 / rate),
            over_n - adjoint * (moved + 1.0 / rate),
            -adjoint * rate * own * share,
        ]
    } else {
        let (ratio, by_length) = if z < 1e-8 {
            (0.5 * length, 1.0 / length)
        } else {
            (lost_twice(z, kept, changed) / changed / rate, rate * kept / changed)
        };
        [adjoint / own - adjoint * ratio, -adjoint * ratio, adjoint * by_length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_without_tiny_entries_are_left_as_they_are() {
        let lengths = [0.0, 1e-6, 0.3, 2.0, 300.0];
        for (gain, loss) in [(0.4, 1.1), (0.0, 0.7), (0.7, 0.0), (0.0, 0.0), (1e-9, 50.0)] {
            assert_eq!(
                transitions_or_logs(gain, loss, &lengths),
                transitions(gain, loss, &lengths)
            );
        }
    }

    #[test]
    fn tiny_entries_have_the_logs_and_slopes_of_multiprecision() {
        // mpmath, 2000 digits: a = g + l; c = 1 - exp(-a*t); log(1 - g*c/a), log(g*c/a), log(l*c/a), log(1 - l*c/a)
        let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-14;
        let [p00, p01, p10, p11] = transitions_or_logs(0.0, 1000.0, &[0.8])[0];
        assert_eq!((p00, p01, p10), (1.0, 0.0, 1.0));
        assert!(close(p11, -800.0), "{p11}");
        let [p00, p01, p10, p11] = transitions_or_logs(3e-200, 2e-150, &[7e-160])[0];
        assert_eq!((p00, p11), (1.0, 1.0));
        assert!(close(p01, -825.886_111_040_133), "{p01}");
        assert!(close(p10, -711.162_321_498_538_9), "{p10}");
    }

    #[test]
    fn branches_that_change_nothing_have_no_logs() {
        for (gain, loss, length) in [(0.0, 0.0, 1e300), (1e300, 1e300, 0.0), (0.0, 1e300, 0.0)] {
            assert_eq!(
                transitions_or_logs(gain, loss, &[length, 1e-300])[0],
                [1.0, 0.0, 0.0, 1.0]
            );
        }
        // Beyond any number: exp(-1e310).
        assert_eq!(transitions_or_logs(1e300, 0.0, &[1e10])[0], [0.0, 1.0, 0.0, 1.0]);
    }
}
