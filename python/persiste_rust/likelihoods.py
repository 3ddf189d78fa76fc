"""Functions that take plain arrays, among them the names of the earlier crate."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from types import ModuleType
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._backend import backend
from persiste_rust._presence import names_or_none, presence_array


def compute_likelihoods_rust(
    tree_newick: str | PathLike[str],
    presence_matrix: ArrayLike,
    gain_rates: ArrayLike,
    loss_rates: ArrayLike,
    taxon_names: Sequence[str] | None = None,
    *,
    root: str | float = "stationary",
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Returns the log-likelihood of each family under its own gain and loss rate.

    `presence_matrix` is (n_tips, n_families): 0 absent, 1 present, -1 or NaN missing; rows in Newick tip order unless
    `taxon_names` (n_tips) is given. Rates are per unit of branch length, one number or (n_families). `root` is a root
    prior or P(present at the root). The result is (n_families), float64, natural log; -inf for a family that cannot
    arise. Where there is no native module NumPy computes the same.

    # Errors
    ValueError for shapes that do not fit, names that do not match, rates that are negative or not finite, g = l = 0
    with the stationary root.

    >>> compute_likelihoods_rust("(A:1,B:1);", [[1, 0], [1, 0]], 1.0, 1.0).round(4).tolist()
    [-1.3681, -1.3681]
    """
    return _likelihoods(
        backend(), tree_newick, presence_matrix, gain_rates, loss_rates, taxon_names, root=root, threads=threads
    )


def compute_likelihoods_numpy(
    tree_newick: str | PathLike[str],
    presence_matrix: ArrayLike,
    gain_rates: ArrayLike,
    loss_rates: ArrayLike,
    taxon_names: Sequence[str] | None = None,
    *,
    root: str | float = "stationary",
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Returns what `compute_likelihoods_rust` returns, always computed by NumPy, in one thread.

    >>> compute_likelihoods_numpy("(A:1,B:1);", [[1, 0], [1, 0]], 1.0, 1.0).round(4).tolist()
    [-1.3681, -1.3681]
    """
    return _likelihoods(
        backend("numpy"), tree_newick, presence_matrix, gain_rates, loss_rates, taxon_names, root=root, threads=threads
    )


def _likelihoods(
    module: ModuleType,
    tree_newick: str | PathLike[str],
    presence_matrix: ArrayLike,
    gain_rates: ArrayLike,
    loss_rates: ArrayLike,
    taxon_names: Sequence[str] | None,
    *,
    root: str | float,
    threads: int | None,
) -> NDArray[np.float64]:
    taxa = names_or_none(taxon_names, "taxon_names")
    presences = presence_array(presence_matrix, taxa)
    n_families = presences.shape[1]
    result = module.compute_likelihoods(
        module.Tree.from_newick(tree_newick),
        presences,
        _rates(gain_rates, "gain_rates", n_families),
        _rates(loss_rates, "loss_rates", n_families),
        taxa,
        root if isinstance(root, str) else float(root),
        threads,
    )
    return cast("NDArray[np.float64]", result)


def _rates(rates: ArrayLike, what: str, n_families: int) -> NDArray[np.float64]:
    array = np.asarray(rates, dtype=np.float64)
    legal = np.isfinite(array) & (array >= 0.0)
    if not legal.all():
        where = f"[{int(np.argmin(legal))}]" if array.ndim else ""
        found = float(array.flat[int(np.argmin(legal))])
        raise ValueError(f"{what}{where} is {found}; allowed are finite rates of 0 or more")
    if array.ndim == 0:
        return np.full(n_families, array)
    if array.shape != (n_families,):
        raise ValueError(f"{what} has shape {array.shape}; allowed are one number or ({n_families},), one a family")
    return np.ascontiguousarray(array)


def compute_likelihoods_parallel(
    parent_indices: ArrayLike,
    branch_lengths: ArrayLike,
    presence_matrix: ArrayLike,
    gain_rates: ArrayLike,
    loss_rates: ArrayLike,
    n_tips: int,
) -> NDArray[np.float64]:
    """Returns the log-likelihood of each family on a tree given by arrays, with the stationary root.

    Nodes 0 to n_tips - 1 are the tips, in the order of the rows of `presence_matrix` (n_tips, n_families);
    `parent_indices` (n_nodes) holds -1 for the root; `branch_lengths` (n_nodes) is the length above each node; the
    rates are one number or (n_families). The result is (n_families), float64, natural log.

    # Errors
    ValueError for arrays that describe no tree or do not fit each other.

    >>> compute_likelihoods_parallel([2, 2, -1], [1, 1, 0], [[1, 0], [1, 0]], 1.0, 1.0, 2).round(4).tolist()
    [-1.3681, -1.3681]
    """
    parents = np.asarray(parent_indices)
    if parents.dtype.kind not in "iu":
        raise TypeError(f"parent_indices holds {parents.dtype}; allowed are integers")
    if parents.size and (parents.min() < -1 or parents.max() >= parents.size):
        raise ValueError(f"parent_indices leave the range; allowed are -1 (the root) to {parents.size - 1}")
    presences = presence_array(presence_matrix)
    result = backend().compute_likelihoods_parallel(
        np.ascontiguousarray(parents, dtype=np.int32),
        np.ascontiguousarray(branch_lengths, dtype=np.float64),
        presences,
        _rates(gain_rates, "gain_rates", presences.shape[1]),
        _rates(loss_rates, "loss_rates", presences.shape[1]),
        n_tips,
    )
    return cast("NDArray[np.float64]", result)


def compute_jaccard_distance(matrix: ArrayLike) -> NDArray[np.float64]:
    """Returns the Jaccard distance of each pair of rows, 1 - shared / either, (n_rows, n_rows), float64.

    `matrix` (n_rows, n_families) holds 0 and 1; two rows without any presence have distance 0.

    >>> compute_jaccard_distance([[1, 1, 0], [1, 0, 0]]).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    presences = presence_array(matrix, missing_allowed=False)
    return cast("NDArray[np.float64]", backend().compute_jaccard_distance(presences))


def compute_hamming_distance(matrix: ArrayLike) -> NDArray[np.float64]:
    """Returns the share of families in which each pair of rows differs, (n_rows, n_rows), float64.

    `matrix` (n_rows, n_families) holds 0 and 1.

    >>> compute_hamming_distance([[1, 1, 0, 0], [1, 0, 0, 0]]).tolist()
    [[0.0, 0.25], [0.25, 0.0]]
    """
    presences = presence_array(matrix, missing_allowed=False)
    return cast("NDArray[np.float64]", backend().compute_hamming_distance(presences))
