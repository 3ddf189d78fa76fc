"""Turns what a user holds into checked counts, with the messages that users of pyDMM know."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from persiste_rust._backend import backend, chosen_name

if TYPE_CHECKING:
    from persiste_rust import _core

# Row totals up to here are accepted by the native module, so no count can be larger.
_LARGEST = 2**31 - 1


def engine() -> Any:
    """Returns the native module.

    # Errors
    ImportError where NumPy stands in for it.
    """
    if chosen_name() != "rust":
        raise ImportError("DirichletMixture needs the compiled engine, and this is the NumPy backend of persiste_rust")
    return backend("rust")


class CountTable(NamedTuple):
    """A checked table."""

    counts: _core.DirichletCounts
    matrix: NDArray[np.uint32]
    sample_names: list[Any] | None
    feature_names: list[Any] | None


def is_frame(X: object) -> bool:
    """Returns whether X is a pandas DataFrame, without importing pandas."""
    return hasattr(X, "iloc") and hasattr(X, "columns") and hasattr(X, "to_numpy")


def count_table(X: Any) -> CountTable:
    """Returns the counts of an array or DataFrame (n_samples, n_features), grouped.

    Fractions are cut off with a warning, as in pyDMM.

    # Errors
    ValueError for what is no array, not two-dimensional, empty, negative, not finite, too large, or has a row of zeros;
    it names the first such place.
    """
    frame = is_frame(X)
    if not frame and not isinstance(X, np.ndarray):
        if hasattr(X, "toarray"):
            raise TypeError("Input is a sparse array; dense data is required, use X.toarray()")
        raise ValueError("Input must be a pandas DataFrame or numpy array")
    matrix = _integers(X.to_numpy() if frame else np.asarray(X))
    return CountTable(
        engine().DirichletCounts(matrix),
        matrix,
        list(X.index) if frame else None,
        list(X.columns) if frame else None,
    )


def _integers(array: NDArray[Any]) -> NDArray[np.uint32]:
    if array.ndim != 2:
        raise ValueError(
            f"Input must be a 2-dimensional array; found {array.ndim} dimensions. Reshape your data: one row a sample"
        )
    if array.shape[0] == 0 or array.shape[1] == 0:
        raise ValueError(
            f"Array dimensions and n_components must be positive; found 0 sample(s) or 0 feature(s) "
            f"(shape={array.shape}) while a minimum of 1 is required."
        )
    if array.dtype.kind not in "buif":
        array = _numbers(array)
    if array.dtype.kind == "f":
        _refuse(array, ~np.isfinite(array), "Input contains NaN or infinity")
    if array.dtype.kind in "if":
        _refuse(array, array < 0, "Input data cannot contain negative values (Negative values in data)")
    if array.dtype.kind == "f" and (array != np.floor(array)).any():
        warnings.warn("Input data contains non-integer values. Converting to integers.", UserWarning, stacklevel=4)
    _refuse(array, array > _LARGEST, f"Input data cannot contain counts above {_LARGEST}")
    return np.ascontiguousarray(array, dtype=np.uint32)


def _numbers(array: NDArray[Any]) -> NDArray[Any]:
    """Returns an array of objects as numbers."""
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported")
    try:
        return array.astype(np.float64)
    except TypeError as reason:
        raise TypeError(f"Input holds what is no number: argument must be a string or a number ({reason})") from None
    except ValueError as reason:
        raise ValueError(f"Input holds what is no number: {reason}") from None


def _refuse(array: NDArray[Any], wrong: NDArray[np.bool_], message: str) -> None:
    if wrong.any():
        row, column = (int(index) for index in np.argwhere(wrong)[0])
        raise ValueError(f"{message}: row {row}, column {column} is {array[row, column]}")
