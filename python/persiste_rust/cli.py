"""The command line: `persiste fit TREE TABLE`, `persiste compare`, `persiste bootstrap`, ..."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TextIO

import persiste_rust
from persiste_rust import _cli_bench, _cli_check, _cli_cluster, _cli_histories, _cli_simulate, _cli_uncertainty, _report
from persiste_rust._cli_model import add_input_arguments, add_model_arguments, model_factory, read_data, refuse_swapped
from persiste_rust._terminal import ProgressLine
from persiste_rust.data import GeneContentData
from persiste_rust.family_rates import FamilyFit

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
    add_input_arguments(fit)
    add_model_arguments(fit)
    fit.add_argument("-o", "--output", metavar="DIR", help="write fit.json, families.tsv and tree.nwk there")
    fit.add_argument("--json", action="store_true", help="print one JSON object; the report goes to stderr")
    fit.add_argument("--starts", metavar="N", type=int, help="searches from different starts, of which the best counts")
    fit.add_argument("--explain", action="store_true", help="say in words what the log-likelihood is")
    fit.set_defaults(run=_fit)

    _cli_uncertainty.register(commands)
    _cli_bench.register(commands)
    _cli_cluster.register(commands, _EPILOG)
    _cli_histories.register(commands)
    _cli_check.register(commands)
    _cli_simulate.register(commands)
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
    refuse_swapped(arguments.tree, arguments.table)
    if arguments.output is not None:
        _report.prepare_folder(Path(arguments.output))
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, conditioned = model_factory(arguments, data)
        model = build(arguments.rates, arguments.root)
        fit = model.fit(n_starts=arguments.starts, progress=progress)
    if isinstance(fit, FamilyFit):
        _family_report(arguments, data, fit, conditioned)
        return
    about = (arguments.tree, arguments.table, model, fit, conditioned)
    json_text = _report.as_json(*about, version=persiste_rust.__version__)
    if arguments.output is not None:
        _report.write_files(Path(arguments.output), _report.files(model, fit, json_text))
    stream = sys.stderr if arguments.json else sys.stdout
    print(_report.as_text(*about), file=stream)
    if arguments.explain:
        print(model.explain(), file=stream)
    if arguments.json:
        print(json_text)


def _family_report(arguments: argparse.Namespace, data: GeneContentData, fit: FamilyFit, conditioned: str) -> None:
    text = _report.family_fit_json(arguments.tree, arguments.table, fit, conditioned, persiste_rust.__version__)
    if arguments.output is not None:
        files = {"fit.json": text + "\n", "families.tsv": _report.family_fit_tsv(data, fit)}
        _report.write_files(Path(arguments.output), files)
    print(f"conditioned on        {conditioned}\n{fit.summary()}", file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(text)


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
        return _run(argv)
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
    except (ValueError, TypeError, OSError, ImportError, MemoryError, OverflowError) as error:
        if os.environ.get("PERSISTE_TRACEBACK") == "1":
            traceback.print_exc()
        print(f"persiste: {_one_line(error)}", file=sys.stderr)
        return _BAD_INPUT
    return 0
