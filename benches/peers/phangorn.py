"""phangorn (Debian: r-cran-phangorn), by a script that R runs.

Schliep 2011, doi:10.1093/bioinformatics/btq706.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from peers.measure import Measurement, NotInstalledError, timing
from peers.problem import GAIN, LOSS, Problem

_SCRIPT = """
suppressMessages(library(phangorn))
present <- scan("present.txt", quiet = TRUE)
bf <- c(1 - present, present)
tree <- reorder(read.tree("tree.nwk"), "postorder")
lines <- strsplit(readLines("table.txt"), " ")
cells <- do.call(rbind, strsplit(vapply(lines, `[`, "", 2), ""))
rownames(cells) <- vapply(lines, `[`, "", 1)
data <- phyDat(cells, type = "USER", levels = c("0", "1"))
fit <- pml(tree, data, bf = bf, Q = 1)
data <- subset(data, fit$tree$tip.label)
pml.init(data, 1L)
evaluate <- function() pml.fit(fit$tree, data, bf = bf, eig = edQt(1, bf), INV = fit$INV, ll.0 = fit$ll.0,
                               g = fit$g, w = fit$w, levels = c("0", "1"))
value <- evaluate()
once <- system.time(evaluate())[["elapsed"]]
calls <- max(1, ceiling(0.2 / max(once, 0.001)))
seconds <- numeric(0)
for (r in seq_len(as.integer(commandArgs(TRUE)[1])))
    seconds[r] <- system.time(for (i in seq_len(calls)) evaluate())[["elapsed"]] / calls
pml.free()
writeLines(as.character(packageVersion("phangorn")), "version.txt")
writeLines(sprintf("%.17g", seconds), "seconds.txt")
writeLines(sprintf("%.17g", value), "log_likelihood.txt")
writeLines(sprintf("%.17g", fit$siteLik[attr(data, "index")]), "log_likelihoods.txt")
"""


def measure(problem: Problem, repeats: int) -> list[Measurement]:
    """Times phangorn's `pml.fit`.

    # Errors
    NotInstalledError without R or the package; RuntimeError if the script fails.
    """
    rscript = shutil.which("Rscript")
    absent = NotInstalledError("phangorn: not installed (Debian: r-cran-phangorn)")
    if rscript is None:
        raise absent
    if subprocess.run([rscript, "-e", "quit(status = !requireNamespace('phangorn'))"], capture_output=True).returncode:
        raise absent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(problem, folder)
        command = [rscript, "--vanilla", "script.R", str(repeats)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the script for phangorn failed:\n{done.stderr[-2000:]}")
        return [
            Measurement(
                program=f"phangorn {(folder / 'version.txt').read_text().strip()}",
                value=timing(np.loadtxt(folder / "seconds.txt", ndmin=1).tolist()),
                log_likelihood=float((folder / "log_likelihood.txt").read_text()),
                log_likelihoods=np.loadtxt(folder / "log_likelihoods.txt", ndmin=1),
                tolerance=1e-10,
                timed="a call of `pml.fit` between `pml.init` and `pml.free`, eigenvectors computed anew",
            )
        ]


def _write(problem: Problem, folder: Path) -> None:
    (folder / "script.R").write_text(_SCRIPT)
    (folder / "present.txt").write_text(f"{GAIN / (GAIN + LOSS)!r}\n")
    (folder / "tree.nwk").write_text(problem.newick(problem.normalised_factor()) + "\n")
    with (folder / "table.txt").open("wb") as table:
        for tip, cells in zip(problem.tip_names, problem.cells, strict=True):
            table.write(tip.encode() + b" " + (cells + ord("0")).astype(np.uint8).tobytes() + b"\n")
