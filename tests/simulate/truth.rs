//! True states and events: they explain the table, and average to what the model says.

use crate::common::{Random, tree};
use crate::{Setting, cells, simulate};
use persiste_rust::kernel::transitions;
use persiste_rust::model::Ascertainment;
use persiste_rust::simulate::Missing;

#[test]
fn true_states_are_recorded_and_events_lead_from_one_to_the_next() {
    let mut random = Random(31);
    let tree = tree(&random.newick(40, 0.2, 0.5));
    for (log_gain, ascertainment) in [(-0.5, Ascertainment::Observed), (-9.0, Ascertainment::Variable)] {
        let specification = Setting::plain(&tree, ascertainment).specification(&tree, 400);
        let simulated = simulate(&tree, &specification, &[log_gain, 0.4], Missing::None, 1, 2);
        let truth = simulated.truth.as_ref().unwrap();
        let n = tree.n_nodes();
        for family in 0..400 {
            let of = family * n..(family + 1) * n;
            let states = &truth.states()[of.clone()];
            let recorded = tree.tips().iter().map(|&tip| states[tip as usize] as i8);
            assert_eq!(recorded.collect::<Vec<_>>(), cells(&simulated, family));
            let (gains, losses) = (&truth.gains()[of.clone()], &truth.losses()[of]);
            for node in 0..tree.root() {
                let above = i32::from(states[tree.parents()[node] as usize]);
                let change = gains[node] as i32 - losses[node] as i32;
                assert_eq!(above + change, i32::from(states[node]));
            }
        }
    }
}

/// Expected gains on a branch of length t from a stationary start: `pi0 g t`, as many as losses.
#[test]
fn true_events_are_as_many_as_rates_times_time() {
    let tree = tree("((a:0.7,b:2.0):0.4,c:3.0);");
    let (gain, loss) = (0.6_f64, 1.7_f64);
    let n = 40_000;
    let specification = Setting::plain(&tree, Ascertainment::None).specification(&tree, n);
    let simulated = simulate(&tree, &specification, &[gain.ln(), loss.ln()], Missing::None, 9, 2);
    let truth = simulated.truth.unwrap();
    for node in 0..tree.root() {
        let expected = gain * loss / (gain + loss) * tree.branch_lengths()[node];
        for events in [truth.gains(), truth.losses()] {
            let counts = (0..n).map(|family| f64::from(events[family * tree.n_nodes() + node]));
            let (sum, squares) = counts.fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
            let mean = sum / n as f64;
            let error = ((squares / n as f64 - mean * mean) / n as f64).sqrt();
            assert!(
                (mean - expected).abs() < 4.0 * error,
                "node {node}: {mean} {expected} {error}"
            );
        }
    }
    // Changed ends are as frequent as the transition probabilities say.
    let table = transitions(gain, loss, tree.branch_lengths());
    let starts = truth.states().chunks(tree.n_nodes()).filter(|states| states[4] == 0);
    let (n_starts, gained) = starts.fold((0.0, 0.0), |(n, gained), states| {
        (n + 1.0, gained + f64::from(states[3]))
    });
    let expected = table[3][1];
    assert!((gained / n_starts - expected).abs() < 4.0 * (expected * (1.0 - expected) / n_starts).sqrt());
}

#[test]
fn asking_for_the_truth_changes_no_cell() {
    use crate::common::workers;
    use persiste_rust::parallel::Monitor;
    use persiste_rust::simulate::Simulation;
    let tree = tree("((a:0.7,b:2.0):0.4,c:3.0);");
    let specification = Setting::plain(&tree, Ascertainment::Observed).specification(&tree, 300);
    let names = (0..300).map(|family| format!("f{family}")).collect();
    let run = |wants_truth: bool| {
        let simulation = Simulation {
            tree: &tree,
            specification: &specification,
            parameters: &[-1.0, 0.0],
            missing: Missing::Rate(0.2),
            seed: 2,
            wants_truth,
        };
        simulation.run(&names, &workers(1), &Monitor::new()).unwrap()
    };
    assert_eq!(run(true).table, run(false).table);
    assert!(run(false).truth.is_none());
}
