"""The NumPy twin of this engine's kernel."""

from __future__ import annotations

import numpy as np

from peers.measure import Measurement, timed
from peers.problem import GAIN, LOSS, Problem
from persiste_rust import _reference


def measure(problem: Problem, repeats: int) -> list[Measurement]:
    """Times the twin, value and gradient."""
    parent = np.full(len(problem.children), -1, dtype=np.int64)
    for node in problem.internal_nodes():
        parent[problem.children[node]] = node
    arguments = (parent, problem.branch_length, problem.tips, problem.cells, GAIN, LOSS, "stationary")
    values = _reference.log_likelihoods(*arguments)
    derivatives = _reference.value_and_gradient(*arguments)
    return [
        Measurement(
            program=f"NumPy twin (NumPy {np.__version__})",
            value=timed(lambda: _reference.log_likelihoods(*arguments), min(repeats, 3)),
            log_likelihood=float(values.sum()),
            log_likelihoods=values,
            tolerance=1e-10,
            timed="a call of `persiste_rust._reference.log_likelihoods`, or `value_and_gradient`, which also gives the "
            "derivative by each branch length; 3 repeats at most",
            value_and_gradient=timed(lambda: _reference.value_and_gradient(*arguments), min(repeats, 3)),
            gradient=np.array([GAIN * derivatives.gain.sum(), LOSS * derivatives.loss.sum()]),
        )
    ]
