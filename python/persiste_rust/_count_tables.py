"""Reads a table of counts: a header of names, then one line a feature, separated by tabs or commas.

Comments (`#`) and blank lines are skipped; a byte-order mark, line ends of Windows and gzip are read. The column
`Total` that OrthoFinder writes last is left out, with a note. Everything else that is no whole number from 0 is refused
with line and column.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from os import PathLike
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from persiste_rust._text_file import read_text

_WHOLE = re.compile(r"\+?(\d+)(?:\.0*)?\Z")
_LARGEST = 2**31 - 1


class NamedCounts(NamedTuple):
    """Counts (n_rows, n_columns) as they stand in the file, with the names of rows and columns."""

    counts: NDArray[np.int64]
    row_names: list[str]
    column_names: list[str]
    notes: list[str]


def _records(path: str | PathLike[str]) -> Iterator[tuple[int, list[str]]]:
    """Yields line number and cells of each line that is neither blank nor a comment."""
    lines = read_text(path).splitlines()
    header = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    if not header:
        raise ValueError(f"'{path}' is empty; expected a header line and one line for each feature")
    separator = "\t" if "\t" in header else ","
    if separator not in header:
        raise ValueError(f"'{path}': the header has neither a tab nor a comma; expected names in columns")
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            yield number, [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]


def first_column(path: str | PathLike[str]) -> str:
    """Returns the name of the column that names the lines."""
    return next(_records(path))[1][0]


def looks_like_roary(path: str | PathLike[str]) -> bool:
    """Returns whether the header is that of gene_presence_absence.csv, whose cells are names of genes."""
    _, header = next(_records(path))
    names = [name.lower() for name in header[1:3]]
    return "non-unique gene name" in names or "annotation" in names


def _count(cell: str, path: str | PathLike[str], line: int, place: int, column: str) -> int:
    match = _WHOLE.match(cell)
    if match is None or int(match[1]) > _LARGEST:
        raise ValueError(
            f"'{path}', line {line}, column {place + 1} ('{column}'): count is '{cell[:40]}'; "
            f"allowed are whole numbers from 0 to {_LARGEST}"
        )
    return int(match[1])


def read_counts(path: str | PathLike[str]) -> NamedCounts:
    """Returns the counts of a plain table.

    # Errors
    ValueError with line and column for what is no count, a line of another length, a name that is empty or repeated.
    """
    records = _records(path)
    first_line, header = next(records)
    columns, notes = header[1:], []
    if header[0].lower() == "orthogroup" and columns and columns[-1].lower() == "total":
        columns = columns[:-1]
        notes.append("the last column, 'Total', was left out")
    _refuse_names(columns, path, f"line {first_line}", "column")
    names, rows, lines = [], [], []
    for line, cells in records:
        if len(cells) != len(header):
            raise ValueError(
                f"'{path}', line {line}: {len(cells)} cells; the header (line {first_line}) has {len(header)}"
            )
        names.append(cells[0])
        lines.append(line)
        wanted = zip(cells[1 : len(columns) + 1], columns, strict=True)
        rows.append([_count(cell, path, line, place, column) for place, (cell, column) in enumerate(wanted, start=1)])
    if not rows:
        raise ValueError(f"'{path}' has a header (line {first_line}) but no line of data below it")
    _refuse_names(names, path, f"lines {lines[0]} to {lines[-1]}", "row")
    return NamedCounts(np.array(rows, dtype=np.int64), names, columns, notes)


def _refuse_names(names: list[str], path: str | PathLike[str], where: str, what: str) -> None:
    seen: set[str] = set()
    for place, name in enumerate(names, start=1):
        if not name:
            raise ValueError(f"'{path}', {where}: {what} {place} has no name")
        if name in seen:
            raise ValueError(f"'{path}', {where}: the {what} name '{name}' occurs more than once")
        seen.add(name)
