"""Regimes, tables of covariates and formulas: which family and which branch gets which value."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from persiste_rust import BranchMultipliers, GeneContentData, GeneContentModel, Tree
from persiste_rust._covariate_table import read_covariates
from persiste_rust.regimes import branch_values, node_labels, regime_of_branches

#        0    1    2    3    4    5    6    7    8    9   (post-order; 9 is the root)
NEWICK = "(((A:1,B:1)ab:1,(C:1)c:1)abc:1,(D:1,E:1):1);"
NODES = ["A", "B", "ab", "C", "c", "abc", "D", "E", "node8", "node9"]
FAMILIES = ["f1", "f2", "f3", "f4", "f5", "f6"]
BACKENDS = [pytest.param("rust", marks=pytest.mark.native), "numpy"]


@pytest.fixture(scope="module")
def data() -> GeneContentData:
    cells = np.random.default_rng(2).integers(0, 2, (5, 6))
    return GeneContentData(NEWICK, cells, family_names=FAMILIES)


@pytest.fixture(scope="module")
def tree(data: GeneContentData) -> Tree:
    return data.tree


def regimes_by_node(tree: Tree, regimes: Any) -> dict[str, str]:
    return dict(zip(node_labels(tree), regime_of_branches(tree, regimes), strict=True))


def test_nodes_are_labelled_by_name_or_number(tree: Tree) -> None:
    assert node_labels(tree) == NODES
    doubled = Tree.from_newick("(((A:1,B:1)90:1,C:1)90:1,(node2:1,D:1)x:1);")
    # Both inner nodes called 90 go by number, and node2 is a tip's own name.
    assert node_labels(doubled) == ["A", "B", "node2_", "C", "node4", "node2", "D", "x", "node8"]
    labels = node_labels(doubled)
    assert len(set(labels)) == len(labels)


def test_a_clade_holds_its_own_branch_and_all_below(tree: Tree) -> None:
    inside = {"A", "B", "ab"}
    for clade in ("ab", ["A", "B"], ("B", "A", "ab"), "node2"):
        found = regimes_by_node(tree, {"x": clade})
        assert {node for node, regime in found.items() if regime == "x"} == inside
        assert {regime for node, regime in found.items() if node not in inside} == {"background"}
    assert regimes_by_node(tree, {"x": "D"}) == {node: "x" if node == "D" else "background" for node in NODES}


@pytest.mark.parametrize("order", [["outer", "inner", "tip"], ["tip", "inner", "outer"]])
def test_the_smallest_of_nested_clades_counts(tree: Tree, order: list[str]) -> None:
    clades = {"outer": ["A", "C"], "inner": "c", "tip": "C"}
    found = regimes_by_node(tree, {name: clades[name] for name in order})
    assert found == {
        **dict.fromkeys(NODES, "background"),
        **dict.fromkeys(["A", "B", "ab", "abc"], "outer"),
        "c": "inner",
        "C": "tip",
    }


def test_without_a_background_the_root_goes_with_its_first_child(tree: Tree) -> None:
    found = regimes_by_node(tree, {"left": "abc", "right": ["D", "E"]})
    assert found["node9"] == "left"
    assert found["node8"] == found["D"] == "right"
    model = GeneContentModel(GeneContentData(NEWICK, np.eye(5, 6, dtype=int)), regimes={"l": "abc", "r": "node8"})
    assert model.parameter_names[2:] == ["gain:regime[r]", "loss:regime[r]"]


def test_regimes_are_read_from_tables(tree: Tree, tmp_path: Path) -> None:
    expected = {**dict.fromkeys(NODES, "background"), "A": "1", "ab": "1", "node8": "2"}
    path = tmp_path / "regimes.csv"
    path.write_text("branch,regime\nA,1\nab,1\nnode8,2\n")
    frame = pd.DataFrame({"regime": ["1", "1", "2"]}, index=["A", "ab", "node8"])
    for source in (path, str(path), frame):
        assert regimes_by_node(tree, source) == expected


@pytest.mark.parametrize(
    ("regimes", "message"),
    [
        ({"x": "Z"}, "regime 'x' names 'Z', which is no tip and no node of the tree"),
        ({"x": []}, "regime 'x' names no branch; give a node's label or its tips"),
        ({"x": ["A", "D"]}, "regime 'x' holds every branch of the tree, so there is nothing to compare it with"),
        ({}, "regime 'background' holds every branch of the tree"),
        ({"x": "ab", "y": ["A", "B"]}, "regime 'x' names no branch of its own: other regimes cover all of its clade"),
        ({"x": "c", "y": "C", "z": "c"}, "regime 'x' names no branch of its own"),
        ({"background": "ab"}, "'background' is the regime of all branches that no other regime names"),
        (pd.DataFrame({"regime": ["x"]}, index=["Z"]), "the table of regimes names 'Z', which is no tip"),
        (pd.DataFrame({"group": ["x"]}, index=["A"]), "the table of regimes has no column 'regime'; it has group"),
    ],
)
def test_regimes_that_mean_nothing_are_refused(tree: Tree, regimes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        regime_of_branches(tree, regimes)


TIP_VALUES = {"A": 1.0, "B": 3.0, "C": 5.0, "D": 0.0, "E": 0.0}


def test_a_carried_mean_is_that_of_the_tips_below(tree: Tree) -> None:
    table = read_covariates({"heat": TIP_VALUES}, "branches")
    expected = [1.0, 3.0, 2.0, 5.0, 5.0, 3.0, 0.0, 0.0, 0.0, 9.0 / 5.0]
    assert branch_values(tree, table, "heat", "mean") == pytest.approx(expected, rel=1e-15)
    # A row of an inner node goes before what is carried to it, and carries no further.
    table = read_covariates({"heat": {**TIP_VALUES, "ab": -7.0}}, "branches")
    expected[2] = -7.0
    assert branch_values(tree, table, "heat", "mean") == pytest.approx(expected, rel=1e-15)


def test_a_unanimous_value_is_what_all_tips_below_share(tree: Tree) -> None:
    hosts = {"A": "cow", "B": "cow", "C": "pig", "D": "pig", "E": "pig"}
    table = read_covariates({"host": hosts}, "branches")
    expected = ["cow", "cow", "cow", "pig", "pig", "background", "pig", "pig", "pig", "background"]
    assert branch_values(tree, table, "host", "unanimous") == expected


def test_a_table_of_all_branches_needs_no_carrying(tree: Tree) -> None:
    values = {node: float(place) for place, node in enumerate(NODES[:-1])}
    found = branch_values(tree, read_covariates({"x": values}, "branches"), "x", None)
    assert found == [*values.values(), 5.0]  # the root goes with its first child, abc


@pytest.mark.parametrize(
    ("values", "carry", "message"),
    [
        ({"A": 1.0}, "mean", "has no row for tip 'B' \\(4 of 5 tips lack one\\)"),
        (TIP_VALUES, None, "has no row for 4 internal branches \\('ab', ...\\); carry='mean' or carry='unanimous'"),
        (TIP_VALUES, "median", "unknown carry 'median'; known: mean, unanimous"),
        (dict.fromkeys("ABCDE", "cow"), "mean", "covariate 'x' has the value 'cow', of which carry='mean' has no mean"),
        ({**TIP_VALUES, "Z": 1.0}, "mean", "names 'Z', which is no tip and no node of the tree"),
        ({**TIP_VALUES, "B": float("nan")}, "mean", "has no value of 'x' for 'B' \\(found 'nan'\\)"),
    ],
)
def test_covariates_of_branches_that_lack_values_are_refused(
    tree: Tree, values: dict[str, Any], carry: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        branch_values(tree, read_covariates({"x": values}, "branches"), "x", carry)


SIZE = {"f1": 0.5, "f2": 2.0, "f3": 0.5, "f4": -1.0, "f5": 2.0, "f6": 0.0}
KIND = {"f1": "b", "f2": "a", "f3": "c", "f4": "b", "f5": "c", "f6": "a"}
TABLE = {"size": SIZE, "kind": KIND}
REGIMES = {"hot": "ab", "cold": "node8"}


def log_likelihoods_by_hand(data: GeneContentData, log_gain: np.ndarray, log_loss: np.ndarray) -> np.ndarray:
    """Log-likelihoods at rates of (n_families, n_nodes), by pruning one family at a time, equal root."""
    parent, length = data.tree.parent, data.tree.branch_length
    tips = [data.tree.node_names.index(tip) for tip in data.tree.tip_names]
    result = []
    for cells, gains, losses in zip(data.presence_matrix().T, np.exp(log_gain), np.exp(log_loss), strict=True):
        partial = np.ones((len(parent), 2))
        partial[tips] = np.eye(2)[cells]
        for node in range(len(parent) - 1):
            gain, loss = gains[node], losses[node]
            changed = -np.expm1(-(gain + loss) * length[node]) / (gain + loss)
            P = np.array([[1 - gain * changed, gain * changed], [loss * changed, 1 - loss * changed]])
            partial[parent[node]] *= P @ partial[node]
        result.append(np.log(partial[-1].mean()))
    return np.array(result)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_formula_is_the_design_matrix_written_by_hand(data: GeneContentData, backend: str) -> None:
    model = GeneContentModel(
        data,
        root="equal",
        gain="~ 1 + size",
        loss="~ 1 + kind + regime + size:regime",
        family_covariates=TABLE,
        regimes=REGIMES,
        backend=backend,  # type: ignore[arg-type]
    )
    size = np.array([SIZE[family] for family in FAMILIES])[:, None]
    kind = np.array([KIND[family] for family in FAMILIES])[:, None]
    regime = np.array(["hot", "hot", "hot", *["background"] * 3, "cold", "cold", "cold", "background"])[None, :]
    params = {
        "log_gain": -0.4,
        "log_loss": 0.3,
        "gain:size": 0.25,
        "loss:kind[T.b]": -0.5,
        "loss:kind[T.c]": 0.8,
        "loss:regime[T.cold]": 0.6,
        "loss:regime[T.hot]": -0.9,
        "loss:size:regime[background]": 0.15,
        "loss:size:regime[cold]": -0.35,
        "loss:size:regime[hot]": 0.45,
    }
    assert sorted(model.parameter_names) == sorted(params)
    log_gain = -0.4 + 0.25 * size + 0.0 * (regime == "hot")
    log_loss = 0.3 - 0.5 * (kind == "b") + 0.8 * (kind == "c") + 0.6 * (regime == "cold") - 0.9 * (regime == "hot")
    log_loss = log_loss + size * np.select([regime == "cold", regime == "hot"], [-0.35, 0.45], 0.15)
    expected = log_likelihoods_by_hand(data, log_gain, log_loss)
    np.testing.assert_allclose(model.log_likelihoods(params), expected, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_covariates_of_branches_enter_by_their_values(data: GeneContentData, backend: str) -> None:
    table = pd.DataFrame({"heat": TIP_VALUES, "unused": dict.fromkeys(TIP_VALUES, "text")})
    model = GeneContentModel(
        data,
        root="equal",
        gain="~ heat",
        loss="~ 1 + heat:kind",
        family_covariates=TABLE,
        branch_covariates=table,
        carry="mean",
        backend=backend,  # type: ignore[arg-type]
    )
    heat = np.array([1.0, 3.0, 2.0, 5.0, 5.0, 3.0, 0.0, 0.0, 0.0, 1.8])[None, :]
    slope = np.array([{"a": 0.1, "b": -0.2, "c": 0.3}[KIND[family]] for family in FAMILIES])[:, None]
    params = {"log_gain": -0.4, "log_loss": 0.3, "gain:heat": -0.3}
    params |= {f"loss:heat:kind[{kind}]": value for kind, value in (("a", 0.1), ("b", -0.2), ("c", 0.3))}
    assert sorted(model.parameter_names) == sorted(params)
    expected = log_likelihoods_by_hand(data, np.tile(-0.4 - 0.3 * heat, (6, 1)), 0.3 + slope * heat)
    np.testing.assert_allclose(model.log_likelihoods(params), expected, rtol=1e-12)


def test_transforms_and_products_are_those_of_the_formula(data: GeneContentData) -> None:
    model = GeneContentModel(data, loss="~ 1 + np.exp(size) + {size**2}", family_covariates=TABLE)
    found = [column.table[column.family_code, 0] for column in model._columns]
    size = np.array([SIZE[family] for family in FAMILIES])
    np.testing.assert_allclose(found, [np.exp(size), size**2], rtol=1e-15)


def test_families_with_equal_covariates_are_computed_together(data: GeneContentData) -> None:
    model = GeneContentModel(data, loss="~ 1 + size", family_covariates=TABLE, backend="numpy")
    native: Any = model._native
    assert sorted(len(group.families) for group in native._groups) == [1, 1, 2, 2]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "~ 1 + size", "family_covariates": {"size": {"f1": 1.0}}}, "has no row for family 'f2', 'f3', 'f4'"),
        ({"loss": "~ 1", "family_covariates": TABLE}, "family_covariates is given but no formula uses it"),
        ({"loss": "~ 1 + size + weight", "family_covariates": TABLE}, "names 'weight'; known: size, kind"),
        ({"loss": "~ 0 + size", "family_covariates": TABLE}, "has no intercept, which is the rate model's log_loss"),
        ({"loss": "y ~ size", "family_covariates": TABLE}, "has a left side; write it as '~ 1 \\+ ...'"),
        ({"loss": "~ size +", "family_covariates": TABLE}, "the formula '~ size \\+' for loss cannot be read"),
        ({"loss": "~ nosuch(size)", "family_covariates": TABLE}, "for loss names 'nosuch'; known: size, kind"),
        ({"loss": "~ size"}, "names 'size'; known: none"),
        ({"family_covariates": TABLE}, "family_covariates is given but no formula uses it"),
        ({"gain": "~ size", "family_covariates": TABLE, "regimes": REGIMES}, "no formula names 'regime'"),
        (
            {"gain": "~ size + regime", "family_covariates": {**TABLE, "regime": SIZE}, "regimes": REGIMES},
            "has a column 'regime' although regimes are given",
        ),
        (
            {"gain": "~ size", "family_covariates": TABLE, "branch_covariates": {"size": TIP_VALUES}, "carry": "mean"},
            "'size' is a covariate of families and of branches; rename one",
        ),
        (
            {"loss": "~ size + double", "family_covariates": {**TABLE, "double": {f: 2 * SIZE[f] for f in SIZE}}},
            "covariate 'loss:(size|double)' is collinear with 'loss:(double|size)' \\(and the intercept\\); leave one",
        ),
        (
            {"loss": "~ flat", "family_covariates": {"flat": dict.fromkeys(FAMILIES, 1.5)}},
            "covariate 'loss:flat' has no effect to estimate: it is the same for all families and branches",
        ),
        (
            {"loss": "~ size", "family_covariates": {"size": {**SIZE, "f3": None}}},
            "has no value of 'size' for 'f3' \\(found 'None'\\)",
        ),
    ],
)
def test_covariates_that_cannot_be_used_are_refused(
    data: GeneContentData, options: dict[str, Any], message: str, backend: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        GeneContentModel(data, backend=backend, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_covariate_that_is_not_finite_is_refused(data: GeneContentData, backend: str) -> None:
    # log(0) is minus infinity.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(ValueError, match=r"'loss:np.log\(size \+ 1\)' has the value -inf; allowed are finite"):
            GeneContentModel(data, loss="~ np.log(size + 1)", family_covariates=TABLE, backend=backend)  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_regime_beside_a_penalised_multiplier_of_its_branch_is_no_collinearity(
    data: GeneContentData, backend: str
) -> None:
    model = GeneContentModel(data, regimes={"x": "D"}, branch_multipliers=BranchMultipliers(), backend=backend)  # type: ignore[arg-type]
    assert "rate:branch[D]" in model.parameter_names


def test_tables_are_read_from_files_as_from_frames(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv.gz"
    rows = ["family\tsize\tkind\tcode", "", "f1\t1.5\tx\t1_0", "f2\tNA\ty\t2_0"]
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + "\r\n".join(rows).encode()))
    table = read_covariates(path, "families")
    assert table.names == ["f1", "f2"]
    assert table.column("kind") == ["x", "y"]
    assert table.column("code") == ["1_0", "2_0"]  # no numbers
    assert table.of(["f1"], "family", ["size"]) == {"size": [1.5]}  # what is not asked for may be missing
    with pytest.raises(ValueError, match="has no value of 'size' for 'f2' \\(found 'NA'\\)"):
        table.column("size")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("family\nf1\n", "has no column beside the names of its rows"),
        ("family\tx\nf1\t1\n\nf2\n", "line 4: 1 cells; the header has 2"),
        ("family\tx\nf1\t1\nf1\t2\n", "names 'f1' twice"),
    ],
)
def test_broken_tables_are_refused_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_covariates(path, "families")


def test_formulas_name_the_extra_they_need(data: GeneContentData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "formulaic", None)
    with pytest.raises(ImportError, match=r"persiste-rust\[formula\]"):
        GeneContentModel(data, loss="~ 1 + size", family_covariates=TABLE)


def test_a_column_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text("family\tsize\tsize\ng1\t1\t2\n")
    with pytest.raises(ValueError, match=r"the table of families '.*table\.tsv' has two columns 'size'"):
        read_covariates(path, "families")


@pytest.mark.parametrize(
    ("cells", "is_told"), [("1 2 x", True), ("1 x y", False), ("1 NA x", False), ("1 2 NA", False)]
)
def test_a_slip_among_numbers_is_told(tmp_path: Path, cells: str, is_told: bool) -> None:
    path = tmp_path / "table.tsv"
    path.write_text("family\tsize\n" + "".join(f"g{row}\t{cell}\n" for row, cell in enumerate(cells.split())))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        table = read_covariates(path, "families")
    words = "column 'size' is read as categories: most cells are numbers, but not 'x' for 'g2'"
    assert [str(one.message).partition(": ")[2] for one in seen] == [words] * is_told
    assert isinstance(table.columns["size"][0], float) == ("x" not in cells)
