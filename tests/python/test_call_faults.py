"""What a user of the library can get wrong: an exception that names the argument, what was found and what is legal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import persiste_rust as persiste
from persiste_rust import DiscreteGamma, GeneContentData, GeneContentModel, Tree, parallel

NEWICK = "((A:1,B:0.5):1,(C:1,D:2):0.5);"
CELLS = np.array([[1, 1, 0], [0, 1, 0], [1, 1, 0], [0, 1, 1]])
PARAMS = {"log_gain": -1.0, "log_loss": 0.0}
HUGE = 10**30


@pytest.fixture(scope="module")
def data() -> GeneContentData:
    return GeneContentData(NEWICK, CELLS)


def model(data: GeneContentData, **options: Any) -> GeneContentModel:
    return GeneContentModel(data, **options)


CASES: list[tuple[Callable[[Any], object], type[Exception], str]] = [
    (lambda data: model(data, threads=HUGE), ValueError, f"threads is {HUGE}; allowed are 1 or more, up to 65535"),
    (lambda data: model(data, threads="2"), TypeError, "threads is '2'; allowed are whole numbers from 1"),
    (lambda data: model(data, root=None), TypeError, "root is None; allowed are the name of a root prior or a number"),
    (lambda data: model(data, root=[0.1]), TypeError, r"root is \[0.1\]; allowed"),
    (lambda data: model(data, ascertainment="all"), ValueError, "variable, a window of two numbers of genomes"),
    (lambda data: model(data, ascertainment=(1, HUGE)), ValueError, "its numbers are of genomes, allowed are 0 to"),
    (lambda data: model(data, ascertainment=(-1, 2)), ValueError, "its numbers are of genomes, allowed are 0 to"),
    (
        lambda data: model(data, rates=DiscreteGamma),
        TypeError,
        "rates is a DiscreteGamma; allowed are a name",
    ),
    (lambda data: model(data, carry="mean"), ValueError, "carry is 'mean' but there are no branch_covariates"),
    (lambda data: model(data, gain=""), ValueError, "the formula for gain is ''; allowed is a text such as"),
    (lambda data: model(data, gain=3), ValueError, "the formula for gain is 3; allowed is a text such as"),
    (lambda data: model(data, branch_multipliers=3), TypeError, "branch_multipliers is 3; allowed is a BranchMult"),
    (lambda data: model(data, regimes={"": ["A"]}), ValueError, "a regime has no name"),
    (lambda data: model(data).fit(n_starts=HUGE), ValueError, f"n_starts is {HUGE}; allowed are 1 or more, up to"),
    (lambda data: model(data).fit(n_starts="3"), TypeError, "n_starts is '3'; allowed are whole numbers"),
    (lambda data: model(data).fit(max_iterations=HUGE), ValueError, f"max_iterations is {HUGE}; allowed"),
    (lambda data: model(data).log_likelihood({**PARAMS, "log_gain": "x"}), TypeError, "parameter 'log_gain' is 'x'"),
    (lambda data: model(data).log_likelihood({**PARAMS, "log_gain": None}), TypeError, "'log_gain' is None; allowed"),
    (lambda data: model(data).log_likelihood(np.array([0, 1j])), TypeError, "the parameters are complex; allowed"),
    (lambda data: model(data).log_likelihood(np.zeros((1, 2))), ValueError, r"the parameters have shape \(1, 2\)"),
    (lambda data: model(data).log_likelihood([1e300, 0]), ValueError, "parameter log_gain is 1e\\+?300; allowed"),
    (lambda data: model(data).test("x"), TypeError, "the recipe is a str; allowed is one such as RetentionBias"),
    (lambda data: persiste.compare([model(data)]), TypeError, "models is a list; allowed is a mapping"),
    (lambda data: persiste.compare({"a": 3}), TypeError, "model 'a' is a int; allowed are models and fits"),
    (lambda data: persiste.model_average(3, {}, max), TypeError, "comparison is a int; allowed is what `compare`"),
    (
        lambda data: persiste.FixedCategories(3),
        TypeError,
        "rates of FixedCategories is 3; allowed is a list",
    ),
    (lambda data: persiste.FixedCategories([1], ["x"]), TypeError, r"weights of FixedCategories is \['x'\]; allowed"),
    (lambda data: persiste.BranchMultipliers("x"), TypeError, "strength is 'x'; allowed are finite numbers above 0"),
    (lambda data: parallel.monte_carlo(max, [1], HUGE), ValueError, f"n_samples is {HUGE}; allowed are 1 or more, up"),
    (lambda data: parallel.monte_carlo(max, [1], 2.5), TypeError, "n_samples is 2.5; allowed are whole numbers"),
    (lambda data: parallel.thread_count("x"), TypeError, "threads is 'x'; allowed are whole numbers from 1, or none"),
    (lambda data: parallel.scaling(max, [1], repeats="x"), TypeError, "repeats is 'x'; allowed are whole numbers"),
    (lambda data: persiste.parse_rates(3), TypeError, "rates is 3; allowed is a text such as"),
    (lambda data: GeneContentData(CELLS, NEWICK), TypeError, "the tree is a ndarray; allowed are Newick text, a path"),
    (lambda data: Tree.from_newick(None), TypeError, "the tree is a NoneType; allowed are Newick text, a path"),
]


@pytest.mark.parametrize(("call", "kind", "message"), CASES)
def test_a_wrong_argument_is_named(
    data: GeneContentData, call: Callable[[Any], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        call(data)
    assert "\n" not in str(caught.value)


LEAVES = ["jax", "parallel", "torch", "uncertainty"]


@pytest.mark.parametrize("name", LEAVES)
def test_modules_that_the_documentation_names_are_there_after_one_import(name: str) -> None:
    pytest.importorskip({"jax": "jax", "torch": "torch"}.get(name, "persiste_rust"), reason=f"{name} is not installed")
    code = f"import persiste_rust; print(persiste_rust.{name}.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == f"persiste_rust.{name}\n", done.stderr


def test_a_tree_and_a_table_that_are_swapped_are_told_apart(tmp_path: Path) -> None:
    tree, table = tmp_path / "tree.nwk", tmp_path / "genes.Rtab"
    tree.write_text(NEWICK)
    table.write_text("Gene\tA\tB\tC\tD\ng1\t1\t0\t1\t0\n")
    with pytest.raises(ValueError, match=r"tree\.nwk' looks like a tree and '.*genes\.Rtab' does not"):
        GeneContentData.read(table, tree)


NATIVE: list[tuple[Callable[[Any], object], type[Exception], str]] = [
    (lambda data: persiste.DirichletMixture(HUGE).fit(CELLS + 1), ValueError, f"n_components is {HUGE}; allowed are"),
    (lambda data: persiste.DirichletMixture(2, n_init=HUGE).fit(CELLS + 1), ValueError, f"n_init is {HUGE}; allowed"),
    (lambda data: persiste.DirichletMixture(2, threads=HUGE).fit(CELLS + 1), ValueError, f"threads is {HUGE}; allo"),
    (lambda data: persiste.simulate(NEWICK, "5", PARAMS), TypeError, "n_families is '5'; allowed are whole numbers"),
    (lambda data: persiste.simulate(NEWICK, 10**9, PARAMS), ValueError, "n_families is 1000000000; allowed"),
    (lambda data: persiste.simulate(NEWICK, 5, PARAMS, seed="x"), TypeError, "seed is 'x'; allowed are whole numbers"),
    (lambda data: model(data).stochastic_maps(PARAMS, n_maps="3"), TypeError, "n_maps is '3'; allowed are whole"),
    (lambda data: model(data).stochastic_maps(PARAMS, seed=None), TypeError, "seed is None; allowed are whole"),
    (lambda data: model(data).fit().bootstrap(HUGE), ValueError, f"n_replicates is {HUGE}; allowed"),
    (lambda data: model(data).fit().check(n_simulations=HUGE), ValueError, f"n_simulations is {HUGE}; allowed"),
    (
        lambda data: persiste.compare({"a": model(data), "b": model(data, rates="per-family")}),
        ValueError,
        "model 'b' has rates='per-family', two parameters for every family",
    ),
]


@pytest.mark.native
@pytest.mark.parametrize(("call", "kind", "message"), NATIVE)
def test_a_wrong_argument_of_the_compiled_engine_is_named(
    data: GeneContentData, call: Callable[[Any], object], kind: type[Exception], message: str
) -> None:
    test_a_wrong_argument_is_named(data, call, kind, message)


@pytest.mark.parametrize(("number", "entry"), [(2**40, 1), (-1, 1), (100_000_000, 1)])
def test_a_family_number_that_only_a_mistake_can_be_does_not_fill_the_memory(number: int, entry: int) -> None:
    message = f"family_index is {number} in entry {entry}; without family_names allowed are 0 to 99999999"
    with pytest.raises(ValueError, match=message):
        GeneContentData.from_presences(NEWICK, [0, number], [0, 1])


def test_what_a_prompt_shows_is_one_line(data: GeneContentData) -> None:
    fit = model(data, root="equal").fit()
    assert repr(fit).startswith("Fit(log_gain ")
    assert "\n" not in repr(fit)
    assert len(repr(fit)) < 200


@pytest.mark.native
def test_what_a_prompt_shows_of_histories_is_one_line(data: GeneContentData) -> None:
    of = model(data, root="equal")
    shown = [of.events(PARAMS), of.branch_summary(PARAMS), of.stochastic_maps(PARAMS), of.check(PARAMS)]
    shown.append(model(data, rates="per-family").fit())
    for one in shown:
        assert repr(one).startswith(type(one).__name__)
        assert "\n" not in repr(one)
        assert len(repr(one)) < 200


@pytest.mark.native
def test_one_replicate_has_no_interval(data: GeneContentData) -> None:
    found = model(data, root="equal").fit().bootstrap(1)
    assert np.isnan(list(found.intervals().values())).all()


def test_the_penalty_of_a_model_without_one_is_zero_and_not_minus_zero(data: GeneContentData) -> None:
    assert str(model(data, root="equal").fit().to_dict()["penalty"]) == "0.0"
