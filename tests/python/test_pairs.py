"""Lists of presences and sparse matrices: the same data as the table they stand for, refused where they are wrong."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persiste_rust import GeneContentData, GeneContentModel

TREE = "((A:1,B:0.5):1,(C:1,D:2):0.5);"
CELLS = np.array([[1, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 1, 0]])
LIST = "family\tgenome\nf1\tA\nf2\tC\nf1\tC\nf3\tA\nf3\tB\nf3\tD\n"
PARAMS = {"log_gain": -1.0, "log_loss": 0.2}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "t.nwk"
    path.write_text(TREE)
    return path


def read(tree: Path, text: str, **options: Any) -> GeneContentData:
    path = tree.parent / "list.tsv"
    path.write_text(text)
    return GeneContentData.read(tree, path, **options)


@pytest.mark.parametrize(
    "text",
    [
        LIST,
        LIST.replace("\t", ",").replace("\n", "\r\n"),
        LIST.replace("family\tgenome\n", ""),
        "copies\n".join(LIST.replace("\n", "\t2\n").split("2\n", 1)),
        "Genome\tGene\n" + "".join("\t".join(line.split()[::-1]) + "\n" for line in LIST.splitlines()[1:]),
    ],
)
def test_a_list_is_the_table_of_its_presences(tree: Path, text: str) -> None:
    data = read(tree, text)
    assert data.family_names == ["f1", "f2", "f3"]
    np.testing.assert_array_equal(data.presence_matrix(), CELLS[:, :3])
    assert "pairs" in data.notes[0]


def test_a_third_column_holds_missing_cells_and_names_what_is_nowhere(tree: Path) -> None:
    data = read(tree, "family\tgenome\tn\nf\tA\t1\nf\tB\t?\nnone\tC\t0\nf\tD\t3\n")
    np.testing.assert_array_equal(data.presence_matrix(), [[1, 0], [-1, 0], [0, 0], [1, 0]])


def test_compressed_lists_are_read(tree: Path) -> None:
    path = tree.parent / "list.tsv.gz"
    path.write_bytes(gzip.compress(LIST.encode()))
    assert GeneContentData.read(tree, path).presences().tolist() == [2, 1, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LIST + "f1\tA\n", "line 8: family 'f1' is listed more than once in genome 'A': line 2 and line 8"),
        (LIST + "f1\n", "line 8: 1 fields; expected"),
        (LIST + "\tA\n", "line 8: the family has no name"),
        (LIST + "f1\t \n", "line 8: the genome has no name"),
        ("id\tname\nf1\tA\n", "line 1: the first line, 'id', 'name', is no header"),
        ("family\tgenome\tn\nf1\tA\tyes\n", r"line 2: family 'f1', genome 'A' \(column 3\).*'yes'"),
        (LIST.replace("f3\tB\n", ""), r"1 of 4 tips have no .* \('?B'?\)|'B'"),
        (LIST + "f9\tX\n", "'X'"),
    ],
)
def test_broken_lists_are_refused(tree: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tree, text)


def test_tips_that_no_line_names_carry_nothing_if_that_is_said(tree: Path) -> None:
    text = LIST.replace("f3\tB\n", "")
    data = read(tree, text, absent_genomes=True)
    assert data.presence_matrix()[1].tolist() == [0, 0, 0]
    assert any("1 of 4 ('B')" in note for note in data.notes)
    pruned = read(tree, text, prune_tree=True)
    assert pruned.n_tips == 3
    with pytest.raises(ValueError, match="'A'"):
        read(tree, "family\tgenome\nf\tX\n", absent_genomes=True, drop_extra_genomes=True)
    with pytest.raises(ValueError, match="goes with a list of presences"):
        read(tree, "id\tA\tB\tC\nf\t1\t0\t1\n", absent_genomes=True)


def test_the_command_line_reads_lists(tree: Path) -> None:
    path = tree.parent / "list.tsv"
    path.write_text(LIST.replace("f3\tB\n", "") + "f4\tA\n")
    command = [sys.executable, "-m", "persiste_rust", "fit", str(tree), str(path), "--json"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "'B'" in refused.stderr
    taken = subprocess.run([*command, "--absent-genomes"], capture_output=True, text=True, check=False)
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)["n_families"] == 4


def test_presences_by_number_are_the_matrix() -> None:
    tips, families = np.nonzero(CELLS == 1)
    data = GeneContentData.from_presences(TREE, families, tips, family_names=["a", "b", "c", "d"])
    np.testing.assert_array_equal(data.presence_matrix(), CELLS)
    whole = GeneContentData(TREE, CELLS, family_names=["a", "b", "c", "d"])
    found = [GeneContentModel(which).log_likelihoods(PARAMS) for which in (data, whole)]
    # Patterns may be numbered in another order, but sums within one are the same.
    np.testing.assert_allclose(found[0], found[1], rtol=1e-14)
    states = GeneContentData.from_presences(TREE, [0, 0, 1], [0, 1, 3], [1, -1, 0], taxon_names=list("DCBA"))
    np.testing.assert_array_equal(states.presence_matrix(), [[0, 0], [0, 0], [-1, 0], [1, 0]])
    some = GeneContentData.from_presences(TREE, [0], [0], taxon_names=["C"], absent_genomes=True)
    assert some.presence_matrix().ravel().tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (([0, 4], [0, 0]), "entry 2: family number 4; allowed are 0 to 1"),
        (([0, 1], [0, -1]), "entry 2: genome number -1; allowed are 0 to 3"),
        (([0, 1, 0], [2, 0, 2]), "genome 'C': entry 1 and entry 3"),
        (([0], [0, 1]), "genome_index has shape"),
        (([0], [0], [2]), "presence_matrix is 2 in entry 0.*matrix > 0"),
        (([0], [0], [1, 1]), "states has shape"),
    ],
)
def test_wrong_numbers_are_refused(entries: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneContentData.from_presences(TREE, *entries, family_names=["a", "b"])


def test_sparse_matrices_are_read_as_they_are() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    cells = CELLS.copy()
    cells[3, 3] = -1
    for build in (sparse.csc_matrix, sparse.csr_matrix, sparse.coo_matrix, sparse.csr_array, sparse.lil_matrix):
        for dtype in (np.int8, np.float64):
            data = GeneContentData(TREE, build(cells.astype(dtype)))
            np.testing.assert_array_equal(data.presence_matrix(), cells)
            assert data.family_names[0] == "family_1"
    turned = GeneContentData(TREE, sparse.csr_matrix(CELLS[::-1]), list("DCBA"))
    np.testing.assert_array_equal(turned.presence_matrix(), CELLS)
    with pytest.raises(ValueError, match="has 3 rows; expected 4"):
        GeneContentData(TREE, sparse.csr_matrix(CELLS[:3]))
    with pytest.raises(ValueError, match=r"is 7 in row 0, column 2; .*matrix > 0"):
        GeneContentData(TREE, sparse.csc_matrix(CELLS * np.array([1, 1, 7, 1])))
