"""The NumPy twin against multiprecision values, against enumeration, and against what must hold of any likelihood."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from shared_data import Arrays, Case, read_case, shared_json, shared_names

from persiste_rust import _reference

CASES = shared_names("reference", "cases")
# 25-digit values; 200 tips and 400 branches of double precision leave about 1e-14, and 1e-10 is the agreed bound.
VALUE_TOLERANCE = 1e-10
# The agreed bound for gradients; sums of a few hundred terms that cancel to a part of themselves.
GRADIENT_TOLERANCE = 1e-8


def mixed(logs: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    return np.logaddexp.reduce([np.log(weight) + log for log, weight in zip(logs, weights, strict=True)])


def evaluate(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Conditioned log-likelihoods, and the total's derivatives by gain and loss, mixed over categories."""
    found = [
        _reference.value_and_gradient(*case.tree, case.cells, rate * case.gain, rate * case.loss, case.root)
        for rate in case.rates
    ]
    value = mixed([each.log_likelihoods for each in found], case.weights)
    gradient = np.zeros(2)
    for each, rate, weight in zip(found, case.rates, case.weights, strict=True):
        share = weight * np.exp(each.log_likelihoods - np.where(np.isfinite(value), value, 0.0))
        gradient += rate * np.array([np.sum(share * each.gain), np.sum(share * each.loss)])
    if case.ascertainment is not None:
        seen = [
            _reference.log_probability_observable(
                *case.tree[:2], rate * case.gain, rate * case.loss, case.root, case.ascertainment
            )
            for rate in case.rates
        ]
        total = mixed([each.log_probability for each in seen], case.weights)
        value = value - total
        for each, weight in zip(seen, case.weights, strict=True):
            share = weight * np.exp(each.log_probability - total)
            by_log = share * np.concatenate([each.log_gain, each.log_loss])
            gradient -= len(value) * by_log / np.array([case.gain, case.loss])
    return value, gradient


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Compares absolutely below 1 and relatively above; infinities must be equal and nothing may be NaN."""
    found, expected = np.broadcast_arrays(np.asarray(found, dtype=float), np.asarray(expected, dtype=float))
    assert not np.isnan(found).any()
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    error = np.abs(found[finite] - expected[finite]) / np.maximum(1.0, np.abs(expected[finite]))
    assert error.max(initial=0.0) <= tolerance


@pytest.mark.parametrize("name", CASES)
def test_log_likelihoods_match_multiprecision_values(name: str) -> None:
    expected = shared_json("reference", "cases", name, "expected.json")
    value, _ = evaluate(read_case(name))
    assert_close(value, np.array(expected["lnL"], dtype=float), VALUE_TOLERANCE)


def test_gradients_match_multiprecision_differences() -> None:
    for name, published in shared_json("reference", "extras", "gradients.json")["values"].items():
        expected = np.array([float(published["d_gain"]), float(published["d_loss"])])
        _, gradient = evaluate(read_case(name))
        np.testing.assert_allclose(gradient, expected, rtol=GRADIENT_TOLERANCE, atol=0, err_msg=name)


def random_tree(rng: np.random.Generator, n_tips: int) -> Arrays:
    """A random tree with polytomies and single-child nodes; some branches of length 0."""
    live, parent, n_nodes = list(range(n_tips)), {}, n_tips
    while len(live) > 1:
        taken = [live.pop(rng.integers(len(live))) for _ in range(min(len(live), int(rng.integers(1, 4))))]
        parent.update(dict.fromkeys(taken, n_nodes))
        live.append(n_nodes)
        n_nodes += 1
    lengths = rng.exponential(0.5, n_nodes) * (rng.random(n_nodes) > 0.1)
    return Arrays(np.array([parent.get(node, -1) for node in range(n_nodes)]), lengths, np.arange(n_tips))


def all_patterns(n_tips: int) -> np.ndarray:
    return np.array(list(itertools.product((0, 1), repeat=n_tips))).T


def enumerated(
    tree: Arrays, cells: np.ndarray, gain: float, loss: float, root_present: float, tips: np.ndarray | None = None
) -> np.ndarray:
    """The log of the sum, over all states of all nodes, of the product of all branch probabilities."""
    total = gain + loss
    change = -np.expm1(-total * tree.branch_length) / total
    n_nodes = len(tree.parent)
    p = np.empty((n_nodes, 2, 2))
    p[:, 0, 1], p[:, 1, 0] = gain * change, loss * change
    p[:, 0, 0], p[:, 1, 1] = 1.0 - p[:, 0, 1], 1.0 - p[:, 1, 0]
    likelihood = np.zeros(cells.shape[1])
    for states in itertools.product((0, 1), repeat=n_nodes):
        joint = root_present if states[-1] else 1.0 - root_present
        for node in range(n_nodes - 1):
            joint *= p[node, states[tree.parent[node]], states[node]]
        recorded = np.ones(cells.shape[1])
        for tip, node in enumerate(tree.tip_nodes):
            present = states[node] if tips is None else tips[tip, states[node]]
            recorded *= np.choose(cells[tip] + 1, [1.0, 1.0 - present, present])
        likelihood += joint * recorded
    with np.errstate(divide="ignore"):
        return np.log(likelihood)


@pytest.mark.parametrize("seed", range(12))
def test_pruning_matches_enumeration_of_all_states(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 2 + seed % 4)
    if len(tree.parent) > 14:
        tree = Arrays(np.array([2, 2, 3, -1]), rng.exponential(1.0, 4), np.array([0, 1]))
    cells = rng.integers(-1, 2, (len(tree.tip_nodes), 12))
    gain, loss, root = rng.exponential(1.0), rng.exponential(1.0), rng.random()
    found = _reference.log_likelihoods(*tree, cells, gain, loss, root)
    # Sums of at most 2^14 terms in double precision.
    assert_close(found, enumerated(tree, cells, gain, loss, root), 1e-12)
    tips = rng.choice([0.0, 0.02, 0.6, 1.0], (len(tree.tip_nodes), 2))
    found = _reference.log_likelihoods(*tree, cells, gain, loss, root, tips=tips)
    assert_close(found, enumerated(tree, cells, gain, loss, root, tips), 1e-12)


def test_gradient_with_tips_recorded_with_error_is_the_central_difference() -> None:
    rng = np.random.default_rng(9)
    tree = random_tree(rng, 5)
    cells = rng.integers(-1, 2, (5, 9))
    tips = np.column_stack([rng.uniform(0.0, 0.1, 5), rng.uniform(0.8, 1.0, 5)])
    found = _reference.value_and_gradient(*tree, cells, 0.4, 1.1, 0.3, tips=tips)
    step = 1e-5

    def value(gain: float, loss: float) -> np.ndarray:
        return _reference.log_likelihoods(*tree, cells, gain, loss, 0.3, tips=tips)

    # Central differences with this step are good to about 1e-10 here.
    assert_close(found.gain, (value(0.4 + step, 1.1) - value(0.4 - step, 1.1)) / (2 * step), 1e-8)
    assert_close(found.loss, (value(0.4, 1.1 + step) - value(0.4, 1.1 - step)) / (2 * step), 1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_likelihoods_of_all_patterns_sum_to_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 8)
    log = _reference.log_likelihoods(*tree, all_patterns(8), rng.exponential(), rng.exponential(), "stationary")
    # 256 terms, each good to about 1e-15.
    assert np.exp(log).sum() == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("ascertainment", ["observed", "variable"])
@pytest.mark.parametrize("root", ["stationary", 0.0, 0.3, 1.0])
def test_observable_probability_is_the_sum_over_observable_patterns(ascertainment: str, root: Any) -> None:
    tree = random_tree(np.random.default_rng(3), 7)
    patterns = all_patterns(7)
    keep = patterns.any(axis=0)
    if ascertainment == "variable":
        keep &= ~patterns.all(axis=0)
    log = _reference.log_likelihoods(*tree, patterns[:, keep], 0.7, 1.9, root)
    found = _reference.log_probability_observable(*tree[:2], 0.7, 1.9, root, ascertainment)
    assert found.log_probability[0] == pytest.approx(np.logaddexp.reduce(log), abs=1e-13)


def test_observable_probability_is_exact_where_it_is_tiny() -> None:
    # A star with an absent root: P(observed) = 1 - (1 - p)^n = n p (1 - ...) for p = P01(t).
    n_tips, gain = 50, 1e-30
    parent, lengths = np.append(np.full(n_tips, n_tips), -1), np.ones(n_tips + 1)
    p = gain / (1.0 + gain) * -np.expm1(-(1.0 + gain))
    seen = _reference.log_probability_observable(parent, lengths, gain, 1.0, 0.0, "observed")
    # The next term of the series is 1e-28 relative; double precision of the log leaves 1e-14.
    assert seen.log_probability[0] == pytest.approx(np.log(n_tips * p), abs=1e-13)
    assert seen.log_gain[0] == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("ascertainment", ["observed", "variable"])
@pytest.mark.parametrize("root", ["stationary", 0.2])
@pytest.mark.parametrize("rates", [(0.7, 1.9), (1e-6, 3.0), (2.0, 1e-7)])
def test_observable_gradient_is_the_central_difference(
    ascertainment: str, root: Any, rates: tuple[float, float]
) -> None:
    tree = random_tree(np.random.default_rng(5), 9)

    def value(gain: float, loss: float) -> float:
        seen = _reference.log_probability_observable(*tree[:2], gain, loss, root, ascertainment)
        return float(seen.log_probability[0])

    (gain, loss), step = rates, 1e-5
    found = _reference.log_probability_observable(*tree[:2], gain, loss, root, ascertainment)
    by_gain = (value(gain * np.exp(step), loss) - value(gain * np.exp(-step), loss)) / (2 * step)
    by_loss = (value(gain, loss * np.exp(step)) - value(gain, loss * np.exp(-step))) / (2 * step)
    # Truncation 1e-10, rounding 1e-15 * |value| / 1e-5.
    assert found.log_gain[0] == pytest.approx(by_gain, abs=1e-8)
    assert found.log_loss[0] == pytest.approx(by_loss, abs=1e-8)


@pytest.mark.parametrize("root", ["stationary", 0.2, 1.0])
@pytest.mark.parametrize("rates", [(0.7, 1.9), (1e-7, 3.0), (2.0, 1e-7)])
def test_gradient_is_the_central_difference(root: Any, rates: tuple[float, float]) -> None:
    rng = np.random.default_rng(11)
    tree = random_tree(rng, 9)
    tree = tree._replace(branch_length=tree.branch_length + 0.05)
    cells = rng.integers(-1, 2, (9, 5))
    gain, loss = rates
    weights = np.array([1.0, 2.0, 0.0, 0.5, 3.0])
    found = _reference.value_and_gradient(*tree, cells, gain, loss, root, weights)

    def difference(step: float, tree_of: Any, gain_of: Any, loss_of: Any, root_of: Any) -> np.ndarray:
        ends = [
            _reference.log_likelihoods(*tree_of(s), cells, gain_of(s), loss_of(s), root_of(s)) for s in (step, -step)
        ]
        return (ends[0] - ends[1]) / (2 * step)

    def same(value: Any) -> Any:
        return lambda _: value

    # Steps of 1e-5 of the argument: truncation 1e-10, rounding 1e-15 * |value| / 1e-5, both relative.
    step = 1e-5
    by_gain = difference(step * gain, same(tree), lambda s: gain + s, same(loss), same(root))
    by_loss = difference(step * loss, same(tree), same(gain), lambda s: loss + s, same(root))
    np.testing.assert_allclose(gain * found.gain, gain * by_gain, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(loss * found.loss, loss * by_loss, rtol=1e-6, atol=1e-8)
    if root == 0.2:
        by_root = difference(step, same(tree), same(gain), same(loss), lambda s: root + s)
        np.testing.assert_allclose(found.root_present, by_root, rtol=1e-6, atol=1e-8)
    for node in range(len(tree.parent) - 1):
        unit = np.eye(len(tree.parent))[node]
        longer = difference(
            1e-6,
            lambda s, u=unit: tree._replace(branch_length=tree.branch_length + s * u),
            same(gain),
            same(loss),
            same(root),
        )
        assert found.branch_length[node] == pytest.approx(weights @ longer, rel=1e-6, abs=1e-6)
    assert found.branch_length[-1] == 0.0


def test_gradient_is_exact_at_rate_zero() -> None:
    # L = exp(-g t) for one absent tip below an absent root with l = 0, so dlogL/dg = -t; for a present tip with l > 0
    # and g = 0 below a present root dlogL/dg is the one-sided limit, checked by a forward difference.
    tree = Arrays(np.array([1, -1]), np.array([2.0, 0.0]), np.array([0]))
    at_zero = _reference.value_and_gradient(*tree, [[0]], 0.0, 0.0, 0.0)
    assert at_zero.gain[0] == pytest.approx(-2.0, abs=1e-15)
    found = _reference.value_and_gradient(*tree, [[1]], 0.0, 0.8, 1.0)
    near, here = (_reference.log_likelihoods(*tree, [[1]], gain, 0.8, 1.0)[0] for gain in (1e-7, 0.0))
    # A forward difference of step 1e-7 truncates at about 1e-7 and rounds at 1e-9.
    assert found.gain[0] == pytest.approx((near - here) / 1e-7, abs=1e-6)


def test_missing_cells_are_as_if_the_tip_were_not_there() -> None:
    rng = np.random.default_rng(2)
    tree = Arrays(np.array([2, 2, 4, 4, -1]), rng.exponential(1.0, 5), np.array([0, 1, 3]))
    pruned = Arrays(
        np.array([2, 2, -1]), tree.branch_length[[0, 3, 4]] + [tree.branch_length[2], 0, 0], np.array([0, 1])
    )
    patterns = all_patterns(2)
    whole = np.stack([patterns[0], np.full(4, -1), patterns[1]])
    found = _reference.log_likelihoods(*tree, whole, 0.6, 1.2, "stationary")
    # The same product of probabilities, one of them a sum of two that is 1 to rounding.
    assert_close(found, _reference.log_likelihoods(*pruned, patterns, 0.6, 1.2, "stationary"), 1e-14)


def test_moving_a_stationary_root_along_its_branch_changes_nothing() -> None:
    lengths = np.array([0.3, 0.4, 0.25, 0.9, 0.0])
    moved = np.array([0.3, 0.4, 0.95, 0.2, 0.0])
    parent, tips = np.array([2, 2, 4, 4, -1]), np.array([0, 1, 3])
    found = [
        _reference.log_likelihoods(parent, t, tips, all_patterns(3), 0.5, 1.7, "stationary") for t in (lengths, moved)
    ]
    assert_close(found[0], found[1], 1e-14)  # the chain is reversible; only rounding differs


def test_single_child_node_changes_nothing() -> None:
    plain = Arrays(np.array([2, 2, -1]), np.array([0.9, 0.4, 0.0]), np.array([0, 1]))
    knuckle = Arrays(np.array([1, 3, 3, -1]), np.array([0.5, 0.4, 0.4, 0.0]), np.array([0, 2]))
    found = [_reference.log_likelihoods(*tree, all_patterns(2), 0.5, 1.7, 0.3) for tree in (plain, knuckle)]
    assert_close(found[0], found[1], 1e-14)  # Chapman-Kolmogorov; only rounding differs


def test_order_of_children_rows_and_families_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    tree = Arrays(np.array([4, 4, 4, 5, 5, -1]), rng.exponential(1.0, 6), np.arange(4))
    swapped = Arrays(np.array([5, 4, 4, 4, 5, -1]), tree.branch_length[[3, 2, 1, 0, 4, 5]], np.array([3, 2, 1, 0]))
    cells = rng.integers(0, 2, (4, 9))
    families = rng.permutation(9)
    found = _reference.log_likelihoods(*tree, cells, 0.5, 1.7, "stationary")
    other = _reference.log_likelihoods(*swapped, cells[:, families], 0.5, 1.7, "stationary")
    assert_close(other, found[families], 1e-14)  # sums in another order
    rows = rng.permutation(4)
    again = _reference.log_likelihoods(*tree[:2], tree.tip_nodes[rows], cells[rows], 0.5, 1.7, "stationary")
    np.testing.assert_array_equal(again, found)


def test_star_of_ten_thousand_present_tips_under_an_absent_root_is_exact() -> None:
    n_tips, gain, loss = 10_000, 1e-3, 1.0
    parent, lengths = np.append(np.full(n_tips, n_tips), -1), np.ones(n_tips + 1)
    tree = Arrays(parent, lengths, np.arange(n_tips))
    p = gain / (gain + loss) * -np.expm1(-(gain + loss))
    found = _reference.value_and_gradient(*tree, np.ones((n_tips, 1), dtype=int), gain, loss, 0.0)
    # The partials of the two states differ by a factor of 10^30000; 10^4 sums round to 1e-12 relative at most.
    assert found.log_likelihoods[0] == pytest.approx(n_tips * np.log(p), rel=1e-12)
    # d log P01 / dt = (g+l) e^-x / (1 - e^-x)
    slope = (gain + loss) / np.expm1(gain + loss)
    np.testing.assert_allclose(found.branch_length[:-1], slope, rtol=1e-10)


def test_likelihood_below_the_range_of_doubles_is_exact() -> None:
    # exp(-2000): l = 0, one branch of length 1000, absent at both ends with gain 2.
    found = _reference.log_likelihoods([1, -1], [1000.0, 0.0], [0], [[0]], 2.0, 0.0, 0.0)
    assert found[0] == pytest.approx(-2000.0, rel=1e-15)


def test_impossible_data_give_minus_infinity_and_never_nan() -> None:
    star = Arrays(np.array([2, 2, -1]), np.zeros(3), np.array([0, 1]))
    found = _reference.value_and_gradient(*star, all_patterns(2), 0.5, 1.7, 0.4)
    np.testing.assert_allclose(found.log_likelihoods, [np.log(0.6), -np.inf, -np.inf, np.log(0.4)], rtol=1e-15)
    assert np.isnan(found.gain).tolist() == [False, True, True, False]
    branches = star._replace(branch_length=np.ones(3))
    no_gain = _reference.log_likelihoods(*branches, all_patterns(2), 0.0, 1.7, 0.0)
    assert no_gain.tolist() == [0.0, -np.inf, -np.inf, -np.inf]
    seen = _reference.log_probability_observable(*branches[:2], 0.0, 1.7, 0.0, "observed")
    assert seen.log_probability.tolist() == [-np.inf]


def test_blocks_of_families_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    tree = random_tree(rng, 6)
    cells = rng.integers(-1, 2, (6, 40))
    whole = _reference.value_and_gradient(*tree, cells, np.linspace(0.1, 2.0, 40), 1.0, "stationary")
    monkeypatch.setattr(_reference, "_BLOCK_NUMBERS", 24 * len(tree.parent))
    cut = _reference.value_and_gradient(*tree, cells, np.linspace(0.1, 2.0, 40), 1.0, "stationary")
    for one, other in zip(whole[:4], cut[:4], strict=True):
        np.testing.assert_array_equal(one, other)
    # Summed over families, hence in another order.
    np.testing.assert_allclose(cut.branch_length, whole.branch_length, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parent": [1, 0, -1]}, "post-order"),
        ({"branch_length": [-1.0, 1.0, 0.0]}, "below 0"),
        ({"branch_length": [np.nan, 1.0, 0.0]}, "not finite"),
        ({"branch_length": [1.0, 1.0]}, "allowed is \\(n_nodes,\\)"),
        ({"cells": [[2], [0]]}, "other values"),
        ({"cells": [[1]]}, "n_families"),
        ({"gain": -1.0}, "gain must be"),
        ({"loss": np.inf}, "loss must be"),
        ({"gain": [1.0, 2.0]}, "rates have shape"),
        ({"gain": 0.0, "loss": 0.0}, "undefined"),
        ({"root_present": 1.5}, "probability"),
        ({"tips": [[0.0, 1.0]]}, "allowed is \\(2, 2\\)"),
        ({"tips": [[0.0, 1.0], [0.0, 1.5]]}, "outside"),
        ({"tips": [[0.0, 1.0], [np.nan, 1.0]]}, "outside"),
        ({"root_present": "flat"}, "unknown root 'flat'"),
    ],
)
def test_arguments_out_of_range_are_refused(change: dict[str, Any], message: str) -> None:
    given = {
        "parent": [2, 2, -1],
        "branch_length": [1.0, 1.0, 0.0],
        "tip_nodes": [0, 1],
        "cells": [[1], [0]],
        "gain": 1.0,
        "loss": 1.0,
        "root_present": "stationary",
    }
    with pytest.raises(ValueError, match=message):
        _reference.log_likelihoods(**(given | change))


def test_rates_and_lengths_of_any_size_give_numbers_without_a_warning() -> None:
    tree = Arrays(np.array([2, 2, -1]), np.array([1e200, 1e-200, 0.0]), np.array([0, 1]))
    for gain, loss in itertools.product((0.0, 1e-250, 1.0, 1e250), (1e-250, 1.0, 1e250)):
        found = _reference.value_and_gradient(*tree, all_patterns(2), gain, loss, "stationary")
        assert not np.isnan(found.log_likelihoods).any()
        possible = np.isfinite(found.log_likelihoods)
        assert not np.isnan(np.stack([found.gain, found.loss])[:, possible]).any()
        seen = _reference.log_probability_observable(*tree[:2], gain, loss, "stationary", "variable")
        assert not np.isnan(np.concatenate(seen)).any()
