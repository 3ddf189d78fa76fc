"""A walk over a tree from the tips to the root as a program of JAX, with a walk back for its derivatives.

Every part is used once, so the adjoint of a part is written once: the walk back takes as long as the way up, where the
transpose that JAX finds for itself would clear a table of all parts at each level.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax, numpy as jnp
from numpy.typing import NDArray

from persiste_rust._jax_schedule import Levels, Schedule

# Joins (gain, loss, length, is_single, parts): rates and lengths (2, width, 1 or n_columns), `is_single` (width,),
# parts (2, width, ...); returns the results, (width, ...), and a count that has no derivative.
Join = Callable[[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


class Walk(NamedTuple):
    """A tree's schedule, its branch lengths (n_nodes + 1,) and the set of rates of each branch, (n_nodes + 1,).

    The last entry is of the branch of length 0. Walks are compared by identity: one is made for each model.
    """

    schedule: Schedule
    branch_length: NDArray[np.float64]
    set_of_branch: NDArray[np.int64]
    n_sets: int
    # Whether all parts are kept for the walk back, or computed again.
    keeps_parts: bool

    def __hash__(self) -> int:
        """Returns the identity's."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        """Returns whether it is the same object."""
        return self is other


class _Level(NamedTuple):
    """What a step of the walk reads: parts, branch lengths, sets of rates, single joins, place of the results."""

    parts: Any
    length: Any
    sets: Any
    is_single: Any
    first: Any


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def sweep(walk: Walk, join: Join, leaves: Any, gain: Any, loss: Any) -> Any:
    """Returns the root's part and the sum of all counts.

    `leaves` (n_tips, ...) are the tips' parts; `gain` and `loss` (n_sets, 1 or n_columns) the rates of each set of
    branches.
    """
    parts, count = _up(walk, join, leaves, gain, loss)
    return parts[walk.schedule.root], count


def _forward(walk: Walk, join: Join, leaves: Any, gain: Any, loss: Any) -> Any:
    parts, count = _up(walk, join, leaves, gain, loss)
    saved = parts if walk.keeps_parts else leaves
    return (parts[walk.schedule.root], count), (saved, gain, loss)


def _backward(walk: Walk, join: Join, saved: Any, by: Any) -> Any:
    parts, gain, loss = saved
    n_leaves = _n_leaves(walk)
    if not walk.keeps_parts:
        parts, _ = _up(walk, join, parts, gain, loss)
    adjoint = jnp.zeros_like(parts).at[walk.schedule.root].set(by[0])

    def step(carried: Any, level: _Level) -> Any:
        adjoint, by_gain, by_loss = carried
        width = level.is_single.shape[0]
        above = lax.dynamic_slice_in_dim(adjoint, level.first, width)

        def joined(gain: Any, loss: Any, below: Any) -> Any:
            of_gain, of_loss = _rates(walk, level, gain, loss)
            return join(of_gain, of_loss, level.length, level.is_single, below)

        _, pull, _ = jax.vjp(joined, gain, loss, parts[level.parts], has_aux=True)
        own_gain, own_loss, below = pull(above)
        return (adjoint.at[level.parts].set(below), by_gain + own_gain, by_loss + own_loss), None

    carried = (adjoint, jnp.zeros_like(gain), jnp.zeros_like(loss))
    for run in reversed(walk.schedule.runs):
        carried = _over(walk, run, step, carried, reverse=True)
    return carried[0][:n_leaves], carried[1], carried[2]


sweep.defvjp(_forward, _backward)


def _up(walk: Walk, join: Join, leaves: Any, gain: Any, loss: Any) -> Any:
    """All parts, and the sum of counts."""
    n_more = walk.schedule.n_parts - leaves.shape[0]
    parts = jnp.concatenate([leaves, jnp.ones((n_more, *leaves.shape[1:]))])

    def step(carried: Any, level: _Level) -> Any:
        parts, count = carried
        of_gain, of_loss = _rates(walk, level, gain, loss)
        joined, counted = join(of_gain, of_loss, level.length, level.is_single, parts[level.parts])
        return (lax.dynamic_update_slice_in_dim(parts, joined, level.first, 0), count + counted), None

    carried = (parts, jnp.zeros(leaves.shape[-1]))
    for run in walk.schedule.runs:
        carried = _over(walk, run, step, carried, reverse=False)
    return carried


def _over(walk: Walk, run: Levels, step: Any, carried: Any, *, reverse: bool) -> Any:
    n_levels, _, width = run.parts.shape
    levels = _Level(
        jnp.asarray(run.parts),
        jnp.asarray(walk.branch_length[run.branches][..., None]),
        jnp.asarray(walk.set_of_branch[run.branches]),
        jnp.asarray(run.is_single),
        jnp.asarray(run.first + width * np.arange(n_levels)),
    )
    if n_levels == 1:
        return step(carried, _Level(*(each[0] for each in levels)))[0]
    return lax.scan(step, carried, levels, reverse=reverse)[0]


def _rates(walk: Walk, level: _Level, gain: Any, loss: Any) -> Any:
    if walk.n_sets == 1:
        return gain[None], loss[None]
    return gain[level.sets], loss[level.sets]


def _n_leaves(walk: Walk) -> int:
    return walk.schedule.runs[0].first - 1 if walk.schedule.runs else walk.schedule.n_parts - 1
