"""Times DirichletMixture beside R's DirichletMultinomial on the same counts, and checks that they agree.

    python benches/dirichlet_compare.py [--only Small,Medium] [--repeats 9] [--twins TABLE.csv] [--without-r]

Counts are drawn from as many Dirichlet-multinomial clusters as are fitted (proportions from Gamma(0.1), precision 30,
totals log-normal around 1000), seed 1; `--twins` adds a table with one line a sample, fitted with 4 components. Both
programs start from the same labels (seed 42), stop by the same rule and run in processes of their own. R runs once, in
one thread, which is all it has; this engine `--repeats` times, with one and with two threads. Memory is what the
process holds at its peak above what it held before the fit. Of R the time counted is that of the processor, so that
a busy machine does not slow it; of this engine it is that of the processor and that of the clock, medians, with the
least of the clock. "Times" divides processor time by processor time, and R's by the least of two threads.

The run fails, with exit status 1, if the objective found here is worse than R's by more than 1e-6 of it.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SCENARIOS = {
    "Small": (100, 20, 3),
    "Medium": (1_000, 50, 5),
    "Many components": (1_000, 50, 20),
    "Wide": (1_000, 500, 5),
    "Large": (10_000, 100, 10),
}

_R = """
suppressMessages(library(DirichletMultinomial))
given <- commandArgs(TRUE)
x <- as.matrix(read.csv(given[1], header = FALSE)); storage.mode(x) <- "integer"
peak <- function(key) as.numeric(gsub("[^0-9]", "", grep(key, readLines("/proc/self/status"), value = TRUE)))
invisible(gc()); cat("5", file = "/proc/self/clear_refs"); before <- peak("^VmRSS")
used <- system.time(found <- dmn(x, as.integer(given[2]), seed = 42L))
seconds <- used[["user.self"]] + used[["sys.self"]]
cat(sprintf('{"seconds": %.6f, "kib": %.0f, "nle": %.12g}', seconds, peak("^VmHWM") - before,
            goodnessOfFit(found)[["NLE"]]))
"""

_HERE = """
import json, statistics, sys, time
import numpy as np
from persiste_rust.dirichlet import DirichletMixture
path, components, threads, repeats = sys.argv[1], *map(int, sys.argv[2:])
x = np.loadtxt(path, delimiter=",", dtype=np.int32)
status = lambda key: next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith(key))
DirichletMixture(1).fit(x[:2])
before, seconds, used = status("VmRSS"), [], []
open("/proc/self/clear_refs", "w").write("5")
while len(seconds) < repeats and sum(seconds) < 30.0:
    began, began_cpu = time.perf_counter(), time.process_time()
    model = DirichletMixture(components, threads=threads).fit(x)
    seconds.append(time.perf_counter() - began)
    used.append(time.process_time() - began_cpu)
    memory = status("VmHWM") - before if len(seconds) == 1 else memory
print(json.dumps({"cpu": statistics.median(used), "seconds": statistics.median(seconds), "least": min(seconds),
                  "kib": memory,
                  "nle": model.result.goodness_of_fit["NLE"], "rounds": model.n_iter_}))
"""


def simulate(seed: int, n_samples: int, n_features: int, n_clusters: int) -> NDArray[np.int64]:
    """Returns counts (n_samples, n_features) from clusters of distinct profiles."""
    random = np.random.default_rng(seed)
    profiles = random.gamma(0.1, 1.0, size=(n_clusters, n_features)) + 1e-4
    alpha = 30.0 * profiles / profiles.sum(axis=1, keepdims=True)
    labels = random.integers(0, n_clusters, n_samples)
    totals = np.maximum(1, random.lognormal(np.log(1000.0), 0.5, n_samples).astype(int))
    own = random.gamma(alpha[labels] + 1e-12)
    own /= own.sum(axis=1, keepdims=True)
    return np.stack([random.multinomial(total, shares) for total, shares in zip(totals, own, strict=True)])


def _run(command: list[str], limit: float | None = None) -> dict[str, float] | None:
    """Returns what a program prints as JSON; None if it takes longer than `limit` seconds."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def compare(name: str, counts: NDArray[np.int64], components: int, repeats: int, limit: float) -> bool:
    """Prints the line of one scenario and returns whether the objectives agree."""
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "counts.csv", Path(folder) / "fit.R"
        np.savetxt(table, counts, fmt="%d", delimiter=",")
        script.write_text(_R)
        here = [
            _run([sys.executable, "-c", _HERE, str(table), str(components), str(threads), str(repeats)])
            for threads in (1, 2)
        ]
        there = _run(["Rscript", str(script), str(table), str(components)], limit) if limit else None
    one, two = (run or {} for run in here)
    size = f"{counts.shape[0]} x {counts.shape[1]}, K = {components}"
    line = [
        name,
        size,
        f"{1e3 * one['cpu']:.1f}",
        *(f"{1e3 * run['seconds']:.1f} ({1e3 * run['least']:.1f})" for run in (one, two)),
    ]
    line.append(f"{one['kib'] / 1024:.1f}, {two['kib'] / 1024:.1f}")
    agrees = one["nle"] == two["nle"]
    if there is not None:
        line += [f"{1e3 * there['seconds']:.0f}", f"{there['kib'] / 1024:.1f}"]
        line += [f"{there['seconds'] / one['cpu']:.0f}", f"{there['seconds'] / two['least']:.0f}"]
        worse = one["nle"] / there["nle"] - 1.0
        line.append(f"{worse:+.1e}")
        agrees = agrees and worse < 1e-6
    elif limit:
        line += [f"stopped after {limit:.0f} s", "", "", "", ""]
    print("| " + " | ".join(line) + f" | {one['rounds']:.0f} |", flush=True)
    return agrees


def main() -> int:
    """Runs the comparison and prints it as Markdown; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"some of: {', '.join(SCENARIOS)}")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--twins", type=Path, help="a CSV with one line a sample")
    parser.add_argument("--without-r", action="store_true")
    parser.add_argument("--r-limit", type=float, default=3600.0, help="seconds after which R is stopped")
    arguments = parser.parse_args()
    with_r = not arguments.without_r
    if with_r and shutil.which("Rscript") is None:
        print("error: Rscript is missing; install r-bioc-dirichletmultinomial, or give --without-r", file=sys.stderr)
        return 2
    names = list(SCENARIOS) if arguments.only is None else [one.strip() for one in arguments.only.split(",") if one]
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        print(f"error: unknown scenario '{unknown[0]}'; known: {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    print(f"{date.today().isoformat()}, {platform.machine()}, {platform.system()}\n")
    limit = arguments.r_limit if with_r else 0.0
    columns = [
        "scenario",
        "size",
        "one thread, processor ms",
        "one thread, ms (least)",
        "two threads, ms (least)",
        "memory of each, MiB",
    ]
    if with_r:
        columns += ["R, processor ms", "R, MiB", "times, one thread", "times, two", "NLE against R's"]
    columns.append("rounds")
    print("| " + " | ".join(columns) + " |\n" + "|---|---|" + "---:|" * (len(columns) - 2), flush=True)
    agree = []
    if arguments.twins is not None:
        cells = np.genfromtxt(arguments.twins, delimiter=",", skip_header=1)[:, 1:].astype(np.int64)
        agree.append(compare("Twins", cells, 4, arguments.repeats, limit))
    for name in names:
        counts = simulate(1, *SCENARIOS[name])
        agree.append(compare(name, counts, SCENARIOS[name][2], arguments.repeats, limit))
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())
