"""New gene families drawn from a model: for power, checks of a fit, and teaching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from persiste_rust._backend import Choice, backend as backend_module
from persiste_rust._checked import (
    MOST_FAMILIES,
    checked_ascertainment,
    checked_root,
    checked_seed,
    checked_threads,
    numbered_families,
    whole_number,
)
from persiste_rust.covariates import covariate_columns
from persiste_rust.data import GeneContentData, Progress
from persiste_rust.effects import effects_setting
from persiste_rust.observation import TipProbabilities, observation_setting
from persiste_rust.rates import RateModel
from persiste_rust.regimes import Carry, Regimes, node_labels, regime_of_branches
from persiste_rust.tree import Tree

if TYPE_CHECKING:
    from persiste_rust.model import GeneContentModel, Parameters

# What may be missing: the probability of each cell, or families whose missing cells are reused.
MissingCells = float | GeneContentData

_NEEDS_ENGINE = (
    "simulation needs the compiled engine; this is the NumPy backend (install a Rust toolchain and reinstall)"
)


@dataclass(frozen=True, eq=False)
class Truth:
    """What really happened: arrays (n_nodes, n_families), rows in node order of the tree.

    `states` (uint8) is 0 absent, 1 present; `gains` and `losses` (uint32) count events on the branch above each node,
    0 for the root.
    """

    states: NDArray[np.uint8]
    gains: NDArray[np.uint32]
    losses: NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Simulation:
    """Simulated families: the table as `data`, the rate category of each family (n_families), and the truth if asked.

    `parameters` are those simulated at, `seed` that of all random numbers.
    """

    data: GeneContentData
    categories: NDArray[np.uint32]
    truth: Truth | None
    parameters: Mapping[str, float]
    seed: int


@dataclass(frozen=True)
class _Families:
    """Tree and names: what covariates are matched to."""

    tree: Tree
    family_names: list[str]

    @property
    def n_families(self) -> int:
        return len(self.family_names)


def simulate(
    tree: Tree | str | PathLike[str],
    n_families: int | None = None,
    params: Mapping[str, float] | None = None,
    *,
    family_names: Sequence[str] | None = None,
    root: str | float = "stationary",
    ascertainment: str | tuple[int, int | None] = "none",
    rates: str | RateModel = "shared",
    regimes: Regimes | None = None,
    gain: str | None = None,
    loss: str | None = None,
    family_covariates: Any = None,
    branch_covariates: Any = None,
    carry: Carry | None = None,
    completeness: TipProbabilities | None = None,
    contamination: TipProbabilities | None = None,
    missing: MissingCells | None = None,
    seed: int = 1,
    truth: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    backend: Choice = "auto",
) -> Simulation:
    """Draws gene families that evolve on a tree.

    `params` are the parameters of the model that the other options describe, as in `GeneContentModel`; a missing or
    unknown one is refused by name. Families are named `family_1`, ... unless `family_names` says otherwise (covariates
    are matched by these). With an ascertainment only families that it lists are drawn, `n_families` of them: by
    drawing and rejecting where that takes few draws, else built so by the counting programme; both are exact. `missing`
    hides cells: with a probability, or where given families (`GeneContentData` on the same tips) miss them; what is
    left visible is again as the ascertainment asks. `truth` also returns the states of all nodes and the events on
    all branches. A family depends on `seed`, its place and the model alone, never on threads.

    # Errors
    ValueError for a root that cannot be drawn from ("fitzjohn"), an ascertainment that nothing passes, and all that a
    model refuses.

    >>> found = simulate("((A:1,B:1):0.5,C:1.5);", 50, {"log_gain": -1.0, "log_loss": 0.0}, ascertainment="observed")
    >>> found.data.n_families, found.data.n_all_absent
    (50, 0)
    """
    if not isinstance(tree, Tree):
        tree = Tree.from_newick(tree)
    if family_names is None:
        names = numbered_families(whole_number(n_families, "n_families", highest=MOST_FAMILIES))
    else:
        names = list(family_names)
        if n_families not in (None, len(names)):
            raise ValueError(f"n_families is {n_families}, but family_names has {len(names)} names")
    families = _Families(tree, names)
    of_branches = None if regimes is None else regime_of_branches(tree, regimes)
    columns = covariate_columns(
        families,
        of_branches,
        formulas={"gain": gain, "loss": loss},
        family_covariates=family_covariates,
        branch_covariates=branch_covariates,
        carry=carry,
    )
    settings: dict[str, Any] = {
        "root": checked_root(root),
        "ascertainment": checked_ascertainment(ascertainment),
        "rates": (rates, {}) if isinstance(rates, str) else rates._spec(),
        "completeness": observation_setting(completeness, "completeness", tree.tip_names),
        "contamination": observation_setting(contamination, "contamination", tree.tip_names),
        "effects": effects_setting(columns, None, tree.parent, node_labels(tree), len(names)),
    }
    module = backend_module(backend)
    if not hasattr(module, "Generator"):
        raise ValueError(_NEEDS_ENGINE)
    if rates == "per-family":
        raise ValueError(
            "rates='per-family' have no parameters to simulate with; give gain and loss formulas over "
            "family_covariates that hold each family's log-rates"
        )
    generator = module.Generator(tree._native, len(names), settings, checked_threads(threads))
    vector = _vector(params or {}, generator.parameter_names)
    found = generator.simulate(
        vector, names, checked_seed(seed), missing=_missing(missing, module), truth=truth, progress=progress
    )
    return _simulation(found, generator.parameter_names, vector, seed)


def simulate_model(
    model: GeneContentModel,
    params: Parameters,
    *,
    seed: int = 1,
    missing: MissingCells | None = None,
    truth: bool = False,
    progress: Progress | None = None,
) -> Simulation:
    """Draws new families for the tree, groups and covariates of a model, under the names of its own families.

    `missing` is as in `simulate`; None reuses the missing cells of the model's own families, 0.0 leaves none.
    """
    native: Any = getattr(model, "_native", None)
    if not hasattr(native, "simulate"):
        if model.rates == "per-family":
            raise ValueError("families with rates of their own are not simulated; see persiste_rust.simulate")
        raise ValueError(_NEEDS_ENGINE)
    module = backend_module("rust")
    vector = model._vector(params)
    cells = model.data if missing is None else missing
    found = native.simulate(vector, checked_seed(seed), missing=_missing(cells, module), truth=truth, progress=progress)
    return _simulation(found, model.parameter_names, vector, seed)


def _missing(missing: MissingCells | None, module: Any) -> Any:
    if isinstance(missing, GeneContentData):
        return missing._for_backend(module)
    return None if missing is None else float(missing)


def _vector(params: Mapping[str, float], names: Sequence[str]) -> NDArray[np.float64]:
    for name in params:
        if name not in names:
            raise ValueError(f"unknown parameter '{name}'; known: {', '.join(names)}")
    for name in names:
        if name not in params:
            raise ValueError(f"parameter '{name}' is not given; known: {', '.join(names)}")
    return np.asarray([params[name] for name in names], dtype=np.float64)


def _simulation(found: dict[str, Any], names: Sequence[str], vector: NDArray[np.float64], seed: int) -> Simulation:
    data = GeneContentData.__new__(GeneContentData)
    data._keep(found["data"])
    truth = Truth(found["states"], found["gains"], found["losses"]) if "states" in found else None
    parameters = dict(zip(names, vector.tolist(), strict=True))
    return Simulation(data, found["categories"], truth, parameters, seed)
