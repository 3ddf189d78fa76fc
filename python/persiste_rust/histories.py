"""Ancestral states, and gains and losses by branch and family, given the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from persiste_rust._checked import checked_seed, checked_threads, whole_number
from persiste_rust.maps import StochasticMaps, frame, maps_from
from persiste_rust.regimes import node_labels, relabelled
from persiste_rust.tree import Tree

if TYPE_CHECKING:
    import pandas as pd

    from persiste_rust import _core
    from persiste_rust.data import GeneContentData, Progress

_Floats = NDArray[np.float64]
Precision = Literal["float64", "float32"]

# The 97.5 % point of the standard normal distribution.
_Z = 1.959963984540054


@dataclass(frozen=True, eq=False)
class JointStates:
    """The most probable states of all nodes together, and the rate category that goes with them.

    `states` is (n_nodes, n_families), int8: 0, 1, or -1 for a family that cannot arise. `categories` (n_families) and
    `log_probabilities` (n_families), natural: of category, states and data together, not conditioned.
    """

    states: NDArray[np.int8]
    categories: NDArray[np.int64]
    log_probabilities: _Floats


@dataclass(frozen=True, eq=False)
class BranchSummary:
    """Sums over families for every node and the branch above it; every array is (n_nodes), in node order.

    `expected_gains` and `expected_losses` are expected numbers of events, their `_sd` that of a sum over families
    drawn from a population; `gains_posterior_sd` and `losses_posterior_sd` are the standard deviations of the numbers
    given the data and the parameters. `families_gained`, `families_lost` (at least once on the branch) and
    `genome_size` are expected counts, their `_sd` that of the count given the data and the parameters. The interval of
    the genome size is normal, 95 %. The root has no branch: its events are 0. Of `n_families` in the sums;
    `n_impossible` others cannot arise at these parameters.
    """

    node: list[str]
    parent: list[str]
    length: _Floats
    expected_gains: _Floats
    expected_gains_sd: _Floats
    expected_losses: _Floats
    expected_losses_sd: _Floats
    families_gained: _Floats
    families_gained_sd: _Floats
    families_lost: _Floats
    families_lost_sd: _Floats
    genome_size: _Floats
    genome_size_sd: _Floats
    gains_posterior_sd: _Floats
    losses_posterior_sd: _Floats
    n_families: int
    n_impossible: int

    @property
    def genome_size_low(self) -> _Floats:
        """The lower end of the 95 % interval, `genome_size - 1.96 sd`."""
        return self.genome_size - _Z * self.genome_size_sd

    @property
    def genome_size_high(self) -> _Floats:
        """The upper end of the 95 % interval."""
        return self.genome_size + _Z * self.genome_size_sd

    def __repr__(self) -> str:
        """One line: the sums over the tree."""
        gains, losses = self.expected_gains.sum(), self.expected_losses.sum()
        return f"BranchSummary({len(self.node)} nodes, expected gains {gains:.1f}, expected losses {losses:.1f})"

    def columns(self) -> dict[str, Any]:
        """Returns the columns of the table, by name."""
        names = ["node", "parent", "length"]
        for name in ("expected_gains", "expected_losses", "families_gained", "families_lost", "genome_size"):
            names += [name, f"{name}_sd"]
        names += ["genome_size_low", "genome_size_high", "gains_posterior_sd", "losses_posterior_sd"]
        return {name: getattr(self, name) for name in names}

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame with a row a node."""
        return frame(self.columns())


@dataclass(frozen=True, eq=False)
class Events:
    """Gains and losses that the data show, the most probable first; every array is (n_events).

    `node` and `family` are numbers; the branch of an event is the one above its node. `probability` is the posterior
    probability of at least one such event, `expected` their expected number. The local false-discovery rate is
    `1 - probability`; `false_discovery_rate` is its mean over the list down to the event.
    """

    node: NDArray[np.int64]
    family: NDArray[np.int64]
    is_loss: NDArray[np.bool_]
    probability: _Floats
    expected: _Floats
    false_discovery_rate: _Floats
    node_labels: tuple[str, ...]
    family_names: tuple[str, ...]

    def __len__(self) -> int:
        """The number of events."""
        return len(self.node)

    def __repr__(self) -> str:
        """One line: how many events."""
        n_losses = int(self.is_loss.sum())
        return f"Events(gains {len(self) - n_losses}, losses {n_losses})"

    def columns(self) -> dict[str, Any]:
        """Returns the columns of the table, by name, with labels for numbers."""
        return {
            "branch": [self.node_labels[node] for node in self.node.tolist()],
            "family": [self.family_names[family] for family in self.family.tolist()],
            "event": ["loss" if is_loss else "gain" for is_loss in self.is_loss.tolist()],
            "probability": self.probability,
            "expected": self.expected,
            "local_fdr": 1.0 - self.probability,
            "fdr": self.false_discovery_rate,
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame with a row an event."""
        return frame(self.columns())


class HistoryMethods:
    """What a model says about the histories of its families; the part of `GeneContentModel` about ancestors.

    All are posterior quantities given the table at the given parameters, whatever the rate model, covariates,
    observation errors and missing cells. Tables are (n_nodes, n_families): rows in node order of `data.tree`, a branch
    being the row of the node below it; the root has no branch, and its row of events is 0. A family that cannot arise
    has NaN. `dtype="float32"` halves a table. FitzJohn's root weighs the states of the root by each family's own
    likelihoods, L_s / (L_0 + L_1).
    """

    data: GeneContentData
    backend: str
    _native: _core.Model

    def stochastic_maps(
        self,
        params: Any,
        *,
        n_maps: int = 100,
        seed: int = 1,
        families: Iterable[str] | None = None,
        by_family: bool = False,
        events: bool = False,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> StochasticMaps:
        """Returns whole histories of the families, drawn from their posterior distribution given the data.

        Rate category, states of all nodes, and number and times of the events on each branch are drawn together, so
        that the maps also show how branches and families go together. `families` (names; all by default) restricts
        them. Sums over families are always there; `by_family` adds means and variances over maps for each branch and
        family, four tables (n_nodes, n_families), `events` the events themselves. A family's draws depend on `seed`,
        its place in the data and the model alone: neither on `threads` nor on which other families are asked for.

        Being conditioned on how the table was filtered (`ascertainment`) does not change the posterior of a family
        that is listed.

        # Errors
        ValueError for a name that does not exist, a seed or a number outside its range, and branches on which more
        than 1e12 events are expected (1e5 with `events`).

        >>> from persiste_rust import GeneContentData, GeneContentModel
        >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
        >>> maps = GeneContentModel(data).stochastic_maps([-1.0, -1.0], n_maps=20)
        >>> maps.branch_gains.shape, maps.genome_sizes[:, 0].tolist() == [1] * 20
        ((20, 5), True)
        """
        engine, native, vector = self._engine(params)
        n_maps = whole_number(n_maps, "n_maps", highest=2**32 - 1)
        seed, threads = checked_seed(seed), checked_threads(threads)
        chosen = None if families is None else _mask(self.data.family_names, families, "family")
        found = engine.stochastic_maps(
            native,
            vector,
            n_maps,
            seed,
            families=chosen,
            by_family=by_family,
            events=events,
            threads=threads,
            progress=progress,
        )
        tree = self.data.tree
        return maps_from(found, seed, node_labels(tree), tree.branch_length, self.data.family_names)

    def ancestral_probabilities(self, params: Any, *, dtype: Precision = "float64") -> NDArray[Any]:
        """Returns the probability of presence at each node, (n_nodes, n_families).

        >>> from persiste_rust import GeneContentData, GeneContentModel
        >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
        >>> found = GeneContentModel(data).ancestral_probabilities([-1.0, -1.0])
        >>> found.shape, found[0].tolist()
        ((5, 2), [1.0, 0.0])
        """
        return self._table(params, "presence", dtype)

    def expected_gains(self, params: Any, *, dtype: Precision = "float64") -> NDArray[Any]:
        """Returns the expected number of gains on each branch, (n_nodes, n_families)."""
        return self._table(params, "expected gains", dtype)

    def expected_losses(self, params: Any, *, dtype: Precision = "float64") -> NDArray[Any]:
        """Returns the expected number of losses on each branch, (n_nodes, n_families)."""
        return self._table(params, "expected losses", dtype)

    def gain_probabilities(self, params: Any, *, dtype: Precision = "float64") -> NDArray[Any]:
        """Returns the probability of at least one gain on each branch, (n_nodes, n_families)."""
        return self._table(params, "gain probability", dtype)

    def loss_probabilities(self, params: Any, *, dtype: Precision = "float64") -> NDArray[Any]:
        """Returns the probability of at least one loss on each branch, (n_nodes, n_families)."""
        return self._table(params, "loss probability", dtype)

    def joint_states(self, params: Any) -> NDArray[np.int8]:
        """Returns the most probable states of all nodes together, (n_nodes, n_families), int8.

        0 is absent, 1 present, -1 stands for a family that cannot arise; see `joint_histories` for ties.
        """
        return self.joint_histories(params).states

    def joint_histories(self, params: Any) -> JointStates:
        """Returns the most probable states with their rate categories and log-probabilities.

        The greatest `w[c] P(states, data | c)`, jointly over category and states. Log-probabilities within 1e-10 are
        equal; among equals a node is absent rather than present, and the first category goes first.
        """
        engine, native, vector = self._engine(params)
        return JointStates(**engine.joint_states(native, vector))

    def branch_summary(self, params: Any) -> BranchSummary:
        """Returns sums over families for every node: events on the branch above it, and the genome size."""
        engine, native, vector = self._engine(params)
        found = engine.branch_sums(native, vector)
        tree = self.data.tree
        labels = node_labels(tree)
        sums: dict[str, Any] = {}
        for name, column in found.items():
            if isinstance(column, np.ndarray) and column.ndim == 2:
                sums[name], sums[f"{name}_sd"] = column[:, 0].copy(), column[:, 1].copy()
            else:
                sums[name] = column
        parent = [labels[above] if above >= 0 else "" for above in tree.parent.tolist()]
        return BranchSummary(node=labels, parent=parent, length=tree.branch_length, **sums)

    def events(
        self,
        params: Any,
        *,
        min_probability: float = 0.5,
        branches: Iterable[str] | None = None,
        families: Iterable[str] | None = None,
        fdr: float | None = None,
    ) -> Events:
        """Returns the gains and losses of at least this probability, the most probable first.

        `branches` (labels of the nodes below) and `families` (names) restrict the list; `fdr` cuts it where its
        false-discovery rate would exceed this.

        # Errors
        ValueError for a name that does not exist, a probability outside (0, 1] or a rate outside [0, 1].
        """
        engine, native, vector = self._engine(params)
        labels, names = node_labels(self.data.tree), self.data.family_names
        nodes = None if branches is None else _mask(labels, branches, "branch")
        chosen = None if families is None else _mask(names, families, "family")
        found = engine.events(native, vector, min_probability, fdr, nodes, chosen)
        return Events(**found, node_labels=tuple(labels), family_names=tuple(names))

    def _table(self, params: Any, quantity: str, dtype: str) -> NDArray[Any]:
        if dtype not in ("float64", "float32"):
            raise ValueError(f"dtype is {dtype!r}; allowed are 'float64' and 'float32'")
        engine, native, vector = self._engine(params)
        table: NDArray[Any] = engine.branch_quantity(native, vector, quantity, dtype == "float32")
        return table

    def _engine(self, params: Any) -> tuple[Any, Any, _Floats]:
        """The native module, the native model and the parameters as it takes them."""
        check_engine(self)
        from persiste_rust import _core

        return _core, self._history_model(), self._history_parameters(params)

    def _history_model(self) -> Any:
        return self._native

    def _history_parameters(self, params: Any) -> _Floats:
        return self._vector(params)

    def _vector(self, params: Any) -> _Floats:
        raise NotImplementedError


def check_engine(model: HistoryMethods) -> None:
    """Raises ValueError if this model has no ancestral states and events."""
    if model.backend != "rust":
        raise ValueError("ancestral states and events need the compiled engine; the NumPy backend does not have them")


def _mask(names: list[str], chosen: Iterable[str], what: str) -> NDArray[np.bool_]:
    index = {name: place for place, name in enumerate(names)}
    mask = np.zeros(len(names), dtype=np.bool_)
    for name in [chosen] if isinstance(chosen, str) else chosen:
        if name not in index:
            raise ValueError(f"no {what} has the name '{name}' (there are {len(names)}, such as '{names[0]}')")
        mask[index[name]] = True
    return mask


def annotated_tree(tree: Tree, summary: BranchSummary, *, nexus: bool = False) -> str:
    """Returns the tree with unique labels, expected gains and losses of each branch and the size of each genome.

    Newick, or NEXUS as FigTree reads it; the annotations stand behind the label as `[&gains=..,losses=..]`. A name that
    several nodes have gives way to `node<number>`, and stands in the annotation as `label`.
    """
    annotations = []
    for node, (label, name) in enumerate(zip(summary.node, tree.node_names, strict=True)):
        parts = [f"genome_size={summary.genome_size[node]:.6g}"]
        if summary.parent[node]:
            parts.insert(0, f"losses={summary.expected_losses[node]:.6g}")
            parts.insert(0, f"gains={summary.expected_gains[node]:.6g}")
        if name and name != label:
            parts.append('label="{}"'.format(name.replace('"', "'")))
        annotations.append(",".join(parts))
    return relabelled(tree, annotations, nexus=nexus)
