"""Rate models: how gain and loss rates differ between families.

One class a model; `parse_rates` reads the form of the command line. Values are checked where a model is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

Spec = tuple[str, dict[str, float | list[float] | str]]

#: Rate models that are named by a word alone.
WORDS = ("shared", "per-family")


@dataclass(frozen=True)
class DiscreteGamma:
    """Multiplies both rates of a family by one gamma-distributed rate of mean 1.

    Category c of K has gain rate `exp(log_gain) r[c]` and loss rate `exp(log_loss) r[c]` with probability 1/K. The
    gamma distribution of shape and rate alpha is cut into K classes of equal probability, each represented by its mean
    (`kind="mean"`) or by its median, rescaled to mean 1 (`"median"`). Small alpha: rates differ much.

    Parameters of the model: `log_gain`, `log_loss`, `log_alpha` (searched for alpha from 0.005 to 1000; not there for
    one category). `n_categories` is from 1 to 64.

    Source: Yang 1994, doi:10.1007/BF00160154.

    >>> DiscreteGamma(8, kind="median")
    DiscreteGamma(n_categories=8, kind='median')
    """

    n_categories: int = 4
    kind: Literal["mean", "median"] = "mean"

    def _spec(self) -> Spec:
        return "gamma", {"n_categories": self.n_categories, "kind": self.kind}


@dataclass(frozen=True)
class GammaGainLoss:
    """Multiplies gain and loss of a family by two independent gamma-distributed rates of mean 1.

    Category (i, j) of K x K has gain rate `exp(log_gain) r[i]` and loss rate `exp(log_loss) s[j]` with probability
    1/K^2; r and s are classes as in `DiscreteGamma`, each with its own shape.

    Parameters of the model: `log_gain`, `log_loss`, `log_alpha_gain`, `log_alpha_loss`. `n_categories` is K, from 1 to
    32.

    Source: Yang 1994, doi:10.1007/BF00160154; Cohen & Pupko 2010, doi:10.1093/molbev/msp240.

    >>> GammaGainLoss(3).n_categories
    3
    """

    n_categories: int = 4
    kind: Literal["mean", "median"] = "mean"

    def _spec(self) -> Spec:
        return "gamma-gain-loss", {"n_categories": self.n_categories, "kind": self.kind}


@dataclass(frozen=True)
class Mixture:
    """Sorts families into classes, each with its own gain rate, loss rate and weight.

    Class c has weight `exp(log_weight_c) / sum exp(log_weight)`, with log_weight_1 = 0. A fit numbers the classes from
    the highest to the lowest stationary probability of presence, gain / (gain + loss).

    Parameters of the model: `log_gain_1`.., `log_loss_1`.., `log_weight_2`.. `n_categories` is from 2 to 16.

    Source: classes of rates as in Pagel & Meade 2004, doi:10.1080/10635150490468675.

    >>> Mixture(3)
    Mixture(n_categories=3)
    """

    n_categories: int = 2

    def _spec(self) -> Spec:
        return "mixture", {"n_categories": self.n_categories}


@dataclass(frozen=True)
class LogNormal:
    """Multiplies both rates of a family by one log-normally distributed rate of mean 1.

    `log r = sigma z + constant` at Gauss-Hermite nodes z of the standard normal distribution; the constant makes the
    mean over the nodes exactly 1.

    Parameters of the model: `log_gain`, `log_loss`, `log_sigma` (searched for sigma from 0.001 to 10). `n_categories`
    is from 2 to 64.

    Source: Golub & Welsch 1969, doi:10.1090/S0025-5718-69-99647-1 (nodes and weights).

    >>> LogNormal()
    LogNormal(n_categories=8)
    """

    n_categories: int = 8

    def _spec(self) -> Spec:
        return "lognormal", {"n_categories": self.n_categories}


@dataclass(frozen=True)
class Hierarchical:
    """Draws log gain and log loss of a family from one bivariate normal population.

    Means `log_gain` and `log_loss` (of the logs: rates are not rescaled), standard deviations `exp(log_sigma_gain)` and
    `exp(log_sigma_loss)`, correlation `tanh(atanh_correlation)`; integrated over K x K Gauss-Hermite nodes.

    Parameters of the model: the five named above. `n_categories` is K, from 2 to 32.

    Source: Golub & Welsch 1969, doi:10.1090/S0025-5718-69-99647-1 (nodes and weights).

    >>> Hierarchical(4).n_categories
    4
    """

    n_categories: int = 6

    def _spec(self) -> Spec:
        return "hierarchical", {"n_categories": self.n_categories}


@dataclass(frozen=True)
class FixedCategories:
    """Multiplies both rates of a family by one of some given rates.

    Category c has gain rate `exp(log_gain) rates[c]` and loss rate `exp(log_loss) rates[c]` with probability
    `weights[c]`. Rates are at least 0 and need not average 1; weights are above 0 and sum to 1 within 1e-9, or equal
    if not given.

    Parameters of the model: `log_gain`, `log_loss`.

    >>> FixedCategories([0.5, 1.5])
    FixedCategories(rates=(0.5, 1.5), weights=None)
    """

    rates: Sequence[float]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates", _numbers(self.rates, "rates"))
        if self.weights is not None:
            object.__setattr__(self, "weights", _numbers(self.weights, "weights"))

    def _spec(self) -> Spec:
        options: dict[str, float | list[float] | str] = {"rates": list(self.rates)}
        if self.weights is not None:
            options["weights"] = list(self.weights)
        return "fixed-categories", options


def _numbers(values: Sequence[float], what: str) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise TypeError(f"{what} of FixedCategories is {values!r}; allowed is a list of numbers") from None


RateModel = DiscreteGamma | GammaGainLoss | Mixture | LogNormal | Hierarchical | FixedCategories

_BY_NAME: dict[str, type[RateModel]] = {
    "gamma": DiscreteGamma,
    "gamma-gain-loss": GammaGainLoss,
    "mixture": Mixture,
    "lognormal": LogNormal,
    "hierarchical": Hierarchical,
    "fixed-categories": FixedCategories,
}


def rates_with_options() -> list[str]:
    """Returns what `parse_rates` takes: every name with its options at their defaults.

    >>> rates_with_options()[:3]
    ['shared', 'per-family', 'gamma:n_categories=4,kind=mean']
    """
    return [*WORDS, *(f"{name}:{_options(model)}" for name, model in _BY_NAME.items())]


def _options(model: type[RateModel]) -> str:
    if model is FixedCategories:
        return "rates=0.5/1.5,weights=0.5/0.5"
    return ",".join(f"{one.name}={one.default}" for one in fields(model))


def parse_rates(text: str) -> RateModel | str:
    """Returns the rate model that a text such as `gamma:n_categories=8,kind=median` names.

    A name, then options after a colon; a list of numbers is divided by slashes. `shared` and `per-family`, which take
    no options, are returned as they are. Raises ValueError for an unknown name or option and for what is no number;
    ranges are checked where a model is built.

    >>> parse_rates("gamma")
    DiscreteGamma(n_categories=4, kind='mean')
    >>> parse_rates("fixed-categories:rates=0.5/1.5,weights=0.5/0.5")
    FixedCategories(rates=(0.5, 1.5), weights=(0.5, 0.5))
    """
    if not isinstance(text, str):
        raise TypeError(f"rates is {text!r}; allowed is a text such as 'gamma:n_categories=8'")
    name, colon, rest = text.partition(":")
    if name in WORDS:
        if colon:
            raise ValueError(f"rate model '{name}' has no options, found '{rest}'")
        return name
    if name not in _BY_NAME:
        raise ValueError(f"unknown rate model '{name}'; known: {', '.join([*WORDS, *_BY_NAME])}")
    model = _BY_NAME[name]
    known = [field.name for field in fields(model)]
    options: dict[str, object] = {}
    for part in rest.split(",") if colon else []:
        option, equals, value = part.partition("=")
        if not equals or option not in known:
            raise ValueError(
                f"'{name}' has no option '{option}'; allowed are {', '.join(f'{each}=..' for each in known)}"
            )
        if option in options:
            raise ValueError(f"option {option} of '{name}' is given twice, as {options[option]} and '{value}'")
        options[option] = _value(name, option, value)
    if model is FixedCategories and "rates" not in options:
        raise ValueError("option rates of 'fixed-categories' is missing; example: fixed-categories:rates=0.5/1.5")
    return model(**options)  # type: ignore[arg-type]


def _value(name: str, option: str, text: str) -> object:
    """A word, a whole number or a list of numbers, by the option's name."""
    if option == "kind":
        return text
    try:
        if option == "n_categories":
            return int(text)
        return [float(part) for part in text.split("/")]
    except ValueError:
        allowed = "a whole number" if option == "n_categories" else "numbers divided by '/'"
        raise ValueError(f"option {option} of '{name}' is '{text}'; allowed is {allowed}") from None
