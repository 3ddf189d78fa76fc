"""Lineage regimes and covariates of branches: from names of tips and nodes to one value a branch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from persiste_rust._backend import backend
from persiste_rust._covariate_table import CovariateTable, read_covariates
from persiste_rust.tree import Tree

# A mapping from regime to clade, or a table of branches: a DataFrame or a path.
Regimes = Mapping[str, str | Iterable[str]] | str | PathLike[str] | Any

BACKGROUND = "background"
Carry = Literal["mean", "unanimous"]


def node_labels(tree: Tree) -> list[str]:
    """Returns one label a node, each of its own: its name, or `node<number>` (post-order, from 0).

    A node without a name, or with one that several nodes have (such as a support value), is called by its number.
    """
    names = tree.node_names
    count = Counter(names)
    taken = {name for name in names if name and count[name] == 1}
    labels = []
    for node, name in enumerate(names):
        label = name if name in taken else f"node{node}"
        while name not in taken and label in taken:
            label += "_"
        taken.add(label)
        labels.append(label)
    return labels


def node_index(tree: Tree) -> dict[str, int]:
    """Returns the node of each label; `node<number>` is a second label of a node that has a name."""
    index = {label: node for node, label in enumerate(node_labels(tree))}
    for node in range(tree.n_nodes):
        index.setdefault(f"node{node}", node)
    return index


def relabelled(tree: Tree, annotations: list[str], *, nexus: bool = False) -> str:
    """Returns the tree as Newick (or NEXUS), nodes called by their labels, with `[&...]` comments, (n_nodes) texts."""
    module = backend()
    native = tree._native if isinstance(tree._native, module.Tree) else module.Tree.from_newick(tree.to_newick())
    text: str = module.relabelled_tree(native, node_labels(tree), annotations, nexus)
    return text


def regime_of_branches(tree: Tree, regimes: Regimes) -> list[str]:
    """Returns the regime of each branch, (n_nodes); `background` where none is named.

    `regimes` maps a regime's name to a clade: the label of a node, or the tips whose last common ancestor it is. A
    clade holds its ancestor's own branch and all branches below. Where clades lie within each other the smallest
    counts. Or it is a table (a path or a DataFrame) with one row a branch: its node's label, and a column `regime`.

    # Errors
    ValueError for a name that no node has, a regime without any branch of its own, or one that holds all branches.
    """
    if isinstance(regimes, Mapping):
        regime = _from_clades(tree, regimes)
    else:
        regime = _from_table(tree, read_covariates(regimes, "regimes"))
    parent = tree.parent
    branches = [regime[node] for node in range(tree.n_nodes) if parent[node] >= 0]
    if len(set(branches)) <= 1:
        raise ValueError(
            f"regime '{regime[0]}' holds every branch of the tree, so there is nothing to compare it with; name some "
            "of the branches"
        )
    if BACKGROUND not in branches:
        # The root has no branch of its own: its rates are those of its first child.
        regime[-1] = regime[int(np.flatnonzero(parent == tree.n_nodes - 1)[0])]
    return regime


def _from_clades(tree: Tree, regimes: Mapping[str, str | Iterable[str]]) -> list[str]:
    index, parent = node_index(tree), tree.parent
    clades = []
    for name, members in regimes.items():
        if name == BACKGROUND:
            raise ValueError(f"'{BACKGROUND}' is the regime of all branches that no other regime names; choose another")
        if not name:
            raise ValueError("a regime has no name; its parameters are called by it")
        nodes = [members] if isinstance(members, str) else list(members)
        if not nodes:
            raise ValueError(f"regime '{name}' names no branch; give a node's label or its tips")
        found = [_node(index, node, f"regime '{name}'") for node in nodes]
        clades.append((_common_ancestor(parent, found), name))
    regime = [BACKGROUND] * tree.n_nodes
    # A node's number is greater than those of all nodes below it, so that clades within clades come later.
    for ancestor, name in sorted(clades, key=lambda clade: -clade[0]):
        inside = np.zeros(tree.n_nodes, dtype=bool)
        inside[ancestor] = True
        for node in range(ancestor, -1, -1):
            if inside[node] or inside[parent[node]]:
                inside[node] = True
                regime[node] = name
    branches = [regime[node] for node in range(tree.n_nodes) if parent[node] >= 0]
    for name in regimes:
        if name not in branches:
            raise ValueError(f"regime '{name}' names no branch of its own: other regimes cover all of its clade")
    return regime


def _from_table(tree: Tree, table: CovariateTable) -> list[str]:
    index = node_index(tree)
    regime = [BACKGROUND] * tree.n_nodes
    for label, value in zip(table.names, table.column("regime"), strict=True):
        is_whole = isinstance(value, float) and value.is_integer()
        regime[_node(index, label, table.where)] = str(int(value)) if is_whole else str(value)
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


def branch_values(tree: Tree, table: CovariateTable, name: str, carry: Carry | None) -> list[Any]:
    """Returns a covariate's value on each branch, (n_nodes), from a table of branches or of tips.

    A row gives the value of the branch above its node. Where rows are missing for internal nodes, `carry` says what
    they get from the tips below: "mean", the mean of their values (numbers only), or "unanimous", the value that all
    of them share, else `background`. The root has no branch; a stationary root follows the value carried to it, or
    that of its first child where nothing is carried.

    # Errors
    ValueError for a label that is no node, a tip without a row, internal nodes without a row and no `carry`, or an
    unknown `carry`.
    """
    if carry not in (None, "mean", "unanimous"):
        raise ValueError(f"unknown carry '{carry}'; known: mean, unanimous")
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
        values = [above if value is None else value for value, above in zip(values, carried, strict=True)]
    if values[-1] is None:
        values[-1] = values[int(np.flatnonzero(parent == tree.n_nodes - 1)[0])]
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
