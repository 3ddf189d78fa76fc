"""Both backends where transition probabilities are positive and yet too small for a double."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import persiste_rust
from persiste_rust import (
    GeneContentData,
    GeneContentModel,
    _reference,
    compute_likelihoods_numpy,
    compute_likelihoods_rust,
)

BACKENDS = ["numpy", "rust"] if persiste_rust.BACKEND == "rust" else ["numpy"]
NEWICK = "(((A:1,B:0.5):0.25,C:2):0.125,D:1);"
PARENT, LENGTHS, TIPS = [2, 2, 4, 4, 6, 6, -1], [1, 0.5, 0.25, 2, 0.125, 1, 0], [0, 1, 3, 5]
# What tests/values/tiny_transitions.py prints.
ROWS = [
    [[float(number) for number in field.strip("()").split(", ")] for field in line.split(" | ")]
    for line in (Path(__file__).parents[1] / "values" / "tiny_transitions.txt").read_text().splitlines()
]
# Slopes are differences of products whose logs are about 1000.
SLOPE_TOLERANCE = 1e-12


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_twin_equals_multiprecision(row: list[list[float]]) -> None:
    (gain,), (loss,), root, cells, record, (value,), *slopes = row
    columns = np.array(cells, dtype=np.int8)[:, None]
    found = _reference.value_and_gradient(PARENT, LENGTHS, TIPS, columns, gain, loss, root[1], tips=[record] * 4)
    np.testing.assert_allclose(found.log_likelihoods, value, rtol=1e-14)
    by = [found.gain[0], found.loss[0], found.branch_length[0]]
    np.testing.assert_allclose(by, np.concatenate(slopes), rtol=SLOPE_TOLERANCE, atol=SLOPE_TOLERANCE)


@pytest.mark.parametrize(
    ("gain", "loss", "root"), [(800.0, 0.0, "absent"), (0.0, 900.0, "present"), (3000.0, 0.0, 0.5)]
)
def test_models_of_both_backends_agree(gain: float, loss: float, root: str | float) -> None:
    cells = np.array([[0, 1, 0, 1], [0, 1, 1, 1], [0, 1, 0, 1], [0, 1, -1, 1]], dtype=np.int8)
    data = GeneContentData(persiste_rust.Tree.from_newick(NEWICK), cells, list("ABCD"), list("wxyz"))
    with np.errstate(divide="ignore"):
        parameters = np.log([gain, loss])
    values = [GeneContentModel(data, root=root, backend=b).log_likelihoods(parameters) for b in BACKENDS]
    # Rates that differ between families go another way.
    gains, losses = gain * np.array([1.0, 1.0, 1.0, 0.5]), loss * np.array([1.0, 1.0, 1.0, 0.5])
    functions = [compute_likelihoods_numpy, compute_likelihoods_rust][: len(BACKENDS)]
    own = [function(NEWICK, cells, gains, losses, root=root) for function in functions]
    for found in values + [each[:3] for each in own]:
        np.testing.assert_allclose(found[:3], values[0][:3], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(own[0][3], own[-1][3], rtol=1e-12, atol=1e-12)
    assert (values[0] < -700.0).any()
