"""What a free parameter of the NumPy backend's models is called and where it may lie, and quadratic penalties on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LARGEST_LOG_RATE = 709.0


class Parameter(NamedTuple):
    """A free parameter.

    `bounds` is where a search looks for it, its ends meaning "as good as infinite"; None for the log of a rate, for
    which the tree tells. `scale` is a change that matters: a search works in multiples of it.
    """

    name: str
    bounds: tuple[float, float] | None = None
    scale: float = 1.0


class PenaltyTerm(NamedTuple):
    """`weight / 2 (parameter - other - centre)^2`, the parameters by their places; without another, that is 0."""

    parameter: int
    other: int | None
    centre: float
    weight: float

    def moved(self, offset: int) -> PenaltyTerm:
        """Returns the term for parameters that stand `offset` places further on."""
        other = None if self.other is None else self.other + offset
        return self._replace(parameter=self.parameter + offset, other=other)


def checked(parameters: Sequence[Parameter], values: Floats) -> Floats:
    """Returns a vector of parameters, float64.

    Raises ValueError for another number of values, NaN, a log-rate without a finite rate, or another parameter that is
    not finite.
    """
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape != (len(parameters),):
        names = ", ".join(parameter.name for parameter in parameters)
        raise ValueError(f"the parameters have shape {vector.shape}; allowed is ({len(parameters)},): {names}")
    for parameter, value in zip(parameters, vector.tolist(), strict=True):
        if parameter.bounds is None and not value < _LARGEST_LOG_RATE:
            allowed = f"numbers below {_LARGEST_LOG_RATE:g} whose exponential is a finite rate, or -inf"
            raise ValueError(f"parameter {parameter.name} is {value}; allowed are {allowed}")
        if parameter.bounds is not None and not np.isfinite(value):
            raise ValueError(f"parameter {parameter.name} is {value}; allowed are finite numbers")
    return vector


def penalty_and_gradient(terms: Sequence[PenaltyTerm], values: Floats) -> tuple[float, Floats]:
    """Returns the sum of the terms, 0 or more, and its derivatives, (n_parameters,)."""
    gradient = np.zeros(len(values))
    total = 0.0
    for parameter, other, centre, weight in terms:
        excess = float(values[parameter] - (0.0 if other is None else values[other]) - centre)
        total += 0.5 * weight * excess**2
        gradient[parameter] += weight * excess
        if other is not None:
            gradient[other] -= weight * excess
    return total, gradient


def logistic(logit: float | Floats) -> Floats:
    """Returns `1 / (1 + exp(-logit))`, accurate in both tails."""
    return np.exp(log_logistic(logit))


def log_logistic(logit: float | Floats) -> Floats:
    """Returns `log(1 / (1 + exp(-logit)))`."""
    return np.asarray(-np.logaddexp(0.0, -np.asarray(logit, dtype=np.float64)))


def logit(probability: float) -> float:
    """Returns `log(p / (1 - p))`."""
    return float(np.log(probability) - np.log1p(-probability))
