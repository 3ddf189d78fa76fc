"""Finished replicates of a bootstrap in a file, so that a run that was stopped can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


class Replicate(NamedTuple):
    """What one search found: the estimates, (n_parameters), their log-likelihood, and whether it converged."""

    parameters: _Floats
    log_likelihood: float
    converged: bool


class ReplicateFile:
    """Finished replicates, one JSON line each under a line that says of what; a cut-off last line is left out.

    Numbers are written in hexadecimal, so that they are read as they were.
    """

    def __init__(
        self, path: Path, kind: str, names: Sequence[str], estimate: _Floats, log_likelihood: float, seed: int
    ) -> None:
        """Opens the file, or begins it.

        # Errors
        ValueError for a file of another kind of bootstrap, model, fit or seed, or one that is none.
        """
        self.path = path
        head = {
            "resampled": kind,
            "names": list(names),
            "estimate": [float.hex(float(value)) for value in estimate],
            "log_likelihood": float.hex(log_likelihood),
            "seed": seed,
        }
        if not path.exists() or not self._lines():
            path.write_text(json.dumps(head) + "\n", encoding="utf-8")
        try:
            found = json.loads(self._lines()[0])
        except ValueError:
            raise ValueError(f"'{path}' is no file of replicates; choose another file") from None
        if found != head:
            raise ValueError(f"'{path}' holds replicates of another bootstrap, model, fit or seed; choose another file")

    def rows(self) -> list[Replicate]:
        """Returns the finished replicates, in order."""
        lines = self._lines()
        rows: list[Replicate] = []
        for line in lines[1:]:
            row = json.loads(line)
            if row["replicate"] != len(rows):
                raise ValueError(f"'{self.path}' lacks replicate {len(rows)}; choose another file")
            parameters = np.asarray([float.fromhex(value) for value in row["parameters"]])
            rows.append(Replicate(parameters, float.fromhex(row["log_likelihood"]), bool(row["converged"])))
        # What a killed run left half written goes.
        self.path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return rows

    def add(self, first: int, rows: Sequence[Replicate]) -> None:
        """Adds the replicates from number `first` on, and waits until the disk has them."""
        lines = [
            {
                "replicate": first + index,
                "parameters": [float.hex(float(value)) for value in row.parameters],
                "log_likelihood": float.hex(row.log_likelihood),
                "converged": bool(row.converged),
            }
            for index, row in enumerate(rows)
        ]
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> list[str]:
        try:
            return self.path.read_text(encoding="utf-8").split("\n")[:-1]
        except UnicodeDecodeError:
            raise ValueError(f"'{self.path}' is no file of replicates; choose another file") from None
