//! Random models of every kind on trees of up to 6 tips, and their likelihoods for any cells.

use crate::common::{Random, names, problem, tree, workers};
use persiste_rust::model::effects::Design;
use persiste_rust::model::observation::TipProbability;
use persiste_rust::model::penalty::Penalty;
use persiste_rust::model::rates::{self, OptionValue};
use persiste_rust::model::{Ascertainment, Effects, GeneContentModel, Observation, RootPrior, Specification};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::{Counts, Tree};

/// A model without data.
pub struct World {
    pub tree: Tree,
    pub ascertainment: Ascertainment,
    n_groups: usize,
    n_categories: usize,
    root: RootPrior,
    observation: Observation,
    pub parameters: Vec<f64>,
}

impl World {
    /// Draws a model; `turn` goes through categories, groups of families, errors, roots and ascertainments.
    pub fn draw(random: &mut Random, turn: usize) -> Self {
        let n_tips = 2 + random.below(5);
        let tree = tree(&random.newick(n_tips, 0.4, 0.7));
        let n_tips = tree.n_tips();
        let ascertainments = [
            Ascertainment::None,
            Ascertainment::Observed,
            Ascertainment::Variable,
            Ascertainment::Window {
                lowest: 2,
                highest: n_tips,
            },
            Ascertainment::Window {
                lowest: 1,
                highest: n_tips - 1,
            },
        ];
        let roots = [
            RootPrior::Stationary,
            RootPrior::Estimated,
            RootPrior::Fixed(0.3),
            RootPrior::Absent,
        ];
        let observation = match turn % 3 {
            0 => Observation::exact(&tree),
            _ => {
                let complete = (0..n_tips).map(|_| 0.7 + 0.3 * random.unit()).collect();
                let foreign = (0..n_tips).map(|_| 0.2 * random.unit()).collect();
                Observation::new(&tree, TipProbability::Given(complete), TipProbability::Given(foreign)).unwrap()
            }
        };
        let mut world = Self {
            tree,
            ascertainment: ascertainments[turn % 5],
            n_groups: [1, 3, 1, 36][turn / 2 % 4],
            n_categories: [1, 3][turn % 2],
            root: roots[turn / 3 % 4],
            observation,
            parameters: Vec::new(),
        };
        let n_parameters = world.specification(&[0, 1], Ascertainment::None).parameters().len();
        world.parameters = (0..n_parameters).map(|_| 1.4 * random.unit() - 0.7).collect();
        world
    }

    /// Groups of families have rates of their own, and so have two sets of branches; with 36 groups of one or two
    /// families these are lanes.
    fn effects(&self, groups: &[u32]) -> Effects {
        if self.n_groups == 1 {
            return Effects::none(groups.len(), self.tree.n_nodes());
        }
        let sets = (0..self.tree.n_nodes()).map(|node| (node % 2) as u32).collect();
        let (mut gain, mut loss) = (Vec::new(), Vec::new());
        for group in 0..=*groups.iter().max().unwrap() {
            let x = f64::from(group % 5) / 2.0 - 0.4;
            gain.extend([[x, 0.0], [x, 1.0]]);
            loss.extend([[-x * x, 0.0], [0.0, x]]);
        }
        let rows = |columns: Vec<[f64; 2]>| Design::dense(columns.as_flattened(), 2);
        let names = ["slope", "clade"].map(String::from).to_vec();
        let designs = (rows(gain), rows(loss));
        Effects::new(&self.tree, names, groups.to_vec(), sets, designs, Penalty::default()).unwrap()
    }

    fn specification(&self, groups: &[u32], ascertainment: Ascertainment) -> Specification {
        let n_categories = OptionValue::Number(self.n_categories as f64);
        let rates = match self.n_categories {
            1 => rates::parse("shared", []),
            _ => rates::parse("gamma", [("n_categories".to_owned(), n_categories)]),
        };
        Specification {
            rates: rates.unwrap(),
            effects: self.effects(groups),
            root: self.root,
            ascertainment,
            observation: self.observation.clone(),
        }
    }

    /// Returns the group of a family, by its number.
    pub fn group(&self, family: usize) -> u32 {
        (family % self.n_groups) as u32
    }

    /// Returns the model of a table, its families in turn of all groups.
    pub fn model(&self, families: &[Vec<i8>], ascertainment: Ascertainment, threads: usize) -> GeneContentModel {
        let groups: Vec<u32> = (0..families.len()).map(|family| self.group(family)).collect();
        self.model_of(families, &groups, ascertainment, threads)
    }

    fn model_of(
        &self,
        families: &[Vec<i8>],
        groups: &[u32],
        ascertainment: Ascertainment,
        threads: usize,
    ) -> GeneContentModel {
        let (problem, labels) = problem(&self.tree, &names(&self.tree), families);
        let specification = self.specification(groups, ascertainment);
        GeneContentModel::new(problem, labels, specification, workers(threads)).unwrap()
    }

    /// Returns the probability of some cells of families of one group, not conditioned.
    pub fn probabilities(&self, families: &[Vec<i8>], group: u32) -> Vec<f64> {
        self.probabilities_of(families, &vec![group; families.len()])
    }

    /// Returns the probability of some cells of families of these groups, not conditioned.
    pub fn probabilities_of(&self, families: &[Vec<i8>], groups: &[u32]) -> Vec<f64> {
        // A covariate must differ between families.
        let n = families.len();
        let (mut cells, mut groups) = (families.to_vec(), groups.to_vec());
        for other in 0..=groups.iter().copied().max().unwrap_or(0).max(1) {
            cells.push(vec![0; self.tree.n_tips()]);
            groups.push(other);
        }
        let model = self.model_of(&cells, &groups, Ascertainment::None, 1);
        let logs = model.log_likelihoods(&self.parameters, &Monitor::new()).unwrap();
        logs[..n].iter().map(|log| log.exp()).collect()
    }

    /// Returns the probability that a tip is recorded present given its state.
    pub fn recording(&self, tip: usize) -> [f64; 2] {
        self.observation.table(&[]).map_or([0.0, 1.0], |table| table[tip])
    }

    /// Returns whether cells can have been recorded.
    pub fn admits(&self, cells: &[i8]) -> bool {
        let count = |what: i8| cells.iter().filter(|&&cell| cell == what).count() as u32;
        let counts = Counts {
            present: count(1),
            missing: count(-1),
        };
        self.ascertainment.admits(counts, cells.len())
    }

    /// Draws families that can have been recorded; in some, cells are missing.
    pub fn families(&self, random: &mut Random, n: usize, missing: f64) -> Vec<Vec<i8>> {
        let n_tips = self.tree.n_tips();
        let mut families = Vec::new();
        while families.len() < n {
            let cells: Vec<i8> = (0..n_tips)
                .map(|_| {
                    if random.unit() < missing {
                        -1
                    } else {
                        random.below(2) as i8
                    }
                })
                .collect();
            if self.admits(&cells) {
                families.push(cells);
            }
        }
        families
    }
}

/// Returns every way to fill the visible cells.
pub fn fillings(mask: &[i8]) -> Vec<Vec<i8>> {
    let visible: Vec<usize> = (0..mask.len()).filter(|&tip| mask[tip] != -1).collect();
    let of_bits = |bits: usize| {
        let mut cells = vec![-1; mask.len()];
        for (place, &tip) in visible.iter().enumerate() {
            cells[tip] = ((bits >> place) & 1) as i8;
        }
        cells
    };
    (0..1_usize << visible.len()).map(of_bits).collect()
}
