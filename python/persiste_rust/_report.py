"""The report of `persiste fit`: as text, as one JSON object, and as files."""

from __future__ import annotations

import json
import math
import textwrap
from typing import Any

import numpy as np

from persiste_rust.data import GeneContentData
from persiste_rust.explain import observation_in_words
from persiste_rust.family_rates import FamilyFit
from persiste_rust.fit import Fit
from persiste_rust.model import GeneContentModel
from persiste_rust.regimes import relabelled
from persiste_rust.tree import Tree

_LABEL, _WIDTH = 22, 120
# Lines with a path, which a reader copies whole.
_PATHS = ("tree ", "table ")


def wrapped(report: str, label: int = _LABEL) -> str:
    """Returns a report, lines of a label (so wide) and a text, with the texts in their column and no line too long."""
    settings: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    settings["subsequent_indent"] = " " * label
    is_whole = [len(line) <= _WIDTH or line.startswith(_PATHS) for line in report.splitlines()]
    return "\n".join(
        line if whole else textwrap.fill(line, _WIDTH, **settings)
        for line, whole in zip(report.splitlines(), is_whole, strict=True)
    )


def aligned(words: str) -> str:
    """Returns lines of the form "label: text" as a report."""
    pairs = (line.split(": ", 1) for line in words.splitlines())
    return wrapped("\n".join(f"{label:<{_LABEL - 1}} {text}" for label, text in pairs))


def as_text(tree_path: str, table_path: str, model: GeneContentModel, fit: Fit, conditioned: str) -> str:
    """Returns what the fit read, assumed and found, for a reader."""
    lines = [
        *_read(tree_path, table_path, model.data),
        f"conditioned on        {conditioned}",
        f"root                  {_root(fit)}",
        f"rates                 {model._native.rates_in_words()}",
        f"assumed               families independent; tree and branch lengths without error{_table_assumed(model)}",
        *(aligned(line) for line in observation_in_words(model)),
        fit.summary(),
    ]
    return wrapped("\n".join(lines))


def _read(tree_path: str, table_path: str, data: GeneContentData) -> list[str]:
    missing = f", {data.n_missing} missing cells" if data.n_missing else ""
    return [
        f"tree                  {tree_path}: {data.n_tips} tips, {data.tree.n_nodes} nodes",
        f"table                 {table_path}: {data.n_families} families{missing}",
        f"names                 {data.n_tips} of {data.tree.n_tips} tips matched by exact name",
    ]


def family_fit_text(tree_path: str, table_path: str, model: GeneContentModel, fit: FamilyFit, conditioned: str) -> str:
    """Returns the same of fits of single families."""
    lines = [
        *_read(tree_path, table_path, model.data),
        f"conditioned on        {conditioned}",
        f"root                  {fit.root}",
        fit.summary(),
        *(f"note                  {note}" for note in model.data.notes),
    ]
    return wrapped("\n".join(lines))


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
    report = _about(tree_path, table_path, model.data, conditioned, version) | fit.to_dict()
    return json.dumps(report, indent=2, allow_nan=False, ensure_ascii=False)


def _about(tree_path: str, table_path: str, data: GeneContentData, conditioned: str, version: str) -> dict[str, Any]:
    return {
        "persiste_rust": version,
        "tree": tree_path,
        "table": table_path,
        "n_tips": data.n_tips,
        "n_nodes": data.tree.n_nodes,
        "n_missing_cells": data.n_missing,
        "n_all_absent_families": data.n_all_absent,
        "conditioned_on": conditioned,
    }


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


def family_fit_json(
    tree_path: str, table_path: str, model: GeneContentModel, fit: FamilyFit, conditioned: str, version: str
) -> str:
    """Returns what the fits of all families found together as one JSON object."""
    report = {
        **_about(tree_path, table_path, model.data, conditioned, version),
        "rates": "per-family",
        "root": fit.root,
        "ascertainment": fit.ascertainment,
        "n_families": len(fit.family_names),
        "n_parameters": fit.n_parameters,
        "log_likelihood": fit.log_likelihood if math.isfinite(fit.log_likelihood) else None,
        "n_converged": int(fit.converged.sum()),
        "n_at_bound": int(fit.at_bound.any(axis=1).sum()),
        "seconds": fit.seconds,
        "backend": model.backend,
        "notes": model.data.notes,
    }
    return json.dumps(report, indent=2, allow_nan=False, ensure_ascii=False)


def escaped(name: str) -> str:
    """Returns a name without control characters, which would break a table."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def annotated_newick(tree: Tree, rates: tuple[float, float] | None) -> str:
    """Returns the tree with `p_gain` and `p_loss` at each branch: the probabilities P01 and P10 along its length.

    Nodes are called by their labels (`node_labels`), as in every other table. Without rates that all families share
    nothing is annotated.
    """
    length, parent = tree.branch_length, tree.parent
    gain, loss = rates or (0.0, 0.0)
    changed = -np.expm1(-(gain + loss) * length) / (gain + loss) if gain + loss > 0.0 else np.zeros_like(length)
    annotations = [
        f"p_gain={gain * change:.6g},p_loss={loss * change:.6g}" if rates is not None and above >= 0 else ""
        for change, above in zip(changed.tolist(), parent.tolist(), strict=True)
    ]
    return relabelled(tree, annotations) + "\n"


FILES = ("fit.json", "families.tsv", "tree.nwk")


def files(model: GeneContentModel, fit: Fit, json_text: str) -> dict[str, str]:
    """Returns the content of each file of the report by its name."""
    rates = None
    if is_plain(model):
        rates = (math.exp(min(fit.parameters["log_gain"], 709.0)), math.exp(min(fit.parameters["log_loss"], 709.0)))
    contents = (json_text + "\n", families_tsv(model, fit), annotated_newick(model.data.tree, rates))
    return dict(zip(FILES, contents, strict=True))


def family_files(data: GeneContentData, fit: FamilyFit, json_text: str) -> dict[str, str]:
    """Returns the same of fits of single families."""
    contents = (json_text + "\n", family_fit_tsv(data, fit), annotated_newick(data.tree, None))
    return dict(zip(FILES, contents, strict=True))
