"""The native module as functions of JAX: values, derivatives, batches, errors, and both ways into it."""

from __future__ import annotations

import doctest
import importlib
import logging
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from model_cases import CASES, DATA, build, in_32_bits, parameters

jax = pytest.importorskip("jax", reason="JAX is not installed (the extra 'jax')")
jax.config.update("jax_enable_x64", True)

from jax import numpy as jnp  # noqa: E402

import persiste_rust.jax as bridge  # noqa: E402
from persiste_rust import GeneContentData, GeneContentModel, _jax_calls  # noqa: E402

pytestmark = pytest.mark.native

WAYS = ["ffi", "callback"]
# One of each kind: rates, root, window, effects as groups and as lanes, records with error.
SOME = ["rates-gamma", "rates-mixture", "root-fitzjohn", "window-(2, 6)", "regression", "observation-everything"]
AT = [0.1, -0.4]
TINY = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
# A and B stand at distance 0 and differ in the first family.
IMPOSSIBLE = GeneContentData("((A:0,B:0):1,C:1);", [[1, 1], [0, 1], [0, 0]])


def differences(function: Any, at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Fourth-order central differences by each component: truncation about 1e-12, rounding 1e-16 |f| / step."""
    columns = []
    for unit in np.eye(len(at)) * step:
        near = np.asarray(function(at + unit)) - np.asarray(function(at - unit))
        far = np.asarray(function(at + 2 * unit)) - np.asarray(function(at - 2 * unit))
        columns.append((8.0 * near - far) / (12.0 * step))
    return np.stack(columns, axis=-1)


def test_xla_of_the_installed_jax_takes_the_native_handlers() -> None:
    assert _jax_calls.refusal() is None
    assert _jax_calls.Calls(bridge._native_of(GeneContentModel(TINY)), "raise", "auto").bridge == "ffi"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SOME)
def test_values_and_gradients_are_those_of_the_native_module(name: str, way: Any) -> None:
    model = build(CASES[name], "rust")
    at = parameters(model)
    f = bridge.log_likelihood(model, bridge=way)
    value, gradient = jax.jit(jax.value_and_grad(f))(at)
    expected, slope = model.value_and_gradient(at)
    assert value == expected
    assert f(at) == model.log_likelihood(at)
    np.testing.assert_array_equal(gradient, slope)
    np.testing.assert_allclose(gradient, differences(model.log_likelihood, at), rtol=1e-7, atol=1e-7)
    families = bridge.log_likelihoods(model, bridge=way)
    np.testing.assert_array_equal(jax.jit(families)(at), model.log_likelihoods(at))


@pytest.mark.parametrize("way", WAYS)
def test_every_family_has_its_own_cotangent(way: Any) -> None:
    model = build(CASES["regression"], "rust")
    at = parameters(model)
    families = bridge.log_likelihoods(model, bridge=way)
    expected = differences(model.log_likelihoods, at)
    np.testing.assert_allclose(jax.jit(jax.jacrev(families))(at), expected, rtol=1e-7, atol=1e-8)
    weights = np.random.default_rng(1).normal(size=DATA.n_families)
    found = jax.grad(lambda params: jnp.tanh(families(params)) @ weights)(jnp.array(at))
    slope = weights / np.cosh(model.log_likelihoods(at)) ** 2
    np.testing.assert_allclose(found, slope @ expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_under_vmap_is_each_vector_by_itself(way: Any) -> None:
    model = GeneContentModel(TINY, ascertainment="observed", threads=2)
    f, families = bridge.log_likelihood(model, bridge=way), bridge.log_likelihoods(model, bridge=way)
    vectors = np.random.default_rng(2).normal(size=(7, 2))
    found = jax.jit(jax.vmap(jax.grad(f)))(vectors)
    np.testing.assert_array_equal(found, [model.value_and_gradient(row)[1] for row in vectors])
    np.testing.assert_array_equal(jax.vmap(f)(vectors), model.log_likelihoods_batch(vectors))
    table = jax.vmap(jax.vmap(families))(vectors[:6].reshape(2, 3, 2))
    np.testing.assert_array_equal(table.reshape(6, 2), [model.log_likelihoods(row) for row in vectors[:6]])
    jacobians = jax.jit(jax.vmap(jax.jacrev(families)))(vectors)
    np.testing.assert_allclose(jacobians.sum(axis=1), found, rtol=1e-12)


def test_a_batch_is_one_call_of_the_native_module(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    original = _jax_calls.Calls._host

    def watched(self: Any, function: str, scalars: Any, *arguments: Any) -> Any:
        shapes.append((function, [np.shape(argument) for argument in arguments]))
        return original(self, function, scalars, *arguments)

    monkeypatch.setattr(_jax_calls.Calls, "_host", watched)
    f = bridge.log_likelihood(GeneContentModel(TINY), bridge="callback")
    jax.block_until_ready(jax.jit(jax.vmap(jax.grad(f)))(np.zeros((5, 2))))
    assert shapes == [("value_and_gradient", [(5, 2)])]


@pytest.mark.parametrize("way", WAYS)
def test_a_mapping_of_parameters_is_a_pytree(way: Any) -> None:
    model = GeneContentModel(TINY)
    f = bridge.log_likelihood(model, bridge=way)
    named = {"log_loss": AT[1], "log_gain": AT[0]}
    slope = jax.grad(f)(named)
    assert [float(slope[name]) for name in model.parameter_names] == model.value_and_gradient(AT)[1].tolist()
    with pytest.raises(ValueError, match=r"^unknown parameter 'gain'; known: log_gain, log_loss$"):
        f({"gain": 1.0})
    with pytest.raises(ValueError, match=r"^parameter 'log_loss' is not given; known"):
        f({"log_gain": 1.0})
    with pytest.raises(ValueError, match=r"shape \(3,\); allowed is \(2,\): log_gain, log_loss$"):
        f(jnp.zeros(3))


@pytest.mark.parametrize("way", WAYS)
def test_second_derivatives_are_those_of_the_model_written_in_jax(way: Any) -> None:
    model = GeneContentModel(TINY)
    f, at = bridge.log_likelihood(model, bridge=way), jnp.array(AT)
    expected = differences(lambda point: model.value_and_gradient(point)[1], np.array(AT))
    np.testing.assert_allclose(jax.jit(jax.jacrev(jax.grad(f)))(at), expected, rtol=1e-9, atol=1e-10)
    product = jax.jit(bridge.hessian_vector_product(model, bridge=way))
    np.testing.assert_allclose(product(at, jnp.array([1e-8, -2e-8])), expected @ [1e-8, -2e-8], rtol=1e-8)
    np.testing.assert_array_equal(product(at, jnp.zeros(2)), [0.0, 0.0])
    families = bridge.log_likelihoods(model, bridge=way)
    second = jax.jacrev(jax.jacrev(families))(at)
    np.testing.assert_allclose(second.sum(axis=0), expected, rtol=1e-8, atol=1e-9)
    # By the cotangents, too: d2 (w . log L) / dw dp is the Jacobian.
    mixed = jax.jacrev(jax.grad(lambda params, weights: families(params) @ weights), argnums=1)(at, jnp.ones(2))
    np.testing.assert_allclose(mixed, jax.jacrev(families)(at).T, rtol=1e-8)


@pytest.mark.parametrize("way", WAYS)
def test_a_hundred_gradient_steps_run_inside_one_jit(way: Any) -> None:
    model = GeneContentModel(DATA, ascertainment="observed")
    gradient = jax.grad(bridge.log_likelihood(model, bridge=way))

    @jax.jit
    def climbed(params: Any) -> Any:
        return jax.lax.scan(lambda at, _: (at + 0.01 * gradient(at), None), params, None, length=100)[0]

    expected = np.zeros(2)
    for _ in range(100):
        expected = expected + 0.01 * model.value_and_gradient(expected)[1]
    # Compiled code may contract a product and a sum into one rounding.
    np.testing.assert_allclose(climbed(jnp.zeros(2)), expected, rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_an_error_of_the_native_module_arrives_as_its_sentence(way: Any) -> None:
    f = bridge.log_likelihood(GeneContentModel(TINY), bridge=way)
    sentence = "parameter log_gain is NaN; allowed are numbers below 709 whose exponential is a finite rate, or -inf"
    with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match=sentence):
        jax.block_until_ready(jax.jit(jax.grad(f))(jnp.array([np.nan, 0.0])))
    given = bridge.given_rates(TINY, bridge=way)
    with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match="loss rate is -1; allowed are numbers from 0"):
        jax.block_until_ready(jax.jit(given)(1.0, -1.0))


@pytest.mark.parametrize("way", WAYS)
def test_outside_the_domain_values_can_be_nan_row_by_row(way: Any) -> None:
    model = GeneContentModel(TINY)
    f = bridge.log_likelihood(model, bridge=way, outside="nan")
    vectors = np.array([[0.0, 0.0], [1000.0, 0.0], [0.5, -0.5]])
    values, gradients = jax.vmap(jax.value_and_grad(f))(vectors)
    assert np.isnan(values).tolist() == [False, True, False]
    np.testing.assert_array_equal(gradients[2], model.value_and_gradient(vectors[2])[1])
    assert np.isnan(gradients[1]).all()


@pytest.mark.parametrize("way", WAYS)
def test_impossible_data_have_minus_infinity_and_no_gradient_unless_they_do_not_count(way: Any) -> None:
    model = GeneContentModel(IMPOSSIBLE)
    value, gradient = jax.value_and_grad(bridge.log_likelihood(model, bridge=way))(jnp.zeros(2))
    assert value == -np.inf
    assert np.isnan(gradient).all()
    families = bridge.log_likelihoods(model, bridge=way)
    possible = jax.grad(lambda params: families(params)[1])(jnp.zeros(2))
    assert np.isfinite(possible).all()
    f = bridge.log_likelihood(model, bridge=way)
    unused = jax.grad(lambda params: jnp.where(True, params.sum(), f(params)))(jnp.zeros(2))
    np.testing.assert_array_equal(unused, [1.0, 1.0])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(), (3,), (1, DATA.n_families), (2, DATA.n_families)], ids=str)
def test_derivatives_by_rates_lengths_root_and_weights_are_differences(shape: tuple[int, ...], way: Any) -> None:
    rng = np.random.default_rng(4)
    f = bridge.given_rates(DATA, bridge=way)
    n_categories = shape[0] if shape else 1
    arguments = [
        rng.uniform(0.2, 1.0, shape),
        rng.uniform(0.2, 1.0, shape),
        rng.uniform(0.1, 1.0, DATA.tree.n_nodes),
        rng.uniform(0.2, 0.8, shape),
        rng.uniform(0.2, 0.8, n_categories),
    ]
    cotangent = rng.normal(size=DATA.n_families)
    found = jax.jit(jax.grad(lambda *given: f(*given) @ cotangent, argnums=(0, 1, 2, 3, 4)))(*arguments)
    jitted = jax.jit(lambda *given: f(*given) @ cotangent)
    for place, slope in enumerate(found):
        start = arguments[place]

        def moved(values: Any, place: int = place, start: Any = start) -> Any:
            return jitted(*arguments[:place], values.reshape(start.shape), *arguments[place + 1 :])

        expected = differences(moved, np.ravel(start)).reshape(start.shape)
        np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)


def test_given_rates_are_the_model_of_these_rates() -> None:
    f = bridge.given_rates(DATA)
    model = GeneContentModel(DATA)
    np.testing.assert_allclose(f(*np.exp(AT)), model.log_likelihoods(AT), rtol=1e-13)
    family_rates = np.exp(np.random.default_rng(3).normal(size=(2, 1, DATA.n_families)))
    per_family = GeneContentModel(DATA, rates="per-family")
    expected = per_family.log_likelihoods(np.log(family_rates[:, 0].T))
    np.testing.assert_allclose(f(*family_rates), expected, rtol=1e-12)
    # An all-absent family says how probable it is to see none: conditioning by hand.
    cells = np.hstack([DATA.presence_matrix(), np.zeros((8, 1), dtype=np.int8)])
    values = bridge.given_rates(GeneContentData(DATA.tree, cells))(*np.exp(AT))
    conditioned = values[:-1] - jnp.log1p(-jnp.exp(values[-1]))
    observed = GeneContentModel(DATA, ascertainment="observed").log_likelihoods(AT)
    np.testing.assert_allclose(conditioned, observed, rtol=1e-12)


def test_given_rates_refuse_shapes_and_second_derivatives_in_a_sentence() -> None:
    f = bridge.given_rates(TINY)
    with pytest.raises(ValueError, match=r"^gain has shape \(2, 3\); allowed are \(\), \(n_categories,\) and"):
        f(jnp.ones((2, 3)), 1.0)
    with pytest.raises(ValueError, match=r"^branch_length has shape \(4,\); allowed is \(5,\)$"):
        f(1.0, 1.0, jnp.ones(4))
    with pytest.raises(ValueError, match=r"^weights has shape \(2,\); allowed is \(1,\)$"):
        f(1.0, 1.0, weights=jnp.ones(2))
    with pytest.raises(NotImplementedError, match="differentiated once"):
        jax.grad(jax.grad(lambda gain: f(gain, 1.0).sum()))(1.0)


def test_32_bits_are_refused_when_made_and_when_called() -> None:
    model = GeneContentModel(TINY)
    f = bridge.log_likelihood(model)
    with in_32_bits():
        for call in (lambda: bridge.log_likelihood(model), lambda: bridge.given_rates(TINY), lambda: f(AT)):
            with pytest.raises(RuntimeError, match=r"64-bit mode, and it is off; call jax\.config\.update"):
                call()


def test_importing_the_package_leaves_jax_alone() -> None:
    code = (
        "import sys, persiste_rust; assert 'jax' not in sys.modules; "
        "import persiste_rust.jax, jax; assert not jax.config.jax_enable_x64"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_models_that_are_no_function_of_jax_are_refused() -> None:
    with pytest.raises(ValueError, match="backend 'numpy' is no function of JAX; allowed are the backends"):
        bridge.log_likelihood(GeneContentModel(TINY, backend="numpy"))
    with pytest.raises(ValueError, match="rates='per-family' is no function of JAX"):
        bridge.log_likelihoods(GeneContentModel(TINY, rates="per-family"))
    with pytest.raises(TypeError, match="model is a GeneContentData; allowed is a GeneContentModel"):
        bridge.log_likelihood(TINY)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown outside 'ignore'; known: raise, nan"):
        bridge.log_likelihood(GeneContentModel(TINY), outside="ignore")  # type: ignore[arg-type]


def test_where_xla_refuses_the_handlers_calls_go_through_python_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise RuntimeError("version 0.3 is not supported")

    monkeypatch.setattr(_jax_calls, "_register_and_try", refuse)
    _jax_calls.refusal.cache_clear()
    try:
        with caplog.at_level(logging.WARNING, logger="persiste_rust"):
            model = GeneContentModel(TINY)
            for _ in range(2):
                assert bridge.log_likelihood(model)(jnp.array(AT)) == model.log_likelihood(AT)
            with pytest.raises(RuntimeError, match=r"version 0\.3 is not supported"):
                bridge.log_likelihood(model, bridge="ffi")
        (line,) = caplog.messages
        assert "slower (RuntimeError: version 0.3 is not supported)" in line
    finally:
        _jax_calls.refusal.cache_clear()


def test_a_version_of_xla_that_nobody_knows_is_refused() -> None:
    core: Any = importlib.import_module("persiste_rust._core")
    with pytest.raises(ValueError, match=r"^XLA has version 1\.0 of its foreign-function interface; known are 0\.1 to"):
        core.xla_handlers(1, 0)


def test_a_compiled_function_whose_model_is_gone_says_so() -> None:
    call = jax.ffi.ffi_call("persiste_rust.value", jax.ShapeDtypeStruct((), np.float64))
    assert _jax_calls.refusal() is None
    with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match="model of this compiled function is gone"):
        call(jnp.zeros(2), target=np.int64(-1), nan_outside=np.int64(0))


def test_handlers_refuse_what_they_are_not_made_for() -> None:
    native = bridge._native_of(GeneContentModel(TINY))
    calls = _jax_calls.Calls(native, "raise", "ffi")
    errors = (ValueError, jax.errors.JaxRuntimeError)
    with pytest.raises(errors, match="unknown function of this object 'GivenRates'; known: value"):
        calls("given_rates", [2], *(jnp.ones(1) for _ in range(5)))
    with pytest.raises(errors, match="a result has length 3; expected 1"):
        calls("value", [3], jnp.zeros(2))
    with pytest.raises(errors, match="array 0 is no buffer of float64"):
        calls("value", [None], jnp.zeros(2, dtype=jnp.float32))
    with pytest.raises(errors, match=r"expected 2 parameters \(log_gain, log_loss\), found 3"):
        calls("value", [None], jnp.zeros(3))
    with pytest.raises(ValueError, match="unknown function 'likelihood'; known: value"):
        native.call("likelihood", [np.zeros((1, 2))], False)


@pytest.mark.parametrize("name", ["jax", "_jax_given_rates"])
def test_examples_in_docstrings_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"persiste_rust.{name}"))
    assert result.failed == 0
    assert result.attempted > 4
