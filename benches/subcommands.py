"""Times subcommands, and checks what they write: python benches/subcommands.py [families] [tips] [runs].

A random tree and families simulated on it with a seed; each command in a process of its own with one thread, from its
start to its end, files written: the median and the least of the runs, clock and processor time. `persiste --version`
is what a process costs that does nothing. What is written is held against the library: sums of expected events and of
probabilities over families, sizes of the genomes that are known, and the number of rows.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from maps import random_tree

from persiste_rust import GeneContentData, GeneContentModel, simulate

PARAMS = {"log_gain": -1.0, "log_loss": 0.5}
SEED = 7


def rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Returns the header and the rows of a table."""
    head, *lines = path.read_text().splitlines()
    return head.split("\t"), [line.split("\t") for line in lines]


def check_simulate(folder: Path, n_families: int, tree: str) -> None:
    """Holds the table against the library's, cell by cell."""
    head, lines = rows(folder / "genes.tsv")
    expected = simulate(tree, n_families, PARAMS, ascertainment="observed", seed=SEED).data
    assert head == ["family", *expected.tree.tip_names], "another header"
    assert len(lines) == n_families, f"{len(lines)} rows, not {n_families}"
    cells = np.asarray([line[1:] for line in lines]).astype(np.int8)
    assert np.array_equal(cells.T, expected.presence_matrix()), "other families than the library draws"


def model_of(folder: Path) -> tuple[GeneContentModel, dict[str, float]]:
    """Returns the model that the commands fit, and its estimates."""
    data = GeneContentData.read(folder / "tree.nwk", folder / "genes.tsv")
    model = GeneContentModel(data, ascertainment="observed", threads=1)
    return model, dict(model.fit().parameters)


def check_ancestral(folder: Path, n_families: int) -> None:
    """Holds sums over families against those of the library's tables, and tips against the data."""
    model, params = model_of(folder)
    head, lines = rows(folder / "ancestors" / "branches.tsv")
    columns = dict(zip(head, zip(*lines, strict=True), strict=True))
    tree = model.data.tree
    assert len(lines) == tree.n_nodes, f"{len(lines)} rows, not {tree.n_nodes}"
    sums = {
        "expected_gains": model.expected_gains(params).sum(axis=1),
        "expected_losses": model.expected_losses(params).sum(axis=1),
        "genome_size": model.ancestral_probabilities(params).sum(axis=1),
    }
    for name, expected in sums.items():
        np.testing.assert_allclose(np.asarray(columns[name], dtype=float), expected, rtol=1e-7, err_msg=name)
    is_tip = np.isin(columns["node"], tree.tip_names)
    sizes = np.asarray(columns["genome_size"], dtype=float)[is_tip]
    assert np.array_equal(sizes, (model.data.presence_matrix() == 1).sum(axis=1)), "genomes of another size"
    for name in ("ancestral_probabilities.tsv", "joint_states.tsv"):
        head, lines = rows(folder / "ancestors" / name)
        assert (len(lines), len(head)) == (n_families, 1 + tree.n_nodes - tree.n_tips), f"another shape of {name}"


def check_events(folder: Path) -> None:
    """Holds the number of gains and losses, and the sum of their probabilities, against the library's tables."""
    model, params = model_of(folder)
    head, lines = rows(folder / "events.tsv")
    event, probability = head.index("event"), head.index("probability")
    for kind, table in (("gain", model.gain_probabilities(params)), ("loss", model.loss_probabilities(params))):
        found = [float(line[probability]) for line in lines if line[event] == kind]
        listed = table[table >= 0.5]
        assert len(found) == listed.size, f"{len(found)} events of kind {kind}, not {listed.size}"
        np.testing.assert_allclose(sum(found), listed.sum(), rtol=1e-7)


def timed(command: list[str], n_runs: int) -> tuple[list[float], list[float]]:
    """Returns seconds of the clock and of the processor of each run."""
    clock, processor = [], []
    for _ in range(n_runs):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-m", "persiste_rust", *command], check=True, capture_output=True)
        clock.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return clock, processor


def main() -> None:
    """Prints seconds, command by command."""
    n_families, n_tips, n_runs = [int(text) for text in [*sys.argv[1:], *("10000", "200", "5")[len(sys.argv) - 1 :]]]
    with tempfile.TemporaryDirectory() as name:
        folder, tree = Path(name), random_tree(n_tips)
        (folder / "tree.nwk").write_text(tree)
        inputs = [str(folder / "tree.nwk"), str(folder / "genes.tsv"), "--ascertainment", "observed", "--threads", "1"]
        drawn = [text for name, value in PARAMS.items() for text in ("--set", f"{name}={value}")]
        drawn += ["-n", str(n_families), "--seed", str(SEED), "--ascertainment", "observed", "--threads", "1"]
        commands: dict[str, tuple[list[str], Callable[[], None]]] = {
            "--version": ([], lambda: None),
            "simulate": (
                [inputs[0], *drawn, "-o", inputs[1]],
                lambda: check_simulate(folder, n_families, tree),
            ),
            "ancestral": ([*inputs, "-o", str(folder / "ancestors")], lambda: check_ancestral(folder, n_families)),
            "events": ([*inputs, "-o", str(folder / "events.tsv")], lambda: check_events(folder)),
        }
        print(f"{n_tips} genomes x {n_families} families, seconds of {n_runs} runs, one thread")
        print(f"{'persiste':<12} {'median':>8} {'least':>8} {'processor, median':>18} {'least':>8}")
        for command, (arguments, check) in commands.items():
            clock, processor = timed([command, *arguments], n_runs)
            check()
            print(
                f"{command:<12} {statistics.median(clock):8.3f} {min(clock):8.3f} "
                f"{statistics.median(processor):18.3f} {min(processor):8.3f}"
            )


if __name__ == "__main__":
    main()
