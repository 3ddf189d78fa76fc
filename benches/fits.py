"""Times whole fits, beside IQ-TREE's where it has the model, and looks for the optimum from random starts.

    python benches/fits.py [--sizes 200x10000,1000x10000] [--repeats 5] [--seed 1] [--quick]

The families of a simulated table have gamma-distributed speeds; no two columns are the same. One thread. A fit is
`GeneContentModel(data, rates=..., threads=1).fit()` after loading, standard errors included, with the set-up of the
model counted apart (a model is fitted several times). IQ-TREE (Debian: iqtree) runs as a program, with the tree, its
start-up, reading and report counted: the log of its own clock is not used. Of the first size also: families at rates
of their own, bootstraps, a likelihood-ratio test, and how many of 20 random starts reach the maximum.

The run fails, with exit status 1, if IQ-TREE finds a higher log-likelihood or a fit has not converged.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from peers import iqtree
from peers.command_line import positive, size
from peers.machine import machine, print_load
from peers.measure import NotInstalledError
from peers.problem import Problem, simulate

import persiste_rust
from persiste_rust import (
    DiscreteGamma,
    Fit,
    GammaGainLoss,
    GeneContentData,
    GeneContentModel,
    Hierarchical,
    LogNormal,
    Mixture,
)
from persiste_rust.recipes import RetentionBias

SHAPE = 0.7  # of the families' speeds
# IQ-TREE prints four digits behind the point.
_TOLERANCE = 1e-3
_N_STARTS = 20


class Row(NamedTuple):
    """A line of the table; `n_categories` is that of the model as IQ-TREE has it, 0 where it has none."""

    name: str
    rates: Any
    n_categories: int


_BOTH = (Row("shared rates", "shared", 1), Row("gamma, 4 classes", DiscreteGamma(4), 4))
_MORE = (
    Row("gamma for gain and loss, 3 x 3", GammaGainLoss(3), 0),
    Row("mixture of 2", Mixture(2), 0),
    Row("mixture of 3", Mixture(3), 0),
    Row("log-normal, 8 classes", LogNormal(8), 0),
    Row("hierarchical, 6 x 6", Hierarchical(6), 0),
)


def main() -> int:
    """Runs the fits and prints them as Markdown; returns the exit status."""
    arguments = _arguments()
    print(f"# Fits of {date.today().isoformat()}\n")
    for line in (*machine(), f"repeats: {arguments.repeats}, seed: {arguments.seed}"):
        print(f"- {line}")
    failures: list[str] = []
    for number, (n_tips, n_families) in enumerate(arguments.sizes):
        problem = simulate(n_tips, n_families, arguments.seed, SHAPE)
        data = GeneContentData(problem.newick(), problem.cells, problem.tip_names)
        print(f"\n## {n_tips} tips, {n_families} families, {100.0 * problem.cells.mean():.1f} % present\n")
        print_load()
        rows = _BOTH if number or arguments.quick else (*_BOTH, *_MORE)
        failures += _print_fits(problem, data, rows, arguments.repeats)
        if number == 0 and not arguments.quick:
            print()
            failures += _print_others(data, arguments.repeats)
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def _print_fits(problem: Problem, data: GeneContentData, rows: Sequence[Row], repeats: int) -> list[str]:
    header = "model | set-up, ms | fit, ms | least | evaluations | log-likelihood | starts that agree | IQ-TREE, ms"
    print(f"| {header} | its log-likelihood | times |\n|---|{'---:|' * 9}")
    failures = []
    for row in rows:
        began = time.perf_counter()
        model = GeneContentModel(data, rates=row.rates, threads=1)
        set_up = time.perf_counter() - began
        seconds, fit = _timed(model.fit, repeats)
        cells = [
            f"{1e3 * set_up:.1f}",
            *(f"{1e3 * value:.1f}" for value in (statistics.median(seconds), min(seconds))),
            f"{fit.evaluations}",
            f"{fit.log_likelihood:.4f}",
            f"{fit.n_agreeing} of {fit.n_starts}",
        ]
        if not fit.converged:
            failures.append(f"{row.name}: {fit.reason}")
        cells += _beside_iqtree(problem, row, fit, statistics.median(seconds), failures)
        print(f"| {' | '.join((row.name, *cells))} |", flush=True)
    return failures


def _beside_iqtree(problem: Problem, row: Row, fit: Fit, median: float, failures: list[str]) -> list[str]:
    if not row.n_categories:
        return ["", "", ""]
    try:
        version, seconds, found = iqtree.fit(problem, row.n_categories, 3)
    except NotInstalledError as error:
        return [str(error), "", ""]
    # Written so that NaN fails.
    if not fit.log_likelihood >= found - _TOLERANCE:
        failures.append(f"{row.name}: {fit.log_likelihood!r}, IQ-TREE {version}: {found!r}")
    theirs = statistics.median(seconds)
    return [f"{1e3 * theirs:.0f} ({version})", f"{found:.4f}", f"{theirs / median:.0f}"]


def _print_others(data: GeneContentData, repeats: int) -> list[str]:
    print("| what | seconds, median | least |\n|---|---:|---:|")

    def show(name: str, seconds: Sequence[float]) -> None:
        print(f"| {name} | {statistics.median(seconds):.4g} | {min(seconds):.4g} |", flush=True)

    failures = []
    families = GeneContentModel(data, rates="per-family", threads=1)
    seconds, fits = _timed(families.fit, min(repeats, 3))
    show(f"{data.n_families} families, each at its own rates", seconds)
    if not fits.converged.all():
        failures.append(f"families of their own: {int((~fits.converged).sum())} did not converge")
    shared = GeneContentModel(data, threads=1)
    fit = shared.fit()
    seconds, replicates = _timed(lambda: fit.bootstrap(1000), min(repeats, 3))
    show("1,000 bootstraps of shared rates", seconds)
    if not replicates.converged.all():
        failures.append(f"bootstrap: {int((~replicates.converged).sum())} did not converge")
    retained = RetentionBias(data.family_names[: data.n_families // 3])
    seconds, _ = _timed(lambda: shared.test(retained), repeats)
    show("test of a third of the families against the others: null, alternative, test", seconds)
    model = GeneContentModel(data, rates=DiscreteGamma(4), threads=1)
    best = model.fit()
    rng = np.random.default_rng(5)
    starts = [[*rng.uniform(-4.0, 2.0, 2), rng.uniform(-3.0, 3.0)] for _ in range(_N_STARTS)]
    found = [model.fit(start) for start in starts]
    n_found = sum(
        one.converged and math.isclose(one.log_likelihood, best.log_likelihood, abs_tol=1e-6) for one in found
    )
    evaluations = sorted(one.evaluations for one in found)[_N_STARTS // 2]
    print(
        f"\nGamma, 4 classes: {n_found} of {_N_STARTS} random starts (log-rates from -4 to 2, log-shape from -3 to 3) "
        f"reach {best.log_likelihood:.6f}; {evaluations} evaluations in the median."
    )
    if n_found < _N_STARTS:
        failures.append(f"{_N_STARTS - n_found} random starts ended elsewhere")
    return failures


def _timed(call: Callable[[], Any], repeats: int) -> tuple[list[float], Any]:
    """Returns the seconds of each call and what the last one gave."""
    seconds, result = [], None
    for _ in range(repeats):
        began = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - began)
    return seconds, result


def _arguments() -> argparse.Namespace:
    if persiste_rust.BACKEND != "rust":
        raise SystemExit(f"the backend is '{persiste_rust.BACKEND}'; the fits need 'rust'")
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--sizes",
        type=lambda text: [size(part) for part in text.split(",")],
        default=[(200, 10_000), (1000, 10_000)],
        help="tips x families, with commas between (default 200x10000,1000x10000)",
    )
    parser.add_argument("--repeats", type=positive, default=5, help="how often each is timed (default 5)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulation (default 1)")
    parser.add_argument("--quick", action="store_true", help="only the models that IQ-TREE has too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
