//! All vector instructions give the same bits, on the reference cases and on larger tables, and only known ones are
//! taken. They are chosen once a process, so this program runs itself with the environment of each.
#![allow(clippy::unwrap_used)]

mod common;

use common::reference::{cases, numbers, root};
use common::{Random, random_cells, tree};
use persiste_rust::kernel::InstructionSet;
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};
use persiste_rust::parallel::Monitor;
use std::process::{Command, Output};
use std::sync::Arc;

/// Runs one test of this program with an instruction set asked for.
fn run(test: &str, set: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env("PERSISTE_RUST_SIMD", set)
        .output()
        .unwrap()
}

fn bits(set: &str) -> Vec<String> {
    let output = run("prints_bits", set);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{set}: {text}");
    text.lines()
        .filter(|line| line.starts_with("bits "))
        .map(str::to_owned)
        .collect()
}

fn print(id: &str, values: impl IntoIterator<Item = f64>) {
    let values: Vec<String> = values
        .into_iter()
        .map(|value| format!("{:016x}", value.to_bits()))
        .collect();
    println!("\nbits {id} {}", values.join(" "));
}

#[test]
fn all_instruction_sets_give_the_same_bits() {
    let plain = bits("plain");
    assert!(plain.len() >= 4, "{plain:?}");
    for set in InstructionSet::available() {
        let found = bits(set.name());
        assert_eq!(found.len(), plain.len());
        for (found, expected) in found.iter().zip(&plain) {
            assert!(found == expected, "{}: {found}\nplain: {expected}", set.name());
        }
    }
    assert_eq!(bits(""), plain, "the set that is taken by itself");
}

#[test]
fn unknown_instruction_sets_are_refused_by_models() {
    let output = run("prints_bits", "sse9");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        text.contains("PERSISTE_RUST_SIMD is 'sse9'; known: avx512, avx2, neon, plain"),
        "{text}"
    );
}

#[test]
#[ignore = "run by the other tests, once for each instruction set"]
fn prints_bits() {
    let monitor = Monitor::new();
    for case in cases() {
        let names = Arc::new(case.table.families().clone());
        let (gain, loss) = (numbers(&case.params["gain"]), numbers(&case.params["loss"]));
        if gain.len() > 1 || loss.len() > 1 || gain[0] * loss[0] == 0.0 {
            continue;
        }
        let (rates, prior) = (
            [gain[0].ln(), loss[0].ln()],
            root(case.params["root"].as_str().unwrap()),
        );
        let patterns = persiste_rust::problem::Patterns::distinct(&case.table, &case.matched.column_of_tip);
        let problem = Arc::new(persiste_rust::problem::Problem::new(case.matched.tree, patterns));
        let workers = common::workers(1);
        let model = GeneContentModel::shared(problem, names, prior, Ascertainment::None, workers);
        let model = model.unwrap_or_else(|error| panic!("{error}"));
        print(&case.id, model.log_likelihoods(&rates, &monitor).unwrap());
    }
    for (n_tips, missing) in [(5, 0.0), (60, 0.05), (400, 0.0), (400, 0.1)] {
        let mut random = Random(n_tips as u64);
        let tree = tree(&random.newick(n_tips, 0.2, 0.2));
        let genomes: Vec<String> = tree.tip_names().map(String::from).collect();
        let families = random_cells(&mut random, n_tips, 700, missing);
        let (problem, names) = common::problem(&tree, &genomes, &families);
        let workers = common::workers(1);
        let model = GeneContentModel::shared(problem, names, RootPrior::Stationary, Ascertainment::None, workers);
        let model = model.unwrap_or_else(|error| panic!("{error}"));
        let rates = [-0.7, 0.3];
        print("values", model.log_likelihoods(&rates, &monitor).unwrap());
        let found = model.value_and_gradient(&rates, &monitor).unwrap();
        print("gradient", found.gradient.into_iter().chain([found.value]));
    }
}
