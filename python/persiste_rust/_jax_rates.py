"""The categories of rate models as functions of JAX, after `_reference_rates`, from which constants are taken."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax, numpy as jnp
from jax.scipy.special import gammaln

from persiste_rust import _reference_rates as twin


class Categories(NamedTuple):
    """Logs of gain rates, loss rates and weights, each (n_categories,)."""

    log_gain: Any
    log_loss: Any
    log_weight: Any


def categories(name: str, options: Mapping[str, Any], params: Any) -> Categories:
    """Returns the categories of a rate model at parameters in the order of its names."""
    return _MODELS[name](options, params)


def _even(log_gain: Any, log_loss: Any) -> Categories:
    n = log_gain.shape[0]
    return Categories(log_gain, log_loss, jnp.full(n, -math.log(n)))


def _shared(_: Mapping[str, Any], p: Any) -> Categories:
    return _even(p[:1], p[1:])


def _gamma(options: Mapping[str, Any], p: Any) -> Categories:
    n, kind = int(options.get("n_categories", 4)), options.get("kind", "mean")
    log_rate = log_gamma_rates(n, kind, p[2]) if n > 1 else jnp.zeros(1)
    return _even(p[0] + log_rate, p[1] + log_rate)


def _gamma_pair(options: Mapping[str, Any], p: Any) -> Categories:
    n, kind = int(options.get("n_categories", 4)), options.get("kind", "mean")
    gain, loss = (p[i] + (log_gamma_rates(n, kind, p[2 + i]) if n > 1 else jnp.zeros(1)) for i in (0, 1))
    return _even(jnp.repeat(gain, n), jnp.tile(loss, n))


def _mixture(options: Mapping[str, Any], p: Any) -> Categories:
    n = int(options.get("n_categories", 2))
    return Categories(p[:n], p[n : 2 * n], jax.nn.log_softmax(jnp.concatenate([jnp.zeros(1), p[2 * n :]])))


def _lognormal(options: Mapping[str, Any], p: Any) -> Categories:
    node, weight = twin._normal_rule(int(options.get("n_categories", 8)))
    log_rate = jnp.exp(p[2]) * (node - node[-1])
    log_rate = log_rate - jnp.log(jnp.sum(weight * jnp.exp(log_rate)))
    return Categories(p[0] + log_rate, p[1] + log_rate, jnp.log(weight))


def _hierarchical(options: Mapping[str, Any], p: Any) -> Categories:
    n = int(options.get("n_categories", 6))
    node, weight = twin._normal_rule(n)
    first, second = np.repeat(node, n), np.tile(node, n)
    turned = jnp.tanh(p[4]) * first + second / jnp.cosh(p[4])
    log_weight = jnp.log(np.outer(weight, weight).ravel())
    return Categories(p[0] + jnp.exp(p[2]) * first, p[1] + jnp.exp(p[3]) * turned, log_weight)


def _fixed(options: Mapping[str, Any], p: Any) -> Categories:
    log_gain, log_loss, weight = twin.categories("fixed-categories", options, [0.0, 0.0])
    return Categories(p[0] + jnp.asarray(log_gain), p[1] + jnp.asarray(log_loss), jnp.log(weight))


_MODELS: dict[str, Callable[[Mapping[str, Any], Any], Categories]] = {
    "shared": _shared,
    "gamma": _gamma,
    "gamma-gain-loss": _gamma_pair,
    "mixture": _mixture,
    "lognormal": _lognormal,
    "hierarchical": _hierarchical,
    "fixed-categories": _fixed,
}


def log_gamma_rates(n: int, kind: str, log_shape: Any) -> Any:
    """Returns the logs of `n` equally probable gamma-distributed rates of mean 1, (n,); see `_reference_rates`.

    Any number of derivatives by the log of the shape, each by forward mode through the search for the quantiles.
    """
    return _derivative(n, kind, 0)(log_shape)


@functools.cache
def _derivative(n: int, kind: str, order: int) -> Any:
    plain = functools.partial(_log_gamma_rates, n, kind)
    for _ in range(order):
        plain = functools.partial(_slope, plain)
    function = jax.custom_jvp(jax.jit(plain))

    def along(primals: Any, tangents: Any) -> Any:
        (at,), (direction,) = primals, tangents
        return function(at), direction * _derivative(n, kind, order + 1)(at)

    function.defjvp(along)
    return function


def _slope(function: Any, at: Any) -> Any:
    return jax.jvp(function, (at,), (jnp.ones_like(at),))[1]


def _log_gamma_rates(n: int, kind: str, log_shape: Any) -> Any:
    shape = jnp.exp(jnp.clip(log_shape, math.log(twin._SMALLEST_SHAPE), math.log(twin._NEARLY_NORMAL_FROM)))
    if kind == "median":
        log_point = _log_quantile(shape, (np.arange(n) + 0.5) / n)
        relative = log_point - log_point.max()
        rates = relative - jnp.log(jnp.mean(jnp.exp(relative)))
    else:
        probability = np.arange(1, n) / n
        log_excess, log_sum = _series(shape, _log_quantile(shape, probability))
        log_below = jnp.append(jnp.log(probability) + log_excess - log_sum, 0.0)
        previous = log_below[:-1]
        # The first class has nothing below it.
        rest = jnp.concatenate([jnp.zeros(1), jnp.log(-jnp.expm1(previous - log_below[1:]))])
        rates = math.log(n) + log_below + rest
    small = jnp.append(jnp.full(n - 1, -jnp.inf), math.log(n))
    rates = jnp.where(log_shape < math.log(twin._SMALLEST_SHAPE), small, rates)
    normal = _nearly_normal(jnp.exp(jnp.maximum(log_shape, math.log(twin._NEARLY_NORMAL_FROM))), n, kind)
    return jnp.where(log_shape >= math.log(twin._NEARLY_NORMAL_FROM), normal, rates)


def _log_quantile(shape: Any, probability: Any) -> Any:
    """Log of quantiles in units of the mean: Newton on log P from below its root; differentiable."""
    constant, target = _log_gamma_rest(shape), jnp.log(probability)

    def step(shape: Any, constant: Any, y: Any) -> Any:
        log_sum = _series(shape, y)[1]
        return ((target + constant - log_sum) / shape - (y - jnp.expm1(y))) * jnp.exp(log_sum)

    fixed, known = lax.stop_gradient(shape), lax.stop_gradient(constant)

    def moved(state: Any) -> Any:
        y, _, n_steps = state
        size = step(fixed, known, y)
        return y + size, (jnp.abs(size) > 1e-13 * (1.0 + jnp.abs(y))).any(), n_steps + 1

    start = (target + known) / fixed - 1.0
    y, _, _ = lax.while_loop(lambda state: state[1] & (state[2] < 200), moved, (start, True, 0))
    y = lax.stop_gradient(y)
    # At the root one more step has the derivative of the root, two have its second derivative.
    for _ in range(2):
        y = y + step(shape, constant, y)
    return y


def _series(shape: Any, log_point: Any) -> Any:
    """Logs of S - 1 and of S = sum of x^m / ((a+1) .. (a+m)) for x = a exp(log_point)."""
    x = shape * jnp.exp(log_point)

    def more(state: Any) -> Any:
        m, term, total = state
        term = term * x / (shape + m)
        return m + 1.0, term, total + term

    start = (2.0, jnp.ones_like(x), jnp.ones_like(x))
    _, _, total = lax.while_loop(lambda state: (state[0] * state[1] > 1e-18 * state[2]).any(), more, start)
    ratio = x / (shape + 1.0) * total
    return log_point + jnp.log(shape / (shape + 1.0)) + jnp.log(total), jnp.log1p(ratio)


def _log_gamma_rest(a: Any) -> Any:
    """Log Gamma(a + 1) - a log a + a; by Stirling's series where both parts are large."""
    small, large = jnp.minimum(a, 20.0), jnp.maximum(a, 20.0)
    z = 1.0 / (large * large)
    series = 1 / 12 + z * (-1 / 360 + z * (1 / 1260 + z * (-1 / 1680 + z * (1 / 1188 - z * 691 / 360360))))
    stirling = 0.5 * jnp.log(2.0 * math.pi * large) + series / large
    return jnp.where(a < 20.0, gammaln(small + 1.0) - small * jnp.log(small) + small, stirling)


def _nearly_normal(shape: Any, n: int, kind: str) -> Any:
    """Rates of a shape from which on the expansion about the normal distribution is exact."""
    h = 1.0 / jnp.sqrt(shape)
    normal = NormalDist()
    probability = (np.arange(n) + 0.5) / n if kind == "median" else np.arange(1, n) / n
    z = np.array([normal.inv_cdf(p) for p in probability])
    if kind == "median":
        point = h * (z + h * ((z**2 - 1) / 3 + h * ((z**3 - 7 * z) / 36 + h * (16 - 7 * z**2 - 3 * z**4) / 810)))
        log_point = jnp.log1p(point)
        return log_point - jnp.log(jnp.mean(jnp.exp(log_point)))
    density = np.array([normal.pdf(at) for at in z])
    below = probability - density * h * (1 + h * (z / 3 + h * ((z**2 - 5) / 36 - h * (3 * z**3 + 16 * z) / 810)))
    return jnp.log(n * jnp.diff(below, prepend=0.0, append=1.0))
