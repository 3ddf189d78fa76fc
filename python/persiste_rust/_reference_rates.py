"""The rate models' categories in plain NumPy: an independent check, and what the NumPy backend computes with.

Written from the definitions: class means of the gamma distribution are differences of the incomplete gamma function of
shape + 1, quantiles solve `log P = log p`, and Gauss-Hermite rules are NumPy's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite import hermgauss
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Option = float | str | Sequence[float]
Options = Mapping[str, Option]

_SMALLEST_SHAPE = 1e-290  # below it every rate but the last is 0
_NEARLY_NORMAL_FROM = 1e6  # from here the expansion about the normal distribution is exact
_WEIGHT_TOLERANCE = 1e-9


class Categories(NamedTuple):
    """Logs of gain and loss rates and weights that sum to 1, each (n_categories,)."""

    log_gain: Floats
    log_loss: Floats
    weight: Floats


def rate_models() -> list[str]:
    """Returns the names of the rate models."""
    return list(_MODELS)


def parameter_names(name: str, options: Options) -> list[str]:
    """Returns the names of the free parameters, in order.

    Raises ValueError for an unknown model and for options that it does not have or that cannot be.

    >>> parameter_names("gamma", {"n_categories": 4})
    ['log_gain', 'log_loss', 'log_alpha']
    """
    return _model(name, options).names


def categories(name: str, options: Options, parameters: Sequence[float] | Floats) -> Categories:
    """Returns the categories at parameters in the order of `parameter_names`; each array is (n_categories,).

    A rate of 0 has log -inf. Raises ValueError as `parameter_names` does, and for another number of parameters.

    >>> rates = categories("fixed-categories", {"rates": [0.5, 1.5]}, [0.0, 0.0])
    >>> rates.log_gain.round(6).tolist(), rates.weight.tolist()
    ([-0.693147, 0.405465], [0.5, 0.5])
    """
    model = _model(name, options)
    values = np.asarray(parameters, dtype=np.float64)
    if values.shape != (len(model.names),):
        raise ValueError(f"expected {len(model.names)} parameters ({', '.join(model.names)}), found {values.shape}")
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        return model.categories(values)


class _Model(NamedTuple):
    names: list[str]
    categories: Callable[[Floats], Categories]


def _model(name: str, options: Options) -> _Model:
    if name not in _MODELS:
        raise ValueError(f"unknown rate model '{name}'; known: {', '.join(_MODELS)}")
    known, build = _MODELS[name]
    for option in options:
        if option not in known:
            raise ValueError(f"'{name}' has no option '{option}'; known: {', '.join(known) or 'none'}")
    return build(options)


def _count(of: str, options: Options, default: int, smallest: int, largest: int) -> int:
    value = options.get("n_categories", default)
    if isinstance(value, int | float) and value == value and smallest <= value <= largest and value == int(value):
        return int(value)
    allowed = f"whole numbers from {smallest} to {largest}"
    raise ValueError(f"option n_categories of '{of}' is {_shown(value)}; allowed are {allowed}")


def _kind(of: str, options: Options) -> str:
    kind = options.get("kind", "mean")
    if isinstance(kind, str) and kind in ("mean", "median"):
        return kind
    raise ValueError(f"option kind of '{of}' is {_shown(kind)}; allowed are mean, median")


def _numbers(of: str, options: Options, name: str) -> Floats:
    value = options[name]
    if isinstance(value, str):
        raise ValueError(f"option {name} of '{of}' is {_shown(value)}; allowed are numbers")
    return np.atleast_1d(np.asarray(value, dtype=np.float64))


def _shown(value: Option) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _shared(_: Options) -> _Model:
    return _Model(["log_gain", "log_loss"], lambda p: Categories(p[:1], p[1:], np.ones(1)))


def _gamma(options: Options) -> _Model:
    n, kind = _count("gamma", options, 4, 1, 64), _kind("gamma", options)
    names = ["log_gain", "log_loss", "log_alpha"][: 3 if n > 1 else 2]

    def at(p: Floats) -> Categories:
        log_rate = log_gamma_rates(p[2] if n > 1 else 0.0, n, kind)
        return Categories(p[0] + log_rate, p[1] + log_rate, np.full(n, 1.0 / n))

    return _Model(names, at)


def _gamma_pair(options: Options) -> _Model:
    n, kind = _count("gamma-gain-loss", options, 4, 1, 32), _kind("gamma-gain-loss", options)
    names = ["log_gain", "log_loss", "log_alpha_gain", "log_alpha_loss"][: 4 if n > 1 else 2]

    def at(p: Floats) -> Categories:
        gain, loss = (p[i] + log_gamma_rates(p[2 + i] if n > 1 else 0.0, n, kind) for i in (0, 1))
        return Categories(np.repeat(gain, n), np.tile(loss, n), np.full(n * n, 1.0 / (n * n)))

    return _Model(names, at)


def _mixture(options: Options) -> _Model:
    n = _count("mixture", options, 2, 2, 16)
    names = [f"{what}_{c + 1}" for what in ("log_gain", "log_loss", "log_weight") for c in range(n)]
    names.remove("log_weight_1")

    def at(p: Floats) -> Categories:
        ratios = np.concatenate([[0.0], p[2 * n :]])
        weight = np.exp(ratios - ratios.max())
        return Categories(p[:n], p[n : 2 * n], weight / weight.sum())

    return _Model(names, at)


def _lognormal(options: Options) -> _Model:
    node, weight = _normal_rule(_count("lognormal", options, 8, 2, 64))

    def at(p: Floats) -> Categories:
        below_highest = node - node[-1]
        log_rate = np.where(below_highest < 0.0, np.exp(p[2]) * np.minimum(below_highest, -1e-300), 0.0)
        log_rate = log_rate - np.log(np.sum(weight * np.exp(log_rate)))
        return Categories(p[0] + log_rate, p[1] + log_rate, weight)

    return _Model(["log_gain", "log_loss", "log_sigma"], at)


def _hierarchical(options: Options) -> _Model:
    n = _count("hierarchical", options, 6, 2, 32)
    node, weight = _normal_rule(n)
    first, second = np.repeat(node, n), np.tile(node, n)
    names = ["log_gain", "log_loss", "log_sigma_gain", "log_sigma_loss", "atanh_correlation"]

    def around(mean: float, log_sigma: float, deviate: Floats) -> Floats:
        if mean == -np.inf:
            return np.full(n * n, -np.inf)
        moved = np.zeros(n * n)
        np.multiply(np.exp(log_sigma), deviate, out=moved, where=deviate != 0.0)
        return mean + moved

    def at(p: Floats) -> Categories:
        turned = np.tanh(p[4]) * first + second / np.cosh(p[4])
        return Categories(around(p[0], p[2], first), around(p[1], p[3], turned), np.outer(weight, weight).ravel())

    return _Model(names, at)


def _fixed(options: Options) -> _Model:
    of = "fixed-categories"
    rates = _numbers(of, options, "rates") if "rates" in options else np.zeros(0)
    if rates.ndim != 1 or rates.size == 0 or not (np.isfinite(rates) & (rates >= 0.0)).all():
        allowed = "one or more finite numbers of at least 0"
        raise ValueError(f"option rates of '{of}' is {rates.tolist()}; allowed are {allowed}")
    weight = np.full(rates.size, 1.0 / rates.size)
    if "weights" in options:
        weight = _numbers(of, options, "weights")
        total = weight.sum()
        if weight.shape != rates.shape or not (weight > 0.0).all() or not abs(total - 1.0) <= _WEIGHT_TOLERANCE:
            allowed = f"{rates.size} numbers above 0, one for each rate, that sum to 1 within 1e-9"
            raise ValueError(f"option weights of '{of}' is {weight.tolist()}; allowed are {allowed}")
        weight = weight / total

    def at(p: Floats) -> Categories:
        return Categories(p[0] + np.log(rates), p[1] + np.log(rates), weight)

    return _Model(["log_gain", "log_loss"], at)


_MODELS: dict[str, tuple[list[str], Callable[[Options], _Model]]] = {
    "shared": ([], _shared),
    "gamma": (["n_categories", "kind"], _gamma),
    "gamma-gain-loss": (["n_categories", "kind"], _gamma_pair),
    "mixture": (["n_categories"], _mixture),
    "lognormal": (["n_categories"], _lognormal),
    "hierarchical": (["n_categories"], _hierarchical),
    "fixed-categories": (["rates", "weights"], _fixed),
}


def _normal_rule(n: int) -> tuple[Floats, Floats]:
    """Gauss-Hermite nodes and weights for the standard normal distribution, from NumPy's for exp(-x^2)."""
    node, weight = hermgauss(n)
    return node * math.sqrt(2.0), weight / weight.sum()


def log_gamma_rates(log_shape: float, n: int, kind: str) -> Floats:
    """Returns the logs of `n` equally probable gamma-distributed rates of mean 1, (n,).

    `mean`: `r[c] = n (P(a + 1, x[c + 1]) - P(a + 1, x[c]))`, `x[c]` the quantiles at `c / n` for shape `a` and scale 1.
    `median`: quantiles at `(c + 1/2) / n`, divided by their mean. Small shapes: the lower rates may be -inf only where
    they underflow by far (shapes below 1e-290). Yang 1994, doi:10.1007/BF00160154, equations 9 and 10.
    """
    shape = float(np.exp(log_shape))
    if n == 1:
        return np.zeros(1)
    if shape < _SMALLEST_SHAPE:
        return np.append(np.full(n - 1, -np.inf), math.log(n))
    if kind == "median":
        log_point = _log_quantile(shape, (np.arange(n) + 0.5) / n)
        relative = log_point - log_point.max()
        centred: Floats = relative - np.log(np.mean(np.exp(relative)))
        return centred
    probability = np.arange(1, n) / n
    if shape >= _NEARLY_NORMAL_FROM:
        below = probability + _nearly_normal(shape, probability)[1]
        rates: Floats = np.log(n * np.diff(below, prepend=0.0, append=1.0))
        return rates
    # P(a + 1, x) = P(a, x) (S - 1) / S, in logs since x may underflow.
    log_excess, log_sum = _series(shape, _log_quantile(shape, probability))
    log_below = np.append(np.log(probability) + log_excess - log_sum, 0.0)
    previous = np.append(-np.inf, log_below[:-1])
    log_rate: Floats = math.log(n) + log_below + np.log1p(-np.exp(previous - log_below))
    return log_rate


def _log_quantile(shape: float, probability: Floats) -> Floats:
    """Log of quantiles in units of the mean: Newton on log P, concave in log x, from below its root."""
    if shape >= _NEARLY_NORMAL_FROM:
        return np.log1p(_nearly_normal(shape, probability)[0])
    constant = _log_gamma_rest(shape)
    y = (np.log(probability) + constant) / shape - 1.0  # P(a, x) <= x^a / Gamma(a + 1)
    for _ in range(200):
        log_sum = _series(shape, y)[1]
        step = (np.log(probability) + constant - log_sum) / shape - (y - np.expm1(y))
        step = step * np.exp(log_sum)
        y = y + step
        if (np.abs(step) <= 1e-13 * (1.0 + np.abs(y))).all():
            break
    return y


def _series(shape: float, log_point: Floats) -> tuple[Floats, Floats]:
    """Logs of S - 1 and of S = sum of x^m / ((a+1) .. (a+m)) for x = a exp(log_point)."""
    x = shape * np.exp(log_point)
    term = total = np.ones_like(x)
    m = 1
    while (m * term > 1e-18 * total).any():
        m += 1
        term = term * x / (shape + m)
        total = total + term
    return log_point + math.log(shape / (shape + 1.0)) + np.log(total), np.log1p(x / (shape + 1.0) * total)


def _log_gamma_rest(a: float) -> float:
    """Log Gamma(a + 1) - a log a + a; by Stirling's series where both parts are large."""
    if a < 20.0:
        return math.lgamma(a + 1.0) - a * math.log(a) + a
    z = 1.0 / (a * a)
    series = 1 / 12 + z * (-1 / 360 + z * (1 / 1260 + z * (-1 / 1680 + z * (1 / 1188 - z * 691 / 360360))))
    return 0.5 * math.log(2.0 * math.pi * a) + series / a


def _nearly_normal(shape: float, probability: Floats) -> tuple[Floats, Floats]:
    """Quantile less 1, and the integral of x - 1 below it: Abramowitz & Stegun 1964, 26.2.49, to order shape^-2."""
    normal = NormalDist()
    z = np.array([normal.inv_cdf(p) for p in probability])
    density = np.array([normal.pdf(at) for at in z])
    h = 1.0 / math.sqrt(shape)
    point = h * (z + h * ((z**2 - 1) / 3 + h * ((z**3 - 7 * z) / 36 + h * (16 - 7 * z**2 - 3 * z**4) / 810)))
    below = h * (1 + h * (z / 3 + h * ((z**2 - 5) / 36 - h * (3 * z**3 + 16 * z) / 810)))
    return point, -density * below
