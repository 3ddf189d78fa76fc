"""Numbers and words that users give, refused with messages that name them."""

from __future__ import annotations

import operator
from typing import Any

MOST_THREADS = 65_535
ONE_A_CORE = ", or none for one a core"
# Families without names of their own: each gets a name, so that more of them are a mistake and not a table.
MOST_FAMILIES = 100_000_000
_MOST = 2**31 - 1


def whole_number(value: Any, name: str, *, lowest: int = 1, highest: int = _MOST, otherwise: str = "") -> int:
    """Returns the value as an int; `otherwise` ends the message with what else is allowed.

    # Errors
    TypeError for what is no whole number, ValueError for one outside `lowest` to `highest`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; allowed are whole numbers from {lowest}{otherwise}") from None
    if not lowest <= number <= highest:
        raise ValueError(f"{name} is {number}; allowed are {lowest} or more, up to {highest}{otherwise}")
    return number


def checked_seed(seed: Any, name: str = "seed") -> int:
    """Returns the seed, or another number of 64 bits, as an int.

    # Errors
    TypeError for what is no whole number, ValueError for one below 0 or of more than 64 bits.
    """
    allowed = "allowed are whole numbers from 0 to 2**64 - 1"
    try:
        number = operator.index(seed)
    except TypeError:
        raise TypeError(f"{name} is {seed!r}; {allowed}") from None
    if not 0 <= number < 2**64:
        raise ValueError(f"{name} is {number}; {allowed}")
    return number


def checked_threads(threads: Any) -> int | None:
    """Returns the number of threads, or None for one a core.

    # Errors
    TypeError for what is no whole number, ValueError for one outside 1 to 65535.
    """
    if threads is None:
        return None
    return whole_number(threads, "threads", highest=MOST_THREADS, otherwise=ONE_A_CORE)


def checked_root(root: Any) -> str | float:
    """Returns the name of a root prior, or a number.

    # Errors
    TypeError for anything else.
    """
    if isinstance(root, str):
        return root
    try:
        return float(root)
    except (TypeError, ValueError):
        raise TypeError(f"root is {root!r}; allowed are the name of a root prior or a number from 0 to 1") from None


def checked_ascertainment(given: Any) -> str | tuple[int, int | None]:
    """Returns a name, or a window as whole numbers.

    # Errors
    ValueError for anything else.
    """
    if isinstance(given, str):
        return given
    allowed = "allowed are a name or a pair of whole numbers (lowest, highest), highest perhaps None"
    try:
        lowest, highest = given
        window = operator.index(lowest), None if highest is None else operator.index(highest)
    except (TypeError, ValueError):
        raise ValueError(f"the ascertainment is {given!r}; {allowed}") from None
    if any(end is not None and not 0 <= end <= _MOST for end in window):
        raise ValueError(f"the ascertainment is {given!r}; its numbers are of genomes, allowed are 0 to {_MOST}")
    return window


def numbered_families(n_families: int) -> list[str]:
    """Returns the names of families that have none: `family_1`, ..."""
    return [f"family_{family}" for family in range(1, n_families + 1)]
