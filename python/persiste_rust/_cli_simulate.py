"""`persiste simulate`: a table of families that evolve on a tree."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import persiste_rust
from persiste_rust._cli_model import ascertainment_setting, clades, input_files, number_or_word, observation
from persiste_rust._cli_parser import count
from persiste_rust._outputs import output_files, write_file
from persiste_rust._terminal import ProgressLine
from persiste_rust.rates import parse_rates
from persiste_rust.simulation import simulate
from persiste_rust.tree import Tree


def register(commands: Any) -> None:
    """Adds the subcommand."""
    one = commands.add_parser(
        "simulate",
        help="draw families that evolve on a tree",
        description="Draws gene families under a model and writes them as a table, one line a family, 0 and 1 (? for a "
        "missing cell). The same seed gives the same table with any number of threads.",
    )
    one.add_argument("tree", metavar="TREE", help="Newick or NEXUS file, rooted, with branch lengths")
    one.add_argument("-n", "--families", metavar="N", type=count, required=True, help="number of families in the table")
    one.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="parameters",
        help="a parameter of the model, such as log_gain=-1; give all of them (an error lists their names)",
    )
    one.add_argument("-o", "--output", metavar="FILE", required=True, help="the table, separated by tabs")
    one.add_argument(
        "--truth", metavar="FILE", help="also write true states, gains and losses, a line a family and branch"
    )
    one.add_argument("--seed", metavar="N", type=int, default=1, help="of all random numbers; default: 1")
    one.add_argument("--missing", metavar="P", type=float, help="probability that a cell is missing; default: 0")
    one.add_argument(
        "--ascertainment",
        metavar="A",
        default="none",
        help=f"which families are listed: {', '.join(persiste_rust.ascertainments())}, or a window A-B; default: none",
    )
    one.add_argument(
        "--root", metavar="R", default="stationary", help="root prior, as in persiste fit; default: stationary"
    )
    one.add_argument("--rates", metavar="M", default="shared", help="rate model, as in persiste fit; default: shared")
    one.add_argument("--regime", metavar="NAME=CLADE", action="append", default=[], help="as in persiste fit")
    one.add_argument(
        "--completeness", metavar="C", help="P(recorded | present): a number, or a table in percent; default: 1"
    )
    one.add_argument("--contamination", metavar="C", help="P(recorded | absent), likewise; default: 0")
    one.add_argument("--threads", metavar="N", type=int, help="number of threads; default: all cores")
    one.add_argument("--backend", metavar="B", default="auto", help="auto (default) or rust; NumPy does not simulate")
    one.set_defaults(run=_simulate)


def _simulate(arguments: argparse.Namespace) -> None:
    params = _parameters(arguments.parameters)
    outputs = {"--output": arguments.output, "--truth": arguments.truth}
    table, truth = output_files(outputs, input_files(arguments))
    with ProgressLine(sys.stderr) as progress:
        tree = Tree.from_newick(Path(arguments.tree))
        found = simulate(
            tree,
            arguments.families,
            params,
            root=number_or_word(arguments.root),
            ascertainment=ascertainment_setting(arguments.ascertainment),
            rates=parse_rates(arguments.rates),
            regimes=clades(arguments.regime),
            completeness=observation(arguments.completeness, "--completeness"),
            contamination=observation(arguments.contamination, "--contamination"),
            missing=arguments.missing,
            seed=arguments.seed,
            truth=truth is not None,
            threads=arguments.threads,
            progress=progress,
            backend=arguments.backend,
        )
    if truth is not None:
        write_file(truth, _truth(found))
    if table is not None:
        write_file(table, _table(found.data))
    print(f"{found.data.n_families} families of {found.data.n_tips} genomes, seed {found.seed}, in {arguments.output}")


def _parameters(texts: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        try:
            if not (separator and name):
                raise ValueError
            number = float(value)
        except ValueError:
            raise ValueError(f"--set {text!r} is not of the form NAME=NUMBER") from None
        if name in found:
            raise ValueError(f"--set gives '{name}' twice, {found[name]:g} and {number:g}; give it once")
        found[name] = number
    return found


def _table(data: persiste_rust.GeneContentData) -> str:
    lines = ["\t".join(["family", *data.tree.tip_names])]
    words = {0: "0", 1: "1", -1: "?"}
    for name, cells in zip(data.family_names, data.presence_matrix().T.tolist(), strict=True):
        lines.append("\t".join([name, *(words[cell] for cell in cells)]))
    return "\n".join(lines) + "\n"


def _truth(found: persiste_rust.Simulation) -> str:
    from persiste_rust.regimes import node_labels

    truth = found.truth
    assert truth is not None
    labels = node_labels(found.data.tree)
    lines = ["family\tnode\tstate\tgains\tlosses"]
    for index, family in enumerate(found.data.family_names):
        rows = zip(labels, truth.states[:, index], truth.gains[:, index], truth.losses[:, index], strict=True)
        lines.extend(f"{family}\t{label}\t{state}\t{gains}\t{losses}" for label, state, gains, losses in rows)
    return "\n".join(lines) + "\n"
