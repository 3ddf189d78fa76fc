"""Lineage regimes and covariates of branches: from names of tips and nodes to one value a branch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from persiste_rust._covariate_table import CovariateTable, read_covariates
from persiste_rust.tree import Tree

# A mapping from regime to clade, or a table of branches: a DataFrame, a mapping of columns, or a path.
Regimes = Mapping[str, str | Iterable[str]] | str | PathLike[str] | Any

BACKGROUND = "background"
Carry = Literal["mean", "unanimous"]


def node_labels(tree: Tree) -> list[str]:
    """Returns one label a node: its name, or `node<number>` (post-order, from 0) where it has none."""
    return [name or f"node{index}" for index, name in enumerate(tree.node_names)]


def node_index(tree: Tree) -> dict[str, int]:
    """Returns the node of each label; names of the tree go before `node<number>`, doubled names are left out."""
    index: dict[str, int] = {}
    doubled = set()
    for node, name in enumerate(tree.node_names):
        if name and name in index:
            doubled.add(name)
        elif name:
            index[name] = node
    for name in doubled:
        del index[name]
    for node in range(tree.n_nodes):
        index.setdefault(f"node{node}", node)
    return index


def regime_of_branches(tree: Tree, regimes: Regimes) -> list[str]:
    """Returns the regime of each branch, (n_nodes); `background` where none is named.

    `regimes` maps a regime's name to a clade: the label of a node, or the tips whose last common ancestor it is. A
    clade holds its ancestor's own branch and all branches below. Where clades lie within each other the smallest
    counts. Or it is a table (a path or a DataFrame) with one row a branch: its node's label, and a column `regime`.

    # Errors
    ValueError for a name that no node has, and for a regime without any branch of its own.
    """
    index, parent = node_index(tree), tree.parent
    if not isinstance(regimes, Mapping):
        return _from_table(tree, read_covariates(regimes, "regimes"))
    below = _tips_below(tree)
    clades = []
    for name, members in regimes.items():
        if name == BACKGROUND:
            raise ValueError(f"'{BACKGROUND}' is the regime of all branches that no other regime names; choose another")
        nodes = [members] if isinstance(members, str) else list(members)
        if not nodes:
            raise ValueError(f"regime '{name}' names no branch; give a node's label or its tips")
        found = [_node(index, node, f"regime '{name}'") for node in nodes]
        clades.append((below[(ancestor := _common_ancestor(parent, found))], ancestor, name))
    regime = [BACKGROUND] * tree.n_nodes
    for _, ancestor, name in sorted(clades, key=lambda clade: -clade[0]):
        inside = np.zeros(tree.n_nodes, dtype=bool)
        inside[ancestor] = True
        for node in range(tree.n_nodes - 1, -1, -1):
            if inside[node] or (parent[node] >= 0 and inside[parent[node]]):
                inside[node] = True
                regime[node] = name
    branches = [regime[node] for node in range(tree.n_nodes) if parent[node] >= 0]
    for name in regimes:
        if name not in branches:
            raise ValueError(f"regime '{name}' names no branch of its own: other regimes cover all of its clade")
    return regime


def _from_table(tree: Tree, table: CovariateTable) -> list[str]:
    index = node_index(tree)
    values = table.column("regime")
    regime = [BACKGROUND] * tree.n_nodes
    for label, value in zip(table.names, values, strict=True):
        regime[_node(index, label, f"{table.where}")] = str(value)
    if all(regime[node] == BACKGROUND for node in range(tree.n_nodes) if tree.parent[node] >= 0):
        raise ValueError(f"{table.where} names no branch with a regime other than '{BACKGROUND}'")
    return regime


def _node(index: Mapping[str, int], label: str, where: str) -> int:
    if label not in index:
        raise ValueError(f"{where} names '{label}', which is no tip and no node of the tree")
    return index[label]


def _common_ancestor(parent: NDArray[np.int64], nodes: list[int]) -> int:
    ancestor = nodes[0]
    for node in nodes[1:]:
        # Parents have greater numbers than their children.
        while ancestor != node:
            if ancestor < node:
                ancestor = int(parent[ancestor])
            else:
                node = int(parent[node])
    return ancestor


def _tips_below(tree: Tree) -> NDArray[np.int64]:
    parent = tree.parent
    count = np.zeros(tree.n_nodes, dtype=np.int64)
    has_child = np.zeros(tree.n_nodes, dtype=bool)
    has_child[parent[parent >= 0]] = True
    count[~has_child] = 1
    for node in range(tree.n_nodes - 1):
        count[parent[node]] += count[node]
    return count


def branch_values(tree: Tree, table: CovariateTable, name: str, carry: Carry | None) -> list[Any]:
    """Returns a covariate's value on each branch, (n_nodes), from a table of branches or of tips.

    A row gives the value of the branch above its node. Where rows are missing for internal nodes, `carry` says what
    they get from the tips below: "mean", the mean of their values (numbers only), or "unanimous", the value that all
    of them share, else `background`. The root has no branch; a stationary root follows the value carried to it, or
    that of its first child where nothing is carried.

    # Errors
    ValueError for a label that is no node, a tip without a row, or internal nodes without a row and no `carry`.
    """
    index, parent = node_index(tree), tree.parent
    values: list[Any] = [None] * tree.n_nodes
    for label, value in zip(table.names, table.column(name), strict=True):
        values[_node(index, label, table.where)] = value
    tips = [index.get(tip, -1) for tip in tree.tip_names]
    missing = [tip for tip, node in zip(tree.tip_names, tips, strict=True) if values[node] is None]
    if missing:
        raise ValueError(
            f"{table.where} has no row for tip '{missing[0]}' ({len(missing)} of {len(tips)} tips lack one)"
        )
    lacking = [node for node in range(tree.n_nodes) if values[node] is None and parent[node] >= 0]
    if lacking and carry is None:
        label = node_labels(tree)[lacking[0]]
        raise ValueError(
            f"{table.where} has no row for {len(lacking)} internal branches ('{label}', ...); "
            "carry='mean' or carry='unanimous' would take them from the tips below"
        )
    if lacking:
        carried = _means(tree, values, tips, name) if carry == "mean" else _shared_values(tree, values, tips)
        values = [own if value is None else value for value, own in zip(values, carried, strict=True)]
        values = values if values[-1] is not None else carried
    root = tree.n_nodes - 1
    if values[root] is None:
        values[root] = values[int(np.flatnonzero(parent == root)[0])] if tree.n_nodes > 1 else values[tips[0]]
    return values


def _means(tree: Tree, values: list[Any], tips: list[int], name: str) -> list[Any]:
    """The mean of each node's tips."""
    total, count = np.zeros(tree.n_nodes), np.zeros(tree.n_nodes)
    for tip in tips:
        try:
            total[tip], count[tip] = float(values[tip]), 1.0
        except ValueError:
            raise ValueError(
                f"covariate '{name}' has the value '{values[tip]}', of which carry='mean' has no mean"
            ) from None
    for node, above in enumerate(tree.parent[:-1]):
        total[above] += total[node]
        count[above] += count[node]
    return [float(value) for value in total / count]


def _shared_values(tree: Tree, values: list[Any], tips: list[int]) -> list[Any]:
    """The value that all tips of a node share, else the background."""
    shared: list[Any] = [None] * tree.n_nodes
    for tip in tips:
        shared[tip] = values[tip]
    for node, above in enumerate(tree.parent[:-1]):
        if shared[above] is None or shared[above] == shared[node]:
            shared[above] = shared[node]
        else:
            shared[above] = BACKGROUND
    return shared
