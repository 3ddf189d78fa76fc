"""Counts for the tests of mixtures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from shared_data import shared

# pyDMM's first example.
QUICKSTART = np.array([[100, 50, 25, 5], [95, 55, 30, 10], [10, 15, 80, 45], [5, 20, 85, 40]])


def read_csv(path: Path) -> np.ndarray:
    """Returns the counts of a table with one line a sample."""
    return np.genfromtxt(path, delimiter=",", skip_header=1)[:, 1:].astype(np.int64)


def shared_counts(name: str) -> np.ndarray:
    """Returns a shared table; skips the test where it is absent."""
    return read_csv(shared("data", "dirichlet", f"{name}.csv"))


def simulate(seed: int, n_samples: int, n_features: int, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns counts and clusters."""
    random = np.random.default_rng(seed)
    profiles = random.gamma(0.2, 1.0, size=(n_clusters, n_features)) + 1e-3
    alpha = 30.0 * profiles / profiles.sum(axis=1, keepdims=True)
    labels = random.integers(0, n_clusters, n_samples)
    own = random.gamma(alpha[labels])
    own /= own.sum(axis=1, keepdims=True)
    return np.stack([random.multinomial(200, shares) for shares in own]), labels
