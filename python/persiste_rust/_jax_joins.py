"""What climbs two branches and is joined: likelihoods of patterns, and probabilities of kinds of patterns."""

from __future__ import annotations

from typing import Any

from jax import numpy as jnp

# Messages below 2^-exponent are multiplied by 2^exponent, the largest first: afterwards a message is at least 2^-128,
# a product of two 2^-256, so that the next ones cannot underflow. Powers of two lose no digit.
_EXPONENTS = (512, 256, 128)


def transitions(gain: Any, loss: Any, length: Any) -> Any:
    """Returns P00, P01, P10, P11; sums of positive terms, the identity where both rates are 0."""
    total = gain + loss
    is_moving = total > 0.0
    safe = jnp.where(is_moving, total, 1.0)
    absent, present = loss / safe, gain / safe
    exponent = total * length
    kept, changed = jnp.exp(-exponent), -jnp.expm1(-exponent)
    stays = [jnp.where(is_moving, one + other * kept, 1.0) for one, other in ((absent, present), (present, absent))]
    return stays[0], present * changed, absent * changed, stays[1]


def join_likelihoods(gain: Any, loss: Any, length: Any, is_single: Any, parts: Any) -> Any:
    """Joins partials, (2, width, 2 states, n_columns), scaled; counts the exponents, (n_columns,).

    A partial is 2^-count times what is returned, the counts of all joins added up.
    """
    p00, p01, p10, p11 = transitions(gain, loss, length)
    below = parts[:, :, 0], parts[:, :, 1]
    messages = jnp.stack([p00 * below[0] + p01 * below[1], p10 * below[0] + p11 * below[1]], axis=2)
    count = jnp.zeros(parts.shape[-1])
    for exponent in _EXPONENTS:
        size = messages.max(axis=2, keepdims=True)
        is_small = (size < 2.0**-exponent) & (size > 0.0)
        messages = jnp.where(is_small, messages * 2.0**exponent, messages)
        # What a single join leaves out was never scaled: the spare part is 1.
        count = count + exponent * is_small.sum(axis=(0, 1, 2))
    joined = messages[0] * jnp.where(is_single[:, None, None], 1.0, messages[1])
    return joined, count


def join_kinds(gain: Any, loss: Any, length: Any, is_single: Any, parts: Any) -> Any:
    """Joins probabilities of the kinds all absent, all present and mixed, (2, width, 2 states, 3 kinds, n_columns).

    With `a + b + m = 1`, children combine as `a a'`, `b b'` and `m + (a + b) m' + a b' + b a'`: sums of positive terms,
    which keep their digits where 1 less the probability of not being recorded would not.
    """
    p00, p01, p10, p11 = (p[:, :, None] for p in transitions(gain, loss, length))
    below = parts[:, :, 0], parts[:, :, 1]
    messages = jnp.stack([p00 * below[0] + p01 * below[1], p10 * below[0] + p11 * below[1]], axis=2)
    (a, b, m), (a2, b2, m2) = (jnp.moveaxis(message, 2, 0) for message in messages)
    joined = jnp.stack([a * a2, b * b2, m + (a + b) * m2 + a * b2 + b * a2], axis=2)
    return jnp.where(is_single[:, None, None, None], messages[0], joined), 0.0
