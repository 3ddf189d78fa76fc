"""The parser of the command line: one sentence for every argument that is wrong."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

BAD_INPUT = 2

EPILOG = """\
exit status: 0 done (also if the fit did not converge: a warning says so, and "converged" is false in the JSON),
2 bad input, 130 interrupted. PERSISTE_TRACEBACK=1 shows where an error arose."""

_MOST = 2**31 - 1


class _Help(argparse.HelpFormatter):
    """Does not break a line within a name such as gamma-gain-loss."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class Parser(argparse.ArgumentParser):
    """Refuses in one sentence, takes no abbreviated option, and ends each help with what the exit status means."""

    def __init__(self, **settings: Any) -> None:
        """Takes the settings of `argparse.ArgumentParser`."""
        settings.setdefault("epilog", EPILOG)
        settings.setdefault("allow_abbrev", False)
        settings.setdefault("formatter_class", _Help)
        super().__init__(**settings)
        self.register("type", int, _whole_number)
        self.register("type", float, _number)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Returns the arguments; what is left over is refused in the name of the subcommand."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            self._refuse(f"unknown argument '{rest[0]}'", f"{self.prog} {found.command}")
        return found

    def error(self, message: str) -> NoReturn:
        """Ends the program with one line."""
        self._refuse(message, self.prog)

    def _refuse(self, message: str, command: str) -> NoReturn:
        print(f"persiste: {message}; see {command} --help", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from None


def count(text: str) -> int:
    """Returns a number of things, at least one.

    # Errors
    ArgumentTypeError for anything else.
    """
    number = _whole_number(text)
    if not 1 <= number <= _MOST:
        raise argparse.ArgumentTypeError(f"{text} is not allowed; allowed are whole numbers from 1 to {_MOST}")
    return number
