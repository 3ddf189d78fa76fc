"""Files of text as users have them: UTF-8, perhaps with a byte-order mark, perhaps compressed."""

from __future__ import annotations

import gzip
import os
import zlib
from os import PathLike, fspath

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def read_text(path: str | PathLike[str], *, strict: bool = True) -> str:
    """Returns the text of a file in UTF-8, gzip undone (told by its content, not its name), without byte-order mark.

    Unless `strict`, bytes that are not UTF-8 come back as lone surrogates, for the caller to judge.

    # Errors
    OSError if the file cannot be read; ValueError for another encoding or a damaged gzip file.
    """
    shown = fspath(path)
    with open(path, "rb") as file:
        content = file.read()
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as reason:
            raise ValueError(f"'{shown}' is a damaged gzip file: {str(reason).lower()}") from reason
    if content.startswith(_WIDE_MARKS):
        raise ValueError(f"'{shown}' is encoded in UTF-16 or UTF-32; convert it to UTF-8 (for example with iconv)")
    try:
        return content.decode("utf-8-sig", "strict" if strict else "surrogateescape")
    except UnicodeDecodeError as reason:
        line = content.count(b"\n", 0, reason.start) + 1
        raise ValueError(f"'{shown}', line {line}: byte {content[reason.start]:#x} is not UTF-8") from reason


def refuse_swapped(tree: str | PathLike[str], table: str | PathLike[str]) -> None:
    """Raises ValueError if the tree was given where the table belongs."""
    if os.path.isfile(tree) and looks_like_tree(table) and not looks_like_tree(tree):
        raise ValueError(f"'{table}' looks like a tree and '{tree}' does not; the order is: TREE TABLE")


def looks_like_tree(path: str | PathLike[str]) -> bool:
    """Returns whether a file begins as Newick or NEXUS does."""
    if not os.path.isfile(path):  # a pipe must not be read twice
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(2)
        with gzip.open(path) if start == b"\x1f\x8b" else open(path, "rb") as file:
            text = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    except (OSError, EOFError):
        return False
    return text.startswith(b"(") or text[:6].upper() == b"#NEXUS" or text[:2] in (b"[&", b"[%")
