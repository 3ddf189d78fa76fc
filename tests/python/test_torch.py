"""The native module as functions of PyTorch: values, gradients, batches, errors."""

from __future__ import annotations

import doctest
import importlib
from typing import Any

import numpy as np
import pytest
from model_cases import CASES, build, parameters

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra 'torch')")

import persiste_rust.torch as bridge  # noqa: E402
from persiste_rust import GeneContentData, GeneContentModel  # noqa: E402

pytestmark = pytest.mark.native

TINY = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
IMPOSSIBLE = GeneContentData("((A:0,B:0):1,C:1);", [[1, 1], [0, 1], [0, 0]])


def leaf(values: Any) -> Any:
    return torch.tensor(np.asarray(values, dtype=np.float64), requires_grad=True)


@pytest.mark.parametrize("name", ["rates-gamma", "window-(2, 6)", "regression", "observation-everything"])
def test_values_and_gradients_are_those_of_the_native_module(name: str) -> None:
    model = build(CASES[name], "rust")
    at = leaf(parameters(model))
    value = bridge.log_likelihood(model)(at)
    value.backward()
    expected, slope = model.value_and_gradient(at.detach().numpy())
    assert value.item() == expected
    np.testing.assert_array_equal(at.grad.numpy(), slope)
    with torch.no_grad():
        assert bridge.log_likelihood(model)(at).item() == model.log_likelihood(at.numpy())


def test_gradients_pass_the_check_by_differences() -> None:
    model = GeneContentModel(TINY, ascertainment="observed")
    at = leaf([0.2, -0.3])
    assert torch.autograd.gradcheck(bridge.log_likelihood(model), at)
    assert torch.autograd.gradcheck(bridge.log_likelihoods(model), at)


def test_a_batch_is_each_vector_by_itself() -> None:
    model = GeneContentModel(TINY, threads=2)
    vectors = np.random.default_rng(1).normal(size=(2, 3, 2))
    at = leaf(vectors)
    values = bridge.log_likelihood(model)(at)
    values.sum().backward()
    assert values.shape == (2, 3)
    rows = vectors.reshape(6, 2)
    np.testing.assert_array_equal(values.detach().numpy().ravel(), [model.log_likelihood(row) for row in rows])
    np.testing.assert_array_equal(at.grad.numpy().reshape(6, 2), [model.value_and_gradient(row)[1] for row in rows])
    table = bridge.log_likelihoods(model)(at)
    np.testing.assert_array_equal(table.detach().numpy()[1, 2], model.log_likelihoods(vectors[1, 2]))


def test_a_mapping_of_names_has_a_gradient_for_each() -> None:
    model = GeneContentModel(TINY)
    named = {"log_loss": leaf(0.3), "log_gain": leaf(-0.1)}
    bridge.log_likelihood(model)(named).backward()
    found = [named[name].grad.item() for name in model.parameter_names]
    assert found == model.value_and_gradient({"log_loss": 0.3, "log_gain": -0.1})[1].tolist()


def test_impossible_families_count_only_with_their_cotangent() -> None:
    model = GeneContentModel(IMPOSSIBLE)
    at = leaf([0.0, 0.0])
    value = bridge.log_likelihood(model)(at)
    assert value.item() == -np.inf
    assert torch.autograd.grad(value, at)[0].isnan().all()
    possible = torch.autograd.grad(bridge.log_likelihoods(model)(at)[1], at)[0]
    assert possible.isfinite().all()


def test_a_second_derivative_is_refused() -> None:
    at = leaf([0.1, 0.2])
    for function in (bridge.log_likelihood, bridge.log_likelihoods):
        value = function(GeneContentModel(TINY))(at).sum()
        (slope,) = torch.autograd.grad(value, at, create_graph=True)
        with pytest.raises(RuntimeError, match="differentiated once in PyTorch; for second derivatives use"):
            slope.sum().backward()


def test_what_cannot_be_is_refused_in_a_sentence() -> None:
    f = bridge.log_likelihood(GeneContentModel(TINY))
    with pytest.raises(ValueError, match=r"^parameter log_gain is NaN; allowed are numbers below 709"):
        f(leaf([np.nan, 0.0]))
    with pytest.raises(ValueError, match=r"^the parameters are torch.float32; allowed is a tensor of torch.float64$"):
        f(torch.zeros(2))
    with pytest.raises(ValueError, match=r"^the parameters have shape \(3,\); allowed is \(..., 2\), known: log_gain"):
        f(leaf([0.0, 0.0, 0.0]))
    with pytest.raises(ValueError, match=r"^unknown parameter 'gain'; known: log_gain, log_loss$"):
        f({"gain": leaf(0.0)})
    with pytest.raises(ValueError, match="backend 'numpy' is no function of PyTorch"):
        bridge.log_likelihood(GeneContentModel(TINY, backend="numpy"))


def test_an_optimiser_of_pytorch_finds_the_maximum() -> None:
    data = GeneContentData(TINY.tree, [[1, 0, 1, 0, 1], [1, 1, 0, 0, 1], [0, 1, 0, 1, 1]])
    model = GeneContentModel(data, root="equal")
    at = leaf([0.0, 0.0])
    optimiser = torch.optim.LBFGS([at], line_search_fn="strong_wolfe", tolerance_grad=1e-9)
    f = bridge.log_likelihood(model)

    def closure() -> Any:
        optimiser.zero_grad()
        loss = -f(at)
        loss.backward()
        return loss

    optimiser.step(closure)
    fit = model.fit()
    assert -closure().item() == pytest.approx(fit.log_likelihood, abs=1e-8)


def test_examples_in_docstrings_run() -> None:
    result = doctest.testmod(importlib.import_module("persiste_rust.torch"))
    assert result.failed == 0
    assert result.attempted > 4
