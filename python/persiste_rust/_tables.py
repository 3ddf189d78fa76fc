"""Tables of results as text or Parquet, written in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from persiste_rust import _report
from persiste_rust._outputs import Content

FORMATS = ("tsv", "parquet")

# So many cells are formatted, or gathered, at a time.
_CELLS_AT_ONCE = 1 << 21


def checked_format(asked: str | None, path: str | None = None) -> str:
    """Returns the format of a table: as asked for, or by the ending of its path, else text.

    # Errors
    ImportError, naming the extra, if Parquet is wanted without pyarrow.
    """
    by_ending = "parquet" if path is not None and path.lower().endswith((".parquet", ".pq")) else "tsv"
    name = asked or by_ending
    if name == "parquet":
        _pyarrow()
    return name


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("Parquet needs pyarrow: pip install 'persiste-rust[parquet]'") from error
    return pyarrow


def table(columns: dict[str, Any], kind: str) -> Content:
    """Returns a table of named columns (lists of text, or arrays) as the content of a file."""
    return _parquet(columns) if kind == "parquet" else lines(columns)


def lines(columns: dict[str, Any]) -> Iterator[str]:
    """A table as lines: names escaped, numbers with all their digits but for rounding noise."""
    yield "\t".join(columns) + "\n"
    names = {name: column for name, column in columns.items() if not isinstance(column, np.ndarray)}
    escaped = {name: {text: _report.escaped(text) for text in set(column)} for name, column in names.items()}
    n_rows, step = len(next(iter(columns.values()))), max(1, _CELLS_AT_ONCE // len(columns))
    for first in range(0, n_rows, step):
        cells = []
        for name, column in columns.items():
            part = column[first : first + step]
            if isinstance(part, np.ndarray):
                of_number = str if part.dtype.kind in "iu" else "{:.9g}".format
                cells.append(list(map(of_number, part.tolist())))
            else:
                cells.append(list(map(escaped[name].__getitem__, part)))
        for row in zip(*cells, strict=True):
            yield "\t".join(row) + "\n"


def wide(
    names: list[str],
    head: list[str],
    nodes: NDArray[np.int64],
    cells: NDArray[np.float32] | NDArray[np.int8],
    kind: str,
) -> Content:
    """A row a family and a column a node: probabilities with four digits behind the point, or states.

    In Parquet probabilities have single precision; a family that cannot arise has nulls.
    """
    if kind == "parquet":
        return _wide_parquet(names, head, nodes, cells)
    return _wide_lines(names, head, nodes, cells)


def _wide_lines(
    names: list[str], head: list[str], nodes: NDArray[np.int64], cells: NDArray[np.float32] | NDArray[np.int8]
) -> Iterator[bytes]:
    from persiste_rust import _core

    yield ("\t".join(["family", *map(_report.escaped, head)]) + "\n").encode()
    step, rows = max(1, _CELLS_AT_ONCE // (len(nodes) + 1)), nodes.tolist()
    for first in range(0, len(names), step):
        part = [_report.escaped(name) for name in names[first : first + step]]
        yield _core.format_cells(cells, rows, first, part)


def _parquet(columns: dict[str, Any]) -> Callable[[Path], None]:
    arrow = _pyarrow()

    def write(path: Path) -> None:
        arrow.parquet.write_table(arrow.table(columns), path, compression="zstd")

    return write


def _wide_parquet(
    names: list[str], head: list[str], nodes: NDArray[np.int64], cells: NDArray[np.float32] | NDArray[np.int8]
) -> Callable[[Path], None]:
    arrow = _pyarrow()

    def write(path: Path) -> None:
        is_number = cells.dtype.kind == "f"
        kind = arrow.float32() if is_number else arrow.int8()
        fields = [("family", arrow.string()), *((label, kind) for label in head)]
        step = max(1, 8 * _CELLS_AT_ONCE // (len(nodes) + 1))
        with arrow.parquet.ParquetWriter(path, arrow.schema(fields), compression="zstd") as writer:
            for first in range(0, len(names), step):
                part: NDArray[Any] = np.ascontiguousarray(cells[nodes, first : first + step])
                absent = np.isnan(part) if is_number else part < 0
                columns = [arrow.array(row, mask=mask) for row, mask in zip(part, absent, strict=True)]
                columns.insert(0, arrow.array(names[first : first + step]))
                writer.write_table(arrow.Table.from_arrays(columns, schema=writer.schema))

    return write
