"""Effects in the NumPy backend: how covariates of families and of branches move the logs of the rates.

Families with equal covariates form a group, branches with equal covariates a set. For group i and set s the log of the
gain rate of category c is `log_gain[c] + sum_k gain[i, s, k] theta[k]`, and likewise for loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from persiste_rust._fallback_parameters import Floats, Parameter, PenaltyTerm

Codes = NDArray[np.int64]

# A search lets a covariate change a rate by at most this factor's log between its two extremes.
_WIDEST_LOG_RATIO = 20.0
# A column is collinear if what the others leave of it is smaller than this share of its length.
_COLLINEAR = 1e-7
# Groups times sets up to which columns are checked for being collinear.
_MOST_ROWS_CHECKED = 2_000_000


class _Design:
    """Sparse rows of covariates: the row, column and value of each entry."""

    def __init__(self, rows: Sequence[Any], names: Sequence[str], n_rows: int) -> None:
        start, self.column, self.value = (np.asarray(part) for part in rows)
        self.column = self.column.astype(np.int64)
        if len(start) != n_rows + 1 or start[-1] != len(self.value) or len(self.column) != len(self.value):
            raise ValueError(
                f"the covariate table has {len(start) - 1} rows of {len(self.column)} and {len(self.value)} entries; "
                f"expected {n_rows} rows of {start[-1]} entries"
            )
        if (self.column >= len(names)).any():
            raise ValueError(f"the covariate table has a column {self.column.max()}; there are {len(names)} names")
        wrong = np.flatnonzero(~np.isfinite(self.value))
        if len(wrong):
            name, value = names[self.column[wrong[0]]], self.value[wrong[0]]
            raise ValueError(f"covariate '{name}' has the value {value}; allowed are finite numbers")
        self.n_rows = n_rows
        self.row = np.repeat(np.arange(n_rows), np.diff(start))

    def predict(self, parameters: Floats) -> Floats:
        """Returns the linear predictor, (n_rows,)."""
        predicted = np.bincount(self.row, self.value * parameters[self.column], minlength=self.n_rows)
        return np.asarray(predicted, dtype=np.float64)

    def pull_back(self, by_row: Floats, n_columns: int) -> Floats:
        """Returns the derivatives by the parameters, (n_columns,)."""
        gradient = np.bincount(self.column, self.value * by_row[self.row], minlength=n_columns)
        return np.asarray(gradient, dtype=np.float64)

    def dense(self, rows: Codes, columns: Codes) -> Floats:
        """Returns some rows and columns as a table."""
        place = np.full(max(int(columns.max(initial=0)), int(self.column.max(initial=0))) + 1, -1)
        place[columns] = np.arange(len(columns))
        table = np.zeros((self.n_rows, len(columns)))
        kept = place[self.column] >= 0
        np.add.at(table, (self.row[kept], place[self.column[kept]]), self.value[kept])
        return table[rows]

    def span(self, n_columns: int) -> tuple[Floats, Floats]:
        """Returns the least and greatest value of each column over all rows; inf and -inf of no rows."""
        low, high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
        np.minimum.at(low, self.column, self.value)
        np.maximum.at(high, self.column, self.value)
        has_zero = np.bincount(self.column, minlength=n_columns) < self.n_rows
        return np.where(has_zero, np.minimum(low, 0.0), low), np.where(has_zero, np.maximum(high, 0.0), high)


class Effects:
    """Covariate effects, or none.

    `group_of_family` is (n_families,), `set_of_node` (n_nodes,), the root's entry telling whose rates a stationary
    root follows.
    """

    def __init__(self, setting: Mapping[str, Any] | None, n_families: int, n_nodes: int) -> None:
        """Checks shapes, values, and that no column says what others say together.

        # Errors
        ValueError for tables of the wrong shape, a value that is not finite, a column that is the same everywhere, or
        collinear columns (penalised columns may be).
        """
        if setting is None:
            setting = _nothing(n_families, n_nodes)
        self.names: list[str] = list(setting["names"])
        self.group_of_family = np.asarray(setting["group_of_family"], dtype=np.int64)
        self.set_of_node = np.asarray(setting["set_of_node"], dtype=np.int64)
        for what, found, expected in (
            ("the group of each family", len(self.group_of_family), n_families),
            ("the set of each branch", len(self.set_of_node), n_nodes),
        ):
            if found != expected:
                raise ValueError(f"{what} has length {found}; expected {expected}")
        self.n_groups, self.n_sets = (int(codes.max()) + 1 for codes in (self.group_of_family, self.set_of_node))
        n_rows = self.n_groups * self.n_sets
        self._designs = [_Design(setting[on], self.names, n_rows) for on in ("gain", "loss")]
        self.penalty = [PenaltyTerm(*term) for term in setting["penalty"]]
        self._check_columns()

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters, each in units of what changes a rate by a factor e between its column's extremes."""
        spans = [design.span(len(self.names)) for design in self._designs]
        low, high = np.minimum(spans[0][0], spans[1][0]), np.maximum(spans[0][1], spans[1][1])
        scale = (1.0 / (high - low)).tolist()
        widest = _WIDEST_LOG_RATIO
        return [Parameter(name, (-widest * s, widest * s), s) for name, s in zip(self.names, scale, strict=True)]

    def shifts(self, parameters: Floats) -> Floats:
        """Returns what is added to the logs of gain and loss, (2, n_groups, n_sets)."""
        predicted = np.stack([design.predict(parameters) for design in self._designs])
        return predicted.reshape(2, self.n_groups, self.n_sets)

    def pull_back(self, by_shift: Floats) -> Floats:
        """Returns the derivatives by the parameters, given those by `shifts`."""
        by_row = by_shift.reshape(2, -1)
        total = np.zeros(len(self.names))
        for design, of in zip(self._designs, by_row, strict=True):
            total += design.pull_back(of, len(self.names))
        return total

    def _check_columns(self) -> None:
        """Refuses columns that no data could tell from the intercepts of gain and loss or from each other."""
        held = {place for term in self.penalty for place in (term.parameter, term.other)}
        free = np.array([place for place in range(len(self.names)) if place not in held], dtype=np.int64)
        # The root has no branch; its set counts only in a tree of nothing else.
        on_branch = np.isin(np.arange(self.n_sets), self.set_of_node[:-1] if len(self.set_of_node) > 1 else [0])
        rows = np.flatnonzero(np.tile(on_branch, self.n_groups))
        if not len(free) or len(rows) > _MOST_ROWS_CHECKED:
            return
        tables = []
        for intercept, design in enumerate(self._designs):
            ones = np.zeros((len(rows), 2))
            ones[:, intercept] = 1.0
            tables.append(np.hstack([ones, design.dense(rows, free)]))
        matrix = np.vstack(tables)
        length = np.linalg.norm(matrix, axis=0)
        basis = np.zeros((len(matrix), 0))
        kept: list[int] = []
        for column in range(matrix.shape[1]):
            rest = matrix[:, column].copy()
            for _ in range(2):  # once more, against the rounding of the first
                rest -= basis @ (basis.T @ rest)
            left = float(np.linalg.norm(rest))
            if not left > _COLLINEAR * length[column]:
                self._refuse(matrix, kept, column, free)
            basis = np.hstack([basis, rest[:, None] / left])
            kept.append(column)

    def _refuse(self, matrix: Floats, kept: list[int], column: int, free: Codes) -> None:
        name = self.names[free[column - 2]]
        share = np.linalg.lstsq(matrix[:, kept], matrix[:, column], rcond=None)[0]
        sizes = np.abs(share) * np.linalg.norm(matrix[:, kept], axis=0)
        says_it = [
            f"'{self.names[free[other - 2]]}'"
            for other, size in zip(kept, sizes, strict=True)
            if other >= 2 and size > _COLLINEAR * np.linalg.norm(matrix[:, column])
        ]
        if not says_it:
            raise ValueError(
                f"covariate '{name}' has no effect to estimate: it is the same for all families and branches"
            )
        raise ValueError(
            f"covariate '{name}' is collinear with {', '.join(says_it)} (and the intercept); leave one out"
        )


def _nothing(n_families: int, n_nodes: int) -> dict[str, Any]:
    empty = (np.zeros(2, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    return {
        "names": [],
        "group_of_family": np.zeros(n_families, dtype=np.int64),
        "set_of_node": np.zeros(n_nodes, dtype=np.int64),
        "gain": empty,
        "loss": empty,
        "penalty": [],
    }
