"""The NumPy backend's readers and its interface."""

from __future__ import annotations

import gzip
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_data import shared, shared_manifest

from persiste_rust import _fallback
from persiste_rust._fallback import Data, Model, Tree

# What the manifest leaves to each program, as decided here: the reason of a refusal, or None for reading.
NEWICK_POLICY = {
    "05_underscore.nwk": None,
    "15_missing_bl_all.nwk": "missing_length",
    "17_negative.nwk": "min_length",
    "27_no_semicolon.nwk": None,
    "33_single_tip_paren.nwk": None,
    "45_rich_newick.nwk": "a second ':'",
    "49_label_after_space.nwk": "must be quoted",
    "59_nexus_upper_noend.nex": "native module",
}
MATRIX_POLICY = {
    "m05_extra_taxon.Rtab": "drop_extra_genomes",
    "m09_all_zero.Rtab": None,
    "m11_missing_value.Rtab": "column 'D' is ''",
    "m15_float_int.Rtab": None,
    "m25_space_sep.Rtab": "neither a tab nor a comma",
    "m29_huge_count.tsv": "CAFE",
    "m46_completeness.tsv": "no column is named like a tip",
    "m47_gz_named_plain.Rtab.gz": None,
}
# Legal tables that only the native module reads.
MATRIX_NOT_READ = {"m31_cafe.tsv", "m42_orthofinder_genecount.tsv", "m44_phyletic_fasta.fa"}
TREE = "((A:1,B:1)x:1,(C:1,D:1):1);"


# Histories, checks and handlers for compiled code have no twin.
NATIVE_ONLY = {
    "branch_quantity",
    "branch_sums",
    "events",
    "format_cells",
    "joint_states",
    "stochastic_maps",
    "xla_handlers",
}
NATIVE_ONLY |= {"all_families", "check", "expected_spectrum", "genome_residuals"}


def test_interface_is_that_of_the_stub() -> None:
    stub = (Path(_fallback.__file__).parent / "_core.pyi").read_text()
    for line in stub.replace(",\n        ", ", ").replace("(\n        ", "(").splitlines():
        name = line[4 : line.index("(")] if line.startswith("def ") else ""
        if name and not name.startswith("dirichlet_") and name not in NATIVE_ONLY:
            assert callable(getattr(_fallback, name))
    assert not any(hasattr(_fallback, name) for name in NATIVE_ONLY)
    wanted = {
        Tree: {"from_newick", "to_newick", "tip_names", "node_names", "n_tips", "n_nodes", "parent", "branch_length"},
        Data: {"read", "from_matrix", "tree", "n_tips", "n_families", "n_patterns", "n_missing", "n_all_absent"},
        Model: {
            *("parameter_names", "penalised", "rates_in_words", "penalty", "log_likelihood", "log_likelihoods"),
            *("value_and_gradient", "category_posteriors", "family_rates", "fit", "log_likelihoods_batch"),
        },
    }
    for kind, names in wanted.items():
        assert names <= set(dir(kind))
    assert list(inspect.signature(Model).parameters) == ["data", "settings", "threads"]


@pytest.mark.parametrize(("name", "entry"), shared_manifest("data", "torture", "newick"))
def test_torture_trees_are_read_or_refused_as_the_manifest_says(name: str, entry: dict[str, Any]) -> None:
    path = shared("data", "torture", "newick", name)
    refusal = NEWICK_POLICY[name] if entry["expect"] == "policy" else None
    if entry["expect"] == "error" or refusal is not None:
        with pytest.raises(ValueError, match=refusal) as raised:
            Tree.from_newick(path)
        assert str(path) in str(raised.value)
        return
    tree = Tree.from_newick(path)
    assert tree.n_tips == entry["tips"]
    if "tip_names" in entry:
        assert tree.tip_names == entry["tip_names"]
    if "sum_bl" in entry:
        assert tree.branch_length.sum() == pytest.approx(entry["sum_bl"], rel=1e-15)
    again = Tree.from_newick(tree.to_newick())
    assert again.node_names == tree.node_names
    np.testing.assert_array_equal(again.parent, tree.parent)
    np.testing.assert_array_equal(again.branch_length, tree.branch_length)


@pytest.mark.parametrize(("name", "entry"), shared_manifest("data", "torture", "matrix"))
def test_torture_tables_are_read_or_refused_as_the_manifest_says(name: str, entry: dict[str, Any]) -> None:
    tree = Tree.from_newick(shared("data", "torture", "matrix", "tree.nwk"))
    path = shared("data", "torture", "matrix", name)
    refusal = MATRIX_POLICY[name] if entry["expect"] == "policy" else None
    if name in MATRIX_NOT_READ:
        refusal = "reads rtab, tsv, csv, pairs, roary"
    if entry["expect"] == "error" or refusal is not None:
        with pytest.raises(ValueError, match=refusal):
            Data.read(tree, path)
        return
    data = Data.read(tree, path)
    if "families" in entry:
        assert data.n_families == entry["families"]


def test_column_order_does_not_matter() -> None:
    tree = Tree.from_newick(shared("data", "torture", "matrix", "tree.nwk"))
    tables = [shared("data", "torture", "matrix", name) for name in ("m04_reordered_taxa.Rtab", "m04b_sorted.Rtab")]
    found = [Data.read(tree, path).presence_matrix() for path in tables]
    np.testing.assert_array_equal(found[0], found[1])


def test_roary_cells_are_present_where_they_hold_a_gene() -> None:
    tree = Tree.from_newick(shared("data", "torture", "matrix", "tree.nwk"))
    data = Data.read(tree, shared("data", "torture", "matrix", "m40_roary.csv"))
    assert data.family_names == ["g1", "g,2"]
    assert data.presence_matrix().T.tolist() == [[1, 0, 1, 0], [1, 1, 1, 1]]
    assert data.presences().tolist() == [2, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("((A:1,B:1):1,C:1;", "line 1, column 1: this '\\(' is not closed"),
        ("(A:1,\nB:x);", "line 2, column 3: the branch length 'x'"),
        ("(A:1,B:1));", "column 10: '\\)' outside"),
        ("(A:1,B:1);(C:1);", "text after the end"),
        ("(A:1,,B:1);", "column 6: a tip without a name"),
        ("(A:1,B:1e999);", "not a finite decimal number"),
        ("(A:1,B:1_0);", "'1_0' is not a finite"),
        ("(A:1,A:2);", "column 6: tip name 'A' occurs more than once"),
        ("('A:1,B:1);", "the quoted label that begins here does not end"),
        ("(A:1,B:1]);", "']' without"),
        ("(A(B:1):1,C:1);", "'\\(' after a node"),
        ("(A:1,B:-1,C:-2);", "negative length -1 \\(2 of 3 branches do so\\); min_length"),
        ("(A,B:1);", "the branch above 'A' has no length"),
        ("", "empty"),
        (";", "a tip without a name"),
        ("(A:1,B:1)0.9:1.00:0.02;", "column 18: a second ':' at one node"),
        ("(A:1,[x[y]B:1);", "column 6: the comment that begins here does not end"),
    ],
)
def test_bad_newick_is_refused_with_its_position(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tree.from_newick(text)


def test_lengths_are_repaired_only_on_request_and_counted() -> None:
    tree = Tree.from_newick("((A,B:-1):0.5,C:2);", missing_length=1.5, min_length=0.25)
    assert tree.branch_length.tolist() == [1.5, 0.25, 0.5, 2.0, 0.0]
    assert tree.notes == [
        "1 of 4 branches had no length; each was given 1.5",
        "1 branch lengths below 0.25 were raised to it",
    ]
    with pytest.raises(ValueError, match="min_length is -1"):
        Tree.from_newick("(A:1,B:1);", min_length=-1.0)


def test_an_option_says_which_of_several_fields_is_the_length() -> None:
    for field, length in (("first", 1.0), ("last", 0.02)):
        tree = Tree.from_newick("((A:1,B:1)0.9:1.00:0.02,C:1);", length_field=field)
        assert tree.branch_length.tolist() == [1.0, 1.0, length, 1.0, 0.0]
        assert tree.notes == [f"1 nodes have several ':' fields, of which the {field} was taken as length"]
    with pytest.raises(ValueError, match="allowed are first and last"):
        Tree.from_newick("(A:1,B:1);", length_field="second")


def test_paths_and_texts_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "tree.nwk.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + TREE.encode()))
    for given in (path, str(path), TREE, f"  [a tree] {TREE}\n"):
        assert Tree.from_newick(given).tip_names == ["A", "B", "C", "D"]
    with pytest.raises(FileNotFoundError):
        Tree.from_newick("no_such_file.nwk")


def test_trees_of_a_hundred_thousand_levels_are_read_and_written() -> None:
    depth = 100_000
    text = "(" * depth + "A:1" + "".join(f",B{i}:1):1" for i in range(depth - 1)) + ",C:1);"
    tree = Tree.from_newick(text)
    assert tree.n_tips == depth + 1
    assert tree.to_newick() == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('("A ""b""":1,[x[y]z]B:2);', "('A \"b\"':1,B:2);"),
        ("\n# made up\n(A:1,B:2);", "(A:1,B:2);"),
        ("A;", "A;"),
        ("(A:1e-9,'b c':-0)'it''s':2.50", "(A:1e-09,'b c':0)'it''s':2.5;"),
        ("((A:1):1)r;", "((A:1):1)r;"),
    ],
)
def test_unusual_trees_are_written_as_they_were_read(text: str, written: str) -> None:
    assert Tree.from_newick(text).to_newick() == written


def test_annotations_follow_the_labels() -> None:
    tree = Tree.from_newick(TREE)
    assert tree.to_newick(["", "", "&p=1", "", "", "", ""]) == "((A:1,B:1)x[&p=1]:1,(C:1,D:1):1);"
    with pytest.raises(ValueError, match="3 entries"):
        tree.to_newick(["", "", ""])
    with pytest.raises(ValueError, match="holds ']'"):
        tree.to_newick(["]"] * 7)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_annotation_columns_are_passed_over_and_counts_made_binary(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tsv", "# made up\nid\tclass\tA\tB\tC\tD\nf1\tx\t3\t0\tnan\t1\nf2\ty\t0\t0\t0\tNA\n")
    data = Data.read(Tree.from_newick(TREE), path)
    assert data.presence_matrix().tolist() == [[1, 0], [0, 0], [-1, 0], [1, -1]]
    assert (data.n_missing, data.n_all_absent, data.n_patterns) == (2, 1, 2)
    notes = " ".join(data.notes)
    assert "'class'" in notes
    assert "1 counts above 1 were made 1" in notes


def test_separator_at_the_end_of_the_header_is_no_column(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tsv", "id\tA\tB\tC\tD\t\nf1\t1\t0\t0\t1\t\nf2\t1\t0\t1\t1\n")
    assert Data.read(Tree.from_newick(TREE), path).presence_matrix().T.tolist() == [[1, 0, 0, 1], [1, 0, 1, 1]]


def test_column_of_counts_before_the_first_tip_is_an_unknown_genome(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tsv", "id\tE\tA\tB\tC\tD\nf1\t1\t3\t0\t0\t1\n")
    with pytest.raises(ValueError, match="1 of 5 genomes have no tip in the tree \\('E'\\)"):
        Data.read(Tree.from_newick(TREE), path)


def test_genomes_in_rows_is_the_same_table_turned(tmp_path: Path) -> None:
    tree = Tree.from_newick(TREE)
    turned = write(tmp_path / "t.csv", "genome,f1,f2\nD,1,0\nA,1,1\nB,0,1\nC,?,1\n")
    upright = write(tmp_path / "u.csv", "family,A,B,C,D\nf1,1,0,?,1\nf2,1,1,1,0\n")
    found = [Data.read(tree, turned, genomes_in_rows=True), Data.read(tree, upright)]
    np.testing.assert_array_equal(found[0].presence_matrix(), found[1].presence_matrix())
    assert found[0].family_names == found[1].family_names == ["f1", "f2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Gene\tA\tB\tC\tD\ng1\t1\t0\t-1\t1\n", "line 2: family 'g1', column 'C' is '-1'"),
        ("Gene\tA\tB\tC\tD\ng1\t1\t0\t0.5\t1\n", "is '0.5'"),
        ("Gene\tA\tB\tC\tD\ng1\t1\t\t0\t1\n", "column 'B' is ''"),
        ("Gene\tA\tB\tC\tD\n\ng1\t1\t0\t1\n", "line 3: 4 fields, and the header has 5"),
        ("Gene\tA\tB\tC\tD\ng1\t1\t0\t1\t1\ng1\t1\t0\t1\t1\n", "line 3: family 'g1' occurs more than once"),
        ("Gene\tA\tB\tB\tD\ng1\t1\t0\t1\t1\n", "line 1: genome 'B' occurs more than once"),
        ("Gene\tA\tB\tC\tD\n", "no rows"),
        ("A\tB\tC\tD\n1\t1\t1\t1\n", "the first column is the genome 'A'"),
        ("Gene\tA\tB\tC\ng1\t1\t0\t1\n", "1 of 4 tips have no genome in the table \\('D'\\); prune_tree"),
        ('Gene,A,B,C,D\ng1,1,0,1,"1\n', "quotes do not fit"),
    ],
)
def test_bad_tables_are_refused_with_their_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Data.read(Tree.from_newick(TREE), write(tmp_path / "t.Rtab", text))


def test_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown table format 'excel'; known: rtab, tsv, csv, pairs, roary"):
        Data.read(Tree.from_newick(TREE), "t.xlsx", format="excel")
    assert [known["name"] for known in _fallback.table_formats()] == ["rtab", "tsv", "csv", "pairs", "roary"]
