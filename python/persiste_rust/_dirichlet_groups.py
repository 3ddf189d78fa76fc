"""Telling classes of samples apart by a mixture for each class, and the cross-validation of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._dirichlet_base import Base, NotFittedError
from persiste_rust._dirichlet_counts import CountTable, count_table, engine
from persiste_rust._dirichlet_options import Options, check_count, check_seed, criterion_key, native_options
from persiste_rust._dirichlet_result import DirichletMixtureResult

_Floats = NDArray[np.float64]


def _classes(table: CountTable, y: ArrayLike) -> tuple[NDArray[Any], list[int]]:
    """Returns the classes, sorted, and the place of each sample's class."""
    labels = np.asarray(y)
    if labels.shape != (table.matrix.shape[0],):
        raise ValueError(f"y has shape {labels.shape}; expected ({table.matrix.shape[0]},), one class a sample")
    classes, places = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y holds {len(classes)} class ({classes.tolist()}); allowed are 2 or more")
    return classes, places.tolist()


class DirichletMixtureClassifier(Base):
    """A classifier that fits one Dirichlet-multinomial mixture to each class (R's `dmngroup`).

    `Pr(g | x) ~ (N_g / N) sum_k pi_gk P(x | alpha_gk)`, for two or more classes.

    # Parameters
    n_components: a number, or several, of which each class gets the one with the lowest `criterion`.
    criterion: "laplace", "bic", "aic" or "nle".
    random_state, n_init, init, max_iter, tol, hessian, threads: as in `DirichletMixture`.

    # Attributes after fit
    classes_ (n_classes,); class_prior_ (n_classes,); results_, a `DirichletMixtureResult` a class.

    >>> import numpy as np
    >>> rows = np.array([[30, 2], [28, 4], [31, 1], [1, 40], [3, 35], [2, 33]])
    >>> model = DirichletMixtureClassifier(1).fit(rows, ["a", "a", "a", "b", "b", "b"])
    >>> model.predict(np.array([[25, 3], [4, 50]])).tolist()
    ['a', 'b']
    """

    classes_: NDArray[Any]
    class_prior_: _Floats
    results_: list[DirichletMixtureResult]
    n_features_in_: int

    def __init__(
        self,
        n_components: int | Iterable[int] = (1, 2, 3, 4, 5),
        *,
        criterion: str = "laplace",
        random_state: int = 42,
        n_init: int = 1,
        init: str = "soft-kmeans",
        max_iter: int = 100,
        tol: float = 1e-6,
        hessian: str = "exact",
        threads: int | None = None,
    ) -> None:
        """Stores the parameters; `fit` checks them."""
        self.n_components = n_components
        self.criterion = criterion
        self.random_state = random_state
        self.n_init = n_init
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.hessian = hessian
        self.threads = threads

    def fit(self, X: Any, y: ArrayLike) -> DirichletMixtureClassifier:
        """Fits each class and returns self.

        # Errors
        ValueError for counts, classes or parameters that do not fit; a class needs as many samples as components.
        """
        given = self.n_components if isinstance(self.n_components, Iterable) else [self.n_components]
        sizes = [check_count(size, "n_components") for size in given]
        if not sizes:
            raise ValueError("n_components is empty; allowed is one number or more")
        criterion_key(self.criterion)
        table = count_table(X)
        classes, places = _classes(table, y)
        options = native_options(self, table.matrix.shape[0], None)
        found, priors = engine().dirichlet_fit_groups(
            table.counts, places, len(classes), sizes, self.criterion, options
        )
        self.classes_, self.class_prior_ = classes, np.array(priors)
        self.results_ = [DirichletMixtureResult(one, None, table.feature_names) for one in found]
        self.n_features_in_ = table.matrix.shape[1]
        return self

    def predict_proba(self, X: Any) -> _Floats:
        """Returns the probability of each class given each sample, (n_samples, n_classes)."""
        if "results_" not in self.__dict__:
            raise NotFittedError("Model must be fitted before making predictions")
        table = count_table(X)
        found = table.matrix.shape[1]
        if found != self.n_features_in_:
            name = type(self).__name__
            raise ValueError(f"X has {found} features, but {name} is expecting {self.n_features_in_} features as input")
        parameters = [
            engine().DirichletParameters(
                result.mixture_weights.tolist(),
                np.ascontiguousarray(result.parameter_estimates["Estimate"].T),
                self.threads,
            )
            for result in self.results_
        ]
        logs = np.stack([one.log_likelihoods(table.counts) for one in parameters], axis=1) + np.log(self.class_prior_)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:
        """Returns the most probable class of each sample, (n_samples,)."""
        shares = self.predict_proba(X)
        return np.asarray(self.classes_[np.argmax(shares, axis=1)])

    def score(self, X: Any, y: ArrayLike) -> float:
        """Returns the share of samples whose class is predicted."""
        return float(np.mean(self.predict(X) == np.asarray(y)))


@dataclass(frozen=True)
class GroupCrossValidation:
    """Class probabilities of samples by mixtures that have not seen them."""

    classes: NDArray[Any]
    """(n_classes,), sorted."""
    probabilities: _Floats
    """(n_samples, n_classes)."""
    folds: NDArray[np.intp]
    """(n_samples,), the fold in which each sample was left out."""


def cross_validate_groups(
    X: Any,
    y: ArrayLike,
    n_components: int | Mapping[Any, int],
    *,
    n_folds: int | None = None,
    progress: Callable[[str, int, int], object] | None = None,
    random_state: int = 42,
    n_init: int = 1,
    init: str = "soft-kmeans",
    max_iter: int = 100,
    tol: float = 1e-6,
    threads: int | None = None,
) -> GroupCrossValidation:
    """Returns the class probabilities of each sample, by mixtures fitted without its fold (R's `cvdmngroup`).

    `n_components` is one number or one for each class; the numbers are fixed, not chosen in each fold. Folds are
    random; `n_folds` None leaves each sample out by itself. Folds run side by side.

    # Errors
    ValueError for counts, classes or numbers that do not fit, and where a fold leaves a class with too few samples.
    """
    table = count_table(X)
    classes, places = _classes(table, y)
    if isinstance(n_components, Mapping):
        missing = [one for one in classes.tolist() if one not in n_components]
        if missing:
            raise ValueError(f"n_components has no number for the classes {missing}")
        sizes = [check_count(n_components[one], "n_components") for one in classes.tolist()]
    else:
        sizes = [check_count(n_components, "n_components")] * len(classes)
    if min(sizes) < 1:
        raise ValueError(f"Array dimensions and n_components must be positive; n_components holds {min(sizes)}")
    shared = Options(random_state=random_state, n_init=n_init, init=init, max_iter=max_iter, tol=tol, threads=threads)
    n_samples = table.matrix.shape[0]
    options = native_options(shared, n_samples, None)
    n_folds = n_samples if n_folds is None else check_count(n_folds, "n_folds")
    probabilities, folds = engine().dirichlet_cross_validate(
        table.counts, places, sizes, n_folds, check_seed(random_state), options, progress
    )
    return GroupCrossValidation(classes, probabilities, np.array(folds))


def roc_curve(is_positive: ArrayLike, probability: ArrayLike) -> tuple[_Floats, _Floats, float]:
    """Returns false positive rates, true positive rates and the area under the curve.

    One point a distinct probability, from (0, 0) to (1, 1); ties count half in the area.

    # Errors
    ValueError for arrays of different length, NaN, or without both kinds.

    >>> roc_curve([True, True, False, False], [0.9, 0.6, 0.6, 0.2])[2]
    0.875
    """
    truth, scores = np.asarray(is_positive, dtype=bool), np.asarray(probability, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != scores.shape:
        raise ValueError(f"is_positive has shape {truth.shape} and probability {scores.shape}; both are (n_samples,)")
    if np.isnan(scores).any() or truth.all() or not truth.any():
        raise ValueError("a ROC curve needs probabilities without NaN, and samples of both kinds")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits, misses = np.cumsum(truth[order])[last], np.cumsum(~truth[order])[last]
    rates = [np.concatenate([[0.0], one / one[-1]]) for one in (misses, hits)]
    area = float(np.sum(np.diff(rates[0]) * (rates[1][1:] + rates[1][:-1]) / 2.0))
    return rates[0], rates[1], area
