//! Counts for the tests of mixtures: shared tables, and simulated ones.
use crate::common::{Random, shared};
use ndarray::Array2;
use persiste_rust::dirichlet::Counts;
use serde_json::Value;

/// Returns a reference file, if it is there.
pub(crate) fn read_json(name: &str) -> Option<Value> {
    let path = shared(&format!("reference/dirichlet/{name}.json"))?;
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// Returns a shared table with one line a sample, if it is there.
pub(crate) fn read_counts(name: &str) -> Option<Counts> {
    let path = shared(&format!("data/dirichlet/{name}.csv"))?;
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<u32>> = text
        .lines()
        .skip(1)
        .map(|line| {
            line.split(',')
                .skip(1)
                .map(|cell| cell.trim().parse().unwrap())
                .collect()
        })
        .collect();
    let matrix = Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| rows[row][column]);
    Some(Counts::new(matrix.view()).unwrap())
}

/// The four samples of pyDMM's first example.
pub(crate) fn quickstart() -> Counts {
    Counts::new(ndarray::arr2(&[[100, 50, 25, 5], [95, 55, 30, 10], [10, 15, 80, 45], [5, 20, 85, 40]]).view()).unwrap()
}

/// Draws rows from `n_components` clusters of distinct profiles; also says which came from which.
pub(crate) fn simulate(
    seed: u64,
    (n_rows, n_columns): (usize, usize),
    n_components: usize,
    depth: u32,
) -> (Array2<u32>, Vec<usize>) {
    let mut random = Random(seed);
    let profiles: Vec<Vec<f64>> = (0..n_components)
        .map(|_| {
            let raw: Vec<f64> = (0..n_columns)
                .map(|_| (1.5 * (random.unit() + random.unit() + random.unit() - 1.5) * 3.0).exp())
                .collect();
            let sum: f64 = raw.iter().sum();
            raw.iter().map(|one| one / sum).collect()
        })
        .collect();
    let mut matrix = Array2::zeros((n_rows, n_columns));
    let labels: Vec<usize> = (0..n_rows).map(|_| random.below(n_components)).collect();
    for (row, &label) in labels.iter().enumerate() {
        // Noise in each row's own profile is what makes the counts more than multinomial.
        let own: Vec<f64> = profiles[label]
            .iter()
            .map(|one| one * (0.6 * (random.unit() - 0.5) * 4.0).exp())
            .collect();
        let sum: f64 = own.iter().sum();
        for _ in 0..depth {
            let mut left = random.unit() * sum;
            let column = own
                .iter()
                .position(|one| {
                    left -= one;
                    left < 0.0
                })
                .unwrap_or(n_columns - 1);
            matrix[(row, column)] += 1;
        }
    }
    (matrix, labels)
}

/// Counts of 300 rows in three clusters, and the cluster of each.
pub(crate) fn three_clusters() -> (Array2<u32>, Vec<usize>) {
    simulate(5, (300, 25), 3, 200)
}
