"""Every kind of model: both backends against each other, enumeration, differences, and what is refused."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_cases import CASES, DATA, DIRT, FAMILIES, QUALITY, REGIMES, TIPS, TREE, Case, build, parameters

from persiste_rust import (
    BranchMultipliers,
    DiscreteGamma,
    Fit,
    GeneContentData,
    GeneContentModel,
    Hierarchical,
    LogNormal,
    Mixture,
    PerGenome,
    read_quality,
)

NATIVE = [pytest.mark.native]
BOTH = [pytest.param(case, marks=NATIVE, id=name) for name, case in CASES.items()]
BACKENDS = [pytest.param("rust", marks=pytest.mark.native), "numpy"]


@pytest.mark.parametrize("case", BOTH)
def test_both_backends_give_the_same_numbers(case: Case) -> None:
    rust, numpy = build(case, "rust"), build(case, "numpy")
    assert rust.parameter_names == numpy.parameter_names
    assert rust._native.penalised == numpy._native.penalised
    assert rust._native.rates_in_words() == numpy._native.rates_in_words()
    for seed in range(2):
        at = parameters(rust, seed)
        np.testing.assert_allclose(rust.log_likelihoods(at), numpy.log_likelihoods(at), rtol=1e-10)
        (value, gradient), (other, slope) = rust.value_and_gradient(at), numpy.value_and_gradient(at)
        assert value == pytest.approx(other, rel=1e-10)
        np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-7)
        assert rust.penalty(at) == pytest.approx(numpy.penalty(at), rel=1e-12)
        np.testing.assert_allclose(rust.category_posteriors(at), numpy.category_posteriors(at), atol=1e-10)
        np.testing.assert_allclose(rust.family_rates(at), numpy.family_rates(at), rtol=1e-10)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_gradient_in_numpy_is_the_central_difference(case: Case) -> None:
    model = build(case, "numpy")
    at, step = parameters(model), 1e-5
    value, gradient = model.value_and_gradient(at)
    assert value == pytest.approx(model.log_likelihood(at), rel=1e-14)
    assert value == pytest.approx(model.log_likelihoods(at).sum(), rel=1e-13)
    for place, unit in enumerate(np.eye(len(at)) * step):
        slope = (model.log_likelihood(at + unit) - model.log_likelihood(at - unit)) / (2 * step)
        # Truncation 1e-10 of the third derivative, rounding 1e-14 * |value| / step.
        assert gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-6)


def all_tables(n_tips: int) -> np.ndarray:
    """Returns every pattern of `n_tips` cells, (n_tips, 2^n_tips)."""
    return np.array(list(itertools.product([0, 1], repeat=n_tips)), dtype=np.int8).T


@pytest.mark.parametrize("window", ["none", "observed", "variable", (2, None), (0, 2), (1, 3), (2, 2)])
@pytest.mark.parametrize("name", ["given", "estimated", "per-genome"])
def test_recorded_likelihoods_are_sums_over_what_the_genomes_held(name: str, window: Any) -> None:
    """Sums over all true tables, each recorded with error, on four tips; what the window keeps sums to 1."""
    tree = "((A:0.3,B:0.7):0.4,C:0.2,D:0.9);"
    tables = all_tables(4)
    recorded = tables.sum(axis=0)
    lowest, highest = {"none": (0, 4), "observed": (1, 4), "variable": (1, 3)}.get(window, window)
    kept = (recorded >= lowest) & (recorded <= (4 if highest is None else highest))
    observation = CASES[f"observation-{name}-none"].options
    options = {what: observation[what] for what in ("completeness", "contamination")}
    if name == "given":
        options = {what: {tip: values[tip] for tip in "ABCD"} for what, values in options.items()}
    common: dict[str, Any] = {"rates": DiscreteGamma(2), "backend": "numpy"}
    model = GeneContentModel(GeneContentData(tree, tables[:, kept]), ascertainment=window, **options, **common)
    at = parameters(model)
    named = dict(zip(model.parameter_names, at, strict=True))

    exact = GeneContentModel(GeneContentData(tree, tables), **common)
    true = np.exp(exact.log_likelihoods({parameter: named[parameter] for parameter in exact.parameter_names}))
    present = np.empty((4, 2))
    for tip, label in enumerate("ABCD"):
        for state, what, values in ((1, "completeness", QUALITY), (0, "contamination", DIRT)):
            logit = named.get(f"logit_{what}[{label}]", named.get(f"logit_{what}"))
            known = values[label] if name == "given" else 0.02
            present[tip, state] = known if logit is None else 1.0 / (1.0 + np.exp(-logit))
    emitted = [
        np.prod([np.where(table[tip] == 1, present[tip], 1 - present[tip])[tables[tip]] for tip in range(4)], axis=0)
        for table in tables.T
    ]
    expected = (np.array(emitted) @ true)[kept]
    found = np.exp(model.log_likelihoods(at))
    # 16 x 16 products, conditioned on their own sum.
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-12)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_effects_are_the_likelihood_at_the_rates_that_they_mean(backend: str) -> None:
    """A covariate of families against models of each group at its own rates."""
    kind = {"kind": {name: "xy"[place % 2] for place, name in enumerate(FAMILIES)}}
    options: dict[str, Any] = {"rates": DiscreteGamma(2), "ascertainment": "observed", "backend": backend}
    model = GeneContentModel(DATA, loss="~ 1 + kind", family_covariates=kind, **options)
    assert model.parameter_names == ["log_gain", "log_loss", "log_alpha", "loss:kind[T.y]"]
    found = model.log_likelihoods([-0.3, 0.4, 0.2, 0.7])
    plain = GeneContentModel(DATA, **options)
    expected = [plain.log_likelihoods([-0.3, loss, 0.2]) for loss in (0.4, 1.1)]
    np.testing.assert_allclose(found[::2], expected[0][::2], rtol=1e-12)
    np.testing.assert_allclose(found[1::2], expected[1][1::2], rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_regime_is_the_tree_with_its_branches_stretched(backend: str) -> None:
    # Gain and loss times 3 on the branches of a regime: as if they were three times as long.
    stretched = TREE.replace("(A:0.3,B:0.7)ab:0.4", "(A:0.9,B:2.1)ab:1.2")
    model = GeneContentModel(DATA, regimes={"left": ["A", "B"]}, backend=backend)  # type: ignore[arg-type]
    longer = GeneContentData(stretched, DATA.presence_matrix())
    plain = GeneContentModel(longer, backend=backend)  # type: ignore[arg-type]
    shift = float(np.log(3.0))
    found = model.log_likelihoods(
        {"log_gain": -0.5, "log_loss": 0.3, "gain:regime[left]": shift, "loss:regime[left]": shift}
    )
    np.testing.assert_allclose(found, plain.log_likelihoods([-0.5, 0.3]), rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_posteriors_are_bayes_rule_over_the_categories(backend: str) -> None:
    model = GeneContentModel(DATA, rates=Mixture(2), backend=backend)  # type: ignore[arg-type]
    weight = 1.0 / (1.0 + np.exp(0.7))
    plain = GeneContentModel(DATA, backend=backend)  # type: ignore[arg-type]
    logs = np.stack([plain.log_likelihoods([-1.0, 0.2]), plain.log_likelihoods([0.5, -0.3])], axis=1)
    joint = np.exp(logs) * [weight, 1.0 - weight]
    expected = joint / joint.sum(axis=1, keepdims=True)
    params = [-1.0, 0.5, 0.2, -0.3, 0.7]
    np.testing.assert_allclose(model.category_posteriors(params), expected, rtol=1e-12)
    rates = np.exp([[-1.0, 0.2], [0.5, -0.3]])
    np.testing.assert_allclose(model.family_rates(params), expected @ rates, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_fitzjohn_weighs_the_root_by_the_likelihoods_of_its_states(backend: str) -> None:
    at = [-0.4, 0.1]
    absent, present = (
        np.exp(GeneContentModel(DATA, root=root, backend=backend).log_likelihoods(at))  # type: ignore[arg-type]
        for root in ("absent", "present")
    )
    found = GeneContentModel(DATA, root="fitzjohn", backend=backend).log_likelihoods(at)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, np.log((absent**2 + present**2) / (absent + present)), rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_families_that_cannot_arise_have_no_posterior(backend: str) -> None:
    data = GeneContentData("((A:0,B:0):1,C:1);", [[1, 1], [0, 1], [0, 1]])
    model = GeneContentModel(data, rates=Mixture(2), backend=backend)  # type: ignore[arg-type]
    at = np.zeros(5)
    assert model.log_likelihoods(at)[0] == -np.inf
    assert model.log_likelihood(at) == -np.inf
    assert np.isnan(model.value_and_gradient(at)[1]).all()
    assert np.isnan(model.category_posteriors(at)).all(axis=1).tolist() == [True, False]


FITTED = [
    {"root": "estimated", "ascertainment": "observed"},
    {"rates": DiscreteGamma(2), "ascertainment": (1, None)},
    {"rates": LogNormal(4)},
    {"rates": Mixture(2)},
    {"rates": Hierarchical(3)},
    {"regimes": REGIMES, "root": "fitzjohn"},
    {"branch_multipliers": BranchMultipliers(5.0, "autocorrelated")},
]


def simulated(n_families: int = 250) -> GeneContentData:
    """Returns families with gain and loss rates of their own, simulated on the tree of the cases."""
    rng = np.random.default_rng(11)
    tree = DATA.tree
    deviates = rng.normal(size=(2, n_families))
    gain, loss = 0.5 * np.exp(deviates[0]), 0.8 * np.exp(0.5 * deviates[0] + 0.8 * deviates[1])
    state = rng.random((1, n_families)) < gain / (gain + loss)
    state = np.repeat(state, tree.n_nodes, axis=0)
    for node in range(tree.n_nodes - 2, -1, -1):
        above = state[tree.parent[node]]
        change = -np.expm1(-(gain + loss) * tree.branch_length[node]) * np.where(above, loss, gain) / (gain + loss)
        state[node] = above ^ (rng.random(n_families) < change)
    cells = state[[tree.node_names.index(tip) for tip in tree.tip_names]].astype(np.int8)
    return GeneContentData(tree, cells[:, cells.any(axis=0)])


@pytest.fixture(scope="module")
def many() -> GeneContentData:
    return simulated()


@pytest.mark.native
@pytest.mark.parametrize("options", FITTED, ids=lambda options: "-".join(options))
def test_both_backends_find_the_same_maximum(many: GeneContentData, options: dict[str, Any]) -> None:
    rust, numpy = (GeneContentModel(many, backend=name, **options).fit(n_starts=2) for name in ("rust", "numpy"))
    assert rust.converged
    assert numpy.converged
    assert rust.log_likelihood - rust.penalty == pytest.approx(numpy.log_likelihood - numpy.penalty, abs=1e-6)
    assert rust.at_bound == numpy.at_bound
    free = [name for name in rust.parameters if name not in rust.at_bound]
    for name in free:
        assert rust.parameters[name] == pytest.approx(numpy.parameters[name], abs=1e-4)
        assert rust.standard_errors[name] == pytest.approx(numpy.standard_errors[name], rel=1e-3)
    np.testing.assert_allclose(rust.root_frequency, numpy.root_frequency, rtol=1e-4)
    assert rust.penalised == numpy.penalised


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_classes_of_a_mixture_fall_in_presence(many: GeneContentData, backend: str) -> None:
    fit = GeneContentModel(many, rates=Mixture(2), backend=backend).fit(n_starts=2)  # type: ignore[arg-type]
    odds = [fit.parameters[f"log_gain_{c}"] - fit.parameters[f"log_loss_{c}"] for c in (1, 2)]
    assert odds[0] >= odds[1]
    assert fit.n_starts == 2
    assert 1 <= fit.n_agreeing <= 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_penalty_is_reported_and_is_no_part_of_the_likelihood(many: GeneContentData, backend: str) -> None:
    multipliers = BranchMultipliers(3.0)
    model = GeneContentModel(many, branch_multipliers=multipliers, backend=backend)  # type: ignore[arg-type]
    fit: Fit = model.fit()
    values = np.array([fit.parameters[name] for name in fit.penalised])
    assert len(values) == many.tree.n_nodes - 1
    assert fit.penalty == pytest.approx(1.5 * np.sum(values**2), rel=1e-9)
    assert model.penalty(fit.parameters) == pytest.approx(fit.penalty, rel=1e-12)
    assert fit.log_likelihood == pytest.approx(model.log_likelihood(fit.parameters), rel=1e-12)
    assert np.isnan(fit.aic)
    plain = GeneContentModel(many, backend=backend).fit()  # type: ignore[arg-type]
    assert fit.log_likelihood - fit.penalty > plain.log_likelihood


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"completeness": 0.0}, "completeness of tip 'A' is 0(.0)?; allowed are numbers above 0 and up to 1"),
    ({"completeness": 1.04}, "completeness of tip 'A' is 1.04; allowed are numbers above 0 and up to 1"),
    ({"completeness": float("nan")}, "completeness of tip 'A' is (nan|NaN)"),
    ({"contamination": 1.0}, "contamination of tip 'A' is 1(.0)?; allowed are numbers from 0 .* to below 1"),
    ({"completeness": {**QUALITY, "C": 0.1}, "contamination": 0.1}, "tip 'C' has completeness 0.1 and contamination"),
    ({"completeness": {"A": 0.9}}, "the completeness has no value for tip 'B' \\(7 of 8 lack one\\)"),
    ({"completeness": PerGenome(1.0)}, "completeness's prior centre is 1(.0)?; allowed are numbers above 0 and below"),
    ({"completeness": PerGenome(0.9, 0.0)}, "completeness's prior standard deviation is 0"),
    ({"ascertainment": (3, None)}, "'window 3-8' says that only families present in 3 to 8 genomes .* are not"),
    ({"ascertainment": (0, 4)}, "'window 0-4' says that only families present in 0 to 4 genomes .* are not"),
    ({"ascertainment": (5, 2)}, "a window from 5 to 2 presences does not fit 8 genomes"),
    ({"ascertainment": (1, 9)}, "a window from 1 to 9 presences does not fit 8 genomes"),
    ({"ascertainment": (1, 2, 3)}, "the ascertainment is \\(1, 2, 3\\); allowed are a name or a pair"),
    ({"ascertainment": (1.5, 3)}, "the ascertainment is \\(1.5, 3\\); allowed are a name or a pair"),
    ({"root": "fitzjohn", "ascertainment": "observed"}, "'fitzjohn' weighs the root by each family's own data"),
    ({"rates": "gama"}, "unknown rate model 'gama'; known: shared, gamma"),
    ({"rates": DiscreteGamma(0)}, "option n_categories of 'gamma' is 0; allowed are whole numbers from 1 to 64"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("options", "message"), REFUSED, ids=lambda value: re.sub(r"\W+", "_", str(value))[:40])
def test_what_cannot_be_is_refused_in_one_sentence(options: dict[str, Any], message: str, backend: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        GeneContentModel(DATA, backend=backend, **options)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_rates_of_another_type_are_refused() -> None:
    with pytest.raises(TypeError, match="rates is a int; allowed are a name or a rate model"):
        GeneContentModel(DATA, rates=4)  # type: ignore[arg-type]


def test_quality_is_read_in_percent_as_checkm_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "checkm.tsv"
    header = "Bin Id\tMarker lineage\tCompleteness\tContamination\n"
    path.write_text(header + "".join(f"{tip}\tk__Bacteria\t{90 + n}\t{n}.5\n" for n, tip in enumerate(TIPS)))
    assert read_quality(path, "completeness")["C"] == pytest.approx(0.92, rel=1e-15)
    assert read_quality(path, "Contamination")["C"] == pytest.approx(0.025, rel=1e-15)
    by_path = GeneContentModel(DATA, completeness=path)
    by_name = GeneContentModel(DATA, completeness=read_quality(path, "completeness"))
    assert by_path._settings == by_name._settings
    for value, message in (("104", "Completeness of 'A' is 104.0; allowed are percents"), ("0", "'A' is 0(.0)?;")):
        rows = [f"{tip}\tk__Bacteria\t{value}\t0\n" for tip in TIPS]
        path.write_text(header + "".join(rows))
        with pytest.raises(ValueError, match=message):
            GeneContentModel(DATA, completeness=path)


def test_explain_says_what_the_number_is() -> None:
    text = GeneContentModel(DATA, root="equal").explain()
    assert "phytools fitMk(pi='equal'): the same number" in text
    assert f"greater by n_families ln 2 = {24 * np.log(2):.6f}" in text
    text = GeneContentModel(
        DATA,
        rates=Mixture(3),
        root="estimated",
        ascertainment=(1, None),
        regimes=REGIMES,
        completeness=PerGenome(0.9),
        contamination=0.01,
        branch_multipliers=BranchMultipliers(),
    ).explain()
    for words in (
        "3 classes of families, each with its own gain rate",
        "a parameter (logit_root)",
        "recorded in 1 to 8 genomes",
        "gain:regime[left], gain:regime[right], loss:regime[left], loss:regime[right]",
        "normal prior on the logit (centre 0.9, sd 1)",
        "given, 0.01 to 0.01",
        "a multiplier of its own, on gain and loss alike",
        "a quadratic penalty on 21 parameters",
    ):
        assert words in text
