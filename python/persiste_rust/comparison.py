"""Tests and comparisons of models by their likelihoods."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from persiste_rust._chi_squared import chi_squared_tail
from persiste_rust.fit import Fit

if TYPE_CHECKING:
    import pandas as pd

    from persiste_rust.model import GeneContentModel
    from persiste_rust.recipes import Alternative, Recipe

# Log-likelihoods this much lower than the null's still count as equal: the precision of the search.
_PRECISION = 1e-6


@dataclass(frozen=True)
class LikelihoodRatioTest:
    """A likelihood-ratio test of nested models.

    `statistic` is twice the difference of the maximal log-likelihoods, both unpenalised; under the null it follows the
    mixture of chi-squared distributions with `degrees_of_freedom` and `mixture_weights`, in which weight on 0 degrees
    is weight on exactly 0. `p_value` is the probability of at least this statistic. `alternative` is the fit with the
    tested parameters free on both sides; where the only one has the sign that a one-sided test does not ask for, the
    maximum on the side asked for is the null's, and the statistic 0.
    """

    statistic: float
    degrees_of_freedom: tuple[int, ...]
    mixture_weights: tuple[float, ...]
    p_value: float
    null: Fit
    alternative: Fit

    @property
    def reference(self) -> str:
        """The reference distribution in words."""
        parts = [
            f"{weight:g} chi-squared({df})"
            for df, weight in zip(self.degrees_of_freedom, self.mixture_weights, strict=True)
        ]
        return " + ".join(parts) if len(parts) > 1 else f"chi-squared({self.degrees_of_freedom[0]})"

    def summary(self) -> str:
        """Returns the test in a few lines."""
        new = [name for name in self.alternative.parameters if name not in self.null.parameters]
        lines = [
            f"null:        log-likelihood {self.null.log_likelihood:.6f}, {self.null.n_parameters} parameters",
            f"alternative: log-likelihood {self.alternative.log_likelihood:.6f}, "
            f"{self.alternative.n_parameters} parameters",
            f"statistic:   {self.statistic:.6g} against {self.reference}",
            f"p-value:     {self.p_value:.4g}",
            *(
                f"{name}: {self.alternative.parameters[name]:.6g} (s.e. {self.alternative.standard_errors[name]:.3g})"
                for name in new
            ),
        ]
        return "\n".join(lines)


def boundary_mixture(n_free: int, n_boundary: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Returns degrees of freedom and weights of the reference distribution.

    `n_free` parameters lie inside their range under the null, `n_boundary` at its end, those being uncorrelated:
    binomial weights.

    # Source
    Self and Liang 1987, doi:10.1080/01621459.1987.10478472, cases 5 and 6.

    >>> boundary_mixture(0, 1)
    ((0, 1), (0.5, 0.5))
    """
    weights = tuple(math.comb(n_boundary, k) * 0.5**n_boundary for k in range(n_boundary + 1))
    return tuple(range(n_free, n_free + n_boundary + 1)), weights


def mixture_tail(statistic: float, degrees: tuple[int, ...], weights: tuple[float, ...]) -> float:
    """Returns the probability of at least this statistic under a mixture of chi-squared distributions."""
    if statistic <= 0.0:
        return 1.0
    parts = (weight * chi_squared_tail(statistic, df) for df, weight in zip(degrees, weights, strict=True) if df > 0)
    return math.fsum(parts)


def likelihood_ratio_test(model: GeneContentModel, recipe: Recipe, null: Fit | None = None) -> LikelihoodRatioTest:
    """Fits `model` (unless its fit is given) and the model with what the recipe adds, and compares them.

    The alternative is searched from the null's maximum where it adds covariates, so that it never ends below it.

    # Errors
    ValueError for a model with penalties, whose maximum is not that of a likelihood; for a null fit of another model;
    for one-sided tests of several parameters at once; for an alternative whose search failed.
    """
    if not hasattr(recipe, "alternative"):
        raise TypeError(f"the recipe is a {type(recipe).__name__}; allowed is one such as RetentionBias(families)")
    if model._native.penalised:
        raise ValueError("a likelihood-ratio test needs models without priors or penalties")
    added: Alternative = recipe.alternative(model)
    sides = dict(zip((column.name for column in added.columns), added.sides, strict=False))
    one_sided = {name: side for name, side in sides.items() if side != "both"}
    if one_sided and len(added.columns) > 1:
        raise ValueError(f"one-sided tests of several parameters at once are not offered ({', '.join(one_sided)})")
    null = model.fit() if null is None else null
    _refuse_other(model, null)
    wider = model._with(added.columns, added.settings)
    fit = _fit_from(wider, null, added)
    statistic = 2.0 * (fit.log_likelihood - null.log_likelihood)
    if statistic < -_PRECISION * max(1.0, abs(null.log_likelihood)):
        raise ValueError(
            f"the alternative ended {-statistic / 2:g} log-units below the null: its search failed ({fit.reason})"
        )
    for name, side in one_sided.items():
        if (fit.parameters[name] < 0.0) == (side == "greater"):
            statistic = 0.0
    statistic = max(statistic, 0.0)
    n_new = fit.n_parameters - null.n_parameters
    n_boundary = len(one_sided) + added.boundary
    degrees, weights = boundary_mixture(n_new - n_boundary, n_boundary)
    return LikelihoodRatioTest(statistic, degrees, weights, mixture_tail(statistic, degrees, weights), null, fit)


def _refuse_other(model: GeneContentModel, null: Fit) -> None:
    """Refuses a fit that cannot be the model's."""
    same_data = null.n_families == model.data.n_families and list(null.family_names) == model.data.family_names
    same_model = list(null.parameters) == model.parameter_names and null.ascertainment == model.ascertainment_name
    if not (same_data and same_model and null.root == model.root):
        raise ValueError("the null's fit is of another model or of other data than the model that is tested")


def _fit_from(wider: GeneContentModel, null: Fit, added: Alternative) -> Fit:
    """Fits from the null's maximum where covariates alone were added, else from the model's own starts."""
    if added.settings:
        return wider.fit()
    return wider.fit({name: null.parameters.get(name, 0.0) for name in wider.parameter_names})


def compare(models: Mapping[str, GeneContentModel | Fit]) -> Comparison:
    """Fits several models of the same data and returns them side by side, the best by AIC first.

    # Errors
    ValueError for no models, models of different data, or a model with penalties.
    """
    if not isinstance(models, Mapping):
        raise TypeError(f"models is a {type(models).__name__}; allowed is a mapping from name to model or fit")
    if not models:
        raise ValueError("nothing to compare; give at least one model")
    fits = {name: _fit(name, model) for name, model in models.items()}
    first = next(iter(fits.values()))
    for name, fit in fits.items():
        if fit.penalised:
            raise ValueError(f"model '{name}' is penalised, so its maximum cannot be compared by likelihood")
        if fit.n_families != first.n_families or fit.family_names != first.family_names:
            raise ValueError(f"model '{name}' is fitted to other families than the first")
        if fit.ascertainment != first.ascertainment:
            raise ValueError(
                f"model '{name}' is conditioned on '{fit.ascertainment}', the first on '{first.ascertainment}': their "
                "log-likelihoods are of different data"
            )
    return Comparison(dict(sorted(fits.items(), key=lambda item: item[1].aic)))


def _fit(name: str, model: Any) -> Fit:
    from persiste_rust.model import GeneContentModel

    if isinstance(model, Fit):
        return model
    if getattr(model, "rates", None) == "per-family" or hasattr(model, "log_rates"):
        raise ValueError(
            f"model '{name}' has rates='per-family', two parameters for every family, whose number AIC and BIC cannot "
            "weigh; compare models whose families share parameters"
        )
    if isinstance(model, GeneContentModel):
        return model.fit()
    raise TypeError(f"model '{name}' is a {type(model).__name__}; allowed are models and fits")


@dataclass(frozen=True)
class Comparison:
    """Fits of several models to the same data, the best by AIC first."""

    fits: Mapping[str, Fit]

    @property
    def akaike_weights(self) -> dict[str, float]:
        """`exp(-(aic - min aic) / 2)`, scaled to sum to 1."""
        aics = np.asarray([fit.aic for fit in self.fits.values()])
        relative = np.exp(-0.5 * (aics - aics.min()))
        return dict(zip(self.fits, (relative / relative.sum()).tolist(), strict=True))

    def rows(self) -> list[dict[str, Any]]:
        """Returns one mapping a model: name, log-likelihood, parameters, AIC, AICc, BIC, weight, seconds, converged."""
        best = min(fit.aic for fit in self.fits.values())
        weights = self.akaike_weights
        return [
            {
                "model": name,
                "log_likelihood": fit.log_likelihood,
                "n_parameters": fit.n_parameters,
                "aic": fit.aic,
                "aicc": fit.aicc,
                "bic": fit.bic,
                "delta_aic": fit.aic - best,
                "akaike_weight": weights[name],
                "seconds": fit.seconds,
                "converged": fit.converged,
            }
            for name, fit in self.fits.items()
        ]

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame with a row a model."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a DataFrame needs pandas: pip install 'persiste-rust[pandas]'") from error
        frame: pd.DataFrame = pandas.DataFrame(self.rows())
        return frame

    def summary(self) -> str:
        """Returns the table as text."""
        width = max(len("model"), *(len(name) for name in self.fits))
        lines = [
            f"{'model':{width}}  {'log-lik.':>16} {'par':>4} {'AIC':>16} {'delta':>12} {'weight':>8} {'seconds':>8}"
        ]
        for row in self.rows():
            note = "" if row["converged"] else "  not converged"
            lines.append(
                f"{row['model']:{width}}  {row['log_likelihood']:16.4f} {row['n_parameters']:4d} {row['aic']:16.3f} "
                f"{row['delta_aic']:12.3f} {row['akaike_weight']:8.4f} {row['seconds']:8.3f}{note}"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()
