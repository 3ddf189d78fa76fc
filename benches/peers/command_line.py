"""How the scripts read numbers and sizes of their command line."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Reads a whole number of 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def size(text: str) -> tuple[int, int]:
    """Reads TIPSxFAMILIES."""
    try:
        n_tips, n_families = (int(part) for part in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; allowed is TIPSxFAMILIES, as 200x10000") from None
    if n_tips < 2 or n_families < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is too small; allowed are 2 tips and 1 family or more")
    return n_tips, n_families
