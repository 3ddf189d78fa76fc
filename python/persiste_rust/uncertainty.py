"""How sure a fit is: bootstrap, profile likelihood, cross-validation, robust standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from persiste_rust._checked import checked_seed, whole_number
from persiste_rust._chi_squared import chi_squared_point
from persiste_rust._replicates import Replicate, ReplicateFile
from persiste_rust.data import Progress

if TYPE_CHECKING:
    import pandas as pd

    from persiste_rust.fit import Fit

_Floats = NDArray[np.float64]
# Replicates between two looks at the file of finished ones.
_CHUNK = 16


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Estimates from families drawn with replacement, or simulated at the estimates.

    `parameters` is (n_replicates, n_parameters), `log_likelihood` (n_replicates) of the resampled families, `converged`
    (n_replicates). Replicate i depends on `seed` and i alone, not on threads or on how many there are.
    """

    names: tuple[str, ...]
    estimate: _Floats
    parameters: _Floats
    log_likelihood: _Floats
    converged: NDArray[np.bool_]
    seed: int

    @property
    def n_replicates(self) -> int:
        """The number of replicates."""
        return len(self.log_likelihood)

    @property
    def standard_errors(self) -> dict[str, float]:
        """The standard deviation of each parameter over replicates; NaN for fewer than two."""
        if self.n_replicates < 2:
            return dict.fromkeys(self.names, math.nan)
        return dict(zip(self.names, self.parameters.std(axis=0, ddof=1).tolist(), strict=True))

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Returns each parameter's percentile interval; NaN for fewer than two replicates.

        # Errors
        ValueError for a level outside (0, 1).
        """
        tail = (1.0 - checked_level(level)) / 2.0
        if self.n_replicates < 2:
            return dict.fromkeys(self.names, (math.nan, math.nan))
        low, high = np.quantile(self.parameters, [tail, 1.0 - tail], axis=0)
        return {name: (float(a), float(b)) for name, a, b in zip(self.names, low, high, strict=True)}

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame with a row a replicate."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a DataFrame needs pandas: pip install 'persiste-rust[pandas]'") from error
        frame: pd.DataFrame = pandas.DataFrame(self.parameters, columns=list(self.names))
        frame["log_likelihood"] = self.log_likelihood
        frame["converged"] = self.converged
        return frame


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile log-likelihood of one parameter: all others at their best at each of its `values`."""

    name: str
    values: _Floats
    log_likelihood: _Floats
    parameters: _Floats
    maximum: float

    @property
    def deviance(self) -> _Floats:
        """`2 (maximum - log_likelihood)`, (n_values)."""
        return 2.0 * (self.maximum - self.log_likelihood)


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Held-out log-likelihoods of folds of families.

    `log_likelihood` (n_folds) is of each fold's families at the estimates from the other folds, `n_families` (n_folds)
    their number.
    """

    log_likelihood: _Floats
    n_families: tuple[int, ...]
    parameters: _Floats
    converged: NDArray[np.bool_]
    seed: int

    @property
    def total(self) -> float:
        """The held-out log-likelihood of all families."""
        return float(self.log_likelihood.sum())


def checked_level(level: float) -> float:
    """Returns the level of an interval; ValueError outside (0, 1)."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; allowed are numbers above 0 and below 1")
    return level


def bootstrap(
    fit: Fit,
    n_replicates: int,
    *,
    seed: int = 1,
    progress: Progress | None = None,
    resume: str | PathLike[str] | None = None,
) -> Bootstrap:
    """Refits the model to `n_replicates` tables of as many families, drawn with replacement.

    Each search starts from the fit's maximum; patterns are re-weighted, no data are copied. With `resume`, a path,
    finished replicates are added to that file as they come, and those found there are not computed again: a run that
    was stopped and started again gives what one run would have given.

    # Errors
    ValueError for fewer than one replicate, or a file of another kind of bootstrap, model, fit or seed.

    # Source
    Felsenstein 1985, doi:10.1111/j.1558-5646.1985.tb00420.x; sites there are families here.
    """
    return _resampled(fit, "families", fit._fitted.bootstrap, n_replicates, seed, progress, resume)


def parametric_bootstrap(
    fit: Fit,
    n_replicates: int,
    *,
    seed: int = 1,
    progress: Progress | None = None,
    resume: str | PathLike[str] | None = None,
) -> Bootstrap:
    """Refits the model to `n_replicates` tables of as many families, each simulated at the estimates.

    The tables are conditioned as the model is and miss the cells that the data miss. Each search starts from the
    fit's maximum; replicate i depends on `seed` and i alone. `resume` is as in `bootstrap`.

    # Errors
    ValueError for fewer than one replicate, a model that cannot be simulated, or a file as in `bootstrap`.

    # Source
    Efron 1985, doi:10.1093/biomet/72.1.45.
    """
    return _resampled(fit, "simulated", fit._fitted.parametric_bootstrap, n_replicates, seed, progress, resume)


def _resampled(
    fit: Fit,
    kind: str,
    compute: Callable[..., tuple[_Floats, _Floats, NDArray[np.bool_]]],
    n_replicates: int,
    seed: int,
    progress: Progress | None,
    resume: str | PathLike[str] | None,
) -> Bootstrap:
    """Returns the replicates of `compute(first, n, seed)`, those of the file `resume` taken as they are."""
    n_replicates, seed = whole_number(n_replicates, "n_replicates"), checked_seed(seed)
    names, estimate = tuple(fit.parameters), np.asarray(list(fit.parameters.values()))
    store = None if resume is None else ReplicateFile(Path(resume), kind, names, estimate, fit.log_likelihood, seed)
    rows: list[Replicate] = [] if store is None else store.rows()[:n_replicates]
    while len(rows) < n_replicates:
        first = len(rows)
        # Without a file there is nothing to be gained by stopping early.
        n = min(n_replicates - first, _CHUNK if store else n_replicates)
        shown = None if progress is None else _shifted(progress, first, n_replicates)
        found = compute(first, n, seed, progress=shown)
        new = [Replicate(*row) for row in zip(found[0], found[1].tolist(), found[2].tolist(), strict=True)]
        if store is not None:
            store.add(first, new)
        rows.extend(new)
        if progress is not None:
            progress("bootstrapping", len(rows), n_replicates)
    return Bootstrap(
        names=names,
        estimate=estimate,
        parameters=np.asarray([row.parameters for row in rows]),
        log_likelihood=np.asarray([row.log_likelihood for row in rows]),
        converged=np.asarray([row.converged for row in rows]),
        seed=seed,
    )


def _shifted(progress: Progress, first: int, total: int) -> Callable[[str, int, int], object]:
    return lambda stage, done, _: progress(stage, first + done, total)


def profile(fit: Fit, name: str, values: Sequence[float] | _Floats, *, progress: Progress | None = None) -> Profile:
    """Returns the profile log-likelihood of a parameter at these values.

    # Errors
    ValueError for an unknown parameter or no values.
    """
    points = np.ascontiguousarray(values, dtype=np.float64)
    if points.ndim != 1 or len(points) == 0 or not np.isfinite(points).all():
        raise ValueError("the values of a profile must be a non-empty list of finite numbers")
    parameters, log_likelihood = fit._fitted.profile(_place(fit, name), points, progress=progress)
    return Profile(name, points, log_likelihood, parameters, fit.log_likelihood - fit.penalty)


def profile_interval(
    fit: Fit, name: str, *, level: float = 0.95, progress: Progress | None = None
) -> tuple[float, float]:
    """Returns the values of a parameter that a likelihood-ratio test at 1 - `level` does not reject.

    An end is infinite where the likelihood does not fall enough before the end of the search box.

    # Source
    Venzon and Moolgavkar 1988, doi:10.2307/2347496.
    """
    drop = chi_squared_point(checked_level(level), 1) / 2.0
    low, high = fit._fitted.profile_interval(_place(fit, name), drop, progress=progress)
    return float(low), float(high)


def cross_validate(fit: Fit, n_folds: int = 10, *, seed: int = 1, progress: Progress | None = None) -> CrossValidation:
    """Holds out each fold of families once and returns their log-likelihood at the estimates from the others.

    # Errors
    ValueError for fewer than two folds or more folds than families.
    """
    n_folds, seed = whole_number(n_folds, "n_folds", lowest=2), checked_seed(seed)
    (parameters, held_out, converged), sizes = fit._fitted.cross_validate(n_folds, seed, progress=progress)
    return CrossValidation(held_out, tuple(sizes), parameters, converged, seed)


def robust_covariance(fit: Fit) -> _Floats | None:
    """Returns the sandwich covariance of the parameters, which holds where the model is not quite true.

    # Source
    White 1982, doi:10.2307/1912526.
    """
    found: _Floats | None = fit._fitted.sandwich()
    return found


def _place(fit: Fit, name: str) -> int:
    names = list(fit.parameters)
    if name not in names:
        raise ValueError(f"unknown parameter '{name}'; known: {', '.join(names)}")
    return names.index(name)
