"""Stochastic maps through the Python package and the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from persiste_rust import GeneContentData, GeneContentModel, Tree, cli
from persiste_rust.rates import DiscreteGamma

NEWICK = "((A:1,B:1)x:0.5,(C:1,D:0.2)y:1.5);"
CELLS = [[1, 0, 1, -1], [1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 1]]
FAMILIES = ["f", "g", "h", "i"]


@pytest.fixture
def model() -> GeneContentModel:
    data = GeneContentData(NEWICK, CELLS, family_names=FAMILIES)
    return GeneContentModel(data, rates=DiscreteGamma(3), completeness=0.9)


PARAMS = [-1.0, -0.5, 0.2]


@pytest.mark.native
def test_means_over_maps_are_the_expected_numbers(model: GeneContentModel) -> None:
    n_maps = 10_000
    maps = model.stochastic_maps(PARAMS, n_maps=n_maps, by_family=True)
    moments = maps.by_family
    assert moments is not None
    for mean, variance, expected in (
        (moments.gain_mean, moments.gain_variance, model.expected_gains(PARAMS)),
        (moments.loss_mean, moments.loss_variance, model.expected_losses(PARAMS)),
    ):
        error = np.sqrt(np.maximum(variance, expected * 1e-3) / n_maps)
        assert (np.abs(mean - expected) < 4.0 * error + 1e-12).all()
    summary = model.branch_summary(PARAMS)
    assert maps.genome_sizes.mean(axis=0) == pytest.approx(summary.genome_size, abs=0.05)
    assert maps.branch_gains.std(axis=0) == pytest.approx(summary.gains_posterior_sd, rel=0.04, abs=1e-3)
    assert maps.branch_losses.std(axis=0) == pytest.approx(summary.losses_posterior_sd, rel=0.04, abs=1e-3)
    # What comes to a genome less what goes makes the difference between its ends, in every map.
    parent = model.data.tree.parent[:-1]
    change = maps.genome_sizes[:, :-1] - maps.genome_sizes[:, parent]
    assert (maps.branch_gains[:, :-1] - maps.branch_losses[:, :-1] == change).all()
    assert (maps.time_present[:, :-1] <= 4 * model.data.tree.branch_length[:-1] + 1e-9).all()
    assert (maps.time_present[:, -1] == 0.0).all()


@pytest.mark.native
def test_a_family_has_the_same_events_alone_and_with_any_threads(model: GeneContentModel) -> None:
    everything = model.stochastic_maps(PARAMS, n_maps=30, seed=9, events=True, threads=1)
    threaded = model.stochastic_maps(PARAMS, n_maps=30, seed=9, events=True, threads=3)
    assert (everything.time_present == threaded.time_present).all()
    alone = model.stochastic_maps(PARAMS, n_maps=30, seed=9, events=True, families=["h"])
    assert everything.events is not None
    assert alone.events is not None
    of_family = everything.events.family == FAMILIES.index("h")
    assert len(alone.events) == of_family.sum() > 0
    for name in ("map", "node", "is_loss", "time"):
        assert (getattr(everything.events, name)[of_family] == getattr(alone.events, name)).all()
    gains = np.zeros_like(alone.branch_gains)
    is_gain = ~alone.events.is_loss
    np.add.at(gains, (alone.events.map[is_gain], alone.events.node[is_gain]), 1)
    assert (gains == alone.branch_gains).all()
    assert (alone.events.time <= model.data.tree.branch_length[alone.events.node]).all()
    frame = alone.events.to_frame()
    assert list(frame) == ["map", "family", "branch", "event", "time"]
    assert set(frame["family"]) == {"h"}


@pytest.mark.native
def test_families_that_cannot_arise_have_no_maps() -> None:
    data = GeneContentData("((A:0,B:0):1,C:1);", [[1, 1], [0, 1], [0, 0]])
    maps = GeneContentModel(data).stochastic_maps([0.0, 0.0], n_maps=3, by_family=True)
    assert (maps.n_families, maps.n_impossible) == (1, 1)
    assert maps.by_family is not None
    assert np.isnan(maps.by_family.gain_mean[:, 0]).all()
    assert (maps.genome_sizes[:, 0] == 1).all()
    single = GeneContentModel(data).stochastic_maps([0.0, 0.0], n_maps=1)
    assert np.isnan(single.summary()["gains_sd"]).all()


@pytest.mark.native
def test_choices_that_do_not_exist_are_refused(model: GeneContentModel) -> None:
    for options, message in (
        ({"n_maps": 0}, "n_maps is 0; allowed are 1 or more"),
        ({"seed": -1}, "seed is -1; allowed are whole numbers from 0"),
        ({"families": ["none"]}, "no family has the name 'none'"),
        ({"threads": 0}, "threads"),
    ):
        with pytest.raises(ValueError, match=message):
            model.stochastic_maps(PARAMS, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="counted up to 1e12 on a branch"):
        model.stochastic_maps([40.0, 40.0, 0.2])
    with pytest.raises(MemoryError, match="maps of 7 nodes do not fit into memory"):
        model.stochastic_maps(PARAMS, n_maps=2**32 - 1, threads=16)


@pytest.mark.native
def test_progress_is_reported_and_may_stop_the_work(example_tree: Path, example_table: Path) -> None:
    model = GeneContentModel(GeneContentData.read(example_tree, example_table))

    def stop(stage: str, done: int, total: int) -> None:
        assert (stage, total) == ("mapping families", 3051)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.stochastic_maps([-3.0, -1.0], n_maps=100_000, progress=stop)


@pytest.mark.native
def test_command_writes_maps_whose_nodes_stand_in_its_tree(
    tmp_path: Path, example_tree: Path, example_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, out = [str(example_tree), str(example_table)], tmp_path / "out"
    family = "family_1" if "family_1" in example_table.read_text() else None
    family = family or example_table.read_text().splitlines()[1].split("\t")[0]
    arguments = ["-o", str(out), "-n", "20", "--seed", "3", "--family", family, "--events"]
    assert cli.main(["maps", *files, *arguments]) == 0
    assert "20 of 1 families, seed 3" in capsys.readouterr().out

    def rows(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((out / name).read_text().splitlines(), delimiter="\t"))

    nodes = Tree.from_newick(out / "tree.nwk").node_names
    branches, maps, events = rows("map_branches.tsv"), rows("maps.tsv"), rows("map_events.tsv")
    assert [row["node"] for row in branches] == nodes == Tree.from_newick(out / "tree.nex").node_names
    assert [row["node"] for row in maps] == nodes * 20
    assert {row["branch"] for row in events} <= set(nodes)
    assert {row["family"] for row in events} == {family}
    assert sum(int(row["gains"]) for row in maps) == sum(row["event"] == "gain" for row in events)
    mean = sum(float(row["gains"]) for row in branches)
    assert mean * 20 == pytest.approx(sum(int(row["gains"]) for row in maps))
    again = tmp_path / "again"
    assert cli.main(["maps", *files, "-o", str(again), *arguments[2:], "--threads", "1"]) == 0
    for name in ("maps.tsv", "map_events.tsv", "map_branches.tsv"):
        assert (again / name).read_bytes() == (out / name).read_bytes()
    capsys.readouterr()
    assert cli.main(["maps", *files, "-o", str(out), "-n", "0"]) == 2
    assert "argument -n/--maps: 0 is not allowed" in capsys.readouterr().err
