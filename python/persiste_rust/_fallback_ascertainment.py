"""Ascertainment in the NumPy backend: which families the makers of a table could record."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Name = Literal["none", "observed", "variable"]
NAMES: tuple[Name, ...] = ("none", "observed", "variable")
_WINDOW = "a window of two numbers of genomes"
# How many families a message names.
_EXAMPLES = 3


class Ascertainment:
    """A name, or a window on the number of genomes recorded as carriers.

    `window` is what the probability of being recorded is asked for, None where every family is recorded.
    """

    def __init__(self, setting: Any, n_tips: int) -> None:
        """Reads a name, or a pair (lowest, highest) whose highest may be None for all.

        # Errors
        ValueError for an unknown name, or a window that does not fit the tips.
        """
        self.window: Literal["observed", "variable"] | tuple[int, int] | None = None
        self.name: str
        if isinstance(setting, str):
            if setting not in NAMES:
                raise ValueError(f"unknown ascertainment '{setting}'; known: {', '.join(NAMES)}, {_WINDOW}")
            self.name = setting
            if setting != "none":
                self.window = "observed" if setting == "observed" else "variable"
            return
        lowest, highest = setting
        highest = n_tips if highest is None else highest
        if not 0 <= lowest <= highest <= n_tips:
            raise ValueError(
                f"a window from {lowest} to {highest} presences does not fit {n_tips} genomes; allowed are "
                f"0 <= lowest <= highest <= {n_tips}"
            )
        self.name = f"window {lowest}-{highest}"
        if (lowest, highest) != (0, n_tips):
            self.window = (int(lowest), int(highest))

    def check(self, cells: NDArray[np.int8], family_names: list[str]) -> None:
        """Refuses families that could not have been recorded, `cells` being (n_families, n_tips).

        A missing cell is neither a presence nor an absence, so that a family is judged by what was recorded.

        # Errors
        ValueError that names them.
        """
        present, absent = ((cells == state).sum(axis=1) for state in (1, 0))
        if self.window is None:
            return
        if self.window == "observed":
            fits, rule = present > 0, "present in at least one genome"
        elif self.window == "variable":
            fits = (present > 0) & (absent > 0)
            rule = "present in at least one genome and absent from at least one"
        else:
            lowest, highest = self.window
            fits = (present >= lowest) & (present <= highest)
            rule = f"present in {lowest} to {highest} genomes"
            if lowest == highest:
                rule = f"present in exactly {lowest} genome{'' if lowest == 1 else 's'}"
        broken = np.flatnonzero(~fits)
        if len(broken):
            examples = ", ".join(f"'{family_names[family]}'" for family in broken[:_EXAMPLES])
            more = ", ..." if len(broken) > _EXAMPLES else ""
            raise ValueError(
                f"ascertainment '{self.name}' says that only families {rule} were recorded, but {len(broken)} of "
                f"{len(cells)} are not ({examples}{more}); remove them, or use an ascertainment that can hold them "
                "(none)"
            )
