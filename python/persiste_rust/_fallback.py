"""The NumPy backend: the classes and functions of `_core.pyi`, for machines without the native module.

It computes with `_reference`, in one thread; every result is the native module's to rounding. `threads` arguments are
accepted and without effect.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from persiste_rust import _reference, _reference_rates
from persiste_rust._checked import checked_threads
from persiste_rust._fallback_ascertainment import NAMES
from persiste_rust._fallback_data import Data, Tree
from persiste_rust._fallback_model import Model
from persiste_rust._fallback_newick import write_newick
from persiste_rust._fallback_parallel import (
    aggregate,
    fold_of_item,
    parallel_fraction,
    ranking,
    stream_seed,
    summarise,
    thread_count,
)
from persiste_rust._fallback_root import RULES, frequency_at_given_rates
from persiste_rust._fallback_tables import FORMATS
from persiste_rust._presence import presence_array

__version__ = metadata.version("persiste-rust")

__all__ = [
    "Data",
    "Model",
    "Tree",
    "aggregate",
    "ascertainments",
    "compute_hamming_distance",
    "compute_jaccard_distance",
    "compute_likelihoods",
    "compute_likelihoods_parallel",
    "fold_of_item",
    "parallel_fraction",
    "ranking",
    "rate_models",
    "relabelled_tree",
    "root_priors",
    "stream_seed",
    "summarise",
    "table_formats",
    "thread_count",
]

_Floats = NDArray[np.float64]


def root_priors() -> list[str]:
    """Returns the names of the root priors; a number from 0 to 1 is one too."""
    return list(RULES)


def ascertainments() -> list[str]:
    """Returns the names of what a likelihood can be conditioned on."""
    return list(NAMES)


def rate_models() -> list[str]:
    """Returns the names of the rate models."""
    return _reference_rates.rate_models()


def table_formats() -> list[dict[str, Any]]:
    """Returns the formats of tables that can be read, each with `name`, `description`, `is_read`."""
    return [{**known, "is_read": True} for known in FORMATS]


def compute_likelihoods(
    tree: Tree,
    presence_matrix: NDArray[np.int8],
    gain_rates: _Floats,
    loss_rates: _Floats,
    taxon_names: list[str] | None,
    root: str | float,
    threads: int | None,
) -> _Floats:
    """Returns the log-likelihood of each family under its own rates, (n_families,).

    # Errors
    ValueError for shapes or names that do not fit, rates that are negative or not finite, an unknown root prior.
    """
    root_present = frequency_at_given_rates(root)
    checked_threads(threads)
    if np.asarray(presence_matrix).shape[1:] == (0,):
        return np.empty(0)
    data = Data.from_matrix(tree, presence_matrix, taxon_names, None)
    arrays = tree._arrays
    return _reference.log_likelihoods(
        arrays.parent,
        arrays.branch_length,
        tree._tips,
        data._cells.T,
        gain_rates,
        loss_rates,
        root_present,
    )


def relabelled_tree(tree: Tree, names: list[str], annotations: list[str], nexus: bool) -> str:
    """Returns the Newick text of a tree with other names; annotations stand as `[&...]` behind them.

    # Errors
    ValueError for NEXUS, and for lists that do not fit the tree.
    """
    if nexus:
        raise ValueError("NEXUS is written by the compiled engine alone")
    if len(names) != tree.n_nodes:
        raise ValueError(f"{len(names)} names do not fit a tree of {tree.n_nodes} nodes")
    plain = [text.replace("[", "(").replace("]", ")") for text in annotations]
    return write_newick(tree._arrays._replace(names=names), [text and f"&{text}" for text in plain])


def compute_likelihoods_parallel(
    parent_indices: NDArray[np.int32],
    branch_lengths: _Floats,
    presence_matrix: NDArray[np.int8],
    gain_rates: _Floats,
    loss_rates: _Floats,
    n_tips: int,
) -> _Floats:
    """Returns the log-likelihood of each family on a tree of arrays with the stationary root, (n_families,).

    Nodes 0 to n_tips - 1 are the tips, in the order of the rows of `presence_matrix`; parent -1 is the root. Nodes
    may come in any order.

    # Errors
    ValueError for arrays that describe no tree or do not fit each other.
    """
    parents = np.asarray(parent_indices, dtype=np.int64)
    lengths = np.asarray(branch_lengths, dtype=np.float64)
    cells = presence_array(presence_matrix)
    if parents.ndim != 1 or lengths.shape != parents.shape:
        raise ValueError(
            f"parent_indices has shape {parents.shape} and branch_lengths {lengths.shape}; both are (n_nodes,)"
        )
    if len(cells) != n_tips:
        raise ValueError(f"presence_matrix has {len(cells)} rows; n_tips is {n_tips}")
    order = _post_order(parents, n_tips)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    above = parents[order]
    return _reference.log_likelihoods(
        np.where(above >= 0, place[above], -1),
        lengths[order],
        place[:n_tips],
        cells,
        gain_rates,
        loss_rates,
        "stationary",
    )


def _post_order(parents: NDArray[np.int64], n_tips: int) -> NDArray[np.int64]:
    """Returns the nodes with children before parents, or refuses what is no tree with the first nodes as tips."""
    n_nodes = len(parents)
    roots = np.flatnonzero(parents == -1)
    if len(roots) != 1:
        raise ValueError(f"parent_indices has {len(roots)} roots (parent -1); allowed is one")
    if ((parents < -1) | (parents >= n_nodes)).any():
        raise ValueError(f"parent_indices leaves the range; allowed are -1 (the root) to {n_nodes - 1}")
    children: list[list[int]] = [[] for _ in range(n_nodes)]
    for node, above in enumerate(parents.tolist()):
        if above >= 0:
            children[above].append(node)
    for node, below in enumerate(children):
        if node < n_tips and below:
            raise ValueError(f"node {node} has children; the nodes 0 to {n_tips - 1} are tips")
        if node >= n_tips and not below:
            raise ValueError(f"node {node} has no children; only the nodes 0 to {n_tips - 1} are tips")
    order = [int(roots[0])]
    for node in order:
        order.extend(children[node])
    if len(order) != n_nodes:
        raise ValueError(f"parent_indices has a cycle: {n_nodes - len(order)} nodes do not lead to the root")
    return np.array(order[::-1])


def compute_jaccard_distance(matrix: NDArray[np.int8]) -> _Floats:
    """Returns 1 - |shared presences| / |presences in either| of each pair of rows, (n_rows, n_rows).

    Two rows without presences have distance 0.

    # Errors
    ValueError for a cell that is not 0 or 1.
    """
    cells = presence_array(matrix, missing_allowed=False).astype(np.float64)
    shared = cells @ cells.T
    counts = cells.sum(axis=1)
    either = counts[:, None] + counts - shared
    return 1.0 - np.where(either > 0.0, shared / np.maximum(either, 1.0), 1.0)


def compute_hamming_distance(matrix: NDArray[np.int8]) -> _Floats:
    """Returns the share of columns in which each pair of rows differs, (n_rows, n_rows), 0 for no columns.

    # Errors
    ValueError for a cell that is not 0 or 1.
    """
    cells = presence_array(matrix, missing_allowed=False).astype(np.float64)
    shared = cells @ cells.T
    counts = cells.sum(axis=1)
    return np.asarray((counts[:, None] + counts - 2.0 * shared) / max(1, cells.shape[1]))
