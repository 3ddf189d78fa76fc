"""What a program of the comparison hands back, and how calls are timed."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# A repeat is as many calls as last this long, so that neither the clock nor the call itself counts.
_LEAST_SECONDS = 0.02
# No further repeat begins after this long.
_MOST_SECONDS = 20.0


class Timing(NamedTuple):
    """The seconds of one evaluation: the median over `repeats`, and the fastest.

    `cores` is how many cores this process had on average, NaN for other processes: below the number of threads where
    these wait, for each other or for a busy machine.
    """

    median: float
    least: float
    repeats: int
    cores: float = math.nan


class Measurement(NamedTuple):
    """One line of the comparison.

    `log_likelihood` is the sum over families, natural log, and `log_likelihoods` (n_families,) its terms where the
    program gives them. `tolerance` bounds the relative difference from this engine, of the sum and of each term.
    `gradient` holds the derivatives by log gain and log loss.
    """

    program: str
    value: Timing
    log_likelihood: float
    tolerance: float
    timed: str
    log_likelihoods: NDArray[np.float64] | None = None
    value_and_gradient: Timing | None = None
    gradient: NDArray[np.float64] | None = None


class NotInstalledError(Exception):
    """A program is absent; the message names what to install."""


def timing(seconds: list[float], cores: float = math.nan) -> Timing:
    """Returns the summary of the repeats."""
    return Timing(statistics.median(seconds), min(seconds), len(seconds), cores)


def timed(call: Callable[[], object], repeats: int) -> Timing:
    """Returns the time of one call, after a call that is not counted."""
    return timed_in_turn([call], repeats)[0]


def timed_in_turn(calls: Sequence[Callable[[], object]], repeats: int) -> list[Timing]:
    """Returns the time of each call, repeats taken in turn so that a busy machine slows them alike."""
    batches = []
    for call in calls:
        call()
        began = time.perf_counter()
        call()
        batches.append(max(1, round(_LEAST_SECONDS / max(time.perf_counter() - began, 1e-9))))
    seconds: list[list[float]] = [[] for _ in calls]
    used, passed = [0.0] * len(calls), [0.0] * len(calls)
    end = time.perf_counter() + _MOST_SECONDS * len(calls)
    for repeat in range(repeats):
        if repeat and time.perf_counter() > end:
            break
        for index, (call, batch) in enumerate(zip(calls, batches, strict=True)):
            began, began_cpu = time.perf_counter(), time.process_time()
            for _ in range(batch):
                call()
            elapsed = time.perf_counter() - began
            seconds[index].append(elapsed / batch)
            used[index] += time.process_time() - began_cpu
            passed[index] += elapsed
    return [timing(*found) for found in zip(seconds, np.divide(used, passed).tolist(), strict=True)]
