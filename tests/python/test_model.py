"""The model through its public names, on every backend there is, against values that other programs agree on."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest

import persiste_rust
from persiste_rust import DiscreteGamma, Fit, GeneContentData, GeneContentModel, Tree

SHARED = Path(os.environ.get("PERSISTE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
CASES = SHARED / "reference" / "cases"
BACKENDS = [pytest.param("rust", marks=pytest.mark.native), "numpy"]
TREE = "((A:0.7,B:0.2):0.5,(C:0.3,D:1.1,E:0.4):0.1);"
ROOTS = {"stationary": "stationary", "flat": "equal"}
ASCERTAINMENTS = {None: "none", "all0": "observed", "all0_all1": "variable"}


def random_tree(rng: np.random.Generator, n_tips: int) -> str:
    """Returns Newick text with polytomies, a single-child node and branches of length 0."""
    parts = [f"t{number}:{rng.random():.4f}" for number in range(n_tips)]
    while len(parts) > 1:
        n_children = min(len(parts), int(rng.integers(2, 5)))
        chosen = [parts.pop(int(rng.integers(len(parts)))) for _ in range(n_children)]
        length = 0.0 if rng.random() < 0.1 else rng.random()
        parts.append(f"({','.join(chosen)}):{length:.4f}")
    return f"({parts[0]});"


def random_data(seed: int, n_tips: int = 30, n_families: int = 200, missing: float = 0.05) -> GeneContentData:
    rng = np.random.default_rng(seed)
    matrix = (rng.random((n_tips, n_families)) < rng.random(n_families)).astype(np.int8)
    matrix[int(rng.integers(n_tips))] = 1  # no family is absent everywhere
    matrix[(rng.random(matrix.shape) < missing) & (matrix == 0)] = -1
    return GeneContentData(random_tree(rng, n_tips), matrix)


@pytest.fixture(scope="module")
def data() -> GeneContentData:
    return random_data(1)


@pytest.fixture(scope="module")
def fit(data: GeneContentData) -> Fit:
    return GeneContentModel(data, ascertainment="observed").fit()


def cases() -> list[Path]:
    if not CASES.is_dir():
        return []
    return sorted(CASES.iterdir())


@pytest.mark.skipif(not CASES.is_dir(), reason="the reference values are not beside the project (../shared/reference)")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", cases(), ids=lambda path: path.name)
def test_log_likelihoods_agree_with_the_reference_values(case: Path, backend: str) -> None:
    params = json.loads((case / "params.json").read_text())
    expected = np.array(json.loads((case / "expected.json").read_text())["lnL"], dtype=float)
    rows = [line.split("\t") for line in (case / "presence.tsv").read_text().splitlines()[1:]]
    matrix = np.array([[{"?": -1, "0": 0, "1": 1}[cell] for cell in row[1:]] for row in rows])
    tips, newick = [row[0] for row in rows], (case / "tree.nwk").read_text()
    gain, loss = np.array(params["gain"], dtype=float), np.array(params["loss"], dtype=float)
    root = ROOTS[params["root"]] if params["root"] in ROOTS else float(params["root"])
    if params["ascertainment"] or params["gamma"]:
        data = GeneContentData(newick, matrix, tips)
        options: dict = {"ascertainment": ASCERTAINMENTS[params["ascertainment"]], "backend": backend}
        at = {"log_gain": math.log(gain), "log_loss": math.log(loss)}
        if params["gamma"]:
            options["rates"] = DiscreteGamma(params["gamma"]["k"], params["gamma"]["kind"])
            at["log_alpha"] = math.log(float(params["gamma"]["alpha"]))
        found = GeneContentModel(data, root=root, **options).log_likelihoods(at)
    else:
        compute = getattr(persiste_rust, f"compute_likelihoods_{backend}")
        found = compute(newick, matrix, gain, loss, tips, root=root)
    impossible = np.isneginf(expected)
    assert (np.isneginf(found) == impossible).all()
    expected, found = expected[~impossible], found[~impossible]
    assert (np.abs(found - expected) <= 1e-10 * np.maximum(1.0, np.abs(expected))).all()


@pytest.mark.skipif(not CASES.is_dir(), reason="the reference values are not beside the project (../shared/reference)")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("key", ["c23_t50_stationary|root=stationary", "c23_t50_stationary|root=flat"])
def test_fits_agree_with_the_reference_estimates(key: str, backend: str) -> None:
    expected = json.loads((SHARED / "reference/extras/mle_shared.json").read_text())[key]
    case = CASES / key.split("|")[0]
    rows = [line.split("\t") for line in (case / "presence.tsv").read_text().splitlines()[1:]]
    data = GeneContentData((case / "tree.nwk").read_text(), np.array([r[1:] for r in rows], int), [r[0] for r in rows])
    fit = GeneContentModel(data, root=ROOTS[expected["root"]], backend=backend).fit()  # type: ignore[arg-type]
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(float(expected["max_lnL"]), abs=1e-6)
    assert fit.gain_rate.value == pytest.approx(float(expected["gain"]), rel=1e-4)
    assert fit.loss_rate.value == pytest.approx(float(expected["loss"]), rel=1e-4)
    # Standard errors come from a numerical second derivative on some backends.
    errors = [float(text) for text in expected["se_log_params"]]
    assert list(fit.standard_errors.values()) == pytest.approx(errors, rel=1e-3)


@pytest.mark.native
@pytest.mark.parametrize("ascertainment", ["none", "observed", "variable"])
@pytest.mark.parametrize("root", ["stationary", "equal", 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_both_backends_give_the_same_numbers(seed: int, root: str | float, ascertainment: str) -> None:
    data = random_data(seed)
    if ascertainment == "variable":
        matrix = data.presence_matrix()
        matrix = matrix[:, (matrix == 0).any(axis=0) & (matrix == 1).any(axis=0)]
        data = GeneContentData(data.tree, matrix)
    params = np.array([-0.4, 0.3])
    rust, numpy = (
        GeneContentModel(data, root=root, ascertainment=ascertainment, backend=name)  # type: ignore[arg-type]
        for name in ("rust", "numpy")
    )
    np.testing.assert_allclose(rust.log_likelihoods(params), numpy.log_likelihoods(params), rtol=1e-10)
    value, gradient = rust.value_and_gradient(params)
    other_value, other_gradient = numpy.value_and_gradient(params)
    assert value == pytest.approx(other_value, rel=1e-10)
    # A gradient is a difference of large terms: relative to its size or to the number of families.
    np.testing.assert_allclose(gradient, other_gradient, rtol=1e-8, atol=1e-8 * data.n_families)


@pytest.mark.native
def test_the_number_of_threads_changes_no_bit(data: GeneContentData) -> None:
    values = [GeneContentModel(data, threads=n).log_likelihoods([0.1, 0.2]) for n in (1, 2, 3, None)]
    assert all((value == values[0]).all() for value in values)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_gradient_is_the_slope_of_the_value(data: GeneContentData, backend: str) -> None:
    model = GeneContentModel(data, ascertainment="observed", backend=backend)  # type: ignore[arg-type]
    at, step = np.array([-0.7, 0.4]), 1e-5
    value, gradient = model.value_and_gradient(at)
    assert value == model.log_likelihood(at)
    assert value == pytest.approx(model.log_likelihoods(at).sum(), rel=1e-12)
    for i, direction in enumerate(np.eye(2) * step):
        slope = (model.log_likelihood(at + direction) - model.log_likelihood(at - direction)) / (2 * step)
        assert gradient[i] == pytest.approx(slope, rel=1e-5)  # of second order in the step


def test_parameters_are_a_mapping_or_an_array(data: GeneContentData) -> None:
    model = GeneContentModel(data)
    values = {
        model.log_likelihood(params)
        for params in ({"log_loss": 1.0, "log_gain": 0.0}, [0, 1], (0.0, 1.0), np.array([0, 1]), np.array([0.0, 1.0]))
    }
    assert len(values) == 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"log_gain": 0.0}, "parameter 'log_loss' is not given; known: log_gain, log_loss"),
        ({"log_gain": 0.0, "log_loss": 0.0, "alpha": 1.0}, "unknown parameter 'alpha'; known: log_gain, log_loss"),
        ([0.0], r"\(1,\)"),
        ([[0.0, 1.0]], r"\(1, 2\)"),
        (np.zeros(3), "3"),
        ([0.0, np.nan], "(?i)nan"),
    ],
)
@pytest.mark.parametrize("method", ["log_likelihood", "log_likelihoods", "value_and_gradient", "fit"])
def test_parameters_that_do_not_fit_are_refused(
    data: GeneContentData, method: str, params: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(GeneContentModel(data), method)(params)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"root": "flat"}, "unknown root prior 'flat'; known: .*stationary"),
        ({"root": 1.1}, "1.1"),
        ({"ascertainment": "all"}, "unknown ascertainment 'all'; known: .*observed"),
        ({"rates": "many"}, "'many'; known: .*shared"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_unknown_options_are_refused_with_the_known(data: GeneContentData, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneContentModel(data, **options)


def test_a_family_that_cannot_have_been_observed_is_refused() -> None:
    data = GeneContentData(TREE, np.array([[0, 1]] * 5), family_names=["ghost", "core"])
    with pytest.raises(ValueError, match=r"ghost|absent"):
        GeneContentModel(data, ascertainment="observed")


def test_a_fit_is_a_maximum_and_holds_what_it_says(data: GeneContentData, fit: Fit) -> None:
    model = GeneContentModel(data, ascertainment="observed")
    assert fit.converged
    assert not fit.at_bound
    best = np.array(list(fit.parameters.values()))
    assert model.log_likelihood(fit.parameters) == pytest.approx(fit.log_likelihood, rel=1e-12)
    for shift in ([1e-3, 0], [-1e-3, 0], [0, 1e-3], [0, -1e-3]):
        assert model.log_likelihood(best + shift) < fit.log_likelihood
    assert fit.log_likelihoods.sum() == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert fit.aic == pytest.approx(4 - 2 * fit.log_likelihood)
    assert fit.bic == pytest.approx(2 * math.log(200) - 2 * fit.log_likelihood)
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.converged = False  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        fit.log_likelihoods[0] = 0.0


def test_intervals_are_symmetric_on_their_own_scales(fit: Fit) -> None:
    for estimate, name in ((fit.gain_rate, "log_gain"), (fit.loss_rate, "log_loss")):
        assert math.log(estimate.value) == pytest.approx(fit.parameters[name])
        half = 1.959964 * fit.standard_errors[name]
        assert math.log(estimate.high / estimate.value) == pytest.approx(half, rel=1e-6)
        assert math.log(estimate.value / estimate.low) == pytest.approx(half, rel=1e-6)
    value, low, high = fit.stationary_frequency
    assert fit.root_frequency == pytest.approx(value)
    gain, loss = fit.gain_rate.value, fit.loss_rate.value
    assert value == pytest.approx(gain / (gain + loss))
    middle = (math.log(low / (1 - low)) + math.log(high / (1 - high))) / 2
    assert middle == pytest.approx(math.log(value / (1 - value)))
    assert 0 < low < value < high < 1


def test_a_fit_becomes_json_a_frame_and_text(data: GeneContentData, fit: Fit) -> None:
    again = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    assert again["log_likelihood"] == fit.log_likelihood
    assert again["gain_rate"]["interval_95"] == [fit.gain_rate.low, fit.gain_rate.high]
    pytest.importorskip("pandas", reason="pandas is an extra")
    frame = fit.to_frame()
    assert list(frame.columns) == ["family", "presences", "log_likelihood"]
    assert frame["family"].tolist() == data.family_names
    for words in ("gain rate", "loss rate", "95 % interval", "log-likelihood", "converged             yes"):
        assert words in fit.summary()


@pytest.mark.filterwarnings("ignore:the fit did not converge:RuntimeWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_fit_without_a_maximum_says_so_in_words_and_null(backend: str) -> None:
    # All families everywhere: the more gain and the less loss the better, without end.
    data = GeneContentData(TREE, np.ones((5, 20), dtype=np.int8))
    fit = GeneContentModel(data, backend=backend).fit()  # type: ignore[arg-type]
    found = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    assert found["gain_rate"]["interval_95"][1] is None
    assert found["unavailable"]["gain_rate.interval_95[1]"]
    assert re.search("^(at a bound|hardly determined|converged +NO)", fit.summary(), re.MULTILINE)


def test_a_parameter_at_its_bound_has_no_interval(fit: Fit) -> None:
    errors = {"log_gain": math.nan, "log_loss": 0.1}
    bound = dataclasses.replace(fit, standard_errors=errors, covariance=None, at_bound=("log_gain",))
    for estimate in (bound.gain_rate, bound.stationary_frequency):
        assert math.isfinite(estimate.value)
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)
    assert bound.to_dict()["standard_errors"]["log_gain"] is None
    assert "(no interval)" in bound.summary()


def test_a_search_cut_short_is_a_result_with_one_warning(data: GeneContentData) -> None:
    with pytest.warns(RuntimeWarning, match="did not converge") as seen:
        fit = GeneContentModel(data).fit([5.0, -5.0], max_iterations=1)
    assert len(seen) == 1
    assert not fit.converged
    assert fit.reason
    assert "NO" in fit.summary()


def test_to_frame_names_the_extra_it_needs(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"persiste-rust\[pandas\]"):
        fit.to_frame()


def test_progress_is_called_with_stage_and_counts(data: GeneContentData) -> None:
    calls: list[tuple[str, int, int]] = []
    GeneContentModel(data).fit(progress=lambda *call: calls.append(call))
    assert all(isinstance(stage, str) and done >= 0 and total >= 0 for stage, done, total in calls)


def test_a_tree_is_read_and_not_made() -> None:
    with pytest.raises(TypeError, match="from_newick"):
        Tree()
    tree = Tree.from_newick(TREE)
    assert tree.tip_names == list("ABCDE")
    assert (tree.n_tips, tree.n_nodes) == (5, 8)
    assert Tree.from_newick(tree.to_newick()).branch_length.tolist() == tree.branch_length.tolist()
