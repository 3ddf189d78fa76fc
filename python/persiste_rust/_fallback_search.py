"""The fit of the NumPy backend: where the search begins, the box it stays in, and what it reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from persiste_rust._fallback_fit import Maximum, maximise
from persiste_rust._fallback_parameters import Floats, checked, logit, penalty_and_gradient

if TYPE_CHECKING:
    from persiste_rust._fallback_model import Model

_Progress = Callable[[str, int, int], object]

# Expected events on the whole tree at the lowest rate that a search considers, on the shortest branch at the highest,
# and a highest rate however short a branch is: effects may still multiply it.
_FEWEST_EVENTS, _MOST_EVENTS, _HIGHEST_RATE = 1e-9, 1e3, 1e200
# Expected events from root to tip at which a search may start.
_START_EVENTS = (0.05, 0.3, 1.5, 8.0)
# Searches for a model that may have several maxima.
_SEVERAL = 5
# Two searches found the same maximum if their values differ by less than this.
_SAME_MAXIMUM = 1e-4


def search(
    model: Model,
    start: Floats | None,
    n_starts: int | None,
    max_iterations: int,
    progress: _Progress | None,
) -> dict[str, Any]:
    """Returns the best of several searches, as the mapping that `_core.pyi` describes.

    # Errors
    ValueError for a start outside the box or at which the data cannot arise, or a tree without time.
    """
    lower, upper = _box(model)
    points, n_tried = _starts(model, start, n_starts, lower, upper)
    scale = np.array([parameter.scale for parameter in model._parameters])
    done = 0

    def report(_: int) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress("fitting", done, 0)

    def objective(scaled: Floats) -> tuple[float, Floats]:
        value, gradient = model.value_and_gradient(scaled * scale)
        penalty, slope = penalty_and_gradient(model._penalty, scaled * scale)
        return value - penalty, (gradient - slope) * scale

    found = [
        maximise(objective, point / scale, lower / scale, upper / scale, max_iterations, report) for point in points
    ]
    best = max(each.value for each in found)
    agreeing = [each for each in found if each.value >= best - _SAME_MAXIMUM]
    chosen = max(agreeing, key=lambda each: (each.converged, each.value))
    evaluations = n_tried + sum(each.evaluations for each in found)
    result = _result(model, chosen, scale)
    return result | {
        "lower": lower,
        "upper": upper,
        "n_starts": len(points),
        "n_agreeing": len(agreeing),
        "evaluations": evaluations,
    }


def _result(model: Model, found: Maximum, scale: Floats) -> dict[str, Any]:
    """What a search found, under the labels that are the same for all parameters that mean the same."""
    point, jacobian = _canonical(model, found.point * scale)
    depends = (jacobian != 0.0) @ found.at_bound > 0
    covariance = None
    if found.covariance is not None:
        own = found.covariance * np.outer(scale, scale)
        known = np.where(np.isnan(own), 0.0, own)
        covariance = jacobian @ known @ jacobian.T
        covariance[depends] = covariance[:, depends] = np.nan
    value, gradient = model.value_and_gradient(point)
    penalty, slope = penalty_and_gradient(model._penalty, point)
    return {
        "parameters": point,
        "gradient": gradient - slope,
        "covariance": covariance,
        "information_eigenvalues": found.information_eigenvalues,
        "root_frequencies": model.root_frequencies(point),
        "log_likelihood": value,
        "penalty": penalty,
        "log_likelihoods": model.log_likelihoods(point),
        "converged": found.converged,
        "reason": found.reason,
        "iterations": found.iterations,
        "at_bound": [name for name, bound in zip(model.parameter_names, depends, strict=True) if bound],
    }


def _canonical(model: Model, point: Floats) -> tuple[Floats, Floats]:
    n = len(model._rates.names)
    rates, of_rates = model._rates.canonical(point[:n])
    jacobian = np.eye(len(point))
    jacobian[:n, :n] = of_rates
    return np.concatenate([rates, point[n:]]), jacobian


def _box(model: Model) -> tuple[Floats, Floats]:
    """The least and greatest value of each parameter in a search."""
    lengths = np.asarray(model._data._tree._arrays.branch_length[:-1], dtype=np.float64)
    total = float(lengths.sum())
    if total == 0.0:
        raise ValueError("every branch of the tree has length 0, so no rates can be estimated")
    shortest = float(lengths[lengths > 0.0].min())
    of_rates = (np.log(_FEWEST_EVENTS / total), np.log(min(_MOST_EVENTS / shortest, _HIGHEST_RATE)))
    ends = np.array([parameter.bounds or of_rates for parameter in model._parameters])
    return ends[:, 0], ends[:, 1]


def _starts(
    model: Model, start: Floats | None, n_starts: int | None, lower: Floats, upper: Floats
) -> tuple[list[Floats], int]:
    """The points to search from, the best first, and how many were tried."""
    if start is not None:
        first = checked(model._parameters, start)
        for parameter, value, low, high in zip(model._parameters, first, lower, upper, strict=True):
            # A coefficient at its bound, once scaled and back, may differ in its last digit.
            slack = 1e-12 * max(abs(low), abs(high))
            if not low - slack <= value <= high + slack:
                raise ValueError(f"{parameter.name} starts at {value:g}; allowed are {low:g} to {high:g} for this tree")
        candidates = [first]
    else:
        candidates = [np.clip(point, lower, upper) for point in _grid(model)]
    scored = [(model.log_likelihood(point), point) for point in candidates]
    possible = sorted((one for one in scored if one[0] > -np.inf), key=lambda one: -one[0])
    if not possible:
        raise _impossible(model, candidates[0])
    may_have_several = len(candidates) > len(_START_EVENTS)
    wanted = n_starts or (_SEVERAL if may_have_several else 1)
    return [point for _, point in possible[:wanted]], len(scored)


def _grid(model: Model) -> list[Floats]:
    """The observed frequency of presence at several speeds, spread as the rate model knows to spread it."""
    frequency = _observed_frequency(model)
    height = max(_mean_height(model), float(np.finfo(np.float64).tiny))
    rest = [0.0] * len(model._effects.parameters)
    rest += [logit(frequency)] * len(model._root.parameters) + model._observation.start()
    points: list[Floats] = []
    for events in _START_EVENTS:
        log_rate = float(np.log(events) - np.log(height))
        spread = model._rates.starts(log_rate + float(np.log(frequency)), log_rate + float(np.log1p(-frequency)))
        points.extend(np.concatenate([point, rest]) for point in spread)
    return points


def _observed_frequency(model: Model) -> float:
    """The share of the known cells that are present, kept away from 0 and 1."""
    present, absent = ((model._data._cells == state).sum() for state in (1, 0))
    return float(np.clip((present + 0.5) / (present + absent + 1.0), 0.001, 0.999))


def _mean_height(model: Model) -> float:
    """The mean distance from the root to a tip."""
    arrays = model._data._tree._arrays
    depth = np.zeros(len(arrays.parent))
    for node in range(len(depth) - 2, -1, -1):
        depth[node] = depth[arrays.parent[node]] + arrays.branch_length[node]
    return float(depth[model._data._tree._tips].mean())


def _impossible(model: Model, point: Floats) -> ValueError:
    each = model.log_likelihoods(point)
    broken = np.flatnonzero(np.isneginf(each))
    names = ", ".join(f"'{model._data._families[family]}'" for family in broken[:3])
    return ValueError(
        f"{len(broken)} of {len(each)} families have likelihood 0 where the search begins ({names}): usually tips at "
        "distance 0 that differ; lengthen such branches (option min_length, --min-length) or remove the families"
    )
