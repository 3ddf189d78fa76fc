"""Checks the parameters of a mixture and hands them to the native module."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._dirichlet_counts import engine

_MOST = 2**31 - 1


def check_count(value: Any, name: str) -> int:
    """Returns a whole number.

    # Errors
    TypeError for what is none, ValueError for one that no array could have as its size.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {value!r}; allowed are whole numbers")
    if int(value) > _MOST:
        raise ValueError(f"{name} is {value}; allowed are whole numbers up to {_MOST}")
    return int(value)


def check_seed(value: Any) -> int:
    """Returns the low 32 bits of a seed, as C takes them.

    # Errors
    TypeError for what is no int: there is no seed from the clock.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"random_state is {value!r}; allowed are ints")
    return int(value) & 0xFFFFFFFF


def _natural(value: Any, name: str) -> int:
    checked = check_count(value, name)
    if checked < 1:
        raise ValueError(f"{name} is {checked}; allowed are whole numbers from 1")
    return checked


def native_options(
    parameters: Any, n_samples: int, n_components: int | None, sample_weight: ArrayLike | None = None
) -> Any:
    """Returns the options of the native module from an object with the parameters of `DirichletMixture`.

    `n_components` None: fits of several sizes, for which `init` cannot be an array.

    # Errors
    ValueError and TypeError for parameters out of their range.
    """
    weights = None
    if sample_weight is not None:
        weights = np.asarray(sample_weight, dtype=np.float64)
        if weights.shape != (n_samples,):
            raise ValueError(f"sample_weight has shape {weights.shape}; expected ({n_samples},), one a sample")
        if not weights.any():
            raise ValueError(
                "sample_weight is zero for every sample; at least as many as n_components must be positive"
            )
    threads = None if parameters.threads is None else _natural(parameters.threads, "threads")
    return engine().DirichletOptions(
        init=_start(parameters.init, n_samples, n_components),
        seed=check_seed(parameters.random_state),
        n_init=_natural(parameters.n_init, "n_init"),
        max_iter=_natural(parameters.max_iter, "max_iter"),
        tol=float(parameters.tol),
        hessian=parameters.hessian,
        sample_weight=weights,
        threads=threads,
    )


def _start(init: Any, n_samples: int, n_components: int | None) -> str | NDArray[np.float64]:
    if isinstance(init, str):
        return init
    if n_components is None:
        known = ", ".join(engine().dirichlet_names()["init"])
        raise ValueError(f"init is an array, but several fits are asked for; known: {known}")
    given = np.asarray(init)
    if given.shape == (n_samples,) and given.dtype.kind in "iu":
        if given.size and (given.min() < 0 or given.max() >= n_components):
            raise ValueError(
                f"init holds labels from {given.min()} to {given.max()}; allowed are 0 to {n_components - 1}"
            )
        labels: NDArray[np.float64] = np.eye(n_components, dtype=np.float64)[given.astype(np.intp)]
        return labels
    if given.shape != (n_samples, n_components) or given.dtype.kind not in "buif":
        raise ValueError(
            f"init has shape {given.shape} and holds {given.dtype}; allowed are a name, whole numbers ({n_samples},), "
            f"or responsibilities ({n_samples}, {n_components})"
        )
    return np.ascontiguousarray(given, dtype=np.float64)


class Options:
    """The parameters that fits share, for functions that take them as keywords."""

    def __init__(
        self,
        *,
        random_state: int = 42,
        n_init: int = 1,
        init: str = "soft-kmeans",
        max_iter: int = 100,
        tol: float = 1e-6,
        hessian: str = "exact",
        threads: int | None = None,
    ) -> None:
        """Stores them, unchecked."""
        self.random_state = random_state
        self.n_init = n_init
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.hessian = hessian
        self.threads = threads


def criterion_key(criterion: str) -> str:
    """Returns the key of a criterion in `goodness_of_fit`.

    # Errors
    ValueError for an unknown name.
    """
    keys = {"laplace": "Laplace", "bic": "BIC", "aic": "AIC", "nle": "NLE"}
    known = engine().dirichlet_names()["criterion"]
    if not isinstance(criterion, str) or criterion.lower() not in known:
        raise ValueError(f"unknown criterion '{criterion}'; known: {', '.join(known)}")
    return keys[criterion.lower()]
