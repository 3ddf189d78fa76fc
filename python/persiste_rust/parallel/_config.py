"""How many threads the familiar names run with."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace

from persiste_rust.parallel._map import thread_count

# What `configure_thread_pool` last said. A number, not a pool: results never depend on it.
_configured: int | None = None
# The number that a benchmark measures here.
_measured: ContextVar[int | None] = ContextVar("measured", default=None)


@dataclass(frozen=True)
class ParallelConfig:
    """The number of threads for the familiar functions that are called without `threads`.

    >>> ParallelConfig().with_threads(4).effective_thread_count()
    4
    """

    num_threads: int | None = None

    def with_threads(self, num_threads: int) -> ParallelConfig:
        """Returns the configuration with this number of threads.

        # Errors
        ValueError for a number that is not 1 to 65535.
        """
        return replace(self, num_threads=thread_count(num_threads))

    def configure_thread_pool(self) -> None:
        """Makes the familiar functions that are called from now on, anywhere in the process, run with this number.

        May be called any number of times; the last one counts. No thread is started and no pool made: each call of a
        function has threads of its own while it runs. `threads=` of a call goes before.
        """
        global _configured
        _configured = None if self.num_threads is None else thread_count(self.num_threads)

    def effective_thread_count(self) -> int:
        """Returns the number of threads that this configuration stands for."""
        return thread_count(self.num_threads)


def threads_of_call(threads: int | None) -> int | None:
    """Returns what the call says, else what is measured, else what was configured, else None."""
    if threads is not None:
        return threads
    measured = _measured.get()
    return _configured if measured is None else measured


def measured_with(threads: int, work: Callable[[], object]) -> None:
    """Runs `work` so that the familiar functions called by it use this number of threads."""
    token = _measured.set(threads)
    try:
        work()
    finally:
        _measured.reset(token)
