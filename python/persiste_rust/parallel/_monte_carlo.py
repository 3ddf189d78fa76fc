"""Repeated random evaluation of each item, and what the samples say together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._backend import backend
from persiste_rust._checked import checked_seed, whole_number
from persiste_rust.parallel._map import at_least_one, map_indices

Item = TypeVar("Item")


class Summary(NamedTuple):
    """Mean, standard deviation and quantiles of each component over samples.

    `mean` and `sd` have the shape of one sample, `quantiles` is (n_quantiles, *shape). The standard deviation has
    `n_samples - 1` in its denominator and is NaN for a single sample; a component with a NaN among its samples has no
    quantiles but NaN.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    quantiles: NDArray[np.float64]


def stream_seed(seed: int, item: int, sample: int) -> int:
    """Returns the seed of the random numbers of one sample of one item, the same in Rust and Python, for ever.

    `split_mix(split_mix(seed, item), sample)` with outputs counted from 0: under one seed and item no two samples
    share a seed. All are whole numbers from 0 to 2**64 - 1.

    # Errors
    ValueError for a number outside.

    # Source
    SplitMix64: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195.

    >>> stream_seed(42, 0, 0) != stream_seed(42, 0, 1)
    True
    """
    return int(backend().stream_seed(bits(seed, "seed"), bits(item, "item"), bits(sample, "sample")))


def bits(number: int, what: str) -> int:
    """Returns a whole number of 64 bits."""
    return checked_seed(number, what)


def monte_carlo(
    work: Callable[[Item, np.random.Generator], ArrayLike],
    items: Iterable[Item],
    n_samples: int,
    *,
    seed: int = 0,
    quantiles: Sequence[float] = (0.025, 0.5, 0.975),
    threads: int | None = None,
) -> list[Summary]:
    """Returns the summary of `n_samples` random evaluations `work(item, rng)` of each item, in their order.

    `rng` is `numpy.random.default_rng(stream_seed(seed, item, sample))`, with items counted from 0, so that neither
    the number of threads nor other items change a result. `work` returns a number or an array, of one shape for all
    samples of an item.

    # Errors
    The first exception in the order of items and samples; ValueError for no items or samples, different shapes,
    quantiles outside 0 to 1.

    >>> summary, = monte_carlo(lambda width, rng: width * rng.random(1000).mean(), [2.0], 20, seed=1, quantiles=[0.5])
    >>> bool(abs(summary.mean - 1.0) < 0.02), bool(summary.sd < 0.04)
    (True, True)
    """
    listed, n_samples, seed = list(items), whole_number(n_samples, "n_samples"), bits(seed, "seed")
    at_least_one(len(listed), "items")
    _check_quantiles(quantiles)
    native = backend()

    def sample(index: int) -> NDArray[np.float64]:
        item, number = divmod(index, n_samples)
        rng = np.random.default_rng(native.stream_seed(seed, item, number))
        return np.array(work(listed[item], rng), dtype=np.float64)

    samples = map_indices(sample, len(listed) * n_samples, threads)
    starts = range(0, len(samples), n_samples)
    return [summarise(samples[start : start + n_samples], quantiles=quantiles) for start in starts]


def summarise(samples: Sequence[ArrayLike], *, quantiles: Sequence[float] = (0.025, 0.5, 0.975)) -> Summary:
    """Returns mean, standard deviation and quantiles of each component over `samples` of one shape.

    Quantiles are NumPy's default, type 7 of Hyndman and Fan 1996, doi:10.2307/2684934.

    # Errors
    ValueError for no samples, different shapes, quantiles outside 0 to 1.

    >>> summarise([1.0, 2.0, 6.0], quantiles=[0.5, 0.75]).quantiles.tolist()
    [2.0, 4.0]
    """
    rows, shape = stacked(samples, "sample")
    mean, sd, table = backend().summarise(rows, _check_quantiles(quantiles))
    return Summary(mean.reshape(shape), sd.reshape(shape), table.reshape((len(table), *shape)))


def _check_quantiles(quantiles: Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(quantiles, dtype=np.float64)
    legal = (array >= 0.0) & (array <= 1.0)
    if array.ndim != 1 or not legal.all():
        raise ValueError(f"quantiles are {array.tolist()}; allowed are a list of numbers from 0 to 1")
    return array


def stacked(arrays: Sequence[ArrayLike], what: str) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Returns arrays of one shape as the rows of a matrix, and the shape."""
    listed = [np.asarray(one, dtype=np.float64) for one in arrays]
    at_least_one(len(listed), f"{what}s")
    shape = listed[0].shape
    for index, one in enumerate(listed):
        if one.shape != shape:
            raise ValueError(f"{what} [{index}] has shape {one.shape}; expected {shape}, as in [0]")
    return np.ascontiguousarray(np.stack(listed).reshape(len(listed), -1)), shape
