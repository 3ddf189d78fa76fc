"""`persiste bench`: how fast the likelihood is on the user's own data, and what threads gain."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from persiste_rust._cli_model import (
    add_input_arguments,
    add_model_arguments,
    model_factory,
    read_data,
    refuse_per_family,
)
from persiste_rust._cli_parser import count
from persiste_rust._terminal import ProgressLine
from persiste_rust.parallel import scaling, thread_count

_NANO = 1e9


def register(commands: Any) -> None:
    """Adds the subcommand."""
    one = commands.add_parser(
        "bench",
        help="time the likelihood on your data, by number of threads",
        description="Times one log-likelihood and one gradient at the fitted parameters for 1, 2, ... threads: medians "
        "of several runs, speed-up, efficiency, and Amdahl's parallel fraction.",
    )
    add_input_arguments(one)
    add_model_arguments(one)
    one.add_argument("--repeats", metavar="N", type=count, default=15, help="runs of each; default: 15")
    one.add_argument("--json", action="store_true", help="print one JSON object instead of the tables")
    one.set_defaults(run=_bench)


def _bench(arguments: argparse.Namespace) -> None:
    refuse_per_family([arguments.rates], "bench")
    most = thread_count(arguments.threads)
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, _ = model_factory(arguments, data)
        models = {}
        for threads in range(1, most + 1):
            arguments.threads = threads
            models[threads] = build(arguments.rates, arguments.root)
        fit = models[most].fit(progress=progress)
        point = models[1]._vector(fit.parameters)
        works = {
            "log-likelihood": lambda threads: models[threads].log_likelihood(point),
            "value and gradient": lambda threads: models[threads].value_and_gradient(point),
        }
        found = {name: scaling(work, list(models), repeats=arguments.repeats) for name, work in works.items()}
    cells = data.n_tips * data.n_families
    if arguments.json:
        tables = {
            name: {
                "rows": [row._asdict() | {"ns_per_cell": _NANO * row.seconds / cells} for row in table.rows],
                "parallel_fraction": table.parallel_fraction if most > 1 else None,
            }
            for name, table in found.items()
        }
        print(json.dumps({"n_tips": data.n_tips, "n_families": data.n_families, "tables": tables}, indent=2))
        return
    print(f"{data.n_tips} genomes x {data.n_families} families of {data.n_patterns} patterns, rates {arguments.rates}")
    for name, table in found.items():
        one = table.rows[0].seconds
        print(f"\n{name}: {_NANO * one / cells:.3f} ns per genome x family with one thread\n{table}")
        if most > 1:
            print(f"parallel fraction (Amdahl) {table.parallel_fraction:.3f}")
