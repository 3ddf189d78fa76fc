"""The native module. `persiste_rust._fallback` offers the classes and functions here in NumPy, under the same names."""

from collections.abc import Callable
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Data",
    "DirichletCounts",
    "DirichletOptions",
    "DirichletParameters",
    "Model",
    "Tree",
    "__version__",
    "ascertainments",
    "compute_hamming_distance",
    "compute_jaccard_distance",
    "compute_likelihoods",
    "compute_likelihoods_parallel",
    "dirichlet_consensus",
    "dirichlet_cross_validate",
    "dirichlet_fit",
    "dirichlet_fit_groups",
    "dirichlet_names",
    "dirichlet_read_presence",
    "rate_models",
    "root_priors",
    "table_formats",
]

__version__: str

# Called about ten times a second with (stage, steps done, steps in all or 0).
_Progress = Callable[[str, int, int], object]

def root_priors() -> list[str]: ...
def ascertainments() -> list[str]: ...
def rate_models() -> list[str]: ...
def table_formats() -> list[dict[str, Any]]: ...
def compute_likelihoods(
    tree: Tree,
    presence_matrix: NDArray[np.int8],
    gain_rates: NDArray[np.float64],
    loss_rates: NDArray[np.float64],
    taxon_names: list[str] | None,
    root: str | float,
    threads: int | None,
) -> NDArray[np.float64]: ...
def compute_likelihoods_parallel(
    parent_indices: NDArray[np.int32],
    branch_lengths: NDArray[np.float64],
    presence_matrix: NDArray[np.int8],
    gain_rates: NDArray[np.float64],
    loss_rates: NDArray[np.float64],
    n_tips: int,
) -> NDArray[np.float64]: ...
def compute_jaccard_distance(matrix: NDArray[np.int8]) -> NDArray[np.float64]: ...
def compute_hamming_distance(matrix: NDArray[np.int8]) -> NDArray[np.float64]: ...

@final
class Tree:
    @staticmethod
    def from_newick(
        text_or_path: str | PathLike[str],
        *,
        missing_length: float | None = None,
        min_length: float | None = None,
        length_field: str | None = None,
    ) -> Tree: ...
    def to_newick(self, annotations: list[str] | None = None) -> str: ...
    @property
    def tip_names(self) -> list[str]: ...
    @property
    def node_names(self) -> list[str]: ...
    @property
    def n_tips(self) -> int: ...
    @property
    def n_nodes(self) -> int: ...
    @property
    def parent(self) -> NDArray[np.int64]: ...
    @property
    def branch_length(self) -> NDArray[np.float64]: ...
    @property
    def notes(self) -> list[str]: ...

@final
class Data:
    @staticmethod
    def read(
        tree: Tree,
        table_path: str | PathLike[str],
        *,
        format: str | None = None,
        genomes_in_rows: bool = False,
        prune_tree: bool = False,
        drop_extra_genomes: bool = False,
        progress: _Progress | None = None,
    ) -> Data: ...
    @staticmethod
    def from_matrix(
        tree: Tree,
        presence_matrix: NDArray[np.int8],
        taxon_names: list[str] | None,
        family_names: list[str] | None,
        *,
        prune_tree: bool = False,
        drop_extra_genomes: bool = False,
    ) -> Data: ...
    @property
    def tree(self) -> Tree: ...
    @property
    def n_tips(self) -> int: ...
    @property
    def n_families(self) -> int: ...
    @property
    def n_patterns(self) -> int: ...
    @property
    def n_missing(self) -> int: ...
    @property
    def n_all_absent(self) -> int: ...
    @property
    def family_names(self) -> list[str]: ...
    @property
    def notes(self) -> list[str]: ...
    def presences(self) -> NDArray[np.int64]: ...
    def presence_matrix(self) -> NDArray[np.int8]: ...

@final
class Model:
    def __new__(cls, data: Data, root: str | float, ascertainment: str, rates: str, threads: int | None) -> Model: ...
    @property
    def parameter_names(self) -> list[str]: ...
    def log_likelihood(self, params: NDArray[np.float64]) -> float: ...
    def log_likelihoods(self, params: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def value_and_gradient(self, params: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]: ...
    def fit(
        self,
        start: NDArray[np.float64] | None = None,
        *,
        max_iterations: int = 200,
        progress: _Progress | None = None,
    ) -> dict[str, Any]: ...
    # Keys of the mapping returned by `fit`:
    #   parameters, gradient, lower, upper (n_parameters,); covariance (n_parameters, n_parameters) or None;
    #   information_eigenvalues (n_free,), ascending; root_frequencies (2,), of states 0 and 1;
    #   log_likelihood; log_likelihoods (n_families,); converged; reason; iterations; evaluations; at_bound (names)

@final
class DirichletCounts:
    def __new__(cls, counts: NDArray[np.uint32]) -> DirichletCounts: ...
    @property
    def n_pairs(self) -> int: ...

@final
class DirichletOptions:
    def __new__(
        cls,
        *,
        init: str | NDArray[np.float64],
        seed: int,
        n_init: int,
        max_iter: int,
        tol: float,
        hessian: str,
        sample_weight: NDArray[np.float64] | None = None,
        threads: int | None = None,
    ) -> DirichletOptions: ...

@final
class DirichletParameters:
    def __new__(
        cls, weights: list[float], alpha: NDArray[np.float64], threads: int | None = None
    ) -> DirichletParameters: ...
    def log_evidence(self, counts: DirichletCounts) -> NDArray[np.float64]: ...
    def responsibilities(self, counts: DirichletCounts) -> NDArray[np.float64]: ...
    def log_likelihoods(self, counts: DirichletCounts) -> NDArray[np.float64]: ...
    def negative_log_prior(self) -> float: ...
    def assess(self, counts: DirichletCounts, hessian: str) -> dict[str, Any]: ...
    # Keys of `assess`: goodness_of_fit (mapping), laplace_by_weight, log_determinants (n_components,),
    #   lower, upper (n_components, n_features), indefinite (components)

# Mixtures have no twin in `persiste_rust._fallback`.
# Keys of each fit: weights (n_components,), alpha (n_components, n_features),
#   responsibilities (n_samples, n_components), objectives (n_rounds,), converged, separation,
#   seed, and those of `assess`.
def dirichlet_fit(
    counts: DirichletCounts, n_components: list[int], options: DirichletOptions, progress: _Progress | None = None
) -> list[dict[str, Any]]: ...
def dirichlet_consensus(
    counts: DirichletCounts, n_components: int, options: DirichletOptions, progress: _Progress | None = None
) -> dict[str, Any]: ...
def dirichlet_fit_groups(
    counts: DirichletCounts,
    labels: list[int],
    n_classes: int,
    n_components: list[int],
    criterion: str,
    options: DirichletOptions,
    progress: _Progress | None = None,
) -> tuple[list[dict[str, Any]], list[float]]: ...
def dirichlet_cross_validate(
    counts: DirichletCounts,
    labels: list[int],
    n_components: list[int],
    n_folds: int,
    seed: int,
    options: DirichletOptions,
    progress: _Progress | None = None,
) -> tuple[NDArray[np.float64], list[int]]: ...
def dirichlet_names() -> dict[str, list[str]]: ...

# Presences (n_genomes, n_families) with -1 for missing, genomes, families, notes.
def dirichlet_read_presence(
    path: str | PathLike[str],
    first_column: str,
    format: str | None = None,
    *,
    genomes_in_rows: bool = False,
    progress: _Progress | None = None,
) -> tuple[NDArray[np.int8], list[str], list[str], list[str]]: ...
