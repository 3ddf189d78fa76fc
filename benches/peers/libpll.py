"""libpll (Debian: libpll0), called from Python without compiling anything.

The library scales Q to one expected change, so lengths are multiplied. Each internal node has its scaler, as the
library's own examples have it. The site repeats of its successor, libpll-2, are not in this package.

Flouri et al. 2015, doi:10.1093/sysbio/syu084.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from peers.measure import Measurement, NotInstalledError, timed
from peers.problem import GAIN, LOSS, Problem

_LIBRARY = "libpll.so.0"
_PLAIN, _AVX2, _PATTERN_TIP = 0, 1 << 2, 1 << 4
_NO_SCALER = -1


def measure(problem: Problem, repeats: int) -> list[Measurement]:
    """Times libpll with AVX2, where the processor has it, and one thread.

    # Errors
    NotInstalledError without the library; RuntimeError if it refuses a call.
    """
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        raise NotInstalledError("libpll: not installed (Debian: libpll0)") from None
    # libpll does not look whether the processor has what it is told to use.
    information = Path("/proc/cpuinfo")
    has_avx2 = information.exists() and " avx2 " in information.read_text()
    partition = _Partition(library, problem, _AVX2 if has_avx2 else _PLAIN)
    value = timed(partition.log_likelihood, repeats)
    found = Measurement(
        program=f"libpll (libpll0) {'AVX2' if has_avx2 else 'plain'}",
        value=value,
        log_likelihood=partition.log_likelihood(),
        log_likelihoods=partition.log_likelihoods.copy(),
        tolerance=1e-10,
        timed="eigenvectors, transition matrices, partials with scaling and root log-likelihood, by four calls",
    )
    partition.close()
    return [found]


class _Partition:
    """A libpll partition that holds one problem: tips first, then internal nodes, a matrix for each branch."""

    def __init__(self, library: ctypes.CDLL, problem: Problem, architecture: int) -> None:
        n_tips, n_families = problem.cells.shape
        internal = problem.internal_nodes()
        buffer = np.empty(len(problem.children), dtype=np.int64)
        buffer[problem.tips] = np.arange(n_tips)
        buffer[internal] = n_tips + np.arange(len(internal))
        scaler = np.where(buffer < n_tips, _NO_SCALER, buffer - n_tips)
        self._operations = np.empty((len(internal), 8), dtype=np.int32)
        for row, node in zip(self._operations, internal, strict=True):
            left, right = problem.children[node]
            row[:2] = buffer[node], scaler[node]
            row[2:5] = buffer[left], left, scaler[left]
            row[5:] = buffer[right], right, scaler[right]
        self._root, self._root_scaler = int(buffer[-1]), int(scaler[-1])
        self._branches = np.arange(len(problem.children) - 1, dtype=np.uint32)
        self._lengths = problem.branch_length[:-1] * problem.normalised_factor()
        self._library = library
        library.pll_partition_create.restype = ctypes.c_void_p
        library.pll_compute_root_loglikelihood.restype = ctypes.c_double
        n_branches, flags = len(self._branches), architecture | _PATTERN_TIP
        self._partition = ctypes.c_void_p(
            library.pll_partition_create(n_tips, len(internal), 2, n_families, 1, n_branches, 1, len(internal), flags)
        )
        if not self._partition:
            raise RuntimeError("pll_partition_create gave no partition")
        states = (ctypes.c_uint * 256).in_dll(library, "pll_map_bin")
        for tip, cells in enumerate(problem.cells):
            text = (cells + ord("0")).astype(np.uint8).tobytes()
            if not library.pll_set_tip_states(self._partition, tip, states, text):
                raise RuntimeError("pll_set_tip_states failed")
        one = np.ones(1)
        library.pll_set_category_rates(self._partition, _pointer(one))
        library.pll_set_category_weights(self._partition, _pointer(one))
        present = GAIN / (GAIN + LOSS)
        self._frequencies = np.array([1.0 - present, present])
        self._exchange = one
        self._zero = np.zeros(1, dtype=np.uint32)
        self.log_likelihoods = np.empty(n_families)

    def log_likelihood(self) -> float:
        """Returns the log-likelihood, everything that depends on the rates computed anew."""
        library, partition, zero = self._library, self._partition, _pointer(self._zero)
        library.pll_set_frequencies(partition, 0, _pointer(self._frequencies))
        library.pll_set_subst_params(partition, 0, _pointer(self._exchange))
        branches, lengths = _pointer(self._branches), _pointer(self._lengths)
        if not library.pll_update_prob_matrices(partition, zero, branches, lengths, len(self._branches)):
            raise RuntimeError("pll_update_prob_matrices failed")
        library.pll_update_partials(partition, _pointer(self._operations), len(self._operations))
        each = _pointer(self.log_likelihoods)
        return float(library.pll_compute_root_loglikelihood(partition, self._root, self._root_scaler, zero, each))

    def close(self) -> None:
        """Frees the partition."""
        self._library.pll_partition_destroy(self._partition)


def _pointer(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)
