"""What a maximum-likelihood fit found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from persiste_rust.check import Check
    from persiste_rust.data import Progress
    from persiste_rust.uncertainty import Bootstrap, CrossValidation, Profile

# The 97.5 % point of the standard normal distribution.
_Z = 1.959963984540054
# A log-rate with a greater standard error has an interval of more than eight orders of magnitude.
_POORLY_DETERMINED = 5.0


class Estimate(NamedTuple):
    """A number and its 95 % interval; the limits are NaN where the curvature gives none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Fit:
    """The result of `GeneContentModel.fit`; it does not change.

    Log-likelihoods are natural and conditional on whatever `ascertainment` says. Standard errors are those of the
    parameters as named (logs of rates), from the inverse of the observed information; NaN for a parameter at its
    bound. `root_frequency` is the probability of presence at the root that the root prior gives at the estimate;
    with the stationary root it is the `stationary_frequency`, with its interval. `n_families` is the sample size in
    `bic`: families, not genomes, are taken to be independent. Where the model has priors or penalties the estimates
    maximise `log_likelihood - penalty`, and `aic` and `bic`, made for plain maximum likelihood, are NaN. `n_agreeing`
    of `n_starts` searches ended at this maximum. On `n_saturated_branches` of `n_branches` a family forgets its past,
    `(gain + loss) t > 5` at the reference rates (None for a mixture, which has none): they say nothing about rates.
    """

    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float]
    covariance: NDArray[np.float64] | None
    log_likelihood: float
    penalty: float
    log_likelihoods: NDArray[np.float64]
    converged: bool
    reason: str
    n_starts: int
    n_agreeing: int
    at_bound: tuple[str, ...]
    iterations: int
    evaluations: int
    seconds: float
    root: str | float
    root_frequency: float
    ascertainment: str
    n_families: int
    n_patterns: int
    n_parameters: int
    penalised: tuple[str, ...]
    n_branches: int
    n_saturated_branches: int | None
    backend: str
    notes: tuple[str, ...] = ()
    family_names: tuple[str, ...] = field(default=(), repr=False)
    presences: NDArray[np.int64] | None = field(default=None, repr=False)
    _native: Any = field(default=None, repr=False)
    _model: Any = field(default=None, repr=False)

    @property
    def _fitted(self) -> Any:
        """The native fit, from which uncertainty is computed."""
        if self._native is None:
            raise ValueError("resampling and profiles need the compiled engine; this fit was made by the NumPy backend")
        return self._native

    def bootstrap(
        self,
        n_replicates: int = 1000,
        *,
        seed: int = 1,
        progress: Progress | None = None,
        resume: str | PathLike[str] | None = None,
    ) -> Bootstrap:
        """Refits the model to families drawn with replacement; see `persiste_rust.uncertainty.bootstrap`."""
        from persiste_rust.uncertainty import bootstrap

        return bootstrap(self, n_replicates, seed=seed, progress=progress, resume=resume)

    def parametric_bootstrap(
        self,
        n_replicates: int = 1000,
        *,
        seed: int = 1,
        progress: Progress | None = None,
        resume: str | PathLike[str] | None = None,
    ) -> Bootstrap:
        """Refits the model to families simulated at the estimates; see `uncertainty.parametric_bootstrap`."""
        from persiste_rust.uncertainty import parametric_bootstrap

        return parametric_bootstrap(self, n_replicates, seed=seed, progress=progress, resume=resume)

    def check(
        self,
        *,
        n_simulations: int = 200,
        seed: int = 1,
        core: float = 0.99,
        cloud: float = 0.15,
        progress: Progress | None = None,
    ) -> Check:
        """Returns what the model expects of its table at the estimates; see `GeneContentModel.check`."""
        from persiste_rust.check import check_model

        if self._model is None:
            raise ValueError("this fit does not know its model; use model.check(fit.parameters)")
        return check_model(
            self._model,
            dict(self.parameters),
            n_simulations=n_simulations,
            seed=seed,
            core=core,
            cloud=cloud,
            covariance=self.covariance,
            progress=progress,
        )

    def profile(self, name: str, values: Sequence[float], *, progress: Progress | None = None) -> Profile:
        """Returns the profile log-likelihood of a parameter at these values."""
        from persiste_rust.uncertainty import profile

        return profile(self, name, values, progress=progress)

    def profile_interval(
        self, name: str, *, level: float = 0.95, progress: Progress | None = None
    ) -> tuple[float, float]:
        """Returns the values of a parameter that a likelihood-ratio test does not reject."""
        from persiste_rust.uncertainty import profile_interval

        return profile_interval(self, name, level=level, progress=progress)

    def cross_validate(self, n_folds: int = 10, *, seed: int = 1, progress: Progress | None = None) -> CrossValidation:
        """Returns the log-likelihoods of held-out folds of families."""
        from persiste_rust.uncertainty import cross_validate

        return cross_validate(self, n_folds, seed=seed, progress=progress)

    def robust_standard_errors(self) -> dict[str, float]:
        """Returns standard errors from the sandwich covariance; NaN for a parameter at its bound."""
        from persiste_rust.uncertainty import robust_covariance

        table = robust_covariance(self)
        diagonal = [math.nan] * self.n_parameters if table is None else np.diag(table).tolist()
        return {
            name: math.sqrt(value) if value >= 0.0 else math.nan
            for name, value in zip(self.parameters, diagonal, strict=True)
        }

    @property
    def aic(self) -> float:
        """Akaike's criterion, `2 n_parameters - 2 log_likelihood`."""
        return 2.0 * self.n_parameters - 2.0 * self._maximum()

    @property
    def aicc(self) -> float:
        """Akaike's criterion for small samples, `aic + 2 k (k + 1) / (n_families - k - 1)`; NaN if families are few."""
        k, n = self.n_parameters, self.n_families
        return self.aic + 2.0 * k * (k + 1) / (n - k - 1) if n > k + 1 else math.nan

    @property
    def bic(self) -> float:
        """Schwarz's criterion, `n_parameters log(n_families) - 2 log_likelihood`."""
        return self.n_parameters * math.log(self.n_families) - 2.0 * self._maximum()

    def _maximum(self) -> float:
        return math.nan if self.penalised else self.log_likelihood

    @property
    def gain_rate(self) -> Estimate:
        """The gain rate per unit of branch length; the interval is `exp(log_gain ± 1.96 standard errors)`."""
        return self._rate("log_gain")

    @property
    def loss_rate(self) -> Estimate:
        """The loss rate per unit of branch length; the interval is `exp(log_loss ± 1.96 standard errors)`."""
        return self._rate("log_loss")

    @property
    def stationary_frequency(self) -> Estimate:
        """The long-run frequency of presence, `g / (g + l)`.

        Its logit is `log g - log l`, so the interval is symmetric on that scale, with the variance
        `var(log g) + var(log l) - 2 cov(log g, log l)` (delta method).
        """
        logit = self._parameter("log_gain") - self._parameter("log_loss")
        error = math.nan
        if self.covariance is not None:
            gain, loss = (list(self.parameters).index(name) for name in ("log_gain", "log_loss"))
            table = self.covariance
            variance = float(table[gain, gain] + table[loss, loss] - table[gain, loss] - table[loss, gain])
            error = math.sqrt(variance) if variance >= 0.0 else math.nan
        return Estimate(*(_logistic(logit + shift * error) if shift else _logistic(logit) for shift in (0, -_Z, _Z)))

    def _parameter(self, name: str) -> float:
        if name not in self.parameters:
            raise ValueError(f"this model has no parameter '{name}'; known: {', '.join(self.parameters)}")
        return self.parameters[name]

    def _rate(self, name: str) -> Estimate:
        value, error = self._parameter(name), self.standard_errors[name]
        return Estimate(_exp(value), _exp(value - _Z * error), _exp(value + _Z * error))

    def to_dict(self) -> dict[str, Any]:
        """Returns what the fit found, families aside, as plain values that JSON can hold.

        JSON knows neither NaN nor infinity: such a number is None, and `unavailable` maps its place to the reason.
        """
        unavailable: dict[str, str] = {}
        where_from = "a parameter is at its bound" if self.at_bound else "the likelihood is too flat"

        def number(value: float, place: str, reason: str = where_from) -> float | None:
            if math.isfinite(value):
                return float(value)
            unavailable[place] = f"{value:g}: {reason}"
            return None

        def estimate(of: Estimate, place: str) -> dict[str, Any]:
            interval = [number(of.low, f"{place}.interval_95[0]"), number(of.high, f"{place}.interval_95[1]")]
            return {"value": number(of.value, f"{place}.value"), "interval_95": interval}

        impossible = "the data cannot arise under these parameters"
        rates = {}
        if {"log_gain", "log_loss"} <= self.parameters.keys():
            rates = {
                name: estimate(getattr(self, name), name) for name in ("gain_rate", "loss_rate", "stationary_frequency")
            }
        return {
            "parameters": {name: number(value, f"parameters.{name}") for name, value in self.parameters.items()},
            "standard_errors": {
                name: number(value, f"standard_errors.{name}") for name, value in self.standard_errors.items()
            },
            **rates,
            "log_likelihood": number(self.log_likelihood, "log_likelihood", impossible),
            "penalty": number(self.penalty + 0.0, "penalty"),
            "aic": number(self.aic, "aic", impossible),
            "aicc": number(self.aicc, "aicc", "too few families, or the model is penalised"),
            "bic": number(self.bic, "bic", impossible),
            "n_families": self.n_families,
            "n_patterns": self.n_patterns,
            "n_parameters": self.n_parameters,
            "converged": self.converged,
            "reason": self.reason,
            "n_branches": self.n_branches,
            "n_saturated_branches": self.n_saturated_branches,
            "n_starts": self.n_starts,
            "n_agreeing": self.n_agreeing,
            "at_bound": list(self.at_bound),
            "iterations": self.iterations,
            "evaluations": self.evaluations,
            "seconds": self.seconds,
            "root": self.root,
            "root_frequency": number(self.root_frequency, "root_frequency"),
            "ascertainment": self.ascertainment,
            "backend": self.backend,
            "notes": list(self.notes),
            "unavailable": unavailable,
        }

    def __repr__(self) -> str:
        """One line: the parameters and how good they are."""
        parameters = ", ".join(f"{name} {value:.6g}" for name, value in self.parameters.items())
        converged = "converged" if self.converged else "not converged"
        return f"Fit({parameters}; log-likelihood {self.log_likelihood:.4f}, {self.n_families} families, {converged})"

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame with one row a family: family, presences, log_likelihood.

        # Errors
        ImportError, naming the extra, if pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as reason:
            raise ImportError(
                "to_frame needs pandas; it comes with the extra: pip install 'persiste-rust[pandas]'"
            ) from reason
        columns = {"family": list(self.family_names), "presences": self.presences}
        frame: pd.DataFrame = pd.DataFrame({**columns, "log_likelihood": self.log_likelihoods})
        return frame

    def saturated_in_words(self) -> str:
        """Returns the line of the report on branches so long that a family forgets its past on them."""
        return (
            f"saturated             {self.n_saturated_branches} of {self.n_branches} branches: "
            "(gain + loss) t > 5, so they tell nothing about the rates"
        )

    def summary(self) -> str:
        """Returns the result as lines of text for a reader."""
        lines = []
        reference = ", where no effect adds to it" if any(":" in name for name in self.parameters) else ""
        if {"log_gain", "log_loss"} <= self.parameters.keys():
            lines += [
                f"gain rate             {_with_interval(self.gain_rate)} per unit of branch length{reference}",
                f"loss rate             {_with_interval(self.loss_rate)} per unit of branch length{reference}",
                f"stationary frequency  {_with_interval(self.stationary_frequency)} of presence, gain / (gain + loss)",
            ]
        lines += [
            f"{name:<21} {value:.6g} (standard error {self.standard_errors[name]:.2g}){_as_factor(name, value)}"
            for name, value in self.parameters.items()
            if name not in ("log_gain", "log_loss")
        ]
        status = "yes" if self.converged else "NO"
        lines += [
            f"log-likelihood        {self.log_likelihood:.4f}",
            f"penalty               {self.penalty:.4f} on {len(self.penalised)} parameters: the estimates maximise the "
            "log-likelihood less this, so AIC and BIC do not apply"
            if self.penalised
            else f"AIC, BIC              {self.aic:.4f}, {self.bic:.4f} ({self.n_parameters} parameters; "
            f"BIC counts {self.n_families} families)",
            f"families              {self.n_families}, of {self.n_patterns} distinct patterns",
            f"converged             {status}: {self.reason} ({self.iterations} iterations, "
            f"{self.evaluations} evaluations, {self.seconds:.2f} s)",
        ]
        if self.n_saturated_branches:
            lines.append(self.saturated_in_words())
        if self.n_starts > 1:
            lines.append(f"searches              {self.n_agreeing} of {self.n_starts} ended at this maximum")
        if self.at_bound:
            lines.append(f"at a bound            {', '.join(self.at_bound)}: the data give no estimate, so no interval")
        flat = [name for name, error in self.standard_errors.items() if error > _POORLY_DETERMINED]
        if flat:
            lines.append(f"hardly determined     {', '.join(flat)}: the likelihood is nearly flat there")
        lines += [f"note                  {note}" for note in self.notes]
        return "\n".join(lines)


def _as_factor(name: str, value: float) -> str:
    """What an effect on the log of a rate means for the rate."""
    what = {"gain": "gain rate", "loss": "loss rate", "both": "both rates"}.get(name.partition(":")[0])
    return f": one unit multiplies the {what} by {_exp(value):.4g}" if what and ":" in name else ""


def _exp(value: float) -> float:
    return math.inf if value > 709.0 else math.exp(value)


def _logistic(value: float) -> float:
    return 0.0 if value < -700.0 else 1.0 / (1.0 + math.exp(-value))


def _with_interval(of: Estimate) -> str:
    if math.isnan(of.low):
        return f"{of.value:.6g} (no interval)"
    return f"{of.value:.6g} (95 % interval {of.low:.6g} to {of.high:.6g})"
