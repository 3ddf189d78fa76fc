"""The rooted tree."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from persiste_rust._backend import backend

if TYPE_CHECKING:
    from persiste_rust import _core


class Tree:
    """A rooted tree with named tips and branch lengths in expected time units.

    Nodes are numbered in post-order: children before their parent, the root last; tips keep the order of the Newick
    text. A branch is the one above its node. Polytomies and single-child nodes are legal. Build one with
    `Tree.from_newick`.

    >>> tree = Tree.from_newick("((A:1,B:1):0.5,C:1.5);")
    >>> tree.tip_names
    ['A', 'B', 'C']
    >>> tree.parent.tolist()
    [2, 2, 4, 4, -1]
    """

    __slots__ = ("_native",)

    _native: _core.Tree

    def __init__(self) -> None:
        """Refuses: a tree is read, not made from nothing."""
        raise TypeError("a tree is read with Tree.from_newick(text_or_path)")

    @classmethod
    def _wrap(cls, native: _core.Tree) -> Tree:
        tree = cls.__new__(cls)
        tree._native = native
        return tree

    @classmethod
    def from_newick(
        cls,
        text_or_path: str | PathLike[str],
        *,
        missing_length: float | None = None,
        min_length: float | None = None,
        length_field: str | None = None,
    ) -> Tree:
        """Reads a tree from Newick text, or from a file of Newick or NEXUS.

        `missing_length` stands for each branch length that is not given and `min_length` is the smallest length, so
        that shorter (also negative) ones are raised to it; without them such lengths are refused. Where nodes have
        several `:` fields, `length_field` says which is the length, `first` or `last`. What was changed is listed in
        `notes`.

        # Errors
        ValueError, with the position, for a text that is no tree, lengths that are no lengths, two tips of one name;
        OSError for a file that cannot be read.
        """
        if not isinstance(text_or_path, str | PathLike):
            found = type(text_or_path).__name__
            raise TypeError(f"the tree is a {found}; allowed are Newick text, a path or a Tree")
        native = backend().Tree.from_newick(
            text_or_path, missing_length=missing_length, min_length=min_length, length_field=length_field
        )
        return cls._wrap(native)

    def to_newick(self, annotations: list[str] | None = None) -> str:
        """Returns the Newick text; `annotations` (n_nodes) go into a comment behind each node's name."""
        return self._native.to_newick(annotations)

    @property
    def tip_names(self) -> list[str]:
        """The names of the tips, (n_tips), in the order of the text."""
        return self._native.tip_names

    @property
    def node_names(self) -> list[str]:
        """The names of the nodes, (n_nodes), in post-order."""
        return self._native.node_names

    @property
    def n_tips(self) -> int:
        """The number of tips."""
        return self._native.n_tips

    @property
    def n_nodes(self) -> int:
        """The number of nodes, tips included."""
        return self._native.n_nodes

    @property
    def parent(self) -> NDArray[np.int64]:
        """The parent of each node, (n_nodes), int64; -1 for the root."""
        return self._native.parent

    @property
    def branch_length(self) -> NDArray[np.float64]:
        """The length of the branch above each node, (n_nodes), float64; the root's never enters a likelihood."""
        return self._native.branch_length

    @property
    def notes(self) -> list[str]:
        """What was changed or passed over when the tree was read, one sentence each."""
        return self._native.notes

    def __repr__(self) -> str:
        return f"Tree({self.n_tips} tips, {self.n_nodes} nodes)"
