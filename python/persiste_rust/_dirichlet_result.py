"""What a fitted mixture consists of, under the names of pyDMM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as reason:
        raise ImportError("data frames need pandas; install persiste-rust[dirichlet]") from reason
    return pandas


class DirichletMixtureResult:
    """A fitted mixture of K components on N samples and S features.

    Components keep the order in which they were found; R's DirichletMultinomial sorts them by weight.

    # Attributes
    goodness_of_fit: NLE, LogDet, Laplace, BIC, AIC, lower is better, on half the usual scale.
    group_assignments: (N, K), responsibilities of the last E-step; rows add up to 1.
    mixture_weights: (K,), add up to 1.
    parameter_estimates: "Lower", "Estimate", "Upper", each (S, K): the Dirichlet parameters alpha and their
        intervals of two standard errors of ln alpha; NaN where the curvature allows none.
    n_components, n_samples, n_features; sample_names, feature_names (lists, or None without a DataFrame).
    component_labels: dict of the labels set, or None.
    laplace_by_weight: Laplace's approximation with components in the order of decreasing weight, which does not
        depend on the order in which they were found.
    indefinite_components: those whose Hessian is not positive definite, so that Laplace and intervals do not hold.
    objectives: NLE after each round; converged; seed of the start that was kept.
    start_separation: smallest distance between two components' mean proportions at the start; near 0 they had
        collapsed.
    """

    def __init__(
        self,
        fit: dict[str, Any],
        sample_names: Sequence[Any] | None = None,
        feature_names: Sequence[Any] | None = None,
    ) -> None:
        """Takes what the native module returns from a fit."""
        self.goodness_of_fit: dict[str, float] = dict(fit["goodness_of_fit"])
        self.group_assignments: _Floats = fit["responsibilities"]
        self.mixture_weights: _Floats = fit["weights"]
        self.parameter_estimates: dict[str, _Floats] = {
            "Lower": np.ascontiguousarray(fit["lower"].T),
            "Estimate": np.ascontiguousarray(fit["alpha"].T),
            "Upper": np.ascontiguousarray(fit["upper"].T),
        }
        self.n_samples, self.n_components = self.group_assignments.shape
        self.n_features = len(self.parameter_estimates["Estimate"])
        self.sample_names = None if sample_names is None else list(sample_names)
        self.feature_names = None if feature_names is None else list(feature_names)
        self.component_labels: dict[int, str] | None = None
        self.laplace_by_weight: float = fit["laplace_by_weight"]
        self.indefinite_components: list[int] = list(fit["indefinite"])
        self.objectives: _Floats = fit["objectives"]
        self.converged: bool = fit["converged"]
        self.start_separation: float = fit["separation"]
        self.seed: int = fit["seed"]

    def set_component_labels(self, labels: dict[int, str]) -> None:
        """Names the components; every component needs a name.

        # Errors
        ValueError for what is no dict of all component numbers to texts.
        """
        if not isinstance(labels, dict):
            raise ValueError("labels must be a dictionary")
        if not all(isinstance(key, (int, np.integer)) and not isinstance(key, bool) for key in labels):
            raise ValueError("All keys in labels dictionary must be integers")
        if not all(isinstance(value, str) for value in labels.values()):
            raise ValueError("All values in labels dictionary must be strings")
        wanted = set(range(self.n_components))
        missing, invalid = sorted(wanted - set(labels)), sorted(set(labels) - wanted)
        if missing or invalid:
            parts = [f"missing components: {missing}"] if missing else []
            parts += [f"invalid component indices: {invalid}"] if invalid else []
            raise ValueError(
                f"Label dictionary must contain all component indices 0 to {self.n_components - 1}. {', '.join(parts)}"
            )
        self.component_labels = {int(key): value for key, value in labels.items()}

    def _labelled(self, components: NDArray[np.intp]) -> NDArray[Any]:
        """Returns components by their labels, where there are any."""
        if self.component_labels is None:
            return components
        return np.array([self.component_labels[int(component)] for component in components])

    def _columns(self) -> list[str]:
        if self.component_labels is None:
            return [f"Component_{component}" for component in range(self.n_components)]
        return [f"{self.component_labels[component]} component" for component in range(self.n_components)]

    def get_best_component(self) -> NDArray[Any]:
        """Returns the component of each sample, (N,): its number, or its label once labels are set."""
        return self._labelled(np.argmax(self.group_assignments, axis=1))

    def get_group_assignments_df(self) -> Any:
        """Returns the responsibilities as a DataFrame, samples in rows."""
        return _pandas().DataFrame(self.group_assignments, index=self.sample_names, columns=self._columns())

    def get_parameter_estimates_df(self) -> dict[str, Any]:
        """Returns "Lower", "Estimate" and "Upper" as DataFrames, features in rows."""
        columns = [f"Component_{component}" for component in range(self.n_components)]
        return {
            name: _pandas().DataFrame(values, index=self.feature_names, columns=columns)
            for name, values in self.parameter_estimates.items()
        }

    def summary(self) -> dict[str, Any]:
        """Returns sizes, weights and criteria."""
        return {
            "n_samples": self.n_samples,
            "n_features": self.n_features,
            "n_components": self.n_components,
            "mixture_weights": self.mixture_weights,
            "goodness_of_fit": self.goodness_of_fit,
            "BIC": self.goodness_of_fit["BIC"],
            "AIC": self.goodness_of_fit["AIC"],
        }

    def profiles(self) -> _Floats:
        """Returns the mean proportions of each component, (K, S): alpha / sum of alpha."""
        alpha = self.parameter_estimates["Estimate"].T
        return np.asarray(alpha / alpha.sum(axis=1, keepdims=True))

    def precisions(self) -> _Floats:
        """Returns the sum of alpha of each component, (K,): R's theta; the larger, the less its samples differ."""
        return np.asarray(self.parameter_estimates["Estimate"].sum(axis=0))

    def __repr__(self) -> str:
        """Returns the sizes and the convergence in one line."""
        sizes = f"{self.n_components} components, {self.n_samples} samples, {self.n_features} features"
        return f"DirichletMixtureResult({sizes}, NLE {self.goodness_of_fit['NLE']:.6g}, converged {self.converged})"
