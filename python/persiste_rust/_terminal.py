"""A line on the terminal that says how far long work is, and is gone when the work ends."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TextIO

_QUIET_SECONDS = 1.0  # work that ends before this needs no line
_ERASE = "\r\x1b[2K"


class ProgressLine:
    """Shows stage and percent on one line if `stream` is a terminal; call it with (stage, done, total)."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._began = time.monotonic()
        self._is_shown = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Draws the line again."""
        if not self._is_terminal or time.monotonic() - self._began < _QUIET_SECONDS:
            return
        share = f" {100 * min(done, total) // total} %" if total else f" {done}" if done else ""
        self._write(f"{_ERASE}persiste: {stage}{share}")
        self._is_shown = True

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
