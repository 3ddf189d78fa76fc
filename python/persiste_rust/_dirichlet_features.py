"""Which features set the components of a mixture apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from persiste_rust._dirichlet_result import _pandas

if TYPE_CHECKING:
    from persiste_rust.dirichlet import DirichletMixture


def feature_contributions(model: DirichletMixture, single: DirichletMixture) -> Any:
    """Returns how far each component's mean proportions are from those of one component for all, feature by feature.

    `difference_kj = |p_kj - p_0j|` with `p_k = alpha_k / sum alpha_k`, `single` being fitted to the same counts with
    one component. The DataFrame has one row a component and feature, the largest differences of a component first,
    and the columns component, feature, proportion, reference, difference, share (of the component's sum of differences)
    and cumulative.

    # Errors
    ValueError for models that are not fitted or not of the same features, or if `single` has several components;
    ImportError without pandas.

    # Source
    Holmes, Harris and Quince 2012, doi:10.1371/journal.pone.0030126, table 1.
    """
    if model.result_ is None or single.result_ is None:
        raise ValueError("both models must be fitted")
    result = model.result_
    if single.result_.n_components != 1 or single.result_.n_features != result.n_features:
        raise ValueError(
            f"the model to compare with has {single.result_.n_components} components and "
            f"{single.result_.n_features} features; expected 1 and {result.n_features}"
        )
    pandas = _pandas()
    names = np.array(result.feature_names if result.feature_names is not None else range(result.n_features))
    reference = single.result_.profiles()[0]
    frames = []
    for component, profile in enumerate(result.profiles()):
        difference = np.abs(profile - reference)
        order = np.argsort(-difference, kind="stable")
        share = difference[order] / max(difference.sum(), np.finfo(float).tiny)
        frames.append(
            pandas.DataFrame(
                {
                    "component": component,
                    "feature": names[order],
                    "proportion": profile[order],
                    "reference": reference[order],
                    "difference": difference[order],
                    "share": share,
                    "cumulative": np.cumsum(share),
                }
            )
        )
    return pandas.concat(frames, ignore_index=True)
