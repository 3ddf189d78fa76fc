"""Bootstrap, profiles, cross-validation and rates of single families, from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from persiste_rust import GeneContentData, GeneContentModel, Tree, cli, compare, model_average, uncertainty

pytestmark = pytest.mark.native


def simulated(n_families: int = 150, seed: int = 3) -> GeneContentData:
    """Families with gain rate 0.5 and loss rate 1 on a tree of eight genomes."""
    tree = Tree.from_newick("(((A:.3,B:.2):.2,(C:.4,D:.1):.3):.1,((E:.2,F:.3):.4,(G:.5,H:.1):.2):.2);")
    rng = np.random.default_rng(seed)
    state = np.zeros((tree.n_nodes, n_families), dtype=bool)
    state[-1] = rng.random(n_families) < 1 / 3
    for node in range(tree.n_nodes - 2, -1, -1):
        change = -np.expm1(-1.5 * tree.branch_length[node])
        above = state[tree.parent[node]]
        state[node] = rng.random(n_families) < np.where(above, 1 - change * 2 / 3, change / 3)
    rows = [tree.node_names.index(tip) for tip in tree.tip_names]
    return GeneContentData(tree, state[rows].astype(np.int8))


def test_bootstrap_is_the_same_for_any_number_of_threads() -> None:
    data = simulated()
    first, second = (GeneContentModel(data, threads=n).fit().bootstrap(20, seed=5) for n in (1, 3))
    assert np.array_equal(first.parameters, second.parameters)
    assert first.converged.all()
    assert first.n_replicates == 20
    low, high = first.intervals(0.9)["log_gain"]
    assert low < first.estimate[0] < high
    errors = first.standard_errors
    assert errors["log_gain"] == pytest.approx(first.parameters[:, 0].std(ddof=1), rel=1e-12)


def test_a_bootstrap_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    fit = GeneContentModel(simulated(), threads=1).fit()
    whole = fit.bootstrap(40, seed=9)
    store = tmp_path / "replicates.jsonl"

    class StoppedError(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if done >= 16:
            raise StoppedError

    with pytest.raises(StoppedError):
        fit.bootstrap(100_000, seed=9, resume=store, progress=stop)
    n_before = len(store.read_text().splitlines()) - 1
    assert n_before >= 16
    # A kill in the midst of a line.
    store.write_text(store.read_text() + '{"replicate": 17, "par')
    resumed = fit.bootstrap(40, seed=9, resume=store)
    assert np.array_equal(resumed.parameters, whole.parameters)
    assert np.array_equal(resumed.log_likelihood, whole.log_likelihood)
    with pytest.raises(ValueError, match="another bootstrap, model, fit or seed"):
        fit.bootstrap(40, seed=10, resume=store)
    with pytest.raises(ValueError, match="another bootstrap, model, fit or seed"):
        fit.parametric_bootstrap(40, seed=9, resume=store)
    other = tmp_path / "notes.txt"
    other.write_text("remember the milk\n")
    with pytest.raises(ValueError, match="no file of replicates"):
        fit.bootstrap(40, resume=other)


def test_a_parametric_bootstrap_goes_on_where_it_was(tmp_path: Path) -> None:
    fit = GeneContentModel(simulated(), threads=1).fit()
    whole = fit.parametric_bootstrap(20, seed=4)
    store = tmp_path / "replicates.jsonl"
    fit.parametric_bootstrap(7, seed=4, resume=store)
    resumed = fit.parametric_bootstrap(20, seed=4, resume=store)
    assert np.array_equal(resumed.parameters, whole.parameters)
    assert not np.array_equal(whole.parameters, fit.bootstrap(20, seed=4).parameters)


def test_a_likelihood_surface_holds_the_likelihood_at_every_point_of_its_grid() -> None:
    model = GeneContentModel(simulated(), rates="gamma")
    grid = {"log_alpha": [-1.0, 0.0, 2.0], "log_gain": [-1.5, 0.5]}
    surface = model.likelihood_surface([0.0, 0.3, 0.0], grid)
    assert surface.log_likelihood.shape == (3, 2)
    expected = [[model.log_likelihood([gain, 0.3, alpha]) for gain in grid["log_gain"]] for alpha in grid["log_alpha"]]
    assert np.array_equal(surface.log_likelihood, expected)
    assert surface.best["log_loss"] == 0.3
    assert model.log_likelihood(surface.best) == np.max(expected)
    frame = surface.to_frame()
    assert frame["log_likelihood"].to_list() == surface.log_likelihood.ravel().tolist()
    assert frame["log_gain"].to_list() == [-1.5, 0.5] * 3
    for bad, message in [
        ({}, "empty"),
        ({"alpha": [0.0]}, "unknown parameter 'alpha'"),
        ({"log_gain": []}, "log_gain"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.likelihood_surface([0.0, 0.3, 0.0], bad)


def test_profile_interval_holds_the_estimate_and_nearly_the_wald_interval() -> None:
    fit = GeneContentModel(simulated(400), threads=1).fit()
    low, high = fit.profile_interval("log_loss")
    half = 1.96 * fit.standard_errors["log_loss"]
    assert low == pytest.approx(fit.parameters["log_loss"] - half, abs=0.1 * half)
    assert high == pytest.approx(fit.parameters["log_loss"] + half, abs=0.1 * half)
    curve = fit.profile("log_loss", [low, fit.parameters["log_loss"], high])
    # Half of scipy.stats.chi2.ppf(0.95, 1) = 3.841458820694124.
    assert curve.deviance == pytest.approx([3.841458820694124, 0.0, 3.841458820694124], abs=1e-3)


def test_cross_validation_scores_every_family_once() -> None:
    model = GeneContentModel(simulated(), threads=1)
    fit = model.fit()
    found = fit.cross_validate(5, seed=2)
    assert sum(found.n_families) == 150
    assert found.log_likelihood.shape == (5,)
    # Held-out families cannot do better than at their own estimates, and not much worse.
    assert fit.log_likelihood - 10.0 < found.total < fit.log_likelihood


def test_many_parameter_vectors_are_scored_as_single_ones() -> None:
    model = GeneContentModel(simulated())
    vectors = np.random.default_rng(1).normal(size=(50, 2))
    assert np.array_equal(model.log_likelihoods_batch(vectors), [model.log_likelihood(one) for one in vectors])
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        model.log_likelihoods_batch([0.0, 0.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fit: fit.bootstrap(0), "n_replicates is 0"),
        (lambda fit: fit.bootstrap(5, seed=-1), "seed is -1"),
        (lambda fit: fit.bootstrap(5).intervals(1.0), "level is 1.0"),
        (lambda fit: fit.profile("log_x", [0.0]), "unknown parameter 'log_x'"),
        (lambda fit: fit.profile("log_gain", []), "non-empty"),
        (lambda fit: fit.profile_interval("log_gain", level=0.0), "level is 0"),
        (lambda fit: fit.cross_validate(1), "n_folds is 1"),
        (lambda fit: fit.cross_validate(151), "151 folds of 150 families"),
    ],
)
def test_bad_settings_give_one_sentence(call, message: str) -> None:  # type: ignore[no-untyped-def]
    fit = GeneContentModel(simulated(), threads=1).fit()
    with pytest.raises(ValueError, match=message):
        call(fit)


def test_every_family_at_its_own_rates() -> None:
    data = simulated(60)
    model = GeneContentModel(data, rates="per-family", root="equal", threads=1)
    fit = model.fit()
    assert fit.log_likelihoods.shape == (60,)
    assert fit.converged.all()
    at = model.log_likelihoods({"log_gain": fit.log_rates[:, 0], "log_loss": fit.log_rates[:, 1]})
    assert at == pytest.approx(fit.log_likelihoods, abs=1e-9)
    shared = GeneContentModel(data, root="equal", threads=1).fit()
    assert (fit.log_likelihoods >= shared.log_likelihoods - 1e-9).all()
    value, gradient = model.value_and_gradient(fit.log_rates)
    assert value == pytest.approx(fit.log_likelihood)
    free = ~fit.at_bound.any(axis=1)
    assert free.sum() > 10
    assert np.abs(gradient[free]).max() < 1e-3
    single = {"log_gain": 0.1, "log_loss": -0.2}
    assert model.log_likelihoods(single) == pytest.approx(
        GeneContentModel(data, root="equal").log_likelihoods(single), rel=1e-12
    )
    assert len(fit.to_frame()) == 60
    profile, wald = fit.intervals(), fit.intervals(kind="wald")
    assert profile.shape == wald.shape == (60, 2, 2)
    assert (profile[..., 0] < fit.log_rates)[~fit.at_bound].all()
    assert (profile[..., 1] > fit.log_rates)[~fit.at_bound].all()
    # A rate that may as well be 0 has no lower end.
    at_zero = fit.at_bound[:, 0] & (fit.log_rates[:, 0] < 0.0)
    assert at_zero.any()
    assert (profile[at_zero, 0, 0] == -np.inf).all()
    assert np.isnan(wald[at_zero, 0]).all()
    narrower = fit.intervals(0.5)
    assert (narrower[..., 0] >= profile[..., 0] - 1e-6).all()
    for call, message in [
        (lambda: fit.intervals(kind="basic"), "known: profile, wald"),
        (lambda: fit.intervals(0), "level"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(ValueError, match="a surface for every family"):
        model.likelihood_surface([0.0, 0.0], {"log_gain": [0.0]})
    with pytest.raises(ValueError, match="takes no regimes"):
        GeneContentModel(data, rates="per-family", regimes={"x": ["A", "B"]})
    with pytest.raises(ValueError, match="estimated"):
        GeneContentModel(data, rates="per-family", root="estimated")


def test_no_point_of_a_dense_grid_is_better_than_a_familys_own_rates() -> None:
    """With an equal root, ridges have several summits that differ by little."""
    data = simulated(150)
    fit = GeneContentModel(data, rates="per-family", root="equal", threads=1).fit()
    shared = GeneContentModel(data, root="equal", threads=1)
    axis = np.linspace(-8.0, 9.0, 120)
    best = np.max([shared.log_likelihoods([gain, loss]) for gain in axis for loss in axis], axis=0)
    assert (best <= fit.log_likelihoods + 1e-6).all()


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    data = simulated()
    tree, table = tmp_path / "tree.nwk", tmp_path / "genes.Rtab"
    tree.write_text(data.tree.to_newick())
    rows = [["Gene", *data.tree.tip_names]]
    matrix = np.asarray(data._native.presence_matrix())
    rows += [[name, *map(str, matrix[:, column])] for column, name in enumerate(data.family_names)]
    table.write_text("".join("\t".join(row) + "\n" for row in rows))
    return str(tree), str(table)


def test_commands_print_tables_and_json(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--ascertainment", "none", "--threads", "1"]
    assert cli.main(["compare", *files, *options, "--rates", "shared", "--rates", "gamma:n_categories=3"]) == 0
    text = capsys.readouterr().out
    assert "gamma:n_categories=3" in text
    assert "delta" in text
    assert cli.main(["profile", *files, *options, "--parameter", "log_gain", "--points", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"][0]["low"] < found["parameters"][0]["estimate"] < found["parameters"][0]["high"]
    assert len(found["curves"]["log_gain"]) == 3
    assert cli.main(["fit", *files, *options, "--rates", "per-family", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_parameters"] == 300
    assert cli.main(
        ["fit", *files, "--ascertainment", "1-7", "--regime", "left=A,B", "--explain", "--root", "0.3"]
    ) in (0, 2)
    capsys.readouterr()


def test_bootstrap_command_keeps_and_resumes_its_replicates(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(tmp_path / "boot.jsonl")
    command = ["bootstrap", *files, "--ascertainment", "none", "--json", "-o", store]
    assert cli.main([*command, "-n", "10"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["n_replicates"] == 10
    assert cli.main([*command, "-n", "10"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert cli.main([*command, "-n", "25", "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["n_replicates"] == 25
    assert cli.main([*command, "--parametric", "-n", "25", "--resume"]) == 2
    assert "another bootstrap" in capsys.readouterr().err
    assert cli.main([*command[:-2], "--parametric", "-n", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["resampled"] == "simulated"
    assert cli.main(["bootstrap", *files, "--resume"]) == 2
    assert "--output" in capsys.readouterr().err


def test_robust_errors_are_near_the_others_where_the_model_is_true() -> None:
    fit = GeneContentModel(simulated(600), threads=1).fit()
    for name, error in fit.robust_standard_errors().items():
        assert error == pytest.approx(fit.standard_errors[name], rel=0.25)
    assert uncertainty.robust_covariance(fit) is not None


def test_models_are_averaged_by_their_akaike_weights() -> None:
    data = simulated()
    models = {root: GeneContentModel(data, root=root) for root in ("equal", "stationary")}
    table = compare(models)
    average = model_average(table, models, lambda model, fit: fit.gain_rate.value)
    weights = table.akaike_weights
    values = {name: fit.gain_rate.value for name, fit in table.fits.items()}
    expected = sum(weights[name] * values[name] for name in values)
    assert float(average.mean) == pytest.approx(expected, rel=1e-12)
    variance = sum(weights[name] * (values[name] - expected) ** 2 for name in values)
    assert float(average.sd) == pytest.approx(variance**0.5, rel=1e-9)
    with pytest.raises(ValueError, match="is not given"):
        model_average(table, {}, lambda model, fit: 0.0)
    with pytest.raises(ValueError, match="one shape"):
        model_average(table, models, lambda model, fit: np.zeros(2 if model.root == "equal" else 3))


def test_the_bench_command_times_one_and_more_threads(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", *files, "--ascertainment", "none", "--threads", "2", "--repeats", "3"]
    assert cli.main([*command, "--json"]) == 0
    tables = json.loads(capsys.readouterr().out)["tables"]
    assert [row["threads"] for row in tables["value and gradient"]["rows"]] == [1, 2]
    assert all(row["seconds"] > 0.0 for row in tables["log-likelihood"]["rows"])
    assert cli.main(command) == 0
    assert "ns per genome x family" in capsys.readouterr().out
    assert cli.main([*command, "--rates", "per-family"]) == 2
