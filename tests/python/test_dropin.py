"""The names of the earlier crate, and the plain-array functions beside them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import persiste_rust

TREE = "((A:0.7,B:0.2):0.5,(C:0.3,D:1.1,E:0.4):0.1);"
# The same tree as arrays whose tips come first, as the earlier crate wanted them.
PARENT = np.array([5, 5, 6, 6, 6, 7, 7, -1], dtype=np.int32)
LENGTH = np.array([0.7, 0.2, 0.3, 1.1, 0.4, 0.5, 0.1, 0.0])


def enumerated(parent: np.ndarray, length: np.ndarray, tips: np.ndarray, gain: float, loss: float) -> float:
    """Returns the likelihood of one family by summing over all states of all internal nodes."""
    total = gain + loss
    change = -np.expm1(-total * length) / total
    stationary = np.array([loss, gain]) / total
    inner = range(tips.size, parent.size)
    likelihood = 0.0
    for states in itertools.product((0, 1), repeat=len(inner)):
        state = [*tips, *states]
        product = 1.0
        for node, above in enumerate(parent):
            if above < 0:
                product *= stationary[state[node]]
                continue
            p01, p10 = gain * change[node], loss * change[node]
            table = ((1 - p01, p01), (p10, 1 - p10))
            product *= table[state[above]][state[node]]
        likelihood += product
    return likelihood


@pytest.fixture
def families() -> np.ndarray:
    return np.array(list(itertools.product((0, 1), repeat=5)), dtype=np.int8).T


def test_old_and_new_names_agree_with_enumeration(families: np.ndarray) -> None:
    gain, loss = np.linspace(0.1, 2.0, 32), np.linspace(3.0, 0.2, 32)
    expected = [np.log(enumerated(PARENT, LENGTH, families[:, i], gain[i], loss[i])) for i in range(32)]
    # 2^3 terms of size 1 at most: rounding stays below 1e-13.
    for values in (
        persiste_rust.compute_likelihoods_parallel(PARENT, LENGTH, families, gain, loss, 5),
        persiste_rust.compute_likelihoods_rust(TREE, families, gain, loss),
        persiste_rust.compute_likelihoods_numpy(TREE, families, gain, loss),
    ):
        assert values.dtype == np.float64
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def random_newick(random: np.random.Generator, n_tips: int) -> str:
    """Returns a random binary tree with exponential branch lengths, some of them 0, tips t0, t1, ..."""
    nodes = [f"t{tip}" for tip in range(n_tips)]
    while len(nodes) > 1:
        children = [nodes.pop(random.integers(len(nodes))) for _ in range(2)]
        lengths = random.exponential(0.1, 2) * (random.random(2) > 0.05 if len(nodes) < n_tips // 2 else 1)
        nodes.append("(" + ",".join(f"{c}:{t!r}" for c, t in zip(children, map(float, lengths), strict=True)) + ")")
    return nodes[0] + ";"


@pytest.mark.native
def test_rates_of_all_sizes_agree_with_the_numpy_twin_on_large_trees() -> None:
    random = np.random.default_rng(5)
    for n_tips, widest in ((40, 1.0), (150, 3.0), (150, 9.0)):
        newick = random_newick(random, n_tips)
        families = (random.random((n_tips, 60)) < random.random(60)).astype(np.int8)
        names = [f"t{tip}" for tip in range(n_tips)]
        gain, loss = 10 ** random.uniform(-widest, widest / 3, (2, 60))
        rust, numpy = (
            of(newick, families, gain, loss, names)
            for of in (persiste_rust.compute_likelihoods_rust, persiste_rust.compute_likelihoods_numpy)
        )
        # Some 300 branches a family, each good to 1e-14.
        np.testing.assert_allclose(rust, numpy, rtol=1e-12)


def test_probabilities_of_all_patterns_sum_to_one(families: np.ndarray) -> None:
    values = persiste_rust.compute_likelihoods_rust(TREE, families, 0.3, 0.8)
    assert np.exp(values).sum() == pytest.approx(1.0, abs=1e-13)


def test_rows_follow_names_when_they_are_given(families: np.ndarray) -> None:
    order = [3, 0, 4, 1, 2]
    names = ["ABCDE"[row] for row in order]
    shuffled = persiste_rust.compute_likelihoods_rust(TREE, families[order], 0.3, 0.8, names)
    assert (shuffled == persiste_rust.compute_likelihoods_rust(TREE, families, 0.3, 0.8)).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.bool_, np.int64, np.float32])
def test_every_kind_of_number_is_read_alike(families: np.ndarray, dtype: type) -> None:
    values = persiste_rust.compute_likelihoods_rust(TREE, families.astype(dtype), 0.3, 0.8)
    assert (values == persiste_rust.compute_likelihoods_rust(TREE, families, 0.3, 0.8)).all()


def test_a_missing_cell_is_summed_over() -> None:
    known = persiste_rust.compute_likelihoods_rust(TREE, [[0, 1], [1, 1], [0, 0], [1, 1], [0, 0]], 0.3, 0.8)
    for missing in (-1, np.nan):
        summed = persiste_rust.compute_likelihoods_rust(TREE, [[missing], [1], [0], [1], [0]], 0.3, 0.8)
        np.testing.assert_allclose(summed, np.logaddexp(*known), rtol=1e-13)


@pytest.mark.parametrize("root", [0.0, 0.25, 1, np.float64(0.5)])
def test_a_root_frequency_weighs_the_two_states(root: float) -> None:
    matrix = [[1], [1], [0], [1], [0]]
    both = [persiste_rust.compute_likelihoods_rust(TREE, matrix, 0.3, 0.8, root=state)[0] for state in (0.0, 1.0)]
    expected = np.log((1 - root) * np.exp(both[0]) + root * np.exp(both[1]))
    assert persiste_rust.compute_likelihoods_rust(TREE, matrix, 0.3, 0.8, root=root)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"presence_matrix": np.full((5, 2), 2)}, "2 in row 0, column 0; allowed are 0, 1, and -1"),
        ({"presence_matrix": np.full((5, 2), 0.5)}, "0.5 in row 0, column 0"),
        ({"presence_matrix": np.full((5, 2), np.inf)}, "inf in row 0, column 0"),
        ({"presence_matrix": np.zeros(5)}, "1 dimensions"),
        ({"presence_matrix": np.zeros((4, 2))}, "4"),
        ({"gain_rates": [1.0, 2.0, 3.0]}, "gain_rates has shape"),
        ({"loss_rates": [1.0, -1.0]}, r"loss_rates\[1\] is -1.0; allowed are finite"),
        ({"loss_rates": np.nan}, "(?i)nan"),
        ({"gain_rates": 0.0, "loss_rates": 0.0}, "stationary"),
        ({"root": "flat"}, "unknown root prior 'flat'; known: "),
        ({"root": 1.5}, "1.5"),
        ({"root": np.nan}, "(?i)nan"),
        ({"taxon_names": ["A", "B", "C", "D", "F"]}, "'F'|'E'"),
        ({"taxon_names": ["A", "A", "C", "D", "E"]}, "'A'"),
        ({"taxon_names": ["A", "B"]}, "2"),
        ({"tree_newick": "((A:1,B:1)"}, "[Nn]ewick|group|parenthes|bracket|closed|end"),
    ],
)
@pytest.mark.parametrize("compute", [persiste_rust.compute_likelihoods_rust, persiste_rust.compute_likelihoods_numpy])
def test_bad_input_is_refused_by_both_backends(compute, changes: dict, message: str) -> None:  # type: ignore[no-untyped-def]
    given = {"tree_newick": TREE, "presence_matrix": np.zeros((5, 2)), "gain_rates": 0.3, "loss_rates": 0.8}
    with pytest.raises(ValueError, match=message):
        compute(**{**given, **changes})


def test_text_is_no_presence() -> None:
    with pytest.raises(TypeError, match="presence_matrix holds <U1"):
        persiste_rust.compute_likelihoods_rust(TREE, [["1"]] * 5, 0.3, 0.8)
    with pytest.raises(TypeError, match="taxon_names is one text"):
        persiste_rust.compute_likelihoods_rust(TREE, [[1]] * 5, 0.3, 0.8, "ABCDE")


@pytest.mark.parametrize(
    ("parent", "n_tips"),
    [
        ([5, 5, 6, 6, 6, 7, 7, 9], 5),
        ([5, 5, 6, 6, 6, 7, 7, 7], 5),
        ([5, 5, 6, 6, 6, 5, 7, -1], 5),
        ([5, 5, 6, 6, 6, -1, -1, -1], 5),
        ([5, 5, 6, 6, 6, 7, 7, -1], 9),
        ([5, 5, 6, 6, 6, 7, 7], 5),
    ],
)
def test_arrays_that_are_no_tree_are_refused(parent: list[int], n_tips: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each backend words it its way
        persiste_rust.compute_likelihoods_parallel(parent, LENGTH, np.zeros((5, 2)), 0.3, 0.8, n_tips)


def test_distances_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(5)
    matrix = (rng.random((7, 50)) < 0.3).astype(np.int8)
    matrix[5:] = 0
    hamming, jaccard = persiste_rust.compute_hamming_distance(matrix), persiste_rust.compute_jaccard_distance(matrix)
    for i, j in itertools.product(range(7), repeat=2):
        either, shared = (matrix[i] | matrix[j]).sum(), (matrix[i] & matrix[j]).sum()
        assert hamming[i, j] == pytest.approx((matrix[i] != matrix[j]).mean())
        assert jaccard[i, j] == pytest.approx(1 - shared / either if either else 0.0)
