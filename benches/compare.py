"""Times this engine beside other programs on the same data, and checks that they give the same answers.

    python benches/compare.py [--sizes 200x10000,1000x10000] [--repeats 9] [--seed 1]

One evaluation of the two-state gain and loss log-likelihood with shared rates and a stationary root, in nanoseconds
per (tip x family). Besides persiste-rust and its NumPy twin, programs from the system's packages take part where they
are installed: BEAGLE, libpll, IQ-TREE, phangorn. The tree, the table and the rates are simulated with a fixed seed;
no two columns are the same, so nothing is gained by merging them. Each program runs with one thread.

The run fails, with exit status 1, if a log-likelihood or a gradient differs from this engine's by more than is
allowed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from datetime import date

import numpy as np
from peers import beagle, iqtree, libpll, numpy_twin, phangorn, this_engine
from peers.command_line import positive, size
from peers.machine import machine, print_load
from peers.measure import Measurement, NotInstalledError
from peers.problem import GAIN, LOSS, MEAN_LENGTH, Problem, simulate

_PEERS: tuple[Callable[[Problem, int], list[Measurement]], ...] = (
    numpy_twin.measure,
    beagle.measure,
    libpll.measure,
    iqtree.measure,
    phangorn.measure,
)
# Of the gradient, relative to its largest component: its sums cancel near the rates of the simulation.
_GRADIENT_TOLERANCE = 1e-8


def main() -> int:
    """Runs the comparison and prints it as Markdown; returns the exit status."""
    arguments = _arguments()
    print(f"# Comparison of {date.today().isoformat()}\n")
    for line in (*machine(), f"repeats: {arguments.repeats}, seed: {arguments.seed}"):
        print(f"- {line}")
    print(
        f"- data: random binary trees, exponential branch lengths of mean {MEAN_LENGTH}, gain {GAIN}, loss {LOSS}, "
        "stationary root, columns all different"
    )
    failures: list[str] = []
    timed: dict[str, str] = {}
    for n_tips, n_families in arguments.sizes:
        try:
            problem = simulate(n_tips, n_families, arguments.seed)
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        print(f"\n## {n_tips} tips, {n_families} families, {100.0 * problem.cells.mean():.1f} % present\n", flush=True)
        print_load()
        failures += _compare(problem, arguments.repeats, timed)
        print("\nThreads of this engine; every number of them gave the same bits:\n")
        print_load()
        _print_scaling(problem, arguments.repeats)
    print("\n## What is timed\n")
    for program, what in timed.items():
        print(f"- {program}: {what}")
    print()
    for failure in failures:
        print(f"MISMATCH: {failure}")
    if not failures:
        print("All answers agree within what is allowed.")
    return 1 if failures else 0


def _compare(problem: Problem, repeats: int, timed: dict[str, str]) -> list[str]:
    """Prints the lines of all programs and the set-up of this engine; returns what does not agree."""
    header = "program | value | fastest | value + gradient | times this engine | difference | allowed | repeats"
    print(f"| {header} |\n|---|{'---:|' * 7}")
    engine, set_up = this_engine.measure(problem, repeats)
    absent: list[str] = []
    failures: list[str] = []
    _print_line(engine, engine, problem, "-", "-")
    timed[engine.program] = engine.timed
    for measure in _PEERS:
        try:
            measurements = measure(problem, repeats)
        except NotInstalledError as error:
            absent.append(str(error))
            continue
        for found in measurements:
            difference = _difference(engine, found)
            _print_line(found, engine, problem, f"{difference:.1e}", f"{found.tolerance:.0e}")
            timed[found.program] = found.timed
            # Written so that NaN fails.
            if not difference <= found.tolerance:
                failures.append(f"{found.program}: {found.log_likelihood!r}, this engine: {engine.log_likelihood!r}")
            failures += _gradient_failures(engine, found)
    print("\nValue, fastest and value + gradient: ns per (tip x family), median unless it says fastest.")
    print(
        f"Log-likelihood {engine.log_likelihood:.10g}; difference: relative, the largest of sum and single families.\n"
    )
    for line in absent:
        print(f"- {line}")
    print(
        f"- set-up of this engine, once a data set: tree {1e3 * set_up.tree:.1f} ms, data (distinct patterns) "
        f"{1e3 * set_up.data:.1f} ms, model (subtree classes) {1e3 * set_up.model:.1f} ms; first value "
        f"{1e3 * set_up.first_value:.2f} ms, first gradient {1e3 * set_up.first_gradient:.2f} ms"
    )
    return failures


def _print_line(found: Measurement, engine: Measurement, problem: Problem, difference: str, allowed: str) -> None:
    def nanoseconds(seconds: float) -> str:
        return f"{1e9 * seconds / problem.n_cells:.3g}"

    gradient = "-" if found.value_and_gradient is None else nanoseconds(found.value_and_gradient.median)
    times = f"{found.value.median / engine.value.median:.3g}"
    cells = (found.program, nanoseconds(found.value.median), nanoseconds(found.value.least), gradient, times)
    print(f"| {' | '.join((*cells, difference, allowed, str(found.value.repeats)))} |", flush=True)


def _difference(engine: Measurement, found: Measurement) -> float:
    """Returns the largest relative difference of the sum and, where both give them, of single families."""
    differences = [abs(found.log_likelihood / engine.log_likelihood - 1.0)]
    if engine.log_likelihoods is not None and found.log_likelihoods is not None:
        differences.append(float(np.max(np.abs(found.log_likelihoods / engine.log_likelihoods - 1.0))))
    return float(np.max(differences))


def _gradient_failures(engine: Measurement, found: Measurement) -> list[str]:
    if engine.gradient is None or found.gradient is None:
        return []
    difference = np.max(np.abs(found.gradient - engine.gradient)) / np.max(np.abs(engine.gradient))
    if difference <= _GRADIENT_TOLERANCE:
        return []
    return [f"{found.program}: gradient {found.gradient.tolist()}, this engine: {engine.gradient.tolist()}"]


def _print_scaling(problem: Problem, repeats: int) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = sorted({*(1 << power for power in range(cores.bit_length())), cores})
    kinds = ("value", "value + gradient")
    header = " | ".join(f"{kind}, µs | fastest | efficiency | of the fastest | cores had" for kind in kinds)
    print(f"| threads | {header} |\n|{'---:|' * 11}")
    found = this_engine.measure_scaling(problem, threads, repeats)
    for line in found:
        parts = [str(line.threads)]
        for timing, single in ((line.value, found[0].value), (line.value_and_gradient, found[0].value_and_gradient)):
            pairs = ((timing.median, single.median), (timing.least, single.least))
            parts += [f"{1e6 * seconds:.4g}" for seconds, _ in pairs]
            # Speed-up over one thread, divided by the number of threads.
            parts += [f"{100.0 * alone / seconds / line.threads:.0f} %" for seconds, alone in pairs]
            parts.append(f"{timing.cores:.2f}")
        print(f"| {' | '.join(parts)} |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--sizes",
        type=lambda text: [size(part) for part in text.split(",")],
        default=[(200, 10_000), (1000, 10_000)],
        help="tips x families, with commas between (default 200x10000,1000x10000)",
    )
    parser.add_argument("--repeats", type=positive, default=9, help="how often each is timed (default 9)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulation (default 1)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
