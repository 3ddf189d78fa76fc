"""Transition probabilities, their derivatives and root frequencies: what holds before any data are seen."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
RootPresent = ArrayLike | Literal["stationary"]

_TINY = 1e-20  # below it 1 - exp(-x) is x to the last bit


def log_transition_probabilities(branch_length: ArrayLike, gain: ArrayLike, loss: ArrayLike) -> Floats:
    """Returns log P[above][below], shape (2, 2, n_branches, n_rates).

    With gain g and loss l: `P01 = g/(g+l) (1 - exp(-(g+l) t))`, `P10` the same with g and l exchanged, rows
    sum to 1; the identity for g = l = 0. `P00` is taken as `(l + g exp(-(g+l) t)) / (g+l)` or as `1 - P01`,
    whichever does not cancel. No entry is 0 unless it is 0 in exact arithmetic.
    """
    t, gains, losses = columns(branch_length, gain, loss)
    total = gains + losses
    safe_total = np.where(total > 0.0, total, 1.0)
    with np.errstate(over="ignore"):
        x = total * t
    with np.errstate(divide="ignore"):
        log_change = np.where(x < _TINY, np.log(safe_total) + np.log(t), np.log(-np.expm1(-x)))

        def leave_and_stay(there: Floats, back: Floats) -> list[Floats]:
            leave = there + log_change
            probability = np.exp(leave)
            near = np.log1p(-np.minimum(probability, 0.5))
            return [leave, np.where(probability < 0.5, near, np.logaddexp(back, there - x))]

        share_gain, share_loss = np.log(gains) - np.log(safe_total), np.log(losses) - np.log(safe_total)
        leave_absent, stay_absent = leave_and_stay(share_gain, share_loss)
        leave_present, stay_present = leave_and_stay(share_loss, share_gain)
    return np.stack([np.stack([stay_absent, leave_absent]), np.stack([leave_present, stay_present])])


def log_derivatives(t: Floats, gain: Floats, loss: Floats) -> Floats:
    """Returns log |d P01| and log |d P10| by gain, loss and length: (2, 3, n_branches, n_rates).

    With gain g, loss l and x = (g+l) t: dP01/dg = (l/(g+l)) (1-e^-x)/(g+l) + (g/(g+l)) t e^-x > 0 and
    dP01/dl = -g t^2 h(x) < 0 with h(x) = (1 - e^-x - x e^-x) / x^2 and dP01/dt = g e^-x > 0; dP10 the same
    with g and l exchanged. No difference of close numbers is taken.
    """
    total = gain + loss
    safe_total = np.where(total > 0.0, total, 1.0)
    with np.errstate(over="ignore"):
        x = total * t
    # h by its series sum (-x)^m (m+1)/(m+2)! below 0.3, where 14 terms reach 1e-19, and directly above.
    series, term = np.zeros_like(x), np.full_like(x, 0.5)
    small, large = np.minimum(x, 0.3), np.maximum(x, 0.3)
    for m in range(14):
        series += term
        term = -term * small * (m + 2) / ((m + 1) * (m + 3))
    h = np.where(x < 0.3, series, (-np.expm1(-large) / large - np.exp(-large)) / large)
    with np.errstate(divide="ignore"):
        log_t, log_h = np.log(t), np.log(h)
        log_mean = np.where(x < _TINY, log_t, np.log(-np.expm1(-x)) - np.log(safe_total))

        def by_own_other_length(there: Floats, back: Floats) -> list[Floats]:
            share_there = np.where(total > 0.0, there / safe_total, 0.5)
            share_back = np.where(total > 0.0, back / safe_total, 0.5)
            own = np.logaddexp(np.log(share_back) + log_mean, np.log(share_there) + log_t - x)
            return [own, np.log(there) + 2.0 * log_t + log_h, np.log(there) - x]

        leave_absent, leave_present = by_own_other_length(gain, loss), by_own_other_length(loss, gain)
    return np.stack([np.stack(leave_absent), np.stack([leave_present[i] for i in (1, 0, 2)])])


def log_slopes(branch_length: ArrayLike, gain: ArrayLike, loss: ArrayLike, log_p: Floats) -> Floats:
    """Returns d log P / d log rate, (gain or loss, above, below, n_branches, n_rates); 0 where P is 0.

    `log_p` is what `log_transition_probabilities` returns for the same arguments.
    """
    lengths, *rates = columns(branch_length, gain, loss)
    steps = log_derivatives(lengths, *rates)[:, :2]
    with np.errstate(divide="ignore"):
        log_rate = np.log(np.stack(rates))
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


def columns(branch_length: ArrayLike, gain: ArrayLike, loss: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Branch lengths down, rates across: three arrays of shape (n_branches, n_rates).

    Rates are scalars, (n_rates,) for all branches, or (n_branches, n_rates).
    """
    lengths = np.asarray(branch_length, dtype=np.float64).reshape(-1, 1)
    rates = (np.asarray(rate, dtype=np.float64) for rate in (gain, loss))
    gains, losses = (rate if rate.ndim == 2 else rate.reshape(1, -1) for rate in rates)
    t, gains, losses = np.broadcast_arrays(lengths, gains, losses)
    return t, gains, losses


def checked_tree(parent: ArrayLike, branch_length: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Checks the arrays of a tree; the root's own length becomes 0, since nothing depends on it."""
    parents = np.asarray(parent, dtype=np.int64)
    lengths = np.array(branch_length, dtype=np.float64)
    if parents.ndim != 1 or len(parents) == 0 or lengths.shape != parents.shape:
        raise ValueError(f"parent has shape {parents.shape} and branch_length {lengths.shape}; allowed is (n_nodes,)")
    nodes = np.arange(len(parents) - 1)
    if (parents[:-1] <= nodes).any() or (parents[:-1] >= len(parents)).any():
        raise ValueError("parent is not in post-order: each node but the last needs a parent of higher index")
    lengths[-1] = 0.0
    if not (np.isfinite(lengths) & (lengths >= 0.0)).all():
        raise ValueError("branch_length holds a length that is not finite or below 0")
    return parents, lengths


def checked_rates(gain: ArrayLike, loss: ArrayLike) -> tuple[Floats, Floats]:
    """Checks rates: finite, not negative, scalar or one-dimensional; returned as one-dimensional arrays."""
    gains, losses = (np.atleast_1d(np.asarray(rate, dtype=np.float64)) for rate in (gain, loss))
    for name, rates in (("gain", gains), ("loss", losses)):
        if rates.ndim != 1 or not (np.isfinite(rates) & (rates >= 0.0)).all():
            raise ValueError(f"{name} must be a finite rate of 0 or more, a scalar or one for each family")
    return gains, losses


def log_root_frequencies(gain: Floats, loss: Floats, root_present: RootPresent) -> Floats:
    """Returns the logs of P(root = 0) and P(root = 1), (2, n_rates)."""
    if isinstance(root_present, str):
        if root_present != "stationary":
            raise ValueError(f"unknown root {root_present!r}; allowed are 'stationary' and numbers from 0 to 1")
        total = gain + loss
        if not (total > 0.0).all():
            raise ValueError("the stationary root frequencies are undefined for gain = loss = 0")
        with np.errstate(divide="ignore"):
            logs = np.broadcast_arrays(np.log(loss) - np.log(total), np.log(gain) - np.log(total))
        return np.stack(logs)
    present = np.atleast_1d(np.asarray(root_present, dtype=np.float64))
    if present.ndim != 1 or not ((present >= 0.0) & (present <= 1.0)).all():
        raise ValueError("root_present must be a probability from 0 to 1, a scalar or one for each family")
    with np.errstate(divide="ignore"):
        return np.stack([np.log1p(-present), np.log(present)])
