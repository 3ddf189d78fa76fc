"""The backend `jax`: the likelihood as a program of JAX against the native module, and at its limits."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from model_cases import CASES, DATA, build, in_32_bits, parameters

jax = pytest.importorskip("jax", reason="JAX is not installed (the extra 'jax')")
jax.config.update("jax_enable_x64", True)

from jax import numpy as jnp  # noqa: E402

import persiste_rust.jax as bridge  # noqa: E402
from persiste_rust import (  # noqa: E402
    DiscreteGamma,
    GeneContentData,
    GeneContentModel,
    _jax_model,
    _jax_rates,
    _jax_schedule,
    _reference_rates,
)

# Against the native module; the NumPy backend is compared with that elsewhere.
pytestmark = pytest.mark.native


@pytest.fixture(scope="module", autouse=True)
def quick_compiling() -> Iterator[None]:
    """Leaves out most of XLA's optimisations: they take longer than all that is computed here."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


# Compiling takes seconds: one case of each kind.
SOME = [
    "rates-gamma",
    "rates-hierarchical",
    "root-fitzjohn",
    "zero-category",
    "regression",
    "observation-per-genome-observed",
]
TINY = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])


@pytest.mark.parametrize("name", SOME)
def test_values_and_gradients_are_those_of_the_other_backends(name: str) -> None:
    other, model = build(CASES[name]), build(CASES[name], "jax")
    assert model.backend == "jax"
    assert model.parameter_names == other.parameter_names
    at = parameters(other)
    families = bridge.log_likelihoods(model)

    @jax.jit
    def both(params: Any) -> Any:
        values, pull = jax.vjp(families, params)
        return values, pull(jnp.ones(DATA.n_families))[0]

    values, gradient = both(at)
    np.testing.assert_allclose(values, other.log_likelihoods(at), rtol=1e-12)
    np.testing.assert_allclose(gradient, other.value_and_gradient(at)[1], rtol=1e-9, atol=1e-9)


def test_chunks_of_patterns_give_what_all_at_once_give(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    data = GeneContentData(DATA.tree, rng.integers(0, 2, (8, 200)).astype(np.int8))
    options: dict[str, Any] = {"rates": DiscreteGamma(2), "backend": "jax"}
    whole = GeneContentModel(data, **options)
    monkeypatch.setattr(_jax_model, "_AT_ONCE", 1)
    parts = GeneContentModel(data, **options)
    assert (len(whole._native._columns.cells), len(parts._native._columns.cells)) == (1, 3)  # type: ignore[attr-defined]
    at = [-0.3, 0.2, 0.1]
    np.testing.assert_allclose(parts.log_likelihoods(at), whole.log_likelihoods(at), rtol=1e-14)
    np.testing.assert_allclose(parts.value_and_gradient(at)[1], whole.value_and_gradient(at)[1], rtol=1e-12)


def test_a_function_of_the_model_is_jitted_mapped_and_differentiated_twice() -> None:
    model, other = GeneContentModel(TINY, backend="jax"), GeneContentModel(TINY)
    f = bridge.log_likelihood(model)
    vectors = np.random.default_rng(2).normal(size=(4, 2))
    found = jax.jit(jax.vmap(jax.grad(f)))(vectors)
    np.testing.assert_allclose(found, [other.value_and_gradient(row)[1] for row in vectors], rtol=1e-10)
    np.testing.assert_allclose(model.log_likelihoods_batch(vectors), [other.log_likelihood(row) for row in vectors])
    at, step = vectors[0], 1e-5
    hessian = jax.jacrev(jax.grad(f))(at)
    differences = [
        (other.value_and_gradient(at + unit)[1] - other.value_and_gradient(at - unit)[1]) / (2 * step)
        for unit in np.eye(2) * step
    ]
    np.testing.assert_allclose(hessian, differences, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(bridge.hessian_vector_product(model)(at, [0.0, 1.0]), hessian[1], rtol=1e-12)
    families = bridge.log_likelihoods(model)
    np.testing.assert_allclose(jax.jacrev(families)(at).sum(axis=0), other.value_and_gradient(at)[1], rtol=1e-10)
    assert float(f({"log_gain": at[0], "log_loss": at[1]})) == pytest.approx(other.log_likelihood(at), rel=1e-13)


def test_a_fit_finds_the_maximum_that_the_other_backends_find() -> None:
    options: dict[str, Any] = {"ascertainment": "observed", "root": "estimated"}
    fit = GeneContentModel(DATA, backend="jax", **options).fit()
    other = GeneContentModel(DATA, **options).fit()
    assert fit.converged
    assert fit.backend == "jax"
    assert fit.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-6)


def test_impossible_families_are_minus_infinity_and_never_nan() -> None:
    # A and B stand at distance 0 and differ in the first family.
    data = GeneContentData("((A:0,B:0):1,C:1);", [[1, 1], [0, 1], [0, 0]])
    model = GeneContentModel(data, rates=DiscreteGamma(2), backend="jax")
    at = [0.1, -0.2, 0.3]
    values = model.log_likelihoods(at)
    assert values[0] == -np.inf
    value, gradient = model.value_and_gradient(at)
    assert value == -np.inf
    # The gradient is that of the families that can arise.
    alone = GeneContentModel(GeneContentData(data.tree, [[1], [1], [0]]), rates=DiscreteGamma(2), backend="numpy")
    np.testing.assert_allclose(gradient, alone.value_and_gradient(at)[1], rtol=1e-9)
    gone = GeneContentModel(GeneContentData("(A:1,B:1);", [[1], [0]]), root="absent", backend="jax")
    value, gradient = gone.value_and_gradient([-np.inf, 0.0])
    assert (value, gradient.tolist()) == (-np.inf, [0.0, 0.0])
    fitzjohn = GeneContentModel(data, root="fitzjohn", backend="jax").value_and_gradient([0.0, 0.0])
    assert np.isfinite(fitzjohn[1]).all()


def caterpillar(n_tips: int, length: float) -> str:
    return "(" * (n_tips - 1) + f"t0:{length}" + "".join(f",t{k}:{length}):{length}" for k in range(1, n_tips)) + ";"


def star(n_tips: int) -> str:
    return "(" + ",".join(f"t{k}:0.5" for k in range(n_tips)) + ");"


@pytest.mark.parametrize(
    ("tree", "n_tips"), [(caterpillar(3000, 0.4), 3000), (star(20_000), 20_000)], ids=["caterpillar", "star"]
)
def test_deep_and_wide_trees_neither_underflow_nor_take_long_to_compile(tree: str, n_tips: int) -> None:
    cells = (np.random.default_rng(3).random((n_tips, 3)) < 0.4).astype(np.int8)
    data = GeneContentData(tree, cells, [f"t{k}" for k in range(n_tips)])
    model, other = GeneContentModel(data, backend="jax"), GeneContentModel(data)
    at = [-0.5, 0.3]
    values = model.log_likelihoods(at)
    assert (values < -1000.0).all()
    np.testing.assert_allclose(values, other.log_likelihoods(at), rtol=1e-12)
    np.testing.assert_allclose(model.value_and_gradient(at)[1], other.value_and_gradient(at)[1], rtol=1e-9)


def test_tiny_rates_do_not_underflow() -> None:
    # Thousands of independent losses at a rate of 1e-13 each: far below the smallest number.
    cells = np.array([[1], [0]] * 1000, dtype=np.int8)
    pairs = "(" + ",".join(f"(t{2 * k}:1,t{2 * k + 1}:1):1" for k in range(1000)) + ");"
    data = GeneContentData(pairs, cells, [f"t{k}" for k in range(2000)])
    at = [-40.0, -30.0]
    found = GeneContentModel(data, root=0.5, backend="jax").log_likelihood(at)
    assert found == pytest.approx(GeneContentModel(data, root=0.5, backend="numpy").log_likelihood(at), rel=1e-12)
    assert found < -29_000.0


@pytest.mark.parametrize("kind", ["mean", "median"])
def test_gamma_rates_and_their_two_derivatives_are_those_of_the_plain_version(kind: str) -> None:
    def plain(log_shape: float) -> Any:
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            return _reference_rates.log_gamma_rates(log_shape, 4, kind)

    def rates(log_shape: Any) -> Any:
        return _jax_rates.log_gamma_rates(4, kind, log_shape)

    first, second = jax.jit(jax.jacrev(rates)), jax.jit(jax.jacrev(jax.jacrev(rates)))
    step = 1e-3
    for shape in (1e-300, 0.02, 0.7, 900.0, 3e6):
        at = float(np.log(shape))
        np.testing.assert_allclose(jax.jit(rates)(at), plain(at), rtol=1e-11, atol=1e-12)
        if shape < 1e-200:
            continue
        near, far = plain(at + step) - plain(at - step), plain(at + 2 * step) - plain(at - 2 * step)
        np.testing.assert_allclose(first(at), (8 * near - far) / (12 * step), rtol=1e-7, atol=1e-9)
        curve = (first(at + step) - first(at - step)) / (2 * step)
        np.testing.assert_allclose(second(at), curve, rtol=1e-4, atol=1e-7)


def test_every_part_of_a_schedule_is_used_once_and_after_it_was_made() -> None:
    parent = np.asarray(DATA.tree.parent)
    tips = np.flatnonzero(~np.isin(np.arange(len(parent)), parent))
    plan = _jax_schedule.schedule(parent, tips)
    spare, used = len(tips), []
    for run in plan.runs:
        n_levels, _, width = run.parts.shape
        for level in range(n_levels):
            assert (run.parts[level] < run.first + level * width).all()
            used += run.parts[level][run.parts[level] != spare].tolist()
    assert len(used) == len(set(used))
    branches = np.concatenate([run.branches.ravel() for run in plan.runs])
    assert sorted(branches[branches < len(parent)].tolist()) == list(range(len(parent) - 1))


def test_what_the_backend_does_not_have_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        ValueError, match=r"^backend 'jax' has the ascertainments none, observed and variable, not 'win"
    ):
        GeneContentModel(DATA, ascertainment=(2, 6), backend="jax")
    with pytest.raises(ValueError, match="rates='per-family' needs the compiled engine"):
        GeneContentModel(DATA, rates="per-family", backend="jax")
    model = GeneContentModel(TINY, backend="jax")
    with pytest.raises(ValueError, match="ancestral states and events need the compiled engine"):
        model.ancestral_probabilities([0.0, 0.0])
    with pytest.raises(ValueError, match="parameter log_gain is nan; allowed are numbers below 709"):
        model.log_likelihood([np.nan, 0.0])
    with pytest.raises(ValueError, match=r"stationary root frequency gain / \(gain \+ loss\) is undefined"):
        model.log_likelihood([-np.inf, -np.inf])
    with in_32_bits(), pytest.raises(RuntimeError, match="64-bit mode, and it is off"):
        GeneContentModel(TINY, backend="jax")


def test_a_tree_of_one_tip_and_chains_of_single_children_are_trees() -> None:
    for tree in ("A;", "((A:0.3):0.2);"):
        data = GeneContentData(tree, [[1, 0]])
        found = GeneContentModel(data, backend="jax").log_likelihoods([0.3, -0.2])
        expected = GeneContentModel(data, backend="numpy").log_likelihoods([0.3, -0.2])
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_examples_in_docstrings_run() -> None:
    module = importlib.import_module("persiste_rust._jax_schedule")
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.failed == 0
    assert result.attempted > 0


def test_values_stay_on_the_device_of_jax() -> None:
    found = jax.jit(bridge.log_likelihoods(GeneContentModel(TINY, backend="jax")))(jnp.zeros(2))
    assert found.devices() == set(jax.devices()[:1])
