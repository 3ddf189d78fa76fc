"""From tables of covariates and formulas to the columns of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np

from persiste_rust._covariate_table import read_covariates
from persiste_rust.effects import Column
from persiste_rust.regimes import BACKGROUND, Carry, branch_values
from persiste_rust.regression import formula_columns, formula_variables
from persiste_rust.tree import Tree

On = Literal["gain", "loss"]


class Families(Protocol):
    """A tree and names of families, with a table (`GeneContentData`) or before there is one."""

    @property
    def tree(self) -> Tree:
        """The tree."""
        ...

    @property
    def family_names(self) -> list[str]:
        """The names of the families, (n_families)."""
        ...

    @property
    def n_families(self) -> int:
        """Their number."""
        ...


def covariate_columns(
    data: Families,
    regimes: list[str] | None,
    *,
    formulas: Mapping[On, str | None],
    family_covariates: Any,
    branch_covariates: Any,
    carry: Carry | None,
) -> list[Column]:
    """Returns the columns that regimes and formulas mean; without formulas both rates depend on the regime.

    # Errors
    ValueError for a table that no formula uses, `carry` without a table of branches, an empty formula, and whatever
    tables and formulas are refused for.
    """
    given = {on: formula for on, formula in formulas.items() if formula is not None}
    tables = {
        name: read_covariates(source, name.replace("_", " "))
        for name, source in (("family_covariates", family_covariates), ("branch_covariates", branch_covariates))
        if source is not None
    }
    known = [name for table in tables.values() for name in table.columns] + ["regime"] * (regimes is not None)
    used = set()
    for on, formula in given.items():
        if not isinstance(formula, str) or not formula.strip():
            raise ValueError(f"the formula for {on} is {formula!r}; allowed is a text such as '~ 1 + essential'")
        for name in formula_variables(formula, on):
            if name not in known:
                raise ValueError(
                    f"the formula '{formula}' for {on} names '{name}'; known: {', '.join(known) or 'none'}"
                )
            used.add(name)
    for name, table in tables.items():
        if not used.intersection(table.columns):
            raise ValueError(f"{name} is given but no formula uses it; give gain='~ 1 + ...' or loss='~ 1 + ...'")
    if carry is not None and "branch_covariates" not in tables:
        raise ValueError(f"carry is '{carry}' but there are no branch_covariates to be carried")
    if not given:
        return [] if regimes is None else regime_columns(data, regimes)
    families: dict[str, list[Any]] = {}
    if "family_covariates" in tables:
        table = tables["family_covariates"]
        families = table.of(data.family_names, "family", sorted(used.intersection(table.columns)))
    branches: dict[str, list[Any]] = {}
    if "branch_covariates" in tables:
        table = tables["branch_covariates"]
        wanted = sorted(used.intersection(table.columns))
        branches = {name: branch_values(data.tree, table, name, carry) for name in wanted}
    if regimes is not None:
        if "regime" not in used:
            raise ValueError("regimes are given but no formula names 'regime'; add it to gain or loss")
        if "regime" in branches or "regime" in families:
            raise ValueError("a table of covariates has a column 'regime' although regimes are given; rename it")
        branches["regime"] = list(regimes)
    size = (data.n_families, data.tree.n_nodes)
    return [
        column for on, formula in given.items() for column in formula_columns(formula, on, families, branches, size)
    ]


def regime_columns(data: Families, regimes: list[str]) -> list[Column]:
    """Returns one column a regime other than the background, for gain and for loss."""
    names = sorted(set(regimes) - {BACKGROUND})
    if BACKGROUND not in {regime for regime, above in zip(regimes, data.tree.parent, strict=True) if above >= 0}:
        names = names[1:]  # without a background the first regime is the reference
    codes = {name: code for code, name in enumerate([None, *names])}
    branch_code = np.asarray([codes.get(regime, 0) for regime in regimes])
    columns = []
    both: tuple[On, On] = ("gain", "loss")
    for on in both:
        for name in names:
            table = np.zeros((1, len(names) + 1))
            table[0, codes[name]] = 1.0
            family_code = np.zeros(data.n_families, dtype=np.int64)
            columns.append(Column(f"{on}:regime[{name}]", on, family_code, branch_code, table))
    return columns
