//! Pieces with a table against pieces without one, on everything that makes them differ.

mod drawn;

use super::*;
use crate::kernel::dispatch::{self, Simd, Work};
use crate::problem::{NO_PARENT, Names, Tree};
use drawn::{Drawn, Kind, Random, USUAL, usual_length, usual_rate};
use std::num::NonZero;

/// Compares values and derivatives with those of the exact way, and returns which share of the pieces had a table.
fn compare(kind: Kind, rounds: u64) -> f64 {
    let (workers, monitor) = (Workers::new(NonZero::new(1)), Monitor::new());
    let (mut n_pieces, mut n_quick) = (0, 0);
    for round in 0..rounds {
        let drawn = Drawn::new(kind, &mut Random(round));
        let (all, quick) = drawn.n_quick();
        n_pieces += all;
        n_quick += quick;
        let (input, cotangent) = (drawn.input(), drawn.cotangent());
        let values = drawn.kernel.lane_log_likelihoods(input, &workers, &monitor).unwrap();
        let found = drawn
            .kernel
            .lane_rate_jacobian(input, &cotangent, &workers, &monitor)
            .unwrap();
        let exact = drawn
            .kernel
            .lane_vector_jacobian(input, &cotangent, &workers, &monitor)
            .unwrap();
        for (lane, &exact) in exact.0.iter().enumerate() {
            for value in [values[lane], found.0[lane]] {
                let is_close = value == exact || (value - exact).abs() <= 1e-13 * exact.abs().max(1.0);
                assert!(is_close, "round {round}, lane {lane}: {value} {exact}");
            }
        }
        compare_adjoints(&drawn, &found.1, &exact.1, round);
    }
    n_quick as f64 / n_pieces as f64
}

fn compare_adjoints(drawn: &Drawn, found: &LaneAdjoint, exact: &LaneAdjoint, round: u64) {
    for (index, exact_pair) in exact.gain.iter().zip(&exact.loss).enumerate() {
        let found_pair = [found.gain[index], found.loss[index]];
        let rates = [drawn.gain[index], drawn.loss[index]];
        // Both come from the same two sums, which are as large as the expected numbers of events.
        let scale = 1.0 + rates[0] * exact_pair.0.abs() + rates[1] * exact_pair.1.abs();
        for (axis, exact) in [*exact_pair.0, *exact_pair.1].into_iter().enumerate() {
            if exact.is_nan() {
                // The data are impossible.
                assert!(found_pair[axis].is_nan());
                continue;
            }
            let error = (found_pair[axis] - exact).abs();
            assert!(
                error * rates[axis] <= 1e-11 * scale || error <= 1e-11 * exact.abs(),
                "round {round}, place {index}, axis {axis}: {} {exact}, rates {rates:?}",
                found_pair[axis]
            );
        }
    }
    let roots = found.root.as_flattened().iter().zip(exact.root.as_flattened());
    for (found, exact) in roots.chain(found.weights.iter().zip(&exact.weights)) {
        let is_same = found == exact || (found.is_nan() && exact.is_nan());
        let is_close = is_same || (found - exact).abs() <= 1e-11 * exact.abs().max(1e-3);
        assert!(is_close, "round {round}: {found} {exact}");
    }
    assert!(found.branch_length.is_empty());
    assert_eq!(found.tips, exact.tips);
}

#[test]
fn tables_give_what_exponentials_of_every_branch_give() {
    for n_lanes in (1..=17).chain([64, 65, 200]) {
        let share = compare(Kind { n_lanes, ..USUAL }, 6);
        assert!(share > 0.99, "{n_lanes} lanes: {share}");
    }
}

#[test]
fn polytomies_only_children_and_lengths_of_zero_are_joined_like_others() {
    let kind = Kind {
        odd: 0.6,
        zero: 0.4,
        ..USUAL
    };
    let share = compare(kind, 40);
    assert!(share > 0.99, "{share}");
}

#[test]
fn missing_cells_and_tips_with_errors_keep_the_table() {
    let share = compare(Kind { missing: 0.2, ..USUAL }, 20);
    assert!(share > 0.99, "{share}");
    let errors = Kind {
        missing: 0.1,
        has_errors: true,
        ..USUAL
    };
    let share = compare(errors, 20);
    assert!(share > 0.99, "{share}");
}

#[test]
fn categories_and_sets_of_rates_keep_the_table() {
    let kind = Kind {
        n_categories: 3,
        n_sets: 2,
        missing: 0.05,
        odd: 0.2,
        ..USUAL
    };
    let share = compare(kind, 20);
    assert!(share > 0.99, "{share}");
    let share = compare(
        Kind {
            n_categories: 4,
            ..USUAL
        },
        20,
    );
    assert!(share > 0.99, "{share}");
}

#[test]
fn branches_beyond_the_table_are_done_one_by_one() {
    let length = |random: &mut Random| {
        let factor = [0.01, 1.0, 30.0][random.below(3)];
        factor * usual_length(random)
    };
    let share = compare(Kind { length, ..USUAL }, 20);
    assert!(share > 0.9, "{share}");
    let fast_lane = |random: &mut Random| {
        let factor = if random.unit() < 0.02 { 1e3 } else { 1.0 };
        factor * usual_rate(random)
    };
    compare(
        Kind {
            rate: fast_lane,
            length,
            odd: 0.3,
            ..USUAL
        },
        40,
    );
}

#[test]
fn rates_of_all_sizes_zero_among_them_are_exact_one_way_or_the_other() {
    let wild = |random: &mut Random| 10.0_f64.powf(-9.0 + 12.0 * random.unit());
    compare(Kind { rate: wild, ..USUAL }, 40);
    let zeros = |random: &mut Random| if random.unit() < 0.1 { 0.0 } else { usual_rate(random) };
    let length = |random: &mut Random| match random.below(10) {
        0 => 0.0,
        1 => 1e-9,
        2 => 50.0,
        _ => usual_length(random),
    };
    compare(
        Kind {
            rate: zeros,
            length,
            odd: 0.4,
            missing: 0.1,
            ..USUAL
        },
        40,
    );
}

#[test]
fn likelihoods_far_below_the_smallest_double_keep_the_table() {
    let kind = Kind {
        n_tips: 3_000,
        n_lanes: 20,
        ..USUAL
    };
    let share = compare(kind, 2);
    assert!(share > 0.99, "{share}");
    let drawn = Drawn::new(kind, &mut Random(0));
    let (workers, monitor) = (Workers::new(NonZero::new(1)), Monitor::new());
    let values = drawn
        .kernel
        .lane_log_likelihoods(drawn.input(), &workers, &monitor)
        .unwrap();
    assert!(values.iter().all(|&value| value < -1_000.0), "{values:?}");
}

/// A root with [`USUAL`] many tips and nothing between.
fn star(lengths: Vec<f64>) -> Tree {
    let mut parent = vec![USUAL.n_tips as u32; USUAL.n_tips + 1];
    parent[USUAL.n_tips] = NO_PARENT;
    let names: Names = (0..parent.len()).map(|node| format!("n{node}")).collect();
    Tree::new(parent, lengths, names).unwrap()
}

#[test]
fn states_that_drift_apart_and_impossible_data_are_left_to_extended_exponents() {
    // Rare gains over a star of present tips: 10^-700 against 1.
    let star = star(vec![0.1; USUAL.n_tips + 1]);
    let mut drawn = Drawn::over(star.clone(), USUAL, &mut Random(1));
    drawn.gain.fill(1.0);
    drawn.loss.fill(1.0);
    let (n_pieces, n_quick) = drawn.n_quick();
    assert_eq!(n_quick, n_pieces);
    let kind = Kind { present: 1.0, ..USUAL };
    let mut drawn = Drawn::over(star, kind, &mut Random(1));
    drawn.gain.fill(1e-11);
    let (n_pieces, n_quick) = drawn.n_quick();
    assert_eq!(n_quick, 0, "of {n_pieces}");
    // Nothing can be gained, and the root has nothing.
    drawn.gain.fill(0.0);
    drawn.root.fill([1.0, 0.0]);
    assert_eq!(drawn.n_quick().1, 0);
    let (workers, monitor) = (Workers::new(NonZero::new(1)), Monitor::new());
    let values = drawn
        .kernel
        .lane_log_likelihoods(drawn.input(), &workers, &monitor)
        .unwrap();
    assert!(values.contains(&f64::NEG_INFINITY));
    assert!(values.iter().all(|value| !value.is_nan()));
}

#[test]
fn what_is_missing_everywhere_is_certain_to_the_last_bit() {
    // Tips alone: inner nodes know nothing either, but their rows of probabilities sum to 1 only up to rounding.
    let kind = Kind { missing: 1.0, ..USUAL };
    let lengths = (0..=USUAL.n_tips).map(|tip| [0.1, 30.0][tip % 2]).collect();
    let mut drawn = Drawn::over(star(lengths), kind, &mut Random(4));
    drawn.root.fill([0.25, 0.75]);
    drawn.weights.fill(1.0);
    assert!(drawn.n_quick().1 > 0);
    let (workers, monitor) = (Workers::new(NonZero::new(1)), Monitor::new());
    let values = drawn.kernel.lane_log_likelihoods(drawn.input(), &workers, &monitor);
    assert!(values.unwrap().iter().all(|&value| value == 0.0));
}

#[test]
fn categories_without_weight_make_nothing_and_far_less_likely_ones_next_to_nothing() {
    let kind = Kind {
        n_tips: 3_000,
        n_lanes: 20,
        n_categories: 2,
        ..USUAL
    };
    let mut drawn = Drawn::new(kind, &mut Random(3));
    for rate in drawn.gain[..20].iter_mut().chain(&mut drawn.loss[..20]) {
        *rate *= 1e-2;
    }
    assert_eq!(drawn.n_quick(), (2, 2));
    let (workers, monitor) = (Workers::new(NonZero::new(1)), Monitor::new());
    let values = |drawn: &Drawn| {
        drawn
            .kernel
            .lane_log_likelihoods(drawn.input(), &workers, &monitor)
            .unwrap()
    };
    let both = values(&drawn);
    let mut alone = [values(&drawn), values(&drawn)];
    for (number, alone) in alone.iter_mut().enumerate() {
        let mut weights = drawn.weights.clone();
        weights[1 - number] = 0.0;
        let all = std::mem::replace(&mut drawn.weights, weights);
        *alone = values(&drawn);
        drawn.weights = all;
    }
    for ((both, slow), fast) in both.iter().zip(&alone[0]).zip(&alone[1]) {
        // exp(-2000) of it: beyond the powers of two of a double.
        assert!(slow + 2_000.0 < *fast, "{slow} {fast}");
        assert_eq!(both, fast);
    }
    drawn.weights.fill(0.0);
    assert!(values(&drawn).iter().all(|&value| value == f64::NEG_INFINITY));
}

#[test]
fn lanes_beyond_the_number_of_parts_keep_their_own_derivatives() {
    // All cells and rates are alike, and only root frequencies differ; more pieces than parts, so a part holds several.
    let kind = Kind {
        n_tips: 14,
        n_lanes: 5_000,
        present: 1.0,
        rate: |_| 0.5,
        ..USUAL
    };
    let drawn = Drawn::new(kind, &mut Random(6));
    let n_pieces = kind.n_lanes.div_ceil(WIDTH);
    assert!(drawn.kernel.n_parts(n_pieces) < n_pieces);
    let (workers, monitor) = (Workers::new(NonZero::new(1)), Monitor::new());
    let cotangent = vec![1.0; kind.n_lanes];
    let (values, adjoint) = drawn
        .kernel
        .lane_rate_jacobian(drawn.input(), &cotangent, &workers, &monitor)
        .unwrap();
    // The partial of the root is the same for all: d log L / d f_s = x_s / L with L = f_0 x_0 + f_1 x_1.
    let partial = [0, 1].map(|state| adjoint.root[0][state] * values[0].exp());
    for (lane, (value, slopes)) in values.iter().zip(&adjoint.root).enumerate() {
        let likelihood = drawn.root[lane][0] * partial[0] + drawn.root[lane][1] * partial[1];
        assert!((value.exp() / likelihood - 1.0).abs() < 1e-12);
        for state in 0..2 {
            assert!(
                (slopes[state] * likelihood / partial[state] - 1.0).abs() < 1e-12,
                "{lane}"
            );
        }
    }
}

#[test]
fn all_instruction_sets_give_the_same_bits_from_a_table() {
    let kind = Kind {
        missing: 0.05,
        odd: 0.2,
        n_categories: 2,
        ..USUAL
    };
    for kind in [USUAL, kind, Kind { n_sets: 3, ..kind }] {
        let drawn = Drawn::new(kind, &mut Random(9));
        let prepared = PreparedLanes::new(&drawn.kernel, drawn.input());
        let joins = drawn.kernel.joins().unwrap();
        // Bit for bit, so compared with ==.
        let rooms = || quick::Room::new(joins, &prepared);
        let values = dispatch::run_each(|| Whole(&drawn.kernel, &prepared, rooms()));
        assert!(values.iter().all(|found| found.is_some() && found == &values[0]));
        let gradients = dispatch::run_each(|| WholeGradient(&drawn.kernel, joins, &prepared));
        assert!(gradients.iter().all(|found| found.is_some() && found == &gradients[0]));
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits_from_a_table() {
    let drawn = Drawn::new(Kind { n_lanes: 700, ..USUAL }, &mut Random(2));
    let (monitor, cotangent) = (Monitor::new(), drawn.cotangent());
    let with = |threads: usize| {
        let workers = Workers::new(NonZero::new(threads));
        let values = drawn
            .kernel
            .lane_log_likelihoods(drawn.input(), &workers, &monitor)
            .unwrap();
        let both = drawn
            .kernel
            .lane_rate_jacobian(drawn.input(), &cotangent, &workers, &monitor);
        (values, both.unwrap())
    };
    assert_eq!(with(1), with(3));
}

struct Whole<'a>(&'a Kernel, &'a PreparedLanes<'a>, quick::Room<WIDTH>);

impl Work for Whole<'_> {
    type Output = Option<[f64; WIDTH]>;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> Self::Output {
        quick::values(simd, self.0, self.1, WIDTH, &mut self.2)
    }
}

struct WholeGradient<'a>(&'a Kernel, &'a Joins, &'a PreparedLanes<'a>);

impl Work for WholeGradient<'_> {
    type Output = Option<(Vec<f64>, LaneAdjoint)>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Self(kernel, joins, prepared) = self;
        let mut room = quick::GradientRoom::new(joins, prepared);
        let mut part = adjoint::Part::new(kernel, &prepared.input, WIDTH);
        quick::gradients(simd, kernel, prepared, WIDTH, &[0.7; WIDTH], &mut room, &mut part)
            .map(|()| (part.values, part.adjoint))
    }
}
