//! Missing cells: as often as asked for, and the window judged by what is visible.

use crate::common::{Random, names, problem, tree};
use crate::{Setting, assert_frequencies, cells, simulate};
use persiste_rust::model::Ascertainment;
use persiste_rust::problem::Counts;
use persiste_rust::simulate::Missing;

/// All records of 0, 1 and -1 over so many tips.
fn all_records(n_tips: u32) -> Vec<Vec<i8>> {
    let cell = |index: usize, tip: u32| (index / 3_usize.pow(tip) % 3) as i8 - 1;
    (0..3_usize.pow(n_tips))
        .map(|index| (0..n_tips).map(|tip| cell(index, tip)).collect())
        .collect()
}

fn counts(cells: &[i8]) -> Counts {
    let count = |wanted: i8| cells.iter().filter(|&&cell| cell == wanted).count() as u32;
    Counts {
        present: count(1),
        missing: count(-1),
    }
}

/// The definition, by enumeration: a complete record in the window, then a mask, then a visible record in it.
#[test]
fn visible_records_are_as_frequent_as_the_definition_says() {
    const FAMILIES: usize = 6000;
    let (n_tips, rate) = (3, 0.3);
    let mut random = Random(23);
    for (log_gain, ascertainment) in [
        (-0.4, Ascertainment::None),
        (-0.4, Ascertainment::Observed),
        (-6.0, Ascertainment::Observed),
        (-0.4, Ascertainment::Variable),
        (-6.0, Ascertainment::window(1, Some(2), 3).unwrap()),
        (-0.4, Ascertainment::window(2, Some(2), 3).unwrap()),
    ] {
        let tree = tree(&random.newick(n_tips, 0.3, 0.6));
        let parameters = [log_gain, 0.1];
        let records = all_records(3);
        let complete: Vec<&Vec<i8>> = records.iter().filter(|cells| counts(cells).missing == 0).collect();
        let all: Vec<Vec<i8>> = complete.iter().map(|&cells| cells.clone()).collect();
        let plain = Setting::plain(&tree, Ascertainment::None);
        let of_complete = plain.log_likelihoods(&tree, &all, &parameters);
        let weight = |cells: &Vec<i8>| {
            let seen = counts(cells);
            if !ascertainment.admits(seen, n_tips) {
                return 0.0;
            }
            let hides = |whole: &Vec<i8>| {
                whole
                    .iter()
                    .zip(cells)
                    .all(|(whole, cell)| *cell == -1 || whole == cell)
            };
            let inside = |whole: &Vec<i8>| ascertainment.admits(counts(whole), n_tips);
            let whole: f64 = complete
                .iter()
                .zip(&of_complete)
                .filter(|(whole, _)| hides(whole) && inside(whole))
                .map(|(_, log)| log[0].exp())
                .sum();
            let missing = seen.missing as i32;
            whole * f64::powi(rate, missing) * f64::powi(1.0 - rate, n_tips as i32 - missing)
        };
        let weights: Vec<f64> = records.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let specification = Setting::plain(&tree, ascertainment).specification(&tree, FAMILIES);
        let simulated = simulate(
            &tree,
            &specification,
            &parameters,
            Missing::Rate(rate),
            random.word(),
            2,
        );
        let mut found = vec![0; records.len()];
        for family in 0..FAMILIES {
            let cells = cells(&simulated, family);
            found[records.iter().position(|record| *record == cells).unwrap()] += 1;
        }
        assert_frequencies(&found, &probabilities, &format!("{ascertainment:?} {log_gain}"));
    }
}

#[test]
fn missing_cells_of_given_families_are_reused_in_turn() {
    let mut random = Random(24);
    let tree = tree(&random.newick(5, 0.0, 0.6));
    let given: Vec<Vec<i8>> = vec![vec![1, -1, 0, -1, 1], vec![-1, 1, 1, 0, 0], vec![1, 1, 0, 0, 1]];
    let (problem, _) = problem(&tree, &names(&tree), &given);
    let specification = Setting::plain(&tree, Ascertainment::Observed).specification(&tree, 100);
    let like = Missing::Like(problem.patterns());
    let simulated = simulate(&tree, &specification, &[-1.0, 0.0], like, 3, 2);
    for family in 0..100 {
        let missing = |cells: &[i8]| cells.iter().map(|&cell| cell == -1).collect::<Vec<_>>();
        let found = cells(&simulated, family);
        assert_eq!(missing(&found), missing(&given[family % 3]));
        assert!(found.contains(&1));
    }
}
