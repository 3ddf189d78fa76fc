//! Simulated tables: every statistic against a plain loop, threads, and bad orders.

use crate::common::{Random, names, problem, tree, workers};
use crate::worlds::World;
use persiste_rust::error::CheckError;
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};
use persiste_rust::parallel::{Monitor, Workers, stream_seed};
use persiste_rust::problem::{Patterns, Tree};
use persiste_rust::quantity::count_classes::CountClasses;
use persiste_rust::quantity::predictive::{Predictive, Replicates, parsimony_score, predictive};
use persiste_rust::quantity::spectrum::Spectrum;
use persiste_rust::simulate::{Missing, Simulation};

/// The least number of changes by trying all states of all nodes.
fn least_changes(tree: &Tree, cells: &[i8]) -> u32 {
    let n = tree.n_nodes();
    let fits = |states: usize| {
        let mut tips = tree.tips().iter().zip(cells);
        tips.all(|(&tip, &cell)| cell == -1 || (states >> tip) & 1 == cell as usize)
    };
    let changes = |states: usize| {
        let differs = |node: &usize| (states >> node ^ states >> tree.parents()[*node]) & 1 == 1;
        (0..n - 1).filter(differs).count() as u32
    };
    (0..1_usize << n)
        .filter(|&states| fits(states))
        .map(changes)
        .min()
        .unwrap()
}

#[test]
fn parsimony_matches_trying_all_states_also_at_polytomies_and_missing_cells() {
    let mut random = Random(17);
    for _ in 0..60 {
        let n_tips = 1 + random.below(7);
        let tree = tree(&random.newick(n_tips, 0.6, 0.5));
        if tree.n_nodes() > 12 {
            continue;
        }
        let cells: Vec<Vec<i8>> = (0..20)
            .map(|_| (0..tree.n_tips()).map(|_| [0, 1, 0, 1, -1][random.below(5)]).collect())
            .collect();
        let (problem, _) = problem(&tree, &names(&tree), &cells);
        let expected: u32 = cells.iter().map(|cells| least_changes(problem.tree(), cells)).sum();
        assert_eq!(parsimony_score(problem.tree(), problem.patterns()), u64::from(expected));
    }
}

fn replicates(n: usize, n_tips: usize) -> Replicates {
    Replicates {
        n,
        seed: 9,
        classes: CountClasses::new(0.8, 0.4, n_tips).unwrap(),
    }
}

fn run(world: &World, families: &[Vec<i8>], threads: usize, n: usize) -> Predictive {
    let model = world.model(families, world.ascertainment, threads);
    let (order, monitor) = (replicates(n, world.tree.n_tips()), Monitor::new());
    let exact = Spectrum::exact(&model, &world.parameters, &order.classes, &monitor).unwrap();
    predictive(&model, &world.parameters, order, exact, &monitor).unwrap()
}

/// What a plain loop over the cells finds, `[n_families][n_tips]`; the log-likelihoods are the model's.
fn plain_statistics(world: &World, cells: &[Vec<i8>], spectrum: &Spectrum) -> Vec<f64> {
    let (n, n_tips) = (cells.len() as f64, world.tree.n_tips());
    let counts: Vec<usize> = cells
        .iter()
        .map(|cells| cells.iter().filter(|&&cell| cell == 1).count())
        .collect();
    let mean = counts.iter().sum::<usize>() as f64 / n;
    let variance = counts.iter().map(|&count| (count as f64 - mean).powi(2)).sum::<f64>() / n;
    let share = |count: &usize| *count as f64 / n_tips as f64;
    let number = |is_so: &dyn Fn(&usize) -> bool| counts.iter().filter(|count| is_so(count)).count() as f64;
    let distinct: std::collections::BTreeSet<&Vec<i8>> = cells.iter().collect();
    let size = |tip: usize| cells.iter().filter(|cells| cells[tip] == 1).count() as f64;
    let sizes: Vec<f64> = (0..n_tips).map(size).collect();
    let mean_size = sizes.iter().sum::<f64>() / n_tips as f64;
    let spread = sizes.iter().map(|size| (size - mean_size).powi(2)).sum::<f64>() / n_tips as f64;
    let of_bin = |k: usize| counts.iter().filter(|&&count| count == k).count() as f64;
    let gap = |(k, bin): (usize, &f64)| 4.0 * (of_bin(k).sqrt() - bin.sqrt()).powi(2);
    let model = world.model(cells, world.ascertainment, 1);
    let monitor = Monitor::new();
    vec![
        mean,
        variance,
        number(&|count| share(count) >= 0.8 - 1e-9),
        number(&|count| share(count) < 0.8 - 1e-9 && share(count) >= 0.4 - 1e-9),
        number(&|count| *count > 0 && share(count) < 0.4 - 1e-9),
        number(&|count| *count == 1),
        spectrum.expected().iter().enumerate().map(gap).sum(),
        distinct.len() as f64,
        cells
            .iter()
            .map(|cells| f64::from(least_changes(&world.tree, cells)))
            .sum(),
        spread.sqrt(),
        tree_signal(&world.tree, cells),
        model.log_likelihood(&world.parameters, &monitor).unwrap() / n,
    ]
}

fn tree_signal(tree: &Tree, cells: &[Vec<i8>]) -> f64 {
    let path = |tip: usize| {
        let mut nodes = vec![tree.tips()[tip] as usize];
        while *nodes.last().unwrap() != tree.root() {
            nodes.push(tree.parents()[*nodes.last().unwrap()] as usize);
        }
        nodes
    };
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for one in 0..tree.n_tips() {
        for other in 0..one {
            let (a, b) = (path(one), path(other));
            let apart = a
                .iter()
                .filter(|node| !b.contains(node))
                .chain(b.iter().filter(|node| !a.contains(node)));
            x.push(apart.map(|&node| tree.branch_lengths()[node]).sum::<f64>());
            let both = cells
                .iter()
                .filter(|cells| cells[one] == 1 && cells[other] == 1)
                .count() as f64;
            let known = cells.iter().filter(|cells| cells[one] != -1 && cells[other] != -1);
            let either = known.filter(|cells| cells[one] == 1 || cells[other] == 1).count() as f64;
            y.push(if either == 0.0 { 0.0 } else { 1.0 - both / either });
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_x, mean_y) = (mean(&x), mean(&y));
    let sum = |of: &dyn Fn(f64, f64) -> f64| x.iter().zip(&y).map(|(&x, &y)| of(x - mean_x, y - mean_y)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

/// The cells of a replicate, drawn with its own seed.
fn replicate_cells(model: &GeneContentModel, parameters: &[f64], replicate: u64) -> Vec<Vec<i8>> {
    let tree = model.problem().tree();
    let simulation = Simulation {
        tree,
        specification: model.specification(),
        parameters,
        missing: Missing::Like(model.problem().patterns()),
        seed: stream_seed(9, replicate, 0),
        wants_truth: false,
    };
    let table = simulation
        .run(model.families(), &Workers::single(), &Monitor::new())
        .unwrap()
        .table;
    let columns: Vec<u32> = (0..tree.n_tips() as u32).collect();
    let patterns = Patterns::distinct(&table, &columns);
    let of_family = |&pattern: &u32| {
        (0..tree.n_tips())
            .map(|tip| patterns.cell(pattern as usize, tip))
            .collect()
    };
    patterns.pattern_of_family().iter().map(of_family).collect()
}

#[test]
fn statistics_p_values_and_surprises_are_those_of_a_plain_loop_over_the_replicates() {
    let (mut random, n) = (Random(31), 8);
    let mut n_checked = 0;
    for turn in 0..24 {
        let world = World::draw(&mut random, turn);
        if world.tree.n_nodes() > 10 || world.tree.n_tips() < 4 {
            continue;
        }
        n_checked += 1;
        let families = world.families(&mut random, 25, [0.0, 0.15][turn % 2]);
        let found = run(&world, &families, 2, n);
        let model = world.model(&families, world.ascertainment, 1);
        let tables: Vec<_> = (0..n as u64)
            .map(|replicate| replicate_cells(&model, &world.parameters, replicate))
            .collect();
        let observed = plain_statistics(&world, &families, &found.spectrum);
        let simulated: Vec<_> = tables
            .iter()
            .map(|cells| plain_statistics(&world, cells, &found.spectrum))
            .collect();
        for (index, statistic) in found.statistics.iter().enumerate() {
            let close =
                |a: f64, b: f64| a == b || (a - b).abs() < 1e-9 * b.abs().max(1.0) || (a.is_nan() && b.is_nan());
            assert!(
                close(statistic.observed, observed[index]),
                "{turn}: {statistic:?} {}",
                observed[index]
            );
            let mut high = 1;
            for (value, plain) in statistic.simulated.iter().zip(&simulated) {
                assert!(
                    close(*value, plain[index]),
                    "{turn}: {} {value} {}",
                    statistic.name,
                    plain[index]
                );
                high += usize::from(*value >= statistic.observed - 1e-12 * statistic.observed.abs());
            }
            if !statistic.p_values()[1].is_nan() {
                assert!((statistic.p_values()[1] - high as f64 / (n + 1) as f64).abs() < 1e-15);
            }
        }
        check_surprises(&world, &families, &tables, &found);
    }
    assert!(n_checked > 5);
}

fn check_surprises(world: &World, families: &[Vec<i8>], tables: &[Vec<Vec<i8>>], found: &Predictive) {
    let monitor = Monitor::new();
    let values = |cells: &[Vec<i8>]| {
        let model = world.model(cells, world.ascertainment, 1);
        model.log_likelihoods(&world.parameters, &monitor).unwrap()
    };
    let count = |cells: &[i8]| cells.iter().filter(|&&cell| cell == 1).count();
    let mask = |cells: &[i8]| cells.iter().map(|&cell| cell == -1).collect::<Vec<_>>();
    let own = values(families);
    let of_tables: Vec<Vec<f64>> = tables.iter().map(|table| values(table)).collect();
    for (family, cells) in families.iter().enumerate() {
        let (mut all, mut given) = ([1.0, 1.0], [1.0, 1.0]);
        for (table, values) in tables.iter().zip(&of_tables) {
            for (other, &value) in values.iter().enumerate() {
                let is_same_law = world.group(other) == world.group(family) && mask(&table[other]) == mask(cells);
                let is_no_greater = f64::from(u8::from(value <= own[family] + 1e-9));
                if is_same_law {
                    all = [all[0] + is_no_greater, all[1] + 1.0];
                    if count(&table[other]) == count(cells) {
                        given = [given[0] + is_no_greater, given[1] + 1.0];
                    }
                }
            }
        }
        assert_eq!(found.families.p_value[family], all[0] / all[1]);
        assert_eq!(found.families.p_given_presences[family], given[0] / given[1]);
        assert_eq!(found.families.n_given_presences[family], given[1] as u64 - 1);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut random = Random(3);
    for turn in [1, 4] {
        let world = World::draw(&mut random, turn);
        let families = world.families(&mut random, 120, 0.1);
        let one = run(&world, &families, 1, 10);
        for threads in [2, 4] {
            assert_eq!(run(&world, &families, threads, 10), one);
        }
    }
}

#[test]
fn genomes_have_the_sizes_of_the_table_and_the_mean_of_the_replicates() {
    let mut random = Random(12);
    let world = World::draw(&mut random, 1);
    let families = world.families(&mut random, 50, 0.1);
    let found = run(&world, &families, 1, 8);
    let model = world.model(&families, world.ascertainment, 1);
    let tables: Vec<_> = (0..8)
        .map(|replicate| replicate_cells(&model, &world.parameters, replicate))
        .collect();
    for (tip, genome) in found.genomes.iter().enumerate() {
        let size = |cells: &[Vec<i8>]| cells.iter().filter(|cells| cells[tip] == 1).count() as f64;
        let is_own = |cells: &&Vec<i8>| cells[tip] == 1 && cells.iter().filter(|&&cell| cell == 1).count() == 1;
        let own = |cells: &[Vec<i8>]| cells.iter().filter(is_own).count() as f64;
        assert_eq!(
            genome.observed.map(|value| value as f64),
            [size(&families), own(&families)]
        );
        let mean = |of: &dyn Fn(&[Vec<i8>]) -> f64| tables.iter().map(|cells| of(cells)).sum::<f64>() / 8.0;
        assert!((genome.mean[0] - mean(&size)).abs() < 1e-12 && (genome.mean[1] - mean(&own)).abs() < 1e-12);
        let squares: f64 = tables.iter().map(|cells| (size(cells) - genome.mean[0]).powi(2)).sum();
        assert!((genome.sd[0] - (squares / 7.0).sqrt()).abs() < 1e-9);
    }
}

#[test]
fn no_replicates_and_roots_by_data_are_refused() {
    let tree = tree("((a:1,b:1):1,c:1);");
    let families = [vec![1, 0, 1], vec![1, 1, 0]];
    let (problem, labels) = problem(&tree, &names(&tree), &families);
    let of_root = |root| {
        let none = Ascertainment::None;
        GeneContentModel::shared(problem.clone(), labels.clone(), root, none, workers(1)).unwrap()
    };
    let monitor = Monitor::new();
    let found = predictive(
        &of_root(RootPrior::Equal),
        &[0.0, 0.0],
        replicates(0, 3),
        None,
        &monitor,
    );
    assert!(matches!(found, Err(CheckError::NoSimulations)));
    let found = predictive(
        &of_root(RootPrior::FitzJohn),
        &[0.0, 0.0],
        replicates(2, 3),
        None,
        &monitor,
    );
    assert!(matches!(found, Err(CheckError::RootFromData)));
    monitor.cancel();
    let found = predictive(
        &of_root(RootPrior::Equal),
        &[0.0, 0.0],
        replicates(2, 3),
        None,
        &monitor,
    );
    assert!(matches!(found, Err(CheckError::Model(_))));
}
