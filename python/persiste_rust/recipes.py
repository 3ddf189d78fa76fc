"""Ready hypotheses about gain and loss: each adds covariates to a model, and is tested against the model without."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from persiste_rust._covariate_table import CovariateTable, read_covariates
from persiste_rust.effects import Column, branch_column, family_column, product_column
from persiste_rust.regimes import BACKGROUND, Carry, branch_values, regime_of_branches

if TYPE_CHECKING:
    from persiste_rust.model import GeneContentModel

Side = Literal["both", "greater", "less"]
_On = Literal["gain", "loss"]


@dataclass(frozen=True, eq=False)
class Alternative:
    """What a recipe adds: covariates, or other settings of the model, and on which side of the null it looks.

    `sides` has one entry a new parameter: "both", or "greater" / "less" where only that sign is tested, so that the
    null stands at the boundary. `boundary` counts new parameters that stand at the end of their range under the null
    (a variance of 0).
    """

    columns: tuple[Column, ...] = ()
    settings: Mapping[str, Any] | None = None
    sides: tuple[Side, ...] = ()
    boundary: int = 0


class Recipe(Protocol):
    """A hypothesis that can be added to a model."""

    def alternative(self, model: GeneContentModel) -> Alternative:
        """Returns what the hypothesis adds to `model`."""
        ...


_RATES: tuple[_On, _On] = ("gain", "loss")


def _both(columns: tuple[Column, ...]) -> tuple[Side, ...]:
    return tuple("both" for _ in columns)


def _members(model: GeneContentModel, families: Collection[str], what: str) -> NDArray[np.float64]:
    wanted = {families} if isinstance(families, str) else set(families)
    names = model.data.family_names
    unknown = wanted.difference(names)
    if unknown:
        raise ValueError(
            f"{what} names family '{min(unknown)}', which the table does not hold ({len(unknown)} unknown)"
        )
    values = np.asarray([name in wanted for name in names], dtype=np.float64)
    if not 0.0 < values.sum() < len(values):
        raise ValueError(
            f"{what} names {int(values.sum())} of {len(values)} families; some must be inside and some outside"
        )
    return values


def _clade(model: GeneContentModel, clade: str | Collection[str], what: str) -> NDArray[np.float64]:
    regimes = regime_of_branches(model.data.tree, {what: clade})
    return np.asarray([regime != BACKGROUND for regime in regimes], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class RetentionBias:
    """Some families are lost less often: `loss:retained` multiplies their loss rate by its exponential.

    `families` are the names of those said to be retained (essential genes, say). One-sided: the alternative is a
    slower loss; `side="both"` tests any difference.
    """

    families: Collection[str]
    side: Side = "less"

    def alternative(self, model: GeneContentModel) -> Alternative:
        """Returns the covariate of retained families."""
        values = _members(model, self.families, "retention bias")
        column = family_column("loss:retained", "loss", values, model.data.tree.n_nodes)
        return Alternative((column,), sides=(self.side,))


@dataclass(frozen=True, eq=False)
class HostAssociation:
    """Gain and loss differ on the branches of host-associated lineages.

    `clade` names them as a regime does, or `tips` maps every tip to 1 (associated) or 0: a branch above both kinds
    takes the mean of its tips. With `families` only those families differ there.
    """

    clade: str | Collection[str] | None = None
    tips: Mapping[str, float] | None = None
    families: Collection[str] | None = None

    def alternative(self, model: GeneContentModel) -> Alternative:
        """Returns the covariates of host-associated branches."""
        if (self.clade is None) == (self.tips is None):
            raise ValueError("host association takes either a clade or a value for every tip")
        if self.clade is not None:
            branches = _clade(model, self.clade, "host")
        else:
            branches = _numbers(model, {"host": self.tips}, "host", "mean")
        columns = []
        for on in _RATES:
            name = f"{on}:host"
            if self.families is None:
                columns.append(branch_column(name, on, branches, model.data.n_families))
            else:
                values = _members(model, self.families, "host association")
                columns.append(product_column(name, on, values, branches))
        return Alternative(tuple(columns), sides=("both", "both"))


@dataclass(frozen=True, eq=False)
class GenomeReduction:
    """Loss is faster in a clade (endosymbionts, say): `loss:reduced` multiplies the loss rate on its branches.

    One-sided: the alternative is a faster loss; `side="both"` tests any difference.
    """

    clade: str | Collection[str]
    side: Side = "greater"

    def alternative(self, model: GeneContentModel) -> Alternative:
        """Returns the covariate of the clade's branches."""
        inside = _clade(model, self.clade, "reduced")
        return Alternative((branch_column("loss:reduced", "loss", inside, model.data.n_families),), sides=(self.side,))


@dataclass(frozen=True, eq=False)
class PathwayCoherence:
    """Families of one pathway share rates of their own: a gain and a loss effect for every pathway.

    `pathways` maps family to pathway; families that it leaves out are the reference.
    """

    pathways: Mapping[str, str]

    def alternative(self, model: GeneContentModel) -> Alternative:
        """Returns one covariate a pathway and rate."""
        columns = _level_columns(model, self.pathways, "pathway", _RATES)
        return Alternative(columns, sides=_both(columns))


@dataclass(frozen=True, eq=False)
class GenomicCluster:
    """Families of one genomic cluster (an island, an operon) are lost together: a loss effect for every cluster.

    `clusters` maps family to cluster; families that it leaves out are the reference.
    """

    clusters: Mapping[str, str]

    def alternative(self, model: GeneContentModel) -> Alternative:
        """Returns one covariate a cluster."""
        columns = _level_columns(model, self.clusters, "cluster", ("loss",))
        return Alternative(columns, sides=_both(columns))


@dataclass(frozen=True, eq=False)
class EnvironmentalGradient:
    """Gain and loss follow a number that tips have (temperature, salinity): one slope each.

    `values` maps every tip, and any internal node that is known, to the number; other branches take the mean of the
    tips below them. The number is centred and divided by its standard deviation over branches.
    """

    values: Mapping[str, float]

    def alternative(self, model: GeneContentModel) -> Alternative:
        """Returns the gradient's covariates."""
        branches = _numbers(model, {"gradient": self.values}, "gradient", "mean")
        below_root = branches[:-1]
        spread = float(below_root.std())
        if spread == 0.0:
            raise ValueError("the environmental gradient is the same on all branches")
        scaled = (branches - below_root.mean()) / spread
        columns = tuple(branch_column(f"{on}:gradient", on, scaled, model.data.n_families) for on in _RATES)
        return Alternative(columns, sides=("both", "both"))


@dataclass(frozen=True, eq=False)
class PerFamilyEffects:
    """Families differ in speed beyond their covariates: a log-normal factor on both rates of each family.

    The null is a standard deviation of 0, the end of its range.
    """

    n_categories: int = 8

    def alternative(self, model: GeneContentModel) -> Alternative:
        """Returns the rate model with the factor."""
        if model._settings["rates"][0] != "shared":
            raise ValueError("per-family effects are tested against rates='shared'")
        return Alternative(settings={"rates": ("lognormal", {"n_categories": float(self.n_categories)})}, boundary=1)


def _numbers(model: GeneContentModel, source: Any, name: str, carry: Carry) -> NDArray[np.float64]:
    table: CovariateTable = read_covariates(source, name)
    return np.asarray(branch_values(model.data.tree, table, name, carry), dtype=np.float64)


def _level_columns(
    model: GeneContentModel, level_of: Mapping[str, str], what: str, rates: tuple[_On, ...]
) -> tuple[Column, ...]:
    names = model.data.family_names
    unknown = set(level_of).difference(names)
    if unknown:
        raise ValueError(f"a {what} is given for family '{min(unknown)}', which the table does not hold")
    levels = sorted({str(level) for level in level_of.values()})
    if not levels:
        raise ValueError(f"no family has a {what}")
    if len(level_of) == len(names):
        levels = levels[1:]  # no family is left out: the first level is the reference
    if not levels:
        raise ValueError(f"every family has the same {what}, so there is nothing to compare it with")
    of = [str(level_of[name]) if name in level_of else None for name in names]
    columns = []
    for on in rates:
        for level in levels:
            values = np.asarray([own == level for own in of], dtype=np.float64)
            columns.append(family_column(f"{on}:{what}[{level}]", on, values, model.data.tree.n_nodes))
    return tuple(columns)
