//! The probability that a family is recorded as present in so many genomes, from one number to another.
//!
//! For each node and state stands a row of probabilities of the number p of recorded presences among the m tips
//! below it. The rows of independent children are convolved; a branch mixes the two rows below it. All are sums of
//! products of probabilities: nothing is subtracted, so each entry keeps its digits however small it is.
//!
//! # Which entries
//! A window `[a, b]` over n tips needs only some of them, and any of three tables will do:
//!
//! 1. Presences p < a and absences q < n - b each by itself, everything else in one lump: above that point neither
//!    number can fall again, so the lump is "recorded, whatever follows". The result is the root's lump.
//!    `a + n - b` entries.
//! 2. p <= b; a family with more is lost for the window and stays so. The result is the root's a <= p <= b.
//!    `b + 1` entries.
//! 3. q <= n - a, the mirror image. `n - a + 1` entries.
//!
//! All three are [`Shape`](rows::Shape)s: so many low numbers, so many high ones, and the lump between. The one with
//! the fewest entries w is taken. Joining rows over m and m' tips takes O(min(m, w) min(m', w)) steps, the whole tree
//! O(n w). The derivative is taken backwards through the same joins; it keeps the tables, at most
//! `16 * sum over nodes of (min(m, w) + 1)` bytes and as much again for what it derives: O(n w) for a caterpillar,
//! O(n log n) for a balanced tree or a star and any w.
//!
//! # What becomes of tiny numbers
//! Entries are doubles and not scaled; below 1e-300 they are set to 0. What an entry contributes to the result is the
//! entry times the probability of all that lies outside it, which is at most 1; so each loss takes at most 1e-300 from
//! the result, and all of them together less than 1e-280 (there are fewer than 1e20 steps). A result of at least
//! [`SMALLEST_IN_DOUBLES`] = 1e-250 has thus lost less than 1e-30 of itself, however uneven the rows were on the way
//! (a window of 99,990 to 100,000 presences in 100,000 genomes makes rows that span thousands of powers of ten).
//! The same holds for the derivative with respect to an entry: it is the probability of what lies outside, times
//! entries that are at most 1. Only a result below that bound is computed again, with numbers whose exponent is an
//! integer of its own ([`Wide`]): ten to twenty times slower, exact for any size, and never needed near rates that fit.

mod number;
mod rows;
mod steps;
mod sweep;

use super::ascertainment::Recorded;
use crate::kernel::Transition;
use crate::problem::Tree;
use number::{Number, Wide};
use rows::{Shape, sum};
use std::ops::Range;
use steps::Steps;
use sweep::{Input, Sweep};

/// Results below this are computed with exponents of their own.
const SMALLEST_IN_DOUBLES: f64 = 1e-250;

/// Returns the probability of `lowest..=highest` recorded presences, with its derivatives.
///
/// `transitions` is `[n_nodes]`, the root's entry not read; `root` the frequencies of states 0 and 1; `tips`
/// (`[n_tips]`) the probability that a tip is recorded as present given its state 0 and 1, without it 0 and 1.
pub(super) fn recorded(
    tree: &Tree,
    (lowest, highest): (usize, usize),
    transitions: &[Transition],
    root: [f64; 2],
    tips: Option<&[[f64; 2]]>,
) -> Recorded {
    let n_tips = tree.n_tips();
    let highest = highest.min(n_tips);
    if lowest > highest {
        return Recorded {
            log_probability: f64::NEG_INFINITY,
            transitions: vec![[f64::NAN; 4]; tree.n_nodes()],
            root: [f64::NAN; 2],
            tips: vec![[f64::NAN; 2]; tips.map_or(0, <[_]>::len)],
        };
    }
    let steps = Steps::of(tree);
    let (shape, wanted) = cheapest(lowest, highest, n_tips);
    let input = Input {
        steps: &steps,
        shape,
        transitions,
        tips,
    };
    let sweep = Sweep::<f64>::upwards(input, true);
    if probability(&sweep, &wanted, root) >= SMALLEST_IN_DOUBLES {
        return differentiated(&sweep, &wanted, root);
    }
    drop(sweep);
    differentiated(&Sweep::<Wide>::upwards(input, true), &wanted, root)
}

/// Returns the probability of each number of recorded presences, `[n_tips + 1]`.
///
/// The recorded presences of a family are counted over the complete tip set, without conditioning. Arguments as for
/// [`Ascertainment::recorded`](super::Ascertainment::recorded). Probabilities from 1e-250 have all their digits,
/// smaller ones may be 0; their sum is 1. Takes O(n_tips^2) steps.
///
/// # Panics
/// If `transitions` is not `[n_nodes]` or `tips` is not `[n_tips]`.
///
/// ```
/// use persiste_rust::{io::newick, kernel::transitions, model::spectrum};
///
/// let tree = newick::parse("(A:1,B:1);", &newick::TreeOptions::default()).unwrap().tree;
/// let table = transitions(1.0, 1.0, tree.branch_lengths());
/// let gained = -(-2.0_f64).exp_m1() / 2.0;
/// let found = spectrum(&tree, &table, [1.0, 0.0], None);
/// let expected = [(1.0 - gained).powi(2), 2.0 * gained * (1.0 - gained), gained.powi(2)];
/// assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
/// ```
#[must_use]
pub fn spectrum(tree: &Tree, transitions: &[Transition], root: [f64; 2], tips: Option<&[[f64; 2]]>) -> Vec<f64> {
    assert_eq!(transitions.len(), tree.n_nodes(), "one transition for each branch");
    assert!(
        tips.is_none_or(|tips| tips.len() == tree.n_tips()),
        "one pair for each tip"
    );
    let steps = Steps::of(tree);
    let shape = Shape {
        low: tree.n_tips() + 1,
        high: 0,
    };
    let input = Input {
        steps: &steps,
        shape,
        transitions,
        tips,
    };
    let [absent, present] = Sweep::<f64>::upwards(input, false).at_root();
    absent
        .iter()
        .zip(present)
        .map(|(a, p)| root[0] * a + root[1] * p)
        .collect()
}

/// Returns the table with the fewest entries and what of the root's row is the result.
fn cheapest(lowest: usize, highest: usize, n_tips: usize) -> (Shape, Range<usize>) {
    let (fewest_absent, most_absent) = (n_tips - highest, n_tips - lowest);
    let shape = |low, high| Shape { low, high };
    let few_absences = shape(0, most_absent + 1);
    let length = few_absences.row_length(n_tips);
    let mut best = (shape(lowest, fewest_absent), lowest..lowest + 1);
    for other in [
        (shape(highest + 1, 0), lowest..highest + 1),
        (few_absences, length - 1 - most_absent..length - fewest_absent),
    ] {
        if other.0.low + other.0.high < best.0.low + best.0.high {
            best = other;
        }
    }
    best
}

fn probability<N: Number>(sweep: &Sweep<'_, N>, wanted: &Range<usize>, root: [f64; 2]) -> N {
    let [absent, present] = sweep.at_root().map(|row| sum(&row[wanted.clone()]));
    N::from(root[0]) * absent + N::from(root[1]) * present
}

fn differentiated<N: Number>(sweep: &Sweep<'_, N>, wanted: &Range<usize>, root: [f64; 2]) -> Recorded {
    let probability = probability(sweep, wanted, root);
    let share = |value: N| value.over(probability);
    let rows = sweep.at_root();
    let by_rows = [0, 1].map(|state| {
        let mut by_row = vec![N::default(); rows[state].len()];
        by_row[wanted.clone()].fill(N::from(root[state]));
        by_row
    });
    let derivatives = sweep.downwards(by_rows);
    let by_tip = |[absent0, present0, absent1, present1]: [N; 4]| {
        [share(present0) - share(absent0), share(present1) - share(absent1)]
    };
    Recorded {
        log_probability: probability.ln(),
        transitions: derivatives
            .transitions
            .iter()
            .map(|entries| entries.map(share))
            .collect(),
        root: rows.map(|row| share(sum(&row[wanted.clone()]))),
        tips: derivatives.tips.into_iter().map(by_tip).collect(),
    }
}
