"""`persiste cluster`: what it prints, what it writes, and one sentence for everything that can be wrong."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from dirichlet_cases import simulate
from test_cli import persiste

import persiste_rust
from persiste_rust import cli
from persiste_rust._count_tables import read_counts
from persiste_rust.dirichlet import DirichletMixture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """Counts with one line a feature, and the clusters of the columns."""
    X, labels = simulate(2, 60, 12, 2)
    path = tmp_path_factory.mktemp("cluster") / "counts.tsv"
    lines = ["feature\t" + "\t".join(f"g{place}" for place in range(60))]
    lines += [f"f{place}\t" + "\t".join(map(str, row)) for place, row in enumerate(X.T.tolist())]
    path.write_text("\n".join(lines) + "\n")
    return path, X, labels


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Runs the command line in this process; returns status, output and messages."""
    status = cli.main(["cluster", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.mark.native
def test_clusters_are_found_reported_and_written(table: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    path, X, labels = table
    out = tmp_path / "not" / "there"
    result = persiste("cluster", path, "--max-k", 3, "-o", out, "--json", "--threads", 2)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout, parse_constant=pytest.fail)
    assert report == json.loads((out / "cluster.json").read_text())
    assert (report["n_genomes"], report["n_features"], report["n_components"]) == (60, 12, 2)
    assert [row["n_components"] for row in report["compared"]] == [1, 2, 3]
    found = np.array([report["clusters"][f"g{place}"] for place in range(60)])
    assert max(np.mean(found == labels), np.mean(found != labels)) == 1.0
    assert "components 2" in result.stderr
    assert "(chosen)" in result.stderr
    assert sorted(file.name for file in out.iterdir()) == ["cluster.json", "clusters.tsv", "profiles.tsv"]
    rows = [line.split("\t") for line in (out / "clusters.tsv").read_text().splitlines()]
    assert rows[0] == ["name", "cluster", "probability_0", "probability_1"]
    assert [int(row[1]) for row in rows[1:]] == found.tolist()
    profiles = np.genfromtxt(out / "profiles.tsv", skip_header=1)[:, 1:]
    np.testing.assert_allclose(profiles[:, [0, 4]].sum(axis=0), 1.0)
    model = DirichletMixture(2, init="sorted-kmeans++", n_init=10).fit(X)
    np.testing.assert_allclose(profiles[:, [1, 5]], model.result.parameter_estimates["Estimate"], rtol=1e-12)


@pytest.mark.native
def test_presence_tables_are_read_and_said_to_be_presences(
    example_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, example_table, "-k", 2, "--restarts", 2)
    assert status == 0, err
    assert "40 genomes by 3051 families" in out
    assert "the counts are 0 and 1, presences" in out
    assert "(chosen)" not in out


@pytest.mark.native
def test_roary_tables_and_families_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = (
        "Gene,Non-unique Gene name,Annotation,No. isolates,No. sequences,Avg sequences per isolate,Genome Fragment,"
        "Order within Fragment,Accessory Fragment,Accessory Order with Fragment,QC,Min group size nuc,"
        "Max group size nuc,Avg group size nuc"
    )
    header = [*known.split(","), "A", "B", "C"]
    rows = [["f1", *[""] * 13, "a1", "b1", ""], ["f2", *[""] * 13, "a2", "", "c2"]]
    path = tmp_path / "gene_presence_absence.csv"
    path.write_text("\n".join(",".join(f'"{cell}"' for cell in row) for row in [header, *rows]) + "\n")
    _, genomes, err = run(capsys, path, "-k", 1)
    assert "3 genomes by 2 families" in genomes, err
    _, families, err = run(capsys, path, "-k", 1, "--of", "families")
    assert "2 families by 3 genomes" in families, err


@pytest.mark.native
def test_what_has_no_count_is_refused_or_left_out_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("f,A,B,C\nx,3,0,1\ny,1,0,7\n")
    status, out, err = run(capsys, path, "-k", 1)
    assert (status, out) == (2, "")
    assert "1 of 3 genomes have no count at all ('B')" in err
    _, out, _ = run(capsys, path, "-k", 1, "--drop-empty")
    assert "1 genomes without any count were left out ('B')" in out


@pytest.mark.native
@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("f\tA\tB\nx\t1\t-2\n", [], "line 2, column 3 ('B'): count is '-2'; allowed are whole numbers from 0"),
        ("f\tA\tB\n#c\n\nx\t1\tNA\n", [], "line 4, column 3 ('B'): count is 'NA'"),
        ("f\tA\tB\nx\t1\t2.5\n", [], "count is '2.5'"),
        ("f\tA\tB\nx\t1\n", [], "line 2: 2 cells; the header (line 1) has 3"),
        ("f\tA\tA\nx\t1\t2\n", [], "line 1: the column name 'A' occurs more than once"),
        ("f\tA\tB\nx\t1\t2\nx\t1\t2\n", [], "lines 2 to 3: the row name 'x' occurs more than once"),
        ("f\tA\t\nx\t1\t2\n", [], "column 2 has no name"),
        ("f\tA\tB\n", [], "has a header (line 1) but no line of data below it"),
        ("\n", [], "is empty"),
        ("f A B\n", [], "neither a tab nor a comma"),
        ("f\tA\tB\nx\t1\t2\n", ["-k", "3"], "n_components is 3; allowed are 1 to 2"),
        ("f\tA\tB\nx\t1\t2\n", ["-k", "0"], "argument -k: 0 is not allowed"),
        ("f\tA\tB\nx\t1\t2\n", ["--max-k", "0"], "argument --max-k: 0 is not allowed"),
        ("f\tA\tB\nx\t1\t2\n", ["--of", "trees"], "--of is 'trees'; allowed are genomes, families"),
        ("f\tA\tB\nx\t1\t2\n", ["--criterion", "DIC"], "unknown criterion 'DIC'"),
        ("f\tA\tB\nx\t1\t2\n", ["--init", "best"], "unknown start 'best'"),
        ("f\tA\tB\nx\t1\t2\n", ["--format", "nope"], "unknown table format 'nope'"),
        ("Gene\tA\tB\nx\t1\t?\n", ["--format", "rtab"], "1 cells are missing, the first in genome 'B', family 'x'"),
    ],
)
def test_bad_tables_and_options_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, arguments: list[str], message: str
) -> None:
    path = tmp_path / "t.Rtab"
    path.write_text(text)
    status, out, err = run(capsys, path, *arguments)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err


def test_the_reader_takes_commas_gzip_windows_and_orthofinders_total(tmp_path: Path) -> None:
    path = tmp_path / "Orthogroups.GeneCount.tsv"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfOrthogroup\tA\tB\tTotal\r\nOG1\t2\t3.0\t5\r\nOG2\t0\t1\t1\r\n"))
    found = read_counts(path)
    assert found.counts.tolist() == [[2, 3], [0, 1]]
    assert (found.row_names, found.column_names) == (["OG1", "OG2"], ["A", "B"])
    assert found.notes == ["the last column, 'Total', was left out"]


def test_the_numpy_backend_says_what_a_mixture_needs() -> None:
    if persiste_rust.BACKEND == "rust":
        pytest.skip("this is the compiled engine")
    with pytest.raises(ImportError, match="DirichletMixture needs the compiled engine"):
        DirichletMixture().fit(np.eye(3, dtype=int))


@pytest.mark.native
def test_the_examples_of_the_documentation_print_what_they_say() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "dirichlet.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        promised = re.findall(r"^print\(.*\)  # (.+)$", block, re.MULTILINE)
        assert promised
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, "dirichlet.md", "exec"), {})
        assert printed.getvalue().splitlines() == promised
