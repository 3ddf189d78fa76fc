"""The model in which every family has a gain and a loss rate of its own."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._backend import Choice, backend as backend_module, backend_name
from persiste_rust._checked import checked_ascertainment, checked_root, checked_threads
from persiste_rust._chi_squared import chi_squared_point
from persiste_rust.data import GeneContentData, Progress
from persiste_rust.explain import condition_in_words
from persiste_rust.model import GeneContentModel

if TYPE_CHECKING:
    import pandas as pd

    from persiste_rust import _core

_Floats = NDArray[np.float64]
_NAMES = ("log_gain", "log_loss")


@dataclass(frozen=True, eq=False)
class FamilyFit:
    """Maximum-likelihood rates of every family, each alone.

    `log_rates`, `standard_errors` (of the log-rates; NaN at a bound or where the likelihood is flat) and `at_bound` are
    (n_families, 2), gain before loss; `log_likelihoods`, `converged` and `n_maxima` (distinct maxima that were found)
    are (n_families). A rate at its bound is as good as 0 or infinite: -inf and inf are its limits.
    """

    family_names: tuple[str, ...]
    log_rates: _Floats
    standard_errors: _Floats
    at_bound: NDArray[np.bool_]
    log_likelihoods: _Floats
    converged: NDArray[np.bool_]
    n_maxima: NDArray[np.int64]
    bounds: tuple[float, float]
    root: str | float
    ascertainment: str
    seconds: float
    _model: _core.FamilyModel = field(repr=False)
    _fits: _core.FamilyFits = field(repr=False)

    def intervals(self, level: float = 0.95, *, kind: str = "profile", progress: Progress | None = None) -> _Floats:
        """Returns an interval for each log-rate, (n_families, 2, 2), float64: gain before loss, low before high.

        `kind` "profile" holds the values that a likelihood-ratio test at 1 - `level` does not reject, the family's
        other rate at its best. An end is infinite where the rate may as well be 0 or infinite, and NaN where the
        search for it failed; of a likelihood with several maxima it is the interval around the highest. "wald" is the
        estimate plus and minus standard errors, NaN where there are none: it misleads where the profile is not
        symmetric, which for single families is the rule.

        # Errors
        ValueError for another kind, or a level outside (0, 1).

        # Source
        Venzon and Moolgavkar 1988, doi:10.2307/2347496.
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level is {level}; allowed are numbers above 0 and below 1")
        point = chi_squared_point(level, 1)
        if kind == "wald":
            half = math.sqrt(point) * self.standard_errors
            return np.stack([self.log_rates - half, self.log_rates + half], axis=2)
        if kind != "profile":
            raise ValueError(f"unknown kind '{kind}' of interval; known: profile, wald")
        return np.stack(self._model.intervals(self._fits, point / 2.0, progress=progress), axis=2)

    @property
    def parameters(self) -> Mapping[str, _Floats]:
        """The log-rates by name, each (n_families), as the model takes them."""
        return {name: self.log_rates[:, index] for index, name in enumerate(_NAMES)}

    @property
    def log_likelihood(self) -> float:
        """The sum over families."""
        return float(self.log_likelihoods.sum())

    @property
    def n_parameters(self) -> int:
        """Two for each family."""
        return self.log_rates.size

    def __repr__(self) -> str:
        """One line: how many families, and how good the fits are."""
        n, n_converged = len(self.family_names), int(self.converged.sum())
        return f"FamilyFit({n} families, log-likelihood {self.log_likelihood:.4f}, {n_converged} converged)"

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame with a row a family."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a DataFrame needs pandas: pip install 'persiste-rust[pandas]'") from error
        frame: pd.DataFrame = pandas.DataFrame(
            {
                "family": self.family_names,
                "gain_rate": np.exp(self.log_rates[:, 0]),
                "loss_rate": np.exp(self.log_rates[:, 1]),
                "log_gain_se": self.standard_errors[:, 0],
                "log_loss_se": self.standard_errors[:, 1],
                "gain_at_bound": self.at_bound[:, 0],
                "loss_at_bound": self.at_bound[:, 1],
                "log_likelihood": self.log_likelihoods,
                "n_maxima": self.n_maxima,
                "converged": self.converged,
            }
        )
        return frame

    def summary(self) -> str:
        """Returns the result as lines of text for a reader."""
        gain, loss = np.exp(np.quantile(self.log_rates, [0.25, 0.5, 0.75], axis=0)).T
        n = len(self.family_names)
        lines = [
            f"families              {n}, each with a gain and a loss rate of its own",
            f"gain rates            quartiles {gain[0]:.4g}, {gain[1]:.4g}, {gain[2]:.4g} per unit of branch length",
            f"loss rates            quartiles {loss[0]:.4g}, {loss[1]:.4g}, {loss[2]:.4g} per unit of branch length",
            f"log-likelihood        {self.log_likelihood:.4f} ({self.n_parameters} parameters)",
            f"at a bound            {int(self.at_bound.any(axis=1).sum())} families: a rate runs to 0 or infinity",
            f"several maxima        {int((self.n_maxima > 1).sum())} families; the highest counts",
            f"converged             {int(self.converged.sum())} of {n} ({self.seconds:.2f} s)",
        ]
        return "\n".join(lines)


class FamilyRatesModel(GeneContentModel):
    """`GeneContentModel(data, rates="per-family")`: a gain and a loss rate for every family, on all branches alike.

    Parameters are a mapping with `log_gain` and `log_loss`, each a number or (n_families), or an array
    (n_families, 2). Families are independent, so each is fitted alone; several maxima are looked for.

    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> model = GeneContentModel(data, rates="per-family")
    >>> model.log_likelihoods({"log_gain": [0.0, 0.5], "log_loss": 0.0}).shape
    (2,)
    """

    def __init__(
        self,
        data: GeneContentData,
        *,
        root: str | float = "stationary",
        ascertainment: str | tuple[int, int | None] = "none",
        rates: str = "per-family",
        backend: Choice = "auto",
        threads: int | None = None,
        **others: Any,
    ) -> None:
        """Builds the model of these data."""
        given = [name for name, value in others.items() if value is not None]
        if given:
            raise ValueError(f"rates='per-family' takes no {given[0]}: every family has rates of its own")
        if not isinstance(data, GeneContentData):
            raise TypeError(f"data is a {type(data).__name__}; allowed is a GeneContentData")
        threads = checked_threads(threads)
        self.data = data
        self.root = checked_root(root)
        self.ascertainment = checked_ascertainment(ascertainment)
        self.rates = rates
        self.regimes = None
        self._columns, self._multipliers = (), None
        self._settings = {"completeness": None, "contamination": None, "rates": (rates, {})}
        module = backend_module(backend)
        self.backend = "rust" if module.__name__.endswith("._core") else "numpy"
        if not hasattr(module, "FamilyModel"):
            name = backend_name(module)
            raise ValueError(f"rates='per-family' needs the compiled engine; the backend '{name}' does not have it")
        self._families = module.FamilyModel(data._for_backend(module), self.root, self.ascertainment, threads)
        self._names = list(_NAMES)

    def _pairs(self, params: Any) -> _Floats:
        n = self.data.n_families
        if isinstance(params, Mapping):
            for name in params:
                if name not in _NAMES:
                    raise ValueError(f"unknown parameter '{name}'; known: {', '.join(_NAMES)}")
            for name in _NAMES:
                if name not in params:
                    raise ValueError(f"parameter '{name}' is not given; known: {', '.join(_NAMES)}")
            columns = [np.asarray(params[name], dtype=np.float64) for name in _NAMES]
            for name, column in zip(_NAMES, columns, strict=True):
                if column.shape not in ((), (n,)):
                    raise ValueError(f"{name} has shape {column.shape}; allowed is a number or ({n},)")
            return np.stack([np.broadcast_to(column, (n,)) for column in columns], axis=1)
        pairs = np.ascontiguousarray(params, dtype=np.float64)
        if pairs.shape != (n, 2):
            raise ValueError(f"the parameters have shape {pairs.shape}; allowed is ({n}, 2): log_gain, log_loss")
        return pairs

    def _history_model(self) -> Any:
        return self._families

    def _history_parameters(self, params: Any) -> _Floats:
        return self._pairs(params).ravel()

    def log_likelihood(self, params: Any) -> float:
        """Returns the log-likelihood of all families, natural log."""
        return float(self.log_likelihoods(params).sum())

    def log_likelihoods(self, params: Any) -> _Floats:
        """Returns the log-likelihood of each family, (n_families), float64, natural log."""
        found: _Floats = self._families.log_likelihoods(self._pairs(params))
        return found

    def value_and_gradient(self, params: Any) -> tuple[float, _Floats]:
        """Returns the log-likelihood and its derivative by each parameter, (n_families, 2), float64."""
        values, gradients = self._families.values_and_gradients(self._pairs(params))
        return float(values.sum()), gradients

    def log_likelihoods_batch(self, params: ArrayLike) -> _Floats:
        """Returns the log-likelihood at each of many parameter arrays, (n_vectors, n_families, 2)."""
        return np.asarray([self.log_likelihood(one) for one in np.asarray(params)])

    def likelihood_surface(self, params: Any, grid: Any) -> Any:
        """Refuses: a grid is of parameters that families share."""
        raise ValueError("rates='per-family' has a surface for every family; use log_likelihoods at each point")

    def family_rates(self, params: Any) -> _Floats:
        """Returns each family's gain and loss rate, (n_families, 2)."""
        return np.exp(self._pairs(params))

    def category_posteriors(self, params: Any) -> _Floats:
        """Refuses: there are no categories."""
        raise ValueError("rates='per-family' has no rate categories")

    def explain(self) -> str:
        """Returns in words what the log-likelihood is."""
        return (
            f"log-likelihood: the sum over {self.data.n_families} families of the natural log of the probability of "
            f"their columns over {self.data.n_tips} genomes, each with a gain and a loss rate of its own\n"
            "units: events per unit of branch length; lengths are used as they are, rates are not normalised\n"
            f"root: {self.root}\n"
            f"conditioned on: {condition_in_words(self.ascertainment, self.data.n_tips)}, with each family's own rates"
        )

    def fit(self, start: Any = None, *, progress: Progress | None = None, **others: Any) -> FamilyFit:  # type: ignore[override]
        """Returns the maximum-likelihood rates of every family.

        # Errors
        ValueError for a start: every family is searched from all hills of a grid.
        """
        given = [name for name, value in {"start": start, **others}.items() if value is not None]
        if given:
            raise ValueError(f"fits of single families take no {given[0]}; each is searched from several starts")
        began = time.perf_counter()
        found = self._families.fit(progress=progress)
        with np.errstate(invalid="ignore"):
            errors = np.sqrt(np.where(found["covariances"][:, :2] > 0.0, found["covariances"][:, :2], math.nan))
        fit = FamilyFit(
            family_names=tuple(self.data.family_names),
            log_rates=found["log_rates"],
            standard_errors=errors,
            at_bound=found["at_bound"],
            log_likelihoods=found["log_likelihoods"],
            converged=found["converged"],
            n_maxima=found["n_maxima"].astype(np.int64),
            bounds=found["bounds"],
            root=self.root,
            ascertainment=self.ascertainment_name,
            seconds=time.perf_counter() - began,
            _model=self._families,
            _fits=found["fits"],
        )
        n_failed = int((~fit.converged).sum())
        if n_failed:
            warnings.warn(f"the fits of {n_failed} families did not converge", RuntimeWarning, stacklevel=2)
        return fit

    def test(self, recipe: Any, null: Any = None) -> Any:
        """Refuses: hypotheses about groups of families need rates that families share."""
        raise ValueError("rates='per-family' leaves nothing for a recipe to test; use shared rates")
