"""The progress line of the command line."""

from __future__ import annotations

import io

import pytest

from persiste_rust import _terminal
from persiste_rust._terminal import ProgressLine, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(_terminal.time, "monotonic", lambda: now[0])
    return now


def test_progress_tells_how_much_time_is_left_of_a_stage(clock: list[float]) -> None:
    stream = Terminal()
    with ProgressLine(stream) as progress:
        progress("reading", 0, 0)
        clock[0] += 10.0
        # Of 100 replicates 20 were there before.
        progress("bootstrapping", 20, 100)
        clock[0] += 8.0
        progress("bootstrapping", 30, 100)
    assert stream.getvalue().split("\r\x1b[2K")[1:] == [
        "persiste: bootstrapping 20 %",
        "persiste: bootstrapping 30 %, 56 s left",
        "",
    ]


def test_progress_is_silent_for_short_work_and_off_a_terminal(clock: list[float]) -> None:
    stream, file = Terminal(), io.StringIO()
    with ProgressLine(stream) as short, ProgressLine(file) as elsewhere:
        short("fitting", 1, 2)
        clock[0] += 60.0
        elsewhere("fitting", 1, 2)
    assert (stream.getvalue(), file.getvalue()) == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7500, "2 h 5 min")]
)
def test_durations_read_as_they_are_said(seconds: int, text: str) -> None:
    assert duration(seconds) == text
