//! Mixtures: what their weights are, and that relabelled classes mean the same.

use super::{assert_close, model, parameter_names};
use persiste_rust::model::rates::Categories;

/// `log_gain_1..3, log_loss_1..3, log_weight_2..3` of class `a`, `b`, `c` in the given order.
fn labelled(order: [usize; 3]) -> Vec<f64> {
    let (gain, loss, weight) = ([-2.0, -1.0, 0.5], [1.5, -0.5, 0.4], [0.3, -1.1, 0.8]);
    let ratios = order[1..].iter().map(|&class| weight[class] - weight[order[0]]);
    order
        .iter()
        .map(|&class| gain[class])
        .chain(order.iter().map(|&class| loss[class]))
        .chain(ratios)
        .collect()
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// The categories as a set.
fn sorted(categories: &Categories) -> Vec<[f64; 3]> {
    let mut classes: Vec<[f64; 3]> = (0..categories.n_categories())
        .map(|at| [categories.log_gain[at], categories.log_loss[at], categories.weight[at]])
        .collect();
    classes.sort_by(|a, b| a[0].total_cmp(&b[0]));
    classes
}

#[test]
fn parameters_are_rates_of_each_class_and_log_ratios_of_weights() {
    let mixture = model("mixture", "n_categories=3");
    assert_eq!(
        parameter_names(&*mixture),
        [
            "log_gain_1",
            "log_gain_2",
            "log_gain_3",
            "log_loss_1",
            "log_loss_2",
            "log_loss_3",
            "log_weight_2",
            "log_weight_3"
        ]
    );
    let categories = mixture.categories(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 2.0_f64.ln(), 5.0_f64.ln()]);
    assert_eq!(categories.log_gain, [1.0, 2.0, 3.0]);
    assert_eq!(categories.log_loss, [4.0, 5.0, 6.0]);
    assert_close("weights", &categories.weight, &[0.125, 0.25, 0.625], 1e-15);
}

#[test]
fn relabelled_classes_have_one_canonical_form_with_the_same_categories() {
    let mixture = model("mixture", "n_categories=3");
    let (reference, _) = mixture.canonical(&labelled([1, 2, 0]));
    for order in ORDERS {
        let parameters = labelled(order);
        let (found, _) = mixture.canonical(&parameters);
        assert_close(&format!("{order:?}"), &found, &reference, 1e-15);
        let (before, after) = (mixture.categories(&parameters), mixture.categories(&found));
        for (before, after) in sorted(&before).iter().zip(&sorted(&after)) {
            assert_close(&format!("{order:?}"), after, before, 1e-15);
        }
        let odds: Vec<f64> = after.log_loss.iter().zip(&after.log_gain).map(|(l, g)| l - g).collect();
        assert!(odds.is_sorted(), "class 1 is the most often present");
    }
}

#[test]
fn the_jacobian_of_the_canonical_form_is_that_of_differences() {
    let mixture = model("mixture", "n_categories=3");
    for order in ORDERS {
        let parameters = labelled(order);
        let (base, jacobian) = mixture.canonical(&parameters);
        assert!((jacobian.determinant().abs() - 1.0).abs() < 1e-12);
        for column in 0..parameters.len() {
            let mut moved = parameters.clone();
            moved[column] += 1e-3;
            let (moved, _) = mixture.canonical(&moved);
            for row in 0..base.len() {
                let difference = (moved[row] - base[row]) / 1e-3;
                assert!(
                    (difference - jacobian[(row, column)]).abs() < 1e-10,
                    "{order:?} {row} {column}"
                );
            }
        }
    }
}

#[test]
fn other_models_are_in_canonical_form_already() {
    let (parameters, jacobian) = model("gamma", "").canonical(&[1.0, 2.0, 3.0]);
    assert_eq!(parameters, [1.0, 2.0, 3.0]);
    assert!(jacobian.is_identity(0.0));
}

#[test]
fn classes_without_rates_come_last_and_equal_classes_do_no_harm() {
    let mixture = model("mixture", "");
    let none = f64::NEG_INFINITY;
    let (found, _) = mixture.canonical(&[none, -1.0, none, 0.0, 0.5]);
    assert_eq!(found, [-1.0, none, 0.0, none, -0.5]);
    let (found, _) = mixture.canonical(&[-1.0, -1.0, 0.0, 0.0, 0.5]);
    assert_eq!(found, [-1.0, -1.0, 0.0, 0.0, -0.5]);
}

#[test]
fn weights_are_finite_at_every_finite_log_ratio() {
    let mixture = model("mixture", "");
    for (ratio, expected) in [
        (1e308, [0.0, 1.0]),
        (-1e308, [1.0, 0.0]),
        (800.0, [0.0, 1.0]),
        (0.0, [0.5, 0.5]),
    ] {
        let categories = mixture.categories(&[0.0, 0.0, 0.0, 0.0, ratio]);
        assert_eq!(categories.weight, expected, "{ratio}");
    }
}

#[test]
fn starts_are_spread_out_and_differ_after_relabelling() {
    for n in [2, 5, 16] {
        let mixture = model("mixture", &format!("n_categories={n}"));
        let starts: Vec<Vec<f64>> = mixture
            .starts(-1.0, 0.5)
            .iter()
            .map(|start| mixture.canonical(start).0)
            .collect();
        assert!(starts.len() >= 4);
        for (at, start) in starts.iter().enumerate() {
            assert!(!starts[..at].contains(start), "start {at} of {n} classes");
            let categories = mixture.categories(start);
            let is_new = |at: usize| {
                (0..at).all(|other| {
                    categories.log_gain[at] != categories.log_gain[other]
                        || categories.log_loss[at] != categories.log_loss[other]
                })
            };
            assert!(
                (0..n).all(is_new),
                "two classes of start {at} are equal, and would stay so"
            );
        }
    }
}
