"""Small tables of covariates: one row a family, genome or branch, read from a file or a DataFrame."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from persiste_rust._text_file import read_text

# What a cell without a value holds, as text; no infinity is a covariate either.
_MISSING = {"", "NA", "N/A", "nan", "NaN", "<NA>", "NaT", "None", "?", "inf", "-inf"}


@dataclass(frozen=True)
class CovariateTable:
    """Rows by name and columns by name; `where` says in messages which table it is."""

    where: str
    names: list[str]
    columns: Mapping[str, list[Any]]

    def column(self, name: str) -> list[Any]:
        """Returns a column.

        # Errors
        ValueError for a column that the table does not have, or a row without a value.
        """
        values = self._values(name)
        for row, value in zip(self.names, values, strict=True):
            self._refuse_missing(name, row, value)
        return values

    def of(self, wanted: list[str], what: str, columns: Iterable[str]) -> dict[str, list[Any]]:
        """Returns some columns in the order of `wanted` row names; other rows are passed over.

        # Errors
        ValueError for a name without a row or without a value.
        """
        place = {name: row for row, name in enumerate(self.names)}
        missing = [name for name in wanted if name not in place]
        if missing:
            examples = ", ".join(f"'{name}'" for name in missing[:3])
            raise ValueError(
                f"{self.where} has no row for {what} {examples} ({len(missing)} of {len(wanted)} lack one)"
            )
        result = {}
        for name in columns:
            values = self._values(name)
            result[name] = [values[place[row]] for row in wanted]
            for row, value in zip(wanted, result[name], strict=True):
                self._refuse_missing(name, row, value)
        return result

    def _values(self, name: str) -> list[Any]:
        if name not in self.columns:
            raise ValueError(f"{self.where} has no column '{name}'; it has {', '.join(self.columns) or 'none'}")
        return self.columns[name]

    def _refuse_missing(self, column: str, row: str, value: Any) -> None:
        if value is None or str(value) in _MISSING:
            raise ValueError(f"{self.where} has no value of '{column}' for '{row}' (found {str(value)!r})")


def read_covariates(source: Any, what: str) -> CovariateTable:
    """Returns a table of covariates; `what` names it in messages.

    `source` is a pandas DataFrame whose index names the rows, a mapping from column to a mapping from row name to
    value, or the path of a TSV or CSV file (perhaps gzipped) with a header and the row names in its first column.
    Columns of a file are numbers if all their cells are.

    # Errors
    ValueError for a row that occurs twice, rows of different width, or no column; OSError for a file that cannot be
    read. Cells without a value are refused where they are used.
    """
    if hasattr(source, "columns") and hasattr(source, "index"):
        names = [str(name) for name in source.index]
        columns = {str(name): list(source[name]) for name in source.columns}
        return _checked(CovariateTable(f"the table of {what}", names, columns))
    if isinstance(source, Mapping):
        names = list(dict.fromkeys(str(name) for values in source.values() for name in values))
        columns = {}
        for column, values in source.items():
            of = {str(name): value for name, value in values.items()}
            missing = [name for name in names if name not in of]
            if missing:
                raise ValueError(f"covariate '{column}' has no value for '{missing[0]}'")
            columns[str(column)] = [of[name] for name in names]
        return _checked(CovariateTable(f"the table of {what}", names, columns))
    return _checked(_read_file(os.fspath(source), what))


def _read_file(path: str, what: str) -> CovariateTable:
    lines = [
        (number, line)
        for number, line in enumerate(read_text(path).replace("\r\n", "\n").split("\n"), 1)
        if line.strip()
    ]
    where = f"the table of {what} '{path}'"
    if not lines:
        raise ValueError(f"{where} is empty")
    rows = list(csv.reader((line for _, line in lines), delimiter="\t" if "\t" in lines[0][1] else ","))
    header = rows[0]
    for (number, _), row in zip(lines, rows, strict=False):
        if len(row) != len(header):
            raise ValueError(f"{where}, line {number}: {len(row)} cells; the header has {len(header)}")
    names = [row[0].strip() for row in rows[1:]]
    columns: dict[str, list[Any]] = {}
    for place, name in enumerate(header[1:], 1):
        if name.strip() in columns:
            raise ValueError(f"{where} has two columns '{name.strip()}'")
        cells = [row[place].strip() for row in rows[1:]]
        columns[name.strip()] = _numbers(cells, names, f"{where}: column '{name.strip()}'")
    return CovariateTable(where, names, columns)


def _numbers(cells: list[str], names: list[str], where: str) -> list[Any]:
    """The cells as numbers if all that have a value are, else as they are; a warning where most are numbers."""
    found = [cell if cell in _MISSING else _number(cell) for cell in cells]
    words = [name for name, number in zip(names, found, strict=True) if number is None]
    if not words:
        return found
    if 2 * len(words) < sum(cell not in _MISSING for cell in cells):
        example = f"'{cells[names.index(words[0])]}' for '{words[0]}'"
        warnings.warn(f"{where} is read as categories: most cells are numbers, but not {example}", stacklevel=2)
    return list(cells)


def _number(cell: str) -> float | None:
    try:
        return float(cell.replace("_", "?"))  # Python alone would read 1_0 as 10
    except ValueError:
        return None


def _checked(table: CovariateTable) -> CovariateTable:
    if not table.columns:
        raise ValueError(f"{table.where} has no column beside the names of its rows")
    seen = set()
    for name in table.names:
        if name in seen:
            raise ValueError(f"{table.where} names '{name}' twice")
        seen.add(name)
    return table
