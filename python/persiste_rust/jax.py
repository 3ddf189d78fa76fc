"""Log-likelihoods as functions of JAX: for samplers, optimisers and models of one's own.

A model of backend `rust` is evaluated by the native module, on the CPU, whatever device JAX computes on; one of backend
`jax` is itself a program of JAX, on JAX's device. Both are differentiated exactly. 64-bit mode is needed:
`jax.config.update("jax_enable_x64", True)`, before anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

try:
    import jax
except ImportError as _absent:
    raise ImportError(
        "persiste_rust.jax needs JAX, which is not installed; pip install 'persiste-rust[jax]'"
    ) from _absent

from jax import numpy as jnp

from persiste_rust import _backend
from persiste_rust._jax_calls import Bridge, Calls, Outside, require_64_bit
from persiste_rust._jax_given_rates import given_rates
from persiste_rust.model import GeneContentModel

if TYPE_CHECKING:
    from persiste_rust import _core

__all__ = ["given_rates", "hessian_vector_product", "log_likelihood", "log_likelihoods"]

Parameters = jax.Array | Mapping[str, Any]
Function = Callable[[Any], jax.Array]

# Step of the differences of exact gradients, in the largest component of the direction, with their factors: the
# truncation is of its fourth power, the rounding 1e-16 over it.
_STEP = 1e-3
_STENCIL = ((1.0, 8.0), (-1.0, -8.0), (2.0, -1.0), (-2.0, 1.0))


def log_likelihood(model: GeneContentModel, *, outside: Outside = "raise", bridge: Bridge = "auto") -> Function:
    """Returns the log-likelihood of all families as a JAX function of the parameters.

    The function takes an array (n_parameters,) in the order of `model.parameter_names`, or a mapping from each of
    these names to a number, and returns a scalar, float64, natural log. Reverse-mode derivatives are exact; `vmap`
    evaluates all vectors in one native call, shared out between the model's threads. Second derivatives (`grad` of
    `grad`, `hessian_vector_product`) are differences of exact gradients, to about 1e-9 of the largest. There is no
    forward mode: use `jax.jacrev(jax.grad(f))` for a Hessian.

    Where the value is -inf the gradient is NaN, for there is none. Parameters outside their domain (NaN, a rate that
    is not finite) are an error with `outside="raise"`; with `outside="nan"` value and gradient are NaN, which samplers
    take for a divergence. `bridge` is how compiled code reaches the native module: `ffi`, `callback`, or the faster
    one that works (`auto`). Of a model of backend `jax` the function is a program of JAX itself: reverse-mode
    derivatives of any order are exact, families that cannot arise add 0 to them instead of NaN, and the domain is not
    checked.

    # Errors
    RuntimeError without 64-bit mode; ValueError for a model of backend `numpy`, or a name that is no parameter;
    jax.errors.JaxRuntimeError, with a sentence that says what is wrong, for parameters outside their domain.

    >>> import jax
    >>> jax.config.update("jax_enable_x64", True)
    >>> from persiste_rust import GeneContentData, GeneContentModel
    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> f = log_likelihood(GeneContentModel(data))
    >>> value, gradient = jax.jit(jax.value_and_grad(f))({"log_gain": 0.0, "log_loss": 0.0})
    >>> round(float(value), 4), sorted(gradient)
    (-4.1641, ['log_gain', 'log_loss'])
    """
    if _is_jax(model):
        return _named(model, cast(Any, model._native).function("value"))
    n = len(model.parameter_names)
    calls = Calls(_native_of(model), outside, bridge)
    value_and_gradient = _value_and_gradient(calls, n)

    @jax.custom_vjp
    def value(vector: jax.Array) -> jax.Array:
        return calls("value", [None], vector)[0]

    def forward(vector: jax.Array) -> tuple[jax.Array, jax.Array]:
        return value_and_gradient(vector)

    def backward(gradient: jax.Array, cotangent: jax.Array) -> tuple[jax.Array]:
        return (_scaled(cotangent, gradient),)

    value.defvjp(forward, backward)
    return _named(model, value)


def log_likelihoods(model: GeneContentModel, *, outside: Outside = "raise", bridge: Bridge = "auto") -> Function:
    """Returns the log-likelihood of each family, (n_families,), as a JAX function of the parameters.

    Arguments and derivatives are as those of `log_likelihood`. Every family has its own cotangent, so that weights,
    mixtures over families and losses of one's own are differentiated exactly; a family of cotangent 0 may be
    impossible.

    >>> import jax
    >>> jax.config.update("jax_enable_x64", True)
    >>> from persiste_rust import GeneContentData, GeneContentModel
    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> f = log_likelihoods(GeneContentModel(data))
    >>> jax.jacrev(f)(jax.numpy.zeros(2)).round(3).tolist()
    [[0.461, -0.504], [0.535, -0.461]]
    """
    if _is_jax(model):
        return _named(model, cast(Any, model._native).function("families"))
    n, n_families = len(model.parameter_names), model.data.n_families
    calls = Calls(_native_of(model), outside, bridge)

    def plain(vector: jax.Array) -> jax.Array:
        return calls("families", [n_families], vector)[0]

    def product(vector: jax.Array, cotangent: jax.Array) -> jax.Array:
        return calls("vector_jacobian", [n], vector, cotangent)[0]

    @jax.custom_vjp
    def vector_jacobian(vector: jax.Array, cotangent: jax.Array) -> jax.Array:
        return product(vector, cotangent)

    def second(saved: tuple[jax.Array, jax.Array], direction: jax.Array) -> tuple[jax.Array, jax.Array]:
        vector, cotangent = saved
        beside = _along(
            lambda at: product(at, jnp.broadcast_to(cotangent, (*at.shape[:-1], n_families))), *saved[:1], direction
        )
        return beside, _along(plain, vector, direction)

    vector_jacobian.defvjp(lambda vector, cotangent: (vector_jacobian(vector, cotangent), (vector, cotangent)), second)

    @jax.custom_vjp
    def values(vector: jax.Array) -> jax.Array:
        return plain(vector)

    values.defvjp(
        lambda vector: (values(vector), vector),
        lambda vector, cotangent: (vector_jacobian(vector, cotangent),),
    )
    return _named(model, values)


def hessian_vector_product(
    model: GeneContentModel, *, outside: Outside = "raise", bridge: Bridge = "auto"
) -> Callable[[Any, Any], jax.Array]:
    """Returns the function (parameters, direction) -> second derivatives of the log-likelihood times the direction.

    Both arguments and the result are (n_parameters,). Four exact gradients along the direction, in one native call,
    are differenced (fourth order, to about 1e-9 of the largest); of a model of backend `jax` it is exact.

    >>> import jax
    >>> jax.config.update("jax_enable_x64", True)
    >>> from persiste_rust import GeneContentData, GeneContentModel
    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> product = hessian_vector_product(GeneContentModel(data))
    >>> product(jax.numpy.zeros(2), jax.numpy.array([1.0, 0.0])).round(3).tolist()
    [-1.431, 1.432]
    """
    if _is_jax(model):
        gradient = jax.grad(log_likelihood(model))

        def exact(params: Any, direction: Any) -> jax.Array:
            along = _vector(model, direction)
            return jax.grad(lambda at: gradient(at) @ along)(_vector(model, params))

        return exact
    calls = Calls(_native_of(model), outside, bridge)
    n = len(model.parameter_names)

    def product(params: Any, direction: Any) -> jax.Array:
        require_64_bit()
        return _second(calls, n, _vector(model, params), _vector(model, direction))

    return product


def _value_and_gradient(calls: Calls, n: int) -> Callable[[jax.Array], tuple[jax.Array, jax.Array]]:
    """The native value and gradient, differentiable itself by differences."""

    def plain(vector: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, gradient = calls("value_and_gradient", [None, n], vector)
        return value, gradient

    @jax.custom_vjp
    def both(vector: jax.Array) -> tuple[jax.Array, jax.Array]:
        return plain(vector)

    def forward(vector: jax.Array) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
        found = plain(vector)
        return found, (vector, found[1])

    def backward(saved: tuple[jax.Array, jax.Array], by: tuple[jax.Array, jax.Array]) -> tuple[jax.Array]:
        vector, gradient = saved
        return (_scaled(by[0], gradient) + _second(calls, n, vector, by[1]),)

    both.defvjp(forward, backward)
    return cast(Callable[[jax.Array], tuple[jax.Array, jax.Array]], both)


def _second(calls: Calls, n: int, vector: jax.Array, direction: jax.Array) -> jax.Array:
    return _along(lambda at: calls("value_and_gradient", [None, n], at)[1], vector, direction)


def _along(function: Callable[[jax.Array], jax.Array], vector: jax.Array, direction: jax.Array) -> jax.Array:
    """The derivative of a function of rows along a direction, by differences; 0 along none."""
    size = jnp.max(jnp.abs(direction))
    step = _STEP / jnp.where(size > 0.0, size, 1.0)
    steps, factors = (jnp.array(column) for column in zip(*_STENCIL, strict=True))
    rows = function(vector + (steps * step)[:, None] * direction)
    return jnp.where(size > 0.0, factors @ rows / (12.0 * step), 0.0)


def _scaled(cotangent: jax.Array, gradient: jax.Array) -> jax.Array:
    # What does not count may be NaN.
    return jnp.where(cotangent == 0.0, 0.0, cotangent * gradient)


def _named(model: GeneContentModel, function: Callable[[jax.Array], jax.Array]) -> Function:
    def of_parameters(params: Any) -> jax.Array:
        require_64_bit()
        return function(_vector(model, params))

    require_64_bit()
    return of_parameters


def _vector(model: GeneContentModel, params: Any) -> jax.Array:
    names = model.parameter_names
    if isinstance(params, Mapping):
        known = f"known: {', '.join(names)}"
        for name in params:
            if name not in names:
                raise ValueError(f"unknown parameter '{name}'; {known}")
        for name in names:
            if name not in params:
                raise ValueError(f"parameter '{name}' is not given; {known}")
        return jnp.stack([_float64(params[name]) for name in names])
    vector = _float64(params)
    if vector.shape != (len(names),):
        raise ValueError(f"the parameters have shape {vector.shape}; allowed is ({len(names)},): {', '.join(names)}")
    return vector


def _float64(values: Any) -> jax.Array:
    return jnp.asarray(values, dtype=jnp.float64)


def _is_jax(model: GeneContentModel) -> bool:
    if not isinstance(model, GeneContentModel):
        raise TypeError(f"model is a {type(model).__name__}; allowed is a GeneContentModel (see given_rates for data)")
    return model.backend == "jax"


def _native_of(model: GeneContentModel) -> _core.Differentiable:
    require_64_bit()
    core: Any = None if model.backend != "rust" else _backend.backend("rust")
    if core is None or type(getattr(model, "_native", None)) is not core.Model:
        found = f"backend '{model.backend}'" if core is None else "rates='per-family'"
        raise ValueError(
            f"a model with {found} is no function of JAX; allowed are the backends 'rust' and 'jax', and "
            "given_rates(data) for rates of each family"
        )
    native: _core.Differentiable = core.Differentiable.of_model(model._native)
    return native
