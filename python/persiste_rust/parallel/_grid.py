"""A score for each point of a grid, and which is best."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from persiste_rust._backend import backend
from persiste_rust.parallel._map import at_least_one, map_indices

Point = TypeVar("Point")


@dataclass(frozen=True, eq=False)
class GridScores:
    """Scores in the order of the grid, (n_points,); higher is better."""

    scores: NDArray[np.float64]

    @property
    def ranking(self) -> NDArray[np.int64]:
        """All points, the highest score first, NaN last, equal scores in the order of the grid."""
        places: NDArray[np.int64] = backend().ranking(np.ascontiguousarray(self.scores, dtype=np.float64))
        return places

    @property
    def best(self) -> int | None:
        """The point with the highest score, the first of several; None if every score is NaN."""
        first = int(self.ranking[0])
        return None if np.isnan(self.scores[first]) else first


def grid(work: Callable[[Point], float], points: Iterable[Point], *, threads: int | None = None) -> GridScores:
    """Returns the score `work(point)` of each point; a point that should merely lose may score NaN or -inf.

    # Errors
    The first exception in the order of the grid; ValueError for no points.

    >>> scores = grid(lambda x: -((x - 1.0) ** 2), [0.5, float("nan"), 2.0])
    >>> scores.best, scores.ranking.tolist()
    (0, [0, 2, 1])
    """
    listed = list(points)
    at_least_one(len(listed), "points")
    scores = map_indices(lambda index: float(work(listed[index])), len(listed), threads)
    return GridScores(np.array(scores, dtype=np.float64))
