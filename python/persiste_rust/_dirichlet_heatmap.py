"""A picture of the samples, component by component; needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from persiste_rust._dirichlet_counts import count_table

if TYPE_CHECKING:
    from persiste_rust.dirichlet import DirichletMixture


def heatmap(model: DirichletMixture, X: Any, *, n_features: int = 30, axes: Any = None) -> Any:
    """Draws square roots of proportions, features by samples, and returns the matplotlib axes.

    Rows are the `n_features` features that differ most between components and the mean over samples, the largest
    difference on top; columns are the samples, grouped by component with a line between groups.

    # Errors
    ImportError without matplotlib; ValueError for a model that is not fitted or counts of another width.
    """
    try:
        from matplotlib import pyplot
    except ImportError as reason:
        raise ImportError("heatmap needs matplotlib; install persiste-rust[plot]") from reason
    result, table = model._checked(X)
    shares = table.matrix / table.matrix.sum(axis=1, keepdims=True, dtype=np.float64)
    distance = np.abs(result.profiles() - shares.mean(axis=0)).T @ result.mixture_weights
    rows = np.argsort(-distance, kind="stable")[:n_features]
    components = np.argmax(model._parameters(result).responsibilities(count_table(X).counts), axis=1)
    columns = np.argsort(components, kind="stable")
    if axes is None:
        _, axes = pyplot.subplots(figsize=(8, 1 + 0.2 * len(rows)))
    image = axes.imshow(np.sqrt(shares[np.ix_(columns, rows)].T), aspect="auto", cmap="Greys", interpolation="nearest")
    names = result.feature_names if result.feature_names is not None else range(result.n_features)
    axes.set_yticks(range(len(rows)), [str(list(names)[row]) for row in rows], fontsize="small")
    sizes = np.bincount(components, minlength=result.n_components)
    ends = np.cumsum(sizes)
    for end in ends[:-1]:
        axes.axvline(end - 0.5, color="tab:red", linewidth=1)
    labels = result.component_labels or {}
    shown = np.flatnonzero(sizes)
    axes.set_xticks((ends - sizes / 2 - 0.5)[shown], [labels.get(int(one), str(one)) for one in shown])
    axes.set_xlabel("samples by component")
    axes.figure.colorbar(image, ax=axes, label="square root of proportion")
    return axes
