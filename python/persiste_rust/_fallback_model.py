"""The model of the NumPy backend: names to numbers, log-likelihoods, gradients and fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast, final

import numpy as np
from numpy.typing import NDArray

from persiste_rust import _reference
from persiste_rust._fallback_data import Data
from persiste_rust._fallback_fit import maximise

_Progress = Callable[[str, int, int], object]
_Floats = NDArray[np.float64]

ROOT_PRESENT: dict[str, float | Literal["stationary"]] = {
    "stationary": "stationary",
    "equal": 0.5,
    "absent": 0.0,
    "present": 1.0,
}
_ROOT_LATER = ("estimated", "fitzjohn")
ASCERTAINMENTS = ("none", "observed", "variable")
RATE_MODELS = ("shared",)
# exp of more would overflow in sums of rates; below the least, rates are 0 to every tree.
_LARGEST_LOG_RATE = 690.0
# The box of a fit: least and greatest expected number of events on a branch of mean length.
_FEWEST_EVENTS, _MOST_EVENTS = 1e-9, 1e4


def root_frequency(root: str | float) -> float | Literal["stationary"]:
    """Returns P(root = 1) of a root prior, or "stationary", which follows the rates.

    # Errors
    ValueError for an unknown name or a number that is no probability.
    """
    known = f"known: {', '.join(ROOT_PRESENT)} or a number from 0 to 1"
    if isinstance(root, str):
        if root in _ROOT_LATER:
            raise ValueError(f"root prior '{root}' is not available yet; {known}")
        if root not in ROOT_PRESENT:
            raise ValueError(f"unknown root prior '{root}'; {known}")
        return ROOT_PRESENT[root]
    if not 0.0 <= root <= 1.0:
        raise ValueError(f"the root prior is {root}, which is no probability; {known}")
    return float(root)


def check_threads(threads: int | None) -> None:
    """Raises ValueError for a number of threads below 1."""
    if threads is not None and threads < 1:
        raise ValueError(f"threads is {threads}; allowed are 1 or more, or None")


@final
class Model:
    """The likelihood of data under gain and loss rates shared by all families; see `GeneContentModel`."""

    __slots__ = ("_ascertainment", "_cells", "_data", "_root")

    def __init__(self, data: Data, root: str | float, ascertainment: str, rates: str, threads: int | None) -> None:
        """Checks names, and that the ascertainment allows each family.

        # Errors
        ValueError for an unknown name, a root frequency outside [0, 1], data that the ascertainment excludes.
        """
        self._root = root_frequency(root)
        if ascertainment not in ASCERTAINMENTS:
            raise ValueError(f"unknown ascertainment '{ascertainment}'; known: {', '.join(ASCERTAINMENTS)}")
        if rates not in RATE_MODELS:
            raise ValueError(f"unknown rate model '{rates}'; known: {', '.join(RATE_MODELS)}")
        check_threads(threads)
        self._data = data
        self._ascertainment = ascertainment
        self._cells = np.ascontiguousarray(data._cells[data._first].T)
        if ascertainment != "none":
            self._refuse_unobservable()

    def _refuse_unobservable(self) -> None:
        lacks = [("presence", (self._data._cells == 1).any(axis=1))]
        if self._ascertainment == "variable":
            lacks.append(("absence", (self._data._cells == 0).any(axis=1)))
        for what, has in lacks:
            without = np.flatnonzero(~has)
            if len(without):
                raise ValueError(
                    f"family '{self._data._families[without[0]]}' has no observed {what} ({len(without)} of "
                    f"{len(has)} families have none), which ascertainment '{self._ascertainment}' excludes"
                )

    @property
    def parameter_names(self) -> list[str]:
        """The names of the parameters: natural logs of the rates per unit of branch length."""
        return ["log_gain", "log_loss"]

    def log_likelihood(self, params: _Floats) -> float:
        """Returns the log-likelihood of all families."""
        gain, loss = self._rates(params)
        return self._total(self._pattern_values(gain, loss), self._observable(gain, loss))

    def _total(self, values: _Floats, observable: _reference.Observable | None) -> float:
        total = float(self._data._weights @ values)
        if observable is None or total == -np.inf:
            return total
        return total - self._data.n_families * float(observable.log_probability[0])

    def log_likelihoods(self, params: _Floats) -> _Floats:
        """Returns the log-likelihood of each family, (n_families,); -inf where it cannot arise."""
        gain, loss = self._rates(params)
        values = self._pattern_values(gain, loss)[self._data._pattern]
        observable = self._observable(gain, loss)
        return values if observable is None else values - observable.log_probability

    def _pattern_values(self, gain: float, loss: float) -> _Floats:
        arrays = self._data._tree._arrays
        return _reference.log_likelihoods(
            arrays.parent, arrays.branch_length, self._data._tree._tips, self._cells, gain, loss, self._root
        )

    def _observable(self, gain: float, loss: float) -> _reference.Observable | None:
        if self._ascertainment == "none":
            return None
        arrays = self._data._tree._arrays
        named = cast(Literal["observed", "variable"], self._ascertainment)
        found = _reference.log_probability_observable(
            arrays.parent, arrays.branch_length, gain, loss, self._root, named
        )
        # If nothing can be observed no family of the data can arise either, and -inf must stay -inf.
        return found if np.isfinite(found.log_probability[0]) else found._replace(log_probability=np.zeros(1))

    def value_and_gradient(self, params: _Floats) -> tuple[float, _Floats]:
        """Returns the log-likelihood and its derivative by each parameter, (n_parameters,).

        The derivative by the log of a rate of 0 is 0. Where the log-likelihood is -inf the gradient is NaN.
        """
        gain, loss = self._rates(params)
        arrays = self._data._tree._arrays
        found = _reference.value_and_gradient(
            arrays.parent, arrays.branch_length, self._data._tree._tips, self._cells, gain, loss, self._root
        )
        weights, observable = self._data._weights, self._observable(gain, loss)
        value = self._total(found.log_likelihoods, observable)
        if not np.isfinite(value):
            return value, np.full(2, np.nan)
        gradient = np.array(
            [
                rate * float(weights @ by_rate) if rate > 0.0 else 0.0
                for rate, by_rate in ((gain, found.gain), (loss, found.loss))
            ]
        )
        if observable is not None:
            gradient -= self._data.n_families * np.array([observable.log_gain[0], observable.log_loss[0]])
        return value, gradient

    def _rates(self, params: _Floats) -> tuple[float, float]:
        vector = np.asarray(params, dtype=np.float64)
        if vector.shape != (2,):
            raise ValueError(f"the parameters have shape {vector.shape}; allowed is (2,): log_gain, log_loss")
        for name, value in zip(self.parameter_names, vector.tolist(), strict=True):
            if not value <= _LARGEST_LOG_RATE:
                raise ValueError(
                    f"{name} is {value}; allowed are numbers up to {_LARGEST_LOG_RATE:g} and -inf for rate 0"
                )
        gain, loss = np.exp(vector).tolist()
        return gain, loss

    def fit(
        self,
        start: _Floats | None = None,
        *,
        max_iterations: int = 200,
        progress: _Progress | None = None,
    ) -> dict[str, Any]:
        """Returns the parameters of greatest likelihood, as the mapping that `_core.pyi` describes.

        The box is from 1e-9 expected events on a branch of mean length to 1e4 on the shortest.
        `converged` means that no component of the
        gradient, those that point out of the box aside, exceeds 1e-9 times max(1, |log-likelihood|).

        # Errors
        ValueError for a start that is not finite or outside the box, or max_iterations below 1.
        """
        if max_iterations < 1:
            raise ValueError(f"max_iterations is {max_iterations}; allowed are 1 or more")
        lower, upper = self._bounds()
        if start is None:
            first = self._start(lower, upper)
        else:
            self._rates(start)
            first = np.asarray(start, dtype=np.float64)
            for name, value, low, high in zip(self.parameter_names, first, lower, upper, strict=True):
                if not low <= value <= high:
                    raise ValueError(f"{name} starts at {value:g}; allowed are {low:g} to {high:g} for this tree")
        self._refuse_impossible(first)
        report = None if progress is None else lambda step: progress("fitting", step, 0)
        found = maximise(self.value_and_gradient, first, lower, upper, max_iterations, report)
        each = self.log_likelihoods(found.point)
        names = self.parameter_names
        return {
            "parameters": found.point,
            "gradient": found.gradient,
            "lower": lower,
            "upper": upper,
            "covariance": found.covariance,
            "information_eigenvalues": found.information_eigenvalues,
            "root_frequencies": self._root_frequencies(found.point),
            "log_likelihood": found.value,
            "log_likelihoods": each,
            "converged": found.converged,
            "reason": found.reason,
            "iterations": found.iterations,
            "evaluations": found.evaluations,
            "at_bound": [name for name, bound in zip(names, found.at_bound, strict=True) if bound],
        }

    def _refuse_impossible(self, start: _Floats) -> None:
        each = self.log_likelihoods(start)
        impossible = np.flatnonzero(np.isneginf(each))
        if len(impossible):
            names = ", ".join(f"'{self._data._families[family]}'" for family in impossible[:3])
            raise ValueError(
                f"{len(impossible)} of {len(each)} families have likelihood 0 where the search begins ({names}): "
                "usually tips at distance 0 that differ; lengthen such branches (option min_length, --min-length) "
                "or remove the families"
            )

    def _root_frequencies(self, params: _Floats) -> _Floats:
        """The root frequencies of states 0 and 1."""
        gain, loss = self._rates(params)
        if self._root == "stationary":
            return np.array([loss, gain]) / (gain + loss)
        return np.array([1.0 - float(self._root), float(self._root)])

    def _bounds(self) -> tuple[_Floats, _Floats]:
        lengths = self._data._tree._arrays.branch_length[:-1]
        positive = lengths[lengths > 0.0]
        mean, shortest = (float(positive.mean()), float(positive.min())) if len(positive) else (1.0, 1.0)
        return np.full(2, np.log(_FEWEST_EVENTS / mean)), np.full(2, np.log(min(_MOST_EVENTS / shortest, 1e300)))

    def _start(self, lower: _Floats, upper: _Floats) -> _Floats:
        """The best of a few rates of change, with the stationary frequency that the cells show."""
        present, absent = (float((self._cells == state).sum(axis=0) @ self._data._weights) for state in (1, 0))
        share = (present + 1.0) / (present + absent + 2.0)
        centre = np.log([share, 1.0 - share]) - np.log(_FEWEST_EVENTS) + lower
        trials = [np.clip(centre + np.log(events), lower, upper) for events in (0.01, 0.1, 1.0)]
        return max(trials, key=self.log_likelihood)
