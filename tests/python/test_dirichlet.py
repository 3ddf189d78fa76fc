"""DirichletMixture: values, and every behaviour that users of pyDMM rely on."""

from __future__ import annotations

import pickle
import warnings

import dirichlet_oracle as oracle
import numpy as np
import pandas as pd
import pytest
from dirichlet_cases import QUICKSTART, shared_counts, simulate
from shared_data import shared_json

from persiste_rust.dirichlet import DirichletMixture, DirichletMixtureResult

pytestmark = pytest.mark.native
CASES = ["Twins_k1", "quickstart_4x4_k2", "sim_100x20_k3_k1", "sim_100x20_k3_k3", "sim_60x40_k2_lowcount_k2"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return pd.DataFrame(QUICKSTART, index=["a", "b", "c", "d"], columns=["w", "x", "y", "z"])


@pytest.fixture(scope="module")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    return simulate(1, 150, 20, 3)


@pytest.mark.parametrize("seed", range(4))
def test_a_fit_has_the_values_that_the_formulas_give_in_scipy(seed: int) -> None:
    X, _ = simulate(seed, 60, 12, 2)
    model = DirichletMixture(2, random_state=seed, tol=1e-9, max_iter=1000).fit(X)
    result = model.result
    weights, alpha = result.mixture_weights, result.parameter_estimates["Estimate"].T
    np.testing.assert_allclose(model.log_evidence(X), oracle.log_evidence(X, alpha), rtol=1e-12)
    np.testing.assert_allclose(model.score_samples(X), oracle.log_likelihoods(X, weights, alpha), rtol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X), oracle.posterior(X, weights, alpha), rtol=1e-10, atol=1e-300)
    expected = oracle.criteria(X, weights, alpha, result.group_assignments)
    for key, value in result.goodness_of_fit.items():
        assert value == pytest.approx(expected[key], rel=1e-11), key
    errors = np.sqrt(expected["variances"]).T
    np.testing.assert_allclose(result.parameter_estimates["Upper"], alpha.T * np.exp(2 * errors), rtol=1e-9)
    np.testing.assert_allclose(result.parameter_estimates["Lower"], alpha.T * np.exp(-2 * errors), rtol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_fixed_parameters_have_the_values_of_the_reference(name: str) -> None:
    from persiste_rust import _core

    case = shared_json("reference", "dirichlet", f"{name}.json")
    dataset = {"quickstart_4x4": None, "Twins": "Twins_samples_x_taxa"}.get(case["dataset"], case["dataset"])
    X = QUICKSTART if dataset is None else shared_counts(dataset)
    counts = _core.DirichletCounts(X.astype(np.uint32))
    mixture = _core.DirichletParameters(case["pi"], np.array(case["alpha"]))
    np.testing.assert_allclose(-mixture.log_evidence(counts)[:5], case["neg_log_evidence_first5"], rtol=1e-12)
    np.testing.assert_allclose(mixture.responsibilities(counts)[:5], case["posterior_first5"], rtol=1e-10)
    assert mixture.log_likelihoods(counts).sum() == pytest.approx(case["loglik_no_prior"], rel=1e-12)
    assert np.argmax(mixture.responsibilities(counts), axis=1).tolist() == case["map_assignment"]
    for hessian, key in (("exact", "gof_correct_hessian"), ("c", "gof_c_compat")):
        found = mixture.assess(counts, hessian)["goodness_of_fit"]
        assert found == pytest.approx(case[key], rel=1e-10), hessian


def test_the_quickstart_of_pydmm_gives_its_answers() -> None:
    model = DirichletMixture(n_components=2, random_state=42).fit(QUICKSTART)
    expected = shared_json("reference", "dirichlet", "quickstart_4x4_k2.json")
    for key in ("NLE", "BIC", "AIC"):  # as found by the C code, whose M-step stops earlier
        assert model.result.goodness_of_fit[key] == pytest.approx(expected["gof_c_compat"][key], rel=1e-8)
    np.testing.assert_allclose(model.result.parameter_estimates["Estimate"].T, expected["alpha"], rtol=2e-2)
    assert model.predict(QUICKSTART).tolist() == expected["map_assignment"]


@pytest.mark.parametrize(
    ("name", "k", "nle"),
    [
        ("sim_100x20_k3", 3, 5684.099814185),
        ("sim_60x40_k2_lowcount", 2, 2850.583369715),
        ("sim_1000x50_k5", 5, 113805.049862741),
    ],
)
def test_simulated_tables_reach_the_known_optimum(name: str, k: int, nle: float) -> None:
    # Best of 8 to 20 tight restarts, from the shared page on mixtures, section 3.
    model = DirichletMixture(k, n_init=8, tol=1e-9, max_iter=1000).fit(shared_counts(name))
    assert model.result.goodness_of_fit["NLE"] == pytest.approx(nle, rel=1e-10)


def test_all_of_pydmms_attributes_are_there(frame: pd.DataFrame) -> None:
    model = DirichletMixture()
    assert (model.n_components, model.verbose, model.random_state) == (2, False, 42)
    assert (model.is_fitted, model.result_, model.result) == (False, None, None)
    assert model.fit(frame) is model
    assert model.is_fitted
    assert model.result is model.result_
    assert isinstance(model.result, DirichletMixtureResult)
    assert model.classes_.tolist() == [0, 1]
    assert model.feature_names_in_.dtype == object
    assert model.feature_names_in_.tolist() == list(frame.columns)
    model.fit(QUICKSTART)
    assert not hasattr(model, "feature_names_in_")


def test_the_result_has_pydmms_fields(frame: pd.DataFrame) -> None:
    result = DirichletMixture(2).fit(frame).result
    assert list(result.goodness_of_fit) == ["NLE", "LogDet", "Laplace", "BIC", "AIC"]
    assert result.goodness_of_fit["BIC"] > 0
    assert result.group_assignments.shape == (4, 2)
    np.testing.assert_allclose(result.group_assignments.sum(axis=1), 1.0, atol=1e-10)
    assert result.mixture_weights.sum() == pytest.approx(1.0)
    assert {key: value.shape for key, value in result.parameter_estimates.items()} == {
        "Lower": (4, 2),
        "Estimate": (4, 2),
        "Upper": (4, 2),
    }
    assert (result.n_components, result.n_samples, result.n_features) == (2, 4, 4)
    assert (result.sample_names, result.feature_names) == (list("abcd"), list("wxyz"))
    assert result.component_labels is None
    assert set(result.summary()) == {
        "n_samples", "n_features", "n_components", "mixture_weights", "goodness_of_fit", "BIC", "AIC",
    }  # fmt: skip
    assert list(result.get_group_assignments_df().columns) == ["Component_0", "Component_1"]
    assert list(result.get_group_assignments_df().index) == list("abcd")
    estimates = result.get_parameter_estimates_df()
    assert set(estimates) == {"Lower", "Estimate", "Upper"}
    assert list(estimates["Estimate"].index) == list("wxyz")
    assert (estimates["Lower"] < estimates["Estimate"]).all(axis=None)
    assert result.get_best_component().tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])


def test_labels_name_the_components_everywhere(frame: pd.DataFrame) -> None:
    model = DirichletMixture(2).fit(frame)
    first = model.predict(frame)[0]
    model.result.set_component_labels({int(first): "left", 1 - int(first): "right"})
    assert list(model.result.get_best_component()) == ["left", "left", "right", "right"]
    assert list(model.predict(frame)) == ["left", "left", "right", "right"]
    shares = model.predict_proba(frame)
    assert sorted(shares.columns) == ["left component", "right component"]
    assert list(shares.index) == list("abcd")
    assert sorted(model.result.get_group_assignments_df().columns) == ["left component", "right component"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([("a", 1)], "labels must be a dictionary"),
        ({"0": "a", 1: "b"}, "All keys in labels dictionary must be integers"),
        ({0: "a", 1: 2}, "All values in labels dictionary must be strings"),
        (
            {0: "a", 2: "b"},
            "Label dictionary must contain all component indices 0 to 1. "
            "missing components: [1], invalid component indices: [2]",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: object, message: str) -> None:
    result = DirichletMixture(2).fit(QUICKSTART).result
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is compared below
        result.set_component_labels(labels)
    assert str(raised.value) == message


def test_the_same_seed_gives_the_same_bits_and_fit_predict_is_fit_then_predict(
    clusters: tuple[np.ndarray, np.ndarray],
) -> None:
    X, _ = clusters
    one, other = DirichletMixture(3, threads=1).fit(X), DirichletMixture(3, threads=2).fit(X)
    for key, value in one.result.parameter_estimates.items():
        assert value.tobytes() == other.result.parameter_estimates[key].tobytes()
    assert DirichletMixture(3).fit_predict(X).tolist() == one.predict(X).tolist()
    assert pickle.loads(pickle.dumps(one)).predict(X).tolist() == one.predict(X).tolist()


def test_probabilities_of_the_samples_are_the_assignments_of_the_fit(clusters: tuple[np.ndarray, np.ndarray]) -> None:
    # The assignments are those of the last E-step, before the last M-step: the closer, the longer the EM ran.
    X, labels = clusters
    for model, counts in (
        (DirichletMixture(2), QUICKSTART),
        (DirichletMixture(3, n_init=5, tol=1e-12, max_iter=5000), X),
    ):
        model.fit(counts)
        np.testing.assert_allclose(model.predict_proba(counts), model.result.group_assignments, rtol=1e-5, atol=1e-8)
    found = model.predict(X)
    of_cluster = [np.bincount(found[labels == one], minlength=3).max() for one in range(3)]
    assert sum(of_cluster) >= 0.95 * len(X)


def test_more_components_than_clusters_do_not_pay(clusters: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = clusters
    fits = {k: DirichletMixture(k, init="kmeans++").fit(X).result.goodness_of_fit for k in (1, 2, 3, 4)}
    assert fits[2]["BIC"] < fits[1]["BIC"]
    assert min(fits, key=lambda k: fits[k]["Laplace"]) == 3
    assert all(fit["BIC"] > fit["AIC"] for fit in fits.values())


def test_score_of_the_samples_is_minus_nle_and_of_new_samples_is_their_own(
    clusters: tuple[np.ndarray, np.ndarray],
) -> None:
    X, _ = clusters
    model = DirichletMixture(3).fit(X[:100])
    weights, alpha = model.result.mixture_weights, model.result.parameter_estimates["Estimate"].T
    assert model.score(X[:100]) == pytest.approx(-model.result.goodness_of_fit["NLE"], rel=1e-13)
    assert model.score(X[100:]) == pytest.approx(-oracle.nle(X[100:], weights, alpha), rel=1e-12)
    assert model.log_likelihood(X[100:]) == pytest.approx(oracle.log_likelihoods(X[100:], weights, alpha).sum())


def test_score_of_an_unfitted_model_fits_it_and_warns() -> None:
    with pytest.warns(UserWarning, match="Model was not fitted before calling score()"):
        score = DirichletMixture(1).score(QUICKSTART)
    assert score == -DirichletMixture(1).fit(QUICKSTART).result.goodness_of_fit["NLE"]


@pytest.mark.parametrize(
    "X",
    [QUICKSTART.astype(np.int8), QUICKSTART.astype(float), np.asfortranarray(QUICKSTART), QUICKSTART.astype(object)],
)
def test_any_array_of_whole_numbers_gives_the_same_fit(X: np.ndarray) -> None:
    expected = DirichletMixture(2).fit(QUICKSTART).result.goodness_of_fit
    assert DirichletMixture(2).fit(X).result.goodness_of_fit == expected
    wide = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
    assert DirichletMixture(2).fit(wide).result.goodness_of_fit == expected


@pytest.mark.parametrize(("X", "k"), [([[1, 1]], 1), ([[10, 0], [0, 10]], 2)])
def test_the_smallest_tables_are_fitted(X: list[list[int]], k: int) -> None:
    result = DirichletMixture(k).fit(np.array(X)).result
    assert np.isfinite(list(result.goodness_of_fit.values())).all()


def test_fractions_are_cut_off_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="Input data contains non-integer values. Converting to integers"):
        model = DirichletMixture(2).fit(QUICKSTART + 0.7)
    assert model.result.goodness_of_fit == DirichletMixture(2).fit(QUICKSTART).result.goodness_of_fit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.tolist(), "Input must be a pandas DataFrame or numpy array"),
        (lambda X: X[0], "Input must be a 2-dimensional array"),
        (lambda X: X[:0], "Array dimensions and n_components must be positive"),
        (lambda X: X - 20, r"Input data cannot contain negative values .*: row 0, column 3 is -15"),
        (lambda X: np.where(X == 5, np.nan, X), r"Input contains NaN or infinity: row 0, column 3 is nan"),
        (lambda X: np.where(X == 85, np.inf, X), r"Input contains NaN or infinity: row 3, column 2 is inf"),
        (
            lambda X: np.where(X == 85, 2**33, X),
            r"cannot contain counts above 2147483647: row 3, column 2 is 8589934592",
        ),
        (lambda X: np.where(X == 85, 2**31 - 1, X), r"row 3 of the counts adds up to 2147483712"),
        (lambda X: X * (X.sum(axis=1, keepdims=True) != 150), r"row 2 of the counts is all zero \(2 of 4 rows are\)"),
        (lambda X: X.astype(str).astype(object) + "x", "Input holds what is no number"),
    ],
)
def test_bad_counts_are_refused_with_their_place(change: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DirichletMixture(2).fit(change(QUICKSTART))
    model = DirichletMixture(2).fit(QUICKSTART)
    with pytest.raises(ValueError, match=message):
        model.predict(change(QUICKSTART))


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"n_components": 0}, ValueError, "Array dimensions and n_components must be positive"),
        ({"n_components": -1}, ValueError, "Array dimensions and n_components must be positive"),
        ({"n_components": 5}, ValueError, "n_components is 5; allowed are 1 to 4, the number of rows"),
        ({"n_components": 2.0}, TypeError, "n_components is 2.0; allowed are whole numbers"),
        ({"random_state": None}, TypeError, "random_state is None; allowed are ints"),
        ({"n_init": 0}, ValueError, "n_init is 0; allowed are whole numbers from 1"),
        ({"max_iter": 0}, ValueError, "max_iter is 0"),
        ({"tol": -1.0}, ValueError, "tol is -1; allowed are numbers from 0"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"hessian": "d"}, ValueError, "unknown hessian 'd'; known: exact, c"),
        ({"init": "random"}, ValueError, r"unknown start 'random'; known: soft-kmeans, kmeans\+\+, sorted-kmeans\+\+"),
        ({"init": np.array([0, 1, 2, 0])}, ValueError, "init holds labels from 0 to 2; allowed are 0 to 1"),
        ({"init": np.ones((3, 2))}, ValueError, r"init has shape \(3, 2\)"),
        ({"init": np.zeros((4, 2))}, ValueError, "a first responsibility is 0 in row 0"),
    ],
)
def test_bad_parameters_are_refused_at_fit(parameters: dict, kind: type[Exception], message: str) -> None:
    model = DirichletMixture(**parameters)  # not here
    with pytest.raises(kind, match=message):
        model.fit(QUICKSTART)


def test_prediction_wants_a_fit_and_the_same_features(frame: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"^Model must be fitted before making predictions$"):
        DirichletMixture().predict(QUICKSTART)
    model = DirichletMixture().fit(frame)
    with pytest.raises(ValueError, match="X has 3 features, but DirichletMixture is expecting 4 features as input"):
        DirichletMixture().fit(QUICKSTART).predict(QUICKSTART[:, :3])
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame[list("zyxw")])
    with pytest.raises(ValueError, match="unseen at fit time:\n- v"):
        model.predict(frame.rename(columns={"w": "v"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(QUICKSTART)


def test_an_array_to_start_from_is_taken(clusters: tuple[np.ndarray, np.ndarray]) -> None:
    X, labels = clusters
    for init in (labels, np.eye(3)[labels]):
        model = DirichletMixture(3, init=init).fit(X)
        assert np.mean(model.predict(X) == labels) > 0.95  # components keep the order of the labels


def test_sample_weights_are_numbers_of_samples() -> None:
    X = QUICKSTART
    start = np.array([0, 0, 1, 1])
    weighted = DirichletMixture(2, init=start).fit(X, sample_weight=[2, 1, 1, 3]).result
    rows = [0, 0, 1, 2, 3, 3, 3]
    repeated = DirichletMixture(2, init=start[rows]).fit(X[rows]).result
    assert weighted.goodness_of_fit == pytest.approx(repeated.goodness_of_fit, rel=1e-9)
    np.testing.assert_allclose(
        weighted.parameter_estimates["Estimate"], repeated.parameter_estimates["Estimate"], rtol=1e-8
    )
    with pytest.raises(ValueError, match=r"sample_weight has shape \(2,\); expected \(4,\)"):
        DirichletMixture(2).fit(X, sample_weight=[1, 1])


def test_not_converging_is_a_flag_and_one_warning(clusters: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = clusters
    with pytest.warns(match="did not converge in 1 rounds") as seen:
        model = DirichletMixture(3, max_iter=1).fit(X)
    assert len(seen) == 1
    assert (model.converged_, model.n_iter_) == (False, 1)


def test_a_collapsed_start_is_reported() -> None:
    # Uniform noise has no clusters: the soft k-means lets its centroids coincide.
    X = np.random.default_rng(0).integers(0, 100, (100, 20))
    with pytest.warns(RuntimeWarning, match=r"collapsed onto each other at the start .*kmeans\+\+"):
        model = DirichletMixture(3).fit(X)
    assert model.result.start_separation < 1e-5


def test_an_empty_component_is_reported_and_nothing_is_nan() -> None:
    X = np.array([[5, 1], [5, 1], [1, 7], [1, 7]])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        result = DirichletMixture(3, init=np.array([0, 0, 1, 1])).fit(X).result
    assert "have no weight" in str(seen[0].message)
    assert result.goodness_of_fit["Laplace"] == np.inf
    assert not np.isnan(result.parameter_estimates["Estimate"]).any()


def test_the_c_hessian_marks_what_it_gets_wrong() -> None:
    # 42 of 60 limits are NaN with the second derivatives of C, none with the right ones.
    X = shared_counts("sim_100x20_k3")
    wrong, right = (DirichletMixture(3, hessian=name).fit(X).result for name in ("c", "exact"))
    assert np.isnan(wrong.parameter_estimates["Upper"]).sum() == 42
    assert not np.isnan(right.parameter_estimates["Upper"]).any()
    assert wrong.indefinite_components
    assert not right.indefinite_components
