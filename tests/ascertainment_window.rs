//! Windows on the number of recorded presences: values, derivatives, limits.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Random, all_patterns, model, names, problem, tree, workers};
use persiste_rust::error::ModelError;
use persiste_rust::kernel::Transition;
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior, spectrum};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;

/// A tree with a probability for everything on it.
struct Case {
    tree: Tree,
    transitions: Vec<Transition>,
    root: [f64; 2],
    tips: Option<Vec<[f64; 2]>>,
}

impl Case {
    /// Probabilities are 0 or 1 with the given odds, and small or ordinary otherwise.
    fn random(random: &mut Random, n_tips: usize, extreme: f64) -> Self {
        let tree = tree(&if n_tips == 1 {
            "t0:1;".to_owned()
        } else {
            random.newick(n_tips, 0.3, 0.5)
        });
        let mut probability = || match (random.unit() < extreme, random.below(4)) {
            (true, which) => [0.0, 1.0][which % 2],
            (_, 0) => random.unit() * 1e-6,
            _ => random.unit(),
        };
        let transitions = (0..tree.n_nodes())
            .map(|_| (probability(), probability()))
            .map(|(gain, loss)| [1.0 - gain, gain, loss, 1.0 - loss])
            .collect();
        let tips = (0..n_tips).map(|_| [probability(), probability()]).collect();
        let present = probability();
        Self {
            transitions,
            root: [1.0 - present, present],
            tips: (random.unit() < 0.7).then_some(tips),
            tree,
        }
    }

    fn log(&self, ascertainment: Ascertainment) -> f64 {
        ascertainment
            .recorded(&self.tree, &self.transitions, self.root, self.tips.as_deref())
            .map_or(0.0, |recorded| recorded.log_probability)
    }

    /// The probability of one recorded pattern by pruning.
    fn pattern(&self, cells: &[i8]) -> f64 {
        let mut below = vec![[1.0; 2]; self.tree.n_nodes()];
        for (tip, &node) in self.tree.tips().iter().enumerate() {
            let present = self.tips.as_ref().map_or([0.0, 1.0], |tips| tips[tip]);
            below[node as usize] = present.map(|p| if cells[tip] == 1 { p } else { 1.0 - p });
        }
        for node in 0..self.tree.root() {
            let ([p00, p01, p10, p11], [absent, present]) = (self.transitions[node], below[node]);
            let above = &mut below[self.tree.parents()[node] as usize];
            above[0] *= p00 * absent + p01 * present;
            above[1] *= p10 * absent + p11 * present;
        }
        let [absent, present] = below[self.tree.root()];
        self.root[0] * absent + self.root[1] * present
    }

    /// The probability of each number of presences, adding up patterns.
    fn enumerated(&self) -> Vec<f64> {
        let n_tips = self.tree.n_tips();
        let mut total = vec![0.0; n_tips + 1];
        for cells in all_patterns(n_tips) {
            total[cells.iter().filter(|&&cell| cell == 1).count()] += self.pattern(&cells);
        }
        total
    }
}

fn window(lowest: usize, highest: usize) -> Ascertainment {
    Ascertainment::Window { lowest, highest }
}

/// Equal logs of probabilities, up to this relative error of the probabilities.
fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    found == expected || (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}

#[test]
fn every_window_is_the_sum_over_its_patterns() {
    let mut random = Random(31);
    for round in 0..300 {
        let n_tips = 1 + random.below(6);
        let case = Case::random(&mut random, n_tips, 0.15);
        let expected = case.enumerated();
        for (lowest, highest) in (0..=n_tips).flat_map(|a| (a..=n_tips).map(move |b| (a, b))) {
            let total: f64 = expected[lowest..=highest].iter().sum();
            let found = case.log(window(lowest, highest));
            // Sums of at most 64 positive products of at most 40 factors.
            assert!(
                close(found, total.ln(), 1e-13),
                "round {round} {lowest}-{highest}: {found} {total}"
            );
        }
    }
}

#[test]
fn spectrum_is_the_sum_over_patterns_of_each_size() {
    let mut random = Random(32);
    for _ in 0..100 {
        let n_tips = 1 + random.below(6);
        let case = Case::random(&mut random, n_tips, 0.1);
        let found = spectrum(&case.tree, &case.transitions, case.root, case.tips.as_deref());
        for (a, b) in found.iter().zip(case.enumerated()) {
            assert!((a - b).abs() <= 1e-13 * b, "{a} {b}");
        }
        assert_eq!(found.len(), n_tips + 1);
    }
}

#[test]
fn larger_windows_are_sums_of_the_spectrum() {
    let mut random = Random(33);
    for round in 0..60 {
        let n_tips = 20 + random.below(60);
        let case = Case::random(&mut random, n_tips, 0.05);
        let sizes = spectrum(&case.tree, &case.transitions, case.root, case.tips.as_deref());
        assert!((sizes.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for _ in 0..20 {
            let (a, b) = (random.below(n_tips + 1), random.below(n_tips + 1));
            let (lowest, highest) = (a.min(b), a.max(b));
            let total: f64 = sizes[lowest..=highest].iter().sum();
            if total > 1e-250 {
                let found = case.log(window(lowest, highest));
                assert!(
                    close(found, total.ln(), 1e-13),
                    "round {round} {lowest}-{highest} of {n_tips}"
                );
            }
        }
    }
}

#[test]
fn windows_that_leave_out_nothing_or_everything_equal_the_recursion_over_three_kinds() {
    let mut random = Random(34);
    for round in 0..200 {
        let n_tips = 2 + random.below(40);
        let case = Case::random(&mut random, n_tips, 0.05);
        for (named, highest) in [(Ascertainment::Observed, n_tips), (Ascertainment::Variable, n_tips - 1)] {
            let of = |ascertainment: Ascertainment| {
                let recorded = ascertainment.recorded(&case.tree, &case.transitions, case.root, case.tips.as_deref());
                recorded.unwrap()
            };
            let (special, general) = (of(named), of(window(1, highest)));
            assert!(
                close(general.log_probability, special.log_probability, 1e-14),
                "round {round}"
            );
            let pairs = general
                .transitions
                .as_flattened()
                .iter()
                .zip(special.transitions.as_flattened());
            let tips = general.tips.as_flattened().iter().zip(special.tips.as_flattened());
            assert_eq!(general.tips.len(), special.tips.len());
            for (a, b) in pairs.chain(tips).chain(general.root.iter().zip(&special.root)) {
                assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "round {round}: {a} {b}");
            }
        }
        assert_eq!(case.log(window(0, n_tips)), 0.0);
    }
}

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

/// `(...((t0,t1),t2)...)`, the same transition and tip table everywhere.
fn uniform(text: &str, gain: f64, loss: f64, tip: [f64; 2], root: [f64; 2]) -> Case {
    let tree = tree(text);
    Case {
        transitions: vec![[1.0 - gain, gain, loss, 1.0 - loss]; tree.n_nodes()],
        root,
        tips: Some(vec![tip; tree.n_tips()]),
        tree,
    }
}

fn caterpillar(n_tips: usize) -> String {
    let mut text = "(".repeat(n_tips - 1) + "t0:1";
    for tip in 1..n_tips {
        text += &format!(",t{tip}:1):1");
    }
    text + ";"
}

#[test]
fn tiny_probabilities_keep_their_digits() {
    let power = |exponent: i32| 2.0_f64.powi(exponent);
    // mpmath 1.3.0, 60 digits: counts as polynomials,
    //   def up(P, f): return [{k: P[i][0]*f[0].get(k, 0) + P[i][1]*f[1].get(k, 0) for k in {*f[0], *f[1]}} for i in (0, 1)]
    //   def join(f, g): out = [Counter(), Counter()]; for s, a, b: out[s][a + b] += f[s][a] * g[s][b]
    //   tip = [{0: 1 - u0, 1: u0}, {0: 1 - u1, 1: u1}]; f = tip; n - 1 times f = join(up(P, f), up(P, tip))
    //   log(sum(root[s] * f[s][k] for s in (0, 1) for k in range(lowest, highest + 1)))
    for (n_tips, gain, loss, tip, root, (lowest, highest), expected) in [
        (
            24,
            power(-60),
            1.0,
            [0.0, 1.0],
            [1.0, 0.0],
            (11, 24),
            -442.746_881_470_448_893_769_4,
        ),
        (
            24,
            power(-60),
            0.9375,
            [power(-70), 0.5],
            [1.0, 0.0],
            (11, 20),
            -103.444_222_895_874_115_598_2,
        ),
        (
            40,
            power(-80),
            0.5,
            [power(-61), power(-50)],
            [0.5, 0.5],
            (13, 38),
            -459.540_225_201_110_436_442_3,
        ),
        (
            24,
            power(-90),
            1.0,
            [0.0, 1.0],
            [1.0, 0.0],
            (11, 24),
            -671.485_451_055_230_845_857_8,
        ),
        (
            30,
            power(-40),
            power(-30),
            [0.0, power(-120)],
            [1.0, 0.0],
            (12, 14),
            -1_007.256_828_217_736_289_844,
        ),
    ] {
        let case = uniform(&caterpillar(n_tips), gain, loss, tip, root);
        let found = case.log(window(lowest, highest));
        // 1e-12 of the probability; the log itself is rounded to 1e-16 of hundreds.
        assert!(
            (found - expected).abs() < 1e-12,
            "{lowest}-{highest} of {n_tips}: {found} {expected}"
        );
        // Absences are presences of the mirrored chain.
        let mirrored = uniform(
            &caterpillar(n_tips),
            loss,
            gain,
            [1.0 - tip[1], 1.0 - tip[0]],
            [root[1], root[0]],
        );
        if mirrored.tips.as_ref().unwrap()[0] == [0.0, 1.0] {
            let found = mirrored.log(window(n_tips - highest, n_tips - lowest));
            assert!((found - expected).abs() < 1e-12, "mirrored: {found} {expected}");
        }
    }
}

/// The log of `exp(a) + exp(b)`.
fn log_add(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY {
        large
    } else {
        large + (small - large).exp().ln_1p()
    }
}

/// The log-probability of each number of absences up to `most`, by convolving logs from node to node.
fn log_absences(case: &Case, most: usize) -> Vec<f64> {
    let mut below: Vec<Option<[Vec<f64>; 2]>> = vec![None; case.tree.n_nodes()];
    for (tip, &node) in case.tree.tips().iter().enumerate() {
        let present = case.tips.as_ref().map_or([0.0, 1.0], |tips| tips[tip]);
        below[node as usize] = Some(present.map(|p: f64| vec![p.ln(), (1.0 - p).ln()]));
    }
    for node in 0..case.tree.root() {
        let own = below[node].take().unwrap();
        let [p00, p01, p10, p11] = case.transitions[node].map(f64::ln);
        let carried = [[p00, p01], [p10, p11]].map(|[to_absent, to_present]| {
            let pairs = own[0].iter().zip(&own[1]);
            pairs
                .map(|(a, p)| log_add(to_absent + a, to_present + p))
                .collect::<Vec<_>>()
        });
        let parent = &mut below[case.tree.parents()[node] as usize];
        *parent = Some(match parent.take() {
            None => carried,
            Some(before) => [0, 1].map(|state| {
                let (one, two) = (&before[state], &carried[state]);
                let mut joined = vec![f64::NEG_INFINITY; (one.len() + two.len() - 1).min(most + 1)];
                for (i, a) in one.iter().enumerate() {
                    for (j, b) in two.iter().enumerate().take_while(|&(j, _)| i + j <= most) {
                        joined[i + j] = log_add(joined[i + j], a + b);
                    }
                }
                joined
            }),
        });
    }
    let rows = below[case.tree.root()].take().unwrap();
    let root = case.root.map(f64::ln);
    rows[0]
        .iter()
        .zip(&rows[1])
        .map(|(a, p)| log_add(root[0] + a, root[1] + p))
        .collect()
}

fn agrees_with_logs(case: &Case, absences: &[f64], lowest: usize, highest: usize, tolerance: f64) -> f64 {
    let n_tips = case.tree.n_tips();
    let expected = absences[n_tips - highest..=n_tips - lowest]
        .iter()
        .fold(f64::NEG_INFINITY, |a, &b| log_add(a, b));
    let found = case.log(window(lowest, highest));
    assert!(
        (found - expected).abs() < tolerance * expected.abs().max(1.0),
        "{lowest}-{highest} of {n_tips}: {found} {expected}"
    );
    found
}

#[test]
fn a_deep_caterpillar_agrees_with_logs() {
    for (gain, loss, tip) in [
        (0.01, 0.02, [0.001, 0.97]),
        (1e-6, 0.3, [0.0, 1.0]),
        (0.2, 1e-7, [1e-9, 0.5]),
    ] {
        let case = uniform(&caterpillar(2000), gain, loss, tip, [0.7, 0.3]);
        let absences = log_absences(&case, 2000);
        for (lowest, highest) in [
            (2, 2000),
            (100, 1900),
            (1, 300),
            (1990, 2000),
            (700, 700),
            (0, 3),
            (1500, 1999),
        ] {
            // Two thousand roundings on either side.
            agrees_with_logs(&case, &absences, lowest, highest, 1e-12);
        }
    }
}

#[test]
fn a_star_of_ten_thousand_tips_agrees_with_logs() {
    let children: Vec<String> = (0..10_000).map(|tip| format!("t{tip}:1")).collect();
    let star = format!("({});", children.join(","));
    for (gain, loss) in [(0.3, 0.01), (0.3, 1e-4), (0.999, 0.2)] {
        let case = uniform(&star, gain, loss, [0.0, 1.0], [0.4, 0.6]);
        let absences = log_absences(&case, 400);
        for (lowest, highest) in [(9_600, 9_990), (9_990, 10_000), (9_999, 9_999), (9_700, 9_750)] {
            agrees_with_logs(&case, &absences, lowest, highest, 1e-11);
        }
    }
}

#[test]
fn the_last_of_a_hundred_thousand_genomes_agree_with_logs() {
    let mut random = Random(36);
    let tree = tree(&random.newick(100_000, 0.1, 1.0));
    // Rates at which presence everywhere is likely, unlikely, and beyond what a double can hold.
    for (gain, loss, tip, is_beyond) in [
        (1e-7, 1e-6, [0.0, 1.0], false),
        (1e-3, 1e-3, [0.0, 0.9999], false),
        (1e-3, 0.1, [1e-5, 0.999], true),
    ] {
        let case = Case {
            transitions: vec![[1.0 - gain, gain, loss, 1.0 - loss]; tree.n_nodes()],
            root: [1.0 - 1e-3, 1e-3],
            tips: Some(vec![tip; 100_000]),
            tree: tree.clone(),
        };
        let absences = log_absences(&case, 10);
        let found = agrees_with_logs(&case, &absences, 99_990, 100_000, 1e-10);
        assert_eq!(found < -250.0 * std::f64::consts::LN_10, is_beyond, "{found}");
    }
}

#[test]
fn conditioned_likelihoods_of_a_window_sum_to_one() {
    let mut random = Random(37);
    for round in 0..30 {
        let n_tips = 2 + random.below(5);
        let tree = tree(&random.newick(n_tips, 0.2, 1.0));
        let (a, b) = (random.below(n_tips + 1), random.below(n_tips + 1));
        let of = Ascertainment::window(a.min(b), Some(a.max(b)), n_tips).unwrap();
        let mut patterns = all_patterns(n_tips);
        patterns.retain(|cells| (a.min(b)..=a.max(b)).contains(&cells.iter().filter(|&&cell| cell == 1).count()));
        let scale = 10.0_f64.powi(-(round % 5) * 3);
        let point = [(random.unit() * scale).ln(), (random.unit() * 2.0).ln()];
        let model = model(&tree, &names(&tree), &patterns, RootPrior::Fixed(0.3), of);
        let values = model.log_likelihoods(&point, &Monitor::new()).unwrap();
        let total: f64 = values.iter().map(|value| value.exp()).sum();
        assert!((total - 1.0).abs() < 1e-12, "round {round}: {total} {of:?}");
    }
}

#[test]
fn windows_that_do_not_fit_are_refused() {
    for (lowest, highest) in [(5, Some(3)), (2, Some(41)), (41, None), (usize::MAX, Some(usize::MAX))] {
        let refused = Ascertainment::window(lowest, highest, 40).unwrap_err();
        assert!(matches!(refused, ModelError::Window { n_tips: 40, .. }), "{refused:?}");
        let message = refused.to_string();
        assert!(message.contains("0 <= lowest <= highest <= 40"), "{message}");
    }
    assert_eq!(Ascertainment::window(0, None, 40), Ok(window(0, 40)));
    assert_eq!(Ascertainment::window(2, Some(38), 40).unwrap().name(), "window 2-38");
    assert_eq!(window(2, 38).rule(), "present in 2 to 38 genomes");
    assert_eq!(window(1, 1).rule(), "present in exactly 1 genome");
    // Bounds made without the check are taken at their word.
    let case = Case::random(&mut Random(38), 5, 0.0);
    assert_eq!(case.log(window(2, usize::MAX)), case.log(window(2, 5)));
    assert_eq!(case.log(window(7, 9)), f64::NEG_INFINITY);
    assert_eq!(case.log(window(3, 2)), f64::NEG_INFINITY);
}

#[test]
fn a_family_is_judged_by_its_recorded_presences() {
    let tree = tree("((A:1,B:1):1,(C:1,D:1):1);");
    // With its missing cells the second could be inside and the third outside.
    let families = [vec![1, 1, 0, 0], vec![1, -1, -1, 0], vec![1, 1, 1, -1]];
    let refusal = |of: Ascertainment| {
        let (problem, families) = problem(&tree, &names(&tree), &families);
        GeneContentModel::new(problem, families, RootPrior::Equal, of, workers(1))
            .unwrap_err()
            .to_string()
    };
    let message = refusal(window(2, 3));
    assert!(
        message.contains("'window 2-3'") && message.contains("present in 2 to 3 genomes"),
        "{message}"
    );
    assert!(message.contains("1 of 3") && message.contains("('f1')"), "{message}");
    assert!(refusal(window(4, 4)).contains("3 of 3"));
}
