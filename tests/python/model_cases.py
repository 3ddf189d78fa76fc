"""Models of every kind over one small table with missing cells, for tests of both backends."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from persiste_rust import (
    BranchMultipliers,
    DiscreteGamma,
    FixedCategories,
    GammaGainLoss,
    GeneContentData,
    GeneContentModel,
    Hierarchical,
    LogNormal,
    Mixture,
    PerGenome,
)

# A polytomy, a single-child node, a branch of length 0, names at two inner nodes.
TREE = "(((A:0.3,B:0.7)ab:0.4,(C:0.2):0.5,D:0.9):0.1,((E:0.6,F:0)ef:0.3,G:1.2,H:0.4):0.2);"
TIPS = list("ABCDEFGH")


def table(n_families: int = 24, seed: int = 5) -> GeneContentData:
    """Returns families with one to seven carriers, one absence at least, and missing cells."""
    rng = np.random.default_rng(seed)
    cells = np.zeros((8, n_families), dtype=np.int8)
    for family in range(n_families):
        carriers = rng.permutation(8)[: rng.integers(2, 7)]
        cells[carriers, family] = 1
        others = np.setdiff1d(np.arange(8), carriers)
        cells[rng.permutation(others)[: rng.integers(0, len(others))], family] = -1
    return GeneContentData(TREE, cells)


DATA = table()
FAMILIES = DATA.family_names
FAMILY_TABLE = {
    "size": {name: float(place % 5) - 1.5 for place, name in enumerate(FAMILIES)},
    "kind": {name: "abc"[place % 3] for place, name in enumerate(FAMILIES)},
}
BRANCH_TABLE = {"heat": {tip: 0.25 * place for place, tip in enumerate(TIPS)}}
REGIMES = {"left": "ab", "right": ["E", "G"]}
QUALITY = {tip: 0.75 + 0.03 * place for place, tip in enumerate(TIPS)}
DIRT = {tip: 0.01 * place for place, tip in enumerate(TIPS)}


class Case(NamedTuple):
    """The options of a model, and whether records of tips are with error."""

    options: dict[str, Any]
    observed: bool = False


_RATES: dict[str, Any] = {
    "shared": "shared",
    "gamma": DiscreteGamma(3),
    "gamma-median": DiscreteGamma(2, "median"),
    "gamma-gain-loss": GammaGainLoss(2),
    "mixture": Mixture(3),
    "lognormal": LogNormal(4),
    "hierarchical": Hierarchical(3),
    "fixed-categories": FixedCategories([0.1, 0.5, 2.0], [0.2, 0.3, 0.5]),
}
_ROOTS: list[str | float] = ["equal", "absent", "present", 0.3, "estimated"]
_WINDOWS: list[Any] = ["observed", "variable", (1, None), (2, 7), (0, 6), (1, 8), (2, 6), (0, 8)]
_REGRESSION: dict[str, Any] = {
    "gain": "~ 1 + size",
    "loss": "~ 1 + kind + regime + size:regime + heat",
    "family_covariates": FAMILY_TABLE,
    "branch_covariates": BRANCH_TABLE,
    "carry": "mean",
    "regimes": REGIMES,
}
_OBSERVATIONS: dict[str, dict[str, Any]] = {
    "given": {"completeness": QUALITY, "contamination": DIRT},
    "complete": {"completeness": 0.9},
    "estimated": {"completeness": "estimated", "contamination": "estimated"},
    "per-genome": {"completeness": PerGenome(0.9, 0.7), "contamination": 0.02},
}


def _cases() -> dict[str, Case]:
    cases = {f"rates-{name}": Case({"rates": rates}) for name, rates in _RATES.items()}
    for root in _ROOTS:
        cases[f"root-{root}"] = Case({"root": root, "rates": Mixture(2), "ascertainment": "observed"})
    cases["root-fitzjohn"] = Case({"root": "fitzjohn", "rates": DiscreteGamma(2)})
    cases["zero-category"] = Case({"root": "estimated", "rates": FixedCategories([0.0, 0.5])})
    for window in _WINDOWS:
        cases[f"window-{window}"] = Case({"ascertainment": window, "rates": DiscreteGamma(2)})
    cases["regimes"] = Case({"regimes": REGIMES, "rates": GammaGainLoss(2), "ascertainment": (1, 7)})
    cases["regression"] = Case({**_REGRESSION, "rates": DiscreteGamma(2), "ascertainment": "observed"})
    cases["regression-fitzjohn"] = Case({**_REGRESSION, "root": "fitzjohn"})
    for kind, on in (("ridge", "both"), ("autocorrelated", "separate"), ("ridge", "gain")):
        multipliers = BranchMultipliers(2.0, kind, on)  # type: ignore[arg-type]
        cases[f"multipliers-{kind}-{on}"] = Case({"branch_multipliers": multipliers, "root": "estimated"})
    cases["multipliers-regimes"] = Case({"branch_multipliers": BranchMultipliers(), "regimes": REGIMES})
    for name, observation in _OBSERVATIONS.items():
        for window in ("none", "observed", "variable", (2, 7)):
            options = {**observation, "ascertainment": window, "rates": DiscreteGamma(2)}
            cases[f"observation-{name}-{window}"] = Case(options, observed=True)
        cases[f"observation-{name}-fitzjohn"] = Case({**observation, "root": "fitzjohn"}, observed=True)
    everything = {**_REGRESSION, **_OBSERVATIONS["per-genome"], "rates": Mixture(2), "root": "estimated"}
    cases["observation-everything"] = Case({**everything, "ascertainment": (1, 7)}, observed=True)
    return cases


CASES = _cases()


def build(case: Case, backend: Any = "auto", data: GeneContentData = DATA) -> GeneContentModel:
    """Returns the model of a case."""
    return GeneContentModel(data, backend=backend, **case.options)


def parameters(model: GeneContentModel, seed: int = 0) -> np.ndarray:
    """Returns a point at which every parameter of the model matters."""
    point = np.random.default_rng(seed).normal(0.0, 0.5, len(model.parameter_names))
    for place, name in enumerate(model.parameter_names):
        if name.startswith("logit_completeness"):
            point[place] += 1.5
        elif name.startswith("logit_contamination"):
            point[place] -= 3.0
    return point


def in_32_bits() -> Any:
    """Returns a context in which JAX computes with 32 bits."""
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(False)
    from jax.experimental import disable_x64  # before JAX 0.8

    return disable_x64()
