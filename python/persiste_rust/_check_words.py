"""A check in words: what fits, what does not, and which option of the model may help."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from persiste_rust.check import Check, Table

# A statistic is off at this two-sided p-value, or beyond all simulated tables by so many standard deviations.
_LEVEL = 0.01
_FAR = 4.0
# False-discovery rate of the families that are named.
_DISCOVERY = 0.05
_SHOWN = 5
_WIDTH = 120

# What is told of besides the spectrum and its classes.
_STATISTICS = ("parsimony", "distinct_patterns", "tree_signal", "genome_size_sd", "mean_log_likelihood")


class Finding(NamedTuple):
    """Whether the table and the model agree in one respect, in words, and what may help if not."""

    what: str
    fits: bool
    text: str
    advice: str


def is_off(row: Mapping[str, Any], n_simulations: int) -> bool:
    """Returns whether a statistic of the table is not one of the model's.

    It is not if its p-value is at most 1 %, or if it lies beyond all simulated tables by more than four standard
    deviations, which few tables can say as well.
    """
    if math.isnan(row["p_value"]):
        return False
    is_beyond = min(row["p_low"], row["p_high"]) * (n_simulations + 1) < 1.5
    return bool(row["p_value"] <= _LEVEL or (is_beyond and abs(row["observed"] - row["mean"]) > _FAR * row["sd"]))


def residual_limit(n_genomes: int) -> float:
    """Returns the residual that the greatest of so many genomes exceeds with probability 1 %."""
    return NormalDist().inv_cdf(1.0 - _LEVEL / (2.0 * max(n_genomes, 1)))


def findings(check: Check) -> list[Finding]:
    """Returns what agrees and what does not, the whole before its parts."""
    return [_spectrum(check), *_classes(check), *_others(check), *_families(check), _genomes(check)]


def _row(check: Check, name: str) -> dict[str, Any]:
    return next(row for row in check.predictive.rows() if row["statistic"] == name)


def _spectrum(check: Check) -> Finding:
    row, n = _row(check, "spectrum_distance"), len(check.spectrum.bins)
    n_outside = check.spectrum.n_outside
    text = (
        f"{n_outside} of {n} numbers of genomes outside their 99 % band ({0.01 * n:.1f} expected at most); "
        f"distance {row['observed']:.4g}, simulated {row['mean']:.4g} (p = {_p(row)})"
    )
    off = is_off(row, check.n_simulations)
    return Finding("spectrum", not off, text, _rates_advice(check) if off else "")


def _rates_advice(check: Check) -> str:
    rates = check._settings["rates"]
    if rates == "shared":
        return "rates that differ between families: --rates gamma (DiscreteGamma), or mixture"
    if rates == "gamma":
        return "gain and loss that vary apart: --rates gamma-gain-loss, mixture or hierarchical"
    if rates == "mixture":
        return "more classes (--rates mixture:n_categories=4), or --rates hierarchical"
    return "another rate model: --rates mixture, gamma-gain-loss or hierarchical (persiste compare ranks them)"


def _classes(check: Check) -> list[Finding]:
    found = []
    bounds = {"core": f"in {check.core:.3g} of the genomes or more", "cloud": f"in less than {check.cloud:.3g}"}
    for row in check.spectrum.classes.rows():
        name = row["class"]
        text = f"{row['observed']} families {bounds.get(name, '')}".rstrip()
        text += f", expected {row['expected']:.1f} (99 % band {row['low']} to {row['high']})"
        advice = ""
        if row["outside"] and name == "singletons" and row["observed"] > row["high"]:
            advice = "check annotation (split and spurious genes); a window --ascertainment 2- leaves singletons out"
        found.append(Finding(name, not row["outside"], text, advice))
    return found


def _others(check: Check) -> list[Finding]:
    found = []
    for name in _STATISTICS:
        row = _row(check, name)
        if math.isnan(row["p_value"]):
            continue
        off = is_off(row, check.n_simulations)
        text = f"{row['observed']:.6g}, simulated {row['mean']:.6g} (sd {row['sd']:.3g}, p = {_p(row)})"
        found.append(Finding(name.replace("_", " "), not off, text, _advice(check, name, row) if off else ""))
    return found


def _advice(check: Check, name: str, row: Mapping[str, Any]) -> str:
    more = row["observed"] > row["mean"]
    if name == "parsimony" and more:
        return "presences more scattered over the tree than rates allow: transfer, errors of the table, or a wrong tree"
    if name == "genome_size_sd" and more:
        parts = [] if check._settings["completeness"] else ["--completeness estimated"]
        parts += [] if check._settings["branches"] else ["lineages with rates of their own (--regime)"]
        return " or ".join(parts)
    if name in ("parsimony", "mean_log_likelihood", "distinct_patterns"):
        return _rates_advice(check)
    return "" if check._settings["branches"] else "lineages with rates of their own (--regime)"


def _families(check: Check) -> list[Finding]:
    found = []
    n = len(check.families)
    for what, column, text, advice in (
        ("families", "q", "less likely than the model's families", ""),
        (
            "patterns",
            "q_given_presences",
            "with an odd pattern for their number of genomes",
            "see families.tsv for them: transfer, contamination or split families scatter presences",
        ),
    ):
        n_odd = int((check.families[column] <= _DISCOVERY).sum())
        words = f"{n_odd} of {n} families {text} (false-discovery rate {_DISCOVERY:g})"
        found.append(Finding(what, n_odd == 0, words, advice if n_odd else ""))
    return found


def _genomes(check: Check) -> Finding:
    residual, limit = np.asarray(check.genomes["residual"]), residual_limit(len(check.genomes))
    low, high = residual < -limit, residual > limit
    text = (
        f"{int(low.sum())} of {len(residual)} genomes have fewer families than the others say, {int(high.sum())} more "
        f"(residual beyond {limit:.2f})"
    )
    advice = []
    lacking = low & (np.asarray(check.genomes["lacking"]) > 1.5 * np.asarray(check.genomes["expected_lacking"]))
    extra = high & (np.asarray(check.genomes["extra"]) > 1.5 * np.asarray(check.genomes["expected_extra"]))
    if lacking.any() and not check._settings["completeness"]:
        advice.append("--completeness estimated (or a table of CheckM) for genomes that lack families")
    if extra.any() and not check._settings["contamination"]:
        advice.append("--contamination estimated for genomes with extra families")
    if (low.any() or high.any()) and not check._settings["branches"]:
        advice.append("lineages with rates of their own (--regime)")
    return Finding("genomes", not (low.any() or high.any()), text, "; ".join(advice))


def summary(check: Check) -> str:
    """Returns the check as lines of text for a reader."""
    all_found = findings(check)
    off = [finding for finding in all_found if not finding.fits]
    verdict = (
        "the table looks like one of the model's"
        if not off
        else f"does not fit in {len(off)} respects of {len(all_found)}"
    )
    exact = f"from {check.spectrum.n_simulated} simulated tables" if check.spectrum.n_simulated else "exact"
    least = min(1.0, 2.0 / (check.n_simulations + 1))
    lines = [
        ("model", f"{check.model}; conditioned on {check.ascertainment}"),
        (
            "simulated",
            f"{check.n_simulations} tables at the given parameters, seed {check.seed}; p-values from {least:.2g}, "
            "conservative where the parameters were fitted to the same table",
        ),
        ("expected spectrum", exact),
        ("verdict", verdict),
        *((f"{'fits' if one.fits else 'OFF':<4}  {one.what}", one.text) for one in all_found),
    ]
    if check.total_families is not None:
        total = check.total_families
        words = (
            f"{total.value:.1f} (standard error {total.standard_error:.4g}) if the process is as the model says, "
            f"{len(check.families)} of them recorded"
        )
        lines.append(("families in all", words))
    told = [part for label, text in lines for part in _wrapped(f"{label:<25} {text}", 26)]
    return "\n".join([*told, *_worst_genomes(check), *_worst_families(check), *_advised(off)])


def _wrapped(line: str, indent: int) -> list[str]:
    wrapped = textwrap.wrap(line, _WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)
    # The blanks that line up columns are the line's own.
    return [line] if len(line) <= _WIDTH else wrapped


def _advised(off: Iterable[Finding]) -> list[str]:
    advice: dict[str, list[str]] = {}
    for finding in off:
        if finding.advice:
            advice.setdefault(finding.advice, []).append(finding.what)
    if not advice:
        return []
    named = (f"  {text} [{', '.join(what)}]" for text, what in advice.items())
    return ["what may help", *(part for line in named for part in _wrapped(line, 4))]


def _worst_genomes(check: Check) -> list[str]:
    residual = np.nan_to_num(np.abs(np.asarray(check.genomes["residual"])))
    worst = [place for place in np.argsort(-residual, kind="stable")[:_SHOWN].tolist() if residual[place] > 0.0]
    if not worst:
        return []
    rows = [["genome", "families", "expected", "residual", "lacking", "(exp.)", "extra", "(exp.)", "complete"]]
    for row in _rows(check.genomes, worst):
        numbers = [row["observed"], row["expected"], row["residual"], row["lacking"], row["expected_lacking"]]
        numbers += [row["extra"], row["expected_extra"]]
        rows.append([row["genome"], *(_short(number) for number in numbers), _share(row["implied_completeness"])])
    return ["genomes that fit worst, given all others", *_aligned(rows)]


def _worst_families(check: Check) -> list[str]:
    p, log = np.asarray(check.families["p_given_presences"]), np.asarray(check.families["log_likelihood"])
    order = np.lexsort((log, p, np.asarray(check.families["q_given_presences"])))[:_SHOWN]
    rows = [["family", "genomes", "log L", "p", "p given genomes", "q given genomes"]]
    for row in _rows(check.families, order.tolist()):
        shown = [f"{row[name]:.2g}" for name in ("p", "p_given_presences", "q_given_presences")]
        rows.append([row["family"], str(row["presences"]), f"{row['log_likelihood']:.2f}", *shown])
    return ["families with the oddest patterns for their number of genomes", *_aligned(rows)]


def _rows(table: Table, places: list[int]) -> list[dict[str, Any]]:
    return [
        {
            name: column[place].item() if isinstance(column, np.ndarray) else column[place]
            for name, column in table.columns().items()
        }
        for place in places
    ]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _short(number: float) -> str:
    return f"{number:.0f}" if float(number).is_integer() else f"{number:.1f}"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _p(row: Mapping[str, Any]) -> str:
    return f"{row['p_value']:.2g}"
