"""`persiste cluster TABLE`: genomes, or families, by their profiles of counts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import persiste_rust
from persiste_rust._cli_parser import count
from persiste_rust._cluster_report import FILES, as_json, as_text, files
from persiste_rust._count_tables import first_column, looks_like_roary, read_counts
from persiste_rust._outputs import output_folder, write_files
from persiste_rust._terminal import ProgressLine
from persiste_rust._text_file import looks_like_tree

if TYPE_CHECKING:
    from persiste_rust._dirichlet_select import ComponentSelection

_DESCRIPTION = """\
Clusters genomes (or families) by their counts with a Dirichlet-multinomial mixture, whose number of components is
chosen by Laplace's approximation unless -k gives it. TABLE is a table of counts (a header of genomes, then one line a
family) or a presence table that `persiste formats` lists; docs/dirichlet.md says when the model fits gene content."""


class Clustering(NamedTuple):
    """What was clustered, and the outcome."""

    table: str
    of: str
    counts: NDArray[np.int64]
    names: list[str]
    features: list[str]
    notes: list[str]
    selection: ComponentSelection
    n_restarts: int


def register(commands: Any) -> None:
    """Adds the subcommand to a parser's subcommands."""
    cluster = commands.add_parser(
        "cluster", help="cluster genomes or families by their counts", description=_DESCRIPTION
    )
    cluster.add_argument("table", metavar="TABLE", help="table of counts, or a presence table")
    number = cluster.add_mutually_exclusive_group()
    number.add_argument("-k", metavar="K", type=count, help="number of components")
    number.add_argument("--max-k", metavar="K", type=count, help="largest number of components to try; default: 7")
    cluster.add_argument("--of", metavar="W", default="genomes", help="what to cluster: genomes (default) or families")
    cluster.add_argument("-o", "--output", metavar="DIR", help="write cluster.json, clusters.tsv, profiles.tsv there")
    cluster.add_argument("--json", action="store_true", help="print one JSON object; the report goes to stderr")
    cluster.add_argument("--format", metavar="F", help="counts, or a format of `persiste formats`; default: by header")
    cluster.add_argument("--genomes-in-rows", action="store_true", help="one line a genome instead of one a family")
    cluster.add_argument("--drop-empty", action="store_true", help="leave out what has no count at all, and say so")
    cluster.add_argument("--criterion", metavar="C", default="laplace", help="laplace (default), bic or aic")
    cluster.add_argument(
        "--init", metavar="I", default="sorted-kmeans++", help="start: soft-kmeans, kmeans++, sorted-kmeans++ (default)"
    )
    cluster.add_argument("--restarts", metavar="N", type=count, default=10, help="starts for each number; default: 10")
    cluster.add_argument("--threads", metavar="N", type=int, help="number of threads; default: all cores")
    cluster.add_argument("--seed", metavar="N", type=_seed, default=42, help="seed of the first start; default: 42")
    cluster.set_defaults(run=_cluster)


def _seed(text: str) -> int:
    if not (text.isdecimal() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"'{text}' is not allowed; allowed are whole numbers from 0 to 2**32 - 1")
    return int(text)


def _cluster(arguments: argparse.Namespace) -> None:
    from persiste_rust.dirichlet import select_components

    if arguments.of not in ("genomes", "families"):
        raise ValueError(f"--of is '{arguments.of}'; allowed are genomes, families")
    folder = None if arguments.output is None else output_folder(arguments.output, FILES, [arguments.table])
    with ProgressLine(sys.stderr) as progress:
        counts, names, features, notes = _read(arguments, progress)
        selection = select_components(
            counts,
            _numbers(arguments.k, arguments.max_k, len(names)),
            criterion=arguments.criterion,
            progress=progress,
            random_state=arguments.seed,
            n_init=arguments.restarts,
            init=arguments.init,
            threads=arguments.threads,
        )
    found = Clustering(arguments.table, arguments.of, counts, names, features, notes, selection, arguments.restarts)
    json_text = as_json(found, persiste_rust.__version__)
    if folder is not None:
        write_files(folder, files(found, json_text))
    print(as_text(found), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(json_text)


def _numbers(k: int | None, max_k: int | None, n_samples: int) -> list[int]:
    if k is not None:
        return [k]
    largest = 7 if max_k is None else max_k
    return list(range(1, min(largest, n_samples) + 1))


def _read(
    arguments: argparse.Namespace, progress: ProgressLine
) -> tuple[NDArray[np.int64], list[str], list[str], list[str]]:
    """Returns counts with what is clustered in rows, its names, the names of the features, and notes."""
    path, name = Path(arguments.table), arguments.format
    if looks_like_tree(path):
        raise ValueError(f"'{path}' looks like a tree; a table is wanted")
    if name == "counts" or (name is None and not looks_like_roary(path)):
        table = read_counts(path)
        matrix, rows, columns, notes = table.counts, table.row_names, table.column_names, table.notes
        genomes_in_rows = arguments.genomes_in_rows
    else:
        matrix, rows, columns, notes = _read_presence(path, name, arguments.genomes_in_rows, progress)
        genomes_in_rows = True
    if genomes_in_rows != (arguments.of == "genomes"):
        matrix, rows, columns = np.ascontiguousarray(matrix.T), columns, rows
    matrix, rows, empty = _without_empty(matrix, rows, arguments)
    if empty:
        notes.append(f"{len(empty)} {arguments.of} without any count were left out ({_some(empty)})")
    if matrix.max() <= 1:
        notes.append(
            "the counts are 0 and 1, presences: the model then draws a genome's families one by one from a profile, "
            "which is an approximation (docs/dirichlet.md)"
        )
    return matrix, rows, columns, notes


def _read_presence(
    path: Path, name: str | None, genomes_in_rows: bool, progress: ProgressLine
) -> tuple[NDArray[np.int64], list[str], list[str], list[str]]:
    from persiste_rust._dirichlet_counts import engine

    cells, genomes, families, notes = engine().dirichlet_read_presence(
        path, first_column(path), name, genomes_in_rows=genomes_in_rows, progress=progress
    )
    missing = np.argwhere(cells < 0)
    if len(missing):
        genome, family = missing[0]
        raise ValueError(
            f"'{path}': {len(missing)} cells are missing, the first in genome '{genomes[genome]}', family "
            f"'{families[family]}'; a mixture needs every count"
        )
    return cells.astype(np.int64), genomes, families, notes


def _without_empty(
    matrix: NDArray[np.int64], names: list[str], arguments: argparse.Namespace
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    kept: list[bool] = [bool(row.any()) for row in matrix]
    empty = [name for name, has_any in zip(names, kept, strict=True) if not has_any]
    if not empty:
        return matrix, names, empty
    if not arguments.drop_empty:
        raise ValueError(
            f"{len(empty)} of {len(names)} {arguments.of} have no count at all ({_some(empty)}), so nothing says where "
            "they belong; --drop-empty leaves them out"
        )
    if not any(kept):
        raise ValueError(f"'{arguments.table}' holds only zeros")
    return matrix[kept], [name for name, has_any in zip(names, kept, strict=True) if has_any], empty


def _some(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:3]) + (", ..." if len(names) > 3 else "")
