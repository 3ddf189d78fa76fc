"""The NumPy twin of the kernel: log-likelihoods of gains and losses on a tree, and their exact gradient.

Everything is in natural logs and sums are taken by log-add-exp, for each state by itself. No number that
arises can underflow or overflow, whatever the tree, so there is no scaling to get wrong; that is the point of
a twin, and the price is speed.

A tree is three arrays in post-order: `parent` (n_nodes,) with `parent[n] > n`, the root last; `branch_length`
(n_nodes,), expected time units, the root's ignored; `tip_nodes` (n_tips,), the node of each row of `cells`.
Polytomies and nodes with one child are legal. States: 0 absent, 1 present; a cell of -1 is missing. Arrays
over `n_rates` hold one entry if all families share their rates, else one a family.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._reference_ascertainment import Observable, log_probability_observable
from persiste_rust._reference_passes import post_order, pre_order, recorded_partials
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

__all__ = [
    "Derivatives",
    "Observable",
    "log_likelihoods",
    "log_probability_observable",
    "log_transition_probabilities",
    "value_and_gradient",
]

# Numbers of one array of partials in one block of families: keeps the working set near 100 MB.
_BLOCK_NUMBERS = 4_000_000


class Derivatives(NamedTuple):
    """Log-likelihoods and their derivatives; NaN derivatives where the log-likelihood is -inf.

    `log_likelihoods`, `gain`, `loss` and `root_present` are (n_families,); `branch_length` (n_nodes,) is
    summed over families with the weights given, and 0 for the root. With a stationary root, `gain` and `loss`
    include the way through the root frequencies.
    """

    log_likelihoods: Floats
    gain: Floats
    loss: Floats
    root_present: Floats
    branch_length: Floats


def log_likelihoods(
    parent: ArrayLike,
    branch_length: ArrayLike,
    tip_nodes: ArrayLike,
    cells: ArrayLike,
    gain: ArrayLike,
    loss: ArrayLike,
    root_present: RootPresent,
    tips: ArrayLike | None = None,
) -> Floats:
    """Returns the log-likelihood of each family by Felsenstein's pruning, (n_families,), natural log.

    `L = sum_s f[s] prod_c sum_k P[s][k](t_c) L_c[k]`, families independent given the tree. `cells` is
    (n_tips, n_families) with 0, 1 and -1; `gain` and `loss` are scalars or (n_families,), per expected time
    unit, not negative; `root_present` is P(root = 1), a scalar or (n_families,), or "stationary" for gain /
    (gain + loss), which keeps P(root = 0) exact where it is small. `tips` is (n_tips, 2), the probabilities that a
    tip is recorded present given state 0 and given state 1; without it tips are recorded without error. A family
    that cannot arise gives exactly -inf.

    Raises ValueError for arrays that do not fit, rates or frequencies out of range, and a stationary root
    with gain = loss = 0.

    Source: Felsenstein 1981, doi:10.1007/BF01734359.

    >>> log_likelihoods([2, 2, -1], [0.3, 0.7, 0], [0, 1], [[0], [0]], 0.4, 1.1, "stationary").round(6)
    array([-0.542295])
    """
    problem = _Problem(parent, branch_length, tip_nodes, cells, gain, loss, root_present, tips)
    result = np.empty(problem.n_families)
    for families in problem.blocks():
        block = problem.block(families)
        recorded = recorded_partials(block.cells, problem.log_record)
        partial, _ = post_order(block.parent, block.tip_nodes, recorded, block.log_p)
        result[families] = np.logaddexp(*(block.log_root + partial[-1]))
    return result


def value_and_gradient(
    parent: ArrayLike,
    branch_length: ArrayLike,
    tip_nodes: ArrayLike,
    cells: ArrayLike,
    gain: ArrayLike,
    loss: ArrayLike,
    root_present: RootPresent,
    weights: ArrayLike = 1.0,
    tips: ArrayLike | None = None,
) -> Derivatives:
    """Returns log-likelihoods and their exact derivatives, by one post-order and one pre-order pass.

    `dL / dP[s][k]` of a branch is the pre-order partial of `s` at its upper end, times the partial of `k` at
    its lower end; the rest is the chain rule. Arguments are those of `log_likelihoods`; `weights`, a scalar
    or (n_families,), enter only the derivatives by branch length. Derivatives are exact at rate 0 and length
    0 too, where they are one-sided.
    """
    problem = _Problem(parent, branch_length, tip_nodes, cells, gain, loss, root_present, tips)
    weight = np.broadcast_to(np.asarray(weights, dtype=np.float64), (problem.n_families,))
    value, by_gain, by_loss, by_root = (np.empty(problem.n_families) for _ in range(4))
    by_length = np.zeros(len(problem.parent))
    for families in problem.blocks():
        block = problem.block(families)
        recorded = recorded_partials(block.cells, problem.log_record)
        partial, message = post_order(block.parent, block.tip_nodes, recorded, block.log_p)
        value[families] = np.logaddexp(*(block.log_root + partial[-1]))
        possible = np.isfinite(value[families])
        outside = pre_order(block.parent, block.log_root, block.log_p, message)
        # Impossible families are overwritten with NaN at the end.
        gradient = _root_gradient(block, partial[-1] - np.where(possible, value[families], 0.0))
        relevant = possible & (weight[families] != 0.0)
        steps = log_derivatives(*columns(block.branch_length, block.gain, block.loss))
        for node in range(len(block.parent) - 1):
            # log L once more, with the rounding of this branch's terms, so that it cancels.
            here = np.logaddexp(*(outside[node] + message[node]))
            relative = outside[node] - np.where(possible, here, 0.0)
            branch = _branch_gradient(partial[node], relative, steps[:, :, node])
            gradient[:2] += branch[:2]
            by_length[node] += np.sum(weight[families] * branch[2], where=relevant)
        by_length[:-1][~(possible | (weight[families] == 0.0)).all()] = np.nan
        for out, found in zip((by_gain, by_loss, by_root), gradient, strict=True):
            out[families] = np.where(possible, found, np.nan)
    return Derivatives(value, by_gain, by_loss, by_root, by_length)


class _Block(NamedTuple):
    """One run of families: what the passes over the tree need."""

    parent: NDArray[np.int64]
    branch_length: Floats
    tip_nodes: NDArray[np.int64]
    cells: NDArray[np.int8]
    gain: Floats
    loss: Floats
    log_root: Floats
    stationary: bool
    log_p: Floats


def _log_record(tips: ArrayLike, n_tips: int) -> Floats:
    """The log-probability of a record (absent, present) given the state, (n_tips, 2, 2)."""
    present = np.asarray(tips, dtype=np.float64)
    if present.shape != (n_tips, 2):
        raise ValueError(f"tips has shape {present.shape}; allowed is ({n_tips}, 2)")
    if not ((present >= 0.0) & (present <= 1.0)).all():
        raise ValueError("tips holds values outside [0, 1], which are no probabilities")
    with np.errstate(divide="ignore"):
        return np.stack([np.log1p(-present), np.log(present)], axis=1)


class _Problem:
    """Checked arguments, cut into blocks of families."""

    def __init__(
        self,
        parent: ArrayLike,
        branch_length: ArrayLike,
        tip_nodes: ArrayLike,
        cells: ArrayLike,
        gain: ArrayLike,
        loss: ArrayLike,
        root_present: RootPresent,
        tips: ArrayLike | None,
    ) -> None:
        self.parent, self.branch_length = checked_tree(parent, branch_length)
        self.tip_nodes = np.asarray(tip_nodes, dtype=np.int64)
        self.cells = np.asarray(cells)
        if self.cells.ndim != 2 or len(self.cells) != len(self.tip_nodes):
            raise ValueError(f"cells has shape {self.cells.shape}; allowed is ({len(self.tip_nodes)}, n_families)")
        if self.cells.size and not np.isin(self.cells, (-1, 0, 1)).all():
            raise ValueError("cells holds other values than 0, 1 and -1 (missing)")
        self.n_families = self.cells.shape[1]
        self.log_record = None if tips is None else _log_record(tips, len(self.tip_nodes))
        gains, losses = checked_rates(gain, loss)
        self.stationary = isinstance(root_present, str)
        log_root = log_root_frequencies(gains, losses, root_present)
        shapes = {np.shape(given) for given in (gains, losses, log_root[0])} - {(), (1,)}
        if shapes - {(self.n_families,)}:
            raise ValueError(f"rates have shape {sorted(shapes)}; allowed are a scalar and ({self.n_families},)")
        shape = (self.n_families,) if shapes else (1,)
        self.gain, self.loss = np.broadcast_to(gains, shape), np.broadcast_to(losses, shape)
        self.log_root = np.broadcast_to(log_root.reshape(2, -1), (2, *shape))

    def blocks(self) -> Iterator[slice]:
        """Iterates over runs of families small enough to hold all their partials."""
        # Rates that differ between families need a table of transition probabilities for each.
        numbers = _BLOCK_NUMBERS if len(self.gain) == 1 else _BLOCK_NUMBERS // 8
        width = max(1, numbers // len(self.parent))
        for start in range(0, self.n_families, width):
            yield slice(start, min(start + width, self.n_families))

    def block(self, families: slice) -> _Block:
        """Returns the arrays of one run of families."""
        rates = families if len(self.gain) == self.n_families else slice(0, 1)
        gain, loss = self.gain[rates], self.loss[rates]
        log_p = log_transition_probabilities(self.branch_length, gain, loss)
        log_root = self.log_root[:, rates]
        cells = self.cells[:, families]
        return _Block(
            self.parent,
            self.branch_length,
            self.tip_nodes,
            cells,
            gain,
            loss,
            log_root,
            self.stationary,
            log_p,
        )


def _branch_gradient(partial: Floats, outside: Floats, step: Floats) -> Floats:
    """Returns the derivatives of log L through one branch by gain, loss and length, (3, n_families).

    `partial` and `outside`, (2, n_families), are those of the branch, the latter relative to log L; `step` is its
    entry of `log_derivatives`. Every product is formed in logs, so that it overflows only where the derivative
    itself does.
    """
    with np.errstate(over="ignore"):
        gained = np.exp(outside[0] + partial[1] + step[0])
        not_gained = np.exp(outside[0] + partial[0] + step[0])
        lost = np.exp(outside[1] + partial[0] + step[1])
        not_lost = np.exp(outside[1] + partial[1] + step[1])
    by_gained, by_lost = gained - not_gained, lost - not_lost
    return np.stack([by_gained[0] - by_lost[0], by_lost[1] - by_gained[1], by_gained[2] + by_lost[2]])


def _root_gradient(block: _Block, partial: Floats) -> Floats:
    """Returns the derivatives through the root frequencies by gain, loss and P(root = 1), (3, n_families).

    A stationary P(root = 1) = g/(g+l) has the derivatives l/(g+l)^2 and -g/(g+l)^2.
    """
    total = block.gain + block.loss
    with np.errstate(divide="ignore", over="ignore"):
        fixed = np.zeros_like(block.gain)
        step = np.stack([block.loss, block.gain]) / total / total if block.stationary else np.stack([fixed, fixed])
        step = np.log(np.concatenate([step, np.ones_like(step[:1])]))[:, None]
        up = np.exp(partial[1] + step[:, 0]) - np.exp(partial[0] + step[:, 0])
    return np.stack([up[0], -up[1], up[2]])
