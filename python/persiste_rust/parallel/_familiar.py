"""The familiar names over the toolkit: functions of batches, folds, grids and ensembles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust.parallel._aggregate import aggregate
from persiste_rust.parallel._config import threads_of_call
from persiste_rust.parallel._cross_validate import cross_validate
from persiste_rust.parallel._grid import grid
from persiste_rust.parallel._map import at_least_one, map
from persiste_rust.parallel._monte_carlo import monte_carlo, stacked

Batch = TypeVar("Batch")
Targets = TypeVar("Targets")
T = TypeVar("T")
_Floats = NDArray[np.float64]


def parallel_batch_inference(
    batches: Iterable[Batch], inference_fn: Callable[[Batch], T], *, threads: int | None = None
) -> list[T]:
    """Returns `inference_fn(batch)` of each batch, in their order; errors as from `map`.

    >>> parallel_batch_inference([[1, 2], [3, 4]], sum)
    [3, 7]
    """
    return map(inference_fn, batches, threads=threads_of_call(threads))


def parallel_batch_inference_with_uncertainty(
    batches: Iterable[Batch],
    inference_fn: Callable[[Batch, np.random.Generator], ArrayLike],
    num_samples: int,
    *,
    seed: int = 0,
    threads: int | None = None,
) -> list[tuple[_Floats, _Floats]]:
    """Returns mean and standard deviation over `num_samples` predictions `inference_fn(batch, rng)` of each batch.

    The random numbers of each batch and sample, and the errors, are those of `monte_carlo`, which also gives quantiles.

    >>> results = parallel_batch_inference_with_uncertainty([1.0, 2.0], lambda batch, rng: batch, 10)
    >>> float(results[1][0]), float(results[1][1])
    (2.0, 0.0)
    """
    threads = threads_of_call(threads)
    summaries = monte_carlo(inference_fn, batches, num_samples, seed=seed, quantiles=(), threads=threads)
    return [(one.mean, one.sd) for one in summaries]


def parallel_preprocess(
    data_chunks: Iterable[Batch], preprocess_fn: Callable[[Batch], T], *, threads: int | None = None
) -> list[T]:
    """Returns `preprocess_fn(chunk)` of each chunk, in their order; errors as from `map`.

    >>> parallel_preprocess(["a", "b"], str.upper)
    ['A', 'B']
    """
    return map(preprocess_fn, data_chunks, threads=threads_of_call(threads))


def parallel_gradient_computation(
    batches: Iterable[tuple[Batch, Targets]],
    gradient_fn: Callable[[Batch, Targets], T],
    *,
    threads: int | None = None,
) -> list[T]:
    """Returns `gradient_fn(inputs, targets)` of each batch, in their order; errors as from `map`.

    >>> parallel_gradient_computation([(1.0, 2.0), (3.0, 4.0)], lambda x, y: [x * y])
    [[2.0], [12.0]]
    """
    return map(lambda batch: gradient_fn(*batch), batches, threads=threads_of_call(threads))


def aggregate_gradients(gradients: Sequence[Sequence[ArrayLike]]) -> list[_Floats]:
    """Returns the mean of gradients, one array a parameter, summed in their order.

    # Errors
    ValueError for no gradients, different numbers of parameters, different shapes.

    >>> [one.tolist() for one in aggregate_gradients([[[1.0, 2.0], 3.0], [[3.0, 4.0], 5.0]])]
    [[2.0, 3.0], 4.0]
    """
    at_least_one(len(gradients), "gradients")
    n_parameters = len(gradients[0])
    for index, one in enumerate(gradients):
        if len(one) != n_parameters:
            raise ValueError(f"gradient [{index}] has length {len(one)}; expected {n_parameters}, as in [0]")
    of_parameter = [[gradient[parameter] for gradient in gradients] for parameter in range(n_parameters)]
    for arrays in of_parameter:
        stacked(arrays, "gradient")
    return [aggregate(arrays) for arrays in of_parameter]


def parallel_cross_validation(
    data: ArrayLike,
    labels: ArrayLike,
    k_folds: int,
    train_and_evaluate_fn: Callable[[_Floats, _Floats, _Floats, _Floats], T],
    *,
    seed: int = 0,
    threads: int | None = None,
) -> list[T]:
    """Returns `train_and_evaluate_fn(train_data, train_labels, val_data, val_labels)` of each fold, in their order.

    The rows of `data` (n, ...) and `labels` (n, ...) are copied; the folds and errors are those of `cross_validate`.

    >>> parallel_cross_validation(np.zeros((10, 3)), np.ones(10), 5, lambda tx, ty, vx, vy: float(vy.sum()))
    [2.0, 2.0, 2.0, 2.0, 2.0]
    """
    x, y = _with_labels(data, labels)

    def evaluate(training: NDArray[np.int64], held_out: NDArray[np.int64]) -> T:
        return train_and_evaluate_fn(x[training], y[training], x[held_out], y[held_out])

    return cross_validate(evaluate, len(x), k_folds, seed=seed, threads=threads_of_call(threads))


def parallel_grid_search(
    param_grid: Iterable[Batch],
    train_data: ArrayLike,
    train_labels: ArrayLike,
    val_data: ArrayLike,
    val_labels: ArrayLike,
    train_and_evaluate_fn: Callable[[Batch, _Floats, _Floats, _Floats, _Floats], float],
    *,
    threads: int | None = None,
) -> list[tuple[int, float]]:
    """Returns the place and score of each point of the grid, in its order; errors as from `grid`.

    >>> x, y = np.zeros((4, 2)), np.ones(4)
    >>> parallel_grid_search([0.5, 1.0], x, y, x, y, lambda alpha, tx, ty, vx, vy: alpha * vy.sum())
    [(0, 2.0), (1, 4.0)]
    """
    rest = (*_with_labels(train_data, train_labels), *_with_labels(val_data, val_labels))
    scores = grid(lambda point: train_and_evaluate_fn(point, *rest), param_grid, threads=threads_of_call(threads))
    return list(enumerate(scores.scores.tolist()))


def _with_labels(data: ArrayLike, labels: ArrayLike) -> tuple[_Floats, _Floats]:
    x, y = np.asarray(data), np.asarray(labels)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(f"data has shape {x.shape} and labels {y.shape}; expected one label a row")
    return x, y


@dataclass(frozen=True)
class EnsembleAggregation:
    """How predictions become one: `Mean`, `Median`, or `WeightedMean(weights)`; the rules are those of `aggregate`."""

    how: Literal["mean", "weighted", "median"]
    weights: tuple[float, ...] | None = None

    Mean: ClassVar[EnsembleAggregation]
    Median: ClassVar[EnsembleAggregation]

    @staticmethod
    def WeightedMean(weights: Sequence[float]) -> EnsembleAggregation:  # noqa: N802  the familiar name
        """Returns the mean with these weights, one a model."""
        return EnsembleAggregation("weighted", tuple(float(weight) for weight in weights))


EnsembleAggregation.Mean = EnsembleAggregation("mean")
EnsembleAggregation.Median = EnsembleAggregation("median")


def parallel_ensemble_predict(
    input: Batch,
    models: Iterable[Callable[[Batch], ArrayLike]],
    aggregation: EnsembleAggregation = EnsembleAggregation.Mean,
    *,
    threads: int | None = None,
) -> _Floats:
    """Returns the predictions `model(input)` of all models as one; errors as from `map` and `aggregate`.

    >>> models = [lambda x: [x + 1.0], lambda x: [x * 4.0]]
    >>> parallel_ensemble_predict(1.0, models, EnsembleAggregation.WeightedMean([3.0, 1.0])).tolist()
    [2.5]
    """

    def predict(model: Callable[[Batch], ArrayLike]) -> _Floats:
        return np.array(model(input), dtype=np.float64)

    predictions = map(predict, models, threads=threads_of_call(threads))
    return aggregate(predictions, aggregation.how, weights=aggregation.weights)
