"""BEAGLE (Debian: libhmsbeagle1v5), called from Python without compiling anything.

The library is told the two-state rate matrix by its eigenvectors and updates transition probabilities, partials and
the root's log-likelihood, as BEAST and MrBayes have it do. Scaling factors are written either at every node or only
where 64 tips have come together since the last, which is as rare as it can safely be here.

Ayres et al. 2019, doi:10.1093/sysbio/syz020.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers.measure import Measurement, NotInstalledError, timed
from peers.problem import GAIN, LOSS, Problem

_LIBRARY = "libhmsbeagle.so.1"
_DOUBLE, _SSE, _CPU = 1 << 1, 1 << 11, 1 << 15
_SCALING_MANUAL, _EIGEN_REAL, _NO_THREADS, _SYNCHRONOUS = 1 << 6, 1 << 4, 1 << 14, 1 << 2
_NONE = -1
_TIPS_PER_RESCALING = 64


class _Details(ctypes.Structure):
    _fields_ = (
        ("resource", ctypes.c_int),
        ("resource_name", ctypes.c_char_p),
        ("implementation", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("flags", ctypes.c_long),
    )


def measure(problem: Problem, repeats: int) -> list[Measurement]:
    """Times BEAGLE with its SSE implementation, double precision, one thread.

    # Errors
    NotInstalledError without the library; RuntimeError if it refuses a call.
    """
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        raise NotInstalledError("BEAGLE: not installed (Debian: libhmsbeagle1v5)") from None
    library.beagleGetVersion.restype = ctypes.c_char_p
    version = library.beagleGetVersion().decode()
    found = []
    for tips_per_rescaling, scaling in ((_TIPS_PER_RESCALING, "rare scaling"), (1, "scaling at every node")):
        instance = _Instance(library, problem, tips_per_rescaling)
        value = timed(instance.log_likelihood, repeats)
        found.append(
            Measurement(
                program=f"BEAGLE {version} {instance.implementation}, {scaling}",
                value=value,
                log_likelihood=instance.log_likelihood(),
                log_likelihoods=instance.log_likelihoods(),
                tolerance=1e-10,
                timed="eigenvectors, transition matrices, partials, scaling and root log-likelihood, by six calls",
            )
        )
        instance.close()
    return found


class _Instance:
    """A BEAGLE instance that holds one problem.

    Buffers 0 to n_tips - 1 hold the tips, those behind them the internal nodes; a branch's matrix has the number of
    the node below it.
    """

    def __init__(self, library: ctypes.CDLL, problem: Problem, tips_per_rescaling: int) -> None:
        self._library = library
        n_tips, n_families = problem.cells.shape
        buffer = np.empty(len(problem.children), dtype=np.int64)
        internal = problem.internal_nodes()
        buffer[problem.tips] = np.arange(n_tips)
        buffer[internal] = n_tips + np.arange(len(internal))
        self._operations, n_scalers = _operations(problem, buffer, tips_per_rescaling)
        self._sum_of_scalers = n_scalers
        self._root = int(buffer[-1])
        self._n_families = n_families
        self._branches = np.arange(len(problem.children) - 1, dtype=np.int32)
        self._lengths = np.ascontiguousarray(problem.branch_length[:-1])
        details = _Details()
        flags = _DOUBLE | _SSE | _CPU | _SCALING_MANUAL | _EIGEN_REAL | _NO_THREADS | _SYNCHRONOUS
        self._instance = library.beagleCreateInstance(
            *(n_tips, len(internal), n_tips, 2, n_families, 1, len(self._branches), 1, n_scalers + 1),
            *(None, 0, ctypes.c_long(flags), ctypes.c_long(_DOUBLE | _CPU), ctypes.byref(details)),
        )
        if self._instance < 0:
            raise RuntimeError(f"beagleCreateInstance gave error {self._instance}")
        self.implementation = details.implementation.decode()
        for tip, cells in enumerate(problem.cells):
            self._call("SetTipStates", tip, np.ascontiguousarray(cells, dtype=np.int32))
        self._call("SetPatternWeights", np.ones(n_families))
        self._call("SetCategoryRates", np.ones(1))
        self._call("SetCategoryWeights", 0, np.ones(1))
        present = GAIN / (GAIN + LOSS)
        self._frequencies = np.array([1.0 - present, present])
        self._vectors = np.array([[1.0, present], [1.0, present - 1.0]])
        self._inverse = np.array([[1.0 - present, present], [1.0, -1.0]])
        self._eigenvalues = np.array([0.0, -(GAIN + LOSS)])

    def log_likelihood(self) -> float:
        """Returns the log-likelihood, everything that depends on the rates computed anew."""
        self._call("SetEigenDecomposition", 0, self._vectors, self._inverse, self._eigenvalues)
        self._call("SetStateFrequencies", 0, self._frequencies)
        n_branches, scalers = len(self._branches), self._sum_of_scalers
        self._call("UpdateTransitionMatrices", 0, self._branches, None, None, self._lengths, n_branches)
        self._call("ResetScaleFactors", scalers)
        self._call("UpdatePartials", self._operations, len(self._operations), scalers)
        total = np.empty(1)
        zero, root, sums = (np.array([number], dtype=np.int32) for number in (0, self._root, scalers))
        self._call("CalculateRootLogLikelihoods", root, zero, zero, sums, 1, total)
        return float(total[0])

    def log_likelihoods(self) -> NDArray[np.float64]:
        """Returns the log-likelihoods of the last evaluation, (n_families,)."""
        values = np.empty(self._n_families)
        self._call("GetSiteLogLikelihoods", values)
        return values

    def close(self) -> None:
        """Frees the instance."""
        self._library.beagleFinalizeInstance(self._instance)

    def _call(self, name: str, *arguments: Any) -> None:
        plain = [
            given.ctypes.data_as(ctypes.c_void_p) if isinstance(given, np.ndarray) else given for given in arguments
        ]
        code = getattr(self._library, f"beagle{name}")(self._instance, *plain)
        if code != 0:
            raise RuntimeError(f"beagle{name} gave error {code}")


def _operations(problem: Problem, buffer: NDArray[np.int64], tips_per_rescaling: int) -> tuple[NDArray[np.int32], int]:
    """Returns the operations, (n_internal, 7), in post-order, and how many of them write scaling factors."""
    since_rescaling = np.ones(len(buffer), dtype=np.int64)
    rows, n_scalers = [], 0
    for node in problem.internal_nodes():
        left, right = problem.children[node]
        since_rescaling[node] = since_rescaling[left] + since_rescaling[right]
        scaler = _NONE
        if since_rescaling[node] > tips_per_rescaling:
            since_rescaling[node], scaler, n_scalers = 1, n_scalers, n_scalers + 1
        rows.append((buffer[node], scaler, _NONE, buffer[left], left, buffer[right], right))
    return np.array(rows, dtype=np.int32), n_scalers
