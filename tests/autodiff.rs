//! What automatic differentiation asks for: cotangents of single families, many parameter vectors, plain numbers.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Random, model, names, problem, random_cells, tree, workers};
use persiste_rust::error::ModelError;
use persiste_rust::model::rates::{self, OptionValue};
use persiste_rust::model::{
    Ascertainment, Effects, GeneContentModel, GivenRates, Numbers, NumbersAdjoint, Observation, RootPrior,
    Specification,
};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;

const AT: [f64; 3] = [-0.4, 0.3, -0.2];

/// Gamma-distributed rates, conditioned on being variable, over families that are.
fn gamma_model(tree: &Tree, families: &[Vec<i8>], threads: usize) -> GeneContentModel {
    let (problem, families) = problem(tree, &names(tree), families);
    let specification = Specification {
        rates: rates::parse("gamma", [("n_categories".to_owned(), OptionValue::Number(3.0))]).unwrap(),
        effects: Effects::none(families.len(), tree.n_nodes()),
        root: RootPrior::Stationary,
        ascertainment: Ascertainment::Variable,
        observation: Observation::exact(tree),
    };
    GeneContentModel::new(problem, families, specification, workers(threads)).unwrap()
}

fn variable_cells(random: &mut Random, n_tips: usize, n_families: usize) -> Vec<Vec<i8>> {
    let mut cells = random_cells(random, n_tips, n_families, 0.1);
    for family in &mut cells {
        (family[0], family[1]) = (1, 0);
    }
    cells
}

/// Fourth-order central difference: good to about 1e-10 of what is differentiated here.
fn slope(at: impl Fn(f64) -> f64) -> f64 {
    (8.0 * (at(1e-3) - at(-1e-3)) - (at(2e-3) - at(-2e-3))) / 12e-3
}

fn dot(weights: &[f64], values: &[f64]) -> f64 {
    weights.iter().zip(values).map(|(weight, value)| weight * value).sum()
}

#[test]
fn the_vector_jacobian_product_is_the_difference_of_a_weighted_sum() {
    let mut random = Random(3);
    let tree = tree(&random.newick(9, 0.3, 0.5));
    let model = gamma_model(&tree, &variable_cells(&mut random, 9, 40), 2);
    let cotangent: Vec<f64> = (0..40).map(|_| 4.0 * random.unit() - 2.0).collect();
    let monitor = Monitor::new();
    let found = model
        .vector_jacobian(&AT, &cotangent, model.workers(), &monitor)
        .unwrap();
    for (index, found) in found.iter().enumerate() {
        let expected = slope(|shift| {
            let mut point = AT;
            point[index] += shift;
            dot(&cotangent, &model.log_likelihoods(&point, &monitor).unwrap())
        });
        assert!(
            (found - expected).abs() < 1e-8 * expected.abs().max(1.0),
            "{found} {expected}"
        );
    }
    let ones = model
        .vector_jacobian(&AT, &[1.0; 40], model.workers(), &monitor)
        .unwrap();
    let gradient = model.value_and_gradient(&AT, &monitor).unwrap().gradient;
    assert_eq!(ones, gradient);
}

#[test]
fn an_impossible_family_counts_only_with_its_cotangent() {
    // t0 and t1 stand at distance 0 and differ in the first family.
    let tree = tree("((t0:0,t1:0):1,t2:1);");
    let families = [vec![1, 0, 1], vec![1, 1, 0]];
    let model = model(&tree, &names(&tree), &families, RootPrior::Equal, Ascertainment::None);
    let monitor = Monitor::new();
    let product = |cotangent: [f64; 2]| {
        model
            .vector_jacobian(&[0.0, 0.0], &cotangent, model.workers(), &monitor)
            .unwrap()
    };
    assert_eq!(
        model.log_likelihoods(&[0.0, 0.0], &monitor).unwrap()[0],
        f64::NEG_INFINITY
    );
    assert!(product([0.0, 2.0]).iter().all(|value| value.is_finite()));
    for cotangent in [[1.0, 1.0], [-1.0, 1.0]] {
        assert!(product(cotangent).iter().all(|value| value.is_nan()));
    }
}

#[test]
fn cotangents_of_another_number_than_families_are_refused() {
    let tree = tree("((t0:1,t1:1):1,t2:1);");
    let model = gamma_model(&tree, &[vec![1, 0, 1], vec![1, 1, 0]], 1);
    let found = model.vector_jacobian(&AT, &[1.0], model.workers(), &Monitor::new());
    assert!(matches!(found, Err(ModelError::Length { found: 1, .. })), "{found:?}");
}

#[test]
fn many_vectors_give_the_bits_of_each_alone_with_any_number_of_threads() {
    let mut random = Random(8);
    let tree = tree(&random.newick(12, 0.3, 0.5));
    let families = variable_cells(&mut random, 12, 90);
    let vectors: Vec<Vec<f64>> = (0..9)
        .map(|_| AT.iter().map(|at| at + random.unit() - 0.5).collect())
        .collect();
    let cotangents: Vec<Vec<f64>> = (0..9).map(|_| (0..90).map(|_| random.unit() - 0.5).collect()).collect();
    let monitor = Monitor::new();
    let alone = gamma_model(&tree, &families, 1);
    for (n, threads) in [(9, 3), (2, 3), (9, 1)] {
        let model = gamma_model(&tree, &families, threads);
        let gradients = model.values_and_gradients_of(&vectors[..n], &monitor).unwrap();
        let values = model.family_log_likelihoods_of(&vectors[..n], &monitor).unwrap();
        let products = model
            .vector_jacobians_of(&vectors[..n], &cotangents[..n], &monitor)
            .unwrap();
        for (index, vector) in vectors[..n].iter().enumerate() {
            assert_eq!(gradients[index], alone.value_and_gradient(vector, &monitor).unwrap());
            assert_eq!(values[index], alone.log_likelihoods(vector, &monitor).unwrap());
            let expected = alone
                .vector_jacobian(vector, &cotangents[index], alone.workers(), &monitor)
                .unwrap();
            assert_eq!(products[index], expected);
        }
    }
    let bad = [vec![0.0; 3], vec![f64::NAN; 3]];
    let found = alone.values_and_gradients_of(&bad, &monitor);
    assert!(matches!(found, Err(ModelError::Parameter { .. })), "{found:?}");
}

/// Owned numbers, so that each can be moved.
#[derive(Clone)]
struct Owned {
    gain: Vec<f64>,
    loss: Vec<f64>,
    branch_length: Vec<f64>,
    root: Vec<[f64; 2]>,
    weights: Vec<f64>,
}

impl Owned {
    fn random(random: &mut Random, tree: &Tree, n_categories: usize, n_families: usize) -> Self {
        let mut draw = |n: usize, low: f64| -> Vec<f64> { (0..n).map(|_| low + random.unit()).collect() };
        let size = n_categories * n_families;
        Self {
            gain: draw(size, 0.1),
            loss: draw(size, 0.2),
            branch_length: draw(tree.n_nodes(), 0.05),
            root: draw(size, 0.0)
                .into_iter()
                .map(|present| [1.0 - present, present])
                .collect(),
            weights: draw(n_categories, 0.3),
        }
    }

    fn numbers(&self) -> Numbers<'_> {
        Numbers {
            gain: &self.gain,
            loss: &self.loss,
            branch_length: &self.branch_length,
            root: &self.root,
            weights: &self.weights,
        }
    }

    fn fields(&mut self) -> [&mut [f64]; 5] {
        [
            &mut self.gain,
            &mut self.loss,
            &mut self.branch_length,
            self.root.as_flattened_mut(),
            &mut self.weights,
        ]
    }
}

#[test]
fn plain_numbers_have_the_likelihood_of_the_model_that_they_mean() {
    let mut random = Random(5);
    let tree = tree(&random.newick(9, 0.3, 0.5));
    let cells = random_cells(&mut random, 9, 30, 0.1);
    let (problem, _) = problem(&tree, &names(&tree), &cells);
    let given = GivenRates::new(problem, workers(2));
    let model = model(&tree, &names(&tree), &cells, RootPrior::Stationary, Ascertainment::None);
    let monitor = Monitor::new();
    let expected = model.log_likelihoods(&[-0.4, 0.3], &monitor).unwrap();
    let (gain, loss) = ((-0.4_f64).exp(), 0.3_f64.exp());
    let root = [loss / (gain + loss), gain / (gain + loss)];
    for n in [1, 30] {
        let (gains, losses, roots) = (vec![gain; n], vec![loss; n], vec![root; n]);
        let numbers = Numbers {
            gain: &gains,
            loss: &losses,
            branch_length: tree.branch_lengths(),
            root: &roots,
            weights: &[1.0],
        };
        for (found, expected) in given.log_likelihoods(&numbers, &monitor).unwrap().iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-12 * expected.abs(),
                "{n}: {found} {expected}"
            );
        }
    }
}

#[test]
fn derivatives_by_plain_numbers_equal_differences() {
    let mut random = Random(6);
    let tree = tree(&random.newick(7, 0.2, 0.5));
    let (problem, _) = problem(&tree, &names(&tree), &random_cells(&mut random, 7, 20, 0.1));
    let given = GivenRates::new(problem, workers(2));
    let cotangent: Vec<f64> = (0..20).map(|_| 2.0 * random.unit() - 1.0).collect();
    let monitor = Monitor::new();
    for (n_categories, n_families) in [(1, 1), (3, 1), (1, 20), (2, 20)] {
        let at = Owned::random(&mut random, &tree, n_categories, n_families);
        // Root frequencies may not leave [0, 1].
        let at = Owned {
            root: at.root.iter().map(|pair| pair.map(|p| 0.01 + 0.9 * p)).collect(),
            ..at
        };
        let found: NumbersAdjoint = given.vector_jacobian(&at.numbers(), &cotangent, &monitor).unwrap();
        let fields = [
            &found.gain[..],
            &found.loss,
            &found.branch_length,
            found.root.as_flattened(),
            &found.weights,
        ];
        for (field, derivatives) in fields.into_iter().enumerate() {
            for (index, found) in derivatives.iter().enumerate() {
                let expected = slope(|shift| {
                    let mut moved = at.clone();
                    moved.fields()[field][index] += shift;
                    dot(&cotangent, &given.log_likelihoods(&moved.numbers(), &monitor).unwrap())
                });
                let error = (found - expected).abs();
                assert!(
                    error < 1e-6 * expected.abs().max(1.0),
                    "{field} {index}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn plain_numbers_that_cannot_be_are_refused_in_a_sentence() {
    let tree = tree("((t0:1,t1:1):1,t2:1);");
    let (problem, _) = problem(&tree, &names(&tree), &[vec![1, 0, 1], vec![1, 1, 0]]);
    let given = GivenRates::new(problem, workers(1));
    let good = Owned::random(&mut Random(1), &tree, 2, 2);
    assert!(given.log_likelihoods(&good.numbers(), &Monitor::new()).is_ok());
    let mut sentences = Vec::new();
    for (field, index, value) in [
        (0, 0, -1.0),
        (1, 3, f64::NAN),
        (2, 1, -0.5),
        (3, 0, 1.5),
        (4, 1, f64::INFINITY),
    ] {
        let mut bad = good.clone();
        bad.fields()[field][index] = value;
        let found = given.vector_jacobian(&bad.numbers(), &[1.0, 1.0], &Monitor::new());
        sentences.push(found.unwrap_err().to_string());
    }
    let mut short = good.clone();
    short.branch_length.pop();
    sentences.push(
        given
            .log_likelihoods(&short.numbers(), &Monitor::new())
            .unwrap_err()
            .to_string(),
    );
    short = good.clone();
    short.gain.pop();
    sentences.push(
        given
            .log_likelihoods(&short.numbers(), &Monitor::new())
            .unwrap_err()
            .to_string(),
    );
    let expected = [
        "gain rate is -1; allowed are numbers from 0 to 8.9e307",
        "loss rate is NaN; allowed are numbers from 0 to 8.9e307",
        "a branch length is -0.5; allowed are finite numbers of 0 or more",
        "root frequency 1.5 is not a probability; allowed are numbers from 0 to 1",
        "a category weight is inf; allowed are finite numbers of 0 or more",
        "the array of branch lengths has length 4; expected 5",
        "the array of gain rates has length 3; expected 2 or 4",
    ];
    assert_eq!(sentences, expected);
}
