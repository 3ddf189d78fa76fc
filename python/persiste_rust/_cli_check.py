"""`persiste check`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import persiste_rust
from persiste_rust import _report
from persiste_rust._cli_model import add_input_arguments, add_model_arguments, input_files, model_factory, read_data
from persiste_rust._cli_parser import count
from persiste_rust._outputs import output_folder, write_files
from persiste_rust._terminal import ProgressLine
from persiste_rust.check import Check, Table, checked_order, engine
from persiste_rust.model import GeneContentModel

_FILES = ("spectrum.tsv", "accumulation.tsv", "predictive.tsv", "families.tsv", "genomes.tsv", "check.json")


def register(commands: Any) -> None:
    """Adds the subcommand."""
    one = commands.add_parser(
        "check",
        help="how well the model fits: spectrum, simulated tables, odd families and genomes",
        description="Fits the model (or takes --params) and says what it expects of the table beside what is there: "
        "the gene-frequency spectrum, core, shell and cloud, statistics of simulated tables, families and genomes "
        "that do not fit, and which option may help. With -o writes spectrum.tsv, accumulation.tsv, predictive.tsv, "
        "families.tsv, genomes.tsv and check.json.",
    )
    add_input_arguments(one)
    add_model_arguments(one)
    one.add_argument("-o", "--output", metavar="DIR", help="folder for the tables")
    one.add_argument("--params", metavar="FILE", help="a fit.json; its parameters are taken instead of a fit")
    one.add_argument("-n", "--simulations", metavar="N", type=count, default=200, help="simulated tables; default: 200")
    one.add_argument("--seed", metavar="N", type=int, default=1, help="of all random numbers; default: 1")
    one.add_argument(
        "--core",
        metavar="P",
        type=float,
        default=0.99,
        help="families in this share of the genomes are core; default: 0.99",
    )
    one.add_argument(
        "--cloud", metavar="P", type=float, default=0.15, help="families in a smaller share are cloud; default: 0.15"
    )
    one.add_argument("--json", action="store_true", help="print one JSON object; the report goes to stderr")
    one.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    checked_order(arguments.simulations, arguments.seed)
    folder = None if arguments.output is None else output_folder(arguments.output, _FILES, input_files(arguments))
    order = {"n_simulations": arguments.simulations, "seed": arguments.seed}
    order |= {"core": arguments.core, "cloud": arguments.cloud}
    params_file = None if arguments.params is None else Path(arguments.params)
    given = None if params_file is None else _read_fit(params_file)
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, conditioned = model_factory(arguments, data)
        model: GeneContentModel = build(arguments.rates, arguments.root)
        engine(model)
        log_likelihood: float
        if given is None:
            fit = model.fit(progress=progress)
            log_likelihood = fit.log_likelihood
            check = fit.check(**order, progress=progress)
        else:
            assert params_file is not None
            params = _parameters(params_file, given, model)
            log_likelihood = model.log_likelihood(params)
            check = model.check(params, **order, progress=progress)
    about = {
        "persiste_rust": persiste_rust.__version__,
        "tree": arguments.tree,
        "table": arguments.table,
        "conditioned_on": conditioned,
        "log_likelihood": log_likelihood if math.isfinite(log_likelihood) else None,
    }
    text = json.dumps(about | check.to_dict(), indent=2, allow_nan=False, ensure_ascii=False)
    if folder is not None:
        write_files(folder, _files(check, text))
    stream = sys.stderr if arguments.json else sys.stdout
    print(_report.wrapped(f"{'conditioned on':<25} {conditioned}", 26), file=stream)
    print(f"{'log-likelihood':<25} {log_likelihood:.4f}", file=stream)
    print(check.summary(), file=stream)
    if arguments.json:
        print(text)


def _read_fit(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is no JSON: {error}; --params wants a fit.json of `persiste fit`") from error
    if not isinstance(found, dict) or not found:
        raise ValueError(f"'{path}' has no parameters; --params wants a fit.json of `persiste fit`")
    return found


def _parameters(path: Path, found: dict[str, Any], model: GeneContentModel) -> dict[str, float]:
    """The parameters of a fit, which must be of a model with the root and the conditioning of this one."""
    for what, here in (("root", model.root), ("ascertainment", model.ascertainment_name)):
        if found.get(what, here) != here:
            raise ValueError(
                f"'{path}' is a fit with {what} '{found[what]}', the model to be checked has '{here}'; give --{what}"
            )
    parameters = found.get("parameters", found)
    if not isinstance(parameters, dict) or not parameters:
        raise ValueError(f"'{path}' has no parameters; --params wants a fit.json of `persiste fit`")
    for name, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"'{path}': parameter '{name}' is {value!r}; allowed are numbers")
    return {name: float(value) for name, value in parameters.items()}


def _files(check: Check, json_text: str) -> dict[str, Any]:
    tables = (check.spectrum.bins, check.spectrum.accumulation, check.predictive, check.families, check.genomes)
    return dict(zip(_FILES, [*map(_lines, tables), json_text + "\n"], strict=True))


def _lines(table: Table) -> Iterator[str]:
    columns = table.columns()
    yield "\t".join(columns) + "\n"
    texts = [[_cell(value) for value in _values(column)] for column in columns.values()]
    for row in zip(*texts, strict=True):
        yield "\t".join(row) + "\n"


def _values(column: Any) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return _report.escaped(value)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and not math.isfinite(value):
        return "NA" if math.isnan(value) else repr(value)
    return repr(value)
