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

#[test]
fn states_that_drift_apart_and_impossible_data_are_left_to_extended_exponents() {
    // Rare gains over a star of present tips: 10^-700 against 1.
    let mut parent = vec![USUAL.n_tips as u32; USUAL.n_tips + 1];
    parent[USUAL.n_tips] = NO_PARENT;
    let names: Names = (0..parent.len()).map(|node| format!("n{node}")).collect();
    let star = Tree::new(parent, vec![0.1; USUAL.n_tips + 1], names).unwrap();
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
