"""Stochastic maps: histories of the families drawn from their posterior distribution given the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

_Floats = NDArray[np.float64]
_Whole = NDArray[np.int64]

# Ends of a 95 % interval.
_INTERVAL = (0.025, 0.975)


def frame(columns: dict[str, Any]) -> pd.DataFrame:
    """Returns a pandas DataFrame of columns by name.

    # Errors
    ImportError, naming the extra, without pandas.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError("a DataFrame needs pandas: pip install 'persiste-rust[pandas]'") from error
    made: pd.DataFrame = pandas.DataFrame(columns)
    return made


@dataclass(frozen=True, eq=False)
class MapEvents:
    """The events of the maps; every array is (n_events), by family, map, node (from the root down), the earliest first.

    `map`, `family` and `node` are numbers; the branch is the one above the node. `time` is the length of the branch
    between the event and the node below it: 0 at the node, the branch's length at its upper end.
    """

    map: _Whole
    family: _Whole
    node: _Whole
    is_loss: NDArray[np.bool_]
    time: _Floats
    node_labels: tuple[str, ...]
    family_names: tuple[str, ...]

    def __len__(self) -> int:
        """The number of events."""
        return len(self.map)

    def columns(self) -> dict[str, Any]:
        """Returns the columns of the table, by name, with labels for numbers; maps are counted from 1."""
        return {
            "map": self.map + 1,
            "family": [self.family_names[family] for family in self.family.tolist()],
            "branch": [self.node_labels[node] for node in self.node.tolist()],
            "event": ["loss" if is_loss else "gain" for is_loss in self.is_loss.tolist()],
            "time": self.time,
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame with a row an event."""
        return frame(self.columns())


@dataclass(frozen=True, eq=False)
class FamilyMoments:
    """Means over maps, and variances (with n - 1; NaN for a single map), for each branch and family.

    Every array is (n_nodes, n_families); NaN for a family that was not mapped.
    """

    gain_mean: _Floats
    gain_variance: _Floats
    loss_mean: _Floats
    loss_variance: _Floats


@dataclass(frozen=True, eq=False)
class StochasticMaps:
    """Drawn histories, summed over the `n_families` mapped families; every array is (n_maps, n_nodes).

    Rows are maps, columns nodes in node order of the tree; a branch is the column of the node below it, and the root's
    is 0. `branch_gains`, `branch_losses` and `genome_sizes` (families present at the node) are whole numbers;
    `time_present` is the length of the branch that each family was present for, summed over families (to 1e-12 of a
    branch for each). `n_impossible` families cannot arise at the parameters, and have no maps. `by_family` and
    `events` are None unless they were asked for.
    """

    branch_gains: _Whole
    branch_losses: _Whole
    genome_sizes: _Whole
    time_present: _Floats
    by_family: FamilyMoments | None
    events: MapEvents | None
    node: tuple[str, ...]
    length: _Floats
    n_families: int
    n_impossible: int
    seed: int

    def __repr__(self) -> str:
        """One line: how many maps of how many families."""
        return f"StochasticMaps({self.n_maps} maps of {self.n_families} families, seed {self.seed})"

    @property
    def n_maps(self) -> int:
        """The number of maps."""
        return len(self.branch_gains)

    def summary(self) -> dict[str, Any]:
        """Returns a table with a row a node: mean, sd and 95 % interval over maps of each sum, as columns by name."""
        columns: dict[str, Any] = {"node": list(self.node), "length": self.length}
        for name in ("branch_gains", "branch_losses", "genome_sizes", "time_present"):
            of_maps = getattr(self, name)
            short = {"branch_gains": "gains", "branch_losses": "losses", "genome_sizes": "genome_size"}.get(name, name)
            columns[short] = of_maps.mean(axis=0)
            spread = of_maps.std(axis=0, ddof=1) if self.n_maps > 1 else np.full(of_maps.shape[1], np.nan)
            columns[f"{short}_sd"] = spread
            columns[f"{short}_low"], columns[f"{short}_high"] = np.quantile(of_maps, _INTERVAL, axis=0)
        return columns

    def columns(self) -> dict[str, Any]:
        """Returns a table with a row a map and node, as columns by name; maps are counted from 1."""
        n_maps, n_nodes = self.branch_gains.shape
        return {
            "map": np.repeat(np.arange(1, n_maps + 1), n_nodes),
            "node": list(self.node) * n_maps,
            "gains": self.branch_gains.ravel(),
            "losses": self.branch_losses.ravel(),
            "genome_size": self.genome_sizes.ravel(),
            "time_present": self.time_present.ravel(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns `summary()` as a pandas DataFrame."""
        return frame(self.summary())


def maps_from(
    found: dict[str, Any], seed: int, labels: list[str], length: _Floats, families: list[str]
) -> StochasticMaps:
    """Returns the maps that the engine has drawn."""
    events = moments = None
    if "map" in found:
        arrays = {name: found[name] for name in ("map", "family", "node", "is_loss", "time")}
        events = MapEvents(**arrays, node_labels=tuple(labels), family_names=tuple(families))
    if "gain_mean" in found:
        names = ("gain_mean", "gain_variance", "loss_mean", "loss_variance")
        moments = FamilyMoments(**{name: found[name] for name in names})
    return StochasticMaps(
        branch_gains=found["gains"],
        branch_losses=found["losses"],
        genome_sizes=found["genome_sizes"],
        time_present=found["time_present"],
        by_family=moments,
        events=events,
        node=tuple(labels),
        length=length,
        n_families=found["n_families"],
        n_impossible=found["n_impossible"],
        seed=seed,
    )
