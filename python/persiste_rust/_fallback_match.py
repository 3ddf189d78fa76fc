"""A table of the NumPy backend, and pairing its genomes with the tips of a tree by name and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from persiste_rust._fallback_pairs import absent_tips


class Table(NamedTuple):
    """A presence table: `cells` is (n_families, n_genomes) int8, 0 absent, 1 present, -1 missing."""

    families: list[str]
    genomes: list[str]
    cells: NDArray[np.int8]
    notes: list[str]
    is_list: bool = False


class Match(NamedTuple):
    """For each tip its genome: `keep` (n_tips,) tells which tips stay, `genome_of_tip` is over those that do."""

    keep: NDArray[np.bool_]
    genome_of_tip: NDArray[np.int64]
    notes: list[str]


def match_names(
    tip_names: Sequence[str], genomes: Sequence[str], *, prune_tree: bool, drop_extra_genomes: bool
) -> Match:
    """Returns which genome belongs to which tip; names match exactly or not at all.

    # Errors
    ValueError for a genome that occurs twice, for tips without a genome unless `prune_tree`, for genomes without a
    tip unless `drop_extra_genomes`.
    """
    place: dict[str, int] = {}
    for index, genome in enumerate(genomes):
        if genome in place:
            raise ValueError(f"genome '{genome}' occurs more than once (places {place[genome] + 1} and {index + 1})")
        place[genome] = index
    tips = set(tip_names)
    alone = [tip for tip in tip_names if tip not in place]
    extra = [genome for genome in genomes if genome not in tips]
    refused = []
    if alone and not prune_tree:
        refused.append(
            f"{len(alone)} of {len(tip_names)} tips have no genome in the table ({first_of(alone)}); "
            "prune_tree (--prune-tree) leaves them out of the tree"
        )
    if extra and not drop_extra_genomes:
        refused.append(
            f"{len(extra)} of {len(genomes)} genomes have no tip in the tree ({first_of(extra)}); "
            "drop_extra_genomes (--drop-extra-genomes) leaves them out"
        )
    if refused:
        raise ValueError("; ".join(refused))
    if len(alone) == len(tip_names):
        raise ValueError(f"no tip has a genome: the tips are {first_of(tip_names)}, the genomes {first_of(genomes)}")
    notes = []
    if alone:
        notes.append(f"{len(alone)} tips without a genome were pruned from the tree: {first_of(alone)}")
    if extra:
        notes.append(f"{len(extra)} genomes without a tip were left out: {first_of(extra)}")
    keep = np.array([tip in place for tip in tip_names])
    return Match(keep, np.array([place[tip] for tip in tip_names if tip in place]), notes)


def with_absent_genomes(table: Table, tip_names: Sequence[str]) -> Table:
    """Returns a list of presences with the tips that it never names as genomes without any family.

    # Errors
    ValueError for a table in which every genome has a column.
    """
    if not table.is_list:
        raise ValueError(
            "absent_genomes (--absent-genomes) goes with a list of presences (the format pairs); in this table every "
            "genome has a column, and a tip without one is not known to lack all families"
        )
    absent = absent_tips(tip_names, table.genomes)
    if not absent:
        return table
    none = np.zeros((len(table.families), len(absent)), dtype=np.int8)
    note = (
        "tips that the list never names, taken as genomes without any of its families: "
        f"{len(absent)} of {len(tip_names)} ({first_of(absent)})"
    )
    cells = np.ascontiguousarray(np.concatenate([table.cells, none], axis=1))
    return Table(table.families, [*table.genomes, *absent], cells, [*table.notes, note], is_list=True)


def refuse_duplicates(names: Sequence[str], what: str) -> None:
    """Raises ValueError for the first name that occurs twice."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in seen:
            raise ValueError(f"{what} '{name}' occurs more than once (places {seen[name] + 1} and {index + 1})")
        seen[name] = index


def first_of(names: Sequence[str], shown: int = 3) -> str:
    """Returns the first of many names, and how many more there are."""
    text = ", ".join(f"'{name}'" for name in names[:shown])
    return f"{text} and {len(names) - shown} more" if len(names) > shown else text
