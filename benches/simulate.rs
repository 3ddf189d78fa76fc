//! Time of 100,000 families on 1,000 tips, table and patterns included; checks its own answer.
//!
//!     cargo bench --bench simulate
use persiste_rust::io::newick::{self, TreeOptions};
use persiste_rust::model::{Ascertainment, Effects, Observation, RootPrior, Specification, rates};
use persiste_rust::parallel::{Monitor, Random, Workers};
use persiste_rust::problem::{Names, Patterns, Tree};
use persiste_rust::simulate::{Missing, Simulation};
use std::num::NonZero;
use std::time::Instant;

const N_TIPS: usize = 1000;
const N_FAMILIES: usize = 100_000;

fn tree() -> Tree {
    let mut random = Random::new(1);
    let mut nodes: Vec<String> = (0..N_TIPS).map(|tip| format!("t{tip}")).collect();
    while nodes.len() > 1 {
        let mut take = || {
            let place = (random.uniform() * nodes.len() as f64) as usize;
            let length = -0.1 * (1.0 - random.uniform()).ln();
            format!("{}:{length}", nodes.swap_remove(place))
        };
        let (left, right) = (take(), take());
        nodes.push(format!("({left},{right})"));
    }
    newick::parse(&format!("{};", nodes[0]), &TreeOptions::default())
        .expect("the text is a tree")
        .tree
}

fn main() {
    let tree = tree();
    let names: Names = (0..N_FAMILIES).map(|family| format!("f{family}")).collect();
    let columns: Vec<u32> = (0..N_TIPS as u32).collect();
    for (label, log_gain, ascertainment) in [
        ("no filter", -1.0, Ascertainment::None),
        ("observed, rejection", -3.0, Ascertainment::Observed),
        ("observed, construction", -12.0, Ascertainment::Observed),
        (
            "5 to 990, construction",
            -9.0,
            Ascertainment::Window {
                lowest: 5,
                highest: 990,
            },
        ),
    ] {
        let specification = Specification {
            rates: rates::parse("shared", []).expect("known"),
            effects: Effects::none(N_FAMILIES, tree.n_nodes()),
            root: RootPrior::Absent,
            ascertainment,
            observation: Observation::exact(&tree),
        };
        let simulation = Simulation {
            tree: &tree,
            specification: &specification,
            parameters: &[log_gain, 0.0],
            missing: Missing::None,
            seed: 1,
            wants_truth: false,
        };
        for threads in [1, 2] {
            let workers = Workers::new(NonZero::new(threads));
            let seconds: Vec<f64> = (0..5)
                .map(|_| {
                    let began = Instant::now();
                    let simulated = simulation.run(&names, &workers, &Monitor::new()).expect("can be drawn");
                    let patterns = Patterns::distinct(&simulated.table, &columns);
                    let seconds = began.elapsed().as_secs_f64();
                    let n_families: f64 = patterns.weights().iter().sum();
                    assert!(n_families as usize == N_FAMILIES, "every family has a pattern");
                    seconds
                })
                .collect();
            let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
            println!("{label:<24} {threads} threads: {least:.2} s at best of 5, {N_TIPS} tips x {N_FAMILIES} families");
        }
    }
}
