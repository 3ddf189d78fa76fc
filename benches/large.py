"""Times a table at the edge of what fits a machine: python benches/large.py [tips] [families].

Simulated families on a random tree, 5 % present; by default 100,000 x 100,000, 1.3 GB at a bit a cell. As many threads
as there are processors. Prints seconds by the clock of each step, the least of three evaluations, and the peak of
memory after it. The gradient is held against differences of the value.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from maps import random_tree

from persiste_rust import GeneContentModel, simulate

_Result = TypeVar("_Result")
_PARAMS = {"log_gain": float(np.log(0.05)), "log_loss": 0.0}


def step(name: str, work: Callable[[], _Result], repeats: int = 1) -> _Result:
    """Does some work, prints how long it took at least, and returns what came of it."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:<24} {min(seconds):8.3f} s   {peak:8.0f} MB", flush=True)
    return result


def main() -> None:
    """Prints a line a step."""
    n_tips, n_families = [int(text) for text in [*sys.argv[1:], *("100000", "100000")[len(sys.argv) - 1 :]]]
    tree = random_tree(n_tips)
    data = step("simulating, packing", lambda: simulate(tree, n_families, _PARAMS).data)
    model = step("preparing the model", lambda: GeneContentModel(data))
    # Away from the maximum, where both sides would be small.
    point = np.array([_PARAMS[name] for name in model.parameter_names]) + 0.3
    value = step("value, first", lambda: model.log_likelihood(point))
    step("value", lambda: model.log_likelihood(point), 3)
    step("value and gradient, first", lambda: model.value_and_gradient(point))
    found, gradient = step("value and gradient", lambda: model.value_and_gradient(point), 3)
    assert found == value
    change = 1e-4
    for axis, slope in enumerate(gradient):
        moved = np.zeros(len(point))
        moved[axis] = change
        difference = (model.log_likelihood(point + moved) - model.log_likelihood(point - moved)) / (2.0 * change)
        assert abs(slope - difference) < 1e-6 * abs(slope), (slope, difference)


if __name__ == "__main__":
    main()
