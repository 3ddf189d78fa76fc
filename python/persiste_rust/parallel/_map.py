"""One function over many items, in threads."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from persiste_rust._backend import backend
from persiste_rust._checked import checked_threads

Item = TypeVar("Item")
T = TypeVar("T")


def thread_count(threads: int | None = None) -> int:
    """Returns the number of threads of a call: `threads`, else RAYON_NUM_THREADS, else one for each core.

    # Errors
    ValueError for a number that is not 1 to 65535.

    >>> thread_count(3)
    3
    """
    return int(backend().thread_count(checked_threads(threads)))


def map(work: Callable[[Item], T], items: Iterable[Item], *, threads: int | None = None) -> list[T]:
    """Returns `work(item)` of each item, in their order, whichever thread did which.

    # Errors
    Of the items that failed the exception of the first in order, whichever failed first in time; items not yet begun
    are then left out, as after Ctrl-C. ValueError for no items.

    >>> map(lambda x: x * x, [1, 2, 3], threads=2)
    [1, 4, 9]
    """
    listed = list(items)
    at_least_one(len(listed), "items")
    return map_indices(lambda index: work(listed[index]), len(listed), threads)


def at_least_one(n: int, what: str) -> None:
    """Raises ValueError if there are none."""
    if n == 0:
        raise ValueError(f"there are no {what}; expected at least one")


def map_indices(work: Callable[[int], T], n: int, threads: int | None) -> list[T]:
    """Returns `work(0), ..., work(n - 1)` as `map` does; the calling thread does its share."""
    count = min(thread_count(threads), n)
    if count == 1:
        return [work(index) for index in range(n)]
    shared = _Shared(work, n)
    with ThreadPoolExecutor(count - 1, thread_name_prefix="persiste") as helpers:
        try:
            # Each helper sees the caller's context variables, among them np.errstate.
            running = [helpers.submit(contextvars.copy_context().run, shared.take_turns) for _ in range(count - 1)]
            shared.take_turns()
            for one in running:
                one.result()
        except BaseException:
            shared.stop()
            raise
    return shared.results()


class _Shared(Generic[T]):
    """The indices that threads take in turn, and what became of them."""

    def __init__(self, work: Callable[[int], T], n: int) -> None:
        self._work, self._n, self._next, self._lock = work, n, 0, threading.Lock()
        self._results: dict[int, T] = {}
        self._errors: dict[int, Exception] = {}

    def take_turns(self) -> None:
        while True:
            with self._lock:
                index = self._next
                self._next += 1
            if index >= self._n:
                return
            try:
                self._results[index] = self._work(index)
            except Exception as error:
                # Lower indices have all been taken, so the lowest error is among those under way.
                self._errors[index] = error
                self.stop()

    def stop(self) -> None:
        """Lets nothing more begin."""
        with self._lock:
            self._next = max(self._next, self._n)

    def results(self) -> list[T]:
        """Returns the results in order, or raises the first error."""
        if self._errors:
            raise self._errors[min(self._errors)]
        return [self._results[index] for index in range(self._n)]
