"""The NumPy twin's windows on the number of recorded presences, and tips recorded with error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_reference import all_patterns, random_tree

from persiste_rust import _reference


def recorded_patterns(tree: Any, root: Any, tips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of presences and probability of each recorded pattern, summing over all true patterns."""
    patterns = all_patterns(len(tips))
    true = np.exp(_reference.log_likelihoods(*tree, patterns, 0.7, 1.9, root))
    present = tips[np.arange(len(tips)), patterns.T]
    emitted = [np.prod(np.where(pattern == 1, present, 1.0 - present), axis=1) for pattern in patterns.T]
    return patterns.sum(axis=0), np.array(emitted) @ true


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("root", ["stationary", 0.0, 0.3])
def test_windows_are_sums_over_their_patterns(seed: int, root: Any) -> None:
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 6)
    for tips in (None, rng.random((6, 2)), rng.integers(0, 2, (6, 2)).astype(float)):
        table = np.tile([0.0, 1.0], (6, 1)) if tips is None else tips
        sizes, probability = recorded_patterns(tree, root, table)
        for lowest in range(7):
            for highest in range(lowest, 7):
                inside = (sizes >= lowest) & (sizes <= highest)
                found = _reference.log_probability_observable(*tree[:2], 0.7, 1.9, root, (lowest, highest), tips)
                # 64 x 64 products of at most 12 factors.
                assert np.exp(found.log_probability[0]) == pytest.approx(probability[inside].sum(), rel=1e-12)


@pytest.mark.parametrize(("name", "window"), [("observed", (1, 9)), ("variable", (1, 8))])
@pytest.mark.parametrize("root", ["stationary", 0.2])
def test_windows_equal_the_named_ascertainments(name: Any, window: tuple[int, int], root: Any) -> None:
    rng = np.random.default_rng(7)
    tree, tips = random_tree(rng, 9), rng.random((9, 2))
    for table in (None, tips):
        by_name = _reference.log_probability_observable(*tree[:2], [0.7, 1e-6], 1.9, root, name, table)
        by_window = _reference.log_probability_observable(*tree[:2], [0.7, 1e-6], 1.9, root, window, table)
        np.testing.assert_allclose(by_window, by_name, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("window", [(0, 2), (2, 7), (4, 4), (3, 9)])
@pytest.mark.parametrize("root", ["stationary", 0.2])
@pytest.mark.parametrize("rates", [(0.7, 1.9), (1e-6, 3.0), (2.0, 1e-7)])
def test_window_gradient_is_the_central_difference(
    window: tuple[int, int], root: Any, rates: tuple[float, float]
) -> None:
    rng = np.random.default_rng(5)
    tree, tips = random_tree(rng, 9), rng.random((9, 2))

    def value(gain: float, loss: float) -> float:
        seen = _reference.log_probability_observable(*tree[:2], gain, loss, root, window, tips)
        return float(seen.log_probability[0])

    (gain, loss), step = rates, 1e-5
    found = _reference.log_probability_observable(*tree[:2], gain, loss, root, window, tips)
    by_gain = (value(gain * np.exp(step), loss) - value(gain * np.exp(-step), loss)) / (2 * step)
    by_loss = (value(gain, loss * np.exp(step)) - value(gain, loss * np.exp(-step))) / (2 * step)
    # Truncation 1e-10, rounding 1e-15 * |value| / 1e-5.
    assert found.log_gain[0] == pytest.approx(by_gain, abs=1e-8)
    assert found.log_loss[0] == pytest.approx(by_loss, abs=1e-8)


def test_a_window_is_exact_where_it_is_tiny() -> None:
    # A star with an absent root: P(k or more of n) = C(n, k) p^k (1 + O(n p)) for p = P01(t); C(30, 10) = 30045015.
    n_tips, gain = 30, 1e-40
    parent, lengths = np.append(np.full(n_tips, n_tips), -1), np.ones(n_tips + 1)
    log_p = np.log(gain) + np.log(-np.expm1(-1.0))
    seen = _reference.log_probability_observable(parent, lengths, gain, 1.0, 0.0, (10, 30))
    assert seen.log_probability[0] == pytest.approx(np.log(30045015) + 10 * log_p, abs=1e-10)
    assert seen.log_gain[0] == pytest.approx(10.0, abs=1e-12)


@pytest.mark.parametrize(
    ("ascertainment", "tips", "message"),
    [
        ((3, 2), None, "a window from 3 to 2 presences does not fit 9 genomes; allowed are 0 <= lowest"),
        ((2, 10), None, "a window from 2 to 10 presences does not fit 9 genomes"),
        ((-1, 4), None, "a window from -1 to 4"),
        ("all", None, "unknown ascertainment 'all'"),
        ((2, 9), np.zeros((8, 2)), r"tips has shape \(8, 2\); expected \(9, 2\)"),
        ((2, 9), np.full((9, 2), 1.5), r"tips\[0, 0\] is 1.5; allowed are probabilities"),
        ("observed", np.full((9, 2), np.nan), r"tips\[0, 0\] is nan"),
    ],
)
def test_what_cannot_be_is_refused(ascertainment: Any, tips: Any, message: str) -> None:
    tree = random_tree(np.random.default_rng(5), 9)
    with pytest.raises(ValueError, match=message):
        _reference.log_probability_observable(*tree[:2], 0.7, 1.9, "stationary", ascertainment, tips)
