"""Turns whatever array of presences a user holds into the one that the backends read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def presence_array(
    matrix: ArrayLike,
    taxon_names: Sequence[str] | None = None,
    family_names: Sequence[str] | None = None,
    *,
    missing_allowed: bool = True,
) -> NDArray[np.int8]:
    """Returns the presences as (n_tips, n_families) int8: 0 absent, 1 present, -1 missing.

    Booleans, integers and floats are taken if every cell is 0, 1 or missing (-1, or NaN in floats).

    # Errors
    ValueError that names the first cell with another value, or for an array that is not two-dimensional; TypeError
    for an array that holds no numbers.
    """
    array = np.asarray(matrix)
    if array.ndim != 2:
        raise ValueError(
            f"presence_matrix has {array.ndim} dimensions, of shape {array.shape}; allowed is (n_tips, n_families)"
        )
    if array.dtype == np.bool_:
        return np.ascontiguousarray(array).view(np.int8)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"presence_matrix holds {array.dtype}; allowed are booleans, integers and floats")
    legal = (array == 0) | (array == 1)
    if missing_allowed:
        missing = (array == -1) if array.dtype.kind != "u" else np.zeros_like(legal)
        if array.dtype.kind == "f":
            missing |= np.isnan(array)
        legal |= missing
    if not legal.all():
        row, column = (int(index) for index in np.argwhere(~legal)[0])
        taxon = f" ('{taxon_names[row]}')" if taxon_names is not None and row < len(taxon_names) else ""
        family = f" ('{family_names[column]}')" if family_names is not None and column < len(family_names) else ""
        value = array[row, column]
        allowed = "0, 1, and -1 or NaN for missing" if missing_allowed else "0 and 1"
        advice = "; for copy numbers pass matrix > 0" if value > 1 else ""
        raise ValueError(
            f"presence_matrix is {value} in row {row}{taxon}, column {column}{family}; allowed are {allowed}{advice}"
        )
    if array.dtype == np.int8:
        return np.ascontiguousarray(array)
    if array.dtype.kind == "f":
        array = np.where(missing, -1, array) if missing_allowed else array
    return np.ascontiguousarray(array.astype(np.int8))


def names_or_none(names: Sequence[str] | None, what: str) -> list[str] | None:
    """Returns the names as a list of str, or None.

    # Errors
    TypeError if one is no text, or if all of it is one text.
    """
    if names is None:
        return None
    if isinstance(names, str):
        raise TypeError(f"{what} is one text, '{names[:40]}'; allowed is a list of names")
    listed = [str(name) if isinstance(name, np.str_) else name for name in names]
    for position, name in enumerate(listed):
        if not isinstance(name, str):
            raise TypeError(f"{what}[{position}] is {name!r}; allowed are texts")
    return listed
