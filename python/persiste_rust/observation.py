"""Completeness and contamination of genomes: from tables in percent to one probability a tip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

import numpy as np

from persiste_rust._covariate_table import read_covariates


@dataclass(frozen=True)
class PerGenome:
    """One number for each genome, estimated under a normal prior on its logit.

    `centre` is the prior's centre as a probability above 0 and below 1, `sd` its standard deviation on the logit
    scale. A fit maximises log-likelihood minus the prior's penalty and reports both.
    """

    centre: float
    sd: float = 1.0


# What `completeness` and `contamination` of a model may be.
TipProbabilities = float | Mapping[str, float] | PerGenome | Literal["estimated"] | str | PathLike[str]


def read_quality(path: str | PathLike[str], column: str) -> dict[str, float]:
    """Returns one probability a genome, from a table in percent as CheckM writes it.

    `column` is matched without regard to case (`Completeness`, `Contamination`). CheckM's contamination is the share
    of marker genes found more than once; it is no probability that an absent family is recorded, so give it as
    `contamination` only if you mean that.

    # Errors
    ValueError for a table without the column, or a value outside 0 to 100.
    """
    table = read_covariates(path, "genome quality")
    names = [name for name in table.columns if name.strip().lower() == column.lower()]
    if not names:
        raise ValueError(f"{table.where} has no column '{column}'; it has {', '.join(table.columns)}")
    quality = {}
    for genome, value in zip(table.names, table.column(names[0]), strict=True):
        if not isinstance(value, (int, float)) or not 0.0 <= value <= 100.0:
            raise ValueError(
                f"{table.where}: {names[0]} of '{genome}' is {value!r}; allowed are percents from 0 to 100"
            )
        quality[genome] = float(value) / 100.0
    return quality


def observation_setting(value: TipProbabilities | None, what: str, tip_names: list[str]) -> Any:
    """Returns a setting as the native module takes it: None, one number a tip, a prior's pair, or a word.

    # Errors
    ValueError for a tip without a value; genomes that are no tips are passed over.
    """
    if value is None or (isinstance(value, str) and value == "estimated"):
        return value
    if isinstance(value, PerGenome):
        return (float(value.centre), float(value.sd))
    if isinstance(value, (int, float, np.floating, np.integer)):
        return [float(value)] * len(tip_names)
    given = value if isinstance(value, Mapping) else read_quality(value, what)
    missing = [tip for tip in tip_names if tip not in given]
    if missing:
        raise ValueError(
            f"the {what} has no value for tip '{missing[0]}' ({len(missing)} of {len(tip_names)} lack one)"
        )
    return [float(given[tip]) for tip in tip_names]
