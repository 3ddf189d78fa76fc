//! Leave-one-out predictions against setting each cell both ways.

use crate::common::Random;
use crate::worlds::World;
use persiste_rust::model::Ascertainment;
use persiste_rust::parallel::Monitor;
use persiste_rust::quantity::genome_fit::{GenomeFit, SURE, genome_fit};

/// The same sums, by evaluating each family with the cell absent and present.
fn brute_force(world: &World, families: &[Vec<i8>], tip: usize) -> GenomeFit {
    let mut found = GenomeFit::default();
    let groups: Vec<u32> = (0..families.len()).map(|family| world.group(family)).collect();
    let with = |state: i8| -> Vec<Vec<i8>> {
        let of_family = |cells: &Vec<i8>| {
            let mut cells = cells.clone();
            cells[tip] = state;
            cells
        };
        families.iter().map(of_family).collect()
    };
    let tables = [with(0), with(1)];
    let own = world.probabilities_of(families, &groups);
    let of_tables = [0, 1].map(|state| world.probabilities_of(&tables[state], &groups));
    for (family, cells) in families.iter().enumerate() {
        if cells[tip] == -1 || own[family] <= 0.0 {
            continue;
        }
        let both = [0, 1].map(|state| &tables[state][family]);
        let likelihoods = [0, 1].map(|state| of_tables[state][family]);
        let admitted = [0, 1].map(|state| world.admits(both[state]));
        let shown = f64::from(cells[tip]);
        found.n_families += 1.0;
        found.observed += shown;
        if admitted != [true, true] {
            found.expected += shown;
            continue;
        }
        let total = likelihoods[0] + likelihoods[1];
        let p = likelihoods[1] / total;
        found.expected += p;
        found.variance += p * (1.0 - p);
        // Recorded present is r_0 p_0 + r_1 p_1, and r_0 + r_1 the total.
        let [foreign, complete] = world.recording(tip);
        let carried = (p - foreign) / (complete - foreign);
        if carried >= SURE {
            found.surely_present += 1.0;
            found.lacking += 1.0 - shown;
            found.expected_lacking += 1.0 - p;
        } else if carried <= 1.0 - SURE {
            found.extra += shown;
            found.expected_extra += p;
        }
    }
    found
}

fn numbers(of: &GenomeFit) -> [f64; 9] {
    [
        of.n_families,
        of.observed,
        of.expected,
        of.variance,
        of.surely_present,
        of.lacking,
        of.expected_lacking,
        of.extra,
        of.expected_extra,
    ]
}

#[test]
fn predictions_match_setting_each_cell_both_ways_under_every_kind_of_model() {
    let mut random = Random(21);
    let (mut n_lacking, mut n_extra, mut n_impossible) = (0.0, 0.0, 0);
    for turn in 0..48 {
        let mut world = World::draw(&mut random, turn);
        if turn % 4 == 0 {
            // Rates at which relatives are sure of each other.
            world
                .parameters
                .iter_mut()
                .take(2)
                .for_each(|log_rate| *log_rate -= 4.0);
        }
        let n_families = if turn / 2 % 4 == 3 { 40 } else { 14 };
        let families = world.families(&mut random, n_families, [0.0, 0.25][turn / 5 % 2]);
        let model = world.model(&families, world.ascertainment, 1);
        let found = genome_fit(&model, &world.parameters, &Monitor::new()).unwrap();
        for (tip, found) in found.iter().enumerate() {
            let expected = brute_force(&world, &families, tip);
            for (found, expected) in numbers(found).into_iter().zip(numbers(&expected)) {
                assert!(
                    (found - expected).abs() < 1e-11,
                    "{turn}, tip {tip}: {found} {expected}"
                );
            }
            n_lacking += expected.lacking;
            n_extra += expected.extra;
            n_impossible += usize::from(expected.n_families < 9.0);
        }
    }
    assert!(
        n_lacking > 3.0 && n_extra > 3.0 && n_impossible > 0,
        "{n_lacking} {n_extra} {n_impossible}"
    );
}

#[test]
fn predictions_are_the_same_for_any_number_of_threads() {
    let mut random = Random(4);
    let world = World::draw(&mut random, 7);
    let families = world.families(&mut random, 500, 0.1);
    let found = [1, 2, 5].map(|threads| {
        let model = world.model(&families, world.ascertainment, threads);
        genome_fit(&model, &world.parameters, &Monitor::new()).unwrap()
    });
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}

#[test]
fn a_family_that_one_genome_alone_shows_says_nothing_about_it_where_it_would_not_be_listed_else() {
    let mut random = Random(2);
    let world = World::draw(&mut random, 0);
    let n_tips = world.tree.n_tips();
    let mut cells = vec![0_i8; n_tips];
    cells[0] = 1;
    let of = |ascertainment| {
        let model = world.model(&[cells.clone(), cells.clone(), cells.clone()], ascertainment, 1);
        genome_fit(&model, &world.parameters, &Monitor::new()).unwrap()[0]
    };
    let listed = of(Ascertainment::Observed);
    assert_eq!((listed.expected, listed.variance), (3.0, 0.0));
    let complete = of(Ascertainment::None);
    assert!(complete.expected < 3.0 && complete.variance > 0.0);
}
