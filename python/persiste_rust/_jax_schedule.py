"""The order in which a program of JAX walks a tree: joins of two, in levels that are worked on together.

A join multiplies what climbs two branches. Children of a polytomy are joined in pairs, over branches of length 0; a
node with one child is a join of one. A join's level is one above the higher of its two parts, so that levels never grow
wider towards the root. Neighbouring levels are a loop over levels of equal width, filled up with joins of nothing, so
that a program stays small whatever the size and depth of the tree: compiling is what costs.

Parts are numbered: tips in the order of the tree, then a spare one, then the joins of each level one after the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int64]

# A loop holds at most so many joins for each that the tree has, and so many more.
_FILLED_UP, _FREE = 1.5, 16


class Levels(NamedTuple):
    """Levels of equal width: the parts and branches of each join, (n_levels, 2, width); which joins are of one part,
    (n_levels, width); and the number of the first join's result."""

    parts: Nodes
    branches: Nodes
    is_single: NDArray[np.bool_]
    first: int


class Schedule(NamedTuple):
    """Runs of levels, how many parts there are, which is the root's, and the branch of length 0."""

    runs: tuple[Levels, ...]
    n_parts: int
    root: int
    no_branch: int


def schedule(parent: Nodes, tip_nodes: Nodes) -> Schedule:
    """Returns the joins of a tree in post-order, the root last.

    Branches are named by the node below them; `no_branch` is n_nodes.

    >>> tree = schedule(np.array([2, 2, -1]), np.array([0, 1]))
    >>> tree.runs[0].parts.tolist(), tree.root
    ([[[0], [1]]], 3)
    """
    n_nodes, spare = len(parent), len(tip_nodes)
    # Of each join: its parts, -1 - k being the result of join k; their branches; its level.
    joins: list[tuple[int, int, int, int, int]] = []
    level_of_tip = 0
    waiting: list[list[tuple[int, int, int]]] = [[] for _ in range(n_nodes)]
    part_of_node = np.full(n_nodes, -1)
    part_of_node[tip_nodes] = np.arange(spare)
    top = (0, 0)
    for node in range(n_nodes):
        if part_of_node[node] >= 0:
            top = (int(part_of_node[node]), level_of_tip)
        else:
            top = _joined(waiting[node], joins, spare, n_nodes)
            waiting[node] = []
        if node < n_nodes - 1:
            waiting[int(parent[node])].append((*top, node))
    return _laid_out(joins, top[0], spare, n_nodes)


def _joined(
    below: list[tuple[int, int, int]], joins: list[tuple[int, int, int, int, int]], spare: int, no_branch: int
) -> tuple[int, int]:
    """Joins (part, level, branch) of all children; returns the part and level of the result."""
    if len(below) == 1:
        part, level, branch = below[0]
        joins.append((part, spare, branch, no_branch, level + 1))
        return -len(joins), level + 1
    while len(below) > 1:
        # The lowest first, so that a polytomy adds few levels.
        below = sorted(below, key=lambda each: each[1])
        above = [below[-1]] if len(below) % 2 else []
        for (one, low, branch), (two, high, other) in zip(below[::2], below[1::2], strict=False):
            level = max(low, high) + 1
            joins.append((one, two, branch, other, level))
            above.append((-len(joins), level, no_branch))
        below = above
    return below[0][0], below[0][1]


def _laid_out(joins: list[tuple[int, int, int, int, int]], top: int, spare: int, no_branch: int) -> Schedule:
    if not joins:
        return Schedule((), spare + 1, top, no_branch)
    table = np.array(joins, dtype=np.int64)
    order = np.argsort(table[:, 4], kind="stable")
    widths = np.bincount(table[:, 4])[1:]
    place = np.empty(len(table), dtype=np.int64)
    runs: list[Levels] = []
    level, done, first = 0, 0, spare + 1
    for n_levels in _run_lengths(widths):
        width = int(widths[level])
        parts = np.full((n_levels, 2, width), spare)
        branches = np.full((n_levels, 2, width), no_branch)
        is_single = np.ones((n_levels, width), dtype=bool)
        for row in range(n_levels):
            own = order[done : done + widths[level + row]]
            place[own] = first + row * width + np.arange(len(own))
            inside = slice(0, len(own))
            # Parts of lower levels have their places by now.
            known = table[own, :2]
            parts[row, :, inside] = np.where(known < 0, place[np.maximum(-known - 1, 0)], known).T
            branches[row, :, inside] = table[own, 2:4].T
            is_single[row, inside] = table[own, 1] == spare
            done += len(own)
        runs.append(Levels(parts, branches, is_single, first))
        first += n_levels * width
        level += n_levels
    return Schedule(tuple(runs), first, int(place[-top - 1]) if top < 0 else top, no_branch)


def _run_lengths(widths: Nodes) -> list[int]:
    """How many levels each loop holds, taken from the root down, where the levels are narrow."""
    lengths: list[int] = []
    n_levels = n_joins = 0
    for width in widths[::-1].tolist():
        if n_levels and (n_levels + 1) * width > _FILLED_UP * (n_joins + width) + _FREE:
            lengths.append(n_levels)
            n_levels = n_joins = 0
        n_levels, n_joins = n_levels + 1, n_joins + width
    return [*lengths, n_levels][::-1]
