"""This engine, through its Python interface."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import persiste_rust
from peers.measure import Measurement, Timing, timed_in_turn
from peers.problem import GAIN, LOSS, Problem

_PARAMETERS = np.log([GAIN, LOSS])
# No two calls that follow each other have the same rates, so that nothing could be kept from the last.
_CYCLE = [_PARAMETERS * (1.0 + 1e-3 * step) for step in range(8)]


class SetUp(NamedTuple):
    """Seconds spent once a data set, before the evaluations that are timed."""

    tree: float
    data: float
    model: float
    first_value: float
    first_gradient: float


class Scaling(NamedTuple):
    """Times with so many threads."""

    threads: int
    value: Timing
    value_and_gradient: Timing


def measure(problem: Problem, repeats: int) -> tuple[Measurement, SetUp]:
    """Times warm calls with one thread, and what comes before them.

    # Errors
    RuntimeError if the native module is absent.
    """
    if persiste_rust.BACKEND != "rust":
        raise RuntimeError(f"the backend is '{persiste_rust.BACKEND}'; the comparison needs 'rust'")
    newick = problem.newick()
    clock = [time.perf_counter()]
    tree = persiste_rust.Tree.from_newick(newick)
    clock.append(time.perf_counter())
    data = persiste_rust.GeneContentData(tree, problem.cells, problem.tip_names)
    clock.append(time.perf_counter())
    model = persiste_rust.GeneContentModel(data, threads=1)
    clock.append(time.perf_counter())
    log_likelihood = model.log_likelihood(_PARAMETERS)
    clock.append(time.perf_counter())
    _, gradient = model.value_and_gradient(_PARAMETERS)
    clock.append(time.perf_counter())
    value, value_and_gradient = _times([model], repeats)[0]
    found = Measurement(
        program=f"persiste-rust {persiste_rust.__version__}",
        value=value,
        log_likelihood=log_likelihood,
        log_likelihoods=model.log_likelihoods(_PARAMETERS),
        tolerance=0.0,
        timed="a warm call of `GeneContentModel.log_likelihood` or `value_and_gradient`, threads=1, rates other than "
        "in the call before; set-up is listed above",
        value_and_gradient=value_and_gradient,
        gradient=gradient,
    )
    return found, SetUp(*np.diff(clock).tolist())


def measure_scaling(problem: Problem, threads: list[int], repeats: int) -> list[Scaling]:
    """Times one model for each number of threads, in turn.

    # Errors
    RuntimeError if a number of threads changes a bit of a result.
    """
    data = persiste_rust.GeneContentData(problem.newick(), problem.cells, problem.tip_names)
    models = [persiste_rust.GeneContentModel(data, threads=number) for number in threads]
    results = {_result(model).tobytes() for model in models}
    if len(results) != 1:
        raise RuntimeError(f"{len(results)} different results for {threads} threads; allowed is one")
    times = _times(models, repeats)
    return [Scaling(number, *pair) for number, pair in zip(threads, times, strict=True)]


def _result(model: persiste_rust.GeneContentModel) -> NDArray[np.float64]:
    value, gradient = model.value_and_gradient(_PARAMETERS)
    return np.array([model.log_likelihood(_PARAMETERS), value, *gradient])


def _times(models: list[persiste_rust.GeneContentModel], repeats: int) -> list[tuple[Timing, Timing]]:
    rates = itertools.cycle(_CYCLE)

    def with_next_rates(function: Callable[[NDArray[np.float64]], object]) -> Callable[[], object]:
        return lambda: function(next(rates))

    functions = [function for model in models for function in (model.log_likelihood, model.value_and_gradient)]
    calls = [with_next_rates(function) for function in functions]
    times = timed_in_turn(calls, repeats)
    return list(zip(times[::2], times[1::2], strict=True))
