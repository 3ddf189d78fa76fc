//! Deep and wide trees, and probabilities far below what a double holds, against logs and multiprecision.

use crate::common::{Random, tree};
use crate::{Case, caterpillar, uniform, window};

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
            -442.746_881_470_448_9,
        ),
        (
            24,
            power(-60),
            0.9375,
            [power(-70), 0.5],
            [1.0, 0.0],
            (11, 20),
            -103.444_222_895_874_12,
        ),
        (
            40,
            power(-80),
            0.5,
            [power(-61), power(-50)],
            [0.5, 0.5],
            (13, 38),
            -459.540_225_201_110_44,
        ),
        (
            24,
            power(-90),
            1.0,
            [0.0, 1.0],
            [1.0, 0.0],
            (11, 24),
            -671.485_451_055_230_8,
        ),
        (
            30,
            power(-40),
            power(-30),
            [0.0, power(-120)],
            [1.0, 0.0],
            (12, 14),
            -1_007.256_828_217_736_3,
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
