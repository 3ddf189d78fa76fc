"""The two passes over the tree, in natural logs: partials from the tips up, and what lies outside from the root down.

Sums are taken by log-add-exp, for each state by itself, so that nothing can underflow or overflow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from persiste_rust._reference_transition import Floats

Nodes = NDArray[np.int64]


def recorded_partials(cells: NDArray[np.int8], log_record: Floats | None = None) -> Floats:
    """Returns log P(cell | state of the tip), (n_tips, 2, n_families), for `cells` (n_tips, n_families).

    `log_record` (n_tips, 2, 2) is the log-probability of a record (absent, present) given the state; without it a
    record is what the state is. A missing cell (-1) says nothing: 0 for both states.
    """
    if log_record is None:
        exact = np.where(np.eye(2, dtype=bool), 0.0, -np.inf)
        log_record = np.broadcast_to(exact, (len(cells), 2, 2))
    rows = np.arange(len(cells))[:, None]
    of_cells = log_record[rows, np.maximum(cells, 0)]
    return np.ascontiguousarray(np.where(cells[:, :, None] < 0, 0.0, of_cells).swapaxes(1, 2))


def post_order(parent: Nodes, tip_nodes: Nodes, tips: Floats, log_p: Floats) -> tuple[Floats, Floats]:
    """Returns log partials at each node and at the upper end of its branch, both (n_nodes, 2, n_families).

    `tips` (n_tips, 2, n_families) as from `recorded_partials`; `log_p` (2, 2, n_nodes, n_rates), log P[above][below],
    n_rates being 1 or n_families.
    """
    partial = np.zeros((len(parent), 2, tips.shape[2]))
    message = np.zeros_like(partial)
    partial[tip_nodes] = tips
    for node in range(len(parent) - 1):
        for above in (0, 1):
            to_absent, to_present = log_p[above, :, node] + partial[node]
            np.logaddexp(to_absent, to_present, out=message[node, above])
        partial[parent[node]] += message[node]
    return partial, message


def pre_order(parent: Nodes, log_root: Floats, log_p: Floats, message: Floats) -> Floats:
    """Returns log P(state at the upper end of a branch, data not below it), (n_nodes, 2, n_families).

    `log_root` is (2, n_rates), `message` the second result of `post_order`. Siblings are multiplied from the left and
    from the right rather than divided out, which would fail on zeros.
    """
    children: list[list[int]] = [[] for _ in parent]
    for node in range(len(parent) - 1):
        children[parent[node]].append(node)
    outside = np.zeros_like(message)
    for node in range(len(parent) - 1, -1, -1):
        if not children[node]:
            continue
        if node == len(parent) - 1:
            here = np.broadcast_to(log_root, message[node].shape)
        else:
            paths = outside[node][:, None] + log_p[:, :, node]
            here = np.logaddexp(paths[0], paths[1])
        left, right = np.array(here), np.zeros_like(here)
        for child in children[node]:
            outside[child] = left
            left += message[child]
        for child in reversed(children[node]):
            outside[child] += right
            right += message[child]
    return outside
