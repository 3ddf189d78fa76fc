"""Odd and broken files through the public names: each is read as its manifest says, or refused with a reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from persiste_rust import GeneContentData, GeneContentModel, Tree

TORTURE = Path(__file__).resolve().parents[3] / "shared" / "data" / "torture"
pytestmark = pytest.mark.skipif(
    not TORTURE.is_dir(), reason="the odd files are not beside the project (../shared/data)"
)


def manifest(kind: str) -> list[Any]:
    path = TORTURE / kind / "manifest.json"
    entries = json.loads(path.read_text()) if path.is_file() else {}
    return [pytest.param(TORTURE / kind / name, entry, id=name) for name, entry in entries.items()]


@pytest.mark.parametrize(("path", "entry"), manifest("newick"))
def test_each_odd_tree_is_read_as_stated_or_refused_with_a_reason(path: Path, entry: dict[str, Any]) -> None:
    if entry["expect"] == "error":
        with pytest.raises(ValueError, match=r"^.{15,}$"):
            Tree.from_newick(path)
        return
    try:
        tree = Tree.from_newick(path)
    except ValueError as reason:
        message = str(reason)
        assert entry["expect"] == "policy"
        assert len(message) > 15  # a sentence, not a word
        return
    assert tree.n_tips == entry["tips"]
    if "tip_names" in entry:
        assert tree.tip_names == entry["tip_names"]
    if "sum_bl" in entry:
        assert tree.branch_length[:-1].sum() == pytest.approx(entry["sum_bl"])


@pytest.mark.parametrize(("path", "entry"), manifest("matrix"))
def test_each_odd_table_is_read_as_stated_or_refused_with_a_reason(path: Path, entry: dict[str, Any]) -> None:
    try:
        data = GeneContentData.read(path.parent / "tree.nwk", path)
    except ValueError as reason:
        message = str(reason)
        assert len(message) > 15
        # What is not read yet is at least known by its name.
        assert entry["expect"] != "ok" or re.search("looks like .* read", message)
        return
    assert entry["expect"] != "error"
    if "families" in entry:
        assert data.n_families == entry["families"]


def test_the_order_of_columns_does_not_matter() -> None:
    values = []
    for name in ("m04_reordered_taxa.Rtab", "m04b_sorted.Rtab"):
        data = GeneContentData.read(TORTURE / "matrix" / "tree.nwk", TORTURE / "matrix" / name)
        values.append(GeneContentModel(data).log_likelihood([0.1, 0.2]))
    assert values[0] == values[1]
