"""What a user of the command line can get wrong: one sentence each, exit status 2, nothing written."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from persiste_rust.cli import main

TREE = "((A:1,B:0.5):1,(C:1,D:2):0.5);\n"
TABLE = "Gene\tA\tB\tC\tD\ng1\t1\t0\t1\t0\ng2\t1\t1\t1\t1\ng3\t0\t0\t0\t1\n"
MOST = 2**31 - 1
COMMANDS = ("fit", "compare", "bootstrap", "profile", "bench", "ancestral", "events", "maps", "check", "simulate")
HUGE = str(10**30)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tree.nwk").write_text(TREE)
    (tmp_path / "genes.Rtab").write_text(TABLE)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Done(NamedTuple):
    status: int
    out: str
    err: str


def run(*command: str) -> Done:
    """Runs a command in this process, which takes a hundredth of the time of one of its own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(command)
    return Done(status, out.getvalue(), err.getvalue())


def run_with(variable: str, value: str, *command: str) -> Done:
    """Runs a command in a process of its own, for the environment is looked at when the package is imported."""
    arguments = [sys.executable, "-m", "persiste_rust", *command]
    environment = {**os.environ, variable: value}
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def sentence(done: Done) -> str:
    """Checks that a command was refused in one line, and returns it."""
    lines = [line for line in done.err.splitlines() if "was not built on this machine; using" not in line]
    assert (done.status, len(lines), done.out) == (2, 1, ""), done.err
    return lines[0].removeprefix("persiste: ")


FIT = "fit tree.nwk genes.Rtab"
DRAW = "simulate tree.nwk -n 5 --set log_gain=0 --set log_loss=0"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"{FIT} --thread 2", "unknown argument '--thread'; see persiste fit --help"),
        (f"{FIT} extra", "unknown argument 'extra'; see persiste fit --help"),
        (f"{FIT} --threads two", "argument --threads: 'two' is no whole number; see persiste fit --help"),
        (f"{FIT} --threads {HUGE}", f"threads is {HUGE}; allowed are 1 or more, up to 65535, or none for one a core"),
        (f"{FIT} --min-length x", "argument --min-length: 'x' is no number"),
        (f"{FIT} --starts 0", f"argument --starts: 0 is not allowed; allowed are whole numbers from 1 to {MOST}"),
        (f"{FIT} --starts {HUGE}", f"argument --starts: {HUGE} is not allowed"),
        (
            f"{FIT} --ascertainment all",
            "unknown ascertainment 'all'; known: auto, none, observed, variable, or a window A-B such as 2-10",
        ),
        (f"{FIT} --ascertainment 1-{HUGE}", f"the ascertainment is (1, {HUGE}); its numbers are of genomes"),
        (f"{FIT} --rates gamma:k=4", "'gamma' has no option 'k'; allowed are n_categories=.., kind=.."),
        (f"{FIT} --regime x=A --regime x=B", "--regime gives 'x' twice"),
        (f"{FIT} --regime x=A --regimes x.tsv", "--regime and --regimes are both given"),
        (f"{FIT} --carry mean", "carry is 'mean' but there are no branch_covariates to be carried"),
        (f"{FIT} --completeness estimate", "--completeness is 'estimate'; allowed are a number, 'estimated' or the"),
        (f"{FIT} --contamination folder", "'folder' is a folder; a file is wanted"),
        (f"{FIT} -o=", "the output folder has no name"),
        (f"{FIT} -o tree.nwk/below", "the output folder 'tree.nwk/below' cannot be made: not a directory"),
        (f"{FIT} -o .", "the output 'tree.nwk' is a file that this command reads; choose another place"),
        ("compare tree.nwk genes.Rtab --rates shared --rates per-family", "persiste compare needs rates that families"),
        ("bootstrap tree.nwk genes.Rtab --rates per-family", "persiste bootstrap needs rates that families share"),
        ("profile tree.nwk genes.Rtab --rates per-family", "persiste profile needs rates that families share"),
        ("bench tree.nwk genes.Rtab --rates per-family", "persiste bench needs rates that families share"),
        ("bench tree.nwk genes.Rtab --repeats 0", "argument --repeats: 0 is not allowed"),
        (f"bootstrap tree.nwk genes.Rtab -n {HUGE}", f"argument -n/--replicates: {HUGE} is not allowed"),
        (
            "bootstrap tree.nwk genes.Rtab -n 100000000 --level 95",
            "level is 95.0; allowed are numbers above 0",
        ),
        ("bootstrap tree.nwk genes.Rtab -o=", "the output file of --output has no name"),
        ("bootstrap tree.nwk genes.Rtab -o folder", "the output 'folder' is a folder; a file is wanted"),
        ("ancestral tree.nwk genes.Rtab -o .", "the output 'tree.nwk' is a file that this command reads"),
        ("maps tree.nwk genes.Rtab -o .", "the output 'tree.nwk' is a file that this command reads"),
        (f"maps tree.nwk genes.Rtab -o out -n {HUGE}", f"argument -n/--maps: {HUGE} is not allowed"),
        ("events tree.nwk genes.Rtab -o tree.nwk", "the output 'tree.nwk' is a file that this command reads"),
        ("events tree.nwk genes.Rtab -o x --write-tree x", "--output and --write-tree both name 'x'"),
        (f"check tree.nwk genes.Rtab -n {HUGE}", f"argument -n/--simulations: {HUGE} is not allowed"),
        (f"{DRAW} -o folder", "the output 'folder' is a folder; a file is wanted"),
        (f"{DRAW} -o=", "the output file of --output has no name"),
        (f"{DRAW} -o tree.nwk", "the output 'tree.nwk' is a file that this command reads"),
        (f"{DRAW} -o x --truth ./x", "--output and --truth both name './x'; give each a file of its own"),
        (f"{DRAW} -o x --truth folder", "the output 'folder' is a folder; a file is wanted"),
        (f"{DRAW} -o x --set log_gain=1", "--set gives 'log_gain' twice, 0 and 1; give it once"),
        (f"{DRAW} -o x --ascertainment auto", "unknown ascertainment 'auto'; known: none, observed, variable, or a"),
        (f"{DRAW} -o x -n {10**9}", "n_families is 1000000000; allowed are 1 or more, up to 100000000"),
        (f"{DRAW} -o x -n {HUGE}", f"argument -n/--families: {HUGE} is not allowed"),
        ("cluster genes.Rtab -k 0", "argument -k: 0 is not allowed; allowed are whole numbers from 1"),
        ("cluster genes.Rtab --restarts 0", "argument --restarts: 0 is not allowed"),
        ("cluster genes.Rtab --seed -1", "argument --seed: '-1' is not allowed; allowed are whole numbers from 0 to"),
        (f"cluster genes.Rtab --seed {2**32}", f"argument --seed: '{2**32}' is not allowed"),
        ("cluster tree.nwk", "'tree.nwk' looks like a tree; a table is wanted"),
        ("cluster genes.Rtab -o=", "the output folder has no name"),
    ],
)
def test_a_wrong_command_is_refused_in_one_sentence(folder: Path, command: str, words: str) -> None:
    # "-o=" stands for an empty path.
    arguments = [part for word in command.split() for part in (["-o", ""] if word == "-o=" else [word])]
    before = contents(folder)
    assert words in sentence(run(*arguments))
    assert contents(folder) == before


@pytest.mark.parametrize("file", ["none.nwk", "folder"])
@pytest.mark.parametrize("command", ["fit {} genes.Rtab", "fit tree.nwk {}", "simulate {} -n 1 -o x", "cluster {}"])
def test_a_file_that_is_missing_or_a_folder_is_told_alike_everywhere(folder: Path, command: str, file: str) -> None:
    expected = "no such file: 'none.nwk'" if file == "none.nwk" else "'folder' is a folder; a file is wanted"
    assert sentence(run(*command.format(file).split())) == expected


DAMAGED = gzip.compress(TABLE.encode())[:30]
READERS = (
    "cluster {}",
    FIT + " --completeness {}",
    FIT + " --regimes {}",
    FIT + " --gain ~size --family-covariates {}",
)


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (DAMAGED, "'table.tsv' is a damaged gzip file: compressed file ended before the end-of-stream marker"),
        (b"\x1f\x8bjunk", "'table.tsv' is a damaged gzip file: "),
        (b"f\tsize\ng1\t\xe9\n", "'table.tsv', line 2: byte 0xe9 is not UTF-8"),
    ],
)
def test_files_that_are_no_text_are_refused_by_name(folder: Path, command: str, content: bytes, words: str) -> None:
    (folder / "table.tsv").write_bytes(content)
    assert words in sentence(run(*command.format("table.tsv").split()))


@pytest.mark.native
def test_replicates_that_are_no_text_are_refused_by_name(folder: Path) -> None:
    (folder / "done.jsonl").write_bytes(b"\xff\n")
    done = run("bootstrap", "tree.nwk", "genes.Rtab", "-o", "done.jsonl", "--resume")
    assert sentence(done) == "'done.jsonl' is no file of replicates; choose another file"


@pytest.mark.parametrize("command", [["--version"], ["fit", "--help"], FIT.split()])
def test_a_wrong_backend_variable_is_one_sentence(folder: Path, command: list[str]) -> None:
    expected = "PERSISTE_RUST_BACKEND is 'cuda'; known: auto, rust, numpy"
    assert sentence(run_with("PERSISTE_RUST_BACKEND", "cuda", *command)) == expected


@pytest.mark.native
def test_a_wrong_instruction_set_is_one_sentence_and_no_fallback(folder: Path) -> None:
    expected = "PERSISTE_RUST_SIMD is 'sse9'; known: avx512, avx2, neon, plain"
    assert sentence(run_with("PERSISTE_RUST_SIMD", "sse9", *FIT.split())) == expected


@pytest.mark.native
def test_a_device_is_written_to_and_not_replaced(folder: Path) -> None:
    read, write = os.pipe()
    done = run(*DRAW.split(), "-o", f"/dev/fd/{write}")
    os.close(write)
    with os.fdopen(read) as reader:
        lines = reader.read().splitlines()
    assert done.status == 0, done.err
    assert lines[0] == "family\tA\tB\tC\tD"
    assert len(lines) == 6


@pytest.mark.parametrize(
    "command", ["fit", "compare", "bootstrap", "profile", "bench", "ancestral", "events", "maps", "check", "simulate"]
)
def test_every_help_says_the_defaults_and_the_exit_status(folder: Path, command: str) -> None:
    shown = " ".join(run(command, "--help").out.split())
    assert "exit status: 0 done" in shown
    assert "%%" not in shown
    assert "default: stationary" in shown
    if command != "simulate":
        assert "gamma:n_categories=4,kind=mean; gamma-gain-loss:n_categories=4,kind=mean" in shown
    takes_family_rates = command in ("fit", "ancestral", "events", "maps")
    assert ("per-family" in shown) == takes_family_rates


@pytest.mark.native
def test_fits_of_single_families_report_what_was_read_and_are_explained(folder: Path) -> None:
    done = run(*FIT.split(), "--rates", "per-family", "--explain", "-o", "out")
    assert done.status == 0, done.err
    for words in ("tree.nwk: 4 tips", "genes.Rtab: 3 families", "recorded in at least one genome, with each family's"):
        assert words in " ".join(done.out.split())
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["families.tsv", "fit.json", "tree.nwk"]


@pytest.mark.native
def test_a_node_is_called_alike_by_every_command(folder: Path) -> None:
    (folder / "tree.nwk").write_text("(((A:1,B:0.5)95:1,(C:1,D:2)95:0.5):1,(E:1,F:1)x:1);")
    (folder / "genes.Rtab").write_text("Gene\tA\tB\tC\tD\tE\tF\ng1\t1\t0\t1\t0\t1\t1\ng2\t1\t1\t1\t0\t1\t0\n")
    for command in ("fit", "ancestral", "maps"):
        done = run(command, "tree.nwk", "genes.Rtab", "-o", command)
        assert done.status == 0, done.err
    assert run(*DRAW.split(), "-o", "drawn", "--truth", "truth.tsv").status == 0
    trees = {
        re.sub(r"\[[^]]*\]", "", (folder / name / "tree.nwk").read_text()) for name in ("fit", "ancestral", "maps")
    }
    assert trees == {"(((A:1,B:0.5)node2:1,(C:1,D:2)node5:0.5)node6:1,(E:1,F:1)x:1)node10;\n"}
    names = ["A", "B", "node2", "C", "D", "node5", "node6", "E", "F", "x", "node10"]
    for file, column in (("ancestral/branches.tsv", 0), ("maps/map_branches.tsv", 0), ("truth.tsv", 1)):
        rows = [line.split("\t") for line in (folder / file).read_text().splitlines()[1:]]
        assert [row[column] for row in rows][: len(names)] == names
