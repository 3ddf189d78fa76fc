"""The gain and loss model: parameters in, log-likelihoods and fits out."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._backend import Choice, backend as backend_module
from persiste_rust.data import GeneContentData, Progress
from persiste_rust.fit import Fit

if TYPE_CHECKING:
    from persiste_rust import _core

_ARRAY, _FLOAT64 = np.ndarray, np.dtype(np.float64)

Parameters = Mapping[str, float] | ArrayLike


class GeneContentModel:
    """Gene families that are gained and lost along the branches of a tree, each independently of the others.

    A family is a two-state Markov chain, 0 absent and 1 present, with gain rate g and loss rate l per unit of branch
    length (lengths are used as they are): with `e(t) = -expm1(-(g + l) t)`,
    `P01(t) = g / (g + l) e(t)` and `P10(t) = l / (g + l) e(t)`.

    `root` is a root prior (`root_priors()` lists them) or P(present at the root) in [0, 1]. `ascertainment`
    (`ascertainments()`) says which families the table could have shown: `observed` conditions on at least one
    presence. Without it a table that was filtered so gives a gain rate that is too high. `rates` is a rate model
    (`rate_models()`). `backend` is `auto`, `rust` or `numpy`; `threads` is a number, None for all cores, and never
    changes a bit of a result.

    Parameters are a mapping by name, or a 1-D array in the order of `parameter_names`. Log-likelihoods are natural
    logs, never with a prior or a penalty; -inf for data that cannot arise.

    # Errors
    ValueError for an unknown name, a root frequency outside [0, 1], or data that the ascertainment excludes.

    # Source
    Felsenstein 1981, doi:10.1007/BF01734359; conditioning: Felsenstein 1992, doi:10.1111/j.1558-5646.1992.tb01991.x.

    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> model = GeneContentModel(data)
    >>> model.parameter_names
    ['log_gain', 'log_loss']
    >>> round(model.log_likelihood({"log_gain": 0.0, "log_loss": 0.0}), 4)
    -4.1641
    """

    def __init__(
        self,
        data: GeneContentData,
        *,
        root: str | float = "stationary",
        ascertainment: str = "none",
        rates: str = "shared",
        backend: Choice = "auto",
        threads: int | None = None,
    ) -> None:
        """Builds the model of these data."""
        if not isinstance(data, GeneContentData):
            raise TypeError(f"data is a {type(data).__name__}; allowed is a GeneContentData")
        root = root if isinstance(root, str) else float(root)
        if threads is not None and threads < 1:
            raise ValueError(f"threads is {threads}; allowed are 1 or more, or None for all cores")
        self.data = data
        self.root = root
        self.ascertainment = ascertainment
        self.rates = rates
        module = backend_module(backend)
        self.backend = "rust" if module.__name__.endswith("._core") else "numpy"
        native: _core.Model = module.Model(data._for_backend(module), root, ascertainment, rates, threads)
        self._native = native
        self._names = native.parameter_names

    @property
    def parameter_names(self) -> list[str]:
        """The names of the parameters, in the order of a parameter array."""
        return list(self._names)

    def log_likelihood(self, params: Parameters) -> float:
        """Returns the log-likelihood of all families, natural log."""
        if type(params) is not _ARRAY or params.dtype is not _FLOAT64:
            params = self._vector(params)
        return self._native.log_likelihood(params)

    def log_likelihoods(self, params: Parameters) -> NDArray[np.float64]:
        """Returns the log-likelihood of each family, (n_families), float64, natural log."""
        if type(params) is not _ARRAY or params.dtype is not _FLOAT64:
            params = self._vector(params)
        return self._native.log_likelihoods(params)

    def value_and_gradient(self, params: Parameters) -> tuple[float, NDArray[np.float64]]:
        """Returns the log-likelihood and its derivative by each parameter, (n_parameters), float64."""
        if type(params) is not _ARRAY or params.dtype is not _FLOAT64:
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
            params = [params[name] for name in self._names]
        vector = np.ascontiguousarray(params, dtype=np.float64)
        if vector.shape != (len(self._names),):
            raise ValueError(f"the parameters have shape {vector.shape}; allowed is ({len(self._names)},), {known}")
        return vector

    def fit(
        self, start: Parameters | None = None, *, max_iterations: int = 200, progress: Progress | None = None
    ) -> Fit:
        """Returns the parameters of greatest likelihood, with standard errors.

        `start` is where the search begins; without it the backend chooses from the data. A search that does not
        converge is a result: `converged` is False, `reason` says why, and one RuntimeWarning is given.

        # Errors
        ValueError for a start outside the bounds of the parameters.

        >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0, 1, 0, 1], [1, 1, 0, 0, 1], [0, 1, 0, 1, 1]])
        >>> fit = GeneContentModel(data, root="equal").fit()
        >>> fit.converged, fit.n_parameters
        (True, 2)
        """
        if max_iterations < 1:
            raise ValueError(f"max_iterations is {max_iterations}; allowed are 1 or more")
        began = time.perf_counter()
        first = None if start is None else self._vector(start)
        found = self._native.fit(first, max_iterations=max_iterations, progress=progress)
        fit = self._fit_from(found, time.perf_counter() - began)
        if not fit.converged:
            warnings.warn(f"the fit did not converge: {fit.reason}", RuntimeWarning, stacklevel=2)
        return fit

    def _fit_from(self, found: dict[str, Any], seconds: float) -> Fit:
        covariance = found["covariance"]
        variances = [math.nan] * len(self._names) if covariance is None else np.diag(covariance).tolist()
        at_bound = tuple(found["at_bound"])
        errors = {
            name: math.sqrt(variance) if variance >= 0.0 and name not in at_bound else math.nan
            for name, variance in zip(self._names, variances, strict=True)
        }
        return Fit(
            parameters=MappingProxyType(dict(zip(self._names, map(float, found["parameters"]), strict=True))),
            standard_errors=MappingProxyType(errors),
            covariance=_read_only(covariance),
            log_likelihood=float(found["log_likelihood"]),
            log_likelihoods=_read_only(found["log_likelihoods"]),
            converged=bool(found["converged"]),
            reason=str(found["reason"]),
            at_bound=at_bound,
            iterations=int(found["iterations"]),
            evaluations=int(found["evaluations"]),
            seconds=seconds,
            root=self.root,
            root_frequency=float(found["root_frequencies"][1]),
            ascertainment=self.ascertainment,
            n_families=self.data.n_families,
            n_patterns=self.data.n_patterns,
            n_parameters=len(self._names),
            backend=self.backend,
            notes=tuple(self.data.notes),
            family_names=tuple(self.data.family_names),
            presences=_read_only(self.data.presences()),
        )

    def __repr__(self) -> str:
        return f"GeneContentModel({self.data!r}, root={self.root!r}, ascertainment={self.ascertainment!r})"


def _read_only(array: Any) -> Any:
    if array is not None:
        array.flags.writeable = False
    return array
