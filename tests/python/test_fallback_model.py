"""The NumPy backend's models and their fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shared_data import shared, shared_json

from persiste_rust import _fallback
from persiste_rust._fallback import Data, Model, Tree

TREE = "((A:1,B:1)x:1,(C:1,D:1):1);"


def settings(**given: Any) -> dict[str, Any]:
    """Returns a model's settings, the plainest where none is given."""
    plain = {"root": "stationary", "ascertainment": "none", "rates": ("shared", {}), "effects": None}
    return {**plain, "completeness": None, "contamination": None, **given}


def test_pruning_gives_the_likelihood_of_missing_cells() -> None:
    tree = Tree.from_newick("(((A:1,B:2)x:0.5,(C:1,D:0.3):1):0.2,(E:1):1);")
    cells = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]], dtype=np.int8)
    pruned = Data.from_matrix(tree, cells, ["A", "C", "D"], None, prune_tree=True)
    assert pruned.tree.to_newick() == "((A:1.5,(C:1,D:0.3):1):0.2);"
    whole = np.full((5, 3), -1, dtype=np.int8)
    whole[[0, 2, 3]] = cells
    params = np.log([0.7, 1.3])
    found = [
        Model(data, settings(root="equal"), None).log_likelihoods(params)
        for data in (pruned, Data.from_matrix(tree, whole, None, None))
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-13)  # the same sums in another order


def model(cells: Any = ((1, 0), (0, 0), (1, 1), (1, 0)), **given: Any) -> Model:
    data = Data.from_matrix(Tree.from_newick(TREE), np.array(cells, dtype=np.int8), None, None)
    return Model(data, settings(**given), None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"root": "flat"}, "unknown root prior 'flat'; known: stationary, equal, absent, present, estimated, fitzjohn"),
        ({"root": 1.5}, "root frequency 1.5 is not a probability"),
        ({"root": float("nan")}, "root frequency nan is not a probability"),
        ({"ascertainment": "all0"}, "unknown ascertainment 'all0'; known: none, observed, variable"),
        ({"rates": ("gama", {})}, "unknown rate model 'gama'; known: shared, gamma"),
        ({"ascertainment": "observed", "cells": [[1, 0]] * 4}, "present in at least one genome .* 1 of 2 .*'family_2'"),
        ({"ascertainment": "variable", "cells": [[1, 1], *[[1, 0]] * 3]}, "absent from at least one .*'family_1'"),
    ],
)
def test_models_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(**arguments)


@pytest.mark.parametrize("params", [[0.0], [0.0, np.nan], [0.0, np.inf], [0.0, 800.0], [[0.0, 0.0]]])
def test_parameters_that_are_no_rates_are_refused(params: Any) -> None:
    with pytest.raises(ValueError, match="allowed"):
        model().log_likelihood(np.array(params))


@pytest.mark.parametrize("ascertainment", ["none", "observed", "variable"])
def test_model_gradient_is_the_central_difference(ascertainment: str) -> None:
    of = model(ascertainment=ascertainment)
    params, step = np.array([-0.5, 0.3]), 1e-5
    value, gradient = of.value_and_gradient(params)
    assert value == of.log_likelihood(params)
    assert value == pytest.approx(of.log_likelihoods(params).sum(), rel=1e-14)
    ends = [[of.log_likelihood(params + sign * step * unit) for sign in (1, -1)] for unit in np.eye(2)]
    # Truncation 1e-10, rounding 1e-15 / 1e-5.
    np.testing.assert_allclose(gradient, [(up - down) / (2 * step) for up, down in ends], atol=1e-8)


def test_impossible_families_give_minus_infinity_and_no_fit() -> None:
    tree = Tree.from_newick("(A:0,B:0,C:1);")
    data = Data.from_matrix(tree, np.array([[1, 1], [0, 1], [0, 1]], dtype=np.int8), None, ["odd", "fine"])
    of = Model(data, settings(ascertainment="observed"), None)
    assert of.log_likelihoods(np.zeros(2))[0] == -np.inf
    value, gradient = of.value_and_gradient(np.zeros(2))
    assert value == -np.inf
    assert np.isnan(gradient).all()
    with pytest.raises(ValueError, match="1 of 2 families have likelihood 0 where the search begins \\('odd'\\)"):
        of.fit()


@pytest.mark.parametrize(
    "name",
    ["c23_t50_stationary|root=stationary", "c23_t50_stationary|root=flat", "c31_t200_stationary|root=stationary"],
)
def test_fit_reaches_the_published_maximum(name: str) -> None:
    expected = shared_json("reference", "extras", "mle_shared.json")[name]
    case, root = name.split("|root=")
    tree = Tree.from_newick(shared("reference", "cases", case, "tree.nwk"))
    data = Data.read(tree, shared("reference", "cases", case, "presence.tsv"), genomes_in_rows=True)
    fit = Model(data, settings(root={"flat": "equal"}.get(root, root)), None).fit()
    assert fit["converged"]
    # The agreed tolerances: the maximum to 1e-6, parameters to 1e-4 and standard errors to 1e-3 relative.
    assert fit["log_likelihood"] == pytest.approx(float(expected["max_lnL"]), abs=1e-6)
    published = [float(expected["gain"]), float(expected["loss"])]
    np.testing.assert_allclose(np.exp(fit["parameters"]), published, rtol=1e-4)
    errors = np.array(expected["se_log_params"], dtype=float)
    np.testing.assert_allclose(np.sqrt(np.diag(fit["covariance"])), errors, rtol=1e-3)


def test_fit_without_losses_ends_at_the_bound_and_says_so() -> None:
    fit = model(root="absent", cells=[[1], [1], [1], [1]]).fit()
    assert fit["converged"]
    assert fit["at_bound"] == ["log_gain", "log_loss"]
    assert fit["covariance"] is None
    assert "at a bound" in fit["reason"]


def test_fit_reports_progress_stops_at_its_limit_and_lets_interrupts_through() -> None:
    calls: list[tuple[str, int, int]] = []
    fit = model().fit(np.array([3.0, -3.0]), max_iterations=1, progress=lambda *call: calls.append(call))
    assert calls == [("fitting", 1, 0)]
    assert not fit["converged"]
    assert "max_iterations of 1" in fit["reason"]

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model().fit(progress=interrupt)
    with pytest.raises(ValueError, match="log_gain starts at 99"):
        model().fit(np.array([99.0, 0.0]))


@pytest.mark.parametrize(
    ("parents", "n_tips", "message"),
    [
        ([2, 2, -1, -1], 2, "2 roots"),
        ([2, 2, 3, 2, -1], 2, "cycle|no children"),
        ([1, 2, -1], 2, "node 1 has children"),
        ([3, 3, 3, -1], 2, "node 2 has no children"),
        ([2, 9, -1], 2, "leaves the range"),
    ],
)
def test_arrays_that_are_no_tree_are_refused(parents: list[int], n_tips: int, message: str) -> None:
    cells = np.zeros((n_tips, 1), dtype=np.int8)
    lengths = np.ones(len(parents))
    with pytest.raises(ValueError, match=message):
        _fallback.compute_likelihoods_parallel(np.array(parents), lengths, cells, np.ones(1), np.ones(1), n_tips)


def test_real_trees_and_tables_give_their_published_log_likelihood() -> None:
    tree = Tree.from_newick(shared("data", "wol10k", "astral.cons.nwk.gz"))
    data = Data.read(tree, shared("data", "wol10k", "profile.tsv.gz"), genomes_in_rows=True)
    value = Model(data, settings(), None).log_likelihood(np.log([0.625, 2.5]))
    # PROVENANCE.md of the set, computed by another program with 16 digits.
    assert value == pytest.approx(-1257450.9778210982, rel=1e-12)
