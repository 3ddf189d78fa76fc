"""A tree and a presence table, checked against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persiste_rust._backend import backend
from persiste_rust._presence import names_or_none, presence_array
from persiste_rust._sparse import entries_of_lists, entries_of_sparse, is_sparse
from persiste_rust._text_file import refuse_swapped
from persiste_rust.tree import Tree

if TYPE_CHECKING:
    from persiste_rust import _core

# Called about ten times a second with (stage, steps done, steps in all or 0 where that is not known).
Progress = Callable[[str, int, int], object]


class GeneContentData:
    """The presences of gene families in the tips of a tree.

    `tree` is a `Tree`, Newick text or a path. `presence_matrix` is (n_tips, n_families): 0 absent, 1 present, -1 or NaN
    missing. Its rows are in the tip order of the tree unless `taxon_names` (n_tips) names them; names match
    exactly or not at all. A pandas DataFrame brings its own names: rows are genomes, columns families. A sparse matrix
    of SciPy (or anything with `indptr`, `indices`, `data` and `shape`, or `tocsc`) is read without being unfolded.

    Tips without a row and rows without a tip are refused; `prune_tree` drops the former, `drop_extra_genomes` the
    latter, and `notes` says which.

    # Errors
    ValueError for names that do not match, names that occur twice, a shape that does not fit, a cell that is no
    presence. Each message names the culprit.

    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> data.n_tips, data.n_families, data.presences().tolist()
    (3, 2, [2, 2])
    """

    __slots__ = ("_by_backend", "_native")

    _native: _core.Data
    _by_backend: dict[str, _core.Data]

    def __init__(
        self,
        tree: Tree | str | PathLike[str],
        presence_matrix: ArrayLike,
        taxon_names: Sequence[str] | None = None,
        family_names: Sequence[str] | None = None,
        *,
        prune_tree: bool = False,
        drop_extra_genomes: bool = False,
    ) -> None:
        """Matches the matrix to the tree."""
        if hasattr(presence_matrix, "columns"):
            frame: Any = presence_matrix
            taxon_names = list(frame.index) if taxon_names is None else taxon_names
            family_names = list(frame.columns) if family_names is None else family_names
        taxa, families = names_or_none(taxon_names, "taxon_names"), names_or_none(family_names, "family_names")
        if not isinstance(tree, Tree):
            tree = Tree.from_newick(tree)
        if is_sparse(presence_matrix):
            self._keep(
                backend().Data.from_presences(
                    tree._native,
                    *entries_of_sparse(presence_matrix, tree.n_tips, taxa, families),
                    prune_tree=prune_tree,
                    drop_extra_genomes=drop_extra_genomes,
                )
            )
            return
        self._keep(
            backend().Data.from_matrix(
                tree._native,
                presence_array(presence_matrix, taxa, families),
                taxa,
                families,
                prune_tree=prune_tree,
                drop_extra_genomes=drop_extra_genomes,
            )
        )

    @classmethod
    def from_presences(
        cls,
        tree: Tree | str | PathLike[str],
        family_index: ArrayLike,
        genome_index: ArrayLike,
        states: ArrayLike | None = None,
        *,
        taxon_names: Sequence[str] | None = None,
        family_names: Sequence[str] | None = None,
        prune_tree: bool = False,
        drop_extra_genomes: bool = False,
        absent_genomes: bool = False,
    ) -> GeneContentData:
        """Returns the data of a list of presences; what is not listed is absent.

        Entry i says that family `family_index[i]` is in genome `genome_index[i]`, both (n_entries) integers from 0;
        `states` (n_entries) makes it 1 present, 0 absent or -1 missing. Genomes are the tips of the tree in order
        unless `taxon_names` names them; without `family_names` there are as many as the largest number asks for.
        Time and memory grow with the entries, up to one bit for each cell of the distinct families.

        `absent_genomes` takes tips that `taxon_names` lacks as genomes without any of the families; the other options
        are those of this class.

        # Errors
        ValueError for numbers beyond the names, lists of different lengths, a family listed twice in a genome, and
        names that do not match.

        >>> data = GeneContentData.from_presences("((A:1,B:1):0.5,C:1.5);", [0, 0, 1], [0, 1, 2])
        >>> data.n_families, data.presences().tolist()
        (2, [2, 1])
        """
        if not isinstance(tree, Tree):
            tree = Tree.from_newick(tree)
        entries = entries_of_lists(family_index, genome_index, states, names_or_none(family_names, "family_names"))
        family, genome, listed, families = entries
        data = cls.__new__(cls)
        data._keep(
            backend().Data.from_presences(
                tree._native,
                family,
                genome,
                listed,
                names_or_none(taxon_names, "taxon_names"),
                families,
                prune_tree=prune_tree,
                drop_extra_genomes=drop_extra_genomes,
                absent_genomes=absent_genomes,
            )
        )
        return data

    def _keep(self, native: _core.Data) -> None:
        self._native = native
        self._by_backend = {}

    @classmethod
    def read(
        cls,
        tree_path: str | PathLike[str],
        table_path: str | PathLike[str],
        *,
        format: str | None = None,
        genomes_in_rows: bool = False,
        prune_tree: bool = False,
        drop_extra_genomes: bool = False,
        absent_genomes: bool = False,
        missing_length: float | None = None,
        min_length: float | None = None,
        length_field: str | None = None,
        progress: Progress | None = None,
    ) -> GeneContentData:
        """Reads a tree and a pangenome table.

        The table's format is found from its header unless `format` names it (`persiste formats` lists them); `notes`
        says which was taken and why. `genomes_in_rows` turns a plain table that has one line a genome;
        `absent_genomes` takes tips that a list of presences never names as genomes that carry nothing. The other
        options are those of `Tree.from_newick` and of this class.

        # Errors
        ValueError, with file, line and column, for what cannot be understood; OSError for a file that cannot be read.
        """
        refuse_swapped(Path(tree_path), Path(table_path))
        tree = Tree.from_newick(
            Path(tree_path), missing_length=missing_length, min_length=min_length, length_field=length_field
        )
        return cls._read_table(
            tree,
            table_path,
            format=format,
            genomes_in_rows=genomes_in_rows,
            prune_tree=prune_tree,
            drop_extra_genomes=drop_extra_genomes,
            absent_genomes=absent_genomes,
            progress=progress,
        )

    @classmethod
    def _read_table(
        cls,
        tree: Tree,
        table_path: str | PathLike[str],
        *,
        format: str | None,
        genomes_in_rows: bool,
        prune_tree: bool,
        drop_extra_genomes: bool,
        absent_genomes: bool = False,
        progress: Progress | None,
    ) -> GeneContentData:
        data = cls.__new__(cls)
        data._keep(
            backend().Data.read(
                tree._native,
                table_path,
                format=format,
                genomes_in_rows=genomes_in_rows,
                prune_tree=prune_tree,
                drop_extra_genomes=drop_extra_genomes,
                absent_genomes=absent_genomes,
                progress=progress,
            )
        )
        return data

    def _for_backend(self, module: ModuleType) -> _core.Data:
        """Returns the data as `module` holds them, copied at the first call if another backend read them."""
        if type(self._native) is module.Data:
            return self._native
        if module.__name__ not in self._by_backend:
            tree = module.Tree.from_newick(self.tree.to_newick())
            self._by_backend[module.__name__] = module.Data.from_matrix(
                tree, self.presence_matrix(), self.tree.tip_names, self.family_names
            )
        return self._by_backend[module.__name__]

    @property
    def tree(self) -> Tree:
        """The tree, after pruning if that was asked for."""
        return Tree._wrap(self._native.tree)

    @property
    def n_tips(self) -> int:
        """The number of tips, which is the number of genomes."""
        return self._native.n_tips

    @property
    def n_families(self) -> int:
        """The number of families."""
        return self._native.n_families

    @property
    def n_patterns(self) -> int:
        """The number of distinct site patterns; families of one pattern are computed once."""
        return self._native.n_patterns

    @property
    def n_missing(self) -> int:
        """The number of missing cells."""
        return self._native.n_missing

    @property
    def n_all_absent(self) -> int:
        """The number of families that no genome carries."""
        return self._native.n_all_absent

    @property
    def family_names(self) -> list[str]:
        """The names of the families, (n_families)."""
        return self._native.family_names

    @property
    def notes(self) -> list[str]:
        """What the readers found and did, one sentence each."""
        return self._native.notes

    def presences(self) -> NDArray[np.int64]:
        """Returns the number of genomes that carry each family, (n_families), int64."""
        return self._native.presences()

    def presence_matrix(self) -> NDArray[np.int8]:
        """Returns the presences, (n_tips, n_families), int8, rows in tip order: 0 absent, 1 present, -1 missing."""
        return self._native.presence_matrix()

    def __repr__(self) -> str:
        return f"GeneContentData({self.n_tips} tips, {self.n_families} families, {self.n_patterns} patterns)"
