"""Ancestral states, gains and losses through the Python package and the command line."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from shared_data import shared_json, shared_names

from persiste_rust import GeneContentData, GeneContentModel, Tree, _tables, cli
from persiste_rust.histories import HistoryMethods
from persiste_rust.rates import DiscreteGamma
from persiste_rust.regimes import node_labels

NEWICK = "((A:1,B:1)x:0.5,(C:1,D:0.2)x:1.5);"
CELLS = [[1, 0, 1, -1], [1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 1]]
PARAMS = {"log_gain": -1.0, "log_loss": -0.5}


@pytest.fixture
def model() -> GeneContentModel:
    return GeneContentModel(GeneContentData(NEWICK, CELLS, family_names=["f", "g", "h", "i"]))


def _ancestral_cases() -> list[str]:
    names = shared_names("reference", "extras")
    return [name for name in names if name.startswith("ancestral_")] or ["absent"]


@pytest.mark.native
@pytest.mark.parametrize("name", _ancestral_cases())
def test_tables_match_the_reference_values(name: str) -> None:
    case = shared_json("reference", "extras", name)
    tree = Tree.from_newick(case["newick_labelled"])
    cells = np.array([[int(cell) for cell in family["pattern"]] for family in case["families"].values()]).T
    names = list(case["families"])
    data = GeneContentData(tree, cells, taxon_names=case["tip_order_of_pattern"], family_names=names)
    root = "equal" if case["root"] == "flat" else case["root"]
    model = GeneContentModel(data, root=root)
    params = [np.log(float(case["gain"])), np.log(float(case["loss"]))]
    presence, gains = model.ancestral_probabilities(params), model.expected_gains(params)
    losses, joint = model.expected_losses(params), model.joint_states(params)
    for column, family in enumerate(case["families"].values()):
        for row, node in enumerate(data.tree.node_names):
            assert presence[row, column] == pytest.approx(float(family["marginal_p1"][node]), abs=1e-9)
            if node in family["joint_states"]:
                assert joint[row, column] == family["joint_states"][node]
            if data.tree.parent[row] >= 0:
                assert gains[row, column] == pytest.approx(float(family["expected_gains_per_branch"][node]), abs=1e-8)
                assert losses[row, column] == pytest.approx(float(family["expected_losses_per_branch"][node]), abs=1e-8)
        assert gains[:, column].sum() == pytest.approx(float(family["expected_gains_total"]), abs=1e-8)


@pytest.mark.native
def test_tables_have_a_row_a_node_and_the_roots_events_are_zero(model: GeneContentModel) -> None:
    for table in (
        model.expected_gains(PARAMS),
        model.expected_losses(PARAMS),
        model.gain_probabilities(PARAMS),
        model.loss_probabilities(PARAMS),
    ):
        assert table.shape == (7, 4)
        assert table.dtype == np.float64
        assert (table[-1] == 0.0).all()
        assert (table[:-1] > 0.0).all()
    assert (model.gain_probabilities(PARAMS) <= model.expected_gains(PARAMS) + 1e-15).all()


@pytest.mark.native
def test_single_precision_is_the_double_one_rounded(model: GeneContentModel) -> None:
    single = model.ancestral_probabilities(PARAMS, dtype="float32")
    assert single.dtype == np.float32
    assert (single == model.ancestral_probabilities(PARAMS).astype(np.float32)).all()
    with pytest.raises(ValueError, match="dtype is 'float16'; allowed are 'float64' and 'float32'"):
        model.expected_gains(PARAMS, dtype="float16")  # type: ignore[arg-type]


@pytest.mark.native
def test_families_that_cannot_arise_have_no_numbers_and_are_in_no_sum() -> None:
    data = GeneContentData("((A:0,B:0):1,C:1);", [[1, 1], [0, 1], [0, 0]])
    model = GeneContentModel(data)
    assert np.isnan(model.ancestral_probabilities(PARAMS)[:, 0]).all()
    assert (model.joint_states(PARAMS)[:, 0] == -1).all()
    summary = model.branch_summary(PARAMS)
    assert (summary.n_families, summary.n_impossible) == (1, 1)
    assert summary.genome_size[0] == pytest.approx(1.0)
    assert set(model.events(PARAMS, min_probability=0.01).family.tolist()) == {1}


@pytest.mark.native
@pytest.mark.parametrize("rates", ["shared", DiscreteGamma(3)])
def test_sums_over_families_are_those_of_the_tables(rates: object) -> None:
    model = GeneContentModel(GeneContentData(NEWICK, CELLS), rates=rates, root="fitzjohn")  # type: ignore[arg-type]
    params = np.full(len(model.parameter_names), -0.4)
    summary = model.branch_summary(params)
    gains, presence = model.expected_gains(params), model.ancestral_probabilities(params)
    assert summary.expected_gains == pytest.approx(gains.sum(axis=1), abs=1e-12)
    assert summary.expected_gains_sd == pytest.approx(gains.std(axis=1, ddof=1) * 2.0, abs=1e-7)
    squares = model._table(params, "expected squared gains", "float64")
    assert summary.gains_posterior_sd == pytest.approx(np.sqrt((squares - gains**2).sum(axis=1)), abs=1e-7)
    assert summary.families_lost == pytest.approx(model.loss_probabilities(params).sum(axis=1), abs=1e-12)
    assert summary.genome_size == pytest.approx(presence.sum(axis=1), abs=1e-12)
    spread = 1.959963984540054 * np.sqrt((presence * (1.0 - presence)).sum(axis=1))
    assert summary.genome_size_high - summary.genome_size == pytest.approx(spread, abs=1e-7)
    assert list(summary.columns())[:4] == ["node", "parent", "length", "expected_gains"]
    assert len(summary.to_frame()) == 7


@pytest.mark.native
def test_events_are_the_cells_of_the_tables_above_the_threshold(model: GeneContentModel) -> None:
    found = model.events(PARAMS, min_probability=0.4)
    tables = np.stack([model.gain_probabilities(PARAMS), model.loss_probabilities(PARAMS)])
    assert len(found) == (tables >= 0.4).sum() > 0
    assert (tables[found.is_loss.astype(int), found.node, found.family] == found.probability).all()
    local = 1.0 - found.probability
    assert found.false_discovery_rate == pytest.approx(np.cumsum(local) / np.arange(1, len(found) + 1))
    first = found.columns()
    only = model.events(PARAMS, min_probability=0.4, branches=[first["branch"][0]], families=[first["family"][0]])
    assert set(only.columns()["branch"]) == {first["branch"][0]}
    strict = model.events(PARAMS, min_probability=0.01, fdr=0.3)
    assert strict.false_discovery_rate.max() <= 0.3
    assert found.to_frame()["event"].isin(["gain", "loss"]).all()


@pytest.mark.native
def test_choices_that_do_not_exist_are_refused(model: GeneContentModel) -> None:
    for options, message in (
        ({"branches": ["nowhere"]}, "no branch has the name 'nowhere'"),
        ({"families": ["none"]}, "no family has the name 'none'"),
        ({"min_probability": 0.0}, "least probability of an event is 0; allowed are numbers above 0"),
        ({"fdr": -0.1}, "greatest false-discovery rate is -0.1"),
    ):
        with pytest.raises(ValueError, match=message):
            model.events(PARAMS, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown parameter"):
        model.joint_states({"speed": 1.0})


def test_models_without_histories_say_what_they_need() -> None:
    model = HistoryMethods()
    model._native, model.backend = object(), "numpy"
    with pytest.raises(ValueError, match="need the compiled engine; the NumPy backend does not have them"):
        model.ancestral_probabilities(PARAMS)


@pytest.mark.native
def test_families_with_rates_of_their_own_have_the_histories_of_each_at_its_rates() -> None:
    data = GeneContentData(NEWICK, CELLS)
    rates = {"log_gain": np.array([-1.0, 0.3, -2.0, 0.1]), "log_loss": np.array([0.2, -0.4, 0.0, -1.5])}
    own = GeneContentModel(data, rates="per-family", root="equal")
    gains, joint, maps = own.expected_gains(rates), own.joint_states(rates), own.stochastic_maps(rates, by_family=True)
    summary = own.branch_summary(rates)
    assert maps.by_family is not None
    for family in range(4):
        alone = GeneContentModel(data, root="equal")
        params = [rates["log_gain"][family], rates["log_loss"][family]]
        assert gains[:, family] == pytest.approx(alone.expected_gains(params)[:, family], rel=1e-12)
        assert (joint[:, family] == alone.joint_states(params)[:, family]).all()
        same = alone.stochastic_maps(params, by_family=True).by_family
        assert same is not None
        # The same streams; another kernel may round a chance differently.
        assert maps.by_family.gain_mean[:, family] == pytest.approx(same.gain_mean[:, family])
    assert summary.expected_gains == pytest.approx(gains.sum(axis=1))
    assert len(own.events(rates, min_probability=0.1)) > 0


def test_labels_are_unique_and_keep_the_names_that_are() -> None:
    assert node_labels(Tree.from_newick(NEWICK)) == ["A", "B", "node2", "C", "D", "node5", "node6"]
    assert node_labels(Tree.from_newick("((A:1,B:1)r:1,node3:1);")) == ["A", "B", "r", "node3", "node4"]
    assert node_labels(Tree.from_newick("((A:1,B:1):1,node2:1);")) == ["A", "B", "node2_", "node2", "node4"]


@pytest.mark.native
def test_command_writes_tables_whose_nodes_stand_in_its_tree(
    tmp_path: Path, example_tree: Path, example_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["ancestral", str(example_tree), str(example_table), "-o", str(out), "--itol"]) == 0
    assert "root genome" in capsys.readouterr().out
    tree = Tree.from_newick(out / "tree.nwk")
    branches = list(csv.DictReader((out / "branches.tsv").read_text().splitlines(), delimiter="\t"))
    assert [row["node"] for row in branches] == tree.node_names
    assert len(set(tree.node_names)) == 79
    text = (out / "tree.nwk").read_text()
    assert len(re.findall(r"gains=[^,]+,losses=[^,]+,genome_size=", text)) == 78
    head, first = (out / "ancestral_probabilities.tsv").read_text().splitlines()[:2]
    internal = [name for name in tree.node_names if name not in tree.tip_names]
    assert head.split("\t") == ["family", *internal]
    assert all(0.0 <= float(cell) <= 1.0 for cell in first.split("\t")[1:])
    states = (out / "joint_states.tsv").read_text().splitlines()
    assert len(states) == 3052
    assert set(states[1].split("\t")[1:]) <= {"0", "1"}
    total = sum(float(line.split("\t")[1]) for line in (out / "itol_events.txt").read_text().splitlines()[7:])
    assert total == pytest.approx(sum(float(row["expected_gains"]) for row in branches), rel=1e-4)
    nexus = Tree.from_newick(out / "tree.nex")
    assert nexus.node_names == tree.node_names
    assert (nexus.parent == tree.parent).all()
    assert (nexus.branch_length == tree.branch_length).all()
    assert len(re.findall(r"\[&gains=[^,]+,losses=[^,]+,genome_size=[^]]+\]:", (out / "tree.nex").read_text())) == 78


@pytest.mark.native
def test_rows_of_the_wide_tables_are_the_cells_of_the_model(
    tmp_path: Path, example_tree: Path, example_table: Path
) -> None:
    out = tmp_path / "out"
    assert cli.main(["ancestral", str(example_tree), str(example_table), "-o", str(out), "--tips"]) == 0
    data = GeneContentData.read(example_tree, example_table)
    model = GeneContentModel(data, ascertainment="observed")
    params = dict(model.fit().parameters)
    nodes = Tree.from_newick(out / "tree.nwk").node_names
    for name, cells in (
        ("ancestral_probabilities", model.ancestral_probabilities(params, dtype="float32")),
        ("joint_states", model.joint_states(params)),
    ):
        rows = [line.split("\t") for line in (out / f"{name}.tsv").read_text().splitlines()]
        assert rows[0] == ["family", *nodes]
        assert [row[0] for row in rows[1:]] == data.family_names
        found = np.array([row[1:] for row in rows[1:]], dtype=float)
        assert found == pytest.approx(cells.T, abs=0.50001e-4)


@pytest.mark.native
def test_cells_are_written_with_four_digits_rounded_once() -> None:
    from persiste_rust import _core

    probabilities = np.array([[0.0, 1.0, 0.94745004, 0.99996, np.nan]] * 2, dtype=np.float32)
    assert _core.format_cells(probabilities, [1], 1, ["a", "b", "c", "d"]).decode().splitlines() == [
        "a\t1.0000",
        "b\t0.9475",
        "c\t1.0000",
        "d\tNA",
    ]
    states = np.array([[0, 1, -1]], dtype=np.int8)
    assert _core.format_cells(states, [0, 0], 0, ["a", "b", "c"]) == b"a\t0\t0\nb\t1\t1\nc\tNA\tNA\n"
    with pytest.raises(ValueError, match="families 2 to 4 and these nodes do not lie in a table of 1 nodes x 3"):
        _core.format_cells(states, [0], 2, ["a", "b"])


@pytest.mark.native
def test_parquet_holds_what_the_text_does(
    tmp_path: Path, example_tree: Path, example_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    files = [str(example_tree), str(example_table)]
    text, binary = tmp_path / "text", tmp_path / "binary"
    assert cli.main(["ancestral", *files, "-o", str(text)]) == 0
    assert cli.main(["ancestral", *files, "-o", str(binary), "--table-format", "parquet"]) == 0
    for name in ("branches", "ancestral_probabilities", "joint_states"):
        found = parquet.read_table(binary / f"{name}.parquet").to_pydict()
        rows = [line.split("\t") for line in (text / f"{name}.tsv").read_text().splitlines()]
        assert list(found) == rows[0]
        for column, cells in zip(found.values(), zip(*rows[1:], strict=True), strict=True):
            if isinstance(column[0], str):
                assert column == list(cells)
            else:
                assert column == pytest.approx(np.array(cells, dtype=float), rel=1e-8, abs=0.50001e-4)
    events = tmp_path / "events.parquet"
    assert cli.main(["events", *files, "-o", str(events)]) == 0
    capsys.readouterr()
    assert cli.main(["events", *files]) == 0
    printed = capsys.readouterr().out.splitlines()
    found = parquet.read_table(events).to_pydict()
    assert list(found) == printed[0].split("\t")
    assert list(zip(found["branch"], found["family"], strict=True)) == [
        tuple(line.split("\t")[:2]) for line in printed[1:]
    ]


@pytest.mark.native
def test_commands_take_families_with_rates_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree, table, out = tmp_path / "tree.nwk", tmp_path / "table.tsv", tmp_path / "out"
    tree.write_text(NEWICK.replace(")x:1.5", ")y:1.5"))
    cells = ["f\t1\t1\t0\t0", "g\t0\t1\t1\t1", "h\t1\t0\t0\t1"]
    table.write_text("\n".join(["Gene\tA\tB\tC\tD", *cells]) + "\n")
    files = [str(tree), str(table), "--rates", "per-family", "--root", "equal"]
    assert cli.main(["ancestral", *files, "-o", str(out)]) == 0
    assert len((out / "joint_states.tsv").read_text().splitlines()) == 4
    assert cli.main(["maps", *files, "-o", str(out), "-n", "5"]) == 0
    assert len((out / "maps.tsv").read_text().splitlines()) == 1 + 5 * 7
    capsys.readouterr()
    assert cli.main(["events", *files]) == 0
    assert capsys.readouterr().out.startswith("branch\tfamily\tevent")


def test_parquet_without_pyarrow_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"^Parquet needs pyarrow: pip install 'persiste-rust\[parquet\]'$"):
        _tables.checked_format(None, "events.parquet")
    assert _tables.checked_format(None, "events.tsv") == "tsv"


@pytest.mark.native
def test_command_lists_events_by_branch_family_and_rate(
    tmp_path: Path, example_tree: Path, example_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(example_tree), str(example_table)]
    path, tree_path = tmp_path / "events.tsv", tmp_path / "named.nwk"
    assert cli.main(["events", *files, "-o", str(path), "--write-tree", str(tree_path)]) == 0
    rows = list(csv.DictReader(path.read_text().splitlines(), delimiter="\t"))
    assert list(rows[0]) == ["branch", "family", "event", "probability", "expected", "local_fdr", "fdr"]
    assert {row["branch"] for row in rows} <= set(Tree.from_newick(tree_path).node_names)
    assert min(float(row["probability"]) for row in rows) >= 0.5
    branch, family = rows[0]["branch"], rows[0]["family"]
    capsys.readouterr()
    assert cli.main(["events", *files, "--branch", branch, "--family", family, "--fdr", "0.2"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) > 1
    assert all(line.split("\t")[:2] == [branch, family] for line in printed[1:])
    for arguments, message in (
        (["--branch", "nowhere"], "no branch has the name 'nowhere'"),
        (["--min-probability", "2"], "least probability of an event is 2"),
        (["--table-format", "parquet"], "Parquet is not written to standard output; name a file with -o"),
        (["-o", str(tmp_path)], "is a folder; a file is wanted"),
        (["--write-tree", str(path / "tree.nwk")], "is a file; -o wants a folder"),
    ):
        assert cli.main(["events", *files, *arguments]) == 2
        assert message in capsys.readouterr().err
