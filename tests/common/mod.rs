//! What several test programs need: shared data, models from text, random trees.
#![allow(dead_code, unreachable_pub)]

pub mod reference;

use persiste_rust::io::newick::{self, TreeOptions};
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};
use persiste_rust::parallel::{Monitor, Workers};
use persiste_rust::problem::{MatchOptions, Names, Patterns, PresenceTable, Problem, Tree, match_names};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

/// Returns a path in the folder of shared data, or says why a test is skipped.
pub fn shared(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("PERSISTE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let found = folder.join(path);
    if found.exists() {
        Some(found)
    } else {
        println!(
            "skipped: {} is absent; set PERSISTE_SHARED to the folder of shared data",
            found.display()
        );
        None
    }
}

pub fn tree(text: &str) -> Tree {
    newick::parse(text, &TreeOptions::default()).unwrap().tree
}

pub fn workers(threads: usize) -> Workers {
    Workers::new(NonZero::new(threads))
}

/// A tree and a table of cells `[n_families][n_tips]` in the order of `genomes`.
pub fn problem(tree: &Tree, genomes: &[String], families: &[Vec<i8>]) -> (Arc<Problem>, Arc<Names>) {
    let cells = ndarray::Array2::from_shape_fn((genomes.len(), families.len()), |(g, f)| families[f][g]);
    let names: Names = (0..families.len()).map(|family| format!("f{family}")).collect();
    let table = PresenceTable::from_matrix(cells.view(), genomes.to_vec(), names.clone()).unwrap();
    let matched = match_names(tree.clone(), &table, MatchOptions::default()).unwrap();
    let patterns = Patterns::distinct(&table, &matched.column_of_tip);
    (Arc::new(Problem::new(matched.tree, patterns)), Arc::new(names))
}

pub fn model(
    tree: &Tree,
    genomes: &[String],
    families: &[Vec<i8>],
    root: RootPrior,
    ascertainment: Ascertainment,
) -> GeneContentModel {
    let (problem, names) = problem(tree, genomes, families);
    GeneContentModel::shared(problem, names, root, ascertainment, workers(1)).unwrap()
}

/// Log-likelihood of each family with rows in Newick order.
pub fn log_likelihoods(tree: &Tree, families: &[Vec<i8>], rates: (f64, f64), root: RootPrior) -> Vec<f64> {
    let names: Vec<String> = tree.tip_names().map(String::from).collect();
    let model = model(tree, &names, families, root, Ascertainment::None);
    model
        .log_likelihoods(&[rates.0.ln(), rates.1.ln()], &Monitor::new())
        .unwrap()
}

/// Every pattern over so many tips.
pub fn all_patterns(n_tips: usize) -> Vec<Vec<i8>> {
    (0..1_usize << n_tips)
        .map(|bits| (0..n_tips).map(|tip| ((bits >> tip) & 1) as i8).collect())
        .collect()
}

/// Cells `[n_families][n_tips]`, two fifths present.
pub fn random_cells(random: &mut Random, n_tips: usize, n_families: usize, missing: f64) -> Vec<Vec<i8>> {
    let mut cell = || {
        if random.unit() < missing {
            -1
        } else {
            (random.unit() < 0.4) as i8
        }
    };
    (0..n_families).map(|_| (0..n_tips).map(|_| cell()).collect()).collect()
}

/// The tip names of a tree.
pub fn names(tree: &Tree) -> Vec<String> {
    tree.tip_names().map(String::from).collect()
}

/// A small generator of random numbers, so that tests need no crate for it (SplitMix64, Steele et al. 2014).
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }

    /// A random tree: polytomies, single-child nodes and zero lengths with the given odds, tips t0, t1, ...
    pub fn newick(&mut self, n_tips: usize, odd: f64, scale: f64) -> String {
        let mut nodes: Vec<String> = (0..n_tips).map(|tip| format!("t{tip}")).collect();
        let length = |random: &mut Self| {
            let zero = random.unit() < odd / 2.0;
            if zero { 0.0 } else { -scale * (1.0 - random.unit()).ln() }
        };
        while nodes.len() > 1 {
            let draw = self.unit();
            let n_children = if draw < odd / 2.0 {
                1
            } else if draw < odd {
                3.min(nodes.len())
            } else {
                2
            };
            let mut children = Vec::new();
            for _ in 0..n_children {
                let child = nodes.swap_remove(self.below(nodes.len()));
                let length = length(self);
                children.push(format!("{child}:{length}"));
            }
            nodes.push(format!("({})", children.join(",")));
        }
        format!("{};", nodes[0])
    }
}
