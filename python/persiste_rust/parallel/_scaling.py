"""What more threads gain: times, speed-ups, efficiencies, and the parallel fraction behind them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from persiste_rust._backend import backend
from persiste_rust._checked import whole_number
from persiste_rust.parallel._map import at_least_one, thread_count


class ScalingRow(NamedTuple):
    """The measurement with one number of threads: median time, speed-up over one thread, speed-up by threads."""

    threads: int
    seconds: float
    speed_up: float
    efficiency: float


@dataclass(frozen=True)
class Scaling:
    """One row for each number of threads, in the order asked for; printed as a table."""

    rows: tuple[ScalingRow, ...]

    @classmethod
    def from_times(cls, threads: Sequence[int], seconds: Sequence[float]) -> Scaling:
        """Returns the table of median times in seconds, `seconds[i]` with `threads[i]` threads.

        # Errors
        ValueError for no times, times that are not finite and above 0, or none with one thread.

        >>> Scaling.from_times([1, 2], [1.0, 0.625]).rows[1].speed_up
        1.6
        """
        at_least_one(len(threads), "thread counts")
        if len(seconds) != len(threads):
            raise ValueError(f"seconds has length {len(seconds)}; expected {len(threads)}")
        for count, found in zip(threads, seconds, strict=True):
            thread_count(count)
            if not 0.0 < found < math.inf:
                raise ValueError(f"the time with {count} threads is {found} s; allowed are finite times above 0")
        if 1 not in threads:
            raise ValueError("no time was measured with 1 thread, to which speed-ups refer")
        single = seconds[list(threads).index(1)]
        pairs = zip(threads, seconds, strict=True)
        return cls(tuple(ScalingRow(n, found, single / found, single / found / n) for n, found in pairs))

    @property
    def parallel_fraction(self) -> float:
        """The parallel fraction behind the speed-ups; see the function of this name."""
        return parallel_fraction([row.threads for row in self.rows], [row.speed_up for row in self.rows])

    def __str__(self) -> str:
        """Returns the table."""
        lines = [f"{'threads':>8}{'time (ms)':>14}{'speed-up':>10}{'efficiency':>12}"]
        for row in self.rows:
            lines.append(
                f"{row.threads:>8}{row.seconds * 1e3:>14.3f}{row.speed_up:>10.2f}{row.efficiency * 1e2:>10.1f} %"
            )
        return "\n".join(lines)


def parallel_fraction(threads: Sequence[int], speed_ups: Sequence[float]) -> float:
    """Returns the share p of the work that runs in parallel, from speed-ups s with n threads.

    Amdahl's law, `1 / s = (1 - p) + p / n`, by least squares over all counts above 1: `sum x y / sum x x` with
    `x = 1 - 1 / n` and `y = 1 - 1 / s`; for a single count that is `n (s - 1) / (s (n - 1))`. Below 0 if threads slow
    the work down, above 1 if they gain more than their number.

    # Errors
    ValueError without a count above 1, or for speed-ups that are not finite and above 0.

    # Source
    Amdahl 1967, doi:10.1145/1465482.1465560.

    >>> round(parallel_fraction([1, 4], [1.0, 2.5]), 12)  # 1 / (0.2 + 0.8 / 4) = 2.5
    0.8
    """
    counts = [thread_count(count) for count in threads]
    return float(backend().parallel_fraction(counts, [float(found) for found in speed_ups]))


def scaling(work: Callable[[int], object], thread_counts: Sequence[int], *, repeats: int = 5) -> Scaling:
    """Measures how the time of `work(threads)` falls with the number of threads.

    Each count is run once unmeasured, then in `repeats` rounds over all counts, so that a machine that slows down
    slows all of them; the median is reported. Speed-ups refer to one thread, measured whether or not it is asked for.

    # Errors
    The first exception of `work`; ValueError for no counts or repeats, or counts that are none.

    >>> table = scaling(lambda threads: time.sleep(0.004 / threads), [1, 2], repeats=3)
    >>> [row.threads for row in table.rows]
    [1, 2]
    """
    asked = [thread_count(count) for count in thread_counts]
    at_least_one(len(asked), "thread counts")
    repeats = whole_number(repeats, "repeats")
    counts = asked if 1 in asked else [*asked, 1]
    for count in counts:
        work(count)
    times: list[list[float]] = [[] for _ in counts]
    for _ in range(repeats):
        for count, into in zip(counts, times, strict=True):
            start = time.perf_counter()
            work(count)
            into.append(time.perf_counter() - start)
    table = Scaling.from_times(counts, [statistics.median(one) for one in times])
    return Scaling(table.rows[: len(asked)])
