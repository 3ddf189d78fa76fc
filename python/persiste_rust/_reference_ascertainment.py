"""The probability that a family is observable at all, for likelihoods of tables that were filtered."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from persiste_rust._reference_transition import (
    Floats,
    RootPresent,
    checked_rates,
    checked_tree,
    columns,
    log_derivatives,
    log_root_frequencies,
    log_transition_probabilities,
)


class Observable(NamedTuple):
    """The log-probability that a pattern is observable, and its derivatives by the logs of the rates.

    Each is (n_rates,).
    """

    log_probability: Floats
    log_gain: Floats
    log_loss: Floats


def log_probability_observable(
    parent: ArrayLike,
    branch_length: ArrayLike,
    gain: ArrayLike,
    loss: ArrayLike,
    root_present: RootPresent,
    ascertainment: Literal["observed", "variable"] | tuple[int, int],
    tips: ArrayLike | None = None,
) -> Observable:
    """Returns the log-probability that a family is observable at all, over the complete tip set.

    "observed": at least one tip present; "variable": at least one present and one absent; a pair (lowest, highest):
    that many tips recorded as present. `tips` (n_tips, 2), rows in the order of the tips' node numbers, is the
    probability that a tip is recorded as present given its state 0 and 1; without it, 0 and 1.

    A pair is answered from the probabilities of all numbers of presences, convolved over the children of each node:
    O(n_tips^2). For the names, let a, b, m be the probabilities that all tips below a node are absent, all present,
    mixed, given the node's state. Two disjoint sets of tips combine to `a a'`, `b b'`,
    `m + (a + b) m' + a b' + b a'` (with `a' + b' + m' = 1`). Either way there are only sums of positive terms, so the
    result is exact however small it is, which `1 - P(unobservable)` is not. Derivatives are by forward mode through
    the same sums. `gain`, `loss` and `root_present` are scalars or (n_rates,).

    Raises ValueError for arguments out of range. A probability of 0 gives -inf with derivatives 0.

    Source: Felsenstein 1992, doi:10.1111/j.1558-5646.1992.tb01991.x (observed); Lewis 2001,
    doi:10.1080/106351501753462876 (variable).
    """
    parents, lengths = checked_tree(parent, branch_length)
    is_tip = ~np.isin(np.arange(len(parents)), parents)
    recorded = iter(_checked_tips(tips, int(is_tip.sum())))
    wanted = _wanted(ascertainment, int(is_tip.sum()))
    combine, n_outcomes = (_combine, 3) if isinstance(ascertainment, str) else (_convolve, 2)
    gains, losses = checked_rates(gain, loss)
    log_root = log_root_frequencies(gains, losses, root_present)
    gains, losses = np.broadcast_arrays(gains, losses, log_root[0])[:2]
    log_p = log_transition_probabilities(lengths, gains, losses)
    slope = _log_slopes(lengths, gains, losses, log_p)
    merged: list[tuple[Floats, Floats] | None] = [None] * len(parents)
    for node in range(len(parents)):
        log, tangent = merged[node] or _tip_outcomes(next(recorded), n_outcomes, len(gains))
        merged[node] = None
        if node == len(parents) - 1:
            break
        # Axes of terms: state below (summed), outcome, state above, rate; tangents have the parameter before
        # outcome.
        arrives = log_p[:, :, node].swapaxes(0, 1)
        below = log.swapaxes(0, 1)
        terms = arrives[:, None] + below[:, :, None]
        slopes = slope[:, :, :, node].transpose(2, 0, 1, 3)[:, :, None] + tangent.transpose(2, 0, 1, 3)[:, :, :, None]
        above = _log_sum(terms, slopes)
        other = merged[parents[node]]
        merged[parents[node]] = above if other is None else combine(other, above)
    root_slope = np.zeros((2, 2, len(gains)))
    if isinstance(root_present, str):
        absent, present = np.exp(log_root)
        root_slope = np.array([[-present, absent], [present, -absent]])
    terms = (log_root + log[wanted]).reshape(-1, len(gains))
    slopes = (root_slope[:, None] + tangent[:, wanted]).reshape(2, -1, len(gains)).swapaxes(0, 1)
    value, gradient = _log_sum(terms, slopes)
    return Observable(value, gradient[0], gradient[1])


def _checked_tips(tips: ArrayLike | None, n_tips: int) -> Floats:
    """Probabilities of being recorded as present, (n_tips, 2)."""
    if tips is None:
        return np.tile([0.0, 1.0], (n_tips, 1))
    table = np.asarray(tips, dtype=np.float64)
    if table.shape != (n_tips, 2):
        raise ValueError(f"tips has shape {table.shape}; expected ({n_tips}, 2)")
    wrong = ~((table >= 0.0) & (table <= 1.0))
    if wrong.any():
        tip, state = np.argwhere(wrong)[0]
        raise ValueError(f"tips[{tip}, {state}] is {table[tip, state]}; allowed are probabilities from 0 to 1")
    return table


def _wanted(ascertainment: str | tuple[int, int], n_tips: int) -> slice:
    """Which outcomes are observable."""
    if ascertainment == "observed":
        return slice(1, 3)
    if ascertainment == "variable":
        return slice(2, 3)
    if isinstance(ascertainment, str):
        raise ValueError(f"unknown ascertainment {ascertainment!r}; known: observed, variable, a pair of numbers")
    lowest, highest = ascertainment
    if not 0 <= lowest <= highest <= n_tips:
        raise ValueError(
            f"a window from {lowest} to {highest} presences does not fit {n_tips} genomes; "
            f"allowed are 0 <= lowest <= highest <= {n_tips}"
        )
    return slice(lowest, highest + 1)


def _tip_outcomes(recorded: Floats, n_outcomes: int, n_rates: int) -> tuple[Floats, Floats]:
    """Logs of (recorded absent, recorded present, and 0) at a tip, and tangents 0.

    (n_outcomes, 2, n_rates) and (2, n_outcomes, 2, n_rates).
    """
    log = np.full((n_outcomes, 2, n_rates), -np.inf)
    with np.errstate(divide="ignore"):
        log[0] = np.log(1.0 - recorded)[:, None]
        log[1] = np.log(recorded)[:, None]
    return log, np.zeros((2, *log.shape))


def _convolve(one: tuple[Floats, Floats], two: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Numbers of presences in the union of two disjoint sets of tips, given the state of the node above both."""
    if len(one[0]) > len(two[0]):
        one, two = two, one
    n_two = len(two[0])
    log = np.full((len(one[0]) + n_two - 1, *two[0].shape[1:]), -np.inf)
    tangent = np.zeros((2, *log.shape))
    for count, (term, slope) in enumerate(zip(one[0], one[1].swapaxes(0, 1), strict=True)):
        reached = slice(count, count + n_two)
        terms = np.stack([log[reached], term + two[0]])
        slopes = np.stack([tangent[:, reached], slope[:, None] + two[1]])
        log[reached], tangent[:, reached] = _log_sum(terms, slopes)
    return log, tangent


def _combine(one: tuple[Floats, Floats], two: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Outcomes over the union of two disjoint sets of tips, given the state of the node above both."""
    (a, b, m), (a2, b2, m2) = one[0], two[0]
    da, db, dm = one[1].swapaxes(0, 1)
    da2, db2, dm2 = two[1].swapaxes(0, 1)
    terms = np.stack([m, a + m2, b + m2, a + b2, b + a2])
    slopes = np.stack([dm, da + dm2, db + dm2, da + db2, db + da2])
    mixed, mixed_slope = _log_sum(terms, slopes)
    return np.stack([a + a2, b + b2, mixed]), np.stack([da + da2, db + db2, mixed_slope], axis=1)


def _log_sum(terms: Floats, slopes: Floats) -> tuple[Floats, Floats]:
    """Log of the sum of exp(terms) along the first axis, and its derivative: the weighted mean of the slopes.

    `slopes` is (n_terms, n_parameters, ...) where `terms` is (n_terms, ...); a sum of nothing but zeros has
    slope 0.
    """
    top = terms.max(axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    weight = np.exp(terms - top)
    total = weight.sum(axis=0)
    with np.errstate(divide="ignore"):
        value = top + np.log(total)
    gradient = (weight[:, None] * slopes).sum(axis=0) / np.where(total > 0.0, total, 1.0)
    return value, gradient


def _log_slopes(branch_length: Floats, gain: Floats, loss: Floats, log_p: Floats) -> Floats:
    """Returns d log P / d log rate, (gain or loss, above, below, n_branches, n_rates); 0 where P is 0."""
    columns_ = columns(branch_length, gain, loss)
    steps = log_derivatives(*columns_)[:, :2]
    with np.errstate(divide="ignore"):
        log_rate = np.log(np.stack(columns_[1:]))
    slope = np.zeros((2, *log_p.shape))
    finite = np.isfinite(log_p)
    for above in (0, 1):
        for rate in (0, 1):
            # More gain raises P01 and lowers P10; each row sums to 1.
            raises = 1 - above if rate == 0 else above
            for below in (0, 1):
                size = np.exp(steps[above, rate] + log_rate[rate] - np.where(finite, log_p, 0.0)[above, below])
                sign = 1.0 if (below != above) == (raises == 1) else -1.0
                slope[rate, above, below] = np.where(finite[above, below], sign * size, 0.0)
    return slope
