"""The tree and the data of the NumPy backend."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import final

import numpy as np
from numpy.typing import NDArray

from persiste_rust._fallback_match import Table, match_names, refuse_duplicates, with_absent_genomes
from persiste_rust._fallback_newick import TreeArrays, read_newick, restrict, tips_of, write_newick
from persiste_rust._fallback_tables import read_table
from persiste_rust._presence import presence_array

_Progress = Callable[[str, int, int], object]
_Floats = NDArray[np.float64]


@final
class Tree:
    """A rooted tree with named tips; nodes in post-order, the root last."""

    __slots__ = ("_arrays", "_tips")

    def __init__(self, arrays: TreeArrays) -> None:
        """Wraps arrays that `read_newick` or `restrict` made."""
        self._arrays = arrays
        self._tips = tips_of(arrays)

    @staticmethod
    def from_newick(
        text_or_path: str | PathLike[str],
        *,
        missing_length: float | None = None,
        min_length: float | None = None,
        length_field: str | None = None,
    ) -> Tree:
        """Reads a tree; see `read_newick` for what is taken for a path and what is refused."""
        return Tree(read_newick(text_or_path, missing_length, min_length, length_field))

    def to_newick(self, annotations: list[str] | None = None) -> str:
        """Returns the Newick text; `annotations` (n_nodes) go into a comment behind each node's label."""
        return write_newick(self._arrays, annotations)

    @property
    def tip_names(self) -> list[str]:
        """The names of the tips, (n_tips), in the order of the text."""
        return [self._arrays.names[tip] for tip in self._tips.tolist()]

    @property
    def node_names(self) -> list[str]:
        """The names of the nodes, (n_nodes), "" for a node without one."""
        return list(self._arrays.names)

    @property
    def n_tips(self) -> int:
        """The number of tips."""
        return len(self._tips)

    @property
    def n_nodes(self) -> int:
        """The number of nodes, tips included."""
        return len(self._arrays.parent)

    @property
    def parent(self) -> NDArray[np.int64]:
        """The parent of each node, (n_nodes,), -1 for the root."""
        return np.array(self._arrays.parent, dtype=np.int64)

    @property
    def branch_length(self) -> _Floats:
        """The length above each node, (n_nodes,), expected time units."""
        return np.array(self._arrays.branch_length, dtype=np.float64)

    @property
    def notes(self) -> list[str]:
        """What was changed or passed over when the tree was read."""
        return list(self._arrays.notes)


@final
class Data:
    """A tree and the presences of families in its tips, matched by name."""

    __slots__ = ("_cells", "_families", "_first", "_notes", "_pattern", "_tree", "_weights")

    def __init__(
        self, tree: Tree, table: Table, *, prune_tree: bool, drop_extra_genomes: bool, absent_genomes: bool = False
    ) -> None:
        """Matches a table to a tree and finds the distinct patterns."""
        if absent_genomes:
            table = with_absent_genomes(table, tree.tip_names)
        match = match_names(tree.tip_names, table.genomes, prune_tree=prune_tree, drop_extra_genomes=drop_extra_genomes)
        self._tree = tree if match.keep.all() else Tree(restrict(tree._arrays, match.keep))
        self._families = table.families
        self._cells = np.ascontiguousarray(table.cells[:, match.genome_of_tip])
        self._notes = tree.notes + table.notes + match.notes
        # Each family's cells as one value of n_tips bytes: far faster to sort than columns.
        keys = self._cells.view(np.dtype((np.void, self._cells.shape[1]))).ravel()
        _, first, pattern, weights = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        self._first, self._pattern, self._weights = first, pattern.ravel(), weights.astype(np.float64)

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
    ) -> Data:
        """Reads a table and matches it to the tree.

        # Errors
        ValueError for a table that cannot be understood or names that do not match; OSError for an unreadable file.
        """
        table = read_table(
            table_path, tree.tip_names, format=format, genomes_in_rows=genomes_in_rows, progress=progress
        )
        return Data(
            tree,
            table,
            prune_tree=prune_tree,
            drop_extra_genomes=drop_extra_genomes,
            absent_genomes=absent_genomes,
        )

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
    ) -> Data:
        """Matches a list of presences to the tree; what is not listed is absent.

        # Errors
        ValueError for a number beyond the names, a family listed twice in a genome, names that do not match.
        """
        genomes = tree.tip_names if taxon_names is None else list(taxon_names)
        refuse_duplicates(genomes, "genome")
        refuse_duplicates(family_names, "family")
        for what, numbers, names in (("family", family_index, family_names), ("genome", genome_index, genomes)):
            beyond = (numbers < 0) | (numbers >= len(names))
            if beyond.any():
                entry = int(beyond.argmax())
                raise ValueError(
                    f"entry {entry + 1}: {what} number {numbers[entry]}; allowed are 0 to {len(names) - 1}"
                )
        if not family_names:
            raise ValueError("the table has no families")
        place = family_index * len(genomes) + genome_index
        order = np.argsort(place, kind="stable")
        again = np.flatnonzero(np.diff(place[order]) == 0)
        if len(again):
            first, second = int(order[again[0]]), int(order[again[0] + 1])
            raise ValueError(
                f"family '{family_names[family_index[first]]}' is listed more than once in genome "
                f"'{genomes[genome_index[first]]}': entry {first + 1} and entry {second + 1}; allowed is one entry for "
                "each family in a genome"
            )
        cells = np.zeros((len(family_names), len(genomes)), dtype=np.int8)
        cells[family_index, genome_index] = states
        table = Table(list(family_names), genomes, cells, [], is_list=True)
        return Data(
            tree,
            table,
            prune_tree=prune_tree,
            drop_extra_genomes=drop_extra_genomes,
            absent_genomes=absent_genomes,
        )

    @staticmethod
    def from_matrix(
        tree: Tree,
        presence_matrix: NDArray[np.int8],
        taxon_names: list[str] | None,
        family_names: list[str] | None,
        *,
        prune_tree: bool = False,
        drop_extra_genomes: bool = False,
    ) -> Data:
        """Matches a matrix (n_genomes, n_families) to the tree; without names rows are in tip order.

        Families without names are called family_1, family_2 and so on.

        # Errors
        ValueError for another shape, a cell that is not 0, 1 or -1, names that do not match or occur twice.
        """
        cells = presence_array(presence_matrix, taxon_names, family_names)
        if taxon_names is None and len(cells) != tree.n_tips:
            raise ValueError(f"presence_matrix has {len(cells)} rows, and the tree has {tree.n_tips} tips")
        if taxon_names is not None and len(taxon_names) != len(cells):
            raise ValueError(f"taxon_names has {len(taxon_names)} names, and presence_matrix has {len(cells)} rows")
        n_families = cells.shape[1]
        if family_names is not None and len(family_names) != n_families:
            raise ValueError(
                f"family_names has {len(family_names)} names, and presence_matrix has {n_families} columns"
            )
        if n_families == 0:
            raise ValueError("presence_matrix has no columns; allowed are one or more families")
        families = family_names or [f"family_{index + 1}" for index in range(n_families)]
        refuse_duplicates(families, "family")
        genomes = tree.tip_names if taxon_names is None else list(taxon_names)
        table = Table(list(families), genomes, np.ascontiguousarray(cells.T), [])
        return Data(tree, table, prune_tree=prune_tree, drop_extra_genomes=drop_extra_genomes)

    @property
    def tree(self) -> Tree:
        """The tree, pruned if that was asked for."""
        return self._tree

    @property
    def n_tips(self) -> int:
        """The number of tips."""
        return int(self._cells.shape[1])

    @property
    def n_families(self) -> int:
        """The number of families."""
        return int(self._cells.shape[0])

    @property
    def n_patterns(self) -> int:
        """The number of distinct site patterns."""
        return len(self._first)

    @property
    def n_missing(self) -> int:
        """The number of missing cells."""
        return int((self._cells == -1).sum())

    @property
    def n_all_absent(self) -> int:
        """The number of families without an observed presence."""
        return int((self.presences() == 0).sum())

    @property
    def family_names(self) -> list[str]:
        """The names of the families, (n_families)."""
        return list(self._families)

    @property
    def notes(self) -> list[str]:
        """What the readers found and did, one sentence each."""
        return list(self._notes)

    def presences(self) -> NDArray[np.int64]:
        """Returns the number of observed presences of each family, (n_families,)."""
        return np.asarray((self._cells == 1).sum(axis=1), dtype=np.int64)

    def presence_matrix(self) -> NDArray[np.int8]:
        """Returns the presences, (n_tips, n_families) int8, rows in tip order: 0 absent, 1 present, -1 missing."""
        return np.ascontiguousarray(self._cells.T)
