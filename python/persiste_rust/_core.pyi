"""The native module. `persiste_rust._fallback` offers the classes and functions here in NumPy, under the same names."""

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Data",
    "Differentiable",
    "DirichletCounts",
    "DirichletOptions",
    "DirichletParameters",
    "FamilyFits",
    "FamilyModel",
    "Fitted",
    "Generator",
    "Model",
    "Tree",
    "__version__",
    "aggregate",
    "all_families",
    "ascertainments",
    "branch_quantity",
    "branch_sums",
    "check",
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
    "events",
    "expected_spectrum",
    "fold_of_item",
    "format_cells",
    "genome_residuals",
    "joint_states",
    "parallel_fraction",
    "ranking",
    "rate_models",
    "relabelled_tree",
    "root_priors",
    "stochastic_maps",
    "stream_seed",
    "summarise",
    "table_formats",
    "thread_count",
    "xla_handlers",
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

# Histories: the rows of tables are nodes, the columns families; parameters of a FamilyModel are log gain and log loss
# of one family after the other.
def branch_quantity(
    model: Model | FamilyModel, params: NDArray[np.float64], quantity: str, single: bool
) -> NDArray[np.float64] | NDArray[np.float32]: ...
def joint_states(model: Model | FamilyModel, params: NDArray[np.float64]) -> dict[str, Any]: ...
def branch_sums(model: Model | FamilyModel, params: NDArray[np.float64]) -> dict[str, Any]: ...
def events(
    model: Model | FamilyModel,
    params: NDArray[np.float64],
    least_probability: float,
    false_discovery_rate: float | None = None,
    nodes: NDArray[np.bool_] | None = None,
    families: NDArray[np.bool_] | None = None,
) -> dict[str, Any]: ...
def relabelled_tree(tree: Tree, names: list[str], annotations: list[str], nexus: bool) -> str: ...
def stochastic_maps(
    model: Model | FamilyModel,
    params: NDArray[np.float64],
    n_maps: int,
    seed: int,
    *,
    families: NDArray[np.bool_] | None = None,
    by_family: bool = False,
    events: bool = False,
    threads: int | None = None,
    progress: _Progress | None = None,
) -> dict[str, Any]: ...
def format_cells(
    cells: NDArray[np.int8] | NDArray[np.float32], nodes: list[int], first: int, names: list[str]
) -> bytes: ...

# Keys of `expected_spectrum`: bins (n_tips + 1) and classes (4) with observed, expected, sd, low, high; class_names;
#   seen, expected_seen, expected_seen_sd (n_tips + 1,); n_laws, n_simulated. Of `check`: spectrum, statistics, families
#   (n_families,), genomes (n_tips,).
def expected_spectrum(
    model: Model,
    params: NDArray[np.float64],
    n_simulations: int,
    seed: int,
    core: float,
    cloud: float,
    progress: _Progress | None = None,
) -> dict[str, Any]: ...
def check(
    model: Model,
    params: NDArray[np.float64],
    n_simulations: int,
    seed: int,
    core: float,
    cloud: float,
    progress: _Progress | None = None,
) -> dict[str, Any]: ...
def genome_residuals(model: Model, params: NDArray[np.float64]) -> dict[str, Any]: ...
def all_families(model: Model, params: NDArray[np.float64]) -> tuple[float, float]: ...

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
        absent_genomes: bool = False,
        progress: _Progress | None = None,
    ) -> Data: ...
    @staticmethod
    def from_presences(
        tree: Tree,
        family_index: NDArray[np.int64],
        genome_index: NDArray[np.int64],
        states: NDArray[np.int8],
        taxon_names: list[str] | None,
        family_names: list[str],
        *,
        prune_tree: bool = False,
        drop_extra_genomes: bool = False,
        absent_genomes: bool = False,
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

# A model's settings. Keys:
#   root: a name of `root_priors()` or P(present at the root);
#   ascertainment: a name of `ascertainments()` or (lowest, highest or None for all);
#   rates: (a name of `rate_models()`, options by name: a number, a list of numbers or a word);
#   effects: None, or a mapping with
#     names: those of the parameters;
#     group_of_family (n_families,), uint32; set_of_node (n_nodes,), uint32;
#     gain, loss: sparse covariates of row group * n_sets + set, as (start (n_rows + 1,) int64, column uint32, value
#       float64);
#     penalty: a list of (parameter, other parameter or None, centre, weight), a term being
#       weight / 2 (parameter - other - centre)^2;
#   completeness, contamination: None, a list of n_tips probabilities, "estimated" (one for all tips), or a tuple
#     (centre, standard deviation on the logit scale) of a prior on each tip's own.
_Settings = Mapping[str, Any]

@final
class Model:
    def __new__(cls, data: Data, settings: _Settings, threads: int | None) -> Model: ...
    @property
    def parameter_names(self) -> list[str]: ...
    @property
    def penalised(self) -> list[str]: ...
    def rates_in_words(self) -> str: ...
    def penalty(self, params: NDArray[np.float64]) -> float: ...
    def log_likelihood(self, params: NDArray[np.float64]) -> float: ...
    def log_likelihoods(self, params: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def log_likelihoods_batch(self, params: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def value_and_gradient(self, params: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]: ...
    def simulate(
        self,
        params: NDArray[np.float64],
        seed: int,
        *,
        missing: Any = None,
        truth: bool = False,
        progress: _Progress | None = None,
    ) -> dict[str, Any]: ...
    def category_posteriors(self, params: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def family_rates(self, params: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def fit(
        self,
        start: NDArray[np.float64] | None = None,
        *,
        n_starts: int | None = None,
        max_iterations: int = 200,
        progress: _Progress | None = None,
    ) -> dict[str, Any]: ...
    # Keys of the mapping returned by `fit`:
    #   parameters, lower, upper (n_parameters,); gradient (n_parameters,), of log-likelihood minus penalty;
    #   covariance (n_parameters, n_parameters) or None, NaN in rows and columns of parameters at a bound;
    #   information_eigenvalues (n_free,), ascending;
    #   root_frequencies (2,), of states 0 and 1, or None where each family has its own;
    #   log_likelihood; log_likelihoods (n_families,); penalty; n_starts; n_agreeing, the searches that ended at this
    #   maximum; converged; reason; iterations; evaluations; at_bound (names)
    #   fitted, a Fitted; the NumPy backend leaves it out

# Functions of rows: inputs and results are (n_vectors, size). With `nan_outside` a row outside the domain is NaN.
#   value: parameters -> log-likelihood; value_and_gradient: parameters -> log-likelihood, gradient;
#   families: parameters -> log-likelihood of each family;
#   vector_jacobian: parameters, a cotangent a family -> gradient;
#   given_rates: gain, loss (n_categories or n_categories * n_families), branch lengths (n_nodes), pairs of root
#     frequencies (2 n_categories or 2 n_categories * n_families), weights (n_categories)
#     -> log-likelihood of each family;
#   given_rates_adjoint: these and a cotangent a family -> derivatives by each of the five.
# The first four are of a model, the others of data.
@final
class Differentiable:
    @staticmethod
    def of_model(model: Model) -> Differentiable: ...
    @staticmethod
    def of_data(data: Data, threads: int | None) -> Differentiable: ...
    @property
    def id(self) -> int: ...
    def call(
        self, function: str, inputs: list[NDArray[np.float64]], nan_outside: bool
    ) -> list[NDArray[np.float64]]: ...

# Capsules of the handlers that XLA's foreign-function interface calls: the functions of `Differentiable` by name, with
# the attributes `target`, the `id` of an object, and `nan_outside`, both int64; for a runtime of this version.
def xla_handlers(major: int, minor: int) -> dict[str, Any]: ...

# Estimates (n_rows, n_parameters), a log-likelihood and whether the search converged, (n_rows,) each.
_Table = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]

@final
class Fitted:
    def bootstrap(self, first: int, n_replicates: int, seed: int, *, progress: _Progress | None = None) -> _Table: ...
    def cross_validate(
        self, n_folds: int, seed: int, *, progress: _Progress | None = None
    ) -> tuple[_Table, list[int]]: ...
    def profile(
        self, parameter: int, values: NDArray[np.float64], *, progress: _Progress | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def profile_interval(
        self, parameter: int, drop: float, *, progress: _Progress | None = None
    ) -> tuple[float, float]: ...
    def parametric_bootstrap(
        self, first: int, n_replicates: int, seed: int, *, progress: _Progress | None = None
    ) -> _Table: ...
    def sandwich(self) -> NDArray[np.float64] | None: ...

@final
class FamilyModel:
    def __new__(
        cls, data: Data, root: str | float, ascertainment: str | tuple[int, int | None], threads: int | None
    ) -> FamilyModel: ...
    def log_likelihoods(self, log_rates: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def values_and_gradients(
        self, log_rates: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def fit(self, *, progress: _Progress | None = None) -> dict[str, Any]: ...
    def intervals(
        self, fits: FamilyFits, drop: float, *, progress: _Progress | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

@final
class FamilyFits: ...

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

@final
class Generator:
    def __new__(cls, tree: Tree, n_families: int, settings: _Settings, threads: int | None) -> Generator: ...
    @property
    def parameter_names(self) -> list[str]: ...
    def simulate(
        self,
        params: NDArray[np.float64],
        family_names: list[str] | None,
        seed: int,
        *,
        missing: Any = None,
        truth: bool = False,
        progress: _Progress | None = None,
    ) -> dict[str, Any]: ...
