"""The parallel toolkit in Python: order, first error, same bits for any number of threads, what is refused."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from persiste_rust import parallel

THREADS = [1, 2, 3]


def draw(width: float, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return width * rng.random((2, 2))


def late_first_error(item: int) -> float:
    """Fails at items 3 and 5, at 3 only after 5 has failed where there are threads to do so."""
    if item == 3:
        time.sleep(0.03)
    if item in (3, 5):
        raise RuntimeError(f"item {item}")
    return 0.0


def test_every_function_gives_the_same_bits_for_any_number_of_threads() -> None:
    items = np.sqrt(np.arange(40.0) + 0.1).tolist()

    def run(threads: int) -> list[bytes]:
        samples = parallel.monte_carlo(draw, items, 7, seed=5, threads=threads)
        scores = parallel.cross_validate(lambda t, h: np.log(t + 1.0).sum(), 40, 6, seed=2, threads=threads)
        heights = parallel.grid(np.sin, items, threads=threads).scores
        gradient = parallel.mean_gradient(lambda x: [np.exp(x), np.cos(x)], items, threads=threads)
        mapped = parallel.map(np.tanh, items, threads=threads)
        return [
            np.asarray(one).tobytes() for one in (*(a for s in samples for a in s), scores, heights, gradient, mapped)
        ]

    assert run(1) == run(2) == run(3)


@pytest.mark.parametrize("threads", THREADS)
def test_the_first_error_is_the_first_by_index_not_by_time(threads: int) -> None:
    calls: list[Callable[[], object]] = [
        lambda: parallel.map(late_first_error, range(8), threads=threads),
        lambda: parallel.grid(late_first_error, range(8), threads=threads),
        lambda: parallel.mean_gradient(late_first_error, range(8), threads=threads),
        lambda: parallel.monte_carlo(lambda item, rng: late_first_error(item), range(8), 2, threads=threads),
        lambda: parallel.parallel_preprocess(range(8), late_first_error, threads=threads),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="item 3"):
            call()


@pytest.mark.parametrize("threads", THREADS)
def test_nothing_is_begun_long_after_an_error_or_ctrl_c(threads: int) -> None:
    for kind in (ValueError, KeyboardInterrupt):
        begun: list[int] = []

        def fail(item: int, kind: type[BaseException] = kind, begun: list[int] = begun) -> None:
            begun.append(item)
            time.sleep(0.002)
            if threading.current_thread() is threading.main_thread():
                raise kind

        with pytest.raises(kind):
            parallel.map(fail, range(10_000), threads=threads)
        assert len(begun) < 1000


def test_items_run_at_the_same_time_in_the_context_of_the_caller() -> None:
    barrier = threading.Barrier(3, timeout=20)  # broken unless three items are under way together
    with np.errstate(divide="raise"):
        settings = parallel.map(lambda _: (barrier.wait(), np.geterr()["divide"])[1], range(3), threads=3)
    assert settings == ["raise"] * 3


def test_nothing_to_work_on_is_an_error() -> None:
    empty: list[float] = []
    calls: list[Callable[[], object]] = [
        lambda: parallel.map(abs, empty),
        lambda: parallel.monte_carlo(draw, empty, 3),
        lambda: parallel.monte_carlo(draw, [1.0], 0),
        lambda: parallel.monte_carlo(draw, [1.0], -1),
        lambda: parallel.grid(abs, empty),
        lambda: parallel.mean_gradient(abs, empty),
        lambda: parallel.aggregate([]),
        lambda: parallel.summarise([]),
        lambda: parallel.folds(0, 2),
        lambda: parallel.scaling(print, []),
        lambda: parallel.scaling(print, [1], repeats=0),
        lambda: parallel.parallel_fraction([], []),
        lambda: parallel.aggregate_gradients([]),
        lambda: parallel.parallel_batch_inference([], abs),
        lambda: parallel.parallel_ensemble_predict(1.0, []),
        lambda: parallel.parallel_grid_search([], [1.0], [1.0], [1.0], [1.0], print),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"expected at least one|allowed are 1 or more"):
            call()


def test_samples_have_the_generator_of_their_seed_item_and_sample() -> None:
    seen = parallel.monte_carlo(lambda item, rng: rng.random(), "ab", 3, seed=9, quantiles=[0.0, 0.5, 1.0], threads=2)
    for item, summary in enumerate(seen):
        seeds = [parallel.stream_seed(9, item, sample) for sample in range(3)]
        expected = sorted(np.random.default_rng(seed).random() for seed in seeds)
        assert summary.quantiles.tolist() == expected


def test_summaries_are_those_of_numpy() -> None:
    samples = np.random.default_rng(3).normal(size=(23, 4, 2))
    found = parallel.summarise(list(samples), quantiles=[0.0, 0.1, 0.5, 0.9, 1.0])
    np.testing.assert_allclose(found.mean, samples.mean(axis=0), rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.sd, samples.std(axis=0, ddof=1), rtol=1e-14)
    np.testing.assert_allclose(found.quantiles, np.quantile(samples, [0.0, 0.1, 0.5, 0.9, 1.0], axis=0), rtol=1e-13)


def test_each_item_is_held_out_once_and_folds_differ_by_one_at_most() -> None:
    for n_items, n_folds in [(2, 2), (10, 3), (23, 23)]:
        folds = parallel.folds(n_items, n_folds, seed=4)
        sizes = {len(fold.held_out) for fold in folds}
        assert max(sizes) - min(sizes) <= 1
        assert sorted(np.concatenate([fold.held_out for fold in folds])) == list(range(n_items))
        for fold in folds:
            assert sorted([*fold.training, *fold.held_out]) == list(range(n_items))


def test_grids_rank_the_highest_first_nan_last_and_ties_in_order() -> None:
    scores = [np.nan, 1.0, -np.inf, 3.0, np.nan, 3.0, 0.0, -0.0]
    found = parallel.grid(lambda score: score, scores)
    assert found.ranking.tolist() == [3, 5, 1, 6, 7, 2, 0, 4]
    assert found.best == 3
    assert parallel.grid(lambda score: score, [np.nan, np.nan]).best is None


def test_aggregates_are_means_weighted_means_and_true_medians() -> None:
    predictions = [[1.0, 10.0], [2.0, -1.0], [9.0, 0.0], [4.0, 4.0]]
    assert parallel.aggregate(predictions).tolist() == [4.0, 3.25]
    assert parallel.aggregate(predictions, "median").tolist() == [3.0, 2.0]
    assert parallel.aggregate(predictions, "weighted", weights=[0, 3, 1, 0]).tolist() == [3.75, -0.75]
    assert parallel.aggregate([[-np.inf], [1.0]], "weighted", weights=[0, 1]).tolist() == [1.0]
    assert np.isnan(parallel.aggregate([[np.nan], [1.0], [2.0]], "median"))


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: parallel.map(abs, [1], threads=0), "threads is 0; allowed are 1 or more"),
    (lambda: parallel.map(abs, [1], threads=-2), "threads is -2; allowed are 1 or more"),
    (lambda: parallel.thread_count(65_536), "threads is 65536; allowed are 1 or more, up to 65535"),
    (lambda: parallel.ParallelConfig().with_threads(0), "threads is 0; allowed are 1 or more"),
    (lambda: parallel.ParallelConfig(0).configure_thread_pool(), "threads is 0; allowed are 1 or more"),
    (lambda: parallel.folds(3, 4), "cannot make 4 folds of 3 items"),
    (lambda: parallel.folds(3, 1), "cannot make 1 folds of 3 items"),
    (lambda: parallel.folds(3, -1), "cannot make -1 folds of 3 items"),
    (lambda: parallel.folds(3, 2, seed=-1), "seed is -1; allowed are whole numbers from 0"),
    (lambda: parallel.stream_seed(0, 2**64, 0), "item is 18446744073709551616; allowed are"),
    (lambda: parallel.summarise([1.0], quantiles=[1.5]), r"quantiles are \[1.5\]; allowed are a list of numbers"),
    (lambda: parallel.summarise([1.0], quantiles=[np.nan]), "allowed are a list of numbers from 0 to 1"),
    (lambda: parallel.summarise([[1.0], [1.0, 2.0]]), r"sample \[1\] has shape \(2,\); expected \(1,\), as in \[0\]"),
    (lambda: parallel.aggregate([1.0], "mode"), "unknown aggregation 'mode'; known: mean, median, weighted"),  # type: ignore[arg-type]
    (lambda: parallel.aggregate([1.0], "mean", weights=[1.0]), "which alone takes weights"),
    (lambda: parallel.aggregate([1.0], "weighted"), "which alone takes weights"),
    (lambda: parallel.aggregate([1.0, 2.0], "weighted", weights=[1.0]), "weights has length 1; expected 2"),
    (lambda: parallel.aggregate([1.0], "weighted", weights=[np.nan]), r"weight \[0\] is NaN; allowed are finite"),
    (lambda: parallel.aggregate([1.0], "weighted", weights=[-1.0]), r"weight \[0\] is -1; allowed are finite"),
    (lambda: parallel.aggregate([1.0], "weighted", weights=[0.0]), "the sum of the weights is 0; allowed are"),
    (lambda: parallel.mean_gradient(lambda n: np.ones(n), [1, 2]), r"gradient \[1\] has shape \(2,\)"),
    (lambda: parallel.aggregate_gradients([[1.0], [1.0, 2.0]]), r"gradient \[1\] has length 2; expected 1"),
    (lambda: parallel.aggregate_gradients([[[1.0]], [1.0]]), r"gradient \[1\] has shape \(\); expected \(1,\)"),
    (lambda: parallel.parallel_fraction([1], [1.0]), "no measurement has more than 1 thread"),
    (lambda: parallel.parallel_fraction([2], [np.nan]), "the speed-up with 2 threads is NaN; allowed are"),
    (lambda: parallel.parallel_fraction([2], []), "speed-ups has length 0; expected 1"),
    (lambda: parallel.Scaling.from_times([2], [1.0]), "no time was measured with 1 thread"),
    (lambda: parallel.Scaling.from_times([1], [0.0]), "the time with 1 threads is 0.0 s; allowed are finite"),
    (lambda: parallel.parallel_cross_validation([[1.0]], [1.0, 2.0], 2, print), "expected one label a row"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_without_a_number_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for text, expected in [("7", 7), (" 3 ", 3), ("100000", 65_535)]:
        monkeypatch.setenv("RAYON_NUM_THREADS", text)
        assert parallel.thread_count() == expected
    for text in ("0", "", "many", "-1", "1_0"):
        monkeypatch.setenv("RAYON_NUM_THREADS", text)
        assert 1 <= parallel.thread_count() <= (usable or 1)


def test_the_parallel_fraction_is_amdahls_by_least_squares() -> None:
    assert parallel.parallel_fraction([1, 8], [1.0, 5.0]) == pytest.approx(8 * 4 / (5 * 7), rel=1e-14)
    n, s = np.array([2, 3, 4, 8]), np.array([1.8, 2.4, 3.1, 4.0])
    slope = np.linalg.lstsq((1 - 1 / n)[:, None], 1 - 1 / s, rcond=None)[0][0]
    assert parallel.parallel_fraction(n.tolist(), s.tolist()) == pytest.approx(slope, rel=1e-12)


def test_scaling_measures_each_count_and_one_thread_besides(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []

    def work(threads: int) -> None:
        seen.append(threads)
        parallel.map(time.sleep, [0.003] * 6, threads=threads)

    table = parallel.scaling(work, [3, 2], repeats=3)
    assert seen == [3, 2, 1] * 4
    assert [row.threads for row in table.rows] == [3, 2]
    for row in table.rows:
        assert row.seconds >= 0.003  # no count can be done before its longest sleep is
        assert row.efficiency == pytest.approx(row.speed_up / row.threads)
    assert table.rows[0].speed_up * table.rows[0].seconds == pytest.approx(
        table.rows[1].speed_up * table.rows[1].seconds  # both the time with one thread
    )
    lines = str(parallel.Scaling.from_times([1, 2, 4], [0.2, 0.125, 0.1])).splitlines()
    assert lines[0].split() == ["threads", "time", "(ms)", "speed-up", "efficiency"]
    assert lines[2].split() == ["2", "125.000", "1.60", "80.0", "%"]


def test_the_thread_pool_may_be_configured_again_and_rules_later_calls() -> None:
    def threads_used(threads: int | None = None) -> int:
        seen: set[int] = set()

        def note(_: int) -> None:
            seen.add(threading.get_ident())
            time.sleep(0.002)

        parallel.parallel_preprocess(range(60), note, threads=threads)
        return len(seen)

    config = parallel.ParallelConfig()
    try:
        config.with_threads(3).configure_thread_pool()
        assert threads_used() == 3
        config.with_threads(1).configure_thread_pool()
        assert threads_used() == 1
        assert threads_used(threads=2) == 2
    finally:
        config.configure_thread_pool()
    assert config.with_threads(4).effective_thread_count() == 4
    assert config.effective_thread_count() == parallel.thread_count()


def test_a_benchmark_rules_the_threads_of_the_familiar_names(capsys: pytest.CaptureFixture[str]) -> None:
    results = parallel.benchmark.scalability_benchmark(
        [1, 3], lambda: parallel.parallel_preprocess([0.003] * 12, time.sleep), repeats=3
    )
    assert (results[0].speedup, results[0].efficiency) == (1.0, 1.0)
    assert results[1].speedup > 1.3  # 36 ms of sleep against 12 ms
    assert parallel.benchmark.amdahl_analysis(results) == pytest.approx(1.5 * (1 - 1 / results[1].speedup), rel=1e-12)
    parallel.benchmark.print_benchmark_results(results)
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "1"
    with pytest.raises(ValueError, match="no measurement has more than 1 thread"):
        parallel.benchmark.amdahl_analysis(results[:1])


def test_the_familiar_names_do_what_the_toolkit_does() -> None:
    x, y = np.arange(33.0).reshape(11, 3), 3.0 * np.arange(11.0)
    held_out = parallel.parallel_cross_validation(x, y, 4, lambda tx, ty, vx, vy: vx[:, 0] - vy + vy)
    assert sorted(np.concatenate(held_out)) == y.tolist()
    gradients = parallel.parallel_gradient_computation([(x, 1.0), (x, 3.0)], lambda x, y: [x * y, y])
    mean = parallel.aggregate_gradients(gradients)
    assert np.array_equal(mean[0], 2.0 * x)
    assert mean[1] == 2.0
    models = [lambda _, k=k: np.array([k, 10.0 - k]) for k in (1.0, 4.0, 10.0, 3.0)]
    kinds = parallel.EnsembleAggregation
    assert parallel.parallel_ensemble_predict(x, models, kinds.Mean).tolist() == [4.5, 5.5]
    assert parallel.parallel_ensemble_predict(x, models, kinds.Median).tolist() == [3.5, 6.5]
    weighted = kinds.WeightedMean([1, 0, 1, 0])
    assert parallel.parallel_ensemble_predict(x, models, weighted).tolist() == [5.5, 4.5]
    means = parallel.parallel_batch_inference_with_uncertainty([x], lambda batch, rng: rng.random(2), 9, seed=3)
    direct = parallel.monte_carlo(lambda batch, rng: rng.random(2), [x], 9, seed=3)
    assert means[0][0].tolist() == direct[0].mean.tolist()
    assert means[0][1].tolist() == direct[0].sd.tolist()
