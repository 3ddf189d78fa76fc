"""The data of the comparison: a random tree, and families that evolved on it, all columns different."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

GAIN, LOSS = 0.5, 1.0  # per unit of branch length; a third of the cells are present
MEAN_LENGTH = 0.1


class Problem(NamedTuple):
    """One tree and one table.

    Nodes are numbered in post-order, the root last, and have two children or none: `children` (n_nodes, 2), -1 for
    tips; `branch_length` (n_nodes,), expected time units, of the branch above each node. `cells` (n_tips, n_families),
    int8, holds 0 and 1, rows in the order of `tips`, the nodes that are tips.
    """

    children: NDArray[np.int64]
    branch_length: NDArray[np.float64]
    tips: NDArray[np.int64]
    cells: NDArray[np.int8]

    @property
    def n_cells(self) -> int:
        """The number of (tip, family) pairs, by which times are divided."""
        return self.cells.size

    @property
    def tip_names(self) -> list[str]:
        """The names of the tips, (n_tips,)."""
        return [f"t{row}" for row in range(len(self.tips))]

    def internal_nodes(self) -> NDArray[np.int64]:
        """Returns the nodes that have children, children first."""
        return np.flatnonzero(self.children[:, 0] >= 0)

    def newick(self, factor: float = 1.0) -> str:
        """Returns the tree as text, lengths times `factor` with all their digits."""
        text = [""] * len(self.children)
        for name, tip in zip(self.tip_names, self.tips, strict=True):
            text[tip] = name
        for node in self.internal_nodes():
            parts = [f"{text[child]}:{float(self.branch_length[child] * factor)!r}" for child in self.children[node]]
            text[node] = f"({','.join(parts)})"
        return f"{text[-1]};"

    def normalised_factor(self) -> float:
        """Returns what turns lengths into those of a Q scaled to one expected change: 2gl / (g + l)."""
        return 2.0 * GAIN * LOSS / (GAIN + LOSS)


def simulate(n_tips: int, n_families: int, seed: int, shape: float | None = None) -> Problem:
    """Returns a problem of a random binary tree, made by joining random pairs of lineages.

    Lengths are exponential with mean `MEAN_LENGTH`; families start from the stationary distribution at the root.
    With a `shape` the families' speeds are gamma-distributed with that shape and mean 1; without, they are equal.
    Columns that occurred before are drawn again.

    # Errors
    ValueError if the tree is too small for so many different columns.
    """
    if n_tips < 2:
        raise ValueError(f"{n_tips} tips; allowed are 2 or more")
    rng = np.random.default_rng(seed)
    children = _post_order(rng, n_tips)
    length = rng.exponential(MEAN_LENGTH, len(children))
    length[-1] = 0.0
    tips = np.flatnonzero(children[:, 0] < 0)
    columns = np.empty((0, n_tips), dtype=np.int8)
    for _ in range(100):
        n_missing = n_families - len(columns)
        speed = np.ones(n_missing) if shape is None else rng.gamma(shape, 1.0 / shape, n_missing)
        drawn = _evolve(rng, children, length, speed)[tips].T
        columns = np.concatenate([columns, drawn])
        _, first = np.unique(np.packbits(columns, axis=1), axis=0, return_index=True)
        columns = columns[np.sort(first)]
        if len(columns) == n_families:
            return Problem(children, length, tips, np.ascontiguousarray(columns.T))
    raise ValueError(f"found {len(columns)} different columns on {n_tips} tips; {n_families} are asked for")


def _post_order(rng: np.random.Generator, n_tips: int) -> NDArray[np.int64]:
    joined: dict[int, tuple[int, int]] = {}
    lineages = list(range(n_tips))
    for node in range(n_tips, 2 * n_tips - 1):
        pair = [lineages.pop(int(rng.integers(len(lineages)))) for _ in range(2)]
        joined[node] = (pair[0], pair[1])
        lineages.append(node)
    # Parents before children, right to left; read backwards this is post-order.
    order, stack = [], lineages
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(joined.get(node, ()))
    number = {node: position for position, node in enumerate(reversed(order))}
    children = np.full((len(order), 2), -1, dtype=np.int64)
    for node, (left, right) in joined.items():
        children[number[node]] = number[left], number[right]
    return children


def _evolve(
    rng: np.random.Generator, children: NDArray[np.int64], length: NDArray[np.float64], speed: NDArray[np.float64]
) -> NDArray[np.int8]:
    n_families = len(speed)
    state = np.empty((len(children), n_families), dtype=np.int8)
    state[-1] = rng.random(n_families) < GAIN / (GAIN + LOSS)
    for node in range(len(children) - 1, -1, -1):
        for child in children[node][children[node] >= 0]:
            changed = -np.expm1(-(GAIN + LOSS) * length[child] * speed) / (GAIN + LOSS)
            draw = rng.random(n_families)
            state[child] = np.where(state[node] == 1, draw >= LOSS * changed, draw < GAIN * changed)
    return state
