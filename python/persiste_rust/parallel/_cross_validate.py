"""Cross-validation over index sets: each item is held out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from persiste_rust._backend import backend
from persiste_rust.parallel._map import map_indices
from persiste_rust.parallel._monte_carlo import bits

T = TypeVar("T")


class Fold(NamedTuple):
    """The items to learn from and the items to judge by, both ascending; together they are all items."""

    training: NDArray[np.int64]
    held_out: NDArray[np.int64]


def fold_of_item(n_items: int, n_folds: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Returns the fold in which each item is held out, (n_items,), the same for the same seed in Rust and Python.

    The items are shuffled, then dealt out in turn, so that the sizes of folds differ by at most one.

    # Errors
    ValueError for no items, less than 2 folds, or more than items.

    >>> np.bincount(fold_of_item(10, 3)).tolist()
    [4, 3, 3]
    """
    n_items, n_folds = int(n_items), int(n_folds)
    if n_items < 0 or n_folds < 0:
        raise ValueError(
            f"cannot make {n_folds} folds of {n_items} items; allowed are 2 folds or more of 2 items or more"
        )
    numbers: NDArray[np.int64] = backend().fold_of_item(n_items, n_folds, bits(seed, "seed"))
    return numbers


def folds(n_items: int, n_folds: int, *, seed: int = 0) -> list[Fold]:
    """Returns the index sets of each fold.

    # Errors
    As `fold_of_item`.

    >>> [len(fold.held_out) for fold in folds(10, 3)]
    [4, 3, 3]
    """
    numbers = fold_of_item(n_items, n_folds, seed=seed)
    return [_fold(numbers, number) for number in range(int(n_folds))]


def _fold(numbers: NDArray[np.int64], number: int) -> Fold:
    return Fold(np.flatnonzero(numbers != number), np.flatnonzero(numbers == number))


def cross_validate(
    work: Callable[[NDArray[np.int64], NDArray[np.int64]], T],
    n_items: int,
    n_folds: int,
    *,
    seed: int = 0,
    threads: int | None = None,
) -> list[T]:
    """Returns `work(training, held_out)` of each fold, in their order.

    # Errors
    The first exception in the order of folds; ValueError as from `fold_of_item`.

    >>> cross_validate(lambda training, held_out: len(held_out), 10, 3)
    [4, 3, 3]
    """
    numbers = fold_of_item(n_items, n_folds, seed=seed)
    return map_indices(lambda number: work(*_fold(numbers, number)), int(n_folds), threads)
