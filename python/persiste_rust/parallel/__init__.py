"""Running independent work side by side, with results that do not depend on the number of threads.

Functions go over items in threads of their own, as many as `threads=` says, else RAYON_NUM_THREADS, else one for each
core; there is no global pool. Results come in the order of the items, sums are taken in that order, random numbers
depend on seed, item and sample, and of several exceptions the first by index is raised. No items are a ValueError.
Seeds, folds and summaries have the same bits as those of the Rust crate, with either backend.

Threads gain time where the function releases the interpreter lock, as NumPy does in large operations and this package
does while its native module computes; functions of plain Python take turns, and gain nothing. Functions that start
threads themselves should be told to use one (`GeneContentModel(data, threads=1)`).

    map, monte_carlo, summarise, cross_validate, folds, grid, mean_gradient, aggregate, scaling, parallel_fraction

Over them lie the names that users of machine-learning packages know: `ParallelConfig`, the functions that begin with
`parallel_`, `aggregate_gradients`, `EnsembleAggregation`, and the module `benchmark`.
"""

from persiste_rust.parallel import benchmark
from persiste_rust.parallel._aggregate import aggregate, mean_gradient
from persiste_rust.parallel._config import ParallelConfig
from persiste_rust.parallel._cross_validate import Fold, cross_validate, fold_of_item, folds
from persiste_rust.parallel._familiar import (
    EnsembleAggregation,
    aggregate_gradients,
    parallel_batch_inference,
    parallel_batch_inference_with_uncertainty,
    parallel_cross_validation,
    parallel_ensemble_predict,
    parallel_gradient_computation,
    parallel_grid_search,
    parallel_preprocess,
)
from persiste_rust.parallel._grid import GridScores, grid
from persiste_rust.parallel._map import map, thread_count
from persiste_rust.parallel._monte_carlo import Summary, monte_carlo, stream_seed, summarise
from persiste_rust.parallel._scaling import Scaling, ScalingRow, parallel_fraction, scaling

__all__ = [
    "EnsembleAggregation",
    "Fold",
    "GridScores",
    "ParallelConfig",
    "Scaling",
    "ScalingRow",
    "Summary",
    "aggregate",
    "aggregate_gradients",
    "benchmark",
    "cross_validate",
    "fold_of_item",
    "folds",
    "grid",
    "map",
    "mean_gradient",
    "monte_carlo",
    "parallel_batch_inference",
    "parallel_batch_inference_with_uncertainty",
    "parallel_cross_validation",
    "parallel_ensemble_predict",
    "parallel_fraction",
    "parallel_gradient_computation",
    "parallel_grid_search",
    "parallel_preprocess",
    "scaling",
    "stream_seed",
    "summarise",
    "thread_count",
]
