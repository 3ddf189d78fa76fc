"""The model of the NumPy backend: names to numbers, log-likelihoods and gradients.

Parameters stand in the order rate model, effects, root prior, observation. Gradients are exact but for the categories
of a rate model, see `_fallback_rates`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from persiste_rust import _reference_categories as twin
from persiste_rust._checked import checked_threads
from persiste_rust._fallback_ascertainment import Ascertainment
from persiste_rust._fallback_data import Data
from persiste_rust._fallback_effects import Effects
from persiste_rust._fallback_observation import Observation
from persiste_rust._fallback_parameters import (
    Floats as _Floats,
    Parameter,
    PenaltyTerm,
    checked,
    penalty_and_gradient,
)
from persiste_rust._fallback_rates import Rates
from persiste_rust._fallback_root import Root, mean_frequencies
from persiste_rust._fallback_search import search
from persiste_rust._reference_rates import Categories

_Progress = Callable[[str, int, int], object]

# Two rates must have a finite sum.
_LARGEST_RATE = float(np.finfo(np.float64).max) / 2.0


class _Group(NamedTuple):
    """Families with equal covariates: their numbers, distinct patterns, and each family's pattern."""

    families: NDArray[np.int64]
    patterns: twin.Patterns
    pattern_of_family: NDArray[np.int64]
    weights: _Floats


class _Point(NamedTuple):
    """A parameter vector, taken apart, and what the rate model makes of it."""

    rates: _Floats
    effects: _Floats
    root: _Floats
    observation: _Floats
    categories: Categories
    log_record: _Floats | None


class Model:
    """The likelihood of data under gain and loss; see `GeneContentModel`."""

    def __init__(self, data: Data, settings: Mapping[str, Any], threads: int | None) -> None:
        """Reads the settings and checks that the ascertainment allows each family.

        The settings are `root`, `ascertainment`, `rates` (name, options), `effects`, `completeness` and
        `contamination`, as `GeneContentModel` passes them.

        # Errors
        ValueError for an unknown name or option, a number out of range, covariates without effect, or data that the
        ascertainment excludes.
        """
        checked_threads(threads)
        self._data = data
        tree = data._tree
        self._root = Root(settings["root"])
        self._ascertainment = Ascertainment(settings["ascertainment"], tree.n_tips)
        self._rates = Rates(*settings["rates"])
        self._effects = Effects(settings["effects"], data.n_families, tree.n_nodes)
        self._observation = Observation(settings["completeness"], settings["contamination"], tree.tip_names)
        self._ascertainment.check(data._cells, data._families)
        if self._root.rule == "fitzjohn" and self._ascertainment.name != "none":
            raise ValueError(
                "root prior 'fitzjohn' weighs the root by each family's own data, so there is no probability of being "
                f"recorded to condition on (ascertainment '{self._ascertainment.name}'); use root 'estimated', or "
                "ascertainment 'none'"
            )
        parts = (self._rates, self._effects, self._root, self._observation)
        counts = [len(part.parameters) for part in parts]
        self._ends = np.cumsum(counts).tolist()
        self._parameters: list[Parameter] = [parameter for part in parts for parameter in part.parameters]
        self._penalty: list[PenaltyTerm] = [
            *(term.moved(self._ends[0]) for term in self._effects.penalty),
            *(term.moved(self._ends[2]) for term in self._observation.penalty()),
        ]
        self._groups = [self._group(group) for group in range(self._effects.n_groups)]

    def _group(self, group: int) -> _Group:
        families = np.flatnonzero(self._effects.group_of_family == group)
        distinct, place, counts = np.unique(self._data._pattern[families], return_inverse=True, return_counts=True)
        cells = np.ascontiguousarray(self._data._cells[self._data._first[distinct]].T)
        arrays = self._data._tree._arrays
        parent, lengths = np.asarray(arrays.parent, dtype=np.int64), np.array(arrays.branch_length, dtype=np.float64)
        lengths[-1] = 0.0
        patterns = twin.Patterns(parent, lengths, np.asarray(self._data._tree._tips), cells)
        return _Group(families, patterns, place.reshape(-1), counts.astype(np.float64))

    @property
    def parameter_names(self) -> list[str]:
        """The names of the parameters, in order."""
        return [parameter.name for parameter in self._parameters]

    @property
    def penalised(self) -> list[str]:
        """The parameters that a penalty holds: a fit is then no plain maximum likelihood."""
        held = {place for term in self._penalty for place in (term.parameter, term.other)}
        return [name for place, name in enumerate(self.parameter_names) if place in held]

    def rates_in_words(self) -> str:
        """Returns what the rate model says."""
        return self._rates.words()

    def penalty(self, params: _Floats) -> float:
        """Returns what a fit subtracts from the log-likelihood to find its maximum, 0 or more."""
        return penalty_and_gradient(self._penalty, np.asarray(params, dtype=np.float64))[0]

    def log_likelihood(self, params: _Floats) -> float:
        """Returns the log-likelihood of all families."""
        point = self._point(params)
        return float(sum(group.weights @ self._pattern_values(group, point) for group in self._groups))

    def log_likelihoods(self, params: _Floats) -> _Floats:
        """Returns the log-likelihood of each family, (n_families,); -inf where it cannot arise."""
        point = self._point(params)
        result = np.empty(self._data.n_families)
        for group in self._groups:
            result[group.families] = self._pattern_values(group, point)[group.pattern_of_family]
        return result

    def log_likelihoods_batch(self, params: _Floats) -> _Floats:
        """Returns the log-likelihood of all families at each row of parameters, (n_vectors,)."""
        return np.array([self.log_likelihood(row) for row in params], dtype=np.float64)

    def _pattern_values(self, group: _Group, point: _Point) -> _Floats:
        mixture = self._mixture(group, point)
        values = twin.log_likelihoods(mixture, twin.root_partials(group.patterns, mixture))
        return self._conditioned(group, mixture, values)

    def _conditioned(self, group: _Group, mixture: twin.Mixture, values: _Floats) -> _Floats:
        if self._ascertainment.window is None:
            return values
        recorded = twin.log_recorded(group.patterns, mixture, self._ascertainment.window)
        # Where nothing can be recorded nothing can arise.
        return values - recorded if np.isfinite(recorded) else np.full_like(values, -np.inf)

    def value_and_gradient(self, params: _Floats) -> tuple[float, _Floats]:
        """Returns the log-likelihood and its derivative by each parameter, (n_parameters,).

        The derivative by the log of a rate of 0 is 0. Where the log-likelihood is -inf the gradient is NaN.
        """
        point = self._point(params)
        effects, n_categories = self._effects, len(point.categories.weight)
        value = 0.0
        by_rates = np.zeros((2, n_categories))
        by_shift = np.zeros((2, effects.n_groups, effects.n_sets))
        by_weight, by_root = np.zeros(n_categories), np.zeros(len(self._root.parameters))
        by_record = np.zeros((self._data.n_tips, 2, 2))
        for index, group in enumerate(self._groups):
            mixture = self._mixture(group, point)
            partials = twin.root_partials(group.patterns, mixture)
            values = self._conditioned(group, mixture, twin.log_likelihoods(mixture, partials))
            value += float(group.weights @ values)
            if value == -np.inf:
                return value, np.full(len(self._parameters), np.nan)
            found = twin.derivatives(group.patterns, mixture, partials, group.weights, self._ascertainment.window)
            of_rates = np.stack([found.log_gain, found.log_loss])
            by_odds, own = self._root.pull_back(mixture.log_root, found.log_root)
            of_rates[:, -1] += np.stack([by_odds, -by_odds])
            by_rates += of_rates.sum(axis=1)
            np.add.at(by_shift[:, index].T, effects.set_of_node, of_rates.sum(axis=2).T)
            by_weight += found.log_weight
            by_root += own
            by_record += found.log_record
        gradient = [
            self._rates.pull_back(point.rates, by_rates[0], by_rates[1], by_weight),
            effects.pull_back(by_shift),
            by_root,
            self._observation.pull_back(point.observation, by_record),
        ]
        return value, np.concatenate(gradient)

    def category_posteriors(self, params: _Floats) -> _Floats:
        """Returns the posterior probability of each category, (n_families, n_categories); NaN where none is possible.

        `w[c] L[f, c] / sum_k w[k] L[f, k]`.
        """
        point = self._point(params)
        result = np.empty((self._data.n_families, len(point.categories.weight)))
        for group in self._groups:
            mixture = self._mixture(group, point)
            alone = twin.category_log_likelihoods(mixture, twin.root_partials(group.patterns, mixture))
            terms = mixture.log_weight[:, None] + alone
            total = np.logaddexp.reduce(terms, axis=0)
            with np.errstate(invalid="ignore"):
                posterior = np.exp(terms - total)
            result[group.families] = posterior.T[group.pattern_of_family]
        return result

    def family_rates(self, params: _Floats) -> _Floats:
        """Returns the posterior mean gain and loss rate of each family on the root's branches, (n_families, 2)."""
        point = self._point(params)
        posteriors = self.category_posteriors(params)
        result = np.empty((self._data.n_families, 2))
        for index, group in enumerate(self._groups):
            rates = np.stack([rate[-1] for rate in self._rates_of_nodes(index, point)])
            result[group.families] = posteriors[group.families] @ rates.T
        return result

    def root_frequencies(self, params: _Floats) -> _Floats | None:
        """Returns the mean root frequencies of states 0 and 1, (2,); None where each family's own data weigh them."""
        point = self._point(params)
        mean = np.zeros(2)
        for group in self._groups:
            log_root = self._mixture(group, point).log_root
            if log_root is None:
                return None
            share = len(group.families) / self._data.n_families
            mean += share * mean_frequencies(log_root, point.categories.weight)
        return mean

    def _point(self, params: _Floats) -> _Point:
        vector = checked(self._parameters, params)
        rates, effects, root, observation = np.split(vector, self._ends[:-1])
        categories = self._rates.categories(rates)
        return _Point(rates, effects, root, observation, categories, self._observation.log_record(observation))

    def _rates_of_nodes(self, group: int, point: _Point) -> tuple[_Floats, _Floats]:
        """Gain and loss on each branch, (n_nodes, n_categories); the root's row is what a stationary root follows."""
        shifts = self._effects.shifts(point.effects)[:, group, self._effects.set_of_node]
        found = []
        for what, shift, log_rate in zip(("gain", "loss"), shifts, point.categories, strict=False):
            with np.errstate(over="ignore", under="ignore"):
                rate = np.exp(shift[:, None] + log_rate)
            if not (rate <= _LARGEST_RATE).all():
                raise ValueError(f"{what} rate is {rate.max():g}; allowed are numbers from 0 to {_LARGEST_RATE:.2g}")
            found.append(rate)
        return found[0], found[1]

    def _mixture(self, group: _Group, point: _Point) -> twin.Mixture:
        index = int(self._effects.group_of_family[group.families[0]])
        gain, loss = self._rates_of_nodes(index, point)
        log_root = self._root.log_frequencies(point.root, gain[-1], loss[-1])
        with np.errstate(divide="ignore"):
            log_weight = np.log(point.categories.weight)
        return twin.Mixture(gain, loss, log_root, log_weight, point.log_record)

    def fit(
        self,
        start: _Floats | None = None,
        *,
        n_starts: int | None = None,
        max_iterations: int = 200,
        progress: _Progress | None = None,
    ) -> dict[str, Any]:
        """Returns the parameters of greatest likelihood, as the mapping that `_core.pyi` describes.

        Log-rates are searched from 1e-9 expected events on the whole tree to 1e3 on the shortest branch, other
        parameters between the ends of their domains. `converged` means that no component of the gradient, those that
        point out of the box aside, exceeds 1e-9 times max(1, |log-likelihood|).

        # Errors
        ValueError for a start that is not finite or outside the box, a tree without time, or data that cannot arise.
        """
        if max_iterations < 1:
            raise ValueError(f"max_iterations is {max_iterations}; allowed are 1 or more")
        return search(self, start, n_starts, max_iterations, progress)
