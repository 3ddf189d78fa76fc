"""Lists of presences and sparse matrices as the entries that the backends read; nothing is unfolded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._checked import MOST_FAMILIES, numbered_families

_Numbers = NDArray[np.int64]


def is_sparse(matrix: Any) -> bool:
    """Returns whether a matrix is one of SciPy's or has their members."""
    return hasattr(matrix, "tocsc") or all(hasattr(matrix, name) for name in ("indptr", "indices", "data", "shape"))


def entries_of_sparse(
    matrix: Any, n_tips: int, taxon_names: list[str] | None, family_names: list[str] | None
) -> tuple[_Numbers, _Numbers, NDArray[np.int8], list[str] | None, list[str]]:
    """Returns (families, genomes, states, taxon_names, family_names) of a sparse matrix (n_tips, n_families).

    # Errors
    ValueError for a shape that does not fit its names, or a cell that is not 0, 1 or -1 (NaN in floats).
    """
    if len(matrix.shape) != 2:
        raise ValueError(f"presence_matrix has shape {matrix.shape}; allowed is (n_tips, n_families)")
    n_rows, n_families = (int(size) for size in matrix.shape)
    expected = n_tips if taxon_names is None else len(taxon_names)
    if n_rows != expected:
        whose = "the number of tips (or give taxon_names)" if taxon_names is None else "the number of taxon_names"
        raise ValueError(f"presence_matrix has {n_rows} rows; expected {expected}, {whose}")
    if family_names is not None and len(family_names) != n_families:
        raise ValueError(
            f"family_names has length {len(family_names)}; expected {n_families}, the number of columns of the matrix"
        )
    is_by_row = getattr(matrix, "format", None) == "csr"
    if not is_by_row and hasattr(matrix, "tocsc"):
        matrix = matrix.tocsc()
    lines = n_rows if is_by_row else n_families
    starts = np.asarray(matrix.indptr)
    if len(starts) != lines + 1:
        raise ValueError(f"indptr has length {len(starts)}; expected {lines + 1}")
    line = np.repeat(np.arange(lines, dtype=np.int64), np.diff(starts))
    across = np.asarray(matrix.indices).astype(np.int64)
    families, genomes = (across, line) if is_by_row else (line, across)
    values = np.asarray(matrix.data)
    states = _states(values, lambda entry: f" in row {genomes[entry]}, column {families[entry]}")
    return families, genomes, states, taxon_names, family_names or numbered_families(n_families)


def entries_of_lists(
    family_index: ArrayLike, genome_index: ArrayLike, states: ArrayLike | None, family_names: list[str] | None
) -> tuple[_Numbers, _Numbers, NDArray[np.int8], list[str]]:
    """Returns (families, genomes, states, family_names) of a list of presences.

    # Errors
    ValueError for lists of different lengths or a state other than 0, 1 and -1; TypeError for indices that are no
    integers.
    """
    families, genomes = _index(family_index, "family_index"), _index(genome_index, "genome_index")
    values = np.ones(len(families), dtype=np.int8) if states is None else np.asarray(states)
    for name, other in (("genome_index", genomes), ("states", values)):
        if other.shape != families.shape:
            raise ValueError(f"{name} has shape {other.shape}; expected {families.shape}, that of family_index")
    if family_names is None:
        family_names = numbered_families(_n_families(families))
    return families, genomes, _states(values, lambda entry: f" in entry {entry}"), family_names


def _n_families(families: _Numbers) -> int:
    """As many as the largest number asks for, refused where only a mistake can ask for so many names."""
    if not len(families):
        return 0
    for entry in (int(families.argmin()), int(families.argmax())):
        if not 0 <= families[entry] < MOST_FAMILIES:
            raise ValueError(
                f"family_index is {families[entry]} in entry {entry}; without family_names allowed are 0 to "
                f"{MOST_FAMILIES - 1}"
            )
    return int(families.max()) + 1


def _index(numbers: ArrayLike, name: str) -> _Numbers:
    array = np.asarray(numbers)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; allowed is one")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} holds {array.dtype}; allowed are integers")
    return np.ascontiguousarray(array.astype(np.int64))


def _states(values: NDArray[Any], place: Any) -> NDArray[np.int8]:
    if values.dtype.kind not in "biuf":
        raise TypeError(f"presence_matrix holds {values.dtype}; allowed are booleans, integers and floats")
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -1, values)
    legal = (values == 0) | (values == 1)
    if values.dtype.kind in "if":
        legal |= values == -1
    if not legal.all():
        entry = int(np.argmin(legal))
        advice = "; for copy numbers pass matrix > 0" if values[entry] > 1 else ""
        raise ValueError(
            f"presence_matrix is {values[entry]}{place(entry)}; allowed are 0, 1, and -1 or NaN for missing{advice}"
        )
    return np.ascontiguousarray(values.astype(np.int8))
