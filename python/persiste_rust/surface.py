"""The log-likelihood over a grid of some parameters, the others held fixed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

    from persiste_rust.model import GeneContentModel

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LikelihoodSurface:
    """Log-likelihoods over a grid.

    `axes[i]` are the values of parameter `names[i]`; `log_likelihood` has one dimension a parameter, in that order,
    natural log, minus infinity where the data cannot arise. `fixed` holds all parameters, with the values at which
    those that are not in `names` stand.
    """

    names: tuple[str, ...]
    axes: tuple[_Floats, ...]
    log_likelihood: _Floats
    fixed: dict[str, float]

    @property
    def best(self) -> dict[str, float]:
        """All parameters at the highest point of the grid, the first of equal ones."""
        place = np.unravel_index(int(np.argmax(self.log_likelihood)), self.log_likelihood.shape)
        found = {name: float(axis[i]) for name, axis, i in zip(self.names, self.axes, place, strict=True)}
        return self.fixed | found

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame with a row a point, the last parameter changing fastest."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a DataFrame needs pandas: pip install 'persiste-rust[pandas]'") from error
        frame: pd.DataFrame = pandas.DataFrame(list(itertools.product(*self.axes)), columns=list(self.names))
        frame["log_likelihood"] = self.log_likelihood.ravel()
        return frame


def likelihood_surface(model: GeneContentModel, params: Any, grid: Mapping[str, ArrayLike]) -> LikelihoodSurface:
    """Returns the log-likelihood at every combination of the values in `grid`, all other parameters as in `params`.

    Others are not fitted anew: that is `Fit.profile`.

    # Errors
    ValueError for an unknown parameter, or an axis without values or with values that are not finite.

    >>> from persiste_rust import GeneContentData, GeneContentModel
    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0, 1, 0, 1], [1, 1, 0, 0, 1], [0, 1, 0, 1, 1]])
    >>> model = GeneContentModel(data)
    >>> axis = np.linspace(-2.0, 2.0, 5)
    >>> surface = likelihood_surface(model, [0.0, 0.0], {"log_gain": axis, "log_loss": axis})
    >>> surface.log_likelihood.shape
    (5, 5)
    """
    point = model._vector(params)
    known = model.parameter_names
    if not grid:
        raise ValueError(f"the grid is empty; it needs the values of a parameter, known: {', '.join(known)}")
    axes = []
    for name, values in grid.items():
        if name not in known:
            raise ValueError(f"unknown parameter '{name}'; known: {', '.join(known)}")
        axis = np.array(values, dtype=np.float64)
        if axis.ndim != 1 or len(axis) == 0 or not np.isfinite(axis).all():
            raise ValueError(f"the values of '{name}' must be a non-empty list of finite numbers")
        axes.append(axis)
    shape = tuple(len(axis) for axis in axes)
    vectors = np.tile(point, (int(np.prod(shape)), 1))
    for name, mesh in zip(grid, np.meshgrid(*axes, indexing="ij"), strict=True):
        vectors[:, known.index(name)] = mesh.ravel()
    values = model.log_likelihoods_batch(vectors).reshape(shape)
    return LikelihoodSurface(tuple(grid), tuple(axes), values, dict(zip(known, point.tolist(), strict=True)))
