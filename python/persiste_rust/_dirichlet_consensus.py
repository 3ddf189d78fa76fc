"""What many restarts of a mixture agree on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._dirichlet_counts import count_table, engine
from persiste_rust._dirichlet_options import Options, check_count, native_options

if TYPE_CHECKING:
    from persiste_rust.dirichlet import DirichletMixture


@dataclass(frozen=True)
class Consensus:
    """Restarts of one mixture, their components matched to those of the best."""

    best: DirichletMixture
    """The restart with the lowest NLE."""
    responsibilities: NDArray[np.float64]
    """(n_samples, n_components), mean over restarts."""
    agreement: NDArray[np.float64]
    """(n_samples,), share of restarts that put a sample where the best does."""
    objectives: NDArray[np.float64]
    """(n_init,), NLE of each restart."""
    shared: NDArray[np.float64]
    """(n_init,), share of samples that a restart puts where the best does."""


def consensus(
    X: Any,
    n_components: int,
    *,
    sample_weight: ArrayLike | None = None,
    progress: Callable[[str, int, int], object] | None = None,
    random_state: int = 42,
    n_init: int = 20,
    init: str = "soft-kmeans",
    max_iter: int = 100,
    tol: float = 1e-6,
    hessian: str = "exact",
    threads: int | None = None,
) -> Consensus:
    """Fits a mixture from `n_init` starts and returns what they agree on, sample by sample.

    Keywords as in `DirichletMixture`. Where restarts disagree the clusters are not in the data; where only the order of
    the samples changes them, `init="sorted-kmeans++"` makes the fit independent of it.

    # Errors
    As `DirichletMixture.fit`.

    >>> import numpy as np
    >>> rows = np.array([[30, 2], [28, 4], [31, 1], [1, 40], [3, 35], [2, 33]])
    >>> consensus(rows, 2, n_init=5, init="kmeans++").agreement.tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    from persiste_rust.dirichlet import DirichletMixture

    size = check_count(n_components, "n_components")
    keywords: dict[str, Any] = {
        "random_state": random_state, "n_init": n_init, "init": init, "max_iter": max_iter, "tol": tol,
        "hessian": hessian, "threads": threads,
    }  # fmt: skip
    table = count_table(X)
    options = native_options(Options(**keywords), table.matrix.shape[0], None, sample_weight)
    found = engine().dirichlet_consensus(table.counts, size, options, progress)
    best = DirichletMixture(size, **keywords)._keep(found["best"], table)
    return Consensus(best, found["responsibilities"], found["agreement"], found["objectives"], found["shared"])
