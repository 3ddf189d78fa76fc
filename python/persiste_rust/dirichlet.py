"""Dirichlet-multinomial mixtures: clusters of count profiles, with the interface of pyDMM.

`from pydmm import DirichletMixture` becomes `from persiste_rust.dirichlet import DirichletMixture`. Formulas, and what
differs from pyDMM and from R's DirichletMultinomial, are in docs/dirichlet.md.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._dirichlet_base import Base, NotConverged, NotFittedError
from persiste_rust._dirichlet_consensus import Consensus, consensus
from persiste_rust._dirichlet_counts import CountTable, count_table, engine, is_frame
from persiste_rust._dirichlet_features import feature_contributions
from persiste_rust._dirichlet_groups import (
    DirichletMixtureClassifier,
    GroupCrossValidation,
    cross_validate_groups,
    roc_curve,
)
from persiste_rust._dirichlet_heatmap import heatmap
from persiste_rust._dirichlet_options import check_count, check_seed, native_options
from persiste_rust._dirichlet_result import DirichletMixtureResult, _pandas
from persiste_rust._dirichlet_select import ComponentSelection, select_components
from persiste_rust._terminal import ProgressLine

__all__ = [
    "ComponentSelection",
    "Consensus",
    "DirichletMixture",
    "DirichletMixtureClassifier",
    "DirichletMixtureResult",
    "GroupCrossValidation",
    "consensus",
    "cross_validate_groups",
    "feature_contributions",
    "heatmap",
    "roc_curve",
    "select_components",
]

_Floats = NDArray[np.float64]
# Distance of mean proportions below which two components are the same but for rounding.
_COLLAPSED = 1e-5


class DirichletMixture(Base):
    """A mixture of Dirichlet-multinomial distributions, fitted by expectation and maximisation.

    A sample of component k draws its n individuals from proportions that are Dirichlet(alpha_k); weights and alpha
    maximise the posterior density under Gamma(0.1, 0.1) on each alpha (Holmes, Harris and Quince 2012,
    doi:10.1371/journal.pone.0030126). Results do not depend on the number of threads.

    # Parameters
    n_components: number of components, 1 to the number of samples.
    verbose: whether to show progress on the terminal.
    random_state: int, the seed of the first start; start r has random_state + r.
    n_init: number of starts, of which the one with the lowest NLE is kept.
    init: "soft-kmeans" (as pyDMM and R, the same labels for a seed), "kmeans++" (separates what the former can let
        collapse), "sorted-kmeans++" (the same, on sorted samples: their order then has no effect whatever), or an
        array: labels (n_samples,) from 0, or responsibilities (n_samples, n_components).
    max_iter, tol: rounds of the EM, and the change of NLE at which it ends.
    hessian: "exact", or "c" for the second derivatives that pyDMM and R compute (see docs/dirichlet.md).
    threads: number of threads; None for one a core.

    # Attributes after fit
    result_ (also `result`), a `DirichletMixtureResult`, None before; is_fitted; classes_ (n_components,);
    n_features_in_; feature_names_in_ after a DataFrame; converged_; n_iter_.

    >>> import numpy as np
    >>> counts = np.array([[100, 50, 25, 5], [95, 55, 30, 10], [10, 15, 80, 45], [5, 20, 85, 40]])
    >>> model = DirichletMixture(n_components=2, random_state=42).fit(counts)
    >>> labels = model.predict(counts)
    >>> bool(labels[0] == labels[1] != labels[2] == labels[3])
    True
    >>> round(model.result.goodness_of_fit["NLE"], 4)
    66.5957
    """

    classes_: NDArray[np.intp]
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    converged_: bool
    n_iter_: int

    def __init__(
        self,
        n_components: int = 2,
        verbose: bool = False,
        random_state: int = 42,
        *,
        n_init: int = 1,
        init: str | ArrayLike = "soft-kmeans",
        max_iter: int = 100,
        tol: float = 1e-6,
        hessian: str = "exact",
        threads: int | None = None,
    ) -> None:
        """Stores the parameters; `fit` checks them."""
        self.n_components = n_components
        self.verbose = verbose
        self.random_state = random_state
        self.n_init = n_init
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.hessian = hessian
        self.threads = threads

    @property
    def is_fitted(self) -> bool:
        """Whether `fit` was called."""
        return self.result_ is not None

    @property
    def result_(self) -> DirichletMixtureResult | None:
        """The fitted mixture, None before `fit`."""
        return self.__dict__.get("_result")

    @property
    def result(self) -> DirichletMixtureResult | None:
        """The same as `result_`."""
        return self.result_

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> DirichletMixture:
        """Fits the mixture to counts (n_samples, n_features) and returns self; `y` has no effect.

        `sample_weight` (n_samples,) says how often each sample counts. Not converging, and a curvature that is not
        positive definite, are each one warning.

        # Errors
        ValueError for counts, weights or parameters that do not fit, with the place; TypeError for a random_state that
        is no int.
        """
        n_components = check_count(self.n_components, "n_components")
        if n_components < 1:
            raise ValueError(f"Array dimensions and n_components must be positive; n_components is {n_components}")
        check_seed(self.random_state)
        table = count_table(X)
        options = native_options(self, table.matrix.shape[0], n_components, sample_weight)
        with ProgressLine(sys.stderr) as line:
            progress = line if self.verbose else None
            (found,) = engine().dirichlet_fit(table.counts, [n_components], options, progress)
        return self._keep(found, table)

    def _keep(self, found: dict[str, Any], table: CountTable) -> DirichletMixture:
        """Takes over a fit of the native module."""
        self._result = DirichletMixtureResult(found, table.sample_names, table.feature_names)
        self.classes_ = np.arange(self._result.n_components)
        self.n_features_in_ = self._result.n_features
        self.converged_, self.n_iter_ = self._result.converged, len(self._result.objectives)
        if table.feature_names is not None:
            self.feature_names_in_ = np.array(table.feature_names, dtype=object)
        elif "feature_names_in_" in self.__dict__:
            del self.feature_names_in_
        self._warn(self._result)
        return self

    def _warn(self, result: DirichletMixtureResult) -> None:
        if not result.converged:
            message = f"the mixture did not converge in {self.n_iter_} rounds; raise max_iter or tol"
            warnings.warn(message, NotConverged, stacklevel=4)
        if result.start_separation < _COLLAPSED and isinstance(self.init, str):
            message = (
                f"components collapsed onto each other at the start (distance {result.start_separation:.1e}), so "
                "rounding decides what becomes of them; use init='kmeans++'"
            )
            warnings.warn(message, RuntimeWarning, stacklevel=4)
        empty = np.flatnonzero(result.mixture_weights == 0.0).tolist()
        if empty:
            message = f"components {empty} have no weight, so Laplace is infinite; use fewer components"
            warnings.warn(message, RuntimeWarning, stacklevel=4)
        if result.indefinite_components and self.hessian == "exact":
            message = (
                f"the Hessian of components {result.indefinite_components} is not positive definite: Laplace and "
                "their intervals do not hold"
            )
            warnings.warn(message, RuntimeWarning, stacklevel=4)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[Any]:
        """Fits the mixture and returns the component of each sample, (n_samples,)."""
        return self.fit(X, y, sample_weight).predict(X)

    def _checked(self, X: Any) -> tuple[DirichletMixtureResult, CountTable]:
        """Returns the fit, and counts of as many features as it has."""
        result = self.result_
        if result is None:
            raise NotFittedError("Model must be fitted before making predictions")
        self._check_names(list(X.columns) if is_frame(X) else None)
        found = X.shape[1] if len(getattr(X, "shape", ())) == 2 else self.n_features_in_
        if found != self.n_features_in_:
            raise ValueError(
                f"X has {found} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )
        return result, count_table(X)

    def _check_names(self, found: list[Any] | None) -> None:
        """Refuses features of other names or in another order than at the fit."""
        known = None if "feature_names_in_" not in self.__dict__ else list(self.feature_names_in_)
        name = type(self).__name__
        if known is None and found is not None and all(isinstance(one, str) for one in found):
            warnings.warn(f"X has feature names, but {name} was fitted without feature names", stacklevel=4)
        if known is not None and found is None:
            warnings.warn(
                f"X does not have valid feature names, but {name} was fitted with feature names", stacklevel=4
            )
        if known is None or found is None or known == found:
            return
        lines = ["The feature names should match those that were passed during fit."]
        unseen, missing = sorted(map(str, set(found) - set(known))), sorted(map(str, set(known) - set(found)))
        for title, names in (
            ("Feature names unseen at fit time:", unseen),
            ("Feature names seen at fit time, yet now missing:", missing),
        ):
            lines += [title, *(f"- {one}" for one in names[:5])] if names else []
            lines += ["- ..."] if len(names) > 5 else []
        if not unseen and not missing:
            lines.append("Feature names must be in the same order as they were in fit.")
        raise ValueError("\n".join([*lines, ""]))

    def _parameters(self, result: DirichletMixtureResult) -> Any:
        alpha = np.ascontiguousarray(result.parameter_estimates["Estimate"].T)
        return engine().DirichletParameters(result.mixture_weights.tolist(), alpha, self.threads)

    def predict(self, X: Any, y: Any = None) -> NDArray[Any]:
        """Returns the most probable component of each sample, (n_samples,): number, or label once labels are set."""
        result, table = self._checked(X)
        shares = self._parameters(result).responsibilities(table.counts)
        return result._labelled(np.argmax(shares, axis=1))

    def predict_proba(self, X: Any) -> Any:
        """Returns the probability of each component given each sample, (n_samples, n_components), float64.

        Once labels are set it is a DataFrame with columns "{label} component".
        """
        result, table = self._checked(X)
        shares = self._parameters(result).responsibilities(table.counts)
        if result.component_labels is None:
            return shares
        return _pandas().DataFrame(shares, index=table.sample_names, columns=result._columns())

    def log_evidence(self, X: Any) -> _Floats:
        """Returns ln P(sample | component) without the multinomial coefficient, (n_samples, n_components)."""
        result, table = self._checked(X)
        return np.asarray(self._parameters(result).log_evidence(table.counts))

    def score_samples(self, X: Any) -> _Floats:
        """Returns the log-likelihood of each sample, with its multinomial coefficient, (n_samples,)."""
        result, table = self._checked(X)
        return np.asarray(self._parameters(result).log_likelihoods(table.counts))

    def log_likelihood(self, X: Any) -> float:
        """Returns the sum of `score_samples`: a log-likelihood, without the prior."""
        return float(self.score_samples(X).sum())

    def score(self, X: Any, y: Any = None) -> float:
        """Returns minus the NLE formula evaluated at X: log-likelihood plus log-prior, higher is better.

        At the samples of the fit this is minus `goodness_of_fit["NLE"]`; pyDMM returns that whatever X is. An estimator
        that was not fitted is fitted to X, with a warning.
        """
        if not self.is_fitted:
            message = "Model was not fitted before calling score(). Fitting it now to the data given."
            warnings.warn(message, UserWarning, stacklevel=2)
            self.fit(X)
        result, _ = self._checked(X)
        return self.log_likelihood(X) - float(self._parameters(result).negative_log_prior())
