"""Many predictions or gradients as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._backend import backend
from persiste_rust.parallel._map import map
from persiste_rust.parallel._monte_carlo import stacked

Item = TypeVar("Item")


def aggregate(
    predictions: Sequence[ArrayLike],
    how: Literal["mean", "weighted", "median"] = "mean",
    *,
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Returns one prediction from many of one shape, component by component.

    `mean`: the sum in their order divided by their number. `weighted`: `sum w x / sum w` with finite `weights`, 0 or
    more, (n_predictions,); a weight of 0 leaves the prediction out, whatever it is. `median`: the middle one, or
    halfway between the two in the middle; NaN if one is NaN.

    # Errors
    ValueError for no predictions, different shapes, an unknown name, weights that are none or do not fit.

    >>> aggregate([[1.0], [2.0], [9.0], [4.0]], "median").tolist()
    [3.0]
    """
    rows, shape = stacked(predictions, "prediction")
    given = None if weights is None else np.ascontiguousarray(np.ravel(weights), dtype=np.float64)
    result: NDArray[np.float64] = backend().aggregate(rows, how, given)
    return result.reshape(shape)


def mean_gradient(
    work: Callable[[Item], ArrayLike], items: Iterable[Item], *, threads: int | None = None
) -> NDArray[np.float64]:
    """Returns the mean of the gradients `work(item)`, arrays of one shape, summed in the order of the items.

    # Errors
    The first exception in the order of the items; ValueError for no items or different shapes.

    >>> mean_gradient(lambda x: [2.0 * x], [1.0, 3.0]).tolist()
    [4.0]
    """
    gradients = map(lambda item: np.array(work(item), dtype=np.float64), items, threads=threads)
    rows, shape = stacked(gradients, "gradient")
    result: NDArray[np.float64] = backend().aggregate(rows, "mean", None)
    return result.reshape(shape)
