"""IQ-TREE (Debian: iqtree), run as a program: one evaluation with everything fixed, or a whole fit on a fixed tree.

One evaluation cannot be timed inside it. It is asked to evaluate the same tree once and some 20 times more; the
difference of the two runs, divided by the number of further evaluations, is free of start-up, of reading the table
and of the first evaluation. It still holds reading the tree and laying out its partials, so it is an upper bound.

Minh et al. 2020, doi:10.1093/molbev/msaa015.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from peers.measure import Measurement, NotInstalledError, timing
from peers.problem import GAIN, LOSS, Problem

# Families times tips of all further evaluations: enough that two runs differ by more than they vary.
_FURTHER_CELLS = 40_000_000


def measure(problem: Problem, repeats: int) -> list[Measurement]:
    """Times IQ-TREE with one thread.

    # Errors
    NotInstalledError without the program; RuntimeError if it fails or its report is not understood.
    """
    program, version = _installed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        further = max(5, _FURTHER_CELLS // problem.n_cells)
        _write(problem, folder, further)
        seconds, log_likelihood = [], float("nan")
        for _ in range(repeats):
            few, _ = _run(program, folder, "once.nwk")
            many, log_likelihood = _run(program, folder, "often.nwk")
            seconds.append((many - few) / further)
    return [
        Measurement(
            program=f"IQ-TREE {version}",
            value=timing(seconds),
            log_likelihood=log_likelihood,
            tolerance=1e-9,
            timed="(a run that evaluates the tree n + 1 times - a run that does so once) / n, n = 40 million / cells, "
            "at least 5; an upper bound, as it includes reading the tree; IQ-TREE reports 10 digits",
        )
    ]


def fit(problem: Problem, n_categories: int, repeats: int) -> tuple[str, list[float], float]:
    """Returns the version, the seconds of each whole run with one thread, and the log-likelihood that it found.

    Frequencies, a common factor of the branch lengths (together gain and loss) and, with more than one category, the
    shape of the gamma distribution are estimated; the run reads the files and writes its report.

    # Errors
    NotInstalledError without the program; RuntimeError if it fails or its report is not understood.
    """
    program, version = _installed()
    model = "GTR2+FO" + (f"+G{n_categories}" if n_categories > 1 else "")
    options = "-s table.phy --seqtype BIN -te once.nwk -blscale -T 1 --keep-ident --seed 1 --redo --prefix run -m"
    seconds, log_likelihood = [], float("nan")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(problem, folder, 0)
        for _ in range(repeats):
            passed, report = _timed([program, *options.split(), model], folder)
            seconds.append(passed)
            found = re.search(r"^Log-likelihood of the tree: (-\d+\.\d+)", report, re.MULTILINE)
            if not found:
                raise RuntimeError("the report of IQ-TREE holds no log-likelihood")
            log_likelihood = float(found.group(1))
    return version, seconds, log_likelihood


def _installed() -> tuple[str, str]:
    """Returns the program and its version."""
    program = shutil.which("iqtree2") or shutil.which("iqtree3")
    if program is None:
        raise NotInstalledError("IQ-TREE 2: not installed (Debian: iqtree)")
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"version (\S+)", text)
    return program, version.group(1) if version else "(unknown version)"


def _write(problem: Problem, folder: Path, further: int) -> None:
    tree = problem.newick(problem.normalised_factor()) + "\n"
    (folder / "once.nwk").write_text(tree)
    (folder / "often.nwk").write_text(tree * (1 + further))
    with (folder / "table.phy").open("wb") as table:
        table.write(b"%d %d\n" % problem.cells.shape)
        for tip, cells in zip(problem.tip_names, problem.cells, strict=True):
            table.write(tip.encode() + b" " + (cells + ord("0")).astype(np.uint8).tobytes() + b"\n")


def _run(program: str, folder: Path, trees: str) -> tuple[float, float]:
    """Returns the seconds of a run and the log-likelihood that it reports."""
    present = GAIN / (GAIN + LOSS)
    model = f"GTR2+F{{{1.0 - present!r},{present!r}}}"
    options = "-s table.phy --seqtype BIN -te once.nwk -blfix -n 0 -T 1 --keep-ident --seed 1 --redo --prefix run -m"
    seconds, report = _timed([program, *options.split(), model, "-z", trees], folder)
    found = re.findall(r"^\s*\d+\s+(-\d+\.\d+)\s+0\s*$", report, re.MULTILINE)
    if not found:
        raise RuntimeError("the report of IQ-TREE holds no table of user trees")
    return seconds, float(found[-1])


def _timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Returns the seconds of a run and its report."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError(f"IQ-TREE failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds, (folder / "run.iqtree").read_text()
