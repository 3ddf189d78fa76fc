//! The same bits from every instruction set, the same numbers from blocks of either width.

use super::blocks::ValueBlock;
use super::*;
use crate::kernel::classes::{Classes, Held, Mixture};
use crate::kernel::dispatch::{self, Simd, Work};
use crate::kernel::partial::Partial;
use crate::kernel::transition::transitions;
use crate::problem::{BLOCK, Names, Patterns, PresenceTable, Problem, Tree};
use std::num::NonZero;
use std::sync::Arc;

/// A ladder of tips over a table whose columns count in binary, some cells missing.
pub(in crate::kernel) fn kernel() -> Kernel {
    ladder(24)
}

fn ladder(n_tips: usize) -> Kernel {
    let n = n_tips as i32;
    let parents = (0..2 * n - 1).map(|node| match node {
        0 | 1 => n,
        tip if tip < n => n - 1 + tip,
        inner if inner < 2 * n - 2 => inner + 1,
        _ => -1,
    });
    let lengths: Vec<f64> = (0..2 * n_tips - 1).map(|node| 0.02 * (1 + node % 7) as f64).collect();
    let (tree, tips) = Tree::from_parents(&parents.collect::<Vec<_>>(), &lengths, n_tips).unwrap();
    let cell = |(tip, family): (usize, usize)| match (family * 2_654_435_761) >> (tip % 40 + 3) & 7 {
        0..3 => 1,
        7 if tip == 5 => -1,
        _ => 0,
    };
    let cells = ndarray::Array2::from_shape_fn((n_tips, 900), cell);
    let names: Names = (0..900).map(|family| family.to_string()).collect();
    let table = PresenceTable::from_matrix(cells.view(), (0..n_tips).map(|tip| tip.to_string()).collect(), names);
    let patterns = Patterns::distinct(&table.unwrap(), &tips);
    Kernel::with_classes(Arc::new(Problem::new(tree, patterns)), &Workers::new(NonZero::new(1)))
}

#[test]
fn narrow_and_wide_blocks_and_classes_give_the_same_derivatives() {
    let kernel = kernel();
    let tree = kernel.problem.tree();
    let mut table = transitions(0.4, 0.9, tree.branch_lengths());
    table[tree.root()] = [1.0, 0.0, 0.0, 1.0];
    let tips: Vec<[f64; 2]> = (0..tree.n_tips())
        .map(|tip| [0.003 * tip as f64, 1.0 - 0.01 * (tip % 5) as f64])
        .collect();
    let input = SharedInput {
        transitions: &table,
        root: &[[0.7, 0.3]],
        weights: &[1.0],
        tips: Some(&tips),
    };
    let (prepared, workers, monitor) = (Prepared::new(input), Workers::new(NonZero::new(1)), Monitor::new());
    let cotangent = kernel.problem.patterns().weights();
    let (wide, narrow) = (
        kernel.block_vector_jacobian::<64>(&prepared, cotangent, &workers, &monitor),
        kernel.block_vector_jacobian::<8>(&prepared, cotangent, &workers, &monitor),
    );
    let ((values, wide), (narrow_values, narrow)) = (wide.unwrap(), narrow.unwrap());
    let (_, of_classes) = kernel.vector_jacobian(input, cotangent, &workers, &monitor).unwrap();
    assert_eq!(values, narrow_values);
    // The sum of some hundred terms of either sign.
    let close = |a: f64, b: f64| (a - b).abs() < 1e-10 * (100.0 + a.abs());
    for other in [&narrow, &of_classes] {
        let below_root = 0..tree.root();
        let pairs = wide.transitions[below_root.clone()]
            .iter()
            .zip(&other.transitions[below_root]);
        let tips = wide.tips.as_flattened().iter().zip(other.tips.as_flattened());
        assert!(
            pairs
                .flat_map(|(a, b)| a.iter().zip(b))
                .chain(tips)
                .all(|(a, b)| close(*a, *b))
        );
    }
}

#[test]
fn results_that_are_computed_again_give_the_derivatives_of_those_that_are_held() {
    // So many tips that likelihoods are scaled up, some in results that later segments need.
    let mut kernel = ladder(1200);
    let tree = kernel.problem.tree().clone();
    let mut table: Vec<Transition> = [0.1, 3.0]
        .iter()
        .flat_map(|rate| transitions(0.4 * rate, 0.9 * rate, tree.branch_lengths()))
        .collect();
    for category in 0..2 {
        table[category * tree.n_nodes() + tree.root()] = [1.0, 0.0, 0.0, 1.0];
    }
    let input = SharedInput {
        transitions: &table,
        root: &[[0.7, 0.3]; 2],
        weights: &[0.5; 2],
        tips: None,
    };
    let (workers, monitor) = (Workers::new(NonZero::new(1)), Monitor::new());
    let cotangent = kernel.problem.patterns().weights().to_vec();
    let held = kernel.vector_jacobian(input, &cotangent, &workers, &monitor).unwrap();
    for segment in [1 << 10, 1 << 15, 1 << 20] {
        kernel.classes = kernel.classes.map(|classes| classes.holding(Held { all: 0, segment }));
        let again = kernel.vector_jacobian(input, &cotangent, &workers, &monitor).unwrap();
        assert_eq!(again, held, "segments of {segment} bytes");
    }
}

#[test]
fn all_instruction_sets_give_the_same_bits() {
    let kernel = kernel();
    let tree = kernel.problem.tree();
    let mut table = transitions(0.4, 0.9, tree.branch_lengths());
    table[tree.root()] = [1.0, 0.0, 0.0, 1.0];
    let edges: Vec<SharedEdge> = table.iter().copied().map(SharedEdge::new).collect();
    let input = SharedInput {
        transitions: &table,
        root: &[[0.7, 0.3]],
        weights: &[1.0],
        tips: None,
    };
    let prepared = Prepared::new(input);
    let classes = kernel.classes.as_ref().unwrap();
    let mixture = Mixture {
        edges: &edges,
        root: input.root,
        weights: input.weights,
    };
    let cotangent = vec![1.0; kernel.problem.patterns().n_patterns()];

    struct Both<'a>(&'a Kernel, &'a Classes, Mixture<'a>, &'a Prepared<'a>, &'a [f64]);
    impl Work for Both<'_> {
        type Output = (Vec<f64>, SharedAdjoint, [f64; BLOCK]);

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let Self(kernel, classes, mixture, prepared, cotangent) = self;
            let mut values = Vec::new();
            let mut adjoint = SharedAdjoint::zeros(1, mixture.edges.len(), 0);
            let output = (&mut values, &mut adjoint);
            classes
                .with_tape(|tape| classes.vector_jacobian(simd, 0, &mixture, cotangent, tape, output))
                .unwrap();
            let mut slots = vec![Partial::<BLOCK>::ones(); kernel.plan.n_slots];
            let slots = slots.as_mut_slice();
            (
                values,
                adjoint,
                ValueBlock {
                    kernel,
                    prepared,
                    block: 0,
                    slots,
                }
                .run(simd),
            )
        }
    }

    let results = dispatch::run_each(|| Both(&kernel, classes, mixture, &prepared, &cotangent));
    assert!(results[0].0.iter().all(|value| value.is_finite()));
    // Bit for bit, so compared with ==.
    assert!(results.iter().all(|result| result == &results[0]));
    let tables: Vec<_> = dispatch::run_each(|| Table(tree.branch_lengths()));
    assert!(tables.iter().all(|table| table == &tables[0]));

    struct Table<'a>(&'a [f64]);
    impl Work for Table<'_> {
        type Output = Vec<f64>;

        #[inline(always)]
        fn run<S: Simd>(self, _simd: S) -> Vec<f64> {
            let both = |&length: &f64| {
                [
                    crate::kernel::elementary::decay(length),
                    crate::kernel::elementary::decay(9.0 * length),
                ]
            };
            self.0
                .iter()
                .flat_map(both)
                .flat_map(|(kept, changed)| [kept, changed])
                .collect()
        }
    }
}
