"""The native module. `persiste_rust._fallback` offers the classes and functions here in NumPy, under the same names."""

from collections.abc import Callable
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Data",
    "Model",
    "Tree",
    "__version__",
    "aggregate",
    "ascertainments",
    "branch_quantity",
    "branch_sums",
    "compute_hamming_distance",
    "compute_jaccard_distance",
    "compute_likelihoods",
    "compute_likelihoods_parallel",
    "events",
    "fold_of_item",
    "joint_states",
    "parallel_fraction",
    "ranking",
    "rate_models",
    "relabelled_newick",
    "root_priors",
    "stream_seed",
    "summarise",
    "table_formats",
    "thread_count",
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

# The numbers of the parallel toolkit.
def thread_count(threads: int | None) -> int: ...
def stream_seed(seed: int, item: int, sample: int) -> int: ...
def fold_of_item(n_items: int, n_folds: int, seed: int) -> NDArray[np.int64]: ...
def ranking(scores: NDArray[np.float64]) -> NDArray[np.int64]: ...
def summarise(
    samples: NDArray[np.float64], quantiles: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
def aggregate(
    predictions: NDArray[np.float64], how: str, weights: NDArray[np.float64] | None
) -> NDArray[np.float64]: ...
def parallel_fraction(threads: list[int], speed_ups: list[float]) -> float: ...

# Histories: the rows of tables are nodes, the columns families.
def branch_quantity(
    model: Model, params: NDArray[np.float64], quantity: str, single: bool
) -> NDArray[np.float64] | NDArray[np.float32]: ...
def joint_states(model: Model, params: NDArray[np.float64]) -> dict[str, Any]: ...
def branch_sums(model: Model, params: NDArray[np.float64]) -> dict[str, Any]: ...
def events(
    model: Model,
    params: NDArray[np.float64],
    least_probability: float,
    false_discovery_rate: float | None = None,
    nodes: NDArray[np.bool_] | None = None,
    families: NDArray[np.bool_] | None = None,
) -> dict[str, Any]: ...
def relabelled_newick(tree: Tree, names: list[str], annotations: list[str]) -> str: ...

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
