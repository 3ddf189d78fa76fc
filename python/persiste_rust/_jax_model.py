"""The model of the backend `jax`: the likelihood as one program of JAX, on whatever device JAX computes.

Parameters, checks, searches and posteriors of categories are those of the NumPy backend; values and gradients are
computed here. Patterns are worked on in chunks, so that the parts of one fit the memory they are given. A pattern that
cannot arise has value -inf, and adds 0 to a gradient, never NaN.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax, numpy as jnp
from numpy.typing import NDArray

from persiste_rust import _fallback_model
from persiste_rust._fallback_data import Data
from persiste_rust._fallback_parameters import checked
from persiste_rust._jax_calls import require_64_bit
from persiste_rust._jax_joins import join_kinds, join_likelihoods
from persiste_rust._jax_rates import Categories, categories
from persiste_rust._jax_schedule import schedule
from persiste_rust._jax_sweep import Walk, sweep

_Floats = NDArray[np.float64]

# Numbers of all parts of a chunk of patterns: on a CPU what its caches hold counts, elsewhere what the device holds.
_AT_ONCE, _AT_ONCE_ELSEWHERE = 1 << 19, 1 << 27
_LOG_2 = math.log(2.0)


class _Columns(NamedTuple):
    """Patterns in chunks, (n_chunks, n_tips, size) and (n_chunks, size): cells and groups."""

    cells: Any
    group: Any


class Model(_fallback_model.Model):
    """The likelihood of data under gain and loss; see `GeneContentModel`."""

    def __init__(self, data: Data, settings: Mapping[str, Any], threads: int | None) -> None:
        """Reads the settings as the NumPy backend does and lays out the walk over the tree.

        # Errors
        As those of the NumPy backend; RuntimeError without JAX's 64-bit mode; ValueError for a window of presences
        that is neither "observed" nor "variable".
        """
        require_64_bit()
        super().__init__(data, settings, threads)
        self._kinds = self._recorded_kinds(data.n_tips)
        tree = data._tree
        plan = schedule(np.append(tree.parent[:-1], -1), np.asarray(tree._tips, dtype=np.int64))
        weight = np.concatenate([group.weights for group in self._groups])
        self._column_of_family = np.empty(data.n_families, dtype=np.int64)
        first = 0
        for group in self._groups:
            self._column_of_family[group.families] = first + group.pattern_of_family
            first += len(group.weights)
        n_categories = len(self._rates.categories(np.zeros(len(self._rates.names))).weight)
        at_once = _AT_ONCE if jax.default_backend() == "cpu" else _AT_ONCE_ELSEWHERE
        size = max(64, at_once // (2 * plan.n_parts * n_categories))
        n_chunks = -(-first // size)
        size = -(-first // n_chunks)
        self._weight = np.append(weight, np.zeros(n_chunks * size - first))
        self._columns = self._chunks(n_chunks, size)
        self._walk = Walk(
            plan,
            np.append(np.append(tree.branch_length[:-1], 0.0), 0.0),
            np.append(self._effects.set_of_node, 0),
            self._effects.n_sets,
            n_chunks == 1,
        )
        self._compiled: dict[str, Any] = {}

    def _recorded_kinds(self, n_tips: int) -> _Floats | None:
        window = self._ascertainment.window
        if window is None:
            return None
        if window in ("observed", (1, n_tips)):
            return np.array([0.0, 1.0, 1.0])
        if window in ("variable", (1, n_tips - 1)):
            return np.array([0.0, 0.0, 1.0])
        raise ValueError(
            f"backend 'jax' has the ascertainments none, observed and variable, not '{self._ascertainment.name}'; use "
            "backend 'rust' or 'numpy' for other windows"
        )

    def _chunks(self, n_chunks: int, size: int) -> _Columns:
        cells = np.concatenate([group.patterns.cells for group in self._groups], axis=1)
        group = np.repeat(np.arange(len(self._groups)), [len(group.weights) for group in self._groups])
        # Filled up with patterns of weight 0 that say nothing.
        more = n_chunks * size - cells.shape[1]
        cells = np.pad(cells, ((0, 0), (0, more)), constant_values=-1)
        return _Columns(
            jnp.asarray(np.ascontiguousarray(cells.reshape(-1, n_chunks, size).swapaxes(0, 1))),
            jnp.asarray(np.pad(group, (0, more)).reshape(n_chunks, size)),
        )

    def function(self, what: str) -> Callable[[Any], Any]:
        """Returns the log-likelihood of all families ("value") or of each ("families") as a function of JAX."""
        weight, place = jnp.asarray(self._weight), jnp.asarray(self._column_of_family)

        def value(params: Any) -> Any:
            # A column that only fills a chunk has weight 0 and a finite value.
            return weight @ self._of_columns(self._columns, params)

        def families(params: Any) -> Any:
            return self._of_columns(self._columns, params)[place]

        return {"value": value, "families": families}[what]

    def log_likelihood(self, params: _Floats) -> float:
        """Returns the log-likelihood of all families."""
        return float(self._evaluated("value", params))

    def log_likelihoods(self, params: _Floats) -> _Floats:
        """Returns the log-likelihood of each family, (n_families,); -inf where it cannot arise."""
        of_columns = np.asarray(self._evaluated("columns", params))
        return np.asarray(of_columns[self._column_of_family])

    def log_likelihoods_batch(self, params: _Floats) -> _Floats:
        """Returns the log-likelihood of all families at each row of parameters, (n_vectors,)."""
        vectors = np.stack([checked(self._parameters, row) for row in params])
        return np.array(self._evaluated("batch", vectors, is_checked=True))

    def value_and_gradient(self, params: _Floats) -> tuple[float, _Floats]:
        """Returns the log-likelihood and its derivative by each parameter, (n_parameters,)."""
        value, gradient = self._evaluated("gradient", params)
        return float(value), np.array(gradient)

    def _evaluated(self, what: str, params: _Floats, *, is_checked: bool = False) -> Any:
        require_64_bit()
        vector = params if is_checked else checked(self._parameters, params)
        if what not in self._compiled:
            self._compiled[what] = jax.jit(self._program(what))
        found = self._compiled[what](self._columns, vector)
        if np.isnan(found[0] if what == "gradient" else found).any():
            # Rates that are not finite or a root without a frequency: the checks of the NumPy backend say which.
            for row in np.atleast_2d(vector):
                point = self._point(row)
                for group in self._groups:
                    self._mixture(group, point)
        return found

    def _program(self, what: str) -> Any:
        weight = jnp.asarray(self._weight)

        def value(columns: _Columns, params: Any) -> Any:
            return weight @ self._of_columns(columns, params)

        return {
            "columns": self._of_columns,
            "value": value,
            "gradient": jax.value_and_grad(value, argnums=1),
            "batch": jax.vmap(value, in_axes=(None, 0)),
        }[what]

    def _of_columns(self, columns: _Columns, params: Any) -> Any:
        """The log-likelihood of each pattern, conditioned."""
        rates, effects, root, observation = jnp.split(params, self._ends[:-1])
        mixture = categories(self._rates.name, self._rates.options, rates)
        record, at_root = self._record(observation), int(self._effects.set_of_node[-1])
        # (n_categories, n_sets, n_groups)
        log_gain, log_loss = (
            log_rate[:, None, None] + shift for log_rate, shift in zip(mixture, self._shifts(effects), strict=False)
        )
        frequencies = self._frequencies(root, log_gain[:, [at_root]], log_loss[:, [at_root]])
        gain, loss = jnp.exp(log_gain), jnp.exp(log_loss)

        def of_chunk(chunk: _Columns) -> Any:
            return self._of_chunk(chunk, mixture, gain, loss, frequencies, record)

        if columns.cells.shape[0] == 1:
            values = of_chunk(_Columns(columns.cells[0], columns.group[0]))
        else:
            values = lax.map(of_chunk, columns).reshape(-1)
        if self._kinds is None:
            return values
        recorded = self._log_recorded(mixture, gain, loss, frequencies, record)[columns.group.reshape(-1)]
        return jnp.where(recorded == -jnp.inf, -jnp.inf, values - jnp.where(recorded == -jnp.inf, 0.0, recorded))

    def _of_chunk(
        self, chunk: _Columns, mixture: Categories, gain: Any, loss: Any, frequencies: Any, record: Any
    ) -> Any:
        is_present, is_absent = chunk.cells[:, None] == 1, chunk.cells[:, None] == 0
        # record is [tip][recorded][state]
        leaves = jnp.where(is_present, record[:, 1, :, None], jnp.where(is_absent, record[:, 0, :, None], 1.0))

        def of_groups(values: Any) -> Any:
            return values if len(self._groups) == 1 else values[..., chunk.group]

        walk = functools.partial(sweep, self._walk, join_likelihoods, leaves)
        partial, count = jax.vmap(walk)(of_groups(gain), of_groups(loss))
        lost = _LOG_2 * count
        if frequencies is None:
            of_state = [
                log_sum_exp(mixture.log_weight[:, None] + safe_log(partial[:, state]) - lost) for state in (0, 1)
            ]
            squares = log_sum_exp(2.0 * jnp.stack(of_state))
            return jnp.where(squares == -jnp.inf, -jnp.inf, squares - _finite(log_sum_exp(jnp.stack(of_state))))
        at_root = (of_groups(frequencies) * partial).sum(axis=1)
        return log_sum_exp(mixture.log_weight[:, None] + safe_log(at_root) - lost)

    def _log_recorded(self, mixture: Categories, gain: Any, loss: Any, frequencies: Any, record: Any) -> Any:
        """The log-probability that a family of each group is recorded, (n_groups,)."""
        kinds = jnp.stack([record[:, 0], record[:, 1], jnp.zeros_like(record[:, 0])], axis=-1)[..., None]
        leaves = jnp.broadcast_to(kinds, (*kinds.shape[:-1], gain.shape[-1]))
        partial, _ = jax.vmap(functools.partial(sweep, self._walk, join_kinds, leaves))(gain, loss)
        probability = (frequencies * jnp.einsum("k,cskg->csg", self._kinds, partial)).sum(axis=1)
        return log_sum_exp(mixture.log_weight[:, None] + safe_log(probability))

    def _shifts(self, params: Any) -> list[Any]:
        """What effects add to the logs of gain and loss, (n_sets, n_groups) each."""
        effects = self._effects
        found = []
        for design in effects._designs:
            rows = jnp.zeros(effects.n_groups * effects.n_sets)
            if len(design.value):
                rows = rows.at[design.row].add(design.value * params[design.column])
            found.append(rows.reshape(effects.n_groups, effects.n_sets).T)
        return found

    def _frequencies(self, params: Any, log_gain: Any, log_loss: Any) -> Any:
        """Frequencies of both states at the root, (n_categories, 2, n_groups); None where data weigh them."""
        rule = self._root.rule
        if rule == "fitzjohn":
            return None
        if rule == "stationary":
            odds = log_gain - log_loss
        elif rule == "estimated":
            odds = jnp.full_like(log_gain, 1.0) * params[0]
        else:
            present = jnp.full_like(log_gain, self._root.present)
            return jnp.concatenate([1.0 - present, present], axis=1)
        return jnp.concatenate([jax.nn.sigmoid(-odds), jax.nn.sigmoid(odds)], axis=1)

    def _record(self, params: Any) -> Any:
        """P(record | state), [tip][recorded][state]."""
        observation, n_tips = self._observation, self._data.n_tips
        split = len(observation._complete.parameters)
        columns = []
        for of_state, own in ((observation._foreign, params[split:]), (observation._complete, params[:split])):
            if of_state.given is not None:
                present = jnp.asarray(of_state.given)
                columns.append(jnp.stack([1.0 - present, present], axis=1))
            else:
                logits = jnp.broadcast_to(own, (n_tips,))
                columns.append(jnp.stack([jax.nn.sigmoid(-logits), jax.nn.sigmoid(logits)], axis=1))
        return jnp.stack(columns, axis=2)


def safe_log(values: Any) -> Any:
    """Returns the log; of 0 it is -inf with derivative 0."""
    is_positive = values > 0.0
    # NaN stays NaN: it is reported, never taken for impossible.
    return jnp.where(values == 0.0, -jnp.inf, jnp.log(jnp.where(is_positive | jnp.isnan(values), values, 1.0)))


def log_sum_exp(terms: Any) -> Any:
    """Returns the log of the sum over the first axis of what these are logs of; -inf of nothing, with derivative 0."""
    largest = lax.stop_gradient(_finite(terms.max(axis=0)))
    return safe_log(jnp.exp(terms - largest).sum(axis=0)) + largest


def _finite(values: Any) -> Any:
    return jnp.where(values == -jnp.inf, 0.0, values)
