"""The report of `persiste cluster`: as text, as one JSON object, and as files."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from persiste_rust._report import escaped, wrapped

if TYPE_CHECKING:
    from persiste_rust._cli_cluster import Clustering
    from persiste_rust._dirichlet_result import DirichletMixtureResult

FILES = ("cluster.json", "clusters.tsv", "profiles.tsv")
_TOP = 5


def _best(found: Clustering) -> DirichletMixtureResult:
    result = found.selection.best.result_
    assert result is not None
    return result


def _leading(found: Clustering) -> list[list[tuple[str, float, float]]]:
    """Returns the features of each component that are furthest above the mean profile: name, share, mean share."""
    result = _best(found)
    mean = np.average(result.profiles(), axis=0, weights=result.mixture_weights)
    leading = []
    for profile in result.profiles():
        order = np.argsort(-(profile - mean), kind="stable")[:_TOP]
        leading.append([(found.features[place], float(profile[place]), float(mean[place])) for place in order])
    return leading


def as_text(found: Clustering) -> str:
    """Returns what was read, compared and found, for a reader."""
    result, selection = _best(found), found.selection
    other = "families" if found.of == "genomes" else "genomes"
    lines = [
        f"table                 {found.table}: {len(found.names)} {found.of} by {len(found.features)} {other}",
        *(f"note                  {note}" for note in found.notes),
        f"starts                {found.n_restarts} for each number of components",
    ]
    for row in selection.table():
        chosen = " (chosen)" if len(selection.models) > 1 and row["n_components"] == result.n_components else ""
        lines.append(
            f"components {row['n_components']:<10.0f} Laplace {_number(row['Laplace'])}, BIC {_number(row['BIC'])}, "
            f"AIC {_number(row['AIC'])}, NLE {_number(row['NLE'])}{chosen}"
        )
    if len(selection.models) > 1:
        lines.append(f"chosen by             {selection.criterion} (lower is better; half the usual scale)")
    sizes = np.bincount(np.argmax(result.group_assignments, axis=1), minlength=result.n_components)
    precisions = result.precisions()
    for component, features in enumerate(_leading(found)):
        names = ", ".join(f"{escaped(name)} {share:.3g} ({mean:.3g})" for name, share, mean in features)
        lines.append(
            f"cluster {component:<13} {sizes[component]} {found.of}, weight {result.mixture_weights[component]:.4f}, "
            f"precision {precisions[component]:.4g}; above the mean: {names}"
        )
    sure = result.group_assignments.max(axis=1)
    lines.append(
        f"certainty             {100 * np.mean(sure > 0.95):.1f} % of {found.of} belong to one cluster with "
        "probability above 0.95"
    )
    if not result.converged:
        lines.append("not converged         raise the number of restarts or look at the table")
    return wrapped("\n".join(lines))


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "infinite"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def as_json(found: Clustering, version: str) -> str:
    """Returns the same as one JSON object, without NaN or infinity."""
    result = _best(found)
    rows = [{key: _finite(value) for key, value in row.items()} for row in found.selection.table()]
    report: dict[str, Any] = {
        "persiste_rust": version,
        "table": found.table,
        "of": found.of,
        f"n_{found.of}": len(found.names),
        "n_features": len(found.features),
        "notes": found.notes,
        "criterion": found.selection.criterion,
        "compared": [{**row, "n_components": int(row["n_components"] or 0)} for row in rows],
        "n_components": result.n_components,
        "weights": result.mixture_weights.tolist(),
        "precisions": result.precisions().tolist(),
        "converged": result.converged,
        "indefinite_components": result.indefinite_components,
        "seed": result.seed,
        "clusters": dict(zip(found.names, np.argmax(result.group_assignments, axis=1).tolist(), strict=True)),
    }
    return json.dumps(report, indent=2, allow_nan=False, ensure_ascii=False)


def files(found: Clustering, json_text: str) -> dict[str, str]:
    """Returns the content of each file of the report by its name."""
    result = _best(found)
    components = range(result.n_components)
    head = "\t".join(f"probability_{component}" for component in components)
    clusters = [f"name\tcluster\t{head}\n"]
    for name, shares in zip(found.names, result.group_assignments.tolist(), strict=True):
        cells = "\t".join(repr(share) for share in shares)
        clusters.append(f"{escaped(name)}\t{shares.index(max(shares))}\t{cells}\n")
    kinds = ("share", "alpha", "lower", "upper")
    profiles = ["feature\t" + "\t".join(f"{kind}_{one}" for one in components for kind in kinds) + "\n"]
    estimates = [result.parameter_estimates[key] for key in ("Estimate", "Lower", "Upper")]
    table = np.stack([result.profiles().T, *estimates], axis=2)
    for name, row in zip(found.features, table.reshape(len(found.features), -1).tolist(), strict=True):
        cells = "\t".join("" if math.isnan(value) else repr(value) for value in row)
        profiles.append(f"{escaped(name)}\t{cells}\n")
    return dict(zip(FILES, (json_text + "\n", "".join(clusters), "".join(profiles)), strict=True))
