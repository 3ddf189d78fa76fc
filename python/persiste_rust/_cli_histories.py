"""`persiste ancestral` and `persiste events`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from persiste_rust import _report
from persiste_rust._cli_model import add_input_arguments, add_model_arguments, model_factory, read_data
from persiste_rust._terminal import ProgressLine
from persiste_rust.fit import Fit
from persiste_rust.histories import BranchSummary, annotated_newick, check_engine
from persiste_rust.model import GeneContentModel

# Probabilities in text have four digits behind the point; the last word stands for NaN.
_SCALE = 10_000
_WORDS = [f"{code / _SCALE:.4f}" for code in range(_SCALE + 1)] + ["NA"]
_FAMILIES_AT_ONCE = 2000


def register(commands: Any) -> None:
    """Adds the subcommands."""
    one = commands.add_parser(
        "ancestral",
        help="ancestral genomes, and gains and losses of each branch",
        description="Fits the model and writes branches.tsv (expected gains and losses, genome sizes), tree.nwk "
        "(annotated), ancestral_probabilities.tsv and joint_states.tsv (a line a family, a column a node).",
    )
    add_input_arguments(one)
    add_model_arguments(one)
    one.add_argument("-o", "--output", metavar="DIR", required=True, help="folder for the files")
    one.add_argument("--tips", action="store_true", help="also columns for the tips")
    one.add_argument("--sums-only", action="store_true", help="only branches.tsv and tree.nwk")
    one.add_argument("--itol", action="store_true", help="also data sets for iTOL: itol_events.txt, itol_sizes.txt")
    one.set_defaults(run=_ancestral)

    one = commands.add_parser(
        "events",
        help="which family was gained or lost on which branch, and how surely",
        description="Fits the model and lists gains and losses, the most probable first. A branch is named by the "
        "node below it, as in the tree that --write-tree and `persiste ancestral` write.",
    )
    add_input_arguments(one)
    add_model_arguments(one)
    one.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    one.add_argument(
        "--min-probability",
        metavar="P",
        type=float,
        default=0.5,
        help="least posterior probability of at least one such event; default: 0.5",
    )
    one.add_argument("--branch", metavar="NODE", action="append", help="only this branch; may be given several times")
    one.add_argument("--family", metavar="NAME", action="append", help="only this family; may be given several times")
    one.add_argument("--fdr", metavar="Q", type=float, help="greatest false-discovery rate of the list")
    one.add_argument("--write-tree", metavar="FILE", help="write the annotated tree, with the names of all nodes")
    one.set_defaults(run=_events)


def _fitted(arguments: argparse.Namespace) -> tuple[GeneContentModel, Fit, str]:
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, conditioned = model_factory(arguments, data)
        model = build(arguments.rates, arguments.root)
        check_engine(model)
        return model, model.fit(progress=progress), conditioned


def _ancestral(arguments: argparse.Namespace) -> None:
    folder = Path(arguments.output)
    _report.prepare_folder(folder)
    model, fit, conditioned = _fitted(arguments)
    params = dict(fit.parameters)
    summary = model.branch_summary(params)
    files: dict[str, str | Iterable[str]] = {
        "branches.tsv": _lines(summary.columns()),
        "tree.nwk": annotated_newick(model.data.tree, summary) + "\n",
    }
    if arguments.itol:
        files |= _itol(summary)
    if not arguments.sums_only:
        is_tip = np.ones(len(summary.node), dtype=bool)
        is_tip[model.data.tree.parent[:-1]] = False
        nodes = np.flatnonzero(~is_tip | arguments.tips)
        head = [summary.node[node] for node in nodes]
        names = model.data.family_names
        files["ancestral_probabilities.tsv"] = _wide(
            names, head, nodes, model.ancestral_probabilities(params, dtype="float32")
        )
        files["joint_states.tsv"] = _wide(names, head, nodes, model.joint_states(params))
    _report.write_files(folder, files)
    root = int(np.flatnonzero(model.data.tree.parent < 0)[0])
    print(f"conditioned on        {conditioned}")
    print(f"log-likelihood        {fit.log_likelihood:.4f}")
    print(f"families              {summary.n_families} ({summary.n_impossible} others cannot arise)")
    print(f"expected events       {summary.expected_gains.sum():.1f} gains, {summary.expected_losses.sum():.1f} losses")
    print(
        f"root genome           {summary.genome_size[root]:.1f} families of the table "
        f"(95 % interval {summary.genome_size_low[root]:.1f} to {summary.genome_size_high[root]:.1f})"
    )
    print(f"written               {', '.join(files)} in {folder}")


def _writable(path: str | None) -> Path | None:
    """A file to write, refused before the work where it cannot be."""
    if path is None:
        return None
    if Path(path).is_dir():
        raise IsADirectoryError(f"the output '{path}' is a folder; a file is wanted")
    _report.prepare_folder(Path(path).parent)
    return Path(path)


def _events(arguments: argparse.Namespace) -> None:
    output, tree_output = _writable(arguments.output), _writable(arguments.write_tree)
    model, fit, conditioned = _fitted(arguments)
    params = dict(fit.parameters)
    found = model.events(
        params,
        min_probability=arguments.min_probability,
        branches=arguments.branch,
        families=arguments.family,
        fdr=arguments.fdr,
    )
    if tree_output is not None:
        text = annotated_newick(model.data.tree, model.branch_summary(params)) + "\n"
        _report.write_files(tree_output.parent, {tree_output.name: text})
    lines = _lines(found.columns())
    if output is None:
        sys.stdout.writelines(lines)
    else:
        _report.write_files(output.parent, {output.name: lines})
    n_losses = int(found.is_loss.sum())
    rate = f", false-discovery rate {found.false_discovery_rate[-1]:.4g}" if len(found) else ""
    print(f"conditioned on {conditioned}", file=sys.stderr)
    print(f"{len(found)} events: {len(found) - n_losses} gains, {n_losses} losses{rate}", file=sys.stderr)


def _lines(columns: dict[str, Any]) -> Iterator[str]:
    """A table as lines: names escaped, numbers with all their digits but for rounding noise."""
    yield "\t".join(columns) + "\n"
    cells = []
    for column in columns.values():
        if isinstance(column, np.ndarray):
            cells.append([f"{value:.9g}" for value in column.tolist()])
        else:
            escaped = {name: _report.escaped(name) for name in set(column)}
            cells.append([escaped[name] for name in column])
    for row in zip(*cells, strict=True):
        yield "\t".join(row) + "\n"


def _wide(names: list[str], head: list[str], nodes: NDArray[np.int64], table: NDArray[Any]) -> Iterator[str]:
    """A line a family and a column a node; probabilities with four digits behind the point."""
    words = _WORDS if table.dtype.kind == "f" else ["0", "1", "NA"]
    yield "\t".join(["family", *map(_report.escaped, head)]) + "\n"
    for first in range(0, len(names), _FAMILIES_AT_ONCE):
        part = table[nodes, first : first + _FAMILIES_AT_ONCE].T
        if table.dtype.kind == "f":
            codes = np.where(np.isnan(part), _SCALE + 1, np.rint(np.nan_to_num(part) * _SCALE)).astype(np.int64)
        else:
            codes = np.where(part < 0, 2, part).astype(np.int64)
        for name, row in zip(names[first : first + _FAMILIES_AT_ONCE], codes.tolist(), strict=True):
            yield "\t".join([_report.escaped(name), *map(words.__getitem__, row)]) + "\n"


def _itol(summary: BranchSummary) -> dict[str, str | Iterable[str]]:
    """Data sets for iTOL: bars of gains and losses, and of genome sizes, by node."""
    events = [
        "DATASET_MULTIBAR\nSEPARATOR TAB\nDATASET_LABEL\texpected gains and losses\nCOLOR\t#2c7fb8\n"
        "FIELD_LABELS\tgains\tlosses\nFIELD_COLORS\t#2c7fb8\t#d95f0e\nDATA\n"
    ]
    sizes = ["DATASET_SIMPLEBAR\nSEPARATOR TAB\nDATASET_LABEL\tgenome size\nCOLOR\t#31a354\nDATA\n"]
    for node, label in enumerate(map(_report.escaped, summary.node)):
        events.append(f"{label}\t{summary.expected_gains[node]:.6g}\t{summary.expected_losses[node]:.6g}\n")
        sizes.append(f"{label}\t{summary.genome_size[node]:.6g}\n")
    return {"itol_events.txt": events, "itol_sizes.txt": sizes}
