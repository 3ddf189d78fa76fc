"""The command line: `persiste fit TREE TABLE`, `persiste compare`, `persiste bootstrap`, ..."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import TextIO

import persiste_rust
from persiste_rust import _cli_bench, _cli_check, _cli_cluster, _cli_histories, _cli_simulate, _cli_uncertainty, _report
from persiste_rust._cli_model import add_input_arguments, add_model_arguments, input_files, model_factory, read_data
from persiste_rust._cli_parser import BAD_INPUT, Parser, count
from persiste_rust._outputs import output_folder, write_files
from persiste_rust._terminal import ProgressLine
from persiste_rust.family_rates import FamilyFit

_INTERRUPTED, _BROKEN_PIPE = 130, 141


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="persiste", description="Gain and loss of gene families on a phylogeny.")
    parser.add_argument("--version", action="version", version=f"persiste {persiste_rust.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    fit = commands.add_parser(
        "fit",
        help="estimate gain and loss rates",
        description="Estimates the gain and the loss rate of gene families by maximum likelihood.",
    )
    add_input_arguments(fit)
    add_model_arguments(fit, takes_family_rates=True)
    fit.add_argument("-o", "--output", metavar="DIR", help="write fit.json, families.tsv and tree.nwk there")
    fit.add_argument("--json", action="store_true", help="print one JSON object; the report goes to stderr")
    fit.add_argument(
        "--starts",
        metavar="N",
        type=count,
        help="searches from different starts, of which the best counts; default: one, and several for rate models "
        "whose likelihood may have several maxima",
    )
    fit.add_argument("--explain", action="store_true", help="say in words what the log-likelihood is")
    fit.set_defaults(run=_fit)

    _cli_uncertainty.register(commands)
    _cli_bench.register(commands)
    _cli_cluster.register(commands)
    _cli_histories.register(commands)
    _cli_check.register(commands)
    _cli_simulate.register(commands)
    formats = commands.add_parser(
        "formats",
        help="list the tables that can be read",
        description="Lists the formats of tables by name: those that are read, and those that are refused by name.",
    )
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
    folder = None
    if arguments.output is not None:
        folder = output_folder(arguments.output, _report.FILES, input_files(arguments))
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, conditioned = model_factory(arguments, data)
        model = build(arguments.rates, arguments.root)
        fit = model.fit(n_starts=arguments.starts, progress=progress)
    about = (arguments.tree, arguments.table, model, fit, conditioned)
    if isinstance(fit, FamilyFit):
        json_text = _report.family_fit_json(*about, version=persiste_rust.__version__)
        contents = _report.family_files(data, fit, json_text)
        text = _report.family_fit_text(*about)
    else:
        json_text = _report.as_json(*about, version=persiste_rust.__version__)
        contents = _report.files(model, fit, json_text)
        text = _report.as_text(*about)
    if folder is not None:
        write_files(folder, contents)
    stream = sys.stderr if arguments.json else sys.stdout
    print(text, file=stream)
    if arguments.explain:
        print(f"\n{_report.aligned(model.explain())}", file=stream)
    if arguments.json:
        print(json_text)


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    print(f"persiste: warning: {message}", file=sys.stderr)


def _one_line(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, MemoryError) and not text:
        text = "the data do not fit into memory"
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = _of_file(error, str(error.filename))
    return " ".join((text or type(error).__name__).split())


def _of_file(error: OSError, name: str) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no such file: '{name}'"
    if isinstance(error, IsADirectoryError):
        return f"'{name}' is a folder; a file is wanted"
    return f"'{name}' cannot be read or written: {str(error.strerror).lower()}"


def _close(stream: TextIO) -> None:
    """Sends the rest of a stream whose reader is gone to nowhere, so that closing it at exit is silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    try:
        return _run(argv)
    except SystemExit as end:  # of argparse: --help, --version, a refused argument
        return int(end.code or 0)
    except KeyboardInterrupt:
        print("persiste: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
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
    except (ValueError, TypeError, OSError, ImportError, MemoryError, OverflowError, RuntimeError) as error:
        if os.environ.get("PERSISTE_TRACEBACK") == "1":
            traceback.print_exc()
        print(f"persiste: {_one_line(error)}", file=sys.stderr)
        return BAD_INPUT
    return 0
