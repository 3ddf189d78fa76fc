"""The report of `persiste fit`: as text, as one JSON object, and as files."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from persiste_rust.data import GeneContentData
from persiste_rust.family_rates import FamilyFit
from persiste_rust.fit import Fit
from persiste_rust.model import GeneContentModel
from persiste_rust.tree import Tree


def as_text(tree_path: str, table_path: str, model: GeneContentModel, fit: Fit, conditioned: str) -> str:
    """Returns what the fit read, assumed and found, for a reader."""
    data = model.data
    missing = f", {data.n_missing} missing cells" if data.n_missing else ""
    lines = [
        f"tree                  {tree_path}: {data.n_tips} tips, {data.tree.n_nodes} nodes",
        f"table                 {table_path}: {data.n_families} families{missing}",
        f"names                 {data.n_tips} of {data.tree.n_tips} tips matched by exact name",
        f"conditioned on        {conditioned}",
        f"root                  {_root(fit)}",
        f"rates                 {model._native.rates_in_words()}",
        f"assumed               families independent; tree and branch lengths without error{_table_assumed(model)}",
        fit.summary(),
    ]
    return "\n".join(lines)


def _root(fit: Fit) -> str:
    name = fit.root if isinstance(fit.root, str) else "given"
    if math.isnan(fit.root_frequency):
        return name
    return f"{name}: present with probability {fit.root_frequency:.6g}"


def _table_assumed(model: GeneContentModel) -> str:
    is_exact = model._settings["completeness"] is None and model._settings["contamination"] is None
    return "; table without error" if is_exact else ""


def as_json(tree_path: str, table_path: str, model: GeneContentModel, fit: Fit, conditioned: str, version: str) -> str:
    """Returns the same as one JSON object, without NaN or infinity."""
    data = model.data
    report: dict[str, Any] = {
        "persiste_rust": version,
        "tree": tree_path,
        "table": table_path,
        "n_tips": data.n_tips,
        "n_nodes": data.tree.n_nodes,
        "n_missing_cells": data.n_missing,
        "n_all_absent_families": data.n_all_absent,
        "conditioned_on": conditioned,
        **fit.to_dict(),
    }
    return json.dumps(report, indent=2, allow_nan=False, ensure_ascii=False)


def families_tsv(model: GeneContentModel, fit: Fit) -> str:
    """Returns one line a family: name, presences, log-likelihood; control characters in names are escaped.

    Where rates differ between families, also the posterior means of its gain and loss rate.
    """
    data = model.data
    head = "family\tpresences\tlog_likelihood"
    rows = [
        f"{escaped(name)}\t{presences}\t{value!r}"
        for name, presences, value in zip(
            data.family_names, data.presences().tolist(), fit.log_likelihoods.tolist(), strict=True
        )
    ]
    if not is_plain(model):
        head += "\tgain_rate\tloss_rate"
        rates = model.family_rates(dict(fit.parameters)).tolist()
        rows = [f"{row}\t{gain!r}\t{loss!r}" for row, (gain, loss) in zip(rows, rates, strict=True)]
    return "".join(f"{line}\n" for line in [head, *rows])


def is_plain(model: GeneContentModel) -> bool:
    """Returns whether all families and branches share one gain and one loss rate."""
    return model.rates == "shared" and not model._columns and model._multipliers is None


def family_fit_tsv(data: GeneContentData, fit: FamilyFit) -> str:
    """Returns one line a family: presences, rates with 95 % profile-likelihood intervals, log-likelihood."""
    intervals = np.exp(fit.intervals()).reshape(-1, 4)
    rates_and_ends = ("gain_rate", "loss_rate", "gain_low", "gain_high", "loss_low", "loss_high")
    names = (*rates_and_ends, "log_gain_se", "log_loss_se", "gain_at_bound", "loss_at_bound")
    lines = ["\t".join(("family", "presences", *names, "log_likelihood", "n_maxima", "converged")) + "\n"]
    rates = np.exp(fit.log_rates).tolist()
    for index, (name, presences) in enumerate(zip(data.family_names, data.presences().tolist(), strict=True)):
        cells = [
            escaped(name),
            presences,
            *rates[index],
            *intervals[index].tolist(),
            *fit.standard_errors[index].tolist(),
        ]
        cells += [*fit.at_bound[index].astype(int).tolist(), float(fit.log_likelihoods[index])]
        cells += [int(fit.n_maxima[index]), int(fit.converged[index])]
        lines.append("\t".join(cell if isinstance(cell, str) else repr(cell) for cell in cells) + "\n")
    return "".join(lines)


def family_fit_json(tree_path: str, table_path: str, fit: FamilyFit, conditioned: str, version: str) -> str:
    """Returns what the fits of all families found together as one JSON object."""
    report = {
        "persiste_rust": version,
        "tree": tree_path,
        "table": table_path,
        "conditioned_on": conditioned,
        "rates": "per-family",
        "root": fit.root,
        "n_families": len(fit.family_names),
        "n_parameters": fit.n_parameters,
        "log_likelihood": fit.log_likelihood,
        "n_converged": int(fit.converged.sum()),
        "n_at_bound": int(fit.at_bound.any(axis=1).sum()),
        "seconds": fit.seconds,
    }
    return json.dumps(report, indent=2, allow_nan=False, ensure_ascii=False)


def escaped(name: str) -> str:
    """Returns a name without control characters, which would break a table."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def annotated_newick(tree: Tree, rates: tuple[float, float] | None) -> str:
    """Returns the tree with `p_gain` and `p_loss` at each branch: the probabilities P01 and P10 along its length.

    Without rates that all families share only names are added: internal nodes without a name get the names N1, N2, ...
    that are still free, in post-order.
    """
    length, parent = tree.branch_length, tree.parent
    gain, loss = rates or (0.0, 0.0)
    changed = -np.expm1(-(gain + loss) * length) / (gain + loss) if gain + loss > 0.0 else np.zeros_like(length)
    taken, number = set(tree.node_names), 0
    annotations = []
    for node, name in enumerate(tree.node_names):
        has_branch = rates is not None and parent[node] >= 0
        text = f"p_gain={gain * changed[node]:.6g},p_loss={loss * changed[node]:.6g}" if has_branch else ""
        if not name:
            number += 1
            while f"N{number}" in taken:
                number += 1
            text = f"name=N{number};{text}"
        annotations.append(text)
    # A group without a label is followed by its comment; the name moves out of it.
    named = re.sub(r"\)\[&?name=(N\d+);([^]]*)\]", r")\1[&\2]", tree.to_newick(annotations))
    return named.replace("[&]", "").replace("[p_gain=", "[&p_gain=") + "\n"


def prepare_folder(folder: Path) -> None:
    """Makes the folder that will hold the report.

    # Errors
    OSError if it is a file or cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"the output '{folder}' is a file; -o wants a folder")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"the output folder '{folder}' cannot be written to")


def write_files(
    folder: Path, contents: Mapping[str, str | Iterable[str] | Iterable[bytes] | Callable[[Path], None]]
) -> None:
    """Writes each file beside its place and moves all of them there at the end, so none is ever half written.

    A content is a text, pieces of one, or a function that writes the file it is given.
    """
    beside: dict[str, Path] = {}
    try:
        for name, content in contents.items():
            descriptor, path = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
            beside[name] = Path(path)
            with os.fdopen(descriptor, "wb") as file:
                if callable(content):
                    content(Path(path))
                else:
                    pieces = [content] if isinstance(content, str) else content
                    file.writelines(piece.encode() if isinstance(piece, str) else piece for piece in pieces)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(path, 0o666 & ~_umask())
        for name in contents:
            os.replace(beside[name], folder / name)
            del beside[name]
    finally:
        for leftover in beside.values():
            leftover.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def files(model: GeneContentModel, fit: Fit, json_text: str) -> dict[str, str]:
    """Returns the content of each file of the report by its name."""
    rates = None
    if is_plain(model):
        rates = (math.exp(min(fit.parameters["log_gain"], 709.0)), math.exp(min(fit.parameters["log_loss"], 709.0)))
    return {
        "fit.json": json_text + "\n",
        "families.tsv": families_tsv(model, fit),
        "tree.nwk": annotated_newick(model.data.tree, rates),
    }
