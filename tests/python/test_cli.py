"""The command line: what it prints, what it writes, and one sentence for everything that can be wrong."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import persiste_rust
from persiste_rust import GeneContentData, GeneContentModel, Tree, _outputs, _report
from persiste_rust._terminal import ProgressLine

Result = subprocess.CompletedProcess[str]
TREE = "((A:1,B:0.5):1,(C:1,D:2):0.5);\n"
TABLE = "Gene\tA\tB\tC\tD\ng1\t1\t0\t1\t0\ng2\t1\t1\t1\t1\ng3\t0\t0\t0\t1\n"


def persiste(*arguments: object, **variables: str) -> Result:
    command = [sys.executable, "-m", "persiste_rust", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables})


def refused(result: Result) -> str:
    """Checks that a run was refused with one line and returns that line."""
    lines = [line for line in result.stderr.splitlines() if "was not built on this machine; using" not in line]
    assert result.returncode == 2, result.stderr
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("persiste: ")
    assert result.stdout == ""
    return lines[0]


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    tree, table = tmp_path / "small.nwk", tmp_path / "small.Rtab"
    tree.write_text(TREE)
    table.write_text(TABLE)
    return tree, table


@pytest.fixture(scope="module")
def run(example_tree: Path, example_table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict, Path]:
    folder = tmp_path_factory.mktemp("run") / "not" / "there" / "yet"
    result = persiste("fit", example_tree, example_table, "-o", folder, "--json")
    assert result.returncode == 0, result.stderr
    return result, json.loads(result.stdout, parse_constant=pytest.fail), folder


def test_the_true_rates_of_the_example_lie_in_their_intervals(run: tuple[Result, dict, Path]) -> None:
    report = run[1]
    for name, truth in (("gain_rate", 0.05), ("loss_rate", 0.4), ("stationary_frequency", 0.05 / 0.45)):
        low, high = report[name]["interval_95"]
        assert low < truth < high
    assert report["converged"] is True
    assert report["ascertainment"] == "observed"
    assert "at least one genome (observed, chosen because" in report["conditioned_on"]


def test_json_holds_the_run_and_the_report_goes_to_stderr(run: tuple[Result, dict, Path]) -> None:
    result, report, folder = run
    assert json.loads((folder / "fit.json").read_text()) == report
    assert (report["n_tips"], report["n_families"], report["n_parameters"]) == (40, 3051, 2)
    assert report["persiste_rust"] == persiste_rust.__version__
    assert "gain rate" in result.stderr


def test_only_finished_files_are_in_the_folder(run: tuple[Result, dict, Path]) -> None:
    assert sorted(path.name for path in run[2].iterdir()) == ["families.tsv", "fit.json", "tree.nwk"]


def test_families_tsv_adds_up_to_the_log_likelihood(run: tuple[Result, dict, Path]) -> None:
    header, *lines = (run[2] / "families.tsv").read_text().splitlines()
    assert header == "family\tpresences\tlog_likelihood"
    rows = [line.split("\t") for line in lines]
    assert [rows[0][0], rows[-1][0]] == ["group_0001", "group_3051"]
    assert math.fsum(float(row[2]) for row in rows) == pytest.approx(run[1]["log_likelihood"], rel=1e-12)
    assert min(int(row[1]) for row in rows) >= 1


def test_the_tree_written_names_every_node_and_annotates_every_branch(
    run: tuple[Result, dict, Path], example_tree: Path
) -> None:
    text = (run[2] / "tree.nwk").read_text()
    written, read = Tree.from_newick(text), Tree.from_newick(example_tree)
    assert written.tip_names == read.tip_names
    assert written.branch_length.tolist() == read.branch_length.tolist()
    assert len(set(written.node_names)) == written.n_nodes
    found = re.findall(r"genome_01\[&p_gain=([^,]+),p_loss=([^]]+)\]:", text)
    gain, loss = (run[1][name]["value"] for name in ("gain_rate", "loss_rate"))
    length = read.branch_length[0]
    expected = [rate / (gain + loss) * -math.expm1(-(gain + loss) * length) for rate in (gain, loss)]
    assert [float(text) for text in found[0]] == pytest.approx(expected, rel=1e-5)  # six digits are written
    assert text.count("[&p_gain=") == written.n_nodes - 1


def test_names_that_are_taken_are_not_given_again() -> None:
    text = _report.annotated_newick(Tree.from_newick("((A:1,B:1):1,(C:1,D:1)node2:1);"), (0.5, 0.5))
    names = [name for name in Tree.from_newick(text).node_names if name not in "ABCD"]
    assert sorted(names) == ["node2", "node2_", "node6"]
    assert ",D[" in text


def test_the_report_says_what_was_read_assumed_and_found(small: tuple[Path, Path]) -> None:
    result = persiste("fit", *small, "--ascertainment", "none", "--root", "0.3")
    assert result.returncode == 0, result.stderr
    for words in (
        "4 tips, 7 nodes",
        "3 families",
        "matched by exact name",
        "nothing: the table is taken to hold every family",
        "if they were left out, the gain rate is too high",
        "present with probability 0.3",
        "log-likelihood",
        "AIC",
        "converged",
    ):
        assert words in result.stdout


def test_auto_conditions_on_nothing_where_all_absent_families_are_listed(small: tuple[Path, Path]) -> None:
    small[1].write_text(TABLE + "g4\t0\t0\t0\t0\n")
    report = json.loads(persiste("fit", *small, "--json").stdout)
    assert report["ascertainment"] == "none"
    assert "chosen because the table holds 1 family that no genome carries" in report["conditioned_on"]


def test_the_command_line_gives_what_the_library_gives(small: tuple[Path, Path]) -> None:
    report = json.loads(persiste("fit", *small, "--json", "--root", "equal").stdout)
    model = GeneContentModel(GeneContentData.read(*small), root="equal", ascertainment="observed")
    assert report["log_likelihood"] == model.fit().log_likelihood


def test_an_existing_report_is_replaced(small: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "fit.json").write_text("old")
    (out / "mine.txt").write_text("kept")
    assert persiste("fit", *small, "-o", out).returncode == 0
    assert json.loads((out / "fit.json").read_text())["n_families"] == 3
    assert (out / "mine.txt").read_text() == "kept"


def test_files_are_complete_or_absent(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        _outputs.write_files(tmp_path, {"first": "whole", "second": "\udcff"})
    assert list(tmp_path.iterdir()) == []


def test_formats_and_version_and_help_are_told() -> None:
    listed = [line.split()[0] for line in persiste("formats").stdout.splitlines() if line.startswith("  ")]
    assert sorted(listed) == sorted(entry["name"] for entry in persiste_rust.table_formats())
    assert persiste("--version").stdout == f"persiste {persiste_rust.__version__}\n"
    shown = persiste("fit", "--help").stdout
    for name in (*persiste_rust.root_priors(), *persiste_rust.ascertainments()):
        assert name in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{table} {tree}", "'{tree}' looks like a tree and '{table}' does not; the order is: TREE TABLE"),
        ("{tree} {folder}/none.Rtab", "none.Rtab"),
        ("{folder}/none.nwk {table}", "none.nwk"),
        ("{folder} {table}", "{folder}"),
        ("{tree} {folder}", "{folder}"),
        ("{tree} {tree}", "{tree}"),
        ("{table} {table}", "{table}"),
        ("{tree} {table} --root flat", "unknown root prior 'flat'; known: "),
        ("{tree} {table} --root 2", "2"),
        ("{tree} {table} --root nan", "(?i)nan"),
        ("{tree} {table} --ascertainment all", "'all'"),
        ("{tree} {table} --format xls", "'xls'"),
        ("{tree} {table} --backend gpu", "unknown backend 'gpu'; known: auto, rust, numpy, jax"),
        ("{tree} {table} --threads 0", "threads is 0; allowed are 1 or more"),
        ("{tree} {table} --threads two", "'two'"),
        ("{tree} {table} --missing-length -1", "-1"),
        ("{tree} {table} --min-length inf", "inf"),
        ("{tree} {table} -o {tree}", "'{tree}' is a file; -o wants a folder"),
        ("{tree} {table} -o {tree}/below", "{tree}"),
        ("{tree}", "TABLE"),
        ("{tree} {table} --fast", "--fast"),
    ],
)
def test_wrong_arguments_give_one_sentence(
    small: tuple[Path, Path], tmp_path: Path, arguments: str, words: str
) -> None:
    places = {"tree": small[0], "table": small[1], "folder": tmp_path}
    line = refused(persiste("fit", *(part.format(**places) for part in arguments.split())))
    pattern = words if words.startswith("(?i)") else re.escape(words.format(**places))
    assert re.search(pattern, line), line


@pytest.mark.parametrize(
    ("tree", "table", "words"),
    [
        ("((A:1,B:1)", TABLE, "small.nwk"),
        ("", TABLE, "small.nwk"),
        ("((A:1,A:1):1,(C:1,D:1):1);", TABLE, "'A'"),
        ("((A,B),(C,D));", TABLE, "length"),
        ("((A:-1,B:1):1,(C:1,D:1):1);", TABLE, "-1"),
        (TREE, "", "small.Rtab"),
        (TREE, TABLE.replace("D", "E"), "'[DE]'"),
        (TREE, TABLE.replace("\tD", "\tC"), "'C'"),
        (TREE, TABLE.replace("g2\t1", "g2\tx"), "'x'"),
        (TREE, TABLE.replace("g2\t1", "g2\t-3"), "-3"),
        (TREE, TABLE + "g4\t1\n", "4|5"),
    ],
)
def test_wrong_files_give_one_sentence(small: tuple[Path, Path], tree: str, table: str, words: str) -> None:
    small[0].write_text(tree)
    small[1].write_text(table)
    line = refused(persiste("fit", *small))
    assert re.search(words, line), line


def test_a_traceback_is_shown_to_those_who_ask(small: tuple[Path, Path]) -> None:
    assert "Traceback" in persiste("fit", small[1], small[0], PERSISTE_TRACEBACK="1").stderr


def test_repairs_are_asked_for_and_reported(small: tuple[Path, Path]) -> None:
    small[0].write_text("((A,B:-0.5):1,(C:1,(D:2,E:1):1):0.5);")
    small[1].write_text(TABLE.replace("D\n", "D\tF\n").replace("1\n", "1\t1\n").replace("0\n", "0\t1\n"))
    repairs = ("--missing-length", "1", "--min-length", "0.01", "--prune-tree", "--drop-extra-genomes")
    for left_out in ("--missing-length", "--min-length", "--prune-tree", "--drop-extra-genomes"):
        at = repairs.index(left_out)
        width = 2 if left_out.endswith("length") else 1
        refused(persiste("fit", *small, *repairs[:at], *repairs[at + width :]))
    report = json.loads(persiste("fit", *small, *repairs, "--json").stdout)
    assert report["n_tips"] == 4
    assert "'E'" in " ".join(report["notes"])
    assert "'F'" in " ".join(report["notes"])


def test_an_estimate_without_an_interval_is_null_with_a_reason(small: tuple[Path, Path]) -> None:
    small[1].write_text("Gene\tA\tB\tC\tD\ng1\t1\t1\t1\t1\ng2\t1\t1\t1\t1\n")
    result = persiste("fit", *small, "--json", "--ascertainment", "none")
    report = json.loads(result.stdout, parse_constant=pytest.fail)
    assert report["gain_rate"]["interval_95"][1] is None
    assert "gain_rate.interval_95[1]" in report["unavailable"]
    assert re.search("^(at a bound|hardly determined|converged +NO)", result.stderr, re.MULTILINE)


def test_a_reader_that_leaves_early_is_no_error(small: tuple[Path, Path]) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "persiste_rust", "fit", *map(str, small)]
    with os.fdopen(write, "w") as nobody:
        result = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 141
    assert "Traceback" not in result.stderr
    assert "Broken" not in result.stderr


def test_ctrl_c_ends_a_long_run_and_leaves_no_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    n_tips, n_families = 1500, 20000
    tree, table, out = tmp_path / "long.nwk", tmp_path / "long.Rtab", tmp_path / "out"
    names = [f"t{number}" for number in range(n_tips)]
    tree.write_text("(" * (n_tips - 1) + "t0:1" + "".join(f",{name}:1):0.1" for name in names[1:]) + ";")
    cells = np.full((n_families, 2 * n_tips), ord("\t"), dtype=np.uint8)
    cells[:, 1::2] = ord("0") + (rng.random((n_families, n_tips)) < 0.5)
    rows = (f"g{number}".encode() + row.tobytes() for number, row in enumerate(cells))
    table.write_bytes("\t".join(["Gene", *names]).encode() + b"\n" + b"\n".join(rows) + b"\n")
    command = [sys.executable, "-m", "persiste_rust", "fit", str(tree), str(table), "-o", str(out), "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not out.exists():  # made when the work begins
        assert process.poll() is None, process.stderr
        time.sleep(0.01)
    # Well before the end of the work, on any machine: reading alone takes longer.
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "persiste: interrupted"
    assert list(out.iterdir()) == []


class FakeTerminal:
    """Records what is written to a terminal."""

    def __init__(self, is_terminal: bool) -> None:
        self.text, self._is_terminal = "", is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_progress_is_shown_on_a_terminal_after_a_second_and_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("persiste_rust._terminal.time.monotonic", lambda: now)
    for is_terminal in (True, False):
        now, terminal = 0.0, FakeTerminal(is_terminal)
        with ProgressLine(terminal) as progress:  # type: ignore[arg-type]
            progress("reading", 1, 4)
            assert terminal.text == ""
            now = 1.5
            progress("reading", 2, 4)
            assert ("persiste: reading 50 %" in terminal.text) == is_terminal
            progress("fitting", 7, 0)
        assert terminal.text.endswith("fitting 7\r\x1b[2K" if is_terminal else "")
        assert is_terminal or not terminal.text
