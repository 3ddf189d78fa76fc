"""The numbers of the parallel toolkit: native module and NumPy twin, bit for bit, and values from elsewhere."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from persiste_rust import _fallback
from persiste_rust._backend import backend
from persiste_rust._fallback_parallel import _Random

# The native module, or the twin against itself where the tests run on it.
CHOSEN = backend()
SEEDS = [0, 1, 42, 2**63, 2**64 - 1]


def bits(arrays: Any) -> list[bytes]:
    """Returns the bits of each array, all NaN alike."""
    return [np.where(np.isnan(one), np.nan, one).tobytes() for one in arrays]


def test_random_numbers_of_the_twin_are_those_of_the_published_generator() -> None:
    # rand_xoshiro 0.8.1: Xoshiro256PlusPlus::seed_from_u64(42), next_u64() four times.
    random = _Random(42)
    expected = [15021278609987233951, 5881210131331364753, 18149643915985481100, 12933668939759105464]
    assert [random.next() for _ in range(4)] == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_seeds_of_streams_are_equal(seed: int) -> None:
    for item, sample in [(0, 0), (1, 0), (0, 1), (12345, 678), (2**64 - 1, 2**64 - 1)]:
        assert CHOSEN.stream_seed(seed, item, sample) == _fallback.stream_seed(seed, item, sample)


@pytest.mark.parametrize("seed", SEEDS)
def test_folds_are_equal(seed: int) -> None:
    for n_items, n_folds in [(2, 2), (10, 3), (1000, 7), (50, 50)]:
        native, twin = (module.fold_of_item(n_items, n_folds, seed) for module in (CHOSEN, _fallback))
        assert native.dtype == twin.dtype
        assert native.tolist() == twin.tolist()


def test_seeds_and_folds_stay_what_they_are() -> None:
    # Made with either backend when the streams were defined; a change would silently redraw every user's folds.
    assert CHOSEN.stream_seed(42, 0, 0) == 6332618229526065668
    assert CHOSEN.fold_of_item(10, 3, 42).tolist() == [0, 2, 2, 1, 0, 0, 2, 1, 0, 1]
    digest = hashlib.sha256(CHOSEN.fold_of_item(1000, 7, 1).astype("<i8").tobytes()).hexdigest()
    assert digest[:16] == "7204d52c32cafe0c"


def test_summaries_have_the_same_bits() -> None:
    rng = np.random.default_rng(8)
    samples = rng.normal(size=(37, 6)) * 10.0 ** rng.integers(-8, 8, size=(37, 6))
    samples[3, 1], samples[4, 2], samples[5:9, 3] = np.nan, -np.inf, np.inf
    quantiles = np.array([0.0, 0.025, 1 / 3, 0.5, 0.999, 1.0])
    for rows in (samples, samples[:1], samples[:2], samples[:, :0]):
        assert bits(CHOSEN.summarise(rows, quantiles)) == bits(_fallback.summarise(rows, quantiles))


def test_aggregates_have_the_same_bits() -> None:
    rng = np.random.default_rng(9)
    for n in (1, 2, 7, 8):
        rows = rng.normal(size=(n, 5))
        rows[0, :2] = np.nan, np.inf
        weights = rng.random(n)
        weights[-1] = 1.0 if n == 1 else 0.0
        for how, given in [("mean", None), ("median", None), ("weighted", weights)]:
            assert bits([CHOSEN.aggregate(rows, how, given)]) == bits([_fallback.aggregate(rows, how, given)])


def test_rankings_and_fractions_are_equal() -> None:
    scores = np.array([np.nan, 1.0, -np.inf, 3.0, np.nan, 3.0, 0.0, -0.0, np.inf])
    assert CHOSEN.ranking(scores).tolist() == _fallback.ranking(scores).tolist()
    threads, speed_ups = [1, 2, 3, 8], [1.0, 1.9, 2.3, 3.7]
    assert CHOSEN.parallel_fraction(threads, speed_ups) == _fallback.parallel_fraction(threads, speed_ups)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("thread_count", (0,)),
        ("thread_count", (65_536,)),
        ("fold_of_item", (0, 2, 0)),
        ("fold_of_item", (3, 4, 0)),
        ("fold_of_item", (3, 1, 0)),
        ("summarise", (np.empty((0, 2)), np.array([0.5]))),
        ("summarise", (np.ones((2, 2)), np.array([0.5, -0.5]))),
        ("aggregate", (np.empty((0, 2)), "mean", None)),
        ("aggregate", (np.ones((2, 2)), "mode", None)),
        ("aggregate", (np.ones((2, 2)), "median", np.ones(2))),
        ("aggregate", (np.ones((2, 2)), "weighted", None)),
        ("aggregate", (np.ones((2, 2)), "weighted", np.ones(3))),
        ("aggregate", (np.ones((2, 2)), "weighted", np.array([1.0, np.nan]))),
        ("aggregate", (np.ones((2, 2)), "weighted", np.array([-1.5, 1.0]))),
        ("aggregate", (np.ones((2, 2)), "weighted", np.array([1.0, np.inf]))),
        ("aggregate", (np.ones((2, 2)), "weighted", np.zeros(2))),
        ("parallel_fraction", ([], [])),
        ("parallel_fraction", ([1, 2], [1.0])),
        ("parallel_fraction", ([1, 1], [1.0, 1.0])),
        ("parallel_fraction", ([0], [1.0])),
        ("parallel_fraction", ([2], [0.0])),
        ("parallel_fraction", ([2], [float("nan")])),
    ],
)
def test_refusals_say_the_same(function: str, arguments: tuple[Any, ...]) -> None:
    messages = []
    for module in (CHOSEN, _fallback):
        with pytest.raises(ValueError, match=r"\w") as refusal:
            getattr(module, function)(*arguments)
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]
