//! Windows on the number of recorded presences: values, derivatives, limits, refusals.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod derivatives;
mod limits;
mod refusals;
mod values;

use common::{Random, all_patterns, tree};
use persiste_rust::kernel::Transition;
use persiste_rust::model::Ascertainment;
use persiste_rust::problem::Tree;

/// A tree with a probability for everything on it.
pub(crate) struct Case {
    pub(crate) tree: Tree,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) root: [f64; 2],
    pub(crate) tips: Option<Vec<[f64; 2]>>,
}

impl Case {
    /// Probabilities are 0 or 1 with the given odds, and small or ordinary otherwise.
    pub(crate) fn random(random: &mut Random, n_tips: usize, extreme: f64) -> Self {
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

    pub(crate) fn log(&self, ascertainment: Ascertainment) -> f64 {
        ascertainment
            .recorded(&self.tree, &self.transitions, self.root, self.tips.as_deref())
            .map_or(0.0, |recorded| recorded.log_probability)
    }

    /// The probability of one recorded pattern by pruning.
    pub(crate) fn pattern(&self, cells: &[i8]) -> f64 {
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
    pub(crate) fn enumerated(&self) -> Vec<f64> {
        let n_tips = self.tree.n_tips();
        let mut total = vec![0.0; n_tips + 1];
        for cells in all_patterns(n_tips) {
            total[cells.iter().filter(|&&cell| cell == 1).count()] += self.pattern(&cells);
        }
        total
    }
}

pub(crate) fn window(lowest: usize, highest: usize) -> Ascertainment {
    Ascertainment::Window { lowest, highest }
}

/// Equal logs of probabilities, up to this relative error of the probabilities.
pub(crate) fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    found == expected || (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}

/// `(...((t0,t1),t2)...)`, the same transition and tip table everywhere.
pub(crate) fn uniform(text: &str, gain: f64, loss: f64, tip: [f64; 2], root: [f64; 2]) -> Case {
    let tree = tree(text);
    Case {
        transitions: vec![[1.0 - gain, gain, loss, 1.0 - loss]; tree.n_nodes()],
        root,
        tips: Some(vec![tip; tree.n_tips()]),
        tree,
    }
}

pub(crate) fn caterpillar(n_tips: usize) -> String {
    let mut text = "(".repeat(n_tips - 1) + "t0:1";
    for tip in 1..n_tips {
        text += &format!(",t{tip}:1):1");
    }
    text + ";"
}
