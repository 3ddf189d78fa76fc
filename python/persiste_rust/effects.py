"""Effects: which families and which branches have their own gain and loss rates.

Every effect is a column of covariates and one parameter: the log of a rate of family f on branch b is the rate model's
log-rate plus the sum over columns of value[f, b] times parameter. Families with equal values share transition
probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

On = Literal["gain", "loss", "both"]
_Floats = NDArray[np.float64]
_Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Column:
    """One covariate: its value for family f on branch b is `table[family_code[f], branch_code[b]]`.

    `name` is the parameter's; `on` says which log-rate it moves, `both` moving both alike. `family_code` is
    (n_families), `branch_code` (n_nodes), a branch being the row of the node below it and the root's row the one whose
    rates a stationary root follows.
    """

    name: str
    on: On
    family_code: _Codes
    branch_code: _Codes
    table: _Floats


def family_column(name: str, on: On, values: _Floats, n_nodes: int) -> Column:
    """Returns the column of a covariate of families, (n_families), alike on all branches."""
    levels, codes = np.unique(values, return_inverse=True)
    return Column(name, on, codes.reshape(-1), np.zeros(n_nodes, dtype=np.int64), levels[:, None])


def branch_column(name: str, on: On, values: _Floats, n_families: int) -> Column:
    """Returns the column of a covariate of branches, (n_nodes), alike for all families."""
    levels, codes = np.unique(values, return_inverse=True)
    return Column(name, on, np.zeros(n_families, dtype=np.int64), codes.reshape(-1), levels[None, :])


def product_column(name: str, on: On, families: _Floats, branches: _Floats) -> Column:
    """Returns the column whose value is that of the family, (n_families), times that of the branch, (n_nodes)."""
    family_levels, family_codes = np.unique(families, return_inverse=True)
    branch_levels, branch_codes = np.unique(branches, return_inverse=True)
    table = np.outer(family_levels, branch_levels)
    return Column(name, on, family_codes.reshape(-1), branch_codes.reshape(-1), table)


@dataclass(frozen=True)
class BranchMultipliers:
    """A multiplier of its own for every branch, held together by a penalty.

    The log of branch b's multiplier is a parameter m[b]. `kind` "ridge" subtracts
    `strength / 2 * sum(m[b] ** 2)` from the log-likelihood that a fit maximises; "autocorrelated" subtracts
    `strength / 2 * sum((m[b] - m[parent of b]) ** 2)` over branches, those at the root being drawn to 0. `on` says
    which rate is multiplied: "both" (one multiplier for gain and loss), "gain", "loss", or "separate" (one each).
    `strength` is the inverse of a normal prior's variance, above 0. `log_likelihood` never holds the penalty; a fit
    reports it beside.
    """

    strength: float = 1.0
    kind: Literal["ridge", "autocorrelated"] = "ridge"
    on: Literal["both", "gain", "loss", "separate"] = "both"

    def __post_init__(self) -> None:
        """Checks the settings."""
        if not isinstance(self.strength, int | float | np.number):
            raise TypeError(f"strength is {self.strength!r}; allowed are finite numbers above 0")
        if not (self.strength > 0.0 and np.isfinite(self.strength)):
            raise ValueError(f"strength is {self.strength}; allowed are finite numbers above 0")
        for name, value, known in (
            ("kind", self.kind, ("ridge", "autocorrelated")),
            ("on", self.on, ("both", "gain", "loss", "separate")),
        ):
            if value not in known:
                raise ValueError(f"unknown {name} '{value}' of branch multipliers; known: {', '.join(known)}")


def effects_setting(
    columns: Sequence[Column],
    multipliers: BranchMultipliers | None,
    parent: NDArray[np.int64],
    node_labels: Sequence[str],
    n_families: int,
) -> dict[str, Any] | None:
    """Returns columns and multipliers as the native module takes them; None without any."""
    if multipliers is not None and not isinstance(multipliers, BranchMultipliers):
        raise TypeError(f"branch_multipliers is {multipliers!r}; allowed is a BranchMultipliers(...)")
    if not columns and multipliers is None:
        return None
    n_nodes = len(parent)
    family_codes = [column.family_code for column in columns] or [np.zeros(n_families, dtype=np.int64)]
    branch_codes = [column.branch_code for column in columns] or [np.zeros(n_nodes, dtype=np.int64)]
    if multipliers is not None:
        branch_codes.append(np.arange(n_nodes))
    group_of_family, family = _groups(family_codes)
    set_of_node, node = _groups(branch_codes)
    names = [column.name for column in columns]
    gain, loss = _Rows(len(family), len(node)), _Rows(len(family), len(node))
    for index, column in enumerate(columns):
        values = column.table[np.ix_(column.family_code[family], column.branch_code[node])]
        for rows in _rows_of(column.on, gain, loss):
            rows.add_table(index, values)
    penalty: list[tuple[int, int | None, float, float]] = []
    if multipliers is not None:
        _add_multipliers(multipliers, parent, node_labels, set_of_node, names, (gain, loss), penalty)
    return {
        "names": names,
        "group_of_family": group_of_family.astype(np.uint32),
        "set_of_node": set_of_node.astype(np.uint32),
        "gain": gain.sorted(),
        "loss": loss.sorted(),
        "penalty": penalty,
    }


def _groups(codes: Sequence[_Codes]) -> tuple[_Codes, _Codes]:
    """Returns the number of each row of equal codes, and the first row of each number."""
    if len(codes) == 1:
        _, first, inverse = np.unique(codes[0], return_index=True, return_inverse=True)
    else:
        _, first, inverse = np.unique(np.stack(codes, axis=1), axis=0, return_index=True, return_inverse=True)
    return inverse.reshape(-1), first


def _rows_of(on: str, gain: _Rows, loss: _Rows) -> list[_Rows]:
    return {"gain": [gain], "loss": [loss], "both": [gain, loss]}[on]


class _Rows:
    """Sparse rows (group, set) of covariates, gathered column by column."""

    def __init__(self, n_groups: int, n_sets: int) -> None:
        self.n_groups, self.n_sets = n_groups, n_sets
        self._rows: list[_Codes] = []
        self._columns: list[_Codes] = []
        self._values: list[_Floats] = []

    def add_table(self, column: int, values: _Floats) -> None:
        """Adds a column's values, (n_groups, n_sets)."""
        flat = values.reshape(-1)
        rows = np.flatnonzero(flat)
        self._add(rows, np.full(len(rows), column), flat[rows])

    def add_sets(self, columns: _Codes, sets: _Codes) -> None:
        """Adds columns that are 1 on one set each, for all groups."""
        rows = (np.arange(self.n_groups)[:, None] * self.n_sets + sets[None, :]).reshape(-1)
        self._add(rows, np.tile(columns, self.n_groups), np.ones(len(rows)))

    def _add(self, rows: _Codes, columns: _Codes, values: _Floats) -> None:
        self._rows.append(rows)
        self._columns.append(columns)
        self._values.append(values)

    def sorted(self) -> tuple[NDArray[np.int64], NDArray[np.uint32], _Floats]:
        """Returns where each row starts, and column and value of each entry, row by row."""
        empty = np.zeros(0, dtype=np.int64)
        rows = np.concatenate([empty, *self._rows])
        columns = np.concatenate([empty, *self._columns])
        values = np.concatenate([np.zeros(0), *self._values])
        order = np.lexsort((columns, rows))
        counts = np.bincount(rows, minlength=self.n_groups * self.n_sets)
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return start, columns[order].astype(np.uint32), values[order].astype(np.float64)


def _add_multipliers(
    multipliers: BranchMultipliers,
    parent: NDArray[np.int64],
    node_labels: Sequence[str],
    set_of_node: _Codes,
    names: list[str],
    designs: tuple[_Rows, _Rows],
    penalty: list[tuple[int, int | None, float, float]],
) -> None:
    branches = np.flatnonzero(parent >= 0)
    parts: list[On] = ["gain", "loss"] if multipliers.on == "separate" else [multipliers.on]
    for on in parts:
        first = len(names)
        prefix = "rate" if on == "both" else on
        names.extend(f"{prefix}:branch[{node_labels[node]}]" for node in branches.tolist())
        for rows in _rows_of(on, *designs):
            rows.add_sets(first + np.arange(len(branches)), set_of_node[branches])
        place = {int(node): first + index for index, node in enumerate(branches)}
        for node in branches:
            above = None if multipliers.kind == "ridge" else place.get(int(parent[node]))
            penalty.append((place[int(node)], above, 0.0, multipliers.strength))
