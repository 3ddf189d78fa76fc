"""Newick text to arrays and back, without recursion, with line and column in every message.

What is taken: quoted labels (a quote inside is doubled), comments in square brackets (passed over),
underscores as they stand, polytomies, nodes with one child, a text without its final semicolon (noted). What
is refused: a label of several unquoted words, lengths that are not plain decimal numbers, two tips of one
name, NEXUS.
"""

from __future__ import annotations

import math
import re
from os import PathLike, fspath
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from persiste_rust._text_file import read_text

_TOKEN = re.compile(
    r"""(?P<blank>\s+)|(?P<mark>[(),:;])|(?P<word>[^\s()\[\],:;'"]+)|(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")"""
)
_HASH_LINE = re.compile(r"\s*#[^\n]*\n?")
_BRACKET = re.compile(r"[\[\]]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NEEDS_QUOTES = re.compile(r"""[\s()\[\],:;'"]|^#""")


class TreeArrays(NamedTuple):
    """A tree in post-order: children before parents, the root last, tips in the order of the text.

    `parent` (n_nodes,) is -1 for the root, `branch_length` (n_nodes,) is in expected time units, `names`
    (n_nodes) is "" for a node without a name; `notes` says what was changed or passed over.
    """

    parent: NDArray[np.int64]
    branch_length: NDArray[np.float64]
    names: list[str]
    notes: list[str]


def tips_of(tree: TreeArrays) -> NDArray[np.int64]:
    """Returns the nodes without children, (n_tips,), in post-order."""
    has_child = np.zeros(len(tree.parent), dtype=bool)
    has_child[tree.parent[:-1]] = True
    return np.flatnonzero(~has_child)


def read_newick(
    text_or_path: str | PathLike[str],
    missing_length: float | None = None,
    min_length: float | None = None,
    length_field: str | None = None,
) -> TreeArrays:
    """Returns the tree of a Newick text or file.

    A path object is a path; a string is Newick text if, blanks aside, it is empty, begins with `(` or `[` or
    ends with `;`, else a path. `missing_length` stands for lengths that are not given (the root needs none),
    and lengths below `min_length` are raised to it; without them missing and negative lengths are refused.
    Of several `:` fields at a node, `length_field` says which is the length, `first` or `last`; without it a second
    one is refused.

    # Errors
    ValueError with the position; OSError for a file that cannot be read.
    """
    for name, length in (("missing_length", missing_length), ("min_length", min_length)):
        if length is not None and not (math.isfinite(length) and length >= 0.0):
            raise ValueError(f"{name} is {length}; allowed are finite lengths of 0 or more")
    if length_field not in (None, "first", "last"):
        raise ValueError(f"option length_field (--length-field) is '{length_field}'; allowed are first and last")
    stripped = text_or_path.strip() if isinstance(text_or_path, str) else "path"
    if isinstance(text_or_path, str) and (not stripped or stripped[0] in "([" or stripped[-1] == ";"):
        text, source = text_or_path, ""
    else:
        text, source = read_text(text_or_path), f"'{fspath(text_or_path)}', "
    reader = _Reader(text, source, length_field)
    return reader.finish(missing_length, min_length)


class _Node:
    """A node while its text is being read."""

    __slots__ = ("children", "colon", "first", "length", "name", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.name: str | None = None
        self.colon: int | None = None
        self.length: float | None = None
        # The first of several ':' fields.
        self.first: float | None = None
        self.children: list[int] | None = None


class _Reader:
    """Reads one tree; nodes are numbered as they are completed, which is post-order."""

    def __init__(self, text: str, source: str, length_field: str | None) -> None:
        self.text, self.source, self.length_field = text, source, length_field
        self.many_fields = 0
        self.parent: list[int] = []
        self.lengths: list[float] = []
        self.missing: list[int] = []
        self.starts: list[int] = []
        self.names: list[str] = []
        self.notes: list[str] = []
        self.open: list[tuple[list[int], int]] = []
        self.ended = False
        if text[:6].lower() == "#nexus":
            self.fail(0, "this is NEXUS, which only the native module reads; allowed here is Newick")
        self.read()

    def fail(self, at: int, what: str) -> NoReturn:
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        raise ValueError(f"{self.source}line {line}, column {column}: {what}")

    def read(self) -> None:
        node = _Node(0)
        at, text = self.skip_lines(), self.text
        while at < len(text):
            if text[at] == "[":
                at = self.end_of_comment(at)
                continue
            token = _TOKEN.match(text, at)
            if token is None:
                self.fail(
                    at, "']' without '['" if text[at] == "]" else "the quoted label that begins here does not end"
                )
            if token.lastgroup != "blank":
                if self.ended:
                    self.fail(at, f"text after the end of the tree: '{_short(token.group())}'; allowed is one tree")
                node = self.take(node, at, token.group(), token.lastgroup == "mark")
            at = token.end()
        if not self.ended:
            if self.open:
                self.fail(self.open[-1][1], f"this '(' is not closed ({len(self.open)} in all)")
            if node.children is None:
                # A word alone is a tree of one node, but only its ';' tells it from any other text.
                self.fail(node.start, "no tree begins here; allowed is Newick, such as '(A:1,B:1);'")
            self.complete(node, len(text))
            self.notes.append("the tree has no final semicolon; the text was taken as complete")

    def skip_lines(self) -> int:
        """Passes over the lines before the tree that begin with '#'; refuses a text without a tree."""
        start = 0
        skipped = 0
        while found := _HASH_LINE.match(self.text, start):
            start, skipped = found.end(), skipped + 1
        if skipped:
            self.notes.append(f"{skipped} lines before the tree begin with '#' and were passed over")
        if not self.text[start:].strip():
            raise ValueError(f"{self.source}the Newick text is empty")
        return start

    def end_of_comment(self, start: int) -> int:
        """Returns where a comment ends, with the comments inside it."""
        depth = 0
        for bracket in _BRACKET.finditer(self.text, start):
            depth += 1 if bracket.group() == "[" else -1
            if depth == 0:
                if self.text[start : bracket.end()].upper() == "[&U]":
                    self.notes.append("the tree is marked [&U], unrooted; it was read as rooted at its outermost group")
                return bracket.end()
        self.fail(start, "the comment that begins here does not end")

    def take(self, node: _Node, at: int, found: str, mark: bool) -> _Node:
        """Takes one token that belongs to `node` and returns the node that the next one belongs to."""
        if not mark:
            self.take_word(node, at, found)
            return node
        if found == "(":
            if node.children is not None or node.name is not None or node.colon is not None:
                self.fail(at, "'(' after a node; allowed are ',' and ')'")
            self.open.append(([], at))
            return _Node(at + 1)
        if found == ":":
            if node.colon is not None:
                self.begin_next_field(node, at)
            node.colon = at
            return node
        if found == ";":
            if self.open:
                self.fail(self.open[-1][1], f"this '(' is not closed ({len(self.open)} in all)")
            self.complete(node, at)
            self.ended = True
            return node
        if not self.open:
            self.fail(at, f"'{found}' outside all brackets")
        self.open[-1][0].append(self.complete(node, at))
        after = _Node(at + 1)
        if found == ")":
            after.children, after.start = self.open.pop()
        return after

    def begin_next_field(self, node: _Node, at: int) -> None:
        if self.length_field is None or node.length is None:
            self.fail(
                at,
                "a second ':' at one node; some programs write ':length:support' and others ':support:length'; allowed "
                "is the length alone, unless option length_field (--length-field first or last) says which it is",
            )
        if node.first is None:
            node.first = node.length
            self.many_fields += 1
        node.length = None

    def take_word(self, node: _Node, at: int, found: str) -> None:
        if node.colon is not None:
            if node.length is not None:
                self.fail(at, f"'{_short(found)}' after a branch length")
            length = float(found) if _NUMBER.fullmatch(found) else math.nan
            if not math.isfinite(length):
                self.fail(at, f"the branch length '{_short(found)}' is not a finite decimal number")
            node.length = length
        elif node.name is not None:
            advice = f"a label with blanks or quotes must be quoted, as in '{_short(node.name)} ...'"
            self.fail(at, f"'{_short(found)}' after the label '{_short(node.name)}'; {advice}")
        else:
            quote = found[0] if found[0] in "'\"" else ""
            node.name = found[1:-1].replace(quote * 2, quote) if quote else found
            if node.children is None:
                node.start = at

    def complete(self, node: _Node, at: int) -> int:
        """Numbers a node whose text has ended at `at`."""
        if node.colon is not None and node.length is None:
            self.fail(node.colon, "':' without a branch length")
        if node.children is None and not node.name:
            self.fail(min(at, len(self.text)), "a tip without a name")
        if node.first is not None and self.length_field == "first":
            node.length = node.first
        index = len(self.parent)
        for child in node.children or []:
            self.parent[child] = index
        self.parent.append(-1)
        self.names.append(node.name or "")
        self.starts.append(node.start)
        if node.length is None:
            self.missing.append(index)
        self.lengths.append(0.0 if node.length is None else node.length)
        return index

    def finish(self, missing_length: float | None, min_length: float | None) -> TreeArrays:
        """Applies the rules for names and lengths to the tree as read."""
        root = len(self.parent) - 1
        arrays = TreeArrays(np.array(self.parent), np.array(self.lengths), self.names, self.notes)
        if self.many_fields:
            which = f"of which the {self.length_field} was taken as length"
            self.notes.append(f"{self.many_fields} nodes have several ':' fields, {which}")
        seen: set[str] = set()
        for tip in tips_of(arrays).tolist():
            if self.names[tip] in seen:
                self.fail(self.starts[tip], f"tip name '{_short(self.names[tip])}' occurs more than once")
            seen.add(self.names[tip])
        lengths = arrays.branch_length
        missing = [node for node in self.missing if node != root]
        if missing:
            if missing_length is None:
                self.fail_branch(missing, "has no length", "missing_length (--missing-length) gives them one")
            lengths[missing] = missing_length
            self.notes.append(f"{len(missing)} of {root} branches had no length; each was given {missing_length:g}")
        negative = np.flatnonzero(lengths < 0.0).tolist()
        if min_length is None and negative:
            found = f"has the negative length {lengths[negative[0]]:g}"
            self.fail_branch(negative, found, "min_length (--min-length) raises every shorter length to it")
        if min_length is not None:
            short = lengths < min_length
            short[root] &= root not in self.missing
            if short.any():
                self.notes.append(f"{short.sum()} branch lengths below {min_length:g} were raised to it")
                lengths[short] = min_length
        lengths += 0.0  # a length written -0 is 0
        return arrays

    def fail_branch(self, nodes: list[int], found: str, remedy: str) -> NoReturn:
        first = nodes[0]
        name = f"'{_short(self.names[first])}'" if self.names[first] else "this node"
        count = f"{len(nodes)} of {len(self.parent) - 1} branches do so" if len(nodes) > 1 else "the only one"
        self.fail(self.starts[first], f"the branch above {name} {found} ({count}); {remedy}")


def _short(text: str) -> str:
    """Labels of 100 kB exist; messages are for reading."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def write_newick(tree: TreeArrays, annotations: list[str] | None = None) -> str:
    """Returns the Newick text of a tree; labels are quoted where they must be, lengths are written in full.

    `annotations` (n_nodes) go into a comment behind each node's label, none where the text is empty.

    # Errors
    ValueError for a wrong number of annotations or one that holds `]`.
    """
    n_nodes = len(tree.parent)
    if annotations is not None and len(annotations) != n_nodes:
        raise ValueError(f"annotations has {len(annotations)} entries; allowed is one for each of {n_nodes} nodes")
    n_children = np.bincount(tree.parent[:-1], minlength=n_nodes)
    # Post-order: the tip that opens a node's brackets is the one that the node's first child begins with.
    first_tip = list(range(n_nodes))
    opens = [0] * n_nodes
    for node in range(n_nodes - 1, -1, -1):
        above = tree.parent[node]
        if above >= 0:
            first_tip[above] = node
    for node in range(n_nodes):
        if n_children[node]:
            first_tip[node] = first_tip[first_tip[node]]
            opens[first_tip[node]] += 1
    parts: list[str] = []
    for node in range(n_nodes):
        if n_children[node]:
            parts.append(")")
        else:
            parts.append("," * (node > 0) + "(" * opens[node])
        name = tree.names[node]
        parts.append("'" + name.replace("'", "''") + "'" if _NEEDS_QUOTES.search(name) else name)
        if annotations is not None and annotations[node]:
            if "]" in annotations[node]:
                raise ValueError(f"annotation {node} holds ']', which would end its comment: {annotations[node]!r}")
            parts.append(f"[{annotations[node]}]")
        length = float(tree.branch_length[node])
        if node < n_nodes - 1 or length > 0.0:
            parts.append(f":{repr(length).removesuffix('.0')}")
    return "".join(parts) + ";"


def restrict(tree: TreeArrays, keep: NDArray[np.bool_]) -> TreeArrays:
    """Returns the tree without the tips for which `keep` (n_tips,) is False.

    Inner nodes left without tips go; one left with one child, which had more before and is not the root, is
    merged with it and the lengths are added. The likelihood is that of the whole tree with the other tips
    missing.

    # Errors
    ValueError if no tip is kept.
    """
    n_nodes = len(tree.parent)
    if not keep.any():
        raise ValueError("no tip of the tree is left")
    n_children = np.bincount(tree.parent[:-1], minlength=n_nodes)
    live = np.zeros(n_nodes, dtype=bool)
    live[tips_of(tree)[keep]] = True
    live_children = np.zeros(n_nodes, dtype=np.int64)
    for node in range(n_nodes - 1):
        live[node] |= live_children[node] > 0
        live_children[tree.parent[node]] += live[node]
    live[-1] = True
    merged = live & (live_children == 1) & (n_children > 1)
    merged[-1] = False
    kept = np.flatnonzero(live & ~merged)
    number = np.full(n_nodes, -1)
    number[kept] = np.arange(len(kept))
    parent, lengths = [], []
    for node in kept.tolist():
        length, above = float(tree.branch_length[node]), int(tree.parent[node])
        while above >= 0 and merged[above]:
            length, above = length + float(tree.branch_length[above]), int(tree.parent[above])
        parent.append(int(number[above]) if above >= 0 else -1)
        lengths.append(length)
    names = [tree.names[node] for node in kept.tolist()]
    return TreeArrays(np.array(parent), np.array(lengths), names, list(tree.notes))
