"""Lists of presences for the NumPy backend: one line for each family in a genome, perhaps with a number of copies.

The first line is a header if it names both columns (families `family`, `gene`, `orthogroup`, `cluster` or `group`,
genomes `genome`, `taxon`, `species`, `strain`, `isolate`, `sample` or `tip`; any order, any case); otherwise it is a
presence if its second field is a tip, and refused if not. What is not listed is absent; a family listed twice in a
genome is refused. This backend unfolds the list into one byte a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

FAMILY = ("family", "gene", "orthogroup", "cluster", "group")
GENOME = ("genome", "taxon", "species", "strain", "isolate", "sample", "tip")

_Fail = Callable[[int, str], NoReturn]


def is_header(fields: Sequence[str]) -> bool:
    """Returns whether a line names both columns of a list."""
    return _order(fields) is not None


def is_list(header: Sequence[str], row: Sequence[str], tips: Collection[str], is_count: Callable[[str], bool]) -> bool:
    """Returns whether the first two lines are those of a list: its header, or a second field that is no cell."""
    if not 2 <= len(header) <= 3:
        return False
    header_has_tip = any(field in tips for field in header)
    if is_header(header) and not header_has_tip:
        return True
    is_pair = len(row) == len(header) and row[1] != "" and not is_count(row[1])
    if len(row) == 3:
        is_pair = is_pair and is_count(row[2])
    return is_pair and (not header_has_tip or row[1] in tips)


def read_pairs(
    records: Iterator[tuple[int, list[str]]],
    tips: Collection[str],
    fail: _Fail,
    code_of: Callable[[int, str, str, str], int],
) -> tuple[list[str], list[str], NDArray[np.int8]]:
    """Returns (families, genomes, cells) of a list, names in order of appearance; cells are (n_families, n_genomes).

    `code_of(line, family, genome, text)` reads a cell or fails.
    """
    line, first = next(records)
    n_fields = len(first)
    if not 2 <= n_fields <= 3:
        fail(line, f"{n_fields} fields; expected a family, a genome and, if the first line has it, a number of copies")
    order = _order(first)
    if order is None and first[1] not in tips:
        fail(
            line,
            f"the first line, '{first[0][:40]}', '{first[1][:40]}', is no header (expected one of {', '.join(FAMILY)} "
            f"and one of {', '.join(GENOME)}, in either order, in any case), and its second field is no tip of the "
            "tree, so it cannot be told whether it is a presence: add the header 'family', 'genome'",
        )
    family_at, genome_at = order or (0, 1)
    rows = [] if order is not None else [(line, first)]
    families: dict[str, int] = {}
    genomes: dict[str, int] = {}
    seen: dict[tuple[int, int], tuple[int, int]] = {}
    for line, fields in (*rows, *records):
        if len(fields) != n_fields:
            fail(line, f"{len(fields)} fields; expected {n_fields}, as the first line has")
        family, genome = fields[family_at], fields[genome_at]
        for what, name in (("family", family), ("genome", genome)):
            if not name.strip():
                fail(line, f"the {what} has no name")
            if not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name):
                fail(line, f"the name of a {what} is not UTF-8: {name.encode('utf-8', 'surrogateescape')!r}")
        code = code_of(line, family, genome, fields[2]) if n_fields == 3 else 1
        pair = families.setdefault(family, len(families)), genomes.setdefault(genome, len(genomes))
        if pair in seen:
            fail(
                line,
                f"family '{family}' is listed more than once in genome '{genome}': line {seen[pair][0]} and line {line}"
                "; allowed is one line for each family in a genome (several copies are a number in the third column)",
            )
        seen[pair] = line, code
    if not seen:
        fail(line, "a header and no line of data below it")
    cells = np.zeros((len(families), len(genomes)), dtype=np.int8)
    for pair, (_, code) in seen.items():
        cells[pair] = code
    return list(families), list(genomes), cells


def absent_tips(tip_names: Sequence[str], genomes: Sequence[str]) -> list[str]:
    """Returns the tips that a list never names, or none if it names no tip at all."""
    listed = set(genomes)
    absent = [tip for tip in tip_names if tip not in listed]
    return [] if len(absent) == len(tip_names) else absent


def _order(fields: Sequence[str]) -> tuple[int, int] | None:
    first, second = (field.strip().lower() for field in fields[:2]) if len(fields) > 1 else ("", "")
    if first in FAMILY and second in GENOME:
        return 0, 1
    return (1, 0) if first in GENOME and second in FAMILY else None
