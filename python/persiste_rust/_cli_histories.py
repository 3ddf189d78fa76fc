"""`persiste ancestral`, `persiste events` and `persiste maps`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from persiste_rust import _report, _tables
from persiste_rust._cli_model import add_input_arguments, add_model_arguments, input_files, model_factory, read_data
from persiste_rust._cli_parser import count
from persiste_rust._outputs import Content, output_files, output_folder, write_file, write_files
from persiste_rust._terminal import ProgressLine
from persiste_rust.family_rates import FamilyFit
from persiste_rust.fit import Fit
from persiste_rust.histories import BranchSummary, annotated_tree, check_engine
from persiste_rust.model import GeneContentModel

# Tables that `ancestral` and `maps` write into their folder.
_STEMS = ("branches", "ancestral_probabilities", "joint_states", "map_branches", "maps", "map_events")


def register(commands: Any) -> None:
    """Adds the subcommands."""
    one = commands.add_parser(
        "ancestral",
        help="ancestral genomes, and gains and losses of each branch",
        description="Fits the model and writes branches.tsv (expected gains and losses, genome sizes), tree.nwk and "
        "tree.nex (annotated), ancestral_probabilities.tsv and joint_states.tsv (a line a family, a column a node).",
    )
    add_input_arguments(one)
    add_model_arguments(one, takes_family_rates=True)
    one.add_argument("-o", "--output", metavar="DIR", required=True, help="folder for the files")
    one.add_argument("--tips", action="store_true", help="also columns for the tips")
    one.add_argument("--sums-only", action="store_true", help="only branches.tsv and the trees")
    one.add_argument("--itol", action="store_true", help="also data sets for iTOL: itol_events.txt, itol_sizes.txt")
    _add_format(one)
    one.set_defaults(run=_ancestral)

    one = commands.add_parser(
        "events",
        help="which family was gained or lost on which branch, and how surely",
        description="Fits the model and lists gains and losses, the most probable first. A branch is named by the "
        "node below it, as in the tree that --write-tree and `persiste ancestral` write.",
    )
    add_input_arguments(one)
    add_model_arguments(one, takes_family_rates=True)
    one.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="default: standard output; a name that ends in .parquet is written as such",
    )
    _add_format(one)
    one.add_argument(
        "--min-probability",
        metavar="P",
        type=float,
        default=0.5,
        help="least posterior probability of at least one such event; default: 0.5",
    )
    one.add_argument("--branch", metavar="NODE", action="append", help="only this branch; may be given several times")
    one.add_argument("--family", metavar="NAME", action="append", help="only this family; may be given several times")
    one.add_argument("--fdr", metavar="Q", type=float, help="greatest false-discovery rate of the list; default: any")
    one.add_argument(
        "--write-tree",
        metavar="FILE",
        help="write the annotated tree, with the names of all nodes; NEXUS if it ends in .nex",
    )
    one.set_defaults(run=_events)

    one = commands.add_parser(
        "maps",
        help="whole histories of the families, drawn from what the data leave open",
        description="Fits the model and draws histories of all families given the data (stochastic maps): "
        "map_branches.tsv (means, sd and 95 % intervals over maps of gains, losses, genome sizes and time present of "
        "each branch), maps.tsv (the same sums of every map), tree.nwk and tree.nex. The same seed gives the same maps "
        "with any number of threads.",
    )
    add_input_arguments(one)
    add_model_arguments(one, takes_family_rates=True)
    one.add_argument("-o", "--output", metavar="DIR", required=True, help="folder for the files")
    one.add_argument("-n", "--maps", metavar="N", type=count, default=100, help="maps of each family; default: 100")
    one.add_argument("--seed", metavar="N", type=int, default=1, help="of all random numbers; default: 1")
    one.add_argument("--family", metavar="NAME", action="append", help="only this family; may be given several times")
    one.add_argument(
        "--events",
        action="store_true",
        help="also map_events.tsv: each event of each map, with the time above the node",
    )
    _add_format(one)
    one.set_defaults(run=_maps)


def _add_format(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--table-format",
        choices=_tables.FORMATS,
        help="tables as text (tsv, the default) or Parquet, which needs pyarrow",
    )


def _fitted(arguments: argparse.Namespace) -> tuple[GeneContentModel, Fit | FamilyFit, str]:
    with ProgressLine(sys.stderr) as progress:
        data = read_data(arguments, progress)
        build, conditioned = model_factory(arguments, data)
        model = build(arguments.rates, arguments.root)
        check_engine(model)
        return model, model.fit(progress=progress), conditioned


def _print_fit(fit: Fit | FamilyFit, conditioned: str, stream: TextIO | None = None) -> None:
    """Says what the histories rest on."""
    lines = [f"conditioned on        {conditioned}", f"log-likelihood        {fit.log_likelihood:.4f}"]
    if isinstance(fit, Fit) and fit.n_saturated_branches:
        lines.append(fit.saturated_in_words())
    print(_report.wrapped("\n".join(lines)), file=stream)


def _folder(arguments: argparse.Namespace) -> tuple[Path, str]:
    """The folder for the files, which must not be in the place of what is read, and the format of its tables."""
    kind = _tables.checked_format(arguments.table_format)
    names = [f"{stem}.{kind}" for stem in _STEMS] + ["tree.nwk", "tree.nex"]
    return output_folder(arguments.output, names, input_files(arguments)), kind


def _ancestral(arguments: argparse.Namespace) -> None:
    folder, kind = _folder(arguments)
    model, fit, conditioned = _fitted(arguments)
    params = dict(fit.parameters)
    summary = model.branch_summary(params)
    files: dict[str, Content] = {f"branches.{kind}": _tables.table(summary.columns(), kind), **_trees(model, summary)}
    if arguments.itol:
        files |= _itol(summary)
    if not arguments.sums_only:
        is_tip = np.ones(len(summary.node), dtype=bool)
        is_tip[model.data.tree.parent[:-1]] = False
        nodes = np.flatnonzero(~is_tip | arguments.tips)
        head = [summary.node[node] for node in nodes]
        names = model.data.family_names
        probabilities = model.ancestral_probabilities(params, dtype="float32")
        files[f"ancestral_probabilities.{kind}"] = _tables.wide(names, head, nodes, probabilities, kind)
        files[f"joint_states.{kind}"] = _tables.wide(names, head, nodes, model.joint_states(params), kind)
    write_files(folder, files)
    root = int(np.flatnonzero(model.data.tree.parent < 0)[0])
    _print_fit(fit, conditioned)
    impossible = f" ({summary.n_impossible} others cannot arise)" if summary.n_impossible else ""
    print(f"families              {summary.n_families}{impossible}")
    print(f"expected events       {summary.expected_gains.sum():.1f} gains, {summary.expected_losses.sum():.1f} losses")
    print(
        f"root genome           {summary.genome_size[root]:.1f} families of the table "
        f"(95 % interval {summary.genome_size_low[root]:.1f} to {summary.genome_size_high[root]:.1f})"
    )
    print(_report.wrapped(f"written               {', '.join(files)} in {folder}"))


def _trees(model: GeneContentModel, summary: BranchSummary) -> dict[str, Content]:
    """The annotated tree, whose labels the tables use, in both formats."""
    tree = model.data.tree
    return {
        "tree.nwk": annotated_tree(tree, summary) + "\n",
        "tree.nex": annotated_tree(tree, summary, nexus=True),
    }


def _maps(arguments: argparse.Namespace) -> None:
    folder, kind = _folder(arguments)
    model, fit, conditioned = _fitted(arguments)
    params = dict(fit.parameters)
    with ProgressLine(sys.stderr) as progress:
        found = model.stochastic_maps(
            params,
            n_maps=arguments.maps,
            seed=arguments.seed,
            families=arguments.family,
            events=arguments.events,
            progress=progress,
        )
    summary = found.summary()
    files: dict[str, Content] = {
        f"map_branches.{kind}": _tables.table(summary, kind),
        f"maps.{kind}": _tables.table(found.columns(), kind),
        **_trees(model, model.branch_summary(params)),
    }
    if found.events is not None:
        files[f"map_events.{kind}"] = _tables.table(found.events.columns(), kind)
    write_files(folder, files)
    gains, losses = found.branch_gains.sum(axis=1), found.branch_losses.sum(axis=1)
    _print_fit(fit, conditioned)
    print(f"maps                  {found.n_maps} of {found.n_families} families, seed {found.seed}")
    for what, totals in (("gains", gains), ("losses", losses)):
        low, high = np.quantile(totals, (0.025, 0.975))
        print(f"{what + ' in all':<21} {totals.mean():.1f} (95 % of maps {low:.1f} to {high:.1f})")
    print(_report.wrapped(f"written               {', '.join(files)} in {folder}"))


def _events(arguments: argparse.Namespace) -> None:
    kind = _tables.checked_format(arguments.table_format, arguments.output)
    if kind == "parquet" and arguments.output is None:
        raise ValueError("Parquet is not written to standard output; name a file with -o")
    outputs = {"--output": arguments.output, "--write-tree": arguments.write_tree}
    output, tree_output = output_files(outputs, input_files(arguments))
    model, fit, conditioned = _fitted(arguments)
    params = dict(fit.parameters)
    found = model.events(
        params,
        min_probability=arguments.min_probability,
        branches=arguments.branch,
        families=arguments.family,
        fdr=arguments.fdr,
    )
    if tree_output is not None:
        is_nexus = tree_output.suffix in (".nex", ".nexus")
        text = annotated_tree(model.data.tree, model.branch_summary(params), nexus=is_nexus).rstrip() + "\n"
        write_file(tree_output, text)
    if output is None:
        sys.stdout.writelines(_tables.lines(found.columns()))
    else:
        write_file(output, _tables.table(found.columns(), kind))
    n_losses = int(found.is_loss.sum())
    rate = f"; expected share of false ones {found.false_discovery_rate[-1]:.4g}" if len(found) else ""
    _print_fit(fit, conditioned, sys.stderr)
    least = f"of probability {arguments.min_probability:g} or more"
    n_gains = len(found) - n_losses
    print(f"events {least}: {len(found)} (gains {n_gains}, losses {n_losses}{rate})", file=sys.stderr)


def _itol(summary: BranchSummary) -> dict[str, Content]:
    """Data sets for iTOL: bars of gains and losses, and of genome sizes, by node."""
    events = [
        "DATASET_MULTIBAR\nSEPARATOR TAB\nDATASET_LABEL\texpected gains and losses\nCOLOR\t#2c7fb8\n"
        "FIELD_LABELS\tgains\tlosses\nFIELD_COLORS\t#2c7fb8\t#d95f0e\nDATA\n"
    ]
    sizes = ["DATASET_SIMPLEBAR\nSEPARATOR TAB\nDATASET_LABEL\tgenome size\nCOLOR\t#31a354\nDATA\n"]
    for node, label in enumerate(map(_report.escaped, summary.node)):
        events.append(f"{label}\t{summary.expected_gains[node]:.6g}\t{summary.expected_losses[node]:.6g}\n")
        sizes.append(f"{label}\t{summary.genome_size[node]:.6g}\n")
    return {"itol_events.txt": events, "itol_sizes.txt": sizes}
