"""Choosing the number of components of a mixture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from persiste_rust._dirichlet_counts import count_table, engine
from persiste_rust._dirichlet_options import Options, check_count, criterion_key, native_options
from persiste_rust._dirichlet_result import _pandas

if TYPE_CHECKING:
    from persiste_rust.dirichlet import DirichletMixture


@dataclass(frozen=True)
class ComponentSelection:
    """Fits of several numbers of components: `models` in the order asked for, the criterion, the place of the best."""

    models: list[DirichletMixture]
    criterion: str
    best_place: int

    @property
    def best(self) -> DirichletMixture:
        """The fitted model with the lowest criterion."""
        return self.models[self.best_place]

    @property
    def best_n_components(self) -> int:
        """Its number of components."""
        return self.best.n_components

    def table(self) -> list[dict[str, float]]:
        """Returns one mapping a number: n_components, NLE, LogDet, Laplace, BIC, AIC."""
        rows = []
        for model in self.models:
            assert model.result_ is not None
            rows.append({"n_components": model.n_components, **model.result_.goodness_of_fit})
        return rows

    def to_frame(self) -> Any:
        """Returns `table` as a pandas DataFrame."""
        return _pandas().DataFrame(self.table()).set_index("n_components")


def select_components(
    X: Any,
    n_components: Iterable[int] = range(1, 8),
    *,
    criterion: str = "laplace",
    sample_weight: ArrayLike | None = None,
    progress: Callable[[str, int, int], object] | None = None,
    random_state: int = 42,
    n_init: int = 1,
    init: str = "soft-kmeans",
    max_iter: int = 100,
    tol: float = 1e-6,
    hessian: str = "exact",
    threads: int | None = None,
) -> ComponentSelection:
    """Fits a mixture for each number of components and returns all of them, with the best by a criterion.

    `criterion` is "laplace", "bic", "aic" or "nle", lower is better. `progress` is called about ten times a second with
    (stage, starts done, starts in all). The other keywords are those of `DirichletMixture`. Fits run side by side.

    # Errors
    As `DirichletMixture.fit`; ValueError for an unknown criterion or no numbers.

    >>> import numpy as np
    >>> rows = np.repeat([[30, 2, 5], [1, 40, 9]], 10, axis=0)
    >>> select_components(rows, range(1, 4)).best_n_components
    2
    """
    from persiste_rust.dirichlet import DirichletMixture

    key = criterion_key(criterion)
    sizes = [check_count(number, "n_components") for number in n_components]
    if not sizes:
        raise ValueError("n_components is empty; allowed is one number or more")
    if min(sizes) < 1:
        raise ValueError(f"Array dimensions and n_components must be positive; n_components holds {min(sizes)}")
    keywords: dict[str, Any] = {
        "random_state": random_state, "n_init": n_init, "init": init, "max_iter": max_iter, "tol": tol,
        "hessian": hessian, "threads": threads,
    }  # fmt: skip
    table = count_table(X)
    options = native_options(Options(**keywords), table.matrix.shape[0], None, sample_weight)
    found = engine().dirichlet_fit(table.counts, sizes, options, progress)
    models = [DirichletMixture(size, **keywords)._keep(fit, table) for size, fit in zip(sizes, found, strict=True)]
    values = [fit["goodness_of_fit"][key] for fit in found]
    return ComponentSelection(models, key, values.index(min(values)))
