"""The rate models' classes, their text form, and the NumPy categories against values computed elsewhere."""

from __future__ import annotations

import doctest
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_data import shared_json, shared_names

from persiste_rust import _reference_rates, rates
from persiste_rust._fallback_rates import Rates
from persiste_rust.rates import (
    DiscreteGamma,
    FixedCategories,
    GammaGainLoss,
    Hierarchical,
    LogNormal,
    Mixture,
    parse_rates,
)

# Made by tests/values/discrete_gamma.py in 60-digit arithmetic: kind, shape, n, n times log r, n times its derivative.
GAMMA = (Path(__file__).resolve().parents[1] / "values" / "discrete_gamma.txt").read_text(encoding="utf-8").splitlines()

MODELS: list[tuple[str, dict[str, Any], list[float]]] = [
    ("shared", {}, [-1.0, 0.4]),
    ("gamma", {"n_categories": 4, "kind": "median"}, [-1.0, 0.4, -0.9]),
    ("gamma", {"n_categories": 1}, [-1.0, 0.4]),
    ("gamma-gain-loss", {"n_categories": 3}, [-1.0, 0.4, -1.3, 1.9]),
    ("mixture", {"n_categories": 3}, [-2.0, -1.0, 0.0, 0.3, 0.5, 1.5, 0.7, -2.0]),
    ("lognormal", {}, [-1.0, 0.4, 0.2]),
    ("hierarchical", {"n_categories": 5}, [-1.0, 0.4, -0.5, 0.3, -0.8]),
    ("fixed-categories", {"rates": [0.0, 0.5, 3.0], "weights": [0.2, 0.3, 0.5]}, [-1.0, 0.4]),
]


@pytest.mark.parametrize("line", GAMMA, ids=lambda line: "-".join(line.split()[:3]))
def test_gamma_categories_are_those_of_multiprecision_arithmetic(line: str) -> None:
    kind, shape, n, *numbers = line.split()
    expected = np.array(numbers[: int(n)], dtype=float)
    found = _reference_rates.categories(
        "gamma", {"n_categories": int(n), "kind": kind}, [0.0, 1.0, np.log(float(shape))]
    )
    # math.lgamma(1 + a) keeps 16 digits of 1 + a, not of a: a few 1e-14 of log r at shape 0.005.
    error = np.abs(found.log_gain - expected) / np.maximum(1.0, np.abs(expected))
    assert error.max() <= 5e-13
    np.testing.assert_allclose(found.log_loss - 1.0, found.log_gain, rtol=1e-13, atol=1e-13)


def test_every_model_has_weights_that_sum_to_one_and_as_many_rates() -> None:
    assert {name for name, _, _ in MODELS} == set(_reference_rates.rate_models())
    for name, options, parameters in MODELS:
        found = _reference_rates.categories(name, options, parameters)
        assert found.log_gain.shape == found.log_loss.shape == found.weight.shape
        assert abs(found.weight.sum() - 1.0) < 1e-14
        assert len(_reference_rates.parameter_names(name, options)) == len(parameters)


@pytest.mark.parametrize(("name", "options", "parameters"), MODELS)
def test_derivatives_by_five_points_are_those_of_finer_differences(
    name: str, options: dict[str, Any], parameters: list[float]
) -> None:
    of, at = Rates(name, options), np.array(parameters)
    n = len(of.categories(at).weight)
    adjoint = np.random.default_rng(1).normal(size=(3, n))

    def scalar(point: np.ndarray) -> float:
        log_gain, log_loss, weight = of.categories(point)
        logs = np.stack([log_gain, log_loss, np.log(weight)])
        return float(np.where(np.isfinite(logs), logs, 0.0).ravel() @ adjoint.ravel())

    found = of.pull_back(at, *adjoint)
    ends = [(scalar(at + step) - scalar(at - step)) / 2e-5 for step in np.eye(len(at)) * 1e-5]
    # Truncation 1e-10, rounding 1e-16 * 10 / 1e-5.
    np.testing.assert_allclose(found, ends, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("log_alpha", [-1e308, -690.0, -5.3, 0.0, 6.9, 13.8, 13.9, 40.0, 1e308])
@pytest.mark.parametrize("kind", ["mean", "median"])
def test_gamma_rates_average_one_at_every_shape(log_alpha: float, kind: str) -> None:
    found = _reference_rates.categories("gamma", {"n_categories": 9, "kind": kind}, [0.0, 0.0, log_alpha])
    assert abs(np.mean(np.exp(found.log_gain)) - 1.0) < 1e-13
    # Rates that agree to rounding, at large shapes, may come in any order.
    assert (np.diff(np.exp(found.log_gain)) >= -1e-14).all()


def test_lognormal_rates_are_those_of_multiprecision_arithmetic() -> None:
    # python tests/values/gauss_hermite.py
    expected = [-1.11868817231698855, -0.566374641696203013, -0.0676676401698929919, 0.431039361356417029]
    found = _reference_rates.categories("lognormal", {"n_categories": 5}, [0.0, 0.0, -1.0])
    np.testing.assert_allclose(found.log_gain[:4], expected, rtol=1e-13)
    for log_sigma in (-800.0, 3.0, 1e308):
        found = _reference_rates.categories("lognormal", {}, [0.0, 0.0, log_sigma])
        assert abs(np.sum(found.weight * np.exp(found.log_gain)) - 1.0) < 1e-13


def test_hierarchical_categories_have_the_moments_of_the_population() -> None:
    sigma_gain, sigma_loss, correlation = 0.6, 1.7, -0.45
    parameters = [-1.3, 0.4, np.log(sigma_gain), np.log(sigma_loss), np.arctanh(correlation)]
    found = _reference_rates.categories("hierarchical", {}, parameters)
    gain, loss = found.log_gain + 1.3, found.log_loss - 0.4
    moments = [np.sum(found.weight * value) for value in (gain, loss, gain**2, loss**2, gain * loss)]
    expected = [0.0, 0.0, sigma_gain**2, sigma_loss**2, correlation * sigma_gain * sigma_loss]
    np.testing.assert_allclose(moments, expected, atol=1e-14)


def test_mixture_weights_are_relative_to_the_first_class() -> None:
    found = _reference_rates.categories("mixture", {}, [1.0, 2.0, 3.0, 4.0, np.log(3.0)])
    np.testing.assert_allclose(found.weight, [0.25, 0.75], rtol=1e-15)
    assert _reference_rates.parameter_names("mixture", {}) == [
        "log_gain_1",
        "log_gain_2",
        "log_loss_1",
        "log_loss_2",
        "log_weight_2",
    ]


def test_mixtures_that_mean_the_same_get_the_same_labels() -> None:
    of = Rates("mixture", {"n_categories": 3})
    # Presence, log gain - log loss, is -2.5, 1 and -2.3: it falls in class 2, 3, 1.
    point = np.array([-2.0, 1.0, -0.8, 0.5, 0.0, 1.5, 0.7, -0.4])
    expected = [1.0, -0.8, -2.0, 0.0, 1.5, 0.5, -0.4 - 0.7, 0.0 - 0.7]
    for order in itertools.permutations(range(3)):
        ratio = np.array([0.0, 0.7, -0.4])[list(order)]
        shuffled = np.concatenate([point[list(order)], point[3:6][list(order)], ratio[1:] - ratio[0]])
        found, jacobian = of.canonical(shuffled)
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)
        # Linear in the logs: differences are exact to rounding.
        ends = [(of.canonical(shuffled + e)[0] - of.canonical(shuffled - e)[0]) / 2e-6 for e in np.eye(8) * 1e-6]
        np.testing.assert_allclose(np.transpose(ends), jacobian, atol=1e-8)
    without_rates = of.canonical(np.array([-np.inf, 0.0, -1.0, -np.inf, 0.0, 0.0, 0.0, 0.0]))[0]
    assert np.isneginf(without_rates[2])  # last


@pytest.mark.parametrize("name", shared_names("reference", "cases"))
def test_gamma_categories_are_those_of_the_reference_cases(name: str) -> None:
    params = shared_json("reference", "cases", name, "params.json")
    if not params["gamma"]:
        return
    options = {"n_categories": params["gamma"]["k"], "kind": params["gamma"]["kind"]}
    found = _reference_rates.categories("gamma", options, [0.0, 0.0, np.log(float(params["gamma"]["alpha"]))])
    expected = np.array(params["categories"]["rates"], dtype=float)
    np.testing.assert_allclose(np.exp(found.log_gain), expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gama", {}, "unknown rate model 'gama'; known: shared, gamma"),
        ("gamma", {"alpha": 1.0}, "'gamma' has no option 'alpha'; known: n_categories, kind"),
        ("gamma", {"n_categories": 0}, "option n_categories of 'gamma' is 0; allowed are whole numbers from 1 to 64"),
        ("gamma", {"n_categories": 4.5}, "option n_categories of 'gamma' is 4.5"),
        ("gamma", {"n_categories": float("inf")}, "option n_categories of 'gamma' is inf"),
        ("gamma", {"n_categories": "4"}, "option n_categories of 'gamma' is '4'"),
        ("gamma", {"kind": "mode"}, "option kind of 'gamma' is 'mode'; allowed are mean, median"),
        ("mixture", {"n_categories": 17}, "allowed are whole numbers from 2 to 16"),
        ("fixed-categories", {}, r"option rates of 'fixed-categories' is \[\]"),
        ("fixed-categories", {"rates": [1.0, -1.0]}, "allowed are one or more finite numbers of at least 0"),
        ("fixed-categories", {"rates": [1.0, 2.0], "weights": [0.5, 0.4]}, "sum to 1 within 1e-9"),
        ("fixed-categories", {"rates": [1.0, 2.0], "weights": [1.0]}, "2 numbers above 0, one for each rate"),
        ("fixed-categories", {"rates": [1.0], "weights": [float("nan")]}, "1 numbers above 0"),
    ],
)
def test_options_that_cannot_be_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _reference_rates.parameter_names(name, options)


def test_another_number_of_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 3 parameters \(log_gain, log_loss, log_alpha\)"):
        _reference_rates.categories("gamma", {}, [0.0, 0.0])


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("gamma", DiscreteGamma()),
        ("gamma:n_categories=8,kind=median", DiscreteGamma(8, "median")),
        ("gamma-gain-loss:n_categories=3", GammaGainLoss(3)),
        ("mixture:n_categories=4", Mixture(4)),
        ("lognormal", LogNormal()),
        ("hierarchical:n_categories=5", Hierarchical(5)),
        ("fixed-categories:rates=0.5/1.5,weights=0.25/0.75", FixedCategories([0.5, 1.5], [0.25, 0.75])),
        ("fixed-categories:rates=2", FixedCategories((2.0,))),
        ("shared", "shared"),
        ("per-family", "per-family"),
    ],
)
def test_texts_name_rate_models(text: str, model: object) -> None:
    assert parse_rates(text) == model


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gama", "unknown rate model 'gama'; known: shared, per-family, gamma"),
        ("gamma:", "'gamma' has no option ''; allowed are n_categories=.., kind=.."),
        ("gamma:8", "'gamma' has no option '8'"),
        ("gamma:alpha=1", "'gamma' has no option 'alpha'"),
        ("gamma:n_categories=x", "option n_categories of 'gamma' is 'x'; allowed is a whole number"),
        ("gamma:n_categories=2,n_categories=3", "given twice"),
        ("shared:n_categories=2", "rate model 'shared' has no options"),
        ("fixed-categories", "option rates of 'fixed-categories' is missing"),
        ("fixed-categories:rates=1;2", "numbers divided by '/'"),
    ],
)
def test_texts_that_name_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_rates(text)


def test_specifications_are_names_and_options_that_the_categories_know() -> None:
    models = [
        DiscreteGamma(),
        GammaGainLoss(),
        Mixture(),
        LogNormal(),
        Hierarchical(),
        FixedCategories([1, 2], [0.5, 0.5]),
    ]
    for model in models:
        name, options = model._spec()
        assert _reference_rates.parameter_names(name, options)[0].startswith("log_gain")
    assert models[-1]._spec() == ("fixed-categories", {"rates": [1.0, 2.0], "weights": [0.5, 0.5]})
    assert FixedCategories([1.0])._spec() == ("fixed-categories", {"rates": [1.0]})
    assert {model._spec()[0] for model in models} == set(_reference_rates.rate_models()) - {"shared"}


def test_rate_models_are_values_that_cannot_be_changed() -> None:
    model = FixedCategories(np.array([0.5, 1.5]))
    assert model == FixedCategories([0.5, 1.5])
    assert hash(model) == hash(FixedCategories([0.5, 1.5]))
    with pytest.raises(AttributeError):
        model.rates = (1.0,)  # type: ignore[misc]


@pytest.mark.parametrize("module", [rates, _reference_rates])
def test_examples_in_docstrings_run(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
