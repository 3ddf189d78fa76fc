"""Finds the reference values and data sets that the tests share with other projects, and skips where they are not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from persiste_rust._fallback_newick import read_newick, tips_of

_ROOT = Path(os.environ.get("PERSISTE_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")


def shared(*parts: str) -> Path:
    """Returns a file or folder of the shared material; skips the test where it is absent."""
    path = _ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is absent; set PERSISTE_SHARED to the folder of the shared reference and data")
    return path


def shared_json(*parts: str) -> Any:
    """Returns what a shared JSON file holds."""
    return json.loads(shared(*parts).read_text(encoding="utf-8"))


def shared_names(*parts: str) -> list[str]:
    """Returns the sorted names in a shared folder, or one stand-in that will skip, for use in parametrize."""
    path = _ROOT.joinpath(*parts)
    return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else ["absent"]


def shared_manifest(*parts: str) -> list[tuple[str, dict[str, Any]]]:
    """Returns the entries of a shared manifest.json, or one stand-in that will skip, for use in parametrize."""
    path = _ROOT.joinpath(*parts, "manifest.json")
    if not path.exists():
        return [("absent", {"expect": "ok"})]
    return list(json.loads(path.read_text(encoding="utf-8")).items())


_ROOTS = {"stationary": "stationary", "flat": 0.5}
_CONDITIONS = {"all0": "observed", "all0_all1": "variable"}


class Arrays(NamedTuple):
    """A tree as the twin takes it."""

    parent: np.ndarray
    branch_length: np.ndarray
    tip_nodes: np.ndarray


class Case(NamedTuple):
    """A reference case: the arguments of the twin, rate categories and the conditioning."""

    tree: Arrays
    cells: np.ndarray
    gain: np.ndarray
    loss: np.ndarray
    root: Any
    rates: np.ndarray
    weights: np.ndarray
    ascertainment: str | None


def read_case(name: str) -> Case:
    """Returns a reference case; skips the test where it is absent."""
    params = shared_json("reference", "cases", name, "params.json")
    tree = read_newick(shared("reference", "cases", name, "tree.nwk"))
    lines = shared("reference", "cases", name, "presence.tsv").read_text().splitlines()[1:]
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in lines}
    states = {"0": 0, "1": 1, "?": -1}
    tips = tips_of(tree)
    cells = np.array([[states[cell] for cell in rows[tree.names[tip]]] for tip in tips])
    root = params["root"]
    categories = params["categories"] or {"rates": ["1"], "weights": ["1"]}
    return Case(
        Arrays(tree.parent, tree.branch_length, tips),
        cells,
        np.array(params["gain"], dtype=float),
        np.array(params["loss"], dtype=float),
        _ROOTS[root] if root in _ROOTS else float(root),
        np.array(categories["rates"], dtype=float),
        np.array(categories["weights"], dtype=float),
        _CONDITIONS.get(params["ascertainment"]),
    )
