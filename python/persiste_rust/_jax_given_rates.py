"""Log-likelihoods as a JAX function of plain numbers: rates, branch lengths, root frequencies, category weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp

from persiste_rust import _backend
from persiste_rust._jax_calls import Bridge, Calls, Outside, require_64_bit
from persiste_rust.data import GeneContentData


def given_rates(
    data: GeneContentData, *, outside: Outside = "raise", bridge: Bridge = "auto", threads: int | None = None
) -> Callable[..., jax.Array]:
    """Returns the log-likelihood of each family, (n_families,), as a JAX function of plain numbers.

    The function is `f(gain, loss, branch_length=None, root=None, weights=None)`:

    - `gain`, `loss`: rates of at least 0 per unit of branch length, scalars or (n_categories,) for all families, or
      (n_categories, n_families) where each family has its own;
    - `branch_length`: (n_nodes,), in node order of `data.tree`, the root's not read; the tree's own by default;
    - `root`: P(present at the root), a scalar or in the shape of the rates; gain / (gain + loss) by default;
    - `weights`: (n_categories,), of at least 0, equal and summing to 1 by default; they need not sum to 1.

    The value is `log sum_c w[c] sum_s f[c][s] P(data | root state s, rates c)`, natural log, -inf for a family that
    cannot arise, and not conditioned on anything: to condition on a family being observed, give the data a family that
    no genome carries, whose likelihood is exp(f(...)[-1]), and subtract `log1p(-exp(f(...)[-1]))` from the others.
    Derivatives by all five are exact (reverse mode, once), NaN where a family of value -inf counts.

    # Errors
    RuntimeError without 64-bit mode; ValueError for shapes that do not fit; jax.errors.JaxRuntimeError with a sentence
    for a rate, length, frequency or weight that cannot be (or NaN, with `outside="nan"`).

    # Source
    Felsenstein 1981, doi:10.1007/BF01734359.

    >>> import jax
    >>> jax.config.update("jax_enable_x64", True)
    >>> from persiste_rust import GeneContentData
    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> f = given_rates(data)
    >>> [f"{value:.4f}" for value in f(1.0, 1.0)]
    ['-2.0662', '-2.0979']
    >>> jax.grad(lambda lengths: f(1.0, 1.0, lengths).sum())(data.tree.branch_length).round(3).tolist()
    [0.011, 0.001, 0.01, 0.01, 0.0]
    """
    if not hasattr(data, "_for_backend"):
        raise TypeError(f"data is a {type(data).__name__}; allowed is a GeneContentData")
    require_64_bit()
    core: Any = _backend.backend("rust")
    native = core.Differentiable.of_data(data._for_backend(core), threads)
    calls, n_families = Calls(native, outside, bridge), data.n_families
    own_lengths = jnp.asarray(data.tree.branch_length)

    @jax.custom_jvp
    def adjoint(*arrays: jax.Array) -> list[jax.Array]:
        return calls("given_rates_adjoint", [array.shape[-1] for array in arrays[:5]], *arrays)

    def refuse(*_: Any) -> Any:
        raise NotImplementedError(
            "given_rates is differentiated once; for second derivatives difference its gradients, or write the model "
            "as a GeneContentModel"
        )

    adjoint.defjvp(refuse)

    @jax.custom_vjp
    def values(*arrays: jax.Array) -> jax.Array:
        return calls("given_rates", [n_families], *arrays)[0]

    def forward(*arrays: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        return values(*arrays), arrays

    def backward(arrays: tuple[jax.Array, ...], cotangent: jax.Array) -> tuple[jax.Array, ...]:
        return tuple(adjoint(*arrays, cotangent))

    values.defvjp(forward, backward)

    def log_likelihoods(
        gain: Any, loss: Any, branch_length: Any = None, root: Any = None, weights: Any = None
    ) -> jax.Array:
        require_64_bit()
        gain, loss = (_by_category(rate, n_families, what) for rate, what in ((gain, "gain"), (loss, "loss")))
        shapes = [gain.shape, loss.shape]
        if root is None:
            total = gain + loss
            frequencies = jnp.stack(jnp.broadcast_arrays(loss / total, gain / total), axis=-1)
        else:
            present = _by_category(root, n_families, "root")
            frequencies = jnp.stack([1.0 - present, present], axis=-1)
        shapes.append(frequencies.shape[:-1])
        shape = jnp.broadcast_shapes(*shapes)
        if weights is None:
            weights = jnp.full(shape[0], 1.0 / shape[0])
        weights = jnp.asarray(weights, dtype=jnp.float64)
        lengths = own_lengths if branch_length is None else jnp.asarray(branch_length, dtype=jnp.float64)
        for what, found, allowed in (
            ("branch_length", lengths.shape, own_lengths.shape),
            ("weights", weights.shape, shape[:1]),
        ):
            if found != allowed:
                raise ValueError(f"{what} has shape {found}; allowed is {allowed}")
        rows = [jnp.broadcast_to(rate, shape).reshape(-1) for rate in (gain, loss)]
        return values(*rows, lengths, jnp.broadcast_to(frequencies, (*shape, 2)).reshape(-1), weights)

    return log_likelihoods


def _by_category(values: Any, n_families: int, what: str) -> jax.Array:
    """Numbers as (n_categories, 1 or n_families)."""
    array = jnp.asarray(values, dtype=jnp.float64)
    if array.ndim < 2:
        return array.reshape(-1, 1)
    if array.ndim == 2 and array.shape[1] in (1, n_families):
        return array
    raise ValueError(
        f"{what} has shape {array.shape}; allowed are (), (n_categories,) and (n_categories, {n_families})"
    )
