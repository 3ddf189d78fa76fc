"""The probability that a family is recorded at all, for likelihoods of tables that were filtered.

Both directions are sums of positive terms in logs: upwards the probabilities of what was recorded below each node,
downwards the share of the total that passes through each of them. So the result is exact however small it is, which
`1 - P(not recorded)` is not.

What is recorded below a node is told by two capped numbers, of presences and of absences. One that saturates counts
"this many or more", one that drops forgets everything beyond it. Three pairs of caps answer every window, and the
one with the fewest outcomes is taken.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._reference_transition import (
    Floats,
    RootPresent,
    checked_rates,
    checked_tree,
    log_root_frequencies,
    log_slopes,
    log_transition_probabilities,
)

Window = Literal["observed", "variable"] | tuple[int, int]


class Observable(NamedTuple):
    """The log-probability that a pattern is observable, and its derivatives by the logs of the rates.

    Each is (n_rates,).
    """

    log_probability: Floats
    log_gain: Floats
    log_loss: Floats


class Shares(NamedTuple):
    """The log-probability of being recorded, (n_rates,), and its derivatives by the logs of what it is made of.

    `transitions` by log P[above][below], (2, 2, n_nodes, n_rates); `root` by the logs of the root frequencies,
    (2, n_rates); `tips` by the log-probabilities of what a tip's record says given its state, (n_tips, 2, 2, n_rates)
    as [tip][recorded][state]. All are 0 where the probability is 0.
    """

    log_probability: Floats
    transitions: Floats
    root: Floats
    tips: Floats


class _Cap(NamedTuple):
    """The greatest number that is kept apart, and whether greater ones are counted as it or forgotten."""

    largest: int
    saturates: bool


class _Below(NamedTuple):
    """Log-probabilities of the outcomes below each node, (n_presences, n_absences, 2, n_rates), given a state.

    `node` given the node's own state, `upper` given the state at the upper end of its branch, `before` those of its
    earlier siblings together, given their parent's state (None for the first).
    """

    node: list[Floats]
    upper: list[Floats]
    before: list[Floats | None]


def log_probability_observable(
    parent: ArrayLike,
    branch_length: ArrayLike,
    gain: ArrayLike,
    loss: ArrayLike,
    root_present: RootPresent,
    ascertainment: Window,
    tips: ArrayLike | None = None,
) -> Observable:
    """Returns the log-probability that a family is observable at all, over the complete tip set.

    "observed": at least one tip present; "variable": at least one present and one absent; a pair (lowest, highest):
    that many tips recorded as present. `tips` (n_tips, 2), rows in the order of the tips' node numbers, is the
    probability that a tip is recorded as present given its state 0 and 1; without it, 0 and 1. `gain`, `loss` and
    `root_present` are scalars or (n_rates,).

    Raises ValueError for arguments out of range. A probability of 0 gives -inf with derivatives 0.

    Source: Felsenstein 1992, doi:10.1111/j.1558-5646.1992.tb01991.x (observed); Lewis 2001,
    doi:10.1080/106351501753462876 (variable).
    """
    parents, lengths = checked_tree(parent, branch_length)
    table = _checked_tips(tips, _n_tips(parents))
    gains, losses = checked_rates(gain, loss)
    log_root = log_root_frequencies(gains, losses, root_present)
    gains, losses = np.broadcast_arrays(gains, losses, log_root[0])[:2]
    log_root = np.broadcast_to(log_root, (2, len(gains)))
    log_p = log_transition_probabilities(lengths, gains, losses)
    with np.errstate(divide="ignore"):
        log_record = np.stack([np.log1p(-table), np.log(table)], axis=1)
    found = recorded(parents, log_p, log_root, log_record, ascertainment)
    by_gain, by_loss = np.einsum("abnr,gabnr->gr", found.transitions, log_slopes(lengths, gains, losses, log_p))
    if isinstance(root_present, str):
        # d log f1 / d log gain = f0 and d log f0 / d log gain = -f1; by log loss the negative.
        through_root = found.root[1] * np.exp(log_root[0]) - found.root[0] * np.exp(log_root[1])
        by_gain, by_loss = by_gain + through_root, by_loss - through_root
    return Observable(found.log_probability, by_gain, by_loss)


def recorded(
    parent: NDArray[np.int64], log_p: Floats, log_root: Floats, log_record: Floats, ascertainment: Window
) -> Shares:
    """Returns the log-probability that a family is recorded, and the shares of what it is made of.

    `log_p` is (2, 2, n_nodes, n_rates), log P[above][below] of each branch; `log_root` (2, n_rates); `log_record`
    (n_tips, 2, 2), the log-probability of a record (absent, present) given the tip's state.

    Raises ValueError for a window that does not fit the tips.
    """
    caps, wanted = _caps(ascertainment, len(log_record))
    below = _upwards(parent, log_p, log_record, caps)
    top = below.node[-1]
    terms = log_root + top[wanted]
    value = _total(terms)
    share = np.zeros_like(top)
    share[wanted] = _share(terms, value)
    by_transition, by_tip = _downwards(parent, log_p, log_record, below, caps, share)
    return Shares(value, by_transition, share.sum(axis=(0, 1)), by_tip)


def log_probability_recorded(
    parent: NDArray[np.int64], log_p: Floats, log_root: Floats, log_record: Floats, ascertainment: Window
) -> Floats:
    """Returns the first of what `recorded` returns, (n_rates,), for the same arguments."""
    caps, wanted = _caps(ascertainment, len(log_record))
    return _total(log_root + _upwards(parent, log_p, log_record, caps).node[-1][wanted])


def _total(terms: Floats) -> Floats:
    return np.asarray(np.logaddexp.reduce(terms.reshape(-1, terms.shape[-1]), axis=0))


def _upwards(parent: NDArray[np.int64], log_p: Floats, log_record: Floats, caps: tuple[_Cap, _Cap]) -> _Below:
    merged: list[Floats | None] = [None] * len(parent)
    below = _Below([], [], [])
    tip_of_node = tip_numbers(parent)
    for node, above in enumerate(parent.tolist()):
        here = merged[node]
        if here is None:
            outcomes = _capped(_tip_outcomes(log_record[tip_of_node[node]]), *caps)
            here = np.repeat(outcomes, log_p.shape[-1], axis=-1)
        merged[node] = None
        below.node.append(here)
        if node == len(parent) - 1:
            break
        arrived = np.logaddexp(
            log_p[:, 0, node] + here[:, :, :1],
            log_p[:, 1, node] + here[:, :, 1:],
        )
        before = merged[above]
        below.upper.append(arrived)
        below.before.append(before)
        merged[above] = arrived if before is None else _capped(_convolved(before, arrived), *caps)
    return below


def _downwards(
    parent: NDArray[np.int64],
    log_p: Floats,
    log_record: Floats,
    below: _Below,
    caps: tuple[_Cap, _Cap],
    share: Floats,
) -> tuple[Floats, Floats]:
    """The shares of the total that pass through each transition and each record, from the root's outcomes down."""
    by_transition = np.zeros_like(log_p)
    by_tip = np.zeros((*log_record.shape, log_p.shape[-1]))
    tip_of_node = tip_numbers(parent)
    # Of the children that are still to come, together.
    of_children: list[Floats | None] = [None] * len(parent)
    for node in range(len(parent) - 1, -1, -1):
        here = share
        if node < len(parent) - 1:
            through = of_children[parent[node]]
            assert through is not None  # set when the parent was visited
            before = below.before[node]
            if before is not None:
                of_children[parent[node]], through = _combine_back(before, below.upper[node], through, caps)
            here = np.zeros_like(below.node[node])
            for above in (0, 1):
                for state in (0, 1):
                    path = log_p[above, state, node] + below.node[node][:, :, state]
                    part = through[:, :, above] * _share(path, below.upper[node][:, :, above])
                    by_transition[above, state, node] = part.sum(axis=(0, 1))
                    here[:, :, state] += part
        if tip_of_node[node] >= 0:
            outcomes = _tip_outcomes(log_record[tip_of_node[node]])
            both = _uncapped(here, np.repeat(outcomes, log_p.shape[-1], axis=-1), caps)
            by_tip[tip_of_node[node]] = both[0, 1], both[1, 0]
        else:
            of_children[node] = here
    return by_transition, by_tip


def _caps(ascertainment: Window, n_tips: int) -> tuple[tuple[_Cap, _Cap], tuple[slice, slice]]:
    """How presences and absences are counted, and which counts are recorded."""
    lowest, highest = _window(ascertainment, n_tips)
    fewest, most = n_tips - highest, n_tips - lowest  # absences
    everything, one = _Cap(0, True), slice(0, 1)
    choices = [
        ((_Cap(lowest, True), _Cap(fewest, True)), (slice(lowest, lowest + 1), slice(fewest, fewest + 1))),
        ((_Cap(highest, False), everything), (slice(lowest, highest + 1), one)),
        ((everything, _Cap(most, False)), (one, slice(fewest, most + 1))),
    ]
    return min(choices, key=lambda choice: (choice[0][0].largest + 1) * (choice[0][1].largest + 1))


def _window(ascertainment: Window, n_tips: int) -> tuple[int, int]:
    if ascertainment == "observed":
        return 1, n_tips
    if ascertainment == "variable":
        return 1, n_tips - 1
    if isinstance(ascertainment, str):
        raise ValueError(f"unknown ascertainment {ascertainment!r}; known: observed, variable, a pair of numbers")
    lowest, highest = ascertainment
    if not 0 <= lowest <= highest <= n_tips:
        raise ValueError(
            f"a window from {lowest} to {highest} presences does not fit {n_tips} genomes; "
            f"allowed are 0 <= lowest <= highest <= {n_tips}"
        )
    return lowest, highest


def _n_tips(parent: NDArray[np.int64]) -> int:
    return int((tip_numbers(parent) >= 0).sum())


def tip_numbers(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each node among the tips, -1 for an internal node."""
    is_tip = ~np.isin(np.arange(len(parent)), parent)
    return np.where(is_tip, np.cumsum(is_tip) - 1, -1)


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


def _tip_outcomes(log_record: Floats) -> Floats:
    """Log-probabilities of (presences, absences) at one tip given its state, (2, 2, 2, 1), before capping."""
    outcomes = np.full((2, 2, 2, 1), -np.inf)
    outcomes[0, 1, :, 0], outcomes[1, 0, :, 0] = log_record[0], log_record[1]
    return outcomes


def _capped(outcomes: Floats, presences: _Cap, absences: _Cap) -> Floats:
    """Outcomes beyond the caps added to the last that is kept, or forgotten."""
    for axis, cap in enumerate((presences, absences)):
        kept = np.moveaxis(outcomes, axis, 0)
        if len(kept) > cap.largest + 1:
            last = np.logaddexp.reduce(kept[cap.largest :], axis=0) if cap.saturates else kept[cap.largest]
            kept = np.concatenate([kept[: cap.largest], last[None]])
        outcomes = np.moveaxis(kept, 0, axis)
    return outcomes


def _uncapped(share: Floats, outcomes: Floats, caps: tuple[_Cap, _Cap]) -> Floats:
    """The shares of outcomes before they were capped."""
    presences, absences = caps
    halfway = _capped(outcomes, presences, _Cap(outcomes.shape[1], False))
    share = _uncap_axis(share, halfway, 1, absences)
    return _uncap_axis(share, outcomes, 0, presences)


def _uncap_axis(share: Floats, outcomes: Floats, axis: int, cap: _Cap) -> Floats:
    full, kept = np.moveaxis(outcomes, axis, 0), np.moveaxis(share, axis, 0)
    if len(full) <= cap.largest + 1:
        return share
    result = np.zeros_like(full)
    result[: len(kept)] = kept
    if cap.saturates:
        tail = full[cap.largest :]
        result[cap.largest :] = kept[-1] * _share(tail, np.logaddexp.reduce(tail, axis=0))
    return np.moveaxis(result, 0, axis)


def _convolved(one: Floats, two: Floats) -> Floats:
    """Outcomes over the union of two disjoint sets of tips, given the state of the node above both."""
    if one.shape[0] * one.shape[1] > two.shape[0] * two.shape[1]:
        one, two = two, one
    result = np.full((one.shape[0] + two.shape[0] - 1, one.shape[1] + two.shape[1] - 1, *two.shape[2:]), -np.inf)
    for i in range(one.shape[0]):
        for j in range(one.shape[1]):
            reached = (slice(i, i + two.shape[0]), slice(j, j + two.shape[1]))
            result[reached] = np.logaddexp(result[reached], one[i, j] + two)
    return result


def _combine_back(one: Floats, two: Floats, share: Floats, caps: tuple[_Cap, _Cap]) -> tuple[Floats, Floats]:
    """The shares of both parts of a union, from those of the union."""
    full = _convolved(one, two)
    share = _uncapped(share, full, caps)
    is_swapped = one.shape[0] * one.shape[1] > two.shape[0] * two.shape[1]
    if is_swapped:
        one, two = two, one
    by_one, by_two = np.zeros_like(one), np.zeros_like(two)
    for i in range(one.shape[0]):
        for j in range(one.shape[1]):
            reached = (slice(i, i + two.shape[0]), slice(j, j + two.shape[1]))
            part = share[reached] * _share(one[i, j] + two, full[reached])
            by_one[i, j] = part.sum(axis=(0, 1))
            by_two += part
    return (by_two, by_one) if is_swapped else (by_one, by_two)


def _share(term: Floats, total: Floats) -> Floats:
    return np.asarray(np.exp(_difference(term, total)))


def _difference(term: Floats, total: Floats) -> Floats:
    """The difference of two logs; -inf where both are."""
    return np.asarray(term - np.where(np.isneginf(total), 0.0, total))
