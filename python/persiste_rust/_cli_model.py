"""The arguments that every subcommand on a tree and a table shares: what to read and which model."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import persiste_rust
from persiste_rust._terminal import ProgressLine
from persiste_rust._text_file import refuse_swapped
from persiste_rust.data import GeneContentData
from persiste_rust.explain import condition_in_words
from persiste_rust.model import GeneContentModel
from persiste_rust.rates import RateModel, parse_rates, rates_with_options
from persiste_rust.tree import Tree

# The arguments that may be the path of a file that is read.
_READ = (
    "tree",
    "table",
    "regimes",
    "family_covariates",
    "branch_covariates",
    "completeness",
    "contamination",
    "params",
)


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what to read, and how."""
    parser.add_argument("tree", metavar="TREE", help="Newick or NEXUS file, rooted, with branch lengths")
    parser.add_argument("table", metavar="TABLE", help="pangenome table; `persiste formats` lists what can be read")
    group = parser.add_argument_group("reading")
    group.add_argument("--format", metavar="F", help="format of the table; default: found from its header")
    group.add_argument("--genomes-in-rows", action="store_true", help="a plain table with one line a genome")
    group.add_argument("--prune-tree", action="store_true", help="drop tips that the table does not have")
    group.add_argument("--drop-extra-genomes", action="store_true", help="drop genomes that the tree does not have")
    group.add_argument(
        "--absent-genomes",
        action="store_true",
        help="tips that a list of presences never names carry nothing",
    )
    group.add_argument(
        "--missing-length", metavar="X", type=float, help="length of branches that have none; default: refused"
    )
    group.add_argument(
        "--min-length", metavar="X", type=float, help="raise shorter lengths to this; default: negative ones refused"
    )
    group.add_argument(
        "--length-field",
        metavar="W",
        help="which of several ':' fields at a node is its length: first or last; default: refused",
    )


def add_model_arguments(
    parser: argparse.ArgumentParser, *, many: bool = False, takes_family_rates: bool = False
) -> None:
    """Adds which model; `many` lets rates and root be given several times, `takes_family_rates` "per-family" be one."""
    words = [word for word in rates_with_options() if takes_family_rates or word != "per-family"]
    group = parser.add_argument_group("model")
    again = " (may be given several times)" if many else ""
    several: dict[str, Any] = {"action": "append"} if many else {}
    group.add_argument(
        "--ascertainment",
        metavar="A",
        default="auto",
        help="what to condition on: auto (the default: observed if no family is absent everywhere, else none), "
        + ", ".join(persiste_rust.ascertainments())
        + ", or a window A-B: recorded in A to B genomes (A- for no upper end)",
    )
    group.add_argument(
        "--root",
        metavar="R",
        **({"default": "stationary"} | several if not many else several),
        help=f"P(present at the root), a number or one of: {', '.join(persiste_rust.root_priors())}; "
        f"default: stationary{again}",
    )
    group.add_argument(
        "--rates",
        metavar="M",
        **({"default": "shared"} | several if not many else several),
        help=f"how rates differ between families: {'; '.join(words)}; default: shared{again}",
    )
    group.add_argument(
        "--regime",
        metavar="NAME=CLADE",
        action="append",
        default=[],
        help="a clade with rates of its own: the label of its node, or tips separated by commas, whose last common "
        "ancestor it is; may be given several times",
    )
    group.add_argument("--regimes", metavar="TABLE", help="a table of branches with a column 'regime'")
    group.add_argument("--gain", metavar="FORMULA", help="regression of the log gain rate, such as '~ 1 + essential'")
    group.add_argument("--loss", metavar="FORMULA", help="regression of the log loss rate")
    group.add_argument("--family-covariates", metavar="TABLE", help="a row a family, for --gain and --loss")
    group.add_argument("--branch-covariates", metavar="TABLE", help="a row a branch or tip, for --gain and --loss")
    group.add_argument("--carry", metavar="HOW", help="how branches get what tips have: mean or unanimous")
    group.add_argument(
        "--completeness",
        metavar="C",
        help="P(recorded | present): a number, 'estimated', or a table in percent as CheckM writes it; default: 1",
    )
    group.add_argument("--contamination", metavar="C", help="P(recorded | absent), likewise; default: 0")
    group.add_argument("--threads", metavar="N", type=int, help="number of threads; default: all cores")
    group.add_argument("--backend", metavar="B", default="auto", help="auto (default), rust, numpy or jax")


def input_files(arguments: argparse.Namespace) -> list[str]:
    """Returns the paths that a command reads, which none of its outputs may be."""
    found = [getattr(arguments, name, None) for name in _READ]
    return [path for path in found if path is not None]


def read_data(arguments: argparse.Namespace, progress: ProgressLine) -> GeneContentData:
    """Returns tree and table, matched."""
    refuse_swapped(arguments.tree, arguments.table)
    progress("reading the tree", 0, 0)
    tree = Tree.from_newick(
        Path(arguments.tree),
        missing_length=arguments.missing_length,
        min_length=arguments.min_length,
        length_field=arguments.length_field,
    )
    return GeneContentData._read_table(
        tree,
        Path(arguments.table),
        format=arguments.format,
        genomes_in_rows=arguments.genomes_in_rows,
        prune_tree=arguments.prune_tree,
        drop_extra_genomes=arguments.drop_extra_genomes,
        absent_genomes=arguments.absent_genomes,
        progress=progress,
    )


def model_factory(
    arguments: argparse.Namespace, data: GeneContentData
) -> tuple[Callable[[str, str], GeneContentModel], str]:
    """Returns what builds the model of a rate model's and a root prior's text, and the words for the conditioning."""
    ascertainment, conditioned = _conditioning(arguments.ascertainment, data)
    regimes: Any = arguments.regimes
    if arguments.regime:
        if regimes is not None:
            raise ValueError("--regime and --regimes are both given; give either")
        regimes = clades(arguments.regime)

    if arguments.backend == "jax":
        os.environ.setdefault("JAX_ENABLE_X64", "1")  # log-likelihoods need 64 bits, and this process is ours

    def build(rates: str, root: str) -> GeneContentModel:
        chosen: str | RateModel = parse_rates(rates)
        return GeneContentModel(
            data,
            root=number_or_word(root),
            ascertainment=ascertainment,
            rates=chosen,
            regimes=regimes,
            gain=arguments.gain,
            loss=arguments.loss,
            family_covariates=arguments.family_covariates,
            branch_covariates=arguments.branch_covariates,
            carry=arguments.carry,
            completeness=observation(arguments.completeness, "--completeness"),
            contamination=observation(arguments.contamination, "--contamination"),
            backend=arguments.backend,
            threads=arguments.threads,
        )

    return build, conditioned


def observation(text: str | None, option: str) -> Any:
    """Returns what an option says of the record: None, a number, "estimated" or the path of a table.

    # Errors
    FileNotFoundError for a text that is none of these.
    """
    if text is None or text == "estimated" or not isinstance(number_or_word(text), str):
        return None if text is None else number_or_word(text)
    if not os.path.exists(text):
        raise FileNotFoundError(f"{option} is '{text}'; allowed are a number, 'estimated' or the file of a table")
    return text


def clades(texts: list[str]) -> dict[str, str | list[str]] | None:
    """Returns the regimes that `NAME=CLADE` texts name, None for no text.

    # Errors
    ValueError for another form, or a name that is given twice.
    """
    found: dict[str, str | list[str]] = {}
    for text in texts:
        name, separator, clade = text.partition("=")
        if not (separator and name and clade):
            raise ValueError(f"--regime {text!r} is not of the form NAME=CLADE")
        if name in found:
            raise ValueError(f"--regime gives '{name}' twice; a regime is one clade (--regimes reads a table)")
        tips = clade.split(",")
        found[name] = tips if len(tips) > 1 else clade
    return found or None


def number_or_word(text: str) -> str | float:
    """Returns a text as a number if it is one."""
    try:
        return float(text)
    except ValueError:
        return text


def _window(asked: str) -> tuple[int, int | None] | None:
    lowest, separator, highest = asked.partition("-")
    if separator and lowest.isdecimal() and (highest.isdecimal() or not highest):
        return int(lowest), int(highest) if highest else None
    return None


def _conditioning(asked: str, data: GeneContentData) -> tuple[str | tuple[int, int | None], str]:
    """Returns the ascertainment and the words for it."""
    n_absent = data.n_all_absent
    if asked == "auto":
        name = "none" if n_absent else "observed"
        holds = _counted(n_absent) if n_absent else "no family that no genome carries"
        return name, f"{condition_in_words(name, data.n_tips)} ({name}, chosen because the table holds {holds})"
    ascertainment = ascertainment_setting(asked, also="auto")
    words = condition_in_words(ascertainment, data.n_tips)
    if asked == "none" and not n_absent:
        words += "; but it holds no such family: if they were left out, the gain rate is too high (see --ascertainment)"
    return ascertainment, words


def _counted(n_absent: int) -> str:
    return f"{n_absent} {'family' if n_absent == 1 else 'families'} that no genome carries"


def ascertainment_setting(asked: str, also: str | None = None) -> str | tuple[int, int | None]:
    """Returns the ascertainment that a text names, or its window A-B; `also` is a name that the caller knows besides.

    # Errors
    ValueError for a text that is neither.
    """
    known = persiste_rust.ascertainments()
    window = _window(asked)
    if window is None and asked not in known:
        names = ", ".join([also, *known] if also else known)
        raise ValueError(f"unknown ascertainment '{asked}'; known: {names}, or a window A-B such as 2-10")
    return asked if window is None else window


def refuse_per_family(rates: list[str], command: str) -> None:
    """Raises ValueError where every family is to have rates of its own."""
    if "per-family" in rates:
        raise ValueError(
            f"persiste {command} needs rates that families share, and --rates is 'per-family'; intervals of each "
            "family's rates are in the families.tsv of persiste fit"
        )
