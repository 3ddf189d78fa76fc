"""Maximisation of a smooth function inside a box, with its exact gradient; it knows nothing of phylogenetics."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Objective = Callable[[Floats], tuple[float, Floats]]

# Converged: no component of the projected gradient exceeds this times max(1, |value|). Rounding leaves about
# 1e-14 times |value|, and a Newton step from here changes the value by far less than 1e-6.
GRADIENT_TOLERANCE = 1e-9
_STEP_LIMIT = 3.0
_SUFFICIENT_INCREASE = 1e-4
_DIFFERENCE_STEP = 1e-4
_AT_BOUND = 1e-6
# A curvature less than this share of the greatest counts as this share.
_FLATTEST = 1e-8


class Maximum(NamedTuple):
    """Where the search ended and what it knows there.

    `covariance` is the inverse of the observed information, the negative matrix of second derivatives of the
    coordinates that are not at a bound, NaN in rows and columns of those that are; None if none is free, the search
    did not converge, or the information is not positive definite.
    """

    point: Floats
    value: float
    gradient: Floats
    covariance: Floats | None
    information_eigenvalues: Floats
    converged: bool
    reason: str
    iterations: int
    evaluations: int
    at_bound: NDArray[np.bool_]


class _Counted:
    """The objective, with a count of its calls."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.calls = objective, 0

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        self.calls += 1
        return self.objective(point)


def maximise(
    objective: Objective,
    start: Floats,
    lower: Floats,
    upper: Floats,
    max_iterations: int = 200,
    progress: Callable[[int], object] | None = None,
) -> Maximum:
    """Returns a local maximum of `objective` in the box [lower, upper], all (n,), searched from `start`.

    Quasi-Newton: the curvature is updated by BFGS over the coordinates that are free to move, each step is
    cut back until the value rises by a sufficient part of what the gradient promises, and once steps stop
    paying the curvature is replaced by differences of the exact gradient, which makes the last steps
    Newton's. `objective` returns the value and the gradient (n,); -inf is legal away from `start`. `progress`
    is called with each iteration.
    """
    function = _Counted(objective)
    point = np.clip(start, lower, upper)
    value, gradient = function(point)
    curvature = None
    exact = False
    iterations, reason, converged = 0, "", False
    while True:
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            reason = f"the log-likelihood is {value} where the search began"
            break
        steepest = _projected(gradient, point, lower, upper)
        if np.abs(steepest).max(initial=0.0) <= GRADIENT_TOLERANCE * max(1.0, abs(value)):
            converged, reason = True, f"the gradient is below {GRADIENT_TOLERANCE:g} of the log-likelihood"
            break
        if iterations == max_iterations:
            reason = f"max_iterations of {max_iterations} reached"
            break
        iterations += 1
        if progress is not None:
            progress(iterations)
        if curvature is None:
            curvature = np.eye(len(point)) * max(1.0, float(np.abs(steepest).max()))
        direction = _direction(curvature, steepest, point, lower, upper)
        found = _line_search(function, point, value, steepest, direction, lower, upper)
        if found is None and exact:
            reason = "no step along the gradient raises the log-likelihood any more"
            break
        previous = abs(value)
        if found is not None:
            change, slope = found[0] - point, gradient - found[2]
            gained = found[1] - value
            point, value, gradient = found
            curvature = _bfgs(curvature, change, slope)
        # Late steps that pay little: take the curvature from the gradient itself.
        exact = found is None or gained <= 1e-3 * max(1.0, 1e-6 * previous)
        if exact:
            curvature = _information(function, point, lower, upper)
    if converged:
        point, value, gradient = _settle(function, (point, value, gradient), lower, upper)
    at_bound = (point - lower <= _AT_BOUND) | (upper - point <= _AT_BOUND)
    covariance: Floats | None = None
    eigenvalues: Floats = np.empty(0)
    if converged and not at_bound.all():
        free = np.ix_(~at_bound, ~at_bound)
        information = _information(function, point, lower, upper)[free]
        eigenvalues = np.asarray(np.linalg.eigvalsh(information))
        inverse = _inverse(information)
        if inverse is None:
            converged, reason = False, "the surface is flat or a saddle: the information is not positive definite"
        else:
            covariance = np.full((len(point), len(point)), np.nan)
            covariance[free] = inverse
    if converged and at_bound.any():
        reason += ", at a bound"
    calls = function.calls
    return Maximum(
        point, float(value), gradient, covariance, eigenvalues, converged, reason, iterations, calls, at_bound
    )


def _settle(
    function: _Counted, best: tuple[Floats, float, Floats], lower: Floats, upper: Floats
) -> tuple[Floats, float, Floats]:
    """Moves each coordinate to a bound where that costs nothing.

    A maximum at infinity is approached over a plateau on which the gradient vanishes long before the bound; left
    there, the point would pass for a finite estimate.
    """
    for axis in range(len(lower)):
        for bound in (lower[axis], upper[axis]):
            moved = best[0].copy()
            moved[axis] = bound
            value, gradient = function(moved)
            if value >= best[1] - GRADIENT_TOLERANCE * max(1.0, abs(best[1])) and np.isfinite(gradient).all():
                best = moved, value, gradient
    return best


def _projected(gradient: Floats, point: Floats, lower: Floats, upper: Floats) -> Floats:
    """The gradient without what points out of the box."""
    outward = ((point <= lower) & (gradient < 0.0)) | ((point >= upper) & (gradient > 0.0))
    return np.where(outward, 0.0, gradient)


def _direction(curvature: Floats, steepest: Floats, point: Floats, lower: Floats, upper: Floats) -> Floats:
    """The Newton direction over the coordinates that may move, or the steepest where that does not ascend."""
    free = steepest != 0.0
    direction = np.zeros_like(steepest)
    # Where the surface bends up the curvature counts by its size, so that the step still ascends.
    values, vectors = np.linalg.eigh(curvature[np.ix_(free, free)])
    size = np.abs(values)
    size = np.maximum(size, max(_FLATTEST * float(size.max(initial=0.0)), float(np.finfo(np.float64).tiny)))
    direction[free] = vectors @ ((vectors.T @ steepest[free]) / size)
    if not np.isfinite(direction).all() or direction @ steepest <= 0.0:
        direction = steepest
    longest = float(np.abs(direction).max())
    return direction * min(1.0, _STEP_LIMIT / longest) if longest > 0.0 else direction


def _line_search(
    function: _Counted,
    point: Floats,
    value: float,
    steepest: Floats,
    direction: Floats,
    lower: Floats,
    upper: Floats,
) -> tuple[Floats, float, Floats] | None:
    """The first point of the step halved again and again that is high enough, or None."""
    scale = 1.0
    # Rounding of the value: near the top a good step may seem to lose this much.
    noise = 1e-14 * max(1.0, abs(value))
    for _ in range(40):
        trial = np.clip(point + scale * direction, lower, upper)
        if np.array_equal(trial, point):
            return None
        trial_value, trial_gradient = function(trial)
        promised = _SUFFICIENT_INCREASE * float(steepest @ (trial - point))
        flatter = np.abs(_projected(trial_gradient, trial, lower, upper)).max() < np.abs(steepest).max()
        if trial_value >= value + promised or (trial_value >= value - noise and flatter):
            return trial, trial_value, trial_gradient
        scale *= 0.5
    return None


def _bfgs(curvature: Floats, change: Floats, slope: Floats) -> Floats:
    """The update of the negative second derivatives (Nocedal and Wright 2006, eq. 6.19); skipped if not convex."""
    along = float(change @ slope)
    if along <= 1e-10 * float(np.linalg.norm(change) * np.linalg.norm(slope)):
        return curvature
    moved = curvature @ change
    return curvature - np.outer(moved, moved) / float(change @ moved) + np.outer(slope, slope) / along


def _information(function: _Counted, point: Floats, lower: Floats, upper: Floats) -> Floats:
    """The negative second derivatives, by central differences of the gradient, one-sided at a bound."""
    rows = []
    for axis in range(len(point)):
        ends = []
        for step in (_DIFFERENCE_STEP, -_DIFFERENCE_STEP):
            moved = point.copy()
            moved[axis] = min(max(point[axis] + step, lower[axis]), upper[axis])
            ends.append((moved[axis], function(moved)[1]))
        rows.append((ends[1][1] - ends[0][1]) / (ends[0][0] - ends[1][0]))
    information = np.array(rows)
    return np.asarray((information + information.T) / 2.0)


def _inverse(information: Floats) -> Floats | None:
    """The inverse of a positive definite matrix, or None of another."""
    try:
        np.linalg.cholesky(information)
        return np.asarray(np.linalg.inv(information))
    except np.linalg.LinAlgError:
        return None
