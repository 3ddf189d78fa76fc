"""Simulation from Python: what is drawn fits the model, and what cannot be drawn is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from persiste_rust import GeneContentData, GeneContentModel, simulate
from persiste_rust.cli import main
from persiste_rust.rates import DiscreteGamma
from persiste_rust.simulation import simulate_model

TREE = "(((a:0.4,b:0.6)x:0.5,(c:0.3,d:0.9)y:0.2):0.4,(e:0.8,f:0.2)z:0.7);"
PARAMS = {"log_gain": -0.9, "log_loss": 0.2}
native = pytest.mark.native


@native
def test_the_number_of_carriers_is_distributed_as_the_likelihood_says() -> None:
    found = simulate(TREE, 20_000, PARAMS, ascertainment=(1, 4), seed=3).data
    counts = np.bincount(found.presences(), minlength=7)
    patterns = np.asarray([[(pattern >> tip) & 1 for pattern in range(64)] for tip in range(6)])
    everything = GeneContentModel(GeneContentData(TREE, patterns))
    probability = np.exp(everything.log_likelihoods(PARAMS))
    expected = np.bincount(patterns.sum(axis=0), weights=probability, minlength=7)
    expected[[0, 5, 6]] = 0.0
    expected *= 20_000 / expected.sum()
    assert (counts[expected == 0.0] == 0).all()
    inside = expected > 0.0
    # Pearson's statistic over four cells; 21.1 is the 0.9999 point of chi-squared(3).
    assert (((counts - expected) ** 2)[inside] / expected[inside]).sum() < 21.1


@native
def test_seed_decides_and_threads_do_not() -> None:
    tables = [
        simulate(TREE, 600, PARAMS, seed=seed, threads=n).data.presence_matrix() for seed, n in [(1, 1), (1, 2), (2, 1)]
    ]
    assert (tables[0] == tables[1]).all()
    assert (tables[0] != tables[2]).any()


@native
def test_truth_explains_the_table() -> None:
    found = simulate(TREE, 300, {**PARAMS, "log_alpha": 0.0}, rates=DiscreteGamma(4), truth=True)
    truth, tree = found.truth, found.data.tree
    assert truth is not None
    assert truth.states.shape == truth.gains.shape == (tree.n_nodes, 300)
    tips = [tree.node_names.index(name) for name in tree.tip_names]
    assert (truth.states[tips] == found.data.presence_matrix()).all()
    below, above = np.arange(tree.n_nodes - 1), tree.parent[:-1]
    change = truth.gains.astype(int) - truth.losses.astype(int)
    assert (truth.states[above].astype(int) + change[below] == truth.states[below]).all()
    assert set(found.categories.tolist()) == {0, 1, 2, 3}


@native
def test_a_model_simulates_for_its_own_families_covariates_and_missing_cells() -> None:
    names = [f"g{index}" for index in range(400)]
    covariates = {"fast": {name: float(index % 2) for index, name in enumerate(names)}}
    options = {"loss": "~ 1 + fast", "family_covariates": covariates}
    params = {**PARAMS, "loss:fast": 2.5}
    pytest.importorskip("formulaic")
    first = simulate(TREE, None, params, family_names=names, missing=0.1, ascertainment="observed", **options).data
    assert first.family_names == names
    assert 0.05 < first.n_missing / (6 * 400) < 0.15
    model = GeneContentModel(first, ascertainment="observed", **options)
    again = model.simulate(params, seed=9)
    assert ((again.presence_matrix() == -1) == (first.presence_matrix() == -1)).all()
    assert model.simulate(params, seed=9, missing=0.0).n_missing == 0
    presences = again.presences()
    assert presences[0::2].mean() > 1.3 * presences[1::2].mean()
    # The same tree, names and covariates: a model of the new data is the same model.
    assert math.isfinite(GeneContentModel(again, ascertainment="observed", **options).log_likelihood(params))
    assert simulate_model(model, params, truth=True).truth is not None


@native
def test_estimates_from_simulated_families_are_near_the_truth() -> None:
    data = simulate(TREE, 20_000, PARAMS, ascertainment="observed", completeness=0.9, seed=5).data
    fit = GeneContentModel(data, ascertainment="observed", completeness=0.9).fit()
    for name, value in PARAMS.items():
        assert abs(fit.parameters[name] - value) < 4.0 * fit.standard_errors[name]


@native
def test_a_search_that_begins_where_the_surface_bends_up_finds_the_maximum() -> None:
    # With the metric kept there, 200 iterations ended 55 log-units below.
    data = simulate(TREE, 2000, PARAMS, ascertainment="observed", seed=6).data
    model = GeneContentModel(data, ascertainment="observed")
    fit = model.fit()
    assert fit.converged
    assert fit.log_likelihood > model.log_likelihood(PARAMS)


@native
def test_parametric_bootstrap_agrees_with_the_information_and_with_itself() -> None:
    data = simulate(TREE, 2000, PARAMS, ascertainment="observed", seed=6).data
    fits = [GeneContentModel(data, ascertainment="observed", threads=threads).fit() for threads in (1, 2)]
    one, two = (fit.parametric_bootstrap(60, seed=4) for fit in fits)
    assert (one.parameters == two.parameters).all()
    assert one.converged.all()
    for name, error in one.standard_errors.items():
        # 60 replicates: 9 % standard deviation.
        assert 0.65 < error / fits[0].standard_errors[name] < 1.4
    with pytest.raises(ValueError, match="n_replicates is 0"):
        fits[0].parametric_bootstrap(0)


@native
@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("fitzjohn", {"root": "fitzjohn"}),
        ("probability is 0", {"params": {"log_gain": -math.inf, "log_loss": 0.0}, "ascertainment": "observed"}),
        ("rate of missing cells is 1", {"missing": 1.0}),
        ("unknown parameter 'gain'", {"params": {"gain": 1.0}}),
        ("'log_loss' is not given", {"params": {"log_gain": 1.0}}),
        ("n_families is 0", {"n_families": 0}),
        ("seed is -1", {"seed": -1}),
        ("per-family", {"rates": "per-family"}),
        ("window from 3 to 2", {"ascertainment": (3, 2)}),
        ("unknown root prior 'flat'", {"root": "flat"}),
    ],
)
def test_what_cannot_be_simulated_is_refused(message: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(**{"tree": TREE, "n_families": 10, "params": PARAMS, **options})  # type: ignore[arg-type]


def test_the_numpy_backend_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="compiled engine"):
        simulate(TREE, 10, PARAMS, backend="numpy")


@native
def test_the_command_writes_a_table_that_can_be_read_and_fitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree, table, truth = (tmp_path / name for name in ("tree.nwk", "table.tsv", "truth.tsv"))
    tree.write_text(TREE, encoding="utf-8")
    command = ["simulate", str(tree), "-n", "200", "--set", "log_gain=-0.9", "--set", "log_loss=0.2", "-o", str(table)]
    assert main([*command, "--ascertainment", "observed", "--missing", "0.05", "--truth", str(truth)]) == 0
    data = GeneContentData.read(tree, table)
    assert (data.n_families, data.n_all_absent) == (200, 0)
    assert len(truth.read_text(encoding="utf-8").splitlines()) == 1 + 200 * data.tree.n_nodes
    before = table.read_bytes()
    assert main([*command, "--ascertainment", "observed", "--missing", "0.05", "--threads", "2"]) == 0
    assert table.read_bytes() == before
    capsys.readouterr()
    assert main([*command[:4], "-o", str(table), "--set", "log_gain=x"]) == 2
    assert "NAME=NUMBER" in capsys.readouterr().err
    assert table.read_bytes() == before
