"""What a log-likelihood is, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from persiste_rust.model import GeneContentModel

_ROOTS = {
    "stationary": "the chain's own long-run frequencies, g / (g + l) for presence; they follow the rates",
    "equal": "one half each for absence and presence",
    "absent": "every family absent",
    "present": "every family present",
    "estimated": "one probability of presence for all families, a parameter (logit_root)",
    "fitzjohn": "each family's root states weighted by their own likelihoods, (L0^2 + L1^2) / (L0 + L1)",
}
_CONDITIONS = {
    "none": "nothing: the table is taken to hold every family, also those that no genome carries",
    "observed": "each family being recorded in at least one genome",
    "variable": "each family being recorded in at least one genome and missing from the record of at least one",
}


def condition_in_words(ascertainment: str | tuple[int, int | None], n_tips: int) -> str:
    """Returns what a likelihood is conditioned on, for a reader."""
    if isinstance(ascertainment, str):
        return _CONDITIONS.get(ascertainment, ascertainment)
    lowest, highest = ascertainment
    return f"each family being recorded in {lowest} to {n_tips if highest is None else highest} genomes"


def explain(model: GeneContentModel) -> str:
    """Returns what the model's log-likelihood is: one line a subject."""
    data = model.data
    lengths = data.tree.branch_length[:-1]
    n_missing = data._native.n_missing
    lines = [
        f"log-likelihood: the sum over {data.n_families} families of the natural log of the probability of their "
        f"columns over {data.n_tips} genomes, families being independent given the tree",
        f"rates: {model._native.rates_in_words()}",
        "units: events per unit of branch length; lengths are used as they are (the whole tree has "
        f"{float(lengths.sum()):g}), rates are not normalised",
        *_effects(model),
        f"root: {_root(model)}",
        f"conditioned on: {_condition(model)}",
        *observation_in_words(model),
        f"missing cells: {n_missing}" + (", each compatible with absence and presence" if n_missing else ""),
        *_penalty(model),
        *_others(model),
    ]
    return "\n".join(lines)


def _effects(model: GeneContentModel) -> list[str]:
    names = [column.name for column in model._columns]
    lines = []
    if names:
        lines.append("effects: added to the logs of the rates, reference categories having none: " + ", ".join(names))
    if model._multipliers is not None:
        what = {"both": "gain and loss alike", "separate": "gain and loss, one for each"}
        on = model._multipliers.on
        lines.append(f"branches: the rates of every branch times a multiplier of its own, on {what.get(on, on)}")
    return lines


def _root(model: GeneContentModel) -> str:
    if isinstance(model.root, str):
        return f"{model.root}: {_ROOTS.get(model.root, model.root)}"
    return f"a given probability of presence, {model.root:g}"


def _condition(model: GeneContentModel) -> str:
    words = condition_in_words(model.ascertainment, model.data.n_tips)
    if isinstance(model.ascertainment, str):
        return words
    return (
        f"{words}; the probability of that is of all rate categories together, over all genomes of the tree, whatever "
        "cells are missing"
    )


def observation_in_words(model: GeneContentModel) -> list[str]:
    """Returns a line each for completeness and contamination, none where the table is taken to be without error."""
    lines = []
    for what, given in (("completeness", "present"), ("contamination", "absent")):
        setting = model._settings[what]
        if setting is None:
            continue
        if setting == "estimated":
            how = "one number for all genomes, estimated"
        elif isinstance(setting, tuple):
            prior = f"centre {setting[0]:g}, sd {setting[1]:g}"
            how = f"one number a genome, estimated under a normal prior on the logit ({prior})"
        else:
            how = f"given, {min(setting):g} to {max(setting):g}"
        lines.append(f"{what}: the probability that a family is recorded where it is {given}: {how}")
    return lines


def _penalty(model: GeneContentModel) -> list[str]:
    held = model._native.penalised
    if not held:
        return []
    return [
        f"penalty: a fit subtracts a quadratic penalty on {len(held)} parameters to find its maximum; the "
        "log-likelihood reported never holds it"
    ]


def _others(model: GeneContentModel) -> list[str]:
    """How other programs' numbers for the same data, rates and lengths differ."""
    is_plain = model.rates == "shared" and not model._columns and model._multipliers is None
    is_exact = model._settings["completeness"] is None and model._settings["contamination"] is None
    if not (is_plain and is_exact):
        return []
    n = model.data.n_families
    lines = []
    if model.ascertainment == "none" and model.root == "equal":
        lines = [
            "phytools fitMk(pi='equal'): the same number",
            f"ape ace(type='discrete'): greater by n_families ln 2 = {n * math.log(2.0):.6f}, for it leaves out the "
            "1/2 of the root",
        ]
    elif model.ascertainment == "none" and model.root == "fitzjohn":
        lines = ["phytools fitMk(pi='fitzjohn'): the same number"]
    elif model.root == "stationary" and model.ascertainment in ("none", "variable"):
        name = "GTR2+FO" + ("+ASC" if model.ascertainment == "variable" else "")
        lines = [
            f"IQ-TREE -m {name} with branch lengths times 2 g l / (g + l) and frequency g / (g + l) of state 1: the "
            "same number"
        ]
    return lines
