"""The command line: `persiste fit TREE TABLE`, `persiste cluster TABLE`, `persiste formats`."""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TextIO

import persiste_rust
from persiste_rust import _cli_cluster, _report
from persiste_rust._terminal import ProgressLine
from persiste_rust.data import GeneContentData
from persiste_rust.model import GeneContentModel
from persiste_rust.tree import Tree

_BAD_INPUT, _INTERRUPTED, _BROKEN_PIPE = 2, 130, 141

_EPILOG = """\
exit status: 0 done (also if the fit did not converge: a warning says so, and "converged" is false in the JSON),
2 bad input, 130 interrupted. PERSISTE_TRACEBACK=1 shows where an error arose."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"persiste: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(_BAD_INPUT)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="persiste", description="Gain and loss of gene families on a phylogeny.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"persiste {persiste_rust.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    fit = commands.add_parser(
        "fit",
        help="estimate gain and loss rates",
        description="Estimates the gain and the loss rate of gene families by maximum likelihood.",
        epilog=_EPILOG,
    )
    fit.add_argument("tree", metavar="TREE", help="Newick or NEXUS file, rooted, with branch lengths")
    fit.add_argument("table", metavar="TABLE", help="pangenome table; `persiste formats` lists what can be read")
    fit.add_argument("-o", "--output", metavar="DIR", help="write fit.json, families.tsv and tree.nwk there")
    fit.add_argument("--json", action="store_true", help="print one JSON object; the report goes to stderr")
    fit.add_argument(
        "--ascertainment",
        metavar="A",
        default="auto",
        help="what to condition on: auto (the default: observed if no family is absent everywhere, else none), "
        + ", ".join(persiste_rust.ascertainments()),
    )
    fit.add_argument(
        "--root",
        metavar="R",
        default="stationary",
        help=f"P(present at the root), a number or one of: {', '.join(persiste_rust.root_priors())}; "
        "default: stationary",
    )
    fit.add_argument("--threads", metavar="N", type=int, help="number of threads; default: all cores")
    fit.add_argument("--format", metavar="F", help="format of the table; default: found from its header")
    fit.add_argument("--genomes-in-rows", action="store_true", help="a plain table with one line a genome")
    fit.add_argument("--prune-tree", action="store_true", help="drop tips that the table does not have")
    fit.add_argument("--drop-extra-genomes", action="store_true", help="drop genomes that the tree does not have")
    fit.add_argument("--missing-length", metavar="X", type=float, help="length of branches that have none")
    fit.add_argument("--min-length", metavar="X", type=float, help="raise shorter and negative lengths to this")
    fit.add_argument(
        "--length-field", metavar="W", help="which of several ':' fields at a node is its length: first or last"
    )
    fit.add_argument("--backend", metavar="B", default="auto", help="auto, rust or numpy")
    fit.set_defaults(run=_fit)

    _cli_cluster.register(commands, _EPILOG)
    formats = commands.add_parser("formats", help="list the tables that can be read")
    formats.set_defaults(run=_formats)
    return parser


def _formats(arguments: argparse.Namespace) -> None:
    formats = persiste_rust.table_formats()
    width = max(len(entry["name"]) for entry in formats)
    for is_read, title in ((True, "read:"), (False, "recognised, but not read yet:")):
        lines = [f"  {one['name']:<{width}}  {one['description']}" for one in formats if one["is_read"] == is_read]
        if lines:
            print(title, *lines, sep="\n")


def _fit(arguments: argparse.Namespace) -> None:
    _refuse_swapped(arguments.tree, arguments.table)
    if arguments.output is not None:
        _report.prepare_folder(Path(arguments.output))
    with ProgressLine(sys.stderr) as progress:
        progress("reading the tree", 0, 0)
        tree = Tree.from_newick(
            Path(arguments.tree),
            missing_length=arguments.missing_length,
            min_length=arguments.min_length,
            length_field=arguments.length_field,
        )
        data = GeneContentData._read_table(
            tree,
            Path(arguments.table),
            format=arguments.format,
            genomes_in_rows=arguments.genomes_in_rows,
            prune_tree=arguments.prune_tree,
            drop_extra_genomes=arguments.drop_extra_genomes,
            progress=progress,
        )
        ascertainment, conditioned = _conditioning(arguments.ascertainment, data)
        model = GeneContentModel(
            data,
            root=_root(arguments.root),
            ascertainment=ascertainment,
            backend=arguments.backend,
            threads=arguments.threads,
        )
        fit = model.fit(progress=progress)
    about = (arguments.tree, arguments.table, data, fit, conditioned)
    json_text = _report.as_json(*about, version=persiste_rust.__version__)
    if arguments.output is not None:
        _report.write_files(Path(arguments.output), _report.files(data, fit, json_text))
    print(_report.as_text(*about), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(json_text)


def _conditioning(asked: str, data: GeneContentData) -> tuple[str, str]:
    """Returns the ascertainment and the words for it."""
    n_absent = data.n_all_absent
    name = asked
    if asked == "auto":
        name = "none" if n_absent else "observed"
    reason = ""
    if asked == "auto":
        holds = f"{n_absent} families that no genome carries" if n_absent else "no family that no genome carries"
        reason = f" ({name}, chosen because the table holds {holds})"
    words = {
        "none": "nothing: the table is taken to hold every family, also those that no genome carries",
        "observed": "each family being present in at least one genome",
        "variable": "each family being present in at least one genome and absent from at least one",
    }.get(name, name)
    if asked == "none" and not n_absent:
        reason = "; but it holds no such family: if they were left out, the gain rate is too high (see --ascertainment)"
    return name, words + reason


def _root(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _refuse_swapped(tree: str, table: str) -> None:
    if os.path.isfile(tree) and _looks_like_tree(table) and not _looks_like_tree(tree):
        raise ValueError(f"'{table}' looks like a tree and '{tree}' does not; the order is: persiste fit TREE TABLE")


def _looks_like_tree(path: str) -> bool:
    if not os.path.isfile(path):  # a pipe must not be read twice
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(2)
        with gzip.open(path) if start == b"\x1f\x8b" else open(path, "rb") as file:
            text = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    except (OSError, EOFError):
        return False
    return text.startswith(b"(") or text[:6].upper() == b"#NEXUS" or text[:2] in (b"[&", b"[%")


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    print(f"persiste: warning: {message}", file=sys.stderr)


def _one_line(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"no such file: '{error.filename}'"
    if isinstance(error, MemoryError):
        return "the data do not fit into memory"
    text = error.strerror and f"{error.strerror}: '{error.filename}'" if isinstance(error, OSError) else ""
    return " ".join((text or str(error) or type(error).__name__).split())


def _close(stream: TextIO) -> None:
    """Sends the rest of a stream whose reader is gone to nowhere, so that closing it at exit is silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", RuntimeWarning)
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _warn
            arguments = _parser().parse_args(argv)
            arguments.run(arguments)
            sys.stdout.flush()
    except BrokenPipeError:
        _close(sys.stdout)
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        print("persiste: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except (ValueError, TypeError, OSError, ImportError, MemoryError, OverflowError) as error:
        if os.environ.get("PERSISTE_TRACEBACK") == "1":
            traceback.print_exc()
        print(f"persiste: {_one_line(error)}", file=sys.stderr)
        return _BAD_INPUT
    return 0
