"""`persiste compare`, `persiste bootstrap` and `persiste profile`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from persiste_rust import uncertainty
from persiste_rust._cli_model import (
    add_input_arguments,
    add_model_arguments,
    input_files,
    model_factory,
    read_data,
    refuse_per_family,
)
from persiste_rust._cli_parser import count
from persiste_rust._outputs import output_files
from persiste_rust._report import wrapped
from persiste_rust._terminal import ProgressLine
from persiste_rust.comparison import compare


def register(commands: Any) -> None:
    """Adds the subcommands."""
    one = commands.add_parser(
        "compare",
        help="fit several models and compare them",
        description="Fits every combination of the --rates and --root that are given and prints a table by AIC.",
    )
    add_input_arguments(one)
    add_model_arguments(one, many=True)
    one.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    one.set_defaults(run=_compare)

    one = commands.add_parser(
        "bootstrap",
        help="standard errors and intervals from resampled or simulated families",
        description="Refits the model to families drawn with replacement or, with --parametric, simulated at the "
        "estimates.",
    )
    add_input_arguments(one)
    add_model_arguments(one)
    one.add_argument(
        "-n", "--replicates", metavar="N", type=count, default=1000, help="number of refits; default: 1000"
    )
    one.add_argument("--parametric", action="store_true", help="simulate families instead of drawing among the table's")
    one.add_argument("--seed", metavar="N", type=int, default=1, help="of all random numbers; default: 1")
    one.add_argument("--level", metavar="P", type=float, default=0.95, help="of the intervals; default: 0.95")
    one.add_argument("-o", "--output", metavar="FILE", help="write the replicates there, as they come")
    one.add_argument("--resume", action="store_true", help="go on with the replicates in --output")
    one.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    one.set_defaults(run=_bootstrap)

    one = commands.add_parser(
        "profile",
        help="profile-likelihood intervals and curves",
        description="Finds for each parameter the values that a likelihood-ratio test does not reject.",
    )
    add_input_arguments(one)
    add_model_arguments(one)
    one.add_argument(
        "--parameter", metavar="NAME", action="append", help="default: every parameter; may be given several times"
    )
    one.add_argument("--level", metavar="P", type=float, default=0.95, help="of the intervals; default: 0.95")
    one.add_argument(
        "--points", metavar="N", type=int, default=0, help="also print the curve at N points across the interval"
    )
    one.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    one.set_defaults(run=_profile)


def _compare(arguments: argparse.Namespace) -> None:
    refuse_per_family(arguments.rates or [], "compare")
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, conditioned = model_factory(arguments, data)
        rates, roots = arguments.rates or ["shared"], arguments.root or ["stationary"]
        fits = {}
        for text in rates:
            for root in roots:
                name = text if len(roots) == 1 else f"{text}, root {root}"
                fits[name] = build(text, root).fit(progress=progress)
    comparison = compare(fits)
    if arguments.json:
        print(json.dumps({"conditioned_on": conditioned, "models": _finite(comparison.rows())}, indent=2))
    else:
        print(wrapped(f"conditioned on        {conditioned}"))
        print(comparison.summary())


def _bootstrap(arguments: argparse.Namespace) -> None:
    refuse_per_family([arguments.rates], "bootstrap")
    if arguments.resume and arguments.output is None:
        raise ValueError("--resume needs --output, the file of the replicates that are finished")
    uncertainty.checked_level(arguments.level)
    (output,) = output_files({"--output": arguments.output}, input_files(arguments))
    if output is not None and not arguments.resume and output.exists():
        raise ValueError(f"'{output}' exists; --resume goes on with it, or choose another file")
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, conditioned = model_factory(arguments, data)
        fit = build(arguments.rates, arguments.root).fit(progress=progress)
        try:
            refit = fit.parametric_bootstrap if arguments.parametric else fit.bootstrap
            found = refit(arguments.replicates, seed=arguments.seed, progress=progress, resume=output)
        except KeyboardInterrupt:
            if output is not None:
                print(f"persiste: finished replicates are kept in '{output}'; --resume goes on", file=sys.stderr)
            raise
    intervals, errors = found.intervals(arguments.level), found.standard_errors
    rows = [
        {
            "parameter": name,
            "estimate": fit.parameters[name],
            "standard_error": fit.standard_errors[name],
            "bootstrap_standard_error": errors[name],
            "low": intervals[name][0],
            "high": intervals[name][1],
        }
        for name in found.names
    ]
    n_failed = int((~found.converged).sum())
    if arguments.json:
        about = {
            "conditioned_on": conditioned,
            "resampled": "simulated" if arguments.parametric else "families",
            "n_replicates": found.n_replicates,
            "n_not_converged": n_failed,
        }
        print(
            json.dumps({**about, "seed": found.seed, "level": arguments.level, "parameters": _finite(rows)}, indent=2)
        )
        return
    print(wrapped(f"conditioned on        {conditioned}"))
    print(f"log-likelihood        {fit.log_likelihood:.4f}")
    kind = "simulated families" if arguments.parametric else "families drawn with replacement"
    n = found.n_replicates
    print(f"replicates            {n} of {fit.n_families} {kind}, seed {found.seed}; {n_failed} did not converge")
    print(f"low, high             percentile intervals, {100 * arguments.level:g} %")
    _print_parameters(rows)


def _profile(arguments: argparse.Namespace) -> None:
    refuse_per_family([arguments.rates], "profile")
    uncertainty.checked_level(arguments.level)
    if arguments.points == 1 or arguments.points < 0:
        raise ValueError(f"--points is {arguments.points}; allowed are 0 (no curve) or 2 and more")
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, conditioned = model_factory(arguments, data)
        fit = build(arguments.rates, arguments.root).fit(progress=progress)
        rows, curves = [], {}
        for name in arguments.parameter or list(fit.parameters):
            low, high = uncertainty.profile_interval(fit, name, level=arguments.level, progress=progress)
            error = fit.standard_errors[name]
            rows.append(
                {"parameter": name, "estimate": fit.parameters[name], "standard_error": error, "low": low, "high": high}
            )
            if arguments.points and np.isfinite([low, high]).all():
                values = np.linspace(low, high, arguments.points)
                curve = uncertainty.profile(fit, name, values, progress=progress)
                curves[name] = list(zip(values.tolist(), curve.log_likelihood.tolist(), strict=True))
    if arguments.json:
        about = {"conditioned_on": conditioned, "log_likelihood": fit.log_likelihood, "level": arguments.level}
        print(json.dumps({**about, "parameters": _finite(rows), "curves": curves}, indent=2))
        return
    print(wrapped(f"conditioned on        {conditioned}"))
    print(f"log-likelihood        {fit.log_likelihood:.4f}")
    print(f"low, high             profile-likelihood intervals, {100 * arguments.level:g} %")
    _print_parameters(rows)
    for name, points in curves.items():
        print(f"\n{name}\tlog_likelihood")
        for value, log_likelihood in points:
            print(f"{value!r}\t{log_likelihood!r}")


def _print_parameters(rows: list[dict[str, Any]]) -> None:
    print("parameters            log_...: natural log of a rate per unit of branch length\n")
    _print_table(rows)


def _print_table(rows: list[dict[str, Any]]) -> None:
    columns = list(rows[0])
    cells = [columns, *([_shown(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        first, *rest = (
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *rest]).rstrip())


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without NaN and infinity, which JSON does not know."""
    return [
        {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in row.items()}
        for row in rows
    ]
