"""A line on the terminal that says how far long work is, and is gone when the work ends."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TextIO

_QUIET_SECONDS = 1.0  # work that ends before this needs no line
_LEAST_SHARE = 0.02  # what of a stage must be done before the rest of its time can be told
_ERASE = "\r\x1b[2K"


class ProgressLine:
    """Shows stage, percent and time left on one line if `stream` is a terminal; call it with (stage, done, total).

    The time left is that of the stage, if what remains goes on as what was done since the stage was first told.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._began = time.monotonic()
        self._is_shown = False
        self._stage, self._stage_began, self._done_before = "", self._began, 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Draws the line again."""
        if stage != self._stage or done < self._done_before:
            self._stage, self._stage_began, self._done_before = stage, time.monotonic(), done
        if not self._is_terminal or time.monotonic() - self._began < _QUIET_SECONDS:
            return
        share = f" {100 * min(done, total) // total} %" if total else f" {done}" if done else ""
        self._write(f"{_ERASE}persiste: {stage}{share}{self._time_left(done, total)}")
        self._is_shown = True

    def _time_left(self, done: int, total: int) -> str:
        new, rest = done - self._done_before, total - done
        if rest <= 0 or new <= 0 or new < _LEAST_SHARE * (new + rest):
            return ""
        seconds = round((time.monotonic() - self._stage_began) * rest / new)
        return f", {duration(seconds)} left"

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Erases the line."""
        if self._is_shown:
            self._write(_ERASE)
            self._is_shown = False

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._is_terminal = False


def duration(seconds: int) -> str:
    """Returns a time as a reader says it: "50 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
