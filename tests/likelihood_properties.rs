//! What must hold for any tree and any table.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Random, all_patterns, log_likelihoods, model, names, problem, random_cells, tree, workers};
use persiste_rust::kernel::{Kernel, LaneInput, SharedInput, Transition, transitions, transitions_adjoint};
use persiste_rust::model::{Ascertainment, RootPrior};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;

const ROOTS: [RootPrior; 5] = [
    RootPrior::Stationary,
    RootPrior::Equal,
    RootPrior::Absent,
    RootPrior::Present,
    RootPrior::Fixed(0.2),
];

/// The likelihood of one family by adding up every assignment of states to the internal nodes.
fn enumerate(tree: &Tree, cells: &[i8], gain: f64, loss: f64, root: [f64; 2]) -> f64 {
    let internal: Vec<usize> = (0..tree.n_nodes()).filter(|&node| !tree.is_tip(node)).collect();
    let mut total = 0.0;
    for bits in 0..1_usize << internal.len() {
        let mut state = vec![0_i8; tree.n_nodes()];
        for (i, &node) in internal.iter().enumerate() {
            state[node] = ((bits >> i) & 1) as i8;
        }
        for (tip, &node) in tree.tips().iter().enumerate() {
            state[node as usize] = cells[tip];
        }
        let mut product = root[state[tree.root()] as usize];
        for node in 0..tree.root() {
            let above = state[tree.parents()[node] as usize];
            let rate = gain + loss;
            let decay = (-rate * tree.branch_lengths()[node]).exp();
            let to_present = if above == 1 {
                (gain + loss * decay) / rate
            } else {
                gain * (1.0 - decay) / rate
            };
            product *= match state[node] {
                1 => to_present,
                0 => 1.0 - to_present,
                _ => 1.0,
            };
        }
        total += product;
    }
    total
}

#[test]
fn pruning_matches_enumeration_on_small_random_trees() {
    let mut random = Random(11);
    for round in 0..30 {
        let n_tips = 2 + random.below(4);
        let tree = tree(&random.newick(n_tips, 0.3, 0.5));
        if tree.n_nodes() - n_tips > 12 {
            continue;
        }
        let cells = random_cells(&mut random, n_tips, 20, 0.1);
        let (gain, loss) = (random.unit() * 2.0 + 1e-3, random.unit() * 2.0 + 1e-3);
        for root in ROOTS {
            let frequencies = root.frequencies(&[], gain, loss).unwrap().unwrap();
            let found = log_likelihoods(&tree, &cells, (gain, loss), root);
            for (family, value) in cells.iter().zip(found) {
                let expected = enumerate(&tree, family, gain, loss, frequencies).ln();
                // Enumeration subtracts probabilities from 1, so it is good to about 1e-12 only.
                let close = (value - expected).abs() < 1e-11 * expected.abs().max(1.0);
                assert!(close || value == expected, "round {round}: {value} {expected} {root:?}");
            }
        }
    }
}

#[test]
fn likelihoods_of_all_patterns_sum_to_one() {
    let mut random = Random(5);
    for _ in 0..20 {
        let n_tips = 1 + random.below(8);
        let tree = tree(&if n_tips == 1 {
            "t0:1;".to_owned()
        } else {
            random.newick(n_tips, 0.3, 1.0)
        });
        let patterns = all_patterns(n_tips);
        for root in ROOTS {
            let values = log_likelihoods(&tree, &patterns, (random.unit() * 3.0, random.unit() * 3.0), root);
            let total: f64 = values.iter().map(|value| value.exp()).sum();
            // 256 terms of rounding error 1e-16 each, and twenty branches
            assert!((total - 1.0).abs() < 1e-13, "{total} {root:?}");
        }
    }
}

#[test]
fn conditioned_likelihoods_of_all_recordable_patterns_sum_to_one() {
    let mut random = Random(6);
    for round in 0..20 {
        let n_tips = 2 + random.below(6);
        let tree = tree(&random.newick(n_tips, 0.2, 1.0));
        let mut patterns = all_patterns(n_tips);
        patterns.remove(0);
        // From ordinary rates down to families of which one in 1e12 is recorded.
        let scale = 10.0_f64.powi(-(round % 5) * 3);
        let point = [(random.unit() * scale).ln(), (random.unit() * 2.0).ln()];
        for (root, ascertainment) in [
            (RootPrior::Stationary, Ascertainment::Observed),
            (RootPrior::Absent, Ascertainment::Observed),
            (RootPrior::Equal, Ascertainment::Variable),
        ] {
            if ascertainment == Ascertainment::Variable && patterns.len() == (1 << n_tips) - 1 {
                patterns.pop();
            }
            let model = model(&tree, &names(&tree), &patterns, root, ascertainment);
            let values = model.log_likelihoods(&point, &Monitor::new()).unwrap();
            let total: f64 = values.iter().map(|value| value.exp()).sum();
            assert!(
                (total - 1.0).abs() < 1e-12,
                "round {round}: {total} {root:?} {ascertainment:?}"
            );
        }
    }
}

#[test]
fn likelihood_ignores_child_order_row_order_and_family_order() {
    let one = tree("((A:0.1,B:0.2,C:0.7):0.3,(D:0.4,E:0.5):0.6);");
    let other = tree("((E:0.5,D:0.4):0.6,(C:0.7,A:0.1,B:0.2):0.3);");
    let genomes: Vec<String> = names(&one);
    let turned: Vec<String> = genomes.iter().rev().cloned().collect();
    let families = all_patterns(5);
    let reversed: Vec<Vec<i8>> = families
        .iter()
        .rev()
        .map(|family| family.iter().rev().copied().collect())
        .collect();
    let values = |tree: &Tree, genomes: &[String], families: &[Vec<i8>]| {
        let model = model(tree, genomes, families, RootPrior::Fixed(0.3), Ascertainment::None);
        model.log_likelihoods(&[-1.0, 0.3], &Monitor::new()).unwrap()
    };
    let expected = values(&one, &genomes, &families);
    let mut shuffled = values(&other, &turned, &reversed);
    shuffled.reverse();
    for (a, b) in expected.iter().zip(&shuffled) {
        assert!((a - b).abs() < 1e-14 * a.abs(), "{a} {b}");
    }
}

#[test]
fn moving_the_root_changes_nothing_under_the_stationary_prior() {
    // The same unrooted tree, rooted on three different branches.
    let rooted = [
        "((A:0.1,B:0.2):0.3,(C:0.4,D:0.5):0.6);",
        "(A:0.05,(B:0.2,(C:0.4,D:0.5):0.9):0.05);",
        "((A:0.1,B:0.2):0.7,(C:0.4,D:0.5):0.2);",
    ];
    let values = rooted.map(|text| log_likelihoods(&tree(text), &all_patterns(4), (0.7, 1.9), RootPrior::Stationary));
    for moved in &values[1..] {
        for (a, b) in values[0].iter().zip(moved) {
            assert!((a - b).abs() < 1e-13, "{a} {b}");
        }
    }
    let moved = rooted.map(|text| log_likelihoods(&tree(text), &all_patterns(4), (0.7, 1.9), RootPrior::Absent));
    assert!(
        (moved[0][3] - moved[1][3]).abs() > 1e-3,
        "an absent root must notice where it is"
    );
}

#[test]
fn a_single_child_node_changes_nothing() {
    let plain = tree("((A:1,B:2):3,C:4);");
    let knuckled = tree("((((A:0.25)x:0.75,B:2):1)y:2,(C:1)z:3);");
    for root in ROOTS {
        let values = log_likelihoods(&plain, &all_patterns(3), (0.3, 0.4), root);
        for (a, b) in values
            .iter()
            .zip(log_likelihoods(&knuckled, &all_patterns(3), (0.3, 0.4), root))
        {
            assert!((a - b).abs() < 1e-13 * a.abs().max(1.0), "{a} {b} {root:?}");
        }
    }
}

#[test]
fn missing_data_equal_pruning_the_tip() {
    let mut random = Random(21);
    for _ in 0..20 {
        let whole = tree(&random.newick(9, 0.3, 0.7));
        let keep: Vec<bool> = (0..9).map(|tip| tip == 0 || random.unit() < 0.6).collect();
        let pruned = whole.retain_tips(&keep).unwrap();
        let cells = random_cells(&mut random, 9, 30, 0.0);
        let kept = |family: &Vec<i8>| family.iter().zip(&keep).filter(|&(_, &k)| k).map(|(&c, _)| c).collect();
        let masked = |family: &Vec<i8>| {
            family
                .iter()
                .zip(&keep)
                .map(|(&c, &k)| if k { c } else { -1 })
                .collect()
        };
        let fewer: Vec<Vec<i8>> = cells.iter().map(kept).collect();
        let missing: Vec<Vec<i8>> = cells.iter().map(masked).collect();
        for root in ROOTS {
            let values = log_likelihoods(&pruned, &fewer, (0.6, 0.8), root);
            for (a, b) in values.iter().zip(log_likelihoods(&whole, &missing, (0.6, 0.8), root)) {
                assert!(a == &b || (a - b).abs() < 1e-12 * a.abs().max(1.0), "{a} {b}");
            }
        }
    }
}

#[test]
fn gradient_equals_central_differences() {
    let mut random = Random(8);
    for round in 0..40 {
        let n_tips = 3 + random.below(20);
        let tree = tree(&random.newick(n_tips, 0.2, 0.5));
        let mut cells = random_cells(&mut random, n_tips, 80, 0.05);
        // Zero lengths may contradict random data; conditioning needs a 1 and a 0.
        cells.iter_mut().for_each(|family| (family[0], family[1]) = (1, 0));
        let point = [random.unit() * 3.0 - 2.0, random.unit() * 3.0 - 2.0];
        let root = ROOTS[round % 5];
        let ascertainment = [Ascertainment::None, Ascertainment::Observed, Ascertainment::Variable][round % 3];
        let model = model(&tree, &names(&tree), &cells, root, ascertainment);
        let monitor = Monitor::new();
        let result = model.value_and_gradient(&point, &monitor).unwrap();
        let value = model.log_likelihood(&point, &monitor).unwrap();
        if value == f64::NEG_INFINITY {
            assert!(result.value == value && result.gradient.iter().all(|d| d.is_nan()));
            continue;
        }
        assert!(
            (result.value - value).abs() < 1e-12 * value.abs(),
            "{} {value}",
            result.value
        );
        for i in 0..2 {
            let at = |step: f64| {
                let mut shifted = point;
                shifted[i] += step;
                model.log_likelihood(&shifted, &monitor).unwrap()
            };
            // Fourth-order differences with step 1e-3: error about 1e-12 relative in the function, 1e-9 in the slope.
            let numeric = (8.0 * (at(1e-3) - at(-1e-3)) - (at(2e-3) - at(-2e-3))) / 12e-3;
            let error = (result.gradient[i] - numeric).abs() / numeric.abs().max(1.0);
            assert!(
                error < 1e-7,
                "round {round} parameter {i}: {} {numeric}",
                result.gradient[i]
            );
        }
    }
}

fn table(tree: &Tree) -> Vec<Transition> {
    let mut table = transitions(0.6, 0.9, tree.branch_lengths());
    table[tree.root()] = [1.0, 0.0, 0.0, 1.0];
    table
}

#[test]
fn lane_gradients_equal_shared_gradients_and_differences_by_branch_length() {
    let mut random = Random(14);
    let tree = tree(&random.newick(24, 0.2, 0.5));
    let mut cells = random_cells(&mut random, 24, 150, 0.05);
    cells.sort();
    cells.dedup();
    let (problem, _) = problem(&tree, &names(&tree), &cells);
    let n = problem.patterns().n_patterns();
    let kernel = Kernel::new(problem.clone());
    let frequencies = [0.7, 0.3];
    let cotangent: Vec<f64> = (0..n).map(|_| random.unit() - 0.3).collect();
    let transitions = table(&tree);
    let input = SharedInput {
        transitions: &transitions,
        root: &[frequencies],
        weights: &[1.0],
        tips: None,
    };
    let monitor = Monitor::new();
    let (values, shared) = kernel
        .vector_jacobian(input, &cotangent, &workers(1), &monitor)
        .unwrap();
    let root = vec![frequencies; n];
    let lanes = LaneInput {
        gain: &vec![0.6; n],
        loss: &vec![0.9; n],
        set_of_branch: &vec![0; tree.n_nodes()],
        n_sets: 1,
        root: &root,
        weights: &[1.0],
        tips: None,
    };
    let (lane_values, lane) = kernel
        .lane_vector_jacobian(lanes, &cotangent, &workers(2), &monitor)
        .unwrap();
    let (rate_values, by_rates) = kernel
        .lane_rate_jacobian(lanes, &cotangent, &workers(2), &monitor)
        .unwrap();
    for (value, lane_value) in values.iter().zip(&lane_values).chain(values.iter().zip(&rate_values)) {
        // The same sums of positive terms, put together in another way.
        assert!((value / lane_value - 1.0).abs() < 1e-13, "{value} {lane_value}");
    }
    let n_branches = tree.root();
    let lengths = &tree.branch_lengths()[..n_branches];
    let (gain, loss, _) = transitions_adjoint(0.6, 0.9, lengths, &shared.transitions[..n_branches]);
    for lane in [&lane, &by_rates] {
        assert!((lane.gain.iter().sum::<f64>() / gain - 1.0).abs() < 1e-10);
        assert!((lane.loss.iter().sum::<f64>() / loss - 1.0).abs() < 1e-10);
        for state in 0..2 {
            let total: f64 = lane.root.iter().map(|pair| pair[state]).sum();
            assert!((total / shared.root[0][state] - 1.0).abs() < 1e-10);
        }
    }
    let objective = |node: usize, step: f64| {
        let mut lengths = tree.branch_lengths().to_vec();
        lengths[node] += step;
        let longer = Tree::new(tree.parents().to_vec(), lengths, tree.names().clone()).unwrap();
        let table = table(&longer);
        let input = SharedInput {
            transitions: &table,
            root: &[frequencies],
            weights: &[1.0],
            tips: None,
        };
        let values = kernel.log_likelihoods(input, &workers(1), &monitor).unwrap();
        values
            .iter()
            .zip(&cotangent)
            .map(|(value, weight)| value * weight)
            .sum::<f64>()
    };
    for node in (0..tree.root()).filter(|&node| tree.branch_lengths()[node] > 1e-3) {
        let numeric = (objective(node, 1e-5) - objective(node, -1e-5)) / 2e-5;
        let error = (lane.branch_length[node] - numeric).abs();
        assert!(
            error < 1e-6 * numeric.abs().max(1.0),
            "{node}: {} {numeric}",
            lane.branch_length[node]
        );
    }
}
