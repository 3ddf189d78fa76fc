"""Checks of a fit from Python and from the command line: what is planted is found, and what is true fits."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persiste_rust import GeneContentData, GeneContentModel, cli, simulate
from persiste_rust._check_words import findings, is_off, residual_limit
from persiste_rust.check import Check, check_model, engine, expected_spectrum, total_families
from persiste_rust.rates import DiscreteGamma

native = pytest.mark.native
SMALL = "((a:0.4,b:0.6):0.5,(c:0.3,(d:0.9,e:0.2):0.1):0.7);"
PARAMS = {"log_gain": -0.9, "log_loss": 0.2}


def caterpillar_free_tree(n_tips: int, seed: int) -> str:
    """A random tree with tips t0, t1, ..., branches about 0.2 long."""
    rng = np.random.default_rng(seed)
    nodes = [f"t{tip}" for tip in range(n_tips)]
    while len(nodes) > 1:
        one, other = (nodes.pop(int(rng.integers(len(nodes)))) for _ in range(2))
        nodes.append(f"({one}:{0.05 + rng.exponential(0.15):.4f},{other}:{0.05 + rng.exponential(0.15):.4f})")
    return nodes[0] + ";"


TREE = caterpillar_free_tree(24, 5)


def checked(data: GeneContentData, **options: Any) -> Check:
    check: Check = GeneContentModel(data, ascertainment="observed", **options).fit().check(n_simulations=100, seed=2)
    return check


def off(check: Check) -> set[str]:
    return {finding.what for finding in findings(check) if not finding.fits}


@native
@pytest.mark.parametrize("rates", ["shared", DiscreteGamma(3)])
def test_spectrum_is_that_of_all_patterns_and_accumulates_over_subsets(rates: Any) -> None:
    patterns = np.asarray(list(itertools.product([0, 1], repeat=5))).T
    everything = GeneContentModel(GeneContentData(SMALL, patterns), rates=rates)
    params = dict(zip(everything.parameter_names, [-0.9, 0.2, -0.4], strict=False))
    probability = np.exp(everything.log_likelihoods(params))
    law = np.bincount(patterns.sum(axis=0), weights=probability, minlength=6)
    law[0] = 0.0
    rng = np.random.default_rng(3)
    cells = patterns[:, 1:][:, rng.integers(0, 31, 40)]
    model = GeneContentModel(GeneContentData(SMALL, cells), rates=rates, ascertainment="observed")
    found = model.expected_spectrum(params, core=0.8, cloud=0.4)
    assert found.bins["expected"] == pytest.approx(40.0 * law / law.sum(), abs=1e-11)
    assert found.bins["observed"].tolist() == np.bincount(cells.sum(axis=0), minlength=6).tolist()
    assert found.classes["expected"].tolist() == pytest.approx(
        [found.bins["expected"][k].sum() for k in ([4, 5], [2, 3], [1], [1])]
    )
    assert (found.n_laws, found.n_simulated) == (1, 0)
    for m in range(6):
        seen = [cells[list(subset)].any(axis=0).sum() for subset in itertools.combinations(range(5), m)]
        assert found.accumulation["observed"][m] == pytest.approx(np.mean(seen))
    assert found.accumulation["expected"][-1] == pytest.approx(40.0)
    assert found.accumulation["expected_new"].sum() == pytest.approx(40.0)


@native
def test_a_true_model_fits_and_the_summary_says_so() -> None:
    data = simulate(TREE, 1500, PARAMS, ascertainment="observed", seed=11).data
    check = checked(data)
    assert off(check) == set()
    lines = check.summary().splitlines()
    assert "the table looks like one of the model's" in lines[4]
    assert len(lines) < 45
    assert all(len(line) <= 120 for line in lines)
    assert check.spectrum.n_outside <= 1
    assert np.abs(check.genomes["residual"]).max() < residual_limit(24)
    assert len(check.families.to_frame()) == 1500
    assert check.predictive["statistic"][0] == "presences"
    assert json.loads(json.dumps(check.to_dict(), allow_nan=False))["n_simulations"] == 100


@native
def test_rates_that_differ_are_seen_and_the_right_option_is_named() -> None:
    params = {"log_gain": -1.2, "log_loss": 0.2, "log_alpha": -1.2}
    data = simulate(TREE, 1500, params, rates=DiscreteGamma(4), ascertainment="observed", seed=12).data
    wrong = checked(data)
    assert {"spectrum"} <= off(wrong)
    assert "--rates gamma (DiscreteGamma)" in wrong.summary()
    right = checked(data, rates=DiscreteGamma(4))
    assert "spectrum" not in off(right)
    assert right.spectrum.n_outside <= 1 < wrong.spectrum.n_outside


@native
def test_an_incomplete_and_a_contaminated_genome_are_found() -> None:
    slow = {"log_gain": -3.5, "log_loss": -2.0}
    data = simulate(TREE, 2000, slow, root=0.5, ascertainment="observed", seed=13).data
    cells, names = data.presence_matrix(), data.tree.tip_names
    rng = np.random.default_rng(1)
    cells[3][rng.random(2000) < 0.3] = 0
    cells[8][rng.random(2000) < 0.2] = 1
    kept = cells.any(axis=0)
    check = checked(GeneContentData(TREE, cells[:, kept]), root=0.5)
    rows = {row["genome"]: row for row in check.genomes.rows()}
    residuals = check.genomes["residual"]
    assert [names[int(residuals.argmin())], names[int(residuals.argmax())]] == [names[3], names[8]]
    assert rows[names[3]]["lacking"] > 5.0 * rows[names[3]]["expected_lacking"]
    assert rows[names[3]]["implied_completeness"] == pytest.approx(0.7, abs=0.06)
    assert rows[names[8]]["extra"] > 5.0 * rows[names[8]]["expected_extra"]
    assert int(np.nanargmin(check.genomes["implied_completeness"])) == 3
    advice = check.summary().split("what may help")[1]
    assert "--completeness estimated" in advice
    assert "--contamination estimated" in advice


@native
def test_a_scattered_family_is_odd_for_its_number_of_genomes() -> None:
    slow = {"log_gain": -4.0, "log_loss": -2.0}
    data = simulate(TREE, 1500, slow, root=0.3, ascertainment="observed", seed=14).data
    cells = data.presence_matrix()
    # Every other tip in the order of the tree: relatives disagree.
    cells[:, 700] = np.arange(24) % 2
    model = GeneContentModel(GeneContentData(TREE, cells), ascertainment="observed", root=0.3)
    check = model.check(slow, n_simulations=60)
    # Less likely than all simulated families, and than all of them that are in 12 genomes.
    assert check.families["p"][700] == 1.0 / (1 + 60 * 1500)
    assert check.families["p_given_presences"][700] == 1.0 / (1 + check.families["n_given_presences"][700])
    assert check.families["n_given_presences"][700] > 500
    assert check.families["q"][700] < 0.05
    typical = np.delete(check.families["p"], 700)
    # p-values of discrete data are uniform or greater.
    for level in (0.05, 0.2, 0.5):
        assert (typical <= level).mean() < level + 4.0 * math.sqrt(level / 1500)


@native
def test_results_depend_on_the_seed_and_not_on_threads() -> None:
    data = simulate(SMALL, 200, PARAMS, ascertainment="observed", missing=0.1, seed=3).data
    found = [
        GeneContentModel(data, ascertainment="observed", threads=threads).check(PARAMS, n_simulations=20, seed=seed)
        for threads, seed in ((1, 1), (2, 1), (1, 2))
    ]
    first, same, other = (json.dumps(one.to_dict()) for one in found)
    assert first == same
    assert first != other
    assert (found[0].families["p"] == found[1].families["p"]).all()


@native
def test_all_families_are_estimated_with_the_unseen_ones() -> None:
    n = 20_000
    complete = simulate(SMALL, n, PARAMS, seed=5).data.presence_matrix()
    seen = complete[:, complete.any(axis=0)]
    model = GeneContentModel(GeneContentData(SMALL, seen), ascertainment="observed")
    fit = model.fit()
    known = total_families(model, PARAMS)
    assert abs(known.value - n) < 4.0 * known.standard_error
    estimated = total_families(model, fit.parameters, covariance=fit.covariance)
    assert abs(estimated.value - n) < 4.0 * estimated.standard_error
    assert estimated.standard_error > known.standard_error
    # n / (1 - p0), with p0 from the likelihood of a family that nobody has.
    nobody = GeneContentModel(GeneContentData(SMALL, np.zeros((5, 1), dtype=np.int8)))
    expected = seen.shape[1] / -np.expm1(nobody.log_likelihood(PARAMS))
    assert known.value == pytest.approx(expected, rel=1e-10)
    # The delta method by hand.
    estimates, step = np.asarray(list(fit.parameters.values())), 1e-4

    def at(shift: list[float]) -> float:
        return total_families(model, estimates + step * np.asarray(shift)).value

    slope = np.asarray([at([1, 0]) - at([-1, 0]), at([0, 1]) - at([0, -1])]) / (2.0 * step)
    variance = total_families(model, fit.parameters).standard_error ** 2 + slope @ fit.covariance @ slope
    assert estimated.standard_error == pytest.approx(math.sqrt(variance), rel=1e-4)
    with pytest.raises(ValueError, match="takes the table to hold every family"):
        total_families(nobody, PARAMS)


@native
def test_windows_with_missing_cells_are_simulated_and_say_so() -> None:
    data = simulate(SMALL, 300, PARAMS, ascertainment=(1, 4), missing=0.1, seed=3).data
    model = GeneContentModel(data, ascertainment=(1, 4))
    assert expected_spectrum(model, PARAMS, n_simulations=30).n_simulated == 30
    check = model.check(PARAMS, n_simulations=30)
    assert check.spectrum.n_simulated == 30
    assert "from 30 simulated tables" in check.summary()


@native
def test_families_that_cannot_arise_are_the_most_surprising_and_in_no_residual() -> None:
    rng = np.random.default_rng(7)
    cells = rng.integers(0, 2, (3, 200)).astype(np.int8)
    cells[2, :] = 1
    cells[1] = cells[0]
    cells[:, 0] = [1, 0, 1]
    model = GeneContentModel(GeneContentData("((A:0,B:0):1,C:1);", cells), ascertainment="observed")
    check = model.check(PARAMS, n_simulations=20)
    assert check.families["log_likelihood"][0] == -math.inf
    assert check.families["p"][0] == 1.0 / 4001
    assert check.genomes["observed"][0] == cells[0, 1:].sum()
    assert json.loads(json.dumps(check.to_dict(), allow_nan=False))["n_families"] == 200
    assert "OFF" in check.summary()


@native
@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("n_simulations is 0; allowed are 1 or more", {"n_simulations": 0}),
        ("core is from a share of 0.1 of the genomes and cloud below 0.5", {"core": 0.1, "cloud": 0.5}),
        ("seed is -1", {"seed": -1}),
    ],
)
def test_orders_that_make_no_sense_are_refused(message: str, options: dict[str, Any]) -> None:
    model = GeneContentModel(GeneContentData(SMALL, np.eye(5, dtype=np.int8)), ascertainment="observed")
    with pytest.raises(ValueError, match=message):
        model.check(PARAMS, **options)
    with pytest.raises(ValueError, match=message):
        model.expected_spectrum(PARAMS, **options)


@native
def test_models_that_cannot_be_checked_say_why() -> None:
    data = GeneContentData(SMALL, np.eye(5, dtype=np.int8))
    with pytest.raises(ValueError, match="root prior 'fitzjohn' weighs the root by the data"):
        GeneContentModel(data, root="fitzjohn").check(PARAMS, n_simulations=2)
    with pytest.raises(ValueError, match="rates='per-family' is not checked"):
        GeneContentModel(data, rates="per-family").check(PARAMS)
    with pytest.raises(ValueError, match="unknown parameter 'gain'"):
        GeneContentModel(data).check({"gain": 1.0})


def test_the_numpy_backend_says_what_it_lacks() -> None:
    model = GeneContentModel(GeneContentData(SMALL, np.eye(5, dtype=np.int8)), backend="numpy")
    for ask in (engine, lambda one: check_model(one, PARAMS), lambda one: expected_spectrum(one, PARAMS)):
        with pytest.raises(ValueError, match="need the compiled engine; the NumPy backend does not have them"):
            ask(model)


def test_few_replicates_flag_what_is_far_and_not_what_is_merely_extreme() -> None:
    row = {"observed": 10.0, "mean": 0.0, "sd": 1.0, "p_low": 1.0, "p_high": 1 / 11, "p_value": 2 / 11}
    assert is_off(row, 10)
    assert not is_off({**row, "observed": 3.0}, 10)
    assert not is_off({**row, "p_high": 2 / 11, "p_value": 4 / 11}, 10)
    assert is_off({**row, "observed": 3.0, "p_value": 0.005}, 10)
    assert not is_off({**row, "p_value": math.nan}, 10)


@native
def test_the_command_writes_its_tables_and_takes_a_fit(
    tmp_path: Path, example_tree: Path, example_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(example_tree), str(example_table)]
    assert cli.main(["check", *files, "-o", str(tmp_path / "one"), "-n", "20", "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out, parse_constant=pytest.fail)
    assert "verdict" in captured.err
    names = {"spectrum.tsv", "accumulation.tsv", "predictive.tsv", "families.tsv", "genomes.tsv", "check.json"}
    assert {path.name for path in (tmp_path / "one").iterdir()} == names
    assert json.loads((tmp_path / "one" / "check.json").read_text()) == report
    assert len((tmp_path / "one" / "families.tsv").read_text().splitlines()) == 3052
    assert len((tmp_path / "one" / "spectrum.tsv").read_text().splitlines()) == 42
    assert cli.main(["fit", *files, "-o", str(tmp_path / "fit")]) == 0
    command = ["check", *files, "-o", str(tmp_path / "two"), "-n", "20", "--params", str(tmp_path / "fit" / "fit.json")]
    assert cli.main(command) == 0
    for name in ("families.tsv", "genomes.tsv", "predictive.tsv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@native
def test_the_command_refuses_in_one_sentence(
    tmp_path: Path, example_tree: Path, example_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(example_tree), str(example_table)]
    broken, other, equal = (tmp_path / name for name in ("broken.json", "other.json", "equal.json"))
    broken.write_text("{")
    other.write_text('{"parameters": {"log_gain": "fast"}}')
    equal.write_text('{"root": "equal", "parameters": {"log_gain": 0.0, "log_loss": 0.0}}')
    for options, message in (
        (
            ["--params", str(equal)],
            "is a fit with root 'equal', the model to be checked has 'stationary'",
        ),
        (["-n", "0"], "argument -n/--simulations: 0 is not allowed"),
        (["--core", "0.1"], "core is from a share of 0.1"),
        (["--params", str(broken)], "is no JSON"),
        (["--params", str(other)], "parameter 'log_gain' is 'fast'"),
        (["--params", str(tmp_path / "absent.json")], "no such file"),
        (["--rates", "per-family"], "rates='per-family' is not checked"),
        (["--root", "fitzjohn", "--ascertainment", "none"], "root prior 'fitzjohn'"),
    ):
        assert cli.main(["check", *files, *options]) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.out == ""


@native
def test_ctrl_c_stops_a_check_and_leaves_no_files(tmp_path: Path, example_tree: Path, example_table: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "persiste_rust", "check", str(example_tree), str(example_table), "-o", str(out)]
    process = subprocess.Popen([*command, "-n", "100000"], stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    while not out.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "persiste: interrupted"
    assert list(out.iterdir()) == []
