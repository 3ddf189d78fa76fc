"""Ready hypotheses, likelihood-ratio tests, and models side by side."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from model_cases import REGIMES, TIPS, TREE
from scipy import stats

from persiste_rust import (
    Alternative,
    BranchMultipliers,
    Comparison,
    DiscreteGamma,
    EnvironmentalGradient,
    Fit,
    FixedCategories,
    GeneContentData,
    GeneContentModel,
    GenomeReduction,
    GenomicCluster,
    HostAssociation,
    LikelihoodRatioTest,
    PathwayCoherence,
    PerFamilyEffects,
    RetentionBias,
    compare,
)
from persiste_rust._chi_squared import chi_squared_tail
from persiste_rust.comparison import boundary_mixture, mixture_tail
from persiste_rust.effects import family_column

BACKENDS = [pytest.param("rust", marks=pytest.mark.native), "numpy"]
N_FAMILIES = 120
NAMES = [f"family_{place + 1}" for place in range(N_FAMILIES)]
HALF = NAMES[::2]


def simulated(seed: int) -> GeneContentData:
    """Returns families simulated on the tree: every other one is lost six times more slowly, and clade ef faster."""
    rng = np.random.default_rng(seed)
    tree = GeneContentData(TREE, np.zeros((8, 1), dtype=int)).tree
    parent, length, names = tree.parent, tree.branch_length, tree.node_names
    slow = np.arange(N_FAMILIES) % 2 == 0
    state = np.repeat(rng.random((1, N_FAMILIES)) < 0.5, tree.n_nodes, axis=0)
    for node in range(tree.n_nodes - 2, -1, -1):
        gain, loss = 0.5, np.where(slow, 0.25, 1.5) * (4.0 if names[node] in ("E", "F", "ef") else 1.0)
        above = state[parent[node]]
        change = -np.expm1(-(gain + loss) * length[node]) * np.where(above, loss, gain) / (gain + loss)
        state[node] = above ^ (rng.random(N_FAMILIES) < change)
    cells = state[[names.index(tip) for tip in tree.tip_names]].astype(int)
    return GeneContentData(tree, cells, family_names=NAMES)


@pytest.fixture(scope="module")
def data() -> GeneContentData:
    return simulated(1)


HEAT = {tip: float(place % 4) for place, tip in enumerate(TIPS)}
RECIPES: list[tuple[Any, list[str], tuple[int, ...]]] = [
    (RetentionBias(HALF), ["loss:retained"], (0, 1)),
    (RetentionBias(HALF, side="both"), ["loss:retained"], (1,)),
    (GenomeReduction("ef"), ["loss:reduced"], (0, 1)),
    (HostAssociation(clade=["E", "F"]), ["gain:host", "loss:host"], (2,)),
    (HostAssociation(tips={tip: float(tip in "EF") for tip in TIPS}), ["gain:host", "loss:host"], (2,)),
    (HostAssociation(clade="ef", families=HALF), ["gain:host", "loss:host"], (2,)),
    (
        PathwayCoherence({name: "one" if name in HALF[:30] else "two" for name in HALF}),
        ["gain:pathway[one]", "gain:pathway[two]", "loss:pathway[one]", "loss:pathway[two]"],
        (4,),
    ),
    (GenomicCluster({name: "AB"[name in HALF] for name in NAMES}), ["loss:cluster[B]"], (1,)),
    (EnvironmentalGradient(HEAT), ["gain:gradient", "loss:gradient"], (2,)),
    (PerFamilyEffects(4), ["log_sigma"], (0, 1)),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("recipe", "names", "degrees"), RECIPES, ids=lambda value: type(value).__name__)
def test_every_recipe_moves_its_parameters_and_the_likelihood(
    data: GeneContentData, recipe: Any, names: list[str], degrees: tuple[int, ...], backend: str
) -> None:
    model = GeneContentModel(data, backend=backend)  # type: ignore[arg-type]
    null = model.fit()
    test = model.test(recipe, null)
    assert test.null is null
    assert [name for name in test.alternative.parameters if name not in null.parameters] == names
    assert test.degrees_of_freedom == degrees
    assert test.alternative.log_likelihood >= null.log_likelihood - 1e-6
    wider = model._with(recipe.alternative(model).columns, recipe.alternative(model).settings)
    params = {**null.parameters, **dict.fromkeys(names, 0.0)}
    for name in names:
        moved = wider.log_likelihood({**params, name: 0.3})
        assert abs(moved - wider.log_likelihood(params)) > 1e-3
    if names != ["log_sigma"]:
        # With coefficients of 0 nothing is added.
        assert wider.log_likelihood(params) == pytest.approx(null.log_likelihood, rel=1e-12)


def test_what_is_true_of_the_simulation_is_found(data: GeneContentData) -> None:
    model = GeneContentModel(data)
    retained = model.test(RetentionBias(HALF))
    # Simulated: a loss rate six times smaller.
    assert retained.p_value < 1e-6
    estimate, error = (
        getattr(retained.alternative, part)["loss:retained"] for part in ("parameters", "standard_errors")
    )
    assert abs(estimate - math.log(1 / 6)) < 4 * error
    assert model.test(GenomeReduction("ef")).p_value < 1e-3
    cluster = model.test(GenomicCluster(dict.fromkeys(HALF, "in")))
    both = model.test(RetentionBias(HALF, side="both"))
    assert cluster.statistic == pytest.approx(both.statistic, abs=1e-6)
    assert retained.p_value == pytest.approx(both.p_value / 2, rel=1e-3)


def test_an_effect_of_the_other_sign_is_no_evidence_for_a_one_sided_test(data: GeneContentData) -> None:
    test = GeneContentModel(data).test(RetentionBias(NAMES[1::2]))
    assert test.alternative.parameters["loss:retained"] > 0
    assert test.statistic == 0.0
    assert test.p_value == 1.0


def test_a_test_keeps_what_the_model_already_holds(data: GeneContentData) -> None:
    model = GeneContentModel(data, rates=FixedCategories([0.5, 1.5]), regimes=REGIMES, root="equal")
    test = model.test(RetentionBias(HALF))
    assert list(test.alternative.parameters) == [*model.parameter_names, "loss:retained"]
    assert test.alternative.root == "equal"
    assert test.statistic > 0


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 30])
@pytest.mark.parametrize("statistic", [1e-8, 0.3, 3.84, 25.0, 300.0, 1400.0])
def test_chi_squared_tails_are_those_of_scipy(statistic: float, df: int) -> None:
    assert chi_squared_tail(statistic, df) == pytest.approx(stats.chi2.sf(statistic, df), rel=1e-11)


@pytest.mark.parametrize(
    ("n_free", "n_boundary", "degrees", "weights"),
    [
        (1, 0, (1,), (1.0,)),
        (3, 0, (3,), (1.0,)),
        (0, 1, (0, 1), (0.5, 0.5)),
        (2, 1, (2, 3), (0.5, 0.5)),
        (0, 2, (0, 1, 2), (0.25, 0.5, 0.25)),
        (1, 3, (1, 2, 3, 4), (0.125, 0.375, 0.375, 0.125)),
    ],
)
def test_boundary_mixtures_are_binomial(
    n_free: int, n_boundary: int, degrees: tuple[int, ...], weights: tuple[float, ...]
) -> None:
    assert boundary_mixture(n_free, n_boundary) == (degrees, weights)
    expected = sum(w * (stats.chi2.sf(5.0, df) if df else 0.0) for df, w in zip(degrees, weights, strict=True))
    assert mixture_tail(5.0, degrees, weights) == pytest.approx(expected, rel=1e-12)
    assert mixture_tail(0.0, degrees, weights) == 1.0


def test_p_values_are_those_of_the_reference_distribution(data: GeneContentData) -> None:
    model = GeneContentModel(data)
    for recipe, tail in (
        (HostAssociation(clade="ef"), lambda statistic: stats.chi2.sf(statistic, 2)),
        (EnvironmentalGradient(HEAT), lambda statistic: stats.chi2.sf(statistic, 2)),
        (GenomeReduction("ef"), lambda statistic: 0.5 * stats.chi2.sf(statistic, 1)),
        (PerFamilyEffects(4), lambda statistic: 0.5 * stats.chi2.sf(statistic, 1)),
    ):
        test: LikelihoodRatioTest = model.test(recipe)
        difference = test.alternative.log_likelihood - test.null.log_likelihood
        assert test.statistic == pytest.approx(2 * difference, rel=1e-12)
        assert test.p_value == pytest.approx(tail(test.statistic), rel=1e-10)


def test_a_test_says_what_it_did(data: GeneContentData) -> None:
    test = GeneContentModel(data).test(GenomeReduction("ef"))
    assert test.reference == "0.5 chi-squared(0) + 0.5 chi-squared(1)"
    for words in ("null: ", "alternative: ", test.reference, "p-value:", "loss:reduced: "):
        assert words in test.summary()
    assert GeneContentModel(data).test(HostAssociation(clade="ef")).reference == "chi-squared(2)"


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (RetentionBias(["nosuch", "family_1"]), "retention bias names family 'nosuch', which the table does not hold"),
        (RetentionBias(NAMES), "retention bias names 120 of 120 families; some must be inside and some outside"),
        (RetentionBias([]), "retention bias names 0 of 120 families"),
        (GenomeReduction("nosuch"), "names 'nosuch', which is no tip and no node of the tree"),
        (GenomeReduction(TIPS), "holds every branch of the tree, so there is nothing to compare it with"),
        (HostAssociation(), "host association takes either a clade or a value for every tip"),
        (HostAssociation(clade="ef", tips=HEAT), "host association takes either a clade or a value for every tip"),
        (HostAssociation(tips={"A": 1.0}), "has no row for tip 'B'"),
        (HostAssociation(tips=dict.fromkeys(TIPS, 1.0)), "'gain:host' has no effect to estimate: it is the same"),
        (PathwayCoherence({}), "no family has a pathway"),
        (PathwayCoherence({"nosuch": "x"}), "a pathway is given for family 'nosuch', which the table does not hold"),
        (
            GenomicCluster(dict.fromkeys(NAMES, "x")),
            "every family has the same cluster, so there is nothing",
        ),
        (EnvironmentalGradient(dict.fromkeys(TIPS, 3.0)), "the environmental gradient is the same on all branches"),
        (EnvironmentalGradient({**HEAT, "A": float("nan")}), "has no value of 'gradient' for 'A'"),
    ],
)
def test_hypotheses_about_nothing_are_refused(data: GeneContentData, recipe: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneContentModel(data).test(recipe)


class TwoOneSided:
    """A recipe that asks for one side of two parameters."""

    def alternative(self, model: GeneContentModel) -> Alternative:
        values = np.array([float(name in HALF) for name in NAMES])
        columns = tuple(family_column(f"{on}:x", on, values, model.data.tree.n_nodes) for on in ("gain", "loss"))  # type: ignore[arg-type]
        return Alternative(columns, sides=("greater", "less"))


def test_tests_without_a_reference_distribution_are_refused(data: GeneContentData) -> None:
    model = GeneContentModel(data)
    with pytest.raises(ValueError, match="one-sided tests of several parameters at once are not offered"):
        model.test(TwoOneSided())
    with pytest.raises(ValueError, match="needs models without priors or penalties"):
        GeneContentModel(data, branch_multipliers=BranchMultipliers()).test(RetentionBias(HALF))
    with pytest.raises(ValueError, match="per-family effects are tested against rates='shared'"):
        GeneContentModel(data, rates=DiscreteGamma(2)).test(PerFamilyEffects())
    for other in (GeneContentModel(data, root="equal"), GeneContentModel(data, regimes=REGIMES)):
        with pytest.raises(ValueError, match="the null's fit is of another model or of other data"):
            model.test(RetentionBias(HALF), other.fit())


def test_a_comparison_ranks_by_aic_with_akaike_weights(data: GeneContentData) -> None:
    models: dict[str, GeneContentModel | Fit] = {
        "plain": GeneContentModel(data),
        "equal root": GeneContentModel(data, root="equal").fit(),
        "two speeds": GeneContentModel(data, rates=FixedCategories([0.5, 1.5])),
    }
    found = compare(models)
    assert set(found.fits) == set(models)
    aics = [2 * fit.n_parameters - 2 * fit.log_likelihood for fit in found.fits.values()]
    assert aics == sorted(aics)
    weights = np.exp(-0.5 * (np.array(aics) - aics[0]))
    assert list(found.akaike_weights.values()) == pytest.approx(weights / weights.sum(), rel=1e-12)
    rows = found.rows()
    assert [row["model"] for row in rows] == list(found.fits)
    assert [row["delta_aic"] for row in rows] == pytest.approx([aic - aics[0] for aic in aics], abs=1e-9)
    for row, fit in zip(rows, found.fits.values(), strict=True):
        k, n = fit.n_parameters, N_FAMILIES
        assert row["aicc"] == pytest.approx(fit.aic + 2 * k * (k + 1) / (n - k - 1), rel=1e-12)
        assert row["bic"] == pytest.approx(k * math.log(n) - 2 * fit.log_likelihood, rel=1e-12)
    frame = found.to_frame()
    assert frame["model"].tolist() == list(found.fits)
    assert frame["akaike_weight"].sum() == pytest.approx(1.0, abs=1e-12)
    assert str(found) == found.summary()
    assert all(name in found.summary() for name in models)


def test_what_cannot_be_compared_is_refused(data: GeneContentData) -> None:
    fit = GeneContentModel(data).fit()
    with pytest.raises(ValueError, match="nothing to compare; give at least one model"):
        compare({})
    penalised = GeneContentModel(data, branch_multipliers=BranchMultipliers())
    with pytest.raises(ValueError, match="model 'free' is penalised"):
        compare({"plain": fit, "free": penalised})
    fewer = GeneContentData(data.tree, data.presence_matrix()[:, 1:])
    with pytest.raises(ValueError, match="model 'other' is fitted to other families than the first"):
        compare({"plain": fit, "other": GeneContentModel(fewer)})
    with pytest.raises(ValueError, match="model 'seen' is conditioned on 'observed', the first on 'none'"):
        compare({"plain": fit, "seen": dataclasses.replace(fit, ascertainment="observed")})


def test_a_fit_that_did_not_converge_is_marked(data: GeneContentData) -> None:
    fit = dataclasses.replace(GeneContentModel(data).fit(), converged=False)
    assert "not converged" in Comparison({"odd": fit}).summary()
