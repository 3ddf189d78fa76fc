//! A repeated evaluation allocates its results and little else: no working memory, and nothing for each join.
//!
//! The allocator counts what this thread asks for. `GlobalAlloc` can only be implemented with `unsafe`; each function
//! hands on to the system's allocator what it was given.
#![allow(clippy::unwrap_used, unsafe_code)]

mod common;

use common::{Random, random_cells, tree, workers};
use persiste_rust::kernel::{Kernel, SharedInput, Transition, transition};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    /// Allocations of this thread, and their bytes.
    static COUNTS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

fn count(bytes: usize) {
    // A thread that ends may allocate after its counters are gone; nobody asks for those.
    let _ = COUNTS.try_with(|counts| {
        let (n, total) = counts.get();
        counts.set((n + 1, total + bytes));
    });
}

// SAFETY: all three hand on their arguments unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and all memory is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps the contract of `realloc`, and all memory is the system's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how many allocations `work` makes, and their bytes.
fn allocations<T>(work: impl FnOnce() -> T) -> (usize, usize) {
    let before = COUNTS.get();
    let result = work();
    let after = COUNTS.get();
    drop(result);
    (after.0 - before.0, after.1 - before.1)
}

struct Case {
    kernel: Kernel,
    transitions: Vec<Transition>,
}

fn case(n_tips: usize) -> Case {
    let mut random = Random(n_tips as u64);
    let tree: Tree = tree(&random.newick(n_tips, 0.0, 0.1));
    let genomes: Vec<String> = tree.tip_names().map(String::from).collect();
    let (problem, _) = common::problem(&tree, &genomes, &random_cells(&mut random, n_tips, 3_000, 0.0));
    assert_eq!(problem.patterns().n_patterns(), 3_000);
    let of_length = |&length: &f64| transition(0.5, 1.0, length);
    let mut transitions: Vec<Transition> = tree.branch_lengths().iter().map(of_length).collect();
    *transitions.last_mut().unwrap() = [1.0, 0.0, 0.0, 1.0];
    Case {
        kernel: Kernel::with_classes(problem, &workers(1)),
        transitions,
    }
}

/// Returns the allocations of a repeated value and of a repeated gradient.
fn repeated(case: &Case) -> [(usize, usize); 2] {
    let (workers, monitor, root) = (workers(1), Monitor::new(), [[0.6, 0.4]]);
    let input = SharedInput {
        transitions: &case.transitions,
        root: &root,
        weights: &[1.0],
        tips: None,
    };
    let weights = case.kernel.problem().patterns().weights();
    let value = || allocations(|| case.kernel.log_likelihoods(input, &workers, &monitor).unwrap());
    let gradient = || allocations(|| case.kernel.vector_jacobian(input, weights, &workers, &monitor).unwrap());
    let first = [value(), gradient()];
    let again = [value(), gradient()];
    assert_eq!(again, [value(), gradient()], "from the second on all are alike");
    assert!(
        first[0].1 > 2 * again[0].1,
        "{first:?} {again:?}: the first makes what is kept"
    );
    again
}

#[test]
fn a_repeated_evaluation_allocates_results_and_no_working_memory() {
    // So few tips that no class is scaled, which would add its counts to the results.
    let counts = [100, 200].map(|n_tips| (n_tips, repeated(&case(n_tips))));
    let [(_, few), (_, many)] = counts;
    for (few, many) in few.iter().zip(&many) {
        assert_eq!(few.0, many.0, "as many allocations on the larger tree");
    }
    for (n_tips, [value, gradient]) in counts {
        let n_nodes = 2 * n_tips - 1;
        assert!(value.0 <= 5 && gradient.0 <= 14, "{value:?} {gradient:?}");
        // The probabilities of the branches, 40 bytes each, and the logarithm of each pattern twice: in the result of its
        // stretch and in the whole.
        let of_patterns = 3_000 * 17;
        assert!(value.1 <= 40 * n_nodes + of_patterns, "{value:?}");
        // Three tables of derivatives besides, of two parts and of the whole, 32 bytes a branch.
        assert!(gradient.1 <= (40 + 3 * 32) * n_nodes + of_patterns, "{gradient:?}");
    }
}
