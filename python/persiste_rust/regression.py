"""Regression of log-rates on covariates of families and branches, written as formulas."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from persiste_rust.effects import Column
from persiste_rust.regimes import BACKGROUND

# Cells of a model matrix that are still made without complaint.
_MOST_CELLS = 200_000_000


def formula_variables(formula: str, on: str) -> list[str]:
    """Returns the names of the covariates that a formula uses, sorted.

    # Errors
    ImportError if formulaic is not installed; ValueError for a formula that cannot be read or has a left side.
    """
    parsed = _parsed(formula, on)
    return sorted(str(name) for name in parsed.required_variables)


def _parsed(formula: str, on: str) -> Any:
    formulaic, _ = _libraries()
    try:
        parsed = formulaic.Formula(formula)
    except Exception as error:
        raise ValueError(f"the formula '{formula}' for {on} cannot be read: {_first_line(error)}") from error
    if hasattr(parsed, "lhs"):
        raise ValueError(f"the formula '{formula}' for {on} has a left side; write it as '~ 1 + ...'")
    return parsed


def _libraries() -> tuple[Any, Any]:
    try:
        import formulaic
        import pandas as pd
    except ImportError as error:
        raise ImportError("formulas need formulaic and pandas: pip install 'persiste-rust[formula]'") from error
    return formulaic, pd


def formula_columns(
    formula: str,
    on: Literal["gain", "loss"],
    family_covariates: dict[str, list[Any]],
    branch_covariates: dict[str, list[Any]],
    size: tuple[int, int],
) -> list[Column]:
    """Returns the columns of a formula such as `"~ 1 + essential + regime + category:regime"`.

    Names are columns of the two tables, `size` (n_families, n_nodes) values each, which hold all that the formula
    uses; formulas are read by formulaic.
    Categories are coded by treatment contrasts, `background` or else the first level in alphabetical order being the
    reference. Families with equal values are computed together, so that a covariate with few levels costs little.
    A transform of a whole column, such as `center(x)`, is over these distinct rows: it moves what the intercept means.
    The parameters are called `gain:<term>` and `loss:<term>`; the intercept is the rate model's own log-rate.

    # Errors
    ImportError if formulaic is not installed; ValueError for a formula without an intercept, or a name that stands in
    both tables.
    """
    _, pd = _libraries()
    both = sorted(set(family_covariates) & set(branch_covariates))
    if both:
        raise ValueError(f"'{both[0]}' is a covariate of families and of branches; rename one")
    parsed, needed = _parsed(formula, on), formula_variables(formula, on)
    families, family_code = _distinct({name: family_covariates[name] for name in needed if name in family_covariates})
    branches, branch_code = _distinct({name: branch_covariates[name] for name in needed if name in branch_covariates})
    n_families = len(next(iter(families.values()), [None]))
    n_branches = len(next(iter(branches.values()), [None]))
    if n_families * n_branches * (len(needed) + 1) > _MOST_CELLS:
        raise ValueError(
            f"the formula '{formula}' for {on} has {n_families} x {n_branches} distinct rows, too many to tabulate"
        )
    frame = pd.DataFrame(
        {name: np.repeat(np.asarray(values, dtype=object), n_branches) for name, values in families.items()}
        | {name: np.tile(np.asarray(values, dtype=object), n_families) for name, values in branches.items()},
        index=range(n_families * n_branches),
    )
    for name in frame.columns:
        frame[name] = _typed(frame[name], pd)
    try:
        matrix = parsed.get_model_matrix(frame, na_action="raise")
    except Exception as error:
        raise ValueError(f"the formula '{formula}' for {on} cannot be used: {_first_line(error)}") from error
    values = np.asarray(matrix, dtype=np.float64).reshape(n_families, n_branches, -1)
    names = [str(name) for name in matrix.columns]
    if "Intercept" not in names:
        raise ValueError(f"the formula '{formula}' for {on} has no intercept, which is the rate model's log_{on}")
    family_code, branch_code = (
        np.zeros(n, dtype=np.int64) if code is None else code
        for code, n in zip((family_code, branch_code), size, strict=True)
    )
    return [
        Column(f"{on}:{name}", on, family_code, branch_code, np.ascontiguousarray(values[:, :, index]))
        for index, name in enumerate(names)
        if name != "Intercept"
    ]


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _distinct(columns: dict[str, list[Any]]) -> tuple[dict[str, list[Any]], NDArray[np.int64] | None]:
    """The distinct rows of some columns, and which of them each row is."""
    if not columns:
        return {}, None
    place: dict[tuple[Any, ...], int] = {}
    codes = [place.setdefault(row, len(place)) for row in zip(*columns.values(), strict=True)]
    rows = list(place)
    return {name: [row[index] for row in rows] for index, name in enumerate(columns)}, np.asarray(codes)


def _typed(values: Any, pandas: Any) -> Any:
    """Numbers as numbers, words as categories whose first is the reference."""
    try:
        return values.astype(float)
    except (TypeError, ValueError):
        words = values.astype(str)
        levels = sorted(set(words), key=lambda word: (word != BACKGROUND, word))
        return pandas.Series(pandas.Categorical(words, categories=levels), index=values.index)
