"""The arguments that every subcommand on a tree and a table shares: what to read and which model."""

from __future__ import annotations

import argparse
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import persiste_rust
from persiste_rust._terminal import ProgressLine
from persiste_rust.data import GeneContentData
from persiste_rust.model import GeneContentModel
from persiste_rust.rates import RateModel, parse_rates
from persiste_rust.tree import Tree


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
    group.add_argument("--missing-length", metavar="X", type=float, help="length of branches that have none")
    group.add_argument("--min-length", metavar="X", type=float, help="raise shorter and negative lengths to this")
    group.add_argument(
        "--length-field", metavar="W", help="which of several ':' fields at a node is its length: first or last"
    )


def add_model_arguments(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """Adds which model; `many` lets rates and root be given several times."""
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
        help=f"how rates differ between families: {', '.join(persiste_rust.rate_models())}, with options as in "
        f"gamma:n_categories=8,kind=median; default: shared{again}",
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
        help="P(recorded | present): a number, 'estimated', or a table in percent as CheckM writes it",
    )
    group.add_argument("--contamination", metavar="C", help="P(recorded | absent), likewise")
    group.add_argument("--threads", metavar="N", type=int, help="number of threads; default: all cores")
    group.add_argument("--backend", metavar="B", default="auto", help="auto, rust, numpy or jax")


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
            raise ValueError("give either --regime or --regimes")
        regimes = dict(_regime(text) for text in arguments.regime)

    def build(rates: str, root: str) -> GeneContentModel:
        chosen: str | RateModel = parse_rates(rates)
        return GeneContentModel(
            data,
            root=_number_or_word(root),
            ascertainment=ascertainment,
            rates=chosen,
            regimes=regimes,
            gain=arguments.gain,
            loss=arguments.loss,
            family_covariates=arguments.family_covariates,
            branch_covariates=arguments.branch_covariates,
            carry=arguments.carry,
            completeness=_observation(arguments.completeness),
            contamination=_observation(arguments.contamination),
            backend=arguments.backend,
            threads=arguments.threads,
        )

    return build, conditioned


def _observation(text: str | None) -> Any:
    return None if text is None else _number_or_word(text)


def _regime(text: str) -> tuple[str, str | list[str]]:
    name, separator, clade = text.partition("=")
    if not (separator and name and clade):
        raise ValueError(f"--regime {text!r} is not of the form NAME=CLADE")
    tips = clade.split(",")
    return name, tips if len(tips) > 1 else clade


def _number_or_word(text: str) -> str | float:
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
    window = _window(asked)
    if window is not None:
        highest = data.n_tips if window[1] is None else window[1]
        return window, f"each family being recorded in {window[0]} to {highest} genomes"
    n_absent = data.n_all_absent
    name = asked
    if asked == "auto":
        name = "none" if n_absent else "observed"
    reason = ""
    if asked == "auto":
        holds = f"{n_absent} families that no genome carries" if n_absent else "no family that no genome carries"
        reason = f" ({name}, chosen because the table holds {holds})"
    words = {
        "none": "nothing: the table is taken to hold every family, also those that no genome carries",
        "observed": "each family being present in at least one genome",
        "variable": "each family being present in at least one genome and absent from at least one",
    }.get(name, name)
    if asked == "none" and not n_absent:
        reason = "; but it holds no such family: if they were left out, the gain rate is too high (see --ascertainment)"
    return name, words + reason


def refuse_swapped(tree: str, table: str) -> None:
    """Raises ValueError if the tree was given where the table belongs."""
    if os.path.isfile(tree) and _looks_like_tree(table) and not _looks_like_tree(tree):
        raise ValueError(f"'{table}' looks like a tree and '{tree}' does not; the order is: TREE TABLE")


def _looks_like_tree(path: str) -> bool:
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
