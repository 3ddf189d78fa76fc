//! Tables in which nearly all cells are absent: from a list of presences to likelihoods, with time and memory.
//!
//! `cargo bench --bench sparse` prints the least of three for each step and the peak of memory so far; `-- TIPS FAMILIES`
//! asks for another size. Families arise on branches with gain 0.002 and are lost with rate 1, which leaves 0.2 % of the
//! cells present. A small table is first checked against blocks of lanes, which share no code with classes.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Random, tree, workers};
use persiste_rust::io::table::{TableOptions, read_presences};
use persiste_rust::kernel::{Kernel, SharedInput, Transition, transition};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Listing, Names, Patterns, PresenceLists, Problem, Tree};
use std::sync::Arc;
use std::time::Instant;

const GAIN: f64 = 0.002;
const LOSS: f64 = 1.0;

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let (n_tips, n_families) = match sizes[..] {
        [n_tips, n_families] => (n_tips, n_families),
        _ => (10_000, 200_000),
    };
    check();
    let tree = tree(&Random(7).newick(n_tips, 0.0, 0.1));
    let (families, genomes) = simulate(&tree, n_families);
    let n_cells = (n_tips * n_families) as f64;
    println!(
        "{n_tips} tips x {n_families} families, {} presences ({:.2} %)",
        families.len(),
        100.0 * families.len() as f64 / n_cells
    );
    report("simulated", 0.0, n_cells);
    read_text(&tree, &families, &genomes, n_cells);
    let columns: Vec<u32> = (0..n_tips as u32).collect();
    let lists = lists(&tree, n_families, &families, &genomes);
    let (patterns, seconds) = timed(|| Patterns::distinct_lists(&lists, &columns));
    println!("{} patterns", patterns.n_patterns());
    report("distinct patterns of the lists", seconds, n_cells);
    drop(lists);
    let problem = Arc::new(Problem::new(tree.clone(), patterns));
    let (kernel, seconds) = timed(|| Kernel::with_classes(problem.clone(), &workers(1)));
    report("classes", seconds, n_cells);
    let (transitions, root) = (table(&tree), [LOSS / (GAIN + LOSS), GAIN / (GAIN + LOSS)]);
    let (input, monitor) = (input(&transitions, &root), Monitor::new());
    for threads in [1, 2] {
        let workers = workers(threads);
        let (_, seconds) = timed(|| kernel.log_likelihoods(input, &workers, &monitor).unwrap());
        report(&format!("value, threads: {threads}"), seconds, n_cells);
        let weights = problem.patterns().weights();
        let (_, seconds) = timed(|| kernel.vector_jacobian(input, weights, &workers, &monitor).unwrap());
        report(&format!("value and gradient, threads: {threads}"), seconds, n_cells);
    }
}

fn timed<T>(mut work: impl FnMut() -> T) -> (T, f64) {
    let mut least = f64::INFINITY;
    let mut run = || {
        let start = Instant::now();
        let result = work();
        least = least.min(start.elapsed().as_secs_f64());
        result
    };
    drop(run());
    drop(run());
    let result = run();
    (result, least)
}

fn report(step: &str, seconds: f64, n_cells: f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok())
            .unwrap_or(f64::NAN)
    };
    let (now, peak) = (kilobytes("VmRSS:") / 1e3, kilobytes("VmHWM:") / 1e3);
    let by_cell = 1e9 * seconds / n_cells;
    println!("{step:<34} {seconds:>9.4} s {by_cell:>8.4} ns a cell {now:>7.0} MB now {peak:>7.0} MB at most");
}

/// Writes the list as text, reads it, and says what that took.
fn read_text(tree: &Tree, families: &[i64], genomes: &[i64], n_cells: f64) {
    let names: Vec<&str> = tree.tip_names().collect();
    let mut text = String::from("family\tgenome\n");
    for (family, genome) in families.iter().zip(genomes) {
        text += &format!("family_{family}\t{}\n", names[*genome as usize]);
    }
    let path = std::env::temp_dir().join(format!("persiste-sparse-{}.tsv", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let read = || read_presences(&path, &TableOptions::default(), &|_| true, &Monitor::new()).unwrap();
    let (_, seconds) = timed(read);
    report("reading the list", seconds, n_cells);
    std::fs::remove_file(path).unwrap();
}

fn lists(tree: &Tree, n_families: usize, families: &[i64], genomes: &[i64]) -> PresenceLists {
    let names: Names = (0..n_families).map(|family| format!("family_{family}")).collect();
    let tips = tree.tip_names().map(String::from).collect();
    PresenceLists::from_numbers(tips, names, families, genomes, |_| Listing::Present).unwrap()
}

fn table(tree: &Tree) -> Vec<Transition> {
    let of_length = |&length: &f64| transition(GAIN, LOSS, length);
    let mut table: Vec<Transition> = tree.branch_lengths().iter().map(of_length).collect();
    *table.last_mut().unwrap() = [1.0, 0.0, 0.0, 1.0];
    table
}

fn input<'a>(transitions: &'a [Transition], root: &'a [f64; 2]) -> SharedInput<'a> {
    SharedInput {
        transitions,
        root: std::slice::from_ref(root),
        weights: &[1.0],
        tips: None,
    }
}

/// Draws families by their gains, so that the work is that of the presences; none is gained again where it was lost
/// on the same branch.
fn simulate(tree: &Tree, n_families: usize) -> (Vec<i64>, Vec<i64>) {
    let mut random = Random(11);
    let mut tip_of_node = vec![None; tree.n_nodes()];
    for (tip, &node) in tree.tips().iter().enumerate() {
        tip_of_node[node as usize] = Some(tip as i64);
    }
    let mut length_up_to: Vec<f64> = Vec::with_capacity(tree.n_nodes());
    for &length in tree.branch_lengths() {
        length_up_to.push(length_up_to.last().copied().unwrap_or(0.0) + length);
    }
    let total = *length_up_to.last().unwrap();
    let (mut families, mut genomes) = (Vec::new(), Vec::new());
    for family in 0..n_families as i64 {
        let first = genomes.len();
        // Gains stand at distances along all branches laid end to end.
        let mut at = 0.0;
        loop {
            at -= (1.0 - random.unit()).ln() / GAIN;
            if at >= total {
                break;
            }
            let node = length_up_to.partition_point(|&end| end <= at);
            let mut open = vec![(node, length_up_to[node] - at)];
            while let Some((node, length)) = open.pop() {
                if random.unit() < (-LOSS * length).exp() {
                    genomes.extend(tip_of_node[node]);
                    let below = tree.children(node).iter().map(|&child| child as usize);
                    open.extend(below.map(|child| (child, tree.branch_lengths()[child])));
                }
            }
        }
        genomes[first..].sort_unstable();
        let mut kept = genomes.split_off(first);
        kept.dedup();
        genomes.append(&mut kept);
        families.resize(genomes.len(), family);
    }
    (families, genomes)
}

/// Compares both ways of computing on a small table.
fn check() {
    let tree = tree(&Random(3).newick(400, 0.0, 0.1));
    let (families, genomes) = simulate(&tree, 3_000);
    let columns: Vec<u32> = (0..400).collect();
    let patterns = Patterns::distinct_lists(&lists(&tree, 3_000, &families, &genomes), &columns);
    let problem = Arc::new(Problem::new(tree.clone(), patterns));
    let (transitions, root) = (table(&tree), [LOSS / (GAIN + LOSS), GAIN / (GAIN + LOSS)]);
    let (input, monitor, workers) = (input(&transitions, &root), Monitor::new(), workers(1));
    let by_class = Kernel::with_classes(problem.clone(), &workers).log_likelihoods(input, &workers, &monitor);
    let by_block = Kernel::new(problem).log_likelihoods(input, &workers, &monitor);
    for (value, expected) in by_class.unwrap().iter().zip(by_block.unwrap()) {
        assert!((value - expected).abs() <= 1e-12 * expected.abs(), "{value} {expected}");
    }
}
