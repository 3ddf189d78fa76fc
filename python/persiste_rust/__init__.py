"""Exact, fast likelihoods for the gain and loss of gene families on a phylogeny.

data = GeneContentData.read("tree.nwk", "gene_presence_absence.Rtab")
fit = GeneContentModel(data, ascertainment="observed").fit()
print(fit.summary())
"""

from importlib import metadata as _metadata
from typing import Any

from persiste_rust._backend import BACKEND, backend as _backend_module
from persiste_rust.data import GeneContentData
from persiste_rust.fit import Estimate, Fit
from persiste_rust.likelihoods import (
    compute_hamming_distance,
    compute_jaccard_distance,
    compute_likelihoods_numpy,
    compute_likelihoods_parallel,
    compute_likelihoods_rust,
)
from persiste_rust.model import GeneContentModel
from persiste_rust.simulation import Simulation, simulate
from persiste_rust.tree import Tree

__version__ = _metadata.version("persiste-rust")

__all__ = [
    "BACKEND",
    "Estimate",
    "Fit",
    "GeneContentData",
    "GeneContentModel",
    "Simulation",
    "Tree",
    "__version__",
    "ascertainments",
    "compute_hamming_distance",
    "compute_jaccard_distance",
    "compute_likelihoods_numpy",
    "compute_likelihoods_parallel",
    "compute_likelihoods_rust",
    "rate_models",
    "root_priors",
    "simulate",
    "table_formats",
]


def root_priors() -> list[str]:
    """Returns the names of the root priors."""
    return list(_backend_module().root_priors())


def ascertainments() -> list[str]:
    """Returns the names of what a likelihood can be conditioned on."""
    return list(_backend_module().ascertainments())


def rate_models() -> list[str]:
    """Returns the names of the rate models."""
    return list(_backend_module().rate_models())


def table_formats() -> list[dict[str, Any]]:
    """Returns the formats of tables: `name`, `description`, and `is_read`, False for those refused by name."""
    return list(_backend_module().table_formats())
