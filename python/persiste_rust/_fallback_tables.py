"""Presence tables: families in rows and genomes in columns, or turned; plain or gzip-compressed text.

Genomes are found by name, never by position. A format is one entry of `FORMATS`; which one a file has is told by its
header. Cells of plain tables are counts, made binary (`1.0` is the count 1); `?`, `NA`, `NaN` (any case) and blank are
missing. In the gene lists of Roary and its kin a blank cell, and `0`, is absent, the same marks are missing, and
everything else is present.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from os import PathLike, fspath
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from persiste_rust._fallback_match import Table, first_of
from persiste_rust._fallback_pairs import is_list, read_pairs
from persiste_rust._text_file import read_text

Progress = Callable[[str, int, int], object]

_MISSING = {"?", "NA", "NAN"}
_COUNT = re.compile(r"[0-9]+(?:\.0*)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_GENE_LIST_COLUMNS = {
    "gene",
    "non-unique gene name",
    "annotation",
    "no. isolates",
    "no. sequences",
    "avg sequences per isolate",
    "genome fragment",
    "order within fragment",
    "accessory fragment",
    "accessory order with fragment",
    "qc",
    "min group size nuc",
    "max group size nuc",
    "avg group size nuc",
    "inference",
}
FORMATS = [
    {"name": "rtab", "description": "tab-separated, header 'Gene' and genomes, cells 0 and 1 (Roary, Panaroo, PIRATE)"},
    {"name": "tsv", "description": "tab-separated counts; columns before the first tip may be annotations"},
    {"name": "csv", "description": "comma-separated counts; columns before the first tip may be annotations"},
    {"name": "pairs", "description": "one line for each family in a genome: family, genome, perhaps copies"},
    {"name": "roary", "description": "gene_presence_absence.csv of Roary, Panaroo or PPanGGOLiN: gene lists"},
]
_ABSENT, _PRESENT, _UNKNOWN, _MANY = 0, 1, -1, 2
_PROGRESS_ROWS = 2000


def read_table(
    path: str | PathLike[str],
    tip_names: Sequence[str],
    *,
    format: str | None = None,
    genomes_in_rows: bool = False,
    progress: Progress | None = None,
) -> Table:
    """Returns the table in a file; `tip_names` tell genomes from annotations.

    # Errors
    ValueError, with file, line and what was found, for a format that is not known or a cell that is no presence;
    OSError for a file that cannot be read.
    """
    if format is not None and format not in (known["name"] for known in FORMATS):
        raise ValueError(f"unknown table format '{format}'; known: {_known()}")
    return _TableReader(fspath(path), read_text(path, strict=False), set(tip_names), format, genomes_in_rows).read(
        progress
    )


class _TableReader:
    """Reads one file; `where` is its name for messages."""

    def __init__(self, path: str, text: str, tips: set[str], format: str | None, turned: bool) -> None:
        self.where, self.tips, self.turned = f"'{path}'", tips, turned
        self.notes: list[str] = []
        lines = list(io.StringIO(text, newline=""))
        start, self.header_line = self.find_header(lines)
        rows = (line for line in lines[start + 1 :] if line.strip() and not line.startswith("#"))
        self.format = format or self.sniff(self.header_line, next(rows, ""))
        if turned and self.format in ("roary", "pairs"):
            raise ValueError(f"{self.where}: genomes_in_rows is for plain tables, and this one is {self.format}")
        self.delimiter = "," if self.format in ("csv", "roary") else "\t"
        if self.format == "pairs" and "\t" not in self.header_line:
            self.delimiter = ","
        self.lines = lines[start:]
        self.first_line = start

    def fail(self, line: int, what: str) -> NoReturn:
        raise ValueError(f"{self.where}, line {line}: {what}")

    def find_header(self, lines: list[str]) -> tuple[int, str]:
        """The header is the first line that is neither blank nor a comment.

        A comment line right before it is the header instead if it has as many fields and tip names in the place
        where they belong, as in '#ID<TAB>genome ...'.
        """
        comment = -1
        for index, line in enumerate(lines):
            if line.startswith("#"):
                comment = index
            elif line.strip():
                above = lines[comment] if comment >= 0 else ""
                for delimiter in "\t,":
                    named, below = above.strip().split(delimiter), line.strip().split(delimiter)
                    tips = below[:1] if self.turned else named[1:]
                    if len(named) == len(below) > 1 and self.tips.intersection(tips):
                        return comment, above
                return index, line
        raise ValueError(f"{self.where} holds no table: it is empty but for blank lines and comments")

    def sniff(self, header: str, row: str) -> str:
        """Names the format of a header, and of the line below it."""
        delimiter = "\t" if "\t" in header else ","
        names = next(csv.reader([header.strip()], delimiter=delimiter))
        below = next(csv.reader([row.rstrip("\r\n")], delimiter=delimiter), [])
        if not self.turned and is_list(names, below, self.tips, lambda field: _is_count(field.strip())):
            first = "', '".join(names)
            self.notes.append(f"read as pairs: '{first}' is a header or a line of a list of presences")
            return "pairs"
        readable = f"the NumPy backend reads {_known()}"
        first = names[0].lstrip("#")
        others = {
            "a FASTA file": header.startswith(">"),
            "a CAFE table": first == "Desc" and names[1:2] == ["Family ID"],
            "an OrthoFinder table": first in ("Orthogroup", "HOG"),
            "a PIRATE table": "allele_name" in names[:2],
        }
        for kind, found in others.items():
            if found:
                raise ValueError(f"{self.where} looks like {kind}; {readable}")
        if len(names) == 1:
            raise ValueError(f"{self.where}: the header has neither a tab nor a comma: {header[:60]!r}; {readable}")
        if "\t" not in header and names[0] == "Gene" and "Non-unique Gene name" in names:
            self.notes.append("read as roary: the header has 'Non-unique Gene name'")
            return "roary"
        if "\t" in header and first == "Gene":
            self.notes.append("read as rtab: the header is tab-separated and begins with 'Gene'")
            return "rtab"
        name, separator = ("tsv", "tabs") if "\t" in header else ("csv", "commas")
        self.notes.append(f"read as {name}: the header is separated by {separator}")
        return name

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Iterates over (line, fields) of the header and the rows; comment and blank lines are passed over."""
        # In plain tab-separated tables a quote is a character like any other.
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.delimiter == "," else csv.QUOTE_NONE
        limit = csv.field_size_limit(2**31 - 1)
        try:
            reader = csv.reader(self.lines, delimiter=self.delimiter, quoting=quoting, strict=self.delimiter == ",")
            header = True
            while True:
                line = self.first_line + reader.line_num + 1
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as reason:
                    self.fail(line, f"the quotes do not fit: {reason}")
                if not fields or (len(fields) == 1 and not fields[0].strip()):
                    continue
                if fields[0].startswith("#") and not header and self.format != "roary":
                    continue
                header = False
                yield line, fields
        finally:
            csv.field_size_limit(limit)

    def read(self, progress: Progress | None) -> Table:
        records = self.records()
        if self.format == "pairs":
            code_of = _Cells(self, ["family", "genome", "copies"]).copies
            families, genomes, cells = read_pairs(records, self.tips, self.fail, code_of)
            self.count_notes(cells)
            cells[cells == _MANY] = _PRESENT
            return Table(families, genomes, cells, self.notes, is_list=True)
        header_at, header = next(records)
        header = [name.strip() for name in header]
        # A separator at the end of the header is no column; the rows may then end in one or not.
        trailing = len(header) > 1 and not header[-1]
        header = header[:-1] if trailing else header
        rows: list[tuple[int, list[str]]] = []
        for line, fields in records:
            if trailing and len(fields) == len(header) + 1 and not fields[-1].strip():
                del fields[-1]
            if len(fields) != len(header):
                self.fail(line, f"{len(fields)} fields, and the header has {len(header)}")
            rows.append((line, fields))
            if progress is not None and len(rows) % _PROGRESS_ROWS == 0:
                progress("reading", len(rows), 0)
        if not rows:
            raise ValueError(f"{self.where} has a header and no rows")
        columns = list(range(1, len(header))) if self.turned else self.genome_columns(header, rows)
        names = [header[column] for column in columns]
        for column, name in zip(columns, names, strict=True):
            if not name:
                self.fail(header_at, f"column {column + 1} has no name")
        self.refuse_twice(names, [header_at] * len(names), "family" if self.turned else "genome")
        row_names = [fields[0].strip() for _, fields in rows]
        self.refuse_twice(row_names, [line for line, _ in rows], "genome" if self.turned else "family")
        cells = np.empty((len(rows), len(columns)), dtype=np.int8)
        parse = _Cells(self, header)
        for index, (line, fields) in enumerate(rows):
            cells[index] = parse.row(line, fields, columns)
            if progress is not None and index % _PROGRESS_ROWS == 0:
                progress("reading", index, len(rows))
        self.count_notes(cells)
        cells[cells == _MANY] = _PRESENT
        if self.turned:
            return Table(names, row_names, np.ascontiguousarray(cells.T), self.notes)
        return Table(row_names, names, cells, self.notes)

    def genome_columns(self, header: list[str], rows: list[tuple[int, list[str]]]) -> list[int]:
        """Returns the columns that are genomes, by their names."""
        if self.format == "roary":
            if header[0] != "Gene":
                raise ValueError(
                    f"{self.where}: the first column is '{header[0]}'; a table of gene lists has 'Gene' there"
                )
            return [column for column, name in enumerate(header) if name.lower() not in _GENE_LIST_COLUMNS]
        if header[0] in self.tips:
            raise ValueError(f"{self.where}: the first column is the genome '{header[0]}'; it must name the families")
        first = next((column for column in range(1, len(header)) if header[column] in self.tips), None)
        if first is None:
            advice = "; genomes_in_rows (--genomes-in-rows) is for one line a genome" if not self.turned else ""
            raise ValueError(
                f"{self.where}: no column is named like a tip of the tree (columns {first_of(header[1:])}; "
                f"tips {first_of(sorted(self.tips))}){advice}"
            )
        annotations = [
            column for column in range(1, first) if any(not _is_count(fields[column].strip()) for _, fields in rows)
        ]
        if annotations:
            found = first_of([header[column] for column in annotations])
            self.notes.append(f"{len(annotations)} columns before the first tip hold annotations, not counts: {found}")
        return [column for column in range(1, len(header)) if column not in annotations]

    def refuse_twice(self, names: list[str], lines: list[int], what: str) -> None:
        seen: dict[str, int] = {}
        for name, line in zip(names, lines, strict=True):
            if name in seen:
                self.fail(line, f"{what} '{name}' occurs more than once (first on line {seen[name]})")
            if not name:
                self.fail(line, f"a {what} without a name")
            if not name.isascii() and _SURROGATE.search(name):
                # Annotations in old encodings are nobody's business; names are.
                self.fail(line, f"the name of a {what} is not UTF-8: {name.encode('utf-8', 'surrogateescape')!r}")
            seen[name] = line

    def count_notes(self, cells: NDArray[np.int8]) -> None:
        many, missing = int((cells == _MANY).sum()), int((cells == _UNKNOWN).sum())
        if many:
            self.notes.append(f"{many} counts above 1 were made 1: the model knows presence and absence")
        if missing:
            self.notes.append(f"{missing} cells are missing")


class _Cells:
    """What each text of a cell means; every text is judged once."""

    def __init__(self, reader: _TableReader, header: list[str]) -> None:
        self.reader, self.header = reader, header
        self.known: dict[str, int] = {"0": _ABSENT, "1": _PRESENT}

    def row(self, line: int, fields: list[str], columns: list[int]) -> list[int]:
        """Returns the codes of one row."""
        known = self.known
        try:
            return [known[fields[column]] for column in columns]
        except KeyError:
            return [self.judge(line, fields, column) for column in columns]

    def judge(self, line: int, fields: list[str], column: int) -> int:
        text = fields[column]
        if text not in self.known:
            code = self.gene_list(text) if self.reader.format == "roary" else self.count(line, fields, column)
            if len(text) > 30:
                return code  # locus tags hardly ever return
            self.known[text] = code
        return self.known[text]

    def gene_list(self, text: str) -> int:
        if text.strip().upper() in _MISSING:
            return _UNKNOWN
        return _PRESENT if text.strip() not in ("", "0") else _ABSENT

    def count(self, line: int, fields: list[str], column: int) -> int:
        text = fields[column].strip()
        if text.upper() in _MISSING:
            return _UNKNOWN
        if not text or not _COUNT.fullmatch(text):
            place = f"family '{fields[0].strip()}', column '{self.header[column]}'"
            if self.reader.format == "pairs":
                place = f"family '{fields[0]}', genome '{fields[1]}' (column 3)"
            if self.reader.turned:
                place = f"genome '{fields[0].strip()}', family '{self.header[column]}'"
            self.reader.fail(line, f"{place} is '{text[:40]}'; allowed are counts, and ?, NA or NaN for missing")
        digits = text.split(".")[0].lstrip("0")
        return _ABSENT if not digits else _PRESENT if digits == "1" else _MANY

    def copies(self, line: int, family: str, genome: str, text: str) -> int:
        """Returns the code of the third field of a list."""
        return self.count(line, [family, genome, text], 2)


def _is_count(text: str) -> bool:
    return not text or text.upper() in _MISSING or _COUNT.fullmatch(text) is not None


def _known() -> str:
    return ", ".join(known["name"] for known in FORMATS)
