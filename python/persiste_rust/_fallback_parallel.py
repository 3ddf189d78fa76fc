"""The numbers of the parallel toolkit in NumPy: bit for bit those of the native module.

Seeds are outputs of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195), random numbers those of
xoshiro256++ (Blackman and Vigna 2021, doi:10.1145/3460772), its state filled by SplitMix64.
"""

from __future__ import annotations

import os
import re

import numpy as np
from numpy.typing import NDArray

from persiste_rust._checked import MOST_THREADS, ONE_A_CORE, whole_number

_Floats = NDArray[np.float64]
_BITS = 2**64 - 1


def thread_count(threads: int | None) -> int:
    """Returns the number of threads of a call: `threads`, else RAYON_NUM_THREADS, else one a core."""
    if threads is not None:
        return whole_number(threads, "threads", highest=MOST_THREADS, otherwise=ONE_A_CORE)
    text = os.environ.get("RAYON_NUM_THREADS", "").strip()
    if re.fullmatch(r"\+?[0-9]+", text, re.ASCII) and 0 < int(text) <= _BITS:
        return min(int(text), MOST_THREADS)
    # sched_getaffinity knows what this process may use; not every system has it.
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def _split_mix(seed: int, index: int) -> int:
    bits = (seed + (index + 1) * 0x9E3779B97F4A7C15) & _BITS
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _BITS
    return bits ^ (bits >> 31)


def stream_seed(seed: int, item: int, sample: int) -> int:
    """Returns the seed of the stream of one sample of one item."""
    return _split_mix(_split_mix(seed, item), sample)


class _Random:
    def __init__(self, seed: int) -> None:
        self.state = [_split_mix(seed, index) for index in range(4)]

    def next(self) -> int:
        a, b, c, d = self.state
        total = (a + d) & _BITS
        result = (((total << 23) | (total >> 41)) + a) & _BITS
        c ^= a
        d ^= b
        self.state = [a ^ d, b ^ c, c ^ ((b << 17) & _BITS), ((d << 45) | (d >> 19)) & _BITS]
        return result

    def below(self, bound: int) -> int:
        unfair = (2**64 - bound) % bound
        while True:
            product = self.next() * bound
            if (product & _BITS) >= unfair:
                return product >> 64


def fold_of_item(n_items: int, n_folds: int, seed: int) -> NDArray[np.int64]:
    """Returns the fold in which each item is held out, (n_items,): items shuffled, then dealt out in turn."""
    if n_items == 0:
        raise ValueError("there are no items; expected at least one")
    if not 2 <= n_folds <= n_items:
        allowed = "allowed are 2 folds or more, and no more than items"
        raise ValueError(f"cannot make {n_folds} folds of {n_items} items; {allowed}")
    order, random = list(range(n_items)), _Random(seed)
    for last in range(n_items - 1, 0, -1):
        other = random.below(last + 1)
        order[last], order[other] = order[other], order[last]
    folds = np.empty(n_items, dtype=np.int64)
    folds[order] = np.arange(n_items) % n_folds
    return folds


def ranking(scores: _Floats) -> NDArray[np.int64]:
    """Returns the points by falling score, (n_points,), NaN last, equal scores in their order."""
    return np.argsort(-scores, kind="stable").astype(np.int64)


def summarise(samples: _Floats, quantiles: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """Returns mean, standard deviation (n_components,) and quantiles (n_quantiles, n_components) of the samples."""
    n_samples, n_components = samples.shape
    if n_samples == 0:
        raise ValueError("there are no samples; expected at least one")
    for index, probability in enumerate(quantiles.tolist()):
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"quantile [{index}] is {probability:g}; allowed are numbers from 0 to 1")
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = _sum(samples) / n_samples
        squares = _sum((samples - mean) * (samples - mean))
        sd = np.sqrt(squares / np.float64(n_samples - 1))
        ordered = np.sort(samples, axis=0)
        table = np.empty((len(quantiles), n_components))
        for row, probability in zip(table, quantiles.tolist(), strict=True):
            place = (n_samples - 1) * probability
            below = int(place)
            row[:] = _between(ordered[below], ordered[min(below + 1, n_samples - 1)], place - below)
    table[:, np.isnan(samples).any(axis=0)] = np.nan
    return mean, sd, table


def _sum(rows: _Floats) -> _Floats:
    # Row by row, as the native module adds; np.sum adds in pairs.
    total = np.zeros(rows.shape[1])
    for row in rows:
        total = total + row
    return total


def _between(low: _Floats, high: _Floats, share: float) -> _Floats:
    if share == 0.0:
        return low
    return np.where(low == high, low, (1.0 - share) * low + share * high)


def aggregate(predictions: _Floats, how: str, weights: _Floats | None) -> _Floats:
    """Returns one prediction from (n_predictions, n_components): `mean`, `weighted` or `median`."""
    if (how == "weighted") != (weights is not None) or how not in ("mean", "median", "weighted"):
        raise ValueError(f"unknown aggregation '{how}'; known: mean, median, weighted (which alone takes weights)")
    n = len(predictions)
    if n == 0:
        raise ValueError("there are no predictions; expected at least one")
    with np.errstate(invalid="ignore", over="ignore"):
        if weights is not None:
            return _weighted_mean(predictions, weights)
        if how == "mean":
            return _sum(predictions) / n
        ordered = np.sort(predictions, axis=0)
        middle = _between(ordered[(n - 1) // 2], ordered[n // 2], 0.5)
    return np.where(np.isnan(predictions).any(axis=0), np.nan, middle)


def _weighted_mean(predictions: _Floats, weights: _Floats) -> _Floats:
    if len(weights) != len(predictions):
        raise ValueError(f"weights has length {len(weights)}; expected {len(predictions)}")
    for index, weight in enumerate(weights.tolist()):
        if not 0.0 <= weight < np.inf:
            raise ValueError(f"weight [{index}] is {_plain(weight)}; allowed are finite numbers of 0 or more")
    weight_sum = 0.0
    for weight in weights.tolist():
        weight_sum += weight
    if not 0.0 < weight_sum < np.inf:
        raise ValueError(f"the sum of the weights is {_plain(weight_sum)}; allowed are finite sums above 0")
    some = weights > 0.0
    return _sum(weights[some, None] * predictions[some]) / weight_sum


def parallel_fraction(threads: list[int], speed_ups: list[float]) -> float:
    """Returns Amdahl's parallel fraction, `sum x y / sum x x` with `x = 1 - 1 / n` and `y = 1 - 1 / s`."""
    if not threads:
        raise ValueError("there are no thread counts; expected at least one")
    if len(speed_ups) != len(threads):
        raise ValueError(f"speed-ups has length {len(speed_ups)}; expected {len(threads)}")
    for count in threads:
        thread_count(count)
    products = squares = 0.0
    for count, speed_up in zip(threads, speed_ups, strict=True):
        if not 0.0 < speed_up < np.inf:
            raise ValueError(
                f"the speed-up with {count} threads is {_plain(speed_up)}; allowed are finite numbers above 0"
            )
        x = 1.0 - 1.0 / count
        products += x * (1.0 - 1.0 / speed_up)
        squares += x * x
    if squares == 0.0:
        raise ValueError("no measurement has more than 1 thread; the parallel fraction needs at least one")
    return products / squares


def _plain(number: float) -> str:
    """Returns a number as the native module's messages show it: 0, -1, NaN."""
    return "NaN" if np.isnan(number) else f"{number:g}"
