"""Exact, fast likelihoods for the gain and loss of gene families on a phylogeny.

data = GeneContentData.read("tree.nwk", "gene_presence_absence.Rtab")
fit = GeneContentModel(data, ascertainment="observed").fit()
print(fit.summary())
"""

from importlib import import_module as _import_module, metadata as _metadata
from typing import TYPE_CHECKING, Any, Literal

from persiste_rust._backend import backend as _backend_module, chosen_name as _chosen_name
from persiste_rust.averaging import Average, model_average
from persiste_rust.check import Check, ExpectedSpectrum
from persiste_rust.comparison import Comparison, LikelihoodRatioTest, compare
from persiste_rust.data import GeneContentData
from persiste_rust.effects import BranchMultipliers
from persiste_rust.fit import Estimate, Fit
from persiste_rust.likelihoods import (
    compute_hamming_distance,
    compute_jaccard_distance,
    compute_likelihoods_numpy,
    compute_likelihoods_parallel,
    compute_likelihoods_rust,
)
from persiste_rust.model import GeneContentModel
from persiste_rust.observation import PerGenome, read_quality
from persiste_rust.rates import (
    DiscreteGamma,
    FixedCategories,
    GammaGainLoss,
    Hierarchical,
    LogNormal,
    Mixture,
    parse_rates,
)
from persiste_rust.recipes import (
    Alternative,
    EnvironmentalGradient,
    GenomeReduction,
    GenomicCluster,
    HostAssociation,
    PathwayCoherence,
    PerFamilyEffects,
    RetentionBias,
)
from persiste_rust.simulation import Simulation, simulate
from persiste_rust.tree import Tree

if TYPE_CHECKING:
    from persiste_rust.dirichlet import DirichletMixture

__version__ = _metadata.version("persiste-rust")
BACKEND: Literal["rust", "numpy"]  # by __getattr__: an environment that asks for what is not there has none

__all__ = [
    "BACKEND",
    "Alternative",
    "Average",
    "BranchMultipliers",
    "Check",
    "Comparison",
    "DirichletMixture",
    "DiscreteGamma",
    "EnvironmentalGradient",
    "Estimate",
    "ExpectedSpectrum",
    "Fit",
    "FixedCategories",
    "GammaGainLoss",
    "GeneContentData",
    "GeneContentModel",
    "GenomeReduction",
    "GenomicCluster",
    "Hierarchical",
    "HostAssociation",
    "LikelihoodRatioTest",
    "LogNormal",
    "Mixture",
    "PathwayCoherence",
    "PerFamilyEffects",
    "PerGenome",
    "RetentionBias",
    "Simulation",
    "Tree",
    "__version__",
    "ascertainments",
    "compare",
    "compute_hamming_distance",
    "compute_jaccard_distance",
    "compute_likelihoods_numpy",
    "compute_likelihoods_parallel",
    "compute_likelihoods_rust",
    "model_average",
    "parse_rates",
    "rate_models",
    "read_quality",
    "root_priors",
    "simulate",
    "table_formats",
]


# Modules that the package itself does not import: they are slow, or need an extra.
_LEAVES = ("dirichlet", "jax", "parallel", "surface", "torch", "uncertainty")


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


def __getattr__(name: str) -> Any:
    """Returns what is not there before it is asked for: the backend's name, the mixtures, modules that are leaves.

    With scikit-learn beneath them the mixtures take a second to import.
    """
    if name in _LEAVES:
        return _import_module(f"{__name__}.{name}")
    if name == "BACKEND":
        return _chosen_name()
    if name == "DirichletMixture":
        from persiste_rust.dirichlet import DirichletMixture

        return DirichletMixture
    raise AttributeError(f"module 'persiste_rust' has no attribute '{name}'")
