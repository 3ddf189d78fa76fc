"""Rate models of the NumPy backend: their parameters, derivatives, starting points and names in words.

The categories are those of `_reference_rates`. Their derivatives are differences of that small function (five points,
so to about 1e-12 of the largest); everything around them is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from persiste_rust import _reference_rates
from persiste_rust._fallback_parameters import Floats, Parameter
from persiste_rust._reference_rates import Categories

# Step of the differences: truncation is of its fourth power, rounding 1e-16 over it.
_STEP = 1e-3
_STENCIL = ((1.0, 8.0), (-1.0, -8.0), (2.0, -1.0), (-2.0, 1.0))
# Where a search looks for the parameters that are no log-rates, by how their names begin.
_SEARCHED = {
    "log_alpha": (math.log(0.005), math.log(1000.0)),
    "log_sigma": (math.log(0.001), math.log(10.0)),
    "atanh_correlation": (-5.0, 5.0),
    "log_weight": (-15.0, 15.0),
}
# How far from the centre the outermost classes of a mixture's start are.
_SPREAD = 1.5


class Rates:
    """A rate model with its options."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        """Checks name and options.

        # Errors
        ValueError for an unknown model, an option that it does not have, or a value that cannot be.
        """
        self.name, self.options = name, dict(options)
        self.names = _reference_rates.parameter_names(name, self.options)

    @property
    def parameters(self) -> list[Parameter]:
        """The free parameters, in order."""
        found = []
        for name in self.names:
            bounds = [searched for prefix, searched in _SEARCHED.items() if name.startswith(prefix)]
            found.append(Parameter(name, bounds[0] if bounds else None))
        return found

    def categories(self, parameters: Floats) -> Categories:
        """Returns the logs of gain and loss and the weight of each category, each (n_categories,)."""
        return _reference_rates.categories(self.name, self.options, parameters)

    def pull_back(self, parameters: Floats, by_gain: Floats, by_loss: Floats, by_log_weight: Floats) -> Floats:
        """Returns the derivatives by the parameters, given those by log gain, log loss and log weight of categories.

        A category of rate 0 has a log that does not move: it adds nothing.
        """
        adjoint = np.concatenate([by_gain, by_loss, by_log_weight])
        gradient = np.zeros(len(parameters))
        # These two are added to the logs of all categories.
        log_gain, log_loss, _ = self.categories(parameters)
        known = {"log_gain": by_gain[np.isfinite(log_gain)], "log_loss": by_loss[np.isfinite(log_loss)]}
        for place, (name, value) in enumerate(zip(self.names, parameters.tolist(), strict=True)):
            if not np.isfinite(value):
                continue
            if name in known:
                gradient[place] = known[name].sum()
                continue
            slope = np.zeros(len(adjoint))
            for steps, factor in _STENCIL:
                moved = parameters.copy()
                moved[place] += steps * _STEP
                slope += factor * self._logs(moved)
            gradient[place] = float(np.where(np.isfinite(slope), slope, 0.0) @ adjoint) / (12.0 * _STEP)
        return gradient

    def _logs(self, parameters: Floats) -> Floats:
        log_gain, log_loss, weight = self.categories(parameters)
        with np.errstate(divide="ignore"):
            logs = np.concatenate([log_gain, log_loss, np.log(weight)])
        return np.where(np.isfinite(logs), logs, np.nan)

    def starts(self, log_gain: float, log_loss: float) -> list[Floats]:
        """Returns points to search from, the best guess first, given one gain and loss rate that fit all families."""
        rest: list[list[float]]
        logs = math.log
        if self.name == "mixture":
            return self._mixture_starts(log_gain, log_loss)
        if len(self.names) == 2:
            rest = [[]]
        elif self.name == "gamma":
            rest = [[logs(alpha)] for alpha in (0.7, 0.1, 5.0)]
        elif self.name == "gamma-gain-loss":
            rest = [[logs(gain), logs(loss)] for gain, loss in ((0.7, 0.7), (0.2, 2.0), (2.0, 0.2))]
        elif self.name == "lognormal":
            rest = [[logs(sigma)] for sigma in (1.0, 0.2, 2.5)]
        else:
            rest = [[logs(s), logs(s), turn] for s, turn in ((0.7, 0.0), (0.7, 1.0), (0.7, -1.0), (2.0, 0.0))]
        return [np.array([log_gain, log_loss, *more]) for more in rest]

    def _mixture_starts(self, log_gain: float, log_loss: float) -> list[Floats]:
        """Classes that differ in loss, in gain, in both against each other, in both alike, and small far ones."""
        n = (len(self.names) + 1) // 3
        offset = _SPREAD * np.linspace(-1.0, 1.0, n)
        patterns = [(0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (-1.0, 1.0, 0.0), (1.0, 1.0, 0.0), (-1.5, 1.5, -2.0)]
        return [
            np.concatenate([log_gain + gain * offset, log_loss + loss * offset, np.full(n - 1, weight)])
            for gain, loss, weight in patterns
        ]

    def canonical(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Returns the parameters under the labels that are the same for all that mean the same, and their derivatives.

        The classes of a mixture fall in log gain - log loss, then in log loss, then in weight; a class without any
        rates comes last. The derivatives are (n_parameters, n_parameters), the result's in rows.
        """
        size = len(parameters)
        if self.name != "mixture":
            return parameters.copy(), np.eye(size)
        n = (size + 1) // 3
        gain, loss = parameters[:n], parameters[n : 2 * n]
        ratio = np.concatenate([[0.0], parameters[2 * n :]])
        has_rates = np.isfinite(gain) | np.isfinite(loss)
        with np.errstate(invalid="ignore"):
            odds = np.where(has_rates, gain - loss, -np.inf)
        order = np.lexsort((-ratio, -loss, -odds, ~has_rates))
        # Rows of the logs of all n weights; the first is 0 by definition and depends on no parameter.
        weights = np.vstack([np.zeros(n - 1), np.eye(n - 1)])
        jacobian = np.zeros((size, size))
        jacobian[np.arange(n), order] = 1.0
        jacobian[n + np.arange(n), n + order] = 1.0
        jacobian[2 * n :, 2 * n :] = weights[order[1:]] - weights[order[0]]
        return np.concatenate([gain[order], loss[order], ratio[order[1:]] - ratio[order[0]]]), jacobian

    def words(self) -> str:
        """Returns what the model says: the number of categories, what is scaled to what."""
        n = len(self.categories(np.zeros(len(self.names))).weight)
        side = math.isqrt(n)
        if self.name == "shared":
            return "one gain rate and one loss rate for all families"
        if self.name == "gamma":
            return (
                "gain and loss of a family multiplied by one rate from a gamma distribution of mean 1: "
                f"{self._classes(n)}"
            )
        if self.name == "gamma-gain-loss":
            return (
                "gain and loss of a family multiplied by independent rates from gamma distributions of mean 1: each "
                f"{self._classes(side)}"
            )
        if self.name == "mixture":
            return (
                f"{n} classes of families, each with its own gain rate, loss rate and weight, numbered from the most "
                "to the least often present"
            )
        if self.name == "lognormal":
            return (
                f"gain and loss of a family multiplied by one log-normally distributed rate: {n} Gauss-Hermite nodes, "
                "rescaled to mean 1"
            )
        if self.name == "hierarchical":
            return (
                f"log gain and log loss of a family from one bivariate normal distribution: {side} x {side} "
                "Gauss-Hermite nodes; log_gain and log_loss are means of the logs"
            )
        log_rate, _, weight = self.categories(np.zeros(2))
        listed = [
            f"{rate:.6f} with probability {share:.6f}"
            for rate, share in zip(np.exp(log_rate).tolist(), weight.tolist(), strict=True)
        ]
        return f"gain and loss of a family multiplied by a given rate: {', '.join(listed)}"

    def _classes(self, n: int) -> str:
        is_mean = self.options.get("kind", "mean") == "mean"
        kind = "the mean of each class" if is_mean else "the median of each class, rescaled to mean 1"
        return f"{n} classes of equal probability, {kind}"
