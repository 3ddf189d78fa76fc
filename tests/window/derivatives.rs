//! Derivatives against differences of the value, and against what they must add up to.

use crate::common::Random;
use crate::{Case, caterpillar, uniform, window};
use persiste_rust::model::Ascertainment;

#[test]
fn derivatives_are_central_differences() {
    let mut random = Random(35);
    for round in 0..60 {
        let n_tips = 2 + random.below(12);
        let mut case = Case::random(&mut random, n_tips, 0.0);
        let (a, b) = (random.below(n_tips + 1), random.below(n_tips + 1));
        let of = window(a.min(b), a.max(b));
        let Some(found) = of.recorded(&case.tree, &case.transitions, case.root, case.tips.as_deref()) else {
            continue;
        };
        let mut compare = |entry: &dyn Fn(&mut Case) -> &mut f64, derivative: f64, what: &str| {
            let at = *entry(&mut case);
            let step = at.max(1e-9) * 1e-3;
            let mut value = |offset: f64| {
                *entry(&mut case) = at + offset;
                let value = case.log(of);
                *entry(&mut case) = at;
                value
            };
            // Fourth order: error about 1e-12 relative from the step, rounding 1e-16 / 1e-3 absolute in the value.
            let numeric =
                (8.0 * (value(step) - value(-step)) - (value(2.0 * step) - value(-2.0 * step))) / (12.0 * step);
            let error = (numeric - derivative).abs();
            let allowed = 1e-8 * derivative.abs() + 1e-11 * found.log_probability.abs().max(1.0) / at.max(1e-9);
            assert!(error <= allowed, "round {round} {what}: {derivative} {numeric}");
        };
        let branches = found.transitions.len() - 1;
        for (node, derivatives) in found.transitions[..branches].iter().enumerate() {
            for (which, &derivative) in derivatives.iter().enumerate() {
                compare(&|case| &mut case.transitions[node][which], derivative, "transition");
            }
        }
        for (state, &derivative) in found.root.iter().enumerate() {
            compare(&|case| &mut case.root[state], derivative, "root");
        }
        for (tip, derivatives) in found.tips.iter().enumerate() {
            for (state, &derivative) in derivatives.iter().enumerate() {
                compare(&|case| &mut case.tips.as_mut().unwrap()[tip][state], derivative, "tip");
            }
        }
        assert_eq!(found.transitions[branches], [0.0; 4]);
    }
}

#[test]
fn derivatives_by_tips_of_named_ascertainments_are_central_differences() {
    let mut random = Random(39);
    for round in 0..30 {
        let n_tips = 2 + random.below(12);
        let mut case = Case::random(&mut random, n_tips, 0.0);
        case.tips = Some(
            (0..n_tips)
                .map(|_| [random.unit() * 0.3, 0.6 + random.unit() * 0.3])
                .collect(),
        );
        for of in [Ascertainment::Observed, Ascertainment::Variable] {
            let found = of.recorded(&case.tree, &case.transitions, case.root, case.tips.as_deref());
            let derivatives = found.unwrap().tips;
            assert_eq!(derivatives.len(), n_tips);
            for (tip, state) in (0..n_tips).flat_map(|tip| [(tip, 0), (tip, 1)]) {
                let at = case.tips.as_ref().unwrap()[tip][state];
                let mut value = |offset: f64| {
                    case.tips.as_mut().unwrap()[tip][state] = at + offset;
                    case.log(of)
                };
                let numeric = (value(1e-5) - value(-1e-5)) / 2e-5;
                value(0.0);
                let error = (derivatives[tip][state] - numeric).abs();
                assert!(
                    error < 1e-9 * numeric.abs().max(1.0),
                    "round {round}: {:?} {numeric}",
                    derivatives[tip]
                );
            }
        }
    }
}

#[test]
fn the_ways_through_a_branch_or_a_tip_or_the_root_share_the_probability() {
    // Each recorded family takes one way: the sum of entry x derivative of the log is 1 everywhere, however tiny.
    let mut random = Random(40);
    for round in 0..40 {
        let n_tips = 20 + random.below(200);
        let mut case = Case::random(&mut random, n_tips, 0.05);
        // From ordinary probabilities to ones that no double holds.
        for transition in &mut case.transitions {
            let gain = transition[1] * [1.0, 1e-6, 1e-30, 1e-100][round % 4];
            (transition[0], transition[1]) = (1.0 - gain, gain);
        }
        (case.root, case.tips) = ([1.0, 0.0], None);
        let lowest = 2 + random.below(n_tips / 2);
        let of = window(lowest, n_tips - random.below(n_tips - lowest));
        let found = of.recorded(&case.tree, &case.transitions, case.root, None).unwrap();
        if found.log_probability == f64::NEG_INFINITY {
            assert!(found.root[0].is_nan());
            continue;
        }
        assert!((found.root[0] - 1.0).abs() < 1e-12);
        for node in 0..case.tree.root() {
            let pairs = case.transitions[node].iter().zip(found.transitions[node]);
            let total: f64 = pairs.filter(|&(&p, _)| p > 0.0).map(|(p, by)| p * by).sum();
            assert!(
                (total - 1.0).abs() < 1e-11,
                "round {round} branch {node}: {total} {found:?}"
            );
        }
    }
}

#[test]
fn derivatives_of_probabilities_beyond_doubles_are_central_differences() {
    let tip = [1e-18, 1e-15];
    let at = [1e-20, 0.7, tip[0], tip[1]];
    let case = |at: [f64; 4]| uniform(&caterpillar(60), at[0], at[1], [at[2], at[3]], [1.0, 0.0]);
    let value = |at: [f64; 4]| case(at).log(window(40, 50));
    assert!(value(at) < -250.0 * std::f64::consts::LN_10, "{}", value(at));
    let one = case(at);
    let found = window(40, 50).recorded(&one.tree, &one.transitions, one.root, one.tips.as_deref());
    let found = found.unwrap();
    let branches = || found.transitions[..one.tree.root()].iter();
    let derivatives = [
        branches().map(|by| by[1] - by[0]).sum::<f64>(),
        branches().map(|by| by[2] - by[3]).sum::<f64>(),
        found.tips.iter().map(|by| by[0]).sum::<f64>(),
        found.tips.iter().map(|by| by[1]).sum::<f64>(),
    ];
    for (which, derivative) in derivatives.into_iter().enumerate() {
        let shifted = |relative: f64| {
            let mut moved = at;
            moved[which] *= 1.0 + relative;
            value(moved)
        };
        // Fourth order; a thousand's rounding of 1e-13 over a step of 1e-3.
        let numeric = (8.0 * (shifted(1e-3) - shifted(-1e-3)) - (shifted(2e-3) - shifted(-2e-3))) / (12e-3 * at[which]);
        assert!(
            (derivative / numeric - 1.0).abs() < 1e-8,
            "{which}: {derivative} {numeric}"
        );
    }
}
