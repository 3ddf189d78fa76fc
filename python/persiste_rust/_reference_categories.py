"""Likelihoods of patterns under a mixture of rate categories, rates differing between branches and records with error.

The derivatives are expectations: that of log L by log P[s][k] of a branch is the posterior probability of state s at
its upper and k at its lower end, and likewise for root frequencies, category weights and the records of tips. All of
them are positive, so that nothing cancels before the chain rule is applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from persiste_rust._reference_ascertainment import Window, log_probability_recorded, recorded
from persiste_rust._reference_passes import post_order, pre_order, recorded_partials
from persiste_rust._reference_transition import Floats, log_slopes, log_transition_probabilities

# Numbers of one array of partials in one block of patterns: keeps the working set near 100 MB.
_BLOCK_NUMBERS = 2_000_000


class Patterns(NamedTuple):
    """A tree in post-order and patterns at its tips: the root last, `cells` (n_tips, n_patterns), -1 missing."""

    parent: NDArray[np.int64]
    branch_length: Floats
    tip_nodes: NDArray[np.int64]
    cells: NDArray[np.int8]


class Mixture(NamedTuple):
    """Rate categories of one group of families.

    `gain` and `loss` are (n_nodes, n_categories), per unit of branch length, the root's rows not read; `log_root`
    (2, n_categories), or None where each pattern's own likelihoods weigh the root (FitzJohn); `log_weight`
    (n_categories,); `log_record` (n_tips, 2, 2), the log-probability of a record (absent, present) given the tip's
    state, or None for records without error.
    """

    gain: Floats
    loss: Floats
    log_root: Floats | None
    log_weight: Floats
    log_record: Floats | None


class Derivatives(NamedTuple):
    """Derivatives of a sum of log-likelihoods by the logs of a mixture's numbers.

    `log_gain` and `log_loss` (n_nodes, n_categories), without the way through the root; `log_root` (2, n_categories);
    `log_weight` (n_categories,); `log_record` (n_tips, 2, 2).
    """

    log_gain: Floats
    log_loss: Floats
    log_root: Floats
    log_weight: Floats
    log_record: Floats


class _Expected(NamedTuple):
    """Expected numbers of end states of branches, (2, 2, n_nodes, n_categories), and as in `Derivatives`."""

    transitions: Floats
    log_root: Floats
    log_weight: Floats
    log_record: Floats


def root_partials(patterns: Patterns, mixture: Mixture) -> Floats:
    """Returns log P(data | state at the root) in each category, (n_categories, 2, n_patterns)."""
    log_p = _log_p(patterns, mixture)
    result = np.empty((len(mixture.log_weight), 2, patterns.cells.shape[1]))
    for block, tips in _blocks(patterns, mixture):
        for category in range(len(result)):
            table = log_p[..., category : category + 1]
            result[category, :, block] = post_order(patterns.parent, patterns.tip_nodes, tips, table)[0][-1]
    return result


def category_log_likelihoods(mixture: Mixture, partials: Floats) -> Floats:
    """Returns the log-likelihood of each pattern in each category alone, (n_categories, n_patterns).

    With FitzJohn's root the states of the root weigh as much as in the whole mixture, so that the categories'
    likelihoods add up to that of the pattern.
    """
    if mixture.log_root is None:
        of_state = _mixed_by_state(mixture, partials)
        total = np.logaddexp(of_state[0], of_state[1])
        share = of_state - np.where(np.isneginf(total), 0.0, total)
        return np.asarray(np.logaddexp(share[0] + partials[:, 0], share[1] + partials[:, 1]))
    terms = mixture.log_root.T[:, :, None] + partials
    return np.asarray(np.logaddexp(terms[:, 0], terms[:, 1]))


def log_likelihoods(mixture: Mixture, partials: Floats) -> Floats:
    """Returns the log-likelihood of each pattern under the mixture, (n_patterns,), from its `root_partials`.

    `log L = log sum_c w[c] sum_s f[c][s] L[c][s]`. With FitzJohn's root the mixture is taken for each root state,
    `L[s] = sum_c w[c] L[c][s]`, and then `L = (L[0]^2 + L[1]^2) / (L[0] + L[1])`.
    """
    if mixture.log_root is None:
        return weighed_by_own_data(*_mixed_by_state(mixture, partials))
    of_categories = category_log_likelihoods(mixture, partials)
    return np.asarray(np.logaddexp.reduce(mixture.log_weight[:, None] + of_categories, axis=0))


def weighed_by_own_data(absent: Floats, present: Floats) -> Floats:
    """Returns log((a^2 + b^2) / (a + b)) of the numbers whose logs are given: FitzJohn et al. 2009's root.

    Source: doi:10.1093/sysbio/syp067.
    """
    total = np.logaddexp(absent, present)
    return np.asarray(np.logaddexp(2.0 * absent, 2.0 * present) - np.where(np.isneginf(total), 0.0, total))


def log_recorded(patterns: Patterns, mixture: Mixture, ascertainment: Window) -> float:
    """Returns the log-probability under the mixture that a family is recorded at all."""
    log_root, log_record = _root_and_record(patterns, mixture)
    log_p = _log_p(patterns, mixture)
    of_categories = log_probability_recorded(patterns.parent, log_p, log_root, log_record, ascertainment)
    return float(np.logaddexp.reduce(mixture.log_weight + of_categories))


def derivatives(
    patterns: Patterns, mixture: Mixture, partials: Floats, weights: Floats, ascertainment: Window | None
) -> Derivatives:
    """Returns the derivatives of the weighted sum of log-likelihoods, conditioned on the ascertainment.

    `partials` are the mixture's `root_partials`, `weights` (n_patterns,) how often each pattern counts. A pattern that
    cannot arise adds nothing.
    """
    log_p = _log_p(patterns, mixture)
    found = _expected(patterns, mixture, log_p, partials, weights)
    if ascertainment is not None:
        seen = _recorded(patterns, mixture, log_p, ascertainment)
        found = _Expected(*(of - weights.sum() * part for of, part in zip(found, seen, strict=True)))
    slopes = log_slopes(patterns.branch_length, mixture.gain, mixture.loss, log_p)
    by_gain, by_loss = np.einsum("abnc,gabnc->gnc", found.transitions, slopes)
    return Derivatives(by_gain, by_loss, *found[1:])


def _log_p(patterns: Patterns, mixture: Mixture) -> Floats:
    return log_transition_probabilities(patterns.branch_length, mixture.gain, mixture.loss)


def _blocks(patterns: Patterns, mixture: Mixture) -> Iterator[tuple[slice, Floats]]:
    """Iterates over runs of patterns small enough to hold all their partials, with the partials of their tips."""
    width = max(1, _BLOCK_NUMBERS // len(patterns.parent))
    for start in range(0, patterns.cells.shape[1], width):
        block = slice(start, min(start + width, patterns.cells.shape[1]))
        yield block, recorded_partials(patterns.cells[:, block], mixture.log_record)


def _mixed_by_state(mixture: Mixture, partials: Floats) -> Floats:
    """The mixture's log-likelihood given each root state, (2, n_patterns)."""
    return np.asarray(np.logaddexp.reduce(mixture.log_weight[:, None, None] + partials, axis=0))


def _root_shares(mixture: Mixture, partials: Floats, weights: Floats) -> Floats:
    """The derivatives of the weighted sum by log L[c][s], (n_categories, 2, n_patterns)."""
    if mixture.log_root is not None:
        terms = mixture.log_weight[:, None, None] + mixture.log_root.T[:, :, None] + partials
        total = np.logaddexp.reduce(terms.reshape(-1, terms.shape[-1]), axis=0)
        return np.asarray(weights * np.exp(terms - _finite(total)))
    mixed = _mixed_by_state(mixture, partials)
    squares, total = np.logaddexp(*(2.0 * mixed)), np.logaddexp(*mixed)
    by_state = 2.0 * np.exp(2.0 * mixed - _finite(squares)) - np.exp(mixed - _finite(total))
    shares = np.exp(mixture.log_weight[:, None, None] + partials - _finite(mixed))
    return np.asarray(weights * by_state * shares)


def _expected(patterns: Patterns, mixture: Mixture, log_p: Floats, partials: Floats, weights: Floats) -> _Expected:
    """The expected numbers over all patterns."""
    shares = _root_shares(mixture, partials, weights)
    n_categories = len(mixture.log_weight)
    transitions = np.zeros_like(log_p)
    records = np.zeros((len(patterns.cells), 2, 2))
    for block, tips in _blocks(patterns, mixture):
        for category in range(n_categories):
            table = log_p[..., category : category + 1]
            partial, message = post_order(patterns.parent, patterns.tip_nodes, tips, table)
            for log_root, share in _root_runs(mixture, category, shares[category, :, block]):
                outside = pre_order(patterns.parent, log_root[:, None], table, message)
                counts = _branch_counts(partial, message, outside, table, share)
                transitions[..., category] += counts
                if mixture.log_record is not None:
                    records += _record_counts(patterns, block, partial, (log_root, outside, table), share)
    log_root_counts = np.asarray(shares.sum(axis=2).T)
    return _Expected(transitions, log_root_counts, log_root_counts.sum(axis=0), records)


def _root_runs(mixture: Mixture, category: int, shares: Floats) -> list[tuple[Floats, Floats]]:
    """Log root frequencies and weights of patterns, (2,) and (n_patterns,), whose sum is the category's part."""
    if mixture.log_root is not None:
        return [(mixture.log_root[:, category], shares.sum(axis=0))]
    return [(np.array([0.0, -np.inf]), shares[0]), (np.array([-np.inf, 0.0]), shares[1])]


def _branch_counts(partial: Floats, message: Floats, outside: Floats, log_p: Floats, share: Floats) -> Floats:
    """Weighted sums over patterns of the posteriors of both ends of each branch, (2, 2, n_nodes)."""
    counts = np.zeros(log_p.shape[:3])
    for node in range(len(partial) - 1):
        # log L once more, with the rounding of this branch's terms, so that it cancels.
        here = _finite(np.logaddexp(*(outside[node] + message[node])))
        for above in (0, 1):
            for below in (0, 1):
                path = outside[node, above] + log_p[above, below, node] + partial[node, below]
                counts[above, below, node] = np.exp(path - here) @ share
    return counts


def _record_counts(
    patterns: Patterns, block: slice, partial: Floats, around: tuple[Floats, Floats, Floats], share: Floats
) -> Floats:
    """Weighted sums over patterns of the posterior of each tip's state, by what its record is, (n_tips, 2, 2)."""
    log_root, outside, log_p = around
    counts = np.zeros((len(patterns.cells), 2, 2))
    for tip, node in enumerate(patterns.tip_nodes.tolist()):
        if node == len(partial) - 1:
            reaches = np.repeat(log_root[:, None], partial.shape[2], axis=1)
        else:
            paths = outside[node][:, None] + log_p[:, :, node]
            reaches = np.logaddexp(paths[0], paths[1])
        joint = reaches + partial[node]
        posterior = np.exp(joint - _finite(np.logaddexp(*joint))) * share
        for record in (0, 1):
            is_record = patterns.cells[tip, block] == record
            counts[tip, record] = posterior[:, is_record].sum(axis=1)
    return counts


def _recorded(patterns: Patterns, mixture: Mixture, log_p: Floats, ascertainment: Window) -> _Expected:
    """The expected numbers of one recorded family."""
    log_root, log_record = _root_and_record(patterns, mixture)
    found = recorded(patterns.parent, log_p, log_root, log_record, ascertainment)
    terms = mixture.log_weight + found.log_probability
    share = np.exp(terms - _finite(np.logaddexp.reduce(terms)))
    return _Expected(found.transitions * share, found.root * share, share, found.tips @ share)


def _root_and_record(patterns: Patterns, mixture: Mixture) -> tuple[Floats, Floats]:
    if mixture.log_root is None:
        raise ValueError("with FitzJohn's root there is no probability of being recorded")
    if mixture.log_record is not None:
        return mixture.log_root, mixture.log_record
    exact = np.where(np.eye(2, dtype=bool), 0.0, -np.inf)
    return mixture.log_root, np.broadcast_to(exact, (len(patterns.cells), 2, 2))


def _finite(logs: Floats) -> Floats:
    """Logs to divide by: 0 instead of -inf."""
    return np.asarray(np.where(np.isneginf(logs), 0.0, logs))
