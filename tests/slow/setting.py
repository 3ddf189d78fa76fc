"""What the slow suite shares: a tree, seeds, tables of results, and checks that say what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import persiste_rust

RESULTS = Path(__file__).resolve().parent / "results"


def random_tree(n_tips: int, seed: int) -> str:
    """Returns a pure-birth tree of height about 1.5 whose branches have lost their clock; clades of 5+ are named."""
    rng = np.random.default_rng(seed)
    lineages = [(f"t{tip}", 0.0, 1) for tip in range(n_tips)]
    time, n_named = 0.0, 0
    while len(lineages) > 1:
        time += rng.exponential(1.0 / len(lineages)) * 0.6
        pair = [lineages.pop(int(rng.integers(len(lineages)))) for _ in range(2)]
        parts = [f"{text}:{(time - born) * rng.uniform(0.5, 1.5):.6f}" for text, born, _ in pair]
        size = pair[0][2] + pair[1][2]
        name = ""
        if n_tips // 6 <= size <= n_tips // 2:
            name, n_named = f"clade{n_named}", n_named + 1
        lineages.append((f"({','.join(parts)}){name}", time, size))
    return lineages[0][0] + ";"


def replicate_seed(base: int, replicate: int) -> int:
    """Returns the seed of a replicate, that of the parallel toolkit."""
    return persiste_rust._backend.backend("rust").stream_seed(base, replicate, 0)


def write(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows as a table; numbers with six digits."""
    columns = list(rows[0])
    shown = [[f"{row[c]:.6g}" if isinstance(row[c], float) else str(row[c]) for c in columns] for row in rows]
    text = "\n".join("\t".join(line) for line in [columns, *shown]) + "\n"
    (RESULTS / f"{name}.tsv").write_text(text, encoding="utf-8")
    print(text, flush=True)


class Checks:
    """Collects what is out of bounds, so that one run shows everything."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def within(self, what: str, value: float, low: float, high: float) -> None:
        """Notes a value outside its bounds."""
        if not low <= value <= high:
            self.failures.append(f"{what} is {value:.4g}; expected {low:.4g} to {high:.4g}")

    def finish(self) -> None:
        """Ends the program with what was noted."""
        for failure in self.failures:
            print(f"FAILED {failure}", file=sys.stderr)
        if self.failures:
            raise SystemExit(1)
