"""The gain and loss model: parameters in, log-likelihoods and fits out."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._backend import Choice, backend as backend_module, backend_name
from persiste_rust._checked import checked_ascertainment, checked_root, checked_threads, whole_number
from persiste_rust.check import CheckMethods
from persiste_rust.comparison import LikelihoodRatioTest, likelihood_ratio_test
from persiste_rust.covariates import covariate_columns
from persiste_rust.data import GeneContentData, Progress
from persiste_rust.effects import BranchMultipliers, Column, effects_setting
from persiste_rust.explain import explain
from persiste_rust.fit import Fit
from persiste_rust.histories import HistoryMethods
from persiste_rust.observation import TipProbabilities, observation_setting
from persiste_rust.rates import RateModel
from persiste_rust.recipes import Recipe
from persiste_rust.regimes import Carry, Regimes, node_labels, regime_of_branches

if TYPE_CHECKING:
    from persiste_rust import _core
    from persiste_rust.simulation import MissingCells
    from persiste_rust.surface import LikelihoodSurface

_ARRAY, _FLOAT64 = np.ndarray, np.dtype(np.float64)

# Expected events on a branch from which on it tells nothing about the rates.
_SATURATED = 5.0

Parameters = Mapping[str, float] | ArrayLike


class GeneContentModel(HistoryMethods, CheckMethods):
    """Gene families that are gained and lost along the branches of a tree, each independently of the others.

    A family is a two-state Markov chain, 0 absent and 1 present, with gain rate g and loss rate l per unit of branch
    length (lengths are used as they are): with `e(t) = -expm1(-(g + l) t)`,
    `P01(t) = g / (g + l) e(t)` and `P10(t) = l / (g + l) e(t)`.

    - `root`: a root prior (`root_priors()` lists them) or P(present at the root) in [0, 1].
    - `ascertainment`: which families the table could have shown: a name (`ascertainments()`; `observed` conditions on
      at least one presence) or a pair `(a, b)`, at least a and at most b genomes recorded as carriers (`None` for b
      is all). Without it a table that was filtered so gives a gain rate that is too high.
    - `rates`: how rates differ between families: a name (`rate_models()`) or an object such as `DiscreteGamma(4)`.
    - `regimes`: groups of branches with rates of their own: a mapping from name to clade (the label of a node, or
      tips whose last common ancestor it is; the ancestor's own branch belongs to it), or a table of branches with a
      column `regime`. All other branches are `background`. Without formulas both rates depend on the regime.
    - `gain`, `loss`: formulas such as `"~ 1 + essential + regime + category:regime"` over the columns of
      `family_covariates` (a row a family) and `branch_covariates` (a row a branch, named by the node below it, or a
      row a tip with `carry`, see `branch_values`). Tables are DataFrames, mappings or paths.
    - `branch_multipliers`: a penalised multiplier for every branch, `BranchMultipliers(...)`.
    - `completeness`, `contamination`: P(recorded | present) and P(recorded | absent) of each genome: a number, a
      mapping by genome, a table in percent as CheckM writes it, "estimated" (one for all), or `PerGenome(centre, sd)`.
    - `backend` is `auto`, `rust`, `numpy`, or `jax` (a program of JAX on its device, with the extra `jax`; see
      docs/autodiff.md); `threads` is a number, None for all cores, and never changes a bit of a result.

    Parameters are a mapping by name, or a 1-D array in the order of `parameter_names`. Log-likelihoods are natural
    logs, never with a prior or a penalty; -inf for data that cannot arise. `explain()` says in words what the number
    is.

    # Errors
    ValueError for an unknown name, a probability outside [0, 1], a covariate without a row or collinear with others,
    a regime without branches, or data that the ascertainment excludes.

    # Source
    Felsenstein 1981, doi:10.1007/BF01734359; conditioning: Felsenstein 1992, doi:10.1111/j.1558-5646.1992.tb01991.x.

    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> model = GeneContentModel(data)
    >>> model.parameter_names
    ['log_gain', 'log_loss']
    >>> round(model.log_likelihood({"log_gain": 0.0, "log_loss": 0.0}), 4)
    -4.1641
    """

    _native: _core.Model

    def __new__(cls, *_: Any, rates: Any = "shared", **__: Any) -> GeneContentModel:
        """Returns a `FamilyRatesModel` for `rates="per-family"`."""
        if cls is GeneContentModel and rates == "per-family":
            from persiste_rust.family_rates import FamilyRatesModel

            return super().__new__(FamilyRatesModel)
        return super().__new__(cls)

    def __init__(
        self,
        data: GeneContentData,
        *,
        root: str | float = "stationary",
        ascertainment: str | tuple[int, int | None] = "none",
        rates: str | RateModel = "shared",
        regimes: Regimes | None = None,
        gain: str | None = None,
        loss: str | None = None,
        family_covariates: Any = None,
        branch_covariates: Any = None,
        carry: Carry | None = None,
        branch_multipliers: BranchMultipliers | None = None,
        completeness: TipProbabilities | None = None,
        contamination: TipProbabilities | None = None,
        backend: Choice = "auto",
        threads: int | None = None,
    ) -> None:
        """Builds the model of these data."""
        if not isinstance(data, GeneContentData):
            raise TypeError(f"data is a {type(data).__name__}; allowed is a GeneContentData")
        threads = checked_threads(threads)
        self.data = data
        self.root = checked_root(root)
        self.ascertainment = checked_ascertainment(ascertainment)
        if not isinstance(rates, str) and (isinstance(rates, type) or not hasattr(rates, "_spec")):
            found = rates.__name__ if isinstance(rates, type) else type(rates).__name__
            raise TypeError(f"rates is a {found}; allowed are a name or a rate model such as DiscreteGamma(4)")
        self.rates = rates
        self.regimes = None if regimes is None else regime_of_branches(data.tree, regimes)
        columns = covariate_columns(
            data,
            self.regimes,
            formulas={"gain": gain, "loss": loss},
            family_covariates=family_covariates,
            branch_covariates=branch_covariates,
            carry=carry,
        )
        self._choice, self._threads = backend, threads
        self._settings: dict[str, Any] = {
            "root": self.root,
            "ascertainment": self.ascertainment,
            "rates": (rates, {}) if isinstance(rates, str) else rates._spec(),
            "completeness": observation_setting(completeness, "completeness", data.tree.tip_names),
            "contamination": observation_setting(contamination, "contamination", data.tree.tip_names),
        }
        self._build(columns, branch_multipliers)

    def _build(self, columns: Sequence[Column], multipliers: BranchMultipliers | None) -> None:
        tree = self.data.tree
        self._columns, self._multipliers = tuple(columns), multipliers
        effects = effects_setting(columns, multipliers, tree.parent, node_labels(tree), self.data.n_families)
        module = backend_module(self._choice)
        self.backend = backend_name(module)
        native: _core.Model = module.Model(
            self.data._for_backend(module), self._settings | {"effects": effects}, self._threads
        )
        self._native = native
        self._names = native.parameter_names

    def _with(self, columns: Sequence[Column] = (), settings: Mapping[str, Any] | None = None) -> GeneContentModel:
        """Returns the same model with further covariates, or with other settings."""
        model = copy.copy(self)
        model._settings = {**self._settings, **(settings or {})}
        model._build([*self._columns, *columns], self._multipliers)
        return model

    @property
    def ascertainment_name(self) -> str:
        """The ascertainment as a word: its name, or "window a-b"."""
        if isinstance(self.ascertainment, str):
            return self.ascertainment
        lowest, highest = self.ascertainment
        return f"window {lowest}-{self.data.n_tips if highest is None else highest}"

    @property
    def parameter_names(self) -> list[str]:
        """The names of the parameters, in the order of a parameter array."""
        return list(self._names)

    def log_likelihood(self, params: Parameters) -> float:
        """Returns the log-likelihood of all families, natural log."""
        if type(params) is not _ARRAY or params.dtype is not _FLOAT64 or params.ndim != 1:
            params = self._vector(params)
        return self._native.log_likelihood(params)

    def log_likelihoods(self, params: Parameters) -> NDArray[np.float64]:
        """Returns the log-likelihood of each family, (n_families), float64, natural log."""
        if type(params) is not _ARRAY or params.dtype is not _FLOAT64 or params.ndim != 1:
            params = self._vector(params)
        return self._native.log_likelihoods(params)

    def log_likelihoods_batch(self, params: ArrayLike) -> NDArray[np.float64]:
        """Returns the log-likelihood of all families at each of many parameter vectors.

        `params` is (n_vectors, n_parameters); the result (n_vectors), float64. Vectors are shared out between threads.
        """
        vectors = np.ascontiguousarray(params, dtype=np.float64)
        if vectors.ndim != 2 or vectors.shape[1] != len(self._names):
            raise ValueError(f"params has shape {vectors.shape}; allowed is (n_vectors, {len(self._names)})")
        return self._native.log_likelihoods_batch(vectors)

    def likelihood_surface(self, params: Parameters, grid: Mapping[str, ArrayLike]) -> LikelihoodSurface:
        """Returns the log-likelihood over a grid of some parameters; see `surface.likelihood_surface`."""
        from persiste_rust.surface import likelihood_surface

        return likelihood_surface(self, params, grid)

    def value_and_gradient(self, params: Parameters) -> tuple[float, NDArray[np.float64]]:
        """Returns the log-likelihood and its derivative by each parameter, (n_parameters), float64."""
        if type(params) is not _ARRAY or params.dtype is not _FLOAT64 or params.ndim != 1:
            params = self._vector(params)
        return self._native.value_and_gradient(params)

    def _vector(self, params: Parameters) -> NDArray[np.float64]:
        known = f"known: {', '.join(self._names)}"
        if isinstance(params, Mapping):
            for name in params:
                if name not in self._names:
                    raise ValueError(f"unknown parameter '{name}'; {known}")
            for name in self._names:
                if name not in params:
                    raise ValueError(f"parameter '{name}' is not given; {known}")
            params = [_number(params[name], name) for name in self._names]
        elif np.iscomplexobj(params):
            raise TypeError(f"the parameters are complex; allowed are real numbers, {known}")
        vector = np.ascontiguousarray(params, dtype=np.float64)
        if vector.shape != (len(self._names),):
            raise ValueError(f"the parameters have shape {vector.shape}; allowed is ({len(self._names)},), {known}")
        return vector

    def category_posteriors(self, params: Parameters) -> NDArray[np.float64]:
        """Returns the posterior probability of each rate category, (n_families, n_categories), float64.

        `w[c] L[f, c] / sum_k w[k] L[f, k]`, the categories in the order of the rate model; NaN for a family that
        cannot arise.
        """
        return self._native.category_posteriors(self._vector(params))

    def family_rates(self, params: Parameters) -> NDArray[np.float64]:
        """Returns each family's posterior mean gain and loss rate, (n_families, 2), float64.

        The rates of the categories (with the effects of the family's covariates, on the branches of the root's
        regime) weighted by `category_posteriors`; in a hierarchical model these are the empirical-Bayes estimates.
        """
        return self._native.family_rates(self._vector(params))

    def penalty(self, params: Parameters) -> float:
        """Returns what a fit subtracts from the log-likelihood to find its maximum; 0 without priors and penalties."""
        return self._native.penalty(self._vector(params))

    def explain(self) -> str:
        """Returns in words what the log-likelihood is: rates, root, conditioning, units, and others' constants."""
        return explain(self)

    def fit(
        self,
        start: Parameters | None = None,
        *,
        n_starts: int | None = None,
        max_iterations: int = 200,
        progress: Progress | None = None,
    ) -> Fit:
        """Returns the parameters of greatest likelihood, with standard errors.

        `start` is where the search begins; without it the backend chooses from the data, `n_starts` points (by default
        one, and several for rate models whose likelihood may have several maxima), of which the best end counts. A
        search that does not converge is a result: `converged` is False, `reason` says why, and one RuntimeWarning is
        given. With priors or penalties the estimates maximise log-likelihood minus penalty, and both are reported.

        # Errors
        ValueError for a start outside the bounds of the parameters.

        >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0, 1, 0, 1], [1, 1, 0, 0, 1], [0, 1, 0, 1, 1]])
        >>> fit = GeneContentModel(data, root="equal").fit()
        >>> fit.converged, fit.n_parameters
        (True, 2)
        """
        max_iterations = whole_number(max_iterations, "max_iterations")
        n_starts = None if n_starts is None else whole_number(n_starts, "n_starts")
        began = time.perf_counter()
        first = None if start is None else self._vector(start)
        found = self._native.fit(first, n_starts=n_starts, max_iterations=max_iterations, progress=progress)
        fit = self._fit_from(found, time.perf_counter() - began)
        if not fit.converged:
            warnings.warn(f"the fit did not converge: {fit.reason}", RuntimeWarning, stacklevel=2)
        return fit

    def simulate(self, params: Parameters, *, seed: int = 1, missing: MissingCells | None = None) -> GeneContentData:
        """Returns new families drawn at these parameters, for the tree, names and covariates of the model's own.

        They are conditioned as the model is. `missing` is the probability that a cell is missing, or data whose missing
        cells are reused; by default those of the model's own families. `persiste_rust.simulation.simulate_model` also
        returns the true states and events; `persiste_rust.simulate` needs no data.

        # Errors
        ValueError for a root that cannot be drawn from, or an ascertainment that nothing passes.
        """
        from persiste_rust.simulation import simulate_model

        return simulate_model(self, params, seed=seed, missing=missing).data

    def test(self, recipe: Recipe, null: Fit | None = None) -> LikelihoodRatioTest:
        """Tests a hypothesis, such as `RetentionBias(families)`, by the likelihood ratio.

        Fits this model (or takes its fit, `null`) and the model with what the recipe adds, both unpenalised.
        """
        return likelihood_ratio_test(self, recipe, null)

    def _fit_from(self, found: dict[str, Any], seconds: float) -> Fit:
        covariance = found["covariance"]
        variances = [math.nan] * len(self._names) if covariance is None else np.diag(covariance).tolist()
        at_bound, frequencies = tuple(found["at_bound"]), found["root_frequencies"]
        errors = {
            name: math.sqrt(variance) if variance >= 0.0 and name not in at_bound else math.nan
            for name, variance in zip(self._names, variances, strict=True)
        }
        return Fit(
            parameters=MappingProxyType(dict(zip(self._names, map(float, found["parameters"]), strict=True))),
            standard_errors=MappingProxyType(errors),
            covariance=_read_only(covariance),
            log_likelihood=float(found["log_likelihood"]),
            penalty=float(found["penalty"]),
            log_likelihoods=_read_only(found["log_likelihoods"]),
            converged=bool(found["converged"]),
            reason=str(found["reason"]),
            n_starts=int(found["n_starts"]),
            n_agreeing=int(found["n_agreeing"]),
            at_bound=at_bound,
            iterations=int(found["iterations"]),
            evaluations=int(found["evaluations"]),
            seconds=seconds,
            root=self.root,
            root_frequency=math.nan if frequencies is None else float(frequencies[1]),
            ascertainment=self.ascertainment_name,
            n_families=self.data.n_families,
            n_patterns=self.data.n_patterns,
            n_parameters=len(self._names),
            penalised=tuple(self._native.penalised),
            n_branches=self.data.tree.n_nodes - 1,
            n_saturated_branches=self._n_saturated(
                dict(zip(self._names, map(float, found["parameters"]), strict=True))
            ),
            backend=self.backend,
            notes=tuple(self.data.notes),
            family_names=tuple(self.data.family_names),
            presences=_read_only(self.data.presences()),
            _native=found.get("fitted"),
            _model=self,
        )

    def _n_saturated(self, parameters: Mapping[str, float]) -> int | None:
        """On how many branches a family with the reference rates forgets its past."""
        if not {"log_gain", "log_loss"} <= parameters.keys():
            return None
        total = math.exp(min(parameters["log_gain"], 700.0)) + math.exp(min(parameters["log_loss"], 700.0))
        return int((total * self.data.tree.branch_length[:-1] > _SATURATED).sum())

    def __repr__(self) -> str:
        return f"GeneContentModel({self.data!r}, root={self.root!r}, ascertainment={self.ascertainment!r})"


def _number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"parameter '{name}' is {value!r}; allowed is a number") from None


def _read_only(array: Any) -> Any:
    if array is not None:
        array.flags.writeable = False
    return array
