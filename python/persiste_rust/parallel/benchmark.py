"""Thread scaling of work that calls the familiar names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from persiste_rust.parallel._config import measured_with
from persiste_rust.parallel._scaling import Scaling, ScalingRow, parallel_fraction, scaling


class BenchmarkResult(NamedTuple):
    """The measurement with one number of threads: median time, speed-up over one thread, speed-up by threads."""

    num_threads: int
    duration_ms: float
    speedup: float
    efficiency: float


def scalability_benchmark(
    thread_counts: Sequence[int], workload: Callable[[], object], *, repeats: int = 5
) -> list[BenchmarkResult]:
    """Measures the median time of `workload()` with each number of threads.

    The familiar functions that `workload` calls without `threads` run with that number. Speed-ups refer to one
    thread, which is measured whether or not it is asked for.

    # Errors
    As `scaling`.

    >>> from persiste_rust.parallel import parallel_preprocess
    >>> import time
    >>> results = scalability_benchmark([1, 2], lambda: parallel_preprocess([0.002] * 6, time.sleep))
    >>> [one.num_threads for one in results], results[0].speedup
    ([1, 2], 1.0)
    """
    table = scaling(lambda threads: measured_with(threads, workload), thread_counts, repeats=repeats)
    return [BenchmarkResult(n, seconds * 1e3, speed_up, share) for n, seconds, speed_up, share in table.rows]


def print_benchmark_results(results: Sequence[BenchmarkResult]) -> None:
    """Prints the results as a table."""
    rows = (ScalingRow(n, milliseconds * 1e-3, speed_up, share) for n, milliseconds, speed_up, share in results)
    print(Scaling(tuple(rows)))


def amdahl_analysis(results: Sequence[BenchmarkResult]) -> float:
    """Returns the share of the work that runs in parallel; formula and errors as those of `parallel_fraction`."""
    return parallel_fraction([one.num_threads for one in results], [one.speedup for one in results])
