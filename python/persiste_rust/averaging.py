"""Averages over models by their Akaike weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from persiste_rust.comparison import Comparison
from persiste_rust.fit import Fit
from persiste_rust.model import GeneContentModel

_Floats = NDArray[np.float64]


class Average(NamedTuple):
    """A mean over models, and the standard deviation between them; shaped as the output."""

    mean: _Floats
    sd: _Floats


def model_average(
    comparison: Comparison,
    models: Mapping[str, GeneContentModel],
    output: Callable[[GeneContentModel, Fit], Any],
) -> Average:
    """Returns an output of several models, averaged by their Akaike weights.

    `output(model, fit)` is what is averaged, such as `lambda model, fit: model.family_rates(fit.parameters)`; it has
    the same shape for all models. `sd` says how much the models differ: `sqrt(sum_m w[m] (x[m] - mean)^2)`, without
    the uncertainty within each.

    # Errors
    ValueError for a fitted model that is not among `models`, or outputs of different shapes.

    # Source
    Burnham and Anderson 2002, Model Selection and Multimodel Inference, chapter 4.

    >>> from persiste_rust import GeneContentData, compare
    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0, 1, 0, 1], [1, 1, 0, 0, 1], [0, 1, 0, 1, 1]])
    >>> models = {root: GeneContentModel(data, root=root) for root in ("equal", "stationary")}
    >>> average = model_average(compare(models), models, lambda model, fit: model.family_rates(fit.parameters))
    >>> average.mean.shape
    (5, 2)
    """
    if not isinstance(comparison, Comparison):
        raise TypeError(f"comparison is a {type(comparison).__name__}; allowed is what `compare` returns")
    weights = comparison.akaike_weights
    missing = [name for name in comparison.fits if name not in models]
    if missing:
        raise ValueError(f"model '{missing[0]}' was compared but is not given; given: {', '.join(models) or 'none'}")
    outputs = [np.asarray(output(models[name], fit), dtype=np.float64) for name, fit in comparison.fits.items()]
    shapes = {name: found.shape for name, found in zip(comparison.fits, outputs, strict=True)}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"the output has shapes {shapes}; it must have one shape for all models")
    shares = np.asarray([weights[name] for name in comparison.fits])
    stacked = np.stack(outputs)
    mean = np.tensordot(shares, stacked, axes=1)
    return Average(mean, np.sqrt(np.tensordot(shares, (stacked - mean) ** 2, axes=1)))
